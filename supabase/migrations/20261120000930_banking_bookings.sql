-- Banking, bookings: what was sent to the vendor, what it said, and what the ledger holds for it.
-- Why      Notices come late, twice, out of order, before the answer they are about, or never. Each booking looks
--          at the operation under its lock and does what is missing, so any order ends the same.
-- Units    amount_cents: US cents. Postings: settled reserve -> loads_uncleared; cleared loads_uncleared -> wallet.
-- Locks    The operation's row, then the person's wallet; reserve and loads_uncleared are summing accounts, which
--          nobody locks. One booking may post twice, and two of a person run beside each other.
-- Callers  service_role: the worker, and the vendor's verified notices.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function banking.lock_wallet(person uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from ledger.account a where a.id = ledger.wallet_of(person) for no key update;
end $$;
comment on function banking.lock_wallet(uuid) is 'Locks a person''s wallet, before reading it or posting to it.';

-- Only a limit that was lowered meanwhile can be exceeded here: when it was asked for, the load fitted. As then, what
-- was owed counts no more, for adding money pays it back; what of it was repaid since was owed when this was asked for.
create function banking.load_fits(load_id uuid) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  l banking.load;
  joined_at timestamptz;
  used_cents bigint; owed_cents bigint;
begin
  select * into l from banking.load t where t.id = load_id;
  select p.created_at into joined_at from public.profiles p where p.id = l.person;
  select coalesce(sum(e.amount_cents), 0)::bigint into used_cents
  from banking.load e join banking.provider_operation o on o.id = e.id
  where e.person = l.person and e.created_at > l.created_at - interval '7 days'
    and (e.created_at, e.id) < (l.created_at, l.id) and o.state not in ('failed', 'canceled');
  select coalesce(sum(d.owed_cents), 0)::bigint into owed_cents
  from banking.debt d
  where d.person = l.person and d.opened_at <= l.created_at and (d.closed_at is null or d.closed_at > l.created_at);
  return l.amount_cents <= banking.limit_of(l.person, 'load_single_cents')
    and greatest(0, used_cents - owed_cents) + l.amount_cents <= banking.limit_of(
      l.person, case when joined_at > l.created_at - interval '7 days' then 'load_first_week_cents' else 'load_week_cents' end);
end $$;
comment on function banking.load_fits(uuid) is 'Whether a load that waits is within the limits in force now.';

create function banking.claim_load(load_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  first boolean;
begin
  select * into operation from banking.provider_operation o where o.id = load_id for no key update;
  if not found then
    return null;
  end if;
  first := operation.state = 'queued';
  -- what waited for the vendor is checked again: an account may have been restricted meanwhile
  if first and not exists (select from banking.load l where l.id = load_id and banking.may_load(l.person)) then
    perform banking.book_failed(load_id, null, 'account_unavailable', true);
    return null;
  end if;
  if first and not exists (
    select from banking.load l join banking.source s on s.id = l.source_id where l.id = load_id and s.state = 'verified'
  ) then
    perform banking.book_failed(load_id, null, 'bank_removed', true);
    return null;
  end if;
  if first and not banking.load_fits(load_id) then
    perform banking.book_failed(load_id, null, 'limit_lowered', true);
    return null;
  end if;
  if operation.state in ('queued', 'submitted') then
    update banking.provider_operation o set
      state = 'submitted', attempts = o.attempts + 1, next_at = private.now() + interval '1 minute',
      first_sent_at = coalesce(o.first_sent_at, clock_timestamp())
    where o.id = load_id returning * into operation;
  end if;
  return (
    select jsonb_build_object(
      'state', operation.state, 'is_first', first, 'idempotency_key', operation.idempotency_key,
      'vendor_ref', operation.vendor_ref, 'age_s', extract(epoch from clock_timestamp() - operation.first_sent_at),
      'amount_cents', l.amount_cents, 'customer_vendor_id', c.vendor_id, 'source_vendor_id', s.vendor_id)
    from banking.load l
    join banking.source s on s.id = l.source_id
    join banking.customer c on c.person = l.person
    where l.id = load_id
  );
end $$;
comment on function banking.claim_load(uuid) is
'What to send the vendor for a load, and whether nothing was ever sent. Notes, before the sending, that it may have happened.';
grant execute on function banking.claim_load(uuid) to service_role;

create function banking.note_attempt(operation_id uuid, error text, is_unsent boolean) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  before banking.provider_operation;
  owner uuid;
  changes bigint;
begin
  select * into before from banking.provider_operation o where o.id = operation_id and o.state = 'submitted' for no key update;
  if not found then
    return;
  end if;
  update banking.provider_operation o set
    last_error = left(error, 200),
    -- only what certainly never arrived goes back to "not sent"
    state = case when is_unsent and o.attempts = 1 then 'queued' else o.state end,
    attempts = case when is_unsent and o.attempts = 1 then 0 else o.attempts end,
    first_sent_at = case when is_unsent and o.attempts = 1 then null else o.first_sent_at end
  where o.id = operation_id;
  -- its owner sees from now on that it waits; that it still does is no news
  if before.last_error <> '' or error = '' then
    return;
  end if;
  if before.kind = 'load' then
    update banking.load t set version = t.version + 1 where t.id = operation_id
    returning t.person, t.version into owner, changes;
  else
    update banking.redemption t set version = t.version + 1 where t.id = operation_id
    returning t.person, t.version into owner, changes;
  end if;
  perform events.record(before.kind || '.delayed', operation_id, changes, jsonb_build_object('owner_id', owner), null);
end $$;
comment on function banking.note_attempt(uuid, text, boolean) is
'Notes why the vendor did not take an operation yet; the first time its owner is told that it waits.';
grant execute on function banking.note_attempt(uuid, text, boolean) to service_role;

create function banking.book_accepted(load_id uuid, vendor_ref text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  l banking.load;
begin
  select * into operation from banking.provider_operation o where o.id = load_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "load"}');
  end if;
  if operation.vendor_ref is not null and operation.vendor_ref <> vendor_ref then
    perform private.refuse('load_sent_twice', jsonb_build_object('load_id', load_id, 'vendor_refs', jsonb_build_array(operation.vendor_ref, vendor_ref)));
  end if;
  if operation.state not in ('queued', 'submitted') then
    return;
  end if;
  update banking.provider_operation o set
    state = 'pending', vendor_ref = vendor_ref, last_error = '', accepted_at = private.now(),
    first_sent_at = coalesce(o.first_sent_at, clock_timestamp()), next_at = private.now() + interval '1 minute'
  where o.id = load_id;
  update banking.load t set version = t.version + 1 where t.id = load_id returning * into l;
  perform events.record('load.submitted', load_id, l.version, jsonb_build_object('owner_id', l.person, 'amount_cents', l.amount_cents), null);
end $$;
comment on function banking.book_accepted(uuid, text) is 'The vendor took the load and calls it vendor_ref.';
grant execute on function banking.book_accepted(uuid, text) to service_role;

create function banking.book_settled(load_id uuid, vendor_ref text, clears_at timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  l banking.load;
begin
  perform banking.book_accepted(load_id, vendor_ref);
  select * into operation from banking.provider_operation o where o.id = load_id for no key update;
  if operation.state <> 'pending' then
    return;
  end if;
  select * into l from banking.load t where t.id = load_id;
  clears_at := coalesce(clears_at, private.now());
  perform banking.lock_wallet(l.person);
  perform ledger.post(
    l.settle_transfer, ledger.system_account('reserve'), ledger.system_account('loads_uncleared'), l.amount_cents, 'load_settled', l.reference);
  update banking.provider_operation o set state = 'settled', settled_at = private.now(), next_at = clears_at where o.id = load_id;
  update banking.load t set clears_at = clears_at, version = t.version + 1 where t.id = load_id returning * into l;
  -- asked of the bank, after this: the more there are at once, the fewer questions
  perform jobs.enqueue('banking', 'check_backing', '{}', 'check_backing');
  perform events.record('load.settled', load_id, l.version, jsonb_build_object('owner_id', l.person, 'amount_cents', l.amount_cents), null);
  perform banking.book_cleared(load_id);
end $$;

create function banking.book_cleared(load_id uuid) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  l banking.load;
begin
  select * into operation from banking.provider_operation o where o.id = load_id for no key update;
  select * into l from banking.load t where t.id = load_id;
  if operation.state is distinct from 'settled' or l.clears_at > private.now() then
    return false;
  end if;
  perform banking.lock_wallet(l.person);
  perform ledger.post(
    l.clear_transfer, ledger.system_account('loads_uncleared'), ledger.wallet_of(l.person), l.amount_cents, 'load_cleared', l.reference);
  update banking.provider_operation o set state = 'cleared', cleared_at = private.now() where o.id = load_id;
  update banking.load t set version = t.version + 1 where t.id = load_id returning * into l;
  perform events.record('load.cleared', load_id, l.version, jsonb_build_object('owner_id', l.person, 'amount_cents', l.amount_cents), null);
  perform banking.repay_debts(l.person, 'load_cleared', load_id);
  return true;
end $$;
comment on function banking.book_settled(uuid, text, timestamptz) is
'Our bank has the money: it waits in loads_uncleared until clears_at (null: now).';
comment on function banking.book_cleared(uuid) is 'Mints a settled load into its owner''s wallet once its hold is over. False when it is not.';
grant execute on function banking.book_settled(uuid, text, timestamptz) to service_role;
grant execute on function banking.book_cleared(uuid) to service_role;

-- Before settlement nothing was posted, so nothing is. After it the money goes back to where it came from; after
-- clearing from the wallet as far as it reaches: payees keep what they were paid, the rest is owed.
create function banking.book_failed(
  load_id uuid, vendor_ref text, code text, is_canceled boolean default false, bank_goes boolean default false,
  is_denied boolean default false
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  l banking.load;
  owed_cents bigint := 0;
  outcome text;
begin
  select * into operation from banking.provider_operation o where o.id = load_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "load"}');
  end if;
  if operation.vendor_ref <> vendor_ref then
    perform private.refuse('load_sent_twice', jsonb_build_object('load_id', load_id, 'vendor_refs', jsonb_build_array(operation.vendor_ref, vendor_ref)));
  end if;
  if operation.ended_at is not null then
    return;
  end if;
  select * into l from banking.load t where t.id = load_id;
  outcome := case when operation.state in ('settled', 'cleared') then 'returned' when is_canceled then 'canceled' else 'failed' end;
  if operation.state in ('settled', 'cleared') then
    perform banking.lock_wallet(l.person);
  end if;
  if operation.state = 'settled' then
    perform ledger.post(
      l.return_transfer, ledger.system_account('loads_uncleared'), ledger.system_account('reserve'), l.amount_cents, 'load_returned', l.reference);
  elsif operation.state = 'cleared' then
    owed_cents := banking.take_back(load_id, code);
  end if;
  if is_denied then
    -- whatever is owed: somebody says that this account was debited without their agreement
    perform risk.impose(l.person, 'restricted', 'under_review', null, load_id);
  end if;
  update banking.provider_operation o set
    state = outcome, failure_code = code, vendor_ref = coalesce(o.vendor_ref, vendor_ref), ended_at = private.now()
  where o.id = load_id;
  update banking.load t set version = t.version + 1, owed_cents = owed_cents where t.id = load_id returning * into l;
  if bank_goes then
    perform banking.close_source(l.source_id, code);
  end if;
  perform events.record('load.' || outcome, load_id, l.version, jsonb_build_object(
    'owner_id', l.person, 'amount_cents', l.amount_cents, 'code', code, 'owed_cents', l.owed_cents), null);
end $$;
comment on function banking.book_failed(uuid, text, text, boolean, boolean, boolean) is
'The bank gave nothing, or took it back. Booked once, whenever it happens. What a return after clearing leaves owed restricts the account. '
'bank_goes: the bank cannot be used any more; is_denied: its owner says that they did not agree.';
grant execute on function banking.book_failed(uuid, text, text, boolean, boolean, boolean) to service_role;

create function banking.vendor_ref_of(operation_id uuid) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.vendor_ref from banking.provider_operation o where o.id = operation_id
$$;
comment on function banking.vendor_ref_of(uuid) is 'What the vendor calls an operation, or null.';
grant execute on function banking.vendor_ref_of(uuid) to service_role;

create function banking.receive_event(event_id text, topic text, resource_id text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  insert into banking.vendor_event (id, topic, resource_id) values (event_id, topic, resource_id) on conflict do nothing;
  if not found then
    return false;
  end if;
  if topic ~ '_?transfer_(created|completed|failed|cancelled)$' then
    perform jobs.enqueue('banking', 'follow_transfer', jsonb_build_object('transfer_id', resource_id), 'follow_transfer:' || resource_id);
  elsif topic ~ '^customer_funding_source_(verified|unverified|updated|removed)$' then
    perform jobs.enqueue('banking', 'follow_source', jsonb_build_object('vendor_id', resource_id), 'follow_source:' || resource_id);
  end if;
  return true;
end $$;
comment on function banking.receive_event(text, text, text) is
'Keeps a verified notice of the vendor, once, and enqueues the asking after what it is about. False when it was known.';
grant execute on function banking.receive_event(text, text, text) to service_role;

-- What nobody has heard of for too long is asked about; a job that was given up is made anew.
create function banking.ask_about_stale(maximum integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  stale record;
  asked integer := 0;
begin
  for stale in
    select o.id, o.kind, o.state, banking.owner_of(o.id) as person from banking.provider_operation o
    where o.next_at <= private.now()
      and (o.state in ('queued', 'submitted', 'pending') or o.state = 'settled' and o.kind = 'redemption')
      -- what the vendor has otherwise than it was asked for waits until somebody looked
      and not exists (
        select from cases."case" c where c.kind = 'transfer_disputed' and c.subject = 'operation:' || o.id and c.state = 'open')
    order by o.next_at limit maximum for no key update skip locked
  loop
    update banking.provider_operation o set
      next_at = private.now() + case when o.state in ('pending', 'settled') then interval '10 minutes' else interval '2 minutes' end
    where o.id = stale.id;
    if stale.state in ('pending', 'settled') then
      perform jobs.enqueue('banking', 'ask_about_operation', jsonb_build_object('operation_id', stale.id), 'ask_about_operation:' || stale.id);
    else
      perform jobs.enqueue('banking', case stale.kind when 'load' then 'submit_load' else 'submit_redemption' end,
        jsonb_build_object(stale.kind || '_id', stale.id),
        'submit_' || stale.kind || ':' || stale.id, null, banking.order_of(stale.person));
    end if;
    asked := asked + 1;
  end loop;
  return asked;
end $$;
comment on function banking.ask_about_stale(integer) is 'Enqueues a question about every operation that is overdue; returns how many.';
grant execute on function banking.ask_about_stale(integer) to service_role;

create function banking.open_dispute(operation_id uuid, vendor_ref text, code text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select from cases.open_case('transfer_disputed', 'operation:' || operation_id, jsonb_build_object(
    'operation_id', operation_id, 'vendor_ref', vendor_ref, 'code', code))
$$;
comment on function banking.open_dispute(uuid, text, text) is
'Opens a case: the vendor has a transfer that is not what it was asked for. While it is open nobody asks about the operation.';
grant execute on function banking.open_dispute(uuid, text, text) to service_role;

create function banking.due_to_clear(maximum integer) returns setof uuid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.id from banking.provider_operation o
  where o.state = 'settled' and o.kind = 'load' and o.next_at <= private.now() order by o.next_at limit maximum
$$;
comment on function banking.due_to_clear(integer) is 'Settled loads whose hold is over.';
grant execute on function banking.due_to_clear(integer) to service_role;
