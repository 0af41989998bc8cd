-- Banking: a person's banks, and loads, which bring money from a bank into the wallet.
-- Why      Money is minted only when the bank that holds our reserve has it. What a vendor is asked, what it said
--          and what we booked for it are rows, so that a crash, a lost answer and a repeated notice change nothing.
-- Units    amount_cents: US cents. Times are ours, of the moment of booking; clears_at is when a hold ends.
-- Locks    Starting a load locks the person's wallet row first, so limits are exact. Every booking locks the
--          operation's row, then posts to the ledger.
-- Callers  People start loads and read their own (auth.uid()); service_role books what the vendor says.
--          An account number never comes here: only its last four digits and the vendor's id do.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema banking;
revoke all on schema banking from public;
grant usage on schema banking to authenticated, service_role;

create table banking.customer (
  person uuid primary key references public.profiles (id),
  vendor_id text unique,
  created_at timestamptz not null default clock_timestamp()
);
comment on table banking.customer is 'A person as the bank transfers'' vendor knows them; made with the first bank.';
alter table banking.customer enable row level security;

create table banking.source (
  id uuid primary key,
  person uuid not null references banking.customer (person),
  vendor_id text unique,
  kind text not null,
  last4 text not null,
  bank_name text not null default '',
  state text not null default 'linking',
  wrong_deposits integer not null default 0,
  version bigint not null default 0,
  created_at timestamptz not null,
  constraint kind_is_known check (kind in ('checking', 'savings')),
  constraint last4_is_four_digits check (last4 ~ '^[0-9]{4}$'),
  constraint state_is_known check (state in ('linking', 'unverified', 'verified', 'removed', 'failed')),
  constraint wrong_deposits_are_three_at_most check (wrong_deposits between 0 and 3),
  constraint usable_sources_are_linked check (state in ('linking', 'failed') or vendor_id is not null)
);
comment on table banking.source is
'A bank account that money can come from: usable once its owner proved to see into it. wrong_deposits: how often they failed to.';
create index source_by_person on banking.source (person, created_at);
alter table banking.source enable row level security;

create table banking.provider_operation (
  id uuid primary key,
  kind text not null,
  idempotency_key uuid not null unique default gen_random_uuid(),
  vendor_ref text unique,
  state text not null default 'queued',
  attempts integer not null default 0,
  next_at timestamptz not null,
  last_error text not null default '',
  failure_code text,
  requested_at timestamptz not null,
  first_sent_at timestamptz,
  accepted_at timestamptz,
  settled_at timestamptz,
  cleared_at timestamptz,
  ended_at timestamptz,
  cancel_asked_at timestamptz,
  cancel_refused_at timestamptz,
  constraint kind_is_known check (kind in ('load', 'redemption')),
  constraint state_is_known check (
    state in ('queued', 'submitted', 'pending', 'settled', 'cleared', 'failed', 'canceled', 'returned')
  ),
  constraint ended_says_when check ((state in ('failed', 'canceled', 'returned')) = (ended_at is not null)),
  constraint refused_was_asked check (cancel_refused_at is null or cancel_asked_at is not null)
);
comment on table banking.provider_operation is
'One thing asked of a vendor. queued: not sent; submitted: sent, outcome unknown; pending: accepted; settled: it moved our bank; '
'cleared: it reached its end; next_at: when to ask about it. cancel_asked_at, cancel_refused_at: its owner wanted it undone, and it was too late.';
create index operation_open on banking.provider_operation (next_at) where state in ('queued', 'submitted', 'pending', 'settled');
alter table banking.provider_operation enable row level security;

create table banking.load (
  id uuid primary key references banking.provider_operation (id),
  person uuid not null references public.profiles (id),
  source_id uuid not null references banking.source (id),
  amount_cents bigint not null,
  reference text not null unique,
  settle_transfer uuid not null default gen_random_uuid(),
  clear_transfer uuid not null default gen_random_uuid(),
  return_transfer uuid not null default gen_random_uuid(),
  clears_at timestamptz,
  owed_cents bigint not null default 0,
  version bigint not null default 1,
  created_at timestamptz not null,
  constraint amount_is_positive check (amount_cents > 0),
  constraint owed_is_part_of_it check (owed_cents between 0 and amount_cents)
);
comment on table banking.load is
'Money on its way from a bank into a wallet. owed_cents: what a return after clearing could not take back from the wallet.';
create index load_by_person on banking.load (person, created_at desc, id desc);
alter table banking.load enable row level security;

create table banking.hold_policy (
  id bigint generated always as identity primary key,
  environment text not null,
  bank_days integer not null,
  since timestamptz not null default clock_timestamp(),
  set_by uuid,
  reason text not null,
  constraint environment_is_known check (environment in ('sandbox', 'production')),
  constraint bank_days_are_few check (bank_days between 0 and 60)
);
comment on table banking.hold_policy is
'How many bank days a settled load waits before it is spendable; the newest row of an environment is in force.';
alter table banking.hold_policy enable row level security;
create trigger hold_policy_is_append_only before update or delete on banking.hold_policy
for each row execute function private.append_only();
insert into banking.hold_policy (environment, bank_days, reason)
values
('sandbox', 0, 'opening rule: test money waits for nothing'),
('production', 3, 'opening rule: most returns (R01, R02, R03, R29) arrive within two bank days of settlement');

create function banking.hold_bank_days(environment text) returns integer
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.bank_days from banking.hold_policy p
  where p.environment = hold_bank_days.environment order by p.id desc limit 1
$$;
comment on function banking.hold_bank_days(text) is 'The hold in force, in bank days.';
grant execute on function banking.hold_bank_days(text) to authenticated, service_role;

create table banking.vendor_event (
  id text primary key,
  topic text not null,
  resource_id text not null,
  received_at timestamptz not null default clock_timestamp()
);
comment on table banking.vendor_event is 'Verified notices of the vendor, each kept once. They are hints: what is true is asked of the vendor.';
alter table banking.vendor_event enable row level security;
