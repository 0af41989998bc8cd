-- Charges, authorizing: a hold on a test card's account, or a decline.
-- Why      The hot path: one call, one look at what is known, one hold, one row, one event.
-- Units    *_minor: minor units of the currency.
-- Locks    The account's lock shared; a card's account in the sandbox's ledger. A card has sixteen accounts, of which the last
--          digit of a charge's id names one, so that charges of one card do not queue behind each other.
-- Callers  charges.execute, as service_role.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function charges.card_id(account uuid, card text) returns uuid
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return charges.derived_id(account, account || ':' || card);
end $$;
comment on function charges.card_id(uuid, text) is 'The id that an account knows a test card by.';

create function charges.open_cardholder(account uuid, holder uuid, asset text) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  found_id bigint;
begin
  insert into charges.account_clock (account_id) values (account) on conflict do nothing;
  insert into sandbox.account (asset, kind, owner, is_summing)
  select asset, k.kind, account, k.kind <> 'merchant_available'
  from unnest(array['test_issuer', 'merchant_pending', 'merchant_available', 'fees', 'refunds_in_transit', 'dispute_reserve']) k (kind)
  on conflict do nothing;
  insert into sandbox.account (asset, kind, owner, min_balance) values (asset, 'cardholder', holder, 0) on conflict do nothing;
  select a.id into found_id from sandbox.account a where a.owner = holder and a.asset = asset and a.kind = 'cardholder';
  -- what a test card can pay: more than can be charged to it in the life of its account
  perform sandbox.post(
    charges.derived_id(holder, holder || asset), charges.account_of(account, 'test_issuer', asset), found_id, 1000000000000000,
    'test_card_created');
  return found_id;
end $$;
comment on function charges.open_cardholder(uuid, uuid, text) is
'One of the accounts of a test card, with money from the test issuer; opens the merchant''s too.';

create function charges.account_of(account uuid, kind text, asset text) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (select a.id from sandbox.account a where a.owner = account and a.asset = account_of.asset and a.kind = account_of.kind);
end $$;
comment on function charges.account_of(uuid, text, text) is 'The sandbox ledger''s account of this kind.';

create function charges.authorize(account uuid, id uuid, request jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['amount_minor', 'currency', 'card', 'allow_partial', 'metadata']);
  wanted bigint;
  approved bigint;
  partial_too boolean := request ? 'allow_partial' and charges.flag_in(request, 'allow_partial', false);
  metadata jsonb := case when request ? 'metadata' then charges.metadata_in(request) else '{}' end;
  card charges.test_card;
  known_card uuid;
  holder uuid;
  asset text;
  maximum bigint;
  declined text;
  hold_at bigint;
  c charges.charge;
  shown jsonb;
begin
  select * into c from charges.charge t where t.account_id = account and t.id = id;
  if not found then
    known_card := charges.card_id(account, request ->> 'card');
    holder := (left(known_card::text, 34) || '0' || right(id::text, 1))::uuid;  -- sandbox.leg_id of the last digit
    select t.name, t.brand, t.last4, t.decline_code, t.behaviour, u.asset, u.amount_max_minor, a.id
    into card.name, card.brand, card.last4, card.decline_code, card.behaviour, asset, maximum, hold_at
    from charges.test_card t cross join charges.currency u
    left join sandbox.account a on a.owner = holder and a.asset = u.asset and a.kind = 'cardholder'
    where t.name = request ->> 'card' and u.code = request ->> 'currency';
    if not found and not exists (select from charges.test_card t where t.name = request ->> 'card') then
      perform private.refuse('card_not_a_test_card');
    elsif card.name is null then
      perform private.refuse('currency_unknown', jsonb_build_object(
        'known', (select jsonb_agg(u.code order by u.code) from charges.currency u)));
    end if;
    wanted := charges.minor_in(request, 'amount_minor', maximum);
    if wanted is null then
      perform private.refuse('charge_field_invalid', '{"param": "amount_minor"}');
    end if;
    declined := card.decline_code;
    if declined is null and wanted between 200000 and 209999 then
      declined := (select t.decline_code from charges.test_amount t where t.amount_minor = wanted);
    end if;
    approved := wanted;
    if declined is null and card.behaviour = 'partial' then
      approved := (wanted + 1) / 2;
      declined := case when not partial_too and approved < wanted then 'insufficient_funds' end;
    end if;
    if declined is null then
      hold_at := coalesce(hold_at, charges.open_cardholder(account, holder, asset));
      perform sandbox.authorize(id, hold_at, approved, 'charge');
    else
      insert into charges.account_clock (account_id) values (account) on conflict do nothing;
    end if;
    insert into charges.charge (
      account_id, id, digest, card_name, card_id, brand, last4, currency, requested_minor, authorized_minor, reason, decline_code, hold_id,
      metadata, created_at, expires_at, open_until)
    values (
      account, id, asked, card.name, known_card, card.brand, card.last4, request ->> 'currency', wanted,
      case when declined is null then approved else 0 end, case when declined is not null then 'declined' end, declined,
      case when declined is null then id end, metadata, moment, case when declined is null then moment + interval '7 days' end,
      case when declined is null then moment + interval '7 days' end)
    on conflict do nothing
    returning * into c;
    if found then
      shown := charges.charge_json(c);
      -- as charges.record, from what is at hand
      insert into charges.event (id, account_id, kind, object_kind, object_id, version, occurred_at, data)
      values (
        charges.derived_id(id, account || id::text || '1'), account,
        case when declined is null then 'payment.authorized' else 'payment.declined' end, 'charge', id, 1, moment, shown);
      return shown;
    end if;
    -- somebody made it while this one waited for the card
    select * into c from charges.charge t where t.account_id = account and t.id = id;
  end if;
  if c.digest <> asked then
    perform private.refuse('key_reused', '{"what": "charge"}');
  end if;
  return charges.charge_json(c);
end $$;
comment on function charges.authorize(uuid, uuid, jsonb) is
'Makes a charge once per id: {amount_minor, currency, card (a test card''s name), allow_partial?, metadata?}. A decline is a charge, too.';

-- Expiry is booked at its own time: by whoever touches the charge later, or by the clock.
create function charges.book_expiry(account uuid, charge_id uuid, moment timestamptz) returns charges.charge
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  c charges.charge;
begin
  update charges.charge t set
    released_minor = t.authorized_minor - t.captured_minor, reason = 'expired', open_until = null, version = t.version + 1,
    changed_at = clock_timestamp()
  where t.account_id = account and t.id = charge_id and t.open_until is not null
  returning * into c;
  perform sandbox.release(c.hold_id);
  perform charges.record(account, 'payment.expired', moment, charges.charge_json(c));
  return c;
end $$;
comment on function charges.book_expiry(uuid, uuid, timestamptz) is 'Releases what of a locked charge is open: nobody captured it in time.';

create function charges.lock_charge(account uuid, charge_id uuid, moment timestamptz) returns charges.charge
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  c charges.charge;
begin
  select * into c from charges.charge t where t.account_id = account and t.id = charge_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "charge"}');
  end if;
  if c.open_until <= moment then
    c := charges.book_expiry(account, charge_id, c.open_until);
  end if;
  return c;
end $$;
comment on function charges.lock_charge(uuid, uuid, timestamptz) is 'A charge of the account, locked; expired first when its time is over.';

create function charges.is_done(account uuid, id uuid, kind text, subject uuid, asked bytea) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  known charges.operation;
begin
  select * into known from charges.operation o where o.account_id = account and o.id = id;
  if not found then
    return false;
  end if;
  if (known.kind, known.subject, known.digest) is distinct from (kind, subject, asked) then
    perform private.refuse('key_reused', jsonb_build_object('what', known.kind));
  end if;
  return true;
end $$;
comment on function charges.is_done(uuid, uuid, text, uuid, bytea) is
'Whether the operation of this id was done before; another one of the same id is refused.';

create function charges.increment(account uuid, id uuid, request jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['charge_id', 'amount_minor']);
  c charges.charge := charges.lock_charge(account, charges.id_in(request, 'charge_id'), moment);
  maximum bigint := (select u.amount_max_minor from charges.currency u where u.code = c.currency);
  more bigint := charges.minor_in(request, 'amount_minor', maximum);
  hold_at bigint;
begin
  if charges.is_done(account, id, 'increment', c.id, asked) then
    return charges.charge_json(c);
  end if;
  if more is null then
    perform private.refuse('charge_field_invalid', '{"param": "amount_minor"}');
  end if;
  perform charges.require(c, 'increment');
  if c.authorized_minor + more > maximum then
    perform private.refuse('charge_amount_exceeds', jsonb_build_object('param', 'amount_minor', 'left_minor', maximum - c.authorized_minor));
  end if;
  select h.account_id into hold_at from sandbox.hold h where h.id = c.hold_id;
  -- a hold does not change its amount: a larger one takes its place
  perform sandbox.release(c.hold_id);
  perform sandbox.authorize(id, hold_at, c.authorized_minor + more, 'charge', null, c.id::text);
  update charges.charge t set
    requested_minor = t.requested_minor + more, authorized_minor = t.authorized_minor + more, hold_id = id,
    increment_count = t.increment_count + 1, version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  insert into charges.operation (account_id, id, kind, subject, digest, created_at) values (account, id, 'increment', c.id, asked, moment);
  perform charges.record(account, 'payment.authorized', moment, charges.charge_json(c));
  return charges.charge_json(c);
end $$;
comment on function charges.increment(uuid, uuid, jsonb) is
'Authorizes more of a charge of which nothing was captured, at most ten times: {charge_id, amount_minor}.';
