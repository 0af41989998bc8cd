-- Posting: the functions that move money.
-- Why      One way in for each transfer, so that every rule holds on every path.
-- Units    amount: smallest unit of the accounts' asset, 1 to 10^15.
-- Locks    Accounts in id order; a summing account is never locked. READ COMMITTED only: after a lock was waited
--          for, the next statement sees what the other did.
-- Callers  Definer functions of other schemas, owned as these are. No login or API role may execute them.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function ledger.leg_id(group_id uuid, leg integer) returns uuid
language sql immutable strict set search_path = pg_catalog, pg_temp as $$
  select (left(group_id::text, 34) || lpad(to_hex(leg), 2, '0'))::uuid
$$;
comment on function ledger.leg_id(uuid, integer) is 'The id of one transfer of a group: the group''s with the leg''s number (0 to 255) in the last byte.';

-- Why an account could not give or take, said by name. Called when an update found no row.
create function ledger.refuse_posting(from_account bigint, to_account bigint, amount bigint, is_new boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  giver ledger.account;
  taker ledger.account;
begin
  select * into giver from ledger.account a where a.id = from_account;
  select * into taker from ledger.account a where a.id = to_account;
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
create function ledger.post(
  transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text default null
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  -- New business is refused by an account that is not active; what was begun before (captures, returns,
  -- repayments, loads under way) always passes.
  is_new boolean := kind in ('payment', 'redemption', 'buy', 'withdrawal', 'conversion');
  known ledger.transfer;
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

  select * into known from ledger.transfer t where t.id = transfer_id;
  if found then
    if (known.from_account, known.to_account, known.amount, known.kind, known.ref)
      is distinct from (from_account, to_account, amount, kind, ref) then
      perform private.refuse('key_reused');
    end if;
    return (select e.balance_after from ledger.entry e where e.account_id = known.from_account and e.seq = known.from_seq);
  end if;

  for leg in 1..2 loop
    if (leg = 1) = (from_account < to_account) then
      update ledger.account a set balance = a.balance - amount, seq = a.seq + 1
      where a.id = from_account and not a.is_summing
        and (a.min_balance is null or a.balance - a.held - amount >= a.min_balance)
        and (a.state = 'active' or not is_new)
      returning a.balance, a.seq, a.asset into giver_balance, giver_seq, giver_asset;
      if not found then
        select a.asset into giver_asset from ledger.account a where a.id = from_account and a.is_summing;
        if not found then
          if exists (select from ledger.transfer t where t.id = transfer_id) then
            perform private.refuse('ask_again');
          end if;
          perform ledger.refuse_posting(from_account, to_account, amount, is_new);
        end if;
      end if;
    else
      update ledger.account a set balance = a.balance + amount, seq = a.seq + 1
      where a.id = to_account and not a.is_summing and (a.state <> 'frozen' or not is_new)
      returning a.balance, a.seq, a.asset into taker_balance, taker_seq, taker_asset;
      if not found then
        select a.asset into taker_asset from ledger.account a where a.id = to_account and a.is_summing;
        if not found then
          if exists (select from ledger.transfer t where t.id = transfer_id) then
            perform private.refuse('ask_again');
          end if;
          perform ledger.refuse_posting(from_account, to_account, amount, is_new);
        end if;
      end if;
    end if;
  end loop;
  if giver_asset <> taker_asset then
    perform ledger.refuse_posting(from_account, to_account, amount, is_new);
  end if;

  moment := clock_timestamp();
  if giver_seq is not null and taker_seq is not null then
    with t as (
      insert into ledger.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
      values (transfer_id, moment, moment, from_account, to_account, giver_seq, taker_seq, amount, kind, ref)
    )
    insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (from_account, giver_seq, transfer_id, -amount, giver_balance, moment),
    (to_account, taker_seq, transfer_id, amount, taker_balance, moment);
    return giver_balance;
  end if;
  insert into ledger.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
  values (transfer_id, moment, moment, from_account, to_account, giver_seq, taker_seq, amount, kind, ref);
  if giver_seq is not null then
    insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (from_account, giver_seq, transfer_id, -amount, giver_balance, moment);
  else
    insert into ledger.sum_entry (account_id, batch, amount, transfer_count, at) values (from_account, transfer_id, -amount, 1, moment);
  end if;
  if taker_seq is not null then
    insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (to_account, taker_seq, transfer_id, amount, taker_balance, moment);
  else
    insert into ledger.sum_entry (account_id, batch, amount, transfer_count, at) values (to_account, transfer_id, amount, 1, moment);
  end if;
  return giver_balance;
end $$;
comment on function ledger.post(uuid, bigint, bigint, bigint, text, text) is
'Moves amount once per transfer_id and returns the giving account''s balance after it (null on a summing account). '
'Refuses overdrafts, unknown accounts, other assets, account states, reused ids.';

create type ledger.posted as (
  n integer, balance_after bigint, is_replay boolean, refusal text, facts jsonb
);

-- Exactly what post would do with each in turn, decided in memory between one locking read and one set of writes.
create function ledger.post_many(
  ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[],
  refs text[] default null, groups integer[] default null, passes_states boolean default false
) returns setof ledger.posted
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
    select * from ledger.account c
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
  left join ledger.transfer k on k.id = i.id
  left join ledger.entry e on e.account_id = k.from_account and e.seq = k.from_seq;

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
        select a.asset into summing_asset from ledger.account a where a.id = summing and a.is_summing;
      end if;
      giver_asset := summing_asset;
    end if;
    if t is null then
      if summing is distinct from to_accounts[i] then
        summing := to_accounts[i];
        select a.asset into summing_asset from ledger.account a where a.id = summing and a.is_summing;
      end if;
      taker_asset := summing_asset;
    end if;
    is_new := not passes_states and kinds[i] in ('payment', 'redemption', 'buy', 'withdrawal', 'conversion');  -- as in ledger.post
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
    update ledger.account a set balance = v.balance, seq = v.seq
    from unnest(locked, balances, seqs, seqs_before) v (id, balance, seq, seq_before)
    where a.id = v.id and v.seq <> v.seq_before;
    insert into ledger.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
    select w.id, moment, moment, w.from_account, w.to_account, w.from_seq, w.to_seq, w.amount, w.kind, w.ref
    from unnest(ids, from_accounts, to_accounts, giver_seqs, taker_seqs, amounts, kinds, refs, written)
      w (id, from_account, to_account, from_seq, to_seq, amount, kind, ref, written)
    where w.written order by w.id;  -- two batches with the same ids wait for each other one way only
    insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
    select w.from_account, w.from_seq, w.id, -w.amount, w.giver_after, moment
    from unnest(ids, from_accounts, giver_seqs, amounts, giver_afters, written) w (id, from_account, from_seq, amount, giver_after, written)
    where w.written and w.from_seq is not null
    union all
    select w.to_account, w.to_seq, w.id, w.amount, w.taker_after, moment
    from unnest(ids, to_accounts, taker_seqs, amounts, taker_afters, written) w (id, to_account, to_seq, amount, taker_after, written)
    where w.written and w.to_seq is not null;
    insert into ledger.sum_entry (account_id, batch, amount, transfer_count, at)
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
comment on function ledger.post_many(uuid[], bigint[], bigint[], bigint[], text[], text[], integer[], boolean) is
'Posts up to 5000 transfers in turn, each as post would; a refusal is its own item''s alone. '
'Neighbours with the same group are posted all or not at all. passes_states: what was begun before is not stopped by an account''s state.';
