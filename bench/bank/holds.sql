-- The bench's own door to holds, which no one outside the database has: as the application's login role, for
-- accounts named by their owners. Installed into the harness's database alone, never by a migration.
create schema bench;
grant usage on schema bench to paya_app;

create function bench.account_of(handle text) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case when handle = 'revenue' then ledger.system_account('revenue') else (
    select ledger.wallet_of(p.id) from public.profiles p where p.handle = account_of.handle) end
$$;

create function bench.authorize(hold_id uuid, giver text, cents bigint) returns jsonb
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select ledger.authorize(hold_id, bench.account_of(giver), cents, 'bench_hold')
$$;

create function bench.capture(capture_id uuid, hold_id uuid, takers text[], cents bigint[], is_final boolean) returns jsonb
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select ledger.capture_hold(
    capture_id, hold_id, (select array_agg(bench.account_of(t.handle) order by t.n) from unnest(takers) with ordinality t (handle, n)),
    cents, 'bench_capture', is_final)
$$;

create function bench.release(hold_id uuid) returns jsonb
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select ledger.release(hold_id)
$$;

revoke all on all functions in schema bench from public;
grant execute on all functions in schema bench to paya_app;
