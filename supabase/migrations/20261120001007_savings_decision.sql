-- Savings, the decision: whether a plan buys now, and for how much.
-- Why      What is tried in the lab and what is done with money must be the same: both ask this function, and nothing else
--          decides. It looks at nothing but its arguments.
-- Units    *_cents: US cents; buy_below_cents, price_cents, high_cents per whole bitcoin; *_bps: hundredths of a percent;
--          *_sats: satoshis. The terms' arguments are null where the plan does not say so.
-- Locks    None.
-- Callers  savings.take_due, for what is due; savings.simulate, for what would have been. affordable_sats: also the job
--          that sends orders.
-- Undo     Forward only.
set local lock_timeout = '5s';

create type savings.decision as (amount_cents bigint, reason text);
comment on type savings.decision is 'What a buy comes to; reason: why it is skipped, or null when it is made.';

create function savings.decide(
  amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint,
  spent_cents bigint, price_cents bigint, high_cents bigint
) returns savings.decision
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  decided savings.decision;
begin
  decided.amount_cents := amount_cents + case when price_cents * 10000 <= high_cents * (10000 - dip_bps) then dip_extra_cents else 0 end;
  decided.reason := case
    when price_cents > buy_below_cents then 'price_above'
    when decided.amount_cents + spent_cents > cap_cents then 'cap_reached'
  end;
  return decided;
end $$;
comment on function savings.decide(bigint, bigint, integer, bigint, bigint, bigint, bigint, bigint) is
'Whether a plan of these terms buys at this price and 24-hour high, and for how much. spent_cents: so far; counted for plans with a cap.';

create function savings.affordable_sats(budget_cents bigint, price_cents bigint, spare_bps integer, step_sats bigint) returns bigint
language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
declare
  -- a day's orders of many people, in sats times bps, are beyond bigint
  sats bigint := div(budget_cents::numeric * 1000000000000, price_cents::numeric * (10000 + spare_bps));
begin
  return sats - sats % step_sats;
end $$;
comment on function savings.affordable_sats(bigint, bigint, integer, bigint) is
'As many sats, in the exchange''s steps, as a budget pays at this price when spare_bps are left for its fee and for a price that moves.';
grant execute on function savings.affordable_sats(bigint, bigint, integer, bigint) to service_role;
