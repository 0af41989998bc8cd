-- Sessions: who is signed in where, how often one may try, and which texts were announced and sent.
-- Why      The browser holds a random secret; its hash here leads to the tokens of Supabase Auth, sealed by the
--          server (AES-GCM bound to the row's id). Every request reads the row, so ending it works at once.
-- Units    Times are real time (clock_timestamp), never the demo's clock: security does not travel in time.
--          id is Supabase Auth's session id. subject is a keyed hash of a phone or an address.
-- Locks    One row per statement; attempts lock their one row, so that a race counts exactly.
-- Callers  paya_app resolves sessions in one call (it has set no role then); service_role starts, refreshes and
--          ends them; people list and end their own (auth.uid()). anon nothing.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table identity.web_session (
  id uuid primary key,
  secret_hash bytea not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  access_token bytea not null,
  refresh_token bytea not null,
  access_expires_at timestamptz not null,
  expires_at timestamptz not null,
  token_version int not null default 1,
  refresh_claimed_until timestamptz,
  user_agent text not null default '',
  address text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  ended_by uuid,
  ended_why text,
  constraint web_session_secret_is_sha256 check (octet_length(secret_hash) = 32),
  constraint web_session_end_has_a_reason check ((ended_at is null) = (ended_why is null))
);
comment on table identity.web_session is 'A browser that is signed in: hash of its secret, sealed tokens, and how it ended.';
create unique index web_session_secret_unique on identity.web_session (secret_hash);
create index web_session_by_user on identity.web_session (user_id, created_at desc);
alter table identity.web_session enable row level security;

-- ---------------------------------------------------------------- resolving

create function identity.session_by_secret(p_secret_hash bytea) returns table (
  id uuid, user_id uuid, access_token bytea, refresh_token bytea, access_expires_at timestamptz, token_version int
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  -- a coarse time: one write in five minutes at most
  update identity.web_session s set last_seen_at = clock_timestamp()
  where s.secret_hash = p_secret_hash and s.ended_at is null
    and s.last_seen_at < clock_timestamp() - interval '5 minutes' and s.expires_at > clock_timestamp();
  return query
    select s.id, s.user_id, s.access_token, s.refresh_token, s.access_expires_at, s.token_version
    from identity.web_session s
    where s.secret_hash = p_secret_hash and s.ended_at is null and s.expires_at > clock_timestamp();
end $$;
comment on function identity.session_by_secret(bytea) is 'The living session that this secret (SHA-256) opens, or no row.';

create function identity.session_by_id(p_id uuid) returns table (
  id uuid, user_id uuid, access_token bytea, refresh_token bytea, access_expires_at timestamptz, token_version int
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.id, s.user_id, s.access_token, s.refresh_token, s.access_expires_at, s.token_version
  from identity.web_session s
  where s.id = p_id and s.ended_at is null and s.expires_at > clock_timestamp()
$$;
comment on function identity.session_by_id(uuid) is 'The living session with this id, or no row.';

create function identity.ended_among(p_ids uuid[]) returns setof uuid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select given.id from unnest(p_ids) as given (id)
  where not exists (
    select from identity.web_session s
    where s.id = given.id and s.ended_at is null and s.expires_at > clock_timestamp()
  )
$$;
comment on function identity.ended_among(uuid[]) is 'Those of the given sessions that have ended, expired or never were.';

create function identity.end_of_session(p_secret_hash bytea) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(s.ended_why, case when s.expires_at <= clock_timestamp() then 'expired' end)
  from identity.web_session s where s.secret_hash = p_secret_hash
$$;
comment on function identity.end_of_session(bytea) is
'Why the session that this secret (SHA-256) opened is over; null while it lives, and when there never was one.';

-- ---------------------------------------------------------------- keeping

create function identity.start_session(
  p_id uuid,
  p_secret_hash bytea,
  p_user_id uuid,
  p_access_token bytea,
  p_refresh_token bytea,
  p_access_expires_at timestamptz,
  p_expires_at timestamptz,
  p_user_agent text,
  p_address text
) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into identity.web_session (
    id, secret_hash, user_id, access_token, refresh_token, access_expires_at, expires_at, user_agent, address
  )
  values (
    p_id, p_secret_hash, p_user_id, p_access_token, p_refresh_token, p_access_expires_at, p_expires_at, p_user_agent, p_address
  );
  perform events.record('session.started', p_id, 1, '{}'::jsonb, p_user_id);
  return not exists (select from public.profiles p where p.id = p_user_id);
end $$;
comment on function identity.start_session(uuid, bytea, uuid, bytea, bytea, timestamptz, timestamptz, text, text) is
'Keeps a new session with its event; says whether the person has yet to choose a handle.';

create function identity.claim_refresh(p_id uuid, p_token_version int, p_claim interval) returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with claimed as (
    update identity.web_session s set refresh_claimed_until = clock_timestamp() + p_claim
    where s.id = p_id and s.token_version = p_token_version and s.ended_at is null
      and (s.refresh_claimed_until is null or s.refresh_claimed_until < clock_timestamp())
    returning 1
  )
  select exists (select from claimed)
$$;
comment on function identity.claim_refresh(uuid, int, interval) is
'Whether the caller is the one to refresh these tokens; the claim lapses by itself if the caller dies.';

create function identity.keep_refreshed(
  p_id uuid,
  p_token_version int,
  p_access_token bytea,
  p_refresh_token bytea,
  p_access_expires_at timestamptz,
  p_expires_at timestamptz
) returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with kept as (
    update identity.web_session s set
      access_token = p_access_token,
      refresh_token = p_refresh_token,
      access_expires_at = p_access_expires_at,
      expires_at = p_expires_at,
      token_version = s.token_version + 1,
      refresh_claimed_until = null
    where s.id = p_id and s.token_version = p_token_version and s.ended_at is null
    returning 1
  )
  select exists (select from kept)
$$;
comment on function identity.keep_refreshed(uuid, int, bytea, bytea, timestamptz, timestamptz) is
'Replaces the sealed tokens, unless the session ended or was refreshed by another meanwhile.';

create function identity.end_session_as(p_id uuid, p_ended_by uuid, p_why text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update identity.web_session s set ended_at = clock_timestamp(), ended_by = p_ended_by, ended_why = p_why
  where s.id = p_id and s.ended_at is null;
  if not found then
    return false;
  end if;
  perform events.record('session.ended', p_id, 2, jsonb_build_object('why', p_why), p_ended_by);
  return true;
end $$;
comment on function identity.end_session_as(uuid, uuid, text) is
'Ends a session at once, with its event; false when it had ended before.';

-- ---------------------------------------------------------------- one's own

create function identity.my_sessions() returns table (
  id uuid, user_agent text, address text, created_at timestamptz, last_seen_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.id, s.user_agent, s.address, s.created_at, s.last_seen_at
  from identity.web_session s
  where s.user_id = (select auth.uid()) and s.ended_at is null and s.expires_at > clock_timestamp()
  order by s.last_seen_at desc, s.id
  limit 50
$$;
comment on function identity.my_sessions() is 'Where the caller is signed in.';

create function identity.end_my_session(p_id uuid, p_why text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  if p_why not in ('signed_out', 'ended_elsewhere') then
    perform private.refuse('request_invalid');
  end if;
  if not exists (
    select from identity.web_session s where s.id = p_id and s.user_id = auth.uid() and s.expires_at > clock_timestamp()
  ) then
    perform private.refuse('not_found', jsonb_build_object('what', 'session'));
  end if;
  perform identity.end_session_as(p_id, auth.uid(), p_why);
end $$;
comment on function identity.end_my_session(uuid, text) is 'Ends a session of the caller; somebody else''s is not found.';

create function identity.end_my_other_sessions(p_kept uuid) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  other uuid;
  ended int := 0;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  if not exists (
    select from identity.web_session s
    where s.id = p_kept and s.user_id = auth.uid() and s.ended_at is null and s.expires_at > clock_timestamp()
  ) then
    perform private.refuse('not_found', jsonb_build_object('what', 'session'));
  end if;
  for other in
    select s.id from identity.web_session s
    where s.user_id = auth.uid() and s.id <> p_kept and s.ended_at is null order by s.id
  loop
    if identity.end_session_as(other, auth.uid(), 'ended_elsewhere') then
      ended := ended + 1;
    end if;
    -- Auth is told of all of them by one call with the kept session's token
    update identity.web_session s set access_token = '', refresh_token = '' where s.id = other;
  end loop;
  return ended;
end $$;
comment on function identity.end_my_other_sessions(uuid) is
'Ends every session of the caller but the one that is kept, and forgets their tokens; how many they were.';

create function identity.take_tokens_of_ended(p_id uuid) returns table (access_token bytea, refresh_token bytea)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select s.access_token, s.refresh_token from identity.web_session s
    where s.id = p_id and s.ended_at is not null and s.access_token <> '' for update;
  update identity.web_session s set access_token = '', refresh_token = '' where s.id = p_id and s.ended_at is not null;
end $$;
comment on function identity.take_tokens_of_ended(uuid) is
'The sealed tokens of an ended session, once, so that Supabase Auth can be told; then they are gone.';

-- ---------------------------------------------------------------- attempts

create table identity.attempt_limit (
  kind text primary key,
  attempts_max int not null,
  within interval not null,
  constraint attempt_limit_is_positive check (attempts_max > 0 and within > interval '0')
);
comment on table identity.attempt_limit is 'How often one may ask for a code (start) or try one (verify): per address, phone, and both.';
alter table identity.attempt_limit enable row level security;
insert into identity.attempt_limit (kind, attempts_max, within) values
('start_address', 200, interval '1 hour'),
('start_pair', 5, interval '10 minutes'),
('start_phone', 10, interval '1 hour'),
('verify_address', 400, interval '1 hour'),
('verify_pair', 15, interval '10 minutes'),
('verify_code', 5, interval '10 minutes'),
('verify_phone', 30, interval '1 hour');

create table identity.attempt (
  kind text not null references identity.attempt_limit (kind),
  subject bytea not null,
  attempts int not null,
  until timestamptz not null,
  primary key (kind, subject)
);
comment on table identity.attempt is 'Attempts of a subject in its present window, which ends at until.';
create index attempt_by_end on identity.attempt (until);
alter table identity.attempt enable row level security;

create table identity.known_address (
  pair bytea primary key,
  used_at timestamptz not null
);
comment on table identity.known_address is
'Phones and addresses (a keyed hash of both) that signed in together: a stranger who uses up a phone''s attempts locks strangers out, not these.';
create index known_address_by_age on identity.known_address (used_at);
alter table identity.known_address enable row level security;

create function identity.count_attempt(p_step text, p_phone bytea, p_address bytea, p_pair bytea)
returns table (stopped_by text, wait_s int)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  known boolean := exists (
    select from identity.known_address k where k.pair = p_pair and k.used_at > clock_timestamp() - interval '30 days'
  );
  counted record;
  present identity.attempt;
begin
  if p_step not in ('start', 'verify') or p_phone is null or p_address is null or p_pair is null then
    perform private.refuse('request_invalid');
  end if;
  -- the narrow counts first: whoever is stopped there does not use up what belongs to the phone's owner
  for counted in
    select l.kind, l.attempts_max, l.within, c.subject
    from (
      values (1, 'address', p_address), (2, 'pair', p_pair), (3, 'phone', p_phone), (4, 'code', p_phone)
    ) as c (place, name, subject)
    join identity.attempt_limit l on l.kind = p_step || '_' || c.name
    order by c.place
  loop
    continue when known and counted.kind like '%\_phone';
    insert into identity.attempt as a (kind, subject, attempts, until)
    values (counted.kind, counted.subject, 1, clock_timestamp() + counted.within)
    on conflict (kind, subject) do update set
      attempts = case when a.until < clock_timestamp() then 1 else least(a.attempts, counted.attempts_max) + 1 end,
      until = case when a.until < clock_timestamp() then excluded.until else a.until end
    returning a.* into present;
    if present.attempts > counted.attempts_max then
      return query select present.kind, greatest(1, ceil(extract(epoch from present.until - clock_timestamp())))::int;
      return;
    end if;
  end loop;
  -- last, and waiting for nobody: whoever swept before counting could wait for one who swept their row
  delete from identity.attempt a
  where a.ctid in (
    select old.ctid from identity.attempt old
    where old.until < clock_timestamp() order by old.until limit 10 for update skip locked
  );
end $$;
comment on function identity.count_attempt(text, bytea, bytea, bytea) is
'Counts one attempt to start or verify; no row when it is allowed, else which limit stops it and the seconds to wait.';

create function identity.code_was_sent(p_phone bytea) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.attempt a where a.kind = 'verify_code' and a.subject = p_phone
$$;
comment on function identity.code_was_sent(bytea) is 'A new code has its own five tries.';

create function identity.remember_address(p_pair bytea) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.attempt a where a.kind in ('start_pair', 'verify_pair') and a.subject = p_pair;
  insert into identity.known_address (pair, used_at) values (p_pair, clock_timestamp())
  on conflict (pair) do update set used_at = excluded.used_at;
  delete from identity.known_address k
  where k.ctid in (
    select old.ctid from identity.known_address old
    where old.used_at < clock_timestamp() - interval '30 days' limit 10 for update skip locked
  )
$$;
comment on function identity.remember_address(bytea) is 'A right code from this address: it is known for this phone for 30 days.';

-- ---------------------------------------------------------------- texts

create table identity.text_delivery (
  webhook_id text primary key,
  state text not null,
  claimed_at timestamptz not null default clock_timestamp(),
  provider_ref text,
  constraint text_delivery_state_is_known check (state in ('sending', 'sent', 'refused')),
  constraint text_delivery_webhook_id_is_short check (char_length(webhook_id) between 1 and 100)
);
comment on table identity.text_delivery is 'Which calls of the Send-SMS hook were carried out; no number and no code.';
create index text_delivery_by_age on identity.text_delivery (claimed_at);
alter table identity.text_delivery enable row level security;

create table identity.text_announcement (
  id uuid primary key,
  phone bytea not null,
  announced_at timestamptz not null default clock_timestamp(),
  taken_by text,
  constraint text_announcement_phone_is_hashed check (octet_length(phone) = 32)
);
comment on table identity.text_announcement is
'Codes that our own server is asking Auth for at this moment, by a keyed hash of the phone: the hook texts nobody else.';
create index text_announcement_by_phone on identity.text_announcement (phone);
create index text_announcement_by_age on identity.text_announcement (announced_at);
alter table identity.text_announcement enable row level security;

create function identity.announce_text(p_id uuid, p_phone bytea) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  insert into identity.text_announcement (id, phone) values (p_id, p_phone);
  -- those of a server that died before it could withdraw them
  delete from identity.text_announcement a
  where a.ctid in (
    select old.ctid from identity.text_announcement old
    where old.announced_at < clock_timestamp() - interval '1 hour' limit 10 for update skip locked
  )
$$;
comment on function identity.announce_text(uuid, bytea) is
'For the next minute one text may go to this phone; one announcement is one text.';

create function identity.withdraw_text(p_id uuid) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.text_announcement a where a.id = p_id
$$;
comment on function identity.withdraw_text(uuid) is 'Auth has answered: what was announced and not texted will not be.';

create function identity.claim_text(p_webhook_id text, p_phone bytea) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  claimed boolean;
begin
  insert into identity.text_delivery as d (webhook_id, state) values (p_webhook_id, 'sending')
  on conflict (webhook_id) do update set claimed_at = clock_timestamp()
  where d.state = 'sending' and d.claimed_at < clock_timestamp() - interval '30 seconds'
  returning true into claimed;
  -- the hook's signature is good for five minutes, so an hour is ample
  delete from identity.text_delivery d
  where d.ctid in (
    select old.ctid from identity.text_delivery old
    where old.claimed_at < clock_timestamp() - interval '1 hour' limit 10 for update skip locked
  );
  if claimed then
    -- each takes another one, so that two sign-ins with one phone do not stop each other
    update identity.text_announcement a set taken_by = p_webhook_id
    where a.id = (
      select open.id from identity.text_announcement open
      where open.phone = p_phone and open.announced_at > clock_timestamp() - interval '60 seconds'
        and (open.taken_by is null or open.taken_by = p_webhook_id)
      order by open.taken_by is null, open.announced_at limit 1 for update skip locked
    );
    if found then
      return 'claimed';
    end if;
    delete from identity.text_delivery d where d.webhook_id = p_webhook_id;
    return 'unannounced';
  end if;
  return (select d.state from identity.text_delivery d where d.webhook_id = p_webhook_id);
end $$;
comment on function identity.claim_text(text, bytea) is
'"claimed" for the one call that shall send an announced text, "unannounced" for none; else its state. A sender that died gives way after 30 s.';

create function identity.settle_text(p_webhook_id text, p_state text, p_provider_ref text) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update identity.text_delivery d set state = p_state, provider_ref = p_provider_ref where d.webhook_id = p_webhook_id;
  delete from identity.text_announcement a where a.taken_by = p_webhook_id
$$;
comment on function identity.settle_text(text, text, text) is 'Says how the sending ended; its announcement is used.';

create function identity.release_text(p_webhook_id text) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.text_delivery d where d.webhook_id = p_webhook_id and d.state = 'sending';
  update identity.text_announcement a set taken_by = null where a.taken_by = p_webhook_id
$$;
comment on function identity.release_text(text) is
'The vendor did not take it: the call, or another for the same announcement, may be tried again.';

-- ---------------------------------------------------------------- grants

revoke all on
identity.web_session, identity.attempt_limit, identity.attempt, identity.known_address,
identity.text_delivery, identity.text_announcement
from public, anon, authenticated, service_role;
-- limits are data: operators and tests change them without a migration
grant select, update on identity.attempt_limit to service_role;

grant execute on function identity.session_by_secret(bytea) to paya_app;
grant execute on function identity.session_by_id(uuid) to paya_app;
grant execute on function identity.ended_among(uuid[]) to paya_app;
grant execute on function identity.end_of_session(bytea) to paya_app;
grant execute on function identity.start_session(uuid, bytea, uuid, bytea, bytea, timestamptz, timestamptz, text, text) to service_role;
grant execute on function identity.claim_refresh(uuid, int, interval) to service_role;
grant execute on function identity.keep_refreshed(uuid, int, bytea, bytea, timestamptz, timestamptz) to service_role;
grant execute on function identity.end_session_as(uuid, uuid, text) to service_role;
grant execute on function identity.take_tokens_of_ended(uuid) to service_role;
grant execute on function identity.count_attempt(text, bytea, bytea, bytea) to service_role;
grant execute on function identity.code_was_sent(bytea) to service_role;
grant execute on function identity.remember_address(bytea) to service_role;
grant execute on function identity.announce_text(uuid, bytea) to service_role;
grant execute on function identity.withdraw_text(uuid) to service_role;
grant execute on function identity.claim_text(text, bytea) to service_role;
grant execute on function identity.settle_text(text, text, text) to service_role;
grant execute on function identity.release_text(text) to service_role;
grant execute on function identity.my_sessions() to authenticated;
grant execute on function identity.end_my_session(uuid, text) to authenticated;
grant execute on function identity.end_my_other_sessions(uuid) to authenticated;
