-- Savings, plans: what a person does with their plans.
-- Why      A change, the buys that it takes back, those that it makes, and its event are one transaction. Each is asked
--          for under a key, and asked again changes nothing. What has begun goes on as it was.
-- Units    due_ats: the plan's next due times, counted by Python. from_at: buys up to then stay as they are, because
--          the money for them was asked of a bank already.
-- Locks    Making a plan: the person's name for it, so that plans are counted one at a time. Otherwise the plan's row,
--          then its buys; who holds buys pauses and ends plans in a transaction of its own.
-- Callers  People change and see their own (auth.uid()); service_role pauses and ends for a reason.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function savings.skipped_ahead(plan_id uuid) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select count(*)::integer from savings.buy b where b.plan_id = skipped_ahead.plan_id and b.due_at > private.now() and b.state = 'skipped'
$$;
comment on function savings.skipped_ahead(uuid) is 'How many buys ahead of a plan are skipped.';

create function savings.is_replay(change_key uuid, plan_id uuid, asked jsonb) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  known savings.plan_change;
begin
  if change_key is null then
    perform private.refuse('request_invalid');
  end if;
  select * into known from savings.plan_change c where c.key = change_key;
  if not found then
    return false;
  end if;
  if (known.plan_id, known.person, known.asked) is distinct from (plan_id, auth.uid(), asked) then
    perform private.refuse('plan_key_reused');
  end if;
  return true;
end $$;
comment on function savings.is_replay(uuid, uuid, jsonb) is 'Whether this was asked under this key before; refuses when something else was.';

create function savings.note_change(change_key uuid, plan savings.plan, asked jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  insert into savings.plan_change (key, plan_id, person, asked, version, at)
  values (change_key, plan.id, plan.person, asked, plan.version, private.now()) on conflict do nothing;
  if not found then -- used for another plan at this very moment
    perform private.refuse('plan_key_reused');
  end if;
end $$;
comment on function savings.note_change(uuid, savings.plan, jsonb) is 'Keeps what was asked under which key.';

create function savings.put_buys(plan savings.plan, due_ats timestamptz[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)
  select plan.id, plan.person, d.due_at, plan.amount_cents, private.now() from unnest(due_ats) d (due_at)
  on conflict do nothing;
$$;
comment on function savings.put_buys(savings.plan, timestamptz[]) is 'Makes the buys of these times that there are none of; what was skipped stays skipped.';

create function savings.take_back_buys(plan_id uuid, after timestamptz, reason text) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  taken_back integer;
begin
  update savings.buy b set state = 'canceled', reason = reason, ended_at = private.now(), version = b.version + 1
  where b.plan_id = plan_id and b.state = 'scheduled' and b.due_at > after;
  get diagnostics taken_back = row_count;
  return taken_back;
end $$;
comment on function savings.take_back_buys(uuid, timestamptz, text) is 'Cancels the buys after this moment that have not begun; returns how many.';

-- At the time of the fourth from the end three are left: then more are made. Bank days do not keep to weeks, so plans
-- that a bank pays are looked at twice a day.
create function savings.look_at(plan_id uuid, funding text, moment timestamptz) returns timestamptz
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select least(coalesce((
    select b.due_at from savings.buy b where b.plan_id = look_at.plan_id and b.state = 'scheduled' order by b.due_at desc offset 3 limit 1
  ), moment), case when look_at.funding = 'bank' then moment + interval '12 hours' end)
$$;
comment on function savings.look_at(uuid, text, timestamptz) is 'When more buys of a plan are to be made.';

create function savings.plan_buys(plan savings.plan, due_ats timestamptz[]) returns savings.plan
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  scheduled savings.plan;
begin
  perform savings.put_buys(plan, due_ats);
  update savings.plan p set
    scheduled_until = due_ats[cardinality(due_ats)], schedule_at = savings.look_at(p.id, p.funding, private.now())
  where p.id = plan.id returning * into scheduled;
  return scheduled;
end $$;
comment on function savings.plan_buys(savings.plan, timestamptz[]) is 'Makes the plan''s next buys and notes when more are to be made.';

create function savings.create_plan(plan_id uuid, terms jsonb, due_ats timestamptz[]) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  plan savings.plan;
  asked jsonb;
  maximum bigint := risk.limit_max('plans_count');
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  perform pg_advisory_xact_lock(hashtextextended('savings_plans:' || person, 0));
  plan.weekdays := '{}';
  plan.funding := 'wallet';
  plan.lead_bank_days := 0;
  plan.on_shortfall := 'skip';
  plan.catch_up := 'one';
  plan := savings.with_terms(plan, terms);
  plan.id := plan_id;
  plan.person := person;
  asked := jsonb_build_object('verb', 'create', 'terms', savings.terms_json(plan));
  if savings.is_replay(plan_id, plan_id, asked) then
    return (select savings.plan_json(p) from savings.plan p where p.id = plan_id);
  end if;
  perform savings.check_purse(person);
  perform savings.check_terms(plan, null);
  if maximum is null then
    perform private.refuse('limits_unknown');
  end if;
  if (select count(*) from savings.plan p where p.person = person and p.state <> 'ended') >= maximum then
    perform private.refuse('plans_limit', jsonb_build_object('max', maximum));
  end if;
  perform savings.check_due_ats(due_ats, moment);

  plan.state := 'active';
  plan.version := 1;
  plan.created_at := moment;
  plan.changed_at := moment;
  insert into savings.plan select plan.* on conflict do nothing;
  if not found then -- somebody else's, who asked under the same id at this very moment
    perform private.refuse('plan_key_reused');
  end if;
  perform ledger.open_account(person, 'wallet', 'BTC');  -- where what it buys goes
  plan := savings.plan_buys(plan, due_ats);
  perform savings.note_change(plan_id, plan, asked);
  perform events.record('plan.created', plan_id, 1, jsonb_build_object(
    'owner_id', person, 'before', '{}'::jsonb, 'after', savings.terms_json(plan)));
  return savings.plan_json(plan);
end $$;
comment on function savings.create_plan(uuid, jsonb, timestamptz[]) is
'Makes a plan of the caller''s once per plan_id, with its first buys and its event. Returns the plan.';
grant execute on function savings.create_plan(uuid, jsonb, timestamptz[]) to authenticated;

create function savings.change_plan(
  plan_id uuid, change_key uuid, asked jsonb, changes jsonb, due_ats timestamptz[], from_at timestamptz default null
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  plan savings.plan := savings.hold_plan(plan_id);
  said savings.plan;
  before jsonb; after jsonb;
  reschedules boolean;
  taken_back integer := 0;
begin
  asked := jsonb_build_object('verb', 'change', 'asked', asked);
  if savings.is_replay(change_key, plan_id, asked) then
    return savings.plan_json(plan);
  end if;
  if plan.state = 'ended' then
    perform private.refuse('plan_ended');
  end if;
  from_at := greatest(from_at, moment);
  if from_at > moment + interval '60 days' then
    perform private.refuse('request_invalid');
  end if;
  said := savings.with_terms(plan, changes);
  select coalesce(jsonb_object_agg(a.key, b.value), '{}'), coalesce(jsonb_object_agg(a.key, a.value), '{}') into before, after
  from jsonb_each(savings.terms_json(said)) a join jsonb_each(savings.terms_json(plan)) b on b.key = a.key
  where a.value <> b.value;
  if after = '{}' then
    perform savings.note_change(change_key, plan, asked);
    return savings.plan_json(plan);
  end if;
  perform savings.check_terms(said, plan);
  -- a name or a condition changes no buy: conditions are asked when its time has come
  reschedules := after ?| array[
    'amount_cents', 'frequency', 'zone', 'starts_on', 'minute_of_day', 'weekdays', 'month_day', 'ends_on', 'funding', 'source_id', 'lead_bank_days'];
  if reschedules then
    perform savings.check_due_ats(due_ats, from_at);
  end if;
  said.version := plan.version + 1;
  said.changed_at := moment;
  update savings.plan p set
    name = said.name, amount_cents = said.amount_cents, frequency = said.frequency, zone = said.zone, starts_on = said.starts_on,
    minute_of_day = said.minute_of_day, weekdays = said.weekdays, month_day = said.month_day, ends_on = said.ends_on,
    funding = said.funding, source_id = said.source_id, lead_bank_days = said.lead_bank_days,
    buy_below_cents = said.buy_below_cents, dip_bps = said.dip_bps, dip_extra_cents = said.dip_extra_cents, cap_cents = said.cap_cents,
    on_shortfall = said.on_shortfall, catch_up = said.catch_up, version = said.version, changed_at = said.changed_at
  where p.id = plan_id;
  if reschedules and plan.state = 'active' then
    taken_back := savings.take_back_buys(plan_id, from_at, 'plan_changed');
    said := savings.plan_buys(said, due_ats);
  end if;
  perform savings.note_change(change_key, said, asked);
  perform events.record('plan.changed', plan_id, said.version, jsonb_build_object(
    'owner_id', plan.person, 'before', before, 'after', after, 'canceled_count', taken_back));
  return savings.plan_json(said);
end $$;
comment on function savings.change_plan(uuid, uuid, jsonb, jsonb, timestamptz[], timestamptz) is
'Changes terms of the caller''s plan once per change_key (asked: what it was asked with): buys after from_at that have not begun '
'give way to those of due_ats. Returns the plan.';
grant execute on function savings.change_plan(uuid, uuid, jsonb, jsonb, timestamptz[], timestamptz) to authenticated;

create function savings.move_plan(
  plan savings.plan, state text, reason text, after timestamptz default '-infinity'
) returns savings.plan
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moved savings.plan;
  taken_back integer := 0;
begin
  if state <> 'active' then
    taken_back := savings.take_back_buys(plan.id, after, 'plan_' || state);
  end if;
  update savings.plan p set
    state = state, pause_reason = case when state = 'paused' then reason end, end_reason = case when state = 'ended' then reason end,
    ended_at = case when state = 'ended' then private.now() end, changed_at = private.now(), version = p.version + 1,
    schedule_at = case when state = 'active' then p.schedule_at end
  where p.id = plan.id returning * into moved;
  perform events.record(
    case state when 'active' then 'plan.resumed' else 'plan.' || state end, plan.id, moved.version, jsonb_build_object(
      'owner_id', plan.person, 'reason', reason, 'canceled_count', taken_back,
      'before', jsonb_build_object('state', plan.state), 'after', jsonb_build_object('state', state)));
  return moved;
end $$;
comment on function savings.move_plan(savings.plan, text, text, timestamptz) is
'Gives a plan that is held another state, with its event; paused and ended take back the buys after this moment that have not begun.';

create function savings.pause_plan(plan_id uuid, change_key uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  plan savings.plan := savings.hold_plan(plan_id);
begin
  if savings.is_replay(change_key, plan_id, '{"verb": "pause"}') then
    return savings.plan_json(plan);
  end if;
  if plan.state = 'ended' then
    perform private.refuse('plan_ended');
  end if;
  if plan.state = 'active' then
    plan := savings.move_plan(plan, 'paused', 'paused_by_owner');
  end if;
  perform savings.note_change(change_key, plan, '{"verb": "pause"}');
  return savings.plan_json(plan);
end $$;
comment on function savings.pause_plan(uuid, uuid) is 'Pauses the caller''s plan: what has not begun does not happen. Again changes nothing.';
grant execute on function savings.pause_plan(uuid, uuid) to authenticated;

create function savings.resume_plan(plan_id uuid, change_key uuid, due_ats timestamptz[]) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  plan savings.plan := savings.hold_plan(plan_id);
begin
  if savings.is_replay(change_key, plan_id, '{"verb": "resume"}') then
    return savings.plan_json(plan);
  end if;
  if plan.state = 'ended' then
    perform private.refuse('plan_ended');
  end if;
  if plan.state = 'paused' then
    perform savings.check_purse(plan.person);
    perform savings.check_terms(plan, plan);
    perform savings.check_due_ats(due_ats, private.now());
    plan := savings.move_plan(plan, 'active', 'resumed_by_owner');
    plan := savings.plan_buys(plan, due_ats);
  end if;
  perform savings.note_change(change_key, plan, '{"verb": "resume"}');
  return savings.plan_json(plan);
end $$;
comment on function savings.resume_plan(uuid, uuid, timestamptz[]) is 'The caller''s paused plan goes on with the buys of due_ats. Again changes nothing.';
grant execute on function savings.resume_plan(uuid, uuid, timestamptz[]) to authenticated;

create function savings.skip_next(plan_id uuid, change_key uuid, due_at timestamptz, due_ats timestamptz[]) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  plan savings.plan := savings.hold_plan(plan_id);
  asked jsonb := jsonb_build_object('verb', 'skip_next', 'due_at', due_at);
  skipped savings.buy;
begin
  if savings.is_replay(change_key, plan_id, asked) then
    return savings.plan_json(plan);
  end if;
  if plan.state = 'ended' then
    perform private.refuse('plan_ended');
  end if;
  if savings.skipped_ahead(plan_id) >= 30 then
    perform private.refuse('nothing_to_skip', '{"max": 30}');
  end if;
  update savings.buy b set
    state = 'skipped', reason = 'skipped_by_owner', ended_at = moment, version = b.version + 1
  where b.state = 'scheduled' and b.due_at > moment and b.id = (
    select n.id from savings.buy n
    where n.plan_id = plan_id and n.state = 'scheduled' and n.due_at > moment and (due_at is null or n.due_at = due_at)
    order by n.due_at limit 1
  ) returning * into skipped;
  if not found and due_at is not null then
    perform private.refuse('skip_too_late');
  elsif not found then
    perform private.refuse('nothing_to_skip');
  end if;
  update savings.plan p set version = p.version + 1, changed_at = moment where p.id = plan_id returning * into plan;
  if cardinality(due_ats) > 0 then
    perform savings.check_due_ats(due_ats, greatest(moment, plan.scheduled_until));
    plan := savings.plan_buys(plan, due_ats);
  end if;
  perform savings.note_change(change_key, plan, asked);
  perform events.record('buy.skipped', skipped.id, skipped.version, jsonb_build_object(
    'owner_id', plan.person, 'plan_id', plan_id, 'due_at', skipped.due_at, 'amount_cents', skipped.amount_cents,
    'reason', skipped.reason, 'before', '{"state": "scheduled"}'::jsonb, 'after', '{"state": "skipped"}'::jsonb));
  return savings.plan_json(plan);
end $$;
comment on function savings.skip_next(uuid, uuid, timestamptz, timestamptz[]) is
'Skips the next buy of the caller''s plan, or the one of due_at, once per change_key; due_ats are those that follow what is made. Returns the plan.';
grant execute on function savings.skip_next(uuid, uuid, timestamptz, timestamptz[]) to authenticated;

create function savings.end_plan(plan_id uuid, change_key uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  plan savings.plan := savings.hold_plan(plan_id);
begin
  if savings.is_replay(change_key, plan_id, '{"verb": "end"}') then
    return savings.plan_json(plan);
  end if;
  if plan.state <> 'ended' then
    plan := savings.move_plan(plan, 'ended', 'ended_by_owner');
  end if;
  perform savings.note_change(change_key, plan, '{"verb": "end"}');
  return savings.plan_json(plan);
end $$;
comment on function savings.end_plan(uuid, uuid) is 'Ends the caller''s plan for good: what has not begun does not happen. Again changes nothing.';
grant execute on function savings.end_plan(uuid, uuid) to authenticated;

create function savings.open_my_plan(plan_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  plan savings.plan := savings.hold_plan(plan_id);
begin
  return savings.plan_json(plan) || jsonb_build_object(
    'scheduled_until', plan.scheduled_until, 'skipped_ahead', savings.skipped_ahead(plan_id), 'now', private.now());
end $$;
comment on function savings.open_my_plan(uuid) is
'The caller''s plan and the time, to count due times from; nobody changes the plan until the transaction ends.';
grant execute on function savings.open_my_plan(uuid) to authenticated;
