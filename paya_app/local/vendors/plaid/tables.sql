-- The Plaid stand-in's own books. Nothing of PaYa reads them.
create table if not exists vendor_plaid.signing_key (
  kid text primary key,
  jwk jsonb not null,
  created timestamptz not null default clock_timestamp(),
  expired timestamptz
);
create table if not exists vendor_plaid.item (
  id text primary key,
  access_token text not null unique,
  client_user_id text not null,
  institution_id text not null,
  username text not null,
  owner_name text not null,
  account_ids text[] not null default '{}',
  products text[] not null,
  webhook text,
  error_code text,
  removed boolean not null default false,
  created timestamptz not null default clock_timestamp()
);
create table if not exists vendor_plaid.link_token (
  token text primary key,
  hosted_id text not null unique,
  client_user_id text not null,
  legal_name text not null default '',
  products text[] not null,
  webhook text,
  completion_uri text,
  update_item text references vendor_plaid.item (id),
  created timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
);
create table if not exists vendor_plaid.link_session (
  id text primary key,
  token text not null references vendor_plaid.link_token (token),
  step text not null default 'institution',
  institution_id text,
  username text,
  error_code text,
  item_id text references vendor_plaid.item (id),
  public_token text,
  started timestamptz not null default clock_timestamp(),
  finished timestamptz
);
create index if not exists link_session_by_token on vendor_plaid.link_session (token);
create table if not exists vendor_plaid.public_token (
  token text primary key,
  item_id text not null references vendor_plaid.item (id),
  expires_at timestamptz not null,
  exchanged_at timestamptz
);
create table if not exists vendor_plaid.processor_token (
  token text primary key,
  item_id text not null references vendor_plaid.item (id),
  account_id text not null,
  processor text not null
);
create table if not exists vendor_plaid.delivery (
  id bigint generated always as identity primary key,
  url text not null,
  body text not null,
  attempts integer not null default 0,
  next_at timestamptz default clock_timestamp(),
  last_answer text,
  delivered_at timestamptz
);
create index if not exists delivery_due on vendor_plaid.delivery (next_at) where next_at is not null;
