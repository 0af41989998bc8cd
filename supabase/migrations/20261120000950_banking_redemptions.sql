-- Banking, redemptions: asking for money in the wallet to be paid to one's bank, and seeing where it is.
-- Why      The redemption, its hold, the operation for the vendor, the job and the event are one transaction: none
--          without the others. The hold has no end of its own: only what becomes of the redemption resolves it.
-- Units    amount_cents: US cents. Limits roll over seven days; redeem_account_days: how old an account must be.
-- Locks    The person's wallet row first, so of many at once exactly those within the limits and the balance start.
-- Callers  People start and read their own (auth.uid()); service_role says which environment the vendor is.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table banking.redemption (
  id uuid primary key references banking.provider_operation (id),
  person uuid not null references public.profiles (id),
  source_id uuid not null references banking.source (id),
  amount_cents bigint not null,
  reference text not null unique,
  hold_id uuid not null unique default gen_random_uuid(),
  capture_id uuid not null default gen_random_uuid(),
  burn_transfer uuid not null default gen_random_uuid(),
  return_transfer uuid not null default gen_random_uuid(),
  version bigint not null default 1,
  created_at timestamptz not null,
  constraint amount_is_positive check (amount_cents > 0)
);
comment on table banking.redemption is 'Money on its way from a wallet to a bank.';
create index redemption_by_person on banking.redemption (person, created_at desc, id desc);
alter table banking.redemption enable row level security;

create table banking.vendor_environment (
  id bigint generated always as identity primary key,
  environment text not null,
  since timestamptz not null default clock_timestamp(),
  constraint environment_is_known check (environment in ('sandbox', 'production'))
);
comment on table banking.vendor_environment is
'Whether the vendor moves test money or real money, as the server says when it starts; the newest row is in force.';
alter table banking.vendor_environment enable row level security;
create trigger vendor_environment_is_append_only before update or delete on banking.vendor_environment
for each row execute function private.append_only();

-- Until the server has said anything it is real money: the stricter rules are in force.
create function banking.environment_in_force() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce((select e.environment from banking.vendor_environment e order by e.id desc limit 1), 'production')
$$;
comment on function banking.environment_in_force() is 'sandbox where the vendor moves test money, production otherwise.';

create function banking.use_environment(environment text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  before text := banking.environment_in_force();
  n bigint;
begin
  if environment is distinct from before then
    insert into banking.vendor_environment (environment) values (environment) returning id into n;
    perform events.record('vendor.environment_changed', md5('vendor_environment')::uuid, n,
      jsonb_build_object('before', before, 'after', environment), null);
  end if;
end $$;
comment on function banking.use_environment(text) is 'Notes which environment the vendor is, when it is another than before.';
grant execute on function banking.use_environment(text) to service_role;

insert into risk.limit_value (name, value_max, reason)
values
('redeem_account_days', 14, 'opening rule: no redemption in the first 14 days of an account'),
('redeem_account_days_sandbox', 0, 'opening rule: test money may be redeemed at once'),
('redeem_single_min_cents', 100, 'opening rule: a redemption is at least 1.00, or all that is there'),
('redeem_single_cents', 500000, 'opening rule: a redemption is at most 5,000.00, as much as the largest wallets allow'),
('redeem_week_cents', 2000000, 'opening rule: 20,000.00 redeemed in 7 days, as much as the largest wallets allow');

create function banking.redeems_from(person uuid) returns timestamptz
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.created_at + make_interval(days => banking.limit_of(p.id, case banking.environment_in_force()
    when 'sandbox' then 'redeem_account_days_sandbox' else 'redeem_account_days' end)::integer)
  from public.profiles p where p.id = redeems_from.person
$$;
comment on function banking.redeems_from(uuid) is 'From when on a person may redeem; null for nobody, or when the rule is missing.';

create function banking.redeemed_in_week(person uuid, except_id uuid default null) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(sum(r.amount_cents), 0)::bigint
  from banking.redemption r join banking.provider_operation o on o.id = r.id
  where r.person = redeemed_in_week.person and r.created_at > private.now() - interval '7 days'
    and o.state not in ('failed', 'canceled', 'returned') and r.id is distinct from redeemed_in_week.except_id
$$;
comment on function banking.redeemed_in_week(uuid, uuid) is 'What a person redeemed in the last seven days in US cents, one redemption left out.';

-- The first moment at which this much fits into the rolling week, if nothing else is redeemed.
create function banking.redemption_room_at(person uuid, amount_cents bigint) returns timestamptz
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select max(w.created_at) + interval '7 days' from (
    select r.created_at, sum(r.amount_cents) over (order by r.created_at desc, r.id desc) as from_here
    from banking.redemption r join banking.provider_operation o on o.id = r.id
    where r.person = redemption_room_at.person and r.created_at > private.now() - interval '7 days'
      and o.state not in ('failed', 'canceled', 'returned')
  ) w where w.from_here + redemption_room_at.amount_cents > banking.limit_of(redemption_room_at.person, 'redeem_week_cents')
$$;

create function banking.redemption_refusal(person uuid, amount_cents bigint, except_id uuid default null) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  opens_at timestamptz := banking.redeems_from(person);
  single bigint := banking.limit_of(person, 'redeem_single_cents');
  week bigint := banking.limit_of(person, 'redeem_week_cents');
  used bigint := banking.redeemed_in_week(person, except_id);
begin
  if opens_at is null or opens_at > private.now() then
    return jsonb_build_object('limit', 'redeem_account_days', 'resets_at', opens_at, 'opens_at', opens_at);
  elsif single is null or amount_cents > single then
    return jsonb_build_object('limit', 'redeem_single_cents', 'max', coalesce(single, 0));
  elsif week is null or used + amount_cents > week then
    return jsonb_build_object('limit', 'redeem_week_cents', 'max', coalesce(week, 0), 'used', used,
      'resets_at', banking.redemption_room_at(person, amount_cents));
  end if;
  return null;
end $$;
comment on function banking.redemption_refusal(uuid, bigint, uuid) is
'Which limit a redemption of this much would break, with its facts, or null. Exact while the caller holds the person''s wallet row.';

create function banking.redemption_json(redemption_id uuid, viewer uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', r.id, 'amount_cents', r.amount_cents, 'state', o.state, 'reference', r.reference,
    'source', banking.source_json(s), 'created_at', r.created_at, 'accepted_at', o.accepted_at,
    'settled_at', o.settled_at, 'cleared_at', o.cleared_at, 'ended_at', o.ended_at,
    'failure_code', o.failure_code, 'is_delayed',
    o.state in ('queued', 'submitted') and (o.last_error <> '' or providers.is_down('dwolla')),
    'cancel', banking.cancel_word(o))
  from banking.redemption r
  join banking.provider_operation o on o.id = r.id
  join banking.source s on s.id = r.source_id
  where r.id = redemption_id and r.person = viewer
$$;
comment on function banking.redemption_json(uuid, uuid) is 'A redemption as its owner may see it, or null.';

create function banking.start_redemption(redemption_id uuid, source_id uuid, amount_cents bigint) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  least_cents bigint := coalesce(banking.limit_of(auth.uid(), 'redeem_single_min_cents'), 1);
  facts jsonb := jsonb_build_object('amount_cents', amount_cents);
  reference text := banking.new_reference('CO');
  purse ledger.account;
  available bigint;
  bank banking.source;
  known record;
  refusal jsonb;
  hold_id uuid;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if redemption_id is null or source_id is null then
    perform private.refuse('request_invalid');
  end if;
  if amount_cents is null or amount_cents < 1 then
    perform private.refuse('redemption_amount_invalid', jsonb_build_object('min_cents', least_cents));
  end if;

  -- From here on this person starts no other bank transfer, so what is counted below stays true.
  select * into purse from ledger.account a where a.id = ledger.wallet_of(person) for no key update;

  select r.person, r.source_id, r.amount_cents into known from banking.redemption r where r.id = redemption_id;
  if found then
    if (known.person, known.source_id, known.amount_cents) is distinct from (person, source_id, amount_cents) then
      perform private.refuse('redemption_key_reused');
    end if;
    return banking.redemption_json(redemption_id, person);
  end if;
  if exists (select from banking.provider_operation o where o.id = redemption_id) then
    perform private.refuse('redemption_key_reused');
  end if;
  if purse.id is null or purse.state <> 'active' then
    perform private.refuse('redemption_account_unavailable', facts || jsonb_build_object('state', purse.state));
  end if;
  select * into bank from banking.source s where s.id = source_id and s.person = person for share;
  if not found or bank.state not in ('unverified', 'verified') then
    perform private.refuse('not_found', '{"what": "bank"}');
  end if;
  if bank.state <> 'verified' then
    perform private.refuse('redemption_bank_unconfirmed', facts);
  end if;
  available := purse.balance - purse.held - purse.min_balance;
  if amount_cents < least_cents and amount_cents <> available then
    perform private.refuse('redemption_amount_invalid', jsonb_build_object('min_cents', least_cents));
  end if;
  refusal := banking.redemption_refusal(person, amount_cents);
  if refusal is not null then
    perform private.refuse('redemption_limit', facts || refusal);
  end if;
  if amount_cents > available then
    perform private.refuse('redemption_uncovered', facts || jsonb_build_object('available_cents', available));
  end if;

  insert into banking.provider_operation (id, kind, next_at, requested_at)
  values (redemption_id, 'redemption', moment + interval '1 minute', moment) on conflict do nothing;
  if not found then -- somebody else's, who asked under the same id at this very moment
    perform private.refuse('redemption_key_reused');
  end if;
  insert into banking.redemption (id, person, source_id, amount_cents, reference, created_at)
  values (redemption_id, person, source_id, amount_cents, reference, moment)
  returning banking.redemption.hold_id into hold_id;
  perform ledger.authorize(hold_id, purse.id, amount_cents, 'redemption', null, reference);
  perform jobs.enqueue('banking', 'submit_redemption', jsonb_build_object('redemption_id', redemption_id),
    'submit_redemption:' || redemption_id, null, banking.order_of(person));
  perform events.record('redemption.requested', redemption_id, 1, jsonb_build_object('owner_id', person, 'amount_cents', amount_cents));
  return banking.redemption_json(redemption_id, person);
end $$;
comment on function banking.start_redemption(uuid, uuid, bigint) is
'Has the caller''s money paid to their bank once per redemption_id: hold, redemption, operation, job and event together. Returns it.';
grant execute on function banking.start_redemption(uuid, uuid, bigint) to authenticated;

create function banking.my_redemptions(before timestamptz, maximum integer) returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select banking.redemption_json(r.id, auth.uid()) from (
    select r.id, r.created_at from banking.redemption r
    where r.person = auth.uid() and (before is null or r.created_at < before)
    order by r.created_at desc, r.id desc limit least(greatest(maximum, 0), 100)
  ) r order by r.created_at desc, r.id desc
$$;
comment on function banking.my_redemptions(timestamptz, integer) is 'The caller''s redemptions, newest first.';
grant execute on function banking.my_redemptions(timestamptz, integer) to authenticated;

create function banking.my_redemption(redemption_id uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select banking.redemption_json(redemption_id, auth.uid())
$$;
comment on function banking.my_redemption(uuid) is 'One of the caller''s redemptions, or null.';
grant execute on function banking.my_redemption(uuid) to authenticated;

create function banking.my_redemption_limits() returns table (
  single_min_cents bigint, single_max_cents bigint, week_max_cents bigint, week_used_cents bigint,
  available_cents bigint, opens_at timestamptz, more_at timestamptz, resets_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select banking.limit_of(p.id, 'redeem_single_min_cents'), banking.limit_of(p.id, 'redeem_single_cents'),
    banking.limit_of(p.id, 'redeem_week_cents'), banking.redeemed_in_week(p.id),
    (select a.balance - a.held - a.min_balance from ledger.account a where a.id = ledger.wallet_of(p.id)),
    case when banking.redeems_from(p.id) > private.now() then banking.redeems_from(p.id) end,
    banking.redemption_room_at(p.id, banking.limit_of(p.id, 'redeem_single_min_cents')),
    (select min(r.created_at) + interval '7 days'
     from banking.redemption r join banking.provider_operation o on o.id = r.id
     where r.person = p.id and r.created_at > private.now() - interval '7 days'
       and o.state not in ('failed', 'canceled', 'returned'))
  from public.profiles p where p.id = auth.uid()
$$;
comment on function banking.my_redemption_limits() is
'What the caller may redeem: bounds of one, the week''s maximum and use, what is available, and from when on: '
'at all (opens_at), again (more_at), more than now (resets_at).';
grant execute on function banking.my_redemption_limits() to authenticated;
