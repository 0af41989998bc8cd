-- Savings, the lab: a bitcoin's price day by day, kept, and what a plan would have done with prices that somebody gives.
-- Why      A page asks no vendor: a job keeps the exchange's whole days. The lab decides with savings.decide, as live buys
--          do, and spends, charges and gives back by the same rules as one order of one buy.
-- Units    *_cents of a candle and prices: US cents for a whole bitcoin, days are of UTC. *_cents else: US cents.
--          *_sats: satoshis; *_bps: hundredths of a percent.
-- Locks    The days that are written, in their order.
-- Callers  service_role keeps candles; people who are signed in read them and simulate.
-- Undo     Forward only.
set local lock_timeout = '5s';

insert into risk.limit_name (name) values ('lab_back_days'), ('lab_ahead_days'), ('lab_buys_count');
insert into risk.limit_value (name, value_max, reason)
values
('lab_back_days', 1830, 'opening rule: the lab looks back five years at most'),
('lab_ahead_days', 1830, 'opening rule: the lab looks ahead five years at most'),
('lab_buys_count', 200000, 'opening rule: the lab counts 200,000 buys at once at most, of all its runs together; one to two seconds');

create table savings.candle (
  day date primary key,
  open_cents bigint not null,
  high_cents bigint not null,
  low_cents bigint not null,
  close_cents bigint not null,
  is_synthetic boolean not null,
  kept_at timestamptz not null,
  constraint prices_lie_between_low_and_high check (
    low_cents > 0 and low_cents <= least(open_cents, close_cents) and high_cents >= greatest(open_cents, close_cents)
  )
);
comment on table savings.candle is
'What a bitcoin cost on each whole day that the exchange told of. is_synthetic: made up, as the embedded exchange says of its own.';
alter table savings.candle enable row level security;

create function savings.needs_candles() returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select not exists (select from savings.candle c where c.day >= (private.now() at time zone 'UTC')::date - 1)
$$;
comment on function savings.needs_candles() is 'Whether yesterday is not kept yet.';
grant execute on function savings.needs_candles() to service_role;

-- Made-up days never stand among real ones: real ones end them, and once there are real ones, made-up ones are not taken.
create function savings.keep_candles(
  days date[], opens_cents bigint[], highs_cents bigint[], lows_cents bigint[], closes_cents bigint[], are_synthetic boolean[]
) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  has_real boolean := false = any(are_synthetic);
  kept integer;
begin
  if has_real then
    delete from savings.candle c where c.is_synthetic;
  end if;
  insert into savings.candle (day, open_cents, high_cents, low_cents, close_cents, is_synthetic, kept_at)
  select u.*, private.now()
  from unnest(days, opens_cents, highs_cents, lows_cents, closes_cents, are_synthetic) u (day, opened, high, low, closed, is_synthetic)
  where not u.is_synthetic or not (has_real or exists (select from savings.candle r where not r.is_synthetic))
  order by u.day
  on conflict (day) do update set
    open_cents = excluded.open_cents, high_cents = excluded.high_cents, low_cents = excluded.low_cents,
    close_cents = excluded.close_cents, is_synthetic = excluded.is_synthetic, kept_at = excluded.kept_at
  where (candle.open_cents, candle.high_cents, candle.low_cents, candle.close_cents, candle.is_synthetic)
    is distinct from (excluded.open_cents, excluded.high_cents, excluded.low_cents, excluded.close_cents, excluded.is_synthetic);
  get diagnostics kept = row_count;
  return kept;
end $$;
comment on function savings.keep_candles(date[], bigint[], bigint[], bigint[], bigint[], boolean[]) is
'Keeps whole days as the exchange tells them now; returns how many were new or other than before.';
grant execute on function savings.keep_candles(date[], bigint[], bigint[], bigint[], bigint[], boolean[]) to service_role;

create function savings.candles(maximum integer) returns table (
  day date, open_cents bigint, high_cents bigint, low_cents bigint, close_cents bigint, is_synthetic boolean
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select l.* from (
    select c.day, c.open_cents, c.high_cents, c.low_cents, c.close_cents, c.is_synthetic
    from savings.candle c order by c.day desc limit least(candles.maximum, risk.limit_max('lab_back_days'))
  ) l order by l.day
$$;
comment on function savings.candles(integer) is 'The newest days that are kept, the oldest of them first.';
grant execute on function savings.candles(integer) to authenticated, service_role;

create function savings.check_trial(terms jsonb) returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  perform savings.check_terms(savings.with_terms(null, terms), null);
  return jsonb_build_object(
    'back_days', risk.limit_max('lab_back_days'), 'ahead_days', risk.limit_max('lab_ahead_days'),
    'buys_count', risk.limit_max('lab_buys_count'));
end $$;
comment on function savings.check_trial(jsonb) is
'How far the lab looks, in days, and how many buys it counts at once, for terms that a plan may have; others are refused as saving them is.';
grant execute on function savings.check_trial(jsonb) to authenticated;

-- Several runs after one another, each of run_length buys and each from nothing: one for what was, many for what may come.
create function savings.simulate(
  amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint,
  prices_cents bigint[], highs_cents bigint[], run_length integer, exchange_fee_bps integer, spare_bps integer
) returns table (
  run integer, place integer, reason text, bought_count integer, spent_cents bigint, fee_cents bigint, exchange_fee_cents bigint,
  quantity_sats bigint
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  total constant integer := coalesce(cardinality(prices_cents), 0);
  fee_bps constant bigint := risk.limit_max('buy_fee_bps');
  free_count constant bigint := risk.limit_max('buy_fee_free_count');
  is_over boolean;
  decided savings.decision;
  fee bigint;
  budget bigint;
  sats bigint;
  cost_micros bigint;
  exchange_fee_micros bigint;
  cost bigint;
begin
  if total > risk.limit_max('lab_buys_count') then
    perform private.refuse('lab_too_many', jsonb_build_object('buys', total, 'max', risk.limit_max('lab_buys_count')));
  end if;
  if coalesce(amount_cents, 0) not between 1 and 10000000000 or cardinality(highs_cents) is distinct from total
    or coalesce(run_length, 0) < 1 or coalesce(exchange_fee_bps, -1) not between 0 and 10000 or coalesce(spare_bps, -1) not between 0 and 10000 then
    perform private.refuse('batch_malformed');
  end if;
  for n in 1 .. total loop
    if (n - 1) % run_length = 0 then
      run := (n - 1) / run_length;
      place := 0;
      bought_count := 0;
      spent_cents := 0;
      fee_cents := 0;
      exchange_fee_cents := 0;
      quantity_sats := 0;
      is_over := false;
    end if;
    place := place + 1;
    if is_over then
      reason := 'plan_ended';
    elsif prices_cents[n] is null then
      reason := 'exchange_unavailable';
    else
      decided := savings.decide(
        amount_cents, buy_below_cents, dip_bps, dip_extra_cents, cap_cents, case when cap_cents is not null then spent_cents end,
        prices_cents[n], highs_cents[n]);
      reason := decided.reason;
      -- live, the first buy that does not fit ends its plan
      is_over := coalesce(reason = 'cap_reached', false);
    end if;
    if reason is null then
      fee := case when bought_count < free_count then 0 else private.half_even(decided.amount_cents * fee_bps, 10000) end;
      budget := decided.amount_cents - fee;
      sats := savings.affordable_sats(budget, prices_cents[n], spare_bps, 1);
      cost_micros := sats * prices_cents[n] / 10000;
      exchange_fee_micros := private.half_even(cost_micros * exchange_fee_bps, 10000);
      cost := least(private.half_even(cost_micros + exchange_fee_micros, 10000), budget);
      fee := private.half_even(fee * cost, budget);
      bought_count := bought_count + 1;
      spent_cents := spent_cents + cost + fee;
      fee_cents := fee_cents + fee;
      exchange_fee_cents := exchange_fee_cents + least(private.half_even(exchange_fee_micros, 10000), cost);
      quantity_sats := quantity_sats + sats;
    end if;
    return next;
  end loop;
end $$;
comment on function savings.simulate(bigint, bigint, integer, bigint, bigint, bigint[], bigint[], integer, integer, integer) is
'What a plan of these terms would have done at these prices: a row for each due time, its reason when it was not bought, and the sums so far. '
'A price that is null is one that nobody knows. Our fee is as for somebody who never bought before.';
grant execute on function savings.simulate(bigint, bigint, integer, bigint, bigint, bigint[], bigint[], integer, integer, integer) to authenticated;
