-- Provider health: which vendor answers, as all processes see it together.
-- Why      A vendor that is down is asked by nobody but one probe, whichever process or machine it runs in.
-- Units    failures: in a row, of the connection or of status 5xx. wait_s, ttl_s, probe_s: seconds.
-- Locks    The vendor's row, for one statement each; never while a vendor is being called.
-- Callers  service_role counts and asks; everybody may ask who is down, for the notice on pages.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema providers;
revoke all on schema providers from public;
grant usage on schema providers to anon, authenticated, service_role;

create table providers.provider_health (
  vendor text primary key,
  id uuid not null unique default gen_random_uuid(),
  state text not null default 'closed',
  failures integer not null default 0,
  threshold integer not null,
  ttl_s double precision not null,
  opened_at timestamptz,
  down_since timestamptz,
  probe_until timestamptz,
  version bigint not null default 0,
  constraint vendor_is_a_word check (vendor ~ '^[a-z]+$'),
  constraint state_is_known check (state in ('closed', 'opened', 'half-opened')),
  constraint failures_are_counted check (failures >= 0 and threshold > 0),
  constraint open_says_since_when check ((state = 'closed') = (down_since is null) and (state = 'closed') = (opened_at is null)),
  constraint one_probe_at_a_time check ((state = 'half-opened') = (probe_until is not null))
);
comment on table providers.provider_health is
'One breaker for each vendor. closed: it is called; opened: it is left alone until opened_at + ttl_s; half-opened: one caller probes.';
alter table providers.provider_health enable row level security;

create function providers.enter(vendor text, probe_s double precision)
returns table (state text, failures integer, threshold integer, ttl_s double precision, wait_s double precision)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  moment timestamptz := private.now();
  found_row providers.provider_health;
begin
  select * into found_row from providers.provider_health h where h.vendor = enter.vendor;
  if not found then
    return;
  end if;
  if found_row.state <> 'closed' then
    update providers.provider_health h set state = 'half-opened', probe_until = moment + make_interval(secs => enter.probe_s)
    where h.vendor = enter.vendor and (
      h.state = 'opened' and h.opened_at + make_interval(secs => h.ttl_s) <= moment
      or h.state = 'half-opened' and h.probe_until <= moment);
    if found then
      return query select 'half-opened', found_row.failures, found_row.threshold, found_row.ttl_s, 0::float8;
      return;
    end if;
    select * into found_row from providers.provider_health h where h.vendor = enter.vendor;
  end if;
  return query select
    case found_row.state when 'closed' then 'closed' else 'opened' end, found_row.failures, found_row.threshold, found_row.ttl_s,
    greatest(1, extract(epoch from coalesce(
      found_row.probe_until, found_row.opened_at + make_interval(secs => found_row.ttl_s)) - moment))::float8;
end $$;
comment on function providers.enter(text, double precision) is
'How the vendor''s breaker stands for this one caller: half-opened means that the caller is the probe, for probe_s at most. No row: there is none yet.';
grant execute on function providers.enter(text, double precision) to service_role;

create function providers.register(vendor text, threshold integer, ttl_s double precision) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into providers.provider_health (vendor, threshold, ttl_s) values (vendor, threshold, ttl_s) on conflict do nothing
$$;
comment on function providers.register(text, integer, double precision) is 'Gives a vendor its breaker, closed, unless it has one.';
grant execute on function providers.register(text, integer, double precision) to service_role;

create function providers.count_failure(vendor text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  broken providers.provider_health;
begin
  update providers.provider_health h set failures = h.failures + 1
  where h.vendor = count_failure.vendor and h.state = 'closed' returning * into broken;
  if broken.failures >= broken.threshold then
    update providers.provider_health h set
      state = 'opened', opened_at = private.now(), down_since = private.now(), version = h.version + 1
    where h.vendor = count_failure.vendor returning * into broken;
    perform events.record('breaker.opened', broken.id, broken.version, jsonb_build_object('vendor', broken.vendor), null);
  end if;
end $$;
comment on function providers.count_failure(text) is
'Counts one failure of a closed breaker; the one that makes it too many opens it, for all processes.';
grant execute on function providers.count_failure(text) to service_role;

create function providers.forget_failures(vendor text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update providers.provider_health h set failures = 0
  where h.vendor = forget_failures.vendor and h.state = 'closed' and h.failures > 0
$$;
comment on function providers.forget_failures(text) is 'The vendor answered: failures count in a row only.';
grant execute on function providers.forget_failures(text) to service_role;

-- What waits for its next try after a failure need not wait any longer.
create function jobs.hurry(queue text) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
  with hurried as (
    update jobs.procrastinate_jobs j set scheduled_at = null
    where j.queue_name = hurry.queue and j.status = 'todo' and j.attempts > 0 and j.scheduled_at is not null
    returning 1
  )
  select count(*) from hurried
$$;
comment on function jobs.hurry(text) is 'Makes what failed and waits to be tried again due at once; returns how many jobs.';

create function providers.end_probe(vendor text, is_well boolean) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  before providers.provider_health;
begin
  select * into before from providers.provider_health h where h.vendor = end_probe.vendor for no key update;
  if before.state is distinct from 'half-opened' then
    return;
  end if;
  if not is_well then
    update providers.provider_health h set state = 'opened', opened_at = private.now(), probe_until = null
    where h.vendor = end_probe.vendor;
    return;
  end if;
  update providers.provider_health h set
    state = 'closed', failures = 0, opened_at = null, down_since = null, probe_until = null, version = h.version + 1
  where h.vendor = end_probe.vendor;
  perform events.record('breaker.closed', before.id, before.version + 1, jsonb_build_object(
    'vendor', before.vendor, 'down_s', round(extract(epoch from private.now() - before.down_since))), null);
  perform jobs.hurry(case
    when vendor in ('twilio', 'sns') then 'texts' when vendor in ('smtp', 'push') then 'notifications'
    when vendor = 'kraken' then 'savings' else 'banking' end);
end $$;
comment on function providers.end_probe(text, boolean) is
'What the probe found: the breaker closes and what waited is due, or it stays open for another ttl_s. Nothing when no probe is under way.';
grant execute on function providers.end_probe(text, boolean) to service_role;

create function providers.is_down(vendor text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from providers.provider_health h where h.vendor = is_down.vendor and h.state <> 'closed')
$$;
comment on function providers.is_down(text) is 'Whether the vendor is left alone now. Called by functions of ours.';

create function providers.degraded() returns table (vendor text, down_since timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select h.vendor, h.down_since from providers.provider_health h where h.state <> 'closed' order by h.vendor
$$;
comment on function providers.degraded() is 'Vendors that do not answer, and since when.';
grant execute on function providers.degraded() to anon, authenticated, service_role;
