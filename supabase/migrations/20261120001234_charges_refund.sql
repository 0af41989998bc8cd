-- Charges, refunding: money of the merchant's on its way back to the card.
-- Why      A refund is accepted at once and arrives a bank day later, or does not and comes back. The fee is kept.
-- Units    *_minor: minor units of the currency. overdraft_max_minor: how far below zero refunds may take a merchant.
-- Locks    The account's lock shared, the charge, the merchant's account in the sandbox's ledger.
-- Callers  charges.execute, as service_role; the clock's functions.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function charges.post_refund(r charges.refund, moment timestamptz) returns charges.refund
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  money charges.currency;
  needed bigint;
  available bigint;
begin
  select * into money from charges.currency u where u.code = r.currency;
  select coalesce(sum(p.amount_minor), 0) into needed
  from charges.portion p join charges.capture k on k.account_id = p.account_id and k.id = p.capture_id
  where p.account_id = r.account_id and p.source_id = r.id and k.settled_at is not null;
  if needed > 0 then
    select a.balance into available from sandbox.account a
    where a.id = charges.account_of(r.account_id, 'merchant_available', money.asset) for no key update;
    if available - needed < -money.overdraft_max_minor then
      update charges.refund t set due_at = charges.after_bank_days(moment, 1)
      where t.account_id = r.account_id and t.id = r.id returning * into r;
      return r;
    end if;
  end if;
  perform charges.take_portions(r.account_id, r.id, 'refunds_in_transit', money.asset, 'refund', r.charge_id::text);
  update charges.refund t set posted_at = moment, due_at = charges.after_bank_days(moment, 1)
  where t.account_id = r.account_id and t.id = r.id returning * into r;
  return r;
end $$;
comment on function charges.post_refund(charges.refund, timestamptz) is
'Takes the money of a refund from the merchant; while that would go beyond the overdraft, it waits another bank day.';

create function charges.refund(account uuid, id uuid, request jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['charge_id', 'capture_id', 'amount_minor', 'reason']);
  of_capture uuid := case when request ? 'capture_id' then charges.id_in(request, 'capture_id') end;
  of_charge uuid;
  c charges.charge;
  wanted bigint;
  refundable bigint;
  r charges.refund;
begin
  if of_capture is null or request ? 'charge_id' then
    of_charge := charges.id_in(request, 'charge_id');
  end if;
  if of_capture is not null then
    select t.charge_id into of_charge from charges.capture t
    where t.account_id = account and t.id = of_capture and t.charge_id = coalesce(of_charge, t.charge_id);
    if not found then
      perform private.refuse('not_found', '{"what": "capture"}');
    end if;
  end if;
  if request ? 'reason' and coalesce(request ->> 'reason', '') <> all(array['duplicate', 'fraudulent', 'requested_by_customer']) then
    perform private.refuse('charge_field_invalid', '{"param": "reason", "known": ["duplicate", "fraudulent", "requested_by_customer"]}');
  end if;
  c := charges.lock_charge(account, of_charge, moment);
  select * into r from charges.refund t where t.account_id = account and t.id = id;
  if found then
    if r.digest <> asked then
      perform private.refuse('key_reused', '{"what": "refund"}');
    end if;
    return charges.refund_json(r, c);
  end if;
  wanted := charges.minor_in(request, 'amount_minor', (select u.amount_max_minor from charges.currency u where u.code = c.currency));
  perform charges.require(c, 'refund');
  if of_capture is null then
    refundable := c.captured_minor - c.refunded_minor - c.disputed_minor;
  else
    select t.amount_minor - t.refunded_minor - t.disputed_minor into refundable from charges.capture t
    where t.account_id = account and t.id = of_capture;
  end if;
  wanted := coalesce(wanted, refundable);
  if wanted > refundable or refundable = 0 then
    perform private.refuse('charge_amount_exceeds', jsonb_build_object('param', 'amount_minor', 'left_minor', refundable));
  end if;
  update charges.charge t set refunded_minor = t.refunded_minor + wanted, version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  insert into charges.refund (account_id, id, charge_id, digest, currency, amount_minor, reason, due_at, created_at)
  values (account, id, c.id, asked, c.currency, wanted, request ->> 'reason', moment, moment)
  returning * into r;
  perform charges.allocate(c, id, wanted, of_capture, false);
  r := charges.post_refund(r, moment);
  perform charges.record(account, 'payment.refunded', moment, charges.refund_json(r, c));
  return charges.refund_json(r, c);
end $$;
comment on function charges.refund(uuid, uuid, jsonb) is
'Gives captured money back once per id: {charge_id or capture_id, amount_minor? (else what is left), reason?}.';

create function charges.end_refund(r charges.refund, succeeds boolean, moment timestamptz) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  account uuid := r.account_id;
  asset text := (select u.asset from charges.currency u where u.code = r.currency);
  c charges.charge;
  part record;
begin
  if succeeds then
    perform sandbox.post(
      sandbox.leg_id(r.id, 100), charges.account_of(account, 'refunds_in_transit', asset),
      (select h.account_id from sandbox.hold h join charges.charge t on t.hold_id = h.id where t.account_id = account and t.id = r.charge_id),
      r.amount_minor, 'refund_succeeded', r.charge_id::text);
  elsif r.posted_at is not null then
    for part in
      select p.n, p.amount_minor, k.id, k.settled_at is null as is_pending
      from charges.portion p join charges.capture k on k.account_id = p.account_id and k.id = p.capture_id
      where p.account_id = account and p.source_id = r.id order by p.n
    loop
      perform sandbox.post(
        sandbox.leg_id(r.id, 100 + part.n), charges.account_of(account, 'refunds_in_transit', asset),
        charges.account_of(account, case when part.is_pending then 'merchant_pending' else 'merchant_available' end, asset),
        part.amount_minor, 'refund_failed', r.charge_id::text);
      if part.is_pending then
        update charges.capture k set pending_refunds_minor = k.pending_refunds_minor - part.amount_minor
        where k.account_id = account and k.id = part.id;
      end if;
    end loop;
  end if;
  if not succeeds then
    perform charges.give_back_portions(account, r.id, false);
  end if;
  update charges.charge t set
    refunded_minor = t.refunded_minor - case when succeeds then 0 else r.amount_minor end, version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = r.charge_id returning * into c;
  update charges.refund t set
    due_at = null, version = t.version + 1, succeeded_at = case when succeeds then moment end, failed_at = case when not succeeds then moment end
  where t.account_id = account and t.id = r.id returning * into r;
  perform charges.record(
    account, case when succeeds then 'payment.refunded' else 'payment.refund_failed' end, moment, charges.refund_json(r, c));
  return charges.refund_json(r, c);
end $$;
comment on function charges.end_refund(charges.refund, boolean, timestamptz) is
'A refund of a locked charge arrives, or fails and its money is the merchant''s again.';

create function charges.fail_refund(account uuid, id uuid, request jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['refund_id']);
  of_refund uuid := charges.id_in(request, 'refund_id');
  c charges.charge;
  r charges.refund;
begin
  select * into r from charges.refund t where t.account_id = account and t.id = of_refund;
  if not found then
    perform private.refuse('not_found', '{"what": "refund"}');
  end if;
  c := charges.lock_charge(account, r.charge_id, moment);
  select * into r from charges.refund t where t.account_id = account and t.id = of_refund;
  if charges.is_done(account, id, 'fail_refund', of_refund, asked) then
    return charges.refund_json(r, c);
  end if;
  if r.due_at is null then
    perform private.refuse('charge_state_invalid', jsonb_build_object(
      'operation', 'fail_refund', 'object', 'refund', 'state', case when r.failed_at is null then 'succeeded' else 'failed' end,
      'next_states', array[]::text[], 'operations', array[]::text[]));
  end if;
  insert into charges.operation (account_id, id, kind, subject, digest, created_at) values (account, id, 'fail_refund', of_refund, asked, moment);
  return charges.end_refund(r, false, moment);
end $$;
comment on function charges.fail_refund(uuid, uuid, jsonb) is 'Simulation: a pending refund fails now: {refund_id}.';
