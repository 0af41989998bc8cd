-- Savings: plans that buy a little bitcoin at set times, and one row for each buy that was and will be.
-- Why      A plan is what a person agreed with themselves; its buys are rows before they happen, so that what is shown
--          is what will be done, and one row per plan and time makes a buy happen once, whoever works on it.
--          When a plan buys is counted by Python in the plan's zone (paya_app/savings/schedule.py) and stored here.
-- Units    *_cents: US cents; buy_below_cents per whole bitcoin; *_bps: hundredths of a percent; quantity_sats:
--          hundred-millionths of a bitcoin. minute_of_day, starts_on, ends_on are wall time in zone.
-- Locks    A change holds its plan's row, then takes the buys that it cancels. Who takes buys first never waits for a plan.
-- Callers  The functions of this schema only; no API role reads or writes these tables.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema savings;
revoke all on schema savings from public;
grant usage on schema savings to authenticated, service_role;

insert into risk.limit_name (name)
values ('buy_single_min_cents'), ('buy_single_max_cents'), ('buy_below_min_cents'), ('buy_dip_max_bps'), ('buy_late_hours'), ('plans_count');
insert into risk.limit_value (name, value_max, reason)
values
('buy_single_min_cents', 500, 'opening rule: one buy is at least 5.00, which the exchange takes as an order of its own up to 99,000 a bitcoin'),
('buy_single_max_cents', 100000, 'opening rule: one buy is at most 1,000.00'),
('buy_below_min_cents', 100000, 'opening rule: a price limit below 1,000.00 a bitcoin will never be met'),
('buy_dip_max_bps', 5000, 'opening rule: a price does not fall by more than half in a day'),
('buy_late_hours', 1, 'opening rule: a plan that skips what was missed buys up to an hour late'),
('plans_count', 20, 'opening rule: 20 plans that go on, for one person');

-- source_id refers to banking.source without a key: banks are never deleted, and whoever unlinks one holds its row
-- while the plans that it pays for are paused.
create table savings.plan (
  id uuid primary key,
  person uuid not null references public.profiles (id),
  name text not null,
  state text not null default 'active',
  amount_cents bigint not null,
  frequency text not null,
  zone text not null,
  starts_on date not null,
  minute_of_day integer not null,
  weekdays integer[] not null default '{}',
  month_day integer,
  ends_on date,
  funding text not null default 'wallet',
  source_id uuid,
  lead_bank_days integer not null default 0,
  buy_below_cents bigint,
  dip_bps integer,
  dip_extra_cents bigint,
  cap_cents bigint,
  on_shortfall text not null default 'skip',
  catch_up text not null default 'one',
  pause_reason text,
  end_reason text,
  scheduled_until timestamptz,
  schedule_at timestamptz,
  version bigint not null default 1,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  ended_at timestamptz,
  constraint plan_has_a_name check (char_length(name) between 1 and 40),
  constraint state_is_known check (state in ('active', 'paused', 'ended')),
  constraint amount_is_positive check (amount_cents > 0),
  constraint frequency_is_known check (frequency in ('hourly', 'daily', 'weekdays', 'weekly', 'biweekly', 'monthly')),
  constraint zone_is_a_name check (zone ~ '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}$' and char_length(zone) <= 64),
  constraint minute_is_of_its_span check (minute_of_day between 0 and case when frequency = 'hourly' then 59 else 1439 end),
  constraint weekdays_fit check (
    weekdays <@ array[1, 2, 3, 4, 5, 6, 7] and cardinality(weekdays) between
    case when frequency in ('weekly', 'biweekly') then 1 else 0 end and
    case frequency when 'weekly' then 7 when 'biweekly' then 1 else 0 end
  ),
  constraint month_day_fits check (
    (frequency = 'monthly') = (month_day is not null) and (month_day = -1 or month_day between 1 and 31)
  ),
  constraint it_ends_after_it_starts check (ends_on >= starts_on),
  constraint funding_is_known check (funding in ('wallet', 'bank')),
  constraint a_bank_has_lead check (
    (funding = 'bank') = (source_id is not null) and lead_bank_days between
    case when funding = 'bank' then 1 else 0 end and case when funding = 'bank' then 10 else 0 end
  ),
  constraint conditions_are_positive check (buy_below_cents > 0 and dip_bps > 0 and dip_extra_cents > 0 and cap_cents > 0),
  constraint a_dip_has_both_parts check ((dip_bps is null) = (dip_extra_cents is null)),
  constraint shortfall_is_known check (on_shortfall in ('skip', 'retry', 'use_wallet')),
  constraint catch_up_is_known check (catch_up in ('one', 'skip')),
  constraint paused_says_why check ((state = 'paused') = (pause_reason is not null)),
  constraint ended_says_when_and_why check ((state = 'ended') = (ended_at is not null) and (state = 'ended') = (end_reason is not null))
);
comment on table savings.plan is
'What a person agreed with themselves. scheduled_until: up to when its buys are rows; schedule_at: when more of them are to be made, '
'null when there are none to make. catch_up: what becomes of buys whose time passed while we were down.';
create index plan_by_person on savings.plan (person, created_at);
create index plan_to_schedule on savings.plan (schedule_at) where state = 'active' and schedule_at is not null;
create index plan_by_source on savings.plan (source_id) where source_id is not null and state = 'active';
alter table savings.plan enable row level security;

create function savings.plan_moves_forward() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if (old.id, old.person, old.created_at) is distinct from (new.id, new.person, new.created_at)
    or new.version < old.version or old.state = 'ended' then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "savings.plan"}';
  end if;
  return new;
end $$;
comment on function savings.plan_moves_forward() is 'A plan keeps its person, and one that has ended does not change.';
create trigger plan_moves_forward before update on savings.plan for each row execute function savings.plan_moves_forward();
create trigger plan_is_never_deleted before delete on savings.plan for each row execute function private.append_only();
create trigger plan_is_never_truncated before truncate on savings.plan for each statement execute function private.append_only();

create table savings.buy (
  id uuid primary key default gen_random_uuid(),
  plan_id uuid not null references savings.plan (id),
  person uuid not null,
  due_at timestamptz not null,
  amount_cents bigint not null,
  state text not null default 'scheduled',
  reason text,
  order_id uuid,
  fee_cents bigint not null default 0,
  cost_cents bigint not null default 0,
  exchange_fee_cents bigint not null default 0,
  refund_cents bigint not null default 0,
  quantity_sats bigint not null default 0,
  version bigint not null default 1,
  created_at timestamptz not null,
  collected_at timestamptz,
  ended_at timestamptz,
  constraint state_is_known check (state in ('scheduled', 'skipped', 'canceled', 'collected', 'bought', 'failed')),
  constraint amounts_are_not_negative check (
    amount_cents > 0 and least(fee_cents, cost_cents, exchange_fee_cents, refund_cents, quantity_sats) >= 0
  ),
  constraint ended_says_when check ((state in ('skipped', 'canceled', 'bought', 'failed')) = (ended_at is not null)),
  constraint exchange_fee_is_of_the_cost check (exchange_fee_cents <= cost_cents),
  constraint taken_says_when check (collected_at is not null or state in ('scheduled', 'skipped', 'canceled'))
) with (fillfactor = 80);
comment on table savings.buy is
'One buy of a plan: scheduled, then skipped or canceled, or collected (the money is taken), and bought or failed (it is back). '
'reason: why it was not made, or why it waits. cost_cents: what the exchange took, its own fee (exchange_fee_cents) included.';
-- what a change took back stays on record, and leaves the time free for what the plan says now
create unique index buy_once_at_its_time on savings.buy (plan_id, due_at) where state <> 'canceled';
create index buy_of_plan on savings.buy (plan_id, due_at);
create index buy_due on savings.buy (due_at) where state = 'scheduled';
alter table savings.buy enable row level security;

create function savings.buy_goes_back() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "savings.buy"}';
end $$;
comment on function savings.buy_goes_back() is 'Refuses a change of a buy that is no step forward.';
-- written out and not in the function: thousands of buys move in one statement, and it is called for none of them
create trigger buy_moves_forward before update on savings.buy for each row
when (
  new.version <= old.version
  or (old.id, old.plan_id, old.person, old.due_at, old.created_at)
  is distinct from (new.id, new.plan_id, new.person, new.due_at, new.created_at)
  or (old.state <> 'scheduled' and old.amount_cents <> new.amount_cents)
  or (old.state, new.state) not in (
    ('scheduled', 'scheduled'), ('scheduled', 'skipped'), ('scheduled', 'canceled'), ('scheduled', 'collected'),
    ('collected', 'collected'), ('collected', 'bought'), ('collected', 'failed')
  )
) execute function savings.buy_goes_back();
create trigger buy_is_never_deleted before delete on savings.buy for each row execute function private.append_only();
create trigger buy_is_never_truncated before truncate on savings.buy for each statement execute function private.append_only();

create table savings.plan_change (
  key uuid primary key,
  plan_id uuid not null references savings.plan (id),
  person uuid not null,
  asked jsonb not null,
  version bigint not null,
  at timestamptz not null
);
comment on table savings.plan_change is
'What a person asked of a plan under which key (the plan''s id for its making), so that asking again changes nothing. version: the plan''s, after it.';
create index plan_change_by_plan on savings.plan_change (plan_id);
alter table savings.plan_change enable row level security;
create trigger plan_change_is_append_only before update or delete on savings.plan_change
for each row execute function private.append_only();
create trigger plan_change_is_never_truncated before truncate on savings.plan_change
for each statement execute function private.append_only();

create function savings.moment() returns timestamptz
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select private.now()
$$;
comment on function savings.moment() is 'The time, as the database has it: due times are counted from it.';
grant execute on function savings.moment() to authenticated, service_role;
