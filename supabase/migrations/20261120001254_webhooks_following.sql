-- Webhooks, following: from what happened to what is to be told.
-- Why      Nothing that a request waits for knows of webhooks. Events are read afterwards by a snapshot cursor, which
--          overlooks none and waits for no long writer; message, deliveries and cursor move in one transaction.
-- Units    As in the tables.
-- Locks    The cursor's row, which others skip; then the endpoints concerned, in id order, for so many messages at once.
-- Callers  The worker, as service_role.
-- Undo     Forward only.
set local lock_timeout = '5s';

-- Transaction ids start over in a restored database: they compare within an era only (events.rebase opens the next).
alter table charges.event add column era integer not null default 1;
comment on column charges.event.era is 'Which database, counted by restores, wrote the row: xids compare only within an era.';
create index event_by_era on charges.event (era, xid);

-- what happened before there were webhooks is told to nobody
insert into webhooks.cursor (era, snapshot)
select
  c.era,
  pg_current_snapshot()
from events.relay_cursor c;

create function webhooks.alias(kind text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case kind when 'payment.settled' then 'transaction_settled' else replace(kind, '.', '_') end
$$;
comment on function webhooks.alias(text) is 'The older name of a kind of event, like payment_authorized or transaction_settled.';

create function webhooks.body(kind text, at timestamptz, data text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select format('{"type":%s,"event":%s,"timestamp":"%s","data":%s}', to_json(kind), to_json(webhooks.alias(kind)),
    to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), data)
$$;
comment on function webhooks.body(text, timestamptz, text) is 'The text of a message; data is JSON already.';

create function webhooks.place(endpoint webhooks.endpoint, message_ids uuid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  account_now timestamptz := charges.now(endpoint.account_id);
  is_reordered boolean := coalesce((endpoint.chaos ->> 'reorder')::boolean, false);
  is_enabled boolean := endpoint.state = 'enabled';
begin
  with wanted as (
    select m.*, case when is_reordered then m.id else m.ordering_key end as line_key
    from webhooks.message m
    where m.id = any(message_ids) and m.account_id = endpoint.account_id and m.endpoint_id is null
      and webhooks.is_asked(m.kind, endpoint.filters)
  )
  insert into webhooks.delivery (endpoint_id, message_id, position, ordering_key, state, reason, due_at, created_at, ended_at)
  select endpoint.id, w.id, w.position, w.line_key,
    case
      when not is_enabled then 'given_up'
      when row_number() over (partition by w.line_key order by w.position) > 1 or exists (
        select from webhooks.delivery d
        where d.endpoint_id = endpoint.id and d.ordering_key = w.line_key and d.state in ('waiting', 'sending')
      ) then 'behind'
      else 'waiting'
    end,
    case when not is_enabled then 'endpoint_disabled' end,
    account_now + make_interval(secs => coalesce((endpoint.chaos ->> 'delay_s')::integer, 0)
      -- every other one comes later than the one after it
      + case when is_reordered and w.version % 2 = 1 then 10 else 0 end),
    private.now(), case when not is_enabled then private.now() end
  from wanted w order by w.position
  on conflict do nothing;
  perform webhooks.look_ahead(endpoint.id);
end $$;
comment on function webhooks.place(webhooks.endpoint, uuid[]) is
'Makes the deliveries of these messages to a held endpoint that asks for them; given up at once while it is disabled.';

create function webhooks.look_ahead(endpoint_id uuid) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update webhooks.endpoint e set next_due_at = (
    select min(d.due_at) from webhooks.delivery d where d.endpoint_id = e.id and d.state = 'waiting')
  where e.id = look_ahead.endpoint_id
$$;
comment on function webhooks.look_ahead(uuid) is 'Notes on a held endpoint when its next delivery is due.';

create function webhooks.tell(snapshot_before pg_snapshot, era integer) returns pg_snapshot
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  now_visible pg_snapshot;
begin
  -- One statement, so that the rows and the snapshot stored as the next cursor are the same view of the record.
  with s as materialized (
    select pg_current_snapshot() as snapshot
  ), told as (
    insert into webhooks.message (id, account_id, kind, object_id, ordering_key, version, body, occurred_at, created_at)
    select e.id, e.account_id, e.kind, e.object_id, o.charge_id, o.version, webhooks.body(e.kind, e.occurred_at, e.data::text),
      e.occurred_at, private.now()
    from charges.event e
    -- captures, refunds and disputes belong to a charge, whose version each of their changes raises
    cross join lateral (select
      coalesce((e.data ->> 'charge_id')::uuid, e.object_id) as charge_id,
      coalesce((e.data #>> '{charge,version}')::integer, e.version) as version) o
    where e.era = era and e.xid >= pg_snapshot_xmin(snapshot_before) and not pg_visible_in_snapshot(e.xid, snapshot_before)
      and exists (select from webhooks.endpoint p where p.account_id = e.account_id and p.state <> 'removed')
    -- of one charge's events its version says the order; their transactions' ids do not
    order by o.charge_id, o.version
    on conflict do nothing
  )
  select s.snapshot into now_visible from s;
  return now_visible;
end $$;
comment on function webhooks.tell(pg_snapshot, integer) is
'Makes messages of the events that became visible since a snapshot, for accounts that have endpoints; returns what is visible now.';

create function webhooks.follow(maximum integer) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  seen webhooks.cursor;
  message_ids uuid[];
  last bigint;
  held webhooks.endpoint;
begin
  -- Nearly always there is nothing new: see that without a lock and without writing.
  if not exists (
    select from webhooks.cursor c join charges.event e
      on e.era = c.era and e.xid >= pg_snapshot_xmin(c.snapshot) and not pg_visible_in_snapshot(e.xid, c.snapshot)
  ) and not exists (select from webhooks.cursor c join webhooks.message m on m.position > c.placed) then
    return false;
  end if;
  select * into seen from webhooks.cursor for update skip locked;
  if not found then
    return false;
  end if;
  seen.snapshot := webhooks.tell(seen.snapshot, seen.era);
  select array_agg(b.id), max(b.position) into message_ids, last
  from (select m.id, m.position from webhooks.message m where m.position > seen.placed order by m.position limit maximum) b;
  for held in
    select e.* from webhooks.endpoint e
    where e.state <> 'removed' and e.account_id in (select m.account_id from webhooks.message m where m.id = any(message_ids))
    order by e.id for update
  loop
    perform webhooks.place(held, message_ids);
  end loop;
  update webhooks.cursor c set snapshot = seen.snapshot, placed = coalesce(last, c.placed);
  return true;
end $$;
comment on function webhooks.follow(integer) is
'Makes messages of all that happened since, and the deliveries of so many of them; whether there may be more. Of several callers one does it, '
'the others go on.';
grant execute on function webhooks.follow(integer) to service_role;

create function webhooks.open_era() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  seen webhooks.cursor;
begin
  -- no transaction of before is still open: this takes the table for itself
  execute format('alter table charges.event alter column era set default %s', new.era);
  select * into seen from webhooks.cursor for update;
  update webhooks.cursor c set era = new.era, snapshot = webhooks.tell(seen.snapshot, seen.era);
  return null;
end $$;
comment on function webhooks.open_era() is 'After a restore: tells what was not told yet, and begins anew in this database''s transaction ids.';

create trigger era_opens_for_webhooks after update of era on events.relay_cursor
for each row when (old.era is distinct from new.era) execute function webhooks.open_era();
