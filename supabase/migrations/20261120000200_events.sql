-- Events: what happened, written in the transaction in which it happened.
-- Why      One append-only record is both the audit trail and the outbox.
-- Units    version counts the changes of the subject, from 1; consumers apply the highest they saw.
-- Locks    None beyond the new row. The index on xid lets readers find what became visible since a snapshot.
-- Callers  events.record is called by definer functions only; no API role may read or write here.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema events;
revoke all on schema events from public;

create domain events.kind as text check (value ~ '^[a-z_]+[.][a-z_]+$');

create table events.event (
  id bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  at timestamptz not null default clock_timestamp(),
  actor uuid,
  kind events.kind not null,
  subject uuid not null,
  version bigint not null,
  payload jsonb not null,
  constraint event_version_is_positive check (version > 0)
);
comment on table events.event is 'Append-only record of every state change: audit trail and outbox in one.';
create index event_by_transaction on events.event (xid, id);
create index event_by_subject on events.event (subject, id);
alter table events.event enable row level security;

create trigger event_is_append_only before update or delete on events.event
for each row execute function private.append_only();
create trigger event_is_never_truncated before truncate on events.event
for each statement execute function private.append_only();

create function events.record(
  kind text, subject uuid, version bigint, payload jsonb default '{}'::jsonb, actor uuid default auth.uid()
) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into events.event (actor, kind, subject, version, payload)
  values (actor, kind, subject, version, payload)
$$;
comment on function events.record(text, uuid, bigint, jsonb, uuid) is
'Writes one event; call it in the transaction of the change, from a definer function.';
