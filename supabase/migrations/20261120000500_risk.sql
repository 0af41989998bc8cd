-- Risk: the limits, as data with a history.
-- Why      Limits are shown to people and changed by people; both need a row with who and when.
-- Units    value_max: cents for *_cents, a count for *_count. Windows roll: one hour, 24 hours.
-- Locks    None here. Callers count inside the transaction that holds the wallet's row lock, so limits are exact.
-- Callers  risk.limit_max from definer functions; wallet.my_send_limits shows a person their own.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema risk;
revoke all on schema risk from public;
grant usage on schema risk to authenticated, service_role;

create table risk.limit_value (
  id bigint generated always as identity primary key,
  name text not null,
  value_max bigint not null,
  since timestamptz not null default clock_timestamp(),
  set_by uuid,
  reason text not null,
  constraint value_is_not_negative check (value_max >= 0)
);
comment on table risk.limit_value is 'Each limit''s values over time; the newest row of a name is in force.';
create index limit_value_newest on risk.limit_value (name, id desc);
alter table risk.limit_value enable row level security;
create trigger limit_value_is_append_only before update or delete on risk.limit_value
for each row execute function private.append_only();
create trigger limit_value_is_never_truncated before truncate on risk.limit_value
for each statement execute function private.append_only();

-- The values in force in one row, so that a payment reads one row and never the history.
create table risk.limit_in_force (
  one_row boolean primary key default true,
  maxima jsonb not null default '{}',
  constraint there_is_one_row check (one_row)
);
comment on table risk.limit_in_force is 'The newest value of each limit by its name; written by the trigger of risk.limit_value alone.';
insert into risk.limit_in_force default values;
create trigger limit_in_force_is_never_deleted before delete on risk.limit_in_force
for each row execute function private.append_only();
create trigger limit_in_force_is_never_truncated before truncate on risk.limit_in_force
for each statement execute function private.append_only();
alter table risk.limit_in_force enable row level security;

create function risk.put_in_force() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform events.record('limit.changed', md5('limit:' || new.name)::uuid, new.id, jsonb_build_object(
    'name', new.name, 'before', (select (f.maxima ->> new.name)::bigint from risk.limit_in_force f), 'after', new.value_max,
    'reason', new.reason), new.set_by);
  -- locked first: of two who change one limit at once, the later id stays in force
  perform from risk.limit_in_force f for no key update;
  update risk.limit_in_force f set maxima = f.maxima || jsonb_build_object(new.name, (
    select l.value_max from risk.limit_value l where l.name = new.name order by l.id desc limit 1));
  return null;
end $$;
create trigger limit_value_comes_in_force after insert on risk.limit_value
for each row execute function risk.put_in_force();

insert into risk.limit_value (name, value_max, reason)
values
('send_single_cents', 100000, 'opening rule: one payment is at most 1,000.00'),
('send_hour_count', 10, 'opening rule: 10 payments an hour'),
('send_day_count', 50, 'opening rule: 50 payments in 24 hours'),
('send_day_recipients_count', 20, 'opening rule: 20 different people paid in 24 hours'),
('phone_lookup_hour_count', 30, 'opening rule: 30 look-ups by phone an hour'),
('load_single_min_cents', 100, 'opening rule: a load is at least 1.00'),
('load_single_cents', 200000, 'opening rule: a load is at most 2,000.00'),
('load_week_cents', 200000, 'opening rule: 2,000.00 loaded in 7 days'),
('load_first_week_cents', 10000, 'opening rule: 100.00 in the first 7 days of an account');

create function risk.limit_max(name text) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select (f.maxima ->> limit_max.name)::bigint from risk.limit_in_force f
$$;
comment on function risk.limit_max(text) is 'The value in force of a limit, or null when there is none of this name.';
