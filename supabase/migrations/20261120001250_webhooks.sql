-- Webhooks: where developers want to be told, what they are told, and each time that we tried.
-- Why      A program learns of what happened to its charges without asking. What is told is kept as the exact text that is
--          signed, so that every try sends the same; each try is noted before it is made, so that none is forgotten.
-- Units    due_at, failing_since, account_at: the account's clock. lost_at, began_at, *_until, created_at, ended_at: the
--          database's clock. took_ms: milliseconds.
-- Locks    Whoever changes deliveries holds their endpoint's row first. Several endpoints are held in id order.
-- Callers  service_role, through functions; the login roles learn whether there is work. No API role reads or writes here.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema webhooks;
revoke all on schema webhooks from public;
grant usage on schema webhooks to service_role, paya_app, paya_worker;

create table webhooks.event_kind (kind text primary key);
comment on table webhooks.event_kind is 'What may be asked for by name; an endpoint that asks for * is also told of what is not listed.';
alter table webhooks.event_kind enable row level security;
insert into webhooks.event_kind (kind)
values
('payment.authorized'), ('payment.declined'), ('payment.captured'), ('payment.refunded'), ('payment.refund_failed'),
('payment.settled'), ('payment.voided'), ('payment.expired'),
('payment.dispute.opened'), ('payment.dispute.updated'), ('payment.dispute.won'), ('payment.dispute.lost');

create table webhooks.account (id uuid primary key);
comment on table webhooks.account is 'Accounts that have had an endpoint: the row is held while endpoints are counted.';
alter table webhooks.account enable row level security;

create table webhooks.endpoint (
  id uuid primary key,
  account_id uuid not null references webhooks.account (id),
  url text not null,
  filters text[] not null,
  description text not null,
  state text not null default 'enabled',
  reason text,
  secret_sealed bytea not null,
  rotation_id uuid,
  previous_sealed bytea,
  previous_until timestamptz,
  chaos jsonb not null default '{}',
  version bigint not null default 1,
  failures_in_row integer not null default 0,
  failing_since timestamptz,
  next_due_at timestamptz,
  claimed_at timestamptz,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  constraint url_is_an_address check (url ~ '^https?://[!-~]+$' and char_length(url) <= 2000),
  constraint filters_are_few check (cardinality(filters) between 1 and 32),
  constraint description_is_short check (char_length(description) <= 200),
  constraint state_is_known check (state in ('enabled', 'disabled', 'removed')),
  constraint who_is_not_told_has_a_reason check ((state = 'enabled') = (reason is null)),
  constraint a_second_secret_ends check ((previous_sealed is null) = (previous_until is null))
) with (fillfactor = 80);
comment on table webhooks.endpoint is
'An address that an account is told at. secret_sealed: opened by the server alone. next_due_at: the earliest delivery that waits; null: none.';
create index endpoint_of_account on webhooks.endpoint (account_id, created_at) where state <> 'removed';
create index endpoint_removed on webhooks.endpoint (changed_at) where state = 'removed';
create index endpoint_with_work on webhooks.endpoint (claimed_at nulls first) where next_due_at is not null and state = 'enabled';
alter table webhooks.endpoint enable row level security;

create table webhooks.message (
  id uuid primary key,
  position bigint generated always as identity unique,
  account_id uuid not null,
  endpoint_id uuid references webhooks.endpoint (id),
  kind text not null,
  object_id uuid not null,
  ordering_key uuid not null,
  version integer not null,
  body text not null,
  occurred_at timestamptz not null,
  created_at timestamptz not null
);
comment on table webhooks.message is
'What is told, as the exact text that is signed and sent; its id is the webhook-id, the same at every endpoint and try. '
'ordering_key: the charge that the object is, or belongs to; version: the charge''s. '
'position: of one charge''s messages the earlier has the lower. endpoint_id: whom alone a test is for; null: whoever asks for it.';
create index message_by_age on webhooks.message (created_at);
create index message_for_one on webhooks.message (endpoint_id) where endpoint_id is not null;
alter table webhooks.message enable row level security;

create table webhooks.delivery (
  id uuid primary key default gen_random_uuid(),
  endpoint_id uuid not null references webhooks.endpoint (id),
  message_id uuid not null references webhooks.message (id),
  position bigint not null,
  ordering_key uuid not null,
  state text not null,
  reason text,
  tries integer not null default 0,
  tries_before integer not null default 0,
  due_at timestamptz not null,
  lost_at timestamptz,
  created_at timestamptz not null,
  ended_at timestamptz,
  constraint told_once_at_each_endpoint unique (endpoint_id, message_id),
  constraint state_is_known check (state in ('behind', 'waiting', 'sending', 'accepted', 'given_up')),
  constraint sending_is_lost_some_time check ((state = 'sending') = (lost_at is not null)),
  constraint ended_says_when check ((state in ('accepted', 'given_up')) = (ended_at is not null)),
  constraint given_up_says_why check ((state = 'given_up') = (reason is not null)),
  constraint tries_are_counted check (tries_before between 0 and tries)
) with (fillfactor = 70);
comment on table webhooks.delivery is
'Telling one endpoint one message: behind (an earlier one of the same charge is still open), waiting until due_at, sending (noted before '
'it is sent), then accepted or given_up. tries_before: those before it was last begun anew.';
-- the order within a charge, as a fact: one delivery of it is under way, whatever else happens
create unique index one_under_way_for_each_charge on webhooks.delivery (endpoint_id, ordering_key) where state in ('waiting', 'sending');
create index delivery_behind on webhooks.delivery (endpoint_id, ordering_key, position) where state = 'behind';
create index delivery_due on webhooks.delivery (endpoint_id, due_at, position) where state = 'waiting';
create index delivery_sending on webhooks.delivery (endpoint_id, lost_at) where state = 'sending';
create index delivery_lost on webhooks.delivery (lost_at) where state = 'sending';
create index delivery_of_endpoint on webhooks.delivery (endpoint_id, created_at desc, id desc);
create index delivery_of_message on webhooks.delivery (message_id);
alter table webhooks.delivery enable row level security;

create table webhooks.attempt (
  delivery_id uuid not null references webhooks.delivery (id),
  number integer not null,
  began_at timestamptz not null,
  account_at timestamptz not null,
  mischief text[] not null default '{}',
  outcome text,
  status integer,
  took_ms integer,
  headers jsonb,
  answer text,
  ended_at timestamptz,
  primary key (delivery_id, number),
  constraint outcome_is_known check (
    outcome in ('accepted', 'refused', 'redirected', 'timed_out', 'unreachable', 'blocked', 'broken', 'lost')
  ),
  constraint ended_says_how check ((outcome is null) = (ended_at is null)),
  constraint answer_is_short check (octet_length(answer) <= 16384)
);
comment on table webhooks.attempt is
'One try, noted before it is made. headers: as sent. answer: the beginning of what came back. lost: the worker died; it may have been sent. '
'mischief: what test mode did to it on purpose.';
alter table webhooks.attempt enable row level security;

create table webhooks.cursor (
  is_only boolean primary key default true,
  era integer not null,
  snapshot pg_snapshot not null,
  placed bigint not null default 0,
  constraint cursor_is_one_row check (is_only)
);
comment on table webhooks.cursor is
'What has been read of charges.event: everything visible in this snapshot. placed: up to which position messages have their deliveries.';
alter table webhooks.cursor enable row level security;
