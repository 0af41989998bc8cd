-- Admin, operations: what was asked of vendors and what was given up, for those who look after it.
-- Why      Money that is stuck is found by its reference, and work that was given up is put back, by people with names.
-- Units    amount_cents: US cents.
-- Locks    None beyond a job's row.
-- Callers  authenticated, who hold the role: auth.users.raw_app_meta_data, which nobody can write for themselves. It is
--          read anew each time, so a role that was taken away opens nothing from that moment on.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema admin;
revoke all on schema admin from public;
grant usage on schema admin to authenticated;

create function admin.is_admin() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce((select u.raw_app_meta_data ->> 'role' = 'admin' from auth.users u where u.id = auth.uid()), false)
$$;
comment on function admin.is_admin() is 'Whether the caller holds the role of an administrator now.';
grant execute on function admin.is_admin() to authenticated;

create function admin.require_admin() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not admin.is_admin() then
    perform private.refuse('forbidden');
  end if;
end $$;
comment on function admin.require_admin() is 'Refuses everybody but an administrator.';

-- A refusal undoes what its transaction wrote, so asking for entry is a transaction of its own that never refuses.
create function admin.enter(place text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  may boolean := admin.is_admin();
  what text := case when may then 'admin.entered' else 'admin.refused' end;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  place := coalesce(left(place, 100), '');
  -- once a minute for each person and place, and ten places at most: nobody fills the record by knocking
  if not exists (
    select from events.event e
    where e.subject = person and e.kind = what and e.at > clock_timestamp() - interval '1 minute'
    having bool_or(e.payload ->> 'place' = place) or count(*) >= 10
  ) then
    perform events.record(what, person, 1, jsonb_build_object('place', place));
  end if;
  return may;
end $$;
comment on function admin.enter(text) is 'Whether the caller may go in, and the record that they did or tried.';
grant execute on function admin.enter(text) to authenticated;

create function admin.operations(state text, sought text, maximum integer) returns setof jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  wanted text := upper(btrim(coalesce(sought, '')));
begin
  perform admin.require_admin();
  return query
    select jsonb_build_object(
      'id', o.id, 'kind', o.kind, 'state', o.state, 'attempts', o.attempts, 'next_at', o.next_at,
      'last_error', o.last_error, 'failure_code', o.failure_code, 'requested_at', o.requested_at,
      'reference', coalesce(l.reference, r.reference), 'amount_cents', coalesce(l.amount_cents, r.amount_cents),
      'vendor_ref', o.vendor_ref)
    from banking.provider_operation o
    left join banking.load l on l.id = o.id
    left join banking.redemption r on r.id = o.id
    where (state is null or o.state = state)
      and (wanted = '' or wanted in (l.reference, r.reference, upper(o.id::text), upper(o.vendor_ref)))
    order by o.requested_at desc, o.id limit least(greatest(maximum, 0), 50);
end $$;
comment on function admin.operations(text, text, integer) is
'What was asked of the bank service, the latest first: in one state (null: any), by reference, id or the vendor''s id ('''': all). At most 50.';
grant execute on function admin.operations(text, text, integer) to authenticated;

create function admin.dead_letters(maximum integer)
returns table (id bigint, queue text, task text, args jsonb, attempts integer, ended_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  perform admin.require_admin();
  return query select d.* from jobs.dead_letters(least(greatest(maximum, 0), 50)) d;
end $$;
comment on function admin.dead_letters(integer) is 'Jobs that were given up, the latest first; at most 50.';
grant execute on function admin.dead_letters(integer) to authenticated;

create function admin.replay(job bigint) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  dead record;
  is_added boolean;
begin
  perform admin.require_admin();
  select j.task_name as task, j.args into dead
  from jobs.procrastinate_jobs j where j.id = job and j.status in ('failed', 'aborted') for update;
  if not found then
    return 'none such';
  end if;
  is_added := jobs.replay(job);
  perform events.record('job.replayed', auth.uid(), 1, jsonb_build_object('job', job, 'task', dead.task, 'args', dead.args));
  return case when is_added then 'waiting' else 'waited already' end;
end $$;
comment on function admin.replay(bigint) is
'Puts a dead letter back in its queue: waiting; waited already, when the same work waits anyway; none such.';
grant execute on function admin.replay(bigint) to authenticated;

create function admin.set_role(phone text, is_admin boolean) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid;
begin
  update auth.users u set raw_app_meta_data = case when is_admin
    then coalesce(u.raw_app_meta_data, '{}') || '{"role": "admin"}' else coalesce(u.raw_app_meta_data, '{}') - 'role' end
  where u.phone = ltrim(phone, '+') returning u.id into person;
  if person is null then
    return false;
  end if;
  perform events.record(case when is_admin then 'admin.granted' else 'admin.revoked' end, person, 1, '{}', null);
  return true;
end $$;
comment on function admin.set_role(text, boolean) is
'Gives the person with this phone (E.164) the role, or takes it away; false when nobody has it. For the schema''s owner alone.';
