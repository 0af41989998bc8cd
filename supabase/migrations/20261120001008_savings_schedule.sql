-- Savings, schedule: keeping buys ahead of every plan, and what becomes of those whose time passed while we were down.
-- Why      Python counts due times and hands them in for many plans at once; a plan that changed meanwhile is left to the
--          next tick, so that no buy of a schedule is made that is no longer so.
--          Catch-up: a buy that could not begin within buy_late_hours is missed. By the plan's word its newest missed
--          buy is made late and stands for all of them (one), or none is (skip). Each missed time has its row.
-- Units    As in the tables.
-- Locks    Plans in id order, then buys in id order, skipping those that somebody works on.
-- Callers  service_role: the jobs. pause_for and end_for are called in a transaction of their own, or before buys are held.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function savings.plans_to_schedule(maximum integer) returns table (
  plan_id uuid, version bigint, frequency text, zone text, starts_on date, minute_of_day integer, weekdays integer[],
  month_day integer, ends_on date, lead_bank_days integer, scheduled_until timestamptz, ahead_count integer, moment timestamptz
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  moment := private.now();
  return query
    select p.id, p.version, p.frequency, p.zone, p.starts_on, p.minute_of_day, p.weekdays, p.month_day, p.ends_on, p.lead_bank_days,
      coalesce(p.scheduled_until, p.created_at),
      (select count(*)::integer from savings.buy b where b.plan_id = p.id and b.state = 'scheduled' and b.due_at > plans_to_schedule.moment),
      plans_to_schedule.moment
    from savings.plan p where p.state = 'active' and p.schedule_at <= plans_to_schedule.moment
    order by p.schedule_at limit plans_to_schedule.maximum;
end $$;
comment on function savings.plans_to_schedule(integer) is 'Plans that more buys are to be made of, the most urgent first, with what they are counted from.';

create function savings.skip_missed(plan_ids uuid[] default null) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  late_at timestamptz := moment - make_interval(hours => coalesce(risk.limit_max('buy_late_hours'), 1)::integer);
  missed integer;
begin
  with late as (
    select b.id from savings.buy b join savings.plan p on p.id = b.plan_id
    where b.state = 'scheduled' and b.due_at <= late_at and b.reason is null and (plan_ids is null or b.plan_id = any(plan_ids))
      and (
        p.catch_up = 'skip'
        -- one that is due after it, or was begun after its time, stands for it
        or exists (
          select from savings.buy n
          where n.plan_id = b.plan_id and n.due_at > b.due_at and n.due_at <= moment and n.state = 'scheduled')
        or exists (select from savings.buy n where n.plan_id = b.plan_id and n.collected_at >= b.due_at)
      )
    order by b.id for update of b skip locked
  ), skipped as (
    update savings.buy b set state = 'skipped', reason = 'missed', ended_at = moment, version = b.version + 1
    from late l where b.id = l.id returning b.*
  )
  insert into events.event (actor, kind, subject, version, payload)
  select null, 'buy.skipped', s.id, s.version, jsonb_build_object(
    'owner_id', s.person, 'plan_id', s.plan_id, 'due_at', s.due_at, 'amount_cents', s.amount_cents, 'reason', s.reason,
    'before', '{"state": "scheduled"}'::jsonb, 'after', '{"state": "skipped"}'::jsonb)
  from skipped s;
  get diagnostics missed = row_count;
  return missed;
end $$;
comment on function savings.skip_missed(uuid[]) is
'Skips buys whose time is over by more than buy_late_hours, by their plan''s catch-up, with an event each; of these plans, or of all. Returns how many.';
grant execute on function savings.skip_missed(uuid[]) to service_role;

create function savings.schedule_buys(
  plan_ids uuid[], versions bigint[], are_over boolean[], due_plan_ids uuid[], due_ats timestamptz[]
) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  held uuid[];
  made integer;
  over savings.plan;
begin
  if plan_ids is null or cardinality(plan_ids) is distinct from cardinality(versions)
    or cardinality(plan_ids) is distinct from cardinality(are_over)
    or due_plan_ids is null or cardinality(due_plan_ids) is distinct from cardinality(due_ats) then
    perform private.refuse('batch_malformed');
  end if;
  held := array(
    select p.id from savings.plan p join unnest(plan_ids, versions) u (id, version) on p.id = u.id and p.version = u.version
    where p.state = 'active' order by p.id for no key update of p);

  insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)
  select p.id, p.person, d.due_at, p.amount_cents, moment
  from unnest(due_plan_ids, due_ats) d (plan_id, due_at) join savings.plan p on p.id = d.plan_id
  where p.id = any(held) order by p.id, d.due_at
  on conflict do nothing;
  get diagnostics made = row_count;
  perform savings.skip_missed(held);

  -- who is in the list without a time and is not over cannot be counted: not before an hour from now
  update savings.plan p set
    scheduled_until = greatest(p.scheduled_until, u.last_due_at),
    schedule_at = case
      when u.is_over then coalesce((
        select max(b.due_at) from savings.buy b where b.plan_id = p.id and b.state = 'scheduled' and b.due_at > moment
      ), moment + interval '1 minute')
      when u.last_due_at is null then moment + interval '1 hour'
      else savings.look_at(p.id, p.funding, moment) end
  from (
    select l.id, l.is_over, max(d.due_at) as last_due_at
    from unnest(plan_ids, are_over) l (id, is_over) left join unnest(due_plan_ids, due_ats) d (plan_id, due_at) on d.plan_id = l.id
    group by l.id, l.is_over
  ) u where p.id = u.id and p.id = any(held);

  for over in
    select p.* from savings.plan p join unnest(plan_ids, are_over) u (id, is_over) on p.id = u.id and u.is_over
    where p.id = any(held) and not exists (select from savings.buy b where b.plan_id = p.id and b.state = 'scheduled') order by p.id
  loop
    perform savings.move_plan(over, 'ended', 'schedule_over');
  end loop;
  return made;
end $$;
comment on function savings.schedule_buys(uuid[], bigint[], boolean[], uuid[], timestamptz[]) is
'Makes the next buys of plans that are as they were read (versions); are_over: no time comes after those given. A plan that is over and '
'has no buy ahead ends. Returns how many buys were made.';

create function savings.pause_for(plan_id uuid, reason text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  plan savings.plan;
begin
  select * into plan from savings.plan p where p.id = plan_id for no key update;
  if plan.state is distinct from 'active' then
    return false;
  end if;
  perform savings.move_plan(plan, 'paused', reason);
  return true;
end $$;
comment on function savings.pause_for(uuid, text) is
'Pauses a plan for a reason of ours, like insufficient_funds; its owner resumes it. False when it was not active.';

create function savings.end_for(plan_id uuid, reason text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  plan savings.plan;
begin
  select * into plan from savings.plan p where p.id = plan_id for no key update;
  if not found or plan.state = 'ended' then
    return false;
  end if;
  perform savings.move_plan(plan, 'ended', reason);
  return true;
end $$;
comment on function savings.end_for(uuid, text) is 'Ends a plan for a reason of ours, like cap_reached. False when it had ended.';

-- The load's id is the buy's, so that it is asked of the bank once. Bank days are counted by Python: these are more than enough.
create function savings.bank_funded_due(maximum integer, after_at timestamptz, after_id uuid) returns table (
  buy_id uuid, plan_id uuid, person uuid, source_id uuid, amount_cents bigint, due_at timestamptz, lead_bank_days integer, moment timestamptz
)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select b.id, p.id, p.person, p.source_id, b.amount_cents, b.due_at, p.lead_bank_days, c.moment
  from (select private.now() as moment) c
  cross join savings.plan p
  join savings.buy b on b.plan_id = p.id and b.state = 'scheduled' and b.due_at > c.moment
    and b.due_at <= c.moment + make_interval(days => p.lead_bank_days * 2 + 5)
  join banking.source s on s.id = p.source_id and s.state = 'verified'
  where p.state = 'active' and p.funding = 'bank' and not exists (select from banking.load l where l.id = b.id)
    and (bank_funded_due.after_at is null or (b.due_at, b.id) > (bank_funded_due.after_at, bank_funded_due.after_id))
  order by b.due_at, b.id limit bank_funded_due.maximum
$$;
comment on function savings.bank_funded_due(integer, timestamptz, uuid) is
'Buys ahead that a bank is to pay and was not asked for yet, the soonest first, from behind this one on: those that are refused or '
'too early stay where they are, and must not hide the others. Whoever asks uses the buy''s id as the load''s.';

-- A bank that is gone pays nothing: its owner hears of it now, and not when a buy fails. Whoever books a late return
-- holds a wallet here, and a batch that holds due buys waits for wallets: so those that are due are left to the batch.
create function savings.pause_without_bank() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  plan savings.plan;
begin
  for plan in
    select p.* from savings.plan p where p.source_id = new.id and p.state = 'active' order by p.id for no key update
  loop
    perform savings.move_plan(plan, 'paused', 'bank_removed', private.now());
  end loop;
  return null;
end $$;
comment on function savings.pause_without_bank() is 'Pauses the plans that a removed bank was to pay.';
create trigger removed_bank_pauses_its_plans after update of state on banking.source
for each row when (new.state = 'removed' and old.state <> 'removed') execute function savings.pause_without_bank();

grant execute on function savings.plans_to_schedule(integer) to service_role;
grant execute on function savings.schedule_buys(uuid[], bigint[], boolean[], uuid[], timestamptz[]) to service_role;
grant execute on function savings.pause_for(uuid, text) to service_role;
grant execute on function savings.end_for(uuid, text) to service_role;
grant execute on function savings.bank_funded_due(integer, timestamptz, uuid) to service_role;
