-- Savings, fills: what the exchange really did with an order is shared out among its buys.
-- Why      The exchange's answer is the truth: what it filled, what it cost, what it took. It is booked once, whenever it
--          is known, and every cent and satoshi of it goes to somebody or to the account for what is left over.
-- Units    As in the orders. Shares are by what each put in: cents by the largest remainder, satoshis rounded down. What of
--          a share is the exchange's fee (exchange_fee_cents, a part of cost_cents) is by the share, in the same manner.
-- Locks    The order's row, the carry's row, then the wallets in id order.
-- Callers  service_role: the jobs.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function savings.give_back(order_id uuid) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select ledger.distribute(
    private.part_of((select o.bookings_id from savings.exchange_order o where o.id = give_back.order_id), 'back'), ledger.system_account('exchange_in_transit'),
    array_agg(a.id order by b.id), array_agg(b.refund_cents order by b.id), 'buy_returned')
  from savings.buy b join ledger.account a on a.owner = b.person and a.kind = 'wallet' and a.asset = 'USD'
  where b.order_id = give_back.order_id and b.refund_cents > 0 having count(*) > 0
$$;
comment on function savings.give_back(uuid) is 'Pays back what of an order''s money was not spent.';

create function savings.tell_ended(order_id uuid) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into events.event (actor, kind, subject, version, payload)
  select null, 'buy.' || b.state, b.id, b.version, jsonb_build_object(
    'owner_id', b.person, 'plan_id', b.plan_id, 'due_at', b.due_at, 'amount_cents', b.amount_cents, 'cost_cents', b.cost_cents,
    'exchange_fee_cents', b.exchange_fee_cents, 'fee_cents', b.fee_cents, 'refund_cents', b.refund_cents, 'quantity_sats', b.quantity_sats, 'reason', b.reason)
  from savings.buy b where b.order_id = tell_ended.order_id
$$;
comment on function savings.tell_ended(uuid) is 'The events of an order''s buys: each was bought, or failed.';

-- Shares what was really filled by what each had put in: cents by the largest remainder, so that they sum exactly;
-- satoshis rounded down, what is left over to the account for it. What was not spent goes back, our fee with it.
create function savings.book_fill(
  order_id uuid, vendor_ref text, quantity_sats bigint, cost_micros bigint, exchange_fee_micros bigint, exchange_fee_sats bigint
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
  moment timestamptz := private.now();
  transit bigint := ledger.system_account('exchange_in_transit');
  received_sats bigint := quantity_sats - exchange_fee_sats;
  total_micros bigint := cost_micros + exchange_fee_micros;
  carried bigint;
  spent bigint;
  shared bigint;
  exchange_fee bigint;
  fee bigint;
  given_sats bigint;
begin
  select * into o from savings.exchange_order t where t.id = order_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "order"}');
  end if;
  if o.vendor_ref <> vendor_ref then
    perform private.refuse('order_sent_twice', jsonb_build_object('order_id', order_id, 'vendor_refs', jsonb_build_array(o.vendor_ref, vendor_ref)));
  end if;
  if o.ended_at is not null then
    return;
  end if;
  if least(quantity_sats, cost_micros, exchange_fee_micros, exchange_fee_sats, received_sats) < 0
    or (quantity_sats = 0) <> (cost_micros = 0)
  then
    perform private.refuse('fill_malformed', jsonb_build_object('order_id', order_id));
  end if;

  select c.carried_micros into carried from savings.exchange_carry c for no key update;
  spent := private.half_even(carried + total_micros, 10000);
  spent := greatest(spent, 0);
  update savings.exchange_carry c set carried_micros = carried + total_micros - spent * 10000;
  shared := least(spent, o.budget_cents);  -- what the order cost beyond what was collected is ours to bear
  exchange_fee := least(private.half_even(exchange_fee_micros, 10000), shared);

  with share as (
    select b.id, b.amount_cents - b.fee_cents as net, b.fee_cents,
      shared * (b.amount_cents - b.fee_cents) / o.budget_cents as whole,
      shared * (b.amount_cents - b.fee_cents) % o.budget_cents as rest
    from savings.buy b where b.order_id = order_id and b.state = 'collected'
  ), ranked as (
    select s.*, row_number() over (order by s.rest desc, s.id) as place, sum(s.whole) over () as wholes from share s
  ), cut as (
    select r.id, r.net, r.whole + case when r.place <= shared - r.wholes then 1 else 0 end as cost,
      case when r.fee_cents > 0 then private.half_even(r.fee_cents * shared, o.budget_cents) else 0 end as fee, received_sats * r.net / o.budget_cents as sats
    from ranked r
  ), fee_share as (
    select c.*, exchange_fee * c.cost / greatest(shared, 1) as whole, exchange_fee * c.cost % greatest(shared, 1) as rest from cut c
  ), fee_cut as (
    select f.*, f.whole + case when row_number() over (order by f.rest desc, f.id) <= exchange_fee - sum(f.whole) over () then 1 else 0 end
      as exchange_fee
    from fee_share f
  )
  update savings.buy b set
    state = case when received_sats > 0 then 'bought' else 'failed' end,
    reason = case when received_sats > 0 then null else 'not_filled' end,
    cost_cents = c.cost, exchange_fee_cents = c.exchange_fee, fee_cents = c.fee, quantity_sats = c.sats,
    refund_cents = b.amount_cents - c.cost - c.fee, version = b.version + 1, ended_at = moment
  from fee_cut c where b.id = c.id;

  select coalesce(sum(b.fee_cents), 0), coalesce(sum(b.quantity_sats), 0) into fee, given_sats
  from savings.buy b where b.order_id = order_id;
  if spent > 0 then
    if shared > 0 then
      perform ledger.post(private.part_of(o.bookings_id, 'spent'), transit, ledger.system_account('exchange_cash'), shared, 'buy_spent', vendor_ref);
    end if;
    if spent > shared then
      perform ledger.post(private.part_of(o.bookings_id, 'beyond'), ledger.system_account('operations'), ledger.system_account('exchange_cash'),
        spent - shared, 'buy_beyond', vendor_ref);
    end if;
  end if;
  if fee > 0 then
    perform ledger.post(private.part_of(o.bookings_id, 'fee'), transit, ledger.system_account('revenue'), fee, 'buy_fee', vendor_ref);
  end if;
  perform savings.give_back(order_id);
  if given_sats > 0 then
    -- opened when their plan was made; whose was not is opened now
    perform ledger.open_account(b.person, 'wallet', 'BTC') from savings.buy b
    where b.order_id = order_id and not exists (
      select from ledger.account a where a.owner = b.person and a.kind = 'wallet' and a.asset = 'BTC');
    perform ledger.distribute(
      private.part_of(o.bookings_id, 'sats'), ledger.system_account('btc_custody', 'BTC'),
      array_agg(a.id order by b.id), array_agg(b.quantity_sats order by b.id), 'buy_filled', vendor_ref)
    from savings.buy b join ledger.account a on a.owner = b.person and a.kind = 'wallet' and a.asset = 'BTC'
    where b.order_id = order_id and b.quantity_sats > 0;
  end if;
  if received_sats > given_sats then
    perform ledger.post(private.part_of(o.bookings_id, 'left'), ledger.system_account('btc_custody', 'BTC'), ledger.system_account('rounding', 'BTC'),
      received_sats - given_sats, 'buy_remainder', vendor_ref);
  end if;
  update savings.exchange_order t set
    state = case when received_sats > 0 then 'filled' else 'unfilled' end, vendor_ref = vendor_ref, quantity_sats = quantity_sats,
    cost_micros = cost_micros, exchange_fee_micros = exchange_fee_micros, exchange_fee_sats = exchange_fee_sats, spent_cents = spent,
    version = t.version + 1, ended_at = private.now()
  where t.id = order_id returning * into o;
  perform events.record('order.' || o.state, order_id, o.version, jsonb_build_object(
    'vendor_ref', vendor_ref, 'quantity_sats', quantity_sats, 'cost_micros', cost_micros, 'exchange_fee_micros', exchange_fee_micros,
    'exchange_fee_sats', exchange_fee_sats, 'spent_cents', spent), null);
  perform savings.tell_ended(order_id);
end $$;
comment on function savings.book_fill(uuid, text, bigint, bigint, bigint, bigint) is
'Books what the exchange really did for an order that is over: once, whatever is said again. Nothing filled: everything goes back.';
grant execute on function savings.book_fill(uuid, text, bigint, bigint, bigint, bigint) to service_role;

-- For an order that the exchange certainly does not have, and will not be asked for any more.
create function savings.book_unfilled(order_id uuid, reason text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
begin
  select * into o from savings.exchange_order t where t.id = order_id for no key update;
  if not found or o.ended_at is not null then
    return;
  end if;
  if o.vendor_ref is not null then
    perform private.refuse('order_sent_twice', jsonb_build_object('order_id', order_id, 'vendor_refs', jsonb_build_array(o.vendor_ref)));
  end if;
  update savings.buy b set
    state = 'failed', reason = reason, cost_cents = 0, fee_cents = 0, quantity_sats = 0, refund_cents = b.amount_cents,
    version = b.version + 1, ended_at = private.now()
  where b.order_id = order_id and b.state = 'collected';
  perform savings.give_back(order_id);
  update savings.exchange_order t set state = 'unfilled', spent_cents = 0, version = t.version + 1, ended_at = private.now()
  where t.id = order_id returning * into o;
  perform events.record('order.unfilled', order_id, o.version, jsonb_build_object('reason', reason), null);
  perform savings.tell_ended(order_id);
end $$;
comment on function savings.book_unfilled(uuid, text) is 'The exchange did not take the order, and is not asked again: everything goes back.';
grant execute on function savings.book_unfilled(uuid, text) to service_role;
