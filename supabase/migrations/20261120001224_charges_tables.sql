-- Charges: what is kept of each charge, capture, refund and dispute; test cards, currencies and US bank days as data.
-- Why      A state is never stored: amounts are, with why the rest was released, and one pure function names the state.
-- Units    *_minor: minor units of the currency (cents, pence). *_bps: hundredths of a percent. Times are the account's own
--          clock's, except changed_at, which is real.
-- Locks    None.
-- Callers  Only the functions of this schema write here. Never a card's number: the server's process knows test numbers by
--          name (paya_app/charges/cards.py), and only names come here.
-- Undo     Forward only.
set local lock_timeout = '5s';

-- Asked only when the column is written, and not read anew by each statement as a CHECK constraint is.
create domain charges.minor as bigint check (value >= 0);

create table charges.currency (
  code text primary key,
  asset sandbox.asset not null unique,
  exponent integer not null,
  amount_max_minor bigint not null,
  fee_bps bigint not null,
  fee_fixed_minor bigint not null,
  dispute_fee_minor bigint not null,
  overdraft_max_minor bigint not null,
  constraint code_is_iso_4217 check (code ~ '^[A-Z]{3}$')
);
comment on table charges.currency is
'What may be charged in, and what it costs. overdraft_max_minor: how far refunds may take a merchant below zero; beyond it they wait.';
alter table charges.currency enable row level security;
insert into charges.currency (code, asset, exponent, amount_max_minor, fee_bps, fee_fixed_minor, dispute_fee_minor, overdraft_max_minor)
values ('USD', 'USD_TEST', 2, 99999999, 290, 30, 1500, 100000), ('EUR', 'EUR_TEST', 2, 99999999, 290, 30, 1500, 100000),
('GBP', 'GBP_TEST', 2, 99999999, 290, 20, 1500, 100000), ('CAD', 'CAD_TEST', 2, 99999999, 290, 30, 1500, 100000);

create table charges.test_card (
  name text primary key,
  brand text not null,
  last4 text not null,
  decline_code text,
  behaviour text,
  constraint last4_is_four_digits check (last4 ~ '^[0-9]{4}$'),
  constraint behaviour_is_known check (behaviour in ('partial', 'disputed', 'refund_fails'))
);
comment on table charges.test_card is
'Every card there is in test mode, by its name. partial: half is approved, to who asks for that; disputed: each capture is; refund_fails: none arrives.';
alter table charges.test_card enable row level security;
insert into charges.test_card (name, brand, last4, decline_code, behaviour)
values ('visa', 'visa', '4242', null, null), ('visa_debit', 'visa', '5556', null, null),
('mastercard', 'mastercard', '4444', null, null), ('amex', 'amex', '0005', null, null),
('declined', 'visa', '0002', 'card_declined', null), ('insufficient_funds', 'visa', '9995', 'insufficient_funds', null),
('lost', 'visa', '9987', 'lost_card', null), ('stolen', 'visa', '9979', 'stolen_card', null),
('expired', 'visa', '0069', 'expired_card', null), ('incorrect_cvc', 'visa', '0127', 'incorrect_cvc', null),
('processing_error', 'visa', '0119', 'processing_error', null), ('disputed', 'visa', '0259', null, 'disputed'),
('partial', 'visa', '0515', null, 'partial'), ('refund_fails', 'visa', '5126', null, 'refund_fails');

create table charges.test_amount (
  amount_minor bigint primary key,
  decline_code text not null,
  -- so that other amounts need not be looked up
  constraint test_amounts_are_neighbours check (amount_minor between 200000 and 209999)
);
comment on table charges.test_amount is 'Amounts that are declined on any card: 2,000.02 as the card that ends in 0002, 2,099.95 as 9995, and so on.';
alter table charges.test_amount enable row level security;
insert into charges.test_amount (amount_minor, decline_code)
values (200002, 'card_declined'), (209995, 'insufficient_funds'), (209987, 'lost_card'), (209979, 'stolen_card'),
(200069, 'expired_card'), (200127, 'incorrect_cvc'), (200119, 'processing_error');

create table charges.charge (
  account_id uuid not null,
  id uuid not null,
  digest bytea not null,
  card_name text not null,
  card_id uuid not null,
  brand text not null,
  last4 text not null,
  currency text not null,
  requested_minor charges.minor not null,
  authorized_minor charges.minor not null,
  captured_minor charges.minor not null default 0,
  released_minor charges.minor not null default 0,
  refunded_minor charges.minor not null default 0,
  disputed_minor charges.minor not null default 0,
  settled_minor charges.minor not null default 0,
  reason text,
  decline_code text,
  dispute_stage text,
  hold_id uuid,
  increment_count integer not null default 0,
  capture_count integer not null default 0,
  metadata jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null,
  expires_at timestamptz,
  open_until timestamptz,
  changed_at timestamptz not null default clock_timestamp(),
  primary key (account_id, id),
  constraint amounts_fit check (
    captured_minor + released_minor <= authorized_minor and refunded_minor + disputed_minor <= captured_minor
    and settled_minor <= captured_minor
  )
) with (fillfactor = 70);
comment on table charges.charge is
'A charge in amounts. reason: why there is nothing (declined), or why the rest was released (voided, expired). open_until: expires_at while something '
'of it can still be captured. disputed_minor: under dispute, or lost to one.';
create index charge_by_card on charges.charge (account_id, card_id, id);
create index charge_open on charges.charge (account_id, open_until, id) where open_until is not null;
alter table charges.charge enable row level security;

create table charges.capture (
  account_id uuid not null,
  id uuid not null,
  charge_id uuid not null,
  digest bytea not null,
  currency text not null,
  amount_minor charges.minor not null,
  fee_minor charges.minor not null,
  is_final boolean not null,
  refunded_minor charges.minor not null default 0,
  disputed_minor charges.minor not null default 0,
  pending_refunds_minor charges.minor not null default 0,
  pending_disputes_minor charges.minor not null default 0,
  settles_at timestamptz not null,
  settled_at timestamptz,
  settlement_id uuid,
  version integer not null default 1,
  created_at timestamptz not null,
  primary key (account_id, id),
  constraint given_back_is_within check (refunded_minor + disputed_minor <= amount_minor)
) with (fillfactor = 80);
comment on table charges.capture is
'What was captured of a charge. pending_*: what refunds and disputes took of it before it was settled; the settlement is less by that.';
create index capture_by_charge on charges.capture (account_id, charge_id);
create index capture_unsettled on charges.capture (account_id, settles_at, id) where settled_at is null;
alter table charges.capture enable row level security;

create table charges.refund (
  account_id uuid not null,
  id uuid not null,
  charge_id uuid not null,
  digest bytea not null,
  currency text not null,
  amount_minor bigint not null,
  reason text,
  posted_at timestamptz,
  due_at timestamptz,
  succeeded_at timestamptz,
  failed_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null,
  primary key (account_id, id),
  constraint ends_once check (succeeded_at is null or failed_at is null),
  constraint due_until_it_ends check ((due_at is null) = (succeeded_at is not null or failed_at is not null))
);
comment on table charges.refund is 'Money on its way back to a card. Not posted: the merchant has too little, and it waits; due_at is when it goes on.';
create index refund_by_charge on charges.refund (account_id, charge_id);
create index refund_due on charges.refund (account_id, due_at, id) where due_at is not null;
alter table charges.refund enable row level security;

create table charges.dispute (
  account_id uuid not null,
  id uuid not null,
  charge_id uuid not null,
  digest bytea not null,
  currency text not null,
  amount_minor bigint not null,
  fee_minor bigint not null,
  reason text not null,
  evidence text,
  submitted_at timestamptz,
  due_at timestamptz,
  outcome text,
  closed_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null,
  primary key (account_id, id),
  constraint outcome_is_known check (outcome in ('won', 'lost')),
  constraint due_until_it_ends check ((due_at is null) = (outcome is not null) and (closed_at is null) = (outcome is null))
);
comment on table charges.dispute is
'A cardholder''s objection. due_at: until when evidence is taken, then when it is decided. One without evidence in time is lost.';
create index dispute_by_charge on charges.dispute (account_id, charge_id);
create index dispute_due on charges.dispute (account_id, due_at, id) where due_at is not null;
alter table charges.dispute enable row level security;

create table charges.portion (
  account_id uuid not null,
  source_id uuid not null,
  n integer not null,
  capture_id uuid not null,
  amount_minor bigint not null,
  was_pending boolean,
  primary key (account_id, source_id, n),
  constraint portion_is_positive check (amount_minor > 0)
);
comment on table charges.portion is
'What a refund or dispute took of which capture; was_pending: before that was settled (null: nothing was taken yet).';
alter table charges.portion enable row level security;

create table charges.operation (
  account_id uuid not null,
  id uuid not null,
  kind text not null,
  subject uuid not null,
  digest bytea not null,
  created_at timestamptz not null,
  primary key (account_id, id)
);
comment on table charges.operation is 'What was asked under an id that is no object''s own: increments, voids, evidence. It makes each happen once.';
alter table charges.operation enable row level security;

create table charges.settlement (
  account_id uuid not null,
  id uuid not null,
  currency text not null,
  gross_minor bigint not null,
  fees_minor bigint not null,
  refunds_minor bigint not null,
  disputes_minor bigint not null,
  net_minor bigint not null,
  capture_count integer not null,
  settled_at timestamptz not null,
  made_at timestamptz not null default clock_timestamp(),
  primary key (account_id, id),
  constraint net_is_what_remains check (net_minor = gross_minor - fees_minor - refunds_minor - disputes_minor),
  constraint settlement_has_captures check (capture_count > 0)
);
comment on table charges.settlement is
'One batch: the captures of one account and currency that became available at once. refunds, disputes: what went before that.';
alter table charges.settlement enable row level security;
