-- Private: roles of the application, the clock, and the one way to refuse.
-- Why      Everything later stands on these; nothing here is visible to people.
-- Locks    None.
-- Callers  private.now and private.refuse are called by functions owned by postgres only.
-- Undo     Forward only.
set local lock_timeout = '5s';

do $$
begin
  if not exists (select from pg_roles where rolname = 'paya_app') then
    create role paya_app login noinherit nobypassrls;
  end if;
  if not exists (select from pg_roles where rolname = 'paya_worker') then
    create role paya_worker login noinherit nobypassrls;
  end if;
end $$;
grant anon to paya_app;
grant authenticated to paya_app;
grant service_role to paya_app;
grant service_role to paya_worker;
-- A forgotten transaction must not hold a wallet's lock; set per login role, since a setting on
-- authenticated does nothing after a role switch.
alter role paya_app set idle_in_transaction_session_timeout = '5s';
alter role paya_app set statement_timeout = '15s';
alter role paya_worker set idle_in_transaction_session_timeout = '30s';

-- Functions made by migrations are nobody's until granted by name.
alter default privileges revoke execute on functions from public;

create schema private;
revoke all on schema private from public;

create function private.now() returns timestamptz
language sql volatile set search_path = pg_catalog, pg_temp as $$
  select clock_timestamp()
$$;
comment on function private.now() is
'The time that limits and schedules read. The embedded server adds an offset that tests may set; hosted never does.';

create function private.refuse(code text, facts jsonb default '{}'::jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- a time is said as how long from now, so the clock that it was read from goes with it
  if facts ? 'resets_at' then
    facts := facts || jsonb_build_object('now', private.now());
  end if;
  raise exception using errcode = 'PA000', message = code, detail = facts::text;
end $$;
comment on function private.refuse(text, jsonb) is
'Raises SQLSTATE PA000 with the code of a refusal as its message and its facts as JSON in the detail; with resets_at also now.';

create function private.append_only() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception using errcode = 'PA000', message = 'append_only', detail = jsonb_build_object('table', tg_relid::regclass)::text;
end $$;
comment on function private.append_only() is 'A trigger that refuses update, delete and truncate, to the owner too.';

-- Types are looked up in pg_temp too, before everything else unless the path names it last: nobody but us may make
-- anything there, and every function's path ends with it.
do $$
begin
  execute format('revoke temporary on database %I from public', current_database());
end $$;
