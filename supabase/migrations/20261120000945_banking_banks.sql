-- Banking, banks: which of several is first, giving one back, signing in to one again; and what a person may move.
-- Why      A bank stays a row for ever, because transfers name it. Whoever unlinks one can use it no more from that
--          moment; the vendors are told by a job. Transfers that are under way need their bank (one to it would be
--          canceled or end elsewhere when the vendor forgets it), so until they are over it stays.
--          How much may be moved depends on what is known of a person: a phone, a bank, or a bank in their own name.
-- Units    Limits in cents, as risk.limit_value has them; `name.tier` is what holds instead of `name` for a tier.
-- Locks    The person's customer row, then the bank's: a load that starts holds the bank's row for share.
-- Callers  People choose and unlink their own (auth.uid()); service_role books what the vendor says.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table banking.default_source (
  person uuid primary key references public.profiles (id),
  source_id uuid not null references banking.source (id),
  since timestamptz not null
);
comment on table banking.default_source is 'Which bank a person means when they do not say.';
alter table banking.default_source enable row level security;

create table banking.holder_check (
  id bigint generated always as identity primary key,
  person uuid not null references public.profiles (id),
  source_id uuid not null references banking.source (id),
  is_holder boolean not null,
  checked_at timestamptz not null
);
comment on table banking.holder_check is 'Whether a bank said that the account is in its person''s own name; the newest row of a bank counts.';
create index holder_check_newest on banking.holder_check (source_id, id desc);
alter table banking.holder_check enable row level security;
create trigger holder_check_is_append_only before update or delete on banking.holder_check
for each row execute function private.append_only();

insert into risk.limit_value (name, value_max, reason)
values
('load_single_cents.identity', 500000, 'opening rule: a load is at most 5,000.00 where the bank is in the person''s own name'),
('load_week_cents.identity', 500000, 'opening rule: 5,000.00 loaded in 7 days where the bank is in the person''s own name'),
('load_first_week_cents.identity', 50000, 'opening rule: 500.00 in the first 7 days where the bank is in the person''s own name');

create function banking.tier_of(person uuid) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case max(case when h.is_holder then 2 else 1 end) when 2 then 'identity' when 1 then 'bank' else 'phone' end
  from banking.source s
  left join lateral (
    select c.is_holder from banking.holder_check c where c.source_id = s.id order by c.id desc limit 1
  ) h on true
  where s.person = tier_of.person and s.state = 'verified'
$$;
comment on function banking.tier_of(uuid) is 'What is known of a person: their phone, a bank too, or (identity) a bank that is in their own name.';

create function banking.limits_of(person uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(jsonb_object_agg(name, banking.limit_of(limits_of.person, name)), '{}') || jsonb_build_object('tier', banking.tier_of(limits_of.person))
  from risk.limit_in_force f, jsonb_object_keys(f.maxima) as name where name ~ '^(load|redeem)_' and strpos(name, '.') = 0
$$;
comment on function banking.limits_of(uuid) is 'Every limit of a person''s bank transfers, as it holds for them, and the tier that it comes from.';

create or replace function banking.limit_of(person uuid, name text) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(
    -- few limits have a tier of their own: whose has none does not look for it
    case when f.maxima ? (limit_of.name || '.identity') or f.maxima ? (limit_of.name || '.phone') or f.maxima ? (limit_of.name || '.bank')
      then (f.maxima ->> (limit_of.name || '.' || banking.tier_of(limit_of.person)))::bigint end,
    (f.maxima ->> limit_of.name)::bigint)
  from risk.limit_in_force f
$$;

create function banking.my_tier() returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select banking.limits_of(auth.uid()) || jsonb_build_object('raised', (
    select coalesce(jsonb_object_agg(split_part(name, '.', 1), value::bigint), '{}')
    from risk.limit_in_force f, jsonb_each_text(f.maxima) as each(name, value) where name like '%.identity'))
  where exists (select from public.profiles p where p.id = auth.uid())
$$;
comment on function banking.my_tier() is 'The caller''s tier and limits, and (raised) those of the highest tier; null before a handle was claimed.';
grant execute on function banking.my_tier() to authenticated;

create function banking.default_of(person uuid) returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.id from banking.source s
  left join banking.default_source d on d.source_id = s.id and d.person = s.person
  where s.person = default_of.person and s.state = 'verified'
  order by d.source_id is null, s.created_at, s.id limit 1
$$;
comment on function banking.default_of(uuid) is 'The bank that a person chose to be offered first, or else the first that they linked.';

create or replace function banking.my_sources() returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select banking.source_json(s) from banking.source s
  left join banking.default_source d on d.source_id = s.id and d.person = s.person
  where s.person = auth.uid() and s.state in ('unverified', 'verified') order by d.source_id is null, s.created_at, s.id
$$;

create function banking.is_busy(source_id uuid) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  return exists (
    select from banking.provider_operation o
    left join banking.load l on l.id = o.id
    left join banking.redemption r on r.id = o.id
    where source_id in (l.source_id, r.source_id) and o.state in ('queued', 'submitted', 'pending', 'settled'));
end $$;
comment on function banking.is_busy(uuid) is 'Whether a transfer from or to this bank is under way.';

create function banking.my_banks() returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select banking.source_json(s) || jsonb_build_object(
    'kind', s.kind, 'is_default', s.id is not distinct from banking.default_of(s.person), 'connection', c.state, 'is_holder', h.is_holder,
    'is_busy', banking.is_busy(s.id))
  from banking.source s
  left join lateral (
    select x.state from banking.connection x where x.source_id = s.id and x.state <> 'ended' order by x.created_at desc limit 1
  ) c on true
  left join lateral (
    select x.is_holder from banking.holder_check x where x.source_id = s.id order by x.id desc limit 1
  ) h on true
  where s.person = auth.uid() and s.state in ('unverified', 'verified')
  order by s.id is distinct from banking.default_of(s.person), s.created_at, s.id
$$;
comment on function banking.my_banks() is 'The caller''s banks, the default first: how each was linked, and what is wrong with it.';
grant execute on function banking.my_banks() to authenticated;

create function banking.make_default(source_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  bank banking.source;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  select * into bank from banking.source s where s.id = source_id and s.person = auth.uid() for no key update;
  if not found or bank.state not in ('unverified', 'verified') then
    perform private.refuse('not_found', '{"what": "bank"}');
  end if;
  if bank.state <> 'verified' then
    perform private.refuse('bank_unconfirmed', '{"is_choosing": true}');
  end if;
  if banking.default_of(bank.person) = source_id then
    return;
  end if;
  insert into banking.default_source (person, source_id, since) values (bank.person, source_id, private.now())
  on conflict (person) do update set source_id = excluded.source_id, since = excluded.since;
  update banking.source s set version = s.version + 1 where s.id = source_id returning * into bank;
  perform events.record('bank.made_default', source_id, bank.version, jsonb_build_object('owner_id', bank.person), bank.person);
end $$;
comment on function banking.make_default(uuid) is 'Makes one of the caller''s confirmed banks the one that is offered first.';
grant execute on function banking.make_default(uuid) to authenticated;

create function banking.unlink_source(source_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  bank banking.source;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  perform from banking.customer c where c.person = person for no key update;
  select * into bank from banking.source s where s.id = source_id and s.person = person for update;
  if not found or bank.state not in ('unverified', 'verified', 'removed') then
    perform private.refuse('not_found', '{"what": "bank"}');
  end if;
  if bank.state = 'removed' then
    return;
  end if;
  if banking.is_busy(source_id) then
    perform private.refuse('bank_busy');
  end if;
  update banking.source s set state = 'removed', version = s.version + 1 where s.id = source_id returning * into bank;
  delete from banking.default_source d where d.source_id = source_id;
  perform jobs.enqueue('banking', 'remove_source', jsonb_build_object('vendor_id', bank.vendor_id), 'remove_source:' || source_id);
  perform events.record('bank.removed', source_id, bank.version, jsonb_build_object('owner_id', person), person);
end $$;
comment on function banking.unlink_source(uuid) is
'The caller''s bank is used no more from now on; the vendors are told by jobs. Refused while a transfer with it is under way.';
grant execute on function banking.unlink_source(uuid) to authenticated;

-- The access is kept until the vendor knows: a job gives it back.
create function banking.end_connection(connection_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  ended banking.connection;
begin
  update banking.connection c set state = 'ended', version = c.version + 1
  where c.id = connection_id and c.state <> 'ended' returning * into ended;
  if found then
    perform jobs.enqueue('banking', 'give_back', jsonb_build_object('connection_id', connection_id), 'give_back:' || connection_id);
    perform events.record('connection.ended', connection_id, ended.version, jsonb_build_object('owner_id', ended.person), ended.person);
  end if;
end $$;
comment on function banking.end_connection(uuid) is 'A person''s access to their bank is needed no more. Again changes nothing.';
grant execute on function banking.end_connection(uuid) to service_role;

-- Whoever ends a bank (its owner, the bank transfers' vendor after a return), its access is needed no more.
create function banking.end_connections() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  connection_id uuid;
begin
  for connection_id in
    select c.id from banking.connection c where c.source_id = new.id and c.state <> 'ended' order by c.id
  loop
    perform banking.end_connection(connection_id);
  end loop;
  return null;
end $$;
create trigger removed_bank_ends_its_connections after update of state on banking.source
for each row when (new.state = 'removed' and old.state <> 'removed') execute function banking.end_connections();

create function banking.access_of(connection_id uuid) returns bytea
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.access_sealed from banking.connection c where c.id = connection_id
$$;
comment on function banking.access_of(uuid) is 'The sealed access of a connection, or null when it was given back.';
grant execute on function banking.access_of(uuid) to service_role;

create function banking.book_given_back(connection_id uuid) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update banking.connection c set access_sealed = null where c.id = connection_id and c.state = 'ended'
$$;
comment on function banking.book_given_back(uuid) is 'The vendor knows that the access is over, so it is forgotten here.';
grant execute on function banking.book_given_back(uuid) to service_role;

create function banking.connection_of(item_id text) returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.id from banking.connection c where c.item_id = connection_of.item_id and c.state <> 'ended'
$$;
comment on function banking.connection_of(text) is 'The connection that the vendor calls item_id, or null when there is none that goes on.';
grant execute on function banking.connection_of(text) to service_role;

create function banking.book_connection_state(connection_id uuid, state text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  c banking.connection;
begin
  select * into c from banking.connection t where t.id = connection_id for no key update;
  if not found or c.state in (state, 'ended') then
    return;
  end if;
  update banking.connection t set state = state, version = t.version + 1 where t.id = connection_id returning * into c;
  perform events.record(
    case state when 'good' then 'connection.repaired' else 'connection.' || state end, connection_id, c.version,
    jsonb_build_object('owner_id', c.person, 'source_id', c.source_id), c.person);
end $$;
comment on function banking.book_connection_state(uuid, text) is 'Notes what the vendor says of a connection: good, login_required or pending_disconnect.';
grant execute on function banking.book_connection_state(uuid, text) to service_role;

create function banking.book_reconnected(link_id uuid, state text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  l banking.link;
begin
  select * into l from banking.link t where t.id = link_id for no key update;
  if l.state is distinct from 'open' or l.reconnects is null then
    return;
  end if;
  perform banking.book_connection_state(l.reconnects, state);
  update banking.link t set state = 'linked', session_sealed = null, ended_at = private.now(), version = t.version + 1,
    source_id = (select c.source_id from banking.connection c where c.id = l.reconnects)
  where t.id = link_id returning * into l;
  perform events.record('link.linked', link_id, l.version, jsonb_build_object('owner_id', l.person, 'source_id', l.source_id), l.person);
end $$;
comment on function banking.book_reconnected(uuid, text) is 'The person signed in to their bank again; state is what the vendor says of it now.';
grant execute on function banking.book_reconnected(uuid, text) to service_role;

create function banking.receive_link_event(event_id text, topic text, token_hash text, item_id text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  link banking.link;
  resource text := case when item_id <> '' then item_id else token_hash end;
begin
  insert into banking.vendor_event (id, topic, resource_id) values (event_id, topic, resource) on conflict do nothing;
  if not found then
    return false;
  end if;
  select * into link from banking.link l where l.token_hash = token_hash;
  if link.id is not null and topic = 'LINK.SESSION_FINISHED' then
    perform banking.enqueue_link(link);
  elsif topic ~ '^ITEM\.' and banking.connection_of(item_id) is not null then
    perform jobs.enqueue(
      'banking', 'follow_connection', jsonb_build_object('item_id', item_id, 'topic', topic), 'follow_connection:' || topic || item_id);
  end if;
  return true;
end $$;
comment on function banking.receive_link_event(text, text, text, text) is
'Keeps a verified notice of the vendor of links, once, and enqueues the asking after what it is about. False when it was known.';
grant execute on function banking.receive_link_event(text, text, text, text) to service_role;
