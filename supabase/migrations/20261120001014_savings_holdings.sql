-- Savings, holdings: what a person has in bitcoin, what it cost, and what it is worth at the price last seen.
-- Why      Every buy is a lot with its own cost, fees included; what leaves takes the oldest lots first (FIFO), which is
--          what a tax office assumes when nobody says otherwise.
-- Units    *_sats: satoshis. *_cents: US cents; *_cents_per_btc: per whole bitcoin.
-- Locks    The price's one row.
-- Callers  People see their own (auth.uid()); service_role notes the price.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table savings.price (
  is_the_one boolean primary key default true,
  cents_per_btc bigint not null,
  high_24h_cents bigint not null,
  at timestamptz not null,
  constraint there_is_one check (is_the_one),
  constraint price_is_positive check (cents_per_btc > 0 and high_24h_cents > 0)
);
comment on table savings.price is 'What a bitcoin cost when the exchange was last asked. One row.';
alter table savings.price enable row level security;

create function savings.note_price(cents_per_btc bigint, high_24h_cents bigint) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into savings.price (cents_per_btc, high_24h_cents, at)
  values (note_price.cents_per_btc, note_price.high_24h_cents, private.now())
  on conflict (is_the_one) do update set
    cents_per_btc = excluded.cents_per_btc, high_24h_cents = excluded.high_24h_cents, at = excluded.at
$$;
comment on function savings.note_price(bigint, bigint) is 'Keeps the price that the exchange tells now.';
grant execute on function savings.note_price(bigint, bigint) to service_role;

create function savings.needs_price() returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from savings.buy b
    where b.state = 'scheduled' and b.due_at <= private.now() and coalesce(b.retry_at, b.due_at) <= private.now())
    or not exists (select from savings.price p where p.at > private.now() - interval '5 minutes')
$$;
comment on function savings.needs_price() is 'Whether something is due, or the price that people see is older than five minutes.';
grant execute on function savings.needs_price() to service_role;

-- Of each lot what is left when what has gone took the oldest first.
create function savings.my_lots() returns table (
  buy_id uuid, plan_id uuid, acquired_at timestamptz, quantity_sats bigint, cost_cents bigint, left_sats bigint, left_cost_cents bigint
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with lot as (
    select b.id, b.plan_id, b.ended_at, b.quantity_sats, b.cost_cents + b.fee_cents as cost_cents,
      sum(b.quantity_sats) over (order by b.ended_at, b.id) as until
    from savings.buy b where b.person = auth.uid() and b.state = 'bought'
  ), gone as (
    select coalesce((select sum(l.quantity_sats) from lot l), 0) - coalesce((
      select a.balance from ledger.account a where a.id = ledger.wallet_of(auth.uid(), 'BTC')), 0) as sats
  ), rest as (
    select l.*, least(l.quantity_sats, greatest(0, l.until - g.sats))::bigint as left_sats from lot l, gone g
  )
  select r.id, r.plan_id, r.ended_at, r.quantity_sats, r.cost_cents, r.left_sats,
    round(r.cost_cents::numeric * r.left_sats / nullif(r.quantity_sats, 0))::bigint
  from rest r order by r.ended_at, r.id
$$;
comment on function savings.my_lots() is
'What the caller bought, the oldest first: each with its cost, our fee and the exchange''s included, and what of it is left.';
grant execute on function savings.my_lots() to authenticated;

create function savings.my_holdings() returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'balance_sats', coalesce((select a.balance from ledger.account a where a.id = ledger.wallet_of(auth.uid(), 'BTC')), 0),
    'cost_cents', coalesce((select sum(l.left_cost_cents) from savings.my_lots() l), 0)::bigint,
    'price_cents_per_btc', (select p.cents_per_btc from savings.price p),
    'price_at', (select p.at from savings.price p))
$$;
comment on function savings.my_holdings() is 'The caller''s bitcoin, what is left of its cost, and the price last seen.';
grant execute on function savings.my_holdings() to authenticated;
