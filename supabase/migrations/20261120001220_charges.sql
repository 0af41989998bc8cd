-- Charges: the events of the payments sandbox, and the clock that each account may turn.
-- Why      What a charge did is told to programs by webhooks; a developer tries a month in a minute by turning a clock.
-- Units    occurred_at: the account's own clock. created_at: real time. offset: how far the account's clock is ahead.
-- Locks    None beyond the new row. The index on xid lets readers find what became visible since a snapshot.
-- Callers  Only the functions of this schema write here. No API role may.
-- Undo     Forward only.
set local lock_timeout = '5s';

-- Sandbox records are kept for a while and not for good: one role may delete them, through one function.
do $$
begin
  if not exists (select from pg_roles where rolname = 'paya_sandbox_sweeper') then
    create role paya_sandbox_sweeper nologin noinherit nobypassrls;
  end if;
end $$;

create schema charges;
revoke all on schema charges from public;
grant usage on schema charges to service_role;

create function charges.append_only() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'DELETE' and current_user = 'paya_sandbox_sweeper' then
    return old;
  end if;
  raise exception using errcode = 'PA000', message = 'append_only', detail = jsonb_build_object('table', tg_relid::regclass)::text;
end $$;
comment on function charges.append_only() is
'A trigger that refuses update, delete and truncate, to the owner too; the sweeper of expired sandbox records may delete.';

create table charges.account_clock (
  account_id uuid primary key,
  "offset" interval not null default '0',
  frozen_at timestamptz,
  changed_at timestamptz not null default clock_timestamp(),
  constraint clock_only_gains check ("offset" >= '0')
);
comment on table charges.account_clock is 'How far the clock of an account is ahead, or at which moment it stands. None: it shows the real time.';
alter table charges.account_clock enable row level security;

create function charges.now(account uuid) returns timestamptz
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  ahead interval;
  frozen timestamptz;
begin
  select c."offset", c.frozen_at into ahead, frozen from charges.account_clock c where c.account_id = account;
  return coalesce(frozen, private.now() + coalesce(ahead, '0'));
end $$;
comment on function charges.now(uuid) is 'The time of an account: what expires, settles or falls due in test mode does so by this clock.';
grant execute on function charges.now(uuid) to service_role;

-- Domains and not CHECK constraints where a column alone decides: those are read anew by each statement that writes.
create domain charges.event_kind as text check (value in (
  'payment.authorized', 'payment.declined', 'payment.captured', 'payment.refunded', 'payment.refund_failed', 'payment.settled',
  'payment.voided', 'payment.expired', 'payment.dispute.opened', 'payment.dispute.updated', 'payment.dispute.won', 'payment.dispute.lost'
));
create domain charges.object_kind as text check (value in ('charge', 'capture', 'refund', 'dispute'));
create domain charges.version as integer check (value > 0);

create table charges.event (
  id uuid primary key,
  account_id uuid not null,
  xid xid8 not null default pg_current_xact_id(),
  kind charges.event_kind not null,
  object_kind charges.object_kind not null,
  object_id uuid not null,
  version charges.version not null,
  occurred_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  data jsonb not null
);
comment on table charges.event is 'What happened to a charge, written in the transaction in which it happened. data: the object after it, as the API shows it.';
create index event_by_transaction on charges.event (xid);
alter table charges.event enable row level security;

create trigger event_is_append_only before update or delete on charges.event
for each row execute function charges.append_only();
create trigger event_is_never_truncated before truncate on charges.event
for each statement execute function charges.append_only();
