-- Webhooks, sending: claims, what became of each try, and when it is tried again.
-- Why      A worker takes what is due and notes each try before it sends, then holds nothing while it waits for an answer.
--          Who dies in between leaves a try that is called lost after a while and made again with the same webhook-id: an
--          endpoint is told at least once. A failure keeps back later messages of the same charge, and of no other.
-- Units    Delays are in the account's time, leases in the database's. took_ms: milliseconds.
-- Locks    A claim skips endpoints that somebody holds; a result waits for its own endpoint and holds no other.
-- Callers  The worker, as service_role; has_work: as the app's login role.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function webhooks.retry_delay(delivery_id uuid, tries integer) returns interval
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select make_interval(secs => (array[5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400])[tries]
    -- from 0.9 to 1.1, the same for the same try
    * (0.9 + 0.2 * ('x' || substr(md5(delivery_id::text || ':' || tries), 1, 8))::bit(32)::bigint / 4294967295.0)::double precision)
$$;
comment on function webhooks.retry_delay(uuid, integer) is
'How long to wait after so many tries failed: 5 s, 5 min, 30 min, 2, 5, 10, 14, 20, 24 h, each up to a tenth more or less; null: no more tries.';

create function webhooks.promote(endpoint_id uuid, ordering_key uuid) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update webhooks.delivery d set state = 'waiting'
  where d.id = (
    select b.id from webhooks.delivery b
    where b.endpoint_id = promote.endpoint_id and b.ordering_key = promote.ordering_key and b.state = 'behind'
    order by b.position limit 1
  ) and not exists (
    select from webhooks.delivery o
    where o.endpoint_id = promote.endpoint_id and o.ordering_key = promote.ordering_key and o.state in ('waiting', 'sending')
  )
$$;
comment on function webhooks.promote(uuid, uuid) is 'Lets the next message of a charge go, unless one of it is under way.';

create function webhooks.put_back(delivery webhooks.delivery, account_now timestamptz, delay interval) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  if delay is null then
    update webhooks.delivery d set state = 'given_up', reason = 'tries_used_up', lost_at = null, ended_at = private.now()
    where d.id = delivery.id;
    perform webhooks.promote(delivery.endpoint_id, delivery.ordering_key);
  else
    update webhooks.delivery d set state = 'waiting', due_at = account_now + delay, lost_at = null where d.id = delivery.id;
  end if;
end $$;
comment on function webhooks.put_back(webhooks.delivery, timestamptz, interval) is
'To be tried again after a delay; null: given up, and the next of its charge goes.';

create function webhooks.find_lost() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  silent record;
  lost webhooks.delivery;
  account_now timestamptz;
begin
  for silent in
    select d.id, d.endpoint_id from webhooks.delivery d
    where d.state = 'sending' and d.lost_at <= private.now() order by d.endpoint_id, d.id limit 200
  loop
    select charges.now(e.account_id) into account_now from webhooks.endpoint e where e.id = silent.endpoint_id for update skip locked;
    if not found then
      continue;
    end if;
    select * into lost from webhooks.delivery d where d.id = silent.id and d.state = 'sending' and d.lost_at <= private.now();
    if not found then
      continue;
    end if;
    update webhooks.attempt a set outcome = 'lost', ended_at = private.now()
    where a.delivery_id = lost.id and a.number = lost.tries and a.outcome is null;
    perform webhooks.put_back(lost, account_now,
      case when webhooks.retry_delay(lost.id, lost.tries - lost.tries_before) is not null then interval '0' end);
    perform webhooks.look_ahead(lost.endpoint_id);
  end loop;
end $$;
comment on function webhooks.find_lost() is 'Puts back what was noted and never heard of again; such a try counts, so that what kills workers is given up.';

create function webhooks.claim(maximum integer, at_each_endpoint integer, lease interval) returns setof jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  held webhooks.endpoint;
  account_now timestamptz;
  free integer;
  claimed integer;
  remaining integer := maximum;
begin
  perform webhooks.find_lost();
  for held in
    select e.* from webhooks.endpoint e
    where e.state = 'enabled' and e.next_due_at is not null and e.next_due_at <= charges.now(e.account_id)
    order by e.claimed_at nulls first, e.id for update skip locked
  loop
    exit when remaining <= 0;
    free := least(remaining, at_each_endpoint - (
      select count(*) from webhooks.delivery d where d.endpoint_id = held.id and d.state = 'sending'));
    continue when free <= 0;
    account_now := charges.now(held.account_id);
    return query
      with due as (
        select d.id from webhooks.delivery d
        where d.endpoint_id = held.id and d.state = 'waiting' and d.due_at <= account_now
        order by d.due_at, d.position limit free
      ), taken as (
        update webhooks.delivery d set state = 'sending', tries = d.tries + 1, lost_at = private.now() + lease
        from due where d.id = due.id returning d.*
      ), noted as (
        insert into webhooks.attempt (delivery_id, number, began_at, account_at, mischief)
        select t.id, t.tries, private.now(), account_now, array_remove(array[
          case when (held.chaos ->> 'bad_signature')::boolean and t.tries = 1 then 'bad_signature' end,
          case when (held.chaos ->> 'duplicate')::boolean and t.tries > 1 and exists (
            select from webhooks.attempt a where a.delivery_id = t.id and a.outcome = 'accepted') then 'duplicate' end
        ], null)
        from taken t returning attempt.*
      )
      select jsonb_build_object(
        'delivery_id', t.id, 'number', t.tries, 'endpoint_id', held.id, 'url', held.url, 'message_id', m.id, 'body', m.body,
        'mischief', n.mischief, 'secret_sealed', encode(held.secret_sealed, 'base64'),
        'previous_sealed', case when held.previous_until > private.now() then encode(held.previous_sealed, 'base64') end)
      from taken t join webhooks.message m on m.id = t.message_id join noted n on n.delivery_id = t.id;
    get diagnostics claimed = row_count;
    remaining := remaining - claimed;
    update webhooks.endpoint e set claimed_at = private.now() where e.id = held.id;
    perform webhooks.look_ahead(held.id);
  end loop;
end $$;
comment on function webhooks.claim(integer, integer, interval) is
'Takes what is due, noting each try; what is not settled within the lease is taken again. No endpoint has more than at_each_endpoint under way.';
grant execute on function webhooks.claim(integer, integer, interval) to service_role;

create function webhooks.settle(delivery_id uuid, number integer, outcome text, status integer, took_ms integer, headers jsonb, answer text)
returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  sent webhooks.delivery;
  held webhooks.endpoint;
  account_now timestamptz;
  was_taken boolean;
begin
  select e.* into held from webhooks.endpoint e
  where e.id = (select d.endpoint_id from webhooks.delivery d where d.id = delivery_id) for update;
  if not found then
    return 'forgotten';
  end if;
  select * into sent from webhooks.delivery d where d.id = delivery_id;
  account_now := charges.now(held.account_id);
  update webhooks.attempt a set outcome = outcome, status = status, took_ms = took_ms, headers = headers, answer = answer,
    ended_at = private.now()
  where a.delivery_id = delivery_id and a.number = number;
  -- taken for lost, or closed, while we waited: the try is on record, and the delivery is somebody else's
  if sent.tries <> number or sent.state not in ('sending', 'given_up') then
    return sent.state;
  end if;
  was_taken := exists (
    select from webhooks.attempt a
    where a.delivery_id = delivery_id and a.outcome = 'accepted' and a.number > sent.tries_before and a.number < number);
  if outcome = 'accepted' or was_taken then
    update webhooks.endpoint e set failures_in_row = 0, failing_since = null where e.id = held.id and e.failing_since is not null;
    if sent.state = 'sending' and not was_taken and (held.chaos ->> 'duplicate')::boolean then
      perform webhooks.put_back(sent, account_now, '0');
    else
      update webhooks.delivery d set state = 'accepted', reason = null, lost_at = null, ended_at = private.now() where d.id = delivery_id;
      perform webhooks.promote(held.id, sent.ordering_key);
    end if;
  elsif sent.state = 'sending' then
    update webhooks.endpoint e set failures_in_row = e.failures_in_row + 1, failing_since = coalesce(e.failing_since, account_now)
    where e.id = held.id returning * into held;
    if status = 410 then
      perform webhooks.close_endpoint(held, 'disabled', 'gone');
      return 'given_up';
    end if;
    if held.failures_in_row >= 5 and held.failing_since <= account_now - interval '5 days' then
      perform webhooks.close_endpoint(held, 'disabled', 'failing', jsonb_build_object('failing_since', held.failing_since));
      return 'given_up';
    end if;
    perform webhooks.put_back(sent, account_now, webhooks.retry_delay(delivery_id, number - sent.tries_before));
  end if;
  perform webhooks.look_ahead(held.id);
  return (select d.state from webhooks.delivery d where d.id = delivery_id);
end $$;
comment on function webhooks.settle(uuid, integer, text, integer, integer, jsonb, text) is
'What became of a try, and so of its delivery, whose state it returns. 410 disables the endpoint; so do five days in which every try failed, five at least.';
grant execute on function webhooks.settle(uuid, integer, text, integer, integer, jsonb, text) to service_role;

create function webhooks.has_work() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from webhooks.cursor c join charges.event e
      on e.era = c.era and e.xid >= pg_snapshot_xmin(c.snapshot) and not pg_visible_in_snapshot(e.xid, c.snapshot)
  ) or exists (
    select from webhooks.cursor c join webhooks.message m on m.position > c.placed
  ) or exists (
    select from webhooks.endpoint e
    where e.state = 'enabled' and e.next_due_at is not null and e.next_due_at <= charges.now(e.account_id)
  ) or exists (
    select from webhooks.delivery d where d.state = 'sending' and d.lost_at <= private.now()
  )
$$;
comment on function webhooks.has_work() is 'Whether anything is to be followed, sent or found lost: what an idle worker asks, in one trip and as nobody.';
grant execute on function webhooks.has_work() to paya_app;
