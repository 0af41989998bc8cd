-- Savings, orders: what is due is paid for, bought in one order for many people, and shared out as it was really filled.
-- Why      A plan's few dollars are below what an exchange takes, and a hundred thousand orders are more than it likes.
--          The money of a batch is collected and its order noted in one transaction; the exchange is asked afterwards,
--          by a job; what it really did is booked once, whenever it is known.
-- Units    *_cents: US cents. *_micros: US dollars * 10^6, as the exchange counts. *_sats: satoshis. fee_cents is PaYa's,
--          exchange_fee_* the exchange's. Postings: wallets -> exchange_in_transit when collected; when it is known what
--          happened, exchange_in_transit -> exchange_cash (spent), -> revenue (our fee), -> wallets (the rest), and
--          btc_custody -> BTC wallets, remainder -> rounding.
-- Locks    One batch at a time; it takes its buys with skip locked, then the wallets in id order. Booking: the order's row, the carry's
--          row, then the wallets in id order.
-- Callers  service_role: the jobs.
-- Undo     Forward only.
set local lock_timeout = '5s';

insert into risk.limit_name (name) values ('buy_fee_bps'), ('buy_fee_free_count');
insert into risk.limit_value (name, value_max, reason)
values
('buy_fee_bps', 100, 'opening rule: one per cent of a buy'),
('buy_fee_free_count', 3, 'opening rule: the first three buys of a person cost no fee of ours');

create table savings.exchange_order (
  id uuid primary key,
  bookings_id uuid not null default gen_random_uuid(),
  state text not null default 'planned',
  buy_count integer not null,
  budget_cents bigint not null,
  fee_cents bigint not null,
  attempts integer not null default 0,
  vendor_ref text unique,
  last_error text not null default '',
  quantity_sats bigint,
  cost_micros bigint,
  exchange_fee_micros bigint,
  exchange_fee_sats bigint,
  spent_cents bigint,
  version bigint not null default 1,
  created_at timestamptz not null,
  first_sent_at timestamptz,
  last_sent_at timestamptz,
  next_at timestamptz not null,
  ended_at timestamptz,
  constraint state_is_known check (state in ('planned', 'submitted', 'open', 'filled', 'unfilled')),
  constraint ended_says_when check ((state in ('filled', 'unfilled')) = (ended_at is not null)),
  constraint budget_is_positive check (budget_cents > 0 and fee_cents >= 0 and buy_count > 0)
);
comment on table savings.exchange_order is
'One order at the exchange for many buys; its id is what the exchange is told as ours. budget_cents: what may be spent, its fee included. '
'bookings_id: what the ids of its bookings are made of. Nobody is told it: people choose ids of payments, and could use one up before.';
create index exchange_order_open on savings.exchange_order (next_at) where ended_at is null;
alter table savings.exchange_order enable row level security;

-- The exchange counts more finely than cents: what was rounded away is carried into the next order, so that the
-- account of our dollars there is never further from its statement than half a cent.
create table savings.exchange_carry (
  is_the_one boolean primary key default true,
  carried_micros bigint not null default 0,
  constraint there_is_one check (is_the_one),
  constraint carry_is_below_a_cent check (carried_micros between -5000 and 5000)
);
comment on table savings.exchange_carry is 'What the exchange took beyond the whole cents that were booked, in millionths of a dollar. One row.';
alter table savings.exchange_carry enable row level security;
insert into savings.exchange_carry default values;

-- plpgsql: called for every buy, where a function of sql with a search path of its own takes ten times as long
create function private.half_even(numerator bigint, denominator bigint) returns bigint
language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
declare
  whole constant bigint := numerator / denominator;
  twice_rest constant bigint := 2 * abs(numerator % denominator);
begin
  if twice_rest > denominator or (twice_rest = denominator and whole % 2 <> 0) then
    return whole + case when numerator < 0 then -1 else 1 end;
  end if;
  return whole;
end $$;
comment on function private.half_even(bigint, bigint) is 'A quotient rounded to the nearest integer, halves to the even one; the denominator is positive.';

create function private.part_of(id uuid, part text) returns uuid
language sql immutable strict set search_path = pg_catalog, pg_temp as $$ select md5(id || ':' || part)::uuid $$;
comment on function private.part_of(uuid, text) is 'The id of one part of what has this id: the same each time it is done.';

alter table savings.buy add column retry_at timestamptz;
comment on column savings.buy.retry_at is 'When a buy whose money was not there is tried again, or null.';
create index buy_of_order on savings.buy (order_id) where order_id is not null;
create index buy_by_person on savings.buy (person) where state in ('collected', 'bought');

create type savings.due_buy as (
  buy_id uuid, plan_id uuid, person uuid, due_at timestamptz, amount_cents bigint, fee_cents bigint, on_shortfall text, reason text
);

create function savings.take_due(maximum integer, price_cents bigint, high_cents bigint) returns setof savings.due_buy
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select d.id, d.plan_id, d.person, d.due_at, d.amount_cents,
    case when d.is_free then 0 else private.half_even(d.amount_cents * d.fee_bps, 10000) end, d.on_shortfall, d.reason
  from (
    select b.id, b.plan_id, b.person, b.due_at, p.on_shortfall, (t.decided).amount_cents, (f.maxima ->> 'buy_fee_bps')::bigint as fee_bps,
      (
        select count(*) from (
          select from savings.buy o where o.person = b.person and o.state in ('collected', 'bought')
          limit (f.maxima ->> 'buy_fee_free_count')::bigint
        ) earlier
      ) < (f.maxima ->> 'buy_fee_free_count')::bigint as is_free,
      case
        when p.state <> 'active' then 'plan_not_active'
        -- what waited for money stands back when the next one is due
        when b.retry_at is not null and exists (
          select from savings.buy l
          where l.plan_id = b.plan_id and l.due_at > b.due_at and l.due_at <= (select private.now()) and l.state = 'scheduled'
        ) then b.reason
        -- the bank's money was to pay it: the wallet does so in its place only where the plan says so
        when p.funding = 'bank' and p.on_shortfall <> 'use_wallet'
          and not exists (select from banking.provider_operation o where o.id = b.id and o.state = 'cleared') then 'bank_late'
        else (t.decided).reason
      end as reason
    from (
      select * from savings.buy w
      -- read once, not for each
      where w.state = 'scheduled' and w.due_at <= (select private.now()) and coalesce(w.retry_at, w.due_at) <= (select private.now())
      order by w.due_at, w.id limit take_due.maximum for no key update skip locked
    ) b
    join savings.plan p on p.id = b.plan_id
    cross join risk.limit_in_force f
    -- asked once for each
    cross join lateral (
      select savings.decide(
        p.amount_cents, p.buy_below_cents, p.dip_bps, p.dip_extra_cents, p.cap_cents,
        case when p.cap_cents is not null then (
          select coalesce(sum(s.amount_cents - s.refund_cents), 0)::bigint from savings.buy s
          where s.plan_id = b.plan_id and s.state in ('collected', 'bought')
        ) end,
        take_due.price_cents, take_due.high_cents) as decided
      offset 0
    ) t
  ) d
$$;
comment on function savings.take_due(integer, bigint, bigint) is
'Locks buys whose time has come, the oldest first: what each comes to at this price, our fee in it, or the reason why it is skipped.';

create function savings.book_skipped(skipped savings.due_buy[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  with done as (
    update savings.buy b set state = 'skipped', reason = d.reason, version = b.version + 1, ended_at = private.now()
    from unnest(skipped) d where b.id = d.buy_id
    returning b.id, b.person, b.plan_id, b.due_at, b.amount_cents, b.reason, b.version
  )
  insert into events.event (actor, kind, subject, version, payload)
  select null, 'buy.skipped', s.id, s.version, jsonb_build_object(
    'owner_id', s.person, 'plan_id', s.plan_id, 'due_at', s.due_at, 'amount_cents', s.amount_cents, 'reason', s.reason)
  from done s
$$;
comment on function savings.book_skipped(savings.due_buy[]) is 'Notes why each of these buys is not made, with its event.';

-- Where the plan says so, a buy that nobody could pay is tried every hour for a day.
create function savings.book_refused(refused savings.due_buy[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  with waiting as (
    update savings.buy b set
      retry_at = private.now() + interval '1 hour', reason = d.reason, version = b.version + 1
    from unnest(refused) d
    where b.id = d.buy_id and d.reason in ('insufficient_funds', 'bank_late') and d.on_shortfall = 'retry'
      and d.due_at > private.now() - interval '23 hours'
    returning b.*
  )
  insert into events.event (actor, kind, subject, version, payload)
  select null, 'buy.waits', w.id, w.version, jsonb_build_object(
    'owner_id', w.person, 'plan_id', w.plan_id, 'due_at', w.due_at, 'amount_cents', w.amount_cents, 'reason', w.reason,
    'retry_at', w.retry_at)
  from waiting w;
  perform savings.book_skipped(array(
    select d from unnest(refused) d join savings.buy b on b.id = d.buy_id where coalesce(b.retry_at, '-infinity') <= private.now()));
end $$;
comment on function savings.book_refused(savings.due_buy[]) is
'What becomes of buys that the wallet did not pay, or the bank not yet: tried again, or skipped.';

create function savings.order_due(order_id uuid, maximum integer, price_cents bigint, high_cents bigint)
returns table (seen integer, ordered integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  batch savings.due_buy[];
  paying savings.due_buy[];
  refusals text [];
begin
  if order_id is null or coalesce(maximum, 0) not between 1 and 20000 or coalesce(price_cents, 0) <= 0 or coalesce(high_cents, 0) <= 0 then
    perform private.refuse('batch_malformed');
  end if;
  -- Two at once would each count a person's free buys and a plan's cap without the other's.
  perform pg_advisory_xact_lock(hashtextextended('savings_order_due', 0));
  -- first, whoever ticks first: what was missed is not bought, or once for all of it
  perform savings.skip_missed();
  batch := array(select d from savings.take_due(maximum, price_cents, high_cents) d);
  seen := cardinality(batch);
  ordered := 0;
  perform savings.book_refused(array(select d from unnest(batch) d where d.reason = 'bank_late'));
  perform savings.book_skipped(array(select d from unnest(batch) d where d.reason <> 'bank_late'));
  -- one buy of a person at a time: the next batch, a moment later, sees what this one left in the wallet
  paying := array(
    select row(d.buy_id, d.plan_id, d.person, d.due_at, d.amount_cents, d.fee_cents, d.on_shortfall, null)::savings.due_buy
    from (
      select u.*, row_number() over (partition by u.person order by u.due_at, u.buy_id) as turn
      from unnest(batch) u where u.reason is null
    ) d where d.turn = 1 order by d.buy_id);
  if cardinality(paying) = 0 then
    return next;
    return;
  end if;
  refusals := array(
    select coalesce(c.refusal, '') from ledger.collect(
      order_id,
      (select array_agg(a.id order by d.n)
        from unnest(paying) with ordinality d (buy_id, plan_id, person, due_at, amount_cents, fee_cents, on_shortfall, reason, n)
        join ledger.account a on a.owner = d.person and a.kind = 'wallet' and a.asset = 'USD'),
      (select array_agg(d.amount_cents order by d.n)
        from unnest(paying) with ordinality d (buy_id, plan_id, person, due_at, amount_cents, fee_cents, on_shortfall, reason, n)),
      ledger.system_account('exchange_in_transit'), 'buy') with ordinality c (account_id, amount, refusal, n)
    order by c.n);
  perform savings.book_refused(array(
    select row(d.buy_id, d.plan_id, d.person, d.due_at, d.amount_cents, d.fee_cents, d.on_shortfall, d.refusal)::savings.due_buy
    from unnest(paying, refusals) d (buy_id, plan_id, person, due_at, amount_cents, fee_cents, on_shortfall, reason, refusal)
    where d.refusal <> ''));
  with bought as (
    update savings.buy b set
      state = 'collected', reason = null, amount_cents = d.amount_cents, fee_cents = d.fee_cents, order_id = order_id,
      collected_at = moment, version = b.version + 1
    from unnest(paying, refusals) d (buy_id, plan_id, person, due_at, amount_cents, fee_cents, on_shortfall, reason, refusal)
    where b.id = d.buy_id and d.refusal = ''
    returning b.*
  ), planned as (
    insert into savings.exchange_order (id, buy_count, budget_cents, fee_cents, created_at, next_at)
    select order_id, count(*), sum(b.amount_cents - b.fee_cents), sum(b.fee_cents), moment, moment + interval '1 minute'
    from bought b having count(*) > 0
  )
  insert into events.event (actor, kind, subject, version, payload)
  select null, 'buy.collected', b.id, b.version, jsonb_build_object(
    'owner_id', b.person, 'plan_id', b.plan_id, 'due_at', b.due_at, 'amount_cents', b.amount_cents, 'fee_cents', b.fee_cents,
    'order_id', order_id)
  from bought b;
  get diagnostics ordered = row_count;
  if ordered > 0 then
    perform events.record('order.planned', order_id, 1, jsonb_build_object('buy_count', ordered), null);
    perform jobs.enqueue('savings', 'submit_order', jsonb_build_object('order_id', order_id), 'submit_order:' || order_id);
  end if;
  return next;
end $$;
comment on function savings.order_due(uuid, integer, bigint, bigint) is
'Takes a batch of what is due at this price: skips what is to be skipped, collects the money of the rest, and notes one order for them. '
'How many were looked at, and how many are in the order; nothing is left to do when none was seen.';
grant execute on function savings.order_due(uuid, integer, bigint, bigint) to service_role;

-- Each in its own transaction: whoever changes a plan holds it before its buys, and a batch holds buys.
create function savings.plans_to_stop() returns table (plan_id uuid, reason text, ends boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.id, l.reason, l.reason = 'cap_reached'
  from savings.plan p
  cross join lateral (
    select max(b.reason) as reason, count(*) as told from (
      select coalesce(s.reason, '') as reason from savings.buy s
      where s.plan_id = p.id and s.state not in ('scheduled', 'canceled') and s.due_at >= p.changed_at
      order by s.due_at desc limit 3
    ) b where b.reason in ('insufficient_funds', 'bank_late', 'cap_reached')
  ) l
  where p.state = 'active' and (l.told = 3 or l.reason = 'cap_reached') and p.id in (
    select r.plan_id from savings.buy r where r.state = 'skipped' and r.ended_at > private.now() - interval '1 day')
$$;
comment on function savings.plans_to_stop() is
'Plans to pause, after three buys in a row without money, and plans to end, whose cap leaves no room for another buy.';
grant execute on function savings.plans_to_stop() to service_role;

create function savings.claim_order(order_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
begin
  select * into o from savings.exchange_order t where t.id = order_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "order"}');
  end if;
  if o.state in ('planned', 'submitted') then
    update savings.exchange_order t set attempts = t.attempts + 1, next_at = private.now() + interval '1 minute'
    where t.id = order_id returning * into o;
  end if;
  return jsonb_build_object(
    'state', case o.state when 'planned' then 'submitted' else o.state end, 'is_first', o.first_sent_at is null,
    'attempts', o.attempts, 'sent_s', extract(epoch from clock_timestamp() - o.last_sent_at)::float8, 'budget_cents', o.budget_cents,
    'is_late', o.created_at < private.now() - interval '1 hour');
end $$;
comment on function savings.claim_order(uuid) is
'What to ask the exchange for (budget_cents), whether nothing was ever asked, and how long ago it was asked last. Counts the try.';
grant execute on function savings.claim_order(uuid) to service_role;

create function savings.note_order_sent(order_id uuid, attempts integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
begin
  update savings.exchange_order t set
    state = 'submitted', version = t.version + 1, last_sent_at = clock_timestamp(),
    first_sent_at = coalesce(t.first_sent_at, clock_timestamp())
  where t.id = order_id and t.state in ('planned', 'submitted') and t.attempts = attempts returning * into o;
  if not found then
    perform private.refuse('work_done', '{"finished": 0, "asked": 1}');
  end if;
  perform events.record('order.submitted', order_id, o.version, jsonb_build_object('attempts', o.attempts), null);
end $$;
comment on function savings.note_order_sent(uuid, integer) is
'Notes, before the exchange is asked, that it may have the order from now on. Refused when somebody else claimed it meanwhile.';
grant execute on function savings.note_order_sent(uuid, integer) to service_role;

create function savings.note_order_attempt(order_id uuid, error text, is_unsent boolean) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
begin
  -- only what certainly never arrived, and was sent once, goes back to "not sent"
  update savings.exchange_order t set
    last_error = left(error, 200), version = t.version + 1,
    state = case when is_unsent and t.first_sent_at = t.last_sent_at then 'planned' else t.state end,
    first_sent_at = case when is_unsent and t.first_sent_at = t.last_sent_at then null else t.first_sent_at end
  where t.id = order_id and t.state in ('planned', 'submitted') returning * into o;
  if found then
    perform events.record('order.unanswered', order_id, o.version, jsonb_build_object('error', o.last_error, 'is_unsent', o.state = 'planned'), null);
  end if;
  if o.id is not null and error = 'exchange_unfunded' then
    perform cases.open_case('exchange_unfunded', 'account:exchange_cash', jsonb_build_object('order_id', order_id, 'budget_cents', o.budget_cents));
  end if;
end $$;
comment on function savings.note_order_attempt(uuid, text, boolean) is
'Notes why the exchange did not take an order yet. That our account there is empty is somebody''s case (exchange_unfunded).';
grant execute on function savings.note_order_attempt(uuid, text, boolean) to service_role;

create function savings.book_order_open(order_id uuid, vendor_ref text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
begin
  select * into o from savings.exchange_order t where t.id = order_id for no key update;
  if o.vendor_ref <> vendor_ref then
    perform private.refuse('order_sent_twice', jsonb_build_object('order_id', order_id, 'vendor_refs', jsonb_build_array(o.vendor_ref, vendor_ref)));
  end if;
  if o.state not in ('planned', 'submitted') then
    return;
  end if;
  update savings.exchange_order t set
    state = 'open', vendor_ref = vendor_ref, last_error = '', version = t.version + 1, next_at = private.now() + interval '10 seconds'
  where t.id = order_id returning * into o;
  perform events.record('order.opened', order_id, o.version, jsonb_build_object('vendor_ref', vendor_ref), null);
  perform jobs.enqueue('savings', 'follow_order', jsonb_build_object('order_id', order_id), 'follow_order:' || order_id);
end $$;
comment on function savings.book_order_open(uuid, text) is 'The exchange took the order and calls it vendor_ref.';
grant execute on function savings.book_order_open(uuid, text) to service_role;

create function savings.orders_to_ask(maximum integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  stale savings.exchange_order;
  asked integer := 0;
begin
  for stale in
    select * from savings.exchange_order o where o.ended_at is null and o.next_at <= private.now()
    order by o.next_at limit maximum for no key update skip locked
  loop
    update savings.exchange_order o set next_at = private.now() + interval '1 minute' where o.id = stale.id;
    perform jobs.enqueue('savings', case when stale.state = 'open' then 'follow_order' else 'submit_order' end,
      jsonb_build_object('order_id', stale.id), case when stale.state = 'open' then 'follow_order:' else 'submit_order:' end || stale.id);
    asked := asked + 1;
  end loop;
  return asked;
end $$;
comment on function savings.orders_to_ask(integer) is 'Enqueues a question about every order that is overdue; returns how many.';
grant execute on function savings.orders_to_ask(integer) to service_role;

create function savings.vendor_ref_of(order_id uuid) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.vendor_ref from savings.exchange_order o where o.id = order_id and o.ended_at is null
$$;
comment on function savings.vendor_ref_of(uuid) is 'What the exchange calls an order that is not over, or null.';
grant execute on function savings.vendor_ref_of(uuid) to service_role;

-- While the exchange has no price nothing is bought; after six hours what waits for it is skipped.
create function savings.skip_unpriced() returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  late savings.due_buy[];
begin
  late := array(
    select row(b.id, b.plan_id, b.person, b.due_at, b.amount_cents, 0, '', 'exchange_unavailable')::savings.due_buy
    from savings.buy b where b.state = 'scheduled' and b.due_at <= private.now() - interval '6 hours'
    order by b.due_at limit 20000 for no key update skip locked);
  perform savings.book_skipped(late);
  return cardinality(late);
end $$;
comment on function savings.skip_unpriced() is 'Skips what has waited for a price for six hours; returns how many.';
grant execute on function savings.skip_unpriced() to service_role;
