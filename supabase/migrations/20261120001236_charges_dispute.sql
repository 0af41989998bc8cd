-- Charges, disputes: a cardholder objects, and the money is set aside until it is decided.
-- Why      The merchant answers in time or loses. What is taken is never refused for want of funds: it happened.
-- Units    *_minor: minor units of the currency.
-- Locks    The account's lock shared, the charge, the merchant's or the card's account in the sandbox's ledger.
-- Callers  charges.execute, as service_role; the clock's functions.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function charges.make_dispute(
  c charges.charge, dispute_id uuid, asked bytea, wanted bigint, reason text, moment timestamptz
) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  account uuid := c.account_id;
  money charges.currency;
  first_of uuid;
  from_pending boolean;
  d charges.dispute;
begin
  select * into money from charges.currency u where u.code = c.currency;
  update charges.charge t set
    disputed_minor = t.disputed_minor + wanted, dispute_stage = 'needs_response', version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  insert into charges.dispute (account_id, id, charge_id, digest, currency, amount_minor, fee_minor, reason, due_at, created_at)
  values (account, dispute_id, c.id, asked, c.currency, wanted, money.dispute_fee_minor, reason, moment + interval '7 days', moment)
  returning * into d;
  perform charges.allocate(c, dispute_id, wanted, null, true);
  perform charges.take_portions(account, dispute_id, 'dispute_reserve', money.asset, 'dispute', c.id::text);
  -- the fee is taken where the first of the money was
  select p.capture_id, p.was_pending into first_of, from_pending from charges.portion p
  where p.account_id = account and p.source_id = dispute_id and p.n = 1;
  perform sandbox.post(
    sandbox.leg_id(dispute_id, 90), charges.account_of(account, case when from_pending then 'merchant_pending' else 'merchant_available' end, money.asset),
    charges.account_of(account, 'fees', money.asset), money.dispute_fee_minor, 'dispute_fee', c.id::text);
  if from_pending then
    update charges.capture k set pending_disputes_minor = k.pending_disputes_minor + money.dispute_fee_minor
    where k.account_id = account and k.id = first_of;
  end if;
  perform charges.record(account, 'payment.dispute.opened', moment, charges.dispute_json(d, c));
  return charges.dispute_json(d, c);
end $$;
comment on function charges.make_dispute(charges.charge, uuid, bytea, bigint, text, timestamptz) is
'Opens a dispute on a locked charge: its money goes to the reserve, its fee to fees.';

create function charges.open_dispute(account uuid, id uuid, request jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['charge_id', 'amount_minor', 'reason']);
  reason text := coalesce(request ->> 'reason', 'fraudulent');
  c charges.charge := charges.lock_charge(account, charges.id_in(request, 'charge_id'), moment);
  wanted bigint := charges.minor_in(request, 'amount_minor', (select u.amount_max_minor from charges.currency u where u.code = c.currency));
  left_minor bigint := c.captured_minor - c.refunded_minor - c.disputed_minor;
  d charges.dispute;
begin
  if reason <> all(array['fraudulent', 'duplicate', 'product_not_received', 'credit_not_processed', 'general']) then
    perform private.refuse('charge_field_invalid', jsonb_build_object(
      'param', 'reason', 'known', array['fraudulent', 'duplicate', 'product_not_received', 'credit_not_processed', 'general']));
  end if;
  select * into d from charges.dispute t where t.account_id = account and t.id = id;
  if found then
    if d.digest <> asked then
      perform private.refuse('key_reused', '{"what": "dispute"}');
    end if;
    return charges.dispute_json(d, c);
  end if;
  perform charges.require(c, 'open_dispute');
  if wanted > left_minor then
    perform private.refuse('charge_amount_exceeds', jsonb_build_object('param', 'amount_minor', 'left_minor', left_minor));
  end if;
  return charges.make_dispute(c, id, asked, coalesce(wanted, left_minor), reason, moment);
end $$;
comment on function charges.open_dispute(uuid, uuid, jsonb) is
'Simulation: the cardholder disputes captured money, once per id: {charge_id, amount_minor? (else all that is left), reason?}.';

create function charges.end_dispute(d charges.dispute, outcome text, moment timestamptz) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  account uuid := d.account_id;
  asset text := (select u.asset from charges.currency u where u.code = d.currency);
  c charges.charge;
begin
  perform sandbox.post(
    sandbox.leg_id(d.id, 100), charges.account_of(account, 'dispute_reserve', asset),
    case when outcome = 'won' then charges.account_of(account, 'merchant_available', asset) else (
      select h.account_id from sandbox.hold h join charges.charge t on t.hold_id = h.id where t.account_id = account and t.id = d.charge_id
    ) end,
    d.amount_minor, 'dispute_' || outcome, d.charge_id::text);
  if outcome = 'won' then
    perform charges.give_back_portions(account, d.id, true);
  end if;
  update charges.charge t set
    disputed_minor = t.disputed_minor - case when outcome = 'won' then d.amount_minor else 0 end, dispute_stage = outcome,
    version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = d.charge_id returning * into c;
  update charges.dispute t set due_at = null, outcome = outcome, closed_at = moment, version = t.version + 1
  where t.account_id = account and t.id = d.id returning * into d;
  perform charges.record(account, 'payment.dispute.' || outcome, moment, charges.dispute_json(d, c));
  return charges.dispute_json(d, c);
end $$;
comment on function charges.end_dispute(charges.dispute, text, timestamptz) is
'A dispute of a locked charge is won, and its money available again, or lost, and the cardholder''s. The fee stays.';

create function charges.answer_dispute(account uuid, id uuid, request jsonb, operation text) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, case operation when 'accept_dispute' then array['dispute_id'] else array['dispute_id', 'evidence'] end);
  of_dispute uuid := charges.id_in(request, 'dispute_id');
  words text := request ->> 'evidence';
  stage text;
  c charges.charge;
  d charges.dispute;
begin
  if operation = 'submit_evidence' and (jsonb_typeof(request -> 'evidence') is distinct from 'string' or length(words) not between 1 and 2000) then
    perform private.refuse('charge_field_invalid', '{"param": "evidence"}');
  end if;
  if charges.has_card_number(words) then
    perform private.refuse('card_number_in_text', '{"param": "evidence"}');
  end if;
  select * into d from charges.dispute t where t.account_id = account and t.id = of_dispute;
  if not found then
    perform private.refuse('not_found', '{"what": "dispute"}');
  end if;
  c := charges.lock_charge(account, d.charge_id, moment);
  select * into d from charges.dispute t where t.account_id = account and t.id = of_dispute;
  if charges.is_done(account, id, operation, of_dispute, asked) then
    return charges.dispute_json(d, c);
  end if;
  if d.submitted_at is null and d.due_at <= moment then
    -- its deadline has passed, and the clock has not come by yet
    perform charges.end_dispute(d, 'lost', d.due_at);
    select * into d from charges.dispute t where t.account_id = account and t.id = of_dispute;
  end if;
  stage := coalesce(d.outcome, case when d.submitted_at is null then 'needs_response' else 'under_review' end);
  if d.outcome is not null or operation = 'submit_evidence' and d.submitted_at is not null then
    perform private.refuse('charge_state_invalid', jsonb_build_object(
      'operation', operation, 'object', 'dispute', 'state', stage,
      'next_states', case stage when 'under_review' then array['won', 'lost'] else array[]::text[] end,
      'operations', case stage when 'under_review' then array['accept_dispute'] else array[]::text[] end));
  end if;
  insert into charges.operation (account_id, id, kind, subject, digest, created_at) values (account, id, operation, of_dispute, asked, moment);
  if operation = 'accept_dispute' then
    return charges.end_dispute(d, 'lost', moment);
  end if;
  update charges.dispute t set
    evidence = words, submitted_at = moment, due_at = charges.after_bank_days(moment, 3), version = t.version + 1
  where t.account_id = account and t.id = of_dispute returning * into d;
  update charges.charge t set dispute_stage = 'under_review', version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  perform charges.record(account, 'payment.dispute.updated', moment, charges.dispute_json(d, c));
  return charges.dispute_json(d, c);
end $$;
comment on function charges.answer_dispute(uuid, uuid, jsonb, text) is
'What the merchant says to a dispute: evidence, once and in time, or that they accept it.';

create function charges.submit_evidence(account uuid, id uuid, request jsonb) returns jsonb
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select charges.answer_dispute(account, id, request, 'submit_evidence')
$$;
comment on function charges.submit_evidence(uuid, uuid, jsonb) is
'Answers a dispute: {dispute_id, evidence}. Decided three bank days later: the words losing_evidence lose, all others win.';

create function charges.accept_dispute(account uuid, id uuid, request jsonb) returns jsonb
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select charges.answer_dispute(account, id, request, 'accept_dispute')
$$;
comment on function charges.accept_dispute(uuid, uuid, jsonb) is 'Gives a dispute up: {dispute_id}. It is lost at once.';
