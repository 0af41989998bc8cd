-- Charges, capturing and letting go: held money becomes the merchant's, or the card's again.
-- Why      What is captured waits in merchant_pending, less our fee, until it is settled on the next bank day.
-- Units    *_minor: minor units of the currency.
-- Locks    The account's lock shared, the charge, the card's account in the sandbox's ledger.
-- Callers  charges.execute, as service_role.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function charges.capture(account uuid, id uuid, request jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['charge_id', 'amount_minor', 'final']);
  c charges.charge := charges.lock_charge(account, charges.id_in(request, 'charge_id'), moment);
  is_final boolean := charges.flag_in(request, 'final', true);
  open_minor bigint := c.authorized_minor - c.captured_minor - c.released_minor;
  money charges.currency;
  wanted bigint;
  fee bigint;
  k charges.capture;
begin
  select * into money from charges.currency u where u.code = c.currency;
  wanted := charges.minor_in(request, 'amount_minor', money.amount_max_minor);
  select * into k from charges.capture t where t.account_id = account and t.id = id;
  if found then
    if k.digest <> asked then
      perform private.refuse('key_reused', '{"what": "capture"}');
    end if;
    return charges.capture_json(k, c);
  end if;
  perform charges.require(c, 'capture');
  wanted := coalesce(wanted, open_minor);
  if wanted > open_minor then
    perform private.refuse('charge_amount_exceeds', jsonb_build_object('param', 'amount_minor', 'left_minor', open_minor));
  end if;
  fee := charges.fee_minor(wanted, money.fee_bps, money.fee_fixed_minor);
  perform sandbox.capture_hold(
    id, c.hold_id, array[charges.account_of(account, 'merchant_pending', money.asset)], array[wanted], 'capture', is_final);
  perform sandbox.post(
    sandbox.leg_id(id, 200), charges.account_of(account, 'merchant_pending', money.asset), charges.account_of(account, 'fees', money.asset),
    fee, 'fee', c.id::text);
  update charges.charge t set
    captured_minor = t.captured_minor + wanted,
    released_minor = t.released_minor + case when is_final then open_minor - wanted else 0 end,
    open_until = case when not is_final and wanted < open_minor then t.open_until end,
    capture_count = t.capture_count + 1, version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  insert into charges.capture (account_id, id, charge_id, digest, currency, amount_minor, fee_minor, is_final, settles_at, created_at)
  values (account, id, c.id, asked, c.currency, wanted, fee, is_final, charges.after_bank_days(moment, 1), moment)
  returning * into k;
  perform charges.record(account, 'payment.captured', moment, charges.capture_json(k, c));
  if c.card_name = 'disputed' and c.dispute_stage is null then
    perform charges.make_dispute(c, charges.derived_id(id, 'dispute' || id), asked, wanted, 'fraudulent', moment);
    select * into k from charges.capture t where t.account_id = account and t.id = id;
    select * into c from charges.charge t where t.account_id = account and t.id = c.id;
  end if;
  return charges.capture_json(k, c);
end $$;
comment on function charges.capture(uuid, uuid, jsonb) is
'Takes held money once per id: {charge_id, amount_minor? (else what is left), final? (else true: the rest is released)}.';

create function charges.let_go(account uuid, id uuid, request jsonb, operation text) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['charge_id']);
  c charges.charge := charges.lock_charge(account, charges.id_in(request, 'charge_id'), moment);
begin
  if charges.is_done(account, id, operation, c.id, asked) then
    return charges.charge_json(c);
  end if;
  perform charges.require(c, operation);
  insert into charges.operation (account_id, id, kind, subject, digest, created_at) values (account, id, operation, c.id, asked, moment);
  if operation = 'expire' then
    return charges.charge_json(charges.book_expiry(account, c.id, moment));
  end if;
  perform sandbox.release(c.hold_id);
  update charges.charge t set
    released_minor = t.authorized_minor - t.captured_minor, reason = 'voided', open_until = null, version = t.version + 1,
    changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  perform charges.record(account, 'payment.voided', moment, charges.charge_json(c));
  return charges.charge_json(c);
end $$;
comment on function charges.let_go(uuid, uuid, jsonb, text) is 'Releases what of a charge is open, because the merchant wants it or because its time is over.';

create function charges.void(account uuid, id uuid, request jsonb) returns jsonb
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select charges.let_go(account, id, request, 'void')
$$;
comment on function charges.void(uuid, uuid, jsonb) is 'Releases all of a charge, or what was not captured of it, once per id: {charge_id}.';

create function charges.expire(account uuid, id uuid, request jsonb) returns jsonb
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select charges.let_go(account, id, request, 'expire')
$$;
comment on function charges.expire(uuid, uuid, jsonb) is 'Simulation: the seven days of a charge are over now: {charge_id}.';

-- What a refund or a dispute is about: captures of the charge, those not settled first, each up to what is left of it.
create function charges.allocate(c charges.charge, source uuid, wanted bigint, capture_id uuid, for_dispute boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  k charges.capture;
  part bigint;
  still bigint := wanted;
  place integer := 0;
begin
  for k in
    select * from charges.capture t
    where t.account_id = c.account_id and t.charge_id = c.id and (capture_id is null or t.id = capture_id)
      and t.amount_minor > t.refunded_minor + t.disputed_minor
    order by t.settled_at is not null, t.created_at, t.id
  loop
    exit when still = 0;
    part := least(still, k.amount_minor - k.refunded_minor - k.disputed_minor);
    place := place + 1;
    insert into charges.portion (account_id, source_id, n, capture_id, amount_minor) values (c.account_id, source, place, k.id, part);
    update charges.capture t set
      refunded_minor = t.refunded_minor + case when for_dispute then 0 else part end,
      disputed_minor = t.disputed_minor + case when for_dispute then part else 0 end
    where t.account_id = c.account_id and t.id = k.id;
    still := still - part;
  end loop;
  if still > 0 then
    perform private.refuse('charge_amount_exceeds', jsonb_build_object('param', 'amount_minor', 'left_minor', wanted - still));
  end if;
end $$;
comment on function charges.allocate(charges.charge, uuid, bigint, uuid, boolean) is
'Shares an amount out among the captures of a locked charge, or takes it of one. Refuses more than what is left.';

-- The money of each portion comes from where it is by now: merchant_pending, or once settled merchant_available.
create function charges.take_portions(account uuid, source uuid, into_kind text, asset text, kind text, ref text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  part record;
begin
  for part in
    select p.n, p.amount_minor, k.id, k.settled_at is null as is_pending
    from charges.portion p join charges.capture k on k.account_id = p.account_id and k.id = p.capture_id
    where p.account_id = account and p.source_id = source order by p.n
  loop
    perform sandbox.post(
      sandbox.leg_id(source, part.n),
      charges.account_of(account, case when part.is_pending then 'merchant_pending' else 'merchant_available' end, asset),
      charges.account_of(account, into_kind, asset), part.amount_minor, kind, ref);
    update charges.portion p set was_pending = part.is_pending where p.account_id = account and p.source_id = source and p.n = part.n;
    if part.is_pending then
      update charges.capture k set
        pending_refunds_minor = k.pending_refunds_minor + case when kind = 'refund' then part.amount_minor else 0 end,
        pending_disputes_minor = k.pending_disputes_minor + case when kind = 'refund' then 0 else part.amount_minor end
      where k.account_id = account and k.id = part.id;
    end if;
  end loop;
end $$;
comment on function charges.take_portions(uuid, uuid, text, text, text, text) is 'Posts the portions of a refund or dispute, from the merchant.';

create function charges.give_back_portions(account uuid, source uuid, for_dispute boolean) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  update charges.capture k set
    refunded_minor = k.refunded_minor - case when for_dispute then 0 else p.amount_minor end,
    disputed_minor = k.disputed_minor - case when for_dispute then p.amount_minor else 0 end
  from charges.portion p
  where p.account_id = account and p.source_id = source and k.account_id = account and k.id = p.capture_id
$$;
comment on function charges.give_back_portions(uuid, uuid, boolean) is 'What a refund or dispute took of captures can be taken again: it failed, or was won.';
