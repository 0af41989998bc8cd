-- Developers: accounts, and the keys by which programs act for them.
-- Why      A key is a secret of 256 random bits, shown once; what is kept is its SHA-256. Whoever reads the table cannot act.
-- Units    rate_per_minute: requests in 60 seconds; null: not counted. Times are private.now()'s.
-- Locks    The account's row, then the key's; a count of keys is exact under races.
-- Callers  People make, list, rotate and revoke their own (auth.uid()). anon nothing.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema developers;
revoke all on schema developers from public;
grant usage on schema developers to authenticated, service_role, paya_app;

insert into risk.limit_name (name) values ('api_keys_count'), ('api_keys_day_count');
insert into risk.limit_value (name, value_max, reason)
values
('api_keys_count', 20, 'opening rule: 20 keys in force, for one account'),
('api_keys_day_count', 50, 'opening rule: 50 new keys in 24 hours, for one account');

create table developers.account (
  id uuid primary key default gen_random_uuid(),
  owner uuid not null unique references public.profiles (id),
  created_at timestamptz not null
);
comment on table developers.account is 'A developer''s account: charges, keys, endpoints and events belong to one. Made when its owner makes the first key.';
alter table developers.account enable row level security;

create table developers.api_key (
  id uuid primary key,
  account_id uuid not null references developers.account (id) on delete restrict,
  mode text not null,
  name text not null,
  scopes text[] not null,
  paya_version date not null,
  rate_per_minute integer default 100,
  secret_hash bytea not null,
  last4 text not null,
  version integer not null default 1,
  created_at timestamptz not null,
  last_used_at timestamptz,
  expires_at timestamptz,
  replaced_by uuid,
  revoked_at timestamptz,
  constraint mode_is_known check (mode in ('test', 'live')),
  constraint name_is_short check (char_length(name) between 1 and 40),
  constraint scopes_are_known check (
    cardinality(scopes) between 1 and 5
    and scopes <@ array['payments:read', 'payments:write', 'webhooks:read', 'webhooks:write', 'sim:write']
  ),
  constraint only_test_keys_simulate check (mode = 'test' or not 'sim:write' = any(scopes)),
  constraint rate_is_positive check (rate_per_minute > 0),
  constraint secret_is_sha256 check (octet_length(secret_hash) = 32),
  constraint last4_is_four check (last4 ~ '^[0-9A-Za-z]{4}$'),
  constraint a_replaced_key_ends check ((replaced_by is null) = (expires_at is null))
) with (fillfactor = 80);
comment on table developers.api_key is
'A key of an account: SHA-256 of its secret, what it may do, the version of the API that it is pinned to, and how it ends: '
'revoked at once, or 24 hours after another took its place.';
create unique index api_key_secret_unique on developers.api_key (secret_hash);
create index api_key_by_account on developers.api_key (account_id, created_at desc);
alter table developers.api_key enable row level security;

create function developers.key_state(key developers.api_key, moment timestamptz) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case
    when (key).revoked_at is not null then 'revoked'
    when (key).expires_at <= moment then 'expired'
    when (key).expires_at is not null then 'rotated'
    else 'active'
  end
$$;
comment on function developers.key_state(developers.api_key, timestamptz) is
'active; rotated: good until expires_at, another has taken its place; expired; revoked.';

create function developers.key_json(key developers.api_key) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', (key).id, 'mode', (key).mode, 'name', (key).name, 'scopes', to_jsonb((key).scopes), 'last4', (key).last4,
    'paya_version', (key).paya_version, 'state', developers.key_state(key, private.now()),
    'created_at', (key).created_at, 'last_used_at', (key).last_used_at, 'expires_at', (key).expires_at,
    'revoked_at', (key).revoked_at, 'replaced_by', (key).replaced_by)
$$;
comment on function developers.key_json(developers.api_key) is 'A key as its owner sees it: nothing of its secret but the last four characters.';

create function developers.hold_my_account() returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  account uuid;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  select a.id into account from developers.account a where a.owner = auth.uid() for no key update;
  return account;
end $$;
comment on function developers.hold_my_account() is
'The caller''s account, whose keys nobody else changes until the transaction ends; null when there is none yet.';

create function developers.hold_my_key(key_id uuid) returns developers.api_key
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  account uuid := developers.hold_my_account();
  key developers.api_key;
begin
  select k.* into key from developers.api_key k where k.id = key_id and k.account_id = account for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "API key"}');
  end if;
  return key;
end $$;
comment on function developers.hold_my_key(uuid) is 'A key of the caller''s, which nobody else changes until the transaction ends; another''s is not found.';

create function developers.require_room(account uuid) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  in_force_max bigint := risk.limit_max('api_keys_count');
  day_max bigint := risk.limit_max('api_keys_day_count');
  moment timestamptz := private.now();
begin
  if (select count(*) from developers.api_key k
    where k.account_id = account and developers.key_state(k, moment) = 'active') >= coalesce(in_force_max, 0)
  then
    perform private.refuse('api_keys_limit', jsonb_build_object('max', in_force_max));
  end if;
  if (select count(*) from developers.api_key k
    where k.account_id = account and k.created_at > moment - interval '24 hours') >= coalesce(day_max, 0)
  then
    perform private.refuse('too_many_tries', jsonb_build_object('resets_at', (
      select min(k.created_at) + interval '24 hours' from developers.api_key k
      where k.account_id = account and k.created_at > moment - interval '24 hours')));
  end if;
end $$;
comment on function developers.require_room(uuid) is 'Refuses when the account has as many keys as it may, or made as many in the last 24 hours.';

create function developers.create_key(
  key_id uuid, key_mode text, key_name text, key_scopes text[], version date, secret_hash bytea, last4 text
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  account uuid := developers.hold_my_account();
  key developers.api_key;
begin
  if key_mode = 'live' then
    perform private.refuse('live_unavailable');
  end if;
  if account is null then
    insert into developers.account (owner, created_at) values (auth.uid(), private.now()) on conflict do nothing;
    account := developers.hold_my_account();
  end if;
  select k.* into key from developers.api_key k where k.id = key_id;
  if found then
    if key.account_id <> account or key.name <> key_name or key.scopes <> key_scopes or key.mode <> key_mode then
      perform private.refuse('api_key_reused');
    end if;
    return developers.key_json(key) || '{"is_new": false}';
  end if;
  perform developers.require_room(account);
  insert into developers.api_key (id, account_id, mode, name, scopes, paya_version, secret_hash, last4, created_at)
  values (key_id, account, key_mode, key_name, key_scopes, version, secret_hash, last4, private.now())
  returning * into key;
  perform events.record('api_key.created', key.id, 1, jsonb_build_object(
    'owner_id', auth.uid(), 'account_id', account, 'mode', key.mode, 'scopes', to_jsonb(key.scopes)));
  return developers.key_json(key) || '{"is_new": true}';
end $$;
comment on function developers.create_key(uuid, text, text, text[], date, bytea, text) is
'Makes a key of the caller''s under an id of theirs, with their account if it is the first. Again with the same id: the key as it is, and is_new is false.';
grant execute on function developers.create_key(uuid, text, text, text[], date, bytea, text) to authenticated;

create function developers.rotate_key(key_id uuid, new_id uuid, secret_hash bytea, last4 text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  old developers.api_key := developers.hold_my_key(key_id);
  moment timestamptz := private.now();
  made developers.api_key;
begin
  if old.replaced_by = new_id then
    select k.* into made from developers.api_key k where k.id = new_id;
    return developers.key_json(made) || '{"is_new": false}';
  end if;
  if developers.key_state(old, moment) <> 'active' then
    perform private.refuse('api_key_over');
  end if;
  if exists (select from developers.api_key k where k.id = new_id) then
    perform private.refuse('api_key_reused');
  end if;
  -- the old one gives its place, so only the day is counted
  update developers.api_key k set expires_at = moment + interval '24 hours', replaced_by = new_id, version = k.version + 1
  where k.id = key_id returning k.* into old;
  perform developers.require_room(old.account_id);
  insert into developers.api_key
    (id, account_id, mode, name, scopes, paya_version, rate_per_minute, secret_hash, last4, created_at)
  values (new_id, old.account_id, old.mode, old.name, old.scopes, old.paya_version, old.rate_per_minute, secret_hash, last4, moment)
  returning * into made;
  perform events.record('api_key.rotated', old.id, old.version, jsonb_build_object(
    'owner_id', auth.uid(), 'account_id', old.account_id, 'replaced_by', new_id, 'expires_at', old.expires_at));
  perform events.record('api_key.created', made.id, 1, jsonb_build_object(
    'owner_id', auth.uid(), 'account_id', made.account_id, 'mode', made.mode, 'scopes', to_jsonb(made.scopes)));
  return developers.key_json(made) || '{"is_new": true}';
end $$;
comment on function developers.rotate_key(uuid, uuid, bytea, text) is
'Makes a key that takes another''s place; the old one is good for 24 hours more. Again with the same new id: the key as it is, and is_new is false.';
grant execute on function developers.rotate_key(uuid, uuid, bytea, text) to authenticated;

create function developers.revoke_key(key_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  key developers.api_key := developers.hold_my_key(key_id);
begin
  if key.revoked_at is null then
    update developers.api_key k set revoked_at = private.now(), version = k.version + 1 where k.id = key_id returning k.* into key;
    perform events.record('api_key.revoked', key.id, key.version, jsonb_build_object(
      'owner_id', auth.uid(), 'account_id', key.account_id));
  end if;
  return developers.key_json(key);
end $$;
comment on function developers.revoke_key(uuid) is 'Ends a key of the caller''s: it opens nothing from this commit on. Again changes nothing.';
grant execute on function developers.revoke_key(uuid) to authenticated;

create function developers.my_keys() returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select developers.key_json(k) from developers.api_key k
  join developers.account a on a.id = k.account_id
  where a.owner = (select auth.uid())
    and coalesce(k.revoked_at, k.expires_at, 'infinity') > private.now() - interval '30 days'
  order by developers.key_state(k, private.now()) in ('active', 'rotated') desc, k.created_at desc, k.id desc limit 100
$$;
comment on function developers.my_keys() is 'The caller''s keys: those that are good first, the newest first; those that ended in the last 30 days after them.';
grant execute on function developers.my_keys() to authenticated;

insert into retention.rule (name, what, kept, counted_from, removed_by, why, source)
values (
  'api_keys', 'Accounts of developers and their keys, no secret', null, '', 'nobody',
  'Which key did something is asked after it is gone', 'a promise of ours'
);
