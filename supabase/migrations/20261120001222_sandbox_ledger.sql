-- Sandbox: a ledger for test money, of the same shape and by the same rules as the ledger of real money.
-- Why      What developers try must touch neither revenue nor proof, and go again. Made by `python -m
--          scripts.sandbox_ledger` from the ledger's own migrations, so that test money moves as real money does. Left
--          out: seals and points in time, events (those of charges tell what happened), people's wallets, expiry by
--          the real clock (charges expire by their account's).
-- Units    amount, balance, held: smallest unit of the account's asset (USD_TEST: cents of no dollar), never null.
-- Locks    Accounts in id order, then the hold; a summing account is never locked. READ COMMITTED only.
-- Callers  Definer functions of charges. No login or API role may execute or read anything here.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema sandbox;

revoke all on schema sandbox from public;

-- A CHECK constraint is read anew from the catalogue by each statement that writes the table, so the tables of the
-- hot path have few and short ones. What a column may hold at all is the business of its domain, which is asked
-- only when that column is written.
create domain sandbox.asset as text check (value in ('USD_TEST', 'EUR_TEST', 'GBP_TEST', 'CAD_TEST'));

create domain sandbox.account_kind as text check (value in (
  'cardholder', 'test_issuer', 'merchant_pending', 'merchant_available', 'fees', 'refunds_in_transit', 'dispute_reserve'
));

create domain sandbox.account_state as text check (value in ('active', 'restricted', 'frozen'));

-- Two ways to keep a balance. A balance account's row has its balance and is locked by each transfer. A summing
-- account (merchant_pending, fees) is touched by nearly every transfer of its kind, so its row is never locked:
-- transfers add rows to sandbox.sum_entry, and its balance is the last checkpoint plus what came since.
-- No index on a column that changes, and room on every page: updates stay heap-only.
create table sandbox.account (
  id bigint generated always as identity primary key,
  asset sandbox.asset not null,
  kind sandbox.account_kind not null,
  owner uuid,
  is_summing boolean not null default false,
  balance bigint not null default 0,
  held bigint not null default 0,
  seq bigint not null default 0,
  min_balance bigint,
  state sandbox.account_state not null default 'active',
  opened_at timestamptz not null default clock_timestamp(),
  constraint balance_covers_spending check (held >= 0 and balance - held >= min_balance)
) with (fillfactor = 60);
comment on table sandbox.account is 'One account holds one asset; all of an asset sum to zero.';

create function sandbox.account_is_whole() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.owner is null or (new.kind = 'cardholder') <> (new.min_balance is not null)
    or (new.is_summing and (new.balance, new.held, new.seq) <> (0, 0, 0)) or (new.is_summing and new.min_balance is not null)
  then
    raise exception using errcode = 'PA000', message = 'account_malformed', detail = '{}';
  end if;
  return new;
end $$;
comment on function sandbox.account_is_whole() is
'Every account has an owner, cardholders a floor, and summing accounts keep nothing in their row; asked once, when an account is opened.';
create trigger account_is_whole before insert on sandbox.account for each row execute function sandbox.account_is_whole();

create unique index account_one_of_each_owned_kind on sandbox.account (owner, asset, kind) where owner is not null;
alter table sandbox.account enable row level security;

-- No foreign keys on the accounts: the only writers have just locked and updated those rows, and a key would lock
-- each of them a second time in every transfer. Reconciliation looks for orphans.
create table sandbox.transfer (
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
comment on table sandbox.transfer is 'One movement of `amount` from one account to another; its id makes it happen once. A seq is null on a summing account.';
alter table sandbox.transfer enable row level security;

create table sandbox.entry (
  account_id bigint not null,
  seq bigint not null,
  transfer_id uuid not null,
  amount bigint not null,
  balance_after bigint not null,
  at timestamptz not null,
  primary key (account_id, seq)
);
comment on table sandbox.entry is 'The sides of each transfer on balance accounts: seq without gaps per account, balance_after chains.';
alter table sandbox.entry enable row level security;

create table sandbox.sum_entry (
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
comment on table sandbox.sum_entry is 'The sides of transfers on summing accounts; a batch writes one row per account, named by its first transfer.';
alter table sandbox.sum_entry enable row level security;

create table sandbox.checkpoint (
  account_id bigint not null references sandbox.account (id),
  era integer not null,
  upto xid8 not null,
  balance bigint not null,
  at timestamptz not null default clock_timestamp(),
  primary key (account_id, era, upto)
);
comment on table sandbox.checkpoint is 'A summing account''s balance over all transactions of earlier eras and those below upto, none of which was open.';
alter table sandbox.checkpoint enable row level security;

do $$
declare
  tab text;
begin
  foreach tab in array array['transfer', 'entry', 'sum_entry', 'checkpoint'] loop
    execute format(
      'create trigger %1$s_is_append_only before update or delete on sandbox.%1$I for each row execute function charges.append_only()', tab);
    execute format(
      'create trigger %1$s_is_never_truncated before truncate on sandbox.%1$I for each statement execute function charges.append_only()', tab);
  end loop;
end $$;
create trigger account_is_never_deleted before delete on sandbox.account
for each row execute function charges.append_only();
create trigger account_is_never_truncated before truncate on sandbox.account
for each statement execute function charges.append_only();

-- The newest checkpoint covers everything below upto, which no transaction then open could still write.
create function sandbox.balance_of(account_id bigint) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case when not a.is_summing then a.balance else coalesce(c.balance, 0) + coalesce((
    select sum(s.amount)::bigint from sandbox.sum_entry s
    where s.account_id = a.id and s.xid >= coalesce(c.upto, '0'::xid8) and s.era = coalesce(c.era, s.era)
  ), 0) + coalesce((
    -- a new era opened and no checkpoint of its own yet: its ids may lie below the old mark
    select sum(s.amount)::bigint from sandbox.sum_entry s where s.account_id = a.id and s.era > c.era
  ), 0) end
  from sandbox.account a
  left join lateral (
    select k.era, k.upto, k.balance from sandbox.checkpoint k where k.account_id = a.id order by k.era desc, k.upto desc limit 1
  ) c on true
  where a.id = balance_of.account_id
$$;
comment on function sandbox.balance_of(bigint) is 'The balance of an account of either sort, held included. Null when there is none.';

-- Cut at the horizon of running transactions, never by a clock: nothing below it can still appear.
create function sandbox.take_checkpoints(entries_min integer default 1000) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
  taken integer;
begin
  with last as (
    select a.id, c.era, coalesce(c.upto, '0'::xid8) as upto, coalesce(c.balance, 0) as balance
    from sandbox.account a
    left join lateral (
      select k.era, k.upto, k.balance from sandbox.checkpoint k where k.account_id = a.id order by k.era desc, k.upto desc limit 1
    ) c on true
    where a.is_summing
  ), since as (
    select l.id, l.balance, s.era, s.xid, s.amount, max(s.era) over (partition by l.id) as newest_era
    from last l join sandbox.sum_entry s on s.account_id = l.id
      and (s.era = coalesce(l.era, s.era) and s.xid >= l.upto or s.era > l.era)
  )
  insert into sandbox.checkpoint (account_id, era, upto, balance)
  select s.id, s.newest_era, horizon, s.balance + sum(s.amount)::bigint
  from since s
  -- ids of an earlier era say nothing about this database's horizon: those transactions have all ended
  where s.era < s.newest_era or s.xid < horizon
  group by s.id, s.balance, s.newest_era having count(*) >= entries_min
  on conflict do nothing;
  get diagnostics taken = row_count;
  return taken;
end $$;
comment on function sandbox.take_checkpoints(integer) is
'Writes a checkpoint for each summing account with at least entries_min new entries; returns how many.';

create function sandbox.leg_id(group_id uuid, leg integer) returns uuid
language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
begin
  return (left(group_id::text, 34) || lpad(to_hex(leg), 2, '0'))::uuid;
end $$;
comment on function sandbox.leg_id(uuid, integer) is 'The id of one transfer of a group: the group''s with the leg''s number (0 to 255) in the last byte.';

-- Why an account could not give or take, said by name. Called when an update found no row.
create function sandbox.refuse_posting(from_account bigint, to_account bigint, amount bigint, is_new boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  giver sandbox.account;
  taker sandbox.account;
begin
  select * into giver from sandbox.account a where a.id = from_account;
  select * into taker from sandbox.account a where a.id = to_account;
  if giver.id is null or taker.id is null then
    perform private.refuse('account_unknown');
  end if;
  if giver.asset <> taker.asset then
    perform private.refuse('asset_mismatch', jsonb_build_object('from_asset', giver.asset, 'to_asset', taker.asset));
  end if;
  if is_new and giver.state <> 'active' then
    perform private.refuse('account_unavailable', jsonb_build_object('whose', 'yours', 'state', giver.state));
  end if;
  if is_new and taker.state = 'frozen' then
    perform private.refuse('account_unavailable', jsonb_build_object('whose', 'theirs'));
  end if;
  perform private.refuse('insufficient_funds', jsonb_build_object(
    'available_cents', giver.balance - giver.held - giver.min_balance, 'amount_cents', amount));
end $$;

-- Nothing is locked before it is written, and there is no exception block (each would cost a subtransaction). So
-- the same id twice at once is decided by whoever comes second: it waits for the first account, finds the id used
-- when it looks again, and is told to ask again (ask_again); asking again finds the first one's result.
create function sandbox.post(
  transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text default null
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  -- New business is refused by an account that is not active; what was begun before (captures, returns,
  -- repayments, loads under way) always passes.
  is_new boolean := kind in ('payment', 'redemption', 'buy', 'withdrawal', 'conversion');
  known sandbox.transfer;
  giver_balance bigint; giver_seq bigint; giver_asset text;
  taker_balance bigint; taker_seq bigint; taker_asset text;
  moment timestamptz;
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

  select * into known from sandbox.transfer t where t.id = transfer_id;
  if found then
    if (known.from_account, known.to_account, known.amount, known.kind, known.ref)
      is distinct from (from_account, to_account, amount, kind, ref) then
      perform private.refuse('key_reused');
    end if;
    return (select e.balance_after from sandbox.entry e where e.account_id = known.from_account and e.seq = known.from_seq);
  end if;

  for leg in 1..2 loop
    if (leg = 1) = (from_account < to_account) then
      update sandbox.account a set balance = a.balance - amount, seq = a.seq + 1
      where a.id = from_account and not a.is_summing
        and (a.min_balance is null or a.balance - a.held - amount >= a.min_balance)
        and (a.state = 'active' or not is_new)
      returning a.balance, a.seq, a.asset into giver_balance, giver_seq, giver_asset;
      if not found then
        select a.asset into giver_asset from sandbox.account a where a.id = from_account and a.is_summing;
        if not found then
          if exists (select from sandbox.transfer t where t.id = transfer_id) then
            perform private.refuse('ask_again');
          end if;
          perform sandbox.refuse_posting(from_account, to_account, amount, is_new);
        end if;
      end if;
    else
      update sandbox.account a set balance = a.balance + amount, seq = a.seq + 1
      where a.id = to_account and not a.is_summing and (a.state <> 'frozen' or not is_new)
      returning a.balance, a.seq, a.asset into taker_balance, taker_seq, taker_asset;
      if not found then
        select a.asset into taker_asset from sandbox.account a where a.id = to_account and a.is_summing;
        if not found then
          if exists (select from sandbox.transfer t where t.id = transfer_id) then
            perform private.refuse('ask_again');
          end if;
          perform sandbox.refuse_posting(from_account, to_account, amount, is_new);
        end if;
      end if;
    end if;
  end loop;
  if giver_asset <> taker_asset then
    perform sandbox.refuse_posting(from_account, to_account, amount, is_new);
  end if;

  moment := clock_timestamp();
  if giver_seq is not null and taker_seq is not null then
    with t as (
      insert into sandbox.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
      values (transfer_id, moment, moment, from_account, to_account, giver_seq, taker_seq, amount, kind, ref)
    )
    insert into sandbox.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (from_account, giver_seq, transfer_id, -amount, giver_balance, moment),
    (to_account, taker_seq, transfer_id, amount, taker_balance, moment);
    return giver_balance;
  end if;
  insert into sandbox.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
  values (transfer_id, moment, moment, from_account, to_account, giver_seq, taker_seq, amount, kind, ref);
  if giver_seq is not null then
    insert into sandbox.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (from_account, giver_seq, transfer_id, -amount, giver_balance, moment);
  else
    insert into sandbox.sum_entry (account_id, batch, amount, transfer_count, at) values (from_account, transfer_id, -amount, 1, moment);
  end if;
  if taker_seq is not null then
    insert into sandbox.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (to_account, taker_seq, transfer_id, amount, taker_balance, moment);
  else
    insert into sandbox.sum_entry (account_id, batch, amount, transfer_count, at) values (to_account, transfer_id, amount, 1, moment);
  end if;
  return giver_balance;
end $$;
comment on function sandbox.post(uuid, bigint, bigint, bigint, text, text) is
'Moves amount once per transfer_id and returns the giving account''s balance after it (null on a summing account). '
'Refuses overdrafts, unknown accounts, other assets, account states, reused ids.';

create type sandbox.posted as (
  n integer, balance_after bigint, is_replay boolean, refusal text, facts jsonb
);

-- Exactly what post would do with each in turn, decided in memory between one locking read and one set of writes.
create function sandbox.post_many(
  ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[],
  refs text[] default null, groups integer[] default null, passes_states boolean default false
) returns setof sandbox.posted
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  total integer := cardinality(ids);
  -- the locked balance accounts, in id order
  locked bigint[]; balances bigint[]; helds bigint[]; floors bigint[]; seqs bigint[]; states text[]; assets text[];
  seqs_before bigint[];
  -- per item: where its accounts are among the locked (null: summing or unknown)
  giver_at integer[]; taker_at integer[]; firsts integer[];
  known_from bigint[]; known_to bigint[]; known_amount bigint[]; known_kind text[]; known_ref text[]; known_after bigint[];
  -- per item: what became of it
  refusals text[] := array_fill(null::text, array[greatest(total, 0)]);
  facts jsonb[] := array_fill(null::jsonb, array[greatest(total, 0)]);
  replays boolean[] := array_fill(false, array[greatest(total, 0)]);
  written boolean[] := array_fill(false, array[greatest(total, 0)]);
  giver_seqs bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  taker_seqs bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  giver_afters bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  taker_afters bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  moment timestamptz;
  giver_asset text; taker_asset text;
  summing bigint; summing_asset text;  -- the last summing account that was met: most batches have one
  g integer; t integer; first_of_group integer; i integer; j integer;
  is_new boolean; has_written boolean := false;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  -- counted from one and flat, all of them: they are read here by place and there by unnest
  if ids is null or total not between 1 and 5000 or array_dims(ids) <> format('[1:%s]', total)
    or array_dims(from_accounts) is distinct from array_dims(ids) or array_dims(to_accounts) is distinct from array_dims(ids)
    or array_dims(amounts) is distinct from array_dims(ids) or array_dims(kinds) is distinct from array_dims(ids)
    or (refs is not null and array_dims(refs) is distinct from array_dims(ids))
    or (groups is not null and array_dims(groups) is distinct from array_dims(ids))
  then
    perform private.refuse('batch_malformed');
  end if;

  select array_agg(a.id), array_agg(a.balance), array_agg(a.held), array_agg(a.min_balance), array_agg(a.seq), array_agg(a.state),
    array_agg(a.asset)
  into locked, balances, helds, floors, seqs, states, assets
  from (
    select * from sandbox.account c
    where c.id = any(from_accounts || to_accounts) and not c.is_summing order by c.id for no key update
  ) a;
  seqs_before := seqs;

  -- A new statement: ids that somebody committed while we waited for the locks are seen.
  select
    array_agg(gl.at order by i.n), array_agg(tl.at order by i.n), array_agg(i.first order by i.n),
    array_agg(k.from_account order by i.n), array_agg(k.to_account order by i.n), array_agg(k.amount order by i.n),
    array_agg(k.kind order by i.n), array_agg(k.ref order by i.n), array_agg(e.balance_after order by i.n)
  into giver_at, taker_at, firsts, known_from, known_to, known_amount, known_kind, known_ref, known_after
  from (
    select u.*, min(u.n) over (partition by u.id) as first
    from unnest(ids, from_accounts, to_accounts) with ordinality u (id, from_account, to_account, n)
  ) i
  left join unnest(locked) with ordinality gl (id, at) on gl.id = i.from_account
  left join unnest(locked) with ordinality tl (id, at) on tl.id = i.to_account
  left join sandbox.transfer k on k.id = i.id
  left join sandbox.entry e on e.account_id = k.from_account and e.seq = k.from_seq;

  i := 0;
  while i < total loop
    i := i + 1;
    if first_of_group is null or groups is null or groups[i] is null or groups[i] is distinct from groups[i - 1] then
      first_of_group := i;
    end if;
    g := giver_at[i];
    t := taker_at[i];
    giver_asset := assets[g];
    taker_asset := assets[t];
    if g is null then
      if summing is distinct from from_accounts[i] then
        summing := from_accounts[i];
        select a.asset into summing_asset from sandbox.account a where a.id = summing and a.is_summing;
      end if;
      giver_asset := summing_asset;
    end if;
    if t is null then
      if summing is distinct from to_accounts[i] then
        summing := to_accounts[i];
        select a.asset into summing_asset from sandbox.account a where a.id = summing and a.is_summing;
      end if;
      taker_asset := summing_asset;
    end if;
    is_new := not passes_states and kinds[i] in ('payment', 'redemption', 'buy', 'withdrawal', 'conversion');  -- as in sandbox.post
    if amounts[i] is null or amounts[i] not between 1 and 1000000000000000 then
      refusals[i] := 'amount_invalid';
    elsif ids[i] is null or from_accounts[i] is null or to_accounts[i] is null or kinds[i] is null or from_accounts[i] = to_accounts[i] then
      refusals[i] := 'transfer_malformed';
    elsif groups is not null and groups[i] is not null and (known_kind[i] is not null or firsts[i] < i) <> replays[first_of_group]
      and i > first_of_group
    then
      refusals[i] := 'key_reused';  -- a group is known whole or not at all: this is another one
    elsif known_kind[i] is not null then
      replays[i] := true;
      if (known_from[i], known_to[i], known_amount[i], known_kind[i], known_ref[i])
        is distinct from (from_accounts[i], to_accounts[i], amounts[i], kinds[i], refs[i]) then
        refusals[i] := 'key_reused';
      end if;
      giver_afters[i] := known_after[i];
    elsif firsts[i] < i then
      -- the same id again in this batch: what the first became
      replays[i] := true;
      if (from_accounts[firsts[i]], to_accounts[firsts[i]], amounts[firsts[i]], kinds[firsts[i]], refs[firsts[i]])
        is distinct from (from_accounts[i], to_accounts[i], amounts[i], kinds[i], refs[i]) then
        refusals[i] := 'key_reused';
      else
        refusals[i] := refusals[firsts[i]];
        facts[i] := facts[firsts[i]];
        giver_afters[i] := giver_afters[firsts[i]];
      end if;
    elsif giver_asset is null or taker_asset is null then
      refusals[i] := 'account_unknown';
    elsif giver_asset <> taker_asset then
      refusals[i] := 'asset_mismatch';
    elsif is_new and g is not null and states[g] <> 'active' then
      refusals[i] := 'account_unavailable';
      facts[i] := jsonb_build_object('whose', 'yours', 'state', states[g]);
    elsif is_new and t is not null and states[t] = 'frozen' then
      refusals[i] := 'account_unavailable';
      facts[i] := '{"whose": "theirs"}';
    elsif g is not null and balances[g] - helds[g] - amounts[i] < floors[g] then
      refusals[i] := 'insufficient_funds';
      facts[i] := jsonb_build_object('available_cents', balances[g] - helds[g] - floors[g], 'amount_cents', amounts[i]);
    else
      written[i] := true;
      if g is not null then
        balances[g] := balances[g] - amounts[i];
        seqs[g] := seqs[g] + 1;
        giver_seqs[i] := seqs[g];
        giver_afters[i] := balances[g];
      end if;
      if t is not null then
        balances[t] := balances[t] + amounts[i];
        seqs[t] := seqs[t] + 1;
        taker_seqs[i] := seqs[t];
        taker_afters[i] := balances[t];
      end if;
    end if;

    if refusals[i] is not null and groups is not null and groups[i] is not null then
      -- all of a group or none: take back what was decided before this one, and pass over what comes after
      for j in reverse i - 1..first_of_group loop
        if written[j] then
          written[j] := false;
          if giver_at[j] is not null then
            balances[giver_at[j]] := balances[giver_at[j]] + amounts[j];
            seqs[giver_at[j]] := seqs[giver_at[j]] - 1;
          end if;
          if taker_at[j] is not null then
            balances[taker_at[j]] := balances[taker_at[j]] - amounts[j];
            seqs[taker_at[j]] := seqs[taker_at[j]] - 1;
          end if;
        end if;
        if refusals[j] is null then
          refusals[j] := 'linked_refused';
        end if;
      end loop;
      while i < total and groups[i + 1] is not distinct from groups[i] loop
        i := i + 1;
        refusals[i] := 'linked_refused';
      end loop;
    end if;
  end loop;

  has_written := true = any(written);
  if has_written then
    moment := clock_timestamp();
    update sandbox.account a set balance = v.balance, seq = v.seq
    from unnest(locked, balances, seqs, seqs_before) v (id, balance, seq, seq_before)
    where a.id = v.id and v.seq <> v.seq_before;
    insert into sandbox.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
    select w.id, moment, moment, w.from_account, w.to_account, w.from_seq, w.to_seq, w.amount, w.kind, w.ref
    from unnest(ids, from_accounts, to_accounts, giver_seqs, taker_seqs, amounts, kinds, refs, written)
      w (id, from_account, to_account, from_seq, to_seq, amount, kind, ref, written)
    where w.written order by w.id;  -- two batches with the same ids wait for each other one way only
    insert into sandbox.entry (account_id, seq, transfer_id, amount, balance_after, at)
    select w.from_account, w.from_seq, w.id, -w.amount, w.giver_after, moment
    from unnest(ids, from_accounts, giver_seqs, amounts, giver_afters, written) w (id, from_account, from_seq, amount, giver_after, written)
    where w.written and w.from_seq is not null
    union all
    select w.to_account, w.to_seq, w.id, w.amount, w.taker_after, moment
    from unnest(ids, to_accounts, taker_seqs, amounts, taker_afters, written) w (id, to_account, to_seq, amount, taker_after, written)
    where w.written and w.to_seq is not null;
    insert into sandbox.sum_entry (account_id, batch, amount, transfer_count, at)
    select s.account_id, ids[min(s.n)], sum(s.amount), count(*), moment
    from (
      select w.from_account as account_id, -w.amount as amount, w.n
      from unnest(from_accounts, giver_at, amounts, written) with ordinality w (from_account, at, amount, written, n)
      where w.written and w.at is null
      union all
      select w.to_account, w.amount, w.n
      from unnest(to_accounts, taker_at, amounts, written) with ordinality w (to_account, at, amount, written, n)
      where w.written and w.at is null
    ) s group by s.account_id;
  end if;
  return query
    select u.n::integer, case when u.refusal is null then u.balance_after end, u.is_replay, u.refusal, u.facts
    from unnest(giver_afters, replays, refusals, facts) with ordinality u (balance_after, is_replay, refusal, facts, n);
end $$;
comment on function sandbox.post_many(uuid[], bigint[], bigint[], bigint[], text[], text[], integer[], boolean) is
'Posts up to 5000 transfers in turn, each as post would; a refusal is its own item''s alone. '
'Neighbours with the same group are posted all or not at all. passes_states: what was begun before is not stopped by an account''s state.';

create domain sandbox.hold_state as text check (value in ('open', 'captured', 'released', 'expired'));

create table sandbox.hold (
  id uuid primary key,
  account_id bigint not null,
  amount bigint not null,
  captured bigint not null default 0,
  kind text not null,
  ref text,
  state sandbox.hold_state not null default 'open',
  version integer not null default 1,
  opened_at timestamptz not null,
  expires_at timestamptz,
  closed_at timestamptz,
  constraint amount_is_positive check (amount > 0),
  constraint captured_is_within check (captured between 0 and amount),
  constraint closed_has_a_time check ((state = 'open') = (closed_at is null))
);
comment on table sandbox.hold is 'Money set aside; what of an open hold is not captured counts in its account''s `held`. It closes once.';
alter table sandbox.hold enable row level security;

create table sandbox.capture (
  id uuid primary key,
  hold_id uuid not null references sandbox.hold (id),
  amount bigint not null,
  is_final boolean not null,
  leg_count integer not null,
  at timestamptz not null,
  constraint amount_is_positive check (amount > 0)
);
comment on table sandbox.capture is 'Each capture of a hold; its transfers are sandbox.leg_id(id, 1) to (id, leg_count).';

create index capture_by_hold on sandbox.capture (hold_id);
alter table sandbox.capture enable row level security;

create function sandbox.hold_moves_forward() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.state <> 'open' or new.captured < old.captured or new.version <> old.version + 1
    or (new.id, new.account_id, new.amount, new.kind, new.ref, new.opened_at, new.expires_at)
      is distinct from (old.id, old.account_id, old.amount, old.kind, old.ref, old.opened_at, old.expires_at)
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "sandbox.hold"}';
  end if;
  return new;
end $$;
comment on function sandbox.hold_moves_forward() is 'A closed hold stays as it is, and nothing captured is given back.';
create trigger hold_moves_forward before update on sandbox.hold for each row execute function sandbox.hold_moves_forward();
create trigger hold_is_never_deleted before delete on sandbox.hold for each row execute function charges.append_only();
create trigger hold_is_never_truncated before truncate on sandbox.hold for each statement execute function charges.append_only();
create trigger capture_is_append_only before update or delete on sandbox.capture for each row execute function charges.append_only();
create trigger capture_is_never_truncated before truncate on sandbox.capture for each statement execute function charges.append_only();

create function sandbox.hold_json(hold_id uuid) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (select jsonb_build_object(
    'id', h.id, 'account_id', h.account_id, 'amount', h.amount, 'captured', h.captured, 'state', h.state, 'kind', h.kind,
    'version', h.version, 'expires_at', h.expires_at, 'owner_id', a.owner)
  from sandbox.hold h join sandbox.account a on a.id = h.account_id where h.id = hold_json.hold_id);
end $$;

create function sandbox.authorize(
  hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamptz default null, ref text default null
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  a sandbox.account;
  h sandbox.hold;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if amount is null or amount not between 1 and 1000000000000000 then
    perform private.refuse('amount_invalid', jsonb_build_object('amount', amount));
  end if;
  if hold_id is null or account_id is null or kind is null then
    perform private.refuse('transfer_malformed');
  end if;
  select * into a from sandbox.account c where c.id = account_id and not c.is_summing for no key update;
  if not found then
    perform private.refuse('account_unknown');
  end if;
  select * into h from sandbox.hold o where o.id = hold_id;
  if found then
    if (h.account_id, h.amount, h.kind, h.expires_at, h.ref) is distinct from (account_id, amount, kind, expires_at, ref) then
      perform private.refuse('key_reused');
    end if;
    return sandbox.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if a.state <> 'active' then
    perform private.refuse('account_unavailable', jsonb_build_object('whose', 'yours', 'state', a.state));
  end if;
  if expires_at <= clock_timestamp() then
    perform private.refuse('hold_expired');
  end if;
  if a.balance - a.held - amount < a.min_balance then
    perform private.refuse('insufficient_funds', jsonb_build_object(
      'available', a.balance - a.held - a.min_balance, 'amount', amount, 'asset', a.asset));
  end if;
  update sandbox.account c set held = c.held + amount where c.id = account_id;
  insert into sandbox.hold (id, account_id, amount, kind, ref, opened_at, expires_at)
  values (hold_id, account_id, amount, kind, ref, clock_timestamp(), expires_at);
  return sandbox.hold_json(hold_id) || '{"is_replay": false}';
end $$;
comment on function sandbox.authorize(uuid, bigint, bigint, text, timestamptz, text) is
'Sets amount of an account aside once per hold_id. Refuses overdrafts, accounts that are not active, reused ids.';

create function sandbox.capture_hold(
  capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean default true
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  legs integer := cardinality(to_accounts);
  giver bigint;
  wanted bigint;
  freed bigint;
  h sandbox.hold;
  known sandbox.capture;
  refused sandbox.posted;
  leg_ids uuid[];
  asked_final boolean := is_final;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if capture_id is null or hold_id is null or kind is null or is_final is null or legs is null or legs not between 1 and 255
    or array_dims(to_accounts) <> format('[1:%s]', legs) or array_dims(amounts) is distinct from array_dims(to_accounts)
    or array_position(to_accounts, null) is not null
  then
    perform private.refuse('transfer_malformed');
  end if;
  if exists (select from unnest(amounts) u (amount) where u.amount is null or u.amount not between 1 and 1000000000000000) then
    perform private.refuse('amount_invalid');
  end if;
  wanted := (select sum(u.amount) from unnest(amounts) u (amount));
  leg_ids := (select array_agg(sandbox.leg_id(capture_id, n) order by n) from generate_series(1, legs) n);
  -- which account a hold is on never changes, so it may be read before anything is locked
  select o.account_id into giver from sandbox.hold o where o.id = hold_id;
  if not found then
    perform private.refuse('not_found', '{"what": "hold"}');
  end if;
  perform from sandbox.account a where a.id = any(to_accounts || giver) and not a.is_summing order by a.id for no key update;
  select * into h from sandbox.hold o where o.id = hold_id for no key update;

  select * into known from sandbox.capture c where c.id = capture_id;
  if found then
    if (known.hold_id, known.amount, known.is_final, known.leg_count) is distinct from (hold_id, wanted, asked_final, legs)
      or exists (
        select from unnest(leg_ids, to_accounts, amounts) l (id, to_account, amount)
        left join sandbox.transfer t on t.id = l.id
        where (t.from_account, t.to_account, t.amount, t.kind) is distinct from (giver, l.to_account, l.amount, kind)
      )
    then
      perform private.refuse('key_reused');
    end if;
    return sandbox.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if h.state = 'expired' or h.state = 'open' and h.expires_at <= clock_timestamp() then
    perform private.refuse('hold_expired', jsonb_build_object('expires_at', h.expires_at));
  end if;
  if h.state <> 'open' then
    perform private.refuse('hold_closed', jsonb_build_object('state', h.state));
  end if;
  if wanted > h.amount - h.captured then
    perform private.refuse('capture_exceeds_hold', jsonb_build_object('left', h.amount - h.captured, 'amount', wanted));
  end if;

  is_final := is_final or wanted = h.amount - h.captured;
  freed := case when is_final then h.amount - h.captured else wanted end;
  update sandbox.account a set held = a.held - freed where a.id = giver;
  select * into refused from sandbox.post_many(
    leg_ids, array_fill(giver, array[legs]), to_accounts, amounts, array_fill(kind, array[legs]), array_fill(h.ref, array[legs]),
    array_fill(1, array[legs]), true) p
  where p.is_replay or (p.refusal is not null and p.refusal <> 'linked_refused') limit 1;
  if found then
    -- a leg that was posted before is another capture's: this one would move nothing
    perform private.refuse(coalesce(refused.refusal, 'key_reused'), coalesce(refused.facts, '{}'));
  end if;
  insert into sandbox.capture (id, hold_id, amount, is_final, leg_count, at)
  values (capture_id, hold_id, wanted, asked_final, legs, clock_timestamp());
  update sandbox.hold o set
    captured = o.captured + wanted, version = o.version + 1,
    state = case when is_final then 'captured' else 'open' end,
    closed_at = case when is_final then clock_timestamp() end
  where o.id = hold_id;
  return sandbox.hold_json(hold_id) || '{"is_replay": false}';
end $$;
comment on function sandbox.capture_hold(uuid, uuid, bigint[], bigint[], text, boolean) is
'Moves held money to one or several accounts once per capture_id, all legs or none. A final capture releases the rest of the hold.';

create function sandbox.close_hold(hold_id uuid, outcome text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  giver bigint;
  h sandbox.hold;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if outcome is null or outcome not in ('released', 'expired') then
    perform private.refuse('transfer_malformed');
  end if;
  select o.account_id into giver from sandbox.hold o where o.id = hold_id;
  if not found then
    perform private.refuse('not_found', '{"what": "hold"}');
  end if;
  perform from sandbox.account a where a.id = giver for no key update;
  select * into h from sandbox.hold o where o.id = hold_id for no key update;
  if h.state = outcome or (h.state, outcome) = ('expired', 'released') then
    return sandbox.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if h.state <> 'open' then
    perform private.refuse('hold_closed', jsonb_build_object('state', h.state));
  end if;
  if outcome = 'expired' and (h.expires_at is null or h.expires_at > clock_timestamp()) then
    perform private.refuse('hold_not_expired');
  end if;
  update sandbox.account a set held = a.held - (h.amount - h.captured) where a.id = giver;
  update sandbox.hold o set state = outcome, version = o.version + 1, closed_at = clock_timestamp() where o.id = hold_id;
  return sandbox.hold_json(hold_id) || '{"is_replay": false}';
end $$;

create function sandbox.release(hold_id uuid) returns jsonb
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select sandbox.close_hold(release.hold_id, 'released')
$$;
comment on function sandbox.release(uuid) is 'Gives what is left of an open hold back to its account. Again: the same answer.';

-- Its look at ids is planned while the tables are small, as a scan of all transfers, and the plan lives as long as its
-- connection, or until the tables are analysed: each capture would read every transfer there is. It goes by the index.
alter function sandbox.post_many(
  uuid[], bigint[], bigint[], bigint[], text[], text[], integer[], boolean
) set enable_seqscan = off;
