-- Savings, bookings of withdrawals: what was handed to the exchange, what it said, and what the ledger holds for it.
-- Why      Answers are lost and come late, and a worker may die anywhere. Each booking looks at the withdrawal under its
--          lock and does what is missing, once; what nobody can know by themselves becomes a case.
-- Units    *_sats: satoshis. Postings: as in the withdrawals.
-- Locks    The withdrawal's row, then the wallet; btc_in_transit and btc_custody are summing accounts.
-- Callers  service_role: the jobs.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function savings.book_withdrawal_failed(withdrawal_id uuid, reason text, code text default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
begin
  select * into w from savings.withdrawal t where t.id = withdrawal_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "withdrawal"}');
  end if;
  if w.ended_at is not null then
    return;
  end if;
  update savings.withdrawal t set state = 'failed', reason = reason, version = t.version + 1, ended_at = private.now()
  where t.id = withdrawal_id returning * into w;
  perform ledger.post(
    private.part_of(w.bookings_id, 'back'), ledger.system_account('btc_in_transit', 'BTC'), ledger.wallet_of(w.person, 'BTC'),
    w.quantity_sats, 'withdrawal_returned', w.vendor_ref);
  if reason = 'address_unregistered' then
    perform savings.ask_for_registration(w.address, jsonb_build_object('withdrawal_id', withdrawal_id, 'code', code));
  elsif reason in ('exchange_refused', 'exchange_returned') then
    perform cases.open_case('withdrawal_refused', 'withdrawal:' || withdrawal_id, jsonb_build_object(
      'person', w.person, 'quantity_sats', w.quantity_sats, 'code', code, 'vendor_ref', w.vendor_ref));
  end if;
  perform savings.withdrawal_settled(withdrawal_id, 'failed: ' || reason);
  perform savings.note_withdrawal('failed', w, jsonb_build_object('reason', reason, 'code', code));
end $$;
comment on function savings.book_withdrawal_failed(uuid, text, text) is
'It was not sent: all of it is in the wallet again, with a case where somebody has to do something. Booked once.';
grant execute on function savings.book_withdrawal_failed(uuid, text, text) to service_role;

create function savings.withdrawal_settled(withdrawal_id uuid, outcome text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select cases.close_case(c.id, withdrawal_settled.outcome) from cases."case" c
  where c.kind = 'withdrawal_unclear' and c.subject = 'withdrawal:' || withdrawal_settled.withdrawal_id and c.state = 'open'
$$;
comment on function savings.withdrawal_settled(uuid, text) is 'Closes the case of a withdrawal that nobody knew about, if there is one.';

create function savings.claim_withdrawal(withdrawal_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
  obstacle text;
begin
  select * into w from savings.withdrawal t where t.id = withdrawal_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "withdrawal"}');
  end if;
  if w.state = 'asked' then
    -- what waited for the exchange is checked again; its bitcoin is set aside
    obstacle := case
      when w.created_at < private.now() - interval '1 hour' then 'cut_off'
      when not exists (select from savings.withdrawal_address a where a.id = w.address_id and a.state = 'active') then 'address_removed'
      when not exists (select from ledger.account a where a.id = ledger.wallet_of(w.person, 'BTC') and a.state = 'active')
        then 'account_unavailable'
    end;
    if obstacle is not null then
      perform savings.book_withdrawal_failed(withdrawal_id, obstacle);
      return '{"state": "failed"}';
    end if;
  end if;
  if w.state in ('asked', 'submitted') then
    update savings.withdrawal t set attempts = t.attempts + 1 where t.id = withdrawal_id returning * into w;
  end if;
  return jsonb_build_object(
    'state', w.state, 'attempts', w.attempts, 'address', w.address, 'address_key', savings.address_key(w.address),
    'quantity_sats', w.quantity_sats, 'fee_sats_max', w.fee_sats_max, 'since', w.created_at, 'sent_at', w.last_sent_at,
    'sent_s', extract(epoch from clock_timestamp() - w.last_sent_at)::float8,
    'known', (select coalesce(jsonb_agg(o.vendor_ref), '[]') from savings.withdrawal o
      where o.address = w.address and o.vendor_ref is not null));
end $$;
comment on function savings.claim_withdrawal(uuid) is
'What to ask the exchange for, and when it was asked. Counts the try. What is not sent any more fails here.';
grant execute on function savings.claim_withdrawal(uuid) to service_role;

create function savings.note_withdrawal_sent(withdrawal_id uuid, attempts integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
begin
  select * into w from savings.withdrawal t where t.id = withdrawal_id for no key update;
  if w.state is distinct from 'asked' or w.attempts <> attempts then
    perform private.refuse('work_done', '{"finished": 0, "asked": 1}');
  end if;
  -- whoever removed the address since it was claimed was told that nothing is sent there any more: the next try says why
  perform from savings.withdrawal_address a where a.id = w.address_id and a.state = 'active' for share;
  if not found or not exists (select from ledger.account a where a.id = ledger.wallet_of(w.person, 'BTC') and a.state = 'active') then
    perform private.refuse('work_done', '{"finished": 0, "asked": 1}');
  end if;
  if exists (select from savings.withdrawal t where t.address = w.address and t.state = 'submitted') then
    perform private.refuse('withdrawal_under_way');
  end if;
  update savings.withdrawal t set state = 'submitted', version = t.version + 1, last_sent_at = clock_timestamp()
  where t.id = withdrawal_id returning * into w;
  perform savings.note_withdrawal('submitted', w, jsonb_build_object('attempts', w.attempts));
end $$;
comment on function savings.note_withdrawal_sent(uuid, integer) is
'Notes, before the exchange is asked, that it may have the withdrawal from now on. Refused when somebody else claimed it meanwhile.';
grant execute on function savings.note_withdrawal_sent(uuid, integer) to service_role;

create function savings.note_withdrawal_attempt(withdrawal_id uuid, error text, is_unsent boolean) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
begin
  update savings.withdrawal t set
    last_error = left(error, 200), version = t.version + 1, state = case when is_unsent then 'asked' else t.state end
  where t.id = withdrawal_id and t.state in ('asked', 'submitted') returning * into w;
  if found then
    perform savings.note_withdrawal('unanswered', w, jsonb_build_object('error', w.last_error, 'is_unsent', w.state = 'asked'));
  end if;
end $$;
comment on function savings.note_withdrawal_attempt(uuid, text, boolean) is 'Notes why the exchange did not take a withdrawal yet.';
grant execute on function savings.note_withdrawal_attempt(uuid, text, boolean) to service_role;

create function savings.book_withdrawal_accepted(withdrawal_id uuid, vendor_ref text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
begin
  select * into w from savings.withdrawal t where t.id = withdrawal_id for no key update;
  if w.vendor_ref <> vendor_ref or w.ended_at is not null and w.vendor_ref is null then
    perform private.refuse('withdrawal_sent_twice', jsonb_build_object(
      'withdrawal_id', withdrawal_id, 'vendor_refs', jsonb_build_array(w.vendor_ref, vendor_ref)));
  end if;
  if w.state is distinct from 'submitted' then
    return;
  end if;
  update savings.withdrawal t set
    state = 'accepted', vendor_ref = vendor_ref, last_error = '', version = t.version + 1, accepted_at = private.now(),
    next_at = private.now() + interval '10 seconds'
  where t.id = withdrawal_id returning * into w;
  perform savings.registration_over(w.address, 'the exchange knows it');
  perform savings.note_withdrawal('accepted', w, jsonb_build_object('vendor_ref', vendor_ref));
  perform jobs.enqueue('savings', 'follow_withdrawal', jsonb_build_object('withdrawal_id', withdrawal_id), 'follow_withdrawal:' || withdrawal_id);
end $$;
comment on function savings.book_withdrawal_accepted(uuid, text) is 'The exchange took the withdrawal and calls it vendor_ref.';
grant execute on function savings.book_withdrawal_accepted(uuid, text) to service_role;

create function savings.book_withdrawal_sent(withdrawal_id uuid, arrives_sats bigint, fee_sats bigint, txid text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
begin
  select * into w from savings.withdrawal t where t.id = withdrawal_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "withdrawal"}');
  end if;
  if w.ended_at is not null then
    return;
  end if;
  if w.state <> 'accepted' or arrives_sats is null or arrives_sats < 1 or fee_sats is null or fee_sats < 0
    or arrives_sats + fee_sats <> w.quantity_sats or coalesce(txid, '') = ''
  then
    perform private.refuse('withdrawal_malformed', jsonb_build_object('withdrawal_id', withdrawal_id));
  end if;
  update savings.withdrawal t set
    state = 'sent', arrives_sats = arrives_sats, fee_sats = fee_sats, txid = txid, version = t.version + 1, ended_at = private.now()
  where t.id = withdrawal_id returning * into w;
  perform ledger.post(
    private.part_of(w.bookings_id, 'sent'), ledger.system_account('btc_in_transit', 'BTC'), ledger.system_account('btc_custody', 'BTC'),
    arrives_sats, 'withdrawal_sent', w.vendor_ref);
  if fee_sats > 0 then
    perform ledger.post(
      private.part_of(w.bookings_id, 'fee'), ledger.system_account('btc_in_transit', 'BTC'), ledger.system_account('btc_custody', 'BTC'),
      fee_sats, 'withdrawal_fee', w.vendor_ref);
  end if;
  perform savings.withdrawal_settled(withdrawal_id, 'sent');
  perform savings.note_withdrawal('sent', w, jsonb_build_object(
    'arrives_sats', arrives_sats, 'fee_sats', fee_sats, 'txid', txid, 'vendor_ref', w.vendor_ref));
end $$;
comment on function savings.book_withdrawal_sent(uuid, bigint, bigint, text) is
'The exchange sent it: so much arrives, the network took the rest. Booked once.';
grant execute on function savings.book_withdrawal_sent(uuid, bigint, bigint, text) to service_role;

create function savings.withdrawal_ref(withdrawal_id uuid) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select w.vendor_ref from savings.withdrawal w where w.id = withdrawal_id and w.state = 'accepted'
$$;
comment on function savings.withdrawal_ref(uuid) is 'What the exchange calls a withdrawal that is not over, or null.';
grant execute on function savings.withdrawal_ref(uuid) to service_role;

-- What nobody heard of for an hour (or, once the exchange has it, for six) is for somebody to look at, too.
create function savings.withdrawals_to_ask(maximum integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  stale savings.withdrawal;
  task text;
  asked integer := 0;
begin
  for stale in
    select * from savings.withdrawal w where w.ended_at is null and w.next_at <= private.now()
    order by w.next_at limit maximum for no key update skip locked
  loop
    task := case when stale.state = 'accepted' then 'follow_withdrawal' else 'submit_withdrawal' end;
    if stale.created_at < private.now() - (case when stale.state = 'accepted' then interval '6 hours' else interval '1 hour' end) then
      perform cases.open_case('withdrawal_unclear', 'withdrawal:' || stale.id, jsonb_build_object(
        'person', stale.person, 'quantity_sats', stale.quantity_sats, 'state', stale.state, 'vendor_ref', stale.vendor_ref,
        'error', stale.last_error));
    end if;
    update savings.withdrawal w set next_at = private.now()
      + case when stale.created_at < private.now() - interval '1 hour' then interval '10 minutes' else interval '1 minute' end
    where w.id = stale.id;
    perform jobs.enqueue('savings', task, jsonb_build_object('withdrawal_id', stale.id), task || ':' || stale.id);
    asked := asked + 1;
  end loop;
  return asked;
end $$;
comment on function savings.withdrawals_to_ask(integer) is
'Enqueues a question about every withdrawal that is overdue, with a case when it is long overdue; returns how many.';
grant execute on function savings.withdrawals_to_ask(integer) to service_role;

create function savings.note_withdrawal_disputed(withdrawal_id uuid, vendor_ref text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select from savings.withdrawal w
  cross join lateral cases.open_case('withdrawal_disputed', 'withdrawal:' || w.id, jsonb_build_object(
    'person', w.person, 'quantity_sats', w.quantity_sats, 'state', w.state,
    'vendor_refs', jsonb_build_array(w.vendor_ref, note_withdrawal_disputed.vendor_ref))) c
  where w.id = note_withdrawal_disputed.withdrawal_id
$$;
comment on function savings.note_withdrawal_disputed(uuid, text) is 'The exchange has a withdrawal that we have otherwise: opens the case of it.';
grant execute on function savings.note_withdrawal_disputed(uuid, text) to service_role;
