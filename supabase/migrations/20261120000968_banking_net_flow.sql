-- Banking, net flow: what came in from banks and what went out to them, day by day, read from the events alone.
-- Why      Whether money stays is the first question about a payment network; the record of what happened answers it
--          without touching a wallet, so anyone who may read the record can count it again.
-- Units    *_cents: US cents. A day is a day in New York, as the banks count them.
-- Locks    None.
-- Callers  service_role: reports. It names nobody.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function banking.net_flow(since date, until date) returns table (
  day date, loaded_cents bigint, taken_back_cents bigint, redeemed_cents bigint, sent_back_cents bigint, net_cents bigint
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select f.day, f.loaded, f.taken_back, f.redeemed, f.sent_back, f.loaded - f.taken_back - f.redeemed + f.sent_back
  from (
    select (e.at at time zone 'America/New_York')::date as day,
      coalesce(sum((e.payload ->> 'amount_cents')::bigint) filter (where e.kind = 'load.settled'), 0)::bigint as loaded,
      coalesce(sum((e.payload ->> 'amount_cents')::bigint) filter (where e.kind = 'load.returned'), 0)::bigint as taken_back,
      coalesce(sum((e.payload ->> 'amount_cents')::bigint) filter (where e.kind = 'redemption.debited'), 0)::bigint as redeemed,
      coalesce(sum((e.payload ->> 'amount_cents')::bigint) filter (where e.kind = 'redemption.returned'), 0)::bigint as sent_back
    from events.event e
    where e.kind in ('load.settled', 'load.returned', 'redemption.debited', 'redemption.returned')
      and e.at >= since::timestamp at time zone 'America/New_York'
      and e.at < (until + 1)::timestamp at time zone 'America/New_York'
    group by 1
  ) f order by f.day
$$;
comment on function banking.net_flow(date, date) is
'Each day with a movement from since to until: what banks gave, took back, were paid and sent back, and what of it stayed.';
grant execute on function banking.net_flow(date, date) to service_role;
