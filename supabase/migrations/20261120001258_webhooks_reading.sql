-- Webhooks, reading and repeating: what was sent, and sending it once more.
-- Why      A developer sees each try with what came back, and repeats what got lost without asking us.
-- Units    As in the tables.
-- Locks    Repeating holds the endpoint; forgetting holds old messages, then the endpoints that were told them, in id order.
-- Callers  service_role, which learnt from a key or a session whose account it is; webhooks.forget: the jobs.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function webhooks.endpoints(account_id uuid) returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select webhooks.shown(e) from webhooks.endpoint e
  where e.account_id = endpoints.account_id and e.state <> 'removed' order by e.created_at, e.id
$$;
comment on function webhooks.endpoints(uuid) is 'The account''s endpoints, the oldest first.';
grant execute on function webhooks.endpoints(uuid) to service_role;

create function webhooks.shown_delivery(delivery webhooks.delivery, message webhooks.message) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', delivery.id, 'endpoint_id', delivery.endpoint_id, 'webhook_id', message.id, 'kind', message.kind,
    'object_id', message.object_id, 'state', delivery.state, 'reason', delivery.reason, 'tries', delivery.tries,
    'due_at', case when delivery.state in ('behind', 'waiting') then delivery.due_at end,
    'created_at', delivery.created_at, 'ended_at', delivery.ended_at)
$$;
comment on function webhooks.shown_delivery(webhooks.delivery, webhooks.message) is 'A delivery as it is shown.';

create function webhooks.deliveries(
  account_id uuid, endpoint_id uuid, state text, before_at timestamptz, before_id uuid, maximum integer
) returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select webhooks.shown_delivery(d, m)
  from webhooks.endpoint e
  cross join lateral (
    select o.* from webhooks.delivery o
    where o.endpoint_id = e.id and (deliveries.state is null or o.state = deliveries.state)
      and (before_at is null or (o.created_at, o.id) < (before_at, before_id))
    order by o.created_at desc, o.id desc limit least(greatest(maximum, 0), 101)
  ) d
  join webhooks.message m on m.id = d.message_id
  where e.account_id = deliveries.account_id and (deliveries.endpoint_id is null or e.id = deliveries.endpoint_id)
  order by d.created_at desc, d.id desc limit least(greatest(maximum, 0), 101)
$$;
comment on function webhooks.deliveries(uuid, uuid, text, timestamptz, uuid, integer) is
'The account''s deliveries, of one endpoint or in one state if that is said, the newest first, from before a place on.';
grant execute on function webhooks.deliveries(uuid, uuid, text, timestamptz, uuid, integer) to service_role;

create function webhooks.delivery_log(account_id uuid, delivery_id uuid) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  found_log jsonb;
begin
  select webhooks.shown_delivery(d, m) || jsonb_build_object('body', m.body, 'attempts', coalesce((
    select jsonb_agg(to_jsonb(a) - 'delivery_id' order by a.number) from webhooks.attempt a where a.delivery_id = d.id), '[]'))
  into found_log
  from webhooks.delivery d
  join webhooks.endpoint e on e.id = d.endpoint_id
  join webhooks.message m on m.id = d.message_id
  where d.id = delivery_id and e.account_id = account_id;
  if found_log is null then
    perform private.refuse('webhook_delivery_unknown');
  end if;
  return found_log;
end $$;
comment on function webhooks.delivery_log(uuid, uuid) is 'One delivery with the text that is sent and every try.';
grant execute on function webhooks.delivery_log(uuid, uuid) to service_role;

create function webhooks.begin_anew(endpoint webhooks.endpoint, delivery_ids uuid[]) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  account_now timestamptz := charges.now(endpoint.account_id);
  begun integer;
begin
  with chosen as (
    select d.id, row_number() over (partition by d.ordering_key order by d.position) = 1 and not exists (
      select from webhooks.delivery o
      where o.endpoint_id = d.endpoint_id and o.ordering_key = d.ordering_key and o.state in ('waiting', 'sending')
    ) as is_first
    from webhooks.delivery d
    where d.endpoint_id = endpoint.id and d.id = any(delivery_ids) and d.state in ('accepted', 'given_up')
  )
  update webhooks.delivery d set state = case when c.is_first then 'waiting' else 'behind' end, reason = null, ended_at = null,
    due_at = account_now, tries_before = d.tries
  from chosen c where d.id = c.id;
  get diagnostics begun = row_count;
  perform webhooks.look_ahead(endpoint.id);
  return begun;
end $$;
comment on function webhooks.begin_anew(webhooks.endpoint, uuid[]) is
'Sends deliveries that ended once more, with all tries before them, in the order of each charge and behind what is under way of it.';

create function webhooks.replay(account_id uuid, delivery_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  held webhooks.endpoint;
begin
  select e.* into held from webhooks.delivery d join webhooks.endpoint e on e.id = d.endpoint_id
  where d.id = delivery_id and e.account_id = account_id and e.state <> 'removed' for update of e;
  if not found then
    perform private.refuse('webhook_delivery_unknown');
  end if;
  if held.state <> 'enabled' then
    perform private.refuse('webhook_endpoint_disabled', jsonb_build_object('reason', held.reason));
  end if;
  -- one that is open is under way as it is: asking for it twice sends it once
  perform webhooks.begin_anew(held, array[delivery_id]);
  return (
    select webhooks.shown_delivery(d, m) from webhooks.delivery d join webhooks.message m on m.id = d.message_id
    where d.id = delivery_id);
end $$;
comment on function webhooks.replay(uuid, uuid) is 'Sends one delivery once more, with the webhook-id that it had; one that is still open is left as it is.';
grant execute on function webhooks.replay(uuid, uuid) to service_role;

create function webhooks.recover(account_id uuid, endpoint_id uuid, since timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  held webhooks.endpoint := webhooks.hold(account_id, endpoint_id);
begin
  if held.state <> 'enabled' then
    perform private.refuse('webhook_endpoint_disabled', jsonb_build_object('reason', held.reason));
  end if;
  return webhooks.begin_anew(held, array(
    select d.id from webhooks.delivery d
    where d.endpoint_id = endpoint_id and d.state = 'given_up' and d.created_at >= since));
end $$;
comment on function webhooks.recover(uuid, uuid, timestamptz) is
'Sends whatever was given up since a moment (of the database''s clock) once more, what happened while it was disabled included; returns how many.';
grant execute on function webhooks.recover(uuid, uuid, timestamptz) to service_role;

create function webhooks.send_test(account_id uuid, endpoint_id uuid, message_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  held webhooks.endpoint := webhooks.hold(account_id, endpoint_id);
  account_now timestamptz := charges.now(account_id);
begin
  if held.state <> 'enabled' then
    perform private.refuse('webhook_endpoint_disabled', jsonb_build_object('reason', held.reason));
  end if;
  insert into webhooks.message (id, account_id, endpoint_id, kind, object_id, ordering_key, version, body, occurred_at, created_at)
  values (message_id, account_id, endpoint_id, 'webhook.test', message_id, message_id, 1, webhooks.body(
    'webhook.test', account_now, jsonb_build_object('id', message_id, 'endpoint_id', endpoint_id)::text), account_now, private.now())
  on conflict do nothing;
  if not exists (
    select from webhooks.message m where m.id = message_id and m.account_id = account_id and m.endpoint_id = endpoint_id)
  then
    perform private.refuse('webhook_id_reused');
  end if;
  insert into webhooks.delivery (endpoint_id, message_id, position, ordering_key, state, due_at, created_at)
  select held.id, m.id, m.position, m.id, 'waiting', account_now, private.now() from webhooks.message m where m.id = message_id
  on conflict do nothing;
  perform webhooks.look_ahead(held.id);
  return (
    select webhooks.shown_delivery(d, m) from webhooks.delivery d join webhooks.message m on m.id = d.message_id
    where d.message_id = message_id and d.endpoint_id = endpoint_id);
end $$;
comment on function webhooks.send_test(uuid, uuid, uuid) is
'Tells the endpoint webhook.test, whatever it asks for. The same message_id again is the same delivery.';
grant execute on function webhooks.send_test(uuid, uuid, uuid) to service_role;

insert into retention.rule (name, what, kept, counted_from, removed_by, why, source)
values (
  'webhooks', 'Messages to developers'' programs, and each try to deliver them', '30 days', 'when it was made', 'tidy',
  'A developer repairs a receiver and recovers what it missed', 'a promise of ours'
);

create function webhooks.forget(maximum integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now() - retention.kept('webhooks');
  old_ids uuid[] := array(
    select m.id from webhooks.message m
    where m.created_at < moment
      and not exists (select from webhooks.delivery d where d.message_id = m.id and d.state in ('behind', 'waiting', 'sending'))
    order by m.created_at limit maximum for update skip locked);
  forgotten integer;
begin
  perform from webhooks.endpoint e
  where e.id in (select d.endpoint_id from webhooks.delivery d where d.message_id = any(old_ids)) order by e.id for update;
  -- what somebody began anew before we held its endpoint stays
  old_ids := array(
    select o.id from unnest(old_ids) o (id)
    where not exists (select from webhooks.delivery d where d.message_id = o.id and d.state in ('behind', 'waiting', 'sending')));
  delete from webhooks.attempt a using webhooks.delivery d where d.message_id = any(old_ids) and a.delivery_id = d.id;
  delete from webhooks.delivery d where d.message_id = any(old_ids);
  delete from webhooks.message m where m.id = any(old_ids);
  get diagnostics forgotten = row_count;
  delete from webhooks.endpoint e where e.id in (
    select o.id from webhooks.endpoint o
    where o.state = 'removed' and o.changed_at < moment
      and not exists (select from webhooks.delivery d where d.endpoint_id = o.id)
      and not exists (select from webhooks.message m where m.endpoint_id = o.id)
    order by o.changed_at limit maximum for update skip locked);
  return forgotten;
end $$;
comment on function webhooks.forget(integer) is
'Removes messages that are kept no longer and are open nowhere, with their deliveries and tries, and endpoints that were removed as long ago; '
'returns how many messages.';
grant execute on function webhooks.forget(integer) to paya_worker;
