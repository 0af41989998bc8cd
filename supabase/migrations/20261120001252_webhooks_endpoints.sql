-- Webhooks, endpoints: adding, changing, rotating the secret, ending.
-- Why      Every verb names the account; what belongs to another is as unknown as what does not exist.
-- Units    As in the tables.
-- Locks    The account's row while endpoints are counted; then the endpoint's.
-- Callers  service_role, which learnt from a key or a session whose account it is.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function webhooks.shown(endpoint webhooks.endpoint) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', endpoint.id, 'url', endpoint.url, 'filters', endpoint.filters, 'description', endpoint.description,
    'state', endpoint.state, 'reason', endpoint.reason, 'chaos', endpoint.chaos, 'version', endpoint.version,
    'previous_until', endpoint.previous_until, 'failing_since', endpoint.failing_since,
    'created_at', endpoint.created_at, 'changed_at', endpoint.changed_at)
$$;
comment on function webhooks.shown(webhooks.endpoint) is 'An endpoint as it is shown: no secret in it.';

create function webhooks.is_asked(kind text, filters text[]) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select exists (select from unnest(filters) f where f = kind or (right(f, 1) = '*' and starts_with(kind, left(f, -1))))
$$;
comment on function webhooks.is_asked(text, text[]) is 'Whether one of the filters is this kind, or its beginning and a *.';

create function webhooks.hold(account_id uuid, endpoint_id uuid) returns webhooks.endpoint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  held webhooks.endpoint;
begin
  select * into held from webhooks.endpoint e
  where e.id = endpoint_id and e.account_id = account_id and e.state <> 'removed' for update;
  if not found then
    perform private.refuse('webhook_endpoint_unknown');
  end if;
  return held;
end $$;
comment on function webhooks.hold(uuid, uuid) is 'The account''s endpoint, held. Refuses what is removed, another''s, or was never there.';

create function webhooks.note(endpoint webhooks.endpoint, kind text, facts jsonb) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select events.record(kind, endpoint.id, endpoint.version, jsonb_build_object('account_id', endpoint.account_id) || facts, null)
$$;
comment on function webhooks.note(webhooks.endpoint, text, jsonb) is 'Writes the event of a change to an endpoint; no secret in it.';

create function webhooks.require_filters(filters text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  if filters is null or cardinality(filters) not between 1 and 32 or exists (
    select from unnest(filters) f
    where f is null or not exists (select from webhooks.event_kind k where webhooks.is_asked(k.kind, array[f]))
  ) then
    perform private.refuse('webhook_filter_unknown', jsonb_build_object(
      'kinds', (select jsonb_agg(k.kind order by k.kind) from webhooks.event_kind k)));
  end if;
end $$;
comment on function webhooks.require_filters(text[]) is 'Refuses a list that is empty, too long, or asks for what never happens.';

create function webhooks.add_endpoint(
  account_id uuid, endpoint_id uuid, url text, filters text[], description text, secret_sealed bytea
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  made webhooks.endpoint;
begin
  insert into webhooks.account (id) values (account_id) on conflict do nothing;
  perform from webhooks.account a where a.id = account_id for update;
  select * into made from webhooks.endpoint e where e.id = endpoint_id;
  if found then
    if made.account_id = account_id and made.url = url and made.filters = filters and made.description = description
      and made.state <> 'removed'
    then
      return webhooks.shown(made) || jsonb_build_object('secret_sealed', encode(made.secret_sealed, 'base64'));
    end if;
    perform private.refuse('webhook_id_reused');
  end if;
  perform webhooks.require_filters(filters);
  if (select count(*) from webhooks.endpoint e where e.account_id = account_id and e.state <> 'removed') >= 16 then
    perform private.refuse('webhook_endpoints_limit', jsonb_build_object('max', 16));
  end if;
  insert into webhooks.endpoint (id, account_id, url, filters, description, secret_sealed, created_at, changed_at)
  values (endpoint_id, account_id, url, filters, description, secret_sealed, private.now(), private.now())
  returning * into made;
  perform webhooks.note(made, 'webhook_endpoint.added', jsonb_build_object('url', url, 'filters', filters));
  return webhooks.shown(made) || jsonb_build_object('secret_sealed', encode(made.secret_sealed, 'base64'));
exception
  -- of two accounts that chose one id at the same moment the second
  when unique_violation then
    perform private.refuse('webhook_id_reused');
end $$;
comment on function webhooks.add_endpoint(uuid, uuid, text, text[], text, bytea) is
'A new endpoint, 16 of an account at most. The same id with the same request gives the endpoint that is there; with another it is refused.';
grant execute on function webhooks.add_endpoint(uuid, uuid, text, text[], text, bytea) to service_role;

create function webhooks.change_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  before webhooks.endpoint := webhooks.hold(account_id, endpoint_id);
  after webhooks.endpoint;
begin
  if filters is not null then
    perform webhooks.require_filters(filters);
  end if;
  if (coalesce(url, before.url), coalesce(filters, before.filters), coalesce(description, before.description))
    = (before.url, before.filters, before.description)
  then
    return webhooks.shown(before);
  end if;
  update webhooks.endpoint e set url = coalesce(url, e.url), filters = coalesce(filters, e.filters),
    description = coalesce(description, e.description), version = e.version + 1, changed_at = private.now()
  where e.id = endpoint_id returning * into after;
  perform webhooks.note(after, 'webhook_endpoint.changed', jsonb_build_object(
    'url', jsonb_build_array(before.url, after.url), 'filters', jsonb_build_array(before.filters, after.filters)));
  return webhooks.shown(after);
end $$;
comment on function webhooks.change_endpoint(uuid, uuid, text, text[], text) is
'Changes what is not null; the same again changes nothing. What was made for it before goes to the new address.';
grant execute on function webhooks.change_endpoint(uuid, uuid, text, text[], text) to service_role;

create function webhooks.rotate_secret(
  account_id uuid, endpoint_id uuid, rotation_id uuid, secret_sealed bytea, overlap interval
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  held webhooks.endpoint := webhooks.hold(account_id, endpoint_id);
begin
  if held.rotation_id is distinct from rotation_id then
    update webhooks.endpoint e set secret_sealed = secret_sealed, rotation_id = rotation_id,
      previous_sealed = case when overlap > '0' then e.secret_sealed end,
      previous_until = case when overlap > '0' then private.now() + overlap end,
      version = e.version + 1, changed_at = private.now()
    where e.id = endpoint_id returning * into held;
    perform webhooks.note(held, 'webhook_endpoint.secret_rotated', jsonb_build_object('previous_until', held.previous_until));
  end if;
  return webhooks.shown(held) || jsonb_build_object('secret_sealed', encode(held.secret_sealed, 'base64'));
end $$;
comment on function webhooks.rotate_secret(uuid, uuid, uuid, bytea, interval) is
'Another secret; the one before signs beside it for as long as overlap. The same rotation_id again gives the secret that it made.';
grant execute on function webhooks.rotate_secret(uuid, uuid, uuid, bytea, interval) to service_role;

create function webhooks.set_chaos(account_id uuid, endpoint_id uuid, chaos jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  held webhooks.endpoint := webhooks.hold(account_id, endpoint_id);
begin
  if chaos is null or jsonb_typeof(chaos) <> 'object' or exists (
    select from jsonb_each(chaos) c where case
      when c.key in ('duplicate', 'reorder', 'bad_signature') then jsonb_typeof(c.value) <> 'boolean'
      when c.key <> 'delay_s' or c.value::text !~ '^[0-9]{1,5}$' then true
      else c.value::text::integer > 86400
    end
  ) then
    perform private.refuse('webhook_chaos_invalid');
  end if;
  if held.chaos = chaos then
    return webhooks.shown(held);
  end if;
  update webhooks.endpoint e set chaos = chaos, version = e.version + 1, changed_at = private.now()
  where e.id = endpoint_id returning * into held;
  perform webhooks.note(held, 'webhook_endpoint.changed', jsonb_build_object('chaos', chaos));
  return webhooks.shown(held);
end $$;
comment on function webhooks.set_chaos(uuid, uuid, jsonb) is
'What test mode does to this endpoint on purpose: duplicate, reorder, bad_signature (booleans), delay_s (seconds, a day at most). It holds for '
'what is made or sent from now on.';
grant execute on function webhooks.set_chaos(uuid, uuid, jsonb) to service_role;

create function webhooks.close_endpoint(endpoint webhooks.endpoint, to_state text, reason text, facts jsonb default '{}') returns webhooks.endpoint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  closed webhooks.endpoint;
begin
  update webhooks.delivery d set state = 'given_up', reason = 'endpoint_' || to_state, lost_at = null, ended_at = private.now()
  where d.endpoint_id = endpoint.id and d.state in ('behind', 'waiting', 'sending');
  update webhooks.endpoint e set state = to_state, reason = reason, next_due_at = null, version = e.version + 1,
    changed_at = private.now(),
    secret_sealed = case when to_state = 'removed' then '' else e.secret_sealed end,
    previous_sealed = case when to_state = 'removed' then null else e.previous_sealed end,
    previous_until = case when to_state = 'removed' then null else e.previous_until end
  where e.id = endpoint.id returning * into closed;
  perform webhooks.note(closed, 'webhook_endpoint.' || to_state, jsonb_build_object('reason', reason) || facts);
  return closed;
end $$;
comment on function webhooks.close_endpoint(webhooks.endpoint, text, text, jsonb) is
'Nothing is sent there any more: what was open is given up, and can be recovered once it is enabled. A removed one''s secrets are destroyed.';

create function webhooks.disable(account_id uuid, endpoint_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  held webhooks.endpoint := webhooks.hold(account_id, endpoint_id);
begin
  if held.state = 'disabled' then
    return webhooks.shown(held);
  end if;
  return webhooks.shown(webhooks.close_endpoint(held, 'disabled', 'by_owner'));
end $$;
comment on function webhooks.disable(uuid, uuid) is 'Tells it nothing until it is enabled; again changes nothing. What happens meanwhile is kept as given up.';
grant execute on function webhooks.disable(uuid, uuid) to service_role;

create function webhooks.enable(account_id uuid, endpoint_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  held webhooks.endpoint := webhooks.hold(account_id, endpoint_id);
begin
  if held.state = 'enabled' then
    return webhooks.shown(held);
  end if;
  update webhooks.endpoint e set state = 'enabled', reason = null, failures_in_row = 0, failing_since = null,
    version = e.version + 1, changed_at = private.now()
  where e.id = endpoint_id returning * into held;
  perform webhooks.note(held, 'webhook_endpoint.enabled', '{}');
  return webhooks.shown(held);
end $$;
comment on function webhooks.enable(uuid, uuid) is 'Tells it what happens from now on; what was given up meanwhile is sent by webhooks.recover.';
grant execute on function webhooks.enable(uuid, uuid) to service_role;

create function webhooks.remove_endpoint(account_id uuid, endpoint_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  perform webhooks.close_endpoint(webhooks.hold(account_id, endpoint_id), 'removed', 'by_owner');
end $$;
comment on function webhooks.remove_endpoint(uuid, uuid) is 'The endpoint is gone, and its secrets with it; what it was told is kept as long as the rest.';
grant execute on function webhooks.remove_endpoint(uuid, uuid) to service_role;
