-- Savings, reading: plans, buys, history and what the next buy costs, as their owner sees them.
-- Why      One's own amounts are for oneself alone: each function reads for auth.uid() and nobody else.
-- Units    As in the tables. before: a place in the list from which an earlier page went on.
-- Locks    None.
-- Callers  People (auth.uid()).
-- Undo     Forward only.
set local lock_timeout = '5s';

create function savings.my_plans() returns setof jsonb
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select savings.plan_json(p) from savings.plan p
  where p.person = auth.uid() order by p.state = 'ended', p.created_at desc, p.id limit 100
$$;
comment on function savings.my_plans() is 'The caller''s plans: those that go on first, and of those the newest; 100 at most.';
grant execute on function savings.my_plans() to authenticated;

create function savings.my_plan(plan_id uuid) returns jsonb
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select savings.plan_json(p) from savings.plan p where p.id = plan_id and p.person = auth.uid()
$$;
comment on function savings.my_plan(uuid) is 'One of the caller''s plans, or null.';
grant execute on function savings.my_plan(uuid) to authenticated;

create function savings.my_buys(plan_id uuid, before timestamptz, maximum integer) returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select savings.buy_json(b) from savings.buy b
  where b.plan_id = my_buys.plan_id and b.person = auth.uid() and b.state <> 'canceled'
    and (before is null or b.due_at < before)
  order by b.due_at desc limit least(greatest(maximum, 0), 100)
$$;
comment on function savings.my_buys(uuid, timestamptz, integer) is
'The buys of one of the caller''s plans that were or will be made or were skipped, the latest first, due before a moment.';
grant execute on function savings.my_buys(uuid, timestamptz, integer) to authenticated;

-- Both halves are read by the index on subject; of a plan's buys only those that something was noted of.
create function savings.my_plan_history(plan_id uuid, before bigint, maximum integer) returns setof jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  if not exists (select from savings.plan p where p.id = plan_id and p.person = auth.uid()) then
    perform private.refuse('not_found', '{"what": "plan"}');
  end if;
  maximum := least(greatest(maximum, 0), 100);
  return query
    select jsonb_build_object(
      'id', h.id, 'at', h.at, 'kind', h.kind, 'subject', h.subject, 'version', h.version,
      'is_own', h.actor is not distinct from auth.uid(), 'facts', h.payload - 'owner_id')
    from (
      (select e.* from events.event e where e.subject = plan_id and (before is null or e.id < before) order by e.id desc limit maximum)
      union all
      (select e.* from savings.buy b cross join lateral (
        select v.* from events.event v where v.subject = b.id and v.kind like 'buy.%' and (before is null or v.id < before)
      ) e where b.plan_id = plan_id and b.version > case when b.state = 'canceled' then 2 else 1 end order by e.id desc limit maximum)
    ) h
    order by h.id desc limit maximum;
end $$;
comment on function savings.my_plan_history(uuid, bigint, integer) is
'What happened to one of the caller''s plans and its buys, the newest first, before an event; changes with what was before and after.';
grant execute on function savings.my_plan_history(uuid, bigint, integer) to authenticated;

-- Counted as the buys are that come due: what is under way has used its free buy.
create function savings.my_fee() returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  bps bigint := risk.limit_max('buy_fee_bps');
  free_count bigint := risk.limit_max('buy_fee_free_count');
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  if bps is null or free_count is null then
    perform private.refuse('limits_unknown');
  end if;
  return jsonb_build_object('fee_bps', bps, 'free_left', free_count - (
    select count(*) from (
      select from savings.buy b where b.person = auth.uid() and b.state in ('collected', 'bought') limit free_count) used));
end $$;
comment on function savings.my_fee() is 'What our fee of the caller''s buys is, in bps, and how many of the next ones cost none.';
grant execute on function savings.my_fee() to authenticated;

create function savings.my_next_buy() returns jsonb
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object('plan_id', p.id, 'name', p.name, 'zone', p.zone, 'due_at', n.due_at, 'amount_cents', n.amount_cents)
  from savings.plan p cross join lateral (
    select b.due_at, b.amount_cents from savings.buy b
    where b.plan_id = p.id and b.state = 'scheduled' and b.due_at > private.now() order by b.due_at limit 1
  ) n
  where p.person = auth.uid() and p.state = 'active' and (p.cap_cents is null or p.cap_cents >= n.amount_cents + (
    select coalesce(sum(s.amount_cents - s.refund_cents), 0) from savings.buy s
    where s.plan_id = p.id and s.state in ('collected', 'bought')))
  order by n.due_at, p.id limit 1
$$;
comment on function savings.my_next_buy() is 'The next buy of any of the caller''s plans, or null; none that its plan''s cap has no room for.';
grant execute on function savings.my_next_buy() to authenticated;
