-- What the stand-in remembers. Its own schema and its own role: PaYa's tables are out of its reach, and the
-- balances here are the exchange's books, not ours. `sats`: 10^-8 BTC; `micros`: 10^-6 USD; `dimes`: 10^-1 USD
-- per whole bitcoin, the tick of the pair.

create table if not exists vendor_kraken.nonce (
  api_key text primary key,
  last numeric not null
);

-- units: micros of ZUSD, sats of XXBT. Each is the sum of its movements.
create table if not exists vendor_kraken.balance (
  asset text primary key check (asset in ('ZUSD', 'XXBT')),
  units bigint not null check (units >= 0)
);

create table if not exists vendor_kraken.movement (
  id bigint generated always as identity primary key,
  asset text not null references vendor_kraken.balance (asset),
  units bigint not null,
  kind text not null check (
    kind in ('opening', 'deposit', 'trade', 'fee', 'withdrawal', 'withdrawal_fee', 'withdrawal_back')
  ),
  ref text not null,
  at timestamptz not null
);

-- An order of ours; it is filled in `parts`, one each `part_s` seconds (0: one with each `POST /local/fill`).
create table if not exists vendor_kraken.client_order (
  txid text primary key,
  cl_ord_id text,
  userref bigint,
  volume_sats bigint not null check (volume_sats > 0),
  fee_in text not null check (fee_in in ('quote', 'base')),
  parts int not null check (parts >= 1),
  part_s double precision not null check (part_s >= 0),
  parts_done int not null default 0,
  status text not null check (status in ('open', 'closed', 'canceled', 'expired')),
  reason text,
  opened timestamptz not null,
  closed timestamptz
);
create index if not exists client_order_by_client_id on vendor_kraken.client_order (cl_ord_id);
create index if not exists client_order_open on vendor_kraken.client_order (opened) where status = 'open';
-- as Kraken promises: among open orders, and among those alone
create unique index if not exists client_id_is_unique_while_open on vendor_kraken.client_order (cl_ord_id)
where status = 'open';

create table if not exists vendor_kraken.trade (
  id text primary key,
  txid text not null references vendor_kraken.client_order (txid),
  number int not null,
  volume_sats bigint not null check (volume_sats > 0),
  price_dimes bigint not null check (price_dimes > 0),
  cost_micros bigint not null,
  fee_micros bigint not null,
  fee_sats bigint not null,
  at timestamptz not null,
  unique (txid, number)
);

create table if not exists vendor_kraken.withdraw_address (
  key text primary key,
  address text not null
);

-- quantity_sats: what arrives; the fee is on top of it. It is done at `process_at` by itself, or when a test says so.
create table if not exists vendor_kraken.withdrawal (
  refid text primary key,
  key text not null,
  address text not null,
  quantity_sats bigint not null check (quantity_sats > 0),
  fee_sats bigint not null,
  status text not null,
  txid text,
  asked timestamptz not null,
  process_at timestamptz
);
create index if not exists withdrawal_newest on vendor_kraken.withdrawal (asked desc, refid);

-- Refusals that a test has planned: of the next calls of a verb, before it is done or after.
create table if not exists vendor_kraken.fault (
  id bigint generated always as identity primary key,
  verb text not null,
  error text not null,
  is_after boolean not null,
  calls_left int not null check (calls_left >= 0)
);

-- How the exchange behaves at the moment; one row.
create table if not exists vendor_kraken.switch (
  one_row boolean primary key default true check (one_row),
  clock_offset interval not null default '0',
  parts int not null default 1 check (parts between 1 and 100),
  part_s double precision not null default 0 check (part_s >= 0),
  lag_s double precision not null default 0 check (lag_s >= 0)
);
-- whether addresses under PaYa's own names were registered by somebody
alter table vendor_kraken.switch add column if not exists registers boolean not null default true;
insert into vendor_kraken.switch (one_row) values (true) on conflict do nothing;
