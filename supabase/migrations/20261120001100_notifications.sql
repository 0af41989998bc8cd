-- Notifications: what people want to be told, where, and when not.
-- Why      Whoever saves by plan learns what became of it without looking: by text, e-mail or push, as they chose. An
--          address is written to only after its owner confirmed it, and one click in any mail ends mails of its kind.
-- Units    quiet_*_minute: minutes of the day, wall time in zone; remind_hours: hours before a buy.
-- Locks    A change holds the person's row of settings.
-- Callers  People change and see their own (auth.uid()); service_role acts on signed links.
-- Undo     Forward only.
set local lock_timeout = '5s';

insert into risk.limit_name (name) values ('notice_texts_day_count');
insert into risk.limit_value (name, value_max, reason)
values ('notice_texts_day_count', 50, 'opening rule: 50 texts to one person in 24 hours; each costs us a cent, and urgent ones do not count');

create schema notifications;
revoke all on schema notifications from public;
grant usage on schema notifications to authenticated, service_role;

create table notifications.kind (
  kind events.kind primary key,
  is_chosen boolean not null,
  is_default boolean not null,
  is_urgent boolean not null default false,
  is_texted boolean not null default false
);
comment on table notifications.kind is
'Events that people are told of. is_chosen: whether they may choose (else it is written to an address that is to be confirmed); '
'is_default: whether e-mail and push tell it until they do. is_texted: whether a text does, as long as it is the only way to reach them. '
'is_urgent: told by every channel, in quiet hours too, and nobody can choose otherwise: whoever holds a stolen session least of all.';
alter table notifications.kind enable row level security;
insert into notifications.kind (kind, is_chosen, is_default)
values
('buy.bought', true, true), ('buy.failed', true, true), ('buy.skipped', true, true), ('buy.waits', true, true),
('plan.paused', true, true), ('plan.ended', true, true), ('reminder.came', true, false), ('notices.email_asked', false, true),
('withdrawal.sent', true, true), ('withdrawal.failed', true, true);
update notifications.kind k set is_texted = true
where k.kind in ('buy.failed', 'plan.paused', 'withdrawal.failed');
insert into notifications.kind (kind, is_chosen, is_default, is_urgent) values ('withdrawal_address.added', false, true, true);

create table notifications.setting (
  person uuid primary key references public.profiles (id),
  email text,
  email_asked text,
  quiet_from_minute integer,
  quiet_to_minute integer,
  zone text not null default 'UTC',
  remind_hours integer not null default 24,
  version bigint not null default 0,
  changed_at timestamptz not null,
  constraint email_is_an_address check (
    (email is null or (email ~ '^[!-~]+@[A-Za-z0-9.-]+[.][A-Za-z]{2,}$' and char_length(email) <= 254))
    and (email_asked is null or (email_asked ~ '^[!-~]+@[A-Za-z0-9.-]+[.][A-Za-z]{2,}$' and char_length(email_asked) <= 254))
  ),
  constraint quiet_hours_have_two_ends check (
    (quiet_from_minute is null) = (quiet_to_minute is null) and quiet_from_minute <> quiet_to_minute
    and quiet_from_minute between 0 and 1439 and quiet_to_minute between 0 and 1439
  ),
  constraint zone_is_a_name check (zone ~ '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}$' and char_length(zone) <= 64),
  constraint reminders_come_within_three_days check (remind_hours between 1 and 72)
);
comment on table notifications.setting is
'How somebody is told of things. email: confirmed by its owner; email_asked: a link was sent there, and is waited for.';
alter table notifications.setting enable row level security;

create table notifications.preference (
  person uuid not null references public.profiles (id),
  kind events.kind not null references notifications.kind (kind),
  channel text not null,
  is_wanted boolean not null,
  changed_at timestamptz not null,
  primary key (person, kind, channel),
  constraint channel_is_known check (channel in ('sms', 'email', 'push'))
);
comment on table notifications.preference is 'What somebody chose; where there is no row the kind''s default holds.';
create index preference_for_reminders on notifications.preference (person) where kind = 'reminder.came' and is_wanted;
alter table notifications.preference enable row level security;

create table notifications.device (
  id uuid primary key default gen_random_uuid(),
  person uuid not null references public.profiles (id),
  endpoint text not null unique,
  public_key text not null,
  auth_secret text not null,
  name text not null,
  created_at timestamptz not null,
  constraint endpoint_is_an_address check (endpoint ~ '^https?://[!-~]+$' and char_length(endpoint) <= 1000),
  constraint keys_are_base64url check (public_key ~ '^[A-Za-z0-9_-]{80,100}$' and auth_secret ~ '^[A-Za-z0-9_-]{16,32}$'),
  constraint name_is_short check (char_length(name) between 1 and 60)
);
comment on table notifications.device is 'Browsers that take push messages (RFC 8030), with the keys that these are encrypted for (RFC 8291).';
create index device_of_person on notifications.device (person);
alter table notifications.device enable row level security;

create function notifications.is_reached_by_text_alone(person uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select not exists (
    select from notifications.setting s where s.person = is_reached_by_text_alone.person and s.email is not null
  ) and not exists (select from notifications.device d where d.person = is_reached_by_text_alone.person)
$$;
comment on function notifications.is_reached_by_text_alone(uuid) is 'Whether somebody has neither a confirmed address nor a browser that takes push messages.';

create function notifications.is_wanted(person uuid, kind text, channel text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(
    case when not k.is_chosen then k.is_urgent or is_wanted.channel = 'email' end,
    (select p.is_wanted from notifications.preference p
     where p.person = is_wanted.person and p.kind = k.kind and p.channel = is_wanted.channel),
    case when is_wanted.channel = 'sms' then k.is_texted and notifications.is_reached_by_text_alone(is_wanted.person)
      else k.is_default end)
  from notifications.kind k where k.kind = is_wanted.kind
$$;
comment on function notifications.is_wanted(uuid, text, text) is 'Whether somebody wants to be told of this kind by this channel.';

create function notifications.note(person uuid, kind text, facts jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  changes bigint;
begin
  update notifications.setting s set version = s.version + 1, changed_at = private.now()
  where s.person = person returning s.version into changes;
  perform events.record(kind, person, changes, jsonb_build_object('owner_id', person) || facts, auth.uid());
end $$;
comment on function notifications.note(uuid, text, jsonb) is 'Writes the event of a change, with neither address nor key in it.';

create function notifications.hold_mine() returns notifications.setting
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  mine notifications.setting;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  if not exists (select from public.profiles p where p.id = auth.uid()) then
    perform private.refuse('account_unavailable');
  end if;
  insert into notifications.setting (person, changed_at) values (auth.uid(), private.now()) on conflict do nothing;
  select * into mine from notifications.setting s where s.person = auth.uid() for update;
  return mine;
end $$;
comment on function notifications.hold_mine() is 'The caller''s settings, made on first use and held.';

create function notifications.choose(kind text, channel text, is_wanted boolean) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  mine notifications.setting := notifications.hold_mine();
  before boolean := notifications.is_wanted(mine.person, kind, channel);
begin
  if is_wanted is null or channel is null or channel not in ('sms', 'email', 'push')
    or not exists (select from notifications.kind k where k.kind = kind and k.is_chosen)
  then
    perform private.refuse('notice_unknown');
  end if;
  if before = is_wanted then
    return;
  end if;
  insert into notifications.preference (person, kind, channel, is_wanted, changed_at)
  values (mine.person, kind, channel, is_wanted, private.now())
  on conflict on constraint preference_pkey do update set is_wanted = excluded.is_wanted, changed_at = excluded.changed_at;
  perform notifications.note(mine.person, 'notices.preference_changed', jsonb_build_object(
    'kind', kind, 'channel', channel, 'before', before, 'after', is_wanted, 'by', 'page'));
end $$;
comment on function notifications.choose(text, text, boolean) is 'Whether the caller wants to be told of this kind by this channel. Again changes nothing.';
grant execute on function notifications.choose(text, text, boolean) to authenticated;

create function notifications.unsubscribe(person uuid, kind text, channel text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  perform from notifications.setting s where s.person = person for update;
  if not found or not exists (select from notifications.kind k where k.kind = kind and k.is_chosen) then
    return false;
  end if;
  if notifications.is_wanted(person, kind, channel) then
    insert into notifications.preference (person, kind, channel, is_wanted, changed_at)
    values (person, kind, channel, false, private.now())
    on conflict on constraint preference_pkey do update set is_wanted = false, changed_at = excluded.changed_at;
    perform notifications.note(person, 'notices.preference_changed', jsonb_build_object(
      'kind', kind, 'channel', channel, 'before', true, 'after', false, 'by', 'link'));
  end if;
  return true;
end $$;
comment on function notifications.unsubscribe(uuid, text, text) is
'Ends notices of a kind by a channel, for whoever holds the link that was sent to them. False for what cannot be ended so.';
grant execute on function notifications.unsubscribe(uuid, text, text) to service_role;

create function notifications.set_hours(quiet_from_minute integer, quiet_to_minute integer, zone text, remind_hours integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  mine notifications.setting := notifications.hold_mine();
  before jsonb := jsonb_build_object('quiet_from_minute', mine.quiet_from_minute, 'quiet_to_minute', mine.quiet_to_minute,
    'zone', mine.zone, 'remind_hours', mine.remind_hours);
  after jsonb := jsonb_build_object('quiet_from_minute', quiet_from_minute, 'quiet_to_minute', quiet_to_minute,
    'zone', zone, 'remind_hours', remind_hours);
begin
  if (quiet_from_minute is null) <> (quiet_to_minute is null) or quiet_from_minute = quiet_to_minute
    or quiet_from_minute not between 0 and 1439 or quiet_to_minute not between 0 and 1439
    or remind_hours is null or remind_hours not between 1 and 72
    or zone is null or zone !~ '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}$' or char_length(zone) > 64
  then
    perform private.refuse('quiet_hours_invalid');
  end if;
  if before = after then
    return;
  end if;
  update notifications.setting s set quiet_from_minute = quiet_from_minute, quiet_to_minute = quiet_to_minute,
    zone = zone, remind_hours = remind_hours
  where s.person = mine.person;
  perform notifications.note(mine.person, 'notices.hours_changed', jsonb_build_object('before', before, 'after', after));
end $$;
comment on function notifications.set_hours(integer, integer, text, integer) is
'When the caller is not to be told of anything (null: always may), in which zone, and how many hours ahead a buy is announced.';
grant execute on function notifications.set_hours(integer, integer, text, integer) to authenticated;
