-- What the stand-in remembers. Its own schema and its own role: PaYa's tables are out of its reach, and the
-- balances here are the bank's books, not ours. Amounts are US cents.

create table if not exists vendor_dwolla.access_token (
  hash text primary key,
  expires_at timestamptz not null
);

create table if not exists vendor_dwolla.customer (
  id uuid primary key,
  first_name text not null,
  last_name text not null,
  email text not null,
  type text not null,
  status text not null,
  business_name text,
  correlation_id text,
  created timestamptz not null default clock_timestamp()
);
create unique index if not exists customer_by_email on vendor_dwolla.customer (lower(email));

-- One row per real account at some bank, whoever linked it, and one for our balance inside Dwolla.
create table if not exists vendor_dwolla.bank_account (
  routing text not null,
  number text not null,
  balance_cents bigint not null,
  primary key (routing, number)
);

create table if not exists vendor_dwolla.funding_source (
  id uuid primary key,
  customer_id uuid references vendor_dwolla.customer (id),
  name text not null,
  bank_account_type text not null,
  type text not null,
  status text not null,
  removed boolean not null default false,
  routing text not null,
  number text not null,
  bank_name text not null,
  created timestamptz not null default clock_timestamp(),
  foreign key (routing, number) references vendor_dwolla.bank_account (routing, number)
);
create unique index if not exists funding_source_once on vendor_dwolla.funding_source (customer_id, routing, number)
where not removed;

create table if not exists vendor_dwolla.micro_deposits (
  source_id uuid primary key references vendor_dwolla.funding_source (id),
  status text not null,
  failed_attempts int not null default 0,
  created timestamptz not null default clock_timestamp(),
  process_at timestamptz
);

-- leg: debit out of a customer's bank, credit into ours; pull out of our bank, payout into a customer's.
create table if not exists vendor_dwolla.transfer (
  id uuid primary key,
  leg text not null default 'debit',
  customer_id uuid references vendor_dwolla.customer (id),
  source_id uuid references vendor_dwolla.funding_source (id),
  destination_id uuid not null references vendor_dwolla.funding_source (id),
  amount_cents bigint not null check (amount_cents > 0),
  status text not null,
  correlation_id text,
  metadata jsonb,
  funding_transfer uuid references vendor_dwolla.transfer (id),
  failure_code text,
  late_return_code text,
  created timestamptz not null default clock_timestamp(),
  process_at timestamptz,
  return_at timestamptz
);
create index if not exists transfer_open on vendor_dwolla.transfer (created)
where status = 'pending' or (late_return_code is not null and failure_code is null);
create index if not exists transfer_by_customer on vendor_dwolla.transfer (customer_id, created desc);
create index if not exists transfer_by_correlation on vendor_dwolla.transfer (correlation_id);
create unique index if not exists transfer_funded_once on vendor_dwolla.transfer (funding_transfer);

create table if not exists vendor_dwolla.idempotency (
  key text not null,
  request_hash text not null,
  status int not null,
  location text,
  at timestamptz not null default clock_timestamp(),
  primary key (key, request_hash)
);

create table if not exists vendor_dwolla.event (
  id uuid primary key,
  topic text not null,
  resource text not null,
  resource_id text not null,
  customer_id uuid,
  correlation_id text,
  created timestamptz not null default clock_timestamp()
);
create index if not exists event_newest on vendor_dwolla.event (created desc);

create table if not exists vendor_dwolla.subscription (
  id uuid primary key,
  url text not null,
  secret text not null,
  paused boolean not null default false,
  created timestamptz not null default clock_timestamp()
);

create table if not exists vendor_dwolla.delivery (
  event_id uuid not null references vendor_dwolla.event (id),
  subscription_id uuid not null references vendor_dwolla.subscription (id) on delete cascade,
  attempts int not null default 0,
  next_at timestamptz default clock_timestamp(),
  delivered_at timestamptz,
  last_answer text,
  primary key (event_id, subscription_id)
);
create index if not exists delivery_due on vendor_dwolla.delivery (next_at) where next_at is not null;
