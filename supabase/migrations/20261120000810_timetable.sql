-- Jobs: how work gets into the queue, the ticks of the timetable, and the dead letters.
-- Why      Whoever needs work done later says so in the same transaction; nobody else touches the queue's tables.
-- Units    args are the keyword arguments of a task, as a JSON object. due_at is a multiple of a line's period.
-- Locks    An advisory lock per `only_once`: of two who enqueue the same at once, or enqueue what another retries,
--          one job remains.
-- Callers  jobs.enqueue from definer functions, service_role and the worker; ticks from the scheduler's leader.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function jobs.enqueue(
  queue text,
  task text,
  args jsonb,
  only_once text default null,
  run_at timestamptz default null,
  in_order text default null
) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  if jsonb_typeof(args) is distinct from 'object' then
    perform private.refuse('request_invalid');
  end if;
  if only_once is not null then
    perform pg_advisory_xact_lock(hashtextextended(only_once, 815));
  end if;
  insert into jobs.procrastinate_jobs (queue_name, task_name, args, queueing_lock, scheduled_at, lock)
  values (queue, task, args, only_once, run_at, in_order)
  on conflict (queueing_lock) where status = 'todo' do nothing;
  return found;
end $$;
comment on function jobs.enqueue(text, text, jsonb, text, timestamptz, text) is
'Adds a job in the caller''s transaction. While one with the same only_once waits, adds none and returns false. '
'Those with the same in_order run one after the other.';
grant execute on function jobs.enqueue(text, text, jsonb, text, timestamptz, text) to service_role, paya_worker;
-- Without it each look for work compares every job that has an order with every other.
create index job_in_order on jobs.procrastinate_jobs (lock, id) where status in ('todo', 'doing') and lock is not null;

-- A job that comes back to wait finds one waiting that asks the same: it gives way. Without this the queue's
-- unique index would refuse the retry, and the job would stay "doing" for good.
create function jobs.give_way() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(new.queueing_lock, 815));
  if exists (
    select from jobs.procrastinate_jobs j
    where j.queueing_lock = new.queueing_lock and j.status = 'todo' and j.id <> new.id
  ) then
    new.status := 'cancelled';
  end if;
  return new;
end $$;
create trigger retries_give_way before update of status on jobs.procrastinate_jobs
for each row when (new.status = 'todo' and old.status <> 'todo' and new.queueing_lock is not null)
execute function jobs.give_way();

create table jobs.stall (
  job_id bigint primary key references jobs.procrastinate_jobs (id) on delete cascade,
  attempts integer not null,
  times integer not null check (times > 0)
);
comment on table jobs.stall is
'How often in a row a job''s worker died or hung under it. attempts is how often the job had failed by itself by then: '
'a failure between two deaths is an answer, and the count begins anew.';
alter table jobs.stall enable row level security;

create function jobs.sweep(
  own_job bigint, silent_s double precision, running_s double precision, runs_max integer
) returns table (job bigint, task text, outcome text)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with stalled as (
    select j.id, j.attempts from jobs.procrastinate_jobs j
    left join jobs.procrastinate_workers w on w.id = j.worker_id
    where j.status = 'doing' and j.id <> own_job and (
      w.id is null
      or w.last_heartbeat < clock_timestamp() - make_interval(secs => silent_s)
      or not exists (
        select from jobs.procrastinate_events e
        where e.job_id = j.id and e.type = 'started' and e.at > clock_timestamp() - make_interval(secs => running_s)
      )
    )
    for update of j skip locked
  ), counted as (
    insert into jobs.stall as s (job_id, attempts, times) select d.id, d.attempts, 1 from stalled d
    on conflict (job_id) do update set
      attempts = excluded.attempts, times = case when s.attempts = excluded.attempts then s.times + 1 else 1 end
    returning s.job_id, s.times
  )
  update jobs.procrastinate_jobs j set
    status = (case when c.times >= runs_max then 'failed' else 'todo' end)::jobs.procrastinate_job_status,
    worker_id = null, scheduled_at = null
  from counted c where j.id = c.job_id
  returning j.id, j.task_name, j.status::text
$$;
comment on function jobs.sweep(bigint, double precision, double precision, integer) is
'Puts jobs back whose worker is silent or that have run for too long; after runs_max times in a row they are dead letters. Returns what became of each.';
grant execute on function jobs.sweep(bigint, double precision, double precision, integer) to paya_worker;

create table jobs.tick (
  what text not null,
  due_at timestamptz not null,
  at timestamptz not null default clock_timestamp(),
  by text not null,
  primary key (what, due_at)
);
comment on table jobs.tick is 'Which line of the timetable was set going for which time: each once, whoever was the scheduler.';
create index tick_by_due_at on jobs.tick (due_at);
alter table jobs.tick enable row level security;

create function jobs.tick_now(what text, every_s integer, queue text, task text, by text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  due timestamptz := to_timestamp(floor(extract(epoch from clock_timestamp()) / every_s) * every_s);
begin
  insert into jobs.tick (what, due_at, by) values (what, due, by) on conflict do nothing;
  if not found then
    return false;
  end if;
  perform jobs.enqueue(queue, task, '{}', 'tick:' || what);
  return true;
end $$;
comment on function jobs.tick_now(text, integer, text, text, text) is
'Sets a line of the timetable going for the period that has begun, once: its job means "do everything that is due".';
grant execute on function jobs.tick_now(text, integer, text, text, text) to paya_worker;

create function jobs.forget_ticks(keep interval) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
  with gone as (delete from jobs.tick t where t.due_at < clock_timestamp() - keep returning 1)
  select count(*) from gone
$$;
comment on function jobs.forget_ticks(interval) is 'Removes ticks older than keep; returns how many.';
grant execute on function jobs.forget_ticks(interval) to paya_worker;

create function jobs.signs_of_life(out worker_silent_s double precision, out scheduler_silent_s double precision)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select
    extract(epoch from clock_timestamp() - (select max(w.last_heartbeat) from jobs.procrastinate_workers w)),
    extract(epoch from clock_timestamp() - (select t.at from jobs.tick t order by t.due_at desc limit 1))
$$;
comment on function jobs.signs_of_life() is
'For how many seconds nothing was heard of any worker, and of the leading scheduler; null when nothing ever was.';
grant execute on function jobs.signs_of_life() to service_role;

create function jobs.dead_letters(maximum integer) returns table (
  id bigint, queue text, task text, args jsonb, attempts integer, ended_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select j.id, j.queue_name, j.task_name, j.args, j.attempts,
    (select max(e.at) from jobs.procrastinate_events e where e.job_id = j.id)
  from jobs.procrastinate_jobs j where j.status in ('failed', 'aborted') order by j.id desc limit least(maximum, 500)
$$;
comment on function jobs.dead_letters(integer) is 'Jobs that were given up, the latest first.';
grant execute on function jobs.dead_letters(integer) to service_role, paya_worker;

create function jobs.replay(job bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  dead jobs.procrastinate_jobs;
begin
  delete from jobs.procrastinate_jobs j where j.id = job and j.status in ('failed', 'aborted') returning j.* into dead;
  if not found then
    return false;
  end if;
  return jobs.enqueue(dead.queue_name, dead.task_name, dead.args, dead.queueing_lock, null, dead.lock);
end $$;
comment on function jobs.replay(bigint) is 'Puts a dead letter back in its queue as a new job. False when there is none such.';
grant execute on function jobs.replay(bigint) to service_role, paya_worker;
