-- Cases: what somebody has to look into, with the evidence, until somebody has.
-- Why      A finding that is only logged is forgotten; one that is told anew every night is ignored.
-- Units    version: 1 when opened, 2 when closed, as the events case.opened and case.closed carry it. Times are
--          private.now().
-- Locks    None beyond the case's own row; of two who open the same at once, one does.
-- Callers  Definer functions open cases; service_role lists and closes them.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema cases;
revoke all on schema cases from public;
grant usage on schema cases to service_role;

create table cases."case" (
  id uuid primary key default gen_random_uuid(),
  kind text not null,
  subject text not null,
  evidence jsonb not null,
  state text not null default 'open',
  opened_at timestamptz not null default private.now(),
  closed_at timestamptz,
  closed_by uuid,
  outcome text,
  constraint case_kind_is_a_word check (kind ~ '^[a-z_]+$'),
  constraint case_state_is_known check (state in ('open', 'closed')),
  constraint closed_case_says_when_and_why check ((state = 'closed') = (closed_at is not null) and (state = 'closed') = (outcome is not null))
);
comment on table cases."case" is
'Something to look into: what kind, about what (like account:17), what was seen. Closed once, with a reason; never removed.';
create unique index case_open_once on cases."case" (kind, subject) where state = 'open';
create index case_by_subject on cases."case" (subject, kind);
create index case_by_time on cases."case" (opened_at desc);
alter table cases."case" enable row level security;

create function cases.case_moves_forward() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.state <> 'open' or new.state <> 'closed'
    or (new.id, new.kind, new.subject, new.evidence, new.opened_at) is distinct from (old.id, old.kind, old.subject, old.evidence, old.opened_at)
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "cases.case"}';
  end if;
  return new;
end $$;
comment on function cases.case_moves_forward() is 'A case is closed once, and what it said when it was opened stays.';
create trigger case_moves_forward before update on cases."case" for each row execute function cases.case_moves_forward();
create trigger case_is_never_deleted before delete on cases."case" for each row execute function private.append_only();
create trigger case_is_never_truncated before truncate on cases."case" for each statement execute function private.append_only();

create function cases.open_case(kind text, subject text, evidence jsonb, out case_id uuid, out is_new boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  insert into cases."case" (kind, subject, evidence) values (kind, subject, evidence)
  on conflict do nothing returning id into case_id;
  is_new := found;
  if is_new then
    perform events.record('case.opened', case_id, 1, jsonb_build_object('kind', kind, 'subject', subject));
  else
    select c.id into case_id from cases."case" c where c.kind = kind and c.subject = subject and c.state = 'open';
  end if;
end $$;
comment on function cases.open_case(text, text, jsonb) is
'Opens a case, unless one of this kind about this subject is open: then that one stays as it is. Writes case.opened.';

-- What restricts an account is a case as well, and its lifting is what closes it. The table is empty still.
-- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid
alter table risk.account_case add constraint account_case_is_a_case foreign key (case_id) references cases."case" (id);

create function cases.close_case(case_id uuid, outcome text, closed_by uuid default null) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  if outcome is null or outcome !~ '\S' then
    perform private.refuse('request_invalid');
  end if;
  if exists (select from risk.account_case a where a.case_id = case_id and a.lifted_at is null) then
    perform private.refuse('request_invalid', '{"sentence": "This case restricts an account: lift it by its reference. Nothing was changed."}');
  end if;
  update cases."case" c set state = 'closed', closed_at = private.now(), closed_by = closed_by, outcome = outcome
  where c.id = case_id and c.state = 'open';
  if found then
    perform events.record('case.closed', case_id, 2, jsonb_build_object('outcome', outcome), closed_by);
    return true;
  end if;
  return false;
end $$;
comment on function cases.close_case(uuid, text, uuid) is
'Closes an open case with what came of it and by whom (null: by a rule). False when there is no open case of this id.';
grant execute on function cases.close_case(uuid, text, uuid) to service_role;

create function cases.open_cases(maximum integer) returns table (
  id uuid, kind text, subject text, evidence jsonb, opened_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.id, c.kind, c.subject, c.evidence, c.opened_at from cases."case" c
  where c.state = 'open' order by c.opened_at desc, c.id limit least(open_cases.maximum, 500)
$$;
comment on function cases.open_cases(integer) is 'The open cases, the latest first.';
grant execute on function cases.open_cases(integer) to service_role;
