-- What the measurements need besides the schema: people with money, and wrappers that pgbench can call.
-- Ids of people count up from 1 in the last digits, so that a script can name one.
create schema bench;
grant usage on schema bench to paya_app, authenticated;

create function bench.person(n bigint) returns uuid language sql immutable as $$
  select ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid
$$;
-- UUIDv7 as the application makes them: milliseconds first, so that neighbours in time are neighbours in the index
create function bench.new_id() returns uuid language sql volatile as $$
  select (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 19))::uuid
$$;
-- the reserve pays everybody in; wallets of person n have the n-th id of the people's block
create function bench.make_people(first bigint, last bigint, cents bigint) returns void language plpgsql as $$
begin
  set local session_replication_role = replica;
  insert into auth.users (id, aud, role, phone)
  select bench.person(n), 'authenticated', 'authenticated', '1' || lpad(n::text, 12, '0') from generate_series(first, last) n;
  insert into public.profiles (id, handle, name, created_at)
  select bench.person(n), 'u' || lpad(n::text, 8, '0'), 'Person ' || n, now() from generate_series(first, last) n;
  insert into ledger.account (asset, kind, owner, min_balance)
  select 'USD', 'wallet', bench.person(n), 0 from generate_series(first, last) n order by n;
  set local session_replication_role = origin;
  perform ledger.distribute(bench.new_id(), ledger.system_account('reserve'), c.ids, array_fill(cents, array[cardinality(c.ids)]), 'bench_mint')
  from (
    select array_agg(a.id order by a.id) as ids from ledger.account a
    join generate_series(first, last) n on a.owner = bench.person(n) and a.kind = 'wallet' group by (n - first) / 10000
  ) c;
end $$;

-- ledger.post as a signed-in person: role, claims and work in one trip
create function bench.post_mine(transfer_id uuid, taker bigint, amount bigint) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  giver bigint;
begin
  select a.id into giver from ledger.account a where a.owner = auth.uid() and a.asset = 'USD' and a.kind = 'wallet';
  return ledger.post(transfer_id, giver, taker, amount, 'payment');
end $$;
grant execute on function bench.post_mine(uuid, bigint, bigint) to authenticated;
create function bench.post_as(claims text, transfer_id uuid, taker bigint, amount bigint) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  was_set text;
begin
  was_set := set_config('role', 'authenticated', true);
  was_set := set_config('request.jwt.claims', claims, true);
  return bench.post_mine(transfer_id, taker, amount);
end $$;
grant execute on function bench.post_as(text, uuid, bigint, bigint) to paya_app;

create function bench.post_hundred(first_account bigint, people bigint) returns bigint language sql security definer as $$
  select count(*) from (
    select array_agg(bench.new_id()) as ids, array_agg(x.giver) as givers, array_agg(x.taker) as takers,
      array_agg(1::bigint) as amounts, array_agg('payment'::text) as kinds
    from (
      select first_account + g as giver, first_account + (g + 1 + floor(random() * (people - 1))::bigint) % people as taker
      from (select floor(random() * people)::bigint as g from generate_series(1, 100)) r
    ) x
  ) z, lateral ledger.post_many(z.ids, z.givers, z.takers, z.amounts, z.kinds)
$$;
grant execute on function bench.post_hundred(bigint, bigint) to paya_app;
grant execute on function bench.new_id() to paya_app;
grant execute on function bench.person(bigint) to paya_app;

-- One chunk of due purchases: claimed, paid from the wallets, done, in one transaction.
create function bench.run_due(maximum integer) returns bigint language plpgsql as $$
declare
  subjects uuid[]; times timestamptz[]; accounts bigint[];
begin
  select array_agg(c.subject), array_agg(c.due_at) into subjects, times from jobs.claim_due('bench', maximum, '1 minute') c;
  if subjects is null then
    return 0;
  end if;
  select array_agg(a.id) into accounts from ledger.account a
  where a.owner = any(subjects) and a.asset = 'USD' and a.kind = 'wallet';
  perform ledger.collect(bench.new_id(), accounts, array_fill(1::bigint, array[cardinality(accounts)]), ledger.system_account('exchange_cash'), 'buy');
  perform jobs.finish_due('bench', subjects, times);
  return cardinality(subjects);
end $$;
