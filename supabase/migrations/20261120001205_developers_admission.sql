-- Developers, admission: whether a key may do what is asked now, and how often it has asked.
-- Why      Every request asks the table, so a key that was revoked opens nothing from that moment on. Requests are counted in
--          one row for each key, so that any number of processes count exactly.
-- Units    A window is 60 seconds from its first request. left_count: requests; resets_s: whole seconds, at least 1.
-- Locks    The key's row of counting, last of all and until the commit: who holds it waits for nobody.
-- Callers  paya_app, which has set no role then.
-- Undo     Forward only.
set local lock_timeout = '5s';

-- unlogged: a request that only reads costs no write-ahead log. After a crash the window of each key begins anew.
create unlogged table developers.key_use (
  key_id uuid primary key,
  began_at timestamptz not null,
  used integer not null
) with (fillfactor = 50);
comment on table developers.key_use is 'How many requests each key made in the window that began then. Gone after a crash of the server, and made anew.';
alter table developers.key_use enable row level security;

create function developers.count_use(key_id uuid, quota integer, out left_count integer, out resets_s integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  over timestamptz := moment - interval '60 seconds';
  began timestamptz;
  used integer;
begin
  loop
    update developers.key_use u set
      began_at = case when u.began_at <= over then moment else u.began_at end,
      used = case when u.began_at <= over then 1 else u.used + 1 end
    where u.key_id = key_id and (u.began_at <= over or u.used < quota)
    returning u.used, u.began_at into used, began;
    if found then
      left_count := quota - used;
      exit;
    end if;
    select u.began_at into began from developers.key_use u where u.key_id = key_id;
    if found then
      left_count := -1;
      exit;
    end if;
    insert into developers.key_use (key_id, began_at, used) values (key_id, moment, 0) on conflict do nothing;
  end loop;
  resets_s := greatest(1, least(60, ceil(extract(epoch from began - over))));
end $$;
comment on function developers.count_use(uuid, integer) is
'Counts one request of a key: what is left of its window and when that ends; -1 and nothing counted when it is used up.';

create function developers.is_used_up(key_id uuid, quota integer) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from developers.key_use u
    where u.key_id = is_used_up.key_id and u.used >= quota and u.began_at > private.now() - interval '60 seconds')
$$;
comment on function developers.is_used_up(uuid, integer) is 'Whether a key has no request left now. It counts nothing and waits for nobody.';

create function developers.may(scopes text[], wanted text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select wanted = any(scopes) or (wanted like '%:read' and replace(wanted, ':read', ':write') = any(scopes))
$$;
comment on function developers.may(text[], text) is 'Whether these scopes allow it: to write is to read, too.';

create function developers.entering(secret_hash bytea, scope text, out key developers.api_key, out refused jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
begin
  select k.* into key from developers.api_key k where k.secret_hash = secret_hash;
  if not found then
    refused := '{"refused": "api_key_unknown", "facts": {}}';
  elsif key.revoked_at is not null then
    refused := '{"refused": "api_key_revoked", "facts": {}}';
  elsif key.expires_at <= moment then
    refused := '{"refused": "api_key_expired", "facts": {}}';
  elsif not developers.may(key.scopes, scope) then
    refused := jsonb_build_object('refused', 'scope_missing', 'facts', jsonb_build_object('scope', scope));
  end if;
end $$;
comment on function developers.entering(bytea, text) is 'The key of this secret (SHA-256), and why it may not do this, if so.';

create function developers.counted(key developers.api_key) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  rate record;
  answer jsonb := jsonb_build_object(
    'account_id', key.account_id, 'key_id', key.id, 'mode', key.mode, 'version', key.paya_version);
begin
  -- a coarse time: one write a minute at most, and nobody waits for it
  if key.last_used_at is null or key.last_used_at <= moment - interval '1 minute' then
    update developers.api_key k set last_used_at = moment
    where k.id in (
      select o.id from developers.api_key o
      where o.id = key.id and (o.last_used_at is null or o.last_used_at <= moment - interval '1 minute')
      for no key update skip locked
    );
  end if;
  if key.rate_per_minute is null then
    return answer;
  end if;
  rate := developers.count_use(key.id, key.rate_per_minute);
  answer := answer || jsonb_build_object('rate', jsonb_build_object(
    'quota', key.rate_per_minute, 'left', greatest(rate.left_count, 0), 'resets_s', rate.resets_s));
  if rate.left_count < 0 then
    answer := answer || jsonb_build_object('refused', 'rate_limited', 'facts', jsonb_build_object(
      'max', key.rate_per_minute, 'retry_after_s', rate.resets_s));
  end if;
  return answer;
end $$;
comment on function developers.counted(developers.api_key) is
'Counts one request of a key and notes its use: whose it is, what is left, and rate_limited when nothing is.';

create function developers.admit(secret_hash bytea, scope text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  entered record := developers.entering(secret_hash, scope);
begin
  return case when entered.refused is not null then entered.refused else developers.counted(entered.key) end;
end $$;
comment on function developers.admit(bytea, text) is
'Who asks by this key (SHA-256 of its secret): account_id, key_id, mode, version, rate; refused and facts when it may not.';
grant execute on function developers.admit(bytea, text) to paya_app;
