-- Relay: gives every event its place in one sequence, and tells watchers what changed.
-- Why      Ids and clocks say nothing about commit order: a reader of "id greater than my last" overlooks rows
--          of transactions that commit late. The relay's cursor is a snapshot: it places exactly the rows that
--          became visible since, whoever committed when, and never waits for a long writer. Consumers read by
--          place, each with a mark of its own that moves in the transaction of its effect, so that a crash or
--          a second relay repeats nothing.
-- Units    position: 1, 2, 3… without gaps. era: counts the databases this record has lived in. Transaction
--          ids start over in a restored database; events.rebase opens the next era.
-- Locks    events.advance holds the cursor's row; events.take skips a consumer whose mark somebody holds.
--          events.rebase takes events.event, ledger.transfer and ledger.sum_entry exclusively, for a moment.
-- Callers  The relay's login role paya_worker, and service_role. Consumers apply the highest version they saw:
--          within one advance the order is by transaction id, which is not commit order.
-- Undo     Forward only.
set local lock_timeout = '5s';

grant usage on schema events, feed to paya_worker, service_role;

alter table events.event add column era integer not null default 1;
comment on column events.event.era is 'Which database, counted by restores, wrote the row: xids compare only within an era.';
drop index events.event_by_transaction;
create index event_by_transaction on events.event (era, xid, id);

create table events.relay_cursor (
  is_only boolean primary key default true,
  era integer not null,
  snapshot pg_snapshot not null,
  position bigint not null,
  constraint cursor_is_one_row check (is_only)
);
comment on table events.relay_cursor is 'What has been placed: everything visible in this snapshot, up to this position.';
alter table events.relay_cursor enable row level security;
insert into events.relay_cursor (era, snapshot, position) values (1, '1:1:', 0);

create table events.event_position (
  position bigint primary key,
  event_id bigint not null unique references events.event (id)
);
comment on table events.event_position is 'The sequence in which consumers read events, without gaps.';
alter table events.event_position enable row level security;

create table events.mark (
  consumer text primary key,
  position bigint not null default 0,
  constraint mark_is_not_negative check (position >= 0)
);
comment on table events.mark is 'How far each consumer has read.';
alter table events.mark enable row level security;
insert into events.mark (consumer) values ('realtime');

create function events.is_restored() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select pg_snapshot_xmax(c.snapshot) > pg_snapshot_xmax(s.now)
    or coalesce((select max(e.xid) from events.event e where e.era = c.era) >= pg_snapshot_xmax(s.now), false)
    or coalesce((select max(t.xid) from ledger.transfer t where t.era = c.era) >= pg_snapshot_xmax(s.now), false)
  from events.relay_cursor c, (select pg_current_snapshot() as now) s
$$;
comment on function events.is_restored() is
'Whether the record holds transaction ids that this database has not reached: it was restored, and needs events.rebase.';

create function events.advance() returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  seen events.relay_cursor;
  now_visible pg_snapshot;
  placed_count integer;
begin
  -- Nearly always there is nothing new: see that without a lock and without writing.
  if not exists (
    select from events.relay_cursor c join events.event e
      on e.era = c.era and e.xid >= pg_snapshot_xmin(c.snapshot) and not pg_visible_in_snapshot(e.xid, c.snapshot)
  ) then
    return 0;
  end if;
  select * into seen from events.relay_cursor for update;
  -- One statement, so that the rows and the snapshot stored as the next cursor are the same view of the record.
  with s as materialized (
    select pg_current_snapshot() as snapshot
  ), placed as (
    insert into events.event_position (position, event_id)
    select seen.position + row_number() over (order by e.xid, e.id), e.id
    from events.event e
    where e.era = seen.era and e.xid >= pg_snapshot_xmin(seen.snapshot) and not pg_visible_in_snapshot(e.xid, seen.snapshot)
    returning 1
  )
  select s.snapshot, (select count(*) from placed) into now_visible, placed_count from s;
  update events.relay_cursor c set snapshot = now_visible, position = c.position + placed_count;
  return placed_count;
end $$;
comment on function events.advance() is
'Places the events that became visible since the cursor; returns how many. Call it in a transaction that writes no event.';

create type events.entry as (
  position bigint, id bigint, at timestamptz, actor uuid, kind text, subject uuid, version bigint, payload jsonb
);

create function events.take(consumer text, maximum integer) returns setof events.entry
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  last bigint;
begin
  if not exists (
    select from events.mark m join events.event_position p on p.position > m.position where m.consumer = consumer
  ) then
    return;
  end if;
  select m.position into last from events.mark m where m.consumer = consumer for update skip locked;
  if not found then
    return;
  end if;
  return query
    select p.position, e.id, e.at, e.actor, e.kind::text, e.subject, e.version, e.payload
    from events.event_position p join events.event e on e.id = p.event_id
    where p.position > last order by p.position limit maximum;
  update events.mark m
  set position = coalesce((
    select max(r.position) from (
      select p.position from events.event_position p where p.position > last order by p.position limit maximum
    ) r
  ), last)
  where m.consumer = consumer;
end $$;
comment on function events.take(text, integer) is
'The next events of a consumer, oldest first, and its mark moved past them: both undone if the caller''s transaction is. Empty while another holds the mark.';

create function events.rebase() returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  last bigint;
  next_era integer;
begin
  lock table ledger.transfer, ledger.sum_entry, events.event in access exclusive mode;
  select c.position, c.era + 1 into last, next_era from events.relay_cursor c for update;
  insert into events.event_position (position, event_id)
  select last + row_number() over (order by e.id), e.id
  from events.event e where not exists (select from events.event_position p where p.event_id = e.id);
  -- Counted once more from the first entry on: what came in since the restore has ids below the old checkpoints'.
  insert into ledger.checkpoint (account_id, era, upto, balance)
  select s.account_id, next_era, '0', sum(s.amount) from ledger.sum_entry s group by s.account_id;
  execute format('alter table events.event alter column era set default %s', next_era);
  execute format('alter table ledger.transfer alter column era set default %s', next_era);
  execute format('alter table ledger.sum_entry alter column era set default %s', next_era);
  update events.relay_cursor c set
    era = next_era,
    snapshot = pg_current_snapshot(),
    position = coalesce((select max(p.position) from events.event_position p), 0);
  return next_era;
end $$;
comment on function events.rebase() is
'After a restore: places what was not placed yet, and opens a new era in this database''s transaction ids. Returns the era.';

create function feed.announce(maximum integer default 100) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  batch events.entry[] := array(select t from events.take('realtime', maximum) t);
  shown jsonb;
  hidden jsonb;
  hint record;
begin
  if cardinality(batch) = 0 then
    return 0;
  end if;
  -- What is true of each payment now, not what the event said: nothing that turned private since gets out.
  with touched as (
    select b.subject, bool_or(b.kind = 'payment.audience_changed') as is_changed
    from unnest(batch) b where b.kind in ('payment.sent', 'payment.audience_changed') group by b.subject
  )
  select
    jsonb_agg(jsonb_build_object(
      'id', f.id, 'version', f.version, 'at', f.at, 'note', f.note,
      'sender', jsonb_build_object('handle', f.sender_handle, 'name', f.sender_name, 'demo', f.sender_is_demo),
      'recipient', jsonb_build_object('handle', f.recipient_handle, 'name', f.recipient_name, 'demo', f.recipient_is_demo)
    ) order by f.at, f.id) filter (where f.id is not null),
    -- Only what once was public is withdrawn aloud: that a private payment exists is nobody's business.
    jsonb_agg(jsonb_build_object('id', p.id, 'version', p.version)) filter (
      where f.id is null and t.is_changed and exists (
        select from events.event e where e.subject = p.id and e.payload @> '{"is_public": true}'
      )
    )
  into shown, hidden
  from touched t join public.payments p on p.id = t.subject left join feed.public_payment f on f.id = p.id;
  if shown is not null or hidden is not null then
    perform realtime.send(
      jsonb_build_object('shown', coalesce(shown, '[]'::jsonb), 'hidden', coalesce(hidden, '[]'::jsonb)), 'payments', 'feed', true
    );
  end if;
  -- Those whom an event names learn that something of theirs changed, and read it for themselves.
  for hint in
    select w.person, jsonb_agg(distinct b.kind) as kinds
    from unnest(batch) b
    cross join lateral (
      values (b.payload ->> 'sender_id'), (b.payload ->> 'recipient_id'), (b.payload ->> 'owner_id')
    ) w (person)
    where w.person is not null
    group by w.person
  loop
    perform realtime.send(jsonb_build_object('kinds', hint.kinds), 'changed', 'user:' || hint.person, true);
  end loop;
  return cardinality(batch);
end $$;
comment on function feed.announce(integer) is
'Tells realtime about the next events: one message on feed, and a hint on user:<id> for each person concerned. Returns how many events.';

grant execute on function events.is_restored() to paya_worker, service_role;
grant execute on function events.advance() to paya_worker, service_role;
grant execute on function events.take(text, integer) to paya_worker, service_role;
grant execute on function events.rebase() to paya_worker, service_role;
grant execute on function feed.announce(integer) to paya_worker, service_role;
