-- Savings, terms: what a plan may say, and how plans and buys are told.
-- Why      The rules hold for every caller, so they stand here; Python checks the same before, for the words.
-- Units    As in the tables. due_ats: moments counted by Python from the plan's schedule.
-- Locks    None, but hold_plan: the plan's row, until the transaction ends.
-- Callers  The functions of this schema.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function savings.terms_json(plan savings.plan) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'name', plan.name, 'amount_cents', plan.amount_cents, 'frequency', plan.frequency, 'zone', plan.zone,
    'starts_on', plan.starts_on, 'minute_of_day', plan.minute_of_day, 'weekdays', to_jsonb(plan.weekdays),
    'month_day', plan.month_day, 'ends_on', plan.ends_on, 'funding', plan.funding, 'source_id', plan.source_id,
    'lead_bank_days', plan.lead_bank_days, 'buy_below_cents', plan.buy_below_cents, 'dip_bps', plan.dip_bps,
    'dip_extra_cents', plan.dip_extra_cents, 'cap_cents', plan.cap_cents, 'on_shortfall', plan.on_shortfall,
    'catch_up', plan.catch_up)
$$;
comment on function savings.terms_json(savings.plan) is 'What a plan says, by the names that create_plan and change_plan take.';

create function savings.buy_json(buy savings.buy) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', buy.id, 'plan_id', buy.plan_id, 'due_at', buy.due_at, 'amount_cents', buy.amount_cents, 'state', buy.state,
    'reason', buy.reason, 'cost_cents', buy.cost_cents, 'exchange_fee_cents', buy.exchange_fee_cents,
    'fee_cents', buy.fee_cents, 'refund_cents', buy.refund_cents, 'quantity_sats', buy.quantity_sats, 'version', buy.version)
$$;
comment on function savings.buy_json(savings.buy) is 'A buy as its owner may see it.';

create function savings.spent_cents(plan_id uuid) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(sum(b.amount_cents - b.refund_cents), 0)::bigint
  from savings.buy b where b.plan_id = spent_cents.plan_id and b.state in ('collected', 'bought')
$$;
comment on function savings.spent_cents(uuid) is 'What a plan spent so far, with what is under way, in US cents.';

create function savings.plan_json(plan savings.plan) returns jsonb
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', plan.id, 'state', plan.state, 'terms', savings.terms_json(plan), 'next_buys', coalesce((
      select jsonb_agg(savings.buy_json(n) order by n.due_at) from (
        select b.* from savings.buy b
        where b.plan_id = plan.id and b.state = 'scheduled' and b.due_at > private.now() order by b.due_at limit 3
      ) n), '[]'),
    'spent_cents', savings.spent_cents(plan.id), 'pause_reason', plan.pause_reason, 'end_reason', plan.end_reason,
    'version', plan.version, 'created_at', plan.created_at, 'changed_at', plan.changed_at, 'ended_at', plan.ended_at)
$$;
comment on function savings.plan_json(savings.plan) is 'A plan as its owner may see it, with the next three buys.';

create function savings.hold_plan(plan_id uuid) returns savings.plan
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  plan savings.plan;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  select * into plan from savings.plan p where p.id = plan_id and p.person = auth.uid() for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "plan"}');
  end if;
  return plan;
end $$;
comment on function savings.hold_plan(uuid) is 'The caller''s plan, which nobody else changes until the transaction ends.';

create function savings.with_terms(plan savings.plan, terms jsonb) returns savings.plan
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  said savings.plan;
begin
  if jsonb_typeof(terms) is distinct from 'object' then
    perform private.refuse('request_invalid');
  end if;
  if exists (select from jsonb_object_keys(terms) k where not savings.terms_json(plan) ? k) then
    perform private.refuse('request_invalid');
  end if;
  begin
    said := jsonb_populate_record(plan, terms);
  exception
    when data_exception then
      perform private.refuse('request_invalid');
  end;
  return said;
end $$;
comment on function savings.with_terms(savings.plan, jsonb) is 'The plan as it is when it says these terms; what they leave out stays.';

-- The plan is not saved yet; before is what it said until now, or null.
create function savings.check_terms(plan savings.plan, before savings.plan) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  limits jsonb := (select f.maxima from risk.limit_in_force f);
  today date := private.now()::date;
  bad text;
  bank_state text;
begin
  if not limits ?& array['buy_single_min_cents', 'buy_single_max_cents', 'buy_below_min_cents', 'buy_dip_max_bps'] then
    perform private.refuse('limits_unknown');
  end if;
  if coalesce(plan.name, '') !~ '\S' or char_length(plan.name) > 40 then
    perform private.refuse('plan_name_invalid');
  end if;
  if plan.amount_cents is null or plan.amount_cents < (limits ->> 'buy_single_min_cents')::bigint
    or plan.amount_cents > (limits ->> 'buy_single_max_cents')::bigint then
    perform private.refuse('buy_amount_invalid', jsonb_build_object(
      'min_cents', limits -> 'buy_single_min_cents', 'max_cents', limits -> 'buy_single_max_cents'));
  end if;

  bad := case
    when coalesce(plan.frequency, '') not in ('hourly', 'daily', 'weekdays', 'weekly', 'biweekly', 'monthly') then 'frequency'
    when coalesce(plan.zone, '') !~ '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}$' or char_length(plan.zone) > 64 then 'zone'
    when plan.starts_on is null or plan.starts_on < '2000-01-01' or plan.starts_on > today + 5 * 366 then 'starts_on'
    when plan.ends_on < plan.starts_on or plan.ends_on > '2199-12-31' then 'ends_on'
    when plan.minute_of_day is null or plan.minute_of_day not between 0 and case when plan.frequency = 'hourly' then 59 else 1439 end
      then 'minute_of_day'
    when plan.weekdays is null or not plan.weekdays <@ array[1, 2, 3, 4, 5, 6, 7] or array_ndims(plan.weekdays) > 1
      or cardinality(plan.weekdays) not between case when plan.frequency in ('weekly', 'biweekly') then 1 else 0 end
      and case plan.frequency when 'weekly' then 7 when 'biweekly' then 1 else 0 end then 'weekdays'
    when (plan.frequency = 'monthly') <> (plan.month_day is not null) or plan.month_day not between -1 and 31 or plan.month_day = 0
      then 'month_day'
  end;
  if bad is not null then
    perform private.refuse('schedule_invalid', jsonb_build_object('field', bad));
  end if;

  bad := case
    when plan.buy_below_cents < (limits ->> 'buy_below_min_cents')::bigint then 'buy_below_cents'
    when (plan.dip_bps is null) <> (plan.dip_extra_cents is null) then 'dip'
    when plan.dip_bps not between 1 and (limits ->> 'buy_dip_max_bps')::bigint then 'dip_bps'
    when plan.dip_extra_cents not between 1 and (limits ->> 'buy_single_max_cents')::bigint - plan.amount_cents then 'dip_extra_cents'
    when (before.id is null or (plan.cap_cents, plan.amount_cents) is distinct from (before.cap_cents, before.amount_cents))
      and plan.cap_cents < savings.spent_cents(plan.id) + plan.amount_cents then 'cap_cents'
  end;
  if bad is not null then
    perform private.refuse('plan_condition_invalid', jsonb_build_object('field', bad));
  end if;

  bad := case
    when coalesce(plan.funding, '') not in ('wallet', 'bank') then 'funding'
    when (plan.funding = 'bank') <> (plan.source_id is not null) then 'source_id'
    when plan.lead_bank_days is null or plan.lead_bank_days not between case when plan.funding = 'bank' then 1 else 0 end
      and case when plan.funding = 'bank' then 10 else 0 end then 'lead_bank_days'
    when plan.funding = 'bank' and plan.frequency = 'hourly' then 'frequency'
    when coalesce(plan.on_shortfall, '') not in ('skip', 'retry', 'use_wallet')
      or (plan.on_shortfall = 'use_wallet' and plan.funding = 'wallet') then 'on_shortfall'
    when coalesce(plan.catch_up, '') not in ('one', 'skip') then 'catch_up'
  end;
  if bad is not null then
    perform private.refuse('plan_funding_invalid', jsonb_build_object('field', bad));
  end if;
  if plan.funding = 'bank' then
    select s.state into bank_state from banking.source s where s.id = plan.source_id and s.person = plan.person;
    if coalesce(bank_state, '') not in ('unverified', 'verified') then
      perform private.refuse('not_found', '{"what": "bank"}');
    end if;
    if bank_state <> 'verified' then
      perform private.refuse('plan_bank_unconfirmed');
    end if;
  end if;
end $$;
comment on function savings.check_terms(savings.plan, savings.plan) is 'Refuses what a plan may not say, and what could never lead to a buy.';

create function savings.check_purse(person uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  purse_state text := (select a.state from ledger.account a where a.id = ledger.wallet_of(person));
begin
  if purse_state is distinct from 'active' then
    perform private.refuse('plan_account_unavailable', jsonb_build_object('state', purse_state));
  end if;
end $$;
comment on function savings.check_purse(uuid) is 'Refuses when the person''s wallet cannot give money.';

create function savings.check_due_ats(due_ats timestamptz[], after timestamptz) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  if coalesce(cardinality(due_ats), 0) = 0 then
    perform private.refuse('schedule_never');
  end if;
  if cardinality(due_ats) > 100 then
    perform private.refuse('request_invalid');
  end if;
  if exists (
    select from (
      select d.due_at, lag(d.due_at, 1, after) over (order by d.place) as previous from unnest(due_ats) with ordinality d (due_at, place)
    ) o where (o.due_at > o.previous and isfinite(o.due_at)) is not true
  ) then
    perform private.refuse('due_times_stale');
  end if;
end $$;
comment on function savings.check_due_ats(timestamptz[], timestamptz) is 'Refuses due times that are none, not after this moment, or not ascending.';
