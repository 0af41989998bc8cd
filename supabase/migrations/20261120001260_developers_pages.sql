-- Developers' pages: which account is one's own, and what its clock does.
-- Why      Pages know people and not keys: what they show and change is of the account of whoever is signed in, and no other.
-- Units    now: of the account's clock, ISO 8601, UTC.
-- Locks    Reading takes none.
-- Callers  developers.my_account: people, about themselves (auth.uid()). charges.clock_of: service_role, which learnt whose account it is.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function developers.my_account() returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id from developers.account a where a.owner = (select auth.uid())
$$;
comment on function developers.my_account() is 'The caller''s account; null while they have made no key.';
revoke all on function developers.my_account() from public;
grant execute on function developers.my_account() to authenticated;

create function charges.clock_of(account uuid) returns jsonb
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'now', charges.iso(charges.now(account)),
    'is_frozen', exists (select from charges.account_clock c where c.account_id = account and c.frozen_at is not null))
$$;
comment on function charges.clock_of(uuid) is 'What the clock of an account shows, and whether it stands.';
revoke all on function charges.clock_of(uuid) from public;
grant execute on function charges.clock_of(uuid) to service_role;
