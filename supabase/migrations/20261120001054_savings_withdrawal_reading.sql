-- Savings, reading withdrawals: what their owner sees of them, and which lots they took along.
-- Why      One's own bitcoin is for oneself alone: each function reads for auth.uid() and nobody else. A withdrawal is no
--          sale: what was withdrawn keeps its cost, and for every lot it is told how much of it went with which.
-- Units    *_sats: satoshis. cost_cents: US cents, all fees included.
-- Locks    None.
-- Callers  People (auth.uid()).
-- Undo     Forward only.
set local lock_timeout = '5s';

create function savings.my_withdrawals(before timestamptz, maximum integer) returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select savings.withdrawal_json(w) from savings.withdrawal w
  where w.person = auth.uid() and (before is null or w.created_at < before)
  order by w.created_at desc, w.id desc limit least(greatest(maximum, 0), 100)
$$;
comment on function savings.my_withdrawals(timestamptz, integer) is 'The caller''s withdrawals, the newest first.';
grant execute on function savings.my_withdrawals(timestamptz, integer) to authenticated;

create function savings.my_withdrawal(withdrawal_id uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select savings.withdrawal_json(w) from savings.withdrawal w where w.id = withdrawal_id and w.person = auth.uid()
$$;
comment on function savings.my_withdrawal(uuid) is 'One of the caller''s withdrawals, or null.';
grant execute on function savings.my_withdrawal(uuid) to authenticated;

create function savings.my_withdrawal_history(withdrawal_id uuid) returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', e.id, 'at', e.at, 'kind', e.kind, 'subject', e.subject, 'version', e.version,
    'is_own', e.actor is not distinct from auth.uid(), 'facts', e.payload - 'owner_id')
  from savings.withdrawal w join events.event e on e.subject = w.id and e.kind like 'withdrawal.%'
  where w.id = withdrawal_id and w.person = auth.uid() order by e.id limit 100
$$;
comment on function savings.my_withdrawal_history(uuid) is 'What happened to one of the caller''s withdrawals, in order.';
grant execute on function savings.my_withdrawal_history(uuid) to authenticated;

create function savings.address_key_of(address_id uuid) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select savings.address_key(a.address) from savings.withdrawal_address a
  where a.id = address_id and a.person = auth.uid() and a.state = 'active'
$$;
comment on function savings.address_key_of(uuid) is 'What one of the caller''s addresses is called at the exchange, or null.';
grant execute on function savings.address_key_of(uuid) to authenticated;

create function savings.note_unregistered(address_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select savings.ask_for_registration(a.address, '{}') from savings.withdrawal_address a
  where a.id = address_id and a.person = auth.uid() and a.state = 'active'
$$;
comment on function savings.note_unregistered(uuid) is
'The exchange does not know one of the caller''s addresses: the case that asks for it is open, again if somebody closed it too early.';
grant execute on function savings.note_unregistered(uuid) to authenticated;

create function savings.my_withdrawal_limits() returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'min_sats', risk.limit_max('withdrawal_single_min_sats'), 'day_max_sats', risk.limit_max('withdrawal_day_sats'),
    'day_used_sats', d.used_sats, 'day_max_count', risk.limit_max('withdrawal_day_count'), 'day_used_count', d.used_count,
    'resets_at', d.resets_at, 'address_hours', risk.limit_max('withdrawal_address_hours'),
    'addresses_max', risk.limit_max('withdrawal_addresses_count'),
    'available_sats', coalesce((
      select a.balance - a.held - a.min_balance from ledger.account a where a.id = ledger.wallet_of(auth.uid(), 'BTC')), 0))
  from savings.withdrawn_in_day(auth.uid()) d where auth.uid() is not null
$$;
comment on function savings.my_withdrawal_limits() is 'What the caller may withdraw now, what they did in the last 24 hours, and how long an address waits.';
grant execute on function savings.my_withdrawal_limits() to authenticated;

-- Lots and withdrawals lie one behind the other on a line of satoshis, each as long as it is large: where they meet is
-- what of the lot went with the withdrawal. Costs are cut at the same places, so that the parts sum to the whole.
create function savings.my_lot_withdrawals() returns table (
  buy_id uuid, withdrawal_id uuid, asked_at timestamptz, sats bigint, cost_cents bigint
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with lot as (
    select l.*, sum(l.quantity_sats) over (order by l.acquired_at, l.buy_id) - l.quantity_sats as begins from savings.my_lots() l
    where l.quantity_sats > 0  -- of very little that was filled for many, some got none
  ), gone as (
    select w.id, w.created_at, w.quantity_sats, sum(w.quantity_sats) over (order by w.created_at, w.id) - w.quantity_sats as begins
    from savings.withdrawal w where w.person = auth.uid() and w.state <> 'failed'
  ), met as (
    select l.buy_id, g.id, g.created_at, l.quantity_sats, l.cost_cents, l.begins,
      greatest(g.begins, l.begins) - l.begins as from_sats,
      least(g.begins + g.quantity_sats, l.begins + l.quantity_sats) - l.begins as to_sats
    from lot l join gone g on g.begins < l.begins + l.quantity_sats and l.begins < g.begins + g.quantity_sats
  )
  select m.buy_id, m.id, m.created_at, (m.to_sats - m.from_sats)::bigint, (
    round(m.cost_cents::numeric * (m.quantity_sats - m.from_sats) / m.quantity_sats)
    - round(m.cost_cents::numeric * (m.quantity_sats - m.to_sats) / m.quantity_sats))::bigint
  from met m order by m.begins, m.from_sats
$$;
comment on function savings.my_lot_withdrawals() is
'How much of each of the caller''s lots went with which withdrawal, and its part of the cost; the oldest lots went first.';
grant execute on function savings.my_lot_withdrawals() to authenticated;

create function savings.my_lot_plans() returns table (id uuid, name text, fee_cents bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select b.id, p.name, b.fee_cents + b.exchange_fee_cents from savings.buy b join savings.plan p on p.id = b.plan_id
  where b.person = auth.uid() and b.state = 'bought'
$$;
comment on function savings.my_lot_plans() is 'Of each of the caller''s lots the plan''s name, and what of its cost was our fee and the exchange''s.';
grant execute on function savings.my_lot_plans() to authenticated;
