-- Notifications, addresses: e-mail addresses that their owners confirm, browsers that take push messages, and what is shown.
-- Why      An address is anybody's until somebody opens the link that was sent there; then and only then it is written to.
-- Units    As in the tables.
-- Locks    The person's row of settings.
-- Callers  People (auth.uid()); service_role for signed links and for devices that are gone.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function notifications.ask_email(address text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  mine notifications.setting := notifications.hold_mine();
begin
  if address is null or address !~ '^[!-~]+@[A-Za-z0-9.-]+[.][A-Za-z]{2,}$' or char_length(address) > 254 then
    perform private.refuse('email_invalid');
  end if;
  if mine.email = address then
    update notifications.setting s set email_asked = null where s.person = mine.person;
    return;
  end if;
  -- each of these is a mail to somebody who may never have heard of us
  if (
    select count(*) from events.event e
    where e.subject = mine.person and e.kind = 'notices.email_asked' and e.at > clock_timestamp() - interval '1 hour'
  ) >= 5 then
    perform private.refuse('too_many_tries');
  end if;
  update notifications.setting s set email_asked = address where s.person = mine.person;
  perform notifications.note(mine.person, 'notices.email_asked', '{}');
end $$;
comment on function notifications.ask_email(text) is
'Keeps an address of the caller''s until it is confirmed, and has the link sent there; the one before is written to meanwhile.';
grant execute on function notifications.ask_email(text) to authenticated;

create function notifications.confirm_email(person uuid, address text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  held notifications.setting;
begin
  select * into held from notifications.setting s where s.person = person for update;
  if held.email = address then
    return true;
  end if;
  if held.email_asked is distinct from address then
    return false;
  end if;
  update notifications.setting s set email = address, email_asked = null where s.person = person;
  perform notifications.note(person, 'notices.email_confirmed', '{}');
  return true;
end $$;
comment on function notifications.confirm_email(uuid, text) is 'The link that was sent to this address was opened. False when another was asked for since.';
grant execute on function notifications.confirm_email(uuid, text) to service_role;

create function notifications.remove_email() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  mine notifications.setting := notifications.hold_mine();
begin
  if mine.email is null and mine.email_asked is null then
    return;
  end if;
  update notifications.setting s set email = null, email_asked = null where s.person = mine.person;
  perform notifications.note(mine.person, 'notices.email_removed', '{}');
end $$;
comment on function notifications.remove_email() is 'The caller is written to no more. Again changes nothing.';
grant execute on function notifications.remove_email() to authenticated;

create function notifications.add_device(endpoint text, public_key text, auth_secret text, name text) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  mine notifications.setting := notifications.hold_mine();
  known notifications.device;
  added uuid;
begin
  if endpoint is null or endpoint !~ '^https?://[!-~]+$' or char_length(endpoint) > 1000
    or public_key is null or public_key !~ '^[A-Za-z0-9_-]{80,100}$'
    or auth_secret is null or auth_secret !~ '^[A-Za-z0-9_-]{16,32}$'
    or name is null or char_length(name) not between 1 and 60
  then
    perform private.refuse('device_invalid');
  end if;
  select * into known from notifications.device d where d.endpoint = endpoint;
  if known.person = mine.person and (known.public_key, known.auth_secret) = (public_key, auth_secret) then
    return known.id;
  end if;
  -- whoever signs in at this browser now is told here, and nobody who was before
  delete from notifications.device d where d.endpoint = endpoint;
  if found and known.person <> mine.person then
    perform events.record('device.removed', known.id, 1, jsonb_build_object('owner_id', known.person, 'reason', 'taken_over'));
  end if;
  if (select count(*) from notifications.device d where d.person = mine.person) >= 10 then
    perform private.refuse('devices_limit', '{"max": 10}');
  end if;
  insert into notifications.device (person, endpoint, public_key, auth_secret, name, created_at)
  values (mine.person, endpoint, public_key, auth_secret, name, private.now()) returning id into added;
  perform notifications.note(mine.person, 'notices.device_added', jsonb_build_object('device_id', added));
  return added;
end $$;
comment on function notifications.add_device(text, text, text, text) is 'The caller''s browser takes push messages from now on. Again changes nothing.';
grant execute on function notifications.add_device(text, text, text, text) to authenticated;

create function notifications.remove_device(device_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  mine notifications.setting := notifications.hold_mine();
begin
  delete from notifications.device d where d.id = device_id and d.person = mine.person;
  if found then
    perform notifications.note(mine.person, 'notices.device_removed', jsonb_build_object('device_id', device_id, 'reason', 'by_owner'));
  end if;
end $$;
comment on function notifications.remove_device(uuid) is 'One of the caller''s browsers takes no more push messages. Again changes nothing.';
grant execute on function notifications.remove_device(uuid) to authenticated;

create function notifications.drop_device(device_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  owner uuid;
begin
  select d.person into owner from notifications.device d where d.id = device_id;
  perform from notifications.setting s where s.person = owner for update;
  delete from notifications.device d where d.id = device_id;
  if found then
    perform notifications.note(owner, 'notices.device_removed', jsonb_build_object('device_id', device_id, 'reason', 'gone'));
  end if;
end $$;
comment on function notifications.drop_device(uuid) is 'The push service says that this browser is there no more.';
grant execute on function notifications.drop_device(uuid) to service_role;

create function notifications.my_settings() returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  mine notifications.setting;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  select * into mine from notifications.setting s where s.person = auth.uid();
  return jsonb_build_object(
    'email', mine.email, 'email_asked', mine.email_asked, 'quiet_from_minute', mine.quiet_from_minute,
    'quiet_to_minute', mine.quiet_to_minute, 'zone', coalesce(mine.zone, 'UTC'), 'remind_hours', coalesce(mine.remind_hours, 24),
    'wanted', (
      select coalesce(jsonb_agg(k.kind || ':' || c.channel), '[]') from notifications.kind k
      cross join (values ('sms'), ('email'), ('push')) c (channel)
      where k.is_chosen and notifications.is_wanted(auth.uid(), k.kind, c.channel)),
    'devices', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', d.id, 'name', d.name, 'endpoint', d.endpoint, 'created_at', d.created_at) order by d.created_at, d.id), '[]')
      from notifications.device d where d.person = auth.uid()));
end $$;
comment on function notifications.my_settings() is 'How the caller is told of things.';
grant execute on function notifications.my_settings() to authenticated;

create function notifications.moment() returns timestamptz
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select private.now()
$$;
comment on function notifications.moment() is 'The time, as the database has it: links are good for so long from it.';
grant execute on function notifications.moment() to service_role;
