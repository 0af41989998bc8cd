-- Savings, addresses: where somebody's bitcoin may go.
-- Why      Bitcoin that was sent is gone. So an address is added first, its owner is told at once by every way there is,
--          and it can be used a day later: whoever got hold of a session has a day less than its owner has to notice.
--          The exchange sends to addresses that somebody registered at its site under a name (docs/decisions/0026), so a
--          case asks for that while the address waits.
-- Units    usable_at: from when on it can be used. withdrawal_address_hours: how long it waits. withdrawal_address_day_count:
--          each one that is added costs a text to its owner, and a look of somebody's; removed ones count.
-- Locks    A lock of the person's own for adding, so that what is counted stays true; an address's own row.
-- Callers  People add, remove and see their own (auth.uid()).
-- Undo     Forward only.
set local lock_timeout = '5s';

insert into risk.limit_name (name) values ('withdrawal_address_hours'), ('withdrawal_addresses_count'), ('withdrawal_address_day_count');
insert into risk.limit_value (name, value_max, reason)
values
('withdrawal_address_hours', 24, 'opening rule: a new address waits a day, in which its owner can remove it'),
('withdrawal_addresses_count', 10, 'opening rule: 10 addresses for one person'),
('withdrawal_address_day_count', 10, 'opening rule: 10 addresses added in 24 hours, and removed again or not');

create table savings.withdrawal_address (
  id uuid primary key,
  person uuid not null references public.profiles (id),
  label text not null,
  address text not null,
  state text not null default 'active',
  version bigint not null default 1,
  created_at timestamptz not null,
  usable_at timestamptz not null,
  removed_at timestamptz,
  constraint address_has_a_label check (char_length(label) between 1 and 40),
  constraint address_is_of_bitcoin check (
    address ~ '^(bc1[02-9ac-hj-np-z]{11,87}|[13][1-9A-HJ-NP-Za-km-z]{24,34})$'
  ),
  constraint state_is_known check (state in ('active', 'removed')),
  constraint removed_says_when check ((state = 'removed') = (removed_at is not null))
);
comment on table savings.withdrawal_address is
'Addresses that somebody may send their bitcoin to, from usable_at on. One that was removed and is added again waits again.';
create unique index address_once_for_a_person on savings.withdrawal_address (person, address) where state = 'active';
create index address_of_person on savings.withdrawal_address (person, created_at);
create index address_by_text on savings.withdrawal_address (address) where state = 'active';
alter table savings.withdrawal_address enable row level security;

create function savings.address_moves_forward() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if (old.id, old.person, old.label, old.address, old.created_at, old.usable_at)
    is distinct from (new.id, new.person, new.label, new.address, new.created_at, new.usable_at)
    or new.version <= old.version or old.state = 'removed' then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "savings.withdrawal_address"}';
  end if;
  return new;
end $$;
comment on function savings.address_moves_forward() is 'An address keeps what it is and since when; it can be removed, and nothing else.';
create trigger address_moves_forward before update on savings.withdrawal_address
for each row execute function savings.address_moves_forward();
create trigger address_is_never_deleted before delete on savings.withdrawal_address
for each row execute function private.append_only();
create trigger address_is_never_truncated before truncate on savings.withdrawal_address
for each statement execute function private.append_only();

-- Of the address and not of its owner: the exchange knows each address once, whoever of ours it belongs to.
create function savings.address_key(address text) returns text
language sql immutable strict set search_path = pg_catalog, pg_temp as $$
  select 'paya-' || left(encode(sha256(address::bytea), 'hex'), 20)
$$;
comment on function savings.address_key(text) is 'The name under which an address is to be registered at the exchange: the same each time.';

create function savings.address_json(address savings.withdrawal_address) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', (address).id, 'label', (address).label, 'address', (address).address, 'state', (address).state,
    'created_at', (address).created_at, 'usable_at', (address).usable_at, 'removed_at', (address).removed_at,
    'is_usable', (address).state = 'active' and (address).usable_at <= private.now())
$$;
comment on function savings.address_json(savings.withdrawal_address) is 'An address as its owner may see it.';

create function savings.ask_for_registration(address text, evidence jsonb) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select from cases.open_case(
    'withdrawal_address', 'address:' || savings.address_key(ask_for_registration.address),
    jsonb_build_object('key', savings.address_key(ask_for_registration.address), 'address', ask_for_registration.address) || evidence)
$$;
comment on function savings.ask_for_registration(text, jsonb) is
'Opens the case that asks somebody to register an address at the exchange under its key, unless it is open.';

create function savings.registration_over(address text, outcome text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select cases.close_case(c.id, registration_over.outcome) from cases."case" c
  where c.kind = 'withdrawal_address' and c.subject = 'address:' || savings.address_key(registration_over.address) and c.state = 'open'
$$;
comment on function savings.registration_over(text, text) is 'Closes that case, if it is open.';

create function savings.add_address(address_id uuid, label text, address text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  hours bigint := risk.limit_max('withdrawal_address_hours');
  maximum bigint := risk.limit_max('withdrawal_addresses_count');
  day_count bigint := risk.limit_max('withdrawal_address_day_count');
  free_at timestamptz;
  known savings.withdrawal_address;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if address_id is null then
    perform private.refuse('request_invalid');
  end if;
  if label is null or char_length(label) not between 1 and 40 or label <> btrim(label) then
    perform private.refuse('address_label_invalid');
  end if;
  if address is null or address !~ '^(bc1[02-9ac-hj-np-z]{11,87}|[13][1-9A-HJ-NP-Za-km-z]{24,34})$' then
    perform private.refuse('address_invalid');
  end if;
  if not exists (select from public.profiles p where p.id = person) then
    perform private.refuse('account_unavailable');
  end if;
  if num_nulls(hours, maximum, day_count) > 0 then
    perform private.refuse('limits_unknown');
  end if;
  perform pg_advisory_xact_lock(hashtextextended('withdrawal_addresses:' || person, 0));
  select * into known from savings.withdrawal_address a where a.id = address_id;
  if found then
    if (known.person, known.label, known.address) is distinct from (person, label, address) then
      perform private.refuse('address_key_reused');
    end if;
    return savings.address_json(known);
  end if;
  if exists (select from savings.withdrawal_address a where a.person = person and a.address = address and a.state = 'active') then
    perform private.refuse('address_known');
  end if;
  if (select count(*) from savings.withdrawal_address a where a.person = person and a.state = 'active') >= maximum then
    perform private.refuse('addresses_limit', jsonb_build_object('max', maximum));
  end if;
  select a.created_at + interval '24 hours' into free_at from savings.withdrawal_address a
  where a.person = person and a.created_at > moment - interval '24 hours'
  order by a.created_at desc offset greatest(day_count - 1, 0) limit 1;
  if found then
    perform private.refuse('too_many_tries', jsonb_build_object('now', moment, 'resets_at', free_at));
  end if;
  insert into savings.withdrawal_address (id, person, label, address, created_at, usable_at)
  values (address_id, person, label, address, moment, moment + make_interval(hours => hours::integer))
  on conflict do nothing returning * into known;
  if not found then -- somebody else's, who asked under the same id at this very moment
    perform private.refuse('address_key_reused');
  end if;
  if not savings.is_registered(address) then
    perform savings.ask_for_registration(address, '{}');
  end if;
  perform events.record('withdrawal_address.added', address_id, 1, jsonb_build_object(
    'owner_id', person, 'label', label, 'address', address, 'usable_at', known.usable_at));
  return savings.address_json(known);
end $$;
comment on function savings.add_address(uuid, text, text) is
'Adds an address of the caller''s, once per address_id; it can be used when its time has come. Returns it.';
grant execute on function savings.add_address(uuid, text, text) to authenticated;

create function savings.remove_address(address_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  known savings.withdrawal_address;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  select * into known from savings.withdrawal_address a where a.id = address_id and a.person = auth.uid() for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "address"}');
  end if;
  if known.state = 'removed' then
    return savings.address_json(known);
  end if;
  update savings.withdrawal_address a set state = 'removed', removed_at = private.now(), version = a.version + 1
  where a.id = address_id returning * into known;
  if not exists (select from savings.withdrawal_address a where a.address = known.address and a.state = 'active') then
    perform savings.registration_over(known.address, 'its owner removed it');
  end if;
  perform events.record('withdrawal_address.removed', address_id, known.version, jsonb_build_object(
    'owner_id', known.person, 'label', known.label, 'address', known.address));
  return savings.address_json(known);
end $$;
comment on function savings.remove_address(uuid) is
'Removes an address of the caller''s: what was asked for it and not sent yet is not sent. Again changes nothing. Returns it.';
grant execute on function savings.remove_address(uuid) to authenticated;

create function savings.my_addresses() returns setof jsonb
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select savings.address_json(a) from savings.withdrawal_address a
  where a.person = auth.uid() and a.state = 'active' order by a.created_at, a.id
$$;
comment on function savings.my_addresses() is 'The caller''s addresses, the oldest first.';
grant execute on function savings.my_addresses() to authenticated;
