-- Identity, access tokens: whether the session that a person's token names still is one.
-- Why      A token is good for a quarter of an hour by itself; whoever signs out is out at once, for programs too.
-- Units    Real time, as for all sessions.
-- Locks    None.
-- Callers  paya_app, which has set no role then.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function identity.is_open_session(p_id uuid, p_user_id uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from auth.sessions s
    where s.id = p_id and s.user_id = p_user_id and (s.not_after is null or s.not_after > clock_timestamp())
  ) and not exists (
    select from identity.web_session w where w.id = p_id and w.ended_at is not null
  )
$$;
comment on function identity.is_open_session(uuid, uuid) is 'Whether this session of Supabase Auth''s is the person''s and has not ended.';
grant execute on function identity.is_open_session(uuid, uuid) to paya_app;
