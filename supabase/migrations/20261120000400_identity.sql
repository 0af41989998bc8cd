-- Identity: people, their handles, and finding one by handle or phone.
-- Why      Others see a handle and a name; the phone stays in auth.users and is never shown.
-- Units    handle: 3 to 20 of a-z 0-9 _, first a letter; name: 1 to 50 characters.
-- Locks    claim_handle relies on unique indexes: of two who claim the same handle at once, one gets it.
--          choose_received_audience holds the person's own row of identity.privacy.
-- Demo     is_demo follows app_metadata.demo, which only the service key can set.
-- Callers  People claim their own handle (auth.uid()); everyone may read profiles.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema identity;
revoke all on schema identity from public;
grant usage on schema identity to anon, authenticated, service_role, paya_app, paya_worker;

create table public.profiles (
  id uuid primary key references auth.users (id),
  handle text not null,
  name text not null,
  is_demo boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  constraint handle_is_well_formed check (handle ~ '^[a-z][a-z0-9_]{2,19}$'),
  constraint name_is_short check (char_length(name) between 1 and 50)
);
comment on table public.profiles is 'What everyone may know of a person: handle and name.';
create unique index profiles_handle_unique on public.profiles (handle);
alter table public.profiles enable row level security;
revoke all on public.profiles from anon, authenticated, service_role;
grant select on public.profiles to anon, authenticated, service_role;
create policy profiles_are_public on public.profiles for select to anon, authenticated using (true);

-- Handles that look alike share a skeleton: 0 is o; 1 and i are l; 5 is s; rn is m; vv is w; _ is nothing.
create function identity.skeleton(handle text) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select replace(replace(translate(handle, '01i5_', 'olls'), 'rn', 'm'), 'vv', 'w')
$$;
comment on function identity.skeleton(text) is 'What a handle looks like at a glance; two handles with one skeleton are look-alikes.';
create unique index profiles_look_alikes_unique on public.profiles (identity.skeleton(handle));

create table identity.reserved_handle (
  skeleton text primary key,
  handle text not null
);
comment on table identity.reserved_handle is 'Names that nobody may take: ours, the routes, and what people would trust.';
alter table identity.reserved_handle enable row level security;
insert into identity.reserved_handle (skeleton, handle)
select
  identity.skeleton(h),
  min(h)
from
  unnest(array[
    'paya', 'paya_app', 'paya_help', 'paya_support', 'payateam', 'admin', 'administrator', 'root', 'system', 'support',
    'help', 'helpdesk', 'security', 'official', 'staff', 'team', 'moderator', 'bank', 'banking', 'reserve', 'treasury',
    'rewards', 'refund', 'refunds', 'fraud', 'billing', 'payments', 'payment', 'pay', 'wallet', 'api', 'www', 'mail',
    'home', 'activity', 'settings', 'welcome', 'verify', 'add', 'proof', 'save', 'stats', 'developers', 'feed', 'local',
    'null', 'undefined', 'anonymous', 'everyone', 'nobody', 'somebody', 'plaid', 'dwolla', 'twilio', 'supabase', 'federalreserve'
  ]) as t (h)
group by 1;

create function identity.claim_handle(handle text, name text) returns setof public.profiles
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  broken text;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if handle is null or handle !~ '^[a-z][a-z0-9_]{2,19}$' then
    perform private.refuse('handle_invalid');
  end if;
  if name is null or char_length(name) not between 1 and 50 then
    perform private.refuse('name_invalid');
  end if;
  -- claiming again what one has is no change: a double click, a retry
  if exists (select from public.profiles p where p.id = person) then
    if not exists (select from public.profiles p where p.id = person and p.handle = handle) then
      perform private.refuse('handle_kept');
    end if;
    return query select * from public.profiles p where p.id = person;
    return;
  end if;
  if exists (select from identity.reserved_handle r where r.skeleton = identity.skeleton(handle)) then
    perform private.refuse('handle_taken', jsonb_build_object('handle', handle));
  end if;
  begin
    insert into public.profiles (id, handle, name, is_demo)
    select person, handle, name, coalesce((
      select u.raw_app_meta_data ->> 'demo' = 'true' from auth.users u where u.id = person), false);
  exception
    when unique_violation then
      get stacked diagnostics broken = constraint_name;
      if broken = 'profiles_pkey' then
        return query select * from identity.claim_handle(handle, name);
        return;
      end if;
      perform private.refuse('handle_taken', jsonb_build_object('handle', handle));
    when foreign_key_violation then
      perform private.refuse('signed_out');
  end;
  perform ledger.open_wallet(person);
  perform events.record('person.joined', person, 1, jsonb_build_object('handle', handle));
  return query select * from public.profiles p where p.id = person;
end $$;
comment on function identity.claim_handle(text, text) is
'Makes the caller a person: profile, wallet and event in one transaction. Refuses reserved, taken and look-alike handles.';
grant execute on function identity.claim_handle(text, text) to authenticated;

create table identity.phone_lookup (
  person uuid not null,
  at timestamptz not null
);
comment on table identity.phone_lookup is 'When somebody looked a phone number up; bounds the guessing of who is here.';
create index phone_lookup_recent on identity.phone_lookup (person, at);
alter table identity.phone_lookup enable row level security;

create function identity.find(to_text text) returns setof public.profiles
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  looker uuid := auth.uid();
  maximum bigint := risk.limit_max('phone_lookup_hour_count');
begin
  if looker is null then
    perform private.refuse('signed_out');
  end if;
  if to_text !~ '^[+][0-9]{8,15}$' then
    return query select * from public.profiles p where p.handle = to_text;
    return;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('phone_lookup:' || looker, 0));
  if (select count(*) from identity.phone_lookup l where l.person = looker and l.at > private.now() - interval '1 hour')
    >= maximum then
    perform private.refuse('limit_exceeded', jsonb_build_object('limit', 'phone_lookup_hour_count', 'max', maximum));
  end if;
  insert into identity.phone_lookup (person, at) values (looker, private.now());
  return query
    select p.* from public.profiles p join auth.users u on u.id = p.id
    where u.phone = ltrim(to_text, '+') and u.phone_confirmed_at is not null;
end $$;
comment on function identity.find(text) is 'The person with this handle (without @) or E.164 phone number, or no row. Look-ups by phone are counted.';
grant execute on function identity.find(text) to authenticated;

-- Payments to somebody show when the sender shows them, unless the person here says otherwise. Nobody else learns it:
-- it is in no table that an API role reads.
create table identity.privacy (
  person uuid primary key references public.profiles (id),
  received_audience text not null,
  version bigint not null,
  constraint received_audience_is_known check (received_audience in ('private', 'public'))
);
comment on table identity.privacy is
'What each person lets be seen of payments to them, for those who ever chose; wallet.send gives it to each new payment.';
alter table identity.privacy enable row level security;

create function identity.my_received_audience() returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  return coalesce((select v.received_audience from identity.privacy v where v.person = auth.uid()), 'public');
end $$;
comment on function identity.my_received_audience() is
'The caller''s side of payments to them from now on: public (when the sender shows them) or private.';
grant execute on function identity.my_received_audience() to authenticated;

create function identity.choose_received_audience(audience text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  chooser uuid := auth.uid();
  known identity.privacy;
begin
  if not exists (select from public.profiles p where p.id = chooser) then
    perform private.refuse('signed_out');
  end if;
  if audience is null or audience not in ('private', 'public') then
    perform private.refuse('audience_invalid');
  end if;
  insert into identity.privacy (person, received_audience, version) values (chooser, 'public', 0) on conflict do nothing;
  select * into known from identity.privacy v where v.person = chooser for update;
  if known.received_audience <> audience then
    update identity.privacy v set received_audience = audience, version = v.version + 1 where v.person = chooser;
    perform events.record('person.privacy_changed', chooser, known.version + 1,
      jsonb_build_object('owner_id', chooser, 'received_audience', audience));
  end if;
  return audience;
end $$;
comment on function identity.choose_received_audience(text) is
'Sets the caller''s side of payments to them that are made from now on. Those made before keep theirs.';
grant execute on function identity.choose_received_audience(text) to authenticated;
