-- Ledger: accounts and the transfers between them.
-- Why      Every balance is the sum of entries; nothing else moves money.
-- Units    amount, balance, held: smallest unit of the account's asset (USD: cents), never null.
-- Locks    Accounts are locked in id order, so two transfers cannot deadlock.
-- Callers  Only ledger.post writes transfers, entries and balances. No API role reads or writes anything here.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema ledger;
revoke all on schema ledger from public;

-- No index on a column that changes, and room on every page: updates stay heap-only.
create table ledger.account (
  id bigint generated always as identity primary key,
  asset text not null,
  kind text not null,
  owner uuid,
  balance bigint not null default 0,
  held bigint not null default 0,
  seq bigint not null default 0,
  min_balance bigint,
  state text not null default 'active',
  opened_at timestamptz not null default clock_timestamp(),
  constraint asset_is_known check (asset in ('USD')),
  constraint kind_is_known check (kind in ('wallet', 'reserve', 'loads_uncleared', 'payouts_in_transit', 'revenue')),
  constraint wallets_have_owners check ((kind = 'wallet') = (owner is not null)),
  constraint wallets_have_a_floor check (kind <> 'wallet' or min_balance is not null),
  constraint state_is_known check (state in ('active', 'restricted', 'frozen')),
  constraint held_is_not_negative check (held >= 0),
  constraint balance_covers_spending check (balance - held >= min_balance)
) with (fillfactor = 60);
comment on table ledger.account is 'One account holds one asset; positive is owed to its owner, negative is held elsewhere (a bank).';
create unique index account_one_wallet_each on ledger.account (owner, asset) where kind = 'wallet';
create unique index account_one_of_each_system_kind on ledger.account (kind, asset) where owner is null;
alter table ledger.account enable row level security;

create table ledger.transfer (
  id uuid primary key,
  xid xid8 not null default pg_current_xact_id(),
  at timestamptz not null,
  effective_at timestamptz not null,
  from_account bigint not null references ledger.account (id),
  to_account bigint not null references ledger.account (id),
  from_seq bigint not null,
  to_seq bigint not null,
  amount bigint not null,
  kind text not null,
  ref text,
  constraint amount_is_positive check (amount > 0),
  constraint accounts_differ check (from_account <> to_account)
);
comment on table ledger.transfer is 'One movement of `amount` from one account to another; its id makes it happen once.';
create index transfer_by_transaction on ledger.transfer (xid);
alter table ledger.transfer enable row level security;

create table ledger.entry (
  account_id bigint not null references ledger.account (id),
  seq bigint not null,
  transfer_id uuid not null,
  amount bigint not null,
  balance_after bigint not null,
  at timestamptz not null,
  primary key (account_id, seq),
  constraint amount_is_not_zero check (amount <> 0)
);
comment on table ledger.entry is 'The two sides of each transfer: seq without gaps per account, balance_after chains.';
create index entry_at on ledger.entry using brin (at);
alter table ledger.entry enable row level security;

create trigger transfer_is_append_only before update or delete on ledger.transfer
for each row execute function private.append_only();
create trigger transfer_is_never_truncated before truncate on ledger.transfer
for each statement execute function private.append_only();
create trigger entry_is_append_only before update or delete on ledger.entry
for each row execute function private.append_only();
create trigger entry_is_never_truncated before truncate on ledger.entry
for each statement execute function private.append_only();
create trigger account_is_never_deleted before delete on ledger.account
for each row execute function private.append_only();
create trigger account_is_never_truncated before truncate on ledger.account
for each statement execute function private.append_only();

insert into ledger.account (asset, kind)
values ('USD', 'reserve'), ('USD', 'loads_uncleared'), ('USD', 'payouts_in_transit'), ('USD', 'revenue');

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

create function ledger.open_wallet(owner uuid) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wallet bigint := ledger.wallet_of(owner);
begin
  if wallet is null then
    insert into ledger.account (asset, kind, owner, min_balance) values ('USD', 'wallet', owner, 0)
    on conflict do nothing;
    wallet := ledger.wallet_of(owner);
  end if;
  return wallet;
end $$;
comment on function ledger.open_wallet(uuid) is 'The id of a person''s wallet, opened when there was none.';

-- The id is looked up after the accounts are locked: whoever comes second with the same id waits for the
-- first and then sees what it did. A refusal stores nothing, so the id stays free. There is no exception
-- block on this path (each would cost a subtransaction): the same id racing between other accounts ends in
-- transfer_pkey, which callers read as "this id was used for something else".
create function ledger.post(
  transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text default null
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz;
  known ledger.transfer;
  giver ledger.account; taker ledger.account;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if amount is null or amount not between 1 and 1000000000000000 then
    perform private.refuse('amount_invalid', jsonb_build_object('amount', amount));
  end if;
  if transfer_id is null or from_account is null or to_account is null or kind is null or from_account = to_account then
    perform private.refuse('transfer_malformed');
  end if;

  perform from ledger.account a where a.id in (from_account, to_account) order by a.id for no key update;

  select * into known from ledger.transfer t where t.id = transfer_id;
  if found then
    if (known.from_account, known.to_account, known.amount, known.kind) is distinct from (from_account, to_account, amount, kind) then
      perform private.refuse('key_reused');
    end if;
    return (select e.balance_after from ledger.entry e where e.account_id = known.from_account and e.seq = known.from_seq);
  end if;

  select * into giver from ledger.account a where a.id = from_account;
  select * into taker from ledger.account a where a.id = to_account;
  if giver.id is null or taker.id is null or giver.asset <> taker.asset then
    perform private.refuse('account_unknown');
  end if;
  if giver.balance - giver.held - amount < giver.min_balance then
    perform private.refuse('insufficient_funds', jsonb_build_object(
      'available_cents', giver.balance - giver.held - giver.min_balance, 'amount_cents', amount));
  end if;

  update ledger.account a set balance = a.balance - amount, seq = a.seq + 1 where a.id = from_account;
  update ledger.account a set balance = a.balance + amount, seq = a.seq + 1 where a.id = to_account;
  moment := clock_timestamp();
  insert into ledger.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
  values (transfer_id, moment, moment, from_account, to_account, giver.seq + 1, taker.seq + 1, amount, kind, ref);
  insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
  values (from_account, giver.seq + 1, transfer_id, -amount, giver.balance - amount, moment),
  (to_account, taker.seq + 1, transfer_id, amount, taker.balance + amount, moment);
  return giver.balance - amount;
end $$;
comment on function ledger.post(uuid, bigint, bigint, bigint, text, text) is
'Moves amount once per transfer_id and returns the giving account''s balance after it. Refuses overdrafts, unknown accounts, reused ids.';
