-- Banking, links: linking a bank by signing in to it, through the vendor's own pages.
-- Why      A person is sent to the vendor's pages and comes back, or does not, or comes back twice; the vendor says
--          so by a notice, before, after or never. What was reached is a state of the link, and one job goes on from
--          there, so that any order, any repetition and a crash between two steps end the same. What is asked of a
--          vendor is noted before it is asked, where asking twice would not be the same as asking once.
-- Units    Times are private.now(). sealed: AES-GCM bound to the row, under the key of key_version; nobody reads it in SQL.
-- Locks    The link's row; then, in the order of begin_source, the customer's and the bank's.
-- Callers  People start, return to and see their own (auth.uid()); service_role books what the vendor says.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table banking.connection (
  id uuid primary key,
  person uuid not null references public.profiles (id),
  item_id text not null unique,
  access_sealed bytea,
  key_version integer not null,
  institution_name text not null default '',
  state text not null default 'good',
  source_id uuid references banking.source (id),
  version bigint not null default 1,
  created_at timestamptz not null,
  constraint state_is_known check (state in ('good', 'login_required', 'pending_disconnect', 'ended')),
  constraint access_is_kept_until_the_end check (state = 'ended' or access_sealed is not null)
);
comment on table banking.connection is
'A person''s consent to see into their bank, by the vendor''s item. ended: given back; access_sealed is gone once the vendor knows.';
create index connection_by_source on banking.connection (source_id);
alter table banking.connection enable row level security;

create table banking.link (
  id uuid primary key,
  person uuid not null references public.profiles (id),
  reconnects uuid references banking.connection (id),
  state text not null default 'starting',
  token_hash text unique,
  session_sealed bytea,
  replaces text,
  exchange_begun_at timestamptz,
  code text,
  source_id uuid references banking.source (id),
  version bigint not null default 1,
  next_at timestamptz not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  constraint state_is_known check (state in ('starting', 'open', 'exchanging', 'exchanged', 'linked', 'exited', 'failed')),
  constraint ended_says_when check ((state in ('linked', 'exited', 'failed')) = (ended_at is not null)),
  constraint ended_keeps_no_session check (ended_at is null or session_sealed is null)
);
comment on table banking.link is
'One visit to the vendor''s pages. open: its person is there; exchanging, exchanged: what they brought back is being turned into a bank.'
' replaces: what the bank transfers'' vendor called the account while it waited for two deposits.';
create index link_open on banking.link (next_at) where state in ('starting', 'open', 'exchanging', 'exchanged');
create index link_by_person on banking.link (person, created_at);
alter table banking.link enable row level security;

-- The links of one person are worked on one after the other.
create function banking.enqueue_link(link banking.link) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform jobs.enqueue(
    'banking', 'follow_link', jsonb_build_object('link_id', link.id), 'follow_link:' || link.id, null, 'link:' || link.person);
end $$;
comment on function banking.enqueue_link(banking.link) is 'Has a job ask what became of a link.';

create function banking.link_json(link banking.link) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', link.id, 'state', link.state, 'code', link.code, 'is_reconnect', link.reconnects is not null,
    'source', (select banking.source_json(s) from banking.source s where s.id = link.source_id))
$$;
comment on function banking.link_json(banking.link) is 'A link as its person may see it.';

create function banking.end_link(link_id uuid, state text, code text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  ended banking.link;
begin
  update banking.link l set state = state, code = code, session_sealed = null, ended_at = private.now(), version = l.version + 1
  where l.id = link_id and l.ended_at is null returning * into ended;
  if found then
    perform events.record('link.' || state, link_id, ended.version, jsonb_build_object('owner_id', ended.person, 'code', code), ended.person);
  end if;
end $$;
comment on function banking.end_link(uuid, text, text) is 'A link came to nothing: exited by its person, or failed. Again changes nothing.';
grant execute on function banking.end_link(uuid, text, text) to service_role;

create function banking.begin_link(link_id uuid, source_id uuid default null) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  known banking.link;
  again uuid;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if link_id is null then
    perform private.refuse('request_invalid');
  end if;
  if ledger.wallet_of(person) is null then
    perform private.refuse('account_unavailable');
  end if;
  insert into banking.customer (person) values (person) on conflict do nothing;
  perform from banking.customer c where c.person = person for no key update;

  select * into known from banking.link l where l.id = link_id;
  if found then
    if known.person <> person then
      perform private.refuse('not_found', '{"what": "link"}');
    end if;
    return banking.link_json(known);
  end if;
  if exists (select from banking.source s where s.id = link_id) then -- the bank that comes of it gets this id
    perform private.refuse('not_found', '{"what": "link"}');
  end if;
  if (select count(*) from banking.link l where l.person = person and l.created_at > moment - interval '1 day') >= 20 then
    perform private.refuse('bank_limit', jsonb_build_object('limit', 'day', 'max', 20));
  end if;
  if source_id is not null then
    select c.id into again from banking.connection c
    where c.source_id = source_id and c.person = person and c.state <> 'ended' order by c.created_at desc limit 1;
    if not found then
      perform private.refuse('not_found', '{"what": "bank"}');
    end if;
  else
    perform banking.refuse_sixth_source(person);
  end if;
  insert into banking.link (id, person, reconnects, next_at, created_at)
  values (link_id, person, again, moment + interval '10 minutes', moment) on conflict do nothing returning * into known;
  if not found then -- somebody else's, who asked under the same id at this very moment
    perform private.refuse('not_found', '{"what": "link"}');
  end if;
  perform events.record('link.started', link_id, 1, jsonb_build_object('owner_id', person), person);
  return banking.link_json(known);
end $$;
comment on function banking.begin_link(uuid, uuid) is
'Notes that the caller goes to link a bank, or to sign in to one of theirs again (source_id); once per link_id.';
grant execute on function banking.begin_link(uuid, uuid) to authenticated;

create function banking.my_link(link_id uuid, has_returned boolean default false) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  known banking.link;
begin
  select * into known from banking.link l where l.id = link_id and l.person = auth.uid();
  if not found then
    return null;
  end if;
  if has_returned and known.state in ('open', 'exchanging', 'exchanged') then
    perform banking.enqueue_link(known);
  end if;
  return banking.link_json(known);
end $$;
comment on function banking.my_link(uuid, boolean) is
'One of the caller''s links, or null. When its person came back (has_returned), what they brought is asked for.';
grant execute on function banking.my_link(uuid, boolean) to authenticated;

create function banking.link_order(link_id uuid) returns table (
  person uuid, state text, reconnects uuid, session_sealed bytea, access_sealed bytea, item_id text, source jsonb,
  customer_vendor_id text, name text
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select l.person, l.state, l.reconnects, l.session_sealed, c.access_sealed, c.item_id,
    (select jsonb_build_object('kind', s.kind, 'vendor_id', s.vendor_id) from banking.source s where s.id = l.id),
    k.vendor_id, p.name
  from banking.link l
  join public.profiles p on p.id = l.person
  left join banking.customer k on k.person = l.person
  left join banking.connection c on c.id = coalesce(l.reconnects, l.id)
  where l.id = link_id
$$;
comment on function banking.link_order(uuid) is 'What is known of a link: all that the job needs to go on from where it stopped.';
grant execute on function banking.link_order(uuid) to service_role;

create function banking.book_link_open(link_id uuid, token_hash text, session_sealed bytea) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  opened banking.link;
begin
  update banking.link l set state = 'open', token_hash = token_hash, session_sealed = session_sealed,
    next_at = private.now() + interval '2 minutes', version = l.version + 1
  where l.id = link_id and l.state = 'starting' returning * into opened;
  if not found then
    return false;
  end if;
  perform events.record('link.opened', link_id, opened.version, jsonb_build_object('owner_id', opened.person), opened.person);
  return true;
end $$;
comment on function banking.book_link_open(uuid, text, bytea) is
'The vendor has a session for this link. False when another one came first, which is the one that counts.';
grant execute on function banking.book_link_open(uuid, text, bytea) to service_role;

create function banking.begin_exchange(link_id uuid) returns double precision
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  begun banking.link;
begin
  update banking.link l set state = 'exchanging', exchange_begun_at = clock_timestamp(), version = l.version + 1
  where l.id = link_id and l.state = 'open' returning * into begun;
  if found then
    perform events.record('link.exchange_begun', link_id, begun.version, jsonb_build_object('owner_id', begun.person), null);
    return null;
  end if;
  return (select extract(epoch from clock_timestamp() - l.exchange_begun_at)::float8 from banking.link l where l.id = link_id);
end $$;
comment on function banking.begin_exchange(uuid) is
'Notes, before the vendor is asked, that the public token may be used up. Null; or how many seconds ago that was noted before.';
grant execute on function banking.begin_exchange(uuid) to service_role;

create function banking.undo_exchange(link_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  undone banking.link;
begin
  update banking.link l set state = 'open', version = l.version + 1
  where l.id = link_id and l.state = 'exchanging' returning * into undone;
  if found then
    perform events.record('link.exchange_undone', link_id, undone.version, jsonb_build_object('owner_id', undone.person), null);
  end if;
end $$;
comment on function banking.undo_exchange(uuid) is 'The vendor certainly never got the question.';
grant execute on function banking.undo_exchange(uuid) to service_role;

create function banking.book_exchanged(link_id uuid, item_id text, access_sealed bytea, key_version integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  l banking.link;
begin
  select * into l from banking.link t where t.id = link_id for no key update;
  insert into banking.connection (id, person, item_id, access_sealed, key_version, created_at)
  values (link_id, l.person, item_id, access_sealed, key_version, private.now()) on conflict do nothing;
  if not found then
    return;
  end if;
  if l.state <> 'exchanging' then -- an answer that came when the link was given up
    perform banking.end_connection(link_id);
    return;
  end if;
  update banking.link t set state = 'exchanged', session_sealed = null, version = t.version + 1
  where t.id = link_id returning * into l;
  perform events.record('link.exchanged', link_id, l.version, jsonb_build_object('owner_id', l.person), null);
  perform events.record('connection.made', link_id, 1, jsonb_build_object('owner_id', l.person), l.person);
end $$;
comment on function banking.book_exchanged(uuid, text, bytea, integer) is 'The person''s bank can be seen into; the connection has the link''s id.';
grant execute on function banking.book_exchanged(uuid, text, bytea, integer) to service_role;

-- The bank gets the link's id, so that whatever is repeated is about the same bank.
create function banking.book_account(link_id uuid, institution_name text, kind text, last4 text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  l banking.link;
begin
  select * into l from banking.link t where t.id = link_id;
  perform from banking.customer c where c.person = l.person for no key update;
  update banking.connection c set institution_name = left(institution_name, 80) where c.id = link_id;
  if exists (select from banking.source s where s.id = link_id and s.person <> l.person) then
    perform private.refuse('bank_key_reused');
  end if;
  if exists (select from banking.source s where s.id = link_id) then
    update banking.source s set state = 'linking', created_at = private.now() where s.id = link_id and s.state = 'failed';
    return;
  end if;
  perform banking.refuse_sixth_source(l.person);
  insert into banking.source (id, person, kind, last4, created_at) values (link_id, l.person, kind, last4, private.now());
end $$;
comment on function banking.book_account(uuid, text, text, text) is 'Which account the person chose, before the bank transfers'' vendor is told.';
grant execute on function banking.book_account(uuid, text, text, text) to service_role;

create function banking.note_replaced(link_id uuid, vendor_id text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update banking.link l set replaces = note_replaced.vendor_id where l.id = link_id and l.replaces is null
$$;
comment on function banking.note_replaced(uuid, text) is
'Notes, before the vendor forgets it, what it calls an account that was typed in and waits for two deposits.';
grant execute on function banking.note_replaced(uuid, text) to service_role;

-- The bank transfers' vendor knows the account by vendor_id. It may be a bank of the person's already; one that waited
-- for two deposits waits for them no longer, and that the vendor forgot it under its former id does not end it.
create function banking.book_linked(link_id uuid, vendor_id text, bank_name text, is_holder boolean) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  l banking.link;
  bank uuid;
  former record;
begin
  select * into l from banking.link t where t.id = link_id;
  perform from banking.customer c where c.person = l.person for no key update;
  select * into l from banking.link t where t.id = link_id for no key update;
  if l.state is distinct from 'exchanged' then
    return banking.link_json(l);
  end if;
  update banking.source s set vendor_id = vendor_id, state = 'unverified' where s.person = l.person and s.vendor_id = l.replaces;
  bank := (banking.book_source(link_id, vendor_id, bank_name, true) ->> 'id')::uuid;
  if exists (select from banking.source s where s.id = bank and s.state = 'removed') then
    -- unlinked before, and the bank transfers' vendor has not heard of it yet: once it has, the account is a new one there
    perform private.refuse('ask_again');
  end if;
  perform banking.book_source_state(vendor_id, 'verified');
  -- one bank, one connection: what an earlier link left is given back
  for former in
    select c.id from banking.connection c where c.source_id = bank and c.id <> link_id and c.state <> 'ended' order by c.id
  loop
    perform banking.end_connection(former.id);
  end loop;
  update banking.connection c set source_id = bank where c.id = link_id;
  insert into banking.holder_check (person, source_id, is_holder, checked_at) values (l.person, bank, is_holder, private.now());
  update banking.link t set state = 'linked', source_id = bank, ended_at = private.now(), version = t.version + 1
  where t.id = link_id returning * into l;
  perform events.record('link.linked', link_id, l.version, jsonb_build_object('owner_id', l.person, 'source_id', bank), l.person);
  perform events.record(
    case when is_holder then 'identity.matched' else 'identity.not_matched' end, link_id, l.version + 1,
    jsonb_build_object('owner_id', l.person, 'source_id', bank), l.person);
  return banking.link_json(l);
end $$;
comment on function banking.book_linked(uuid, text, text, boolean) is
'The account is a bank that money can move to and from; which one, when it was linked before. is_holder: whether it is in the person''s name.';
grant execute on function banking.book_linked(uuid, text, text, boolean) to service_role;

-- Links that nobody heard of are asked about, ever more seldom; after four hours their person is not coming back.
create function banking.ask_about_links(maximum integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  waiting banking.link;
  asked integer := 0;
begin
  for waiting in
    select * from banking.link l
    where l.state in ('starting', 'open', 'exchanging', 'exchanged') and l.next_at <= private.now()
    order by l.next_at limit maximum for no key update skip locked
  loop
    if waiting.state in ('starting', 'open') and waiting.created_at <= private.now() - interval '4 hours' then
      perform banking.end_link(waiting.id, 'exited', 'expired');
    else
      update banking.link l set next_at = private.now() + greatest(interval '1 minute', (private.now() - l.created_at) / 2)
      where l.id = waiting.id;
      perform banking.enqueue_link(waiting);
    end if;
    asked := asked + 1;
  end loop;
  return asked;
end $$;
comment on function banking.ask_about_links(integer) is 'Enqueues a question about every link that is overdue, and ends those of long ago; returns how many.';
grant execute on function banking.ask_about_links(integer) to service_role;
