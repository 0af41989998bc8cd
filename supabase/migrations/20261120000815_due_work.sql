-- Due work: what is to be done once at its time, claimed in batches by any number of workers.
-- Why      What falls due at a time is one row, unique by what it is about and when, so that no clock, restart or
--          second scheduler makes it happen twice. No domain has such work yet: tests and the benchmark alone use it.
-- Units    due_at: the time it was promised for. A lease is how long a claim keeps others away.
-- Locks    A claim locks its rows and skips those that somebody has; nobody waits.
-- Callers  service_role: the jobs.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table jobs.due_work (
  queue text not null,
  subject uuid not null,
  due_at timestamptz not null,
  attempts integer not null default 0,
  claimed_until timestamptz,
  done_at timestamptz,
  primary key (queue, subject, due_at)
) with (fillfactor = 80);
comment on table jobs.due_work is 'Work with a time: one row for each subject and time, kept when it is done.';
create index due_work_waiting on jobs.due_work (queue, due_at) where done_at is null;
alter table jobs.due_work enable row level security;

create function jobs.add_due(queue text, subjects uuid[], due_ats timestamptz[]) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  added integer;
begin
  if queue is null or cardinality(subjects) is distinct from cardinality(due_ats) then
    perform private.refuse('batch_malformed');
  end if;
  insert into jobs.due_work (queue, subject, due_at)
  select queue, u.subject, u.due_at from unnest(subjects, due_ats) u (subject, due_at) on conflict do nothing;
  get diagnostics added = row_count;
  return added;
end $$;
comment on function jobs.add_due(text, uuid[], timestamptz[]) is 'Adds work that is not there yet; returns how much was new.';

create function jobs.claim_due(queue text, maximum integer, lease interval)
returns table (subject uuid, due_at timestamptz, attempts integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    with picked as (
      select w.subject, w.due_at from jobs.due_work w
      where w.queue = claim_due.queue and w.done_at is null and w.due_at <= private.now()
        and (w.claimed_until is null or w.claimed_until <= private.now())
      order by w.due_at limit maximum for no key update skip locked
    )
    update jobs.due_work w set claimed_until = private.now() + lease, attempts = w.attempts + 1
    from picked p where w.queue = claim_due.queue and w.subject = p.subject and w.due_at = p.due_at
    returning w.subject, w.due_at, w.attempts;
end $$;
comment on function jobs.claim_due(text, integer, interval) is
'Claims work whose time has come, the oldest first, for as long as the lease; what nobody finishes by then is claimed again.';

create function jobs.finish_due(queue text, subjects uuid[], due_ats timestamptz[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  finished integer;
begin
  if queue is null or cardinality(subjects) is distinct from cardinality(due_ats) then
    perform private.refuse('batch_malformed');
  end if;
  update jobs.due_work w set done_at = private.now(), claimed_until = null
  from unnest(subjects, due_ats) u (subject, due_at)
  where w.queue = queue and w.subject = u.subject and w.due_at = u.due_at and w.done_at is null;
  get diagnostics finished = row_count;
  if finished < cardinality(subjects) then
    -- somebody finished some of it after our lease was over: what we did of it must not happen a second time
    perform private.refuse('work_done', jsonb_build_object('finished', finished, 'asked', cardinality(subjects)));
  end if;
end $$;
comment on function jobs.finish_due(text, uuid[], timestamptz[]) is
'Notes that work was done, in the transaction that did it. Refuses, and so undoes it all, when any of it was done before or is not there.';

grant execute on function jobs.add_due(text, uuid[], timestamptz[]) to service_role;
grant execute on function jobs.claim_due(text, integer, interval) to service_role;
grant execute on function jobs.finish_due(text, uuid[], timestamptz[]) to service_role;
