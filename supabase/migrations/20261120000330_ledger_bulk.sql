-- Bulk: many transfers of one kind in one statement each.
-- Why      A week's rewards or a morning's purchases touch every wallet: set-based, they cost a few rows each.
-- Units    amounts: smallest unit of the asset. A chunk: 1 to 20000 accounts, ids 0 to 65535 within the chunk's.
-- Locks    The receiving accounts in id order, then written once each.
-- Callers  Definer functions of other schemas, and jobs as service_role through them.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function ledger.chunk_id(chunk uuid, n integer) returns uuid
language sql immutable strict set search_path = pg_catalog, pg_temp as $$
  select (left(chunk::text, 32) || lpad(to_hex(n), 4, '0'))::uuid
$$;
comment on function ledger.chunk_id(uuid, integer) is 'The id of transfer n (0 to 65535) of a chunk: neighbours in the index, as UUIDv7 are.';

-- From a summing account, which cannot be refused for want of funds here: its owner decides on the total before the
-- first chunk. All of a chunk or nothing, once per chunk id.
create function ledger.distribute(
  chunk uuid, from_account bigint, to_accounts bigint[], amounts bigint[], kind text, ref text default null
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  total integer := cardinality(to_accounts);
  moment timestamptz;
  wanted bigint;
  asset text;
  posted integer;
  known record;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if chunk is null or kind is null or total is null or total not between 1 and 20000
    or array_dims(to_accounts) <> format('[1:%s]', total) or array_dims(amounts) is distinct from array_dims(to_accounts)
  then
    perform private.refuse('batch_malformed');
  end if;
  if exists (select from unnest(amounts) u (amount) where u.amount is null or u.amount not between 1 and 1000000000000000)
    or (select sum(u.amount) from unnest(amounts) u (amount)) > 1000000000000000
  then
    perform private.refuse('amount_invalid');
  end if;
  select a.asset into asset from ledger.account a where a.id = from_account and a.is_summing;
  if not found then
    perform private.refuse('account_unknown');
  end if;
  if (select count(*) from (
    select from ledger.account a where a.id = any(to_accounts) and not a.is_summing and a.asset = asset
    order by a.id for no key update
  ) l) <> total then
    perform private.refuse('account_unknown');  -- one is missing, of another asset, summing, or named twice
  end if;
  wanted := (select sum(u.amount) from unnest(amounts) u (amount));

  select s.amount, s.transfer_count into known from ledger.transfer t
  join ledger.sum_entry s on s.account_id = t.from_account and s.xid = t.xid and s.batch = ledger.chunk_id(chunk, 0)
  where t.id = ledger.chunk_id(chunk, 0);
  if found then
    if (known.amount, known.transfer_count) is distinct from (-wanted, total) or exists (
      select from unnest(to_accounts, amounts) with ordinality u (id, amount, n)
      left join ledger.transfer t on t.id = ledger.chunk_id(chunk, u.n::integer - 1)
      where (t.from_account, t.to_account, t.amount, t.kind, t.ref) is distinct from (from_account, u.id, u.amount, kind, ref)
    ) then
      perform private.refuse('key_reused');
    end if;
    return wanted;
  end if;
  if exists (select from ledger.transfer t where t.id between ledger.chunk_id(chunk, 0) and ledger.chunk_id(chunk, 65535)) then
    perform private.refuse('key_reused');  -- something else has one of the ids
  end if;

  moment := clock_timestamp();
  with due as (
    select ledger.chunk_id(chunk, u.n::integer - 1) as id, u.account_id, u.amount
    from unnest(to_accounts, amounts) with ordinality u (account_id, amount, n)
  ), moved as (
    update ledger.account a set balance = a.balance + d.amount, seq = a.seq + 1 from due d where a.id = d.account_id
    returning d.id, a.id as account_id, d.amount, a.seq, a.balance
  ), written as (
    insert into ledger.transfer (id, at, effective_at, from_account, to_account, to_seq, amount, kind, ref)
    select m.id, moment, moment, from_account, m.account_id, m.seq, m.amount, kind, ref from moved m
    order by m.id  -- two chunks with the same ids wait for each other one way only
  ), entered as (
    insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
    select m.account_id, m.seq, m.id, m.amount, m.balance, moment from moved m
    returning 1
  )
  select count(*) into posted from entered;
  insert into ledger.sum_entry (account_id, batch, amount, transfer_count, at)
  values (from_account, ledger.chunk_id(chunk, 0), -wanted, posted, moment);
  return wanted;
end $$;
comment on function ledger.distribute(uuid, bigint, bigint[], bigint[], text, text) is
'Pays each account its amount from one summing account, all or nothing, once per chunk; returns the total. The pool gets one summed entry.';

-- Into a summing account from many: who cannot pay is left out and said, the others pay.
create function ledger.collect(
  chunk uuid, from_accounts bigint[], amounts bigint[], to_account bigint, kind text, ref text default null
) returns table (account_id bigint, amount bigint, refusal text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  total integer := cardinality(from_accounts);
  is_new boolean := kind in ('payment', 'redemption', 'buy', 'withdrawal', 'conversion');  -- as in ledger.post
  moment timestamptz;
  asset text;
  paid bigint[];
  wanted bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if chunk is null or kind is null or total is null or total not between 1 and 20000
    or array_dims(from_accounts) <> format('[1:%s]', total) or array_dims(amounts) is distinct from array_dims(from_accounts)
  then
    perform private.refuse('batch_malformed');
  end if;
  if exists (select from unnest(amounts) u (amount) where u.amount is null or u.amount not between 1 and 1000000000000000) then
    perform private.refuse('amount_invalid');
  end if;
  select a.asset into asset from ledger.account a where a.id = to_account and a.is_summing;
  if not found then
    perform private.refuse('account_unknown');
  end if;
  if (select count(*) from (
    select from ledger.account a where a.id = any(from_accounts) and not a.is_summing and a.asset = asset
    order by a.id for no key update
  ) l) <> total then
    perform private.refuse('account_unknown');  -- one is missing, of another asset, summing, or named twice
  end if;

  -- the ids of a chunk number its accounts, whoever pays, so that a repetition finds the same ones
  if exists (select from ledger.transfer t where t.id between ledger.chunk_id(chunk, 0) and ledger.chunk_id(chunk, 65535)) then
    if exists (
      select from ledger.transfer t
      left join unnest(from_accounts, amounts) with ordinality u (id, amount, n) on t.id = ledger.chunk_id(chunk, u.n::integer - 1)
      where t.id between ledger.chunk_id(chunk, 0) and ledger.chunk_id(chunk, 65535)
        and (t.from_account, t.to_account, t.amount, t.kind, t.ref) is distinct from (u.id, to_account, u.amount, kind, ref)
    ) then
      perform private.refuse('key_reused');
    end if;
  else
    moment := clock_timestamp();
    with due as (
      select ledger.chunk_id(chunk, u.n::integer - 1) as id, u.account_id, u.amount
      from unnest(from_accounts, amounts) with ordinality u (account_id, amount, n)
    ), moved as (
      update ledger.account a set balance = a.balance - d.amount, seq = a.seq + 1 from due d
      where a.id = d.account_id and (a.min_balance is null or a.balance - a.held - d.amount >= a.min_balance)
        and (a.state = 'active' or not is_new)
      returning d.id, a.id as account_id, d.amount, a.seq, a.balance
    ), written as (
      insert into ledger.transfer (id, at, effective_at, from_account, to_account, from_seq, amount, kind, ref)
      select m.id, moment, moment, m.account_id, to_account, m.seq, m.amount, kind, ref from moved m
      order by m.id  -- as in distribute
    ), entered as (
      insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
      select m.account_id, m.seq, m.id, -m.amount, m.balance, moment from moved m
      returning entry.account_id, entry.amount
    )
    select array_agg(e.account_id), -sum(e.amount) into paid, wanted from entered e;
    if paid is not null then
      insert into ledger.sum_entry (account_id, batch, amount, transfer_count, at)
      select to_account, min(t.id::text)::uuid, wanted, cardinality(paid), moment
      from ledger.transfer t where t.id between ledger.chunk_id(chunk, 0) and ledger.chunk_id(chunk, 65535);
    end if;
  end if;
  return query
    select u.id, u.amount, case
      when t.id is not null then null
      when is_new and a.state <> 'active' then 'account_unavailable'
      else 'insufficient_funds' end
    from unnest(from_accounts, amounts) with ordinality u (id, amount, n)
    left join ledger.transfer t on t.id = ledger.chunk_id(chunk, u.n::integer - 1)
    join ledger.account a on a.id = u.id
    order by u.n;
end $$;
comment on function ledger.collect(uuid, bigint[], bigint[], bigint, text, text) is
'Takes each account''s amount into one summing account, once per chunk; who cannot pay is left out, with the reason. The summing account gets one entry.';
