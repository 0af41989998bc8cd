-- Notifications, deliveries: one row for each event and channel, marked before anything is sent.
-- Why      Nobody is told of a thing twice: the row is unique, and it is marked in a transaction of its own before the
--          vendor is called. Who dies in between leaves a notice that may not have been sent; it is closed as unknown and
--          never repeated. That errs towards silence: what happened stands on the plan's page and in its history.
-- Units    due_at: when it may be sent.
-- Locks    The follower's mark, then its new rows. A delivery's own row otherwise.
-- Callers  service_role: the jobs. People see what they were sent (auth.uid()).
-- Undo     Forward only.
set local lock_timeout = '5s';

-- what happened before there were notices is told to nobody
insert into events.mark (consumer, position)
select
  'notifications',
  coalesce(max(p.position), 0)
from events.event_position p;

create table notifications.delivery (
  id uuid primary key default gen_random_uuid(),
  event_id bigint not null references events.event (id),
  channel text not null,
  person uuid not null references public.profiles (id),
  kind events.kind not null,
  state text not null default 'waiting',
  reason text,
  vendor_ref text,
  tries integer not null default 0,
  created_at timestamptz not null,
  due_at timestamptz not null,
  began_at timestamptz,
  ended_at timestamptz,
  constraint told_once_by_each_channel unique (event_id, channel),
  constraint channel_is_known check (channel in ('sms', 'email', 'push')),
  constraint state_is_known check (state in ('waiting', 'sending', 'sent', 'refused', 'unknown', 'dropped')),
  constraint ended_says_when check ((state in ('sent', 'refused', 'unknown', 'dropped')) = (ended_at is not null))
) with (fillfactor = 80);
comment on table notifications.delivery is
'Telling one person of one event by one channel: waiting, sending (marked before the vendor is called), then sent, refused by the '
'vendor, unknown (may have been sent; never repeated), or dropped for a reason of ours.';
create index delivery_of_person on notifications.delivery (person, created_at desc, id desc);
create index delivery_put_off on notifications.delivery (due_at) where state = 'waiting' and reason = 'quiet_hours';
create index delivery_begun on notifications.delivery (began_at) where state = 'sending';
alter table notifications.delivery enable row level security;

create table notifications.reminder (
  id uuid primary key default gen_random_uuid(),
  buy_id uuid not null unique,
  at timestamptz not null
);
comment on table notifications.reminder is 'Buys that were announced ahead, each once.';
alter table notifications.reminder enable row level security;

create function notifications.remind(maximum integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  reminded integer;
begin
  with wanted as (
    select distinct p.person, coalesce(s.remind_hours, 24) as hours
    from notifications.preference p left join notifications.setting s on s.person = p.person
    where p.kind = 'reminder.came' and p.is_wanted
  ), near as (
    select b.* from wanted w
    join savings.plan l on l.person = w.person and l.state = 'active'
    join savings.buy b on b.plan_id = l.id
    where b.state = 'scheduled' and b.due_at > private.now() and b.due_at <= private.now() + make_interval(hours => w.hours)
      and not exists (select from notifications.reminder r where r.buy_id = b.id)
    limit maximum
  ), noted as (
    insert into notifications.reminder (buy_id, at) select n.id, private.now() from near n
    on conflict do nothing returning id, buy_id
  )
  insert into events.event (actor, kind, subject, version, payload)
  select null, 'reminder.came', d.id, 1, jsonb_build_object(
    'owner_id', n.person, 'plan_id', n.plan_id, 'buy_id', n.id, 'due_at', n.due_at, 'amount_cents', n.amount_cents)
  from noted d join near n on n.id = d.buy_id;
  get diagnostics reminded = row_count;
  return reminded;
end $$;
comment on function notifications.remind(integer) is 'Announces buys that are near to those who wish it, each once; returns how many.';
grant execute on function notifications.remind(integer) to service_role;

create function notifications.follow(maximum integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  batch events.entry[] := array(select t from events.take('notifications', maximum) t);
  made_count integer;
begin
  with told as (
    select b.id, b.kind, (b.payload ->> 'owner_id')::uuid as person
    from unnest(batch) b join notifications.kind k on k.kind = b.kind
    where b.at > clock_timestamp() - interval '1 day'
      -- whoever skipped a buy knows; one that waits is told of when it begins to
      and not (b.kind = 'buy.skipped' and b.payload ->> 'reason' = 'skipped_by_owner')
      and not (b.kind = 'buy.waits' and exists (
        select from events.event e where e.subject = b.subject and e.kind = 'buy.waits' and e.id < b.id))
  ), made as (
    insert into notifications.delivery (event_id, channel, person, kind, created_at, due_at)
    select t.id, c.channel, t.person, t.kind, private.now(), private.now()
    from told t cross join (values ('sms'), ('email'), ('push')) c (channel)
    where notifications.is_wanted(t.person, t.kind, c.channel) and case c.channel
      when 'sms' then true
      when 'email' then exists (
        select from notifications.setting s
        where s.person = t.person and case when t.kind = 'notices.email_asked' then s.email_asked else s.email end is not null)
      else exists (select from notifications.device d where d.person = t.person)
    end
    on conflict do nothing returning id
  )
  select count(jobs.enqueue(
    'notifications', 'deliver_notice', jsonb_build_object('delivery_id', m.id), 'deliver_notice:' || m.id)) into made_count
  from made m;
  return cardinality(batch);
end $$;
comment on function notifications.follow(integer) is
'Makes a delivery for each of the next events and each channel that its person wants, with its job; returns how many events were read.';
grant execute on function notifications.follow(integer) to service_role;

create function notifications.hurry(maximum integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  waiting uuid;
  hurried integer := 0;
begin
  for waiting in
    select d.id from notifications.delivery d
    where d.state = 'waiting' and d.reason = 'quiet_hours' and d.due_at <= private.now()
    order by d.due_at limit maximum for update skip locked
  loop
    update notifications.delivery d set reason = null where d.id = waiting;
    perform jobs.enqueue('notifications', 'deliver_notice', jsonb_build_object('delivery_id', waiting), 'deliver_notice:' || waiting);
    hurried := hurried + 1;
  end loop;
  return hurried;
end $$;
comment on function notifications.hurry(integer) is 'Enqueues what was put off until a time that has come; returns how many.';
grant execute on function notifications.hurry(integer) to service_role;

create function notifications.open(delivery_id uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'person', d.person, 'kind', d.kind, 'channel', d.channel, 'facts', e.payload, 'at', d.created_at, 'now', private.now(),
    'is_wanted', notifications.is_wanted(d.person, d.kind, d.channel), 'is_chosen', k.is_chosen, 'is_urgent', k.is_urgent,
    'is_one_too_many', d.channel = 'sms' and not k.is_urgent and (
      select count(*) from notifications.delivery o join notifications.kind u on u.kind = o.kind and not u.is_urgent
      where o.person = d.person and o.channel = 'sms' and o.state in ('sending', 'sent', 'unknown')
        and o.began_at > private.now() - interval '24 hours'
        and o.created_at > private.now() - interval '3 days'
    ) >= coalesce(risk.limit_max('notice_texts_day_count'), 0),
    'is_late', greatest(d.created_at, d.due_at) < private.now() - interval '1 day'
      or (d.kind = 'reminder.came' and (e.payload ->> 'due_at')::timestamptz <= private.now())
      -- another address was asked for since
      or (d.kind = 'notices.email_asked' and exists (
        select from events.event n where n.subject = e.subject and n.kind = e.kind and n.id > e.id)),
    'plan_id', l.id, 'plan_name', l.name, 'plan_zone', l.zone,
    'email', case when d.kind = 'notices.email_asked' then s.email_asked else s.email end,
    'phone', case when d.channel = 'sms' then (
      select u.phone from auth.users u where u.id = d.person and u.phone_confirmed_at is not null) end,
    'devices', case when d.channel = 'push' then (
      select jsonb_agg(jsonb_build_object(
        'id', v.id, 'endpoint', v.endpoint, 'public_key', v.public_key, 'auth_secret', v.auth_secret) order by v.created_at)
      from notifications.device v where v.person = d.person) end,
    'quiet_from_minute', s.quiet_from_minute, 'quiet_to_minute', s.quiet_to_minute, 'zone', coalesce(s.zone, 'UTC'))
  from notifications.delivery d
  join events.event e on e.id = d.event_id
  join notifications.kind k on k.kind = d.kind
  left join notifications.setting s on s.person = d.person
  left join savings.plan l on l.id = case when d.kind like 'plan.%' then e.subject else (e.payload ->> 'plan_id')::uuid end
  where d.id = delivery_id and d.state = 'waiting' and d.due_at <= private.now()
$$;
comment on function notifications.open(uuid) is 'What is to be told and to whom, as it is now; null when there is nothing to do (yet).';
grant execute on function notifications.open(uuid) to service_role;

create function notifications.begin_sending(delivery_id uuid) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  update notifications.delivery d set state = 'sending', tries = d.tries + 1, began_at = private.now()
  where d.id = delivery_id and d.state = 'waiting' and d.due_at <= private.now();
  return found;
end $$;
comment on function notifications.begin_sending(uuid) is 'Marks a delivery before it is sent. False for everybody but the one who may send it.';
grant execute on function notifications.begin_sending(uuid) to service_role;

create function notifications.note_ended(delivery notifications.delivery) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select events.record('notice.' || (delivery).state, (delivery).id, (delivery).tries + 1, jsonb_build_object(
    'owner_id', (delivery).person, 'event_id', (delivery).event_id, 'kind', (delivery).kind, 'channel', (delivery).channel,
    'reason', (delivery).reason), null)
$$;
comment on function notifications.note_ended(notifications.delivery) is 'The event of what became of a notice.';

create function notifications.settle(delivery_id uuid, state text, reason text, vendor_ref text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  with settled as (
    update notifications.delivery d set
      state = settle.state, reason = left(settle.reason, 100), vendor_ref = left(settle.vendor_ref, 200),
      ended_at = case when settle.state <> 'waiting' then private.now() end
    where d.id = settle.delivery_id and d.state = case when settle.state = 'dropped' then 'waiting' else 'sending' end
    returning d.*
  )
  select notifications.note_ended(s) from settled s where s.ended_at is not null
$$;
comment on function notifications.settle(uuid, text, text, text) is
'What became of a sending: sent, refused, unknown, or waiting (it certainly was not sent). dropped: it is not sent at all.';
grant execute on function notifications.settle(uuid, text, text, text) to service_role;

create function notifications.put_off(delivery_id uuid, until timestamptz) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update notifications.delivery d set due_at = until, reason = 'quiet_hours' where d.id = delivery_id and d.state = 'waiting'
$$;
comment on function notifications.put_off(uuid, timestamptz) is 'Its person wants quiet until then.';
grant execute on function notifications.put_off(uuid, timestamptz) to service_role;

create function notifications.close_lost() returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  lost integer;
begin
  with closed as (
    update notifications.delivery d set state = 'unknown', reason = 'lost', ended_at = private.now()
    where d.state = 'sending' and d.began_at < private.now() - interval '10 minutes'
    returning d.*
  )
  select count(notifications.note_ended(c)) into lost from closed c;
  return lost;
end $$;
comment on function notifications.close_lost() is
'Closes what was marked and never heard of again: it may have been sent, so it is not sent. Returns how many.';
grant execute on function notifications.close_lost() to service_role;

create function notifications.my_notices(before timestamptz, maximum integer) returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', d.id, 'kind', d.kind, 'channel', d.channel, 'state', d.state, 'reason', d.reason, 'at', d.created_at, 'due_at', d.due_at,
    'ended_at', d.ended_at, 'facts', e.payload - 'owner_id', 'plan_id', l.id, 'plan_name', l.name, 'plan_zone', l.zone)
  from notifications.delivery d
  join events.event e on e.id = d.event_id
  left join savings.plan l on l.id = case when d.kind like 'plan.%' then e.subject else (e.payload ->> 'plan_id')::uuid end
  where d.person = auth.uid() and (before is null or d.created_at < before)
  order by d.created_at desc, d.id desc limit least(greatest(maximum, 0), 100)
$$;
comment on function notifications.my_notices(timestamptz, integer) is 'What the caller was told, by which channel, and what became of it; the newest first.';
grant execute on function notifications.my_notices(timestamptz, integer) to authenticated;
