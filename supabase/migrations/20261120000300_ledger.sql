-- Ledger: accounts, the transfers between them, and the entries that each transfer makes.
-- Why      Every balance is the sum of entries; nothing else moves money.
-- Units    amount, balance, held: smallest unit of the account's asset (USD: cents, BTC: sats), never null.
-- Locks    Accounts are locked in id order, so that no two transfers wait for each other in a circle.
-- Callers  Only the functions of this schema write here (post, post_many, distribute, holds). No API role may.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema ledger;
revoke all on schema ledger from public;

-- A CHECK constraint is read anew from the catalogue by each statement that writes the table, so the tables of the
-- hot path have few and short ones. What a column may hold at all is the business of its domain, which is asked
-- only when that column is written.
create domain ledger.asset as text check (value in ('USD', 'BTC'));
create domain ledger.account_kind as text check (value in (
  'wallet', 'receivable', 'reserve', 'loads_uncleared', 'payouts_in_transit', 'revenue', 'rewards_pool', 'operations',
  'capital', 'exchange_cash', 'exchange_in_transit', 'btc_custody', 'btc_in_transit', 'rounding', 'suspense'
));
create domain ledger.account_state as text check (value in ('active', 'restricted', 'frozen'));

-- Two ways to keep a balance. A balance account's row has its balance and is locked by each transfer. A summing
-- account (reserve, revenue, pools) is touched by nearly every transfer of its kind, so its row is never locked:
-- transfers add rows to ledger.sum_entry, and its balance is the last checkpoint plus what came since.
-- No index on a column that changes, and room on every page: updates stay heap-only.
create table ledger.account (
  id bigint generated always as identity primary key,
  asset ledger.asset not null,
  kind ledger.account_kind not null,
  owner uuid,
  is_summing boolean not null default false,
  balance bigint not null default 0,
  held bigint not null default 0,
  seq bigint not null default 0,
  min_balance bigint,
  state ledger.account_state not null default 'active',
  opened_at timestamptz not null default clock_timestamp(),
  constraint balance_covers_spending check (held >= 0 and balance - held >= min_balance)
) with (fillfactor = 60);
comment on table ledger.account is 'One account holds one asset; positive is owed to its owner, negative is held elsewhere (a bank, an exchange).';

create function ledger.account_is_whole() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if (new.kind in ('wallet', 'receivable')) <> (new.owner is not null) or (new.kind = 'wallet' and new.min_balance is null)
    or (new.is_summing and (new.balance, new.held, new.seq) <> (0, 0, 0)) or (new.is_summing and new.min_balance is not null)
  then
    raise exception using errcode = 'PA000', message = 'account_malformed', detail = '{}';
  end if;
  return new;
end $$;
comment on function ledger.account_is_whole() is
'Wallets have an owner and a floor, and summing accounts keep nothing in their row; asked once, when an account is opened.';
create trigger account_is_whole before insert on ledger.account for each row execute function ledger.account_is_whole();
create unique index account_one_of_each_owned_kind on ledger.account (owner, asset, kind) where owner is not null;
create unique index account_one_of_each_system_kind on ledger.account (kind, asset) where owner is null;
alter table ledger.account enable row level security;

-- No foreign keys on the accounts: the only writers have just locked and updated those rows, and a key would lock
-- each of them a second time in every transfer. Reconciliation looks for orphans.
create table ledger.transfer (
  id uuid primary key,
  xid xid8 not null default pg_current_xact_id(),
  era integer not null default 1,
  at timestamptz not null,
  effective_at timestamptz not null,
  from_account bigint not null,
  to_account bigint not null,
  from_seq bigint,
  to_seq bigint,
  amount bigint not null,
  kind text not null,
  ref text,
  constraint amount_moves check (amount > 0 and from_account <> to_account)
);
comment on table ledger.transfer is 'One movement of `amount` from one account to another; its id makes it happen once. A seq is null on a summing account.';
create index transfer_by_transaction on ledger.transfer (xid);
alter table ledger.transfer enable row level security;

create table ledger.entry (
  account_id bigint not null,
  seq bigint not null,
  transfer_id uuid not null,
  amount bigint not null,
  balance_after bigint not null,
  at timestamptz not null,
  primary key (account_id, seq)
);
comment on table ledger.entry is 'The sides of each transfer on balance accounts: seq without gaps per account, balance_after chains.';
create index entry_at on ledger.entry using brin (at);
alter table ledger.entry enable row level security;

create table ledger.sum_entry (
  account_id bigint not null,
  xid xid8 not null default pg_current_xact_id(),
  era integer not null default 1,
  batch uuid not null,
  amount bigint not null,
  transfer_count integer not null,
  at timestamptz not null,
  primary key (account_id, xid, batch),
  constraint sum_has_transfers check (transfer_count > 0)
);
comment on table ledger.sum_entry is 'The sides of transfers on summing accounts; a batch writes one row per account, named by its first transfer.';
alter table ledger.sum_entry enable row level security;

create table ledger.checkpoint (
  account_id bigint not null references ledger.account (id),
  era integer not null,
  upto xid8 not null,
  balance bigint not null,
  at timestamptz not null default clock_timestamp(),
  primary key (account_id, era, upto)
);
comment on table ledger.checkpoint is 'A summing account''s balance over all transactions of earlier eras and those below upto, none of which was open.';
alter table ledger.checkpoint enable row level security;

do $$
declare
  tab text;
begin
  foreach tab in array array['transfer', 'entry', 'sum_entry', 'checkpoint'] loop
    execute format(
      'create trigger %1$s_is_append_only before update or delete on ledger.%1$I for each row execute function private.append_only()', tab);
    execute format(
      'create trigger %1$s_is_never_truncated before truncate on ledger.%1$I for each statement execute function private.append_only()', tab);
  end loop;
end $$;
create trigger account_is_never_deleted before delete on ledger.account
for each row execute function private.append_only();
create trigger account_is_never_truncated before truncate on ledger.account
for each statement execute function private.append_only();

insert into ledger.account (asset, kind, is_summing)
values ('USD', 'reserve', true), ('USD', 'loads_uncleared', true), ('USD', 'payouts_in_transit', true), ('USD', 'revenue', true),
('USD', 'rewards_pool', true), ('USD', 'operations', true), ('USD', 'capital', true), ('USD', 'exchange_cash', true),
('USD', 'exchange_in_transit', true), ('USD', 'rounding', true), ('USD', 'suspense', true),
('BTC', 'btc_custody', true), ('BTC', 'btc_in_transit', true), ('BTC', 'rounding', true);

create function ledger.system_account(kind text, asset text default 'USD') returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id from ledger.account a
  where a.kind = system_account.kind and a.asset = system_account.asset and a.owner is null
$$;
comment on function ledger.system_account(text, text) is 'The id of the one system account of this kind.';

create function ledger.wallet_of(owner uuid, asset text default 'USD') returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id from ledger.account a
  where a.owner = wallet_of.owner and a.asset = wallet_of.asset and a.kind = 'wallet'
$$;
comment on function ledger.wallet_of(uuid, text) is 'The id of a person''s wallet, or null.';

create function ledger.open_account(owner uuid, kind text, asset text default 'USD') returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  found_id bigint;
begin
  select a.id into found_id from ledger.account a where a.owner = owner and a.kind = kind and a.asset = asset;
  if found_id is null then
    -- what somebody owes us is below zero by nature; what we owe somebody never is
    insert into ledger.account (asset, kind, owner, min_balance)
    values (asset, kind, owner, case when kind = 'wallet' then 0 end)
    on conflict do nothing;
    select a.id into found_id from ledger.account a where a.owner = owner and a.kind = kind and a.asset = asset;
  end if;
  return found_id;
end $$;
comment on function ledger.open_account(uuid, text, text) is 'The id of a person''s account of this kind, opened when there was none.';

create function ledger.open_wallet(owner uuid) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select ledger.open_account(open_wallet.owner, 'wallet')
$$;
comment on function ledger.open_wallet(uuid) is 'The id of a person''s wallet in dollars, opened when there was none.';

-- The newest checkpoint covers everything below upto, which no transaction then open could still write.
create function ledger.balance_of(account_id bigint) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case when not a.is_summing then a.balance else coalesce(c.balance, 0) + coalesce((
    select sum(s.amount)::bigint from ledger.sum_entry s
    where s.account_id = a.id and s.xid >= coalesce(c.upto, '0'::xid8) and s.era = coalesce(c.era, s.era)
  ), 0) + coalesce((
    -- a new era opened and no checkpoint of its own yet: its ids may lie below the old mark
    select sum(s.amount)::bigint from ledger.sum_entry s where s.account_id = a.id and s.era > c.era
  ), 0) end
  from ledger.account a
  left join lateral (
    select k.era, k.upto, k.balance from ledger.checkpoint k where k.account_id = a.id order by k.era desc, k.upto desc limit 1
  ) c on true
  where a.id = balance_of.account_id
$$;
comment on function ledger.balance_of(bigint) is 'The balance of an account of either sort, held included. Null when there is none.';

create function ledger.balance_at(account_id bigint, moment timestamptz) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case when a.is_summing then coalesce((
    select sum(s.amount)::bigint from ledger.sum_entry s where s.account_id = a.id and s.at <= moment
  ), 0) else coalesce((
    select e.balance_after from ledger.entry e where e.account_id = a.id and e.at <= moment order by e.seq desc limit 1
  ), 0) end
  from ledger.account a where a.id = balance_at.account_id
$$;
comment on function ledger.balance_at(bigint, timestamptz) is 'What an account held at a moment, from its entries; 0 before its first.';

create view ledger.account_balance with (security_invoker = true) as
select
  a.id,
  a.asset,
  a.kind,
  a.owner,
  a.is_summing,
  ledger.balance_of(a.id) as balance,
  a.held,
  a.state
from ledger.account a;
comment on view ledger.account_balance is 'Every account with its balance, of either sort.';

-- Cut at the horizon of running transactions, never by a clock: nothing below it can still appear.
create function ledger.take_checkpoints(entries_min integer default 1000) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
  taken integer;
begin
  with last as (
    select a.id, c.era, coalesce(c.upto, '0'::xid8) as upto, coalesce(c.balance, 0) as balance
    from ledger.account a
    left join lateral (
      select k.era, k.upto, k.balance from ledger.checkpoint k where k.account_id = a.id order by k.era desc, k.upto desc limit 1
    ) c on true
    where a.is_summing
  ), since as (
    select l.id, l.balance, s.era, s.xid, s.amount, max(s.era) over (partition by l.id) as newest_era
    from last l join ledger.sum_entry s on s.account_id = l.id
      and (s.era = coalesce(l.era, s.era) and s.xid >= l.upto or s.era > l.era)
  )
  insert into ledger.checkpoint (account_id, era, upto, balance)
  select s.id, s.newest_era, horizon, s.balance + sum(s.amount)::bigint
  from since s
  -- ids of an earlier era say nothing about this database's horizon: those transactions have all ended
  where s.era < s.newest_era or s.xid < horizon
  group by s.id, s.balance, s.newest_era having count(*) >= entries_min
  on conflict do nothing;
  get diagnostics taken = row_count;
  return taken;
end $$;
comment on function ledger.take_checkpoints(integer) is
'Writes a checkpoint for each summing account with at least entries_min new entries; returns how many.';
grant usage on schema ledger to service_role;
grant execute on function ledger.take_checkpoints(integer) to service_role;
