-- Bootstrap: what hosted Supabase provides, for a Postgres of our own.
-- Why      Migrations, policies and clients then find the same roles, schemas and functions in both modes,
--          with the same owners: what fails for `postgres` on hosted fails here.
-- Callers  The launcher, as the superuser supabase_admin, in each database that has not had this very text.
--          Never a migration.
-- Locks    Roles are cluster-wide: the launcher runs one bootstrap at a time.
-- Undo     None needed: running it again changes nothing.
-- The passwords of login roles are the launcher's business.

set client_min_messages = warning;

do $$
begin
  if not (select rolsuper from pg_roles where rolname = current_user) then
    raise exception 'bootstrap.sql is for the embedded server alone: % is not a superuser', current_user
      using hint = 'Hosted Supabase already has everything that this file makes.';
  end if;
  if exists (select from pg_roles where rolname = 'supabase_storage_admin')
    or to_regclass('auth.schema_migrations') is not null
    or exists (
      select from pg_namespace
      where nspname = 'auth' and coalesce(obj_description(oid, 'pg_namespace'), '') not like 'PaYa embedded%'
    ) then
    raise exception 'bootstrap.sql is for the embedded server alone: this one belongs to Supabase'
      using hint = 'Hosted Supabase already has everything that this file makes.';
  end if;
end $$;

-- ---------------------------------------------------------------- the cluster: roles

do $$
declare
  wanted record;
begin
  for wanted in
    select *
    from (
      values
      ('postgres', 'login nosuperuser inherit createdb createrole replication bypassrls'),
      ('anon', 'nologin noinherit'),
      ('authenticated', 'nologin noinherit'),
      ('service_role', 'nologin noinherit bypassrls'),
      ('authenticator', 'login noinherit'),
      ('supabase_auth_admin', 'login noinherit'),
      -- hosted: nologin. Here the realtime gateway logs in as it.
      ('supabase_realtime_admin', 'login noinherit'),
      -- not on hosted: the stand-ins of vendors keep their own books, and see nobody else's
      ('paya_vendors', 'login noinherit')
    ) as r (name, attributes)
  loop
    if not exists (select from pg_roles where rolname = wanted.name) then
      execute format('create role %I %s', wanted.name, wanted.attributes);
    end if;
  end loop;
end $$;

grant anon to authenticator;
grant authenticated to authenticator;
grant service_role to authenticator;
grant anon to postgres with admin option;
grant authenticated to postgres with admin option;
grant service_role to postgres with admin option;
grant authenticator to postgres with admin option;
-- The gateway asks, as a watcher's role, which topics that role may read.
grant anon to supabase_realtime_admin;
grant authenticated to supabase_realtime_admin;
grant service_role to supabase_realtime_admin;
-- As on hosted: it lets postgres make policies on realtime.messages.
grant supabase_realtime_admin to postgres;

alter role supabase_auth_admin set search_path = 'auth';
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';

-- ---------------------------------------------------------------- the database

do $$
begin
  execute format('alter database %I owner to postgres', current_database());
end $$;

revoke create on schema public from public;
grant usage on schema public to anon, authenticated, service_role;

create schema if not exists extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role;

-- ---------------------------------------------------------------- auth

create schema if not exists auth authorization supabase_admin;
comment on schema auth is 'PaYa embedded';
grant usage on schema auth to anon, authenticated, service_role, postgres;
grant all on schema auth to supabase_auth_admin;

set role supabase_auth_admin;

do $$
begin
  if to_regtype('auth.aal_level') is null then
    create type auth.aal_level as enum ('aal1', 'aal2', 'aal3');
  end if;
  if to_regtype('auth.one_time_token_type') is null then
    create type auth.one_time_token_type as enum (
      'confirmation_token',
      'reauthentication_token',
      'recovery_token',
      'email_change_token_new',
      'email_change_token_current',
      'phone_change_token'
    );
  end if;
end $$;

-- Columns, types and the missing defaults are hosted's; those that nothing of ours reads are left out.
create table if not exists auth.users (
  instance_id uuid,
  id uuid primary key,
  aud varchar(255),
  role varchar(255),
  email varchar(255),
  encrypted_password varchar(255),
  email_confirmed_at timestamptz,
  invited_at timestamptz,
  confirmation_token varchar(255),
  confirmation_sent_at timestamptz,
  last_sign_in_at timestamptz,
  raw_app_meta_data jsonb,
  raw_user_meta_data jsonb,
  is_super_admin boolean,
  created_at timestamptz,
  updated_at timestamptz,
  phone text default null unique,
  phone_confirmed_at timestamptz,
  phone_change text default '',
  phone_change_token varchar(255) default '',
  phone_change_sent_at timestamptz,
  confirmed_at timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
  banned_until timestamptz,
  is_sso_user boolean not null default false,
  deleted_at timestamptz,
  is_anonymous boolean not null default false
);
create unique index if not exists users_email_partial_key on auth.users (email) where is_sso_user = false;
create index if not exists users_instance_id_idx on auth.users (instance_id);

create table if not exists auth.sessions (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz,
  updated_at timestamptz,
  factor_id uuid,
  aal auth.aal_level,
  not_after timestamptz,
  refreshed_at timestamp,
  user_agent text,
  ip inet,
  tag text
);
create index if not exists sessions_user_id_idx on auth.sessions (user_id);
create index if not exists sessions_not_after_idx on auth.sessions (not_after desc);
create index if not exists user_id_created_at_idx on auth.sessions (user_id, created_at);

create table if not exists auth.refresh_tokens (
  instance_id uuid,
  id bigserial primary key,
  token varchar(255) unique,
  user_id varchar(255),
  revoked boolean,
  created_at timestamptz,
  updated_at timestamptz,
  parent varchar(255),
  session_id uuid references auth.sessions (id) on delete cascade
);
create index if not exists refresh_tokens_instance_id_user_id_idx on auth.refresh_tokens (instance_id, user_id);
create index if not exists refresh_tokens_parent_idx on auth.refresh_tokens (parent);
create index if not exists refresh_tokens_session_id_revoked_idx on auth.refresh_tokens (session_id, revoked);
create index if not exists refresh_tokens_updated_at_idx on auth.refresh_tokens (updated_at desc);

create table if not exists auth.one_time_tokens (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  token_type auth.one_time_token_type not null,
  token_hash text not null check (char_length(token_hash) > 0),
  relates_to text not null,
  created_at timestamp not null default now(),
  updated_at timestamp not null default now()
);
create unique index if not exists one_time_tokens_user_id_token_type_key on auth.one_time_tokens (user_id, token_type);
create index if not exists one_time_tokens_token_hash_hash_idx on auth.one_time_tokens using hash (token_hash);
create index if not exists one_time_tokens_relates_to_hash_idx on auth.one_time_tokens using hash (relates_to);

-- Not on hosted: one row per phone number that asked for a code, so that tries and repeats are counted for
-- numbers nobody has registered too.
create table if not exists auth.paya_otp (
  phone text primary key,
  code_hash text,
  sent_at timestamptz,
  expires_at timestamptz,
  tries int not null default 0,
  resend_count int not null default 0,
  window_start timestamptz,
  constraint tries_are_counted check (tries >= 0 and resend_count >= 0)
);

alter table auth.users enable row level security;
alter table auth.sessions enable row level security;
alter table auth.refresh_tokens enable row level security;
alter table auth.one_time_tokens enable row level security;
alter table auth.paya_otp enable row level security;

grant select, insert, update, delete, truncate, references, trigger
on auth.users, auth.sessions, auth.refresh_tokens, auth.one_time_tokens to postgres;
grant usage, select on sequence auth.refresh_tokens_id_seq to postgres;

create or replace function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;

create or replace function auth.role() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
  )::text
$$;

create or replace function auth.email() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.email', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')
  )::text
$$;

create or replace function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;

reset role;

-- ---------------------------------------------------------------- realtime

create schema if not exists realtime authorization supabase_admin;
-- Not even supabase_realtime_admin may create here, since postgres is a member of it.
grant usage on schema realtime to postgres, anon, authenticated, service_role, supabase_realtime_admin;

-- Hosted splits it by day and drops old days; here the launcher deletes old rows.
create table if not exists realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default now(),
  inserted_at timestamp not null default now(),
  id uuid not null default gen_random_uuid(),
  primary key (id, inserted_at)
);
create index if not exists messages_inserted_at_topic_index
on realtime.messages (inserted_at desc, topic) where extension = 'broadcast' and private is true;
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;
-- Row level security decides: a role without a policy reads and writes nothing.
grant select, insert, update on realtime.messages to postgres, anon, authenticated, service_role;

-- Not on hosted: what the gateway has still to hand out. Losing it in a crash loses hints, never facts.
create unlogged table if not exists realtime._outbox (
  seq bigint generated always as identity primary key,
  body jsonb not null
);
alter table realtime._outbox owner to supabase_realtime_admin;
alter table realtime._outbox enable row level security;

create or replace function realtime._fill_outbox() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into realtime._outbox (body)
  values (
    jsonb_build_object(
      'id', new.id,
      'topic', new.topic,
      'event', new.event,
      'payload', new.payload,
      'private', new.private,
      'extension', new.extension
    )
  );
  return null;
end $$;
alter function realtime._fill_outbox() owner to supabase_realtime_admin;
revoke execute on function realtime._fill_outbox() from public;

create or replace trigger fill_outbox after insert on realtime.messages
for each row when (new.extension = 'broadcast') execute function realtime._fill_outbox();

create or replace function realtime.topic() returns text language sql stable as $$
  select nullif(current_setting('realtime.topic', true), '')::text
$$;

-- As on hosted: a refused or failed message is a warning, so that it never undoes the caller's transaction.
create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void language plpgsql as $$
declare
  generated_id uuid := gen_random_uuid();
begin
  begin
    perform set_config('realtime.topic', topic, true);
    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (
      generated_id,
      case when payload ? 'id' then payload else jsonb_set(payload, '{id}', to_jsonb(generated_id)) end,
      event,
      topic,
      private,
      'broadcast'
    );
  exception when others then
    raise warning 'ErrorSendingBroadcastMessage: %', sqlerrm;
  end;
end $$;

create or replace function realtime.broadcast_changes(
  topic_name text,
  event_name text,
  operation text,
  table_name text,
  table_schema text,
  new record,
  old record,
  level text default 'ROW'
) returns void language plpgsql as $$
begin
  if level = 'STATEMENT' then
    raise exception 'function can only be triggered for each row, not for each statement';
  end if;
  if operation not in ('INSERT', 'UPDATE', 'DELETE') then
    raise exception 'Unexpected operation type: %', operation;
  end if;
  perform realtime.send(
    jsonb_build_object(
      'old_record', old, 'record', new, 'operation', operation, 'table', table_name, 'schema', table_schema
    ),
    event_name,
    topic_name
  );
exception when others then
  raise exception 'Failed to process the row: %', sqlerrm;
end $$;

do $$
begin
  if not exists (select from pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
    alter publication supabase_realtime owner to postgres;
  end if;
end $$;

-- ---------------------------------------------------------------- the stand-ins of vendors

create schema if not exists vendor_twilio authorization paya_vendors;
create schema if not exists vendor_dwolla authorization paya_vendors;
create schema if not exists vendor_chaos authorization paya_vendors;
create schema if not exists vendor_plaid authorization paya_vendors;
create schema if not exists vendor_kraken authorization paya_vendors;
create schema if not exists vendor_smtp authorization paya_vendors;
