-- Bulk: many transfers of one kind in one statement each.
-- Why      A week's rewards or a morning's purchases touch every wallet: set-based, they cost a few rows each.
-- Units    amounts: smallest unit of the asset, 1 to 10^15 each and together. A chunk: 1 to 20000 accounts; its transfers
--          are numbered 0 to 65535 within the chunk's id.
-- Locks    The receiving accounts in id order, then written once each.
-- Callers  Definer functions of other schemas, and jobs as service_role through them.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function ledger.new_business_kinds() returns text[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select array['payment', 'redemption', 'buy', 'withdrawal', 'conversion']
$$;
comment on function ledger.new_business_kinds() is
'The kinds of transfer that an account which is not active refuses. What was begun before (captures, returns, loads under way) passes.';

create function ledger.chunk_id(chunk uuid, n integer) returns uuid
language sql immutable strict set search_path = pg_catalog, pg_temp as $$
  select (left(chunk::text, 32) || lpad(to_hex(n), 4, '0'))::uuid
$$;
comment on function ledger.chunk_id(uuid, integer) is 'The id of transfer n (0 to 65535) of a chunk: neighbours in the index, as UUIDv7 are.';

-- What was asked for and what became of it, so that a repetition is answered from here: also when nobody could pay,
-- and also when the accounts have changed since.
create table ledger.chunk (
  id uuid primary key,
  digest bytea not null,
  moved bigint not null,
  refusals jsonb not null,
  at timestamptz not null,
  constraint moved_is_not_negative check (moved >= 0)
);
comment on table ledger.chunk is
'Each chunk that was done: the SHA-256 of what was asked for, the total moved, and by place (from 1) why an account was left out.';
alter table ledger.chunk enable row level security;
create trigger chunk_is_append_only before update or delete on ledger.chunk
for each row execute function private.append_only();
create trigger chunk_is_never_truncated before truncate on ledger.chunk
for each statement execute function private.append_only();

-- What distribute and collect ask first. The accounts are locked then, so that a chunk is not done twice at once.
create function ledger.admit_chunk(
  verb text, chunk uuid, summing bigint, accounts bigint[], amounts bigint[], kind text, ref text
) returns ledger.chunk
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  total integer := cardinality(accounts);
  asset text;
  known ledger.chunk;
  asked bytea;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if chunk is null or kind is null or total is null or total not between 1 and 20000
    or array_dims(accounts) <> format('[1:%s]', total) or array_dims(amounts) is distinct from array_dims(accounts)
  then
    perform private.refuse('batch_malformed');
  end if;
  if exists (select from unnest(amounts) u (amount) where u.amount is null or u.amount not between 1 and 1000000000000000)
    or (select sum(u.amount) from unnest(amounts) u (amount)) > 1000000000000000
  then
    perform private.refuse('amount_invalid');
  end if;
  select a.asset into asset from ledger.account a where a.id = summing and a.is_summing;
  if not found then
    perform private.refuse('account_unknown');
  end if;
  if (select count(*) from (
    select from ledger.account a where a.id = any(accounts) and not a.is_summing and a.asset = asset
    order by a.id for no key update
  ) l) <> total then
    perform private.refuse('account_unknown');  -- one is missing, of another asset, summing, or named twice
  end if;

  asked := sha256(convert_to(jsonb_build_array(verb, summing, accounts::text, amounts::text, kind, ref)::text, 'UTF8'));
  select * into known from ledger.chunk c where c.id = ledger.chunk_id(chunk, 0);
  if found then
    if known.digest <> asked then
      perform private.refuse('key_reused');
    end if;
    return known;
  end if;
  if exists (select from ledger.transfer t where t.id between ledger.chunk_id(chunk, 0) and ledger.chunk_id(chunk, 65535)) then
    perform private.refuse('key_reused');  -- something else has one of the ids
  end if;
  known.id := ledger.chunk_id(chunk, 0);
  known.digest := asked;
  return known;
end $$;
comment on function ledger.admit_chunk(text, uuid, bigint, bigint[], bigint[], text, text) is
'Locks the accounts of a chunk and refuses what is malformed or unknown, or another chunk of this id. '
'Returns the chunk; when it was done before with all of its columns, else with id and digest alone.';

-- From a summing account, which cannot be refused for want of funds here: its owner decides on the total before the
-- first chunk. All of a chunk or nothing, once per chunk id.
create function ledger.distribute(
  chunk uuid, from_account bigint, to_accounts bigint[], amounts bigint[], kind text, ref text default null
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  admitted ledger.chunk := ledger.admit_chunk('distribute', chunk, from_account, to_accounts, amounts, kind, ref);
  moment timestamptz := clock_timestamp();
  ids text := left(chunk::text, 32);
  posted integer;
begin
  if admitted.at is not null then
    return admitted.moved;
  end if;
  admitted.moved := (select sum(u.amount) from unnest(amounts) u (amount));
  with due as (
    -- chunk_id written out: a call for each would cost as much as its entry's index
    select (ids || lpad(to_hex(u.n::integer - 1), 4, '0'))::uuid as id, u.account_id, u.amount
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
  values (from_account, admitted.id, -admitted.moved, posted, moment);
  insert into ledger.chunk (id, digest, moved, refusals, at) values (admitted.id, admitted.digest, admitted.moved, '{}', moment);
  return admitted.moved;
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
  admitted ledger.chunk := ledger.admit_chunk('collect', chunk, to_account, from_accounts, amounts, kind, ref);
  is_new boolean := kind = any(ledger.new_business_kinds());
  moment timestamptz := clock_timestamp();
  ids text := left(chunk::text, 32);
  first_id uuid;
  posted integer;
begin
  if admitted.at is null then
    -- the ids of a chunk number its accounts, whoever pays
    with due as (
      select (ids || lpad(to_hex(u.n::integer - 1), 4, '0'))::uuid as id, u.account_id, u.amount
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
      returning entry.transfer_id, entry.amount
    )
    select count(*), coalesce(-sum(e.amount), 0), min(e.transfer_id::text)::uuid into posted, admitted.moved, first_id from entered e;
    if posted > 0 then
      insert into ledger.sum_entry (account_id, batch, amount, transfer_count, at)
      values (to_account, first_id, admitted.moved, posted, moment);
    end if;
    admitted.refusals := '{}';
    if posted < cardinality(from_accounts) then
      admitted.refusals := (
        select jsonb_object_agg(u.n, case when is_new and a.state <> 'active' then 'account_unavailable' else 'insufficient_funds' end)
        from unnest(from_accounts) with ordinality u (id, n)
        join ledger.account a on a.id = u.id
        left join ledger.transfer t on t.id = ledger.chunk_id(chunk, u.n::integer - 1)
        where t.id is null
      );
    end if;
    insert into ledger.chunk (id, digest, moved, refusals, at)
    values (admitted.id, admitted.digest, admitted.moved, admitted.refusals, moment);
  end if;
  return query
    select u.id, u.amount, admitted.refusals ->> u.n::text
    from unnest(from_accounts, amounts) with ordinality u (id, amount, n)
    order by u.n;
end $$;
comment on function ledger.collect(uuid, bigint[], bigint[], bigint, text, text) is
'Takes each account''s amount into one summing account, once per chunk; who cannot pay is left out, with the reason. The summing account gets one entry.';
