-- Banking, bookings of redemptions: what was sent to the vendor, what it said, and what the ledger holds for it.
-- Why      Notices come late, twice, out of order, before the answer they are about, or never. Each booking looks
--          at the operation under its lock and does what is missing, so any order ends the same.
-- Units    amount_cents: US cents. Postings: accepted wallet -> payouts_in_transit (the hold, captured); our bank
--          debited payouts_in_transit -> reserve (the burn); paid: none. Failed before the debit
--          payouts_in_transit -> wallet, or the hold released when the vendor never had it; after it reserve -> wallet.
-- Locks    The operation's row, then the person's wallet; reserve and payouts_in_transit are summing accounts.
-- Callers  service_role: the worker, and the vendor's verified notices.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function banking.claim_redemption(redemption_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  r banking.redemption;
  first boolean;
  obstacle text;
begin
  select * into operation from banking.provider_operation o where o.id = redemption_id for no key update;
  select * into r from banking.redemption t where t.id = redemption_id;
  if not found then
    return null;
  end if;
  first := operation.state = 'queued';
  -- what waited for the vendor is checked again: account, bank or limits may have changed meanwhile; the money is held
  if first then
    perform banking.lock_wallet(r.person);
    obstacle := case
      when not exists (select from ledger.account a where a.id = ledger.wallet_of(r.person) and a.state = 'active')
        then 'account_unavailable'
      when not exists (select from banking.source s where s.id = r.source_id and s.state = 'verified') then 'bank_removed'
      when banking.redemption_refusal(r.person, r.amount_cents, r.id) is not null then 'limit_lowered'
    end;
    if obstacle is not null then
      perform banking.book_redemption_failed(redemption_id, null, obstacle, true);
      return null;
    end if;
  end if;
  if operation.state in ('queued', 'submitted') then
    update banking.provider_operation o set
      state = 'submitted', attempts = o.attempts + 1, next_at = private.now() + interval '1 minute',
      first_sent_at = coalesce(o.first_sent_at, clock_timestamp())
    where o.id = redemption_id returning * into operation;
  end if;
  return (
    select jsonb_build_object(
      'state', operation.state, 'is_first', first, 'idempotency_key', operation.idempotency_key,
      'amount_cents', r.amount_cents, 'customer_vendor_id', c.vendor_id, 'source_vendor_id', s.vendor_id)
    from banking.source s join banking.customer c on c.person = s.person
    where s.id = r.source_id
  );
end $$;
comment on function banking.claim_redemption(uuid) is
'What to send the vendor for a redemption, and whether nothing was ever sent. Notes, before the sending, that it may have happened.';
grant execute on function banking.claim_redemption(uuid) to service_role;

create function banking.book_redemption_accepted(redemption_id uuid, vendor_ref text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  r banking.redemption;
begin
  select * into operation from banking.provider_operation o where o.id = redemption_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "redemption"}');
  end if;
  if operation.vendor_ref is not null and operation.vendor_ref <> vendor_ref then
    perform private.refuse('redemption_sent_twice', jsonb_build_object(
      'redemption_id', redemption_id, 'vendor_refs', jsonb_build_array(operation.vendor_ref, vendor_ref)));
  end if;
  if operation.state not in ('queued', 'submitted') then
    return;
  end if;
  update banking.redemption t set version = t.version + 1 where t.id = redemption_id returning * into r;
  perform ledger.capture_hold(
    r.capture_id, r.hold_id, array[ledger.system_account('payouts_in_transit')], array[r.amount_cents], 'redemption_submitted');
  update banking.provider_operation o set
    state = 'pending', vendor_ref = vendor_ref, last_error = '', accepted_at = private.now(),
    first_sent_at = coalesce(o.first_sent_at, clock_timestamp()), next_at = private.now() + interval '1 minute'
  where o.id = redemption_id;
  perform events.record('redemption.submitted', redemption_id, r.version, jsonb_build_object('owner_id', r.person, 'amount_cents', r.amount_cents), null);
end $$;
comment on function banking.book_redemption_accepted(uuid, text) is 'The vendor took the redemption and calls it vendor_ref: the held money leaves the wallet.';
grant execute on function banking.book_redemption_accepted(uuid, text) to service_role;

create function banking.book_redemption_debited(redemption_id uuid, vendor_ref text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  r banking.redemption;
begin
  perform banking.book_redemption_accepted(redemption_id, vendor_ref);
  select * into operation from banking.provider_operation o where o.id = redemption_id for no key update;
  if operation.state <> 'pending' then
    return;
  end if;
  update banking.redemption t set version = t.version + 1 where t.id = redemption_id returning * into r;
  perform ledger.post(
    r.burn_transfer, ledger.system_account('payouts_in_transit'), ledger.system_account('reserve'), r.amount_cents, 'redemption_debited', r.reference);
  update banking.provider_operation o set state = 'settled', settled_at = private.now(), next_at = private.now() + interval '10 minutes'
  where o.id = redemption_id;
  perform events.record('redemption.debited', redemption_id, r.version, jsonb_build_object('owner_id', r.person, 'amount_cents', r.amount_cents), null);
end $$;
comment on function banking.book_redemption_debited(uuid, text) is 'Our bank has paid: the money is burned.';
grant execute on function banking.book_redemption_debited(uuid, text) to service_role;

create function banking.book_redemption_paid(redemption_id uuid, vendor_ref text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  r banking.redemption;
begin
  perform banking.book_redemption_debited(redemption_id, vendor_ref);
  select * into operation from banking.provider_operation o where o.id = redemption_id for no key update;
  if operation.state <> 'settled' then
    return;
  end if;
  update banking.redemption t set version = t.version + 1 where t.id = redemption_id returning * into r;
  update banking.provider_operation o set state = 'cleared', cleared_at = private.now() where o.id = redemption_id;
  perform events.record('redemption.paid', redemption_id, r.version, jsonb_build_object('owner_id', r.person, 'amount_cents', r.amount_cents), null);
end $$;
comment on function banking.book_redemption_paid(uuid, text) is 'The person''s bank has the money: nothing is posted any more.';
grant execute on function banking.book_redemption_paid(uuid, text) to service_role;

create function banking.book_redemption_failed(
  redemption_id uuid, vendor_ref text, code text, is_canceled boolean default false, bank_goes boolean default false
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  r banking.redemption;
  outcome text;
begin
  select * into operation from banking.provider_operation o where o.id = redemption_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "redemption"}');
  end if;
  if operation.vendor_ref <> vendor_ref then
    perform private.refuse('redemption_sent_twice', jsonb_build_object(
      'redemption_id', redemption_id, 'vendor_refs', jsonb_build_array(operation.vendor_ref, vendor_ref)));
  end if;
  if operation.ended_at is not null then
    return;
  end if;
  update banking.redemption t set version = t.version + 1 where t.id = redemption_id returning * into r;
  outcome := case when operation.state in ('settled', 'cleared') then 'returned' when is_canceled then 'canceled' else 'failed' end;
  perform banking.lock_wallet(r.person);
  if operation.state in ('queued', 'submitted') then
    perform ledger.release(r.hold_id);
  elsif operation.state = 'pending' then
    perform ledger.post(
      r.return_transfer, ledger.system_account('payouts_in_transit'), ledger.wallet_of(r.person), r.amount_cents, 'redemption_failed', r.reference);
  else
    perform ledger.post(
      r.return_transfer, ledger.system_account('reserve'), ledger.wallet_of(r.person), r.amount_cents, 'redemption_returned', r.reference);
  end if;
  if operation.state not in ('queued', 'submitted') then -- what a hold gives back pays debts by itself
    perform banking.repay_debts(r.person, 'money_came_back', redemption_id);
  end if;
  update banking.provider_operation o set
    state = outcome, failure_code = code, vendor_ref = coalesce(o.vendor_ref, vendor_ref), ended_at = private.now()
  where o.id = redemption_id;
  perform events.record('redemption.' || outcome, redemption_id, r.version, jsonb_build_object(
    'owner_id', r.person, 'amount_cents', r.amount_cents, 'code', code), null);
  if bank_goes then
    perform banking.close_source(r.source_id, code);
  end if;
end $$;
comment on function banking.book_redemption_failed(uuid, text, text, boolean, boolean) is
'The bank was not paid, or sent the money back: it is in the wallet again. Booked once, whenever it happens. bank_goes: the bank cannot be used any more.';
grant execute on function banking.book_redemption_failed(uuid, text, text, boolean, boolean) to service_role;
