-- Banking, sources: linking a bank account and proving that one sees into it.
-- Why      The vendor is told the account's numbers between two transactions of ours: one notes that a person
--          links it, the other what the vendor calls it. Dying between them leaves a row that is tried again.
--          Left for ten minutes it is failed; until then it is counted as one of the banks it may become, and the
--          same account goes on under its id, which keys what the vendor is asked.
--          The vendor takes three tries at the deposits and does not say how many are left, so we count along.
-- Units    last4: the last four digits of the account number, all that is kept of it.
--          created_at: when the linking last began.
-- Locks    The person's customer row while their banks are counted; then the source's row.
-- Callers  People link and list their own (auth.uid()); service_role books what the vendor says.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function banking.source_json(source banking.source) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', source.id, 'bank_name', source.bank_name, 'last4', source.last4, 'state', source.state,
    'tries_left', 3 - source.wrong_deposits)
$$;

-- Whoever calls it holds the person's customer row, so what is counted stays true.
create function banking.refuse_sixth_source(person uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (
    select count(*) from banking.source s
    where s.person = refuse_sixth_source.person and s.state in ('linking', 'unverified', 'verified')
  ) >= 5 then
    perform private.refuse('bank_limit', jsonb_build_object('limit', 'held', 'max', 5));
  end if;
end $$;
comment on function banking.refuse_sixth_source(uuid) is 'Refuses when the person has five banks, those being linked included.';

create function banking.begin_source(source_id uuid, kind text, last4 text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  known banking.source;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if source_id is null or coalesce(kind, '') not in ('checking', 'savings') or coalesce(last4, '') !~ '^[0-9]{4}$' then
    perform private.refuse('request_invalid');
  end if;
  if ledger.wallet_of(person) is null then
    perform private.refuse('account_unavailable');
  end if;
  insert into banking.customer (person) values (person) on conflict do nothing;
  perform from banking.customer c where c.person = person for no key update;

  update banking.source s set state = 'failed'
  where s.person = person and s.state = 'linking' and s.created_at <= moment - interval '10 minutes';

  -- what somebody brings back from the vendor's pages gets the id of their visit: it is nobody's to type an account under
  if exists (select from banking.link l where l.id = source_id) then
    perform private.refuse('bank_key_reused');
  end if;
  select * into known from banking.source s where s.id = source_id;
  if not found then -- an account whose linking was not answered goes on where it stopped
    select * into known from banking.source s
    where s.person = person and s.state = 'linking' and (s.kind, s.last4) = (kind, last4)
      and not exists (select from banking.link l where l.id = s.id)
    order by s.created_at desc limit 1;
    source_id := coalesce(known.id, source_id);
  end if;
  if known.id is not null then
    if known.person <> person then
      perform private.refuse('bank_key_reused');
    end if;
    -- until the vendor has taken it, what was mistyped may be corrected under the same id
    if (known.kind, known.last4) is distinct from (kind, last4) and known.vendor_id is not null then
      perform private.refuse('bank_key_reused');
    end if;
    if known.state = 'failed' then
      perform banking.refuse_sixth_source(person);
    end if;
    if known.state in ('linking', 'failed') then
      update banking.source s set kind = kind, last4 = last4, state = 'linking', created_at = moment
      where s.id = source_id returning * into known;
    end if;
  else
    if (select count(*) from banking.source s where s.person = person and s.created_at > moment - interval '1 day') >= 10 then
      perform private.refuse('bank_limit', jsonb_build_object('limit', 'day', 'max', 10));
    end if;
    perform banking.refuse_sixth_source(person);
    insert into banking.source (id, person, kind, last4, created_at) values (source_id, person, kind, last4, moment)
    on conflict do nothing returning * into known;
    if not found then -- somebody else's, who asked under the same id at this very moment
      perform private.refuse('bank_key_reused');
    end if;
  end if;
  return banking.source_json(known) || jsonb_build_object(
    'vendor_id', known.vendor_id,
    'customer_vendor_id', (select c.vendor_id from banking.customer c where c.person = person));
end $$;
comment on function banking.begin_source(uuid, text, text) is
'Notes that the caller links a bank account, once per source_id, before the vendor is told its numbers.';
grant execute on function banking.begin_source(uuid, text, text) to authenticated;

create function banking.book_customer(source_id uuid, vendor_id text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update banking.customer c set vendor_id = book_customer.vendor_id
  from banking.source s where s.id = source_id and c.person = s.person and c.vendor_id is null
$$;
comment on function banking.book_customer(uuid, text) is 'Notes the vendor''s id of the person who links this bank.';
grant execute on function banking.book_customer(uuid, text) to service_role;

-- The vendor knows one account of a person under one id, however often it is linked.
create function banking.book_source(source_id uuid, vendor_id text, bank_name text, is_verified boolean) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  linked banking.source; twin banking.source;
begin
  -- in the order of begin_source: the customer, then the bank
  perform from banking.customer c
  where c.person = (select s.person from banking.source s where s.id = source_id) for no key update;
  select * into linked from banking.source s where s.id = source_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "bank"}');
  end if;
  select * into twin from banking.source s where s.vendor_id = vendor_id and s.id <> source_id for no key update;
  if found then
    if twin.person <> linked.person then
      perform private.refuse('bank_key_reused');
    end if;
    update banking.source s set state = 'failed' where s.id = source_id and s.state = 'linking';
    return banking.source_json(twin);
  end if;
  if linked.state in ('linking', 'failed') then
    -- an answer that came when the linking was given up: others may have taken its place
    if linked.state = 'failed' then
      perform banking.refuse_sixth_source(linked.person);
    end if;
    update banking.source s set
      vendor_id = vendor_id, bank_name = left(bank_name, 80), version = s.version + 1,
      state = case when is_verified then 'verified' else 'unverified' end
    where s.id = source_id returning * into linked;
    perform events.record('bank.linked', source_id, linked.version, jsonb_build_object('owner_id', linked.person), linked.person);
  end if;
  return banking.source_json(linked);
end $$;
comment on function banking.book_source(uuid, text, text, boolean) is
'Notes the vendor''s id of a linked account; returns the bank it stands for, which is an earlier one when it was linked before.';
grant execute on function banking.book_source(uuid, text, text, boolean) to service_role;

create function banking.book_source_state(vendor_id text, state text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  linked banking.source;
begin
  select * into linked from banking.source s where s.vendor_id = vendor_id for no key update;
  if not found or linked.state = state or linked.state = 'removed' then
    return;
  end if;
  update banking.source s set state = state, version = s.version + 1 where s.id = linked.id returning * into linked;
  perform events.record('bank.' || state, linked.id, linked.version, jsonb_build_object('owner_id', linked.person), linked.person);
end $$;
comment on function banking.book_source_state(text, text) is 'Notes what the vendor says of a bank: unverified, verified or removed (for good).';
grant execute on function banking.book_source_state(text, text) to service_role;

create function banking.fail_source(source_id uuid) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update banking.source s set state = 'failed' where s.id = source_id and s.state = 'linking'
$$;
comment on function banking.fail_source(uuid) is
'Notes that the vendor refused the account or was not reached; the id may be tried again.';
grant execute on function banking.fail_source(uuid) to service_role;

create function banking.book_wrong_deposits(source_id uuid, is_closed boolean) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  linked banking.source;
begin
  update banking.source s set
    wrong_deposits = case when is_closed then 3 else least(s.wrong_deposits + 1, 3) end, version = s.version + 1
  where s.id = source_id and s.state = 'unverified' and s.wrong_deposits < 3 returning * into linked;
  if found then
    perform events.record('bank.deposits_refused', linked.id, linked.version,
      jsonb_build_object('owner_id', linked.person, 'tries_left', 3 - linked.wrong_deposits), linked.person);
  end if;
  return (select 3 - s.wrong_deposits from banking.source s where s.id = source_id);
end $$;
comment on function banking.book_wrong_deposits(uuid, boolean) is
'Notes that the vendor refused two deposits, or takes no more tries (is_closed); returns the tries that are left.';
grant execute on function banking.book_wrong_deposits(uuid, boolean) to service_role;

create function banking.my_sources() returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select banking.source_json(s) from banking.source s
  where s.person = auth.uid() and s.state in ('unverified', 'verified') order by s.created_at, s.id
$$;
comment on function banking.my_sources() is 'The caller''s banks.';
grant execute on function banking.my_sources() to authenticated;

create function banking.my_source(source_id uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select banking.source_json(s) || jsonb_build_object('vendor_id', s.vendor_id)
  from banking.source s
  where s.id = source_id and s.person = auth.uid() and s.state in ('unverified', 'verified')
$$;
comment on function banking.my_source(uuid) is 'One of the caller''s banks with the vendor''s id, or null.';
grant execute on function banking.my_source(uuid) to authenticated;
