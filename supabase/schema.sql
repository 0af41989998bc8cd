-- The whole schema, for reading: what the migrations add up to.
-- Made by `python -m paya_app.local.postgres.schema`; to change it, write a migration.
-- What Supabase provides (auth, realtime, extensions) is left out, except what our migrations add to it.

-- schema admin
CREATE SCHEMA admin;

-- schema banking
CREATE SCHEMA banking;

-- schema cases
CREATE SCHEMA cases;

-- schema charges
CREATE SCHEMA charges;

-- schema developers
CREATE SCHEMA developers;

-- schema events
CREATE SCHEMA events;

-- schema feed
CREATE SCHEMA feed;

-- schema identity
CREATE SCHEMA identity;

-- schema jobs
CREATE SCHEMA jobs;

-- schema ledger
CREATE SCHEMA ledger;

-- schema notifications
CREATE SCHEMA notifications;

-- schema private
CREATE SCHEMA private;

-- schema proof
CREATE SCHEMA proof;

-- schema providers
CREATE SCHEMA providers;

-- schema retention
CREATE SCHEMA retention;

-- schema risk
CREATE SCHEMA risk;

-- schema sandbox
CREATE SCHEMA sandbox;

-- schema savings
CREATE SCHEMA savings;

-- schema vendor_smtp
CREATE SCHEMA vendor_smtp;

-- schema wallet
CREATE SCHEMA wallet;

-- schema webhooks
CREATE SCHEMA webhooks;

-- type due_thing
CREATE TYPE charges.due_thing AS (
	what text,
	due_at timestamp with time zone,
	id uuid
);

-- domain event_kind
CREATE DOMAIN charges.event_kind AS text
	CONSTRAINT event_kind_check CHECK ((VALUE = ANY (ARRAY['payment.authorized'::text, 'payment.declined'::text, 'payment.captured'::text, 'payment.refunded'::text, 'payment.refund_failed'::text, 'payment.settled'::text, 'payment.voided'::text, 'payment.expired'::text, 'payment.dispute.opened'::text, 'payment.dispute.updated'::text, 'payment.dispute.won'::text, 'payment.dispute.lost'::text])));

-- domain minor
CREATE DOMAIN charges.minor AS bigint
	CONSTRAINT minor_check CHECK ((VALUE >= 0));

-- domain object_kind
CREATE DOMAIN charges.object_kind AS text
	CONSTRAINT object_kind_check CHECK ((VALUE = ANY (ARRAY['charge'::text, 'capture'::text, 'refund'::text, 'dispute'::text])));

-- domain version
CREATE DOMAIN charges.version AS integer
	CONSTRAINT version_check CHECK ((VALUE > 0));

-- type entry
CREATE TYPE events.entry AS (
	"position" bigint,
	id bigint,
	at timestamp with time zone,
	actor uuid,
	kind text,
	subject uuid,
	version bigint,
	payload jsonb
);

-- domain kind
CREATE DOMAIN events.kind AS text
	CONSTRAINT kind_check CHECK ((VALUE ~ '^[a-z_]+[.][a-z_]+$'::text));

-- type procrastinate_job_event_type
CREATE TYPE jobs.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);

-- type procrastinate_job_status
CREATE TYPE jobs.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);

-- type procrastinate_job_to_defer_v1
CREATE TYPE jobs.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);

-- domain account_kind
CREATE DOMAIN ledger.account_kind AS text
	CONSTRAINT account_kind_check CHECK ((VALUE = ANY (ARRAY['wallet'::text, 'receivable'::text, 'reserve'::text, 'loads_uncleared'::text, 'payouts_in_transit'::text, 'revenue'::text, 'rewards_pool'::text, 'operations'::text, 'capital'::text, 'exchange_cash'::text, 'exchange_in_transit'::text, 'btc_custody'::text, 'btc_in_transit'::text, 'rounding'::text, 'suspense'::text])));

-- domain account_state
CREATE DOMAIN ledger.account_state AS text
	CONSTRAINT account_state_check CHECK ((VALUE = ANY (ARRAY['active'::text, 'restricted'::text, 'frozen'::text])));

-- domain asset
CREATE DOMAIN ledger.asset AS text
	CONSTRAINT asset_check CHECK ((VALUE = ANY (ARRAY['USD'::text, 'BTC'::text])));

-- type finding
CREATE TYPE ledger.finding AS (
	kind text,
	subject text,
	evidence jsonb
);

-- type posted
CREATE TYPE ledger.posted AS (
	n integer,
	balance_after bigint,
	is_replay boolean,
	refusal text,
	facts jsonb
);

-- type total
CREATE TYPE ledger.total AS (
	asset text,
	balance numeric,
	held numeric,
	open_holds numeric
);

-- domain account_kind
CREATE DOMAIN sandbox.account_kind AS text
	CONSTRAINT account_kind_check CHECK ((VALUE = ANY (ARRAY['cardholder'::text, 'test_issuer'::text, 'merchant_pending'::text, 'merchant_available'::text, 'fees'::text, 'refunds_in_transit'::text, 'dispute_reserve'::text])));

-- domain account_state
CREATE DOMAIN sandbox.account_state AS text
	CONSTRAINT account_state_check CHECK ((VALUE = ANY (ARRAY['active'::text, 'restricted'::text, 'frozen'::text])));

-- domain asset
CREATE DOMAIN sandbox.asset AS text
	CONSTRAINT asset_check CHECK ((VALUE = ANY (ARRAY['USD_TEST'::text, 'EUR_TEST'::text, 'GBP_TEST'::text, 'CAD_TEST'::text])));

-- domain hold_state
CREATE DOMAIN sandbox.hold_state AS text
	CONSTRAINT hold_state_check CHECK ((VALUE = ANY (ARRAY['open'::text, 'captured'::text, 'released'::text, 'expired'::text])));

-- type posted
CREATE TYPE sandbox.posted AS (
	n integer,
	balance_after bigint,
	is_replay boolean,
	refusal text,
	facts jsonb
);

-- type decision
CREATE TYPE savings.decision AS (
	amount_cents bigint,
	reason text
);

-- comment TYPE decision
COMMENT ON TYPE savings.decision IS 'What a buy comes to; reason: why it is skipped, or null when it is made.';

-- type due_buy
CREATE TYPE savings.due_buy AS (
	buy_id uuid,
	plan_id uuid,
	person uuid,
	due_at timestamp with time zone,
	amount_cents bigint,
	fee_cents bigint,
	on_shortfall text,
	reason text
);

-- type send_answer
CREATE TYPE wallet.send_answer AS (
	n integer,
	result jsonb,
	code text,
	facts jsonb
);

-- type send_item
CREATE TYPE wallet.send_item AS (
	n integer,
	payment_id uuid,
	sender uuid,
	recipient uuid,
	giver bigint,
	taker bigint,
	amount_cents bigint,
	note text,
	audience text,
	code text,
	facts jsonb,
	result jsonb
);

-- function dead_letters(integer)
CREATE FUNCTION admin.dead_letters(maximum integer) RETURNS TABLE(id bigint, queue text, task text, args jsonb, attempts integer, ended_at timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  perform admin.require_admin();
  return query select d.* from jobs.dead_letters(least(greatest(maximum, 0), 50)) d;
end $$;

-- comment FUNCTION dead_letters(maximum integer)
COMMENT ON FUNCTION admin.dead_letters(maximum integer) IS 'Jobs that were given up, the latest first; at most 50.';

-- function enter(text)
CREATE FUNCTION admin.enter(place text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  may boolean := admin.is_admin();
  what text := case when may then 'admin.entered' else 'admin.refused' end;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  place := coalesce(left(place, 100), '');
  -- once a minute for each person and place, and ten places at most: nobody fills the record by knocking
  if not exists (
    select from events.event e
    where e.subject = person and e.kind = what and e.at > clock_timestamp() - interval '1 minute'
    having bool_or(e.payload ->> 'place' = place) or count(*) >= 10
  ) then
    perform events.record(what, person, 1, jsonb_build_object('place', place));
  end if;
  return may;
end $$;

-- comment FUNCTION enter(place text)
COMMENT ON FUNCTION admin.enter(place text) IS 'Whether the caller may go in, and the record that they did or tried.';

-- function is_admin()
CREATE FUNCTION admin.is_admin() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce((select u.raw_app_meta_data ->> 'role' = 'admin' from auth.users u where u.id = auth.uid()), false)
$$;

-- comment FUNCTION is_admin()
COMMENT ON FUNCTION admin.is_admin() IS 'Whether the caller holds the role of an administrator now.';

-- function operations(text, text, integer)
CREATE FUNCTION admin.operations(state text, sought text, maximum integer) RETURNS SETOF jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  wanted text := upper(btrim(coalesce(sought, '')));
begin
  perform admin.require_admin();
  return query
    select jsonb_build_object(
      'id', o.id, 'kind', o.kind, 'state', o.state, 'attempts', o.attempts, 'next_at', o.next_at,
      'last_error', o.last_error, 'failure_code', o.failure_code, 'requested_at', o.requested_at,
      'reference', coalesce(l.reference, r.reference), 'amount_cents', coalesce(l.amount_cents, r.amount_cents),
      'vendor_ref', o.vendor_ref)
    from banking.provider_operation o
    left join banking.load l on l.id = o.id
    left join banking.redemption r on r.id = o.id
    where (state is null or o.state = state)
      and (wanted = '' or wanted in (l.reference, r.reference, upper(o.id::text), upper(o.vendor_ref)))
    order by o.requested_at desc, o.id limit least(greatest(maximum, 0), 50);
end $$;

-- comment FUNCTION operations(state text, sought text, maximum integer)
COMMENT ON FUNCTION admin.operations(state text, sought text, maximum integer) IS 'What was asked of the bank service, the latest first: in one state (null: any), by reference, id or the vendor''s id ('''': all). At most 50.';

-- function replay(bigint)
CREATE FUNCTION admin.replay(job bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  dead record;
  is_added boolean;
begin
  perform admin.require_admin();
  select j.task_name as task, j.args into dead
  from jobs.procrastinate_jobs j where j.id = job and j.status in ('failed', 'aborted') for update;
  if not found then
    return 'none such';
  end if;
  is_added := jobs.replay(job);
  perform events.record('job.replayed', auth.uid(), 1, jsonb_build_object('job', job, 'task', dead.task, 'args', dead.args));
  return case when is_added then 'waiting' else 'waited already' end;
end $$;

-- comment FUNCTION replay(job bigint)
COMMENT ON FUNCTION admin.replay(job bigint) IS 'Puts a dead letter back in its queue: waiting; waited already, when the same work waits anyway; none such.';

-- function require_admin()
CREATE FUNCTION admin.require_admin() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not admin.is_admin() then
    perform private.refuse('forbidden');
  end if;
end $$;

-- comment FUNCTION require_admin()
COMMENT ON FUNCTION admin.require_admin() IS 'Refuses everybody but an administrator.';

-- function set_role(text, boolean)
CREATE FUNCTION admin.set_role(phone text, is_admin boolean) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  person uuid;
begin
  update auth.users u set raw_app_meta_data = case when is_admin
    then coalesce(u.raw_app_meta_data, '{}') || '{"role": "admin"}' else coalesce(u.raw_app_meta_data, '{}') - 'role' end
  where u.phone = ltrim(phone, '+') returning u.id into person;
  if person is null then
    return false;
  end if;
  perform events.record(case when is_admin then 'admin.granted' else 'admin.revoked' end, person, 1, '{}', null);
  return true;
end $$;

-- comment FUNCTION set_role(phone text, is_admin boolean)
COMMENT ON FUNCTION admin.set_role(phone text, is_admin boolean) IS 'Gives the person with this phone (E.164) the role, or takes it away; false when nobody has it. For the schema''s owner alone.';

-- function access_of(uuid)
CREATE FUNCTION banking.access_of(connection_id uuid) RETURNS bytea
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c.access_sealed from banking.connection c where c.id = connection_id
$$;

-- comment FUNCTION access_of(connection_id uuid)
COMMENT ON FUNCTION banking.access_of(connection_id uuid) IS 'The sealed access of a connection, or null when it was given back.';

-- function ask_about_links(integer)
CREATE FUNCTION banking.ask_about_links(maximum integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION ask_about_links(maximum integer)
COMMENT ON FUNCTION banking.ask_about_links(maximum integer) IS 'Enqueues a question about every link that is overdue, and ends those of long ago; returns how many.';

-- function ask_about_stale(integer)
CREATE FUNCTION banking.ask_about_stale(maximum integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  stale record;
  asked integer := 0;
begin
  for stale in
    select o.id, o.kind, o.state, banking.owner_of(o.id) as person from banking.provider_operation o
    where o.next_at <= private.now()
      and (o.state in ('queued', 'submitted', 'pending') or o.state = 'settled' and o.kind = 'redemption')
      -- what the vendor has otherwise than it was asked for waits until somebody looked
      and not exists (
        select from cases."case" c where c.kind = 'transfer_disputed' and c.subject = 'operation:' || o.id and c.state = 'open')
    order by o.next_at limit maximum for no key update skip locked
  loop
    update banking.provider_operation o set
      next_at = private.now() + case when o.state in ('pending', 'settled') then interval '10 minutes' else interval '2 minutes' end
    where o.id = stale.id;
    if stale.state in ('pending', 'settled') then
      perform jobs.enqueue('banking', 'ask_about_operation', jsonb_build_object('operation_id', stale.id), 'ask_about_operation:' || stale.id);
    else
      perform jobs.enqueue('banking', case stale.kind when 'load' then 'submit_load' else 'submit_redemption' end,
        jsonb_build_object(stale.kind || '_id', stale.id),
        'submit_' || stale.kind || ':' || stale.id, null, banking.order_of(stale.person));
    end if;
    asked := asked + 1;
  end loop;
  return asked;
end $$;

-- comment FUNCTION ask_about_stale(maximum integer)
COMMENT ON FUNCTION banking.ask_about_stale(maximum integer) IS 'Enqueues a question about every operation that is overdue; returns how many.';

-- function begin_exchange(uuid)
CREATE FUNCTION banking.begin_exchange(link_id uuid) RETURNS double precision
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION begin_exchange(link_id uuid)
COMMENT ON FUNCTION banking.begin_exchange(link_id uuid) IS 'Notes, before the vendor is asked, that the public token may be used up. Null; or how many seconds ago that was noted before.';

-- function begin_link(uuid, uuid)
CREATE FUNCTION banking.begin_link(link_id uuid, source_id uuid DEFAULT NULL::uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION begin_link(link_id uuid, source_id uuid)
COMMENT ON FUNCTION banking.begin_link(link_id uuid, source_id uuid) IS 'Notes that the caller goes to link a bank, or to sign in to one of theirs again (source_id); once per link_id.';

-- function begin_source(uuid, text, text)
CREATE FUNCTION banking.begin_source(source_id uuid, kind text, last4 text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  known banking.source;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if source_id is null or coalesce(kind, '') not in ('checking', 'savings') or coalesce(last4, '') !~ '^[0-9]{4}$' then
    perform private.refuse('request_invalid');
  end if;
  if ledger.wallet_of(person) is null then
    perform private.refuse('account_unavailable');
  end if;
  insert into banking.customer (person) values (person) on conflict do nothing;
  perform from banking.customer c where c.person = person for no key update;

  update banking.source s set state = 'failed'
  where s.person = person and s.state = 'linking' and s.created_at <= moment - interval '10 minutes';

  -- what somebody brings back from the vendor's pages gets the id of their visit: it is nobody's to type an account under
  if exists (select from banking.link l where l.id = source_id) then
    perform private.refuse('bank_key_reused');
  end if;
  select * into known from banking.source s where s.id = source_id;
  if not found then -- an account whose linking was not answered goes on where it stopped
    select * into known from banking.source s
    where s.person = person and s.state = 'linking' and (s.kind, s.last4) = (kind, last4)
      and not exists (select from banking.link l where l.id = s.id)
    order by s.created_at desc limit 1;
    source_id := coalesce(known.id, source_id);
  end if;
  if known.id is not null then
    if known.person <> person then
      perform private.refuse('bank_key_reused');
    end if;
    -- until the vendor has taken it, what was mistyped may be corrected under the same id
    if (known.kind, known.last4) is distinct from (kind, last4) and known.vendor_id is not null then
      perform private.refuse('bank_key_reused');
    end if;
    if known.state = 'failed' then
      perform banking.refuse_sixth_source(person);
    end if;
    if known.state in ('linking', 'failed') then
      update banking.source s set kind = kind, last4 = last4, state = 'linking', created_at = moment
      where s.id = source_id returning * into known;
    end if;
  else
    if (select count(*) from banking.source s where s.person = person and s.created_at > moment - interval '1 day') >= 10 then
      perform private.refuse('bank_limit', jsonb_build_object('limit', 'day', 'max', 10));
    end if;
    perform banking.refuse_sixth_source(person);
    insert into banking.source (id, person, kind, last4, created_at) values (source_id, person, kind, last4, moment)
    on conflict do nothing returning * into known;
    if not found then -- somebody else's, who asked under the same id at this very moment
      perform private.refuse('bank_key_reused');
    end if;
  end if;
  return banking.source_json(known) || jsonb_build_object(
    'vendor_id', known.vendor_id,
    'customer_vendor_id', (select c.vendor_id from banking.customer c where c.person = person));
end $_$;

-- comment FUNCTION begin_source(source_id uuid, kind text, last4 text)
COMMENT ON FUNCTION banking.begin_source(source_id uuid, kind text, last4 text) IS 'Notes that the caller links a bank account, once per source_id, before the vendor is told its numbers.';

-- function book_accepted(uuid, text)
CREATE FUNCTION banking.book_accepted(load_id uuid, vendor_ref text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  l banking.load;
begin
  select * into operation from banking.provider_operation o where o.id = load_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "load"}');
  end if;
  if operation.vendor_ref is not null and operation.vendor_ref <> vendor_ref then
    perform private.refuse('load_sent_twice', jsonb_build_object('load_id', load_id, 'vendor_refs', jsonb_build_array(operation.vendor_ref, vendor_ref)));
  end if;
  if operation.state not in ('queued', 'submitted') then
    return;
  end if;
  update banking.provider_operation o set
    state = 'pending', vendor_ref = vendor_ref, last_error = '', accepted_at = private.now(),
    first_sent_at = coalesce(o.first_sent_at, clock_timestamp()), next_at = private.now() + interval '1 minute'
  where o.id = load_id;
  update banking.load t set version = t.version + 1 where t.id = load_id returning * into l;
  perform events.record('load.submitted', load_id, l.version, jsonb_build_object('owner_id', l.person, 'amount_cents', l.amount_cents), null);
end $$;

-- comment FUNCTION book_accepted(load_id uuid, vendor_ref text)
COMMENT ON FUNCTION banking.book_accepted(load_id uuid, vendor_ref text) IS 'The vendor took the load and calls it vendor_ref.';

-- function book_account(uuid, text, text, text)
CREATE FUNCTION banking.book_account(link_id uuid, institution_name text, kind text, last4 text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION book_account(link_id uuid, institution_name text, kind text, last4 text)
COMMENT ON FUNCTION banking.book_account(link_id uuid, institution_name text, kind text, last4 text) IS 'Which account the person chose, before the bank transfers'' vendor is told.';

-- table provider_operation
CREATE TABLE banking.provider_operation (
    id uuid NOT NULL,
    kind text NOT NULL,
    idempotency_key uuid DEFAULT gen_random_uuid() NOT NULL,
    vendor_ref text,
    state text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone NOT NULL,
    last_error text DEFAULT ''::text NOT NULL,
    failure_code text,
    requested_at timestamp with time zone NOT NULL,
    first_sent_at timestamp with time zone,
    accepted_at timestamp with time zone,
    settled_at timestamp with time zone,
    cleared_at timestamp with time zone,
    ended_at timestamp with time zone,
    cancel_asked_at timestamp with time zone,
    cancel_refused_at timestamp with time zone,
    CONSTRAINT ended_says_when CHECK (((state = ANY (ARRAY['failed'::text, 'canceled'::text, 'returned'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['load'::text, 'redemption'::text]))),
    CONSTRAINT refused_was_asked CHECK (((cancel_refused_at IS NULL) OR (cancel_asked_at IS NOT NULL))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['queued'::text, 'submitted'::text, 'pending'::text, 'settled'::text, 'cleared'::text, 'failed'::text, 'canceled'::text, 'returned'::text])))
);

-- comment TABLE provider_operation
COMMENT ON TABLE banking.provider_operation IS 'One thing asked of a vendor. queued: not sent; submitted: sent, outcome unknown; pending: accepted; settled: it moved our bank; cleared: it reached its end; next_at: when to ask about it. cancel_asked_at, cancel_refused_at: its owner wanted it undone, and it was too late.';

-- function book_canceled(banking.provider_operation)
CREATE FUNCTION banking.book_canceled(operation banking.provider_operation) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if operation.kind = 'load' then
    perform banking.book_failed(operation.id, null, 'canceled_by_owner', true);
  else
    perform banking.book_redemption_failed(operation.id, null, 'canceled_by_owner', true);
  end if;
end $$;

-- function book_cleared(uuid)
CREATE FUNCTION banking.book_cleared(load_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  l banking.load;
begin
  select * into operation from banking.provider_operation o where o.id = load_id for no key update;
  select * into l from banking.load t where t.id = load_id;
  if operation.state is distinct from 'settled' or l.clears_at > private.now() then
    return false;
  end if;
  perform banking.lock_wallet(l.person);
  perform ledger.post(
    l.clear_transfer, ledger.system_account('loads_uncleared'), ledger.wallet_of(l.person), l.amount_cents, 'load_cleared', l.reference);
  update banking.provider_operation o set state = 'cleared', cleared_at = private.now() where o.id = load_id;
  update banking.load t set version = t.version + 1 where t.id = load_id returning * into l;
  perform events.record('load.cleared', load_id, l.version, jsonb_build_object('owner_id', l.person, 'amount_cents', l.amount_cents), null);
  perform banking.repay_debts(l.person, 'load_cleared', load_id);
  return true;
end $$;

-- comment FUNCTION book_cleared(load_id uuid)
COMMENT ON FUNCTION banking.book_cleared(load_id uuid) IS 'Mints a settled load into its owner''s wallet once its hold is over. False when it is not.';

-- function book_connection_state(uuid, text)
CREATE FUNCTION banking.book_connection_state(connection_id uuid, state text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  c banking.connection;
begin
  select * into c from banking.connection t where t.id = connection_id for no key update;
  if not found or c.state in (state, 'ended') then
    return;
  end if;
  update banking.connection t set state = state, version = t.version + 1 where t.id = connection_id returning * into c;
  perform events.record(
    case state when 'good' then 'connection.repaired' else 'connection.' || state end, connection_id, c.version,
    jsonb_build_object('owner_id', c.person, 'source_id', c.source_id), c.person);
end $$;

-- comment FUNCTION book_connection_state(connection_id uuid, state text)
COMMENT ON FUNCTION banking.book_connection_state(connection_id uuid, state text) IS 'Notes what the vendor says of a connection: good, login_required or pending_disconnect.';

-- function book_correction(text, text, text)
CREATE FUNCTION banking.book_correction(vendor_id text, kind text, bank_name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  known banking.source;
begin
  select * into known from banking.source s where s.vendor_id = vendor_id for no key update;
  if not found or known.state = 'removed' then
    return;
  end if;
  kind := case when kind in ('checking', 'savings') then kind else known.kind end;
  -- whose owner signed in to it is called what they chose there; the transfers' vendor has the name from the routing number
  bank_name := case
    when exists (select from banking.connection c where c.source_id = known.id) then known.bank_name
    else coalesce(nullif(left(bank_name, 80), ''), known.bank_name) end;
  if (kind, bank_name) is not distinct from (known.kind, known.bank_name) then
    return;
  end if;
  update banking.source s set kind = kind, bank_name = bank_name, version = s.version + 1 where s.id = known.id;
  perform events.record('bank.corrected', known.id, known.version + 1, jsonb_build_object(
    'owner_id', known.person, 'kind_before', known.kind, 'kind_after', kind, 'name_before', known.bank_name, 'name_after', bank_name), null);
end $$;

-- comment FUNCTION book_correction(vendor_id text, kind text, bank_name text)
COMMENT ON FUNCTION banking.book_correction(vendor_id text, kind text, bank_name text) IS 'Notes what a bank corrected of an account: its kind, or its own name.';

-- function book_customer(uuid, text)
CREATE FUNCTION banking.book_customer(source_id uuid, vendor_id text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update banking.customer c set vendor_id = book_customer.vendor_id
  from banking.source s where s.id = source_id and c.person = s.person and c.vendor_id is null
$$;

-- comment FUNCTION book_customer(source_id uuid, vendor_id text)
COMMENT ON FUNCTION banking.book_customer(source_id uuid, vendor_id text) IS 'Notes the vendor''s id of the person who links this bank.';

-- function book_differences(jsonb, timestamp with time zone, timestamp with time zone, integer, integer)
CREATE FUNCTION banking.book_differences(differences jsonb, since timestamp with time zone, began_at timestamp with time zone, transfer_count integer, in_flight_count integer) RETURNS TABLE(kind text, subject text, evidence jsonb, case_id uuid, is_new boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  gone uuid;
begin
  perform pg_advisory_xact_lock(815004);
  for kind, subject, evidence in
    select d.kind, d.subject, d.evidence from jsonb_to_recordset(differences) d (kind text, subject text, evidence jsonb)
    order by d.kind, d.subject
  loop
    select o.case_id, o.is_new into case_id, is_new from cases.open_case(kind, subject, evidence) o;
    return next;
  end loop;
  for gone in
    select c.id from cases."case" c
    where c.state = 'open' and (c.kind like 'bank\_transfer\_%' or c.kind = 'bank_balance_wrong')
  loop
    if not exists (
      select from cases."case" c join jsonb_to_recordset(differences) d (kind text, subject text)
        on (d.kind, d.subject) = (c.kind, c.subject)
      where c.id = gone
    ) then
      perform cases.close_case(gone, 'Our books and the vendor''s say the same again.');
    end if;
  end loop;
  insert into banking.external_reconciliation (since, began_at, ended_at, transfer_count, in_flight_count, difference_count)
  values (since, began_at, private.now(), transfer_count, in_flight_count, jsonb_array_length(differences));
end $$;

-- comment FUNCTION book_differences(differences jsonb, since timestamp with time zone, began_at timestamp with time zone, transfer_count integer, in_flight_count integer)
COMMENT ON FUNCTION banking.book_differences(differences jsonb, since timestamp with time zone, began_at timestamp with time zone, transfer_count integer, in_flight_count integer) IS 'Opens a case for each difference that has none, closes those that are gone, and returns all that are there.';

-- function book_exchanged(uuid, text, bytea, integer)
CREATE FUNCTION banking.book_exchanged(link_id uuid, item_id text, access_sealed bytea, key_version integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION book_exchanged(link_id uuid, item_id text, access_sealed bytea, key_version integer)
COMMENT ON FUNCTION banking.book_exchanged(link_id uuid, item_id text, access_sealed bytea, key_version integer) IS 'The person''s bank can be seen into; the connection has the link''s id.';

-- function book_failed(uuid, text, text, boolean, boolean, boolean)
CREATE FUNCTION banking.book_failed(load_id uuid, vendor_ref text, code text, is_canceled boolean DEFAULT false, bank_goes boolean DEFAULT false, is_denied boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  l banking.load;
  owed_cents bigint := 0;
  outcome text;
begin
  select * into operation from banking.provider_operation o where o.id = load_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "load"}');
  end if;
  if operation.vendor_ref <> vendor_ref then
    perform private.refuse('load_sent_twice', jsonb_build_object('load_id', load_id, 'vendor_refs', jsonb_build_array(operation.vendor_ref, vendor_ref)));
  end if;
  if operation.ended_at is not null then
    return;
  end if;
  select * into l from banking.load t where t.id = load_id;
  outcome := case when operation.state in ('settled', 'cleared') then 'returned' when is_canceled then 'canceled' else 'failed' end;
  if operation.state in ('settled', 'cleared') then
    perform banking.lock_wallet(l.person);
  end if;
  if operation.state = 'settled' then
    perform ledger.post(
      l.return_transfer, ledger.system_account('loads_uncleared'), ledger.system_account('reserve'), l.amount_cents, 'load_returned', l.reference);
  elsif operation.state = 'cleared' then
    owed_cents := banking.take_back(load_id, code);
  end if;
  if is_denied then
    -- whatever is owed: somebody says that this account was debited without their agreement
    perform risk.impose(l.person, 'restricted', 'under_review', null, load_id);
  end if;
  update banking.provider_operation o set
    state = outcome, failure_code = code, vendor_ref = coalesce(o.vendor_ref, vendor_ref), ended_at = private.now()
  where o.id = load_id;
  update banking.load t set version = t.version + 1, owed_cents = owed_cents where t.id = load_id returning * into l;
  if bank_goes then
    perform banking.close_source(l.source_id, code);
  end if;
  perform events.record('load.' || outcome, load_id, l.version, jsonb_build_object(
    'owner_id', l.person, 'amount_cents', l.amount_cents, 'code', code, 'owed_cents', l.owed_cents), null);
end $$;

-- comment FUNCTION book_failed(load_id uuid, vendor_ref text, code text, is_canceled boolean, bank_goes boolean, is_denied boolean)
COMMENT ON FUNCTION banking.book_failed(load_id uuid, vendor_ref text, code text, is_canceled boolean, bank_goes boolean, is_denied boolean) IS 'The bank gave nothing, or took it back. Booked once, whenever it happens. What a return after clearing leaves owed restricts the account. bank_goes: the bank cannot be used any more; is_denied: its owner says that they did not agree.';

-- function book_given_back(uuid)
CREATE FUNCTION banking.book_given_back(connection_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update banking.connection c set access_sealed = null where c.id = connection_id and c.state = 'ended'
$$;

-- comment FUNCTION book_given_back(connection_id uuid)
COMMENT ON FUNCTION banking.book_given_back(connection_id uuid) IS 'The vendor knows that the access is over, so it is forgotten here.';

-- function book_link_open(uuid, text, bytea)
CREATE FUNCTION banking.book_link_open(link_id uuid, token_hash text, session_sealed bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION book_link_open(link_id uuid, token_hash text, session_sealed bytea)
COMMENT ON FUNCTION banking.book_link_open(link_id uuid, token_hash text, session_sealed bytea) IS 'The vendor has a session for this link. False when another one came first, which is the one that counts.';

-- function book_linked(uuid, text, text, boolean)
CREATE FUNCTION banking.book_linked(link_id uuid, vendor_id text, bank_name text, is_holder boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION book_linked(link_id uuid, vendor_id text, bank_name text, is_holder boolean)
COMMENT ON FUNCTION banking.book_linked(link_id uuid, vendor_id text, bank_name text, is_holder boolean) IS 'The account is a bank that money can move to and from; which one, when it was linked before. is_holder: whether it is in the person''s name.';

-- function book_reconnected(uuid, text)
CREATE FUNCTION banking.book_reconnected(link_id uuid, state text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  l banking.link;
begin
  select * into l from banking.link t where t.id = link_id for no key update;
  if l.state is distinct from 'open' or l.reconnects is null then
    return;
  end if;
  perform banking.book_connection_state(l.reconnects, state);
  update banking.link t set state = 'linked', session_sealed = null, ended_at = private.now(), version = t.version + 1,
    source_id = (select c.source_id from banking.connection c where c.id = l.reconnects)
  where t.id = link_id returning * into l;
  perform events.record('link.linked', link_id, l.version, jsonb_build_object('owner_id', l.person, 'source_id', l.source_id), l.person);
end $$;

-- comment FUNCTION book_reconnected(link_id uuid, state text)
COMMENT ON FUNCTION banking.book_reconnected(link_id uuid, state text) IS 'The person signed in to their bank again; state is what the vendor says of it now.';

-- function book_redemption_accepted(uuid, text)
CREATE FUNCTION banking.book_redemption_accepted(redemption_id uuid, vendor_ref text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  r banking.redemption;
begin
  select * into operation from banking.provider_operation o where o.id = redemption_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "redemption"}');
  end if;
  if operation.vendor_ref is not null and operation.vendor_ref <> vendor_ref then
    perform private.refuse('redemption_sent_twice', jsonb_build_object(
      'redemption_id', redemption_id, 'vendor_refs', jsonb_build_array(operation.vendor_ref, vendor_ref)));
  end if;
  if operation.state not in ('queued', 'submitted') then
    return;
  end if;
  update banking.redemption t set version = t.version + 1 where t.id = redemption_id returning * into r;
  perform ledger.capture_hold(
    r.capture_id, r.hold_id, array[ledger.system_account('payouts_in_transit')], array[r.amount_cents], 'redemption_submitted');
  update banking.provider_operation o set
    state = 'pending', vendor_ref = vendor_ref, last_error = '', accepted_at = private.now(),
    first_sent_at = coalesce(o.first_sent_at, clock_timestamp()), next_at = private.now() + interval '1 minute'
  where o.id = redemption_id;
  perform events.record('redemption.submitted', redemption_id, r.version, jsonb_build_object('owner_id', r.person, 'amount_cents', r.amount_cents), null);
end $$;

-- comment FUNCTION book_redemption_accepted(redemption_id uuid, vendor_ref text)
COMMENT ON FUNCTION banking.book_redemption_accepted(redemption_id uuid, vendor_ref text) IS 'The vendor took the redemption and calls it vendor_ref: the held money leaves the wallet.';

-- function book_redemption_debited(uuid, text)
CREATE FUNCTION banking.book_redemption_debited(redemption_id uuid, vendor_ref text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  r banking.redemption;
begin
  perform banking.book_redemption_accepted(redemption_id, vendor_ref);
  select * into operation from banking.provider_operation o where o.id = redemption_id for no key update;
  if operation.state <> 'pending' then
    return;
  end if;
  update banking.redemption t set version = t.version + 1 where t.id = redemption_id returning * into r;
  perform ledger.post(
    r.burn_transfer, ledger.system_account('payouts_in_transit'), ledger.system_account('reserve'), r.amount_cents, 'redemption_debited', r.reference);
  update banking.provider_operation o set state = 'settled', settled_at = private.now(), next_at = private.now() + interval '10 minutes'
  where o.id = redemption_id;
  perform events.record('redemption.debited', redemption_id, r.version, jsonb_build_object('owner_id', r.person, 'amount_cents', r.amount_cents), null);
end $$;

-- comment FUNCTION book_redemption_debited(redemption_id uuid, vendor_ref text)
COMMENT ON FUNCTION banking.book_redemption_debited(redemption_id uuid, vendor_ref text) IS 'Our bank has paid: the money is burned.';

-- function book_redemption_failed(uuid, text, text, boolean, boolean)
CREATE FUNCTION banking.book_redemption_failed(redemption_id uuid, vendor_ref text, code text, is_canceled boolean DEFAULT false, bank_goes boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  r banking.redemption;
  outcome text;
begin
  select * into operation from banking.provider_operation o where o.id = redemption_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "redemption"}');
  end if;
  if operation.vendor_ref <> vendor_ref then
    perform private.refuse('redemption_sent_twice', jsonb_build_object(
      'redemption_id', redemption_id, 'vendor_refs', jsonb_build_array(operation.vendor_ref, vendor_ref)));
  end if;
  if operation.ended_at is not null then
    return;
  end if;
  update banking.redemption t set version = t.version + 1 where t.id = redemption_id returning * into r;
  outcome := case when operation.state in ('settled', 'cleared') then 'returned' when is_canceled then 'canceled' else 'failed' end;
  perform banking.lock_wallet(r.person);
  if operation.state in ('queued', 'submitted') then
    perform ledger.release(r.hold_id);
  elsif operation.state = 'pending' then
    perform ledger.post(
      r.return_transfer, ledger.system_account('payouts_in_transit'), ledger.wallet_of(r.person), r.amount_cents, 'redemption_failed', r.reference);
  else
    perform ledger.post(
      r.return_transfer, ledger.system_account('reserve'), ledger.wallet_of(r.person), r.amount_cents, 'redemption_returned', r.reference);
  end if;
  if operation.state not in ('queued', 'submitted') then -- what a hold gives back pays debts by itself
    perform banking.repay_debts(r.person, 'money_came_back', redemption_id);
  end if;
  update banking.provider_operation o set
    state = outcome, failure_code = code, vendor_ref = coalesce(o.vendor_ref, vendor_ref), ended_at = private.now()
  where o.id = redemption_id;
  perform events.record('redemption.' || outcome, redemption_id, r.version, jsonb_build_object(
    'owner_id', r.person, 'amount_cents', r.amount_cents, 'code', code), null);
  if bank_goes then
    perform banking.close_source(r.source_id, code);
  end if;
end $$;

-- comment FUNCTION book_redemption_failed(redemption_id uuid, vendor_ref text, code text, is_canceled boolean, bank_goes boolean)
COMMENT ON FUNCTION banking.book_redemption_failed(redemption_id uuid, vendor_ref text, code text, is_canceled boolean, bank_goes boolean) IS 'The bank was not paid, or sent the money back: it is in the wallet again. Booked once, whenever it happens. bank_goes: the bank cannot be used any more.';

-- function book_redemption_paid(uuid, text)
CREATE FUNCTION banking.book_redemption_paid(redemption_id uuid, vendor_ref text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  r banking.redemption;
begin
  perform banking.book_redemption_debited(redemption_id, vendor_ref);
  select * into operation from banking.provider_operation o where o.id = redemption_id for no key update;
  if operation.state <> 'settled' then
    return;
  end if;
  update banking.redemption t set version = t.version + 1 where t.id = redemption_id returning * into r;
  update banking.provider_operation o set state = 'cleared', cleared_at = private.now() where o.id = redemption_id;
  perform events.record('redemption.paid', redemption_id, r.version, jsonb_build_object('owner_id', r.person, 'amount_cents', r.amount_cents), null);
end $$;

-- comment FUNCTION book_redemption_paid(redemption_id uuid, vendor_ref text)
COMMENT ON FUNCTION banking.book_redemption_paid(redemption_id uuid, vendor_ref text) IS 'The person''s bank has the money: nothing is posted any more.';

-- function book_settled(uuid, text, timestamp with time zone)
CREATE FUNCTION banking.book_settled(load_id uuid, vendor_ref text, clears_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  l banking.load;
begin
  perform banking.book_accepted(load_id, vendor_ref);
  select * into operation from banking.provider_operation o where o.id = load_id for no key update;
  if operation.state <> 'pending' then
    return;
  end if;
  select * into l from banking.load t where t.id = load_id;
  clears_at := coalesce(clears_at, private.now());
  perform banking.lock_wallet(l.person);
  perform ledger.post(
    l.settle_transfer, ledger.system_account('reserve'), ledger.system_account('loads_uncleared'), l.amount_cents, 'load_settled', l.reference);
  update banking.provider_operation o set state = 'settled', settled_at = private.now(), next_at = clears_at where o.id = load_id;
  update banking.load t set clears_at = clears_at, version = t.version + 1 where t.id = load_id returning * into l;
  -- asked of the bank, after this: the more there are at once, the fewer questions
  perform jobs.enqueue('banking', 'check_backing', '{}', 'check_backing');
  perform events.record('load.settled', load_id, l.version, jsonb_build_object('owner_id', l.person, 'amount_cents', l.amount_cents), null);
  perform banking.book_cleared(load_id);
end $$;

-- comment FUNCTION book_settled(load_id uuid, vendor_ref text, clears_at timestamp with time zone)
COMMENT ON FUNCTION banking.book_settled(load_id uuid, vendor_ref text, clears_at timestamp with time zone) IS 'Our bank has the money: it waits in loads_uncleared until clears_at (null: now).';

-- function book_source(uuid, text, text, boolean)
CREATE FUNCTION banking.book_source(source_id uuid, vendor_id text, bank_name text, is_verified boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  linked banking.source; twin banking.source;
begin
  -- in the order of begin_source: the customer, then the bank
  perform from banking.customer c
  where c.person = (select s.person from banking.source s where s.id = source_id) for no key update;
  select * into linked from banking.source s where s.id = source_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "bank"}');
  end if;
  select * into twin from banking.source s where s.vendor_id = vendor_id and s.id <> source_id for no key update;
  if found then
    if twin.person <> linked.person then
      perform private.refuse('bank_key_reused');
    end if;
    update banking.source s set state = 'failed' where s.id = source_id and s.state = 'linking';
    return banking.source_json(twin);
  end if;
  if linked.state in ('linking', 'failed') then
    -- an answer that came when the linking was given up: others may have taken its place
    if linked.state = 'failed' then
      perform banking.refuse_sixth_source(linked.person);
    end if;
    update banking.source s set
      vendor_id = vendor_id, bank_name = left(bank_name, 80), version = s.version + 1,
      state = case when is_verified then 'verified' else 'unverified' end
    where s.id = source_id returning * into linked;
    perform events.record('bank.linked', source_id, linked.version, jsonb_build_object('owner_id', linked.person), linked.person);
  end if;
  return banking.source_json(linked);
end $$;

-- comment FUNCTION book_source(source_id uuid, vendor_id text, bank_name text, is_verified boolean)
COMMENT ON FUNCTION banking.book_source(source_id uuid, vendor_id text, bank_name text, is_verified boolean) IS 'Notes the vendor''s id of a linked account; returns the bank it stands for, which is an earlier one when it was linked before.';

-- function book_source_state(text, text)
CREATE FUNCTION banking.book_source_state(vendor_id text, state text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  linked banking.source;
begin
  select * into linked from banking.source s where s.vendor_id = vendor_id for no key update;
  if not found or linked.state = state or linked.state = 'removed' then
    return;
  end if;
  update banking.source s set state = state, version = s.version + 1 where s.id = linked.id returning * into linked;
  perform events.record('bank.' || state, linked.id, linked.version, jsonb_build_object('owner_id', linked.person), linked.person);
end $$;

-- comment FUNCTION book_source_state(vendor_id text, state text)
COMMENT ON FUNCTION banking.book_source_state(vendor_id text, state text) IS 'Notes what the vendor says of a bank: unverified, verified or removed (for good).';

-- function book_wrong_deposits(uuid, boolean)
CREATE FUNCTION banking.book_wrong_deposits(source_id uuid, is_closed boolean) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  linked banking.source;
begin
  update banking.source s set
    wrong_deposits = case when is_closed then 3 else least(s.wrong_deposits + 1, 3) end, version = s.version + 1
  where s.id = source_id and s.state = 'unverified' and s.wrong_deposits < 3 returning * into linked;
  if found then
    perform events.record('bank.deposits_refused', linked.id, linked.version,
      jsonb_build_object('owner_id', linked.person, 'tries_left', 3 - linked.wrong_deposits), linked.person);
  end if;
  return (select 3 - s.wrong_deposits from banking.source s where s.id = source_id);
end $$;

-- comment FUNCTION book_wrong_deposits(source_id uuid, is_closed boolean)
COMMENT ON FUNCTION banking.book_wrong_deposits(source_id uuid, is_closed boolean) IS 'Notes that the vendor refused two deposits, or takes no more tries (is_closed); returns the tries that are left.';

-- function cancel(uuid)
CREATE FUNCTION banking.cancel(operation_id uuid) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  operation banking.provider_operation;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  select * into operation from banking.provider_operation o
  where o.id = operation_id and banking.owner_of(o.id) = person for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "transfer"}');
  end if;
  if operation.state = 'canceled' then
    return 'canceled';
  end if;
  if operation.state not in ('queued', 'submitted', 'pending') or operation.cancel_refused_at is not null then
    perform private.refuse('cancel_too_late', jsonb_build_object('kind', operation.kind, 'state', operation.state));
  end if;
  if operation.state = 'queued' then
    perform banking.book_canceled(operation);
    return 'canceled';
  end if;
  if operation.cancel_asked_at is null then
    update banking.provider_operation o set cancel_asked_at = private.now() where o.id = operation_id;
    perform jobs.enqueue('banking', 'cancel_transfer', jsonb_build_object('operation_id', operation_id), 'cancel_transfer:' || operation_id);
    perform banking.record_cancel(operation, 'cancel_asked', person);
  end if;
  return 'asked';
end $$;

-- comment FUNCTION cancel(operation_id uuid)
COMMENT ON FUNCTION banking.cancel(operation_id uuid) IS 'Cancels the caller''s load or redemption at once when it was not sent, and asks the vendor to otherwise: canceled or asked.';

-- function cancel_word(banking.provider_operation)
CREATE FUNCTION banking.cancel_word(operation banking.provider_operation) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case
    when operation.state not in ('queued', 'submitted', 'pending') then 'over'
    when operation.cancel_refused_at is not null then 'refused'
    when operation.cancel_asked_at is not null then 'asked'
    else 'possible' end
$$;

-- comment FUNCTION cancel_word(operation banking.provider_operation)
COMMENT ON FUNCTION banking.cancel_word(operation banking.provider_operation) IS 'Whether its owner may still cancel: possible, asked (the bank decides), refused (it had begun), or over.';

-- function claim_cancel(uuid)
CREATE FUNCTION banking.claim_cancel(operation_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
begin
  select * into operation from banking.provider_operation o where o.id = operation_id for no key update;
  if not found or operation.cancel_asked_at is null or operation.cancel_refused_at is not null then
    return null;
  end if;
  if operation.state = 'queued' then -- the sending that the wish waited for had never arrived
    perform banking.book_canceled(operation);
    return null;
  end if;
  return jsonb_build_object('state', operation.state, 'vendor_ref', operation.vendor_ref);
end $$;

-- comment FUNCTION claim_cancel(operation_id uuid)
COMMENT ON FUNCTION banking.claim_cancel(operation_id uuid) IS 'What to ask the vendor to stop, or null when there is nothing left to ask.';

-- function claim_load(uuid)
CREATE FUNCTION banking.claim_load(load_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  first boolean;
begin
  select * into operation from banking.provider_operation o where o.id = load_id for no key update;
  if not found then
    return null;
  end if;
  first := operation.state = 'queued';
  -- what waited for the vendor is checked again: an account may have been restricted meanwhile
  if first and not exists (select from banking.load l where l.id = load_id and banking.may_load(l.person)) then
    perform banking.book_failed(load_id, null, 'account_unavailable', true);
    return null;
  end if;
  if first and not exists (
    select from banking.load l join banking.source s on s.id = l.source_id where l.id = load_id and s.state = 'verified'
  ) then
    perform banking.book_failed(load_id, null, 'bank_removed', true);
    return null;
  end if;
  if first and not banking.load_fits(load_id) then
    perform banking.book_failed(load_id, null, 'limit_lowered', true);
    return null;
  end if;
  if operation.state in ('queued', 'submitted') then
    update banking.provider_operation o set
      state = 'submitted', attempts = o.attempts + 1, next_at = private.now() + interval '1 minute',
      first_sent_at = coalesce(o.first_sent_at, clock_timestamp())
    where o.id = load_id returning * into operation;
  end if;
  return (
    select jsonb_build_object(
      'state', operation.state, 'is_first', first, 'idempotency_key', operation.idempotency_key,
      'vendor_ref', operation.vendor_ref, 'age_s', extract(epoch from clock_timestamp() - operation.first_sent_at),
      'amount_cents', l.amount_cents, 'customer_vendor_id', c.vendor_id, 'source_vendor_id', s.vendor_id)
    from banking.load l
    join banking.source s on s.id = l.source_id
    join banking.customer c on c.person = l.person
    where l.id = load_id
  );
end $$;

-- comment FUNCTION claim_load(load_id uuid)
COMMENT ON FUNCTION banking.claim_load(load_id uuid) IS 'What to send the vendor for a load, and whether nothing was ever sent. Notes, before the sending, that it may have happened.';

-- function claim_redemption(uuid)
CREATE FUNCTION banking.claim_redemption(redemption_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
  r banking.redemption;
  first boolean;
  obstacle text;
begin
  select * into operation from banking.provider_operation o where o.id = redemption_id for no key update;
  select * into r from banking.redemption t where t.id = redemption_id;
  if not found then
    return null;
  end if;
  first := operation.state = 'queued';
  -- what waited for the vendor is checked again: account, bank or limits may have changed meanwhile; the money is held
  if first then
    perform banking.lock_wallet(r.person);
    obstacle := case
      when not exists (select from ledger.account a where a.id = ledger.wallet_of(r.person) and a.state = 'active')
        then 'account_unavailable'
      when not exists (select from banking.source s where s.id = r.source_id and s.state = 'verified') then 'bank_removed'
      when banking.redemption_refusal(r.person, r.amount_cents, r.id) is not null then 'limit_lowered'
    end;
    if obstacle is not null then
      perform banking.book_redemption_failed(redemption_id, null, obstacle, true);
      return null;
    end if;
  end if;
  if operation.state in ('queued', 'submitted') then
    update banking.provider_operation o set
      state = 'submitted', attempts = o.attempts + 1, next_at = private.now() + interval '1 minute',
      first_sent_at = coalesce(o.first_sent_at, clock_timestamp())
    where o.id = redemption_id returning * into operation;
  end if;
  return (
    select jsonb_build_object(
      'state', operation.state, 'is_first', first, 'idempotency_key', operation.idempotency_key,
      'amount_cents', r.amount_cents, 'customer_vendor_id', c.vendor_id, 'source_vendor_id', s.vendor_id)
    from banking.source s join banking.customer c on c.person = s.person
    where s.id = r.source_id
  );
end $$;

-- comment FUNCTION claim_redemption(redemption_id uuid)
COMMENT ON FUNCTION banking.claim_redemption(redemption_id uuid) IS 'What to send the vendor for a redemption, and whether nothing was ever sent. Notes, before the sending, that it may have happened.';

-- function close_source(uuid, text)
CREATE FUNCTION banking.close_source(source_id uuid, code text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  closed banking.source;
begin
  update banking.source s set state = 'removed', return_code = code, version = s.version + 1
  where s.id = source_id and s.state in ('unverified', 'verified') returning * into closed;
  if found then
    perform events.record('bank.removed', closed.id, closed.version, jsonb_build_object('owner_id', closed.person, 'code', code), null);
  end if;
end $$;

-- comment FUNCTION close_source(source_id uuid, code text)
COMMENT ON FUNCTION banking.close_source(source_id uuid, code text) IS 'Takes a bank off its owner''s list after a return that says that it cannot be used.';

-- function compared_since(integer)
CREATE FUNCTION banking.compared_since(days integer) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select least(private.now(), (
    select min(c.opened_at) from cases."case" c where c.state = 'open' and c.kind like 'bank\_transfer\_%'
  )) - make_interval(days => days)
$$;

-- comment FUNCTION compared_since(days integer)
COMMENT ON FUNCTION banking.compared_since(days integer) IS 'From when on transfers are compared: so many days before now, or before the oldest open difference.';

-- function confirm_reserve(bigint, bigint, timestamp with time zone, jsonb, bigint, boolean)
CREATE FUNCTION banking.confirm_reserve(confirmed_cents bigint, in_flight_cents bigint, as_of timestamp with time zone, parts jsonb, liabilities_before_cents bigint, is_full boolean, OUT short_cents bigint, OUT case_id uuid, OUT is_new boolean) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  owed record;
  n bigint;
  facts jsonb;
begin
  perform pg_advisory_xact_lock(815004);
  select * into owed from banking.liabilities(is_full);
  short_cents := greatest(0, least(liabilities_before_cents, owed.uncleared_cents + owed.circulation_cents) - confirmed_cents);
  insert into banking.reserve_confirmation (
    at, as_of, confirmed_cents, in_flight_cents, parts, uncleared_cents, circulation_cents, short_cents, is_full)
  values (private.now(), as_of, confirmed_cents, in_flight_cents, parts, owed.uncleared_cents, owed.circulation_cents, short_cents, is_full)
  returning reserve_confirmation.n into n;
  facts := jsonb_build_object(
    'confirmed_cents', confirmed_cents, 'uncleared_cents', owed.uncleared_cents, 'circulation_cents', owed.circulation_cents,
    'short_cents', short_cents, 'as_of', as_of);
  if short_cents > 0 then
    select o.case_id, o.is_new into case_id, is_new from cases.open_case('backing_short', 'account:reserve', facts) o;
    if is_new then
      perform events.record('backing.failed', case_id, 1, facts);
    end if;
  else
    is_new := false;
    for case_id in
      select c.id from cases."case" c where c.kind = 'backing_short' and c.subject = 'account:reserve' and c.state = 'open'
    loop
      perform cases.close_case(case_id, 'The bank confirms enough again.');
      perform events.record('backing.restored', case_id, 2, facts);
    end loop;
    case_id := null;
  end if;
end $$;

-- comment FUNCTION confirm_reserve(confirmed_cents bigint, in_flight_cents bigint, as_of timestamp with time zone, parts jsonb, liabilities_before_cents bigint, is_full boolean, OUT short_cents bigint, OUT case_id uuid, OUT is_new boolean)
COMMENT ON FUNCTION banking.confirm_reserve(confirmed_cents bigint, in_flight_cents bigint, as_of timestamp with time zone, parts jsonb, liabilities_before_cents bigint, is_full boolean, OUT short_cents bigint, OUT case_id uuid, OUT is_new boolean) IS 'Keeps what the bank confirms, and checks that it covers what is out. Says it once when it does not any more, and once when it does again.';

-- function connection_of(text)
CREATE FUNCTION banking.connection_of(item_id text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c.id from banking.connection c where c.item_id = connection_of.item_id and c.state <> 'ended'
$$;

-- comment FUNCTION connection_of(item_id text)
COMMENT ON FUNCTION banking.connection_of(item_id text) IS 'The connection that the vendor calls item_id, or null when there is none that goes on.';

-- function debt_moves_forward()
CREATE FUNCTION banking.debt_moves_forward() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if old.closed_at is not null or new.repaid_cents < old.repaid_cents or new.version <> old.version + 1
    or (new.id, new.person, new.load_id, new.owed_cents, new.case_reference, new.opened_at)
      is distinct from (old.id, old.person, old.load_id, old.owed_cents, old.case_reference, old.opened_at)
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "banking.debt"}';
  end if;
  return new;
end $$;

-- comment FUNCTION debt_moves_forward()
COMMENT ON FUNCTION banking.debt_moves_forward() IS 'A debt only becomes less, and one that is repaid stays so.';

-- function default_of(uuid)
CREATE FUNCTION banking.default_of(person uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.id from banking.source s
  left join banking.default_source d on d.source_id = s.id and d.person = s.person
  where s.person = default_of.person and s.state = 'verified'
  order by d.source_id is null, s.created_at, s.id limit 1
$$;

-- comment FUNCTION default_of(person uuid)
COMMENT ON FUNCTION banking.default_of(person uuid) IS 'The bank that a person chose to be offered first, or else the first that they linked.';

-- function due_to_clear(integer)
CREATE FUNCTION banking.due_to_clear(maximum integer) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select o.id from banking.provider_operation o
  where o.state = 'settled' and o.kind = 'load' and o.next_at <= private.now() order by o.next_at limit maximum
$$;

-- comment FUNCTION due_to_clear(maximum integer)
COMMENT ON FUNCTION banking.due_to_clear(maximum integer) IS 'Settled loads whose hold is over.';

-- function end_connection(uuid)
CREATE FUNCTION banking.end_connection(connection_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  ended banking.connection;
begin
  update banking.connection c set state = 'ended', version = c.version + 1
  where c.id = connection_id and c.state <> 'ended' returning * into ended;
  if found then
    perform jobs.enqueue('banking', 'give_back', jsonb_build_object('connection_id', connection_id), 'give_back:' || connection_id);
    perform events.record('connection.ended', connection_id, ended.version, jsonb_build_object('owner_id', ended.person), ended.person);
  end if;
end $$;

-- comment FUNCTION end_connection(connection_id uuid)
COMMENT ON FUNCTION banking.end_connection(connection_id uuid) IS 'A person''s access to their bank is needed no more. Again changes nothing.';

-- function end_connections()
CREATE FUNCTION banking.end_connections() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  connection_id uuid;
begin
  for connection_id in
    select c.id from banking.connection c where c.source_id = new.id and c.state <> 'ended' order by c.id
  loop
    perform banking.end_connection(connection_id);
  end loop;
  return null;
end $$;

-- function end_link(uuid, text, text)
CREATE FUNCTION banking.end_link(link_id uuid, state text, code text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION end_link(link_id uuid, state text, code text)
COMMENT ON FUNCTION banking.end_link(link_id uuid, state text, code text) IS 'A link came to nothing: exited by its person, or failed. Again changes nothing.';

-- table link
CREATE TABLE banking.link (
    id uuid NOT NULL,
    person uuid NOT NULL,
    reconnects uuid,
    state text DEFAULT 'starting'::text NOT NULL,
    token_hash text,
    session_sealed bytea,
    replaces text,
    exchange_begun_at timestamp with time zone,
    code text,
    source_id uuid,
    version bigint DEFAULT 1 NOT NULL,
    next_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT ended_keeps_no_session CHECK (((ended_at IS NULL) OR (session_sealed IS NULL))),
    CONSTRAINT ended_says_when CHECK (((state = ANY (ARRAY['linked'::text, 'exited'::text, 'failed'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['starting'::text, 'open'::text, 'exchanging'::text, 'exchanged'::text, 'linked'::text, 'exited'::text, 'failed'::text])))
);

-- comment TABLE link
COMMENT ON TABLE banking.link IS 'One visit to the vendor''s pages. open: its person is there; exchanging, exchanged: what they brought back is being turned into a bank. replaces: what the bank transfers'' vendor called the account while it waited for two deposits.';

-- function enqueue_link(banking.link)
CREATE FUNCTION banking.enqueue_link(link banking.link) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform jobs.enqueue(
    'banking', 'follow_link', jsonb_build_object('link_id', link.id), 'follow_link:' || link.id, null, 'link:' || link.person);
end $$;

-- comment FUNCTION enqueue_link(link banking.link)
COMMENT ON FUNCTION banking.enqueue_link(link banking.link) IS 'Has a job ask what became of a link.';

-- function environment_in_force()
CREATE FUNCTION banking.environment_in_force() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce((select e.environment from banking.vendor_environment e order by e.id desc limit 1), 'production')
$$;

-- comment FUNCTION environment_in_force()
COMMENT ON FUNCTION banking.environment_in_force() IS 'sandbox where the vendor moves test money, production otherwise.';

-- function fail_source(uuid)
CREATE FUNCTION banking.fail_source(source_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update banking.source s set state = 'failed' where s.id = source_id and s.state = 'linking'
$$;

-- comment FUNCTION fail_source(source_id uuid)
COMMENT ON FUNCTION banking.fail_source(source_id uuid) IS 'Notes that the vendor refused the account or was not reached; the id may be tried again.';

-- function freed_money_repays()
CREATE FUNCTION banking.freed_money_repays() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform banking.repay_debts(a.owner, 'hold_released', new.id)
  from ledger.account a where a.id = new.account_id and a.kind = 'wallet' and a.asset = 'USD';
  return null;
end $$;

-- comment FUNCTION freed_money_repays()
COMMENT ON FUNCTION banking.freed_money_repays() IS 'What a hold gives back pays debts first.';

-- function hold_bank_days(text)
CREATE FUNCTION banking.hold_bank_days(environment text) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.bank_days from banking.hold_policy p
  where p.environment = hold_bank_days.environment order by p.id desc limit 1
$$;

-- comment FUNCTION hold_bank_days(environment text)
COMMENT ON FUNCTION banking.hold_bank_days(environment text) IS 'The hold in force, in bank days.';

-- function is_busy(uuid)
CREATE FUNCTION banking.is_busy(source_id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  return exists (
    select from banking.provider_operation o
    left join banking.load l on l.id = o.id
    left join banking.redemption r on r.id = o.id
    where source_id in (l.source_id, r.source_id) and o.state in ('queued', 'submitted', 'pending', 'settled'));
end $$;

-- comment FUNCTION is_busy(source_id uuid)
COMMENT ON FUNCTION banking.is_busy(source_id uuid) IS 'Whether a transfer from or to this bank is under way.';

-- function liabilities(boolean)
CREATE FUNCTION banking.liabilities(is_full boolean, OUT uncleared_cents bigint, OUT circulation_cents bigint) RETURNS record
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  uncleared_cents := ledger.balance_of(ledger.system_account('loads_uncleared'));
  if is_full then
    select coalesce(sum(a.balance), 0)::bigint into circulation_cents
    from ledger.account a where a.asset = 'USD' and a.kind = 'wallet';
  else
    -- without a pass over all wallets: all accounts make zero, and there are few that are none
    select -sum(ledger.balance_of(a.id))::bigint into circulation_cents
    from ledger.account a where a.asset = 'USD' and a.is_summing;
    circulation_cents := circulation_cents + (
      select coalesce(sum(d.owed_cents - d.repaid_cents), 0)::bigint from banking.debt d where d.closed_at is null);
  end if;
  circulation_cents := circulation_cents + ledger.balance_of(ledger.system_account('payouts_in_transit'));
end $$;

-- comment FUNCTION liabilities(is_full boolean, OUT uncleared_cents bigint, OUT circulation_cents bigint)
COMMENT ON FUNCTION banking.liabilities(is_full boolean, OUT uncleared_cents bigint, OUT circulation_cents bigint) IS 'What waits for its hold, and what is in circulation: wallets (held included) and payouts under way. is_full: by adding up every wallet.';

-- function limit_of(uuid, text)
CREATE FUNCTION banking.limit_of(person uuid, name text) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(
    -- few limits have a tier of their own: whose has none does not look for it
    case when f.maxima ? (limit_of.name || '.identity') or f.maxima ? (limit_of.name || '.phone') or f.maxima ? (limit_of.name || '.bank')
      then (f.maxima ->> (limit_of.name || '.' || banking.tier_of(limit_of.person)))::bigint end,
    (f.maxima ->> limit_of.name)::bigint)
  from risk.limit_in_force f
$$;

-- comment FUNCTION limit_of(person uuid, name text)
COMMENT ON FUNCTION banking.limit_of(person uuid, name text) IS 'The value in force of a limit for this person, or null when there is none of this name.';

-- function limits_of(uuid)
CREATE FUNCTION banking.limits_of(person uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(jsonb_object_agg(name, banking.limit_of(limits_of.person, name)), '{}') || jsonb_build_object('tier', banking.tier_of(limits_of.person))
  from risk.limit_in_force f, jsonb_object_keys(f.maxima) as name where name ~ '^(load|redeem)_' and strpos(name, '.') = 0
$$;

-- comment FUNCTION limits_of(person uuid)
COMMENT ON FUNCTION banking.limits_of(person uuid) IS 'Every limit of a person''s bank transfers, as it holds for them, and the tier that it comes from.';

-- function link_json(banking.link)
CREATE FUNCTION banking.link_json(link banking.link) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', link.id, 'state', link.state, 'code', link.code, 'is_reconnect', link.reconnects is not null,
    'source', (select banking.source_json(s) from banking.source s where s.id = link.source_id))
$$;

-- comment FUNCTION link_json(link banking.link)
COMMENT ON FUNCTION banking.link_json(link banking.link) IS 'A link as its person may see it.';

-- function link_order(uuid)
CREATE FUNCTION banking.link_order(link_id uuid) RETURNS TABLE(person uuid, state text, reconnects uuid, session_sealed bytea, access_sealed bytea, item_id text, source jsonb, customer_vendor_id text, name text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select l.person, l.state, l.reconnects, l.session_sealed, c.access_sealed, c.item_id,
    (select jsonb_build_object('kind', s.kind, 'vendor_id', s.vendor_id) from banking.source s where s.id = l.id),
    k.vendor_id, p.name
  from banking.link l
  join public.profiles p on p.id = l.person
  left join banking.customer k on k.person = l.person
  left join banking.connection c on c.id = coalesce(l.reconnects, l.id)
  where l.id = link_id
$$;

-- comment FUNCTION link_order(link_id uuid)
COMMENT ON FUNCTION banking.link_order(link_id uuid) IS 'What is known of a link: all that the job needs to go on from where it stopped.';

-- function load_fits(uuid)
CREATE FUNCTION banking.load_fits(load_id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  l banking.load;
  joined_at timestamptz;
  used_cents bigint; owed_cents bigint;
begin
  select * into l from banking.load t where t.id = load_id;
  select p.created_at into joined_at from public.profiles p where p.id = l.person;
  select coalesce(sum(e.amount_cents), 0)::bigint into used_cents
  from banking.load e join banking.provider_operation o on o.id = e.id
  where e.person = l.person and e.created_at > l.created_at - interval '7 days'
    and (e.created_at, e.id) < (l.created_at, l.id) and o.state not in ('failed', 'canceled');
  select coalesce(sum(d.owed_cents), 0)::bigint into owed_cents
  from banking.debt d
  where d.person = l.person and d.opened_at <= l.created_at and (d.closed_at is null or d.closed_at > l.created_at);
  return l.amount_cents <= banking.limit_of(l.person, 'load_single_cents')
    and greatest(0, used_cents - owed_cents) + l.amount_cents <= banking.limit_of(
      l.person, case when joined_at > l.created_at - interval '7 days' then 'load_first_week_cents' else 'load_week_cents' end);
end $$;

-- comment FUNCTION load_fits(load_id uuid)
COMMENT ON FUNCTION banking.load_fits(load_id uuid) IS 'Whether a load that waits is within the limits in force now.';

-- function load_json(uuid, uuid)
CREATE FUNCTION banking.load_json(load_id uuid, viewer uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', l.id, 'amount_cents', l.amount_cents, 'state', o.state, 'reference', l.reference,
    'source', banking.source_json(s), 'created_at', l.created_at, 'accepted_at', o.accepted_at,
    'settled_at', o.settled_at, 'cleared_at', o.cleared_at, 'ended_at', o.ended_at, 'clears_at', l.clears_at,
    'failure_code', o.failure_code, 'is_delayed',
    o.state in ('queued', 'submitted') and (o.last_error <> '' or providers.is_down('dwolla')),
    'cancel', banking.cancel_word(o))
  from banking.load l
  join banking.provider_operation o on o.id = l.id
  join banking.source s on s.id = l.source_id
  where l.id = load_id and l.person = viewer
$$;

-- comment FUNCTION load_json(load_id uuid, viewer uuid)
COMMENT ON FUNCTION banking.load_json(load_id uuid, viewer uuid) IS 'A load as its owner may see it, or null.';

-- function loaded_in_week(uuid)
CREATE FUNCTION banking.loaded_in_week(person uuid) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select greatest(0, coalesce(sum(l.amount_cents - banking.repaid_by(l.id)), 0)::bigint - banking.owed_cents(loaded_in_week.person))
  from banking.load l join banking.provider_operation o on o.id = l.id
  where l.person = loaded_in_week.person and l.created_at > private.now() - interval '7 days'
    and o.state not in ('failed', 'canceled')
$$;

-- comment FUNCTION loaded_in_week(person uuid)
COMMENT ON FUNCTION banking.loaded_in_week(person uuid) IS 'What a person loaded in the last seven days, in US cents, without what pays or paid back what they owed.';

-- function lock_wallet(uuid)
CREATE FUNCTION banking.lock_wallet(person uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform from ledger.account a where a.id = ledger.wallet_of(person) for no key update;
end $$;

-- comment FUNCTION lock_wallet(person uuid)
COMMENT ON FUNCTION banking.lock_wallet(person uuid) IS 'Locks a person''s wallet, before reading it or posting to it.';

-- function make_default(uuid)
CREATE FUNCTION banking.make_default(source_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  bank banking.source;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  select * into bank from banking.source s where s.id = source_id and s.person = auth.uid() for no key update;
  if not found or bank.state not in ('unverified', 'verified') then
    perform private.refuse('not_found', '{"what": "bank"}');
  end if;
  if bank.state <> 'verified' then
    perform private.refuse('bank_unconfirmed', '{"is_choosing": true}');
  end if;
  if banking.default_of(bank.person) = source_id then
    return;
  end if;
  insert into banking.default_source (person, source_id, since) values (bank.person, source_id, private.now())
  on conflict (person) do update set source_id = excluded.source_id, since = excluded.since;
  update banking.source s set version = s.version + 1 where s.id = source_id returning * into bank;
  perform events.record('bank.made_default', source_id, bank.version, jsonb_build_object('owner_id', bank.person), bank.person);
end $$;

-- comment FUNCTION make_default(source_id uuid)
COMMENT ON FUNCTION banking.make_default(source_id uuid) IS 'Makes one of the caller''s confirmed banks the one that is offered first.';

-- function may_load(uuid)
CREATE FUNCTION banking.may_load(person uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce((
    select a.state = 'active' or (
      a.state = 'restricted'
      and exists (select from banking.debt d where d.person = may_load.person and d.closed_at is null)
      and not exists (
        select from risk.account_case c
        where c.person = may_load.person and c.lifted_at is null and c.reason <> 'late_return'))
    from ledger.account a where a.id = ledger.wallet_of(may_load.person)
  ), false)
$$;

-- comment FUNCTION may_load(person uuid)
COMMENT ON FUNCTION banking.may_load(person uuid) IS 'Whether a person''s account takes loads: it is active, or restricted only for what they owe.';

-- function moment()
CREATE FUNCTION banking.moment() RETURNS timestamp with time zone
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select private.now()
$$;

-- comment FUNCTION moment()
COMMENT ON FUNCTION banking.moment() IS 'The time, as the database has it.';

-- function my_banks()
CREATE FUNCTION banking.my_banks() RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select banking.source_json(s) || jsonb_build_object(
    'kind', s.kind, 'is_default', s.id is not distinct from banking.default_of(s.person), 'connection', c.state, 'is_holder', h.is_holder,
    'is_busy', banking.is_busy(s.id))
  from banking.source s
  left join lateral (
    select x.state from banking.connection x where x.source_id = s.id and x.state <> 'ended' order by x.created_at desc limit 1
  ) c on true
  left join lateral (
    select x.is_holder from banking.holder_check x where x.source_id = s.id order by x.id desc limit 1
  ) h on true
  where s.person = auth.uid() and s.state in ('unverified', 'verified')
  order by s.id is distinct from banking.default_of(s.person), s.created_at, s.id
$$;

-- comment FUNCTION my_banks()
COMMENT ON FUNCTION banking.my_banks() IS 'The caller''s banks, the default first: how each was linked, and what is wrong with it.';

-- function my_debts()
CREATE FUNCTION banking.my_debts() RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'load_id', d.load_id, 'reference', l.reference, 'code', o.failure_code, 'returned_cents', l.amount_cents,
    'owed_cents', d.owed_cents, 'repaid_cents', d.repaid_cents, 'opened_at', d.opened_at, 'closed_at', d.closed_at,
    'case_reference', d.case_reference, 'bank', banking.source_json(s))
  from banking.debt d
  join banking.load l on l.id = d.load_id
  join banking.provider_operation o on o.id = d.load_id
  join banking.source s on s.id = l.source_id
  where d.person = auth.uid()
  order by d.closed_at is not null, d.opened_at, d.id limit 50
$$;

-- comment FUNCTION my_debts()
COMMENT ON FUNCTION banking.my_debts() IS 'What the caller owes or owed since loads were returned, the open ones first.';

-- function my_link(uuid, boolean)
CREATE FUNCTION banking.my_link(link_id uuid, has_returned boolean DEFAULT false) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION my_link(link_id uuid, has_returned boolean)
COMMENT ON FUNCTION banking.my_link(link_id uuid, has_returned boolean) IS 'One of the caller''s links, or null. When its person came back (has_returned), what they brought is asked for.';

-- function my_load(uuid)
CREATE FUNCTION banking.my_load(load_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select banking.load_json(load_id, auth.uid())
$$;

-- comment FUNCTION my_load(load_id uuid)
COMMENT ON FUNCTION banking.my_load(load_id uuid) IS 'One of the caller''s loads, or null.';

-- function my_load_limits()
CREATE FUNCTION banking.my_load_limits() RETURNS TABLE(single_min_cents bigint, single_max_cents bigint, week_max_cents bigint, week_used_cents bigint, first_week_ends_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select banking.limit_of(p.id, 'load_single_min_cents'), banking.limit_of(p.id, 'load_single_cents'),
    case when p.created_at > private.now() - interval '7 days'
      then banking.limit_of(p.id, 'load_first_week_cents') else banking.limit_of(p.id, 'load_week_cents') end,
    banking.loaded_in_week(p.id),
    case when p.created_at > private.now() - interval '7 days' then p.created_at + interval '7 days' end
  from public.profiles p where p.id = auth.uid()
$$;

-- comment FUNCTION my_load_limits()
COMMENT ON FUNCTION banking.my_load_limits() IS 'What the caller may load: bounds of one load, the week''s maximum and how much of it is used.';

-- function my_loads(timestamp with time zone, integer)
CREATE FUNCTION banking.my_loads(before timestamp with time zone, maximum integer) RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select banking.load_json(l.id, auth.uid()) from (
    select l.id, l.created_at from banking.load l
    where l.person = auth.uid() and (before is null or l.created_at < before)
    order by l.created_at desc, l.id desc limit least(greatest(maximum, 0), 100)
  ) l order by l.created_at desc, l.id desc
$$;

-- comment FUNCTION my_loads(before timestamp with time zone, maximum integer)
COMMENT ON FUNCTION banking.my_loads(before timestamp with time zone, maximum integer) IS 'The caller''s loads, newest first.';

-- function my_pending_cents()
CREATE FUNCTION banking.my_pending_cents() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(sum(l.amount_cents), 0)::bigint from banking.load l join banking.provider_operation o on o.id = l.id
  where l.person = auth.uid() and o.state in ('queued', 'submitted', 'pending', 'settled')
$$;

-- comment FUNCTION my_pending_cents()
COMMENT ON FUNCTION banking.my_pending_cents() IS 'What is on its way into the caller''s wallet, in US cents.';

-- function my_redemption(uuid)
CREATE FUNCTION banking.my_redemption(redemption_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select banking.redemption_json(redemption_id, auth.uid())
$$;

-- comment FUNCTION my_redemption(redemption_id uuid)
COMMENT ON FUNCTION banking.my_redemption(redemption_id uuid) IS 'One of the caller''s redemptions, or null.';

-- function my_redemption_limits()
CREATE FUNCTION banking.my_redemption_limits() RETURNS TABLE(single_min_cents bigint, single_max_cents bigint, week_max_cents bigint, week_used_cents bigint, available_cents bigint, opens_at timestamp with time zone, more_at timestamp with time zone, resets_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select banking.limit_of(p.id, 'redeem_single_min_cents'), banking.limit_of(p.id, 'redeem_single_cents'),
    banking.limit_of(p.id, 'redeem_week_cents'), banking.redeemed_in_week(p.id),
    (select a.balance - a.held - a.min_balance from ledger.account a where a.id = ledger.wallet_of(p.id)),
    case when banking.redeems_from(p.id) > private.now() then banking.redeems_from(p.id) end,
    banking.redemption_room_at(p.id, banking.limit_of(p.id, 'redeem_single_min_cents')),
    (select min(r.created_at) + interval '7 days'
     from banking.redemption r join banking.provider_operation o on o.id = r.id
     where r.person = p.id and r.created_at > private.now() - interval '7 days'
       and o.state not in ('failed', 'canceled', 'returned'))
  from public.profiles p where p.id = auth.uid()
$$;

-- comment FUNCTION my_redemption_limits()
COMMENT ON FUNCTION banking.my_redemption_limits() IS 'What the caller may redeem: bounds of one, the week''s maximum and use, what is available, and from when on: at all (opens_at), again (more_at), more than now (resets_at).';

-- function my_redemptions(timestamp with time zone, integer)
CREATE FUNCTION banking.my_redemptions(before timestamp with time zone, maximum integer) RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select banking.redemption_json(r.id, auth.uid()) from (
    select r.id, r.created_at from banking.redemption r
    where r.person = auth.uid() and (before is null or r.created_at < before)
    order by r.created_at desc, r.id desc limit least(greatest(maximum, 0), 100)
  ) r order by r.created_at desc, r.id desc
$$;

-- comment FUNCTION my_redemptions(before timestamp with time zone, maximum integer)
COMMENT ON FUNCTION banking.my_redemptions(before timestamp with time zone, maximum integer) IS 'The caller''s redemptions, newest first.';

-- function my_repaid_by(uuid)
CREATE FUNCTION banking.my_repaid_by(load_id uuid) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce((
    select banking.repaid_by(l.id) from banking.load l where l.id = my_repaid_by.load_id and l.person = auth.uid()
  ), 0)
$$;

-- comment FUNCTION my_repaid_by(load_id uuid)
COMMENT ON FUNCTION banking.my_repaid_by(load_id uuid) IS 'How much of one of the caller''s loads paid back what they owed, in US cents.';

-- function my_source(uuid)
CREATE FUNCTION banking.my_source(source_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select banking.source_json(s) || jsonb_build_object('vendor_id', s.vendor_id)
  from banking.source s
  where s.id = source_id and s.person = auth.uid() and s.state in ('unverified', 'verified')
$$;

-- comment FUNCTION my_source(source_id uuid)
COMMENT ON FUNCTION banking.my_source(source_id uuid) IS 'One of the caller''s banks with the vendor''s id, or null.';

-- function my_sources()
CREATE FUNCTION banking.my_sources() RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select banking.source_json(s) from banking.source s
  left join banking.default_source d on d.source_id = s.id and d.person = s.person
  where s.person = auth.uid() and s.state in ('unverified', 'verified') order by d.source_id is null, s.created_at, s.id
$$;

-- comment FUNCTION my_sources()
COMMENT ON FUNCTION banking.my_sources() IS 'The caller''s banks.';

-- function my_tier()
CREATE FUNCTION banking.my_tier() RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select banking.limits_of(auth.uid()) || jsonb_build_object('raised', (
    select coalesce(jsonb_object_agg(split_part(name, '.', 1), value::bigint), '{}')
    from risk.limit_in_force f, jsonb_each_text(f.maxima) as each(name, value) where name like '%.identity'))
  where exists (select from public.profiles p where p.id = auth.uid())
$$;

-- comment FUNCTION my_tier()
COMMENT ON FUNCTION banking.my_tier() IS 'The caller''s tier and limits, and (raised) those of the highest tier; null before a handle was claimed.';

-- function net_flow(date, date)
CREATE FUNCTION banking.net_flow(since date, until date) RETURNS TABLE(day date, loaded_cents bigint, taken_back_cents bigint, redeemed_cents bigint, sent_back_cents bigint, net_cents bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select f.day, f.loaded, f.taken_back, f.redeemed, f.sent_back, f.loaded - f.taken_back - f.redeemed + f.sent_back
  from (
    select (e.at at time zone 'America/New_York')::date as day,
      coalesce(sum((e.payload ->> 'amount_cents')::bigint) filter (where e.kind = 'load.settled'), 0)::bigint as loaded,
      coalesce(sum((e.payload ->> 'amount_cents')::bigint) filter (where e.kind = 'load.returned'), 0)::bigint as taken_back,
      coalesce(sum((e.payload ->> 'amount_cents')::bigint) filter (where e.kind = 'redemption.debited'), 0)::bigint as redeemed,
      coalesce(sum((e.payload ->> 'amount_cents')::bigint) filter (where e.kind = 'redemption.returned'), 0)::bigint as sent_back
    from events.event e
    where e.kind in ('load.settled', 'load.returned', 'redemption.debited', 'redemption.returned')
      and e.at >= since::timestamp at time zone 'America/New_York'
      and e.at < (until + 1)::timestamp at time zone 'America/New_York'
    group by 1
  ) f order by f.day
$$;

-- comment FUNCTION net_flow(since date, until date)
COMMENT ON FUNCTION banking.net_flow(since date, until date) IS 'Each day with a movement from since to until: what banks gave, took back, were paid and sent back, and what of it stayed.';

-- function new_reference(text)
CREATE FUNCTION banking.new_reference(prefix text) RETURNS text
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select prefix || '-' || left(r, 4) || '-' || right(r, 4) from (
    select string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (get_byte(b, i) & 31), 1), '') as r
    from (select uuid_send(gen_random_uuid()) as b) u, generate_series(8, 15) i
  ) t
$$;

-- comment FUNCTION new_reference(prefix text)
COMMENT ON FUNCTION banking.new_reference(prefix text) IS 'A fresh reference for a load (LD) or a redemption (CO).';

-- function note_attempt(uuid, text, boolean)
CREATE FUNCTION banking.note_attempt(operation_id uuid, error text, is_unsent boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  before banking.provider_operation;
  owner uuid;
  changes bigint;
begin
  select * into before from banking.provider_operation o where o.id = operation_id and o.state = 'submitted' for no key update;
  if not found then
    return;
  end if;
  update banking.provider_operation o set
    last_error = left(error, 200),
    -- only what certainly never arrived goes back to "not sent"
    state = case when is_unsent and o.attempts = 1 then 'queued' else o.state end,
    attempts = case when is_unsent and o.attempts = 1 then 0 else o.attempts end,
    first_sent_at = case when is_unsent and o.attempts = 1 then null else o.first_sent_at end
  where o.id = operation_id;
  -- its owner sees from now on that it waits; that it still does is no news
  if before.last_error <> '' or error = '' then
    return;
  end if;
  if before.kind = 'load' then
    update banking.load t set version = t.version + 1 where t.id = operation_id
    returning t.person, t.version into owner, changes;
  else
    update banking.redemption t set version = t.version + 1 where t.id = operation_id
    returning t.person, t.version into owner, changes;
  end if;
  perform events.record(before.kind || '.delayed', operation_id, changes, jsonb_build_object('owner_id', owner), null);
end $$;

-- comment FUNCTION note_attempt(operation_id uuid, error text, is_unsent boolean)
COMMENT ON FUNCTION banking.note_attempt(operation_id uuid, error text, is_unsent boolean) IS 'Notes why the vendor did not take an operation yet; the first time its owner is told that it waits.';

-- function note_cancel_refused(uuid)
CREATE FUNCTION banking.note_cancel_refused(operation_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  operation banking.provider_operation;
begin
  update banking.provider_operation o set cancel_refused_at = private.now()
  where o.id = operation_id and o.state = 'pending' and o.cancel_asked_at is not null and o.cancel_refused_at is null
  returning * into operation;
  if found then
    perform banking.record_cancel(operation, 'cancel_refused', null);
  end if;
end $$;

-- comment FUNCTION note_cancel_refused(operation_id uuid)
COMMENT ON FUNCTION banking.note_cancel_refused(operation_id uuid) IS 'Notes that the vendor does not stop the transfer any more.';

-- function note_replaced(uuid, text)
CREATE FUNCTION banking.note_replaced(link_id uuid, vendor_id text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update banking.link l set replaces = note_replaced.vendor_id where l.id = link_id and l.replaces is null
$$;

-- comment FUNCTION note_replaced(link_id uuid, vendor_id text)
COMMENT ON FUNCTION banking.note_replaced(link_id uuid, vendor_id text) IS 'Notes, before the vendor forgets it, what it calls an account that was typed in and waits for two deposits.';

-- function open_dispute(uuid, text, text)
CREATE FUNCTION banking.open_dispute(operation_id uuid, vendor_ref text, code text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select from cases.open_case('transfer_disputed', 'operation:' || operation_id, jsonb_build_object(
    'operation_id', operation_id, 'vendor_ref', vendor_ref, 'code', code))
$$;

-- comment FUNCTION open_dispute(operation_id uuid, vendor_ref text, code text)
COMMENT ON FUNCTION banking.open_dispute(operation_id uuid, vendor_ref text, code text) IS 'Opens a case: the vendor has a transfer that is not what it was asked for. While it is open nobody asks about the operation.';

-- function operation_of(text, uuid)
CREATE FUNCTION banking.operation_of(vendor_ref text, correlation_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', o.id, 'kind', o.kind,
    'amount_cents', coalesce((select l.amount_cents from banking.load l where l.id = o.id), (select r.amount_cents from banking.redemption r where r.id = o.id)),
    'is_unsent', o.ended_at is not null and o.vendor_ref is null)
  from banking.provider_operation o
  where o.vendor_ref = operation_of.vendor_ref or o.id = operation_of.correlation_id
  order by o.vendor_ref is distinct from operation_of.vendor_ref limit 1
$$;

-- comment FUNCTION operation_of(vendor_ref text, correlation_id uuid)
COMMENT ON FUNCTION banking.operation_of(vendor_ref text, correlation_id uuid) IS 'The operation that the vendor calls vendor_ref, or the one it was made for when the vendor''s answer never reached us; its kind, what it moves, and whether it ended without the vendor (is_unsent).';

-- function order_of(uuid)
CREATE FUNCTION banking.order_of(person uuid) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select 'bank:' || order_of.person
$$;

-- comment FUNCTION order_of(person uuid)
COMMENT ON FUNCTION banking.order_of(person uuid) IS 'What the jobs that send a person''s transfers have in common: they run one after the other.';

-- function our_movements(timestamp with time zone, text[])
CREATE FUNCTION banking.our_movements(since timestamp with time zone, vendor_refs text[]) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'now', private.now(),
    'reserve_cents', -ledger.balance_of(ledger.system_account('reserve')),
    'movements', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', o.id, 'kind', o.kind, 'state', o.state, 'vendor_ref', o.vendor_ref, 'amount_cents', m.amount_cents,
        -- somebody is about to ask: what the vendor knows already is not ours yet
        'is_followed', o.state in ('queued', 'submitted')
          or (o.state = 'pending' and o.next_at > private.now() - interval '15 minutes')
          or exists (
            select from jobs.procrastinate_jobs j
            where j.queueing_lock = 'follow_transfer:' || o.vendor_ref and j.status in ('todo', 'doing'))))
      from banking.provider_operation o
      join banking.moved m on m.id = o.id
      where o.requested_at >= our_movements.since or o.vendor_ref = any(our_movements.vendor_refs)
        or o.state in ('queued', 'submitted', 'pending')
    ), '[]'))
$$;

-- comment FUNCTION our_movements(since timestamp with time zone, vendor_refs text[])
COMMENT ON FUNCTION banking.our_movements(since timestamp with time zone, vendor_refs text[]) IS 'What we hold of bank transfers since a moment, of these of the vendor''s, and of all under way; and what the reserve is to hold.';

-- function owed_cents(uuid)
CREATE FUNCTION banking.owed_cents(person uuid) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select coalesce(sum(d.owed_cents - d.repaid_cents), 0)::bigint from banking.debt d
    where d.person = owed_cents.person and d.closed_at is null);
end $$;

-- comment FUNCTION owed_cents(person uuid)
COMMENT ON FUNCTION banking.owed_cents(person uuid) IS 'What a person still owes since loads were taken back, in US cents.';

-- function owner_of(uuid)
CREATE FUNCTION banking.owner_of(operation_id uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select l.person from banking.load l where l.id = operation_id
  union all select r.person from banking.redemption r where r.id = operation_id
$$;

-- comment FUNCTION owner_of(operation_id uuid)
COMMENT ON FUNCTION banking.owner_of(operation_id uuid) IS 'Whose load or redemption it is.';

-- function receive_event(text, text, text)
CREATE FUNCTION banking.receive_event(event_id text, topic text, resource_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
#variable_conflict use_variable
begin
  insert into banking.vendor_event (id, topic, resource_id) values (event_id, topic, resource_id) on conflict do nothing;
  if not found then
    return false;
  end if;
  if topic ~ '_?transfer_(created|completed|failed|cancelled)$' then
    perform jobs.enqueue('banking', 'follow_transfer', jsonb_build_object('transfer_id', resource_id), 'follow_transfer:' || resource_id);
  elsif topic ~ '^customer_funding_source_(verified|unverified|updated|removed)$' then
    perform jobs.enqueue('banking', 'follow_source', jsonb_build_object('vendor_id', resource_id), 'follow_source:' || resource_id);
  end if;
  return true;
end $_$;

-- comment FUNCTION receive_event(event_id text, topic text, resource_id text)
COMMENT ON FUNCTION banking.receive_event(event_id text, topic text, resource_id text) IS 'Keeps a verified notice of the vendor, once, and enqueues the asking after what it is about. False when it was known.';

-- function receive_link_event(text, text, text, text)
CREATE FUNCTION banking.receive_link_event(event_id text, topic text, token_hash text, item_id text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  link banking.link;
  resource text := case when item_id <> '' then item_id else token_hash end;
begin
  insert into banking.vendor_event (id, topic, resource_id) values (event_id, topic, resource) on conflict do nothing;
  if not found then
    return false;
  end if;
  select * into link from banking.link l where l.token_hash = token_hash;
  if link.id is not null and topic = 'LINK.SESSION_FINISHED' then
    perform banking.enqueue_link(link);
  elsif topic ~ '^ITEM\.' and banking.connection_of(item_id) is not null then
    perform jobs.enqueue(
      'banking', 'follow_connection', jsonb_build_object('item_id', item_id, 'topic', topic), 'follow_connection:' || topic || item_id);
  end if;
  return true;
end $$;

-- comment FUNCTION receive_link_event(event_id text, topic text, token_hash text, item_id text)
COMMENT ON FUNCTION banking.receive_link_event(event_id text, topic text, token_hash text, item_id text) IS 'Keeps a verified notice of the vendor of links, once, and enqueues the asking after what it is about. False when it was known.';

-- function record_cancel(banking.provider_operation, text, uuid)
CREATE FUNCTION banking.record_cancel(operation banking.provider_operation, what text, actor uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  person uuid;
  version bigint;
begin
  if operation.kind = 'load' then
    update banking.load l set version = l.version + 1 where l.id = operation.id returning l.person, l.version into person, version;
  else
    update banking.redemption r set version = r.version + 1 where r.id = operation.id returning r.person, r.version into person, version;
  end if;
  perform events.record(operation.kind || '.' || what, operation.id, version, jsonb_build_object('owner_id', person), actor);
end $$;

-- comment FUNCTION record_cancel(operation banking.provider_operation, what text, actor uuid)
COMMENT ON FUNCTION banking.record_cancel(operation banking.provider_operation, what text, actor uuid) IS 'The event of a wish to cancel: cancel_asked by its owner, or cancel_refused by the vendor.';

-- function redeemed_in_week(uuid, uuid)
CREATE FUNCTION banking.redeemed_in_week(person uuid, except_id uuid DEFAULT NULL::uuid) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(sum(r.amount_cents), 0)::bigint
  from banking.redemption r join banking.provider_operation o on o.id = r.id
  where r.person = redeemed_in_week.person and r.created_at > private.now() - interval '7 days'
    and o.state not in ('failed', 'canceled', 'returned') and r.id is distinct from redeemed_in_week.except_id
$$;

-- comment FUNCTION redeemed_in_week(person uuid, except_id uuid)
COMMENT ON FUNCTION banking.redeemed_in_week(person uuid, except_id uuid) IS 'What a person redeemed in the last seven days in US cents, one redemption left out.';

-- function redeems_from(uuid)
CREATE FUNCTION banking.redeems_from(person uuid) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.created_at + make_interval(days => banking.limit_of(p.id, case banking.environment_in_force()
    when 'sandbox' then 'redeem_account_days_sandbox' else 'redeem_account_days' end)::integer)
  from public.profiles p where p.id = redeems_from.person
$$;

-- comment FUNCTION redeems_from(person uuid)
COMMENT ON FUNCTION banking.redeems_from(person uuid) IS 'From when on a person may redeem; null for nobody, or when the rule is missing.';

-- function redemption_json(uuid, uuid)
CREATE FUNCTION banking.redemption_json(redemption_id uuid, viewer uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', r.id, 'amount_cents', r.amount_cents, 'state', o.state, 'reference', r.reference,
    'source', banking.source_json(s), 'created_at', r.created_at, 'accepted_at', o.accepted_at,
    'settled_at', o.settled_at, 'cleared_at', o.cleared_at, 'ended_at', o.ended_at,
    'failure_code', o.failure_code, 'is_delayed',
    o.state in ('queued', 'submitted') and (o.last_error <> '' or providers.is_down('dwolla')),
    'cancel', banking.cancel_word(o))
  from banking.redemption r
  join banking.provider_operation o on o.id = r.id
  join banking.source s on s.id = r.source_id
  where r.id = redemption_id and r.person = viewer
$$;

-- comment FUNCTION redemption_json(redemption_id uuid, viewer uuid)
COMMENT ON FUNCTION banking.redemption_json(redemption_id uuid, viewer uuid) IS 'A redemption as its owner may see it, or null.';

-- function redemption_refusal(uuid, bigint, uuid)
CREATE FUNCTION banking.redemption_refusal(person uuid, amount_cents bigint, except_id uuid DEFAULT NULL::uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  opens_at timestamptz := banking.redeems_from(person);
  single bigint := banking.limit_of(person, 'redeem_single_cents');
  week bigint := banking.limit_of(person, 'redeem_week_cents');
  used bigint := banking.redeemed_in_week(person, except_id);
begin
  if opens_at is null or opens_at > private.now() then
    return jsonb_build_object('limit', 'redeem_account_days', 'resets_at', opens_at, 'opens_at', opens_at);
  elsif single is null or amount_cents > single then
    return jsonb_build_object('limit', 'redeem_single_cents', 'max', coalesce(single, 0));
  elsif week is null or used + amount_cents > week then
    return jsonb_build_object('limit', 'redeem_week_cents', 'max', coalesce(week, 0), 'used', used,
      'resets_at', banking.redemption_room_at(person, amount_cents));
  end if;
  return null;
end $$;

-- comment FUNCTION redemption_refusal(person uuid, amount_cents bigint, except_id uuid)
COMMENT ON FUNCTION banking.redemption_refusal(person uuid, amount_cents bigint, except_id uuid) IS 'Which limit a redemption of this much would break, with its facts, or null. Exact while the caller holds the person''s wallet row.';

-- function redemption_room_at(uuid, bigint)
CREATE FUNCTION banking.redemption_room_at(person uuid, amount_cents bigint) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select max(w.created_at) + interval '7 days' from (
    select r.created_at, sum(r.amount_cents) over (order by r.created_at desc, r.id desc) as from_here
    from banking.redemption r join banking.provider_operation o on o.id = r.id
    where r.person = redemption_room_at.person and r.created_at > private.now() - interval '7 days'
      and o.state not in ('failed', 'canceled', 'returned')
  ) w where w.from_here + redemption_room_at.amount_cents > banking.limit_of(redemption_room_at.person, 'redeem_week_cents')
$$;

-- function refuse_sixth_source(uuid)
CREATE FUNCTION banking.refuse_sixth_source(person uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if (
    select count(*) from banking.source s
    where s.person = refuse_sixth_source.person and s.state in ('linking', 'unverified', 'verified')
  ) >= 5 then
    perform private.refuse('bank_limit', jsonb_build_object('limit', 'held', 'max', 5));
  end if;
end $$;

-- comment FUNCTION refuse_sixth_source(person uuid)
COMMENT ON FUNCTION banking.refuse_sixth_source(person uuid) IS 'Refuses when the person has five banks, those being linked included.';

-- function repaid_by(uuid)
CREATE FUNCTION banking.repaid_by(load_id uuid) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select coalesce(sum(r.amount_cents), 0)::bigint from banking.repayment r
    where r.cause_id = repaid_by.load_id and r.cause = 'load_cleared');
end $$;

-- comment FUNCTION repaid_by(load_id uuid)
COMMENT ON FUNCTION banking.repaid_by(load_id uuid) IS 'How much of a load paid back what its person owed, in US cents.';

-- function repay_debts(uuid, text, uuid)
CREATE FUNCTION banking.repay_debts(person uuid, cause text, cause_id uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  purse ledger.account;
  d banking.debt;
  pay_cents bigint;
  repayment_id uuid;
  total_cents bigint := 0;
begin
  if not exists (select from banking.debt o where o.person = person and o.closed_at is null) then
    return 0;
  end if;
  perform banking.lock_wallet(person);
  for d in
    select * from banking.debt o where o.person = person and o.closed_at is null order by o.opened_at, o.id for no key update
  loop
    select * into purse from ledger.account a where a.id = ledger.wallet_of(person);
    pay_cents := least(purse.balance - purse.held, d.owed_cents - d.repaid_cents);
    exit when pay_cents <= 0;
    insert into banking.repayment (debt_id, amount_cents, cause, cause_id, at)
    values (d.id, pay_cents, cause, cause_id, private.now()) returning id into repayment_id;
    perform ledger.post(
      repayment_id, purse.id, ledger.open_account(person, 'receivable'), pay_cents, 'debt_repaid',
      (select l.reference from banking.load l where l.id = d.load_id));
    update banking.debt o set
      repaid_cents = o.repaid_cents + pay_cents, version = o.version + 1,
      closed_at = case when o.repaid_cents + pay_cents = o.owed_cents then private.now() end
    where o.id = d.id returning * into d;
    perform events.record('debt.repaid', d.id, d.version, jsonb_build_object(
      'owner_id', person, 'load_id', d.load_id, 'amount_cents', pay_cents, 'left_cents', d.owed_cents - d.repaid_cents,
      'cause', cause, 'cause_id', cause_id), null);
    if d.closed_at is not null then
      perform risk.lift(d.case_reference, 'What was owed is paid back.', null);
    end if;
    total_cents := total_cents + pay_cents;
  end loop;
  return total_cents;
end $$;

-- comment FUNCTION repay_debts(person uuid, cause text, cause_id uuid)
COMMENT ON FUNCTION banking.repay_debts(person uuid, cause text, cause_id uuid) IS 'Pays back what a person owes, the oldest first, from what their wallet has and does not hold; a debt that is repaid lifts its case. Called once in the transaction in which money came or was freed. Returns what was paid.';

-- function repay_now(uuid)
CREATE FUNCTION banking.repay_now(repayment_key uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  done_cents bigint;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if repayment_key is null then
    perform private.refuse('request_invalid');
  end if;
  perform banking.lock_wallet(person);
  select sum(r.amount_cents) into done_cents
  from banking.repayment r join banking.debt d on d.id = r.debt_id
  where r.cause = 'asked' and r.cause_id = repayment_key and d.person = person;
  if done_cents is null then
    done_cents := banking.repay_debts(person, 'asked', repayment_key);
    if done_cents = 0 then
      perform private.refuse('nothing_to_repay_with', jsonb_build_object('is_owed', exists (
        select from banking.debt d where d.person = person and d.closed_at is null)));
    end if;
  end if;
  return done_cents;
end $$;

-- comment FUNCTION repay_now(repayment_key uuid)
COMMENT ON FUNCTION banking.repay_now(repayment_key uuid) IS 'Pays back what the caller owes from what is in their wallet, once per key; returns what was paid. Refused when there is nothing to pay, or to pay with.';

-- function room_at(uuid, bigint)
CREATE FUNCTION banking.room_at(person uuid, amount_cents bigint) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select max(r.created_at) + interval '7 days' from (
    select l.created_at, sum(l.amount_cents) over (order by l.created_at desc, l.id desc) as from_here
    from banking.load l join banking.provider_operation o on o.id = l.id
    where l.person = room_at.person and l.created_at > private.now() - interval '7 days'
      and o.state not in ('failed', 'canceled')
  ) r where r.from_here + room_at.amount_cents > banking.limit_of(room_at.person, 'load_week_cents')
$$;

-- table source
CREATE TABLE banking.source (
    id uuid NOT NULL,
    person uuid NOT NULL,
    vendor_id text,
    kind text NOT NULL,
    last4 text NOT NULL,
    bank_name text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'linking'::text NOT NULL,
    wrong_deposits integer DEFAULT 0 NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    return_code text,
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['checking'::text, 'savings'::text]))),
    CONSTRAINT last4_is_four_digits CHECK ((last4 ~ '^[0-9]{4}$'::text)),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['linking'::text, 'unverified'::text, 'verified'::text, 'removed'::text, 'failed'::text]))),
    CONSTRAINT usable_sources_are_linked CHECK (((state = ANY (ARRAY['linking'::text, 'failed'::text])) OR (vendor_id IS NOT NULL))),
    CONSTRAINT wrong_deposits_are_three_at_most CHECK (((wrong_deposits >= 0) AND (wrong_deposits <= 3)))
);

-- comment TABLE source
COMMENT ON TABLE banking.source IS 'A bank account that money can come from: usable once its owner proved to see into it. wrong_deposits: how often they failed to.';

-- comment COLUMN source.return_code
COMMENT ON COLUMN banking.source.return_code IS 'The return after which this bank could no longer be used here, or null.';

-- function source_json(banking.source)
CREATE FUNCTION banking.source_json(source banking.source) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', source.id, 'bank_name', source.bank_name, 'last4', source.last4, 'state', source.state,
    'tries_left', 3 - source.wrong_deposits)
$$;

-- function start_load(uuid, uuid, bigint)
CREATE FUNCTION banking.start_load(load_id uuid, source_id uuid, amount_cents bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  facts jsonb := jsonb_build_object('amount_cents', amount_cents);
  purse ledger.account;
  bank banking.source;
  known record;
  joined_at timestamptz;
  maximum bigint; used bigint;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if load_id is null or source_id is null then
    perform private.refuse('request_invalid');
  end if;
  if amount_cents is null or amount_cents < coalesce(banking.limit_of(person, 'load_single_min_cents'), 1) then
    perform private.refuse('load_amount_invalid', jsonb_build_object('min_cents', banking.limit_of(person, 'load_single_min_cents')));
  end if;

  -- From here on this person starts no other load, so what is counted below stays true.
  select * into purse from ledger.account a where a.id = ledger.wallet_of(person) for no key update;

  select l.person, l.source_id, l.amount_cents into known from banking.load l where l.id = load_id;
  if found then
    if (known.person, known.source_id, known.amount_cents) is distinct from (person, source_id, amount_cents) then
      perform private.refuse('load_key_reused');
    end if;
    return banking.load_json(load_id, person);
  end if;
  if exists (select from banking.provider_operation o where o.id = load_id) then
    perform private.refuse('load_key_reused');
  end if;
  if purse.id is null or not banking.may_load(person) then
    perform private.refuse('load_account_unavailable', facts || jsonb_build_object('state', purse.state));
  end if;
  select * into bank from banking.source s where s.id = source_id and s.person = person for share;
  if not found or bank.state not in ('unverified', 'verified') then
    perform private.refuse('not_found', '{"what": "bank"}');
  end if;
  if bank.state <> 'verified' then
    perform private.refuse('bank_unconfirmed', facts);
  end if;

  maximum := banking.limit_of(person, 'load_single_cents');
  if amount_cents > maximum then
    perform private.refuse('load_limit', facts || jsonb_build_object('limit', 'load_single_cents', 'max', maximum));
  end if;
  used := banking.loaded_in_week(person);
  select p.created_at into joined_at from public.profiles p where p.id = person;
  if joined_at > moment - interval '7 days' then
    maximum := banking.limit_of(person, 'load_first_week_cents');
    if used + amount_cents > maximum then
      perform private.refuse('load_limit', facts || jsonb_build_object(
        'limit', 'load_first_week_cents', 'max', maximum, 'used', used, 'resets_at', joined_at + interval '7 days'));
    end if;
  end if;
  maximum := banking.limit_of(person, 'load_week_cents');
  if used + amount_cents > maximum then
    perform private.refuse('load_limit', facts || jsonb_build_object(
      'limit', 'load_week_cents', 'max', maximum, 'used', used, 'resets_at', banking.room_at(person, amount_cents)));
  end if;

  insert into banking.provider_operation (id, kind, next_at, requested_at)
  values (load_id, 'load', moment + interval '1 minute', moment) on conflict do nothing;
  if not found then -- somebody else's, who asked under the same id at this very moment
    perform private.refuse('load_key_reused');
  end if;
  insert into banking.load (id, person, source_id, amount_cents, reference, created_at)
  values (load_id, person, source_id, amount_cents, banking.new_reference('LD'), moment);
  perform jobs.enqueue('banking', 'submit_load', jsonb_build_object('load_id', load_id), 'submit_load:' || load_id,
    null, banking.order_of(person));
  perform events.record('load.requested', load_id, 1, jsonb_build_object('owner_id', person, 'amount_cents', amount_cents));
  return banking.load_json(load_id, person);
end $$;

-- comment FUNCTION start_load(load_id uuid, source_id uuid, amount_cents bigint)
COMMENT ON FUNCTION banking.start_load(load_id uuid, source_id uuid, amount_cents bigint) IS 'Asks the caller''s bank for money once per load_id: load, operation, job and event together. Returns the load.';

-- function start_redemption(uuid, uuid, bigint)
CREATE FUNCTION banking.start_redemption(redemption_id uuid, source_id uuid, amount_cents bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  least_cents bigint := coalesce(banking.limit_of(auth.uid(), 'redeem_single_min_cents'), 1);
  facts jsonb := jsonb_build_object('amount_cents', amount_cents);
  reference text := banking.new_reference('CO');
  purse ledger.account;
  available bigint;
  bank banking.source;
  known record;
  refusal jsonb;
  hold_id uuid;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if redemption_id is null or source_id is null then
    perform private.refuse('request_invalid');
  end if;
  if amount_cents is null or amount_cents < 1 then
    perform private.refuse('redemption_amount_invalid', jsonb_build_object('min_cents', least_cents));
  end if;

  -- From here on this person starts no other bank transfer, so what is counted below stays true.
  select * into purse from ledger.account a where a.id = ledger.wallet_of(person) for no key update;

  select r.person, r.source_id, r.amount_cents into known from banking.redemption r where r.id = redemption_id;
  if found then
    if (known.person, known.source_id, known.amount_cents) is distinct from (person, source_id, amount_cents) then
      perform private.refuse('redemption_key_reused');
    end if;
    return banking.redemption_json(redemption_id, person);
  end if;
  if exists (select from banking.provider_operation o where o.id = redemption_id) then
    perform private.refuse('redemption_key_reused');
  end if;
  if purse.id is null or purse.state <> 'active' then
    perform private.refuse('redemption_account_unavailable', facts || jsonb_build_object('state', purse.state));
  end if;
  select * into bank from banking.source s where s.id = source_id and s.person = person for share;
  if not found or bank.state not in ('unverified', 'verified') then
    perform private.refuse('not_found', '{"what": "bank"}');
  end if;
  if bank.state <> 'verified' then
    perform private.refuse('redemption_bank_unconfirmed', facts);
  end if;
  available := purse.balance - purse.held - purse.min_balance;
  if amount_cents < least_cents and amount_cents <> available then
    perform private.refuse('redemption_amount_invalid', jsonb_build_object('min_cents', least_cents));
  end if;
  refusal := banking.redemption_refusal(person, amount_cents);
  if refusal is not null then
    perform private.refuse('redemption_limit', facts || refusal);
  end if;
  if amount_cents > available then
    perform private.refuse('redemption_uncovered', facts || jsonb_build_object('available_cents', available));
  end if;

  insert into banking.provider_operation (id, kind, next_at, requested_at)
  values (redemption_id, 'redemption', moment + interval '1 minute', moment) on conflict do nothing;
  if not found then -- somebody else's, who asked under the same id at this very moment
    perform private.refuse('redemption_key_reused');
  end if;
  insert into banking.redemption (id, person, source_id, amount_cents, reference, created_at)
  values (redemption_id, person, source_id, amount_cents, reference, moment)
  returning banking.redemption.hold_id into hold_id;
  perform ledger.authorize(hold_id, purse.id, amount_cents, 'redemption', null, reference);
  perform jobs.enqueue('banking', 'submit_redemption', jsonb_build_object('redemption_id', redemption_id),
    'submit_redemption:' || redemption_id, null, banking.order_of(person));
  perform events.record('redemption.requested', redemption_id, 1, jsonb_build_object('owner_id', person, 'amount_cents', amount_cents));
  return banking.redemption_json(redemption_id, person);
end $$;

-- comment FUNCTION start_redemption(redemption_id uuid, source_id uuid, amount_cents bigint)
COMMENT ON FUNCTION banking.start_redemption(redemption_id uuid, source_id uuid, amount_cents bigint) IS 'Has the caller''s money paid to their bank once per redemption_id: hold, redemption, operation, job and event together. Returns it.';

-- function take_back(uuid, text)
CREATE FUNCTION banking.take_back(load_id uuid, code text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  l banking.load;
  purse ledger.account;
  d banking.debt;
  back_cents bigint;
begin
  select * into l from banking.load t where t.id = load_id;
  perform banking.lock_wallet(l.person);
  select * into purse from ledger.account a where a.id = ledger.wallet_of(l.person);
  back_cents := least(l.amount_cents, greatest(purse.balance - purse.held, 0));
  if back_cents > 0 then
    perform ledger.post(l.return_transfer, purse.id, ledger.system_account('reserve'), back_cents, 'load_returned_late', l.reference);
  end if;
  if back_cents < l.amount_cents then
    insert into banking.debt (person, load_id, owed_cents, case_reference, opened_at)
    values (l.person, load_id, l.amount_cents - back_cents, risk.impose(l.person, 'restricted', 'late_return', null, load_id), private.now())
    returning * into d;
    perform ledger.post(
      d.id, ledger.open_account(l.person, 'receivable'), ledger.system_account('reserve'), d.owed_cents, 'load_returned_owed', l.reference);
    perform events.record('debt.opened', d.id, 1, jsonb_build_object(
      'owner_id', l.person, 'load_id', load_id, 'code', code, 'returned_cents', l.amount_cents, 'owed_cents', d.owed_cents,
      'case_reference', d.case_reference), null);
  end if;
  return l.amount_cents - back_cents;
end $$;

-- comment FUNCTION take_back(load_id uuid, code text)
COMMENT ON FUNCTION banking.take_back(load_id uuid, code text) IS 'Books the return of a load that had cleared: from the wallet what is there, the rest is owed and restricts the account. Returns what is owed.';

-- function tier_of(uuid)
CREATE FUNCTION banking.tier_of(person uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case max(case when h.is_holder then 2 else 1 end) when 2 then 'identity' when 1 then 'bank' else 'phone' end
  from banking.source s
  left join lateral (
    select c.is_holder from banking.holder_check c where c.source_id = s.id order by c.id desc limit 1
  ) h on true
  where s.person = tier_of.person and s.state = 'verified'
$$;

-- comment FUNCTION tier_of(person uuid)
COMMENT ON FUNCTION banking.tier_of(person uuid) IS 'What is known of a person: their phone, a bank too, or (identity) a bank that is in their own name.';

-- function undo_exchange(uuid)
CREATE FUNCTION banking.undo_exchange(link_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  undone banking.link;
begin
  update banking.link l set state = 'open', version = l.version + 1
  where l.id = link_id and l.state = 'exchanging' returning * into undone;
  if found then
    perform events.record('link.exchange_undone', link_id, undone.version, jsonb_build_object('owner_id', undone.person), null);
  end if;
end $$;

-- comment FUNCTION undo_exchange(link_id uuid)
COMMENT ON FUNCTION banking.undo_exchange(link_id uuid) IS 'The vendor certainly never got the question.';

-- function unlink_source(uuid)
CREATE FUNCTION banking.unlink_source(source_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  bank banking.source;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  perform from banking.customer c where c.person = person for no key update;
  select * into bank from banking.source s where s.id = source_id and s.person = person for update;
  if not found or bank.state not in ('unverified', 'verified', 'removed') then
    perform private.refuse('not_found', '{"what": "bank"}');
  end if;
  if bank.state = 'removed' then
    return;
  end if;
  if banking.is_busy(source_id) then
    perform private.refuse('bank_busy');
  end if;
  update banking.source s set state = 'removed', version = s.version + 1 where s.id = source_id returning * into bank;
  delete from banking.default_source d where d.source_id = source_id;
  perform jobs.enqueue('banking', 'remove_source', jsonb_build_object('vendor_id', bank.vendor_id), 'remove_source:' || source_id);
  perform events.record('bank.removed', source_id, bank.version, jsonb_build_object('owner_id', person), person);
end $$;

-- comment FUNCTION unlink_source(source_id uuid)
COMMENT ON FUNCTION banking.unlink_source(source_id uuid) IS 'The caller''s bank is used no more from now on; the vendors are told by jobs. Refused while a transfer with it is under way.';

-- function use_environment(text)
CREATE FUNCTION banking.use_environment(environment text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  before text := banking.environment_in_force();
  n bigint;
begin
  if environment is distinct from before then
    insert into banking.vendor_environment (environment) values (environment) returning id into n;
    perform events.record('vendor.environment_changed', md5('vendor_environment')::uuid, n,
      jsonb_build_object('before', before, 'after', environment), null);
  end if;
end $$;

-- comment FUNCTION use_environment(environment text)
COMMENT ON FUNCTION banking.use_environment(environment text) IS 'Notes which environment the vendor is, when it is another than before.';

-- function vendor_ref_of(uuid)
CREATE FUNCTION banking.vendor_ref_of(operation_id uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select o.vendor_ref from banking.provider_operation o where o.id = operation_id
$$;

-- comment FUNCTION vendor_ref_of(operation_id uuid)
COMMENT ON FUNCTION banking.vendor_ref_of(operation_id uuid) IS 'What the vendor calls an operation, or null.';

-- function case_moves_forward()
CREATE FUNCTION cases.case_moves_forward() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if old.state <> 'open' or new.state <> 'closed'
    or (new.id, new.kind, new.subject, new.evidence, new.opened_at) is distinct from (old.id, old.kind, old.subject, old.evidence, old.opened_at)
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "cases.case"}';
  end if;
  return new;
end $$;

-- comment FUNCTION case_moves_forward()
COMMENT ON FUNCTION cases.case_moves_forward() IS 'A case is closed once, and what it said when it was opened stays.';

-- function close_case(uuid, text, uuid)
CREATE FUNCTION cases.close_case(case_id uuid, outcome text, closed_by uuid DEFAULT NULL::uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  if outcome is null or outcome !~ '\S' then
    perform private.refuse('request_invalid');
  end if;
  if exists (select from risk.account_case a where a.case_id = case_id and a.lifted_at is null) then
    perform private.refuse('request_invalid', '{"sentence": "This case restricts an account: lift it by its reference. Nothing was changed."}');
  end if;
  update cases."case" c set state = 'closed', closed_at = private.now(), closed_by = closed_by, outcome = outcome
  where c.id = case_id and c.state = 'open';
  if found then
    perform events.record('case.closed', case_id, 2, jsonb_build_object('outcome', outcome), closed_by);
    return true;
  end if;
  return false;
end $$;

-- comment FUNCTION close_case(case_id uuid, outcome text, closed_by uuid)
COMMENT ON FUNCTION cases.close_case(case_id uuid, outcome text, closed_by uuid) IS 'Closes an open case with what came of it and by whom (null: by a rule). False when there is no open case of this id.';

-- function open_case(text, text, jsonb)
CREATE FUNCTION cases.open_case(kind text, subject text, evidence jsonb, OUT case_id uuid, OUT is_new boolean) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  insert into cases."case" (kind, subject, evidence) values (kind, subject, evidence)
  on conflict do nothing returning id into case_id;
  is_new := found;
  if is_new then
    perform events.record('case.opened', case_id, 1, jsonb_build_object('kind', kind, 'subject', subject));
  else
    select c.id into case_id from cases."case" c where c.kind = kind and c.subject = subject and c.state = 'open';
  end if;
end $$;

-- comment FUNCTION open_case(kind text, subject text, evidence jsonb, OUT case_id uuid, OUT is_new boolean)
COMMENT ON FUNCTION cases.open_case(kind text, subject text, evidence jsonb, OUT case_id uuid, OUT is_new boolean) IS 'Opens a case, unless one of this kind about this subject is open: then that one stays as it is. Writes case.opened.';

-- function open_cases(integer)
CREATE FUNCTION cases.open_cases(maximum integer) RETURNS TABLE(id uuid, kind text, subject text, evidence jsonb, opened_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c.id, c.kind, c.subject, c.evidence, c.opened_at from cases."case" c
  where c.state = 'open' order by c.opened_at desc, c.id limit least(open_cases.maximum, 500)
$$;

-- comment FUNCTION open_cases(maximum integer)
COMMENT ON FUNCTION cases.open_cases(maximum integer) IS 'The open cases, the latest first.';

-- function accept_dispute(uuid, uuid, jsonb)
CREATE FUNCTION charges.accept_dispute(account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select charges.answer_dispute(account, id, request, 'accept_dispute')
$$;

-- comment FUNCTION accept_dispute(account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION charges.accept_dispute(account uuid, id uuid, request jsonb) IS 'Gives a dispute up: {dispute_id}. It is lost at once.';

-- function account_of(uuid, text, text)
CREATE FUNCTION charges.account_of(account uuid, kind text, asset text) RETURNS bigint
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (select a.id from sandbox.account a where a.owner = account and a.asset = account_of.asset and a.kind = account_of.kind);
end $$;

-- comment FUNCTION account_of(account uuid, kind text, asset text)
COMMENT ON FUNCTION charges.account_of(account uuid, kind text, asset text) IS 'The sandbox ledger''s account of this kind.';

-- function accounts_due(integer)
CREATE FUNCTION charges.accounts_due(maximum integer DEFAULT 500) RETURNS SETOF uuid
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select a.account_id from charges.account_clock a
  where (charges.next_due(a.account_id)).due_at <= charges.now(a.account_id)
  order by a.account_id limit maximum
$$;

-- comment FUNCTION accounts_due(maximum integer)
COMMENT ON FUNCTION charges.accounts_due(maximum integer) IS 'Accounts in which something has fallen due.';

-- function advance(uuid, timestamp with time zone, integer)
CREATE FUNCTION charges.advance(account uuid, until timestamp with time zone DEFAULT NULL::timestamp with time zone, maximum integer DEFAULT 500) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  started timestamptz := charges.hold_clock(account);
  target timestamptz := coalesce(until, started);
  reached timestamptz := started;
  thing charges.due_thing;
  done integer := 0;
begin
  if target < started or target > started + interval '366 days' or target > timestamptz '2200-01-01' then
    perform private.refuse('clock_invalid', jsonb_build_object('now', charges.iso(started)));
  end if;
  loop
    thing := charges.next_due(account);
    exit when thing.what is null or thing.due_at > target or done >= maximum;
    perform charges.do_due(account, thing);
    reached := greatest(reached, thing.due_at);
    done := done + 1;
  end loop;
  -- cut off, the clock stands at what was done last; asked again, it goes on from there
  if done < maximum then
    reached := target;
  end if;
  if reached > started then
    perform charges.set_clock(account, reached);
  end if;
  return jsonb_build_object('now', charges.iso(reached), 'done', done, 'is_finished', done < maximum);
end $$;

-- comment FUNCTION advance(account uuid, until timestamp with time zone, maximum integer)
COMMENT ON FUNCTION charges.advance(account uuid, until timestamp with time zone, maximum integer) IS 'Does all that falls due in an account until a moment (null: now) in the order of time, and turns its clock to it; at most so many things at a time. Again with the same moment while is_finished is false.';

-- function after_bank_days(timestamp with time zone, integer)
CREATE FUNCTION charges.after_bank_days(moment timestamp with time zone, bank_days integer) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  day date := (moment at time zone 'America/New_York')::date;
  left_over integer := bank_days;
begin
  while left_over > 0 loop
    day := day + 1;
    left_over := left_over - charges.is_bank_day(day)::integer;
  end loop;
  return (day + time '12:00') at time zone 'America/New_York';
end $$;

-- comment FUNCTION after_bank_days(moment timestamp with time zone, bank_days integer)
COMMENT ON FUNCTION charges.after_bank_days(moment timestamp with time zone, bank_days integer) IS 'Noon in New York on the so-manieth bank day (from 1) after a moment.';

-- table charge
CREATE TABLE charges.charge (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    digest bytea NOT NULL,
    card_name text NOT NULL,
    card_id uuid NOT NULL,
    brand text NOT NULL,
    last4 text NOT NULL,
    currency text NOT NULL,
    requested_minor charges.minor NOT NULL,
    authorized_minor charges.minor NOT NULL,
    captured_minor charges.minor DEFAULT 0 NOT NULL,
    released_minor charges.minor DEFAULT 0 NOT NULL,
    refunded_minor charges.minor DEFAULT 0 NOT NULL,
    disputed_minor charges.minor DEFAULT 0 NOT NULL,
    settled_minor charges.minor DEFAULT 0 NOT NULL,
    reason text,
    decline_code text,
    dispute_stage text,
    hold_id uuid,
    increment_count integer DEFAULT 0 NOT NULL,
    capture_count integer DEFAULT 0 NOT NULL,
    metadata jsonb NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    open_until timestamp with time zone,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT amounts_fit CHECK (((((captured_minor)::bigint + (released_minor)::bigint) <= (authorized_minor)::bigint) AND (((refunded_minor)::bigint + (disputed_minor)::bigint) <= (captured_minor)::bigint) AND ((settled_minor)::bigint <= (captured_minor)::bigint)))
)
WITH (fillfactor='70');

-- comment TABLE charge
COMMENT ON TABLE charges.charge IS 'A charge in amounts. reason: why there is nothing (declined), or why the rest was released (voided, expired). open_until: expires_at while something of it can still be captured. disputed_minor: under dispute, or lost to one.';

-- function allocate(charges.charge, uuid, bigint, uuid, boolean)
CREATE FUNCTION charges.allocate(c charges.charge, source uuid, wanted bigint, capture_id uuid, for_dispute boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  k charges.capture;
  part bigint;
  still bigint := wanted;
  place integer := 0;
begin
  for k in
    select * from charges.capture t
    where t.account_id = c.account_id and t.charge_id = c.id and (capture_id is null or t.id = capture_id)
      and t.amount_minor > t.refunded_minor + t.disputed_minor
    order by t.settled_at is not null, t.created_at, t.id
  loop
    exit when still = 0;
    part := least(still, k.amount_minor - k.refunded_minor - k.disputed_minor);
    place := place + 1;
    insert into charges.portion (account_id, source_id, n, capture_id, amount_minor) values (c.account_id, source, place, k.id, part);
    update charges.capture t set
      refunded_minor = t.refunded_minor + case when for_dispute then 0 else part end,
      disputed_minor = t.disputed_minor + case when for_dispute then part else 0 end
    where t.account_id = c.account_id and t.id = k.id;
    still := still - part;
  end loop;
  if still > 0 then
    perform private.refuse('charge_amount_exceeds', jsonb_build_object('param', 'amount_minor', 'left_minor', wanted - still));
  end if;
end $$;

-- comment FUNCTION allocate(c charges.charge, source uuid, wanted bigint, capture_id uuid, for_dispute boolean)
COMMENT ON FUNCTION charges.allocate(c charges.charge, source uuid, wanted bigint, capture_id uuid, for_dispute boolean) IS 'Shares an amount out among the captures of a locked charge, or takes it of one. Refuses more than what is left.';

-- function answer_dispute(uuid, uuid, jsonb, text)
CREATE FUNCTION charges.answer_dispute(account uuid, id uuid, request jsonb, operation text) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, case operation when 'accept_dispute' then array['dispute_id'] else array['dispute_id', 'evidence'] end);
  of_dispute uuid := charges.id_in(request, 'dispute_id');
  words text := request ->> 'evidence';
  stage text;
  c charges.charge;
  d charges.dispute;
begin
  if operation = 'submit_evidence' and (jsonb_typeof(request -> 'evidence') is distinct from 'string' or length(words) not between 1 and 2000) then
    perform private.refuse('charge_field_invalid', '{"param": "evidence"}');
  end if;
  if charges.has_card_number(words) then
    perform private.refuse('card_number_in_text', '{"param": "evidence"}');
  end if;
  select * into d from charges.dispute t where t.account_id = account and t.id = of_dispute;
  if not found then
    perform private.refuse('not_found', '{"what": "dispute"}');
  end if;
  c := charges.lock_charge(account, d.charge_id, moment);
  select * into d from charges.dispute t where t.account_id = account and t.id = of_dispute;
  if charges.is_done(account, id, operation, of_dispute, asked) then
    return charges.dispute_json(d, c);
  end if;
  if d.submitted_at is null and d.due_at <= moment then
    -- its deadline has passed, and the clock has not come by yet
    perform charges.end_dispute(d, 'lost', d.due_at);
    select * into d from charges.dispute t where t.account_id = account and t.id = of_dispute;
  end if;
  stage := coalesce(d.outcome, case when d.submitted_at is null then 'needs_response' else 'under_review' end);
  if d.outcome is not null or operation = 'submit_evidence' and d.submitted_at is not null then
    perform private.refuse('charge_state_invalid', jsonb_build_object(
      'operation', operation, 'object', 'dispute', 'state', stage,
      'next_states', case stage when 'under_review' then array['won', 'lost'] else array[]::text[] end,
      'operations', case stage when 'under_review' then array['accept_dispute'] else array[]::text[] end));
  end if;
  insert into charges.operation (account_id, id, kind, subject, digest, created_at) values (account, id, operation, of_dispute, asked, moment);
  if operation = 'accept_dispute' then
    return charges.end_dispute(d, 'lost', moment);
  end if;
  update charges.dispute t set
    evidence = words, submitted_at = moment, due_at = charges.after_bank_days(moment, 3), version = t.version + 1
  where t.account_id = account and t.id = of_dispute returning * into d;
  update charges.charge t set dispute_stage = 'under_review', version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  perform charges.record(account, 'payment.dispute.updated', moment, charges.dispute_json(d, c));
  return charges.dispute_json(d, c);
end $$;

-- comment FUNCTION answer_dispute(account uuid, id uuid, request jsonb, operation text)
COMMENT ON FUNCTION charges.answer_dispute(account uuid, id uuid, request jsonb, operation text) IS 'What the merchant says to a dispute: evidence, once and in time, or that they accept it.';

-- function append_only()
CREATE FUNCTION charges.append_only() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if tg_op = 'DELETE' and current_user = 'paya_sandbox_sweeper' then
    return old;
  end if;
  raise exception using errcode = 'PA000', message = 'append_only', detail = jsonb_build_object('table', tg_relid::regclass)::text;
end $$;

-- comment FUNCTION append_only()
COMMENT ON FUNCTION charges.append_only() IS 'A trigger that refuses update, delete and truncate, to the owner too; the sweeper of expired sandbox records may delete.';

-- function authorize(uuid, uuid, jsonb)
CREATE FUNCTION charges.authorize(account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['amount_minor', 'currency', 'card', 'allow_partial', 'metadata']);
  wanted bigint;
  approved bigint;
  partial_too boolean := request ? 'allow_partial' and charges.flag_in(request, 'allow_partial', false);
  metadata jsonb := case when request ? 'metadata' then charges.metadata_in(request) else '{}' end;
  card charges.test_card;
  known_card uuid;
  holder uuid;
  asset text;
  maximum bigint;
  declined text;
  hold_at bigint;
  c charges.charge;
  shown jsonb;
begin
  select * into c from charges.charge t where t.account_id = account and t.id = id;
  if not found then
    known_card := charges.card_id(account, request ->> 'card');
    holder := (left(known_card::text, 34) || '0' || right(id::text, 1))::uuid;  -- sandbox.leg_id of the last digit
    select t.name, t.brand, t.last4, t.decline_code, t.behaviour, u.asset, u.amount_max_minor, a.id
    into card.name, card.brand, card.last4, card.decline_code, card.behaviour, asset, maximum, hold_at
    from charges.test_card t cross join charges.currency u
    left join sandbox.account a on a.owner = holder and a.asset = u.asset and a.kind = 'cardholder'
    where t.name = request ->> 'card' and u.code = request ->> 'currency';
    if not found and not exists (select from charges.test_card t where t.name = request ->> 'card') then
      perform private.refuse('card_not_a_test_card');
    elsif card.name is null then
      perform private.refuse('currency_unknown', jsonb_build_object(
        'known', (select jsonb_agg(u.code order by u.code) from charges.currency u)));
    end if;
    wanted := charges.minor_in(request, 'amount_minor', maximum);
    if wanted is null then
      perform private.refuse('charge_field_invalid', '{"param": "amount_minor"}');
    end if;
    declined := card.decline_code;
    if declined is null and wanted between 200000 and 209999 then
      declined := (select t.decline_code from charges.test_amount t where t.amount_minor = wanted);
    end if;
    approved := wanted;
    if declined is null and card.behaviour = 'partial' then
      approved := (wanted + 1) / 2;
      declined := case when not partial_too and approved < wanted then 'insufficient_funds' end;
    end if;
    if declined is null then
      hold_at := coalesce(hold_at, charges.open_cardholder(account, holder, asset));
      perform sandbox.authorize(id, hold_at, approved, 'charge');
    else
      insert into charges.account_clock (account_id) values (account) on conflict do nothing;
    end if;
    insert into charges.charge (
      account_id, id, digest, card_name, card_id, brand, last4, currency, requested_minor, authorized_minor, reason, decline_code, hold_id,
      metadata, created_at, expires_at, open_until)
    values (
      account, id, asked, card.name, known_card, card.brand, card.last4, request ->> 'currency', wanted,
      case when declined is null then approved else 0 end, case when declined is not null then 'declined' end, declined,
      case when declined is null then id end, metadata, moment, case when declined is null then moment + interval '7 days' end,
      case when declined is null then moment + interval '7 days' end)
    on conflict do nothing
    returning * into c;
    if found then
      shown := charges.charge_json(c);
      -- as charges.record, from what is at hand
      insert into charges.event (id, account_id, kind, object_kind, object_id, version, occurred_at, data)
      values (
        charges.derived_id(id, account || id::text || '1'), account,
        case when declined is null then 'payment.authorized' else 'payment.declined' end, 'charge', id, 1, moment, shown);
      return shown;
    end if;
    -- somebody made it while this one waited for the card
    select * into c from charges.charge t where t.account_id = account and t.id = id;
  end if;
  if c.digest <> asked then
    perform private.refuse('key_reused', '{"what": "charge"}');
  end if;
  return charges.charge_json(c);
end $$;

-- comment FUNCTION authorize(account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION charges.authorize(account uuid, id uuid, request jsonb) IS 'Makes a charge once per id: {amount_minor, currency, card (a test card''s name), allow_partial?, metadata?}. A decline is a charge, too.';

-- function balances(uuid)
CREATE FUNCTION charges.balances(account uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'currency', u.code,
    'pending_minor', sandbox.balance_of(charges.account_of(account, 'merchant_pending', u.asset)),
    'available_minor', sandbox.balance_of(charges.account_of(account, 'merchant_available', u.asset)),
    'refunds_in_transit_minor', sandbox.balance_of(charges.account_of(account, 'refunds_in_transit', u.asset)),
    'disputed_minor', sandbox.balance_of(charges.account_of(account, 'dispute_reserve', u.asset)),
    'fees_minor', sandbox.balance_of(charges.account_of(account, 'fees', u.asset))) order by u.code), '[]')
  from charges.currency u where charges.account_of(account, 'merchant_pending', u.asset) is not null
$$;

-- comment FUNCTION balances(account uuid)
COMMENT ON FUNCTION charges.balances(account uuid) IS 'What an account has in each currency that it charged in: pending, available, on its way back, disputed, paid in fees.';

-- function begin(uuid)
CREATE FUNCTION charges.begin(account uuid) RETURNS timestamp with time zone
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  ahead interval;
  frozen timestamptz;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if account is null then
    perform private.refuse('charge_field_invalid', '{"param": "account"}');
  end if;
  perform pg_advisory_xact_lock_shared(hashtextextended(account::text, 1220));
  -- as charges.now, which would be one call more for every request
  select c."offset", c.frozen_at into ahead, frozen from charges.account_clock c where c.account_id = account;
  return coalesce(frozen, private.now() + coalesce(ahead, '0'));
end $$;

-- comment FUNCTION begin(account uuid)
COMMENT ON FUNCTION charges.begin(account uuid) IS 'What each request begins with: its account''s clock does not move until it ends. Returns the account''s time.';

-- function book_expiry(uuid, uuid, timestamp with time zone)
CREATE FUNCTION charges.book_expiry(account uuid, charge_id uuid, moment timestamp with time zone) RETURNS charges.charge
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  c charges.charge;
begin
  update charges.charge t set
    released_minor = t.authorized_minor - t.captured_minor, reason = 'expired', open_until = null, version = t.version + 1,
    changed_at = clock_timestamp()
  where t.account_id = account and t.id = charge_id and t.open_until is not null
  returning * into c;
  perform sandbox.release(c.hold_id);
  perform charges.record(account, 'payment.expired', moment, charges.charge_json(c));
  return c;
end $$;

-- comment FUNCTION book_expiry(account uuid, charge_id uuid, moment timestamp with time zone)
COMMENT ON FUNCTION charges.book_expiry(account uuid, charge_id uuid, moment timestamp with time zone) IS 'Releases what of a locked charge is open: nobody captured it in time.';

-- function capture(uuid, uuid, jsonb)
CREATE FUNCTION charges.capture(account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['charge_id', 'amount_minor', 'final']);
  c charges.charge := charges.lock_charge(account, charges.id_in(request, 'charge_id'), moment);
  is_final boolean := charges.flag_in(request, 'final', true);
  open_minor bigint := c.authorized_minor - c.captured_minor - c.released_minor;
  money charges.currency;
  wanted bigint;
  fee bigint;
  k charges.capture;
begin
  select * into money from charges.currency u where u.code = c.currency;
  wanted := charges.minor_in(request, 'amount_minor', money.amount_max_minor);
  select * into k from charges.capture t where t.account_id = account and t.id = id;
  if found then
    if k.digest <> asked then
      perform private.refuse('key_reused', '{"what": "capture"}');
    end if;
    return charges.capture_json(k, c);
  end if;
  perform charges.require(c, 'capture');
  wanted := coalesce(wanted, open_minor);
  if wanted > open_minor then
    perform private.refuse('charge_amount_exceeds', jsonb_build_object('param', 'amount_minor', 'left_minor', open_minor));
  end if;
  fee := charges.fee_minor(wanted, money.fee_bps, money.fee_fixed_minor);
  perform sandbox.capture_hold(
    id, c.hold_id, array[charges.account_of(account, 'merchant_pending', money.asset)], array[wanted], 'capture', is_final);
  perform sandbox.post(
    sandbox.leg_id(id, 200), charges.account_of(account, 'merchant_pending', money.asset), charges.account_of(account, 'fees', money.asset),
    fee, 'fee', c.id::text);
  update charges.charge t set
    captured_minor = t.captured_minor + wanted,
    released_minor = t.released_minor + case when is_final then open_minor - wanted else 0 end,
    open_until = case when not is_final and wanted < open_minor then t.open_until end,
    capture_count = t.capture_count + 1, version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  insert into charges.capture (account_id, id, charge_id, digest, currency, amount_minor, fee_minor, is_final, settles_at, created_at)
  values (account, id, c.id, asked, c.currency, wanted, fee, is_final, charges.after_bank_days(moment, 1), moment)
  returning * into k;
  perform charges.record(account, 'payment.captured', moment, charges.capture_json(k, c));
  if c.card_name = 'disputed' and c.dispute_stage is null then
    perform charges.make_dispute(c, charges.derived_id(id, 'dispute' || id), asked, wanted, 'fraudulent', moment);
    select * into k from charges.capture t where t.account_id = account and t.id = id;
    select * into c from charges.charge t where t.account_id = account and t.id = c.id;
  end if;
  return charges.capture_json(k, c);
end $$;

-- comment FUNCTION capture(account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION charges.capture(account uuid, id uuid, request jsonb) IS 'Takes held money once per id: {charge_id, amount_minor? (else what is left), final? (else true: the rest is released)}.';

-- table capture
CREATE TABLE charges.capture (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    charge_id uuid NOT NULL,
    digest bytea NOT NULL,
    currency text NOT NULL,
    amount_minor charges.minor NOT NULL,
    fee_minor charges.minor NOT NULL,
    is_final boolean NOT NULL,
    refunded_minor charges.minor DEFAULT 0 NOT NULL,
    disputed_minor charges.minor DEFAULT 0 NOT NULL,
    pending_refunds_minor charges.minor DEFAULT 0 NOT NULL,
    pending_disputes_minor charges.minor DEFAULT 0 NOT NULL,
    settles_at timestamp with time zone NOT NULL,
    settled_at timestamp with time zone,
    settlement_id uuid,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT given_back_is_within CHECK ((((refunded_minor)::bigint + (disputed_minor)::bigint) <= (amount_minor)::bigint))
)
WITH (fillfactor='80');

-- comment TABLE capture
COMMENT ON TABLE charges.capture IS 'What was captured of a charge. pending_*: what refunds and disputes took of it before it was settled; the settlement is less by that.';

-- function capture_json(charges.capture, charges.charge)
CREATE FUNCTION charges.capture_json(k charges.capture, c charges.charge) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return jsonb_build_object(
    'object', 'capture', 'id', k.id, 'charge_id', k.charge_id, 'currency', k.currency, 'amount_minor', k.amount_minor,
    'fee_minor', k.fee_minor, 'is_final', k.is_final, 'status', case when k.settled_at is null then 'pending' else 'settled' end,
    'refunded_minor', k.refunded_minor, 'disputed_minor', k.disputed_minor, 'settles_at', charges.iso(k.settles_at),
    'settled_at', charges.iso(k.settled_at), 'settlement_id', k.settlement_id, 'created_at', charges.iso(k.created_at),
    'version', k.version, 'charge', charges.charge_json(c));
end $$;

-- comment FUNCTION capture_json(k charges.capture, c charges.charge)
COMMENT ON FUNCTION charges.capture_json(k charges.capture, c charges.charge) IS 'A capture as the API shows it, with its charge.';

-- function card_id(uuid, text)
CREATE FUNCTION charges.card_id(account uuid, card text) RETURNS uuid
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return charges.derived_id(account, account || ':' || card);
end $$;

-- comment FUNCTION card_id(account uuid, card text)
COMMENT ON FUNCTION charges.card_id(account uuid, card text) IS 'The id that an account knows a test card by.';

-- function charge_json(charges.charge)
CREATE FUNCTION charges.charge_json(c charges.charge) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return jsonb_build_object(
    'object', 'charge', 'id', c.id, 'currency', c.currency, 'amount_minor', c.requested_minor,
    'status', charges.state(
      c.requested_minor, c.authorized_minor, c.captured_minor, c.released_minor, c.refunded_minor, c.disputed_minor, c.settled_minor,
      c.reason, c.dispute_stage),
    'authorized_minor', c.authorized_minor, 'captured_minor', c.captured_minor, 'released_minor', c.released_minor,
    'refunded_minor', c.refunded_minor, 'disputed_minor', c.disputed_minor, 'settled_minor', c.settled_minor,
    'capturable_minor', c.authorized_minor - c.captured_minor - c.released_minor,
    'refundable_minor', c.captured_minor - c.refunded_minor - c.disputed_minor,
    'card', jsonb_build_object('id', c.card_id, 'brand', c.brand, 'last4', c.last4),
    'decline_code', c.decline_code, 'dispute_status', c.dispute_stage, 'metadata', c.metadata,
    -- as charges.iso, written out: this is asked for each charge that is made
    'created_at', to_char(c.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'expires_at', to_char(c.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'version', c.version);
end $$;

-- comment FUNCTION charge_json(c charges.charge)
COMMENT ON FUNCTION charges.charge_json(c charges.charge) IS 'A charge as the API shows it.';

-- function clock_of(uuid)
CREATE FUNCTION charges.clock_of(account uuid) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'now', charges.iso(charges.now(account)),
    'is_frozen', exists (select from charges.account_clock c where c.account_id = account and c.frozen_at is not null))
$$;

-- comment FUNCTION clock_of(account uuid)
COMMENT ON FUNCTION charges.clock_of(account uuid) IS 'What the clock of an account shows, and whether it stands.';

-- function derived_id(uuid, text)
CREATE FUNCTION charges.derived_id(near uuid, seed text) RETURNS uuid
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  h text := md5(seed);
begin
  return (left(near::text, 14) || '7' || substr(h, 1, 3) || '-8' || substr(h, 4, 3) || '-' || substr(h, 7, 12))::uuid;
end $$;

-- comment FUNCTION derived_id(near uuid, seed text)
COMMENT ON FUNCTION charges.derived_id(near uuid, seed text) IS 'A UUIDv7 of the time of another and of a text: what happens again from the same ids has the same ids.';

-- function digest_of(uuid, jsonb, text[])
CREATE FUNCTION charges.digest_of(id uuid, request jsonb, known_params text[]) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if id is null or jsonb_typeof(request) is distinct from 'object' then
    perform private.refuse('charge_field_invalid', '{"param": "request"}');
  end if;
  if request - known_params <> '{}' then
    perform private.refuse('charge_field_invalid', jsonb_build_object(
      'param', (select min(k) from jsonb_object_keys(request - known_params) k), 'known', known_params));
  end if;
  return sha256(convert_to(request::text, 'UTF8'));
end $$;

-- comment FUNCTION digest_of(id uuid, request jsonb, known_params text[])
COMMENT ON FUNCTION charges.digest_of(id uuid, request jsonb, known_params text[]) IS 'What tells a repetition from another request of the same id. Refuses what the operation does not know.';

-- table dispute
CREATE TABLE charges.dispute (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    charge_id uuid NOT NULL,
    digest bytea NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    reason text NOT NULL,
    evidence text,
    submitted_at timestamp with time zone,
    due_at timestamp with time zone,
    outcome text,
    closed_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT due_until_it_ends CHECK ((((due_at IS NULL) = (outcome IS NOT NULL)) AND ((closed_at IS NULL) = (outcome IS NULL)))),
    CONSTRAINT outcome_is_known CHECK ((outcome = ANY (ARRAY['won'::text, 'lost'::text])))
);

-- comment TABLE dispute
COMMENT ON TABLE charges.dispute IS 'A cardholder''s objection. due_at: until when evidence is taken, then when it is decided. One without evidence in time is lost.';

-- function dispute_json(charges.dispute, charges.charge)
CREATE FUNCTION charges.dispute_json(d charges.dispute, c charges.charge) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return jsonb_build_object(
    'object', 'dispute', 'id', d.id, 'charge_id', d.charge_id, 'currency', d.currency, 'amount_minor', d.amount_minor,
    'fee_minor', d.fee_minor, 'reason', d.reason,
    'status', coalesce(d.outcome, case when d.submitted_at is null then 'needs_response' else 'under_review' end),
    'evidence', d.evidence, 'submitted_at', charges.iso(d.submitted_at), 'due_at', charges.iso(d.due_at),
    'closed_at', charges.iso(d.closed_at), 'created_at', charges.iso(d.created_at),
    'version', d.version, 'charge', charges.charge_json(c));
end $$;

-- comment FUNCTION dispute_json(d charges.dispute, c charges.charge)
COMMENT ON FUNCTION charges.dispute_json(d charges.dispute, c charges.charge) IS 'A dispute as the API shows it, with its charge.';

-- function do_due(uuid, charges.due_thing)
CREATE FUNCTION charges.do_due(account uuid, thing charges.due_thing) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  code text;
  c charges.charge;
  r charges.refund;
  d charges.dispute;
begin
  if thing.what = 'settlement' then
    for code in select u.code from charges.currency u order by u.code loop
      perform charges.settle(account, code, thing.due_at, thing.due_at);
    end loop;
  elsif thing.what = 'refund' then
    select * into r from charges.refund t where t.account_id = account and t.id = thing.id;
    if r.posted_at is null then
      perform charges.post_refund(r, thing.due_at);
    else
      select * into c from charges.charge t where t.account_id = account and t.id = r.charge_id;
      perform charges.end_refund(r, c.card_name <> 'refund_fails', thing.due_at);
    end if;
  elsif thing.what = 'dispute' then
    select * into d from charges.dispute t where t.account_id = account and t.id = thing.id;
    perform charges.end_dispute(
      d, case when d.submitted_at is null or d.evidence = 'losing_evidence' then 'lost' else 'won' end, thing.due_at);
  else
    perform charges.book_expiry(account, thing.id, thing.due_at);
  end if;
end $$;

-- comment FUNCTION do_due(account uuid, thing charges.due_thing)
COMMENT ON FUNCTION charges.do_due(account uuid, thing charges.due_thing) IS 'Does one thing that fell due, at the time it did.';

-- function end_dispute(charges.dispute, text, timestamp with time zone)
CREATE FUNCTION charges.end_dispute(d charges.dispute, outcome text, moment timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  account uuid := d.account_id;
  asset text := (select u.asset from charges.currency u where u.code = d.currency);
  c charges.charge;
begin
  perform sandbox.post(
    sandbox.leg_id(d.id, 100), charges.account_of(account, 'dispute_reserve', asset),
    case when outcome = 'won' then charges.account_of(account, 'merchant_available', asset) else (
      select h.account_id from sandbox.hold h join charges.charge t on t.hold_id = h.id where t.account_id = account and t.id = d.charge_id
    ) end,
    d.amount_minor, 'dispute_' || outcome, d.charge_id::text);
  if outcome = 'won' then
    perform charges.give_back_portions(account, d.id, true);
  end if;
  update charges.charge t set
    disputed_minor = t.disputed_minor - case when outcome = 'won' then d.amount_minor else 0 end, dispute_stage = outcome,
    version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = d.charge_id returning * into c;
  update charges.dispute t set due_at = null, outcome = outcome, closed_at = moment, version = t.version + 1
  where t.account_id = account and t.id = d.id returning * into d;
  perform charges.record(account, 'payment.dispute.' || outcome, moment, charges.dispute_json(d, c));
  return charges.dispute_json(d, c);
end $$;

-- comment FUNCTION end_dispute(d charges.dispute, outcome text, moment timestamp with time zone)
COMMENT ON FUNCTION charges.end_dispute(d charges.dispute, outcome text, moment timestamp with time zone) IS 'A dispute of a locked charge is won, and its money available again, or lost, and the cardholder''s. The fee stays.';

-- table refund
CREATE TABLE charges.refund (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    charge_id uuid NOT NULL,
    digest bytea NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    reason text,
    posted_at timestamp with time zone,
    due_at timestamp with time zone,
    succeeded_at timestamp with time zone,
    failed_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT due_until_it_ends CHECK (((due_at IS NULL) = ((succeeded_at IS NOT NULL) OR (failed_at IS NOT NULL)))),
    CONSTRAINT ends_once CHECK (((succeeded_at IS NULL) OR (failed_at IS NULL)))
);

-- comment TABLE refund
COMMENT ON TABLE charges.refund IS 'Money on its way back to a card. Not posted: the merchant has too little, and it waits; due_at is when it goes on.';

-- function end_refund(charges.refund, boolean, timestamp with time zone)
CREATE FUNCTION charges.end_refund(r charges.refund, succeeds boolean, moment timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  account uuid := r.account_id;
  asset text := (select u.asset from charges.currency u where u.code = r.currency);
  c charges.charge;
  part record;
begin
  if succeeds then
    perform sandbox.post(
      sandbox.leg_id(r.id, 100), charges.account_of(account, 'refunds_in_transit', asset),
      (select h.account_id from sandbox.hold h join charges.charge t on t.hold_id = h.id where t.account_id = account and t.id = r.charge_id),
      r.amount_minor, 'refund_succeeded', r.charge_id::text);
  elsif r.posted_at is not null then
    for part in
      select p.n, p.amount_minor, k.id, k.settled_at is null as is_pending
      from charges.portion p join charges.capture k on k.account_id = p.account_id and k.id = p.capture_id
      where p.account_id = account and p.source_id = r.id order by p.n
    loop
      perform sandbox.post(
        sandbox.leg_id(r.id, 100 + part.n), charges.account_of(account, 'refunds_in_transit', asset),
        charges.account_of(account, case when part.is_pending then 'merchant_pending' else 'merchant_available' end, asset),
        part.amount_minor, 'refund_failed', r.charge_id::text);
      if part.is_pending then
        update charges.capture k set pending_refunds_minor = k.pending_refunds_minor - part.amount_minor
        where k.account_id = account and k.id = part.id;
      end if;
    end loop;
  end if;
  if not succeeds then
    perform charges.give_back_portions(account, r.id, false);
  end if;
  update charges.charge t set
    refunded_minor = t.refunded_minor - case when succeeds then 0 else r.amount_minor end, version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = r.charge_id returning * into c;
  update charges.refund t set
    due_at = null, version = t.version + 1, succeeded_at = case when succeeds then moment end, failed_at = case when not succeeds then moment end
  where t.account_id = account and t.id = r.id returning * into r;
  perform charges.record(
    account, case when succeeds then 'payment.refunded' else 'payment.refund_failed' end, moment, charges.refund_json(r, c));
  return charges.refund_json(r, c);
end $$;

-- comment FUNCTION end_refund(r charges.refund, succeeds boolean, moment timestamp with time zone)
COMMENT ON FUNCTION charges.end_refund(r charges.refund, succeeds boolean, moment timestamp with time zone) IS 'A refund of a locked charge arrives, or fails and its money is the merchant''s again.';

-- function execute(text, uuid, uuid, jsonb)
CREATE FUNCTION charges.execute(operation text, account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  case operation
    when 'authorize' then return charges.authorize(account, id, request);
    when 'increment' then return charges.increment(account, id, request);
    when 'capture' then return charges.capture(account, id, request);
    when 'void' then return charges.void(account, id, request);
    when 'refund' then return charges.refund(account, id, request);
    when 'submit_evidence' then return charges.submit_evidence(account, id, request);
    when 'accept_dispute' then return charges.accept_dispute(account, id, request);
    when 'open_dispute' then return charges.open_dispute(account, id, request);
    when 'expire' then return charges.expire(account, id, request);
    when 'fail_refund' then return charges.fail_refund(account, id, request);
    else perform private.refuse('operation_unknown', jsonb_build_object('operation', operation));
  end case;
  return null;
end $$;

-- comment FUNCTION execute(operation text, account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION charges.execute(operation text, account uuid, id uuid, request jsonb) IS 'What the HTTP surface may do, by name. id is that of what is made, and makes it happen once. open_dispute, expire and fail_refund are simulation.';

-- function expire(uuid, uuid, jsonb)
CREATE FUNCTION charges.expire(account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select charges.let_go(account, id, request, 'expire')
$$;

-- comment FUNCTION expire(account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION charges.expire(account uuid, id uuid, request jsonb) IS 'Simulation: the seven days of a charge are over now: {charge_id}.';

-- function fail_refund(uuid, uuid, jsonb)
CREATE FUNCTION charges.fail_refund(account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['refund_id']);
  of_refund uuid := charges.id_in(request, 'refund_id');
  c charges.charge;
  r charges.refund;
begin
  select * into r from charges.refund t where t.account_id = account and t.id = of_refund;
  if not found then
    perform private.refuse('not_found', '{"what": "refund"}');
  end if;
  c := charges.lock_charge(account, r.charge_id, moment);
  select * into r from charges.refund t where t.account_id = account and t.id = of_refund;
  if charges.is_done(account, id, 'fail_refund', of_refund, asked) then
    return charges.refund_json(r, c);
  end if;
  if r.due_at is null then
    perform private.refuse('charge_state_invalid', jsonb_build_object(
      'operation', 'fail_refund', 'object', 'refund', 'state', case when r.failed_at is null then 'succeeded' else 'failed' end,
      'next_states', array[]::text[], 'operations', array[]::text[]));
  end if;
  insert into charges.operation (account_id, id, kind, subject, digest, created_at) values (account, id, 'fail_refund', of_refund, asked, moment);
  return charges.end_refund(r, false, moment);
end $$;

-- comment FUNCTION fail_refund(account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION charges.fail_refund(account uuid, id uuid, request jsonb) IS 'Simulation: a pending refund fails now: {refund_id}.';

-- function fee_minor(bigint, bigint, bigint)
CREATE FUNCTION charges.fee_minor(amount_minor bigint, fee_bps bigint, fee_fixed_minor bigint) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- never more than what it is the fee of
  return least(private.half_even(amount_minor * fee_bps, 10000) + fee_fixed_minor, amount_minor);
end $$;

-- comment FUNCTION fee_minor(amount_minor bigint, fee_bps bigint, fee_fixed_minor bigint)
COMMENT ON FUNCTION charges.fee_minor(amount_minor bigint, fee_bps bigint, fee_fixed_minor bigint) IS 'What a capture costs: a share rounded half-even and a fixed part.';

-- function flag_in(jsonb, text, boolean)
CREATE FUNCTION charges.flag_in(request jsonb, param text, otherwise boolean) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  if not request ? param then
    return otherwise;
  end if;
  if jsonb_typeof(request -> param) <> 'boolean' then
    perform private.refuse('charge_field_invalid', jsonb_build_object('param', param));
  end if;
  return (request -> param)::boolean;
end $$;

-- comment FUNCTION flag_in(request jsonb, param text, otherwise boolean)
COMMENT ON FUNCTION charges.flag_in(request jsonb, param text, otherwise boolean) IS 'A yes or no of a request.';

-- function forget(uuid, uuid[])
CREATE FUNCTION charges.forget(account uuid, charge_ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  captures uuid[] := array(select k.id from charges.capture k where k.account_id = account and k.charge_id = any(charge_ids));
  refunds uuid[] := array(select r.id from charges.refund r where r.account_id = account and r.charge_id = any(charge_ids));
  disputes uuid[] := array(select d.id from charges.dispute d where d.account_id = account and d.charge_id = any(charge_ids));
  increments uuid[] := array(
    select o.id from charges.operation o where o.account_id = account and o.subject = any(charge_ids) and o.kind = 'increment');
begin
  perform sandbox.release(h.id) from sandbox.hold h where h.id = any(charge_ids || increments) and h.state = 'open';
  delete from charges.event e where e.id in (
    select charges.derived_id(o.id, account || o.id::text || v) from (
      select c.id, c.version from charges.charge c where c.account_id = account and c.id = any(charge_ids)
      union all
      select k.id, k.version from charges.capture k where k.account_id = account and k.id = any(captures)
      union all
      select r.id, r.version from charges.refund r where r.account_id = account and r.id = any(refunds)
      union all
      select d.id, d.version from charges.dispute d where d.account_id = account and d.id = any(disputes)
    ) o, generate_series(1, o.version) v);
  perform charges.forget_transfers(array(
    select sandbox.leg_id(k, n) from unnest(captures) k, unnest(array[1, 200]) n
    union all
    select sandbox.leg_id(s, n) from unnest(refunds || disputes) s, unnest(array[90, 100]) n
    union all
    select sandbox.leg_id(p.source_id, p.n + later) from charges.portion p, unnest(array[0, 100]) later
    where p.account_id = account and p.source_id = any(refunds || disputes)));
  delete from charges.portion p where p.account_id = account and p.source_id = any(refunds || disputes);
  delete from charges.operation o where o.account_id = account and o.subject = any(charge_ids || refunds || disputes);
  delete from charges.refund r where r.account_id = account and r.id = any(refunds);
  delete from charges.dispute d where d.account_id = account and d.id = any(disputes);
  delete from charges.capture k where k.account_id = account and k.id = any(captures);
  delete from charges.charge c where c.account_id = account and c.id = any(charge_ids);
  delete from sandbox.capture k where k.id = any(captures);
  delete from sandbox.hold h where h.id = any(charge_ids || increments);
end $$;

-- comment FUNCTION forget(account uuid, charge_ids uuid[])
COMMENT ON FUNCTION charges.forget(account uuid, charge_ids uuid[]) IS 'Removes charges with all that belongs to them; what is still held is released first.';

-- function forget_transfers(uuid[])
CREATE FUNCTION charges.forget_transfers(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  with gone as (
    delete from sandbox.transfer t where t.id = any(ids) returning *
  ), entries as (
    delete from sandbox.entry e using gone g
    where (e.account_id, e.seq) in ((g.from_account, g.from_seq), (g.to_account, g.to_seq)) and e.transfer_id = g.id
    returning e.account_id, e.amount
  ), sums as (
    -- only what a checkpoint has counted
    delete from sandbox.sum_entry s using gone g
    where s.account_id in (g.from_account, g.to_account) and s.xid = g.xid and s.batch = g.id
      and exists (select from sandbox.checkpoint c where c.account_id = s.account_id and c.era >= s.era and (c.era > s.era or c.upto > s.xid))
  )
  insert into sandbox.remainder as r (account_id, balance, entry_count)
  select e.account_id, sum(e.amount)::bigint, count(*) from entries e group by e.account_id order by e.account_id
  on conflict (account_id) do update set balance = r.balance + excluded.balance, entry_count = r.entry_count + excluded.entry_count;
end $$;

-- comment FUNCTION forget_transfers(ids uuid[])
COMMENT ON FUNCTION charges.forget_transfers(ids uuid[]) IS 'Removes transfers with their entries; what balance accounts had of them is added to what is remembered.';

-- function freeze_clock(uuid, timestamp with time zone)
CREATE FUNCTION charges.freeze_clock(account uuid, moment timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  started timestamptz := charges.hold_clock(account);
begin
  if moment is null or moment < started and exists (select from charges.charge c where c.account_id = account)
    or moment > timestamptz '2200-01-01'
  then
    perform private.refuse('clock_invalid', jsonb_build_object('now', charges.iso(started)));
  end if;
  insert into charges.account_clock as c (account_id, frozen_at) values (account, moment)
  on conflict (account_id) do update set frozen_at = excluded.frozen_at, changed_at = clock_timestamp();
  return jsonb_build_object('now', charges.iso(moment));
end $$;

-- comment FUNCTION freeze_clock(account uuid, moment timestamp with time zone)
COMMENT ON FUNCTION charges.freeze_clock(account uuid, moment timestamp with time zone) IS 'Stops the clock of an account at a moment, which may be past only while it has no charges; then only advance moves it.';

-- function give_back_portions(uuid, uuid, boolean)
CREATE FUNCTION charges.give_back_portions(account uuid, source uuid, for_dispute boolean) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update charges.capture k set
    refunded_minor = k.refunded_minor - case when for_dispute then 0 else p.amount_minor end,
    disputed_minor = k.disputed_minor - case when for_dispute then p.amount_minor else 0 end
  from charges.portion p
  where p.account_id = account and p.source_id = source and k.account_id = account and k.id = p.capture_id
$$;

-- comment FUNCTION give_back_portions(account uuid, source uuid, for_dispute boolean)
COMMENT ON FUNCTION charges.give_back_portions(account uuid, source uuid, for_dispute boolean) IS 'What a refund or dispute took of captures can be taken again: it failed, or was won.';

-- function has_card_number(text)
CREATE FUNCTION charges.has_card_number(words text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  found text;
  digit integer;
  total integer;
begin
  for found in select regexp_replace(r[1], '[ -]', '', 'g') from regexp_matches(words, '([0-9](?:[ -]?[0-9]){12,})', 'g') r
  loop
    continue when length(found) > 19 or found !~ '^[2-6]';
    total := 0;
    for place in 1..length(found) loop
      digit := substr(found, length(found) + 1 - place, 1)::integer;
      digit := case when place % 2 = 0 then digit * 2 else digit end;
      total := total + digit / 10 + digit % 10;
    end loop;
    if total % 10 = 0 then
      return true;
    end if;
  end loop;
  return false;
end $$;

-- comment FUNCTION has_card_number(words text)
COMMENT ON FUNCTION charges.has_card_number(words text) IS 'Whether 13 to 19 digits in a text are a card''s number by their check digit.';

-- function hold_clock(uuid)
CREATE FUNCTION charges.hold_clock(account uuid) RETURNS timestamp with time zone
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if account is null then
    perform private.refuse('charge_field_invalid', '{"param": "account"}');
  end if;
  perform pg_advisory_xact_lock(hashtextextended(account::text, 1220));
  return charges.now(account);
end $$;

-- comment FUNCTION hold_clock(account uuid)
COMMENT ON FUNCTION charges.hold_clock(account uuid) IS 'Waits for the account''s requests and lets none in until the transaction ends. Returns the account''s time.';

-- function id_in(jsonb, text)
CREATE FUNCTION charges.id_in(request jsonb, param text) RETURNS uuid
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
begin
  if coalesce(request ->> param, '') !~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then
    perform private.refuse('charge_field_invalid', jsonb_build_object('param', param));
  end if;
  return (request ->> param)::uuid;
end $_$;

-- comment FUNCTION id_in(request jsonb, param text)
COMMENT ON FUNCTION charges.id_in(request jsonb, param text) IS 'An id of a request.';

-- function increment(uuid, uuid, jsonb)
CREATE FUNCTION charges.increment(account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['charge_id', 'amount_minor']);
  c charges.charge := charges.lock_charge(account, charges.id_in(request, 'charge_id'), moment);
  maximum bigint := (select u.amount_max_minor from charges.currency u where u.code = c.currency);
  more bigint := charges.minor_in(request, 'amount_minor', maximum);
  hold_at bigint;
begin
  if charges.is_done(account, id, 'increment', c.id, asked) then
    return charges.charge_json(c);
  end if;
  if more is null then
    perform private.refuse('charge_field_invalid', '{"param": "amount_minor"}');
  end if;
  perform charges.require(c, 'increment');
  if c.authorized_minor + more > maximum then
    perform private.refuse('charge_amount_exceeds', jsonb_build_object('param', 'amount_minor', 'left_minor', maximum - c.authorized_minor));
  end if;
  select h.account_id into hold_at from sandbox.hold h where h.id = c.hold_id;
  -- a hold does not change its amount: a larger one takes its place
  perform sandbox.release(c.hold_id);
  perform sandbox.authorize(id, hold_at, c.authorized_minor + more, 'charge', null, c.id::text);
  update charges.charge t set
    requested_minor = t.requested_minor + more, authorized_minor = t.authorized_minor + more, hold_id = id,
    increment_count = t.increment_count + 1, version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  insert into charges.operation (account_id, id, kind, subject, digest, created_at) values (account, id, 'increment', c.id, asked, moment);
  perform charges.record(account, 'payment.authorized', moment, charges.charge_json(c));
  return charges.charge_json(c);
end $$;

-- comment FUNCTION increment(account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION charges.increment(account uuid, id uuid, request jsonb) IS 'Authorizes more of a charge of which nothing was captured, at most ten times: {charge_id, amount_minor}.';

-- function is_bank_day(date)
CREATE FUNCTION charges.is_bank_day(day date) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  month integer := extract(month from day);
  month_day integer := extract(day from day);
  weekday integer := extract(isodow from day);
  is_monday boolean := weekday = 1;
begin
  return not (
    weekday in (6, 7)
    -- New Year, Juneteenth, Independence, Veterans, Christmas: a Sunday's is kept on Monday, a Saturday's is not
    or to_char(day, 'MMDD') in ('0101', '0619', '0704', '1111', '1225')
    or is_monday and to_char(day - 1, 'MMDD') in ('0101', '0619', '0704', '1111', '1225')
    -- King, Presidents, Memorial, Labor, Columbus, Thanksgiving
    or is_monday and (month, (month_day + 6) / 7) in ((1, 3), (2, 3), (9, 1), (10, 2))
    or is_monday and month = 5 and month_day > 24
    or weekday = 4 and month = 11 and (month_day + 6) / 7 = 4
  );
end $$;

-- comment FUNCTION is_bank_day(day date)
COMMENT ON FUNCTION charges.is_bank_day(day date) IS 'Whether the Federal Reserve is open on a day; as paya_app/banking/bank_days.py.';

-- function is_done(uuid, uuid, text, uuid, bytea)
CREATE FUNCTION charges.is_done(account uuid, id uuid, kind text, subject uuid, asked bytea) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  known charges.operation;
begin
  select * into known from charges.operation o where o.account_id = account and o.id = id;
  if not found then
    return false;
  end if;
  if (known.kind, known.subject, known.digest) is distinct from (kind, subject, asked) then
    perform private.refuse('key_reused', jsonb_build_object('what', known.kind));
  end if;
  return true;
end $$;

-- comment FUNCTION is_done(account uuid, id uuid, kind text, subject uuid, asked bytea)
COMMENT ON FUNCTION charges.is_done(account uuid, id uuid, kind text, subject uuid, asked bytea) IS 'Whether the operation of this id was done before; another one of the same id is refused.';

-- function iso(timestamp with time zone)
CREATE FUNCTION charges.iso(moment timestamp with time zone) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end $$;

-- comment FUNCTION iso(moment timestamp with time zone)
COMMENT ON FUNCTION charges.iso(moment timestamp with time zone) IS 'A moment as the API writes it.';

-- function legal_operations(text, bigint, bigint, bigint, integer, integer)
CREATE FUNCTION charges.legal_operations(state text, open_minor bigint, captured_minor bigint, refundable_minor bigint, increment_count integer, capture_count integer) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return array_remove(array[
    case when state = 'authorized' and increment_count < 10 then 'increment' end,
    case when open_minor > 0 and capture_count < 50 then 'capture' end,
    case when open_minor > 0 then 'void' end,
    case when open_minor > 0 then 'expire' end,
    case when refundable_minor > 0 then 'refund' end,
    case when refundable_minor > 0 and state <> 'disputed' then 'open_dispute' end,
    case when state = 'disputed' then 'submit_evidence' end,
    case when state = 'disputed' then 'accept_dispute' end
  ], null);
end $$;

-- comment FUNCTION legal_operations(state text, open_minor bigint, captured_minor bigint, refundable_minor bigint, increment_count integer, capture_count integer)
COMMENT ON FUNCTION charges.legal_operations(state text, open_minor bigint, captured_minor bigint, refundable_minor bigint, increment_count integer, capture_count integer) IS 'What may be done to a charge as it is.';

-- function let_go(uuid, uuid, jsonb, text)
CREATE FUNCTION charges.let_go(account uuid, id uuid, request jsonb, operation text) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['charge_id']);
  c charges.charge := charges.lock_charge(account, charges.id_in(request, 'charge_id'), moment);
begin
  if charges.is_done(account, id, operation, c.id, asked) then
    return charges.charge_json(c);
  end if;
  perform charges.require(c, operation);
  insert into charges.operation (account_id, id, kind, subject, digest, created_at) values (account, id, operation, c.id, asked, moment);
  if operation = 'expire' then
    return charges.charge_json(charges.book_expiry(account, c.id, moment));
  end if;
  perform sandbox.release(c.hold_id);
  update charges.charge t set
    released_minor = t.authorized_minor - t.captured_minor, reason = 'voided', open_until = null, version = t.version + 1,
    changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  perform charges.record(account, 'payment.voided', moment, charges.charge_json(c));
  return charges.charge_json(c);
end $$;

-- comment FUNCTION let_go(account uuid, id uuid, request jsonb, operation text)
COMMENT ON FUNCTION charges.let_go(account uuid, id uuid, request jsonb, operation text) IS 'Releases what of a charge is open, because the merchant wants it or because its time is over.';

-- function list(uuid, jsonb, uuid, integer)
CREATE FUNCTION charges.list(account uuid, filters jsonb DEFAULT '{}'::jsonb, after uuid DEFAULT NULL::uuid, maximum integer DEFAULT 20) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  statuses text[];
  of_card uuid;
  since timestamptz;
  before timestamptz;
  rows jsonb;
begin
  if maximum is null or maximum not between 1 and 100 then
    perform private.refuse('charge_field_invalid', '{"param": "limit"}');
  end if;
  if jsonb_typeof(filters) is distinct from 'object'
    or filters - array['status', 'created_gte', 'created_lt', 'card_id', 'metadata'] <> '{}'
  then
    perform private.refuse('charge_field_invalid', '{"param": "filters"}');
  end if;
  if filters ? 'status' then
    if jsonb_typeof(filters -> 'status') <> 'string' or charges.next_states(filters ->> 'status') = '{}'
      and filters ->> 'status' not in ('declined', 'voided', 'expired')
    then
      perform private.refuse('charge_field_invalid', '{"param": "status"}');
    end if;
    statuses := array[filters ->> 'status'];
  end if;
  if filters ? 'metadata' and jsonb_typeof(filters -> 'metadata') <> 'object' then
    perform private.refuse('charge_field_invalid', '{"param": "metadata"}');
  end if;
  of_card := case when filters ? 'card_id' then charges.id_in(filters, 'card_id') end;
  since := charges.moment_in(filters, 'created_gte');
  before := charges.moment_in(filters, 'created_lt');
  if of_card is null then
    select jsonb_agg(charges.charge_json(p.c) order by (p.c).id desc) into rows from (
      select c from charges.charge c
      where c.account_id = account and (after is null or c.id < after)
        and (since is null or c.created_at >= since) and (before is null or c.created_at < before)
        and (not filters ? 'metadata' or c.metadata @> (filters -> 'metadata'))
        and (statuses is null or charges.state(
          c.requested_minor, c.authorized_minor, c.captured_minor, c.released_minor, c.refunded_minor, c.disputed_minor,
          c.settled_minor, c.reason, c.dispute_stage) = any(statuses))
      order by c.account_id desc, c.id desc limit maximum + 1
    ) p;
  else
    select jsonb_agg(charges.charge_json(p.c) order by (p.c).id desc) into rows from (
      select c from charges.charge c
      where c.account_id = account and c.card_id = of_card and (after is null or c.id < after)
        and (since is null or c.created_at >= since) and (before is null or c.created_at < before)
        and (not filters ? 'metadata' or c.metadata @> (filters -> 'metadata'))
        and (statuses is null or charges.state(
          c.requested_minor, c.authorized_minor, c.captured_minor, c.released_minor, c.refunded_minor, c.disputed_minor,
          c.settled_minor, c.reason, c.dispute_stage) = any(statuses))
      order by c.account_id desc, c.card_id desc, c.id desc limit maximum + 1
    ) p;
  end if;
  return charges.page(rows, maximum);
end $$;

-- comment FUNCTION list(account uuid, filters jsonb, after uuid, maximum integer)
COMMENT ON FUNCTION charges.list(account uuid, filters jsonb, after uuid, maximum integer) IS 'A page of an account''s charges, the newest ids first: {data, has_more, next_cursor}. Filters: status, created_gte, created_lt, card_id, metadata.';

-- function list_settlements(uuid, uuid, integer)
CREATE FUNCTION charges.list_settlements(account uuid, after uuid DEFAULT NULL::uuid, maximum integer DEFAULT 20) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  rows jsonb;
begin
  if maximum is null or maximum not between 1 and 100 then
    perform private.refuse('charge_field_invalid', '{"param": "limit"}');
  end if;
  select jsonb_agg(charges.settlement_json(p.s) order by (p.s).id desc) into rows from (
    select s from charges.settlement s where s.account_id = account and (after is null or s.id < after)
    order by s.account_id desc, s.id desc limit maximum + 1
  ) p;
  return charges.page(rows, maximum);
end $$;

-- comment FUNCTION list_settlements(account uuid, after uuid, maximum integer)
COMMENT ON FUNCTION charges.list_settlements(account uuid, after uuid, maximum integer) IS 'A page of an account''s settlements, the latest first.';

-- function lock_charge(uuid, uuid, timestamp with time zone)
CREATE FUNCTION charges.lock_charge(account uuid, charge_id uuid, moment timestamp with time zone) RETURNS charges.charge
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  c charges.charge;
begin
  select * into c from charges.charge t where t.account_id = account and t.id = charge_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "charge"}');
  end if;
  if c.open_until <= moment then
    c := charges.book_expiry(account, charge_id, c.open_until);
  end if;
  return c;
end $$;

-- comment FUNCTION lock_charge(account uuid, charge_id uuid, moment timestamp with time zone)
COMMENT ON FUNCTION charges.lock_charge(account uuid, charge_id uuid, moment timestamp with time zone) IS 'A charge of the account, locked; expired first when its time is over.';

-- function make_dispute(charges.charge, uuid, bytea, bigint, text, timestamp with time zone)
CREATE FUNCTION charges.make_dispute(c charges.charge, dispute_id uuid, asked bytea, wanted bigint, reason text, moment timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  account uuid := c.account_id;
  money charges.currency;
  first_of uuid;
  from_pending boolean;
  d charges.dispute;
begin
  select * into money from charges.currency u where u.code = c.currency;
  update charges.charge t set
    disputed_minor = t.disputed_minor + wanted, dispute_stage = 'needs_response', version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  insert into charges.dispute (account_id, id, charge_id, digest, currency, amount_minor, fee_minor, reason, due_at, created_at)
  values (account, dispute_id, c.id, asked, c.currency, wanted, money.dispute_fee_minor, reason, moment + interval '7 days', moment)
  returning * into d;
  perform charges.allocate(c, dispute_id, wanted, null, true);
  perform charges.take_portions(account, dispute_id, 'dispute_reserve', money.asset, 'dispute', c.id::text);
  -- the fee is taken where the first of the money was
  select p.capture_id, p.was_pending into first_of, from_pending from charges.portion p
  where p.account_id = account and p.source_id = dispute_id and p.n = 1;
  perform sandbox.post(
    sandbox.leg_id(dispute_id, 90), charges.account_of(account, case when from_pending then 'merchant_pending' else 'merchant_available' end, money.asset),
    charges.account_of(account, 'fees', money.asset), money.dispute_fee_minor, 'dispute_fee', c.id::text);
  if from_pending then
    update charges.capture k set pending_disputes_minor = k.pending_disputes_minor + money.dispute_fee_minor
    where k.account_id = account and k.id = first_of;
  end if;
  perform charges.record(account, 'payment.dispute.opened', moment, charges.dispute_json(d, c));
  return charges.dispute_json(d, c);
end $$;

-- comment FUNCTION make_dispute(c charges.charge, dispute_id uuid, asked bytea, wanted bigint, reason text, moment timestamp with time zone)
COMMENT ON FUNCTION charges.make_dispute(c charges.charge, dispute_id uuid, asked bytea, wanted bigint, reason text, moment timestamp with time zone) IS 'Opens a dispute on a locked charge: its money goes to the reserve, its fee to fees.';

-- function metadata_in(jsonb)
CREATE FUNCTION charges.metadata_in(request jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  asked jsonb := coalesce(request -> 'metadata', '{}');
begin
  if asked = '{}' then
    return asked;
  end if;
  if jsonb_typeof(asked) <> 'object' then
    perform private.refuse('charge_field_invalid', '{"param": "metadata"}');
  end if;
  if (select count(*) > 50 or bool_or(length(m.key) not between 1 and 40 or jsonb_typeof(m.value) <> 'string' or length(m.value #>> '{}') > 500)
    from jsonb_each(asked) m)
  then
    perform private.refuse('charge_field_invalid', '{"param": "metadata"}');
  end if;
  if charges.has_card_number(asked::text) then
    perform private.refuse('card_number_in_text', '{"param": "metadata"}');
  end if;
  return asked;
end $$;

-- comment FUNCTION metadata_in(request jsonb)
COMMENT ON FUNCTION charges.metadata_in(request jsonb) IS 'The metadata of a request: at most 50 short texts by name, none with the number of a card.';

-- function minor_in(jsonb, text, bigint)
CREATE FUNCTION charges.minor_in(request jsonb, param text, maximum bigint) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  asked jsonb := request -> param;
begin
  if asked is null then
    return null;
  end if;
  if jsonb_typeof(asked) <> 'number' or asked::numeric <> trunc(asked::numeric) or asked::numeric not between 1 and maximum then
    perform private.refuse('charge_amount_invalid', jsonb_build_object('param', param, 'max_minor', maximum));
  end if;
  return asked::bigint;
end $$;

-- comment FUNCTION minor_in(request jsonb, param text, maximum bigint)
COMMENT ON FUNCTION charges.minor_in(request jsonb, param text, maximum bigint) IS 'An amount of a request, or null when it names none.';

-- function moment_in(jsonb, text)
CREATE FUNCTION charges.moment_in(filters jsonb, param text) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
begin
  if not filters ? param then
    return null;
  end if;
  if coalesce(filters ->> param, '') !~ (
      '^[12][0-9]{3}-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?' || '(Z|[+-][01][0-9]:[0-5][0-9])$')
    or not pg_input_is_valid(filters ->> param, 'timestamptz')
  then
    perform private.refuse('charge_field_invalid', jsonb_build_object('param', param));
  end if;
  return (filters ->> param)::timestamptz;
end $_$;

-- comment FUNCTION moment_in(filters jsonb, param text)
COMMENT ON FUNCTION charges.moment_in(filters jsonb, param text) IS 'A moment of a filter, RFC 3339.';

-- function next_due(uuid)
CREATE FUNCTION charges.next_due(account uuid) RETURNS charges.due_thing
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select d.what, d.due_at, d.id from (
    (select 1 as rank, 'settlement' as what, k.settles_at as due_at, k.id from charges.capture k
      where k.account_id = account and k.settled_at is null order by k.settles_at, k.id limit 1)
    union all
    (select 2, 'refund', r.due_at, r.id from charges.refund r
      where r.account_id = account and r.due_at is not null order by r.due_at, r.id limit 1)
    union all
    (select 3, 'dispute', t.due_at, t.id from charges.dispute t
      where t.account_id = account and t.due_at is not null order by t.due_at, t.id limit 1)
    union all
    (select 4, 'expiry', c.open_until, c.id from charges.charge c
      where c.account_id = account and c.open_until is not null order by c.open_until, c.id limit 1)
  ) d order by d.due_at, d.rank limit 1
$$;

-- comment FUNCTION next_due(account uuid)
COMMENT ON FUNCTION charges.next_due(account uuid) IS 'The first thing that falls due in an account; of the same moment settlements, refunds, disputes, expiries.';

-- function next_states(text)
CREATE FUNCTION charges.next_states(state text) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case state
    when 'authorized' then array['authorized', 'partially_captured', 'captured', 'voided', 'expired', 'disputed']
    when 'partially_authorized' then array['partially_captured', 'captured', 'voided', 'expired', 'disputed']
    when 'partially_captured' then array['partially_captured', 'captured', 'settled', 'partially_refunded', 'refunded', 'disputed']
    when 'captured' then array['settled', 'partially_refunded', 'refunded', 'disputed']
    when 'settled' then array['partially_refunded', 'refunded', 'disputed']
    when 'partially_refunded' then array['partially_refunded', 'refunded', 'disputed', 'settled', 'captured']
    when 'refunded' then array['partially_captured', 'captured', 'settled', 'partially_refunded']
    when 'charged_back' then array['partially_captured', 'disputed']
    when 'disputed' then array['disputed', 'partially_captured', 'captured', 'settled', 'partially_refunded', 'refunded', 'charged_back']
    else '{}'
  end
$$;

-- comment FUNCTION next_states(state text)
COMMENT ON FUNCTION charges.next_states(state text) IS 'What a charge may become from a state. A refund that fails brings a charge back to where it was; declined, voided and expired are the end.';

-- function now(uuid)
CREATE FUNCTION charges.now(account uuid) RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  ahead interval;
  frozen timestamptz;
begin
  select c."offset", c.frozen_at into ahead, frozen from charges.account_clock c where c.account_id = account;
  return coalesce(frozen, private.now() + coalesce(ahead, '0'));
end $$;

-- comment FUNCTION now(account uuid)
COMMENT ON FUNCTION charges.now(account uuid) IS 'The time of an account: what expires, settles or falls due in test mode does so by this clock.';

-- function open_cardholder(uuid, uuid, text)
CREATE FUNCTION charges.open_cardholder(account uuid, holder uuid, asset text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  found_id bigint;
begin
  insert into charges.account_clock (account_id) values (account) on conflict do nothing;
  insert into sandbox.account (asset, kind, owner, is_summing)
  select asset, k.kind, account, k.kind <> 'merchant_available'
  from unnest(array['test_issuer', 'merchant_pending', 'merchant_available', 'fees', 'refunds_in_transit', 'dispute_reserve']) k (kind)
  on conflict do nothing;
  insert into sandbox.account (asset, kind, owner, min_balance) values (asset, 'cardholder', holder, 0) on conflict do nothing;
  select a.id into found_id from sandbox.account a where a.owner = holder and a.asset = asset and a.kind = 'cardholder';
  -- what a test card can pay: more than can be charged to it in the life of its account
  perform sandbox.post(
    charges.derived_id(holder, holder || asset), charges.account_of(account, 'test_issuer', asset), found_id, 1000000000000000,
    'test_card_created');
  return found_id;
end $$;

-- comment FUNCTION open_cardholder(account uuid, holder uuid, asset text)
COMMENT ON FUNCTION charges.open_cardholder(account uuid, holder uuid, asset text) IS 'One of the accounts of a test card, with money from the test issuer; opens the merchant''s too.';

-- function open_dispute(uuid, uuid, jsonb)
CREATE FUNCTION charges.open_dispute(account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['charge_id', 'amount_minor', 'reason']);
  reason text := coalesce(request ->> 'reason', 'fraudulent');
  c charges.charge := charges.lock_charge(account, charges.id_in(request, 'charge_id'), moment);
  wanted bigint := charges.minor_in(request, 'amount_minor', (select u.amount_max_minor from charges.currency u where u.code = c.currency));
  left_minor bigint := c.captured_minor - c.refunded_minor - c.disputed_minor;
  d charges.dispute;
begin
  if reason <> all(array['fraudulent', 'duplicate', 'product_not_received', 'credit_not_processed', 'general']) then
    perform private.refuse('charge_field_invalid', jsonb_build_object(
      'param', 'reason', 'known', array['fraudulent', 'duplicate', 'product_not_received', 'credit_not_processed', 'general']));
  end if;
  select * into d from charges.dispute t where t.account_id = account and t.id = id;
  if found then
    if d.digest <> asked then
      perform private.refuse('key_reused', '{"what": "dispute"}');
    end if;
    return charges.dispute_json(d, c);
  end if;
  perform charges.require(c, 'open_dispute');
  if wanted > left_minor then
    perform private.refuse('charge_amount_exceeds', jsonb_build_object('param', 'amount_minor', 'left_minor', left_minor));
  end if;
  return charges.make_dispute(c, id, asked, coalesce(wanted, left_minor), reason, moment);
end $$;

-- comment FUNCTION open_dispute(account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION charges.open_dispute(account uuid, id uuid, request jsonb) IS 'Simulation: the cardholder disputes captured money, once per id: {charge_id, amount_minor? (else all that is left), reason?}.';

-- function page(jsonb, integer)
CREATE FUNCTION charges.page(rows jsonb, maximum integer) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when coalesce(jsonb_array_length(rows), 0) <= maximum
    then jsonb_build_object('data', coalesce(rows, '[]'), 'has_more', false, 'next_cursor', null)
    else jsonb_build_object('data', rows - maximum, 'has_more', true, 'next_cursor', rows -> (maximum - 1) -> 'id') end
$$;

-- comment FUNCTION page(rows jsonb, maximum integer)
COMMENT ON FUNCTION charges.page(rows jsonb, maximum integer) IS 'What was found, one more than asked for when there is more, as a page.';

-- function post_refund(charges.refund, timestamp with time zone)
CREATE FUNCTION charges.post_refund(r charges.refund, moment timestamp with time zone) RETURNS charges.refund
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  money charges.currency;
  needed bigint;
  available bigint;
begin
  select * into money from charges.currency u where u.code = r.currency;
  select coalesce(sum(p.amount_minor), 0) into needed
  from charges.portion p join charges.capture k on k.account_id = p.account_id and k.id = p.capture_id
  where p.account_id = r.account_id and p.source_id = r.id and k.settled_at is not null;
  if needed > 0 then
    select a.balance into available from sandbox.account a
    where a.id = charges.account_of(r.account_id, 'merchant_available', money.asset) for no key update;
    if available - needed < -money.overdraft_max_minor then
      update charges.refund t set due_at = charges.after_bank_days(moment, 1)
      where t.account_id = r.account_id and t.id = r.id returning * into r;
      return r;
    end if;
  end if;
  perform charges.take_portions(r.account_id, r.id, 'refunds_in_transit', money.asset, 'refund', r.charge_id::text);
  update charges.refund t set posted_at = moment, due_at = charges.after_bank_days(moment, 1)
  where t.account_id = r.account_id and t.id = r.id returning * into r;
  return r;
end $$;

-- comment FUNCTION post_refund(r charges.refund, moment timestamp with time zone)
COMMENT ON FUNCTION charges.post_refund(r charges.refund, moment timestamp with time zone) IS 'Takes the money of a refund from the merchant; while that would go beyond the overdraft, it waits another bank day.';

-- function read(uuid, uuid, text)
CREATE FUNCTION charges.read(account uuid, id uuid, object_kind text DEFAULT 'charge'::text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  found_json jsonb;
begin
  case object_kind
    when 'charge' then
      select charges.charge_json(c) || jsonb_build_object(
        'captures', (
          select coalesce(jsonb_agg(charges.capture_json(k, c) - 'charge' order by k.created_at, k.id), '[]') from charges.capture k
          where k.account_id = account and k.charge_id = id),
        'refunds', (
          select coalesce(jsonb_agg(charges.refund_json(r, c) - 'charge' order by r.created_at, r.id), '[]') from charges.refund r
          where r.account_id = account and r.charge_id = id),
        'disputes', (
          select coalesce(jsonb_agg(charges.dispute_json(d, c) - 'charge' order by d.created_at, d.id), '[]') from charges.dispute d
          where d.account_id = account and d.charge_id = id))
      into found_json from charges.charge c where c.account_id = account and c.id = id;
    when 'capture' then
      select charges.capture_json(k, c) into found_json
      from charges.capture k join charges.charge c on c.account_id = k.account_id and c.id = k.charge_id
      where k.account_id = account and k.id = id;
    when 'refund' then
      select charges.refund_json(r, c) into found_json
      from charges.refund r join charges.charge c on c.account_id = r.account_id and c.id = r.charge_id
      where r.account_id = account and r.id = id;
    when 'dispute' then
      select charges.dispute_json(d, c) into found_json
      from charges.dispute d join charges.charge c on c.account_id = d.account_id and c.id = d.charge_id
      where d.account_id = account and d.id = id;
    when 'settlement' then
      select charges.settlement_json(s) into found_json from charges.settlement s where s.account_id = account and s.id = id;
    else perform private.refuse('charge_field_invalid', '{"param": "object_kind"}');
  end case;
  if found_json is null then
    perform private.refuse('not_found', jsonb_build_object('what', object_kind));
  end if;
  return found_json;
end $$;

-- comment FUNCTION read(account uuid, id uuid, object_kind text)
COMMENT ON FUNCTION charges.read(account uuid, id uuid, object_kind text) IS 'One object of an account (charge, capture, refund, dispute, settlement); a charge with its captures, refunds and disputes.';

-- function record(uuid, text, timestamp with time zone, jsonb)
CREATE FUNCTION charges.record(account uuid, kind text, moment timestamp with time zone, data jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into charges.event (id, account_id, kind, object_kind, object_id, version, occurred_at, data)
  values (
    charges.derived_id((data ->> 'id')::uuid, account || (data ->> 'id') || (data ->> 'version')), account, kind,
    data ->> 'object', (data ->> 'id')::uuid, (data ->> 'version')::integer, moment, data);
end $$;

-- comment FUNCTION record(account uuid, kind text, moment timestamp with time zone, data jsonb)
COMMENT ON FUNCTION charges.record(account uuid, kind text, moment timestamp with time zone, data jsonb) IS 'Writes the event of a change to an object, as it is after it.';

-- function refund(uuid, uuid, jsonb)
CREATE FUNCTION charges.refund(account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.begin(account);
  asked bytea := charges.digest_of(id, request, array['charge_id', 'capture_id', 'amount_minor', 'reason']);
  of_capture uuid := case when request ? 'capture_id' then charges.id_in(request, 'capture_id') end;
  of_charge uuid;
  c charges.charge;
  wanted bigint;
  refundable bigint;
  r charges.refund;
begin
  if of_capture is null or request ? 'charge_id' then
    of_charge := charges.id_in(request, 'charge_id');
  end if;
  if of_capture is not null then
    select t.charge_id into of_charge from charges.capture t
    where t.account_id = account and t.id = of_capture and t.charge_id = coalesce(of_charge, t.charge_id);
    if not found then
      perform private.refuse('not_found', '{"what": "capture"}');
    end if;
  end if;
  if request ? 'reason' and coalesce(request ->> 'reason', '') <> all(array['duplicate', 'fraudulent', 'requested_by_customer']) then
    perform private.refuse('charge_field_invalid', '{"param": "reason", "known": ["duplicate", "fraudulent", "requested_by_customer"]}');
  end if;
  c := charges.lock_charge(account, of_charge, moment);
  select * into r from charges.refund t where t.account_id = account and t.id = id;
  if found then
    if r.digest <> asked then
      perform private.refuse('key_reused', '{"what": "refund"}');
    end if;
    return charges.refund_json(r, c);
  end if;
  wanted := charges.minor_in(request, 'amount_minor', (select u.amount_max_minor from charges.currency u where u.code = c.currency));
  perform charges.require(c, 'refund');
  if of_capture is null then
    refundable := c.captured_minor - c.refunded_minor - c.disputed_minor;
  else
    select t.amount_minor - t.refunded_minor - t.disputed_minor into refundable from charges.capture t
    where t.account_id = account and t.id = of_capture;
  end if;
  wanted := coalesce(wanted, refundable);
  if wanted > refundable or refundable = 0 then
    perform private.refuse('charge_amount_exceeds', jsonb_build_object('param', 'amount_minor', 'left_minor', refundable));
  end if;
  update charges.charge t set refunded_minor = t.refunded_minor + wanted, version = t.version + 1, changed_at = clock_timestamp()
  where t.account_id = account and t.id = c.id returning * into c;
  insert into charges.refund (account_id, id, charge_id, digest, currency, amount_minor, reason, due_at, created_at)
  values (account, id, c.id, asked, c.currency, wanted, request ->> 'reason', moment, moment)
  returning * into r;
  perform charges.allocate(c, id, wanted, of_capture, false);
  r := charges.post_refund(r, moment);
  perform charges.record(account, 'payment.refunded', moment, charges.refund_json(r, c));
  return charges.refund_json(r, c);
end $$;

-- comment FUNCTION refund(account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION charges.refund(account uuid, id uuid, request jsonb) IS 'Gives captured money back once per id: {charge_id or capture_id, amount_minor? (else what is left), reason?}.';

-- function refund_json(charges.refund, charges.charge)
CREATE FUNCTION charges.refund_json(r charges.refund, c charges.charge) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return jsonb_build_object(
    'object', 'refund', 'id', r.id, 'charge_id', r.charge_id, 'currency', r.currency, 'amount_minor', r.amount_minor, 'reason', r.reason,
    'status', case when r.succeeded_at is not null then 'succeeded' when r.failed_at is not null then 'failed' else 'pending' end,
    'is_waiting_for_funds', r.due_at is not null and r.posted_at is null, 'due_at', charges.iso(r.due_at),
    'succeeded_at', charges.iso(r.succeeded_at), 'failed_at', charges.iso(r.failed_at), 'created_at', charges.iso(r.created_at),
    'version', r.version, 'charge', charges.charge_json(c));
end $$;

-- comment FUNCTION refund_json(r charges.refund, c charges.charge)
COMMENT ON FUNCTION charges.refund_json(r charges.refund, c charges.charge) IS 'A refund as the API shows it, with its charge.';

-- function require(charges.charge, text)
CREATE FUNCTION charges.require(c charges.charge, operation text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  state text := charges.state(
    c.requested_minor, c.authorized_minor, c.captured_minor, c.released_minor, c.refunded_minor, c.disputed_minor, c.settled_minor,
    c.reason, c.dispute_stage);
  legal text[] := charges.legal_operations(
    state, c.authorized_minor - c.captured_minor - c.released_minor, c.captured_minor,
    c.captured_minor - c.refunded_minor - c.disputed_minor, c.increment_count, c.capture_count);
begin
  if operation <> all(legal) then
    perform private.refuse('charge_state_invalid', jsonb_build_object(
      'operation', operation, 'state', state, 'next_states', charges.next_states(state), 'operations', legal));
  end if;
end $$;

-- comment FUNCTION require(c charges.charge, operation text)
COMMENT ON FUNCTION charges.require(c charges.charge, operation text) IS 'Refuses what may not be done to a charge as it is, with its state, the next ones, and what may be done.';

-- function run_settlement(uuid, boolean)
CREATE FUNCTION charges.run_settlement(account uuid, everything boolean DEFAULT false) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.hold_clock(account);
  made uuid;
  code text;
  reports jsonb := '[]';
begin
  for code in select u.code from charges.currency u order by u.code loop
    made := charges.settle(account, code, case when everything then 'infinity' else moment end, moment);
    if made is not null then
      reports := reports || (select charges.settlement_json(s) from charges.settlement s where s.account_id = account and s.id = made);
    end if;
  end loop;
  return reports;
end $$;

-- comment FUNCTION run_settlement(account uuid, everything boolean)
COMMENT ON FUNCTION charges.run_settlement(account uuid, everything boolean) IS 'Settles what is due, or in a simulation everything that is pending; returns the report of each currency. What is settled is not settled again.';

-- function set_clock(uuid, timestamp with time zone)
CREATE FUNCTION charges.set_clock(account uuid, moment timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  insert into charges.account_clock as c (account_id, "offset") values (account, greatest(moment - private.now(), interval '0'))
  on conflict (account_id) do update set
    "offset" = case when c.frozen_at is null then greatest(c."offset", excluded."offset") else c."offset" end,
    frozen_at = greatest(c.frozen_at, case when c.frozen_at is null then null else moment end), changed_at = clock_timestamp();
end $$;

-- comment FUNCTION set_clock(account uuid, moment timestamp with time zone)
COMMENT ON FUNCTION charges.set_clock(account uuid, moment timestamp with time zone) IS 'The clock of a locked account shows this moment from now on, or a later one; it never goes back.';

-- function settle(uuid, text, timestamp with time zone, timestamp with time zone)
CREATE FUNCTION charges.settle(account uuid, currency text, up_to timestamp with time zone, moment timestamp with time zone) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  asset text := (select u.asset from charges.currency u where u.code = currency);
  pending bigint := charges.account_of(account, 'merchant_pending', asset);
  available bigint := charges.account_of(account, 'merchant_available', asset);
  settled uuid[];
  s charges.settlement;
begin
  select
    array_agg(k.id order by k.settles_at, k.id), sum(k.amount_minor), sum(k.fee_minor), sum(k.pending_refunds_minor),
    sum(k.pending_disputes_minor), count(*)
  into settled, s.gross_minor, s.fees_minor, s.refunds_minor, s.disputes_minor, s.capture_count
  from charges.capture k
  where k.account_id = account and k.currency = currency and k.settled_at is null and k.settles_at <= up_to;
  if settled is null then
    return null;
  end if;
  s.id := charges.derived_id(settled[1], 'settlement' || settled[1]);
  s.net_minor := s.gross_minor - s.fees_minor - s.refunds_minor - s.disputes_minor;
  if s.net_minor > 0 then
    perform sandbox.post(s.id, pending, available, s.net_minor, 'settlement');
  elsif s.net_minor < 0 then
    perform sandbox.post(s.id, available, pending, -s.net_minor, 'settlement');
  end if;
  insert into charges.settlement (
    account_id, id, currency, gross_minor, fees_minor, refunds_minor, disputes_minor, net_minor, capture_count, settled_at)
  values (account, s.id, currency, s.gross_minor, s.fees_minor, s.refunds_minor, s.disputes_minor, s.net_minor, s.capture_count, moment);
  update charges.capture k set settled_at = moment, settlement_id = s.id, version = k.version + 1
  where k.account_id = account and k.id = any(settled);
  update charges.charge c set
    settled_minor = c.settled_minor + g.amount_minor, version = c.version + 1, changed_at = clock_timestamp()
  from (
    select k.charge_id, sum(k.amount_minor)::bigint as amount_minor from charges.capture k
    where k.account_id = account and k.id = any(settled) group by k.charge_id
  ) g
  where c.account_id = account and c.id = g.charge_id;
  perform charges.record(account, 'payment.settled', moment, charges.capture_json(k, c))
  from unnest(settled) with ordinality u (id, n)
  join charges.capture k on k.account_id = account and k.id = u.id
  join charges.charge c on c.account_id = account and c.id = k.charge_id
  order by u.n;
  return s.id;
end $$;

-- comment FUNCTION settle(account uuid, currency text, up_to timestamp with time zone, moment timestamp with time zone)
COMMENT ON FUNCTION charges.settle(account uuid, currency text, up_to timestamp with time zone, moment timestamp with time zone) IS 'One batch: what is due by up_to in one currency, less fees and what was given back, becomes available. Its settlement''s id, or null when nothing is due.';

-- table settlement
CREATE TABLE charges.settlement (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    currency text NOT NULL,
    gross_minor bigint NOT NULL,
    fees_minor bigint NOT NULL,
    refunds_minor bigint NOT NULL,
    disputes_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    capture_count integer NOT NULL,
    settled_at timestamp with time zone NOT NULL,
    made_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT net_is_what_remains CHECK ((net_minor = (((gross_minor - fees_minor) - refunds_minor) - disputes_minor))),
    CONSTRAINT settlement_has_captures CHECK ((capture_count > 0))
);

-- comment TABLE settlement
COMMENT ON TABLE charges.settlement IS 'One batch: the captures of one account and currency that became available at once. refunds, disputes: what went before that.';

-- function settlement_json(charges.settlement)
CREATE FUNCTION charges.settlement_json(s charges.settlement) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'object', 'settlement', 'id', s.id, 'currency', s.currency, 'gross_minor', s.gross_minor, 'fees_minor', s.fees_minor,
    'refunds_minor', s.refunds_minor, 'disputes_minor', s.disputes_minor, 'net_minor', s.net_minor, 'capture_count', s.capture_count,
    'settled_at', charges.iso(s.settled_at))
$$;

-- comment FUNCTION settlement_json(s charges.settlement)
COMMENT ON FUNCTION charges.settlement_json(s charges.settlement) IS 'A settlement''s report as the API shows it.';

-- function state(bigint, bigint, bigint, bigint, bigint, bigint, bigint, text, text)
CREATE FUNCTION charges.state(requested_minor bigint, authorized_minor bigint, captured_minor bigint, released_minor bigint, refunded_minor bigint, disputed_minor bigint, settled_minor bigint, reason text, dispute_stage text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return case
    when reason = 'declined' then 'declined'
    when dispute_stage in ('needs_response', 'under_review') then 'disputed'
    when captured_minor = 0 and released_minor = authorized_minor then reason
    when captured_minor = 0 and authorized_minor < requested_minor then 'partially_authorized'
    when captured_minor = 0 then 'authorized'
    when refunded_minor = captured_minor then 'refunded'
    when refunded_minor + disputed_minor = captured_minor then 'charged_back'
    when captured_minor + released_minor < authorized_minor then 'partially_captured'
    when refunded_minor > 0 then 'partially_refunded'
    when settled_minor = captured_minor then 'settled'
    else 'captured'
  end;
end $$;

-- comment FUNCTION state(requested_minor bigint, authorized_minor bigint, captured_minor bigint, released_minor bigint, refunded_minor bigint, disputed_minor bigint, settled_minor bigint, reason text, dispute_stage text)
COMMENT ON FUNCTION charges.state(requested_minor bigint, authorized_minor bigint, captured_minor bigint, released_minor bigint, refunded_minor bigint, disputed_minor bigint, settled_minor bigint, reason text, dispute_stage text) IS 'The state of a charge, from its amounts and recorded reasons alone.';

-- function submit_evidence(uuid, uuid, jsonb)
CREATE FUNCTION charges.submit_evidence(account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select charges.answer_dispute(account, id, request, 'submit_evidence')
$$;

-- comment FUNCTION submit_evidence(account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION charges.submit_evidence(account uuid, id uuid, request jsonb) IS 'Answers a dispute: {dispute_id, evidence}. Decided three bank days later: the words losing_evidence lose, all others win.';

-- function sweep(integer)
CREATE FUNCTION charges.sweep(maximum integer DEFAULT 200) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  before timestamptz := private.now() - retention.kept('sandbox_charges');
  -- ids are UUIDv7, made when the charge was: none of this id or a later one can be old enough
  first_kept uuid := (rpad(lpad(to_hex((extract(epoch from before) * 1000)::bigint), 12, '0'), 32, '0'))::uuid;
  account uuid;
  found_ids uuid[];
  batches uuid[];
  removed integer := 0;
begin
  for account in
    select a.account_id from charges.account_clock a
    where exists (
      select from charges.charge c where c.account_id = a.account_id and c.id < first_kept and c.changed_at < before)
    order by a.account_id
  loop
    exit when removed >= maximum;
    continue when not pg_try_advisory_xact_lock(hashtextextended(account::text, 1220));
    found_ids := array(
      select c.id from charges.charge c where c.account_id = account and c.id < first_kept and c.changed_at < before
      order by c.id limit maximum - removed);
    continue when cardinality(found_ids) = 0;
    if removed = 0 then
      perform sandbox.take_checkpoints(1);
    end if;
    perform charges.forget(account, found_ids);
    batches := array(
      select s.id from charges.settlement s
      where s.account_id = account and s.made_at < before
        and not exists (select from charges.capture k where k.account_id = account and k.settlement_id = s.id));
    perform charges.forget_transfers(batches);
    delete from charges.settlement s where s.account_id = account and s.id = any(batches);
    removed := removed + cardinality(found_ids);
  end loop;
  return removed;
end $$;

-- comment FUNCTION sweep(maximum integer)
COMMENT ON FUNCTION charges.sweep(maximum integer) IS 'Removes charges that nobody touched for as long as they are kept, at most so many; how many. Call it again while it removes as many.';

-- function take_portions(uuid, uuid, text, text, text, text)
CREATE FUNCTION charges.take_portions(account uuid, source uuid, into_kind text, asset text, kind text, ref text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  part record;
begin
  for part in
    select p.n, p.amount_minor, k.id, k.settled_at is null as is_pending
    from charges.portion p join charges.capture k on k.account_id = p.account_id and k.id = p.capture_id
    where p.account_id = account and p.source_id = source order by p.n
  loop
    perform sandbox.post(
      sandbox.leg_id(source, part.n),
      charges.account_of(account, case when part.is_pending then 'merchant_pending' else 'merchant_available' end, asset),
      charges.account_of(account, into_kind, asset), part.amount_minor, kind, ref);
    update charges.portion p set was_pending = part.is_pending where p.account_id = account and p.source_id = source and p.n = part.n;
    if part.is_pending then
      update charges.capture k set
        pending_refunds_minor = k.pending_refunds_minor + case when kind = 'refund' then part.amount_minor else 0 end,
        pending_disputes_minor = k.pending_disputes_minor + case when kind = 'refund' then 0 else part.amount_minor end
      where k.account_id = account and k.id = part.id;
    end if;
  end loop;
end $$;

-- comment FUNCTION take_portions(account uuid, source uuid, into_kind text, asset text, kind text, ref text)
COMMENT ON FUNCTION charges.take_portions(account uuid, source uuid, into_kind text, asset text, kind text, ref text) IS 'Posts the portions of a refund or dispute, from the merchant.';

-- function void(uuid, uuid, jsonb)
CREATE FUNCTION charges.void(account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select charges.let_go(account, id, request, 'void')
$$;

-- comment FUNCTION void(account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION charges.void(account uuid, id uuid, request jsonb) IS 'Releases all of a charge, or what was not captured of it, once per id: {charge_id}.';

-- function admit(bytea, text)
CREATE FUNCTION developers.admit(secret_hash bytea, scope text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  entered record := developers.entering(secret_hash, scope);
begin
  return case when entered.refused is not null then entered.refused else developers.counted(entered.key) end;
end $$;

-- comment FUNCTION admit(secret_hash bytea, scope text)
COMMENT ON FUNCTION developers.admit(secret_hash bytea, scope text) IS 'Who asks by this key (SHA-256 of its secret): account_id, key_id, mode, version, rate; refused and facts when it may not.';

-- function count_use(uuid, integer)
CREATE FUNCTION developers.count_use(key_id uuid, quota integer, OUT left_count integer, OUT resets_s integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  over timestamptz := moment - interval '60 seconds';
  began timestamptz;
  used integer;
begin
  loop
    update developers.key_use u set
      began_at = case when u.began_at <= over then moment else u.began_at end,
      used = case when u.began_at <= over then 1 else u.used + 1 end
    where u.key_id = key_id and (u.began_at <= over or u.used < quota)
    returning u.used, u.began_at into used, began;
    if found then
      left_count := quota - used;
      exit;
    end if;
    select u.began_at into began from developers.key_use u where u.key_id = key_id;
    if found then
      left_count := -1;
      exit;
    end if;
    insert into developers.key_use (key_id, began_at, used) values (key_id, moment, 0) on conflict do nothing;
  end loop;
  resets_s := greatest(1, least(60, ceil(extract(epoch from began - over))));
end $$;

-- comment FUNCTION count_use(key_id uuid, quota integer, OUT left_count integer, OUT resets_s integer)
COMMENT ON FUNCTION developers.count_use(key_id uuid, quota integer, OUT left_count integer, OUT resets_s integer) IS 'Counts one request of a key: what is left of its window and when that ends; -1 and nothing counted when it is used up.';

-- table api_key
CREATE TABLE developers.api_key (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    mode text NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    paya_version date NOT NULL,
    rate_per_minute integer DEFAULT 100,
    secret_hash bytea NOT NULL,
    last4 text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    expires_at timestamp with time zone,
    replaced_by uuid,
    revoked_at timestamp with time zone,
    CONSTRAINT a_replaced_key_ends CHECK (((replaced_by IS NULL) = (expires_at IS NULL))),
    CONSTRAINT last4_is_four CHECK ((last4 ~ '^[0-9A-Za-z]{4}$'::text)),
    CONSTRAINT mode_is_known CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
    CONSTRAINT name_is_short CHECK (((char_length(name) >= 1) AND (char_length(name) <= 40))),
    CONSTRAINT only_test_keys_simulate CHECK (((mode = 'test'::text) OR (NOT ('sim:write'::text = ANY (scopes))))),
    CONSTRAINT rate_is_positive CHECK ((rate_per_minute > 0)),
    CONSTRAINT scopes_are_known CHECK ((((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 5)) AND (scopes <@ ARRAY['payments:read'::text, 'payments:write'::text, 'webhooks:read'::text, 'webhooks:write'::text, 'sim:write'::text]))),
    CONSTRAINT secret_is_sha256 CHECK ((octet_length(secret_hash) = 32))
)
WITH (fillfactor='80');

-- comment TABLE api_key
COMMENT ON TABLE developers.api_key IS 'A key of an account: SHA-256 of its secret, what it may do, the version of the API that it is pinned to, and how it ends: revoked at once, or 24 hours after another took its place.';

-- function counted(developers.api_key)
CREATE FUNCTION developers.counted(key developers.api_key) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  rate record;
  answer jsonb := jsonb_build_object(
    'account_id', key.account_id, 'key_id', key.id, 'mode', key.mode, 'version', key.paya_version);
begin
  -- a coarse time: one write a minute at most, and nobody waits for it
  if key.last_used_at is null or key.last_used_at <= moment - interval '1 minute' then
    update developers.api_key k set last_used_at = moment
    where k.id in (
      select o.id from developers.api_key o
      where o.id = key.id and (o.last_used_at is null or o.last_used_at <= moment - interval '1 minute')
      for no key update skip locked
    );
  end if;
  if key.rate_per_minute is null then
    return answer;
  end if;
  rate := developers.count_use(key.id, key.rate_per_minute);
  answer := answer || jsonb_build_object('rate', jsonb_build_object(
    'quota', key.rate_per_minute, 'left', greatest(rate.left_count, 0), 'resets_s', rate.resets_s));
  if rate.left_count < 0 then
    answer := answer || jsonb_build_object('refused', 'rate_limited', 'facts', jsonb_build_object(
      'max', key.rate_per_minute, 'retry_after_s', rate.resets_s));
  end if;
  return answer;
end $$;

-- comment FUNCTION counted(key developers.api_key)
COMMENT ON FUNCTION developers.counted(key developers.api_key) IS 'Counts one request of a key and notes its use: whose it is, what is left, and rate_limited when nothing is.';

-- function create_key(uuid, text, text, text[], date, bytea, text)
CREATE FUNCTION developers.create_key(key_id uuid, key_mode text, key_name text, key_scopes text[], version date, secret_hash bytea, last4 text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  account uuid := developers.hold_my_account();
  key developers.api_key;
begin
  if key_mode = 'live' then
    perform private.refuse('live_unavailable');
  end if;
  if account is null then
    insert into developers.account (owner, created_at) values (auth.uid(), private.now()) on conflict do nothing;
    account := developers.hold_my_account();
  end if;
  select k.* into key from developers.api_key k where k.id = key_id;
  if found then
    if key.account_id <> account or key.name <> key_name or key.scopes <> key_scopes or key.mode <> key_mode then
      perform private.refuse('api_key_reused');
    end if;
    return developers.key_json(key) || '{"is_new": false}';
  end if;
  perform developers.require_room(account);
  insert into developers.api_key (id, account_id, mode, name, scopes, paya_version, secret_hash, last4, created_at)
  values (key_id, account, key_mode, key_name, key_scopes, version, secret_hash, last4, private.now())
  returning * into key;
  perform events.record('api_key.created', key.id, 1, jsonb_build_object(
    'owner_id', auth.uid(), 'account_id', account, 'mode', key.mode, 'scopes', to_jsonb(key.scopes)));
  return developers.key_json(key) || '{"is_new": true}';
end $$;

-- comment FUNCTION create_key(key_id uuid, key_mode text, key_name text, key_scopes text[], version date, secret_hash bytea, last4 text)
COMMENT ON FUNCTION developers.create_key(key_id uuid, key_mode text, key_name text, key_scopes text[], version date, secret_hash bytea, last4 text) IS 'Makes a key of the caller''s under an id of theirs, with their account if it is the first. Again with the same id: the key as it is, and is_new is false.';

-- function entering(bytea, text)
CREATE FUNCTION developers.entering(secret_hash bytea, scope text, OUT key developers.api_key, OUT refused jsonb) RETURNS record
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
begin
  select k.* into key from developers.api_key k where k.secret_hash = secret_hash;
  if not found then
    refused := '{"refused": "api_key_unknown", "facts": {}}';
  elsif key.revoked_at is not null then
    refused := '{"refused": "api_key_revoked", "facts": {}}';
  elsif key.expires_at <= moment then
    refused := '{"refused": "api_key_expired", "facts": {}}';
  elsif not developers.may(key.scopes, scope) then
    refused := jsonb_build_object('refused', 'scope_missing', 'facts', jsonb_build_object('scope', scope));
  end if;
end $$;

-- comment FUNCTION entering(secret_hash bytea, scope text, OUT key developers.api_key, OUT refused jsonb)
COMMENT ON FUNCTION developers.entering(secret_hash bytea, scope text, OUT key developers.api_key, OUT refused jsonb) IS 'The key of this secret (SHA-256), and why it may not do this, if so.';

-- function hold_my_account()
CREATE FUNCTION developers.hold_my_account() RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  account uuid;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  select a.id into account from developers.account a where a.owner = auth.uid() for no key update;
  return account;
end $$;

-- comment FUNCTION hold_my_account()
COMMENT ON FUNCTION developers.hold_my_account() IS 'The caller''s account, whose keys nobody else changes until the transaction ends; null when there is none yet.';

-- function hold_my_key(uuid)
CREATE FUNCTION developers.hold_my_key(key_id uuid) RETURNS developers.api_key
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  account uuid := developers.hold_my_account();
  key developers.api_key;
begin
  select k.* into key from developers.api_key k where k.id = key_id and k.account_id = account for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "API key"}');
  end if;
  return key;
end $$;

-- comment FUNCTION hold_my_key(key_id uuid)
COMMENT ON FUNCTION developers.hold_my_key(key_id uuid) IS 'A key of the caller''s, which nobody else changes until the transaction ends; another''s is not found.';

-- function is_ours(text)
CREATE FUNCTION developers.is_ours(code text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select code in (
    'ask_again', 'limits_unknown', 'service_unavailable', 'isolation_unsupported', 'account_malformed', 'append_only', 'operation_unknown',
    'internal')
$$;

-- comment FUNCTION is_ours(code text)
COMMENT ON FUNCTION developers.is_ours(code text) IS 'Whether a refusal with this code is for a reason of ours, so that nothing of it is kept.';

-- function is_used_up(uuid, integer)
CREATE FUNCTION developers.is_used_up(key_id uuid, quota integer) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (
    select from developers.key_use u
    where u.key_id = is_used_up.key_id and u.used >= quota and u.began_at > private.now() - interval '60 seconds')
$$;

-- comment FUNCTION is_used_up(key_id uuid, quota integer)
COMMENT ON FUNCTION developers.is_used_up(key_id uuid, quota integer) IS 'Whether a key has no request left now. It counts nothing and waits for nobody.';

-- function key_json(developers.api_key)
CREATE FUNCTION developers.key_json(key developers.api_key) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', (key).id, 'mode', (key).mode, 'name', (key).name, 'scopes', to_jsonb((key).scopes), 'last4', (key).last4,
    'paya_version', (key).paya_version, 'state', developers.key_state(key, private.now()),
    'created_at', (key).created_at, 'last_used_at', (key).last_used_at, 'expires_at', (key).expires_at,
    'revoked_at', (key).revoked_at, 'replaced_by', (key).replaced_by)
$$;

-- comment FUNCTION key_json(key developers.api_key)
COMMENT ON FUNCTION developers.key_json(key developers.api_key) IS 'A key as its owner sees it: nothing of its secret but the last four characters.';

-- function key_state(developers.api_key, timestamp with time zone)
CREATE FUNCTION developers.key_state(key developers.api_key, moment timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case
    when (key).revoked_at is not null then 'revoked'
    when (key).expires_at <= moment then 'expired'
    when (key).expires_at is not null then 'rotated'
    else 'active'
  end
$$;

-- comment FUNCTION key_state(key developers.api_key, moment timestamp with time zone)
COMMENT ON FUNCTION developers.key_state(key developers.api_key, moment timestamp with time zone) IS 'active; rotated: good until expires_at, another has taken its place; expired; revoked.';

-- function may(text[], text)
CREATE FUNCTION developers.may(scopes text[], wanted text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select wanted = any(scopes) or (wanted like '%:read' and replace(wanted, ':read', ':write') = any(scopes))
$$;

-- comment FUNCTION may(scopes text[], wanted text)
COMMENT ON FUNCTION developers.may(scopes text[], wanted text) IS 'Whether these scopes allow it: to write is to read, too.';

-- function my_account()
CREATE FUNCTION developers.my_account() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select a.id from developers.account a where a.owner = (select auth.uid())
$$;

-- comment FUNCTION my_account()
COMMENT ON FUNCTION developers.my_account() IS 'The caller''s account; null while they have made no key.';

-- function my_keys()
CREATE FUNCTION developers.my_keys() RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select developers.key_json(k) from developers.api_key k
  join developers.account a on a.id = k.account_id
  where a.owner = (select auth.uid())
    and coalesce(k.revoked_at, k.expires_at, 'infinity') > private.now() - interval '30 days'
  order by developers.key_state(k, private.now()) in ('active', 'rotated') desc, k.created_at desc, k.id desc limit 100
$$;

-- comment FUNCTION my_keys()
COMMENT ON FUNCTION developers.my_keys() IS 'The caller''s keys: those that are good first, the newest first; those that ended in the last 30 days after them.';

-- function once(uuid, text, text, bytea, text, uuid, jsonb, text)
CREATE FUNCTION developers.once(account uuid, mode text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  known developers.idempotency;
  outcome jsonb;
  code text;
  facts text;
begin
  if not pg_try_advisory_xact_lock(hashtextextended(concat_ws(':', 'developers.once', account, mode, key), 0)) then
    return '{"refused": "idempotency_in_flight", "facts": {"retry_after_s": 1}}';
  end if;
  select i.* into known from developers.idempotency i where i.account_id = account and i.mode = mode and i.key = key;
  if found and known.created_at > moment - interval '24 hours' then
    if known.fingerprint <> fingerprint then
      return jsonb_build_object('refused', 'idempotency_key_reused', 'facts',
        jsonb_build_object('resource_id', known.outcome -> 'resource_id'));
    end if;
    return known.outcome || '{"is_replayed": true}';
  end if;
  begin
    outcome := jsonb_build_object('object', developers.perform(operation, account, id, request), 'resource_id', id);
  exception when sqlstate 'PA000' then
    get stacked diagnostics code = message_text, facts = pg_exception_detail;
    if developers.is_ours(code) then
      raise;
    end if;
    outcome := jsonb_build_object(
      'refused', code, 'facts', coalesce(nullif(facts, ''), '{}')::jsonb, 'resource_id', null, 'request_id', request_id);
  end;
  insert into developers.idempotency (account_id, mode, key, fingerprint, operation, outcome, created_at)
  values (account, mode, key, fingerprint, operation, outcome, moment)
  on conflict on constraint idempotency_pkey do update set
    fingerprint = excluded.fingerprint, operation = excluded.operation, outcome = excluded.outcome, created_at = excluded.created_at;
  -- each new answer takes two that are over with it
  delete from developers.idempotency i where i.ctid in (
    select o.ctid from developers.idempotency o where o.created_at <= moment - interval '24 hours'
    order by o.created_at limit 2 for update skip locked);
  return outcome;
end $$;

-- comment FUNCTION once(account uuid, mode text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text)
COMMENT ON FUNCTION developers.once(account uuid, mode text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text) IS 'Runs an operation once for each key of an account and mode. object; or refused and facts; is_replayed when it had been answered before.';

-- function perform(text, uuid, uuid, jsonb)
CREATE FUNCTION developers.perform(operation text, account uuid, id uuid, request jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  case operation
    -- only the moment is decided here: what falls due until then is done in parts, each in its own transaction
    when 'advance_clock' then return jsonb_build_object(
      'object', 'clock', 'now', charges.iso(charges.now(account) + make_interval(secs => (request ->> 'seconds')::double precision)));
    when 'freeze_clock' then return jsonb_build_object('object', 'clock') || charges.freeze_clock(account, (request ->> 'at')::timestamptz);
    when 'run_settlements' then return jsonb_build_object(
      'object', 'settlement_run', 'data', charges.run_settlement(account, (request ->> 'everything')::boolean));
    else return charges.execute(operation, account, id, request);
  end case;
end $$;

-- comment FUNCTION perform(operation text, account uuid, id uuid, request jsonb)
COMMENT ON FUNCTION developers.perform(operation text, account uuid, id uuid, request jsonb) IS 'What each operation of the API does: those of the simulation''s clock, and those that charges know.';

-- function require_room(uuid)
CREATE FUNCTION developers.require_room(account uuid) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  in_force_max bigint := risk.limit_max('api_keys_count');
  day_max bigint := risk.limit_max('api_keys_day_count');
  moment timestamptz := private.now();
begin
  if (select count(*) from developers.api_key k
    where k.account_id = account and developers.key_state(k, moment) = 'active') >= coalesce(in_force_max, 0)
  then
    perform private.refuse('api_keys_limit', jsonb_build_object('max', in_force_max));
  end if;
  if (select count(*) from developers.api_key k
    where k.account_id = account and k.created_at > moment - interval '24 hours') >= coalesce(day_max, 0)
  then
    perform private.refuse('too_many_tries', jsonb_build_object('resets_at', (
      select min(k.created_at) + interval '24 hours' from developers.api_key k
      where k.account_id = account and k.created_at > moment - interval '24 hours')));
  end if;
end $$;

-- comment FUNCTION require_room(account uuid)
COMMENT ON FUNCTION developers.require_room(account uuid) IS 'Refuses when the account has as many keys as it may, or made as many in the last 24 hours.';

-- function revoke_key(uuid)
CREATE FUNCTION developers.revoke_key(key_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  key developers.api_key := developers.hold_my_key(key_id);
begin
  if key.revoked_at is null then
    update developers.api_key k set revoked_at = private.now(), version = k.version + 1 where k.id = key_id returning k.* into key;
    perform events.record('api_key.revoked', key.id, key.version, jsonb_build_object(
      'owner_id', auth.uid(), 'account_id', key.account_id));
  end if;
  return developers.key_json(key);
end $$;

-- comment FUNCTION revoke_key(key_id uuid)
COMMENT ON FUNCTION developers.revoke_key(key_id uuid) IS 'Ends a key of the caller''s: it opens nothing from this commit on. Again changes nothing.';

-- function rotate_key(uuid, uuid, bytea, text)
CREATE FUNCTION developers.rotate_key(key_id uuid, new_id uuid, secret_hash bytea, last4 text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  old developers.api_key := developers.hold_my_key(key_id);
  moment timestamptz := private.now();
  made developers.api_key;
begin
  if old.replaced_by = new_id then
    select k.* into made from developers.api_key k where k.id = new_id;
    return developers.key_json(made) || '{"is_new": false}';
  end if;
  if developers.key_state(old, moment) <> 'active' then
    perform private.refuse('api_key_over');
  end if;
  if exists (select from developers.api_key k where k.id = new_id) then
    perform private.refuse('api_key_reused');
  end if;
  -- the old one gives its place, so only the day is counted
  update developers.api_key k set expires_at = moment + interval '24 hours', replaced_by = new_id, version = k.version + 1
  where k.id = key_id returning k.* into old;
  perform developers.require_room(old.account_id);
  insert into developers.api_key
    (id, account_id, mode, name, scopes, paya_version, rate_per_minute, secret_hash, last4, created_at)
  values (new_id, old.account_id, old.mode, old.name, old.scopes, old.paya_version, old.rate_per_minute, secret_hash, last4, moment)
  returning * into made;
  perform events.record('api_key.rotated', old.id, old.version, jsonb_build_object(
    'owner_id', auth.uid(), 'account_id', old.account_id, 'replaced_by', new_id, 'expires_at', old.expires_at));
  perform events.record('api_key.created', made.id, 1, jsonb_build_object(
    'owner_id', auth.uid(), 'account_id', made.account_id, 'mode', made.mode, 'scopes', to_jsonb(made.scopes)));
  return developers.key_json(made) || '{"is_new": true}';
end $$;

-- comment FUNCTION rotate_key(key_id uuid, new_id uuid, secret_hash bytea, last4 text)
COMMENT ON FUNCTION developers.rotate_key(key_id uuid, new_id uuid, secret_hash bytea, last4 text) IS 'Makes a key that takes another''s place; the old one is good for 24 hours more. Again with the same new id: the key as it is, and is_new is false.';

-- function run_once(bytea, text, text, bytea, text, uuid, jsonb, text)
CREATE FUNCTION developers.run_once(secret_hash bytea, scope text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  entered record;
  admitted jsonb;
  outcome jsonb;
begin
  entered := developers.entering(secret_hash, scope);
  if entered.refused is not null then
    return entered.refused;
  end if;
  if developers.is_used_up((entered.key).id, (entered.key).rate_per_minute) then
    return developers.counted(entered.key);
  end if;
  -- counted after the operation, because the row of counting is held until the commit: requests of one key wait for
  -- each other's commits and not for each other's work. Whoever finds the window used up only then is undone.
  begin
    outcome := developers.once(
      (entered.key).account_id, (entered.key).mode, key,
      sha256(fingerprint || convert_to((entered.key).paya_version::text, 'UTF8')),
      operation, id, request, request_id);
    admitted := developers.counted(entered.key);
    if admitted ? 'refused' then
      raise exception using errcode = 'PA429';
    end if;
  exception when sqlstate 'PA429' then
    return admitted;
  end;
  return admitted || outcome;
end $$;

-- comment FUNCTION run_once(secret_hash bytea, scope text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text)
COMMENT ON FUNCTION developers.run_once(secret_hash bytea, scope text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text) IS 'For a key of the API (SHA-256 of its secret): what developers.admit and developers.once say, in one transaction.';

-- function advance()
CREATE FUNCTION events.advance() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION advance()
COMMENT ON FUNCTION events.advance() IS 'Places the events that became visible since the cursor; returns how many. Call it in a transaction that writes no event.';

-- function is_restored()
CREATE FUNCTION events.is_restored() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select pg_snapshot_xmax(c.snapshot) > pg_snapshot_xmax(s.now)
    or coalesce((select max(e.xid) from events.event e where e.era = c.era) >= pg_snapshot_xmax(s.now), false)
    or coalesce((select max(t.xid) from ledger.transfer t where t.era = c.era) >= pg_snapshot_xmax(s.now), false)
  from events.relay_cursor c, (select pg_current_snapshot() as now) s
$$;

-- comment FUNCTION is_restored()
COMMENT ON FUNCTION events.is_restored() IS 'Whether the record holds transaction ids that this database has not reached: it was restored, and needs events.rebase.';

-- function rebase()
CREATE FUNCTION events.rebase() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION rebase()
COMMENT ON FUNCTION events.rebase() IS 'After a restore: places what was not placed yet, and opens a new era in this database''s transaction ids. Returns the era.';

-- function record(text, uuid, bigint, jsonb, uuid)
CREATE FUNCTION events.record(kind text, subject uuid, version bigint, payload jsonb DEFAULT '{}'::jsonb, actor uuid DEFAULT auth.uid()) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into events.event (actor, kind, subject, version, payload)
  values (actor, kind, subject, version, payload)
$$;

-- comment FUNCTION record(kind text, subject uuid, version bigint, payload jsonb, actor uuid)
COMMENT ON FUNCTION events.record(kind text, subject uuid, version bigint, payload jsonb, actor uuid) IS 'Writes one event; call it in the transaction of the change, from a definer function.';

-- function take(text, integer)
CREATE FUNCTION events.take(consumer text, maximum integer) RETURNS SETOF events.entry
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION take(consumer text, maximum integer)
COMMENT ON FUNCTION events.take(consumer text, maximum integer) IS 'The next events of a consumer, oldest first, and its mark moved past them: both undone if the caller''s transaction is. Empty while another holds the mark.';

-- function announce(integer)
CREATE FUNCTION feed.announce(maximum integer DEFAULT 100) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION announce(maximum integer)
COMMENT ON FUNCTION feed.announce(maximum integer) IS 'Tells realtime about the next events: one message on feed, and a hint on user:<id> for each person concerned. Returns how many events.';

-- function announce_text(uuid, bytea)
CREATE FUNCTION identity.announce_text(p_id uuid, p_phone bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into identity.text_announcement (id, phone) values (p_id, p_phone);
  -- those of a server that died before it could withdraw them
  delete from identity.text_announcement a
  where a.ctid in (
    select old.ctid from identity.text_announcement old
    where old.announced_at < clock_timestamp() - interval '1 hour' limit 10 for update skip locked
  )
$$;

-- comment FUNCTION announce_text(p_id uuid, p_phone bytea)
COMMENT ON FUNCTION identity.announce_text(p_id uuid, p_phone bytea) IS 'For the next minute one text may go to this phone; one announcement is one text.';

-- function choose_received_audience(text)
CREATE FUNCTION identity.choose_received_audience(audience text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION choose_received_audience(audience text)
COMMENT ON FUNCTION identity.choose_received_audience(audience text) IS 'Sets the caller''s side of payments to them that are made from now on. Those made before keep theirs.';

-- table profiles
CREATE TABLE public.profiles (
    id uuid NOT NULL,
    handle text NOT NULL,
    name text NOT NULL,
    is_demo boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT handle_is_well_formed CHECK ((handle ~ '^[a-z][a-z0-9_]{2,19}$'::text)),
    CONSTRAINT name_is_short CHECK (((char_length(name) >= 1) AND (char_length(name) <= 50)))
);

-- comment TABLE profiles
COMMENT ON TABLE public.profiles IS 'What everyone may know of a person: handle and name.';

-- function claim_handle(text, text)
CREATE FUNCTION identity.claim_handle(handle text, name text) RETURNS SETOF public.profiles
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
end $_$;

-- comment FUNCTION claim_handle(handle text, name text)
COMMENT ON FUNCTION identity.claim_handle(handle text, name text) IS 'Makes the caller a person: profile, wallet and event in one transaction. Refuses reserved, taken and look-alike handles.';

-- function claim_refresh(uuid, integer, interval)
CREATE FUNCTION identity.claim_refresh(p_id uuid, p_token_version integer, p_claim interval) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with claimed as (
    update identity.web_session s set refresh_claimed_until = clock_timestamp() + p_claim
    where s.id = p_id and s.token_version = p_token_version and s.ended_at is null
      and (s.refresh_claimed_until is null or s.refresh_claimed_until < clock_timestamp())
    returning 1
  )
  select exists (select from claimed)
$$;

-- comment FUNCTION claim_refresh(p_id uuid, p_token_version integer, p_claim interval)
COMMENT ON FUNCTION identity.claim_refresh(p_id uuid, p_token_version integer, p_claim interval) IS 'Whether the caller is the one to refresh these tokens; the claim lapses by itself if the caller dies.';

-- function claim_text(text, bytea)
CREATE FUNCTION identity.claim_text(p_webhook_id text, p_phone bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  claimed boolean;
begin
  insert into identity.text_delivery as d (webhook_id, state) values (p_webhook_id, 'sending')
  on conflict (webhook_id) do update set claimed_at = clock_timestamp()
  where d.state = 'sending' and d.claimed_at < clock_timestamp() - interval '30 seconds'
  returning true into claimed;
  -- the hook's signature is good for five minutes, so an hour is ample
  delete from identity.text_delivery d
  where d.ctid in (
    select old.ctid from identity.text_delivery old
    where old.claimed_at < clock_timestamp() - interval '1 hour' limit 10 for update skip locked
  );
  if claimed then
    -- each takes another one, so that two sign-ins with one phone do not stop each other
    update identity.text_announcement a set taken_by = p_webhook_id
    where a.id = (
      select open.id from identity.text_announcement open
      where open.phone = p_phone and open.announced_at > clock_timestamp() - interval '60 seconds'
        and (open.taken_by is null or open.taken_by = p_webhook_id)
      order by open.taken_by is null, open.announced_at limit 1 for update skip locked
    );
    if found then
      return 'claimed';
    end if;
    delete from identity.text_delivery d where d.webhook_id = p_webhook_id;
    return 'unannounced';
  end if;
  return (select d.state from identity.text_delivery d where d.webhook_id = p_webhook_id);
end $$;

-- comment FUNCTION claim_text(p_webhook_id text, p_phone bytea)
COMMENT ON FUNCTION identity.claim_text(p_webhook_id text, p_phone bytea) IS '"claimed" for the one call that shall send an announced text, "unannounced" for none; else its state. A sender that died gives way after 30 s.';

-- function code_was_sent(bytea)
CREATE FUNCTION identity.code_was_sent(p_phone bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  delete from identity.attempt a where a.kind = 'verify_code' and a.subject = p_phone
$$;

-- comment FUNCTION code_was_sent(p_phone bytea)
COMMENT ON FUNCTION identity.code_was_sent(p_phone bytea) IS 'A new code has its own five tries.';

-- function count_attempt(text, bytea, bytea, bytea)
CREATE FUNCTION identity.count_attempt(p_step text, p_phone bytea, p_address bytea, p_pair bytea) RETURNS TABLE(stopped_by text, wait_s integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  known boolean := exists (
    select from identity.known_address k where k.pair = p_pair and k.used_at > clock_timestamp() - interval '30 days'
  );
  counted record;
  present identity.attempt;
begin
  if p_step not in ('start', 'verify') or p_phone is null or p_address is null or p_pair is null then
    perform private.refuse('request_invalid');
  end if;
  -- the narrow counts first: whoever is stopped there does not use up what belongs to the phone's owner
  for counted in
    select l.kind, l.attempts_max, l.within, c.subject
    from (
      values (1, 'address', p_address), (2, 'pair', p_pair), (3, 'phone', p_phone), (4, 'code', p_phone)
    ) as c (place, name, subject)
    join identity.attempt_limit l on l.kind = p_step || '_' || c.name
    order by c.place
  loop
    continue when known and counted.kind like '%\_phone';
    insert into identity.attempt as a (kind, subject, attempts, until)
    values (counted.kind, counted.subject, 1, clock_timestamp() + counted.within)
    on conflict (kind, subject) do update set
      attempts = case when a.until < clock_timestamp() then 1 else least(a.attempts, counted.attempts_max) + 1 end,
      until = case when a.until < clock_timestamp() then excluded.until else a.until end
    returning a.* into present;
    if present.attempts > counted.attempts_max then
      return query select present.kind, greatest(1, ceil(extract(epoch from present.until - clock_timestamp())))::int;
      return;
    end if;
  end loop;
  -- last, and waiting for nobody: whoever swept before counting could wait for one who swept their row
  delete from identity.attempt a
  where a.ctid in (
    select old.ctid from identity.attempt old
    where old.until < clock_timestamp() order by old.until limit 10 for update skip locked
  );
end $$;

-- comment FUNCTION count_attempt(p_step text, p_phone bytea, p_address bytea, p_pair bytea)
COMMENT ON FUNCTION identity.count_attempt(p_step text, p_phone bytea, p_address bytea, p_pair bytea) IS 'Counts one attempt to start or verify; no row when it is allowed, else which limit stops it and the seconds to wait.';

-- function drop_queued_text(text, text)
CREATE FUNCTION identity.drop_queued_text(webhook_id text, provider_ref text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  delete from identity.queued_text q where q.webhook_id = webhook_id;
  perform identity.settle_text(webhook_id, 'sent', provider_ref);
end $$;

-- comment FUNCTION drop_queued_text(webhook_id text, provider_ref text)
COMMENT ON FUNCTION identity.drop_queued_text(webhook_id text, provider_ref text) IS 'The text was sent (or never will be), and is kept no longer.';

-- function end_my_other_sessions(uuid)
CREATE FUNCTION identity.end_my_other_sessions(p_kept uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  other uuid;
  ended int := 0;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  if not exists (
    select from identity.web_session s
    where s.id = p_kept and s.user_id = auth.uid() and s.ended_at is null and s.expires_at > clock_timestamp()
  ) then
    perform private.refuse('not_found', jsonb_build_object('what', 'session'));
  end if;
  for other in
    select s.id from identity.web_session s
    where s.user_id = auth.uid() and s.id <> p_kept and s.ended_at is null order by s.id
  loop
    if identity.end_session_as(other, auth.uid(), 'ended_elsewhere') then
      ended := ended + 1;
    end if;
    -- Auth is told of all of them by one call with the kept session's token
    update identity.web_session s set access_token = '', refresh_token = '' where s.id = other;
  end loop;
  return ended;
end $$;

-- comment FUNCTION end_my_other_sessions(p_kept uuid)
COMMENT ON FUNCTION identity.end_my_other_sessions(p_kept uuid) IS 'Ends every session of the caller but the one that is kept, and forgets their tokens; how many they were.';

-- function end_my_session(uuid, text)
CREATE FUNCTION identity.end_my_session(p_id uuid, p_why text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  if p_why not in ('signed_out', 'ended_elsewhere') then
    perform private.refuse('request_invalid');
  end if;
  if not exists (
    select from identity.web_session s where s.id = p_id and s.user_id = auth.uid() and s.expires_at > clock_timestamp()
  ) then
    perform private.refuse('not_found', jsonb_build_object('what', 'session'));
  end if;
  perform identity.end_session_as(p_id, auth.uid(), p_why);
end $$;

-- comment FUNCTION end_my_session(p_id uuid, p_why text)
COMMENT ON FUNCTION identity.end_my_session(p_id uuid, p_why text) IS 'Ends a session of the caller; somebody else''s is not found.';

-- function end_of_session(bytea)
CREATE FUNCTION identity.end_of_session(p_secret_hash bytea) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(s.ended_why, case when s.expires_at <= clock_timestamp() then 'expired' end)
  from identity.web_session s where s.secret_hash = p_secret_hash
$$;

-- comment FUNCTION end_of_session(p_secret_hash bytea)
COMMENT ON FUNCTION identity.end_of_session(p_secret_hash bytea) IS 'Why the session that this secret (SHA-256) opened is over; null while it lives, and when there never was one.';

-- function end_session_as(uuid, uuid, text)
CREATE FUNCTION identity.end_session_as(p_id uuid, p_ended_by uuid, p_why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update identity.web_session s set ended_at = clock_timestamp(), ended_by = p_ended_by, ended_why = p_why
  where s.id = p_id and s.ended_at is null;
  if not found then
    return false;
  end if;
  perform events.record('session.ended', p_id, 2, jsonb_build_object('why', p_why), p_ended_by);
  return true;
end $$;

-- comment FUNCTION end_session_as(p_id uuid, p_ended_by uuid, p_why text)
COMMENT ON FUNCTION identity.end_session_as(p_id uuid, p_ended_by uuid, p_why text) IS 'Ends a session at once, with its event; false when it had ended before.';

-- function ended_among(uuid[])
CREATE FUNCTION identity.ended_among(p_ids uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select given.id from unnest(p_ids) as given (id)
  where not exists (
    select from identity.web_session s
    where s.id = given.id and s.ended_at is null and s.expires_at > clock_timestamp()
  )
$$;

-- comment FUNCTION ended_among(p_ids uuid[])
COMMENT ON FUNCTION identity.ended_among(p_ids uuid[]) IS 'Those of the given sessions that have ended, expired or never were.';

-- function find(text)
CREATE FUNCTION identity.find(to_text text) RETURNS SETOF public.profiles
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
end $_$;

-- comment FUNCTION find(to_text text)
COMMENT ON FUNCTION identity.find(to_text text) IS 'The person with this handle (without @) or E.164 phone number, or no row. Look-ups by phone are counted.';

-- function is_open_session(uuid, uuid)
CREATE FUNCTION identity.is_open_session(p_id uuid, p_user_id uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (
    select from auth.sessions s
    where s.id = p_id and s.user_id = p_user_id and (s.not_after is null or s.not_after > clock_timestamp())
  ) and not exists (
    select from identity.web_session w where w.id = p_id and w.ended_at is not null
  )
$$;

-- comment FUNCTION is_open_session(p_id uuid, p_user_id uuid)
COMMENT ON FUNCTION identity.is_open_session(p_id uuid, p_user_id uuid) IS 'Whether this session of Supabase Auth''s is the person''s and has not ended.';

-- function keep_refreshed(uuid, integer, bytea, bytea, timestamp with time zone, timestamp with time zone)
CREATE FUNCTION identity.keep_refreshed(p_id uuid, p_token_version integer, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with kept as (
    update identity.web_session s set
      access_token = p_access_token,
      refresh_token = p_refresh_token,
      access_expires_at = p_access_expires_at,
      expires_at = p_expires_at,
      token_version = s.token_version + 1,
      refresh_claimed_until = null
    where s.id = p_id and s.token_version = p_token_version and s.ended_at is null
    returning 1
  )
  select exists (select from kept)
$$;

-- comment FUNCTION keep_refreshed(p_id uuid, p_token_version integer, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone)
COMMENT ON FUNCTION identity.keep_refreshed(p_id uuid, p_token_version integer, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone) IS 'Replaces the sealed tokens, unless the session ended or was refreshed by another meanwhile.';

-- function my_received_audience()
CREATE FUNCTION identity.my_received_audience() RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  return coalesce((select v.received_audience from identity.privacy v where v.person = auth.uid()), 'public');
end $$;

-- comment FUNCTION my_received_audience()
COMMENT ON FUNCTION identity.my_received_audience() IS 'The caller''s side of payments to them from now on: public (when the sender shows them) or private.';

-- function my_sessions()
CREATE FUNCTION identity.my_sessions() RETURNS TABLE(id uuid, user_agent text, address text, created_at timestamp with time zone, last_seen_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.id, s.user_agent, s.address, s.created_at, s.last_seen_at
  from identity.web_session s
  where s.user_id = (select auth.uid()) and s.ended_at is null and s.expires_at > clock_timestamp()
  order by s.last_seen_at desc, s.id
  limit 50
$$;

-- comment FUNCTION my_sessions()
COMMENT ON FUNCTION identity.my_sessions() IS 'Where the caller is signed in.';

-- function queue_text(text, bytea, double precision)
CREATE FUNCTION identity.queue_text(webhook_id text, sealed bytea, good_s double precision) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  insert into identity.queued_text (webhook_id, sealed, expires_at)
  values (webhook_id, sealed, private.now() + make_interval(secs => good_s)) on conflict do nothing;
  perform identity.settle_text(webhook_id, 'sent', 'queued');
  perform jobs.enqueue('texts', 'send_queued_text', jsonb_build_object('webhook_id', webhook_id), 'text:' || webhook_id);
end $$;

-- comment FUNCTION queue_text(webhook_id text, sealed bytea, good_s double precision)
COMMENT ON FUNCTION identity.queue_text(webhook_id text, sealed bytea, good_s double precision) IS 'Keeps a text that no vendor could take, with the job that sends it; the hook''s call is done with that.';

-- function queued_text(text)
CREATE FUNCTION identity.queued_text(webhook_id text) RETURNS bytea
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  delete from identity.queued_text q where q.expires_at <= private.now();
  select q.sealed from identity.queued_text q where q.webhook_id = queued_text.webhook_id
$$;

-- comment FUNCTION queued_text(webhook_id text)
COMMENT ON FUNCTION identity.queued_text(webhook_id text) IS 'A text that still waits, or null. What is too old goes, whosever it is.';

-- function release_text(text)
CREATE FUNCTION identity.release_text(p_webhook_id text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  delete from identity.text_delivery d where d.webhook_id = p_webhook_id and d.state = 'sending';
  update identity.text_announcement a set taken_by = null where a.taken_by = p_webhook_id
$$;

-- comment FUNCTION release_text(p_webhook_id text)
COMMENT ON FUNCTION identity.release_text(p_webhook_id text) IS 'The vendor did not take it: the call, or another for the same announcement, may be tried again.';

-- function remember_address(bytea)
CREATE FUNCTION identity.remember_address(p_pair bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  delete from identity.attempt a where a.kind in ('start_pair', 'verify_pair') and a.subject = p_pair;
  insert into identity.known_address (pair, used_at) values (p_pair, clock_timestamp())
  on conflict (pair) do update set used_at = excluded.used_at;
  delete from identity.known_address k
  where k.ctid in (
    select old.ctid from identity.known_address old
    where old.used_at < clock_timestamp() - interval '30 days' limit 10 for update skip locked
  )
$$;

-- comment FUNCTION remember_address(p_pair bytea)
COMMENT ON FUNCTION identity.remember_address(p_pair bytea) IS 'A right code from this address: it is known for this phone for 30 days.';

-- function session_by_id(uuid)
CREATE FUNCTION identity.session_by_id(p_id uuid) RETURNS TABLE(id uuid, user_id uuid, access_token bytea, refresh_token bytea, access_expires_at timestamp with time zone, token_version integer)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.id, s.user_id, s.access_token, s.refresh_token, s.access_expires_at, s.token_version
  from identity.web_session s
  where s.id = p_id and s.ended_at is null and s.expires_at > clock_timestamp()
$$;

-- comment FUNCTION session_by_id(p_id uuid)
COMMENT ON FUNCTION identity.session_by_id(p_id uuid) IS 'The living session with this id, or no row.';

-- function session_by_secret(bytea)
CREATE FUNCTION identity.session_by_secret(p_secret_hash bytea) RETURNS TABLE(id uuid, user_id uuid, access_token bytea, refresh_token bytea, access_expires_at timestamp with time zone, token_version integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  -- a coarse time: one write in five minutes at most
  update identity.web_session s set last_seen_at = clock_timestamp()
  where s.secret_hash = p_secret_hash and s.ended_at is null
    and s.last_seen_at < clock_timestamp() - interval '5 minutes' and s.expires_at > clock_timestamp();
  return query
    select s.id, s.user_id, s.access_token, s.refresh_token, s.access_expires_at, s.token_version
    from identity.web_session s
    where s.secret_hash = p_secret_hash and s.ended_at is null and s.expires_at > clock_timestamp();
end $$;

-- comment FUNCTION session_by_secret(p_secret_hash bytea)
COMMENT ON FUNCTION identity.session_by_secret(p_secret_hash bytea) IS 'The living session that this secret (SHA-256) opens, or no row.';

-- function settle_text(text, text, text)
CREATE FUNCTION identity.settle_text(p_webhook_id text, p_state text, p_provider_ref text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update identity.text_delivery d set state = p_state, provider_ref = p_provider_ref where d.webhook_id = p_webhook_id;
  delete from identity.text_announcement a where a.taken_by = p_webhook_id
$$;

-- comment FUNCTION settle_text(p_webhook_id text, p_state text, p_provider_ref text)
COMMENT ON FUNCTION identity.settle_text(p_webhook_id text, p_state text, p_provider_ref text) IS 'Says how the sending ended; its announcement is used.';

-- function skeleton(text)
CREATE FUNCTION identity.skeleton(handle text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select replace(replace(translate(handle, '01i5_', 'olls'), 'rn', 'm'), 'vv', 'w')
$$;

-- comment FUNCTION skeleton(handle text)
COMMENT ON FUNCTION identity.skeleton(handle text) IS 'What a handle looks like at a glance; two handles with one skeleton are look-alikes.';

-- function start_session(uuid, bytea, uuid, bytea, bytea, timestamp with time zone, timestamp with time zone, text, text)
CREATE FUNCTION identity.start_session(p_id uuid, p_secret_hash bytea, p_user_id uuid, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone, p_user_agent text, p_address text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into identity.web_session (
    id, secret_hash, user_id, access_token, refresh_token, access_expires_at, expires_at, user_agent, address
  )
  values (
    p_id, p_secret_hash, p_user_id, p_access_token, p_refresh_token, p_access_expires_at, p_expires_at, p_user_agent, p_address
  );
  perform events.record('session.started', p_id, 1, '{}'::jsonb, p_user_id);
  return not exists (select from public.profiles p where p.id = p_user_id);
end $$;

-- comment FUNCTION start_session(p_id uuid, p_secret_hash bytea, p_user_id uuid, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone, p_user_agent text, p_address text)
COMMENT ON FUNCTION identity.start_session(p_id uuid, p_secret_hash bytea, p_user_id uuid, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone, p_user_agent text, p_address text) IS 'Keeps a new session with its event; says whether the person has yet to choose a handle.';

-- function take_tokens_of_ended(uuid)
CREATE FUNCTION identity.take_tokens_of_ended(p_id uuid) RETURNS TABLE(access_token bytea, refresh_token bytea)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select s.access_token, s.refresh_token from identity.web_session s
    where s.id = p_id and s.ended_at is not null and s.access_token <> '' for update;
  update identity.web_session s set access_token = '', refresh_token = '' where s.id = p_id and s.ended_at is not null;
end $$;

-- comment FUNCTION take_tokens_of_ended(p_id uuid)
COMMENT ON FUNCTION identity.take_tokens_of_ended(p_id uuid) IS 'The sealed tokens of an ended session, once, so that Supabase Auth can be told; then they are gone.';

-- function withdraw_text(uuid)
CREATE FUNCTION identity.withdraw_text(p_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  delete from identity.text_announcement a where a.id = p_id
$$;

-- comment FUNCTION withdraw_text(p_id uuid)
COMMENT ON FUNCTION identity.withdraw_text(p_id uuid) IS 'Auth has answered: what was announced and not texted will not be.';

-- function add_due(text, uuid[], timestamp with time zone[])
CREATE FUNCTION jobs.add_due(queue text, subjects uuid[], due_ats timestamp with time zone[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  added integer;
begin
  if queue is null or cardinality(subjects) is distinct from cardinality(due_ats) then
    perform private.refuse('batch_malformed');
  end if;
  insert into jobs.due_work (queue, subject, due_at)
  select queue, u.subject, u.due_at from unnest(subjects, due_ats) u (subject, due_at) on conflict do nothing;
  get diagnostics added = row_count;
  return added;
end $$;

-- comment FUNCTION add_due(queue text, subjects uuid[], due_ats timestamp with time zone[])
COMMENT ON FUNCTION jobs.add_due(queue text, subjects uuid[], due_ats timestamp with time zone[]) IS 'Adds work that is not there yet; returns how much was new.';

-- function claim_due(text, integer, interval)
CREATE FUNCTION jobs.claim_due(queue text, maximum integer, lease interval) RETURNS TABLE(subject uuid, due_at timestamp with time zone, attempts integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    with picked as (
      select w.subject, w.due_at from jobs.due_work w
      where w.queue = claim_due.queue and w.done_at is null and w.due_at <= private.now()
        and (w.claimed_until is null or w.claimed_until <= private.now())
      order by w.due_at limit maximum for no key update skip locked
    )
    update jobs.due_work w set claimed_until = private.now() + lease, attempts = w.attempts + 1
    from picked p where w.queue = claim_due.queue and w.subject = p.subject and w.due_at = p.due_at
    returning w.subject, w.due_at, w.attempts;
end $$;

-- comment FUNCTION claim_due(queue text, maximum integer, lease interval)
COMMENT ON FUNCTION jobs.claim_due(queue text, maximum integer, lease interval) IS 'Claims work whose time has come, the oldest first, for as long as the lease; what nobody finishes by then is claimed again.';

-- function dead_letters(integer)
CREATE FUNCTION jobs.dead_letters(maximum integer) RETURNS TABLE(id bigint, queue text, task text, args jsonb, attempts integer, ended_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select j.id, j.queue_name, j.task_name, j.args, j.attempts,
    (select max(e.at) from jobs.procrastinate_events e where e.job_id = j.id)
  from jobs.procrastinate_jobs j where j.status in ('failed', 'aborted') order by j.id desc limit least(maximum, 500)
$$;

-- comment FUNCTION dead_letters(maximum integer)
COMMENT ON FUNCTION jobs.dead_letters(maximum integer) IS 'Jobs that were given up, the latest first.';

-- function enqueue(text, text, jsonb, text, timestamp with time zone, text)
CREATE FUNCTION jobs.enqueue(queue text, task text, args jsonb, only_once text DEFAULT NULL::text, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, in_order text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  if jsonb_typeof(args) is distinct from 'object' then
    perform private.refuse('request_invalid');
  end if;
  if only_once is not null then
    perform pg_advisory_xact_lock(hashtextextended(only_once, 815));
  end if;
  insert into jobs.procrastinate_jobs (queue_name, task_name, args, queueing_lock, scheduled_at, lock)
  values (queue, task, args, only_once, run_at, in_order)
  on conflict (queueing_lock) where status = 'todo' do nothing;
  return found;
end $$;

-- comment FUNCTION enqueue(queue text, task text, args jsonb, only_once text, run_at timestamp with time zone, in_order text)
COMMENT ON FUNCTION jobs.enqueue(queue text, task text, args jsonb, only_once text, run_at timestamp with time zone, in_order text) IS 'Adds a job in the caller''s transaction. While one with the same only_once waits, adds none and returns false. Those with the same in_order run one after the other.';

-- function finish_due(text, uuid[], timestamp with time zone[])
CREATE FUNCTION jobs.finish_due(queue text, subjects uuid[], due_ats timestamp with time zone[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  finished integer;
begin
  if queue is null or cardinality(subjects) is distinct from cardinality(due_ats) then
    perform private.refuse('batch_malformed');
  end if;
  update jobs.due_work w set done_at = private.now(), claimed_until = null
  from unnest(subjects, due_ats) u (subject, due_at)
  where w.queue = queue and w.subject = u.subject and w.due_at = u.due_at and w.done_at is null;
  get diagnostics finished = row_count;
  if finished < cardinality(subjects) then
    -- somebody finished some of it after our lease was over: what we did of it must not happen a second time
    perform private.refuse('work_done', jsonb_build_object('finished', finished, 'asked', cardinality(subjects)));
  end if;
end $$;

-- comment FUNCTION finish_due(queue text, subjects uuid[], due_ats timestamp with time zone[])
COMMENT ON FUNCTION jobs.finish_due(queue text, subjects uuid[], due_ats timestamp with time zone[]) IS 'Notes that work was done, in the transaction that did it. Refuses, and so undoes it all, when any of it was done before or is not there.';

-- function forget_ticks(interval)
CREATE FUNCTION jobs.forget_ticks(keep interval) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with gone as (delete from jobs.tick t where t.due_at < clock_timestamp() - keep returning 1)
  select count(*) from gone
$$;

-- comment FUNCTION forget_ticks(keep interval)
COMMENT ON FUNCTION jobs.forget_ticks(keep interval) IS 'Removes ticks older than keep; returns how many.';

-- function give_way()
CREATE FUNCTION jobs.give_way() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock(hashtextextended(new.queueing_lock, 815));
  if exists (
    select from jobs.procrastinate_jobs j
    where j.queueing_lock = new.queueing_lock and j.status = 'todo' and j.id <> new.id
  ) then
    new.status := 'cancelled';
  end if;
  return new;
end $$;

-- function hurry(text)
CREATE FUNCTION jobs.hurry(queue text) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with hurried as (
    update jobs.procrastinate_jobs j set scheduled_at = null
    where j.queue_name = hurry.queue and j.status = 'todo' and j.attempts > 0 and j.scheduled_at is not null
    returning 1
  )
  select count(*) from hurried
$$;

-- comment FUNCTION hurry(queue text)
COMMENT ON FUNCTION jobs.hurry(queue text) IS 'Makes what failed and waits to be tried again due at once; returns how many jobs.';

-- function procrastinate_cancel_job_v1(bigint, boolean, boolean)
CREATE FUNCTION jobs.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;

-- function procrastinate_defer_jobs_v1(jobs.procrastinate_job_to_defer_v1[])
CREATE FUNCTION jobs.procrastinate_defer_jobs_v1(jobs jobs.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;

    RETURN job_ids;
END;
$$;

-- function procrastinate_defer_periodic_job_v2(character varying, character varying, character varying, character varying, integer, character varying, bigint, jsonb)
CREATE FUNCTION jobs.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;

    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;

    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;

    RETURN _job_id;
END;
$$;

-- table procrastinate_jobs
CREATE TABLE jobs.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status jobs.procrastinate_job_status DEFAULT 'todo'::jobs.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::jobs.procrastinate_job_status) AND (abort_requested = true))))
);

-- function procrastinate_fetch_job_v2(character varying[], bigint)
CREATE FUNCTION jobs.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS jobs.procrastinate_jobs
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;

 RETURN found_jobs;
END;
$$;

-- function procrastinate_finish_job_v1(bigint, jobs.procrastinate_job_status, boolean)
CREATE FUNCTION jobs.procrastinate_finish_job_v1(job_id bigint, end_status jobs.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;

-- function procrastinate_notify_queue_abort_job_v1()
CREATE FUNCTION jobs.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

-- function procrastinate_notify_queue_job_inserted_v1()
CREATE FUNCTION jobs.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

-- function procrastinate_prune_stalled_workers_v1(double precision)
CREATE FUNCTION jobs.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;

-- function procrastinate_register_worker_v1()
CREATE FUNCTION jobs.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;

-- function procrastinate_retry_job_v1(bigint, timestamp with time zone, integer, character varying, character varying)
CREATE FUNCTION jobs.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;

-- function procrastinate_retry_job_v2(bigint, timestamp with time zone, integer, character varying, character varying)
CREATE FUNCTION jobs.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;

END;
$$;

-- function procrastinate_trigger_abort_requested_events_procedure_v1()
CREATE FUNCTION jobs.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;

-- function procrastinate_trigger_function_scheduled_events_v1()
CREATE FUNCTION jobs.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);

	RETURN NEW;
END;
$$;

-- function procrastinate_trigger_function_status_events_insert_v1()
CREATE FUNCTION jobs.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;

-- function procrastinate_trigger_function_status_events_update_v1()
CREATE FUNCTION jobs.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;

-- function procrastinate_unlink_periodic_defers_v1()
CREATE FUNCTION jobs.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;

-- function procrastinate_unregister_worker_v1(bigint)
CREATE FUNCTION jobs.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;

-- function procrastinate_update_heartbeat_v1(bigint)
CREATE FUNCTION jobs.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'jobs', 'pg_temp'
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;

-- function replay(bigint)
CREATE FUNCTION jobs.replay(job bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  dead jobs.procrastinate_jobs;
begin
  delete from jobs.procrastinate_jobs j where j.id = job and j.status in ('failed', 'aborted') returning j.* into dead;
  if not found then
    return false;
  end if;
  return jobs.enqueue(dead.queue_name, dead.task_name, dead.args, dead.queueing_lock, null, dead.lock);
end $$;

-- comment FUNCTION replay(job bigint)
COMMENT ON FUNCTION jobs.replay(job bigint) IS 'Puts a dead letter back in its queue as a new job. False when there is none such.';

-- function signs_of_life()
CREATE FUNCTION jobs.signs_of_life(OUT worker_silent_s double precision, OUT scheduler_silent_s double precision) RETURNS record
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    extract(epoch from clock_timestamp() - (select max(w.last_heartbeat) from jobs.procrastinate_workers w)),
    extract(epoch from clock_timestamp() - (select t.at from jobs.tick t order by t.due_at desc limit 1))
$$;

-- comment FUNCTION signs_of_life(OUT worker_silent_s double precision, OUT scheduler_silent_s double precision)
COMMENT ON FUNCTION jobs.signs_of_life(OUT worker_silent_s double precision, OUT scheduler_silent_s double precision) IS 'For how many seconds nothing was heard of any worker, and of the leading scheduler; null when nothing ever was.';

-- function sweep(bigint, double precision, double precision, integer)
CREATE FUNCTION jobs.sweep(own_job bigint, silent_s double precision, running_s double precision, runs_max integer) RETURNS TABLE(job bigint, task text, outcome text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with stalled as (
    select j.id, j.attempts from jobs.procrastinate_jobs j
    left join jobs.procrastinate_workers w on w.id = j.worker_id
    where j.status = 'doing' and j.id <> own_job and (
      w.id is null
      or w.last_heartbeat < clock_timestamp() - make_interval(secs => silent_s)
      or not exists (
        select from jobs.procrastinate_events e
        where e.job_id = j.id and e.type = 'started' and e.at > clock_timestamp() - make_interval(secs => running_s)
      )
    )
    for update of j skip locked
  ), counted as (
    insert into jobs.stall as s (job_id, attempts, times) select d.id, d.attempts, 1 from stalled d
    on conflict (job_id) do update set
      attempts = excluded.attempts, times = case when s.attempts = excluded.attempts then s.times + 1 else 1 end
    returning s.job_id, s.times
  )
  update jobs.procrastinate_jobs j set
    status = (case when c.times >= runs_max then 'failed' else 'todo' end)::jobs.procrastinate_job_status,
    worker_id = null, scheduled_at = null
  from counted c where j.id = c.job_id
  returning j.id, j.task_name, j.status::text
$$;

-- comment FUNCTION sweep(own_job bigint, silent_s double precision, running_s double precision, runs_max integer)
COMMENT ON FUNCTION jobs.sweep(own_job bigint, silent_s double precision, running_s double precision, runs_max integer) IS 'Puts jobs back whose worker is silent or that have run for too long; after runs_max times in a row they are dead letters. Returns what became of each.';

-- function tick_now(text, integer, text, text, text)
CREATE FUNCTION jobs.tick_now(what text, every_s integer, queue text, task text, by text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  due timestamptz := to_timestamp(floor(extract(epoch from clock_timestamp()) / every_s) * every_s);
begin
  insert into jobs.tick (what, due_at, by) values (what, due, by) on conflict do nothing;
  if not found then
    return false;
  end if;
  perform jobs.enqueue(queue, task, '{}', 'tick:' || what);
  return true;
end $$;

-- comment FUNCTION tick_now(what text, every_s integer, queue text, task text, by text)
COMMENT ON FUNCTION jobs.tick_now(what text, every_s integer, queue text, task text, by text) IS 'Sets a line of the timetable going for the period that has begun, once: its job means "do everything that is due".';

-- function account_is_whole()
CREATE FUNCTION ledger.account_is_whole() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if (new.kind in ('wallet', 'receivable')) <> (new.owner is not null) or (new.kind = 'wallet' and new.min_balance is null)
    or (new.is_summing and (new.balance, new.held, new.seq) <> (0, 0, 0)) or (new.is_summing and new.min_balance is not null)
  then
    raise exception using errcode = 'PA000', message = 'account_malformed', detail = '{}';
  end if;
  return new;
end $$;

-- comment FUNCTION account_is_whole()
COMMENT ON FUNCTION ledger.account_is_whole() IS 'Wallets have an owner and a floor, and summing accounts keep nothing in their row; asked once, when an account is opened.';

-- table chunk
CREATE TABLE ledger.chunk (
    id uuid NOT NULL,
    digest bytea NOT NULL,
    moved bigint NOT NULL,
    refusals jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT moved_is_not_negative CHECK ((moved >= 0))
);

-- comment TABLE chunk
COMMENT ON TABLE ledger.chunk IS 'Each chunk that was done: the SHA-256 of what was asked for, the total moved, and by place (from 1) why an account was left out.';

-- function admit_chunk(text, uuid, bigint, bigint[], bigint[], text, text)
CREATE FUNCTION ledger.admit_chunk(verb text, chunk uuid, summing bigint, accounts bigint[], amounts bigint[], kind text, ref text) RETURNS ledger.chunk
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  total integer := cardinality(accounts);
  asset text;
  known ledger.chunk;
  asked bytea;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if chunk is null or kind is null or total is null or total not between 1 and 20000
    or array_dims(accounts) <> format('[1:%s]', total) or array_dims(amounts) is distinct from array_dims(accounts)
  then
    perform private.refuse('batch_malformed');
  end if;
  if exists (select from unnest(amounts) u (amount) where u.amount is null or u.amount not between 1 and 1000000000000000)
    or (select sum(u.amount) from unnest(amounts) u (amount)) > 1000000000000000
  then
    perform private.refuse('amount_invalid');
  end if;
  select a.asset into asset from ledger.account a where a.id = summing and a.is_summing;
  if not found then
    perform private.refuse('account_unknown');
  end if;
  if (select count(*) from (
    select from ledger.account a where a.id = any(accounts) and not a.is_summing and a.asset = asset
    order by a.id for no key update
  ) l) <> total then
    perform private.refuse('account_unknown');  -- one is missing, of another asset, summing, or named twice
  end if;

  asked := sha256(convert_to(jsonb_build_array(verb, summing, accounts::text, amounts::text, kind, ref)::text, 'UTF8'));
  select * into known from ledger.chunk c where c.id = ledger.chunk_id(chunk, 0);
  if found then
    if known.digest <> asked then
      perform private.refuse('key_reused');
    end if;
    return known;
  end if;
  if exists (select from ledger.transfer t where t.id between ledger.chunk_id(chunk, 0) and ledger.chunk_id(chunk, 65535)) then
    perform private.refuse('key_reused');  -- something else has one of the ids
  end if;
  known.id := ledger.chunk_id(chunk, 0);
  known.digest := asked;
  return known;
end $$;

-- comment FUNCTION admit_chunk(verb text, chunk uuid, summing bigint, accounts bigint[], amounts bigint[], kind text, ref text)
COMMENT ON FUNCTION ledger.admit_chunk(verb text, chunk uuid, summing bigint, accounts bigint[], amounts bigint[], kind text, ref text) IS 'Locks the accounts of a chunk and refuses what is malformed or unknown, or another chunk of this id. Returns the chunk; when it was done before with all of its columns, else with id and digest alone.';

-- function authorize(uuid, bigint, bigint, text, timestamp with time zone, text)
CREATE FUNCTION ledger.authorize(hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, ref text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  a ledger.account;
  h ledger.hold;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if amount is null or amount not between 1 and 1000000000000000 then
    perform private.refuse('amount_invalid', jsonb_build_object('amount', amount));
  end if;
  if hold_id is null or account_id is null or kind is null then
    perform private.refuse('transfer_malformed');
  end if;
  select * into a from ledger.account c where c.id = account_id and not c.is_summing for no key update;
  if not found then
    perform private.refuse('account_unknown');
  end if;
  select * into h from ledger.hold o where o.id = hold_id;
  if found then
    if (h.account_id, h.amount, h.kind, h.expires_at, h.ref) is distinct from (account_id, amount, kind, expires_at, ref) then
      perform private.refuse('key_reused');
    end if;
    return ledger.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if a.state <> 'active' then
    perform private.refuse('account_unavailable', jsonb_build_object('whose', 'yours', 'state', a.state));
  end if;
  if expires_at <= private.now() then
    perform private.refuse('hold_expired');
  end if;
  if a.balance - a.held - amount < a.min_balance then
    perform private.refuse('insufficient_funds', jsonb_build_object(
      'available', a.balance - a.held - a.min_balance, 'amount', amount, 'asset', a.asset));
  end if;
  update ledger.account c set held = c.held + amount where c.id = account_id;
  insert into ledger.hold (id, account_id, amount, kind, ref, opened_at, expires_at)
  values (hold_id, account_id, amount, kind, ref, private.now(), expires_at);
  perform events.record('hold.opened', hold_id, 1, jsonb_build_object('owner_id', a.owner, 'amount', amount, 'kind', kind));
  return ledger.hold_json(hold_id) || '{"is_replay": false}';
end $$;

-- comment FUNCTION authorize(hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamp with time zone, ref text)
COMMENT ON FUNCTION ledger.authorize(hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamp with time zone, ref text) IS 'Sets amount of an account aside once per hold_id. Refuses overdrafts, accounts that are not active, reused ids.';

-- function balance_at(bigint, timestamp with time zone)
CREATE FUNCTION ledger.balance_at(account_id bigint, moment timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when a.is_summing then coalesce((
    select sum(s.amount)::bigint from ledger.sum_entry s where s.account_id = a.id and s.at <= moment
  ), 0) else coalesce((
    select e.balance_after from ledger.entry e where e.account_id = a.id and e.at <= moment order by e.seq desc limit 1
  ), 0) end
  from ledger.account a where a.id = balance_at.account_id
$$;

-- comment FUNCTION balance_at(account_id bigint, moment timestamp with time zone)
COMMENT ON FUNCTION ledger.balance_at(account_id bigint, moment timestamp with time zone) IS 'What an account held at a moment, from its entries; 0 before its first.';

-- function balance_of(bigint)
CREATE FUNCTION ledger.balance_of(account_id bigint) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when not a.is_summing then a.balance else coalesce(c.balance, 0) + coalesce((
    select sum(s.amount)::bigint from ledger.sum_entry s
    where s.account_id = a.id and s.xid >= coalesce(c.upto, '0'::xid8) and s.era = coalesce(c.era, s.era)
  ), 0) + coalesce((
    -- a new era opened and no checkpoint of its own yet: its ids may lie below the old mark
    select sum(s.amount)::bigint from ledger.sum_entry s where s.account_id = a.id and s.era > c.era
  ), 0) end
  from ledger.account a
  left join lateral (
    select k.era, k.upto, k.balance from ledger.checkpoint k where k.account_id = a.id order by k.era desc, k.upto desc limit 1
  ) c on true
  where a.id = balance_of.account_id
$$;

-- comment FUNCTION balance_of(account_id bigint)
COMMENT ON FUNCTION ledger.balance_of(account_id bigint) IS 'The balance of an account of either sort, held included. Null when there is none.';

-- function capture_hold(uuid, uuid, bigint[], bigint[], text, boolean)
CREATE FUNCTION ledger.capture_hold(capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean DEFAULT true) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  legs integer := cardinality(to_accounts);
  giver bigint;
  wanted bigint;
  freed bigint;
  h ledger.hold;
  known ledger.capture;
  refused ledger.posted;
  leg_ids uuid[];
  asked_final boolean := is_final;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if capture_id is null or hold_id is null or kind is null or is_final is null or legs is null or legs not between 1 and 255
    or array_dims(to_accounts) <> format('[1:%s]', legs) or array_dims(amounts) is distinct from array_dims(to_accounts)
    or array_position(to_accounts, null) is not null
  then
    perform private.refuse('transfer_malformed');
  end if;
  if exists (select from unnest(amounts) u (amount) where u.amount is null or u.amount not between 1 and 1000000000000000) then
    perform private.refuse('amount_invalid');
  end if;
  wanted := (select sum(u.amount) from unnest(amounts) u (amount));
  leg_ids := (select array_agg(ledger.leg_id(capture_id, n) order by n) from generate_series(1, legs) n);
  -- which account a hold is on never changes, so it may be read before anything is locked
  select o.account_id into giver from ledger.hold o where o.id = hold_id;
  if not found then
    perform private.refuse('not_found', '{"what": "hold"}');
  end if;
  perform from ledger.account a where a.id = any(to_accounts || giver) and not a.is_summing order by a.id for no key update;
  select * into h from ledger.hold o where o.id = hold_id for no key update;

  select * into known from ledger.capture c where c.id = capture_id;
  if found then
    if (known.hold_id, known.amount, known.is_final, known.leg_count) is distinct from (hold_id, wanted, asked_final, legs)
      or exists (
        select from unnest(leg_ids, to_accounts, amounts) l (id, to_account, amount)
        left join ledger.transfer t on t.id = l.id
        where (t.from_account, t.to_account, t.amount, t.kind) is distinct from (giver, l.to_account, l.amount, kind)
      )
    then
      perform private.refuse('key_reused');
    end if;
    return ledger.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if h.state = 'expired' or h.state = 'open' and h.expires_at <= private.now() then
    perform private.refuse('hold_expired', jsonb_build_object('expires_at', h.expires_at));
  end if;
  if h.state <> 'open' then
    perform private.refuse('hold_closed', jsonb_build_object('state', h.state));
  end if;
  if wanted > h.amount - h.captured then
    perform private.refuse('capture_exceeds_hold', jsonb_build_object('left', h.amount - h.captured, 'amount', wanted));
  end if;

  is_final := is_final or wanted = h.amount - h.captured;
  freed := case when is_final then h.amount - h.captured else wanted end;
  update ledger.account a set held = a.held - freed where a.id = giver;
  select * into refused from ledger.post_many(
    leg_ids, array_fill(giver, array[legs]), to_accounts, amounts, array_fill(kind, array[legs]), array_fill(h.ref, array[legs]),
    array_fill(1, array[legs]), true) p
  where p.is_replay or (p.refusal is not null and p.refusal <> 'linked_refused') limit 1;
  if found then
    -- a leg that was posted before is another capture's: this one would move nothing
    perform private.refuse(coalesce(refused.refusal, 'key_reused'), coalesce(refused.facts, '{}'));
  end if;
  insert into ledger.capture (id, hold_id, amount, is_final, leg_count, at)
  values (capture_id, hold_id, wanted, asked_final, legs, private.now());
  update ledger.hold o set
    captured = o.captured + wanted, version = o.version + 1,
    state = case when is_final then 'captured' else 'open' end,
    closed_at = case when is_final then private.now() end
  where o.id = hold_id;
  perform events.record('hold.captured', hold_id, h.version + 1, jsonb_build_object(
    'owner_id', (select a.owner from ledger.account a where a.id = giver), 'amount', wanted, 'released', freed - wanted, 'is_final', is_final));
  return ledger.hold_json(hold_id) || '{"is_replay": false}';
end $$;

-- comment FUNCTION capture_hold(capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean)
COMMENT ON FUNCTION ledger.capture_hold(capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean) IS 'Moves held money to one or several accounts once per capture_id, all legs or none. A final capture releases the rest of the hold.';

-- function chunk_id(uuid, integer)
CREATE FUNCTION ledger.chunk_id(chunk uuid, n integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (left(chunk::text, 32) || lpad(to_hex(n), 4, '0'))::uuid
$$;

-- comment FUNCTION chunk_id(chunk uuid, n integer)
COMMENT ON FUNCTION ledger.chunk_id(chunk uuid, n integer) IS 'The id of transfer n (0 to 65535) of a chunk: neighbours in the index, as UUIDv7 are.';

-- function close_hold(uuid, text)
CREATE FUNCTION ledger.close_hold(hold_id uuid, outcome text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  giver bigint;
  h ledger.hold;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if outcome is null or outcome not in ('released', 'expired') then
    perform private.refuse('transfer_malformed');
  end if;
  select o.account_id into giver from ledger.hold o where o.id = hold_id;
  if not found then
    perform private.refuse('not_found', '{"what": "hold"}');
  end if;
  perform from ledger.account a where a.id = giver for no key update;
  select * into h from ledger.hold o where o.id = hold_id for no key update;
  if h.state = outcome or (h.state, outcome) = ('expired', 'released') then
    return ledger.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if h.state <> 'open' then
    perform private.refuse('hold_closed', jsonb_build_object('state', h.state));
  end if;
  if outcome = 'expired' and (h.expires_at is null or h.expires_at > private.now()) then
    perform private.refuse('hold_not_expired');
  end if;
  update ledger.account a set held = a.held - (h.amount - h.captured) where a.id = giver;
  update ledger.hold o set state = outcome, version = o.version + 1, closed_at = private.now() where o.id = hold_id;
  perform events.record('hold.' || outcome, hold_id, h.version + 1, jsonb_build_object(
    'owner_id', (select a.owner from ledger.account a where a.id = giver), 'amount', h.amount - h.captured));
  return ledger.hold_json(hold_id) || '{"is_replay": false}';
end $$;

-- function collect(uuid, bigint[], bigint[], bigint, text, text)
CREATE FUNCTION ledger.collect(chunk uuid, from_accounts bigint[], amounts bigint[], to_account bigint, kind text, ref text DEFAULT NULL::text) RETURNS TABLE(account_id bigint, amount bigint, refusal text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  admitted ledger.chunk := ledger.admit_chunk('collect', chunk, to_account, from_accounts, amounts, kind, ref);
  is_new boolean := kind = any(ledger.new_business_kinds());
  moment timestamptz := clock_timestamp();
  ids text := left(chunk::text, 32);
  first_id uuid;
  posted integer;
begin
  if admitted.at is null then
    -- the ids of a chunk number its accounts, whoever pays
    with due as (
      select (ids || lpad(to_hex(u.n::integer - 1), 4, '0'))::uuid as id, u.account_id, u.amount
      from unnest(from_accounts, amounts) with ordinality u (account_id, amount, n)
    ), moved as (
      update ledger.account a set balance = a.balance - d.amount, seq = a.seq + 1 from due d
      where a.id = d.account_id and (a.min_balance is null or a.balance - a.held - d.amount >= a.min_balance)
        and (a.state = 'active' or not is_new)
      returning d.id, a.id as account_id, d.amount, a.seq, a.balance
    ), written as (
      insert into ledger.transfer (id, at, effective_at, from_account, to_account, from_seq, amount, kind, ref)
      select m.id, moment, moment, m.account_id, to_account, m.seq, m.amount, kind, ref from moved m
      order by m.id  -- as in distribute
    ), entered as (
      insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
      select m.account_id, m.seq, m.id, -m.amount, m.balance, moment from moved m
      returning entry.transfer_id, entry.amount
    )
    select count(*), coalesce(-sum(e.amount), 0), min(e.transfer_id::text)::uuid into posted, admitted.moved, first_id from entered e;
    if posted > 0 then
      insert into ledger.sum_entry (account_id, batch, amount, transfer_count, at)
      values (to_account, first_id, admitted.moved, posted, moment);
    end if;
    admitted.refusals := '{}';
    if posted < cardinality(from_accounts) then
      admitted.refusals := (
        select jsonb_object_agg(u.n, case when is_new and a.state <> 'active' then 'account_unavailable' else 'insufficient_funds' end)
        from unnest(from_accounts) with ordinality u (id, n)
        join ledger.account a on a.id = u.id
        left join ledger.transfer t on t.id = ledger.chunk_id(chunk, u.n::integer - 1)
        where t.id is null
      );
    end if;
    insert into ledger.chunk (id, digest, moved, refusals, at)
    values (admitted.id, admitted.digest, admitted.moved, admitted.refusals, moment);
  end if;
  return query
    select u.id, u.amount, admitted.refusals ->> u.n::text
    from unnest(from_accounts, amounts) with ordinality u (id, amount, n)
    order by u.n;
end $$;

-- comment FUNCTION collect(chunk uuid, from_accounts bigint[], amounts bigint[], to_account bigint, kind text, ref text)
COMMENT ON FUNCTION ledger.collect(chunk uuid, from_accounts bigint[], amounts bigint[], to_account bigint, kind text, ref text) IS 'Takes each account''s amount into one summing account, once per chunk; who cannot pay is left out, with the reason. The summing account gets one entry.';

-- function distribute(uuid, bigint, bigint[], bigint[], text, text)
CREATE FUNCTION ledger.distribute(chunk uuid, from_account bigint, to_accounts bigint[], amounts bigint[], kind text, ref text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  admitted ledger.chunk := ledger.admit_chunk('distribute', chunk, from_account, to_accounts, amounts, kind, ref);
  moment timestamptz := clock_timestamp();
  ids text := left(chunk::text, 32);
  posted integer;
begin
  if admitted.at is not null then
    return admitted.moved;
  end if;
  admitted.moved := (select sum(u.amount) from unnest(amounts) u (amount));
  with due as (
    -- chunk_id written out: a call for each would cost as much as its entry's index
    select (ids || lpad(to_hex(u.n::integer - 1), 4, '0'))::uuid as id, u.account_id, u.amount
    from unnest(to_accounts, amounts) with ordinality u (account_id, amount, n)
  ), moved as (
    update ledger.account a set balance = a.balance + d.amount, seq = a.seq + 1 from due d where a.id = d.account_id
    returning d.id, a.id as account_id, d.amount, a.seq, a.balance
  ), written as (
    insert into ledger.transfer (id, at, effective_at, from_account, to_account, to_seq, amount, kind, ref)
    select m.id, moment, moment, from_account, m.account_id, m.seq, m.amount, kind, ref from moved m
    order by m.id  -- two chunks with the same ids wait for each other one way only
  ), entered as (
    insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
    select m.account_id, m.seq, m.id, m.amount, m.balance, moment from moved m
    returning 1
  )
  select count(*) into posted from entered;
  insert into ledger.sum_entry (account_id, batch, amount, transfer_count, at)
  values (from_account, admitted.id, -admitted.moved, posted, moment);
  insert into ledger.chunk (id, digest, moved, refusals, at) values (admitted.id, admitted.digest, admitted.moved, '{}', moment);
  return admitted.moved;
end $$;

-- comment FUNCTION distribute(chunk uuid, from_account bigint, to_accounts bigint[], amounts bigint[], kind text, ref text)
COMMENT ON FUNCTION ledger.distribute(chunk uuid, from_account bigint, to_accounts bigint[], amounts bigint[], kind text, ref text) IS 'Pays each account its amount from one summing account, all or nothing, once per chunk; returns the total. The pool gets one summed entry.';

-- function expire_holds(integer)
CREATE FUNCTION ledger.expire_holds(maximum integer DEFAULT 500) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  due record;
  closed integer := 0;
begin
  for due in
    select d.id, d.account_id from (
      select h.id, h.account_id from ledger.hold h
      where h.state = 'open' and h.expires_at <= private.now() order by h.expires_at limit maximum
    ) d order by d.account_id, d.id
  loop
    -- somebody may have closed it since it was listed: it is looked at again once its account is locked
    perform from ledger.account a where a.id = due.account_id for no key update;
    if exists (select from ledger.hold h where h.id = due.id and h.state = 'open') then
      perform ledger.close_hold(due.id, 'expired');
      closed := closed + 1;
    end if;
  end loop;
  return closed;
end $$;

-- comment FUNCTION expire_holds(maximum integer)
COMMENT ON FUNCTION ledger.expire_holds(maximum integer) IS 'Books the release of holds past their time, the oldest first; returns how many.';

-- function findings_of_chains(bigint[], bigint[], bigint[])
CREATE FUNCTION ledger.findings_of_chains(accounts bigint[], seqs bigint[], counts bigint[]) RETURNS SETOF ledger.finding
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select case when c.is_broken or c.is_astray then 'account_does_not_add_up' else 'entries_to_look_at' end,
      'account:' || c.account_id, jsonb_build_object(
      'what', case when c.id is null then 'account_missing' when c.is_broken then 'entries_do_not_follow' else 'row_differs_from_entries' end,
      'seq', c.seq, 'balance_after', c.balance_after, 'row_seq', c.row_seq, 'row_balance', c.row_balance)
    from (
      select t.account_id, a.id, e.seq, e.balance_after, a.seq as row_seq, a.balance as row_balance,
        -- as many entries as new transfers: each has its own, as was seen from the transfers' side
        lead(e.seq) over w is null and e.seq - t.seq + 1 <> t.transfer_count as is_odd,
        coalesce(e.seq >= t.seq and (
          e.seq <> coalesce(lag(e.seq) over w, 0) + 1 or e.balance_after <> coalesce(lag(e.balance_after) over w, 0) + e.amount
        ), false) as is_broken,
        lead(e.seq) over w is null and (a.seq, a.balance) is distinct from (coalesce(e.seq, 0), coalesce(e.balance_after, 0)) as is_astray
      from unnest(accounts, seqs, counts) t (account_id, seq, transfer_count)
      left join ledger.account a on a.id = t.account_id
      left join ledger.entry e on e.account_id = t.account_id and e.seq >= t.seq - 1
      window w as (partition by t.account_id order by e.seq)
    ) c
    where c.is_broken or c.is_astray or c.is_odd;
end $$;

-- comment FUNCTION findings_of_chains(accounts bigint[], seqs bigint[], counts bigint[])
COMMENT ON FUNCTION ledger.findings_of_chains(accounts bigint[], seqs bigint[], counts bigint[]) IS 'Accounts whose entries, from these seqs on, have gaps or do not add up, or whose row is not what the last says; also those to look at.';

-- function findings_of_checkpoints()
CREATE FUNCTION ledger.findings_of_checkpoints() RETURNS SETOF ledger.finding
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select 'account_does_not_add_up', 'account:' || c.account_id, jsonb_build_object(
      'what', 'checkpoint_differs_from_sums', 'era', c.era, 'upto', c.upto::text, 'balance', c.balance, 'expected', x.balance)
    from ledger.checkpoint c
    cross join lateral (
      select coalesce(sum(s.amount), 0) as balance from ledger.sum_entry s
      where s.account_id = c.account_id and (s.era < c.era or s.era = c.era and s.xid < c.upto)
    ) x
    where c.balance <> x.balance
      -- what was booked between a restore and the rebase has ids below marks of the era that ended: nothing rests on those
      and c.era = (select max(k.era) from ledger.checkpoint k where k.account_id = c.account_id);
end $$;

-- comment FUNCTION findings_of_checkpoints()
COMMENT ON FUNCTION ledger.findings_of_checkpoints() IS 'Checkpoints of each account''s newest era that are not the sum of what came before them.';

-- function findings_of_entries(bigint[])
CREATE FUNCTION ledger.findings_of_entries(accounts bigint[]) RETURNS SETOF ledger.finding
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select 'account_does_not_add_up', 'account:' || e.account_id, jsonb_build_object(
      'what', 'entry_without_transfer', 'seq', e.seq, 'transfer', e.transfer_id, 'amount', e.amount)
    from unnest(accounts) t (account_id)
    join ledger.entry e on e.account_id = t.account_id
    where not exists (
      select from ledger.transfer x
      where x.id = e.transfer_id and (e.account_id, e.seq) in ((x.from_account, x.from_seq), (x.to_account, x.to_seq))
    );
end $$;

-- comment FUNCTION findings_of_entries(accounts bigint[])
COMMENT ON FUNCTION ledger.findings_of_entries(accounts bigint[]) IS 'Entries of these accounts that no transfer made.';

-- function findings_of_heads(text)
CREATE FUNCTION ledger.findings_of_heads(of_asset text) RETURNS SETOF ledger.finding
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select 'account_does_not_add_up', 'account:' || a.id, jsonb_build_object(
      'what', 'row_differs_from_entries', 'seq', e.seq, 'balance_after', e.balance_after, 'row_seq', a.seq, 'row_balance', a.balance)
    from ledger.account a
    left join lateral (
      select n.seq, n.balance_after from ledger.entry n where n.account_id = a.id order by n.seq desc limit 1
    ) e on true
    where a.asset = of_asset and not a.is_summing
      and (a.seq, a.balance) is distinct from (coalesce(e.seq, 0), coalesce(e.balance_after, 0));
end $$;

-- comment FUNCTION findings_of_heads(of_asset text)
COMMENT ON FUNCTION ledger.findings_of_heads(of_asset text) IS 'All accounts of an asset whose row is not what their last entry says; slow, for when the sum says that there is one.';

-- function findings_of_holds()
CREATE FUNCTION ledger.findings_of_holds() RETURNS SETOF ledger.finding
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select 'held_is_not_its_holds', 'account:' || coalesce(a.id, h.account_id), jsonb_build_object('held', a.held, 'expected', coalesce(h.held, 0))
    from (select c.id, c.held from ledger.account c where c.held <> 0) a
    full join (
      select o.account_id, sum(o.amount - o.captured) as held from ledger.hold o where o.state = 'open' group by o.account_id
    ) h on h.account_id = a.id
    where coalesce(a.held, 0) <> coalesce(h.held, 0);
end $$;

-- function findings_of_payments(xid8, integer, bigint[], timestamp with time zone)
CREATE FUNCTION ledger.findings_of_payments(since xid8, in_era integer, accounts bigint[], since_at timestamp with time zone) RETURNS SETOF ledger.finding
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select 'payment_does_not_fit', 'payment:' || x.id, jsonb_agg(distinct x.what)
    from (
      select p.id, 'transfer_missing' as what
      from unnest(accounts) t (account_id)
      join ledger.account a on a.id = t.account_id and a.kind = 'wallet'
      join public.payments p on p.sender_id = a.owner and p.created_at > since_at
      where not exists (select from ledger.transfer x where x.id = p.id)
      union all
      select p.id, 'transfer_missing'
      from public.payments p where since_at = '-infinity' and not exists (select from ledger.transfer x where x.id = p.id)
      union all
      select p.id, 'event_missing'
      from ledger.transfer t join public.payments p on p.id = t.id
      where t.xid >= since and (in_era is null or t.era = in_era) and t.kind = 'payment'
        and (select count(*) from events.event e where e.subject = t.id and e.kind = 'payment.sent') <> 1
      union all
      select e.subject, 'payment_missing'
      from events.event e left join public.payments p on p.id = e.subject left join ledger.transfer t on t.id = e.subject
      where e.kind = 'payment.sent' and (in_era is null or e.era = in_era) and e.xid >= since and (p.id is null or t.id is null)
    ) x
    group by x.id;
end $$;

-- comment FUNCTION findings_of_payments(since xid8, in_era integer, accounts bigint[], since_at timestamp with time zone)
COMMENT ON FUNCTION ledger.findings_of_payments(since xid8, in_era integer, accounts bigint[], since_at timestamp with time zone) IS 'New payments without their transfer or their one event, new events without their payment, and what lacks one among accounts with new transfers.';

-- function findings_of_sides(xid8, integer, boolean)
CREATE FUNCTION ledger.findings_of_sides(since xid8, in_era integer, is_full boolean) RETURNS SETOF ledger.finding
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select 'transfer_does_not_fit', 'transfer:' || t.id, jsonb_build_object(
      'what', case when a.id is null or b.id is null then 'account_missing'
        when a.asset <> b.asset then 'assets_differ' else 'account_of_another_sort' end,
      'from_account', t.from_account, 'to_account', t.to_account)
    from ledger.transfer t
    left join ledger.account a on a.id = t.from_account
    left join ledger.account b on b.id = t.to_account
    where t.xid >= since and (in_era is null or t.era = in_era)
      -- between two balance accounts a wrong account or asset shows in their chains, or in the asset's sum
      and (is_full or t.from_seq is null or t.to_seq is null)
      and (a.id is null or b.id is null or a.asset <> b.asset
        or a.is_summing <> (t.from_seq is null) or b.is_summing <> (t.to_seq is null));
end $$;

-- comment FUNCTION findings_of_sides(since xid8, in_era integer, is_full boolean)
COMMENT ON FUNCTION ledger.findings_of_sides(since xid8, in_era integer, is_full boolean) IS 'New transfers between accounts that are not there, of different assets, or of another sort.';

-- function findings_of_sums(xid8, integer)
CREATE FUNCTION ledger.findings_of_sums(since xid8, in_era integer) RETURNS SETOF ledger.finding
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select 'account_does_not_add_up', 'account:' || x.account_id, jsonb_build_object(
      'what', 'sums_differ_from_transfers', 'transaction', x.xid::text, 'era', x.era,
      'amount', sum(x.summed), 'expected', sum(x.transferred))
    from (
      select t.from_account as account_id, t.era, t.xid, -t.amount as transferred, 0 as summed, 1 as transfers
      from ledger.transfer t where t.xid >= since and (in_era is null or t.era = in_era) and t.from_seq is null
      union all
      select t.to_account, t.era, t.xid, t.amount, 0, 1
      from ledger.transfer t where t.xid >= since and (in_era is null or t.era = in_era) and t.to_seq is null
      union all
      select s.account_id, s.era, s.xid, 0, s.amount, -s.transfer_count
      from ledger.account a join ledger.sum_entry s on s.account_id = a.id
      where a.owner is null and a.is_summing and s.xid >= since and (in_era is null or s.era = in_era)
    ) x
    -- a transfer that names no summing account where it should is a finding of its own
    where x.account_id in (select a.id from ledger.account a where a.owner is null and a.is_summing)
    group by x.account_id, x.era, x.xid
    having sum(x.transferred) <> sum(x.summed) or sum(x.transfers) <> 0;
end $$;

-- comment FUNCTION findings_of_sums(since xid8, in_era integer)
COMMENT ON FUNCTION ledger.findings_of_sums(since xid8, in_era integer) IS 'Summing accounts whose rows of a transaction are not the sum of its transfers.';

-- function findings_of_transfers(xid8, integer)
CREATE FUNCTION ledger.findings_of_transfers(since xid8, in_era integer) RETURNS SETOF ledger.finding
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select x.kind, x.subject, x.evidence
    from (
      select t.*,
        f.transfer_id as f_transfer, f.amount as f_amount, f.balance_after as f_after,
        r.transfer_id as r_transfer, r.amount as r_amount, r.balance_after as r_after,
        t.from_seq is not null and (f.transfer_id, f.amount, f.at) is distinct from (t.id, -t.amount, t.at) as is_from_wrong,
        t.to_seq is not null and (r.transfer_id, r.amount, r.at) is distinct from (t.id, t.amount, t.at) as is_to_wrong
      from ledger.transfer t
      left join ledger.entry f on f.account_id = t.from_account and f.seq = t.from_seq
      left join ledger.entry r on r.account_id = t.to_account and r.seq = t.to_seq
      where t.xid >= since and (in_era is null or t.era = in_era)
    ) t
    cross join lateral (
      -- where the entry still chains, it is the transfer that was changed
      select case when w.is_whole then 'transfer_does_not_fit' else 'account_does_not_add_up' end,
        case when w.is_whole then 'transfer:' || t.id else 'account:' || s.account_id end,
        jsonb_build_object(
          'what', case when s.transfer_id is null then 'entry_missing' else 'entry_differs_from_transfer' end,
          'seq', s.seq, 'transfer', t.id, 'account', s.account_id, 'amount', s.amount, 'expected', s.expected)
      from (
        values (t.is_from_wrong, t.from_account, t.from_seq, -t.amount, t.f_transfer, t.f_amount, t.f_after),
        (t.is_to_wrong, t.to_account, t.to_seq, t.amount, t.r_transfer, t.r_amount, t.r_after)
      ) s (is_wrong, account_id, seq, expected, transfer_id, amount, balance_after)
      cross join lateral (
        select coalesce(s.transfer_id = t.id and s.balance_after = s.amount + coalesce((
          select p.balance_after from ledger.entry p where p.account_id = s.account_id and p.seq = s.seq - 1
        ), 0), false) as is_whole
      ) w
      where s.is_wrong
    ) x (kind, subject, evidence)
    where t.is_from_wrong or t.is_to_wrong;
end $$;

-- comment FUNCTION findings_of_transfers(since xid8, in_era integer)
COMMENT ON FUNCTION ledger.findings_of_transfers(since xid8, in_era integer) IS 'New transfers whose entries are missing or say something else.';

-- function hold_json(uuid)
CREATE FUNCTION ledger.hold_json(hold_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', h.id, 'account_id', h.account_id, 'amount', h.amount, 'captured', h.captured, 'state', h.state, 'kind', h.kind,
    'version', h.version, 'expires_at', h.expires_at, 'owner_id', a.owner)
  from ledger.hold h join ledger.account a on a.id = h.account_id where h.id = hold_json.hold_id
$$;

-- function hold_moves_forward()
CREATE FUNCTION ledger.hold_moves_forward() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if old.state <> 'open' or new.captured < old.captured or new.version <> old.version + 1
    or (new.id, new.account_id, new.amount, new.kind, new.ref, new.opened_at, new.expires_at)
      is distinct from (old.id, old.account_id, old.amount, old.kind, old.ref, old.opened_at, old.expires_at)
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "ledger.hold"}';
  end if;
  return new;
end $$;

-- comment FUNCTION hold_moves_forward()
COMMENT ON FUNCTION ledger.hold_moves_forward() IS 'A closed hold stays as it is, and nothing captured is given back.';

-- function leg_id(uuid, integer)
CREATE FUNCTION ledger.leg_id(group_id uuid, leg integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (left(group_id::text, 34) || lpad(to_hex(leg), 2, '0'))::uuid
$$;

-- comment FUNCTION leg_id(group_id uuid, leg integer)
COMMENT ON FUNCTION ledger.leg_id(group_id uuid, leg integer) IS 'The id of one transfer of a group: the group''s with the leg''s number (0 to 255) in the last byte.';

-- function new_business_kinds()
CREATE FUNCTION ledger.new_business_kinds() RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array['payment', 'redemption', 'buy', 'withdrawal', 'conversion']
$$;

-- comment FUNCTION new_business_kinds()
COMMENT ON FUNCTION ledger.new_business_kinds() IS 'The kinds of transfer that an account which is not active refuses. What was begun before (captures, returns, loads under way) passes.';

-- function open_account(uuid, text, text)
CREATE FUNCTION ledger.open_account(owner uuid, kind text, asset text DEFAULT 'USD'::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  found_id bigint;
begin
  select a.id into found_id from ledger.account a where a.owner = owner and a.kind = kind and a.asset = asset;
  if found_id is null then
    -- what somebody owes us is below zero by nature; what we owe somebody never is
    insert into ledger.account (asset, kind, owner, min_balance)
    values (asset, kind, owner, case when kind = 'wallet' then 0 end)
    on conflict do nothing;
    select a.id into found_id from ledger.account a where a.owner = owner and a.kind = kind and a.asset = asset;
  end if;
  return found_id;
end $$;

-- comment FUNCTION open_account(owner uuid, kind text, asset text)
COMMENT ON FUNCTION ledger.open_account(owner uuid, kind text, asset text) IS 'The id of a person''s account of this kind, opened when there was none.';

-- function open_wallet(uuid)
CREATE FUNCTION ledger.open_wallet(owner uuid) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select ledger.open_account(open_wallet.owner, 'wallet')
$$;

-- comment FUNCTION open_wallet(owner uuid)
COMMENT ON FUNCTION ledger.open_wallet(owner uuid) IS 'The id of a person''s wallet in dollars, opened when there was none.';

-- function post(uuid, bigint, bigint, bigint, text, text)
CREATE FUNCTION ledger.post(transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  -- New business is refused by an account that is not active; what was begun before (captures, returns,
  -- repayments, loads under way) always passes.
  is_new boolean := kind in ('payment', 'redemption', 'buy', 'withdrawal', 'conversion');
  known ledger.transfer;
  giver_balance bigint; giver_seq bigint; giver_asset text;
  taker_balance bigint; taker_seq bigint; taker_asset text;
  moment timestamptz;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if amount is null or amount not between 1 and 1000000000000000 then
    perform private.refuse('amount_invalid', jsonb_build_object('amount', amount));
  end if;
  if transfer_id is null or from_account is null or to_account is null or kind is null or from_account = to_account then
    perform private.refuse('transfer_malformed');
  end if;

  select * into known from ledger.transfer t where t.id = transfer_id;
  if found then
    if (known.from_account, known.to_account, known.amount, known.kind, known.ref)
      is distinct from (from_account, to_account, amount, kind, ref) then
      perform private.refuse('key_reused');
    end if;
    return (select e.balance_after from ledger.entry e where e.account_id = known.from_account and e.seq = known.from_seq);
  end if;

  for leg in 1..2 loop
    if (leg = 1) = (from_account < to_account) then
      update ledger.account a set balance = a.balance - amount, seq = a.seq + 1
      where a.id = from_account and not a.is_summing
        and (a.min_balance is null or a.balance - a.held - amount >= a.min_balance)
        and (a.state = 'active' or not is_new)
      returning a.balance, a.seq, a.asset into giver_balance, giver_seq, giver_asset;
      if not found then
        select a.asset into giver_asset from ledger.account a where a.id = from_account and a.is_summing;
        if not found then
          if exists (select from ledger.transfer t where t.id = transfer_id) then
            perform private.refuse('ask_again');
          end if;
          perform ledger.refuse_posting(from_account, to_account, amount, is_new);
        end if;
      end if;
    else
      update ledger.account a set balance = a.balance + amount, seq = a.seq + 1
      where a.id = to_account and not a.is_summing and (a.state <> 'frozen' or not is_new)
      returning a.balance, a.seq, a.asset into taker_balance, taker_seq, taker_asset;
      if not found then
        select a.asset into taker_asset from ledger.account a where a.id = to_account and a.is_summing;
        if not found then
          if exists (select from ledger.transfer t where t.id = transfer_id) then
            perform private.refuse('ask_again');
          end if;
          perform ledger.refuse_posting(from_account, to_account, amount, is_new);
        end if;
      end if;
    end if;
  end loop;
  if giver_asset <> taker_asset then
    perform ledger.refuse_posting(from_account, to_account, amount, is_new);
  end if;

  moment := clock_timestamp();
  if giver_seq is not null and taker_seq is not null then
    with t as (
      insert into ledger.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
      values (transfer_id, moment, moment, from_account, to_account, giver_seq, taker_seq, amount, kind, ref)
    )
    insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (from_account, giver_seq, transfer_id, -amount, giver_balance, moment),
    (to_account, taker_seq, transfer_id, amount, taker_balance, moment);
    return giver_balance;
  end if;
  insert into ledger.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
  values (transfer_id, moment, moment, from_account, to_account, giver_seq, taker_seq, amount, kind, ref);
  if giver_seq is not null then
    insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (from_account, giver_seq, transfer_id, -amount, giver_balance, moment);
  else
    insert into ledger.sum_entry (account_id, batch, amount, transfer_count, at) values (from_account, transfer_id, -amount, 1, moment);
  end if;
  if taker_seq is not null then
    insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (to_account, taker_seq, transfer_id, amount, taker_balance, moment);
  else
    insert into ledger.sum_entry (account_id, batch, amount, transfer_count, at) values (to_account, transfer_id, amount, 1, moment);
  end if;
  return giver_balance;
end $$;

-- comment FUNCTION post(transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text)
COMMENT ON FUNCTION ledger.post(transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text) IS 'Moves amount once per transfer_id and returns the giving account''s balance after it (null on a summing account). Refuses overdrafts, unknown accounts, other assets, account states, reused ids.';

-- function post_many(uuid[], bigint[], bigint[], bigint[], text[], text[], integer[], boolean)
CREATE FUNCTION ledger.post_many(ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[], refs text[] DEFAULT NULL::text[], groups integer[] DEFAULT NULL::integer[], passes_states boolean DEFAULT false) RETURNS SETOF ledger.posted
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  total integer := cardinality(ids);
  -- the locked balance accounts, in id order
  locked bigint[]; balances bigint[]; helds bigint[]; floors bigint[]; seqs bigint[]; states text[]; assets text[];
  seqs_before bigint[];
  -- per item: where its accounts are among the locked (null: summing or unknown)
  giver_at integer[]; taker_at integer[]; firsts integer[];
  known_from bigint[]; known_to bigint[]; known_amount bigint[]; known_kind text[]; known_ref text[]; known_after bigint[];
  -- per item: what became of it
  refusals text[] := array_fill(null::text, array[greatest(total, 0)]);
  facts jsonb[] := array_fill(null::jsonb, array[greatest(total, 0)]);
  replays boolean[] := array_fill(false, array[greatest(total, 0)]);
  written boolean[] := array_fill(false, array[greatest(total, 0)]);
  giver_seqs bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  taker_seqs bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  giver_afters bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  taker_afters bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  moment timestamptz;
  giver_asset text; taker_asset text;
  summing bigint; summing_asset text;  -- the last summing account that was met: most batches have one
  g integer; t integer; first_of_group integer; i integer; j integer;
  is_new boolean; has_written boolean := false;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  -- counted from one and flat, all of them: they are read here by place and there by unnest
  if ids is null or total not between 1 and 5000 or array_dims(ids) <> format('[1:%s]', total)
    or array_dims(from_accounts) is distinct from array_dims(ids) or array_dims(to_accounts) is distinct from array_dims(ids)
    or array_dims(amounts) is distinct from array_dims(ids) or array_dims(kinds) is distinct from array_dims(ids)
    or (refs is not null and array_dims(refs) is distinct from array_dims(ids))
    or (groups is not null and array_dims(groups) is distinct from array_dims(ids))
  then
    perform private.refuse('batch_malformed');
  end if;

  select array_agg(a.id), array_agg(a.balance), array_agg(a.held), array_agg(a.min_balance), array_agg(a.seq), array_agg(a.state),
    array_agg(a.asset)
  into locked, balances, helds, floors, seqs, states, assets
  from (
    select * from ledger.account c
    where c.id = any(from_accounts || to_accounts) and not c.is_summing order by c.id for no key update
  ) a;
  seqs_before := seqs;

  -- A new statement: ids that somebody committed while we waited for the locks are seen.
  select
    array_agg(gl.at order by i.n), array_agg(tl.at order by i.n), array_agg(i.first order by i.n),
    array_agg(k.from_account order by i.n), array_agg(k.to_account order by i.n), array_agg(k.amount order by i.n),
    array_agg(k.kind order by i.n), array_agg(k.ref order by i.n), array_agg(e.balance_after order by i.n)
  into giver_at, taker_at, firsts, known_from, known_to, known_amount, known_kind, known_ref, known_after
  from (
    select u.*, min(u.n) over (partition by u.id) as first
    from unnest(ids, from_accounts, to_accounts) with ordinality u (id, from_account, to_account, n)
  ) i
  left join unnest(locked) with ordinality gl (id, at) on gl.id = i.from_account
  left join unnest(locked) with ordinality tl (id, at) on tl.id = i.to_account
  left join ledger.transfer k on k.id = i.id
  left join ledger.entry e on e.account_id = k.from_account and e.seq = k.from_seq;

  i := 0;
  while i < total loop
    i := i + 1;
    if first_of_group is null or groups is null or groups[i] is null or groups[i] is distinct from groups[i - 1] then
      first_of_group := i;
    end if;
    g := giver_at[i];
    t := taker_at[i];
    giver_asset := assets[g];
    taker_asset := assets[t];
    if g is null then
      if summing is distinct from from_accounts[i] then
        summing := from_accounts[i];
        select a.asset into summing_asset from ledger.account a where a.id = summing and a.is_summing;
      end if;
      giver_asset := summing_asset;
    end if;
    if t is null then
      if summing is distinct from to_accounts[i] then
        summing := to_accounts[i];
        select a.asset into summing_asset from ledger.account a where a.id = summing and a.is_summing;
      end if;
      taker_asset := summing_asset;
    end if;
    is_new := not passes_states and kinds[i] in ('payment', 'redemption', 'buy', 'withdrawal', 'conversion');  -- as in ledger.post
    if amounts[i] is null or amounts[i] not between 1 and 1000000000000000 then
      refusals[i] := 'amount_invalid';
    elsif ids[i] is null or from_accounts[i] is null or to_accounts[i] is null or kinds[i] is null or from_accounts[i] = to_accounts[i] then
      refusals[i] := 'transfer_malformed';
    elsif groups is not null and groups[i] is not null and (known_kind[i] is not null or firsts[i] < i) <> replays[first_of_group]
      and i > first_of_group
    then
      refusals[i] := 'key_reused';  -- a group is known whole or not at all: this is another one
    elsif known_kind[i] is not null then
      replays[i] := true;
      if (known_from[i], known_to[i], known_amount[i], known_kind[i], known_ref[i])
        is distinct from (from_accounts[i], to_accounts[i], amounts[i], kinds[i], refs[i]) then
        refusals[i] := 'key_reused';
      end if;
      giver_afters[i] := known_after[i];
    elsif firsts[i] < i then
      -- the same id again in this batch: what the first became
      replays[i] := true;
      if (from_accounts[firsts[i]], to_accounts[firsts[i]], amounts[firsts[i]], kinds[firsts[i]], refs[firsts[i]])
        is distinct from (from_accounts[i], to_accounts[i], amounts[i], kinds[i], refs[i]) then
        refusals[i] := 'key_reused';
      else
        refusals[i] := refusals[firsts[i]];
        facts[i] := facts[firsts[i]];
        giver_afters[i] := giver_afters[firsts[i]];
      end if;
    elsif giver_asset is null or taker_asset is null then
      refusals[i] := 'account_unknown';
    elsif giver_asset <> taker_asset then
      refusals[i] := 'asset_mismatch';
    elsif is_new and g is not null and states[g] <> 'active' then
      refusals[i] := 'account_unavailable';
      facts[i] := jsonb_build_object('whose', 'yours', 'state', states[g]);
    elsif is_new and t is not null and states[t] = 'frozen' then
      refusals[i] := 'account_unavailable';
      facts[i] := '{"whose": "theirs"}';
    elsif g is not null and balances[g] - helds[g] - amounts[i] < floors[g] then
      refusals[i] := 'insufficient_funds';
      facts[i] := jsonb_build_object('available_cents', balances[g] - helds[g] - floors[g], 'amount_cents', amounts[i]);
    else
      written[i] := true;
      if g is not null then
        balances[g] := balances[g] - amounts[i];
        seqs[g] := seqs[g] + 1;
        giver_seqs[i] := seqs[g];
        giver_afters[i] := balances[g];
      end if;
      if t is not null then
        balances[t] := balances[t] + amounts[i];
        seqs[t] := seqs[t] + 1;
        taker_seqs[i] := seqs[t];
        taker_afters[i] := balances[t];
      end if;
    end if;

    if refusals[i] is not null and groups is not null and groups[i] is not null then
      -- all of a group or none: take back what was decided before this one, and pass over what comes after
      for j in reverse i - 1..first_of_group loop
        if written[j] then
          written[j] := false;
          if giver_at[j] is not null then
            balances[giver_at[j]] := balances[giver_at[j]] + amounts[j];
            seqs[giver_at[j]] := seqs[giver_at[j]] - 1;
          end if;
          if taker_at[j] is not null then
            balances[taker_at[j]] := balances[taker_at[j]] - amounts[j];
            seqs[taker_at[j]] := seqs[taker_at[j]] - 1;
          end if;
        end if;
        if refusals[j] is null then
          refusals[j] := 'linked_refused';
        end if;
      end loop;
      while i < total and groups[i + 1] is not distinct from groups[i] loop
        i := i + 1;
        refusals[i] := 'linked_refused';
      end loop;
    end if;
  end loop;

  has_written := true = any(written);
  if has_written then
    moment := clock_timestamp();
    update ledger.account a set balance = v.balance, seq = v.seq
    from unnest(locked, balances, seqs, seqs_before) v (id, balance, seq, seq_before)
    where a.id = v.id and v.seq <> v.seq_before;
    insert into ledger.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
    select w.id, moment, moment, w.from_account, w.to_account, w.from_seq, w.to_seq, w.amount, w.kind, w.ref
    from unnest(ids, from_accounts, to_accounts, giver_seqs, taker_seqs, amounts, kinds, refs, written)
      w (id, from_account, to_account, from_seq, to_seq, amount, kind, ref, written)
    where w.written order by w.id;  -- two batches with the same ids wait for each other one way only
    insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
    select w.from_account, w.from_seq, w.id, -w.amount, w.giver_after, moment
    from unnest(ids, from_accounts, giver_seqs, amounts, giver_afters, written) w (id, from_account, from_seq, amount, giver_after, written)
    where w.written and w.from_seq is not null
    union all
    select w.to_account, w.to_seq, w.id, w.amount, w.taker_after, moment
    from unnest(ids, to_accounts, taker_seqs, amounts, taker_afters, written) w (id, to_account, to_seq, amount, taker_after, written)
    where w.written and w.to_seq is not null;
    insert into ledger.sum_entry (account_id, batch, amount, transfer_count, at)
    select s.account_id, ids[min(s.n)], sum(s.amount), count(*), moment
    from (
      select w.from_account as account_id, -w.amount as amount, w.n
      from unnest(from_accounts, giver_at, amounts, written) with ordinality w (from_account, at, amount, written, n)
      where w.written and w.at is null
      union all
      select w.to_account, w.amount, w.n
      from unnest(to_accounts, taker_at, amounts, written) with ordinality w (to_account, at, amount, written, n)
      where w.written and w.at is null
    ) s group by s.account_id;
  end if;
  return query
    select u.n::integer, case when u.refusal is null then u.balance_after end, u.is_replay, u.refusal, u.facts
    from unnest(giver_afters, replays, refusals, facts) with ordinality u (balance_after, is_replay, refusal, facts, n);
end $$;

-- comment FUNCTION post_many(ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[], refs text[], groups integer[], passes_states boolean)
COMMENT ON FUNCTION ledger.post_many(ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[], refs text[], groups integer[], passes_states boolean) IS 'Posts up to 5000 transfers in turn, each as post would; a refusal is its own item''s alone. Neighbours with the same group are posted all or not at all. passes_states: what was begun before is not stopped by an account''s state.';

-- function reconcile(boolean)
CREATE FUNCTION ledger.reconcile(is_full boolean DEFAULT false) RETURNS TABLE(kind text, subject text, evidence jsonb, case_id uuid, is_new boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET work_mem TO '32MB'
    AS $$
#variable_conflict use_variable
declare
  began timestamptz := clock_timestamp();
  horizon xid8;
  last ledger.reconciliation;
  current_era integer;
  since xid8 := '0';
  in_era integer;
  since_at timestamptz := '-infinity';
  touched bigint[]; seqs bigint[]; counts bigint[];
  findings ledger.finding[];
  total ledger.total;
  found_count integer := 0;
begin
  perform pg_advisory_xact_lock(815003);
  horizon := pg_snapshot_xmin(pg_current_snapshot());
  select * into last from ledger.reconciliation r order by r.n desc limit 1;
  select c.era into current_era from events.relay_cursor c;
  if events.is_restored() then
    perform private.refuse('record_restored');
  end if;
  -- the first run, and the first after a restore, see to everything
  is_full := is_full or last.n is null or last.era <> current_era;
  if not is_full then
    since := last.upto;
    in_era := last.era;
    since_at := last.began_at - interval '1 day';  -- a payment says when it was counted, which is before its commit
  end if;

  -- in the order of their ids, so that neighbours are looked up together
  select array_agg(s.account_id order by s.account_id), array_agg(s.seq order by s.account_id),
    array_agg(s.transfer_count order by s.account_id)
  into touched, seqs, counts
  from (
    select x.account_id, min(x.seq) as seq, sum(x.transfers) as transfer_count
    from (
      select t.from_account as account_id, t.from_seq as seq, 1 as transfers from ledger.transfer t
      where t.xid >= since and (in_era is null or t.era = in_era) and t.from_seq is not null
      union all
      select t.to_account, t.to_seq, 1 from ledger.transfer t
      where t.xid >= since and (in_era is null or t.era = in_era) and t.to_seq is not null
      union all
      select a.id, 1, 0 from ledger.account a where is_full and not a.is_summing
    ) x group by x.account_id
  ) s;

  -- A few new rows are looked up one by one, never by reading a whole table; all of them are read as a whole.
  perform set_config('enable_hashjoin', is_full::text, true), set_config('enable_mergejoin', is_full::text, true);
  findings := array(select f from ledger.findings_of_transfers(since, in_era) f)
    || array(select f from ledger.findings_of_sides(since, in_era, is_full) f)
    || array(select f from ledger.findings_of_chains(touched, seqs, counts) f)
    || array(select f from ledger.findings_of_sums(since, in_era) f)
    || array(select f from ledger.findings_of_payments(since, in_era, touched, since_at) f);
  findings := array(select f from unnest(findings) f where f.kind <> 'entries_to_look_at') || array(
    select e from ledger.findings_of_entries(array(
      select split_part(f.subject, ':', 2)::bigint from unnest(findings) f where f.kind in ('entries_to_look_at', 'account_does_not_add_up')
    )) e);
  perform set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true);
  if is_full then
    findings := findings || array(select f from ledger.findings_of_checkpoints() f) || array(select f from ledger.findings_of_holds() f);
  end if;
  for total in select * from ledger.totals() loop
    if total.held <> total.open_holds and not is_full then
      findings := findings || array(select f from ledger.findings_of_holds() f);
    end if;
    if total.balance <> 0 then
      if not is_full then
        -- some account is to blame that nobody touched: look at all of this asset
        findings := findings || array(select f from ledger.findings_of_heads(total.asset) f)
          || array(select f from ledger.findings_of_sums('0', null) f) || array(select f from ledger.findings_of_checkpoints() f);
      end if;
      if not exists (
        select from unnest(findings) f join ledger.account a on a.id = split_part(f.subject, ':', 2)::bigint
        where f.kind = 'account_does_not_add_up' and a.asset = total.asset
      ) then
        findings := findings || row('asset_does_not_sum_to_zero', 'asset:' || total.asset, jsonb_build_object('sum', total.balance))::ledger.finding;
      end if;
    end if;
  end loop;

  for kind, subject, evidence in
    select f.kind, f.subject, jsonb_agg(distinct f.evidence) from unnest(findings) f group by f.kind, f.subject order by f.kind, f.subject
  loop
    select o.case_id, o.is_new into case_id, is_new from cases.open_case(kind, subject, evidence) o;
    found_count := found_count + 1;
    return next;
  end loop;
  insert into ledger.reconciliation (is_full, era, upto, finding_count, began_at) values (is_full, current_era, horizon, found_count, began);
end $$;

-- comment FUNCTION reconcile(is_full boolean)
COMMENT ON FUNCTION ledger.reconcile(is_full boolean) IS 'Checks the rules of the ledger over what is new since the last run, or over everything; opens a case for each finding that has none, returns all.';

-- function refuse_posting(bigint, bigint, bigint, boolean)
CREATE FUNCTION ledger.refuse_posting(from_account bigint, to_account bigint, amount bigint, is_new boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  giver ledger.account;
  taker ledger.account;
begin
  select * into giver from ledger.account a where a.id = from_account;
  select * into taker from ledger.account a where a.id = to_account;
  if giver.id is null or taker.id is null then
    perform private.refuse('account_unknown');
  end if;
  if giver.asset <> taker.asset then
    perform private.refuse('asset_mismatch', jsonb_build_object('from_asset', giver.asset, 'to_asset', taker.asset));
  end if;
  if is_new and giver.state <> 'active' then
    perform private.refuse('account_unavailable', jsonb_build_object('whose', 'yours', 'state', giver.state));
  end if;
  if is_new and taker.state = 'frozen' then
    perform private.refuse('account_unavailable', jsonb_build_object('whose', 'theirs'));
  end if;
  perform private.refuse('insufficient_funds', jsonb_build_object(
    'available_cents', giver.balance - giver.held - giver.min_balance, 'amount_cents', amount));
end $$;

-- function release(uuid)
CREATE FUNCTION ledger.release(hold_id uuid) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select ledger.close_hold(release.hold_id, 'released')
$$;

-- comment FUNCTION release(hold_id uuid)
COMMENT ON FUNCTION ledger.release(hold_id uuid) IS 'Gives what is left of an open hold back to its account. Again: the same answer.';

-- function system_account(text, text)
CREATE FUNCTION ledger.system_account(kind text, asset text DEFAULT 'USD'::text) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select a.id from ledger.account a
  where a.kind = system_account.kind and a.asset = system_account.asset and a.owner is null
$$;

-- comment FUNCTION system_account(kind text, asset text)
COMMENT ON FUNCTION ledger.system_account(kind text, asset text) IS 'The id of the one system account of this kind.';

-- function take_checkpoints(integer)
CREATE FUNCTION ledger.take_checkpoints(entries_min integer DEFAULT 1000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
  taken integer;
begin
  with last as (
    select a.id, c.era, coalesce(c.upto, '0'::xid8) as upto, coalesce(c.balance, 0) as balance
    from ledger.account a
    left join lateral (
      select k.era, k.upto, k.balance from ledger.checkpoint k where k.account_id = a.id order by k.era desc, k.upto desc limit 1
    ) c on true
    where a.is_summing
  ), since as (
    select l.id, l.balance, s.era, s.xid, s.amount, max(s.era) over (partition by l.id) as newest_era
    from last l join ledger.sum_entry s on s.account_id = l.id
      and (s.era = coalesce(l.era, s.era) and s.xid >= l.upto or s.era > l.era)
  )
  insert into ledger.checkpoint (account_id, era, upto, balance)
  select s.id, s.newest_era, horizon, s.balance + sum(s.amount)::bigint
  from since s
  -- ids of an earlier era say nothing about this database's horizon: those transactions have all ended
  where s.era < s.newest_era or s.xid < horizon
  group by s.id, s.balance, s.newest_era having count(*) >= entries_min
  on conflict do nothing;
  get diagnostics taken = row_count;
  return taken;
end $$;

-- comment FUNCTION take_checkpoints(entries_min integer)
COMMENT ON FUNCTION ledger.take_checkpoints(entries_min integer) IS 'Writes a checkpoint for each summing account with at least entries_min new entries; returns how many.';

-- function totals()
CREATE FUNCTION ledger.totals() RETURNS SETOF ledger.total
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET max_parallel_workers_per_gather TO '2'
    AS $$
#variable_conflict use_column
begin
  return query
    select x.asset, sum(x.balance), sum(x.held), sum(x.open_holds)
    from (
      select a.asset::text as asset, sum(a.balance) as balance, sum(a.held) as held, 0 as open_holds
      from ledger.account a group by a.asset
      union all
      -- as ledger.balance_of, spelt out: with a function in it, the pass over the accounts would be left to one process
      select a.asset, coalesce(c.balance, 0)
        + coalesce((
          select sum(s.amount) from ledger.sum_entry s
          where s.account_id = a.id and s.era = coalesce(c.era, s.era) and s.xid >= coalesce(c.upto, '0'::xid8)
        ), 0)
        + coalesce((select sum(s.amount) from ledger.sum_entry s where s.account_id = a.id and s.era > c.era), 0), 0, 0
      from ledger.account a
      left join lateral (
        select k.era, k.upto, k.balance from ledger.checkpoint k where k.account_id = a.id order by k.era desc, k.upto desc limit 1
      ) c on true
      where a.owner is null and a.is_summing
      union all
      select a.asset, 0, 0, o.amount - o.captured from ledger.hold o join ledger.account a on a.id = o.account_id where o.state = 'open'
    ) x
    group by x.asset;
end $$;

-- comment FUNCTION totals()
COMMENT ON FUNCTION ledger.totals() IS 'What all accounts of each asset hold together (0, when all is well), and how much is held; one pass over the accounts.';

-- function wallet_of(uuid, text)
CREATE FUNCTION ledger.wallet_of(owner uuid, asset text DEFAULT 'USD'::text) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select a.id from ledger.account a
  where a.owner = wallet_of.owner and a.asset = wallet_of.asset and a.kind = 'wallet'
$$;

-- comment FUNCTION wallet_of(owner uuid, asset text)
COMMENT ON FUNCTION ledger.wallet_of(owner uuid, asset text) IS 'The id of a person''s wallet, or null.';

-- function add_device(text, text, text, text)
CREATE FUNCTION notifications.add_device(endpoint text, public_key text, auth_secret text, name text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
end $_$;

-- comment FUNCTION add_device(endpoint text, public_key text, auth_secret text, name text)
COMMENT ON FUNCTION notifications.add_device(endpoint text, public_key text, auth_secret text, name text) IS 'The caller''s browser takes push messages from now on. Again changes nothing.';

-- function ask_email(text)
CREATE FUNCTION notifications.ask_email(address text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
end $_$;

-- comment FUNCTION ask_email(address text)
COMMENT ON FUNCTION notifications.ask_email(address text) IS 'Keeps an address of the caller''s until it is confirmed, and has the link sent there; the one before is written to meanwhile.';

-- function begin_sending(uuid)
CREATE FUNCTION notifications.begin_sending(delivery_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  update notifications.delivery d set state = 'sending', tries = d.tries + 1, began_at = private.now()
  where d.id = delivery_id and d.state = 'waiting' and d.due_at <= private.now();
  return found;
end $$;

-- comment FUNCTION begin_sending(delivery_id uuid)
COMMENT ON FUNCTION notifications.begin_sending(delivery_id uuid) IS 'Marks a delivery before it is sent. False for everybody but the one who may send it.';

-- function choose(text, text, boolean)
CREATE FUNCTION notifications.choose(kind text, channel text, is_wanted boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION choose(kind text, channel text, is_wanted boolean)
COMMENT ON FUNCTION notifications.choose(kind text, channel text, is_wanted boolean) IS 'Whether the caller wants to be told of this kind by this channel. Again changes nothing.';

-- function close_lost()
CREATE FUNCTION notifications.close_lost() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION close_lost()
COMMENT ON FUNCTION notifications.close_lost() IS 'Closes what was marked and never heard of again: it may have been sent, so it is not sent. Returns how many.';

-- function confirm_email(uuid, text)
CREATE FUNCTION notifications.confirm_email(person uuid, address text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION confirm_email(person uuid, address text)
COMMENT ON FUNCTION notifications.confirm_email(person uuid, address text) IS 'The link that was sent to this address was opened. False when another was asked for since.';

-- function drop_device(uuid)
CREATE FUNCTION notifications.drop_device(device_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION drop_device(device_id uuid)
COMMENT ON FUNCTION notifications.drop_device(device_id uuid) IS 'The push service says that this browser is there no more.';

-- function follow(integer)
CREATE FUNCTION notifications.follow(maximum integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION follow(maximum integer)
COMMENT ON FUNCTION notifications.follow(maximum integer) IS 'Makes a delivery for each of the next events and each channel that its person wants, with its job; returns how many events were read.';

-- table setting
CREATE TABLE notifications.setting (
    person uuid NOT NULL,
    email text,
    email_asked text,
    quiet_from_minute integer,
    quiet_to_minute integer,
    zone text DEFAULT 'UTC'::text NOT NULL,
    remind_hours integer DEFAULT 24 NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT email_is_an_address CHECK ((((email IS NULL) OR ((email ~ '^[!-~]+@[A-Za-z0-9.-]+[.][A-Za-z]{2,}$'::text) AND (char_length(email) <= 254))) AND ((email_asked IS NULL) OR ((email_asked ~ '^[!-~]+@[A-Za-z0-9.-]+[.][A-Za-z]{2,}$'::text) AND (char_length(email_asked) <= 254))))),
    CONSTRAINT quiet_hours_have_two_ends CHECK ((((quiet_from_minute IS NULL) = (quiet_to_minute IS NULL)) AND (quiet_from_minute <> quiet_to_minute) AND ((quiet_from_minute >= 0) AND (quiet_from_minute <= 1439)) AND ((quiet_to_minute >= 0) AND (quiet_to_minute <= 1439)))),
    CONSTRAINT reminders_come_within_three_days CHECK (((remind_hours >= 1) AND (remind_hours <= 72))),
    CONSTRAINT zone_is_a_name CHECK (((zone ~ '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}$'::text) AND (char_length(zone) <= 64)))
);

-- comment TABLE setting
COMMENT ON TABLE notifications.setting IS 'How somebody is told of things. email: confirmed by its owner; email_asked: a link was sent there, and is waited for.';

-- function hold_mine()
CREATE FUNCTION notifications.hold_mine() RETURNS notifications.setting
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION hold_mine()
COMMENT ON FUNCTION notifications.hold_mine() IS 'The caller''s settings, made on first use and held.';

-- function hurry(integer)
CREATE FUNCTION notifications.hurry(maximum integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION hurry(maximum integer)
COMMENT ON FUNCTION notifications.hurry(maximum integer) IS 'Enqueues what was put off until a time that has come; returns how many.';

-- function is_reached_by_text_alone(uuid)
CREATE FUNCTION notifications.is_reached_by_text_alone(person uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select not exists (
    select from notifications.setting s where s.person = is_reached_by_text_alone.person and s.email is not null
  ) and not exists (select from notifications.device d where d.person = is_reached_by_text_alone.person)
$$;

-- comment FUNCTION is_reached_by_text_alone(person uuid)
COMMENT ON FUNCTION notifications.is_reached_by_text_alone(person uuid) IS 'Whether somebody has neither a confirmed address nor a browser that takes push messages.';

-- function is_wanted(uuid, text, text)
CREATE FUNCTION notifications.is_wanted(person uuid, kind text, channel text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(
    case when not k.is_chosen then k.is_urgent or is_wanted.channel = 'email' end,
    (select p.is_wanted from notifications.preference p
     where p.person = is_wanted.person and p.kind = k.kind and p.channel = is_wanted.channel),
    case when is_wanted.channel = 'sms' then k.is_texted and notifications.is_reached_by_text_alone(is_wanted.person)
      else k.is_default end)
  from notifications.kind k where k.kind = is_wanted.kind
$$;

-- comment FUNCTION is_wanted(person uuid, kind text, channel text)
COMMENT ON FUNCTION notifications.is_wanted(person uuid, kind text, channel text) IS 'Whether somebody wants to be told of this kind by this channel.';

-- function moment()
CREATE FUNCTION notifications.moment() RETURNS timestamp with time zone
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select private.now()
$$;

-- comment FUNCTION moment()
COMMENT ON FUNCTION notifications.moment() IS 'The time, as the database has it: links are good for so long from it.';

-- function my_notices(timestamp with time zone, integer)
CREATE FUNCTION notifications.my_notices(before timestamp with time zone, maximum integer) RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', d.id, 'kind', d.kind, 'channel', d.channel, 'state', d.state, 'reason', d.reason, 'at', d.created_at, 'due_at', d.due_at,
    'ended_at', d.ended_at, 'facts', e.payload - 'owner_id', 'plan_id', l.id, 'plan_name', l.name, 'plan_zone', l.zone)
  from notifications.delivery d
  join events.event e on e.id = d.event_id
  left join savings.plan l on l.id = case when d.kind like 'plan.%' then e.subject else (e.payload ->> 'plan_id')::uuid end
  where d.person = auth.uid() and (before is null or d.created_at < before)
  order by d.created_at desc, d.id desc limit least(greatest(maximum, 0), 100)
$$;

-- comment FUNCTION my_notices(before timestamp with time zone, maximum integer)
COMMENT ON FUNCTION notifications.my_notices(before timestamp with time zone, maximum integer) IS 'What the caller was told, by which channel, and what became of it; the newest first.';

-- function my_settings()
CREATE FUNCTION notifications.my_settings() RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION my_settings()
COMMENT ON FUNCTION notifications.my_settings() IS 'How the caller is told of things.';

-- function note(uuid, text, jsonb)
CREATE FUNCTION notifications.note(person uuid, kind text, facts jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  changes bigint;
begin
  update notifications.setting s set version = s.version + 1, changed_at = private.now()
  where s.person = person returning s.version into changes;
  perform events.record(kind, person, changes, jsonb_build_object('owner_id', person) || facts, auth.uid());
end $$;

-- comment FUNCTION note(person uuid, kind text, facts jsonb)
COMMENT ON FUNCTION notifications.note(person uuid, kind text, facts jsonb) IS 'Writes the event of a change, with neither address nor key in it.';

-- table delivery
CREATE TABLE notifications.delivery (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    event_id bigint NOT NULL,
    channel text NOT NULL,
    person uuid NOT NULL,
    kind events.kind NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    reason text,
    vendor_ref text,
    tries integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    began_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT channel_is_known CHECK ((channel = ANY (ARRAY['sms'::text, 'email'::text, 'push'::text]))),
    CONSTRAINT ended_says_when CHECK (((state = ANY (ARRAY['sent'::text, 'refused'::text, 'unknown'::text, 'dropped'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['waiting'::text, 'sending'::text, 'sent'::text, 'refused'::text, 'unknown'::text, 'dropped'::text])))
)
WITH (fillfactor='80');

-- comment TABLE delivery
COMMENT ON TABLE notifications.delivery IS 'Telling one person of one event by one channel: waiting, sending (marked before the vendor is called), then sent, refused by the vendor, unknown (may have been sent; never repeated), or dropped for a reason of ours.';

-- function note_ended(notifications.delivery)
CREATE FUNCTION notifications.note_ended(delivery notifications.delivery) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select events.record('notice.' || (delivery).state, (delivery).id, (delivery).tries + 1, jsonb_build_object(
    'owner_id', (delivery).person, 'event_id', (delivery).event_id, 'kind', (delivery).kind, 'channel', (delivery).channel,
    'reason', (delivery).reason), null)
$$;

-- comment FUNCTION note_ended(delivery notifications.delivery)
COMMENT ON FUNCTION notifications.note_ended(delivery notifications.delivery) IS 'The event of what became of a notice.';

-- function open(uuid)
CREATE FUNCTION notifications.open(delivery_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION open(delivery_id uuid)
COMMENT ON FUNCTION notifications.open(delivery_id uuid) IS 'What is to be told and to whom, as it is now; null when there is nothing to do (yet).';

-- function put_off(uuid, timestamp with time zone)
CREATE FUNCTION notifications.put_off(delivery_id uuid, until timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update notifications.delivery d set due_at = until, reason = 'quiet_hours' where d.id = delivery_id and d.state = 'waiting'
$$;

-- comment FUNCTION put_off(delivery_id uuid, until timestamp with time zone)
COMMENT ON FUNCTION notifications.put_off(delivery_id uuid, until timestamp with time zone) IS 'Its person wants quiet until then.';

-- function remind(integer)
CREATE FUNCTION notifications.remind(maximum integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION remind(maximum integer)
COMMENT ON FUNCTION notifications.remind(maximum integer) IS 'Announces buys that are near to those who wish it, each once; returns how many.';

-- function remove_device(uuid)
CREATE FUNCTION notifications.remove_device(device_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  mine notifications.setting := notifications.hold_mine();
begin
  delete from notifications.device d where d.id = device_id and d.person = mine.person;
  if found then
    perform notifications.note(mine.person, 'notices.device_removed', jsonb_build_object('device_id', device_id, 'reason', 'by_owner'));
  end if;
end $$;

-- comment FUNCTION remove_device(device_id uuid)
COMMENT ON FUNCTION notifications.remove_device(device_id uuid) IS 'One of the caller''s browsers takes no more push messages. Again changes nothing.';

-- function remove_email()
CREATE FUNCTION notifications.remove_email() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  mine notifications.setting := notifications.hold_mine();
begin
  if mine.email is null and mine.email_asked is null then
    return;
  end if;
  update notifications.setting s set email = null, email_asked = null where s.person = mine.person;
  perform notifications.note(mine.person, 'notices.email_removed', '{}');
end $$;

-- comment FUNCTION remove_email()
COMMENT ON FUNCTION notifications.remove_email() IS 'The caller is written to no more. Again changes nothing.';

-- function set_hours(integer, integer, text, integer)
CREATE FUNCTION notifications.set_hours(quiet_from_minute integer, quiet_to_minute integer, zone text, remind_hours integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
end $_$;

-- comment FUNCTION set_hours(quiet_from_minute integer, quiet_to_minute integer, zone text, remind_hours integer)
COMMENT ON FUNCTION notifications.set_hours(quiet_from_minute integer, quiet_to_minute integer, zone text, remind_hours integer) IS 'When the caller is not to be told of anything (null: always may), in which zone, and how many hours ahead a buy is announced.';

-- function settle(uuid, text, text, text)
CREATE FUNCTION notifications.settle(delivery_id uuid, state text, reason text, vendor_ref text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with settled as (
    update notifications.delivery d set
      state = settle.state, reason = left(settle.reason, 100), vendor_ref = left(settle.vendor_ref, 200),
      ended_at = case when settle.state <> 'waiting' then private.now() end
    where d.id = settle.delivery_id and d.state = case when settle.state = 'dropped' then 'waiting' else 'sending' end
    returning d.*
  )
  select notifications.note_ended(s) from settled s where s.ended_at is not null
$$;

-- comment FUNCTION settle(delivery_id uuid, state text, reason text, vendor_ref text)
COMMENT ON FUNCTION notifications.settle(delivery_id uuid, state text, reason text, vendor_ref text) IS 'What became of a sending: sent, refused, unknown, or waiting (it certainly was not sent). dropped: it is not sent at all.';

-- function unsubscribe(uuid, text, text)
CREATE FUNCTION notifications.unsubscribe(person uuid, kind text, channel text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION unsubscribe(person uuid, kind text, channel text)
COMMENT ON FUNCTION notifications.unsubscribe(person uuid, kind text, channel text) IS 'Ends notices of a kind by a channel, for whoever holds the link that was sent to them. False for what cannot be ended so.';

-- function append_only()
CREATE FUNCTION private.append_only() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception using errcode = 'PA000', message = 'append_only', detail = jsonb_build_object('table', tg_relid::regclass)::text;
end $$;

-- comment FUNCTION append_only()
COMMENT ON FUNCTION private.append_only() IS 'A trigger that refuses update, delete and truncate, to the owner too.';

-- function half_even(bigint, bigint)
CREATE FUNCTION private.half_even(numerator bigint, denominator bigint) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  whole constant bigint := numerator / denominator;
  twice_rest constant bigint := 2 * abs(numerator % denominator);
begin
  if twice_rest > denominator or (twice_rest = denominator and whole % 2 <> 0) then
    return whole + case when numerator < 0 then -1 else 1 end;
  end if;
  return whole;
end $$;

-- comment FUNCTION half_even(numerator bigint, denominator bigint)
COMMENT ON FUNCTION private.half_even(numerator bigint, denominator bigint) IS 'A quotient rounded to the nearest integer, halves to the even one; the denominator is positive.';

-- function now()
CREATE FUNCTION private.now() RETURNS timestamp with time zone
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select clock_timestamp()
$$;

-- comment FUNCTION now()
COMMENT ON FUNCTION private.now() IS 'The time that limits and schedules read. The embedded server adds an offset that tests may set; hosted never does.';

-- function part_of(uuid, text)
CREATE FUNCTION private.part_of(id uuid, part text) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ select md5(id || ':' || part)::uuid $$;

-- comment FUNCTION part_of(id uuid, part text)
COMMENT ON FUNCTION private.part_of(id uuid, part text) IS 'The id of one part of what has this id: the same each time it is done.';

-- function refuse(text, jsonb)
CREATE FUNCTION private.refuse(code text, facts jsonb DEFAULT '{}'::jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- a time is said as how long from now, so the clock that it was read from goes with it
  if facts ? 'resets_at' then
    facts := facts || jsonb_build_object('now', private.now());
  end if;
  raise exception using errcode = 'PA000', message = code, detail = facts::text;
end $$;

-- comment FUNCTION refuse(code text, facts jsonb)
COMMENT ON FUNCTION private.refuse(code text, facts jsonb) IS 'Raises SQLSTATE PA000 with the code of a refusal as its message and its facts as JSON in the detail; with resets_at also now.';

-- function tell_inserted_payments()
CREATE FUNCTION private.tell_inserted_payments() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into realtime._outbox (body)
  select jsonb_build_object(
    'extension', 'postgres_changes', 'rows', jsonb_agg(jsonb_build_object('id', e.subject, 'at', e.at) order by p.position)
  )
  from placed p join events.event e on e.id = p.event_id
  where e.kind = 'payment.sent' having count(*) > 0;
  return null;
end $$;

-- comment FUNCTION tell_inserted_payments()
COMMENT ON FUNCTION private.tell_inserted_payments() IS 'PaYa embedded d82f01bcb8c7217480a695e13e108fde909d7d56637544059b30f54a849d5639';

-- table seal
CREATE TABLE proof.seal (
    n bigint NOT NULL,
    era integer NOT NULL,
    xid_from xid8 NOT NULL,
    xid_upto xid8 NOT NULL,
    transfer_count integer NOT NULL,
    event_count integer NOT NULL,
    transfer_total bigint NOT NULL,
    event_total bigint NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    at timestamp with time zone NOT NULL,
    hash bytea NOT NULL,
    leaves bytea NOT NULL,
    CONSTRAINT hashes_are_whole CHECK (((octet_length(root) = 32) AND (octet_length(previous) = 32) AND (octet_length(hash) = 32))),
    CONSTRAINT leaves_are_whole CHECK ((octet_length(leaves) = (32 * (transfer_count + event_count)))),
    CONSTRAINT seal_covers_something CHECK (((xid_from < xid_upto) AND (transfer_count >= 0) AND (event_count >= 0) AND ((transfer_count + event_count) > 0)))
);
ALTER TABLE ONLY proof.seal ALTER COLUMN leaves SET STORAGE EXTERNAL;

-- comment TABLE seal
COMMENT ON TABLE proof.seal IS 'What transactions from xid_from to below xid_upto wrote: the root over its leaves (transfers, then events, by xid and id), chained to the seal before.';

-- comment COLUMN seal.leaves
COMMENT ON COLUMN proof.seal.leaves IS 'The leaves'' hashes, 32 bytes each: they make receipts cheap, and name the row when one was changed.';

-- function append_seal(integer, xid8, xid8, proof.seal)
CREATE FUNCTION proof.append_seal(era integer, xid_from xid8, xid_upto xid8, last proof.seal) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  made proof.seal;
  hashes bytea[];
  position bigint;
  level integer := 0;
  node bytea;
begin
  select array_agg(l.leaf order by l.is_event, l.place), count(*) filter (where not l.is_event), count(*) filter (where l.is_event),
    string_agg(l.leaf, '' order by l.is_event, l.place)
  into hashes, made.transfer_count, made.event_count, made.leaves
  from proof.leaves(era, xid_from, xid_upto) l;
  made.n := coalesce(last.n, 0) + 1;
  made.era := era;
  made.xid_from := xid_from;
  made.xid_upto := xid_upto;
  made.transfer_total := coalesce(last.transfer_total, 0) + made.transfer_count;
  made.event_total := coalesce(last.event_total, 0) + made.event_count;
  made.root := proof.merkle_root(hashes);
  made.previous := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
  made.at := clock_timestamp();
  -- a seal's hash is its leaf in the log
  made.hash := sha256('\x00'::bytea || convert_to(
    '["paya.seal.1",' || made.n || ',' || made.era || ',' || made.xid_from || ',' || made.xid_upto
    || ',' || made.transfer_count || ',' || made.event_count || ',' || made.transfer_total || ',' || made.event_total
    || ',"' || encode(made.root, 'hex') || '","' || encode(made.previous, 'hex') || '",' || proof.microseconds(made.at) || ']', 'UTF8'));
  insert into proof.seal select made.*;

  position := made.n - 1;
  node := made.hash;
  while position % 2 = 1 loop
    node := proof.node_hash(proof.log_node(level, position - 1), node);
    position := position / 2;
    level := level + 1;
    insert into proof.node (level, index, hash) values (level, position, node);
  end loop;
  return made.transfer_count + made.event_count;
end $$;

-- function head(bigint)
CREATE FUNCTION proof.head(size bigint DEFAULT NULL::bigint) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case
    when s.n is not null then jsonb_build_object(
      'version', 'paya.head.1',
      'size', s.n,
      'log_root', encode(proof.log_range(0, s.n), 'hex'),
      'seal_hash', encode(s.hash, 'hex'),
      'sealed_at', to_char(s.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'transfer_count', s.transfer_total,
      'event_count', s.event_total)
    when coalesce(head.size, 0) = 0 then jsonb_build_object(
      'version', 'paya.head.1', 'size', 0, 'log_root', encode(sha256(''), 'hex'), 'seal_hash', repeat('00', 32), 'sealed_at', null,
      'transfer_count', 0, 'event_count', 0)
  end
  from (select) nothing
  left join lateral (
    select * from proof.seal k where head.size is null or k.n = head.size order by k.n desc limit 1
  ) s on true
$$;

-- comment FUNCTION head(size bigint)
COMMENT ON FUNCTION proof.head(size bigint) IS 'The public head of the log of seals, or that of an earlier size: its root, the newest seal, and how much it covers. Null when there is no such size.';

-- function leaves(integer, xid8, xid8)
CREATE FUNCTION proof.leaves(in_era integer, xid_from xid8, xid_upto xid8) RETURNS TABLE(is_event boolean, place bigint, leaf bytea)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select false, row_number() over (order by t.xid, t.id),
    sha256('\x00'::bytea || sha256(k.key || convert_to('transfer:' || t.id, 'UTF8')) || convert_to(
      '["paya.transfer.1","' || t.id
      || '",' || (extract(epoch from t.at) * 1000000)::bigint
      || ',' || (extract(epoch from t.effective_at) * 1000000)::bigint
      || ',"' || encode(sha256('\x02'::bytea || sha256(k.key || convert_to('from:' || t.id, 'UTF8'))
        || convert_to('[' || t.from_account || ',' || coalesce(t.from_seq::text, 'null') || ']', 'UTF8')), 'hex')
      || '","' || encode(sha256('\x02'::bytea || sha256(k.key || convert_to('to:' || t.id, 'UTF8'))
        || convert_to('[' || t.to_account || ',' || coalesce(t.to_seq::text, 'null') || ']', 'UTF8')), 'hex')
      || '",' || t.amount
      || ',' || to_json(t.kind)
      || ',' || coalesce(to_json(t.ref)::text, 'null') || ']', 'UTF8'))
  from proof.salt_key k, ledger.transfer t
  where t.era = leaves.in_era and t.xid >= leaves.xid_from and t.xid < leaves.xid_upto
  union all
  select true, row_number() over (order by e.xid, e.id),
    sha256('\x00'::bytea || sha256(k.key || convert_to('event:' || e.id, 'UTF8')) || convert_to(
      '["paya.event.1",' || e.id
      || ',' || (extract(epoch from e.at) * 1000000)::bigint
      || ',' || coalesce('"' || e.actor || '"', 'null')
      || ',' || to_json(e.kind::text)
      || ',"' || e.subject
      || '",' || e.version
      || ',"' || encode(sha256(convert_to(e.payload::text, 'UTF8')), 'hex') || '"]', 'UTF8'))
  from proof.salt_key k, events.event e
  where e.era = leaves.in_era and e.xid >= leaves.xid_from and e.xid < leaves.xid_upto
$$;

-- comment FUNCTION leaves(in_era integer, xid_from xid8, xid_upto xid8)
COMMENT ON FUNCTION proof.leaves(in_era integer, xid_from xid8, xid_upto xid8) IS 'The leaf hashes of the rows that these transactions wrote; docs/proof.md says how each is made.';

-- function log_node(integer, bigint)
CREATE FUNCTION proof.log_node(level integer, index bigint) RETURNS bytea
    LANGUAGE sql STABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when log_node.level = 0
    then (select s.hash from proof.seal s where s.n = log_node.index + 1)
    else (select k.hash from proof.node k where k.level = log_node.level and k.index = log_node.index) end
$$;

-- function log_path(bigint, bigint)
CREATE FUNCTION proof.log_path(index bigint, size bigint) RETURNS bytea[]
    LANGUAGE plpgsql STABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  level integer := 0;
  place bigint := index;
  last bigint := size - 1;
  beside bigint;
  path bytea[] := '{}';
begin
  while last > 0 loop
    beside := place # 1;
    if beside <= last then
      path := path || case when (beside + 1) << level <= size
        then proof.log_node(level, beside)
        else proof.log_range(beside << level, size - (beside << level)) end;
    end if;
    place := place >> 1;
    last := last >> 1;
    level := level + 1;
  end loop;
  return path;
end $$;

-- comment FUNCTION log_path(index bigint, size bigint)
COMMENT ON FUNCTION proof.log_path(index bigint, size bigint) IS 'The hashes that lead from the seal at index (from 0) to the root of the log of this size, the lowest first.';

-- function log_range(bigint, bigint)
CREATE FUNCTION proof.log_range(start bigint, length bigint) RETURNS bytea
    LANGUAGE plpgsql STABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  rest bigint := length;
  level integer := 0;
  joined bytea;
  node bytea;
begin
  while rest > 0 loop
    if rest % 2 = 1 then
      -- of what is counted here, rest - 1 nodes of this level stand to the left
      node := proof.log_node(level, (start >> level) + rest - 1);
      joined := case when joined is null then node else proof.node_hash(node, joined) end;
    end if;
    rest := rest / 2;
    level := level + 1;
  end loop;
  return coalesce(joined, sha256(''));
end $$;

-- comment FUNCTION log_range(start bigint, length bigint)
COMMENT ON FUNCTION proof.log_range(start bigint, length bigint) IS 'The root over `length` seals from position start (from 0) on; the whole log of a size is log_range(0, size).';

-- function merkle_level(bytea[])
CREATE FUNCTION proof.merkle_level(nodes bytea[]) RETURNS bytea[]
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array(
    select case when p.r is null then p.l else sha256('\x01'::bytea || p.l || p.r) end
    from (select u.node as l, lead(u.node) over (order by u.n) as r, u.n from unnest(merkle_level.nodes) with ordinality u (node, n)) p
    where p.n % 2 = 1 order by p.n
  )
$$;

-- comment FUNCTION merkle_level(nodes bytea[])
COMMENT ON FUNCTION proof.merkle_level(nodes bytea[]) IS 'The level above these nodes, as RFC 6962 has it: neighbours are paired, an odd one out moves up as it is.';

-- function merkle_path(bytea[], integer)
CREATE FUNCTION proof.merkle_path(leaves bytea[], index integer) RETURNS bytea[]
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  nodes bytea[] := leaves;
  place integer := index;
  path bytea[] := '{}';
begin
  while cardinality(nodes) > 1 loop
    if place # 1 < cardinality(nodes) then
      path := path || nodes[(place # 1) + 1];
    end if;
    nodes := proof.merkle_level(nodes);
    place := place / 2;
  end loop;
  return path;
end $$;

-- comment FUNCTION merkle_path(leaves bytea[], index integer)
COMMENT ON FUNCTION proof.merkle_path(leaves bytea[], index integer) IS 'The hashes that lead from the leaf at index (from 0) to the root, the lowest first.';

-- function merkle_root(bytea[])
CREATE FUNCTION proof.merkle_root(leaves bytea[]) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  nodes bytea[] := leaves;
begin
  if cardinality(nodes) = 0 then
    return sha256('');
  end if;
  while cardinality(nodes) > 1 loop
    nodes := proof.merkle_level(nodes);
  end loop;
  return nodes[1];
end $$;

-- comment FUNCTION merkle_root(leaves bytea[])
COMMENT ON FUNCTION proof.merkle_root(leaves bytea[]) IS 'The root of RFC 6962 over these leaf hashes.';

-- function microseconds(timestamp with time zone)
CREATE FUNCTION proof.microseconds(at timestamp with time zone) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (extract(epoch from at) * 1000000)::bigint
$$;

-- function my_receipt(uuid)
CREATE FUNCTION proof.my_receipt(payment_id uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  viewer uuid := auth.uid();
  secret bytea := (select k.key from proof.salt_key k);
  head jsonb := proof.head();
  is_sender boolean;
  t ledger.transfer;
  s proof.seal;
  place integer;
  hashes bytea[];
begin
  if viewer is null then
    perform private.refuse('signed_out');
  end if;
  select p.sender_id = viewer into is_sender from public.payments p where p.id = payment_id and viewer in (p.sender_id, p.recipient_id);
  if not found then
    perform private.refuse('not_found', '{"what": "payment"}');
  end if;
  select * into t from ledger.transfer x where x.id = payment_id;
  select * into s from proof.seal x where x.era = t.era and x.xid_upto > t.xid order by x.xid_upto limit 1;
  if not found then
    perform private.refuse('not_sealed_yet');
  end if;
  place := (
    select count(*) from ledger.transfer x
    where x.era = s.era and x.xid >= s.xid_from and x.xid < s.xid_upto and (x.xid, x.id) < (t.xid, t.id)
  );
  hashes := array(
    select substr(s.leaves, 32 * i + 1, 32) from generate_series(0, s.transfer_count + s.event_count - 1) i order by i
  );
  return jsonb_build_object(
    'version', 'paya.receipt.1',
    'transfer', jsonb_build_object(
      'id', t.id, 'at_us', proof.microseconds(t.at), 'effective_at_us', proof.microseconds(t.effective_at),
      'from', proof.side_shown(secret, 'from', t.id, t.from_account, t.from_seq, is_sender),
      'to', proof.side_shown(secret, 'to', t.id, t.to_account, t.to_seq, not is_sender),
      'amount', t.amount, 'kind', t.kind, 'ref', t.ref),
    'salt', encode(sha256(secret || convert_to('transfer:' || t.id, 'UTF8')), 'hex'),
    'index', place,
    'path', (select coalesce(jsonb_agg(encode(u.node, 'hex') order by u.n), '[]')
      from unnest(proof.merkle_path(hashes, place)) with ordinality u (node, n)),
    'seal', jsonb_build_object(
      'n', s.n, 'era', s.era, 'xid_from', s.xid_from::text::bigint, 'xid_upto', s.xid_upto::text::bigint,
      'transfer_count', s.transfer_count, 'event_count', s.event_count,
      'transfer_total', s.transfer_total, 'event_total', s.event_total,
      'root', encode(s.root, 'hex'), 'previous', encode(s.previous, 'hex'), 'at_us', proof.microseconds(s.at)),
    'log_path', (select coalesce(jsonb_agg(encode(u.node, 'hex') order by u.n), '[]')
      from unnest(proof.log_path(s.n - 1, (head ->> 'size')::bigint)) with ordinality u (node, n)),
    'head', head);
end $$;

-- comment FUNCTION my_receipt(payment_id uuid)
COMMENT ON FUNCTION proof.my_receipt(payment_id uuid) IS 'What proves one of the caller''s payments against the head of this moment; it shows nobody else''s rows. Refuses: not_sealed_yet for about a second.';

-- function next_xid(xid8)
CREATE FUNCTION proof.next_xid(xid xid8) RETURNS xid8
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (xid::text::numeric + 1)::text::xid8
$$;

-- function node_hash(bytea, bytea)
CREATE FUNCTION proof.node_hash(l bytea, r bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select sha256('\x01'::bytea || l || r)
$$;

-- comment FUNCTION node_hash(l bytea, r bytea)
COMMENT ON FUNCTION proof.node_hash(l bytea, r bytea) IS 'An inner node: the byte 1, then both children. A leaf begins with the byte 0, so neither can pass for the other.';

-- function seal_next(integer)
CREATE FUNCTION proof.seal_next(leaves_max integer DEFAULT 4096) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  last proof.seal;
  era integer;
  current_era integer;
  start xid8;
  horizon xid8;
  upto xid8;
  first xid8;
begin
  if not pg_try_advisory_xact_lock(815002) then
    return 0;
  end if;
  select * into last from proof.seal s order by s.n desc limit 1;
  select c.era into current_era from events.relay_cursor c;
  era := coalesce(last.era, 1);
  start := coalesce(last.xid_upto, '0');
  loop
    if era = current_era then
      horizon := pg_snapshot_xmin(pg_current_snapshot());
    else
      select proof.next_xid(greatest(
        (select max(t.xid) from ledger.transfer t where t.era = era), (select max(e.xid) from events.event e where e.era = era)
      )) into horizon;
    end if;
    select least(
      (select min(t.xid) from ledger.transfer t where t.era = era and t.xid >= start and t.xid < horizon),
      (select min(e.xid) from events.event e where e.era = era and e.xid >= start and e.xid < horizon)
    ) into first;
    exit when first is not null or era >= current_era;
    era := era + 1;
    start := '0';
  end loop;
  if events.is_restored() or start > pg_snapshot_xmax(pg_current_snapshot()) and era = current_era then
    perform private.refuse('record_restored');
  end if;
  if first is null then
    return 0;
  end if;
  -- A backlog is sealed in pieces, each cut between two transactions; one transaction is never split.
  upto := least(
    horizon,
    (select t.xid from ledger.transfer t where t.era = era and t.xid >= start and t.xid < horizon order by t.xid offset leaves_max / 2 limit 1),
    (select e.xid from events.event e where e.era = era and e.xid >= start and e.xid < horizon order by e.xid, e.id offset leaves_max / 2 limit 1)
  );
  return proof.append_seal(era, start, greatest(upto, proof.next_xid(first)), last);
end $$;

-- comment FUNCTION seal_next(leaves_max integer)
COMMENT ON FUNCTION proof.seal_next(leaves_max integer) IS 'Seals what is new below the horizon, about leaves_max rows at most; returns how many, 0 when none or when another seals. Refuses a restored record.';

-- function side_shown(bytea, text, uuid, bigint, bigint, boolean)
CREATE FUNCTION proof.side_shown(secret bytea, side text, transfer_id uuid, account_id bigint, seq bigint, is_open boolean) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when is_open
    then jsonb_build_object('account', account_id, 'seq', seq, 'salt', encode(x.salt, 'hex'))
    else jsonb_build_object('hash', encode(sha256('\x02'::bytea || x.salt
      || convert_to('[' || account_id || ',' || coalesce(seq::text, 'null') || ']', 'UTF8')), 'hex')) end
  from (select sha256(secret || convert_to(side || ':' || transfer_id, 'UTF8')) as salt) x
$$;

-- function count_failure(text)
CREATE FUNCTION providers.count_failure(vendor text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  broken providers.provider_health;
begin
  update providers.provider_health h set failures = h.failures + 1
  where h.vendor = count_failure.vendor and h.state = 'closed' returning * into broken;
  if broken.failures >= broken.threshold then
    update providers.provider_health h set
      state = 'opened', opened_at = private.now(), down_since = private.now(), version = h.version + 1
    where h.vendor = count_failure.vendor returning * into broken;
    perform events.record('breaker.opened', broken.id, broken.version, jsonb_build_object('vendor', broken.vendor), null);
  end if;
end $$;

-- comment FUNCTION count_failure(vendor text)
COMMENT ON FUNCTION providers.count_failure(vendor text) IS 'Counts one failure of a closed breaker; the one that makes it too many opens it, for all processes.';

-- function degraded()
CREATE FUNCTION providers.degraded() RETURNS TABLE(vendor text, down_since timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select h.vendor, h.down_since from providers.provider_health h where h.state <> 'closed' order by h.vendor
$$;

-- comment FUNCTION degraded()
COMMENT ON FUNCTION providers.degraded() IS 'Vendors that do not answer, and since when.';

-- function end_probe(text, boolean)
CREATE FUNCTION providers.end_probe(vendor text, is_well boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  before providers.provider_health;
begin
  select * into before from providers.provider_health h where h.vendor = end_probe.vendor for no key update;
  if before.state is distinct from 'half-opened' then
    return;
  end if;
  if not is_well then
    update providers.provider_health h set state = 'opened', opened_at = private.now(), probe_until = null
    where h.vendor = end_probe.vendor;
    return;
  end if;
  update providers.provider_health h set
    state = 'closed', failures = 0, opened_at = null, down_since = null, probe_until = null, version = h.version + 1
  where h.vendor = end_probe.vendor;
  perform events.record('breaker.closed', before.id, before.version + 1, jsonb_build_object(
    'vendor', before.vendor, 'down_s', round(extract(epoch from private.now() - before.down_since))), null);
  perform jobs.hurry(case
    when vendor in ('twilio', 'sns') then 'texts' when vendor in ('smtp', 'push') then 'notifications'
    when vendor = 'kraken' then 'savings' else 'banking' end);
end $$;

-- comment FUNCTION end_probe(vendor text, is_well boolean)
COMMENT ON FUNCTION providers.end_probe(vendor text, is_well boolean) IS 'What the probe found: the breaker closes and what waited is due, or it stays open for another ttl_s. Nothing when no probe is under way.';

-- function enter(text, double precision)
CREATE FUNCTION providers.enter(vendor text, probe_s double precision) RETURNS TABLE(state text, failures integer, threshold integer, ttl_s double precision, wait_s double precision)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  moment timestamptz := private.now();
  found_row providers.provider_health;
begin
  select * into found_row from providers.provider_health h where h.vendor = enter.vendor;
  if not found then
    return;
  end if;
  if found_row.state <> 'closed' then
    update providers.provider_health h set state = 'half-opened', probe_until = moment + make_interval(secs => enter.probe_s)
    where h.vendor = enter.vendor and (
      h.state = 'opened' and h.opened_at + make_interval(secs => h.ttl_s) <= moment
      or h.state = 'half-opened' and h.probe_until <= moment);
    if found then
      return query select 'half-opened', found_row.failures, found_row.threshold, found_row.ttl_s, 0::float8;
      return;
    end if;
    select * into found_row from providers.provider_health h where h.vendor = enter.vendor;
  end if;
  return query select
    case found_row.state when 'closed' then 'closed' else 'opened' end, found_row.failures, found_row.threshold, found_row.ttl_s,
    greatest(1, extract(epoch from coalesce(
      found_row.probe_until, found_row.opened_at + make_interval(secs => found_row.ttl_s)) - moment))::float8;
end $$;

-- comment FUNCTION enter(vendor text, probe_s double precision)
COMMENT ON FUNCTION providers.enter(vendor text, probe_s double precision) IS 'How the vendor''s breaker stands for this one caller: half-opened means that the caller is the probe, for probe_s at most. No row: there is none yet.';

-- function forget_failures(text)
CREATE FUNCTION providers.forget_failures(vendor text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update providers.provider_health h set failures = 0
  where h.vendor = forget_failures.vendor and h.state = 'closed' and h.failures > 0
$$;

-- comment FUNCTION forget_failures(vendor text)
COMMENT ON FUNCTION providers.forget_failures(vendor text) IS 'The vendor answered: failures count in a row only.';

-- function is_down(text)
CREATE FUNCTION providers.is_down(vendor text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (select from providers.provider_health h where h.vendor = is_down.vendor and h.state <> 'closed')
$$;

-- comment FUNCTION is_down(vendor text)
COMMENT ON FUNCTION providers.is_down(vendor text) IS 'Whether the vendor is left alone now. Called by functions of ours.';

-- function register(text, integer, double precision)
CREATE FUNCTION providers.register(vendor text, threshold integer, ttl_s double precision) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into providers.provider_health (vendor, threshold, ttl_s) values (vendor, threshold, ttl_s) on conflict do nothing
$$;

-- comment FUNCTION register(vendor text, threshold integer, ttl_s double precision)
COMMENT ON FUNCTION providers.register(vendor text, threshold integer, ttl_s double precision) IS 'Gives a vendor its breaker, closed, unless it has one.';

-- function kept(text)
CREATE FUNCTION retention.kept(rule_name text) RETURNS interval
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select r.kept from retention.rule r where r.name = rule_name
$$;

-- comment FUNCTION kept(rule_name text)
COMMENT ON FUNCTION retention.kept(rule_name text) IS 'For how long it is kept; null: for good.';

-- function sweep(integer)
CREATE FUNCTION retention.sweep(maximum integer) RETURNS TABLE(rule_name text, removed bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz;
begin
  rule_name := 'notices';
  moment := private.now() - retention.kept(rule_name);
  delete from notifications.delivery d where d.id in (
    select o.id from notifications.delivery o where o.ended_at < moment order by o.ended_at limit maximum for update skip locked);
  get diagnostics removed = row_count;
  return next;

  rule_name := 'reminders';
  moment := private.now() - retention.kept(rule_name);
  delete from notifications.reminder r where r.id in (
    select o.id from notifications.reminder o join savings.buy b on b.id = o.buy_id
    where b.due_at < moment order by b.due_at limit maximum for update of o skip locked);
  get diagnostics removed = row_count;
  return next;

  -- while Auth still has the session, ours is what says that it has ended
  rule_name := 'sessions';
  moment := private.now() - retention.kept(rule_name);
  delete from identity.web_session w where w.id in (
    select o.id from identity.web_session o
    where o.ended_at < moment and not exists (select from auth.sessions s where s.id = o.id)
    order by o.ended_at limit maximum for update skip locked);
  get diagnostics removed = row_count;
  return next;

  rule_name := 'vendor_notices';
  moment := private.now() - retention.kept(rule_name);
  delete from banking.vendor_event v where v.id in (
    select o.id from banking.vendor_event o where o.received_at < moment order by o.received_at limit maximum for update skip locked);
  get diagnostics removed = row_count;
  return next;
end $$;

-- comment FUNCTION sweep(maximum integer)
COMMENT ON FUNCTION retention.sweep(maximum integer) IS 'Removes what is kept no longer, at most so much of each kind; how much of each went. Call it again while something did.';

-- function account_case_moves_forward()
CREATE FUNCTION risk.account_case_moves_forward() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if old.lifted_at is not null or new.lifted_at is null
    or (new.id, new.case_reference, new.case_id, new.person, new.state, new.reason, new.subject, new.imposed_at, new.imposed_by)
      is distinct from
      (old.id, old.case_reference, old.case_id, old.person, old.state, old.reason, old.subject, old.imposed_at, old.imposed_by)
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "risk.account_case"}';
  end if;
  return new;
end $$;

-- comment FUNCTION account_case_moves_forward()
COMMENT ON FUNCTION risk.account_case_moves_forward() IS 'A case is lifted once; what it said when it was imposed, and who lifted it why, stays.';

-- function follow_cases(uuid)
CREATE FUNCTION risk.follow_cases(person uuid, OUT state_before text, OUT state_after text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  select a.state into state_before from ledger.account a where a.owner = person and a.kind = 'wallet' order by a.id limit 1;
  state_after := risk.state_of(person);
  update ledger.account a set state = state_after
  where a.owner = person and a.kind = 'wallet' and a.state is distinct from state_after;
end $$;

-- comment FUNCTION follow_cases(person uuid, OUT state_before text, OUT state_after text)
COMMENT ON FUNCTION risk.follow_cases(person uuid, OUT state_before text, OUT state_after text) IS 'Gives a person''s wallets the strictest state of the open cases.';

-- function impose(uuid, text, text, uuid, uuid)
CREATE FUNCTION risk.impose(person uuid, state text, reason text, imposed_by uuid DEFAULT NULL::uuid, subject uuid DEFAULT NULL::uuid) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  opened risk.account_case;
  changed record;
  new_id uuid := gen_random_uuid();
  case_id uuid;
begin
  if state is null or state not in ('restricted', 'frozen')
    or reason is null or reason not in ('late_return', 'under_review', 'owner_asked', 'law') then
    perform private.refuse('request_invalid');
  end if;
  perform from ledger.account a where a.owner = person and a.kind = 'wallet' order by a.id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "account"}');
  end if;
  select * into opened from risk.account_case c
  where c.person = person and c.state = state and c.reason = reason and c.subject is not distinct from subject
    and c.lifted_at is null;
  if found then
    return opened.case_reference;
  end if;
  select o.case_id into case_id from cases.open_case('account_' || state, 'account_case:' || new_id, jsonb_build_object(
    'person', person, 'reason', reason, 'subject', subject)) o;
  insert into risk.account_case (id, case_reference, case_id, person, state, reason, subject, imposed_at, imposed_by)
  select new_id, 'AC-' || left(r, 4) || '-' || right(r, 4), case_id, person, state, reason, subject, private.now(), imposed_by
  from (select upper(left(gen_random_uuid()::text, 8)) as r) t
  returning * into opened;
  changed := risk.follow_cases(person);
  perform events.record('account.' || state, opened.id, 1, jsonb_build_object(
    'owner_id', person, 'before', changed.state_before, 'after', changed.state_after, 'reason', reason,
    'case_reference', opened.case_reference, 'subject', subject), imposed_by);
  return opened.case_reference;
end $$;

-- comment FUNCTION impose(person uuid, state text, reason text, imposed_by uuid, subject uuid)
COMMENT ON FUNCTION risk.impose(person uuid, state text, reason text, imposed_by uuid, subject uuid) IS 'Restricts or freezes a person''s account for a reason, with its event, once per reason and subject. Returns the case''s reference.';

-- function lift(text, text, uuid)
CREATE FUNCTION risk.lift(case_reference text, why text, lifted_by uuid DEFAULT NULL::uuid) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  known risk.account_case;
  changed record;
begin
  if why is null or char_length(btrim(why)) not between 1 and 500 then
    perform private.refuse('request_invalid', '{"sentence": "Say in 1 to 500 characters why the case is over. Nothing was changed."}');
  end if;
  select * into known from risk.account_case c where c.case_reference = case_reference;
  if not found then
    perform private.refuse('not_found', '{"what": "case"}');
  end if;
  perform from ledger.account a where a.owner = known.person and a.kind = 'wallet' order by a.id for no key update;
  update risk.account_case c set lifted_at = private.now(), lifted_by = lifted_by, lifted_why = btrim(why)
  where c.id = known.id and c.lifted_at is null;
  if not found then
    return (select a.state from ledger.account a where a.owner = known.person and a.kind = 'wallet' order by a.id limit 1);
  end if;
  perform cases.close_case(known.case_id, btrim(why), lifted_by);
  changed := risk.follow_cases(known.person);
  perform events.record('account.lifted', known.id, 2, jsonb_build_object(
    'owner_id', known.person, 'before', changed.state_before, 'after', changed.state_after, 'reason', btrim(why),
    'case_reference', case_reference), lifted_by);
  return changed.state_after;
end $$;

-- comment FUNCTION lift(case_reference text, why text, lifted_by uuid)
COMMENT ON FUNCTION risk.lift(case_reference text, why text, lifted_by uuid) IS 'Lifts a case for a reason, with its event; the account becomes what its other open cases leave it. Again changes nothing. Returns the state.';

-- function limit_max(text)
CREATE FUNCTION risk.limit_max(name text) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (f.maxima ->> limit_max.name)::bigint from risk.limit_in_force f
$$;

-- comment FUNCTION limit_max(name text)
COMMENT ON FUNCTION risk.limit_max(name text) IS 'The value in force of a limit, or null when there is none of this name.';

-- function load_sent_on(uuid, uuid, timestamp with time zone, jsonb)
CREATE FUNCTION risk.load_sent_on(giver uuid, taker uuid, moment timestamp with time zone, limits jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'person', giver, 'recipient', taker, 'load', l.id, 'load_cents', l.amount_cents, 'cleared_at', o.cleared_at,
    'sent_cents', s.cents, 'recipient_since', r.created_at, 'payments', s.ids)
  from public.profiles r
  join banking.load l on l.person = giver
  join banking.provider_operation o on o.id = l.id
  cross join lateral (
    select sum(t.amount)::bigint as cents, (array_agg(p.id order by p.created_at desc))[1:50] as ids
    from public.payments p join ledger.transfer t on t.id = p.id
    where p.sender_id = giver and p.recipient_id = taker and p.created_at between o.cleared_at and moment
  ) s
  where r.id = taker and r.created_at > moment - make_interval(days => (limits ->> 'flag_new_account_days')::integer)
    and o.cleared_at <= moment
    and o.cleared_at > risk.window_from('load_sent_on', 'person:' || giver || ' to:' || taker, moment,
      make_interval(hours => (limits ->> 'flag_onward_hours')::integer))
    and s.cents * 10000 >= l.amount_cents * (limits ->> 'flag_onward_share_bps')::bigint
  order by o.cleared_at desc limit 1
$$;

-- comment FUNCTION load_sent_on(giver uuid, taker uuid, moment timestamp with time zone, limits jsonb)
COMMENT ON FUNCTION risk.load_sent_on(giver uuid, taker uuid, moment timestamp with time zone, limits jsonb) IS 'Most of a load went on to a new account soon after it cleared.';

-- function many_senders(uuid, timestamp with time zone, jsonb)
CREATE FUNCTION risk.many_senders(taker uuid, moment timestamp with time zone, limits jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'person', taker, 'sender_count', count(distinct q.sender_id), 'payment_count', count(*), 'first_at', min(q.created_at),
    'last_at', max(q.created_at), 'payments', (array_agg(q.id order by q.created_at desc))[1:50])
  from (
    -- as many as the people below the mark may send at most: whoever got more, got them from more people
    select p.id, p.sender_id, p.created_at from public.payments p
    where p.recipient_id = taker and p.created_at <= moment
      and p.created_at > risk.window_from('many_senders', 'person:' || taker, moment, '1 day')
    order by p.created_at desc
    limit (limits ->> 'flag_day_senders_count')::bigint * (limits ->> 'send_day_count')::bigint
  ) q
  having count(distinct q.sender_id) >= (limits ->> 'flag_day_senders_count')::bigint
$$;

-- comment FUNCTION many_senders(taker uuid, moment timestamp with time zone, limits jsonb)
COMMENT ON FUNCTION risk.many_senders(taker uuid, moment timestamp with time zone, limits jsonb) IS 'Many different people paid one person within 24 hours.';

-- function my_cases()
CREATE FUNCTION risk.my_cases() RETURNS TABLE(case_reference text, state text, reason text, imposed_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c.case_reference, c.state::text, c.reason, c.imposed_at from risk.account_case c
  where c.person = auth.uid() and c.lifted_at is null
  order by c.state = 'frozen' desc, c.imposed_at, c.id
$$;

-- comment FUNCTION my_cases()
COMMENT ON FUNCTION risk.my_cases() IS 'The caller''s open cases, the strictest first.';

-- function only_private_payments(uuid, timestamp with time zone, jsonb)
CREATE FUNCTION risk.only_private_payments(person uuid, moment timestamp with time zone, limits jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object('person', person, 'payment_count', count(*), 'first_at', min(q.created_at), 'last_at', max(q.created_at))
  from public.payments q
  where person in (q.sender_id, q.recipient_id) and q.created_at <= moment
  having count(*) >= (limits ->> 'flag_private_count')::bigint and not bool_or(q.is_public)
$$;

-- comment FUNCTION only_private_payments(person uuid, moment timestamp with time zone, limits jsonb)
COMMENT ON FUNCTION risk.only_private_payments(person uuid, moment timestamp with time zone, limits jsonb) IS 'Nothing that a person paid or was paid is public. By itself that is anybody''s right: it is asked beside another flag.';

-- function put_in_force()
CREATE FUNCTION risk.put_in_force() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform events.record('limit.changed', md5('limit:' || new.name)::uuid, new.id, jsonb_build_object(
    'name', new.name, 'before', (select (f.maxima ->> new.name)::bigint from risk.limit_in_force f), 'after', new.value_max,
    'reason', new.reason), new.set_by);
  -- locked first: of two who change one limit at once, the later id stays in force
  perform from risk.limit_in_force f for no key update;
  update risk.limit_in_force f set maxima = f.maxima || jsonb_build_object(new.name, (
    select l.value_max from risk.limit_value l where l.name = new.name order by l.id desc limit 1));
  return null;
end $$;

-- function raise_flags(integer)
CREATE FUNCTION risk.raise_flags(maximum integer DEFAULT 500) RETURNS TABLE(kind text, subject text, case_id uuid, read_count integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  batch events.entry[] := array(select t from events.take('flags', maximum) t);
  limits jsonb := (select f.maxima from risk.limit_in_force f);
  paid record;
  flag record;
  alone jsonb;
  is_new boolean;
begin
  if not limits ?& array['flag_day_senders_count', 'flag_hour_sends_count', 'flag_onward_hours', 'flag_onward_share_bps',
    'flag_new_account_days', 'flag_private_count', 'send_day_count'] then
    perform private.refuse('limits_unknown');
  end if;
  read_count := cardinality(batch);
  for paid in
    select p.sender_id as giver, p.recipient_id as taker, p.created_at as moment
    from unnest(batch) b
    join public.payments p on p.id = b.subject
    join public.profiles g on g.id = p.sender_id
    join public.profiles r on r.id = p.recipient_id
    where b.kind = 'payment.sent' and not g.is_demo and not r.is_demo order by b.position
  loop
    for flag in
      select f.* from (values
        ('many_senders', 'person:' || paid.taker, paid.taker, risk.many_senders(paid.taker, paid.moment, limits)),
        ('repeated_sends', 'person:' || paid.giver || ' to:' || paid.taker, paid.giver,
          risk.repeated_sends(paid.giver, paid.taker, paid.moment, limits)),
        ('load_sent_on', 'person:' || paid.giver || ' to:' || paid.taker, paid.giver,
          risk.load_sent_on(paid.giver, paid.taker, paid.moment, limits))
      ) f (kind, subject, person, evidence)
      where f.evidence is not null
    loop
      select o.case_id, o.is_new into case_id, is_new from cases.open_case(flag.kind, flag.subject, flag.evidence) o;
      if is_new then
        kind := flag.kind;
        subject := flag.subject;
        return next;
        alone := risk.only_private_payments(flag.person, paid.moment, limits);
        if alone is not null then
          select o.case_id, o.is_new into case_id, is_new
          from cases.open_case('only_private_payments', 'person:' || flag.person, alone || jsonb_build_object('beside', case_id)) o;
          if is_new then
            kind := 'only_private_payments';
            subject := 'person:' || flag.person;
            return next;
          end if;
        end if;
      end if;
    end loop;
  end loop;
  kind := null;
  subject := null;
  case_id := null;
  return next;
end $$;

-- comment FUNCTION raise_flags(maximum integer)
COMMENT ON FUNCTION risk.raise_flags(maximum integer) IS 'Looks at the next events, maximum at most, and opens a case for each flag that has none open. Returns those, then a row of how many events were read.';

-- function repeated_sends(uuid, uuid, timestamp with time zone, jsonb)
CREATE FUNCTION risk.repeated_sends(giver uuid, taker uuid, moment timestamp with time zone, limits jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'person', giver, 'recipient', taker, 'payment_count', count(*), 'first_at', min(q.created_at), 'last_at', max(q.created_at),
    'payments', (array_agg(q.id order by q.created_at desc))[1:50])
  from public.payments q
  where q.sender_id = giver and q.recipient_id = taker and q.created_at <= moment
    and q.created_at > risk.window_from('repeated_sends', 'person:' || giver || ' to:' || taker, moment, '1 hour')
  having count(*) >= (limits ->> 'flag_hour_sends_count')::bigint
$$;

-- comment FUNCTION repeated_sends(giver uuid, taker uuid, moment timestamp with time zone, limits jsonb)
COMMENT ON FUNCTION risk.repeated_sends(giver uuid, taker uuid, moment timestamp with time zone, limits jsonb) IS 'One person paid another many times within an hour.';

-- function state_of(uuid)
CREATE FUNCTION risk.state_of(person uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(max(c.state) filter (where c.state = 'frozen'), max(c.state), 'active')
  from risk.account_case c where c.person = state_of.person and c.lifted_at is null
$$;

-- comment FUNCTION state_of(person uuid)
COMMENT ON FUNCTION risk.state_of(person uuid) IS 'The strictest state of a person''s open cases; active when there is none.';

-- function wallet_opens_as_restricted()
CREATE FUNCTION risk.wallet_opens_as_restricted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform from ledger.account a where a.owner = new.owner and a.kind = 'wallet' order by a.id for no key update;
  new.state := risk.state_of(new.owner);
  return new;
end $$;

-- comment FUNCTION wallet_opens_as_restricted()
COMMENT ON FUNCTION risk.wallet_opens_as_restricted() IS 'A wallet is opened in the state that its owner''s open cases ask for.';

-- function window_from(text, text, timestamp with time zone, interval)
CREATE FUNCTION risk.window_from(kind text, subject text, moment timestamp with time zone, span interval) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select greatest(moment - span, max(c.closed_at)) from cases."case" c
  where c.subject = window_from.subject and c.kind = window_from.kind
$$;

-- comment FUNCTION window_from(kind text, subject text, moment timestamp with time zone, span interval)
COMMENT ON FUNCTION risk.window_from(kind text, subject text, moment timestamp with time zone, span interval) IS 'Where the window of a flag begins that ends at moment: span before it, or when the last case about this was closed.';

-- function account_is_whole()
CREATE FUNCTION sandbox.account_is_whole() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if new.owner is null or (new.kind = 'cardholder') <> (new.min_balance is not null)
    or (new.is_summing and (new.balance, new.held, new.seq) <> (0, 0, 0)) or (new.is_summing and new.min_balance is not null)
  then
    raise exception using errcode = 'PA000', message = 'account_malformed', detail = '{}';
  end if;
  return new;
end $$;

-- comment FUNCTION account_is_whole()
COMMENT ON FUNCTION sandbox.account_is_whole() IS 'Every account has an owner, cardholders a floor, and summing accounts keep nothing in their row; asked once, when an account is opened.';

-- function authorize(uuid, bigint, bigint, text, timestamp with time zone, text)
CREATE FUNCTION sandbox.authorize(hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, ref text DEFAULT NULL::text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  a sandbox.account;
  h sandbox.hold;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if amount is null or amount not between 1 and 1000000000000000 then
    perform private.refuse('amount_invalid', jsonb_build_object('amount', amount));
  end if;
  if hold_id is null or account_id is null or kind is null then
    perform private.refuse('transfer_malformed');
  end if;
  select * into a from sandbox.account c where c.id = account_id and not c.is_summing for no key update;
  if not found then
    perform private.refuse('account_unknown');
  end if;
  select * into h from sandbox.hold o where o.id = hold_id;
  if found then
    if (h.account_id, h.amount, h.kind, h.expires_at, h.ref) is distinct from (account_id, amount, kind, expires_at, ref) then
      perform private.refuse('key_reused');
    end if;
    return sandbox.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if a.state <> 'active' then
    perform private.refuse('account_unavailable', jsonb_build_object('whose', 'yours', 'state', a.state));
  end if;
  if expires_at <= clock_timestamp() then
    perform private.refuse('hold_expired');
  end if;
  if a.balance - a.held - amount < a.min_balance then
    perform private.refuse('insufficient_funds', jsonb_build_object(
      'available', a.balance - a.held - a.min_balance, 'amount', amount, 'asset', a.asset));
  end if;
  update sandbox.account c set held = c.held + amount where c.id = account_id;
  insert into sandbox.hold (id, account_id, amount, kind, ref, opened_at, expires_at)
  values (hold_id, account_id, amount, kind, ref, clock_timestamp(), expires_at);
  return sandbox.hold_json(hold_id) || '{"is_replay": false}';
end $$;

-- comment FUNCTION authorize(hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamp with time zone, ref text)
COMMENT ON FUNCTION sandbox.authorize(hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamp with time zone, ref text) IS 'Sets amount of an account aside once per hold_id. Refuses overdrafts, accounts that are not active, reused ids.';

-- function balance_of(bigint)
CREATE FUNCTION sandbox.balance_of(account_id bigint) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when not a.is_summing then a.balance else coalesce(c.balance, 0) + coalesce((
    select sum(s.amount)::bigint from sandbox.sum_entry s
    where s.account_id = a.id and s.xid >= coalesce(c.upto, '0'::xid8) and s.era = coalesce(c.era, s.era)
  ), 0) + coalesce((
    -- a new era opened and no checkpoint of its own yet: its ids may lie below the old mark
    select sum(s.amount)::bigint from sandbox.sum_entry s where s.account_id = a.id and s.era > c.era
  ), 0) end
  from sandbox.account a
  left join lateral (
    select k.era, k.upto, k.balance from sandbox.checkpoint k where k.account_id = a.id order by k.era desc, k.upto desc limit 1
  ) c on true
  where a.id = balance_of.account_id
$$;

-- comment FUNCTION balance_of(account_id bigint)
COMMENT ON FUNCTION sandbox.balance_of(account_id bigint) IS 'The balance of an account of either sort, held included. Null when there is none.';

-- function capture_hold(uuid, uuid, bigint[], bigint[], text, boolean)
CREATE FUNCTION sandbox.capture_hold(capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean DEFAULT true) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  legs integer := cardinality(to_accounts);
  giver bigint;
  wanted bigint;
  freed bigint;
  h sandbox.hold;
  known sandbox.capture;
  refused sandbox.posted;
  leg_ids uuid[];
  asked_final boolean := is_final;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if capture_id is null or hold_id is null or kind is null or is_final is null or legs is null or legs not between 1 and 255
    or array_dims(to_accounts) <> format('[1:%s]', legs) or array_dims(amounts) is distinct from array_dims(to_accounts)
    or array_position(to_accounts, null) is not null
  then
    perform private.refuse('transfer_malformed');
  end if;
  if exists (select from unnest(amounts) u (amount) where u.amount is null or u.amount not between 1 and 1000000000000000) then
    perform private.refuse('amount_invalid');
  end if;
  wanted := (select sum(u.amount) from unnest(amounts) u (amount));
  leg_ids := (select array_agg(sandbox.leg_id(capture_id, n) order by n) from generate_series(1, legs) n);
  -- which account a hold is on never changes, so it may be read before anything is locked
  select o.account_id into giver from sandbox.hold o where o.id = hold_id;
  if not found then
    perform private.refuse('not_found', '{"what": "hold"}');
  end if;
  perform from sandbox.account a where a.id = any(to_accounts || giver) and not a.is_summing order by a.id for no key update;
  select * into h from sandbox.hold o where o.id = hold_id for no key update;

  select * into known from sandbox.capture c where c.id = capture_id;
  if found then
    if (known.hold_id, known.amount, known.is_final, known.leg_count) is distinct from (hold_id, wanted, asked_final, legs)
      or exists (
        select from unnest(leg_ids, to_accounts, amounts) l (id, to_account, amount)
        left join sandbox.transfer t on t.id = l.id
        where (t.from_account, t.to_account, t.amount, t.kind) is distinct from (giver, l.to_account, l.amount, kind)
      )
    then
      perform private.refuse('key_reused');
    end if;
    return sandbox.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if h.state = 'expired' or h.state = 'open' and h.expires_at <= clock_timestamp() then
    perform private.refuse('hold_expired', jsonb_build_object('expires_at', h.expires_at));
  end if;
  if h.state <> 'open' then
    perform private.refuse('hold_closed', jsonb_build_object('state', h.state));
  end if;
  if wanted > h.amount - h.captured then
    perform private.refuse('capture_exceeds_hold', jsonb_build_object('left', h.amount - h.captured, 'amount', wanted));
  end if;

  is_final := is_final or wanted = h.amount - h.captured;
  freed := case when is_final then h.amount - h.captured else wanted end;
  update sandbox.account a set held = a.held - freed where a.id = giver;
  select * into refused from sandbox.post_many(
    leg_ids, array_fill(giver, array[legs]), to_accounts, amounts, array_fill(kind, array[legs]), array_fill(h.ref, array[legs]),
    array_fill(1, array[legs]), true) p
  where p.is_replay or (p.refusal is not null and p.refusal <> 'linked_refused') limit 1;
  if found then
    -- a leg that was posted before is another capture's: this one would move nothing
    perform private.refuse(coalesce(refused.refusal, 'key_reused'), coalesce(refused.facts, '{}'));
  end if;
  insert into sandbox.capture (id, hold_id, amount, is_final, leg_count, at)
  values (capture_id, hold_id, wanted, asked_final, legs, clock_timestamp());
  update sandbox.hold o set
    captured = o.captured + wanted, version = o.version + 1,
    state = case when is_final then 'captured' else 'open' end,
    closed_at = case when is_final then clock_timestamp() end
  where o.id = hold_id;
  return sandbox.hold_json(hold_id) || '{"is_replay": false}';
end $$;

-- comment FUNCTION capture_hold(capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean)
COMMENT ON FUNCTION sandbox.capture_hold(capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean) IS 'Moves held money to one or several accounts once per capture_id, all legs or none. A final capture releases the rest of the hold.';

-- function close_hold(uuid, text)
CREATE FUNCTION sandbox.close_hold(hold_id uuid, outcome text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  giver bigint;
  h sandbox.hold;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if outcome is null or outcome not in ('released', 'expired') then
    perform private.refuse('transfer_malformed');
  end if;
  select o.account_id into giver from sandbox.hold o where o.id = hold_id;
  if not found then
    perform private.refuse('not_found', '{"what": "hold"}');
  end if;
  perform from sandbox.account a where a.id = giver for no key update;
  select * into h from sandbox.hold o where o.id = hold_id for no key update;
  if h.state = outcome or (h.state, outcome) = ('expired', 'released') then
    return sandbox.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if h.state <> 'open' then
    perform private.refuse('hold_closed', jsonb_build_object('state', h.state));
  end if;
  if outcome = 'expired' and (h.expires_at is null or h.expires_at > clock_timestamp()) then
    perform private.refuse('hold_not_expired');
  end if;
  update sandbox.account a set held = a.held - (h.amount - h.captured) where a.id = giver;
  update sandbox.hold o set state = outcome, version = o.version + 1, closed_at = clock_timestamp() where o.id = hold_id;
  return sandbox.hold_json(hold_id) || '{"is_replay": false}';
end $$;

-- function hold_json(uuid)
CREATE FUNCTION sandbox.hold_json(hold_id uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (select jsonb_build_object(
    'id', h.id, 'account_id', h.account_id, 'amount', h.amount, 'captured', h.captured, 'state', h.state, 'kind', h.kind,
    'version', h.version, 'expires_at', h.expires_at, 'owner_id', a.owner)
  from sandbox.hold h join sandbox.account a on a.id = h.account_id where h.id = hold_json.hold_id);
end $$;

-- function hold_moves_forward()
CREATE FUNCTION sandbox.hold_moves_forward() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if old.state <> 'open' or new.captured < old.captured or new.version <> old.version + 1
    or (new.id, new.account_id, new.amount, new.kind, new.ref, new.opened_at, new.expires_at)
      is distinct from (old.id, old.account_id, old.amount, old.kind, old.ref, old.opened_at, old.expires_at)
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "sandbox.hold"}';
  end if;
  return new;
end $$;

-- comment FUNCTION hold_moves_forward()
COMMENT ON FUNCTION sandbox.hold_moves_forward() IS 'A closed hold stays as it is, and nothing captured is given back.';

-- function leg_id(uuid, integer)
CREATE FUNCTION sandbox.leg_id(group_id uuid, leg integer) RETURNS uuid
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (left(group_id::text, 34) || lpad(to_hex(leg), 2, '0'))::uuid;
end $$;

-- comment FUNCTION leg_id(group_id uuid, leg integer)
COMMENT ON FUNCTION sandbox.leg_id(group_id uuid, leg integer) IS 'The id of one transfer of a group: the group''s with the leg''s number (0 to 255) in the last byte.';

-- function post(uuid, bigint, bigint, bigint, text, text)
CREATE FUNCTION sandbox.post(transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  -- New business is refused by an account that is not active; what was begun before (captures, returns,
  -- repayments, loads under way) always passes.
  is_new boolean := kind in ('payment', 'redemption', 'buy', 'withdrawal', 'conversion');
  known sandbox.transfer;
  giver_balance bigint; giver_seq bigint; giver_asset text;
  taker_balance bigint; taker_seq bigint; taker_asset text;
  moment timestamptz;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if amount is null or amount not between 1 and 1000000000000000 then
    perform private.refuse('amount_invalid', jsonb_build_object('amount', amount));
  end if;
  if transfer_id is null or from_account is null or to_account is null or kind is null or from_account = to_account then
    perform private.refuse('transfer_malformed');
  end if;

  select * into known from sandbox.transfer t where t.id = transfer_id;
  if found then
    if (known.from_account, known.to_account, known.amount, known.kind, known.ref)
      is distinct from (from_account, to_account, amount, kind, ref) then
      perform private.refuse('key_reused');
    end if;
    return (select e.balance_after from sandbox.entry e where e.account_id = known.from_account and e.seq = known.from_seq);
  end if;

  for leg in 1..2 loop
    if (leg = 1) = (from_account < to_account) then
      update sandbox.account a set balance = a.balance - amount, seq = a.seq + 1
      where a.id = from_account and not a.is_summing
        and (a.min_balance is null or a.balance - a.held - amount >= a.min_balance)
        and (a.state = 'active' or not is_new)
      returning a.balance, a.seq, a.asset into giver_balance, giver_seq, giver_asset;
      if not found then
        select a.asset into giver_asset from sandbox.account a where a.id = from_account and a.is_summing;
        if not found then
          if exists (select from sandbox.transfer t where t.id = transfer_id) then
            perform private.refuse('ask_again');
          end if;
          perform sandbox.refuse_posting(from_account, to_account, amount, is_new);
        end if;
      end if;
    else
      update sandbox.account a set balance = a.balance + amount, seq = a.seq + 1
      where a.id = to_account and not a.is_summing and (a.state <> 'frozen' or not is_new)
      returning a.balance, a.seq, a.asset into taker_balance, taker_seq, taker_asset;
      if not found then
        select a.asset into taker_asset from sandbox.account a where a.id = to_account and a.is_summing;
        if not found then
          if exists (select from sandbox.transfer t where t.id = transfer_id) then
            perform private.refuse('ask_again');
          end if;
          perform sandbox.refuse_posting(from_account, to_account, amount, is_new);
        end if;
      end if;
    end if;
  end loop;
  if giver_asset <> taker_asset then
    perform sandbox.refuse_posting(from_account, to_account, amount, is_new);
  end if;

  moment := clock_timestamp();
  if giver_seq is not null and taker_seq is not null then
    with t as (
      insert into sandbox.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
      values (transfer_id, moment, moment, from_account, to_account, giver_seq, taker_seq, amount, kind, ref)
    )
    insert into sandbox.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (from_account, giver_seq, transfer_id, -amount, giver_balance, moment),
    (to_account, taker_seq, transfer_id, amount, taker_balance, moment);
    return giver_balance;
  end if;
  insert into sandbox.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
  values (transfer_id, moment, moment, from_account, to_account, giver_seq, taker_seq, amount, kind, ref);
  if giver_seq is not null then
    insert into sandbox.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (from_account, giver_seq, transfer_id, -amount, giver_balance, moment);
  else
    insert into sandbox.sum_entry (account_id, batch, amount, transfer_count, at) values (from_account, transfer_id, -amount, 1, moment);
  end if;
  if taker_seq is not null then
    insert into sandbox.entry (account_id, seq, transfer_id, amount, balance_after, at)
    values (to_account, taker_seq, transfer_id, amount, taker_balance, moment);
  else
    insert into sandbox.sum_entry (account_id, batch, amount, transfer_count, at) values (to_account, transfer_id, amount, 1, moment);
  end if;
  return giver_balance;
end $$;

-- comment FUNCTION post(transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text)
COMMENT ON FUNCTION sandbox.post(transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text) IS 'Moves amount once per transfer_id and returns the giving account''s balance after it (null on a summing account). Refuses overdrafts, unknown accounts, other assets, account states, reused ids.';

-- function post_many(uuid[], bigint[], bigint[], bigint[], text[], text[], integer[], boolean)
CREATE FUNCTION sandbox.post_many(ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[], refs text[] DEFAULT NULL::text[], groups integer[] DEFAULT NULL::integer[], passes_states boolean DEFAULT false) RETURNS SETOF sandbox.posted
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
#variable_conflict use_variable
declare
  total integer := cardinality(ids);
  -- the locked balance accounts, in id order
  locked bigint[]; balances bigint[]; helds bigint[]; floors bigint[]; seqs bigint[]; states text[]; assets text[];
  seqs_before bigint[];
  -- per item: where its accounts are among the locked (null: summing or unknown)
  giver_at integer[]; taker_at integer[]; firsts integer[];
  known_from bigint[]; known_to bigint[]; known_amount bigint[]; known_kind text[]; known_ref text[]; known_after bigint[];
  -- per item: what became of it
  refusals text[] := array_fill(null::text, array[greatest(total, 0)]);
  facts jsonb[] := array_fill(null::jsonb, array[greatest(total, 0)]);
  replays boolean[] := array_fill(false, array[greatest(total, 0)]);
  written boolean[] := array_fill(false, array[greatest(total, 0)]);
  giver_seqs bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  taker_seqs bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  giver_afters bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  taker_afters bigint[] := array_fill(null::bigint, array[greatest(total, 0)]);
  moment timestamptz;
  giver_asset text; taker_asset text;
  summing bigint; summing_asset text;  -- the last summing account that was met: most batches have one
  g integer; t integer; first_of_group integer; i integer; j integer;
  is_new boolean; has_written boolean := false;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  -- counted from one and flat, all of them: they are read here by place and there by unnest
  if ids is null or total not between 1 and 5000 or array_dims(ids) <> format('[1:%s]', total)
    or array_dims(from_accounts) is distinct from array_dims(ids) or array_dims(to_accounts) is distinct from array_dims(ids)
    or array_dims(amounts) is distinct from array_dims(ids) or array_dims(kinds) is distinct from array_dims(ids)
    or (refs is not null and array_dims(refs) is distinct from array_dims(ids))
    or (groups is not null and array_dims(groups) is distinct from array_dims(ids))
  then
    perform private.refuse('batch_malformed');
  end if;

  select array_agg(a.id), array_agg(a.balance), array_agg(a.held), array_agg(a.min_balance), array_agg(a.seq), array_agg(a.state),
    array_agg(a.asset)
  into locked, balances, helds, floors, seqs, states, assets
  from (
    select * from sandbox.account c
    where c.id = any(from_accounts || to_accounts) and not c.is_summing order by c.id for no key update
  ) a;
  seqs_before := seqs;

  -- A new statement: ids that somebody committed while we waited for the locks are seen.
  select
    array_agg(gl.at order by i.n), array_agg(tl.at order by i.n), array_agg(i.first order by i.n),
    array_agg(k.from_account order by i.n), array_agg(k.to_account order by i.n), array_agg(k.amount order by i.n),
    array_agg(k.kind order by i.n), array_agg(k.ref order by i.n), array_agg(e.balance_after order by i.n)
  into giver_at, taker_at, firsts, known_from, known_to, known_amount, known_kind, known_ref, known_after
  from (
    select u.*, min(u.n) over (partition by u.id) as first
    from unnest(ids, from_accounts, to_accounts) with ordinality u (id, from_account, to_account, n)
  ) i
  left join unnest(locked) with ordinality gl (id, at) on gl.id = i.from_account
  left join unnest(locked) with ordinality tl (id, at) on tl.id = i.to_account
  left join sandbox.transfer k on k.id = i.id
  left join sandbox.entry e on e.account_id = k.from_account and e.seq = k.from_seq;

  i := 0;
  while i < total loop
    i := i + 1;
    if first_of_group is null or groups is null or groups[i] is null or groups[i] is distinct from groups[i - 1] then
      first_of_group := i;
    end if;
    g := giver_at[i];
    t := taker_at[i];
    giver_asset := assets[g];
    taker_asset := assets[t];
    if g is null then
      if summing is distinct from from_accounts[i] then
        summing := from_accounts[i];
        select a.asset into summing_asset from sandbox.account a where a.id = summing and a.is_summing;
      end if;
      giver_asset := summing_asset;
    end if;
    if t is null then
      if summing is distinct from to_accounts[i] then
        summing := to_accounts[i];
        select a.asset into summing_asset from sandbox.account a where a.id = summing and a.is_summing;
      end if;
      taker_asset := summing_asset;
    end if;
    is_new := not passes_states and kinds[i] in ('payment', 'redemption', 'buy', 'withdrawal', 'conversion');  -- as in sandbox.post
    if amounts[i] is null or amounts[i] not between 1 and 1000000000000000 then
      refusals[i] := 'amount_invalid';
    elsif ids[i] is null or from_accounts[i] is null or to_accounts[i] is null or kinds[i] is null or from_accounts[i] = to_accounts[i] then
      refusals[i] := 'transfer_malformed';
    elsif groups is not null and groups[i] is not null and (known_kind[i] is not null or firsts[i] < i) <> replays[first_of_group]
      and i > first_of_group
    then
      refusals[i] := 'key_reused';  -- a group is known whole or not at all: this is another one
    elsif known_kind[i] is not null then
      replays[i] := true;
      if (known_from[i], known_to[i], known_amount[i], known_kind[i], known_ref[i])
        is distinct from (from_accounts[i], to_accounts[i], amounts[i], kinds[i], refs[i]) then
        refusals[i] := 'key_reused';
      end if;
      giver_afters[i] := known_after[i];
    elsif firsts[i] < i then
      -- the same id again in this batch: what the first became
      replays[i] := true;
      if (from_accounts[firsts[i]], to_accounts[firsts[i]], amounts[firsts[i]], kinds[firsts[i]], refs[firsts[i]])
        is distinct from (from_accounts[i], to_accounts[i], amounts[i], kinds[i], refs[i]) then
        refusals[i] := 'key_reused';
      else
        refusals[i] := refusals[firsts[i]];
        facts[i] := facts[firsts[i]];
        giver_afters[i] := giver_afters[firsts[i]];
      end if;
    elsif giver_asset is null or taker_asset is null then
      refusals[i] := 'account_unknown';
    elsif giver_asset <> taker_asset then
      refusals[i] := 'asset_mismatch';
    elsif is_new and g is not null and states[g] <> 'active' then
      refusals[i] := 'account_unavailable';
      facts[i] := jsonb_build_object('whose', 'yours', 'state', states[g]);
    elsif is_new and t is not null and states[t] = 'frozen' then
      refusals[i] := 'account_unavailable';
      facts[i] := '{"whose": "theirs"}';
    elsif g is not null and balances[g] - helds[g] - amounts[i] < floors[g] then
      refusals[i] := 'insufficient_funds';
      facts[i] := jsonb_build_object('available_cents', balances[g] - helds[g] - floors[g], 'amount_cents', amounts[i]);
    else
      written[i] := true;
      if g is not null then
        balances[g] := balances[g] - amounts[i];
        seqs[g] := seqs[g] + 1;
        giver_seqs[i] := seqs[g];
        giver_afters[i] := balances[g];
      end if;
      if t is not null then
        balances[t] := balances[t] + amounts[i];
        seqs[t] := seqs[t] + 1;
        taker_seqs[i] := seqs[t];
        taker_afters[i] := balances[t];
      end if;
    end if;

    if refusals[i] is not null and groups is not null and groups[i] is not null then
      -- all of a group or none: take back what was decided before this one, and pass over what comes after
      for j in reverse i - 1..first_of_group loop
        if written[j] then
          written[j] := false;
          if giver_at[j] is not null then
            balances[giver_at[j]] := balances[giver_at[j]] + amounts[j];
            seqs[giver_at[j]] := seqs[giver_at[j]] - 1;
          end if;
          if taker_at[j] is not null then
            balances[taker_at[j]] := balances[taker_at[j]] - amounts[j];
            seqs[taker_at[j]] := seqs[taker_at[j]] - 1;
          end if;
        end if;
        if refusals[j] is null then
          refusals[j] := 'linked_refused';
        end if;
      end loop;
      while i < total and groups[i + 1] is not distinct from groups[i] loop
        i := i + 1;
        refusals[i] := 'linked_refused';
      end loop;
    end if;
  end loop;

  has_written := true = any(written);
  if has_written then
    moment := clock_timestamp();
    update sandbox.account a set balance = v.balance, seq = v.seq
    from unnest(locked, balances, seqs, seqs_before) v (id, balance, seq, seq_before)
    where a.id = v.id and v.seq <> v.seq_before;
    insert into sandbox.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind, ref)
    select w.id, moment, moment, w.from_account, w.to_account, w.from_seq, w.to_seq, w.amount, w.kind, w.ref
    from unnest(ids, from_accounts, to_accounts, giver_seqs, taker_seqs, amounts, kinds, refs, written)
      w (id, from_account, to_account, from_seq, to_seq, amount, kind, ref, written)
    where w.written order by w.id;  -- two batches with the same ids wait for each other one way only
    insert into sandbox.entry (account_id, seq, transfer_id, amount, balance_after, at)
    select w.from_account, w.from_seq, w.id, -w.amount, w.giver_after, moment
    from unnest(ids, from_accounts, giver_seqs, amounts, giver_afters, written) w (id, from_account, from_seq, amount, giver_after, written)
    where w.written and w.from_seq is not null
    union all
    select w.to_account, w.to_seq, w.id, w.amount, w.taker_after, moment
    from unnest(ids, to_accounts, taker_seqs, amounts, taker_afters, written) w (id, to_account, to_seq, amount, taker_after, written)
    where w.written and w.to_seq is not null;
    insert into sandbox.sum_entry (account_id, batch, amount, transfer_count, at)
    select s.account_id, ids[min(s.n)], sum(s.amount), count(*), moment
    from (
      select w.from_account as account_id, -w.amount as amount, w.n
      from unnest(from_accounts, giver_at, amounts, written) with ordinality w (from_account, at, amount, written, n)
      where w.written and w.at is null
      union all
      select w.to_account, w.amount, w.n
      from unnest(to_accounts, taker_at, amounts, written) with ordinality w (to_account, at, amount, written, n)
      where w.written and w.at is null
    ) s group by s.account_id;
  end if;
  return query
    select u.n::integer, case when u.refusal is null then u.balance_after end, u.is_replay, u.refusal, u.facts
    from unnest(giver_afters, replays, refusals, facts) with ordinality u (balance_after, is_replay, refusal, facts, n);
end $$;

-- comment FUNCTION post_many(ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[], refs text[], groups integer[], passes_states boolean)
COMMENT ON FUNCTION sandbox.post_many(ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[], refs text[], groups integer[], passes_states boolean) IS 'Posts up to 5000 transfers in turn, each as post would; a refusal is its own item''s alone. Neighbours with the same group are posted all or not at all. passes_states: what was begun before is not stopped by an account''s state.';

-- function refuse_posting(bigint, bigint, bigint, boolean)
CREATE FUNCTION sandbox.refuse_posting(from_account bigint, to_account bigint, amount bigint, is_new boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  giver sandbox.account;
  taker sandbox.account;
begin
  select * into giver from sandbox.account a where a.id = from_account;
  select * into taker from sandbox.account a where a.id = to_account;
  if giver.id is null or taker.id is null then
    perform private.refuse('account_unknown');
  end if;
  if giver.asset <> taker.asset then
    perform private.refuse('asset_mismatch', jsonb_build_object('from_asset', giver.asset, 'to_asset', taker.asset));
  end if;
  if is_new and giver.state <> 'active' then
    perform private.refuse('account_unavailable', jsonb_build_object('whose', 'yours', 'state', giver.state));
  end if;
  if is_new and taker.state = 'frozen' then
    perform private.refuse('account_unavailable', jsonb_build_object('whose', 'theirs'));
  end if;
  perform private.refuse('insufficient_funds', jsonb_build_object(
    'available_cents', giver.balance - giver.held - giver.min_balance, 'amount_cents', amount));
end $$;

-- function release(uuid)
CREATE FUNCTION sandbox.release(hold_id uuid) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select sandbox.close_hold(release.hold_id, 'released')
$$;

-- comment FUNCTION release(hold_id uuid)
COMMENT ON FUNCTION sandbox.release(hold_id uuid) IS 'Gives what is left of an open hold back to its account. Again: the same answer.';

-- function take_checkpoints(integer)
CREATE FUNCTION sandbox.take_checkpoints(entries_min integer DEFAULT 1000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
  taken integer;
begin
  with last as (
    select a.id, c.era, coalesce(c.upto, '0'::xid8) as upto, coalesce(c.balance, 0) as balance
    from sandbox.account a
    left join lateral (
      select k.era, k.upto, k.balance from sandbox.checkpoint k where k.account_id = a.id order by k.era desc, k.upto desc limit 1
    ) c on true
    where a.is_summing
  ), since as (
    select l.id, l.balance, s.era, s.xid, s.amount, max(s.era) over (partition by l.id) as newest_era
    from last l join sandbox.sum_entry s on s.account_id = l.id
      and (s.era = coalesce(l.era, s.era) and s.xid >= l.upto or s.era > l.era)
  )
  insert into sandbox.checkpoint (account_id, era, upto, balance)
  select s.id, s.newest_era, horizon, s.balance + sum(s.amount)::bigint
  from since s
  -- ids of an earlier era say nothing about this database's horizon: those transactions have all ended
  where s.era < s.newest_era or s.xid < horizon
  group by s.id, s.balance, s.newest_era having count(*) >= entries_min
  on conflict do nothing;
  get diagnostics taken = row_count;
  return taken;
end $$;

-- comment FUNCTION take_checkpoints(entries_min integer)
COMMENT ON FUNCTION sandbox.take_checkpoints(entries_min integer) IS 'Writes a checkpoint for each summing account with at least entries_min new entries; returns how many.';

-- function add_address(uuid, text, text)
CREATE FUNCTION savings.add_address(address_id uuid, label text, address text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  hours bigint := risk.limit_max('withdrawal_address_hours');
  maximum bigint := risk.limit_max('withdrawal_addresses_count');
  day_count bigint := risk.limit_max('withdrawal_address_day_count');
  free_at timestamptz;
  known savings.withdrawal_address;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if address_id is null then
    perform private.refuse('request_invalid');
  end if;
  if label is null or char_length(label) not between 1 and 40 or label <> btrim(label) then
    perform private.refuse('address_label_invalid');
  end if;
  if address is null or address !~ '^(bc1[02-9ac-hj-np-z]{11,87}|[13][1-9A-HJ-NP-Za-km-z]{24,34})$' then
    perform private.refuse('address_invalid');
  end if;
  if not exists (select from public.profiles p where p.id = person) then
    perform private.refuse('account_unavailable');
  end if;
  if num_nulls(hours, maximum, day_count) > 0 then
    perform private.refuse('limits_unknown');
  end if;
  perform pg_advisory_xact_lock(hashtextextended('withdrawal_addresses:' || person, 0));
  select * into known from savings.withdrawal_address a where a.id = address_id;
  if found then
    if (known.person, known.label, known.address) is distinct from (person, label, address) then
      perform private.refuse('address_key_reused');
    end if;
    return savings.address_json(known);
  end if;
  if exists (select from savings.withdrawal_address a where a.person = person and a.address = address and a.state = 'active') then
    perform private.refuse('address_known');
  end if;
  if (select count(*) from savings.withdrawal_address a where a.person = person and a.state = 'active') >= maximum then
    perform private.refuse('addresses_limit', jsonb_build_object('max', maximum));
  end if;
  select a.created_at + interval '24 hours' into free_at from savings.withdrawal_address a
  where a.person = person and a.created_at > moment - interval '24 hours'
  order by a.created_at desc offset greatest(day_count - 1, 0) limit 1;
  if found then
    perform private.refuse('too_many_tries', jsonb_build_object('now', moment, 'resets_at', free_at));
  end if;
  insert into savings.withdrawal_address (id, person, label, address, created_at, usable_at)
  values (address_id, person, label, address, moment, moment + make_interval(hours => hours::integer))
  on conflict do nothing returning * into known;
  if not found then -- somebody else's, who asked under the same id at this very moment
    perform private.refuse('address_key_reused');
  end if;
  if not savings.is_registered(address) then
    perform savings.ask_for_registration(address, '{}');
  end if;
  perform events.record('withdrawal_address.added', address_id, 1, jsonb_build_object(
    'owner_id', person, 'label', label, 'address', address, 'usable_at', known.usable_at));
  return savings.address_json(known);
end $_$;

-- comment FUNCTION add_address(address_id uuid, label text, address text)
COMMENT ON FUNCTION savings.add_address(address_id uuid, label text, address text) IS 'Adds an address of the caller''s, once per address_id; it can be used when its time has come. Returns it.';

-- table withdrawal_address
CREATE TABLE savings.withdrawal_address (
    id uuid NOT NULL,
    person uuid NOT NULL,
    label text NOT NULL,
    address text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    usable_at timestamp with time zone NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT address_has_a_label CHECK (((char_length(label) >= 1) AND (char_length(label) <= 40))),
    CONSTRAINT address_is_of_bitcoin CHECK ((address ~ '^(bc1[02-9ac-hj-np-z]{11,87}|[13][1-9A-HJ-NP-Za-km-z]{24,34})$'::text)),
    CONSTRAINT removed_says_when CHECK (((state = 'removed'::text) = (removed_at IS NOT NULL))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['active'::text, 'removed'::text])))
);

-- comment TABLE withdrawal_address
COMMENT ON TABLE savings.withdrawal_address IS 'Addresses that somebody may send their bitcoin to, from usable_at on. One that was removed and is added again waits again.';

-- function address_json(savings.withdrawal_address)
CREATE FUNCTION savings.address_json(address savings.withdrawal_address) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', (address).id, 'label', (address).label, 'address', (address).address, 'state', (address).state,
    'created_at', (address).created_at, 'usable_at', (address).usable_at, 'removed_at', (address).removed_at,
    'is_usable', (address).state = 'active' and (address).usable_at <= private.now())
$$;

-- comment FUNCTION address_json(address savings.withdrawal_address)
COMMENT ON FUNCTION savings.address_json(address savings.withdrawal_address) IS 'An address as its owner may see it.';

-- function address_key(text)
CREATE FUNCTION savings.address_key(address text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select 'paya-' || left(encode(sha256(address::bytea), 'hex'), 20)
$$;

-- comment FUNCTION address_key(address text)
COMMENT ON FUNCTION savings.address_key(address text) IS 'The name under which an address is to be registered at the exchange: the same each time.';

-- function address_key_of(uuid)
CREATE FUNCTION savings.address_key_of(address_id uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select savings.address_key(a.address) from savings.withdrawal_address a
  where a.id = address_id and a.person = auth.uid() and a.state = 'active'
$$;

-- comment FUNCTION address_key_of(address_id uuid)
COMMENT ON FUNCTION savings.address_key_of(address_id uuid) IS 'What one of the caller''s addresses is called at the exchange, or null.';

-- function address_moves_forward()
CREATE FUNCTION savings.address_moves_forward() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if (old.id, old.person, old.label, old.address, old.created_at, old.usable_at)
    is distinct from (new.id, new.person, new.label, new.address, new.created_at, new.usable_at)
    or new.version <= old.version or old.state = 'removed' then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "savings.withdrawal_address"}';
  end if;
  return new;
end $$;

-- comment FUNCTION address_moves_forward()
COMMENT ON FUNCTION savings.address_moves_forward() IS 'An address keeps what it is and since when; it can be removed, and nothing else.';

-- function affordable_sats(bigint, bigint, integer, bigint)
CREATE FUNCTION savings.affordable_sats(budget_cents bigint, price_cents bigint, spare_bps integer, step_sats bigint) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  -- a day's orders of many people, in sats times bps, are beyond bigint
  sats bigint := div(budget_cents::numeric * 1000000000000, price_cents::numeric * (10000 + spare_bps));
begin
  return sats - sats % step_sats;
end $$;

-- comment FUNCTION affordable_sats(budget_cents bigint, price_cents bigint, spare_bps integer, step_sats bigint)
COMMENT ON FUNCTION savings.affordable_sats(budget_cents bigint, price_cents bigint, spare_bps integer, step_sats bigint) IS 'As many sats, in the exchange''s steps, as a budget pays at this price when spare_bps are left for its fee and for a price that moves.';

-- function ask_for_registration(text, jsonb)
CREATE FUNCTION savings.ask_for_registration(address text, evidence jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select from cases.open_case(
    'withdrawal_address', 'address:' || savings.address_key(ask_for_registration.address),
    jsonb_build_object('key', savings.address_key(ask_for_registration.address), 'address', ask_for_registration.address) || evidence)
$$;

-- comment FUNCTION ask_for_registration(address text, evidence jsonb)
COMMENT ON FUNCTION savings.ask_for_registration(address text, evidence jsonb) IS 'Opens the case that asks somebody to register an address at the exchange under its key, unless it is open.';

-- function ask_withdrawal(uuid, uuid, bigint, bigint)
CREATE FUNCTION savings.ask_withdrawal(withdrawal_id uuid, address_id uuid, quantity_sats bigint, fee_sats_max bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  least_sats bigint := risk.limit_max('withdrawal_single_min_sats');
  day_sats bigint := risk.limit_max('withdrawal_day_sats');
  day_count bigint := risk.limit_max('withdrawal_day_count');
  facts jsonb := jsonb_build_object('quantity_sats', quantity_sats);
  purse ledger.account;
  target savings.withdrawal_address;
  known savings.withdrawal;
  used record;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if withdrawal_id is null or address_id is null or fee_sats_max is null
    or fee_sats_max not between 0 and 2100000000000000 then
    perform private.refuse('request_invalid');
  end if;
  if least_sats is null or day_sats is null or day_count is null then
    perform private.refuse('limits_unknown');
  end if;
  -- From here on this person withdraws nothing else, so what is counted below stays true.
  select * into purse from ledger.account a where a.id = ledger.wallet_of(person, 'BTC') for no key update;
  select * into known from savings.withdrawal w where w.id = withdrawal_id;
  if found then
    if (known.person, known.address_id, known.quantity_sats, known.fee_sats_max)
      is distinct from (person, address_id, quantity_sats, fee_sats_max) then
      perform private.refuse('withdrawal_key_reused');
    end if;
    return savings.withdrawal_json(known);
  end if;
  if quantity_sats is null or quantity_sats < least_sats or quantity_sats <= fee_sats_max then
    perform private.refuse('withdrawal_amount_invalid', jsonb_build_object('min_sats', greatest(least_sats, fee_sats_max + 1)));
  end if;
  select * into target from savings.withdrawal_address a where a.id = address_id and a.person = person for share;
  if not found or target.state <> 'active' then
    perform private.refuse('not_found', '{"what": "address"}');
  end if;
  if purse.state <> 'active' then
    perform private.refuse('withdrawal_account_unavailable', facts || jsonb_build_object('state', purse.state));
  end if;
  if purse.id is null or quantity_sats > purse.balance - purse.held - purse.min_balance then
    perform private.refuse('withdrawal_uncovered', facts || jsonb_build_object(
      'available_sats', coalesce(purse.balance - purse.held - purse.min_balance, 0)));
  end if;
  if target.usable_at > moment then
    perform private.refuse('address_waits', jsonb_build_object('now', moment, 'usable_at', target.usable_at));
  end if;
  if exists (select from savings.withdrawal w where w.person = person and w.address_id = address_id and w.state in ('asked', 'submitted')) then
    perform private.refuse('withdrawal_under_way');
  end if;
  used := savings.withdrawn_in_day(person);
  if used.used_count >= day_count then
    perform private.refuse('withdrawal_limit', facts || jsonb_build_object(
      'limit', 'withdrawal_day_count', 'max', day_count, 'used', used.used_count, 'now', moment, 'resets_at', used.resets_at));
  elsif used.used_sats + quantity_sats > day_sats then
    perform private.refuse('withdrawal_limit', facts || jsonb_build_object(
      'limit', 'withdrawal_day_sats', 'max', day_sats, 'used', used.used_sats, 'now', moment, 'resets_at', used.resets_at));
  end if;
  insert into savings.withdrawal (id, person, address_id, label, address, quantity_sats, fee_sats_max, created_at, next_at)
  values (withdrawal_id, person, address_id, target.label, target.address, quantity_sats, fee_sats_max, moment, moment + interval '1 minute')
  on conflict do nothing returning * into known;
  if not found then -- somebody else's, who asked under the same id at this very moment
    perform private.refuse('withdrawal_key_reused');
  end if;
  perform ledger.post(withdrawal_id, purse.id, ledger.system_account('btc_in_transit', 'BTC'), quantity_sats, 'withdrawal');
  perform jobs.enqueue('savings', 'submit_withdrawal', jsonb_build_object('withdrawal_id', withdrawal_id), 'submit_withdrawal:' || withdrawal_id);
  perform savings.note_withdrawal('asked', known, jsonb_build_object('address', known.address, 'fee_sats_max', fee_sats_max), person);
  return savings.withdrawal_json(known);
end $$;

-- comment FUNCTION ask_withdrawal(withdrawal_id uuid, address_id uuid, quantity_sats bigint, fee_sats_max bigint)
COMMENT ON FUNCTION savings.ask_withdrawal(withdrawal_id uuid, address_id uuid, quantity_sats bigint, fee_sats_max bigint) IS 'Has the caller''s bitcoin sent to their address, once per withdrawal_id, for a fee of at most fee_sats_max. Returns it.';

-- function bank_funded_due(integer, timestamp with time zone, uuid)
CREATE FUNCTION savings.bank_funded_due(maximum integer, after_at timestamp with time zone, after_id uuid) RETURNS TABLE(buy_id uuid, plan_id uuid, person uuid, source_id uuid, amount_cents bigint, due_at timestamp with time zone, lead_bank_days integer, moment timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select b.id, p.id, p.person, p.source_id, b.amount_cents, b.due_at, p.lead_bank_days, c.moment
  from (select private.now() as moment) c
  cross join savings.plan p
  join savings.buy b on b.plan_id = p.id and b.state = 'scheduled' and b.due_at > c.moment
    and b.due_at <= c.moment + make_interval(days => p.lead_bank_days * 2 + 5)
  join banking.source s on s.id = p.source_id and s.state = 'verified'
  where p.state = 'active' and p.funding = 'bank' and not exists (select from banking.load l where l.id = b.id)
    and (bank_funded_due.after_at is null or (b.due_at, b.id) > (bank_funded_due.after_at, bank_funded_due.after_id))
  order by b.due_at, b.id limit bank_funded_due.maximum
$$;

-- comment FUNCTION bank_funded_due(maximum integer, after_at timestamp with time zone, after_id uuid)
COMMENT ON FUNCTION savings.bank_funded_due(maximum integer, after_at timestamp with time zone, after_id uuid) IS 'Buys ahead that a bank is to pay and was not asked for yet, the soonest first, from behind this one on: those that are refused or too early stay where they are, and must not hide the others. Whoever asks uses the buy''s id as the load''s.';

-- function book_fill(uuid, text, bigint, bigint, bigint, bigint)
CREATE FUNCTION savings.book_fill(order_id uuid, vendor_ref text, quantity_sats bigint, cost_micros bigint, exchange_fee_micros bigint, exchange_fee_sats bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
  moment timestamptz := private.now();
  transit bigint := ledger.system_account('exchange_in_transit');
  received_sats bigint := quantity_sats - exchange_fee_sats;
  total_micros bigint := cost_micros + exchange_fee_micros;
  carried bigint;
  spent bigint;
  shared bigint;
  exchange_fee bigint;
  fee bigint;
  given_sats bigint;
begin
  select * into o from savings.exchange_order t where t.id = order_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "order"}');
  end if;
  if o.vendor_ref <> vendor_ref then
    perform private.refuse('order_sent_twice', jsonb_build_object('order_id', order_id, 'vendor_refs', jsonb_build_array(o.vendor_ref, vendor_ref)));
  end if;
  if o.ended_at is not null then
    return;
  end if;
  if least(quantity_sats, cost_micros, exchange_fee_micros, exchange_fee_sats, received_sats) < 0
    or (quantity_sats = 0) <> (cost_micros = 0)
  then
    perform private.refuse('fill_malformed', jsonb_build_object('order_id', order_id));
  end if;

  select c.carried_micros into carried from savings.exchange_carry c for no key update;
  spent := private.half_even(carried + total_micros, 10000);
  spent := greatest(spent, 0);
  update savings.exchange_carry c set carried_micros = carried + total_micros - spent * 10000;
  shared := least(spent, o.budget_cents);  -- what the order cost beyond what was collected is ours to bear
  exchange_fee := least(private.half_even(exchange_fee_micros, 10000), shared);

  with share as (
    select b.id, b.amount_cents - b.fee_cents as net, b.fee_cents,
      shared * (b.amount_cents - b.fee_cents) / o.budget_cents as whole,
      shared * (b.amount_cents - b.fee_cents) % o.budget_cents as rest
    from savings.buy b where b.order_id = order_id and b.state = 'collected'
  ), ranked as (
    select s.*, row_number() over (order by s.rest desc, s.id) as place, sum(s.whole) over () as wholes from share s
  ), cut as (
    select r.id, r.net, r.whole + case when r.place <= shared - r.wholes then 1 else 0 end as cost,
      case when r.fee_cents > 0 then private.half_even(r.fee_cents * shared, o.budget_cents) else 0 end as fee, received_sats * r.net / o.budget_cents as sats
    from ranked r
  ), fee_share as (
    select c.*, exchange_fee * c.cost / greatest(shared, 1) as whole, exchange_fee * c.cost % greatest(shared, 1) as rest from cut c
  ), fee_cut as (
    select f.*, f.whole + case when row_number() over (order by f.rest desc, f.id) <= exchange_fee - sum(f.whole) over () then 1 else 0 end
      as exchange_fee
    from fee_share f
  )
  update savings.buy b set
    state = case when received_sats > 0 then 'bought' else 'failed' end,
    reason = case when received_sats > 0 then null else 'not_filled' end,
    cost_cents = c.cost, exchange_fee_cents = c.exchange_fee, fee_cents = c.fee, quantity_sats = c.sats,
    refund_cents = b.amount_cents - c.cost - c.fee, version = b.version + 1, ended_at = moment
  from fee_cut c where b.id = c.id;

  select coalesce(sum(b.fee_cents), 0), coalesce(sum(b.quantity_sats), 0) into fee, given_sats
  from savings.buy b where b.order_id = order_id;
  if spent > 0 then
    if shared > 0 then
      perform ledger.post(private.part_of(o.bookings_id, 'spent'), transit, ledger.system_account('exchange_cash'), shared, 'buy_spent', vendor_ref);
    end if;
    if spent > shared then
      perform ledger.post(private.part_of(o.bookings_id, 'beyond'), ledger.system_account('operations'), ledger.system_account('exchange_cash'),
        spent - shared, 'buy_beyond', vendor_ref);
    end if;
  end if;
  if fee > 0 then
    perform ledger.post(private.part_of(o.bookings_id, 'fee'), transit, ledger.system_account('revenue'), fee, 'buy_fee', vendor_ref);
  end if;
  perform savings.give_back(order_id);
  if given_sats > 0 then
    -- opened when their plan was made; whose was not is opened now
    perform ledger.open_account(b.person, 'wallet', 'BTC') from savings.buy b
    where b.order_id = order_id and not exists (
      select from ledger.account a where a.owner = b.person and a.kind = 'wallet' and a.asset = 'BTC');
    perform ledger.distribute(
      private.part_of(o.bookings_id, 'sats'), ledger.system_account('btc_custody', 'BTC'),
      array_agg(a.id order by b.id), array_agg(b.quantity_sats order by b.id), 'buy_filled', vendor_ref)
    from savings.buy b join ledger.account a on a.owner = b.person and a.kind = 'wallet' and a.asset = 'BTC'
    where b.order_id = order_id and b.quantity_sats > 0;
  end if;
  if received_sats > given_sats then
    perform ledger.post(private.part_of(o.bookings_id, 'left'), ledger.system_account('btc_custody', 'BTC'), ledger.system_account('rounding', 'BTC'),
      received_sats - given_sats, 'buy_remainder', vendor_ref);
  end if;
  update savings.exchange_order t set
    state = case when received_sats > 0 then 'filled' else 'unfilled' end, vendor_ref = vendor_ref, quantity_sats = quantity_sats,
    cost_micros = cost_micros, exchange_fee_micros = exchange_fee_micros, exchange_fee_sats = exchange_fee_sats, spent_cents = spent,
    version = t.version + 1, ended_at = private.now()
  where t.id = order_id returning * into o;
  perform events.record('order.' || o.state, order_id, o.version, jsonb_build_object(
    'vendor_ref', vendor_ref, 'quantity_sats', quantity_sats, 'cost_micros', cost_micros, 'exchange_fee_micros', exchange_fee_micros,
    'exchange_fee_sats', exchange_fee_sats, 'spent_cents', spent), null);
  perform savings.tell_ended(order_id);
end $$;

-- comment FUNCTION book_fill(order_id uuid, vendor_ref text, quantity_sats bigint, cost_micros bigint, exchange_fee_micros bigint, exchange_fee_sats bigint)
COMMENT ON FUNCTION savings.book_fill(order_id uuid, vendor_ref text, quantity_sats bigint, cost_micros bigint, exchange_fee_micros bigint, exchange_fee_sats bigint) IS 'Books what the exchange really did for an order that is over: once, whatever is said again. Nothing filled: everything goes back.';

-- function book_order_open(uuid, text)
CREATE FUNCTION savings.book_order_open(order_id uuid, vendor_ref text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
begin
  select * into o from savings.exchange_order t where t.id = order_id for no key update;
  if o.vendor_ref <> vendor_ref then
    perform private.refuse('order_sent_twice', jsonb_build_object('order_id', order_id, 'vendor_refs', jsonb_build_array(o.vendor_ref, vendor_ref)));
  end if;
  if o.state not in ('planned', 'submitted') then
    return;
  end if;
  update savings.exchange_order t set
    state = 'open', vendor_ref = vendor_ref, last_error = '', version = t.version + 1, next_at = private.now() + interval '10 seconds'
  where t.id = order_id returning * into o;
  perform events.record('order.opened', order_id, o.version, jsonb_build_object('vendor_ref', vendor_ref), null);
  perform jobs.enqueue('savings', 'follow_order', jsonb_build_object('order_id', order_id), 'follow_order:' || order_id);
end $$;

-- comment FUNCTION book_order_open(order_id uuid, vendor_ref text)
COMMENT ON FUNCTION savings.book_order_open(order_id uuid, vendor_ref text) IS 'The exchange took the order and calls it vendor_ref.';

-- function book_refused(savings.due_buy[])
CREATE FUNCTION savings.book_refused(refused savings.due_buy[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  with waiting as (
    update savings.buy b set
      retry_at = private.now() + interval '1 hour', reason = d.reason, version = b.version + 1
    from unnest(refused) d
    where b.id = d.buy_id and d.reason in ('insufficient_funds', 'bank_late') and d.on_shortfall = 'retry'
      and d.due_at > private.now() - interval '23 hours'
    returning b.*
  )
  insert into events.event (actor, kind, subject, version, payload)
  select null, 'buy.waits', w.id, w.version, jsonb_build_object(
    'owner_id', w.person, 'plan_id', w.plan_id, 'due_at', w.due_at, 'amount_cents', w.amount_cents, 'reason', w.reason,
    'retry_at', w.retry_at)
  from waiting w;
  perform savings.book_skipped(array(
    select d from unnest(refused) d join savings.buy b on b.id = d.buy_id where coalesce(b.retry_at, '-infinity') <= private.now()));
end $$;

-- comment FUNCTION book_refused(refused savings.due_buy[])
COMMENT ON FUNCTION savings.book_refused(refused savings.due_buy[]) IS 'What becomes of buys that the wallet did not pay, or the bank not yet: tried again, or skipped.';

-- function book_skipped(savings.due_buy[])
CREATE FUNCTION savings.book_skipped(skipped savings.due_buy[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with done as (
    update savings.buy b set state = 'skipped', reason = d.reason, version = b.version + 1, ended_at = private.now()
    from unnest(skipped) d where b.id = d.buy_id
    returning b.id, b.person, b.plan_id, b.due_at, b.amount_cents, b.reason, b.version
  )
  insert into events.event (actor, kind, subject, version, payload)
  select null, 'buy.skipped', s.id, s.version, jsonb_build_object(
    'owner_id', s.person, 'plan_id', s.plan_id, 'due_at', s.due_at, 'amount_cents', s.amount_cents, 'reason', s.reason)
  from done s
$$;

-- comment FUNCTION book_skipped(skipped savings.due_buy[])
COMMENT ON FUNCTION savings.book_skipped(skipped savings.due_buy[]) IS 'Notes why each of these buys is not made, with its event.';

-- function book_unfilled(uuid, text)
CREATE FUNCTION savings.book_unfilled(order_id uuid, reason text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
begin
  select * into o from savings.exchange_order t where t.id = order_id for no key update;
  if not found or o.ended_at is not null then
    return;
  end if;
  if o.vendor_ref is not null then
    perform private.refuse('order_sent_twice', jsonb_build_object('order_id', order_id, 'vendor_refs', jsonb_build_array(o.vendor_ref)));
  end if;
  update savings.buy b set
    state = 'failed', reason = reason, cost_cents = 0, fee_cents = 0, quantity_sats = 0, refund_cents = b.amount_cents,
    version = b.version + 1, ended_at = private.now()
  where b.order_id = order_id and b.state = 'collected';
  perform savings.give_back(order_id);
  update savings.exchange_order t set state = 'unfilled', spent_cents = 0, version = t.version + 1, ended_at = private.now()
  where t.id = order_id returning * into o;
  perform events.record('order.unfilled', order_id, o.version, jsonb_build_object('reason', reason), null);
  perform savings.tell_ended(order_id);
end $$;

-- comment FUNCTION book_unfilled(order_id uuid, reason text)
COMMENT ON FUNCTION savings.book_unfilled(order_id uuid, reason text) IS 'The exchange did not take the order, and is not asked again: everything goes back.';

-- function book_withdrawal_accepted(uuid, text)
CREATE FUNCTION savings.book_withdrawal_accepted(withdrawal_id uuid, vendor_ref text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
begin
  select * into w from savings.withdrawal t where t.id = withdrawal_id for no key update;
  if w.vendor_ref <> vendor_ref or w.ended_at is not null and w.vendor_ref is null then
    perform private.refuse('withdrawal_sent_twice', jsonb_build_object(
      'withdrawal_id', withdrawal_id, 'vendor_refs', jsonb_build_array(w.vendor_ref, vendor_ref)));
  end if;
  if w.state is distinct from 'submitted' then
    return;
  end if;
  update savings.withdrawal t set
    state = 'accepted', vendor_ref = vendor_ref, last_error = '', version = t.version + 1, accepted_at = private.now(),
    next_at = private.now() + interval '10 seconds'
  where t.id = withdrawal_id returning * into w;
  perform savings.registration_over(w.address, 'the exchange knows it');
  perform savings.note_withdrawal('accepted', w, jsonb_build_object('vendor_ref', vendor_ref));
  perform jobs.enqueue('savings', 'follow_withdrawal', jsonb_build_object('withdrawal_id', withdrawal_id), 'follow_withdrawal:' || withdrawal_id);
end $$;

-- comment FUNCTION book_withdrawal_accepted(withdrawal_id uuid, vendor_ref text)
COMMENT ON FUNCTION savings.book_withdrawal_accepted(withdrawal_id uuid, vendor_ref text) IS 'The exchange took the withdrawal and calls it vendor_ref.';

-- function book_withdrawal_failed(uuid, text, text)
CREATE FUNCTION savings.book_withdrawal_failed(withdrawal_id uuid, reason text, code text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
begin
  select * into w from savings.withdrawal t where t.id = withdrawal_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "withdrawal"}');
  end if;
  if w.ended_at is not null then
    return;
  end if;
  update savings.withdrawal t set state = 'failed', reason = reason, version = t.version + 1, ended_at = private.now()
  where t.id = withdrawal_id returning * into w;
  perform ledger.post(
    private.part_of(w.bookings_id, 'back'), ledger.system_account('btc_in_transit', 'BTC'), ledger.wallet_of(w.person, 'BTC'),
    w.quantity_sats, 'withdrawal_returned', w.vendor_ref);
  if reason = 'address_unregistered' then
    perform savings.ask_for_registration(w.address, jsonb_build_object('withdrawal_id', withdrawal_id, 'code', code));
  elsif reason in ('exchange_refused', 'exchange_returned') then
    perform cases.open_case('withdrawal_refused', 'withdrawal:' || withdrawal_id, jsonb_build_object(
      'person', w.person, 'quantity_sats', w.quantity_sats, 'code', code, 'vendor_ref', w.vendor_ref));
  end if;
  perform savings.withdrawal_settled(withdrawal_id, 'failed: ' || reason);
  perform savings.note_withdrawal('failed', w, jsonb_build_object('reason', reason, 'code', code));
end $$;

-- comment FUNCTION book_withdrawal_failed(withdrawal_id uuid, reason text, code text)
COMMENT ON FUNCTION savings.book_withdrawal_failed(withdrawal_id uuid, reason text, code text) IS 'It was not sent: all of it is in the wallet again, with a case where somebody has to do something. Booked once.';

-- function book_withdrawal_sent(uuid, bigint, bigint, text)
CREATE FUNCTION savings.book_withdrawal_sent(withdrawal_id uuid, arrives_sats bigint, fee_sats bigint, txid text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
begin
  select * into w from savings.withdrawal t where t.id = withdrawal_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "withdrawal"}');
  end if;
  if w.ended_at is not null then
    return;
  end if;
  if w.state <> 'accepted' or arrives_sats is null or arrives_sats < 1 or fee_sats is null or fee_sats < 0
    or arrives_sats + fee_sats <> w.quantity_sats or coalesce(txid, '') = ''
  then
    perform private.refuse('withdrawal_malformed', jsonb_build_object('withdrawal_id', withdrawal_id));
  end if;
  update savings.withdrawal t set
    state = 'sent', arrives_sats = arrives_sats, fee_sats = fee_sats, txid = txid, version = t.version + 1, ended_at = private.now()
  where t.id = withdrawal_id returning * into w;
  perform ledger.post(
    private.part_of(w.bookings_id, 'sent'), ledger.system_account('btc_in_transit', 'BTC'), ledger.system_account('btc_custody', 'BTC'),
    arrives_sats, 'withdrawal_sent', w.vendor_ref);
  if fee_sats > 0 then
    perform ledger.post(
      private.part_of(w.bookings_id, 'fee'), ledger.system_account('btc_in_transit', 'BTC'), ledger.system_account('btc_custody', 'BTC'),
      fee_sats, 'withdrawal_fee', w.vendor_ref);
  end if;
  perform savings.withdrawal_settled(withdrawal_id, 'sent');
  perform savings.note_withdrawal('sent', w, jsonb_build_object(
    'arrives_sats', arrives_sats, 'fee_sats', fee_sats, 'txid', txid, 'vendor_ref', w.vendor_ref));
end $$;

-- comment FUNCTION book_withdrawal_sent(withdrawal_id uuid, arrives_sats bigint, fee_sats bigint, txid text)
COMMENT ON FUNCTION savings.book_withdrawal_sent(withdrawal_id uuid, arrives_sats bigint, fee_sats bigint, txid text) IS 'The exchange sent it: so much arrives, the network took the rest. Booked once.';

-- function buy_goes_back()
CREATE FUNCTION savings.buy_goes_back() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "savings.buy"}';
end $$;

-- comment FUNCTION buy_goes_back()
COMMENT ON FUNCTION savings.buy_goes_back() IS 'Refuses a change of a buy that is no step forward.';

-- table buy
CREATE TABLE savings.buy (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    plan_id uuid NOT NULL,
    person uuid NOT NULL,
    due_at timestamp with time zone NOT NULL,
    amount_cents bigint NOT NULL,
    state text DEFAULT 'scheduled'::text NOT NULL,
    reason text,
    order_id uuid,
    fee_cents bigint DEFAULT 0 NOT NULL,
    cost_cents bigint DEFAULT 0 NOT NULL,
    exchange_fee_cents bigint DEFAULT 0 NOT NULL,
    refund_cents bigint DEFAULT 0 NOT NULL,
    quantity_sats bigint DEFAULT 0 NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    collected_at timestamp with time zone,
    ended_at timestamp with time zone,
    retry_at timestamp with time zone,
    CONSTRAINT amounts_are_not_negative CHECK (((amount_cents > 0) AND (LEAST(fee_cents, cost_cents, exchange_fee_cents, refund_cents, quantity_sats) >= 0))),
    CONSTRAINT ended_says_when CHECK (((state = ANY (ARRAY['skipped'::text, 'canceled'::text, 'bought'::text, 'failed'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT exchange_fee_is_of_the_cost CHECK ((exchange_fee_cents <= cost_cents)),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['scheduled'::text, 'skipped'::text, 'canceled'::text, 'collected'::text, 'bought'::text, 'failed'::text]))),
    CONSTRAINT taken_says_when CHECK (((collected_at IS NOT NULL) OR (state = ANY (ARRAY['scheduled'::text, 'skipped'::text, 'canceled'::text]))))
)
WITH (fillfactor='80');

-- comment TABLE buy
COMMENT ON TABLE savings.buy IS 'One buy of a plan: scheduled, then skipped or canceled, or collected (the money is taken), and bought or failed (it is back). reason: why it was not made, or why it waits. cost_cents: what the exchange took, its own fee (exchange_fee_cents) included.';

-- comment COLUMN buy.retry_at
COMMENT ON COLUMN savings.buy.retry_at IS 'When a buy whose money was not there is tried again, or null.';

-- function buy_json(savings.buy)
CREATE FUNCTION savings.buy_json(buy savings.buy) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', buy.id, 'plan_id', buy.plan_id, 'due_at', buy.due_at, 'amount_cents', buy.amount_cents, 'state', buy.state,
    'reason', buy.reason, 'cost_cents', buy.cost_cents, 'exchange_fee_cents', buy.exchange_fee_cents,
    'fee_cents', buy.fee_cents, 'refund_cents', buy.refund_cents, 'quantity_sats', buy.quantity_sats, 'version', buy.version)
$$;

-- comment FUNCTION buy_json(buy savings.buy)
COMMENT ON FUNCTION savings.buy_json(buy savings.buy) IS 'A buy as its owner may see it.';

-- function candles(integer)
CREATE FUNCTION savings.candles(maximum integer) RETURNS TABLE(day date, open_cents bigint, high_cents bigint, low_cents bigint, close_cents bigint, is_synthetic boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select l.* from (
    select c.day, c.open_cents, c.high_cents, c.low_cents, c.close_cents, c.is_synthetic
    from savings.candle c order by c.day desc limit least(candles.maximum, risk.limit_max('lab_back_days'))
  ) l order by l.day
$$;

-- comment FUNCTION candles(maximum integer)
COMMENT ON FUNCTION savings.candles(maximum integer) IS 'The newest days that are kept, the oldest of them first.';

-- function change_plan(uuid, uuid, jsonb, jsonb, timestamp with time zone[], timestamp with time zone)
CREATE FUNCTION savings.change_plan(plan_id uuid, change_key uuid, asked jsonb, changes jsonb, due_ats timestamp with time zone[], from_at timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  plan savings.plan := savings.hold_plan(plan_id);
  said savings.plan;
  before jsonb; after jsonb;
  reschedules boolean;
  taken_back integer := 0;
begin
  asked := jsonb_build_object('verb', 'change', 'asked', asked);
  if savings.is_replay(change_key, plan_id, asked) then
    return savings.plan_json(plan);
  end if;
  if plan.state = 'ended' then
    perform private.refuse('plan_ended');
  end if;
  from_at := greatest(from_at, moment);
  if from_at > moment + interval '60 days' then
    perform private.refuse('request_invalid');
  end if;
  said := savings.with_terms(plan, changes);
  select coalesce(jsonb_object_agg(a.key, b.value), '{}'), coalesce(jsonb_object_agg(a.key, a.value), '{}') into before, after
  from jsonb_each(savings.terms_json(said)) a join jsonb_each(savings.terms_json(plan)) b on b.key = a.key
  where a.value <> b.value;
  if after = '{}' then
    perform savings.note_change(change_key, plan, asked);
    return savings.plan_json(plan);
  end if;
  perform savings.check_terms(said, plan);
  -- a name or a condition changes no buy: conditions are asked when its time has come
  reschedules := after ?| array[
    'amount_cents', 'frequency', 'zone', 'starts_on', 'minute_of_day', 'weekdays', 'month_day', 'ends_on', 'funding', 'source_id', 'lead_bank_days'];
  if reschedules then
    perform savings.check_due_ats(due_ats, from_at);
  end if;
  said.version := plan.version + 1;
  said.changed_at := moment;
  update savings.plan p set
    name = said.name, amount_cents = said.amount_cents, frequency = said.frequency, zone = said.zone, starts_on = said.starts_on,
    minute_of_day = said.minute_of_day, weekdays = said.weekdays, month_day = said.month_day, ends_on = said.ends_on,
    funding = said.funding, source_id = said.source_id, lead_bank_days = said.lead_bank_days,
    buy_below_cents = said.buy_below_cents, dip_bps = said.dip_bps, dip_extra_cents = said.dip_extra_cents, cap_cents = said.cap_cents,
    on_shortfall = said.on_shortfall, catch_up = said.catch_up, version = said.version, changed_at = said.changed_at
  where p.id = plan_id;
  if reschedules and plan.state = 'active' then
    taken_back := savings.take_back_buys(plan_id, from_at, 'plan_changed');
    said := savings.plan_buys(said, due_ats);
  end if;
  perform savings.note_change(change_key, said, asked);
  perform events.record('plan.changed', plan_id, said.version, jsonb_build_object(
    'owner_id', plan.person, 'before', before, 'after', after, 'canceled_count', taken_back));
  return savings.plan_json(said);
end $$;

-- comment FUNCTION change_plan(plan_id uuid, change_key uuid, asked jsonb, changes jsonb, due_ats timestamp with time zone[], from_at timestamp with time zone)
COMMENT ON FUNCTION savings.change_plan(plan_id uuid, change_key uuid, asked jsonb, changes jsonb, due_ats timestamp with time zone[], from_at timestamp with time zone) IS 'Changes terms of the caller''s plan once per change_key (asked: what it was asked with): buys after from_at that have not begun give way to those of due_ats. Returns the plan.';

-- function check_due_ats(timestamp with time zone[], timestamp with time zone)
CREATE FUNCTION savings.check_due_ats(due_ats timestamp with time zone[], after timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  if coalesce(cardinality(due_ats), 0) = 0 then
    perform private.refuse('schedule_never');
  end if;
  if cardinality(due_ats) > 100 then
    perform private.refuse('request_invalid');
  end if;
  if exists (
    select from (
      select d.due_at, lag(d.due_at, 1, after) over (order by d.place) as previous from unnest(due_ats) with ordinality d (due_at, place)
    ) o where (o.due_at > o.previous and isfinite(o.due_at)) is not true
  ) then
    perform private.refuse('due_times_stale');
  end if;
end $$;

-- comment FUNCTION check_due_ats(due_ats timestamp with time zone[], after timestamp with time zone)
COMMENT ON FUNCTION savings.check_due_ats(due_ats timestamp with time zone[], after timestamp with time zone) IS 'Refuses due times that are none, not after this moment, or not ascending.';

-- function check_purse(uuid)
CREATE FUNCTION savings.check_purse(person uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  purse_state text := (select a.state from ledger.account a where a.id = ledger.wallet_of(person));
begin
  if purse_state is distinct from 'active' then
    perform private.refuse('plan_account_unavailable', jsonb_build_object('state', purse_state));
  end if;
end $$;

-- comment FUNCTION check_purse(person uuid)
COMMENT ON FUNCTION savings.check_purse(person uuid) IS 'Refuses when the person''s wallet cannot give money.';

-- table plan
CREATE TABLE savings.plan (
    id uuid NOT NULL,
    person uuid NOT NULL,
    name text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    amount_cents bigint NOT NULL,
    frequency text NOT NULL,
    zone text NOT NULL,
    starts_on date NOT NULL,
    minute_of_day integer NOT NULL,
    weekdays integer[] DEFAULT '{}'::integer[] NOT NULL,
    month_day integer,
    ends_on date,
    funding text DEFAULT 'wallet'::text NOT NULL,
    source_id uuid,
    lead_bank_days integer DEFAULT 0 NOT NULL,
    buy_below_cents bigint,
    dip_bps integer,
    dip_extra_cents bigint,
    cap_cents bigint,
    on_shortfall text DEFAULT 'skip'::text NOT NULL,
    catch_up text DEFAULT 'one'::text NOT NULL,
    pause_reason text,
    end_reason text,
    scheduled_until timestamp with time zone,
    schedule_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT a_bank_has_lead CHECK ((((funding = 'bank'::text) = (source_id IS NOT NULL)) AND ((lead_bank_days >=
CASE
    WHEN (funding = 'bank'::text) THEN 1
    ELSE 0
END) AND (lead_bank_days <=
CASE
    WHEN (funding = 'bank'::text) THEN 10
    ELSE 0
END)))),
    CONSTRAINT a_dip_has_both_parts CHECK (((dip_bps IS NULL) = (dip_extra_cents IS NULL))),
    CONSTRAINT amount_is_positive CHECK ((amount_cents > 0)),
    CONSTRAINT catch_up_is_known CHECK ((catch_up = ANY (ARRAY['one'::text, 'skip'::text]))),
    CONSTRAINT conditions_are_positive CHECK (((buy_below_cents > 0) AND (dip_bps > 0) AND (dip_extra_cents > 0) AND (cap_cents > 0))),
    CONSTRAINT ended_says_when_and_why CHECK ((((state = 'ended'::text) = (ended_at IS NOT NULL)) AND ((state = 'ended'::text) = (end_reason IS NOT NULL)))),
    CONSTRAINT frequency_is_known CHECK ((frequency = ANY (ARRAY['hourly'::text, 'daily'::text, 'weekdays'::text, 'weekly'::text, 'biweekly'::text, 'monthly'::text]))),
    CONSTRAINT funding_is_known CHECK ((funding = ANY (ARRAY['wallet'::text, 'bank'::text]))),
    CONSTRAINT it_ends_after_it_starts CHECK ((ends_on >= starts_on)),
    CONSTRAINT minute_is_of_its_span CHECK (((minute_of_day >= 0) AND (minute_of_day <=
CASE
    WHEN (frequency = 'hourly'::text) THEN 59
    ELSE 1439
END))),
    CONSTRAINT month_day_fits CHECK ((((frequency = 'monthly'::text) = (month_day IS NOT NULL)) AND ((month_day = '-1'::integer) OR ((month_day >= 1) AND (month_day <= 31))))),
    CONSTRAINT paused_says_why CHECK (((state = 'paused'::text) = (pause_reason IS NOT NULL))),
    CONSTRAINT plan_has_a_name CHECK (((char_length(name) >= 1) AND (char_length(name) <= 40))),
    CONSTRAINT shortfall_is_known CHECK ((on_shortfall = ANY (ARRAY['skip'::text, 'retry'::text, 'use_wallet'::text]))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text, 'ended'::text]))),
    CONSTRAINT weekdays_fit CHECK (((weekdays <@ ARRAY[1, 2, 3, 4, 5, 6, 7]) AND ((cardinality(weekdays) >=
CASE
    WHEN (frequency = ANY (ARRAY['weekly'::text, 'biweekly'::text])) THEN 1
    ELSE 0
END) AND (cardinality(weekdays) <=
CASE frequency
    WHEN 'weekly'::text THEN 7
    WHEN 'biweekly'::text THEN 1
    ELSE 0
END)))),
    CONSTRAINT zone_is_a_name CHECK (((zone ~ '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}$'::text) AND (char_length(zone) <= 64)))
);

-- comment TABLE plan
COMMENT ON TABLE savings.plan IS 'What a person agreed with themselves. scheduled_until: up to when its buys are rows; schedule_at: when more of them are to be made, null when there are none to make. catch_up: what becomes of buys whose time passed while we were down.';

-- function check_terms(savings.plan, savings.plan)
CREATE FUNCTION savings.check_terms(plan savings.plan, before savings.plan) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
#variable_conflict use_variable
declare
  limits jsonb := (select f.maxima from risk.limit_in_force f);
  today date := private.now()::date;
  bad text;
  bank_state text;
begin
  if not limits ?& array['buy_single_min_cents', 'buy_single_max_cents', 'buy_below_min_cents', 'buy_dip_max_bps'] then
    perform private.refuse('limits_unknown');
  end if;
  if coalesce(plan.name, '') !~ '\S' or char_length(plan.name) > 40 then
    perform private.refuse('plan_name_invalid');
  end if;
  if plan.amount_cents is null or plan.amount_cents < (limits ->> 'buy_single_min_cents')::bigint
    or plan.amount_cents > (limits ->> 'buy_single_max_cents')::bigint then
    perform private.refuse('buy_amount_invalid', jsonb_build_object(
      'min_cents', limits -> 'buy_single_min_cents', 'max_cents', limits -> 'buy_single_max_cents'));
  end if;

  bad := case
    when coalesce(plan.frequency, '') not in ('hourly', 'daily', 'weekdays', 'weekly', 'biweekly', 'monthly') then 'frequency'
    when coalesce(plan.zone, '') !~ '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}$' or char_length(plan.zone) > 64 then 'zone'
    when plan.starts_on is null or plan.starts_on < '2000-01-01' or plan.starts_on > today + 5 * 366 then 'starts_on'
    when plan.ends_on < plan.starts_on or plan.ends_on > '2199-12-31' then 'ends_on'
    when plan.minute_of_day is null or plan.minute_of_day not between 0 and case when plan.frequency = 'hourly' then 59 else 1439 end
      then 'minute_of_day'
    when plan.weekdays is null or not plan.weekdays <@ array[1, 2, 3, 4, 5, 6, 7] or array_ndims(plan.weekdays) > 1
      or cardinality(plan.weekdays) not between case when plan.frequency in ('weekly', 'biweekly') then 1 else 0 end
      and case plan.frequency when 'weekly' then 7 when 'biweekly' then 1 else 0 end then 'weekdays'
    when (plan.frequency = 'monthly') <> (plan.month_day is not null) or plan.month_day not between -1 and 31 or plan.month_day = 0
      then 'month_day'
  end;
  if bad is not null then
    perform private.refuse('schedule_invalid', jsonb_build_object('field', bad));
  end if;

  bad := case
    when plan.buy_below_cents < (limits ->> 'buy_below_min_cents')::bigint then 'buy_below_cents'
    when (plan.dip_bps is null) <> (plan.dip_extra_cents is null) then 'dip'
    when plan.dip_bps not between 1 and (limits ->> 'buy_dip_max_bps')::bigint then 'dip_bps'
    when plan.dip_extra_cents not between 1 and (limits ->> 'buy_single_max_cents')::bigint - plan.amount_cents then 'dip_extra_cents'
    when (before.id is null or (plan.cap_cents, plan.amount_cents) is distinct from (before.cap_cents, before.amount_cents))
      and plan.cap_cents < savings.spent_cents(plan.id) + plan.amount_cents then 'cap_cents'
  end;
  if bad is not null then
    perform private.refuse('plan_condition_invalid', jsonb_build_object('field', bad));
  end if;

  bad := case
    when coalesce(plan.funding, '') not in ('wallet', 'bank') then 'funding'
    when (plan.funding = 'bank') <> (plan.source_id is not null) then 'source_id'
    when plan.lead_bank_days is null or plan.lead_bank_days not between case when plan.funding = 'bank' then 1 else 0 end
      and case when plan.funding = 'bank' then 10 else 0 end then 'lead_bank_days'
    when plan.funding = 'bank' and plan.frequency = 'hourly' then 'frequency'
    when coalesce(plan.on_shortfall, '') not in ('skip', 'retry', 'use_wallet')
      or (plan.on_shortfall = 'use_wallet' and plan.funding = 'wallet') then 'on_shortfall'
    when coalesce(plan.catch_up, '') not in ('one', 'skip') then 'catch_up'
  end;
  if bad is not null then
    perform private.refuse('plan_funding_invalid', jsonb_build_object('field', bad));
  end if;
  if plan.funding = 'bank' then
    select s.state into bank_state from banking.source s where s.id = plan.source_id and s.person = plan.person;
    if coalesce(bank_state, '') not in ('unverified', 'verified') then
      perform private.refuse('not_found', '{"what": "bank"}');
    end if;
    if bank_state <> 'verified' then
      perform private.refuse('plan_bank_unconfirmed');
    end if;
  end if;
end $_$;

-- comment FUNCTION check_terms(plan savings.plan, before savings.plan)
COMMENT ON FUNCTION savings.check_terms(plan savings.plan, before savings.plan) IS 'Refuses what a plan may not say, and what could never lead to a buy.';

-- function check_trial(jsonb)
CREATE FUNCTION savings.check_trial(terms jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  perform savings.check_terms(savings.with_terms(null, terms), null);
  return jsonb_build_object(
    'back_days', risk.limit_max('lab_back_days'), 'ahead_days', risk.limit_max('lab_ahead_days'),
    'buys_count', risk.limit_max('lab_buys_count'));
end $$;

-- comment FUNCTION check_trial(terms jsonb)
COMMENT ON FUNCTION savings.check_trial(terms jsonb) IS 'How far the lab looks, in days, and how many buys it counts at once, for terms that a plan may have; others are refused as saving them is.';

-- function claim_order(uuid)
CREATE FUNCTION savings.claim_order(order_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
begin
  select * into o from savings.exchange_order t where t.id = order_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "order"}');
  end if;
  if o.state in ('planned', 'submitted') then
    update savings.exchange_order t set attempts = t.attempts + 1, next_at = private.now() + interval '1 minute'
    where t.id = order_id returning * into o;
  end if;
  return jsonb_build_object(
    'state', case o.state when 'planned' then 'submitted' else o.state end, 'is_first', o.first_sent_at is null,
    'attempts', o.attempts, 'sent_s', extract(epoch from clock_timestamp() - o.last_sent_at)::float8, 'budget_cents', o.budget_cents,
    'is_late', o.created_at < private.now() - interval '1 hour');
end $$;

-- comment FUNCTION claim_order(order_id uuid)
COMMENT ON FUNCTION savings.claim_order(order_id uuid) IS 'What to ask the exchange for (budget_cents), whether nothing was ever asked, and how long ago it was asked last. Counts the try.';

-- function claim_withdrawal(uuid)
CREATE FUNCTION savings.claim_withdrawal(withdrawal_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
  obstacle text;
begin
  select * into w from savings.withdrawal t where t.id = withdrawal_id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "withdrawal"}');
  end if;
  if w.state = 'asked' then
    -- what waited for the exchange is checked again; its bitcoin is set aside
    obstacle := case
      when w.created_at < private.now() - interval '1 hour' then 'cut_off'
      when not exists (select from savings.withdrawal_address a where a.id = w.address_id and a.state = 'active') then 'address_removed'
      when not exists (select from ledger.account a where a.id = ledger.wallet_of(w.person, 'BTC') and a.state = 'active')
        then 'account_unavailable'
    end;
    if obstacle is not null then
      perform savings.book_withdrawal_failed(withdrawal_id, obstacle);
      return '{"state": "failed"}';
    end if;
  end if;
  if w.state in ('asked', 'submitted') then
    update savings.withdrawal t set attempts = t.attempts + 1 where t.id = withdrawal_id returning * into w;
  end if;
  return jsonb_build_object(
    'state', w.state, 'attempts', w.attempts, 'address', w.address, 'address_key', savings.address_key(w.address),
    'quantity_sats', w.quantity_sats, 'fee_sats_max', w.fee_sats_max, 'since', w.created_at, 'sent_at', w.last_sent_at,
    'sent_s', extract(epoch from clock_timestamp() - w.last_sent_at)::float8,
    'known', (select coalesce(jsonb_agg(o.vendor_ref), '[]') from savings.withdrawal o
      where o.address = w.address and o.vendor_ref is not null));
end $$;

-- comment FUNCTION claim_withdrawal(withdrawal_id uuid)
COMMENT ON FUNCTION savings.claim_withdrawal(withdrawal_id uuid) IS 'What to ask the exchange for, and when it was asked. Counts the try. What is not sent any more fails here.';

-- function create_plan(uuid, jsonb, timestamp with time zone[])
CREATE FUNCTION savings.create_plan(plan_id uuid, terms jsonb, due_ats timestamp with time zone[]) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  plan savings.plan;
  asked jsonb;
  maximum bigint := risk.limit_max('plans_count');
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  perform pg_advisory_xact_lock(hashtextextended('savings_plans:' || person, 0));
  plan.weekdays := '{}';
  plan.funding := 'wallet';
  plan.lead_bank_days := 0;
  plan.on_shortfall := 'skip';
  plan.catch_up := 'one';
  plan := savings.with_terms(plan, terms);
  plan.id := plan_id;
  plan.person := person;
  asked := jsonb_build_object('verb', 'create', 'terms', savings.terms_json(plan));
  if savings.is_replay(plan_id, plan_id, asked) then
    return (select savings.plan_json(p) from savings.plan p where p.id = plan_id);
  end if;
  perform savings.check_purse(person);
  perform savings.check_terms(plan, null);
  if maximum is null then
    perform private.refuse('limits_unknown');
  end if;
  if (select count(*) from savings.plan p where p.person = person and p.state <> 'ended') >= maximum then
    perform private.refuse('plans_limit', jsonb_build_object('max', maximum));
  end if;
  perform savings.check_due_ats(due_ats, moment);

  plan.state := 'active';
  plan.version := 1;
  plan.created_at := moment;
  plan.changed_at := moment;
  insert into savings.plan select plan.* on conflict do nothing;
  if not found then -- somebody else's, who asked under the same id at this very moment
    perform private.refuse('plan_key_reused');
  end if;
  perform ledger.open_account(person, 'wallet', 'BTC');  -- where what it buys goes
  plan := savings.plan_buys(plan, due_ats);
  perform savings.note_change(plan_id, plan, asked);
  perform events.record('plan.created', plan_id, 1, jsonb_build_object(
    'owner_id', person, 'before', '{}'::jsonb, 'after', savings.terms_json(plan)));
  return savings.plan_json(plan);
end $$;

-- comment FUNCTION create_plan(plan_id uuid, terms jsonb, due_ats timestamp with time zone[])
COMMENT ON FUNCTION savings.create_plan(plan_id uuid, terms jsonb, due_ats timestamp with time zone[]) IS 'Makes a plan of the caller''s once per plan_id, with its first buys and its event. Returns the plan.';

-- function decide(bigint, bigint, integer, bigint, bigint, bigint, bigint, bigint)
CREATE FUNCTION savings.decide(amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint, spent_cents bigint, price_cents bigint, high_cents bigint) RETURNS savings.decision
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  decided savings.decision;
begin
  decided.amount_cents := amount_cents + case when price_cents * 10000 <= high_cents * (10000 - dip_bps) then dip_extra_cents else 0 end;
  decided.reason := case
    when price_cents > buy_below_cents then 'price_above'
    when decided.amount_cents + spent_cents > cap_cents then 'cap_reached'
  end;
  return decided;
end $$;

-- comment FUNCTION decide(amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint, spent_cents bigint, price_cents bigint, high_cents bigint)
COMMENT ON FUNCTION savings.decide(amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint, spent_cents bigint, price_cents bigint, high_cents bigint) IS 'Whether a plan of these terms buys at this price and 24-hour high, and for how much. spent_cents: so far; counted for plans with a cap.';

-- function end_for(uuid, text)
CREATE FUNCTION savings.end_for(plan_id uuid, reason text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  plan savings.plan;
begin
  select * into plan from savings.plan p where p.id = plan_id for no key update;
  if not found or plan.state = 'ended' then
    return false;
  end if;
  perform savings.move_plan(plan, 'ended', reason);
  return true;
end $$;

-- comment FUNCTION end_for(plan_id uuid, reason text)
COMMENT ON FUNCTION savings.end_for(plan_id uuid, reason text) IS 'Ends a plan for a reason of ours, like cap_reached. False when it had ended.';

-- function end_plan(uuid, uuid)
CREATE FUNCTION savings.end_plan(plan_id uuid, change_key uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  plan savings.plan := savings.hold_plan(plan_id);
begin
  if savings.is_replay(change_key, plan_id, '{"verb": "end"}') then
    return savings.plan_json(plan);
  end if;
  if plan.state <> 'ended' then
    plan := savings.move_plan(plan, 'ended', 'ended_by_owner');
  end if;
  perform savings.note_change(change_key, plan, '{"verb": "end"}');
  return savings.plan_json(plan);
end $$;

-- comment FUNCTION end_plan(plan_id uuid, change_key uuid)
COMMENT ON FUNCTION savings.end_plan(plan_id uuid, change_key uuid) IS 'Ends the caller''s plan for good: what has not begun does not happen. Again changes nothing.';

-- function give_back(uuid)
CREATE FUNCTION savings.give_back(order_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select ledger.distribute(
    private.part_of((select o.bookings_id from savings.exchange_order o where o.id = give_back.order_id), 'back'), ledger.system_account('exchange_in_transit'),
    array_agg(a.id order by b.id), array_agg(b.refund_cents order by b.id), 'buy_returned')
  from savings.buy b join ledger.account a on a.owner = b.person and a.kind = 'wallet' and a.asset = 'USD'
  where b.order_id = give_back.order_id and b.refund_cents > 0 having count(*) > 0
$$;

-- comment FUNCTION give_back(order_id uuid)
COMMENT ON FUNCTION savings.give_back(order_id uuid) IS 'Pays back what of an order''s money was not spent.';

-- function hold_plan(uuid)
CREATE FUNCTION savings.hold_plan(plan_id uuid) RETURNS savings.plan
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  plan savings.plan;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  select * into plan from savings.plan p where p.id = plan_id and p.person = auth.uid() for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "plan"}');
  end if;
  return plan;
end $$;

-- comment FUNCTION hold_plan(plan_id uuid)
COMMENT ON FUNCTION savings.hold_plan(plan_id uuid) IS 'The caller''s plan, which nobody else changes until the transaction ends.';

-- function is_registered(text)
CREATE FUNCTION savings.is_registered(address text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (select from savings.withdrawal w where w.address = is_registered.address and w.vendor_ref is not null)
$$;

-- comment FUNCTION is_registered(address text)
COMMENT ON FUNCTION savings.is_registered(address text) IS 'Whether the exchange ever took a withdrawal to this address, and so knows it.';

-- function is_replay(uuid, uuid, jsonb)
CREATE FUNCTION savings.is_replay(change_key uuid, plan_id uuid, asked jsonb) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  known savings.plan_change;
begin
  if change_key is null then
    perform private.refuse('request_invalid');
  end if;
  select * into known from savings.plan_change c where c.key = change_key;
  if not found then
    return false;
  end if;
  if (known.plan_id, known.person, known.asked) is distinct from (plan_id, auth.uid(), asked) then
    perform private.refuse('plan_key_reused');
  end if;
  return true;
end $$;

-- comment FUNCTION is_replay(change_key uuid, plan_id uuid, asked jsonb)
COMMENT ON FUNCTION savings.is_replay(change_key uuid, plan_id uuid, asked jsonb) IS 'Whether this was asked under this key before; refuses when something else was.';

-- function keep_candles(date[], bigint[], bigint[], bigint[], bigint[], boolean[])
CREATE FUNCTION savings.keep_candles(days date[], opens_cents bigint[], highs_cents bigint[], lows_cents bigint[], closes_cents bigint[], are_synthetic boolean[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  has_real boolean := false = any(are_synthetic);
  kept integer;
begin
  if has_real then
    delete from savings.candle c where c.is_synthetic;
  end if;
  insert into savings.candle (day, open_cents, high_cents, low_cents, close_cents, is_synthetic, kept_at)
  select u.*, private.now()
  from unnest(days, opens_cents, highs_cents, lows_cents, closes_cents, are_synthetic) u (day, opened, high, low, closed, is_synthetic)
  where not u.is_synthetic or not (has_real or exists (select from savings.candle r where not r.is_synthetic))
  order by u.day
  on conflict (day) do update set
    open_cents = excluded.open_cents, high_cents = excluded.high_cents, low_cents = excluded.low_cents,
    close_cents = excluded.close_cents, is_synthetic = excluded.is_synthetic, kept_at = excluded.kept_at
  where (candle.open_cents, candle.high_cents, candle.low_cents, candle.close_cents, candle.is_synthetic)
    is distinct from (excluded.open_cents, excluded.high_cents, excluded.low_cents, excluded.close_cents, excluded.is_synthetic);
  get diagnostics kept = row_count;
  return kept;
end $$;

-- comment FUNCTION keep_candles(days date[], opens_cents bigint[], highs_cents bigint[], lows_cents bigint[], closes_cents bigint[], are_synthetic boolean[])
COMMENT ON FUNCTION savings.keep_candles(days date[], opens_cents bigint[], highs_cents bigint[], lows_cents bigint[], closes_cents bigint[], are_synthetic boolean[]) IS 'Keeps whole days as the exchange tells them now; returns how many were new or other than before.';

-- function look_at(uuid, text, timestamp with time zone)
CREATE FUNCTION savings.look_at(plan_id uuid, funding text, moment timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select least(coalesce((
    select b.due_at from savings.buy b where b.plan_id = look_at.plan_id and b.state = 'scheduled' order by b.due_at desc offset 3 limit 1
  ), moment), case when look_at.funding = 'bank' then moment + interval '12 hours' end)
$$;

-- comment FUNCTION look_at(plan_id uuid, funding text, moment timestamp with time zone)
COMMENT ON FUNCTION savings.look_at(plan_id uuid, funding text, moment timestamp with time zone) IS 'When more buys of a plan are to be made.';

-- function moment()
CREATE FUNCTION savings.moment() RETURNS timestamp with time zone
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select private.now()
$$;

-- comment FUNCTION moment()
COMMENT ON FUNCTION savings.moment() IS 'The time, as the database has it: due times are counted from it.';

-- function move_plan(savings.plan, text, text, timestamp with time zone)
CREATE FUNCTION savings.move_plan(plan savings.plan, state text, reason text, after timestamp with time zone DEFAULT '-infinity'::timestamp with time zone) RETURNS savings.plan
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moved savings.plan;
  taken_back integer := 0;
begin
  if state <> 'active' then
    taken_back := savings.take_back_buys(plan.id, after, 'plan_' || state);
  end if;
  update savings.plan p set
    state = state, pause_reason = case when state = 'paused' then reason end, end_reason = case when state = 'ended' then reason end,
    ended_at = case when state = 'ended' then private.now() end, changed_at = private.now(), version = p.version + 1,
    schedule_at = case when state = 'active' then p.schedule_at end
  where p.id = plan.id returning * into moved;
  perform events.record(
    case state when 'active' then 'plan.resumed' else 'plan.' || state end, plan.id, moved.version, jsonb_build_object(
      'owner_id', plan.person, 'reason', reason, 'canceled_count', taken_back,
      'before', jsonb_build_object('state', plan.state), 'after', jsonb_build_object('state', state)));
  return moved;
end $$;

-- comment FUNCTION move_plan(plan savings.plan, state text, reason text, after timestamp with time zone)
COMMENT ON FUNCTION savings.move_plan(plan savings.plan, state text, reason text, after timestamp with time zone) IS 'Gives a plan that is held another state, with its event; paused and ended take back the buys after this moment that have not begun.';

-- function my_addresses()
CREATE FUNCTION savings.my_addresses() RETURNS SETOF jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select savings.address_json(a) from savings.withdrawal_address a
  where a.person = auth.uid() and a.state = 'active' order by a.created_at, a.id
$$;

-- comment FUNCTION my_addresses()
COMMENT ON FUNCTION savings.my_addresses() IS 'The caller''s addresses, the oldest first.';

-- function my_buys(uuid, timestamp with time zone, integer)
CREATE FUNCTION savings.my_buys(plan_id uuid, before timestamp with time zone, maximum integer) RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select savings.buy_json(b) from savings.buy b
  where b.plan_id = my_buys.plan_id and b.person = auth.uid() and b.state <> 'canceled'
    and (before is null or b.due_at < before)
  order by b.due_at desc limit least(greatest(maximum, 0), 100)
$$;

-- comment FUNCTION my_buys(plan_id uuid, before timestamp with time zone, maximum integer)
COMMENT ON FUNCTION savings.my_buys(plan_id uuid, before timestamp with time zone, maximum integer) IS 'The buys of one of the caller''s plans that were or will be made or were skipped, the latest first, due before a moment.';

-- function my_fee()
CREATE FUNCTION savings.my_fee() RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  bps bigint := risk.limit_max('buy_fee_bps');
  free_count bigint := risk.limit_max('buy_fee_free_count');
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  if bps is null or free_count is null then
    perform private.refuse('limits_unknown');
  end if;
  return jsonb_build_object('fee_bps', bps, 'free_left', free_count - (
    select count(*) from (
      select from savings.buy b where b.person = auth.uid() and b.state in ('collected', 'bought') limit free_count) used));
end $$;

-- comment FUNCTION my_fee()
COMMENT ON FUNCTION savings.my_fee() IS 'What our fee of the caller''s buys is, in bps, and how many of the next ones cost none.';

-- function my_holdings()
CREATE FUNCTION savings.my_holdings() RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'balance_sats', coalesce((select a.balance from ledger.account a where a.id = ledger.wallet_of(auth.uid(), 'BTC')), 0),
    'cost_cents', coalesce((select sum(l.left_cost_cents) from savings.my_lots() l), 0)::bigint,
    'price_cents_per_btc', (select p.cents_per_btc from savings.price p),
    'price_at', (select p.at from savings.price p))
$$;

-- comment FUNCTION my_holdings()
COMMENT ON FUNCTION savings.my_holdings() IS 'The caller''s bitcoin, what is left of its cost, and the price last seen.';

-- function my_lot_plans()
CREATE FUNCTION savings.my_lot_plans() RETURNS TABLE(id uuid, name text, fee_cents bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select b.id, p.name, b.fee_cents + b.exchange_fee_cents from savings.buy b join savings.plan p on p.id = b.plan_id
  where b.person = auth.uid() and b.state = 'bought'
$$;

-- comment FUNCTION my_lot_plans()
COMMENT ON FUNCTION savings.my_lot_plans() IS 'Of each of the caller''s lots the plan''s name, and what of its cost was our fee and the exchange''s.';

-- function my_lot_withdrawals()
CREATE FUNCTION savings.my_lot_withdrawals() RETURNS TABLE(buy_id uuid, withdrawal_id uuid, asked_at timestamp with time zone, sats bigint, cost_cents bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with lot as (
    select l.*, sum(l.quantity_sats) over (order by l.acquired_at, l.buy_id) - l.quantity_sats as begins from savings.my_lots() l
    where l.quantity_sats > 0  -- of very little that was filled for many, some got none
  ), gone as (
    select w.id, w.created_at, w.quantity_sats, sum(w.quantity_sats) over (order by w.created_at, w.id) - w.quantity_sats as begins
    from savings.withdrawal w where w.person = auth.uid() and w.state <> 'failed'
  ), met as (
    select l.buy_id, g.id, g.created_at, l.quantity_sats, l.cost_cents, l.begins,
      greatest(g.begins, l.begins) - l.begins as from_sats,
      least(g.begins + g.quantity_sats, l.begins + l.quantity_sats) - l.begins as to_sats
    from lot l join gone g on g.begins < l.begins + l.quantity_sats and l.begins < g.begins + g.quantity_sats
  )
  select m.buy_id, m.id, m.created_at, (m.to_sats - m.from_sats)::bigint, (
    round(m.cost_cents::numeric * (m.quantity_sats - m.from_sats) / m.quantity_sats)
    - round(m.cost_cents::numeric * (m.quantity_sats - m.to_sats) / m.quantity_sats))::bigint
  from met m order by m.begins, m.from_sats
$$;

-- comment FUNCTION my_lot_withdrawals()
COMMENT ON FUNCTION savings.my_lot_withdrawals() IS 'How much of each of the caller''s lots went with which withdrawal, and its part of the cost; the oldest lots went first.';

-- function my_lots()
CREATE FUNCTION savings.my_lots() RETURNS TABLE(buy_id uuid, plan_id uuid, acquired_at timestamp with time zone, quantity_sats bigint, cost_cents bigint, left_sats bigint, left_cost_cents bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with lot as (
    select b.id, b.plan_id, b.ended_at, b.quantity_sats, b.cost_cents + b.fee_cents as cost_cents,
      sum(b.quantity_sats) over (order by b.ended_at, b.id) as until
    from savings.buy b where b.person = auth.uid() and b.state = 'bought'
  ), gone as (
    select coalesce((select sum(l.quantity_sats) from lot l), 0) - coalesce((
      select a.balance from ledger.account a where a.id = ledger.wallet_of(auth.uid(), 'BTC')), 0) as sats
  ), rest as (
    select l.*, least(l.quantity_sats, greatest(0, l.until - g.sats))::bigint as left_sats from lot l, gone g
  )
  select r.id, r.plan_id, r.ended_at, r.quantity_sats, r.cost_cents, r.left_sats,
    round(r.cost_cents::numeric * r.left_sats / nullif(r.quantity_sats, 0))::bigint
  from rest r order by r.ended_at, r.id
$$;

-- comment FUNCTION my_lots()
COMMENT ON FUNCTION savings.my_lots() IS 'What the caller bought, the oldest first: each with its cost, our fee and the exchange''s included, and what of it is left.';

-- function my_next_buy()
CREATE FUNCTION savings.my_next_buy() RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object('plan_id', p.id, 'name', p.name, 'zone', p.zone, 'due_at', n.due_at, 'amount_cents', n.amount_cents)
  from savings.plan p cross join lateral (
    select b.due_at, b.amount_cents from savings.buy b
    where b.plan_id = p.id and b.state = 'scheduled' and b.due_at > private.now() order by b.due_at limit 1
  ) n
  where p.person = auth.uid() and p.state = 'active' and (p.cap_cents is null or p.cap_cents >= n.amount_cents + (
    select coalesce(sum(s.amount_cents - s.refund_cents), 0) from savings.buy s
    where s.plan_id = p.id and s.state in ('collected', 'bought')))
  order by n.due_at, p.id limit 1
$$;

-- comment FUNCTION my_next_buy()
COMMENT ON FUNCTION savings.my_next_buy() IS 'The next buy of any of the caller''s plans, or null; none that its plan''s cap has no room for.';

-- function my_plan(uuid)
CREATE FUNCTION savings.my_plan(plan_id uuid) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select savings.plan_json(p) from savings.plan p where p.id = plan_id and p.person = auth.uid()
$$;

-- comment FUNCTION my_plan(plan_id uuid)
COMMENT ON FUNCTION savings.my_plan(plan_id uuid) IS 'One of the caller''s plans, or null.';

-- function my_plan_history(uuid, bigint, integer)
CREATE FUNCTION savings.my_plan_history(plan_id uuid, before bigint, maximum integer) RETURNS SETOF jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  if not exists (select from savings.plan p where p.id = plan_id and p.person = auth.uid()) then
    perform private.refuse('not_found', '{"what": "plan"}');
  end if;
  maximum := least(greatest(maximum, 0), 100);
  return query
    select jsonb_build_object(
      'id', h.id, 'at', h.at, 'kind', h.kind, 'subject', h.subject, 'version', h.version,
      'is_own', h.actor is not distinct from auth.uid(), 'facts', h.payload - 'owner_id')
    from (
      (select e.* from events.event e where e.subject = plan_id and (before is null or e.id < before) order by e.id desc limit maximum)
      union all
      (select e.* from savings.buy b cross join lateral (
        select v.* from events.event v where v.subject = b.id and v.kind like 'buy.%' and (before is null or v.id < before)
      ) e where b.plan_id = plan_id and b.version > case when b.state = 'canceled' then 2 else 1 end order by e.id desc limit maximum)
    ) h
    order by h.id desc limit maximum;
end $$;

-- comment FUNCTION my_plan_history(plan_id uuid, before bigint, maximum integer)
COMMENT ON FUNCTION savings.my_plan_history(plan_id uuid, before bigint, maximum integer) IS 'What happened to one of the caller''s plans and its buys, the newest first, before an event; changes with what was before and after.';

-- function my_plans()
CREATE FUNCTION savings.my_plans() RETURNS SETOF jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select savings.plan_json(p) from savings.plan p
  where p.person = auth.uid() order by p.state = 'ended', p.created_at desc, p.id limit 100
$$;

-- comment FUNCTION my_plans()
COMMENT ON FUNCTION savings.my_plans() IS 'The caller''s plans: those that go on first, and of those the newest; 100 at most.';

-- function my_withdrawal(uuid)
CREATE FUNCTION savings.my_withdrawal(withdrawal_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select savings.withdrawal_json(w) from savings.withdrawal w where w.id = withdrawal_id and w.person = auth.uid()
$$;

-- comment FUNCTION my_withdrawal(withdrawal_id uuid)
COMMENT ON FUNCTION savings.my_withdrawal(withdrawal_id uuid) IS 'One of the caller''s withdrawals, or null.';

-- function my_withdrawal_history(uuid)
CREATE FUNCTION savings.my_withdrawal_history(withdrawal_id uuid) RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', e.id, 'at', e.at, 'kind', e.kind, 'subject', e.subject, 'version', e.version,
    'is_own', e.actor is not distinct from auth.uid(), 'facts', e.payload - 'owner_id')
  from savings.withdrawal w join events.event e on e.subject = w.id and e.kind like 'withdrawal.%'
  where w.id = withdrawal_id and w.person = auth.uid() order by e.id limit 100
$$;

-- comment FUNCTION my_withdrawal_history(withdrawal_id uuid)
COMMENT ON FUNCTION savings.my_withdrawal_history(withdrawal_id uuid) IS 'What happened to one of the caller''s withdrawals, in order.';

-- function my_withdrawal_limits()
CREATE FUNCTION savings.my_withdrawal_limits() RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'min_sats', risk.limit_max('withdrawal_single_min_sats'), 'day_max_sats', risk.limit_max('withdrawal_day_sats'),
    'day_used_sats', d.used_sats, 'day_max_count', risk.limit_max('withdrawal_day_count'), 'day_used_count', d.used_count,
    'resets_at', d.resets_at, 'address_hours', risk.limit_max('withdrawal_address_hours'),
    'addresses_max', risk.limit_max('withdrawal_addresses_count'),
    'available_sats', coalesce((
      select a.balance - a.held - a.min_balance from ledger.account a where a.id = ledger.wallet_of(auth.uid(), 'BTC')), 0))
  from savings.withdrawn_in_day(auth.uid()) d where auth.uid() is not null
$$;

-- comment FUNCTION my_withdrawal_limits()
COMMENT ON FUNCTION savings.my_withdrawal_limits() IS 'What the caller may withdraw now, what they did in the last 24 hours, and how long an address waits.';

-- function my_withdrawals(timestamp with time zone, integer)
CREATE FUNCTION savings.my_withdrawals(before timestamp with time zone, maximum integer) RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select savings.withdrawal_json(w) from savings.withdrawal w
  where w.person = auth.uid() and (before is null or w.created_at < before)
  order by w.created_at desc, w.id desc limit least(greatest(maximum, 0), 100)
$$;

-- comment FUNCTION my_withdrawals(before timestamp with time zone, maximum integer)
COMMENT ON FUNCTION savings.my_withdrawals(before timestamp with time zone, maximum integer) IS 'The caller''s withdrawals, the newest first.';

-- function needs_candles()
CREATE FUNCTION savings.needs_candles() RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select not exists (select from savings.candle c where c.day >= (private.now() at time zone 'UTC')::date - 1)
$$;

-- comment FUNCTION needs_candles()
COMMENT ON FUNCTION savings.needs_candles() IS 'Whether yesterday is not kept yet.';

-- function needs_price()
CREATE FUNCTION savings.needs_price() RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (
    select from savings.buy b
    where b.state = 'scheduled' and b.due_at <= private.now() and coalesce(b.retry_at, b.due_at) <= private.now())
    or not exists (select from savings.price p where p.at > private.now() - interval '5 minutes')
$$;

-- comment FUNCTION needs_price()
COMMENT ON FUNCTION savings.needs_price() IS 'Whether something is due, or the price that people see is older than five minutes.';

-- function note_change(uuid, savings.plan, jsonb)
CREATE FUNCTION savings.note_change(change_key uuid, plan savings.plan, asked jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  insert into savings.plan_change (key, plan_id, person, asked, version, at)
  values (change_key, plan.id, plan.person, asked, plan.version, private.now()) on conflict do nothing;
  if not found then -- used for another plan at this very moment
    perform private.refuse('plan_key_reused');
  end if;
end $$;

-- comment FUNCTION note_change(change_key uuid, plan savings.plan, asked jsonb)
COMMENT ON FUNCTION savings.note_change(change_key uuid, plan savings.plan, asked jsonb) IS 'Keeps what was asked under which key.';

-- function note_order_attempt(uuid, text, boolean)
CREATE FUNCTION savings.note_order_attempt(order_id uuid, error text, is_unsent boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
begin
  -- only what certainly never arrived, and was sent once, goes back to "not sent"
  update savings.exchange_order t set
    last_error = left(error, 200), version = t.version + 1,
    state = case when is_unsent and t.first_sent_at = t.last_sent_at then 'planned' else t.state end,
    first_sent_at = case when is_unsent and t.first_sent_at = t.last_sent_at then null else t.first_sent_at end
  where t.id = order_id and t.state in ('planned', 'submitted') returning * into o;
  if found then
    perform events.record('order.unanswered', order_id, o.version, jsonb_build_object('error', o.last_error, 'is_unsent', o.state = 'planned'), null);
  end if;
  if o.id is not null and error = 'exchange_unfunded' then
    perform cases.open_case('exchange_unfunded', 'account:exchange_cash', jsonb_build_object('order_id', order_id, 'budget_cents', o.budget_cents));
  end if;
end $$;

-- comment FUNCTION note_order_attempt(order_id uuid, error text, is_unsent boolean)
COMMENT ON FUNCTION savings.note_order_attempt(order_id uuid, error text, is_unsent boolean) IS 'Notes why the exchange did not take an order yet. That our account there is empty is somebody''s case (exchange_unfunded).';

-- function note_order_sent(uuid, integer)
CREATE FUNCTION savings.note_order_sent(order_id uuid, attempts integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  o savings.exchange_order;
begin
  update savings.exchange_order t set
    state = 'submitted', version = t.version + 1, last_sent_at = clock_timestamp(),
    first_sent_at = coalesce(t.first_sent_at, clock_timestamp())
  where t.id = order_id and t.state in ('planned', 'submitted') and t.attempts = attempts returning * into o;
  if not found then
    perform private.refuse('work_done', '{"finished": 0, "asked": 1}');
  end if;
  perform events.record('order.submitted', order_id, o.version, jsonb_build_object('attempts', o.attempts), null);
end $$;

-- comment FUNCTION note_order_sent(order_id uuid, attempts integer)
COMMENT ON FUNCTION savings.note_order_sent(order_id uuid, attempts integer) IS 'Notes, before the exchange is asked, that it may have the order from now on. Refused when somebody else claimed it meanwhile.';

-- function note_price(bigint, bigint)
CREATE FUNCTION savings.note_price(cents_per_btc bigint, high_24h_cents bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into savings.price (cents_per_btc, high_24h_cents, at)
  values (note_price.cents_per_btc, note_price.high_24h_cents, private.now())
  on conflict (is_the_one) do update set
    cents_per_btc = excluded.cents_per_btc, high_24h_cents = excluded.high_24h_cents, at = excluded.at
$$;

-- comment FUNCTION note_price(cents_per_btc bigint, high_24h_cents bigint)
COMMENT ON FUNCTION savings.note_price(cents_per_btc bigint, high_24h_cents bigint) IS 'Keeps the price that the exchange tells now.';

-- function note_unregistered(uuid)
CREATE FUNCTION savings.note_unregistered(address_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select savings.ask_for_registration(a.address, '{}') from savings.withdrawal_address a
  where a.id = address_id and a.person = auth.uid() and a.state = 'active'
$$;

-- comment FUNCTION note_unregistered(address_id uuid)
COMMENT ON FUNCTION savings.note_unregistered(address_id uuid) IS 'The exchange does not know one of the caller''s addresses: the case that asks for it is open, again if somebody closed it too early.';

-- table withdrawal
CREATE TABLE savings.withdrawal (
    id uuid NOT NULL,
    bookings_id uuid DEFAULT gen_random_uuid() NOT NULL,
    person uuid NOT NULL,
    address_id uuid CONSTRAINT withdrawal_address_id_not_null1 NOT NULL,
    label text NOT NULL,
    address text NOT NULL,
    quantity_sats bigint NOT NULL,
    fee_sats_max bigint NOT NULL,
    state text DEFAULT 'asked'::text NOT NULL,
    reason text,
    attempts integer DEFAULT 0 NOT NULL,
    vendor_ref text,
    arrives_sats bigint,
    fee_sats bigint,
    txid text,
    last_error text DEFAULT ''::text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_sent_at timestamp with time zone,
    next_at timestamp with time zone NOT NULL,
    accepted_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT ended_says_when CHECK (((state = ANY (ARRAY['sent'::text, 'failed'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT failed_says_why CHECK (((state = 'failed'::text) = (reason IS NOT NULL))),
    CONSTRAINT sent_adds_up CHECK (((state <> 'sent'::text) OR ((arrives_sats IS NOT NULL) AND (fee_sats IS NOT NULL) AND (txid IS NOT NULL) AND (LEAST((arrives_sats - 1), fee_sats) >= 0) AND ((arrives_sats + fee_sats) = quantity_sats)))),
    CONSTRAINT something_arrives CHECK (((fee_sats_max >= 0) AND (quantity_sats > fee_sats_max))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['asked'::text, 'submitted'::text, 'accepted'::text, 'sent'::text, 'failed'::text])))
);

-- comment TABLE withdrawal
COMMENT ON TABLE savings.withdrawal IS 'Bitcoin on its way to an address: asked, submitted (the exchange may have it), accepted (it calls it vendor_ref), then sent, or failed and back in the wallet. fee_sats_max: the network''s fee that its owner agreed to. bookings_id: as of an order.';

-- function note_withdrawal(text, savings.withdrawal, jsonb, uuid)
CREATE FUNCTION savings.note_withdrawal(kind text, w savings.withdrawal, facts jsonb, actor uuid DEFAULT NULL::uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select events.record('withdrawal.' || kind, (w).id, (w).version, jsonb_build_object(
    'owner_id', (w).person, 'address_id', (w).address_id, 'label', (w).label, 'quantity_sats', (w).quantity_sats) || facts, actor)
$$;

-- comment FUNCTION note_withdrawal(kind text, w savings.withdrawal, facts jsonb, actor uuid)
COMMENT ON FUNCTION savings.note_withdrawal(kind text, w savings.withdrawal, facts jsonb, actor uuid) IS 'Writes the event of a withdrawal''s step.';

-- function note_withdrawal_attempt(uuid, text, boolean)
CREATE FUNCTION savings.note_withdrawal_attempt(withdrawal_id uuid, error text, is_unsent boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
begin
  update savings.withdrawal t set
    last_error = left(error, 200), version = t.version + 1, state = case when is_unsent then 'asked' else t.state end
  where t.id = withdrawal_id and t.state in ('asked', 'submitted') returning * into w;
  if found then
    perform savings.note_withdrawal('unanswered', w, jsonb_build_object('error', w.last_error, 'is_unsent', w.state = 'asked'));
  end if;
end $$;

-- comment FUNCTION note_withdrawal_attempt(withdrawal_id uuid, error text, is_unsent boolean)
COMMENT ON FUNCTION savings.note_withdrawal_attempt(withdrawal_id uuid, error text, is_unsent boolean) IS 'Notes why the exchange did not take a withdrawal yet.';

-- function note_withdrawal_disputed(uuid, text)
CREATE FUNCTION savings.note_withdrawal_disputed(withdrawal_id uuid, vendor_ref text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select from savings.withdrawal w
  cross join lateral cases.open_case('withdrawal_disputed', 'withdrawal:' || w.id, jsonb_build_object(
    'person', w.person, 'quantity_sats', w.quantity_sats, 'state', w.state,
    'vendor_refs', jsonb_build_array(w.vendor_ref, note_withdrawal_disputed.vendor_ref))) c
  where w.id = note_withdrawal_disputed.withdrawal_id
$$;

-- comment FUNCTION note_withdrawal_disputed(withdrawal_id uuid, vendor_ref text)
COMMENT ON FUNCTION savings.note_withdrawal_disputed(withdrawal_id uuid, vendor_ref text) IS 'The exchange has a withdrawal that we have otherwise: opens the case of it.';

-- function note_withdrawal_sent(uuid, integer)
CREATE FUNCTION savings.note_withdrawal_sent(withdrawal_id uuid, attempts integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  w savings.withdrawal;
begin
  select * into w from savings.withdrawal t where t.id = withdrawal_id for no key update;
  if w.state is distinct from 'asked' or w.attempts <> attempts then
    perform private.refuse('work_done', '{"finished": 0, "asked": 1}');
  end if;
  -- whoever removed the address since it was claimed was told that nothing is sent there any more: the next try says why
  perform from savings.withdrawal_address a where a.id = w.address_id and a.state = 'active' for share;
  if not found or not exists (select from ledger.account a where a.id = ledger.wallet_of(w.person, 'BTC') and a.state = 'active') then
    perform private.refuse('work_done', '{"finished": 0, "asked": 1}');
  end if;
  if exists (select from savings.withdrawal t where t.address = w.address and t.state = 'submitted') then
    perform private.refuse('withdrawal_under_way');
  end if;
  update savings.withdrawal t set state = 'submitted', version = t.version + 1, last_sent_at = clock_timestamp()
  where t.id = withdrawal_id returning * into w;
  perform savings.note_withdrawal('submitted', w, jsonb_build_object('attempts', w.attempts));
end $$;

-- comment FUNCTION note_withdrawal_sent(withdrawal_id uuid, attempts integer)
COMMENT ON FUNCTION savings.note_withdrawal_sent(withdrawal_id uuid, attempts integer) IS 'Notes, before the exchange is asked, that it may have the withdrawal from now on. Refused when somebody else claimed it meanwhile.';

-- function open_my_plan(uuid)
CREATE FUNCTION savings.open_my_plan(plan_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  plan savings.plan := savings.hold_plan(plan_id);
begin
  return savings.plan_json(plan) || jsonb_build_object(
    'scheduled_until', plan.scheduled_until, 'skipped_ahead', savings.skipped_ahead(plan_id), 'now', private.now());
end $$;

-- comment FUNCTION open_my_plan(plan_id uuid)
COMMENT ON FUNCTION savings.open_my_plan(plan_id uuid) IS 'The caller''s plan and the time, to count due times from; nobody changes the plan until the transaction ends.';

-- function order_due(uuid, integer, bigint, bigint)
CREATE FUNCTION savings.order_due(order_id uuid, maximum integer, price_cents bigint, high_cents bigint) RETURNS TABLE(seen integer, ordered integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  batch savings.due_buy[];
  paying savings.due_buy[];
  refusals text [];
begin
  if order_id is null or coalesce(maximum, 0) not between 1 and 20000 or coalesce(price_cents, 0) <= 0 or coalesce(high_cents, 0) <= 0 then
    perform private.refuse('batch_malformed');
  end if;
  -- Two at once would each count a person's free buys and a plan's cap without the other's.
  perform pg_advisory_xact_lock(hashtextextended('savings_order_due', 0));
  -- first, whoever ticks first: what was missed is not bought, or once for all of it
  perform savings.skip_missed();
  batch := array(select d from savings.take_due(maximum, price_cents, high_cents) d);
  seen := cardinality(batch);
  ordered := 0;
  perform savings.book_refused(array(select d from unnest(batch) d where d.reason = 'bank_late'));
  perform savings.book_skipped(array(select d from unnest(batch) d where d.reason <> 'bank_late'));
  -- one buy of a person at a time: the next batch, a moment later, sees what this one left in the wallet
  paying := array(
    select row(d.buy_id, d.plan_id, d.person, d.due_at, d.amount_cents, d.fee_cents, d.on_shortfall, null)::savings.due_buy
    from (
      select u.*, row_number() over (partition by u.person order by u.due_at, u.buy_id) as turn
      from unnest(batch) u where u.reason is null
    ) d where d.turn = 1 order by d.buy_id);
  if cardinality(paying) = 0 then
    return next;
    return;
  end if;
  refusals := array(
    select coalesce(c.refusal, '') from ledger.collect(
      order_id,
      (select array_agg(a.id order by d.n)
        from unnest(paying) with ordinality d (buy_id, plan_id, person, due_at, amount_cents, fee_cents, on_shortfall, reason, n)
        join ledger.account a on a.owner = d.person and a.kind = 'wallet' and a.asset = 'USD'),
      (select array_agg(d.amount_cents order by d.n)
        from unnest(paying) with ordinality d (buy_id, plan_id, person, due_at, amount_cents, fee_cents, on_shortfall, reason, n)),
      ledger.system_account('exchange_in_transit'), 'buy') with ordinality c (account_id, amount, refusal, n)
    order by c.n);
  perform savings.book_refused(array(
    select row(d.buy_id, d.plan_id, d.person, d.due_at, d.amount_cents, d.fee_cents, d.on_shortfall, d.refusal)::savings.due_buy
    from unnest(paying, refusals) d (buy_id, plan_id, person, due_at, amount_cents, fee_cents, on_shortfall, reason, refusal)
    where d.refusal <> ''));
  with bought as (
    update savings.buy b set
      state = 'collected', reason = null, amount_cents = d.amount_cents, fee_cents = d.fee_cents, order_id = order_id,
      collected_at = moment, version = b.version + 1
    from unnest(paying, refusals) d (buy_id, plan_id, person, due_at, amount_cents, fee_cents, on_shortfall, reason, refusal)
    where b.id = d.buy_id and d.refusal = ''
    returning b.*
  ), planned as (
    insert into savings.exchange_order (id, buy_count, budget_cents, fee_cents, created_at, next_at)
    select order_id, count(*), sum(b.amount_cents - b.fee_cents), sum(b.fee_cents), moment, moment + interval '1 minute'
    from bought b having count(*) > 0
  )
  insert into events.event (actor, kind, subject, version, payload)
  select null, 'buy.collected', b.id, b.version, jsonb_build_object(
    'owner_id', b.person, 'plan_id', b.plan_id, 'due_at', b.due_at, 'amount_cents', b.amount_cents, 'fee_cents', b.fee_cents,
    'order_id', order_id)
  from bought b;
  get diagnostics ordered = row_count;
  if ordered > 0 then
    perform events.record('order.planned', order_id, 1, jsonb_build_object('buy_count', ordered), null);
    perform jobs.enqueue('savings', 'submit_order', jsonb_build_object('order_id', order_id), 'submit_order:' || order_id);
  end if;
  return next;
end $$;

-- comment FUNCTION order_due(order_id uuid, maximum integer, price_cents bigint, high_cents bigint)
COMMENT ON FUNCTION savings.order_due(order_id uuid, maximum integer, price_cents bigint, high_cents bigint) IS 'Takes a batch of what is due at this price: skips what is to be skipped, collects the money of the rest, and notes one order for them. How many were looked at, and how many are in the order; nothing is left to do when none was seen.';

-- function orders_to_ask(integer)
CREATE FUNCTION savings.orders_to_ask(maximum integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  stale savings.exchange_order;
  asked integer := 0;
begin
  for stale in
    select * from savings.exchange_order o where o.ended_at is null and o.next_at <= private.now()
    order by o.next_at limit maximum for no key update skip locked
  loop
    update savings.exchange_order o set next_at = private.now() + interval '1 minute' where o.id = stale.id;
    perform jobs.enqueue('savings', case when stale.state = 'open' then 'follow_order' else 'submit_order' end,
      jsonb_build_object('order_id', stale.id), case when stale.state = 'open' then 'follow_order:' else 'submit_order:' end || stale.id);
    asked := asked + 1;
  end loop;
  return asked;
end $$;

-- comment FUNCTION orders_to_ask(maximum integer)
COMMENT ON FUNCTION savings.orders_to_ask(maximum integer) IS 'Enqueues a question about every order that is overdue; returns how many.';

-- function pause_for(uuid, text)
CREATE FUNCTION savings.pause_for(plan_id uuid, reason text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  plan savings.plan;
begin
  select * into plan from savings.plan p where p.id = plan_id for no key update;
  if plan.state is distinct from 'active' then
    return false;
  end if;
  perform savings.move_plan(plan, 'paused', reason);
  return true;
end $$;

-- comment FUNCTION pause_for(plan_id uuid, reason text)
COMMENT ON FUNCTION savings.pause_for(plan_id uuid, reason text) IS 'Pauses a plan for a reason of ours, like insufficient_funds; its owner resumes it. False when it was not active.';

-- function pause_plan(uuid, uuid)
CREATE FUNCTION savings.pause_plan(plan_id uuid, change_key uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  plan savings.plan := savings.hold_plan(plan_id);
begin
  if savings.is_replay(change_key, plan_id, '{"verb": "pause"}') then
    return savings.plan_json(plan);
  end if;
  if plan.state = 'ended' then
    perform private.refuse('plan_ended');
  end if;
  if plan.state = 'active' then
    plan := savings.move_plan(plan, 'paused', 'paused_by_owner');
  end if;
  perform savings.note_change(change_key, plan, '{"verb": "pause"}');
  return savings.plan_json(plan);
end $$;

-- comment FUNCTION pause_plan(plan_id uuid, change_key uuid)
COMMENT ON FUNCTION savings.pause_plan(plan_id uuid, change_key uuid) IS 'Pauses the caller''s plan: what has not begun does not happen. Again changes nothing.';

-- function pause_without_bank()
CREATE FUNCTION savings.pause_without_bank() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  plan savings.plan;
begin
  for plan in
    select p.* from savings.plan p where p.source_id = new.id and p.state = 'active' order by p.id for no key update
  loop
    perform savings.move_plan(plan, 'paused', 'bank_removed', private.now());
  end loop;
  return null;
end $$;

-- comment FUNCTION pause_without_bank()
COMMENT ON FUNCTION savings.pause_without_bank() IS 'Pauses the plans that a removed bank was to pay.';

-- function plan_buys(savings.plan, timestamp with time zone[])
CREATE FUNCTION savings.plan_buys(plan savings.plan, due_ats timestamp with time zone[]) RETURNS savings.plan
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  scheduled savings.plan;
begin
  perform savings.put_buys(plan, due_ats);
  update savings.plan p set
    scheduled_until = due_ats[cardinality(due_ats)], schedule_at = savings.look_at(p.id, p.funding, private.now())
  where p.id = plan.id returning * into scheduled;
  return scheduled;
end $$;

-- comment FUNCTION plan_buys(plan savings.plan, due_ats timestamp with time zone[])
COMMENT ON FUNCTION savings.plan_buys(plan savings.plan, due_ats timestamp with time zone[]) IS 'Makes the plan''s next buys and notes when more are to be made.';

-- function plan_json(savings.plan)
CREATE FUNCTION savings.plan_json(plan savings.plan) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', plan.id, 'state', plan.state, 'terms', savings.terms_json(plan), 'next_buys', coalesce((
      select jsonb_agg(savings.buy_json(n) order by n.due_at) from (
        select b.* from savings.buy b
        where b.plan_id = plan.id and b.state = 'scheduled' and b.due_at > private.now() order by b.due_at limit 3
      ) n), '[]'),
    'spent_cents', savings.spent_cents(plan.id), 'pause_reason', plan.pause_reason, 'end_reason', plan.end_reason,
    'version', plan.version, 'created_at', plan.created_at, 'changed_at', plan.changed_at, 'ended_at', plan.ended_at)
$$;

-- comment FUNCTION plan_json(plan savings.plan)
COMMENT ON FUNCTION savings.plan_json(plan savings.plan) IS 'A plan as its owner may see it, with the next three buys.';

-- function plan_moves_forward()
CREATE FUNCTION savings.plan_moves_forward() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if (old.id, old.person, old.created_at) is distinct from (new.id, new.person, new.created_at)
    or new.version < old.version or old.state = 'ended' then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "savings.plan"}';
  end if;
  return new;
end $$;

-- comment FUNCTION plan_moves_forward()
COMMENT ON FUNCTION savings.plan_moves_forward() IS 'A plan keeps its person, and one that has ended does not change.';

-- function plans_to_schedule(integer)
CREATE FUNCTION savings.plans_to_schedule(maximum integer) RETURNS TABLE(plan_id uuid, version bigint, frequency text, zone text, starts_on date, minute_of_day integer, weekdays integer[], month_day integer, ends_on date, lead_bank_days integer, scheduled_until timestamp with time zone, ahead_count integer, moment timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  moment := private.now();
  return query
    select p.id, p.version, p.frequency, p.zone, p.starts_on, p.minute_of_day, p.weekdays, p.month_day, p.ends_on, p.lead_bank_days,
      coalesce(p.scheduled_until, p.created_at),
      (select count(*)::integer from savings.buy b where b.plan_id = p.id and b.state = 'scheduled' and b.due_at > plans_to_schedule.moment),
      plans_to_schedule.moment
    from savings.plan p where p.state = 'active' and p.schedule_at <= plans_to_schedule.moment
    order by p.schedule_at limit plans_to_schedule.maximum;
end $$;

-- comment FUNCTION plans_to_schedule(maximum integer)
COMMENT ON FUNCTION savings.plans_to_schedule(maximum integer) IS 'Plans that more buys are to be made of, the most urgent first, with what they are counted from.';

-- function plans_to_stop()
CREATE FUNCTION savings.plans_to_stop() RETURNS TABLE(plan_id uuid, reason text, ends boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.id, l.reason, l.reason = 'cap_reached'
  from savings.plan p
  cross join lateral (
    select max(b.reason) as reason, count(*) as told from (
      select coalesce(s.reason, '') as reason from savings.buy s
      where s.plan_id = p.id and s.state not in ('scheduled', 'canceled') and s.due_at >= p.changed_at
      order by s.due_at desc limit 3
    ) b where b.reason in ('insufficient_funds', 'bank_late', 'cap_reached')
  ) l
  where p.state = 'active' and (l.told = 3 or l.reason = 'cap_reached') and p.id in (
    select r.plan_id from savings.buy r where r.state = 'skipped' and r.ended_at > private.now() - interval '1 day')
$$;

-- comment FUNCTION plans_to_stop()
COMMENT ON FUNCTION savings.plans_to_stop() IS 'Plans to pause, after three buys in a row without money, and plans to end, whose cap leaves no room for another buy.';

-- function put_buys(savings.plan, timestamp with time zone[])
CREATE FUNCTION savings.put_buys(plan savings.plan, due_ats timestamp with time zone[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)
  select plan.id, plan.person, d.due_at, plan.amount_cents, private.now() from unnest(due_ats) d (due_at)
  on conflict do nothing;
$$;

-- comment FUNCTION put_buys(plan savings.plan, due_ats timestamp with time zone[])
COMMENT ON FUNCTION savings.put_buys(plan savings.plan, due_ats timestamp with time zone[]) IS 'Makes the buys of these times that there are none of; what was skipped stays skipped.';

-- function registration_over(text, text)
CREATE FUNCTION savings.registration_over(address text, outcome text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select cases.close_case(c.id, registration_over.outcome) from cases."case" c
  where c.kind = 'withdrawal_address' and c.subject = 'address:' || savings.address_key(registration_over.address) and c.state = 'open'
$$;

-- comment FUNCTION registration_over(address text, outcome text)
COMMENT ON FUNCTION savings.registration_over(address text, outcome text) IS 'Closes that case, if it is open.';

-- function remove_address(uuid)
CREATE FUNCTION savings.remove_address(address_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  known savings.withdrawal_address;
begin
  if auth.uid() is null then
    perform private.refuse('signed_out');
  end if;
  select * into known from savings.withdrawal_address a where a.id = address_id and a.person = auth.uid() for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "address"}');
  end if;
  if known.state = 'removed' then
    return savings.address_json(known);
  end if;
  update savings.withdrawal_address a set state = 'removed', removed_at = private.now(), version = a.version + 1
  where a.id = address_id returning * into known;
  if not exists (select from savings.withdrawal_address a where a.address = known.address and a.state = 'active') then
    perform savings.registration_over(known.address, 'its owner removed it');
  end if;
  perform events.record('withdrawal_address.removed', address_id, known.version, jsonb_build_object(
    'owner_id', known.person, 'label', known.label, 'address', known.address));
  return savings.address_json(known);
end $$;

-- comment FUNCTION remove_address(address_id uuid)
COMMENT ON FUNCTION savings.remove_address(address_id uuid) IS 'Removes an address of the caller''s: what was asked for it and not sent yet is not sent. Again changes nothing. Returns it.';

-- function resume_plan(uuid, uuid, timestamp with time zone[])
CREATE FUNCTION savings.resume_plan(plan_id uuid, change_key uuid, due_ats timestamp with time zone[]) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  plan savings.plan := savings.hold_plan(plan_id);
begin
  if savings.is_replay(change_key, plan_id, '{"verb": "resume"}') then
    return savings.plan_json(plan);
  end if;
  if plan.state = 'ended' then
    perform private.refuse('plan_ended');
  end if;
  if plan.state = 'paused' then
    perform savings.check_purse(plan.person);
    perform savings.check_terms(plan, plan);
    perform savings.check_due_ats(due_ats, private.now());
    plan := savings.move_plan(plan, 'active', 'resumed_by_owner');
    plan := savings.plan_buys(plan, due_ats);
  end if;
  perform savings.note_change(change_key, plan, '{"verb": "resume"}');
  return savings.plan_json(plan);
end $$;

-- comment FUNCTION resume_plan(plan_id uuid, change_key uuid, due_ats timestamp with time zone[])
COMMENT ON FUNCTION savings.resume_plan(plan_id uuid, change_key uuid, due_ats timestamp with time zone[]) IS 'The caller''s paused plan goes on with the buys of due_ats. Again changes nothing.';

-- function schedule_buys(uuid[], bigint[], boolean[], uuid[], timestamp with time zone[])
CREATE FUNCTION savings.schedule_buys(plan_ids uuid[], versions bigint[], are_over boolean[], due_plan_ids uuid[], due_ats timestamp with time zone[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  held uuid[];
  made integer;
  over savings.plan;
begin
  if plan_ids is null or cardinality(plan_ids) is distinct from cardinality(versions)
    or cardinality(plan_ids) is distinct from cardinality(are_over)
    or due_plan_ids is null or cardinality(due_plan_ids) is distinct from cardinality(due_ats) then
    perform private.refuse('batch_malformed');
  end if;
  held := array(
    select p.id from savings.plan p join unnest(plan_ids, versions) u (id, version) on p.id = u.id and p.version = u.version
    where p.state = 'active' order by p.id for no key update of p);

  insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)
  select p.id, p.person, d.due_at, p.amount_cents, moment
  from unnest(due_plan_ids, due_ats) d (plan_id, due_at) join savings.plan p on p.id = d.plan_id
  where p.id = any(held) order by p.id, d.due_at
  on conflict do nothing;
  get diagnostics made = row_count;
  perform savings.skip_missed(held);

  -- who is in the list without a time and is not over cannot be counted: not before an hour from now
  update savings.plan p set
    scheduled_until = greatest(p.scheduled_until, u.last_due_at),
    schedule_at = case
      when u.is_over then coalesce((
        select max(b.due_at) from savings.buy b where b.plan_id = p.id and b.state = 'scheduled' and b.due_at > moment
      ), moment + interval '1 minute')
      when u.last_due_at is null then moment + interval '1 hour'
      else savings.look_at(p.id, p.funding, moment) end
  from (
    select l.id, l.is_over, max(d.due_at) as last_due_at
    from unnest(plan_ids, are_over) l (id, is_over) left join unnest(due_plan_ids, due_ats) d (plan_id, due_at) on d.plan_id = l.id
    group by l.id, l.is_over
  ) u where p.id = u.id and p.id = any(held);

  for over in
    select p.* from savings.plan p join unnest(plan_ids, are_over) u (id, is_over) on p.id = u.id and u.is_over
    where p.id = any(held) and not exists (select from savings.buy b where b.plan_id = p.id and b.state = 'scheduled') order by p.id
  loop
    perform savings.move_plan(over, 'ended', 'schedule_over');
  end loop;
  return made;
end $$;

-- comment FUNCTION schedule_buys(plan_ids uuid[], versions bigint[], are_over boolean[], due_plan_ids uuid[], due_ats timestamp with time zone[])
COMMENT ON FUNCTION savings.schedule_buys(plan_ids uuid[], versions bigint[], are_over boolean[], due_plan_ids uuid[], due_ats timestamp with time zone[]) IS 'Makes the next buys of plans that are as they were read (versions); are_over: no time comes after those given. A plan that is over and has no buy ahead ends. Returns how many buys were made.';

-- function simulate(bigint, bigint, integer, bigint, bigint, bigint[], bigint[], integer, integer, integer)
CREATE FUNCTION savings.simulate(amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint, prices_cents bigint[], highs_cents bigint[], run_length integer, exchange_fee_bps integer, spare_bps integer) RETURNS TABLE(run integer, place integer, reason text, bought_count integer, spent_cents bigint, fee_cents bigint, exchange_fee_cents bigint, quantity_sats bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  total constant integer := coalesce(cardinality(prices_cents), 0);
  fee_bps constant bigint := risk.limit_max('buy_fee_bps');
  free_count constant bigint := risk.limit_max('buy_fee_free_count');
  is_over boolean;
  decided savings.decision;
  fee bigint;
  budget bigint;
  sats bigint;
  cost_micros bigint;
  exchange_fee_micros bigint;
  cost bigint;
begin
  if total > risk.limit_max('lab_buys_count') then
    perform private.refuse('lab_too_many', jsonb_build_object('buys', total, 'max', risk.limit_max('lab_buys_count')));
  end if;
  if coalesce(amount_cents, 0) not between 1 and 10000000000 or cardinality(highs_cents) is distinct from total
    or coalesce(run_length, 0) < 1 or coalesce(exchange_fee_bps, -1) not between 0 and 10000 or coalesce(spare_bps, -1) not between 0 and 10000 then
    perform private.refuse('batch_malformed');
  end if;
  for n in 1 .. total loop
    if (n - 1) % run_length = 0 then
      run := (n - 1) / run_length;
      place := 0;
      bought_count := 0;
      spent_cents := 0;
      fee_cents := 0;
      exchange_fee_cents := 0;
      quantity_sats := 0;
      is_over := false;
    end if;
    place := place + 1;
    if is_over then
      reason := 'plan_ended';
    elsif prices_cents[n] is null then
      reason := 'exchange_unavailable';
    else
      decided := savings.decide(
        amount_cents, buy_below_cents, dip_bps, dip_extra_cents, cap_cents, case when cap_cents is not null then spent_cents end,
        prices_cents[n], highs_cents[n]);
      reason := decided.reason;
      -- live, the first buy that does not fit ends its plan
      is_over := coalesce(reason = 'cap_reached', false);
    end if;
    if reason is null then
      fee := case when bought_count < free_count then 0 else private.half_even(decided.amount_cents * fee_bps, 10000) end;
      budget := decided.amount_cents - fee;
      sats := savings.affordable_sats(budget, prices_cents[n], spare_bps, 1);
      cost_micros := sats * prices_cents[n] / 10000;
      exchange_fee_micros := private.half_even(cost_micros * exchange_fee_bps, 10000);
      cost := least(private.half_even(cost_micros + exchange_fee_micros, 10000), budget);
      fee := private.half_even(fee * cost, budget);
      bought_count := bought_count + 1;
      spent_cents := spent_cents + cost + fee;
      fee_cents := fee_cents + fee;
      exchange_fee_cents := exchange_fee_cents + least(private.half_even(exchange_fee_micros, 10000), cost);
      quantity_sats := quantity_sats + sats;
    end if;
    return next;
  end loop;
end $$;

-- comment FUNCTION simulate(amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint, prices_cents bigint[], highs_cents bigint[], run_length integer, exchange_fee_bps integer, spare_bps integer)
COMMENT ON FUNCTION savings.simulate(amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint, prices_cents bigint[], highs_cents bigint[], run_length integer, exchange_fee_bps integer, spare_bps integer) IS 'What a plan of these terms would have done at these prices: a row for each due time, its reason when it was not bought, and the sums so far. A price that is null is one that nobody knows. Our fee is as for somebody who never bought before.';

-- function skip_missed(uuid[])
CREATE FUNCTION savings.skip_missed(plan_ids uuid[] DEFAULT NULL::uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  late_at timestamptz := moment - make_interval(hours => coalesce(risk.limit_max('buy_late_hours'), 1)::integer);
  missed integer;
begin
  with late as (
    select b.id from savings.buy b join savings.plan p on p.id = b.plan_id
    where b.state = 'scheduled' and b.due_at <= late_at and b.reason is null and (plan_ids is null or b.plan_id = any(plan_ids))
      and (
        p.catch_up = 'skip'
        -- one that is due after it, or was begun after its time, stands for it
        or exists (
          select from savings.buy n
          where n.plan_id = b.plan_id and n.due_at > b.due_at and n.due_at <= moment and n.state = 'scheduled')
        or exists (select from savings.buy n where n.plan_id = b.plan_id and n.collected_at >= b.due_at)
      )
    order by b.id for update of b skip locked
  ), skipped as (
    update savings.buy b set state = 'skipped', reason = 'missed', ended_at = moment, version = b.version + 1
    from late l where b.id = l.id returning b.*
  )
  insert into events.event (actor, kind, subject, version, payload)
  select null, 'buy.skipped', s.id, s.version, jsonb_build_object(
    'owner_id', s.person, 'plan_id', s.plan_id, 'due_at', s.due_at, 'amount_cents', s.amount_cents, 'reason', s.reason,
    'before', '{"state": "scheduled"}'::jsonb, 'after', '{"state": "skipped"}'::jsonb)
  from skipped s;
  get diagnostics missed = row_count;
  return missed;
end $$;

-- comment FUNCTION skip_missed(plan_ids uuid[])
COMMENT ON FUNCTION savings.skip_missed(plan_ids uuid[]) IS 'Skips buys whose time is over by more than buy_late_hours, by their plan''s catch-up, with an event each; of these plans, or of all. Returns how many.';

-- function skip_next(uuid, uuid, timestamp with time zone, timestamp with time zone[])
CREATE FUNCTION savings.skip_next(plan_id uuid, change_key uuid, due_at timestamp with time zone, due_ats timestamp with time zone[]) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  plan savings.plan := savings.hold_plan(plan_id);
  asked jsonb := jsonb_build_object('verb', 'skip_next', 'due_at', due_at);
  skipped savings.buy;
begin
  if savings.is_replay(change_key, plan_id, asked) then
    return savings.plan_json(plan);
  end if;
  if plan.state = 'ended' then
    perform private.refuse('plan_ended');
  end if;
  if savings.skipped_ahead(plan_id) >= 30 then
    perform private.refuse('nothing_to_skip', '{"max": 30}');
  end if;
  update savings.buy b set
    state = 'skipped', reason = 'skipped_by_owner', ended_at = moment, version = b.version + 1
  where b.state = 'scheduled' and b.due_at > moment and b.id = (
    select n.id from savings.buy n
    where n.plan_id = plan_id and n.state = 'scheduled' and n.due_at > moment and (due_at is null or n.due_at = due_at)
    order by n.due_at limit 1
  ) returning * into skipped;
  if not found and due_at is not null then
    perform private.refuse('skip_too_late');
  elsif not found then
    perform private.refuse('nothing_to_skip');
  end if;
  update savings.plan p set version = p.version + 1, changed_at = moment where p.id = plan_id returning * into plan;
  if cardinality(due_ats) > 0 then
    perform savings.check_due_ats(due_ats, greatest(moment, plan.scheduled_until));
    plan := savings.plan_buys(plan, due_ats);
  end if;
  perform savings.note_change(change_key, plan, asked);
  perform events.record('buy.skipped', skipped.id, skipped.version, jsonb_build_object(
    'owner_id', plan.person, 'plan_id', plan_id, 'due_at', skipped.due_at, 'amount_cents', skipped.amount_cents,
    'reason', skipped.reason, 'before', '{"state": "scheduled"}'::jsonb, 'after', '{"state": "skipped"}'::jsonb));
  return savings.plan_json(plan);
end $$;

-- comment FUNCTION skip_next(plan_id uuid, change_key uuid, due_at timestamp with time zone, due_ats timestamp with time zone[])
COMMENT ON FUNCTION savings.skip_next(plan_id uuid, change_key uuid, due_at timestamp with time zone, due_ats timestamp with time zone[]) IS 'Skips the next buy of the caller''s plan, or the one of due_at, once per change_key; due_ats are those that follow what is made. Returns the plan.';

-- function skip_unpriced()
CREATE FUNCTION savings.skip_unpriced() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  late savings.due_buy[];
begin
  late := array(
    select row(b.id, b.plan_id, b.person, b.due_at, b.amount_cents, 0, '', 'exchange_unavailable')::savings.due_buy
    from savings.buy b where b.state = 'scheduled' and b.due_at <= private.now() - interval '6 hours'
    order by b.due_at limit 20000 for no key update skip locked);
  perform savings.book_skipped(late);
  return cardinality(late);
end $$;

-- comment FUNCTION skip_unpriced()
COMMENT ON FUNCTION savings.skip_unpriced() IS 'Skips what has waited for a price for six hours; returns how many.';

-- function skipped_ahead(uuid)
CREATE FUNCTION savings.skipped_ahead(plan_id uuid) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select count(*)::integer from savings.buy b where b.plan_id = skipped_ahead.plan_id and b.due_at > private.now() and b.state = 'skipped'
$$;

-- comment FUNCTION skipped_ahead(plan_id uuid)
COMMENT ON FUNCTION savings.skipped_ahead(plan_id uuid) IS 'How many buys ahead of a plan are skipped.';

-- function spent_cents(uuid)
CREATE FUNCTION savings.spent_cents(plan_id uuid) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(sum(b.amount_cents - b.refund_cents), 0)::bigint
  from savings.buy b where b.plan_id = spent_cents.plan_id and b.state in ('collected', 'bought')
$$;

-- comment FUNCTION spent_cents(plan_id uuid)
COMMENT ON FUNCTION savings.spent_cents(plan_id uuid) IS 'What a plan spent so far, with what is under way, in US cents.';

-- function take_back_buys(uuid, timestamp with time zone, text)
CREATE FUNCTION savings.take_back_buys(plan_id uuid, after timestamp with time zone, reason text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  taken_back integer;
begin
  update savings.buy b set state = 'canceled', reason = reason, ended_at = private.now(), version = b.version + 1
  where b.plan_id = plan_id and b.state = 'scheduled' and b.due_at > after;
  get diagnostics taken_back = row_count;
  return taken_back;
end $$;

-- comment FUNCTION take_back_buys(plan_id uuid, after timestamp with time zone, reason text)
COMMENT ON FUNCTION savings.take_back_buys(plan_id uuid, after timestamp with time zone, reason text) IS 'Cancels the buys after this moment that have not begun; returns how many.';

-- function take_due(integer, bigint, bigint)
CREATE FUNCTION savings.take_due(maximum integer, price_cents bigint, high_cents bigint) RETURNS SETOF savings.due_buy
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select d.id, d.plan_id, d.person, d.due_at, d.amount_cents,
    case when d.is_free then 0 else private.half_even(d.amount_cents * d.fee_bps, 10000) end, d.on_shortfall, d.reason
  from (
    select b.id, b.plan_id, b.person, b.due_at, p.on_shortfall, (t.decided).amount_cents, (f.maxima ->> 'buy_fee_bps')::bigint as fee_bps,
      (
        select count(*) from (
          select from savings.buy o where o.person = b.person and o.state in ('collected', 'bought')
          limit (f.maxima ->> 'buy_fee_free_count')::bigint
        ) earlier
      ) < (f.maxima ->> 'buy_fee_free_count')::bigint as is_free,
      case
        when p.state <> 'active' then 'plan_not_active'
        -- what waited for money stands back when the next one is due
        when b.retry_at is not null and exists (
          select from savings.buy l
          where l.plan_id = b.plan_id and l.due_at > b.due_at and l.due_at <= (select private.now()) and l.state = 'scheduled'
        ) then b.reason
        -- the bank's money was to pay it: the wallet does so in its place only where the plan says so
        when p.funding = 'bank' and p.on_shortfall <> 'use_wallet'
          and not exists (select from banking.provider_operation o where o.id = b.id and o.state = 'cleared') then 'bank_late'
        else (t.decided).reason
      end as reason
    from (
      select * from savings.buy w
      -- read once, not for each
      where w.state = 'scheduled' and w.due_at <= (select private.now()) and coalesce(w.retry_at, w.due_at) <= (select private.now())
      order by w.due_at, w.id limit take_due.maximum for no key update skip locked
    ) b
    join savings.plan p on p.id = b.plan_id
    cross join risk.limit_in_force f
    -- asked once for each
    cross join lateral (
      select savings.decide(
        p.amount_cents, p.buy_below_cents, p.dip_bps, p.dip_extra_cents, p.cap_cents,
        case when p.cap_cents is not null then (
          select coalesce(sum(s.amount_cents - s.refund_cents), 0)::bigint from savings.buy s
          where s.plan_id = b.plan_id and s.state in ('collected', 'bought')
        ) end,
        take_due.price_cents, take_due.high_cents) as decided
      offset 0
    ) t
  ) d
$$;

-- comment FUNCTION take_due(maximum integer, price_cents bigint, high_cents bigint)
COMMENT ON FUNCTION savings.take_due(maximum integer, price_cents bigint, high_cents bigint) IS 'Locks buys whose time has come, the oldest first: what each comes to at this price, our fee in it, or the reason why it is skipped.';

-- function tell_ended(uuid)
CREATE FUNCTION savings.tell_ended(order_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into events.event (actor, kind, subject, version, payload)
  select null, 'buy.' || b.state, b.id, b.version, jsonb_build_object(
    'owner_id', b.person, 'plan_id', b.plan_id, 'due_at', b.due_at, 'amount_cents', b.amount_cents, 'cost_cents', b.cost_cents,
    'exchange_fee_cents', b.exchange_fee_cents, 'fee_cents', b.fee_cents, 'refund_cents', b.refund_cents, 'quantity_sats', b.quantity_sats, 'reason', b.reason)
  from savings.buy b where b.order_id = tell_ended.order_id
$$;

-- comment FUNCTION tell_ended(order_id uuid)
COMMENT ON FUNCTION savings.tell_ended(order_id uuid) IS 'The events of an order''s buys: each was bought, or failed.';

-- function terms_json(savings.plan)
CREATE FUNCTION savings.terms_json(plan savings.plan) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'name', plan.name, 'amount_cents', plan.amount_cents, 'frequency', plan.frequency, 'zone', plan.zone,
    'starts_on', plan.starts_on, 'minute_of_day', plan.minute_of_day, 'weekdays', to_jsonb(plan.weekdays),
    'month_day', plan.month_day, 'ends_on', plan.ends_on, 'funding', plan.funding, 'source_id', plan.source_id,
    'lead_bank_days', plan.lead_bank_days, 'buy_below_cents', plan.buy_below_cents, 'dip_bps', plan.dip_bps,
    'dip_extra_cents', plan.dip_extra_cents, 'cap_cents', plan.cap_cents, 'on_shortfall', plan.on_shortfall,
    'catch_up', plan.catch_up)
$$;

-- comment FUNCTION terms_json(plan savings.plan)
COMMENT ON FUNCTION savings.terms_json(plan savings.plan) IS 'What a plan says, by the names that create_plan and change_plan take.';

-- function vendor_ref_of(uuid)
CREATE FUNCTION savings.vendor_ref_of(order_id uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select o.vendor_ref from savings.exchange_order o where o.id = order_id and o.ended_at is null
$$;

-- comment FUNCTION vendor_ref_of(order_id uuid)
COMMENT ON FUNCTION savings.vendor_ref_of(order_id uuid) IS 'What the exchange calls an order that is not over, or null.';

-- function with_terms(savings.plan, jsonb)
CREATE FUNCTION savings.with_terms(plan savings.plan, terms jsonb) RETURNS savings.plan
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  said savings.plan;
begin
  if jsonb_typeof(terms) is distinct from 'object' then
    perform private.refuse('request_invalid');
  end if;
  if exists (select from jsonb_object_keys(terms) k where not savings.terms_json(plan) ? k) then
    perform private.refuse('request_invalid');
  end if;
  begin
    said := jsonb_populate_record(plan, terms);
  exception
    when data_exception then
      perform private.refuse('request_invalid');
  end;
  return said;
end $$;

-- comment FUNCTION with_terms(plan savings.plan, terms jsonb)
COMMENT ON FUNCTION savings.with_terms(plan savings.plan, terms jsonb) IS 'The plan as it is when it says these terms; what they leave out stays.';

-- function withdrawal_json(savings.withdrawal)
CREATE FUNCTION savings.withdrawal_json(w savings.withdrawal) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', (w).id, 'address_id', (w).address_id, 'label', (w).label, 'address', (w).address, 'state', (w).state,
    'quantity_sats', (w).quantity_sats, 'fee_sats', coalesce((w).fee_sats, (w).fee_sats_max),
    'arrives_sats', coalesce((w).arrives_sats, (w).quantity_sats - (w).fee_sats_max), 'reason', (w).reason, 'txid', (w).txid,
    'created_at', (w).created_at, 'accepted_at', (w).accepted_at, 'ended_at', (w).ended_at,
    'is_delayed', (w).state in ('asked', 'submitted') and ((w).last_error <> '' or providers.is_down('kraken')))
$$;

-- comment FUNCTION withdrawal_json(w savings.withdrawal)
COMMENT ON FUNCTION savings.withdrawal_json(w savings.withdrawal) IS 'A withdrawal as its owner may see it; until it was sent, fee and what arrives are as they were agreed to.';

-- function withdrawal_moves_forward()
CREATE FUNCTION savings.withdrawal_moves_forward() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if (old.id, old.bookings_id, old.person, old.address_id, old.address, old.quantity_sats, old.fee_sats_max, old.created_at)
    is distinct from (new.id, new.bookings_id, new.person, new.address_id, new.address, new.quantity_sats, new.fee_sats_max, new.created_at)
    or old.ended_at is not null or new.version < old.version or old.vendor_ref is distinct from coalesce(new.vendor_ref, old.vendor_ref)
    and old.vendor_ref is not null
    or (old.state, new.state) not in (
      ('asked', 'asked'), ('asked', 'submitted'), ('asked', 'failed'), ('submitted', 'submitted'), ('submitted', 'asked'),
      ('submitted', 'accepted'), ('submitted', 'failed'), ('accepted', 'accepted'), ('accepted', 'sent'), ('accepted', 'failed')
    )
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "savings.withdrawal"}';
  end if;
  return new;
end $$;

-- comment FUNCTION withdrawal_moves_forward()
COMMENT ON FUNCTION savings.withdrawal_moves_forward() IS 'A withdrawal keeps what was asked, and goes back to asked only when it was surely not sent.';

-- function withdrawal_ref(uuid)
CREATE FUNCTION savings.withdrawal_ref(withdrawal_id uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select w.vendor_ref from savings.withdrawal w where w.id = withdrawal_id and w.state = 'accepted'
$$;

-- comment FUNCTION withdrawal_ref(withdrawal_id uuid)
COMMENT ON FUNCTION savings.withdrawal_ref(withdrawal_id uuid) IS 'What the exchange calls a withdrawal that is not over, or null.';

-- function withdrawal_settled(uuid, text)
CREATE FUNCTION savings.withdrawal_settled(withdrawal_id uuid, outcome text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select cases.close_case(c.id, withdrawal_settled.outcome) from cases."case" c
  where c.kind = 'withdrawal_unclear' and c.subject = 'withdrawal:' || withdrawal_settled.withdrawal_id and c.state = 'open'
$$;

-- comment FUNCTION withdrawal_settled(withdrawal_id uuid, outcome text)
COMMENT ON FUNCTION savings.withdrawal_settled(withdrawal_id uuid, outcome text) IS 'Closes the case of a withdrawal that nobody knew about, if there is one.';

-- function withdrawals_to_ask(integer)
CREATE FUNCTION savings.withdrawals_to_ask(maximum integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  stale savings.withdrawal;
  task text;
  asked integer := 0;
begin
  for stale in
    select * from savings.withdrawal w where w.ended_at is null and w.next_at <= private.now()
    order by w.next_at limit maximum for no key update skip locked
  loop
    task := case when stale.state = 'accepted' then 'follow_withdrawal' else 'submit_withdrawal' end;
    if stale.created_at < private.now() - (case when stale.state = 'accepted' then interval '6 hours' else interval '1 hour' end) then
      perform cases.open_case('withdrawal_unclear', 'withdrawal:' || stale.id, jsonb_build_object(
        'person', stale.person, 'quantity_sats', stale.quantity_sats, 'state', stale.state, 'vendor_ref', stale.vendor_ref,
        'error', stale.last_error));
    end if;
    update savings.withdrawal w set next_at = private.now()
      + case when stale.created_at < private.now() - interval '1 hour' then interval '10 minutes' else interval '1 minute' end
    where w.id = stale.id;
    perform jobs.enqueue('savings', task, jsonb_build_object('withdrawal_id', stale.id), task || ':' || stale.id);
    asked := asked + 1;
  end loop;
  return asked;
end $$;

-- comment FUNCTION withdrawals_to_ask(maximum integer)
COMMENT ON FUNCTION savings.withdrawals_to_ask(maximum integer) IS 'Enqueues a question about every withdrawal that is overdue, with a case when it is long overdue; returns how many.';

-- function withdrawn_in_day(uuid)
CREATE FUNCTION savings.withdrawn_in_day(person uuid, OUT used_sats bigint, OUT used_count bigint, OUT resets_at timestamp with time zone) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(sum(w.quantity_sats), 0)::bigint, count(*), min(w.created_at) + interval '24 hours'
  from savings.withdrawal w
  where w.person = withdrawn_in_day.person and w.created_at > private.now() - interval '24 hours' and w.state <> 'failed'
$$;

-- comment FUNCTION withdrawn_in_day(person uuid, OUT used_sats bigint, OUT used_count bigint, OUT resets_at timestamp with time zone)
COMMENT ON FUNCTION savings.withdrawn_in_day(person uuid, OUT used_sats bigint, OUT used_count bigint, OUT resets_at timestamp with time zone) IS 'What a person withdrew in the last 24 hours, how often, and when the first of it counts no more.';

-- function claimed_by(text)
CREATE FUNCTION wallet.claimed_by(claims text) RETURNS uuid
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (claims::jsonb ->> 'sub')::uuid;
exception when data_exception or program_limit_exceeded then
  return null;
end $$;

-- comment FUNCTION claimed_by(claims text)
COMMENT ON FUNCTION wallet.claimed_by(claims text) IS 'Whose claims these are, or null when that cannot be read.';

-- function limit_refusal(uuid, uuid, bigint, timestamp with time zone, jsonb)
CREATE FUNCTION wallet.limit_refusal(sender uuid, recipient uuid, amount_cents bigint, moment timestamp with time zone, limits jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  single_max_cents bigint := limits ->> 'send_single_cents';
  hour_max bigint := limits ->> 'send_hour_count';
  day_max bigint := limits ->> 'send_day_count';
  recipients_max bigint := limits ->> 'send_day_recipients_count';
  in_hour bigint; in_day bigint; recipients bigint; is_known boolean;
begin
  if num_nulls(single_max_cents, hour_max, day_max, recipients_max) > 0 then
    perform private.refuse('limits_unknown');  -- no limit is not "unlimited"
  end if;
  if amount_cents > single_max_cents then
    return jsonb_build_object('limit', 'send_single_cents', 'max', single_max_cents);
  end if;
  -- Nearly everybody paid less often in a day than the smallest limit: one short look at the index says so.
  if least(hour_max, day_max, recipients_max) > 0 and not exists (
    select from public.payments q where q.sender_id = sender and q.created_at > moment - interval '1 day'
    order by q.created_at desc offset least(hour_max, day_max, recipients_max) - 1 limit 1
  ) then
    return null;
  end if;
  select count(*) filter (where p.created_at > moment - interval '1 hour'), count(*), count(distinct p.recipient_id),
    coalesce(bool_or(p.recipient_id = recipient), false)
  into in_hour, in_day, recipients, is_known
  from (
    select q.created_at, q.recipient_id from public.payments q
    where q.sender_id = sender and q.created_at > moment - interval '1 day' order by q.created_at desc limit day_max
  ) p;
  if in_hour >= hour_max then
    return jsonb_build_object('limit', 'send_hour_count', 'max', hour_max,
      'resets_at', wallet.window_resets_at(sender, '1 hour', hour_max));
  end if;
  if in_day >= day_max then
    return jsonb_build_object('limit', 'send_day_count', 'max', day_max,
      'resets_at', wallet.window_resets_at(sender, '1 day', day_max));
  end if;
  if not is_known and recipients >= recipients_max then
    return jsonb_build_object('limit', 'send_day_recipients_count', 'max', recipients_max,
      'resets_at', wallet.recipients_reset_at(sender, recipients_max));
  end if;
  return null;
end $$;

-- comment FUNCTION limit_refusal(sender uuid, recipient uuid, amount_cents bigint, moment timestamp with time zone, limits jsonb)
COMMENT ON FUNCTION wallet.limit_refusal(sender uuid, recipient uuid, amount_cents bigint, moment timestamp with time zone, limits jsonb) IS 'The facts of the first limit that one more payment would break, or null. Exact only while the sender''s wallet is locked.';

-- function my_balance()
CREATE FUNCTION wallet.my_balance() RETURNS TABLE(available_cents bigint, held_cents bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select a.balance - a.held, a.held from ledger.account a
  where a.owner = auth.uid() and a.kind = 'wallet' and a.asset = 'USD'
$$;

-- comment FUNCTION my_balance()
COMMENT ON FUNCTION wallet.my_balance() IS 'The caller''s wallet in US cents; no row before a handle was claimed.';

-- function my_payment(uuid)
CREATE FUNCTION wallet.my_payment(payment_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select wallet.payment_json(payment_id, auth.uid())
$$;

-- comment FUNCTION my_payment(payment_id uuid)
COMMENT ON FUNCTION wallet.my_payment(payment_id uuid) IS 'One of the caller''s payments with its amount, or null.';

-- function my_payments(timestamp with time zone, uuid, integer, text, text)
CREATE FUNCTION wallet.my_payments(before timestamp with time zone, before_id uuid, maximum integer, direction text DEFAULT NULL::text, sought text DEFAULT NULL::text) RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select wallet.payment_json(m.id, auth.uid()) from (
    (select p.id, p.created_at from public.payments p
     where p.sender_id = auth.uid() and direction is distinct from 'received'
       and (before is null or (p.created_at, p.id) < (before, before_id))
       and (sought is null or p.note ilike sought or exists (
         select from public.profiles o where o.id = p.recipient_id and (o.name ilike sought or o.handle ilike sought)))
     order by p.created_at desc, p.id desc limit least(maximum, 100))
    union all
    (select p.id, p.created_at from public.payments p
     where p.recipient_id = auth.uid() and direction is distinct from 'sent'
       and (before is null or (p.created_at, p.id) < (before, before_id))
       and (sought is null or p.note ilike sought or exists (
         select from public.profiles o where o.id = p.sender_id and (o.name ilike sought or o.handle ilike sought)))
     order by p.created_at desc, p.id desc limit least(maximum, 100))
  ) m
  order by m.created_at desc, m.id desc limit least(maximum, 100)
$$;

-- comment FUNCTION my_payments(before timestamp with time zone, before_id uuid, maximum integer, direction text, sought text)
COMMENT ON FUNCTION wallet.my_payments(before timestamp with time zone, before_id uuid, maximum integer, direction text, sought text) IS 'The caller''s payments with their amounts, newest first, before a (created_at, id); sought is an ILIKE pattern.';

-- function my_send_limits()
CREATE FUNCTION wallet.my_send_limits() RETURNS TABLE(single_max_cents bigint, hour_max bigint, hour_used bigint, hour_resets_at timestamp with time zone, day_max bigint, day_used bigint, day_resets_at timestamp with time zone, recipients_max bigint, recipients_used bigint, recipients_reset_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select risk.limit_max('send_single_cents'), h.maximum,
    (select count(*) from public.payments p where p.sender_id = auth.uid() and p.created_at > private.now() - interval '1 hour'),
    wallet.window_resets_at(auth.uid(), '1 hour', h.maximum),
    d.maximum,
    (select count(*) from public.payments p where p.sender_id = auth.uid() and p.created_at > private.now() - interval '1 day'),
    wallet.window_resets_at(auth.uid(), '1 day', d.maximum),
    r.maximum,
    (select count(distinct p.recipient_id) from public.payments p where p.sender_id = auth.uid() and p.created_at > private.now() - interval '1 day'),
    wallet.recipients_reset_at(auth.uid(), r.maximum)
  from (select risk.limit_max('send_hour_count') as maximum) h, (select risk.limit_max('send_day_count') as maximum) d,
    (select risk.limit_max('send_day_recipients_count') as maximum) r
$$;

-- comment FUNCTION my_send_limits()
COMMENT ON FUNCTION wallet.my_send_limits() IS 'What the caller may still send: used and maximum per window, and when a full window frees a place.';

-- function payment_is_well_formed()
CREATE FUNCTION wallet.payment_is_well_formed() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if new.sender_id = new.recipient_id or char_length(new.note) > 280
    or new.sender_audience not in ('private', 'public') or new.recipient_audience not in ('private', 'public')
  then
    raise exception using errcode = 'PA000', message = 'payment_malformed', detail = '{}';
  end if;
  return new;
end $$;

-- comment FUNCTION payment_is_well_formed()
COMMENT ON FUNCTION wallet.payment_is_well_formed() IS 'A payment is between two, its note is short, and each side shows it or does not.';

-- function payment_json(uuid, uuid)
CREATE FUNCTION wallet.payment_json(payment_id uuid, viewer uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', p.id,
    'direction', case when p.sender_id = viewer then 'sent' else 'received' end,
    'counterparty', jsonb_build_object('id', o.id, 'handle', o.handle, 'name', o.name, 'is_demo', o.is_demo, 'created_at', o.created_at),
    'amount_cents', t.amount,
    'note', p.note,
    'audience', case when p.sender_id = viewer then p.sender_audience else p.recipient_audience end,
    'is_public', p.is_public,
    'version', p.version,
    'created_at', p.created_at)
  from public.payments p
  join ledger.transfer t on t.id = p.id
  join public.profiles o on o.id = case when p.sender_id = viewer then p.recipient_id else p.sender_id end
  where p.id = payment_id and viewer in (p.sender_id, p.recipient_id)
$$;

-- function recent_people(integer)
CREATE FUNCTION wallet.recent_people(maximum integer) RETURNS SETOF public.profiles
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select o.* from (
    select p.recipient_id, max(p.created_at) as last_at from public.payments p
    where p.sender_id = auth.uid() group by p.recipient_id order by last_at desc limit least(maximum, 20)
  ) r join public.profiles o on o.id = r.recipient_id order by r.last_at desc
$$;

-- comment FUNCTION recent_people(maximum integer)
COMMENT ON FUNCTION wallet.recent_people(maximum integer) IS 'Whom the caller paid, the latest first.';

-- function recipients_reset_at(uuid, bigint)
CREATE FUNCTION wallet.recipients_reset_at(sender uuid, maximum bigint) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select r.last_at + interval '1 day' from (
    select max(p.created_at) as last_at from public.payments p
    where p.sender_id = sender and p.created_at > private.now() - interval '1 day' group by p.recipient_id
  ) r order by r.last_at desc offset greatest(maximum - 1, 0) limit 1
$$;

-- function send(uuid, text, bigint, text, text)
CREATE FUNCTION wallet.send(payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  sender uuid := auth.uid();
  other record;
  moment timestamptz;
  shown boolean;
  replay jsonb;
  refusal jsonb;
  balance bigint;
  facts jsonb := jsonb_build_object('amount_cents', amount_cents);
begin
  if sender is null then
    perform private.refuse('signed_out');
  end if;
  if payment_id is null then
    perform private.refuse('request_invalid');
  end if;
  if amount_cents is null or amount_cents <= 0 then
    perform private.refuse('amount_invalid');
  end if;
  if note is null or char_length(note) > 280 then
    perform private.refuse('note_invalid', facts);
  end if;
  if audience is null or audience not in ('private', 'public') then
    perform private.refuse('audience_invalid', facts);
  end if;
  -- everything that is read before a lock, in one statement
  select p.id, p.handle, p.name, p.is_demo, p.created_at,
    (select a.id from ledger.account a where a.owner = sender and a.asset = 'USD' and a.kind = 'wallet') as giver,
    (select a.id from ledger.account a where a.owner = p.id and a.asset = 'USD' and a.kind = 'wallet') as taker,
    exists (select from public.payments k where k.id = payment_id) as is_known,
    coalesce((select v.received_audience from identity.privacy v where v.person = p.id), 'public') as received_audience,
    (select f.maxima from risk.limit_in_force f) as limits into other
  from public.profiles p where p.handle = recipient_handle;
  if not found then
    perform private.refuse('person_not_found', facts || jsonb_build_object('to', '@' || left(recipient_handle, 20)));
  end if;
  if other.id = sender then
    perform private.refuse('self_payment', facts);
  end if;
  if other.is_known then
    replay := wallet.send_replay(payment_id, sender, other.id, amount_cents, note, audience);
    if replay ? 'code' then
      perform private.refuse('key_reused');
    end if;
    return replay;
  end if;
  if other.giver is null or other.taker is null then
    perform private.refuse('account_unavailable', facts || jsonb_build_object('whose', case when other.giver is null then 'yours' else 'theirs' end));
  end if;
  if amount_cents > (other.limits ->> 'send_single_cents')::bigint then
    perform private.refuse('limit_exceeded', facts || jsonb_build_object(
      'limit', 'send_single_cents', 'max', (other.limits ->> 'send_single_cents')::bigint,
      'is_covered', (select a.balance - a.held >= amount_cents from ledger.account a where a.id = other.giver)));
  end if;
  -- assigned, not performed: a function in an expression is called without a query around it
  balance := ledger.post(payment_id, other.giver, other.taker, amount_cents, 'payment');

  -- The wallet is locked since ledger.post, so no other payment of this person is being counted now.
  moment := private.now();
  refusal := wallet.limit_refusal(sender, other.id, amount_cents, moment, other.limits);
  if refusal is not null then
    -- ledger.post may have found this payment booked meanwhile, by its twin, which then is what was counted
    if exists (select from public.payments p where p.id = payment_id) then
      perform private.refuse('ask_again');
    end if;
    perform private.refuse('limit_exceeded', facts || refusal || '{"is_covered": true}');
  end if;
  with p as (
    insert into public.payments (id, sender_id, recipient_id, note, sender_audience, recipient_audience, created_at)
    values (payment_id, sender, other.id, note, audience, other.received_audience, moment)
    returning is_public
  )
  insert into events.event (actor, kind, subject, version, payload)
  select sender, 'payment.sent', payment_id, 1, jsonb_build_object(
    'sender_id', sender, 'recipient_id', other.id, 'amount_cents', amount_cents, 'audience', audience, 'is_public', p.is_public)
  from p
  returning (payload ->> 'is_public')::boolean into shown;
  return jsonb_build_object(
    'id', payment_id, 'direction', 'sent',
    'counterparty', jsonb_build_object(
      'id', other.id, 'handle', other.handle, 'name', other.name, 'is_demo', other.is_demo, 'created_at', other.created_at),
    'amount_cents', amount_cents, 'note', note, 'audience', audience, 'is_public', shown, 'version', 1, 'created_at', moment,
    'is_replay', false);
end $$;

-- comment FUNCTION send(payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text)
COMMENT ON FUNCTION wallet.send(payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text) IS 'Pays the person with this handle from the caller''s wallet once per payment_id: transfer, payment and event together. Returns the payment.';

-- function send_as(text, uuid, text, bigint, text, text)
CREATE FUNCTION wallet.send_as(claims text, payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  was_set text;
begin
  -- assigned, not performed: a function in an expression is called without a query around it
  was_set := set_config('role', 'authenticated', true);
  was_set := set_config('request.jwt.claims', claims, true);
  return wallet.send(payment_id, recipient_handle, amount_cents, note, audience);
end $$;

-- comment FUNCTION send_as(claims text, payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text)
COMMENT ON FUNCTION wallet.send_as(claims text, payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text) IS 'wallet.send as the person of these verified claims; for the application''s login role alone.';

-- function send_many(text[], uuid[], text[], bigint[], text[], text[])
CREATE FUNCTION wallet.send_many(claims text[], payment_ids uuid[], recipient_handles text[], amounts_cents bigint[], notes text[], audiences text[]) RETURNS SETOF wallet.send_answer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  items wallet.send_item[];
  moment timestamptz;
  limits jsonb := (select f.maxima from risk.limit_in_force f);
begin
  if cardinality(payment_ids) is null or cardinality(payment_ids) not between 1 and 1000
    or (cardinality(claims), cardinality(recipient_handles), cardinality(amounts_cents), cardinality(notes), cardinality(audiences))
      is distinct from (cardinality(payment_ids), cardinality(payment_ids), cardinality(payment_ids), cardinality(payment_ids), cardinality(payment_ids))
  then
    perform private.refuse('batch_malformed');
  end if;
  items := array(
    select row(
      i.n, i.payment_id, i.sender, o.id, g.id, t.id, i.amount_cents, i.note, i.audience,
      case
        when i.sender is null then 'signed_out'
        when i.payment_id is null then 'request_invalid'
        when i.amount_cents is null or i.amount_cents <= 0 then 'amount_invalid'
        when i.note is null or char_length(i.note) > 280 then 'note_invalid'
        when i.audience is null or i.audience not in ('private', 'public') then 'audience_invalid'
        when o.id is null then 'person_not_found'
        when o.id = i.sender then 'self_payment'
        when g.id is null or t.id is null then 'account_unavailable'
        when row_number() over (partition by i.sender order by i.n) > 1 then 'ask_again'
      end,
      case
        when o.id is null then jsonb_build_object('amount_cents', i.amount_cents, 'to', '@' || left(i.handle, 20))
        when g.id is null and o.id is not null then jsonb_build_object('amount_cents', i.amount_cents, 'whose', 'yours')
        when t.id is null then jsonb_build_object('amount_cents', i.amount_cents, 'whose', 'theirs')
        else jsonb_build_object('amount_cents', i.amount_cents)
      end,
      null::jsonb)::wallet.send_item
    from (
      select u.n::integer as n, wallet.claimed_by(u.claim) as sender, u.payment_id, u.handle, u.amount_cents, u.note, u.audience
      from unnest(claims, payment_ids, recipient_handles, amounts_cents, notes, audiences) with ordinality
        u (claim, payment_id, handle, amount_cents, note, audience, n)
    ) i
    left join public.profiles o on o.handle = i.handle
    left join ledger.account g on g.owner = i.sender and g.asset = 'USD' and g.kind = 'wallet'
    left join ledger.account t on t.owner = o.id and t.asset = 'USD' and t.kind = 'wallet'
    order by i.n
  );

  perform from ledger.account a
  where a.id in (
    select w.id from unnest(items) i cross join lateral (values (i.giver), (i.taker)) w (id) where i.code is null
  ) order by a.id for no key update;
  moment := private.now();

  -- New statements: what was committed while the locks were waited for is seen.
  items := array(
    select row(
      i.n, i.payment_id, i.sender, i.recipient, i.giver, i.taker, i.amount_cents, i.note, i.audience,
      coalesce(i.code, r.replay ->> 'code', w.code, case when l.refusal is not null then 'limit_exceeded' end),
      i.facts || coalesce(w.facts, l.refusal || jsonb_build_object('now', moment, 'is_covered', w.is_covered), '{}'),
      case when r.replay ->> 'code' is null then r.replay end)::wallet.send_item
    from unnest(items) i
    left join lateral (
      select wallet.send_replay(i.payment_id, i.sender, i.recipient, i.amount_cents, i.note, i.audience) as replay where i.code is null
    ) r on true
    left join lateral (
      select wallet.limit_refusal(i.sender, i.recipient, i.amount_cents, moment, limits) as refusal
      where i.code is null and r.replay is null
    ) l on true
    left join lateral (
      -- A payment made alone meets the size first, then the accounts, then what was paid before: so does one of a batch.
      select g.balance - g.held >= i.amount_cents as is_covered,
        case when l.refusal ->> 'limit' = 'send_single_cents' then null
          when g.state <> 'active' or t.state = 'frozen' then 'account_unavailable'
          when g.balance - g.held - g.min_balance < i.amount_cents then 'insufficient_funds' end as code,
        case when l.refusal ->> 'limit' = 'send_single_cents' then null
          when g.state <> 'active' then jsonb_build_object('whose', 'yours', 'state', g.state)
          when t.state = 'frozen' then '{"whose": "theirs"}'::jsonb
          when g.balance - g.held - g.min_balance < i.amount_cents
            then jsonb_build_object('available_cents', g.balance - g.held - g.min_balance) end as facts
      from ledger.account g cross join ledger.account t
      where l.refusal is not null and g.id = i.giver and t.id = i.taker
    ) w on true
    order by i.n
  );

  if exists (select from unnest(items) i where i.code is null and i.result is null) then
    with asked as (
      select i.*, row_number() over (order by i.n) as place from unnest(items) i where i.code is null and i.result is null
    ), arrays as (
      select array_agg(a.payment_id order by a.n) as ids, array_agg(a.giver order by a.n) as givers, array_agg(a.taker order by a.n) as takers,
        array_agg(a.amount_cents order by a.n) as amounts, array_agg('payment'::text order by a.n) as kinds
      from asked a
    ), posted as (
      select p.* from arrays r cross join lateral ledger.post_many(r.ids, r.givers, r.takers, r.amounts, r.kinds) p
    ), paid as (
      insert into public.payments (id, sender_id, recipient_id, note, sender_audience, recipient_audience, created_at)
      select a.payment_id, a.sender, a.recipient, a.note, a.audience, coalesce(v.received_audience, 'public'), moment
      from asked a join posted p on p.n = a.place left join identity.privacy v on v.person = a.recipient
      where p.refusal is null
      returning id, is_public
    ), told as (
      insert into events.event (actor, kind, subject, version, payload)
      select a.sender, 'payment.sent', a.payment_id, 1, jsonb_build_object(
        'sender_id', a.sender, 'recipient_id', a.recipient, 'amount_cents', a.amount_cents, 'audience', a.audience, 'is_public', d.is_public)
      from asked a join posted p on p.n = a.place join paid d on d.id = a.payment_id
      where p.refusal is null order by a.n  -- an id that two people used is the first one's payment, and one event
    )
    select array_agg(row(
      i.n, i.payment_id, i.sender, i.recipient, i.giver, i.taker, i.amount_cents, i.note, i.audience,
      coalesce(i.code, p.refusal), i.facts || coalesce(p.facts, '{}'),
      coalesce(i.result, case when d.id is not null then jsonb_build_object(
        'id', i.payment_id, 'direction', 'sent',
        'counterparty', jsonb_build_object(
          'id', o.id, 'handle', o.handle, 'name', o.name, 'is_demo', o.is_demo, 'created_at', o.created_at),
        'amount_cents', i.amount_cents, 'note', i.note, 'audience', i.audience, 'is_public', d.is_public, 'version', 1,
        'created_at', moment, 'is_replay', false) end))::wallet.send_item order by i.n)
    into items
    from unnest(items) i
    left join asked a on a.n = i.n
    left join posted p on p.n = a.place
    left join paid d on d.id = a.payment_id and p.refusal is null
    left join public.profiles o on o.id = i.recipient;
  end if;
  return query select i.n, i.result, i.code, i.facts from unnest(items) i;
end $$;

-- comment FUNCTION send_many(claims text[], payment_ids uuid[], recipient_handles text[], amounts_cents bigint[], notes text[], audiences text[])
COMMENT ON FUNCTION wallet.send_many(claims text[], payment_ids uuid[], recipient_handles text[], amounts_cents bigint[], notes text[], audiences text[]) IS 'wallet.send for up to 1000 people at once, each item as the person of its verified claims; a refusal is its own item''s alone. For the application''s login role.';

-- function send_replay(uuid, uuid, uuid, bigint, text, text)
CREATE FUNCTION wallet.send_replay(payment_id uuid, sender uuid, recipient uuid, amount_cents bigint, note text, audience text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  known record;
begin
  select p.sender_id, p.recipient_id, p.note, t.amount, (
    -- who sees it may have changed since, so the audience is compared with what was first asked for
    select e.payload ->> 'audience' from events.event e where e.subject = payment_id and e.kind = 'payment.sent'
  ) as audience into known
  from public.payments p join ledger.transfer t on t.id = p.id where p.id = payment_id;
  if not found then
    return null;
  end if;
  if (known.sender_id, known.recipient_id, known.note, known.amount, known.audience)
    is distinct from (sender, recipient, note, amount_cents, audience) then
    return '{"code": "key_reused"}';
  end if;
  return wallet.payment_json(payment_id, sender) || '{"is_replay": true}';
end $$;

-- comment FUNCTION send_replay(payment_id uuid, sender uuid, recipient uuid, amount_cents bigint, note text, audience text)
COMMENT ON FUNCTION wallet.send_replay(payment_id uuid, sender uuid, recipient uuid, amount_cents bigint, note text, audience text) IS 'The payment that this id made, {"code": "key_reused"} when it was another, or null when there is none.';

-- function set_audience(uuid, text)
CREATE FUNCTION wallet.set_audience(payment_id uuid, audience text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  viewer uuid := auth.uid();
  p public.payments;
begin
  if viewer is null then
    perform private.refuse('signed_out');
  end if;
  if audience is null or audience not in ('private', 'public') then
    perform private.refuse('audience_invalid');
  end if;
  select * into p from public.payments q where q.id = payment_id and viewer in (q.sender_id, q.recipient_id) for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "payment"}');
  end if;
  if audience is distinct from (case when p.sender_id = viewer then p.sender_audience else p.recipient_audience end) then
    update public.payments q set
      sender_audience = case when q.sender_id = viewer then audience else q.sender_audience end,
      recipient_audience = case when q.recipient_id = viewer then audience else q.recipient_audience end,
      version = q.version + 1
    where q.id = payment_id returning * into p;
    perform events.record('payment.audience_changed', payment_id, p.version, jsonb_build_object(
      'sender_id', p.sender_id, 'recipient_id', p.recipient_id, 'is_public', p.is_public));
  end if;
  return wallet.payment_json(payment_id, viewer);
end $$;

-- comment FUNCTION set_audience(payment_id uuid, audience text)
COMMENT ON FUNCTION wallet.set_audience(payment_id uuid, audience text) IS 'Sets the caller''s own side of a payment''s audience; it is public only while both sides are. Returns the payment.';

-- function window_resets_at(uuid, interval, bigint)
CREATE FUNCTION wallet.window_resets_at(sender uuid, span interval, maximum bigint) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.created_at + span from public.payments p
  where p.sender_id = sender and p.created_at > private.now() - span
  order by p.created_at desc offset greatest(maximum - 1, 0) limit 1
$$;

-- function add_endpoint(uuid, uuid, text, text[], text, bytea)
CREATE FUNCTION webhooks.add_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text, secret_sealed bytea) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION add_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text, secret_sealed bytea)
COMMENT ON FUNCTION webhooks.add_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text, secret_sealed bytea) IS 'A new endpoint, 16 of an account at most. The same id with the same request gives the endpoint that is there; with another it is refused.';

-- function alias(text)
CREATE FUNCTION webhooks.alias(kind text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case kind when 'payment.settled' then 'transaction_settled' else replace(kind, '.', '_') end
$$;

-- comment FUNCTION alias(kind text)
COMMENT ON FUNCTION webhooks.alias(kind text) IS 'The older name of a kind of event, like payment_authorized or transaction_settled.';

-- table endpoint
CREATE TABLE webhooks.endpoint (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    url text NOT NULL,
    filters text[] NOT NULL,
    description text NOT NULL,
    state text DEFAULT 'enabled'::text NOT NULL,
    reason text,
    secret_sealed bytea NOT NULL,
    rotation_id uuid,
    previous_sealed bytea,
    previous_until timestamp with time zone,
    chaos jsonb DEFAULT '{}'::jsonb NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    failures_in_row integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    next_due_at timestamp with time zone,
    claimed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT a_second_secret_ends CHECK (((previous_sealed IS NULL) = (previous_until IS NULL))),
    CONSTRAINT description_is_short CHECK ((char_length(description) <= 200)),
    CONSTRAINT filters_are_few CHECK (((cardinality(filters) >= 1) AND (cardinality(filters) <= 32))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['enabled'::text, 'disabled'::text, 'removed'::text]))),
    CONSTRAINT url_is_an_address CHECK (((url ~ '^https?://[!-~]+$'::text) AND (char_length(url) <= 2000))),
    CONSTRAINT who_is_not_told_has_a_reason CHECK (((state = 'enabled'::text) = (reason IS NULL)))
)
WITH (fillfactor='80');

-- comment TABLE endpoint
COMMENT ON TABLE webhooks.endpoint IS 'An address that an account is told at. secret_sealed: opened by the server alone. next_due_at: the earliest delivery that waits; null: none.';

-- function begin_anew(webhooks.endpoint, uuid[])
CREATE FUNCTION webhooks.begin_anew(endpoint webhooks.endpoint, delivery_ids uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION begin_anew(endpoint webhooks.endpoint, delivery_ids uuid[])
COMMENT ON FUNCTION webhooks.begin_anew(endpoint webhooks.endpoint, delivery_ids uuid[]) IS 'Sends deliveries that ended once more, with all tries before them, in the order of each charge and behind what is under way of it.';

-- function body(text, timestamp with time zone, text)
CREATE FUNCTION webhooks.body(kind text, at timestamp with time zone, data text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select format('{"type":%s,"event":%s,"timestamp":"%s","data":%s}', to_json(kind), to_json(webhooks.alias(kind)),
    to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), data)
$$;

-- comment FUNCTION body(kind text, at timestamp with time zone, data text)
COMMENT ON FUNCTION webhooks.body(kind text, at timestamp with time zone, data text) IS 'The text of a message; data is JSON already.';

-- function change_endpoint(uuid, uuid, text, text[], text)
CREATE FUNCTION webhooks.change_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION change_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text)
COMMENT ON FUNCTION webhooks.change_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text) IS 'Changes what is not null; the same again changes nothing. What was made for it before goes to the new address.';

-- function claim(integer, integer, interval)
CREATE FUNCTION webhooks.claim(maximum integer, at_each_endpoint integer, lease interval) RETURNS SETOF jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION claim(maximum integer, at_each_endpoint integer, lease interval)
COMMENT ON FUNCTION webhooks.claim(maximum integer, at_each_endpoint integer, lease interval) IS 'Takes what is due, noting each try; what is not settled within the lease is taken again. No endpoint has more than at_each_endpoint under way.';

-- function close_endpoint(webhooks.endpoint, text, text, jsonb)
CREATE FUNCTION webhooks.close_endpoint(endpoint webhooks.endpoint, to_state text, reason text, facts jsonb DEFAULT '{}'::jsonb) RETURNS webhooks.endpoint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION close_endpoint(endpoint webhooks.endpoint, to_state text, reason text, facts jsonb)
COMMENT ON FUNCTION webhooks.close_endpoint(endpoint webhooks.endpoint, to_state text, reason text, facts jsonb) IS 'Nothing is sent there any more: what was open is given up, and can be recovered once it is enabled. A removed one''s secrets are destroyed.';

-- function deliveries(uuid, uuid, text, timestamp with time zone, uuid, integer)
CREATE FUNCTION webhooks.deliveries(account_id uuid, endpoint_id uuid, state text, before_at timestamp with time zone, before_id uuid, maximum integer) RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION deliveries(account_id uuid, endpoint_id uuid, state text, before_at timestamp with time zone, before_id uuid, maximum integer)
COMMENT ON FUNCTION webhooks.deliveries(account_id uuid, endpoint_id uuid, state text, before_at timestamp with time zone, before_id uuid, maximum integer) IS 'The account''s deliveries, of one endpoint or in one state if that is said, the newest first, from before a place on.';

-- function delivery_log(uuid, uuid)
CREATE FUNCTION webhooks.delivery_log(account_id uuid, delivery_id uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION delivery_log(account_id uuid, delivery_id uuid)
COMMENT ON FUNCTION webhooks.delivery_log(account_id uuid, delivery_id uuid) IS 'One delivery with the text that is sent and every try.';

-- function disable(uuid, uuid)
CREATE FUNCTION webhooks.disable(account_id uuid, endpoint_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
declare
  held webhooks.endpoint := webhooks.hold(account_id, endpoint_id);
begin
  if held.state = 'disabled' then
    return webhooks.shown(held);
  end if;
  return webhooks.shown(webhooks.close_endpoint(held, 'disabled', 'by_owner'));
end $$;

-- comment FUNCTION disable(account_id uuid, endpoint_id uuid)
COMMENT ON FUNCTION webhooks.disable(account_id uuid, endpoint_id uuid) IS 'Tells it nothing until it is enabled; again changes nothing. What happens meanwhile is kept as given up.';

-- function enable(uuid, uuid)
CREATE FUNCTION webhooks.enable(account_id uuid, endpoint_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION enable(account_id uuid, endpoint_id uuid)
COMMENT ON FUNCTION webhooks.enable(account_id uuid, endpoint_id uuid) IS 'Tells it what happens from now on; what was given up meanwhile is sent by webhooks.recover.';

-- function endpoints(uuid)
CREATE FUNCTION webhooks.endpoints(account_id uuid) RETURNS SETOF jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select webhooks.shown(e) from webhooks.endpoint e
  where e.account_id = endpoints.account_id and e.state <> 'removed' order by e.created_at, e.id
$$;

-- comment FUNCTION endpoints(account_id uuid)
COMMENT ON FUNCTION webhooks.endpoints(account_id uuid) IS 'The account''s endpoints, the oldest first.';

-- function find_lost()
CREATE FUNCTION webhooks.find_lost() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION find_lost()
COMMENT ON FUNCTION webhooks.find_lost() IS 'Puts back what was noted and never heard of again; such a try counts, so that what kills workers is given up.';

-- function follow(integer)
CREATE FUNCTION webhooks.follow(maximum integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION follow(maximum integer)
COMMENT ON FUNCTION webhooks.follow(maximum integer) IS 'Makes messages of all that happened since, and the deliveries of so many of them; whether there may be more. Of several callers one does it, the others go on.';

-- function forget(integer)
CREATE FUNCTION webhooks.forget(maximum integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION forget(maximum integer)
COMMENT ON FUNCTION webhooks.forget(maximum integer) IS 'Removes messages that are kept no longer and are open nowhere, with their deliveries and tries, and endpoints that were removed as long ago; returns how many messages.';

-- function has_work()
CREATE FUNCTION webhooks.has_work() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION has_work()
COMMENT ON FUNCTION webhooks.has_work() IS 'Whether anything is to be followed, sent or found lost: what an idle worker asks, in one trip and as nobody.';

-- function hold(uuid, uuid)
CREATE FUNCTION webhooks.hold(account_id uuid, endpoint_id uuid) RETURNS webhooks.endpoint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION hold(account_id uuid, endpoint_id uuid)
COMMENT ON FUNCTION webhooks.hold(account_id uuid, endpoint_id uuid) IS 'The account''s endpoint, held. Refuses what is removed, another''s, or was never there.';

-- function is_asked(text, text[])
CREATE FUNCTION webhooks.is_asked(kind text, filters text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (select from unnest(filters) f where f = kind or (right(f, 1) = '*' and starts_with(kind, left(f, -1))))
$$;

-- comment FUNCTION is_asked(kind text, filters text[])
COMMENT ON FUNCTION webhooks.is_asked(kind text, filters text[]) IS 'Whether one of the filters is this kind, or its beginning and a *.';

-- function look_ahead(uuid)
CREATE FUNCTION webhooks.look_ahead(endpoint_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update webhooks.endpoint e set next_due_at = (
    select min(d.due_at) from webhooks.delivery d where d.endpoint_id = e.id and d.state = 'waiting')
  where e.id = look_ahead.endpoint_id
$$;

-- comment FUNCTION look_ahead(endpoint_id uuid)
COMMENT ON FUNCTION webhooks.look_ahead(endpoint_id uuid) IS 'Notes on a held endpoint when its next delivery is due.';

-- function note(webhooks.endpoint, text, jsonb)
CREATE FUNCTION webhooks.note(endpoint webhooks.endpoint, kind text, facts jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select events.record(kind, endpoint.id, endpoint.version, jsonb_build_object('account_id', endpoint.account_id) || facts, null)
$$;

-- comment FUNCTION note(endpoint webhooks.endpoint, kind text, facts jsonb)
COMMENT ON FUNCTION webhooks.note(endpoint webhooks.endpoint, kind text, facts jsonb) IS 'Writes the event of a change to an endpoint; no secret in it.';

-- function open_era()
CREATE FUNCTION webhooks.open_era() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  seen webhooks.cursor;
begin
  -- no transaction of before is still open: this takes the table for itself
  execute format('alter table charges.event alter column era set default %s', new.era);
  select * into seen from webhooks.cursor for update;
  update webhooks.cursor c set era = new.era, snapshot = webhooks.tell(seen.snapshot, seen.era);
  return null;
end $$;

-- comment FUNCTION open_era()
COMMENT ON FUNCTION webhooks.open_era() IS 'After a restore: tells what was not told yet, and begins anew in this database''s transaction ids.';

-- function place(webhooks.endpoint, uuid[])
CREATE FUNCTION webhooks.place(endpoint webhooks.endpoint, message_ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION place(endpoint webhooks.endpoint, message_ids uuid[])
COMMENT ON FUNCTION webhooks.place(endpoint webhooks.endpoint, message_ids uuid[]) IS 'Makes the deliveries of these messages to a held endpoint that asks for them; given up at once while it is disabled.';

-- function promote(uuid, uuid)
CREATE FUNCTION webhooks.promote(endpoint_id uuid, ordering_key uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION promote(endpoint_id uuid, ordering_key uuid)
COMMENT ON FUNCTION webhooks.promote(endpoint_id uuid, ordering_key uuid) IS 'Lets the next message of a charge go, unless one of it is under way.';

-- table delivery
CREATE TABLE webhooks.delivery (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    endpoint_id uuid NOT NULL,
    message_id uuid NOT NULL,
    "position" bigint NOT NULL,
    ordering_key uuid NOT NULL,
    state text NOT NULL,
    reason text,
    tries integer DEFAULT 0 NOT NULL,
    tries_before integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone NOT NULL,
    lost_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT ended_says_when CHECK (((state = ANY (ARRAY['accepted'::text, 'given_up'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT given_up_says_why CHECK (((state = 'given_up'::text) = (reason IS NOT NULL))),
    CONSTRAINT sending_is_lost_some_time CHECK (((state = 'sending'::text) = (lost_at IS NOT NULL))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['behind'::text, 'waiting'::text, 'sending'::text, 'accepted'::text, 'given_up'::text]))),
    CONSTRAINT tries_are_counted CHECK (((tries_before >= 0) AND (tries_before <= tries)))
)
WITH (fillfactor='70');

-- comment TABLE delivery
COMMENT ON TABLE webhooks.delivery IS 'Telling one endpoint one message: behind (an earlier one of the same charge is still open), waiting until due_at, sending (noted before it is sent), then accepted or given_up. tries_before: those before it was last begun anew.';

-- function put_back(webhooks.delivery, timestamp with time zone, interval)
CREATE FUNCTION webhooks.put_back(delivery webhooks.delivery, account_now timestamp with time zone, delay interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION put_back(delivery webhooks.delivery, account_now timestamp with time zone, delay interval)
COMMENT ON FUNCTION webhooks.put_back(delivery webhooks.delivery, account_now timestamp with time zone, delay interval) IS 'To be tried again after a delay; null: given up, and the next of its charge goes.';

-- function recover(uuid, uuid, timestamp with time zone)
CREATE FUNCTION webhooks.recover(account_id uuid, endpoint_id uuid, since timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION recover(account_id uuid, endpoint_id uuid, since timestamp with time zone)
COMMENT ON FUNCTION webhooks.recover(account_id uuid, endpoint_id uuid, since timestamp with time zone) IS 'Sends whatever was given up since a moment (of the database''s clock) once more, what happened while it was disabled included; returns how many.';

-- function remove_endpoint(uuid, uuid)
CREATE FUNCTION webhooks.remove_endpoint(account_id uuid, endpoint_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
begin
  perform webhooks.close_endpoint(webhooks.hold(account_id, endpoint_id), 'removed', 'by_owner');
end $$;

-- comment FUNCTION remove_endpoint(account_id uuid, endpoint_id uuid)
COMMENT ON FUNCTION webhooks.remove_endpoint(account_id uuid, endpoint_id uuid) IS 'The endpoint is gone, and its secrets with it; what it was told is kept as long as the rest.';

-- function replay(uuid, uuid)
CREATE FUNCTION webhooks.replay(account_id uuid, delivery_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION replay(account_id uuid, delivery_id uuid)
COMMENT ON FUNCTION webhooks.replay(account_id uuid, delivery_id uuid) IS 'Sends one delivery once more, with the webhook-id that it had; one that is still open is left as it is.';

-- function require_filters(text[])
CREATE FUNCTION webhooks.require_filters(filters text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION require_filters(filters text[])
COMMENT ON FUNCTION webhooks.require_filters(filters text[]) IS 'Refuses a list that is empty, too long, or asks for what never happens.';

-- function retry_delay(uuid, integer)
CREATE FUNCTION webhooks.retry_delay(delivery_id uuid, tries integer) RETURNS interval
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select make_interval(secs => (array[5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400])[tries]
    -- from 0.9 to 1.1, the same for the same try
    * (0.9 + 0.2 * ('x' || substr(md5(delivery_id::text || ':' || tries), 1, 8))::bit(32)::bigint / 4294967295.0)::double precision)
$$;

-- comment FUNCTION retry_delay(delivery_id uuid, tries integer)
COMMENT ON FUNCTION webhooks.retry_delay(delivery_id uuid, tries integer) IS 'How long to wait after so many tries failed: 5 s, 5 min, 30 min, 2, 5, 10, 14, 20, 24 h, each up to a tenth more or less; null: no more tries.';

-- function rotate_secret(uuid, uuid, uuid, bytea, interval)
CREATE FUNCTION webhooks.rotate_secret(account_id uuid, endpoint_id uuid, rotation_id uuid, secret_sealed bytea, overlap interval) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION rotate_secret(account_id uuid, endpoint_id uuid, rotation_id uuid, secret_sealed bytea, overlap interval)
COMMENT ON FUNCTION webhooks.rotate_secret(account_id uuid, endpoint_id uuid, rotation_id uuid, secret_sealed bytea, overlap interval) IS 'Another secret; the one before signs beside it for as long as overlap. The same rotation_id again gives the secret that it made.';

-- function send_test(uuid, uuid, uuid)
CREATE FUNCTION webhooks.send_test(account_id uuid, endpoint_id uuid, message_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION send_test(account_id uuid, endpoint_id uuid, message_id uuid)
COMMENT ON FUNCTION webhooks.send_test(account_id uuid, endpoint_id uuid, message_id uuid) IS 'Tells the endpoint webhook.test, whatever it asks for. The same message_id again is the same delivery.';

-- function set_chaos(uuid, uuid, jsonb)
CREATE FUNCTION webhooks.set_chaos(account_id uuid, endpoint_id uuid, chaos jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
end $_$;

-- comment FUNCTION set_chaos(account_id uuid, endpoint_id uuid, chaos jsonb)
COMMENT ON FUNCTION webhooks.set_chaos(account_id uuid, endpoint_id uuid, chaos jsonb) IS 'What test mode does to this endpoint on purpose: duplicate, reorder, bad_signature (booleans), delay_s (seconds, a day at most). It holds for what is made or sent from now on.';

-- function settle(uuid, integer, text, integer, integer, jsonb, text)
CREATE FUNCTION webhooks.settle(delivery_id uuid, number integer, outcome text, status integer, took_ms integer, headers jsonb, answer text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION settle(delivery_id uuid, number integer, outcome text, status integer, took_ms integer, headers jsonb, answer text)
COMMENT ON FUNCTION webhooks.settle(delivery_id uuid, number integer, outcome text, status integer, took_ms integer, headers jsonb, answer text) IS 'What became of a try, and so of its delivery, whose state it returns. 410 disables the endpoint; so do five days in which every try failed, five at least.';

-- function shown(webhooks.endpoint)
CREATE FUNCTION webhooks.shown(endpoint webhooks.endpoint) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', endpoint.id, 'url', endpoint.url, 'filters', endpoint.filters, 'description', endpoint.description,
    'state', endpoint.state, 'reason', endpoint.reason, 'chaos', endpoint.chaos, 'version', endpoint.version,
    'previous_until', endpoint.previous_until, 'failing_since', endpoint.failing_since,
    'created_at', endpoint.created_at, 'changed_at', endpoint.changed_at)
$$;

-- comment FUNCTION shown(endpoint webhooks.endpoint)
COMMENT ON FUNCTION webhooks.shown(endpoint webhooks.endpoint) IS 'An endpoint as it is shown: no secret in it.';

-- table message
CREATE TABLE webhooks.message (
    id uuid NOT NULL,
    "position" bigint NOT NULL,
    account_id uuid NOT NULL,
    endpoint_id uuid,
    kind text NOT NULL,
    object_id uuid NOT NULL,
    ordering_key uuid NOT NULL,
    version integer NOT NULL,
    body text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL
);

-- comment TABLE message
COMMENT ON TABLE webhooks.message IS 'What is told, as the exact text that is signed and sent; its id is the webhook-id, the same at every endpoint and try. ordering_key: the charge that the object is, or belongs to; version: the charge''s. position: of one charge''s messages the earlier has the lower. endpoint_id: whom alone a test is for; null: whoever asks for it.';

-- function shown_delivery(webhooks.delivery, webhooks.message)
CREATE FUNCTION webhooks.shown_delivery(delivery webhooks.delivery, message webhooks.message) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'id', delivery.id, 'endpoint_id', delivery.endpoint_id, 'webhook_id', message.id, 'kind', message.kind,
    'object_id', message.object_id, 'state', delivery.state, 'reason', delivery.reason, 'tries', delivery.tries,
    'due_at', case when delivery.state in ('behind', 'waiting') then delivery.due_at end,
    'created_at', delivery.created_at, 'ended_at', delivery.ended_at)
$$;

-- comment FUNCTION shown_delivery(delivery webhooks.delivery, message webhooks.message)
COMMENT ON FUNCTION webhooks.shown_delivery(delivery webhooks.delivery, message webhooks.message) IS 'A delivery as it is shown.';

-- function tell(pg_snapshot, integer)
CREATE FUNCTION webhooks.tell(snapshot_before pg_snapshot, era integer) RETURNS pg_snapshot
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

-- comment FUNCTION tell(snapshot_before pg_snapshot, era integer)
COMMENT ON FUNCTION webhooks.tell(snapshot_before pg_snapshot, era integer) IS 'Makes messages of the events that became visible since a snapshot, for accounts that have endpoints; returns what is visible now.';

-- table connection
CREATE TABLE banking.connection (
    id uuid NOT NULL,
    person uuid NOT NULL,
    item_id text NOT NULL,
    access_sealed bytea,
    key_version integer NOT NULL,
    institution_name text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'good'::text NOT NULL,
    source_id uuid,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT access_is_kept_until_the_end CHECK (((state = 'ended'::text) OR (access_sealed IS NOT NULL))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['good'::text, 'login_required'::text, 'pending_disconnect'::text, 'ended'::text])))
);

-- comment TABLE connection
COMMENT ON TABLE banking.connection IS 'A person''s consent to see into their bank, by the vendor''s item. ended: given back; access_sealed is gone once the vendor knows.';

-- table customer
CREATE TABLE banking.customer (
    person uuid NOT NULL,
    vendor_id text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

-- comment TABLE customer
COMMENT ON TABLE banking.customer IS 'A person as the bank transfers'' vendor knows them; made with the first bank.';

-- table debt
CREATE TABLE banking.debt (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    person uuid NOT NULL,
    load_id uuid NOT NULL,
    owed_cents bigint NOT NULL,
    repaid_cents bigint DEFAULT 0 NOT NULL,
    case_reference text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT debt_closes_when_repaid CHECK (((repaid_cents = owed_cents) = (closed_at IS NOT NULL))),
    CONSTRAINT debt_is_something CHECK ((owed_cents > 0)),
    CONSTRAINT repaid_is_part_of_debt CHECK (((repaid_cents >= 0) AND (repaid_cents <= owed_cents)))
);

-- comment TABLE debt
COMMENT ON TABLE banking.debt IS 'What a person owes since a load was returned after it had cleared, once per load; its id is that of the transfer receivable -> reserve.';

-- table default_source
CREATE TABLE banking.default_source (
    person uuid NOT NULL,
    source_id uuid NOT NULL,
    since timestamp with time zone NOT NULL
);

-- comment TABLE default_source
COMMENT ON TABLE banking.default_source IS 'Which bank a person means when they do not say.';

-- table external_reconciliation
CREATE TABLE banking.external_reconciliation (
    n bigint NOT NULL,
    since timestamp with time zone NOT NULL,
    began_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    transfer_count integer NOT NULL,
    in_flight_count integer NOT NULL,
    difference_count integer NOT NULL
);

-- comment TABLE external_reconciliation
COMMENT ON TABLE banking.external_reconciliation IS 'Each comparison with the vendor: from when on transfers were compared, how many, and how many differed.';

-- sequence external_reconciliation_n_seq
ALTER TABLE banking.external_reconciliation ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME banking.external_reconciliation_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table hold_policy
CREATE TABLE banking.hold_policy (
    id bigint NOT NULL,
    environment text NOT NULL,
    bank_days integer NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    set_by uuid,
    reason text NOT NULL,
    CONSTRAINT bank_days_are_few CHECK (((bank_days >= 0) AND (bank_days <= 60))),
    CONSTRAINT environment_is_known CHECK ((environment = ANY (ARRAY['sandbox'::text, 'production'::text])))
);

-- comment TABLE hold_policy
COMMENT ON TABLE banking.hold_policy IS 'How many bank days a settled load waits before it is spendable; the newest row of an environment is in force.';

-- sequence hold_policy_id_seq
ALTER TABLE banking.hold_policy ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME banking.hold_policy_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table holder_check
CREATE TABLE banking.holder_check (
    id bigint NOT NULL,
    person uuid NOT NULL,
    source_id uuid NOT NULL,
    is_holder boolean NOT NULL,
    checked_at timestamp with time zone NOT NULL
);

-- comment TABLE holder_check
COMMENT ON TABLE banking.holder_check IS 'Whether a bank said that the account is in its person''s own name; the newest row of a bank counts.';

-- sequence holder_check_id_seq
ALTER TABLE banking.holder_check ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME banking.holder_check_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table load
CREATE TABLE banking.load (
    id uuid NOT NULL,
    person uuid NOT NULL,
    source_id uuid NOT NULL,
    amount_cents bigint NOT NULL,
    reference text NOT NULL,
    settle_transfer uuid DEFAULT gen_random_uuid() NOT NULL,
    clear_transfer uuid DEFAULT gen_random_uuid() NOT NULL,
    return_transfer uuid DEFAULT gen_random_uuid() NOT NULL,
    clears_at timestamp with time zone,
    owed_cents bigint DEFAULT 0 NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT amount_is_positive CHECK ((amount_cents > 0)),
    CONSTRAINT owed_is_part_of_it CHECK (((owed_cents >= 0) AND (owed_cents <= amount_cents)))
);

-- comment TABLE load
COMMENT ON TABLE banking.load IS 'Money on its way from a bank into a wallet. owed_cents: what a return after clearing could not take back from the wallet.';

-- table redemption
CREATE TABLE banking.redemption (
    id uuid NOT NULL,
    person uuid NOT NULL,
    source_id uuid NOT NULL,
    amount_cents bigint NOT NULL,
    reference text NOT NULL,
    hold_id uuid DEFAULT gen_random_uuid() NOT NULL,
    capture_id uuid DEFAULT gen_random_uuid() NOT NULL,
    burn_transfer uuid DEFAULT gen_random_uuid() NOT NULL,
    return_transfer uuid DEFAULT gen_random_uuid() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT amount_is_positive CHECK ((amount_cents > 0))
);

-- comment TABLE redemption
COMMENT ON TABLE banking.redemption IS 'Money on its way from a wallet to a bank.';

-- view moved
CREATE VIEW banking.moved WITH (security_invoker='true') AS
 SELECT l.id,
    l.amount_cents
   FROM banking.load l
UNION ALL
 SELECT r.id,
    r.amount_cents
   FROM banking.redemption r;

-- comment VIEW moved
COMMENT ON VIEW banking.moved IS 'What each operation at the vendor moves, in US cents.';

-- table repayment
CREATE TABLE banking.repayment (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    debt_id uuid NOT NULL,
    amount_cents bigint NOT NULL,
    cause text NOT NULL,
    cause_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT cause_is_known CHECK ((cause = ANY (ARRAY['load_cleared'::text, 'hold_released'::text, 'money_came_back'::text, 'asked'::text]))),
    CONSTRAINT repayment_is_something CHECK ((amount_cents > 0))
);

-- comment TABLE repayment
COMMENT ON TABLE banking.repayment IS 'Money that paid back a debt: what it came from, and the id of that; its id is that of the transfer wallet -> receivable.';

-- table reserve_confirmation
CREATE TABLE banking.reserve_confirmation (
    n bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    as_of timestamp with time zone NOT NULL,
    confirmed_cents bigint NOT NULL,
    in_flight_cents bigint NOT NULL,
    parts jsonb NOT NULL,
    uncleared_cents bigint NOT NULL,
    circulation_cents bigint NOT NULL,
    short_cents bigint NOT NULL,
    is_full boolean NOT NULL,
    CONSTRAINT shortage_is_not_negative CHECK ((short_cents >= 0))
);

-- comment TABLE reserve_confirmation
COMMENT ON TABLE banking.reserve_confirmation IS 'What the bank said that it holds for us, when, beside what was out by then: circulation is wallets and payouts under way.';

-- sequence reserve_confirmation_n_seq
ALTER TABLE banking.reserve_confirmation ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME banking.reserve_confirmation_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table vendor_environment
CREATE TABLE banking.vendor_environment (
    id bigint NOT NULL,
    environment text NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT environment_is_known CHECK ((environment = ANY (ARRAY['sandbox'::text, 'production'::text])))
);

-- comment TABLE vendor_environment
COMMENT ON TABLE banking.vendor_environment IS 'Whether the vendor moves test money or real money, as the server says when it starts; the newest row is in force.';

-- sequence vendor_environment_id_seq
ALTER TABLE banking.vendor_environment ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME banking.vendor_environment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table vendor_event
CREATE TABLE banking.vendor_event (
    id text NOT NULL,
    topic text NOT NULL,
    resource_id text NOT NULL,
    received_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

-- comment TABLE vendor_event
COMMENT ON TABLE banking.vendor_event IS 'Verified notices of the vendor, each kept once. They are hints: what is true is asked of the vendor.';

-- table case
CREATE TABLE cases."case" (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    evidence jsonb NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    opened_at timestamp with time zone DEFAULT private.now() NOT NULL,
    closed_at timestamp with time zone,
    closed_by uuid,
    outcome text,
    CONSTRAINT case_kind_is_a_word CHECK ((kind ~ '^[a-z_]+$'::text)),
    CONSTRAINT case_state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'closed'::text]))),
    CONSTRAINT closed_case_says_when_and_why CHECK ((((state = 'closed'::text) = (closed_at IS NOT NULL)) AND ((state = 'closed'::text) = (outcome IS NOT NULL))))
);

-- comment TABLE "case"
COMMENT ON TABLE cases."case" IS 'Something to look into: what kind, about what (like account:17), what was seen. Closed once, with a reason; never removed.';

-- table account_clock
CREATE TABLE charges.account_clock (
    account_id uuid NOT NULL,
    "offset" interval DEFAULT '00:00:00'::interval NOT NULL,
    frozen_at timestamp with time zone,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT clock_only_gains CHECK (("offset" >= '00:00:00'::interval))
);

-- comment TABLE account_clock
COMMENT ON TABLE charges.account_clock IS 'How far the clock of an account is ahead, or at which moment it stands. None: it shows the real time.';

-- table currency
CREATE TABLE charges.currency (
    code text NOT NULL,
    asset sandbox.asset NOT NULL,
    exponent integer NOT NULL,
    amount_max_minor bigint NOT NULL,
    fee_bps bigint NOT NULL,
    fee_fixed_minor bigint NOT NULL,
    dispute_fee_minor bigint NOT NULL,
    overdraft_max_minor bigint NOT NULL,
    CONSTRAINT code_is_iso_4217 CHECK ((code ~ '^[A-Z]{3}$'::text))
);

-- comment TABLE currency
COMMENT ON TABLE charges.currency IS 'What may be charged in, and what it costs. overdraft_max_minor: how far refunds may take a merchant below zero; beyond it they wait.';

-- table event
CREATE TABLE charges.event (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    kind charges.event_kind NOT NULL,
    object_kind charges.object_kind NOT NULL,
    object_id uuid NOT NULL,
    version charges.version NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    data jsonb NOT NULL,
    era integer DEFAULT 1 NOT NULL
);

-- comment TABLE event
COMMENT ON TABLE charges.event IS 'What happened to a charge, written in the transaction in which it happened. data: the object after it, as the API shows it.';

-- comment COLUMN event.era
COMMENT ON COLUMN charges.event.era IS 'Which database, counted by restores, wrote the row: xids compare only within an era.';

-- table operation
CREATE TABLE charges.operation (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject uuid NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);

-- comment TABLE operation
COMMENT ON TABLE charges.operation IS 'What was asked under an id that is no object''s own: increments, voids, evidence. It makes each happen once.';

-- table portion
CREATE TABLE charges.portion (
    account_id uuid NOT NULL,
    source_id uuid NOT NULL,
    n integer NOT NULL,
    capture_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    was_pending boolean,
    CONSTRAINT portion_is_positive CHECK ((amount_minor > 0))
);

-- comment TABLE portion
COMMENT ON TABLE charges.portion IS 'What a refund or dispute took of which capture; was_pending: before that was settled (null: nothing was taken yet).';

-- table test_amount
CREATE TABLE charges.test_amount (
    amount_minor bigint NOT NULL,
    decline_code text NOT NULL,
    CONSTRAINT test_amounts_are_neighbours CHECK (((amount_minor >= 200000) AND (amount_minor <= 209999)))
);

-- comment TABLE test_amount
COMMENT ON TABLE charges.test_amount IS 'Amounts that are declined on any card: 2,000.02 as the card that ends in 0002, 2,099.95 as 9995, and so on.';

-- table test_card
CREATE TABLE charges.test_card (
    name text NOT NULL,
    brand text NOT NULL,
    last4 text NOT NULL,
    decline_code text,
    behaviour text,
    CONSTRAINT behaviour_is_known CHECK ((behaviour = ANY (ARRAY['partial'::text, 'disputed'::text, 'refund_fails'::text]))),
    CONSTRAINT last4_is_four_digits CHECK ((last4 ~ '^[0-9]{4}$'::text))
);

-- comment TABLE test_card
COMMENT ON TABLE charges.test_card IS 'Every card there is in test mode, by its name. partial: half is approved, to who asks for that; disputed: each capture is; refund_fails: none arrives.';

-- table account
CREATE TABLE developers.account (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    owner uuid NOT NULL,
    created_at timestamp with time zone NOT NULL
);

-- comment TABLE account
COMMENT ON TABLE developers.account IS 'A developer''s account: charges, keys, endpoints and events belong to one. Made when its owner makes the first key.';

-- table idempotency
CREATE TABLE developers.idempotency (
    account_id uuid NOT NULL,
    mode text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    operation text NOT NULL,
    outcome jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT key_is_short CHECK (((char_length(key) >= 1) AND (char_length(key) <= 255)))
);

-- comment TABLE idempotency
COMMENT ON TABLE developers.idempotency IS 'What became of the first request under a key of a program''s. fingerprint: a keyed hash of the request, so that no card number can be guessed from it. outcome: object, or refused with its facts; resource_id; request_id.';

-- table key_use
CREATE UNLOGGED TABLE developers.key_use (
    key_id uuid NOT NULL,
    began_at timestamp with time zone NOT NULL,
    used integer NOT NULL
)
WITH (fillfactor='50');

-- comment TABLE key_use
COMMENT ON TABLE developers.key_use IS 'How many requests each key made in the window that began then. Gone after a crash of the server, and made anew.';

-- table event
CREATE TABLE events.event (
    id bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor uuid,
    kind events.kind NOT NULL,
    subject uuid NOT NULL,
    version bigint NOT NULL,
    payload jsonb NOT NULL,
    era integer DEFAULT 1 NOT NULL,
    CONSTRAINT event_version_is_positive CHECK ((version > 0))
);

-- comment TABLE event
COMMENT ON TABLE events.event IS 'Append-only record of every state change: audit trail and outbox in one.';

-- comment COLUMN event.era
COMMENT ON COLUMN events.event.era IS 'Which database, counted by restores, wrote the row: xids compare only within an era.';

-- sequence event_id_seq
ALTER TABLE events.event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME events.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table event_position
CREATE TABLE events.event_position (
    "position" bigint NOT NULL,
    event_id bigint NOT NULL
);

-- comment TABLE event_position
COMMENT ON TABLE events.event_position IS 'The sequence in which consumers read events, without gaps.';

-- table mark
CREATE TABLE events.mark (
    consumer text NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    CONSTRAINT mark_is_not_negative CHECK (("position" >= 0))
);

-- comment TABLE mark
COMMENT ON TABLE events.mark IS 'How far each consumer has read.';

-- table relay_cursor
CREATE TABLE events.relay_cursor (
    is_only boolean DEFAULT true NOT NULL,
    era integer NOT NULL,
    snapshot pg_snapshot NOT NULL,
    "position" bigint NOT NULL,
    CONSTRAINT cursor_is_one_row CHECK (is_only)
);

-- comment TABLE relay_cursor
COMMENT ON TABLE events.relay_cursor IS 'What has been placed: everything visible in this snapshot, up to this position.';

-- table payments
CREATE TABLE public.payments (
    id uuid NOT NULL,
    sender_id uuid NOT NULL,
    recipient_id uuid NOT NULL,
    note text NOT NULL,
    sender_audience text NOT NULL,
    recipient_audience text DEFAULT 'public'::text NOT NULL,
    is_public boolean GENERATED ALWAYS AS (((sender_audience = 'public'::text) AND (recipient_audience = 'public'::text))) STORED NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL
);

-- comment TABLE payments
COMMENT ON TABLE public.payments IS 'What is said of a payment and who may see it: public only while both sides leave it so. Never an amount.';

-- view public_payment
CREATE VIEW feed.public_payment WITH (security_invoker='true') AS
 SELECT p.id,
    p.created_at AS at,
    p.note,
    p.version,
    s.handle AS sender_handle,
    s.name AS sender_name,
    r.handle AS recipient_handle,
    r.name AS recipient_name,
    s.is_demo AS sender_is_demo,
    r.is_demo AS recipient_is_demo
   FROM ((public.payments p
     JOIN public.profiles s ON ((s.id = p.sender_id)))
     JOIN public.profiles r ON ((r.id = p.recipient_id)))
  WHERE p.is_public;

-- comment VIEW public_payment
COMMENT ON VIEW feed.public_payment IS 'The public feed, one row per payment that its sender shows and its recipient leaves shown. Never an amount.';

-- table attempt
CREATE TABLE identity.attempt (
    kind text NOT NULL,
    subject bytea NOT NULL,
    attempts integer NOT NULL,
    until timestamp with time zone NOT NULL
);

-- comment TABLE attempt
COMMENT ON TABLE identity.attempt IS 'Attempts of a subject in its present window, which ends at until.';

-- table attempt_limit
CREATE TABLE identity.attempt_limit (
    kind text NOT NULL,
    attempts_max integer NOT NULL,
    within interval NOT NULL,
    CONSTRAINT attempt_limit_is_positive CHECK (((attempts_max > 0) AND (within > '00:00:00'::interval)))
);

-- comment TABLE attempt_limit
COMMENT ON TABLE identity.attempt_limit IS 'How often one may ask for a code (start) or try one (verify): per address, phone, and both.';

-- table known_address
CREATE TABLE identity.known_address (
    pair bytea NOT NULL,
    used_at timestamp with time zone NOT NULL
);

-- comment TABLE known_address
COMMENT ON TABLE identity.known_address IS 'Phones and addresses (a keyed hash of both) that signed in together: a stranger who uses up a phone''s attempts locks strangers out, not these.';

-- table phone_lookup
CREATE TABLE identity.phone_lookup (
    person uuid NOT NULL,
    at timestamp with time zone NOT NULL
);

-- comment TABLE phone_lookup
COMMENT ON TABLE identity.phone_lookup IS 'When somebody looked a phone number up; bounds the guessing of who is here.';

-- table privacy
CREATE TABLE identity.privacy (
    person uuid NOT NULL,
    received_audience text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT received_audience_is_known CHECK ((received_audience = ANY (ARRAY['private'::text, 'public'::text])))
);

-- comment TABLE privacy
COMMENT ON TABLE identity.privacy IS 'What each person lets be seen of payments to them, for those who ever chose; wallet.send gives it to each new payment.';

-- table queued_text
CREATE TABLE identity.queued_text (
    webhook_id text NOT NULL,
    sealed bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

-- comment TABLE queued_text
COMMENT ON TABLE identity.queued_text IS 'Number and words of a text that waits, sealed: who reads the database learns neither. Gone when it was sent or is too old.';

-- table reserved_handle
CREATE TABLE identity.reserved_handle (
    skeleton text NOT NULL,
    handle text NOT NULL
);

-- comment TABLE reserved_handle
COMMENT ON TABLE identity.reserved_handle IS 'Names that nobody may take: ours, the routes, and what people would trust.';

-- table text_announcement
CREATE TABLE identity.text_announcement (
    id uuid NOT NULL,
    phone bytea NOT NULL,
    announced_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    taken_by text,
    CONSTRAINT text_announcement_phone_is_hashed CHECK ((octet_length(phone) = 32))
);

-- comment TABLE text_announcement
COMMENT ON TABLE identity.text_announcement IS 'Codes that our own server is asking Auth for at this moment, by a keyed hash of the phone: the hook texts nobody else.';

-- table text_delivery
CREATE TABLE identity.text_delivery (
    webhook_id text NOT NULL,
    state text NOT NULL,
    claimed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    provider_ref text,
    CONSTRAINT text_delivery_state_is_known CHECK ((state = ANY (ARRAY['sending'::text, 'sent'::text, 'refused'::text]))),
    CONSTRAINT text_delivery_webhook_id_is_short CHECK (((char_length(webhook_id) >= 1) AND (char_length(webhook_id) <= 100)))
);

-- comment TABLE text_delivery
COMMENT ON TABLE identity.text_delivery IS 'Which calls of the Send-SMS hook were carried out; no number and no code.';

-- table web_session
CREATE TABLE identity.web_session (
    id uuid NOT NULL,
    secret_hash bytea NOT NULL,
    user_id uuid NOT NULL,
    access_token bytea NOT NULL,
    refresh_token bytea NOT NULL,
    access_expires_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    token_version integer DEFAULT 1 NOT NULL,
    refresh_claimed_until timestamp with time zone,
    user_agent text DEFAULT ''::text NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    ended_by uuid,
    ended_why text,
    CONSTRAINT web_session_end_has_a_reason CHECK (((ended_at IS NULL) = (ended_why IS NULL))),
    CONSTRAINT web_session_secret_is_sha256 CHECK ((octet_length(secret_hash) = 32))
);

-- comment TABLE web_session
COMMENT ON TABLE identity.web_session IS 'A browser that is signed in: hash of its secret, sealed tokens, and how it ended.';

-- table due_work
CREATE TABLE jobs.due_work (
    queue text NOT NULL,
    subject uuid NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    claimed_until timestamp with time zone,
    done_at timestamp with time zone
)
WITH (fillfactor='80');

-- comment TABLE due_work
COMMENT ON TABLE jobs.due_work IS 'Work with a time: one row for each subject and time, kept when it is done.';

-- table procrastinate_events
CREATE TABLE jobs.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type jobs.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);

-- sequence procrastinate_events_id_seq
CREATE SEQUENCE jobs.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

-- sequence owned by procrastinate_events_id_seq
ALTER SEQUENCE jobs.procrastinate_events_id_seq OWNED BY jobs.procrastinate_events.id;

-- sequence procrastinate_jobs_id_seq
CREATE SEQUENCE jobs.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

-- sequence owned by procrastinate_jobs_id_seq
ALTER SEQUENCE jobs.procrastinate_jobs_id_seq OWNED BY jobs.procrastinate_jobs.id;

-- table procrastinate_periodic_defers
CREATE TABLE jobs.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);

-- sequence procrastinate_periodic_defers_id_seq
CREATE SEQUENCE jobs.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

-- sequence owned by procrastinate_periodic_defers_id_seq
ALTER SEQUENCE jobs.procrastinate_periodic_defers_id_seq OWNED BY jobs.procrastinate_periodic_defers.id;

-- table procrastinate_workers
CREATE TABLE jobs.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);

-- sequence procrastinate_workers_id_seq
ALTER TABLE jobs.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table stall
CREATE TABLE jobs.stall (
    job_id bigint NOT NULL,
    attempts integer NOT NULL,
    times integer NOT NULL,
    CONSTRAINT stall_times_check CHECK ((times > 0))
);

-- comment TABLE stall
COMMENT ON TABLE jobs.stall IS 'How often in a row a job''s worker died or hung under it. attempts is how often the job had failed by itself by then: a failure between two deaths is an answer, and the count begins anew.';

-- table tick
CREATE TABLE jobs.tick (
    what text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    by text NOT NULL
);

-- comment TABLE tick
COMMENT ON TABLE jobs.tick IS 'Which line of the timetable was set going for which time: each once, whoever was the scheduler.';

-- table account
CREATE TABLE ledger.account (
    id bigint NOT NULL,
    asset ledger.asset NOT NULL,
    kind ledger.account_kind NOT NULL,
    owner uuid,
    is_summing boolean DEFAULT false NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    min_balance bigint,
    state ledger.account_state DEFAULT 'active'::text NOT NULL,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT balance_covers_spending CHECK (((held >= 0) AND ((balance - held) >= min_balance)))
)
WITH (fillfactor='60');

-- comment TABLE account
COMMENT ON TABLE ledger.account IS 'One account holds one asset; positive is owed to its owner, negative is held elsewhere (a bank, an exchange).';

-- view account_balance
CREATE VIEW ledger.account_balance WITH (security_invoker='true') AS
 SELECT id,
    asset,
    kind,
    owner,
    is_summing,
    ledger.balance_of(id) AS balance,
    held,
    state
   FROM ledger.account a;

-- comment VIEW account_balance
COMMENT ON VIEW ledger.account_balance IS 'Every account with its balance, of either sort.';

-- sequence account_id_seq
ALTER TABLE ledger.account ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table capture
CREATE TABLE ledger.capture (
    id uuid NOT NULL,
    hold_id uuid NOT NULL,
    amount bigint NOT NULL,
    is_final boolean NOT NULL,
    leg_count integer NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT amount_is_positive CHECK ((amount > 0))
);

-- comment TABLE capture
COMMENT ON TABLE ledger.capture IS 'Each capture of a hold; its transfers are ledger.leg_id(id, 1) to (id, leg_count).';

-- table checkpoint
CREATE TABLE ledger.checkpoint (
    account_id bigint NOT NULL,
    era integer NOT NULL,
    upto xid8 NOT NULL,
    balance bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

-- comment TABLE checkpoint
COMMENT ON TABLE ledger.checkpoint IS 'A summing account''s balance over all transactions of earlier eras and those below upto, none of which was open.';

-- table entry
CREATE TABLE ledger.entry (
    account_id bigint NOT NULL,
    seq bigint NOT NULL,
    transfer_id uuid NOT NULL,
    amount bigint NOT NULL,
    balance_after bigint NOT NULL,
    at timestamp with time zone NOT NULL
);

-- comment TABLE entry
COMMENT ON TABLE ledger.entry IS 'The sides of each transfer on balance accounts: seq without gaps per account, balance_after chains.';

-- table hold
CREATE TABLE ledger.hold (
    id uuid NOT NULL,
    account_id bigint NOT NULL,
    amount bigint NOT NULL,
    captured bigint DEFAULT 0 NOT NULL,
    kind text NOT NULL,
    ref text,
    state text DEFAULT 'open'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    closed_at timestamp with time zone,
    CONSTRAINT amount_is_positive CHECK ((amount > 0)),
    CONSTRAINT captured_is_within CHECK (((captured >= 0) AND (captured <= amount))),
    CONSTRAINT closed_has_a_time CHECK (((state = 'open'::text) = (closed_at IS NULL))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'captured'::text, 'released'::text, 'expired'::text])))
);

-- comment TABLE hold
COMMENT ON TABLE ledger.hold IS 'Money set aside; what of an open hold is not captured counts in its account''s `held`. It closes once.';

-- table reconciliation
CREATE TABLE ledger.reconciliation (
    n bigint NOT NULL,
    is_full boolean NOT NULL,
    era integer NOT NULL,
    upto xid8 NOT NULL,
    finding_count integer NOT NULL,
    began_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

-- comment TABLE reconciliation
COMMENT ON TABLE ledger.reconciliation IS 'Each run, and the transaction id up to which it has seen everything; the next one goes on from the newest.';

-- sequence reconciliation_n_seq
ALTER TABLE ledger.reconciliation ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.reconciliation_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table sum_entry
CREATE TABLE ledger.sum_entry (
    account_id bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    era integer DEFAULT 1 NOT NULL,
    batch uuid NOT NULL,
    amount bigint NOT NULL,
    transfer_count integer NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT sum_has_transfers CHECK ((transfer_count > 0))
);

-- comment TABLE sum_entry
COMMENT ON TABLE ledger.sum_entry IS 'The sides of transfers on summing accounts; a batch writes one row per account, named by its first transfer.';

-- table transfer
CREATE TABLE ledger.transfer (
    id uuid NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    era integer DEFAULT 1 NOT NULL,
    at timestamp with time zone NOT NULL,
    effective_at timestamp with time zone NOT NULL,
    from_account bigint NOT NULL,
    to_account bigint NOT NULL,
    from_seq bigint,
    to_seq bigint,
    amount bigint NOT NULL,
    kind text NOT NULL,
    ref text,
    CONSTRAINT amount_moves CHECK (((amount > 0) AND (from_account <> to_account)))
);

-- comment TABLE transfer
COMMENT ON TABLE ledger.transfer IS 'One movement of `amount` from one account to another; its id makes it happen once. A seq is null on a summing account.';

-- table device
CREATE TABLE notifications.device (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    person uuid NOT NULL,
    endpoint text NOT NULL,
    public_key text NOT NULL,
    auth_secret text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT endpoint_is_an_address CHECK (((endpoint ~ '^https?://[!-~]+$'::text) AND (char_length(endpoint) <= 1000))),
    CONSTRAINT keys_are_base64url CHECK (((public_key ~ '^[A-Za-z0-9_-]{80,100}$'::text) AND (auth_secret ~ '^[A-Za-z0-9_-]{16,32}$'::text))),
    CONSTRAINT name_is_short CHECK (((char_length(name) >= 1) AND (char_length(name) <= 60)))
);

-- comment TABLE device
COMMENT ON TABLE notifications.device IS 'Browsers that take push messages (RFC 8030), with the keys that these are encrypted for (RFC 8291).';

-- table kind
CREATE TABLE notifications.kind (
    kind events.kind NOT NULL,
    is_chosen boolean NOT NULL,
    is_default boolean NOT NULL,
    is_urgent boolean DEFAULT false NOT NULL,
    is_texted boolean DEFAULT false NOT NULL
);

-- comment TABLE kind
COMMENT ON TABLE notifications.kind IS 'Events that people are told of. is_chosen: whether they may choose (else it is written to an address that is to be confirmed); is_default: whether e-mail and push tell it until they do. is_texted: whether a text does, as long as it is the only way to reach them. is_urgent: told by every channel, in quiet hours too, and nobody can choose otherwise: whoever holds a stolen session least of all.';

-- table preference
CREATE TABLE notifications.preference (
    person uuid NOT NULL,
    kind events.kind NOT NULL,
    channel text NOT NULL,
    is_wanted boolean NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT channel_is_known CHECK ((channel = ANY (ARRAY['sms'::text, 'email'::text, 'push'::text])))
);

-- comment TABLE preference
COMMENT ON TABLE notifications.preference IS 'What somebody chose; where there is no row the kind''s default holds.';

-- table reminder
CREATE TABLE notifications.reminder (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    buy_id uuid NOT NULL,
    at timestamp with time zone NOT NULL
);

-- comment TABLE reminder
COMMENT ON TABLE notifications.reminder IS 'Buys that were announced ahead, each once.';

-- table node
CREATE TABLE proof.node (
    level integer NOT NULL,
    index bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT hash_is_whole CHECK ((octet_length(hash) = 32)),
    CONSTRAINT node_is_inside CHECK (((level > 0) AND (index >= 0)))
);

-- comment TABLE node
COMMENT ON TABLE proof.node IS 'The complete inner nodes of the log of seals: (level, index) covers the 2^level seals from n = index * 2^level + 1 on.';

-- table salt_key
CREATE TABLE proof.salt_key (
    is_only boolean DEFAULT true NOT NULL,
    key bytea NOT NULL,
    CONSTRAINT key_is_long CHECK ((octet_length(key) = 32)),
    CONSTRAINT key_is_one_row CHECK (is_only)
);

-- comment TABLE salt_key
COMMENT ON TABLE proof.salt_key IS 'The secret that every leaf''s salt is made from. It must be kept as long as the seals.';

-- table provider_health
CREATE TABLE providers.provider_health (
    vendor text NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    state text DEFAULT 'closed'::text NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    threshold integer NOT NULL,
    ttl_s double precision NOT NULL,
    opened_at timestamp with time zone,
    down_since timestamp with time zone,
    probe_until timestamp with time zone,
    version bigint DEFAULT 0 NOT NULL,
    CONSTRAINT failures_are_counted CHECK (((failures >= 0) AND (threshold > 0))),
    CONSTRAINT one_probe_at_a_time CHECK (((state = 'half-opened'::text) = (probe_until IS NOT NULL))),
    CONSTRAINT open_says_since_when CHECK ((((state = 'closed'::text) = (down_since IS NULL)) AND ((state = 'closed'::text) = (opened_at IS NULL)))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['closed'::text, 'opened'::text, 'half-opened'::text]))),
    CONSTRAINT vendor_is_a_word CHECK ((vendor ~ '^[a-z]+$'::text))
);

-- comment TABLE provider_health
COMMENT ON TABLE providers.provider_health IS 'One breaker for each vendor. closed: it is called; opened: it is left alone until opened_at + ttl_s; half-opened: one caller probes.';

-- table rule
CREATE TABLE retention.rule (
    name text NOT NULL,
    what text NOT NULL,
    kept interval,
    counted_from text NOT NULL,
    removed_by text NOT NULL,
    why text NOT NULL,
    source text NOT NULL,
    CONSTRAINT for_good_is_removed_by_nobody CHECK (((kept IS NULL) = (removed_by = 'nobody'::text))),
    CONSTRAINT kept_is_positive CHECK ((kept > '00:00:00'::interval)),
    CONSTRAINT name_is_short CHECK ((name ~ '^[a-z_]{1,40}$'::text)),
    CONSTRAINT who_removes_is_known CHECK ((removed_by = ANY (ARRAY['nobody'::text, 'sweep'::text, 'tidy'::text, 'use'::text, 'start'::text])))
);

-- comment TABLE rule
COMMENT ON TABLE retention.rule IS 'What is kept for how long and why. removed_by: sweep (retention.sweep), tidy (the job that keeps the queue in order), use (whoever uses it next), start (a start of the embedded server), nobody. The law asks for at least the years in source; for good is longer.';

-- table account_case
CREATE TABLE risk.account_case (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    case_reference text NOT NULL,
    case_id uuid NOT NULL,
    person uuid NOT NULL,
    state ledger.account_state NOT NULL,
    reason text NOT NULL,
    subject uuid,
    imposed_at timestamp with time zone NOT NULL,
    imposed_by uuid,
    lifted_at timestamp with time zone,
    lifted_by uuid,
    lifted_why text,
    CONSTRAINT case_closes_something CHECK (((state)::text = ANY (ARRAY['restricted'::text, 'frozen'::text]))),
    CONSTRAINT case_end_has_a_reason CHECK (((lifted_at IS NULL) = (lifted_why IS NULL))),
    CONSTRAINT case_reason_is_known CHECK ((reason = ANY (ARRAY['late_return'::text, 'under_review'::text, 'owner_asked'::text, 'law'::text])))
);

-- comment TABLE account_case
COMMENT ON TABLE risk.account_case IS 'Why an account is restricted (may receive, not give) or frozen (neither), since when and by whom; open until lifted.';

-- table limit_in_force
CREATE TABLE risk.limit_in_force (
    one_row boolean DEFAULT true NOT NULL,
    maxima jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT there_is_one_row CHECK (one_row)
);

-- comment TABLE limit_in_force
COMMENT ON TABLE risk.limit_in_force IS 'The newest value of each limit by its name; written by the trigger of risk.limit_value alone.';

-- table limit_name
CREATE TABLE risk.limit_name (
    name text NOT NULL,
    CONSTRAINT limit_says_its_unit CHECK ((name ~ '^[a-z_]+_(cents|count|days|hours|bps|sats)([._][a-z]+)?$'::text))
);

-- comment TABLE limit_name
COMMENT ON TABLE risk.limit_name IS 'The names that a limit may have.';

-- table limit_value
CREATE TABLE risk.limit_value (
    id bigint NOT NULL,
    name text NOT NULL,
    value_max bigint NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    set_by uuid,
    reason text NOT NULL,
    CONSTRAINT value_is_not_negative CHECK ((value_max >= 0))
);

-- comment TABLE limit_value
COMMENT ON TABLE risk.limit_value IS 'Each limit''s values over time; the newest row of a name is in force.';

-- sequence limit_value_id_seq
ALTER TABLE risk.limit_value ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME risk.limit_value_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table account
CREATE TABLE sandbox.account (
    id bigint NOT NULL,
    asset sandbox.asset NOT NULL,
    kind sandbox.account_kind NOT NULL,
    owner uuid,
    is_summing boolean DEFAULT false NOT NULL,
    balance bigint DEFAULT 0 NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    min_balance bigint,
    state sandbox.account_state DEFAULT 'active'::text NOT NULL,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT balance_covers_spending CHECK (((held >= 0) AND ((balance - held) >= min_balance)))
)
WITH (fillfactor='60');

-- comment TABLE account
COMMENT ON TABLE sandbox.account IS 'One account holds one asset; all of an asset sum to zero.';

-- sequence account_id_seq
ALTER TABLE sandbox.account ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME sandbox.account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table capture
CREATE TABLE sandbox.capture (
    id uuid NOT NULL,
    hold_id uuid NOT NULL,
    amount bigint NOT NULL,
    is_final boolean NOT NULL,
    leg_count integer NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT amount_is_positive CHECK ((amount > 0))
);

-- comment TABLE capture
COMMENT ON TABLE sandbox.capture IS 'Each capture of a hold; its transfers are sandbox.leg_id(id, 1) to (id, leg_count).';

-- table checkpoint
CREATE TABLE sandbox.checkpoint (
    account_id bigint NOT NULL,
    era integer NOT NULL,
    upto xid8 NOT NULL,
    balance bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

-- comment TABLE checkpoint
COMMENT ON TABLE sandbox.checkpoint IS 'A summing account''s balance over all transactions of earlier eras and those below upto, none of which was open.';

-- table entry
CREATE TABLE sandbox.entry (
    account_id bigint NOT NULL,
    seq bigint NOT NULL,
    transfer_id uuid NOT NULL,
    amount bigint NOT NULL,
    balance_after bigint NOT NULL,
    at timestamp with time zone NOT NULL
);

-- comment TABLE entry
COMMENT ON TABLE sandbox.entry IS 'The sides of each transfer on balance accounts: seq without gaps per account, balance_after chains.';

-- table hold
CREATE TABLE sandbox.hold (
    id uuid NOT NULL,
    account_id bigint NOT NULL,
    amount bigint NOT NULL,
    captured bigint DEFAULT 0 NOT NULL,
    kind text NOT NULL,
    ref text,
    state sandbox.hold_state DEFAULT 'open'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    closed_at timestamp with time zone,
    CONSTRAINT amount_is_positive CHECK ((amount > 0)),
    CONSTRAINT captured_is_within CHECK (((captured >= 0) AND (captured <= amount))),
    CONSTRAINT closed_has_a_time CHECK ((((state)::text = 'open'::text) = (closed_at IS NULL)))
);

-- comment TABLE hold
COMMENT ON TABLE sandbox.hold IS 'Money set aside; what of an open hold is not captured counts in its account''s `held`. It closes once.';

-- table remainder
CREATE TABLE sandbox.remainder (
    account_id bigint NOT NULL,
    balance bigint NOT NULL,
    entry_count bigint NOT NULL
);

-- comment TABLE remainder
COMMENT ON TABLE sandbox.remainder IS 'What the entries that are gone had added up to, per balance account: with those that are left, its balance. Summing accounts have checkpoints.';

-- table sum_entry
CREATE TABLE sandbox.sum_entry (
    account_id bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    era integer DEFAULT 1 NOT NULL,
    batch uuid NOT NULL,
    amount bigint NOT NULL,
    transfer_count integer NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT sum_has_transfers CHECK ((transfer_count > 0))
);

-- comment TABLE sum_entry
COMMENT ON TABLE sandbox.sum_entry IS 'The sides of transfers on summing accounts; a batch writes one row per account, named by its first transfer.';

-- table transfer
CREATE TABLE sandbox.transfer (
    id uuid NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    era integer DEFAULT 1 NOT NULL,
    at timestamp with time zone NOT NULL,
    effective_at timestamp with time zone NOT NULL,
    from_account bigint NOT NULL,
    to_account bigint NOT NULL,
    from_seq bigint,
    to_seq bigint,
    amount bigint NOT NULL,
    kind text NOT NULL,
    ref text,
    CONSTRAINT amount_moves CHECK (((amount > 0) AND (from_account <> to_account)))
);

-- comment TABLE transfer
COMMENT ON TABLE sandbox.transfer IS 'One movement of `amount` from one account to another; its id makes it happen once. A seq is null on a summing account.';

-- table candle
CREATE TABLE savings.candle (
    day date NOT NULL,
    open_cents bigint NOT NULL,
    high_cents bigint NOT NULL,
    low_cents bigint NOT NULL,
    close_cents bigint NOT NULL,
    is_synthetic boolean NOT NULL,
    kept_at timestamp with time zone NOT NULL,
    CONSTRAINT prices_lie_between_low_and_high CHECK (((low_cents > 0) AND (low_cents <= LEAST(open_cents, close_cents)) AND (high_cents >= GREATEST(open_cents, close_cents))))
);

-- comment TABLE candle
COMMENT ON TABLE savings.candle IS 'What a bitcoin cost on each whole day that the exchange told of. is_synthetic: made up, as the embedded exchange says of its own.';

-- table exchange_carry
CREATE TABLE savings.exchange_carry (
    is_the_one boolean DEFAULT true NOT NULL,
    carried_micros bigint DEFAULT 0 NOT NULL,
    CONSTRAINT carry_is_below_a_cent CHECK (((carried_micros >= '-5000'::integer) AND (carried_micros <= 5000))),
    CONSTRAINT there_is_one CHECK (is_the_one)
);

-- comment TABLE exchange_carry
COMMENT ON TABLE savings.exchange_carry IS 'What the exchange took beyond the whole cents that were booked, in millionths of a dollar. One row.';

-- table exchange_order
CREATE TABLE savings.exchange_order (
    id uuid NOT NULL,
    bookings_id uuid DEFAULT gen_random_uuid() NOT NULL,
    state text DEFAULT 'planned'::text NOT NULL,
    buy_count integer NOT NULL,
    budget_cents bigint NOT NULL,
    fee_cents bigint NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    vendor_ref text,
    last_error text DEFAULT ''::text NOT NULL,
    quantity_sats bigint,
    cost_micros bigint,
    exchange_fee_micros bigint,
    exchange_fee_sats bigint,
    spent_cents bigint,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    first_sent_at timestamp with time zone,
    last_sent_at timestamp with time zone,
    next_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT budget_is_positive CHECK (((budget_cents > 0) AND (fee_cents >= 0) AND (buy_count > 0))),
    CONSTRAINT ended_says_when CHECK (((state = ANY (ARRAY['filled'::text, 'unfilled'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT state_is_known CHECK ((state = ANY (ARRAY['planned'::text, 'submitted'::text, 'open'::text, 'filled'::text, 'unfilled'::text])))
);

-- comment TABLE exchange_order
COMMENT ON TABLE savings.exchange_order IS 'One order at the exchange for many buys; its id is what the exchange is told as ours. budget_cents: what may be spent, its fee included. bookings_id: what the ids of its bookings are made of. Nobody is told it: people choose ids of payments, and could use one up before.';

-- table plan_change
CREATE TABLE savings.plan_change (
    key uuid NOT NULL,
    plan_id uuid NOT NULL,
    person uuid NOT NULL,
    asked jsonb NOT NULL,
    version bigint NOT NULL,
    at timestamp with time zone NOT NULL
);

-- comment TABLE plan_change
COMMENT ON TABLE savings.plan_change IS 'What a person asked of a plan under which key (the plan''s id for its making), so that asking again changes nothing. version: the plan''s, after it.';

-- table price
CREATE TABLE savings.price (
    is_the_one boolean DEFAULT true NOT NULL,
    cents_per_btc bigint NOT NULL,
    high_24h_cents bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT price_is_positive CHECK (((cents_per_btc > 0) AND (high_24h_cents > 0))),
    CONSTRAINT there_is_one CHECK (is_the_one)
);

-- comment TABLE price
COMMENT ON TABLE savings.price IS 'What a bitcoin cost when the exchange was last asked. One row.';

-- table account
CREATE TABLE webhooks.account (
    id uuid NOT NULL
);

-- comment TABLE account
COMMENT ON TABLE webhooks.account IS 'Accounts that have had an endpoint: the row is held while endpoints are counted.';

-- table attempt
CREATE TABLE webhooks.attempt (
    delivery_id uuid NOT NULL,
    number integer NOT NULL,
    began_at timestamp with time zone NOT NULL,
    account_at timestamp with time zone NOT NULL,
    mischief text[] DEFAULT '{}'::text[] NOT NULL,
    outcome text,
    status integer,
    took_ms integer,
    headers jsonb,
    answer text,
    ended_at timestamp with time zone,
    CONSTRAINT answer_is_short CHECK ((octet_length(answer) <= 16384)),
    CONSTRAINT ended_says_how CHECK (((outcome IS NULL) = (ended_at IS NULL))),
    CONSTRAINT outcome_is_known CHECK ((outcome = ANY (ARRAY['accepted'::text, 'refused'::text, 'redirected'::text, 'timed_out'::text, 'unreachable'::text, 'blocked'::text, 'broken'::text, 'lost'::text])))
);

-- comment TABLE attempt
COMMENT ON TABLE webhooks.attempt IS 'One try, noted before it is made. headers: as sent. answer: the beginning of what came back. lost: the worker died; it may have been sent. mischief: what test mode did to it on purpose.';

-- table cursor
CREATE TABLE webhooks.cursor (
    is_only boolean DEFAULT true NOT NULL,
    era integer NOT NULL,
    snapshot pg_snapshot NOT NULL,
    placed bigint DEFAULT 0 NOT NULL,
    CONSTRAINT cursor_is_one_row CHECK (is_only)
);

-- comment TABLE cursor
COMMENT ON TABLE webhooks.cursor IS 'What has been read of charges.event: everything visible in this snapshot. placed: up to which position messages have their deliveries.';

-- table event_kind
CREATE TABLE webhooks.event_kind (
    kind text NOT NULL
);

-- comment TABLE event_kind
COMMENT ON TABLE webhooks.event_kind IS 'What may be asked for by name; an endpoint that asks for * is also told of what is not listed.';

-- sequence message_position_seq
ALTER TABLE webhooks.message ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME webhooks.message_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- default procrastinate_events id
ALTER TABLE ONLY jobs.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('jobs.procrastinate_events_id_seq'::regclass);

-- default procrastinate_jobs id
ALTER TABLE ONLY jobs.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('jobs.procrastinate_jobs_id_seq'::regclass);

-- default procrastinate_periodic_defers id
ALTER TABLE ONLY jobs.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('jobs.procrastinate_periodic_defers_id_seq'::regclass);

-- constraint connection connection_item_id_key
ALTER TABLE ONLY banking.connection
    ADD CONSTRAINT connection_item_id_key UNIQUE (item_id);

-- constraint connection connection_pkey
ALTER TABLE ONLY banking.connection
    ADD CONSTRAINT connection_pkey PRIMARY KEY (id);

-- constraint customer customer_pkey
ALTER TABLE ONLY banking.customer
    ADD CONSTRAINT customer_pkey PRIMARY KEY (person);

-- constraint customer customer_vendor_id_key
ALTER TABLE ONLY banking.customer
    ADD CONSTRAINT customer_vendor_id_key UNIQUE (vendor_id);

-- constraint debt debt_load_id_key
ALTER TABLE ONLY banking.debt
    ADD CONSTRAINT debt_load_id_key UNIQUE (load_id);

-- constraint debt debt_pkey
ALTER TABLE ONLY banking.debt
    ADD CONSTRAINT debt_pkey PRIMARY KEY (id);

-- constraint default_source default_source_pkey
ALTER TABLE ONLY banking.default_source
    ADD CONSTRAINT default_source_pkey PRIMARY KEY (person);

-- constraint external_reconciliation external_reconciliation_pkey
ALTER TABLE ONLY banking.external_reconciliation
    ADD CONSTRAINT external_reconciliation_pkey PRIMARY KEY (n);

-- constraint hold_policy hold_policy_pkey
ALTER TABLE ONLY banking.hold_policy
    ADD CONSTRAINT hold_policy_pkey PRIMARY KEY (id);

-- constraint holder_check holder_check_pkey
ALTER TABLE ONLY banking.holder_check
    ADD CONSTRAINT holder_check_pkey PRIMARY KEY (id);

-- constraint link link_pkey
ALTER TABLE ONLY banking.link
    ADD CONSTRAINT link_pkey PRIMARY KEY (id);

-- constraint link link_token_hash_key
ALTER TABLE ONLY banking.link
    ADD CONSTRAINT link_token_hash_key UNIQUE (token_hash);

-- constraint load load_pkey
ALTER TABLE ONLY banking.load
    ADD CONSTRAINT load_pkey PRIMARY KEY (id);

-- constraint load load_reference_key
ALTER TABLE ONLY banking.load
    ADD CONSTRAINT load_reference_key UNIQUE (reference);

-- constraint provider_operation provider_operation_idempotency_key_key
ALTER TABLE ONLY banking.provider_operation
    ADD CONSTRAINT provider_operation_idempotency_key_key UNIQUE (idempotency_key);

-- constraint provider_operation provider_operation_pkey
ALTER TABLE ONLY banking.provider_operation
    ADD CONSTRAINT provider_operation_pkey PRIMARY KEY (id);

-- constraint provider_operation provider_operation_vendor_ref_key
ALTER TABLE ONLY banking.provider_operation
    ADD CONSTRAINT provider_operation_vendor_ref_key UNIQUE (vendor_ref);

-- constraint redemption redemption_hold_id_key
ALTER TABLE ONLY banking.redemption
    ADD CONSTRAINT redemption_hold_id_key UNIQUE (hold_id);

-- constraint redemption redemption_pkey
ALTER TABLE ONLY banking.redemption
    ADD CONSTRAINT redemption_pkey PRIMARY KEY (id);

-- constraint redemption redemption_reference_key
ALTER TABLE ONLY banking.redemption
    ADD CONSTRAINT redemption_reference_key UNIQUE (reference);

-- constraint repayment repaid_once_per_cause
ALTER TABLE ONLY banking.repayment
    ADD CONSTRAINT repaid_once_per_cause UNIQUE (debt_id, cause, cause_id);

-- constraint repayment repayment_pkey
ALTER TABLE ONLY banking.repayment
    ADD CONSTRAINT repayment_pkey PRIMARY KEY (id);

-- constraint reserve_confirmation reserve_confirmation_pkey
ALTER TABLE ONLY banking.reserve_confirmation
    ADD CONSTRAINT reserve_confirmation_pkey PRIMARY KEY (n);

-- constraint source source_pkey
ALTER TABLE ONLY banking.source
    ADD CONSTRAINT source_pkey PRIMARY KEY (id);

-- constraint source source_vendor_id_key
ALTER TABLE ONLY banking.source
    ADD CONSTRAINT source_vendor_id_key UNIQUE (vendor_id);

-- constraint vendor_environment vendor_environment_pkey
ALTER TABLE ONLY banking.vendor_environment
    ADD CONSTRAINT vendor_environment_pkey PRIMARY KEY (id);

-- constraint vendor_event vendor_event_pkey
ALTER TABLE ONLY banking.vendor_event
    ADD CONSTRAINT vendor_event_pkey PRIMARY KEY (id);

-- constraint case case_pkey
ALTER TABLE ONLY cases."case"
    ADD CONSTRAINT case_pkey PRIMARY KEY (id);

-- constraint account_clock account_clock_pkey
ALTER TABLE ONLY charges.account_clock
    ADD CONSTRAINT account_clock_pkey PRIMARY KEY (account_id);

-- constraint capture capture_pkey
ALTER TABLE ONLY charges.capture
    ADD CONSTRAINT capture_pkey PRIMARY KEY (account_id, id);

-- constraint charge charge_pkey
ALTER TABLE ONLY charges.charge
    ADD CONSTRAINT charge_pkey PRIMARY KEY (account_id, id);

-- constraint currency currency_asset_key
ALTER TABLE ONLY charges.currency
    ADD CONSTRAINT currency_asset_key UNIQUE (asset);

-- constraint currency currency_pkey
ALTER TABLE ONLY charges.currency
    ADD CONSTRAINT currency_pkey PRIMARY KEY (code);

-- constraint dispute dispute_pkey
ALTER TABLE ONLY charges.dispute
    ADD CONSTRAINT dispute_pkey PRIMARY KEY (account_id, id);

-- constraint event event_pkey
ALTER TABLE ONLY charges.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

-- constraint operation operation_pkey
ALTER TABLE ONLY charges.operation
    ADD CONSTRAINT operation_pkey PRIMARY KEY (account_id, id);

-- constraint portion portion_pkey
ALTER TABLE ONLY charges.portion
    ADD CONSTRAINT portion_pkey PRIMARY KEY (account_id, source_id, n);

-- constraint refund refund_pkey
ALTER TABLE ONLY charges.refund
    ADD CONSTRAINT refund_pkey PRIMARY KEY (account_id, id);

-- constraint settlement settlement_pkey
ALTER TABLE ONLY charges.settlement
    ADD CONSTRAINT settlement_pkey PRIMARY KEY (account_id, id);

-- constraint test_amount test_amount_pkey
ALTER TABLE ONLY charges.test_amount
    ADD CONSTRAINT test_amount_pkey PRIMARY KEY (amount_minor);

-- constraint test_card test_card_pkey
ALTER TABLE ONLY charges.test_card
    ADD CONSTRAINT test_card_pkey PRIMARY KEY (name);

-- constraint account account_owner_key
ALTER TABLE ONLY developers.account
    ADD CONSTRAINT account_owner_key UNIQUE (owner);

-- constraint account account_pkey
ALTER TABLE ONLY developers.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

-- constraint api_key api_key_pkey
ALTER TABLE ONLY developers.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);

-- constraint idempotency idempotency_pkey
ALTER TABLE ONLY developers.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (account_id, mode, key);

-- constraint key_use key_use_pkey
ALTER TABLE ONLY developers.key_use
    ADD CONSTRAINT key_use_pkey PRIMARY KEY (key_id);

-- constraint event event_pkey
ALTER TABLE ONLY events.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

-- constraint event_position event_position_event_id_key
ALTER TABLE ONLY events.event_position
    ADD CONSTRAINT event_position_event_id_key UNIQUE (event_id);

-- constraint event_position event_position_pkey
ALTER TABLE ONLY events.event_position
    ADD CONSTRAINT event_position_pkey PRIMARY KEY ("position");

-- constraint mark mark_pkey
ALTER TABLE ONLY events.mark
    ADD CONSTRAINT mark_pkey PRIMARY KEY (consumer);

-- constraint relay_cursor relay_cursor_pkey
ALTER TABLE ONLY events.relay_cursor
    ADD CONSTRAINT relay_cursor_pkey PRIMARY KEY (is_only);

-- constraint attempt_limit attempt_limit_pkey
ALTER TABLE ONLY identity.attempt_limit
    ADD CONSTRAINT attempt_limit_pkey PRIMARY KEY (kind);

-- constraint attempt attempt_pkey
ALTER TABLE ONLY identity.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (kind, subject);

-- constraint known_address known_address_pkey
ALTER TABLE ONLY identity.known_address
    ADD CONSTRAINT known_address_pkey PRIMARY KEY (pair);

-- constraint privacy privacy_pkey
ALTER TABLE ONLY identity.privacy
    ADD CONSTRAINT privacy_pkey PRIMARY KEY (person);

-- constraint queued_text queued_text_pkey
ALTER TABLE ONLY identity.queued_text
    ADD CONSTRAINT queued_text_pkey PRIMARY KEY (webhook_id);

-- constraint reserved_handle reserved_handle_pkey
ALTER TABLE ONLY identity.reserved_handle
    ADD CONSTRAINT reserved_handle_pkey PRIMARY KEY (skeleton);

-- constraint text_announcement text_announcement_pkey
ALTER TABLE ONLY identity.text_announcement
    ADD CONSTRAINT text_announcement_pkey PRIMARY KEY (id);

-- constraint text_delivery text_delivery_pkey
ALTER TABLE ONLY identity.text_delivery
    ADD CONSTRAINT text_delivery_pkey PRIMARY KEY (webhook_id);

-- constraint web_session web_session_pkey
ALTER TABLE ONLY identity.web_session
    ADD CONSTRAINT web_session_pkey PRIMARY KEY (id);

-- constraint due_work due_work_pkey
ALTER TABLE ONLY jobs.due_work
    ADD CONSTRAINT due_work_pkey PRIMARY KEY (queue, subject, due_at);

-- constraint procrastinate_events procrastinate_events_pkey
ALTER TABLE ONLY jobs.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);

-- constraint procrastinate_jobs procrastinate_jobs_pkey
ALTER TABLE ONLY jobs.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);

-- constraint procrastinate_periodic_defers procrastinate_periodic_defers_pkey
ALTER TABLE ONLY jobs.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);

-- constraint procrastinate_periodic_defers procrastinate_periodic_defers_unique
ALTER TABLE ONLY jobs.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);

-- constraint procrastinate_workers procrastinate_workers_pkey
ALTER TABLE ONLY jobs.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);

-- constraint stall stall_pkey
ALTER TABLE ONLY jobs.stall
    ADD CONSTRAINT stall_pkey PRIMARY KEY (job_id);

-- constraint tick tick_pkey
ALTER TABLE ONLY jobs.tick
    ADD CONSTRAINT tick_pkey PRIMARY KEY (what, due_at);

-- constraint account account_pkey
ALTER TABLE ONLY ledger.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

-- constraint capture capture_pkey
ALTER TABLE ONLY ledger.capture
    ADD CONSTRAINT capture_pkey PRIMARY KEY (id);

-- constraint checkpoint checkpoint_pkey
ALTER TABLE ONLY ledger.checkpoint
    ADD CONSTRAINT checkpoint_pkey PRIMARY KEY (account_id, era, upto);

-- constraint chunk chunk_pkey
ALTER TABLE ONLY ledger.chunk
    ADD CONSTRAINT chunk_pkey PRIMARY KEY (id);

-- constraint entry entry_pkey
ALTER TABLE ONLY ledger.entry
    ADD CONSTRAINT entry_pkey PRIMARY KEY (account_id, seq);

-- constraint hold hold_pkey
ALTER TABLE ONLY ledger.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (id);

-- constraint reconciliation reconciliation_pkey
ALTER TABLE ONLY ledger.reconciliation
    ADD CONSTRAINT reconciliation_pkey PRIMARY KEY (n);

-- constraint sum_entry sum_entry_pkey
ALTER TABLE ONLY ledger.sum_entry
    ADD CONSTRAINT sum_entry_pkey PRIMARY KEY (account_id, xid, batch);

-- constraint transfer transfer_pkey
ALTER TABLE ONLY ledger.transfer
    ADD CONSTRAINT transfer_pkey PRIMARY KEY (id);

-- constraint delivery delivery_pkey
ALTER TABLE ONLY notifications.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (id);

-- constraint device device_endpoint_key
ALTER TABLE ONLY notifications.device
    ADD CONSTRAINT device_endpoint_key UNIQUE (endpoint);

-- constraint device device_pkey
ALTER TABLE ONLY notifications.device
    ADD CONSTRAINT device_pkey PRIMARY KEY (id);

-- constraint kind kind_pkey
ALTER TABLE ONLY notifications.kind
    ADD CONSTRAINT kind_pkey PRIMARY KEY (kind);

-- constraint preference preference_pkey
ALTER TABLE ONLY notifications.preference
    ADD CONSTRAINT preference_pkey PRIMARY KEY (person, kind, channel);

-- constraint reminder reminder_buy_id_key
ALTER TABLE ONLY notifications.reminder
    ADD CONSTRAINT reminder_buy_id_key UNIQUE (buy_id);

-- constraint reminder reminder_pkey
ALTER TABLE ONLY notifications.reminder
    ADD CONSTRAINT reminder_pkey PRIMARY KEY (id);

-- constraint setting setting_pkey
ALTER TABLE ONLY notifications.setting
    ADD CONSTRAINT setting_pkey PRIMARY KEY (person);

-- constraint delivery told_once_by_each_channel
ALTER TABLE ONLY notifications.delivery
    ADD CONSTRAINT told_once_by_each_channel UNIQUE (event_id, channel);

-- constraint node node_pkey
ALTER TABLE ONLY proof.node
    ADD CONSTRAINT node_pkey PRIMARY KEY (level, index);

-- constraint salt_key salt_key_pkey
ALTER TABLE ONLY proof.salt_key
    ADD CONSTRAINT salt_key_pkey PRIMARY KEY (is_only);

-- constraint seal seal_pkey
ALTER TABLE ONLY proof.seal
    ADD CONSTRAINT seal_pkey PRIMARY KEY (n);

-- constraint provider_health provider_health_id_key
ALTER TABLE ONLY providers.provider_health
    ADD CONSTRAINT provider_health_id_key UNIQUE (id);

-- constraint provider_health provider_health_pkey
ALTER TABLE ONLY providers.provider_health
    ADD CONSTRAINT provider_health_pkey PRIMARY KEY (vendor);

-- constraint payments payments_pkey
ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);

-- constraint profiles profiles_pkey
ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (id);

-- constraint rule rule_pkey
ALTER TABLE ONLY retention.rule
    ADD CONSTRAINT rule_pkey PRIMARY KEY (name);

-- constraint account_case account_case_case_id_key
ALTER TABLE ONLY risk.account_case
    ADD CONSTRAINT account_case_case_id_key UNIQUE (case_id);

-- constraint account_case account_case_case_reference_key
ALTER TABLE ONLY risk.account_case
    ADD CONSTRAINT account_case_case_reference_key UNIQUE (case_reference);

-- constraint account_case account_case_pkey
ALTER TABLE ONLY risk.account_case
    ADD CONSTRAINT account_case_pkey PRIMARY KEY (id);

-- constraint limit_in_force limit_in_force_pkey
ALTER TABLE ONLY risk.limit_in_force
    ADD CONSTRAINT limit_in_force_pkey PRIMARY KEY (one_row);

-- constraint limit_name limit_name_pkey
ALTER TABLE ONLY risk.limit_name
    ADD CONSTRAINT limit_name_pkey PRIMARY KEY (name);

-- constraint limit_value limit_value_pkey
ALTER TABLE ONLY risk.limit_value
    ADD CONSTRAINT limit_value_pkey PRIMARY KEY (id);

-- constraint account account_pkey
ALTER TABLE ONLY sandbox.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

-- constraint capture capture_pkey
ALTER TABLE ONLY sandbox.capture
    ADD CONSTRAINT capture_pkey PRIMARY KEY (id);

-- constraint checkpoint checkpoint_pkey
ALTER TABLE ONLY sandbox.checkpoint
    ADD CONSTRAINT checkpoint_pkey PRIMARY KEY (account_id, era, upto);

-- constraint entry entry_pkey
ALTER TABLE ONLY sandbox.entry
    ADD CONSTRAINT entry_pkey PRIMARY KEY (account_id, seq);

-- constraint hold hold_pkey
ALTER TABLE ONLY sandbox.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (id);

-- constraint remainder remainder_pkey
ALTER TABLE ONLY sandbox.remainder
    ADD CONSTRAINT remainder_pkey PRIMARY KEY (account_id);

-- constraint sum_entry sum_entry_pkey
ALTER TABLE ONLY sandbox.sum_entry
    ADD CONSTRAINT sum_entry_pkey PRIMARY KEY (account_id, xid, batch);

-- constraint transfer transfer_pkey
ALTER TABLE ONLY sandbox.transfer
    ADD CONSTRAINT transfer_pkey PRIMARY KEY (id);

-- constraint buy buy_pkey
ALTER TABLE ONLY savings.buy
    ADD CONSTRAINT buy_pkey PRIMARY KEY (id);

-- constraint candle candle_pkey
ALTER TABLE ONLY savings.candle
    ADD CONSTRAINT candle_pkey PRIMARY KEY (day);

-- constraint exchange_carry exchange_carry_pkey
ALTER TABLE ONLY savings.exchange_carry
    ADD CONSTRAINT exchange_carry_pkey PRIMARY KEY (is_the_one);

-- constraint exchange_order exchange_order_pkey
ALTER TABLE ONLY savings.exchange_order
    ADD CONSTRAINT exchange_order_pkey PRIMARY KEY (id);

-- constraint exchange_order exchange_order_vendor_ref_key
ALTER TABLE ONLY savings.exchange_order
    ADD CONSTRAINT exchange_order_vendor_ref_key UNIQUE (vendor_ref);

-- constraint plan_change plan_change_pkey
ALTER TABLE ONLY savings.plan_change
    ADD CONSTRAINT plan_change_pkey PRIMARY KEY (key);

-- constraint plan plan_pkey
ALTER TABLE ONLY savings.plan
    ADD CONSTRAINT plan_pkey PRIMARY KEY (id);

-- constraint price price_pkey
ALTER TABLE ONLY savings.price
    ADD CONSTRAINT price_pkey PRIMARY KEY (is_the_one);

-- constraint withdrawal_address withdrawal_address_pkey
ALTER TABLE ONLY savings.withdrawal_address
    ADD CONSTRAINT withdrawal_address_pkey PRIMARY KEY (id);

-- constraint withdrawal withdrawal_pkey
ALTER TABLE ONLY savings.withdrawal
    ADD CONSTRAINT withdrawal_pkey PRIMARY KEY (id);

-- constraint withdrawal withdrawal_vendor_ref_key
ALTER TABLE ONLY savings.withdrawal
    ADD CONSTRAINT withdrawal_vendor_ref_key UNIQUE (vendor_ref);

-- constraint account account_pkey
ALTER TABLE ONLY webhooks.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

-- constraint attempt attempt_pkey
ALTER TABLE ONLY webhooks.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (delivery_id, number);

-- constraint cursor cursor_pkey
ALTER TABLE ONLY webhooks.cursor
    ADD CONSTRAINT cursor_pkey PRIMARY KEY (is_only);

-- constraint delivery delivery_pkey
ALTER TABLE ONLY webhooks.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (id);

-- constraint endpoint endpoint_pkey
ALTER TABLE ONLY webhooks.endpoint
    ADD CONSTRAINT endpoint_pkey PRIMARY KEY (id);

-- constraint event_kind event_kind_pkey
ALTER TABLE ONLY webhooks.event_kind
    ADD CONSTRAINT event_kind_pkey PRIMARY KEY (kind);

-- constraint message message_pkey
ALTER TABLE ONLY webhooks.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (id);

-- constraint message message_position_key
ALTER TABLE ONLY webhooks.message
    ADD CONSTRAINT message_position_key UNIQUE ("position");

-- constraint delivery told_once_at_each_endpoint
ALTER TABLE ONLY webhooks.delivery
    ADD CONSTRAINT told_once_at_each_endpoint UNIQUE (endpoint_id, message_id);

-- index connection_by_source
CREATE INDEX connection_by_source ON banking.connection USING btree (source_id);

-- index debt_open
CREATE INDEX debt_open ON banking.debt USING btree (person, opened_at, id) WHERE (closed_at IS NULL);

-- index holder_check_newest
CREATE INDEX holder_check_newest ON banking.holder_check USING btree (source_id, id DESC);

-- index link_by_person
CREATE INDEX link_by_person ON banking.link USING btree (person, created_at);

-- index link_open
CREATE INDEX link_open ON banking.link USING btree (next_at) WHERE (state = ANY (ARRAY['starting'::text, 'open'::text, 'exchanging'::text, 'exchanged'::text]));

-- index load_by_person
CREATE INDEX load_by_person ON banking.load USING btree (person, created_at DESC, id DESC);

-- index operation_open
CREATE INDEX operation_open ON banking.provider_operation USING btree (next_at) WHERE (state = ANY (ARRAY['queued'::text, 'submitted'::text, 'pending'::text, 'settled'::text]));

-- index redemption_by_person
CREATE INDEX redemption_by_person ON banking.redemption USING btree (person, created_at DESC, id DESC);

-- index repayment_by_cause
CREATE INDEX repayment_by_cause ON banking.repayment USING btree (cause_id);

-- index source_by_person
CREATE INDEX source_by_person ON banking.source USING btree (person, created_at);

-- index case_by_subject
CREATE INDEX case_by_subject ON cases."case" USING btree (subject, kind);

-- index case_by_time
CREATE INDEX case_by_time ON cases."case" USING btree (opened_at DESC);

-- index case_open_once
CREATE UNIQUE INDEX case_open_once ON cases."case" USING btree (kind, subject) WHERE (state = 'open'::text);

-- index capture_by_charge
CREATE INDEX capture_by_charge ON charges.capture USING btree (account_id, charge_id);

-- index capture_unsettled
CREATE INDEX capture_unsettled ON charges.capture USING btree (account_id, settles_at, id) WHERE (settled_at IS NULL);

-- index charge_by_card
CREATE INDEX charge_by_card ON charges.charge USING btree (account_id, card_id, id);

-- index charge_open
CREATE INDEX charge_open ON charges.charge USING btree (account_id, open_until, id) WHERE (open_until IS NOT NULL);

-- index dispute_by_charge
CREATE INDEX dispute_by_charge ON charges.dispute USING btree (account_id, charge_id);

-- index dispute_due
CREATE INDEX dispute_due ON charges.dispute USING btree (account_id, due_at, id) WHERE (due_at IS NOT NULL);

-- index event_by_era
CREATE INDEX event_by_era ON charges.event USING btree (era, xid);

-- index event_by_transaction
CREATE INDEX event_by_transaction ON charges.event USING btree (xid);

-- index refund_by_charge
CREATE INDEX refund_by_charge ON charges.refund USING btree (account_id, charge_id);

-- index refund_due
CREATE INDEX refund_due ON charges.refund USING btree (account_id, due_at, id) WHERE (due_at IS NOT NULL);

-- index api_key_by_account
CREATE INDEX api_key_by_account ON developers.api_key USING btree (account_id, created_at DESC);

-- index api_key_secret_unique
CREATE UNIQUE INDEX api_key_secret_unique ON developers.api_key USING btree (secret_hash);

-- index idempotency_by_age
CREATE INDEX idempotency_by_age ON developers.idempotency USING btree (created_at);

-- index event_by_subject
CREATE INDEX event_by_subject ON events.event USING btree (subject, id);

-- index event_by_transaction
CREATE INDEX event_by_transaction ON events.event USING btree (era, xid, id);

-- index attempt_by_end
CREATE INDEX attempt_by_end ON identity.attempt USING btree (until);

-- index known_address_by_age
CREATE INDEX known_address_by_age ON identity.known_address USING btree (used_at);

-- index phone_lookup_recent
CREATE INDEX phone_lookup_recent ON identity.phone_lookup USING btree (person, at);

-- index text_announcement_by_age
CREATE INDEX text_announcement_by_age ON identity.text_announcement USING btree (announced_at);

-- index text_announcement_by_phone
CREATE INDEX text_announcement_by_phone ON identity.text_announcement USING btree (phone);

-- index text_delivery_by_age
CREATE INDEX text_delivery_by_age ON identity.text_delivery USING btree (claimed_at);

-- index web_session_by_user
CREATE INDEX web_session_by_user ON identity.web_session USING btree (user_id, created_at DESC);

-- index web_session_secret_unique
CREATE UNIQUE INDEX web_session_secret_unique ON identity.web_session USING btree (secret_hash);

-- index due_work_waiting
CREATE INDEX due_work_waiting ON jobs.due_work USING btree (queue, due_at) WHERE (done_at IS NULL);

-- index idx_procrastinate_jobs_worker_not_null
CREATE INDEX idx_procrastinate_jobs_worker_not_null ON jobs.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::jobs.procrastinate_job_status));

-- index idx_procrastinate_workers_last_heartbeat
CREATE INDEX idx_procrastinate_workers_last_heartbeat ON jobs.procrastinate_workers USING btree (last_heartbeat);

-- index job_in_order
CREATE INDEX job_in_order ON jobs.procrastinate_jobs USING btree (lock, id) WHERE ((status = ANY (ARRAY['todo'::jobs.procrastinate_job_status, 'doing'::jobs.procrastinate_job_status])) AND (lock IS NOT NULL));

-- index procrastinate_events_job_id_fkey_v1
CREATE INDEX procrastinate_events_job_id_fkey_v1 ON jobs.procrastinate_events USING btree (job_id);

-- index procrastinate_jobs_id_lock_idx_v1
CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON jobs.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::jobs.procrastinate_job_status, 'doing'::jobs.procrastinate_job_status]));

-- index procrastinate_jobs_lock_idx_v1
CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON jobs.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::jobs.procrastinate_job_status);

-- index procrastinate_jobs_priority_idx_v1
CREATE INDEX procrastinate_jobs_priority_idx_v1 ON jobs.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::jobs.procrastinate_job_status);

-- index procrastinate_jobs_queue_name_idx_v1
CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON jobs.procrastinate_jobs USING btree (queue_name);

-- index procrastinate_jobs_queueing_lock_idx_v1
CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON jobs.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::jobs.procrastinate_job_status);

-- index procrastinate_periodic_defers_job_id_fkey_v1
CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON jobs.procrastinate_periodic_defers USING btree (job_id);

-- index tick_by_due_at
CREATE INDEX tick_by_due_at ON jobs.tick USING btree (due_at);

-- index account_one_of_each_owned_kind
CREATE UNIQUE INDEX account_one_of_each_owned_kind ON ledger.account USING btree (owner, asset, kind) WHERE (owner IS NOT NULL);

-- index account_one_of_each_system_kind
CREATE UNIQUE INDEX account_one_of_each_system_kind ON ledger.account USING btree (kind, asset) WHERE (owner IS NULL);

-- index capture_by_hold
CREATE INDEX capture_by_hold ON ledger.capture USING btree (hold_id);

-- index entry_at
CREATE INDEX entry_at ON ledger.entry USING brin (at);

-- index hold_open_by_account
CREATE INDEX hold_open_by_account ON ledger.hold USING btree (account_id) WHERE (state = 'open'::text);

-- index hold_open_by_expiry
CREATE INDEX hold_open_by_expiry ON ledger.hold USING btree (expires_at) WHERE ((state = 'open'::text) AND (expires_at IS NOT NULL));

-- index transfer_by_transaction
CREATE INDEX transfer_by_transaction ON ledger.transfer USING btree (xid);

-- index delivery_begun
CREATE INDEX delivery_begun ON notifications.delivery USING btree (began_at) WHERE (state = 'sending'::text);

-- index delivery_of_person
CREATE INDEX delivery_of_person ON notifications.delivery USING btree (person, created_at DESC, id DESC);

-- index delivery_put_off
CREATE INDEX delivery_put_off ON notifications.delivery USING btree (due_at) WHERE ((state = 'waiting'::text) AND (reason = 'quiet_hours'::text));

-- index device_of_person
CREATE INDEX device_of_person ON notifications.device USING btree (person);

-- index preference_for_reminders
CREATE INDEX preference_for_reminders ON notifications.preference USING btree (person) WHERE (((kind)::text = 'reminder.came'::text) AND is_wanted);

-- index seal_by_transactions
CREATE UNIQUE INDEX seal_by_transactions ON proof.seal USING btree (era, xid_upto);

-- index payments_by_recipient
CREATE INDEX payments_by_recipient ON public.payments USING btree (recipient_id, created_at DESC);

-- index payments_by_sender
CREATE INDEX payments_by_sender ON public.payments USING btree (sender_id, created_at DESC);

-- index payments_public_newest
CREATE INDEX payments_public_newest ON public.payments USING btree (created_at DESC, id DESC) WHERE is_public;

-- index profiles_handle_unique
CREATE UNIQUE INDEX profiles_handle_unique ON public.profiles USING btree (handle);

-- index profiles_look_alikes_unique
CREATE UNIQUE INDEX profiles_look_alikes_unique ON public.profiles USING btree (identity.skeleton(handle));

-- index account_case_open_once
CREATE UNIQUE INDEX account_case_open_once ON risk.account_case USING btree (person, state, reason, subject) NULLS NOT DISTINCT WHERE (lifted_at IS NULL);

-- index limit_value_newest
CREATE INDEX limit_value_newest ON risk.limit_value USING btree (name, id DESC);

-- index account_one_of_each_owned_kind
CREATE UNIQUE INDEX account_one_of_each_owned_kind ON sandbox.account USING btree (owner, asset, kind) WHERE (owner IS NOT NULL);

-- index capture_by_hold
CREATE INDEX capture_by_hold ON sandbox.capture USING btree (hold_id);

-- index address_by_text
CREATE INDEX address_by_text ON savings.withdrawal_address USING btree (address) WHERE (state = 'active'::text);

-- index address_of_person
CREATE INDEX address_of_person ON savings.withdrawal_address USING btree (person, created_at);

-- index address_once_for_a_person
CREATE UNIQUE INDEX address_once_for_a_person ON savings.withdrawal_address USING btree (person, address) WHERE (state = 'active'::text);

-- index buy_by_person
CREATE INDEX buy_by_person ON savings.buy USING btree (person) WHERE (state = ANY (ARRAY['collected'::text, 'bought'::text]));

-- index buy_due
CREATE INDEX buy_due ON savings.buy USING btree (due_at) WHERE (state = 'scheduled'::text);

-- index buy_of_order
CREATE INDEX buy_of_order ON savings.buy USING btree (order_id) WHERE (order_id IS NOT NULL);

-- index buy_of_plan
CREATE INDEX buy_of_plan ON savings.buy USING btree (plan_id, due_at);

-- index buy_once_at_its_time
CREATE UNIQUE INDEX buy_once_at_its_time ON savings.buy USING btree (plan_id, due_at) WHERE (state <> 'canceled'::text);

-- index exchange_order_open
CREATE INDEX exchange_order_open ON savings.exchange_order USING btree (next_at) WHERE (ended_at IS NULL);

-- index one_withdrawal_at_a_time
CREATE UNIQUE INDEX one_withdrawal_at_a_time ON savings.withdrawal USING btree (address) WHERE (state = 'submitted'::text);

-- index plan_by_person
CREATE INDEX plan_by_person ON savings.plan USING btree (person, created_at);

-- index plan_by_source
CREATE INDEX plan_by_source ON savings.plan USING btree (source_id) WHERE ((source_id IS NOT NULL) AND (state = 'active'::text));

-- index plan_change_by_plan
CREATE INDEX plan_change_by_plan ON savings.plan_change USING btree (plan_id);

-- index plan_to_schedule
CREATE INDEX plan_to_schedule ON savings.plan USING btree (schedule_at) WHERE ((state = 'active'::text) AND (schedule_at IS NOT NULL));

-- index withdrawal_by_address
CREATE INDEX withdrawal_by_address ON savings.withdrawal USING btree (address);

-- index withdrawal_by_person
CREATE INDEX withdrawal_by_person ON savings.withdrawal USING btree (person, created_at DESC, id DESC);

-- index withdrawal_open
CREATE INDEX withdrawal_open ON savings.withdrawal USING btree (next_at) WHERE (ended_at IS NULL);

-- index delivery_behind
CREATE INDEX delivery_behind ON webhooks.delivery USING btree (endpoint_id, ordering_key, "position") WHERE (state = 'behind'::text);

-- index delivery_due
CREATE INDEX delivery_due ON webhooks.delivery USING btree (endpoint_id, due_at, "position") WHERE (state = 'waiting'::text);

-- index delivery_lost
CREATE INDEX delivery_lost ON webhooks.delivery USING btree (lost_at) WHERE (state = 'sending'::text);

-- index delivery_of_endpoint
CREATE INDEX delivery_of_endpoint ON webhooks.delivery USING btree (endpoint_id, created_at DESC, id DESC);

-- index delivery_of_message
CREATE INDEX delivery_of_message ON webhooks.delivery USING btree (message_id);

-- index delivery_sending
CREATE INDEX delivery_sending ON webhooks.delivery USING btree (endpoint_id, lost_at) WHERE (state = 'sending'::text);

-- index endpoint_of_account
CREATE INDEX endpoint_of_account ON webhooks.endpoint USING btree (account_id, created_at) WHERE (state <> 'removed'::text);

-- index endpoint_removed
CREATE INDEX endpoint_removed ON webhooks.endpoint USING btree (changed_at) WHERE (state = 'removed'::text);

-- index endpoint_with_work
CREATE INDEX endpoint_with_work ON webhooks.endpoint USING btree (claimed_at NULLS FIRST) WHERE ((next_due_at IS NOT NULL) AND (state = 'enabled'::text));

-- index message_by_age
CREATE INDEX message_by_age ON webhooks.message USING btree (created_at);

-- index message_for_one
CREATE INDEX message_for_one ON webhooks.message USING btree (endpoint_id) WHERE (endpoint_id IS NOT NULL);

-- index one_under_way_for_each_charge
CREATE UNIQUE INDEX one_under_way_for_each_charge ON webhooks.delivery USING btree (endpoint_id, ordering_key) WHERE (state = ANY (ARRAY['waiting'::text, 'sending'::text]));

-- trigger debt debt_is_never_deleted
CREATE TRIGGER debt_is_never_deleted BEFORE DELETE ON banking.debt FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger debt debt_is_never_truncated
CREATE TRIGGER debt_is_never_truncated BEFORE TRUNCATE ON banking.debt FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger debt debt_moves_forward
CREATE TRIGGER debt_moves_forward BEFORE UPDATE ON banking.debt FOR EACH ROW EXECUTE FUNCTION banking.debt_moves_forward();

-- trigger external_reconciliation external_reconciliation_is_append_only
CREATE TRIGGER external_reconciliation_is_append_only BEFORE DELETE OR UPDATE ON banking.external_reconciliation FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger external_reconciliation external_reconciliation_is_never_truncated
CREATE TRIGGER external_reconciliation_is_never_truncated BEFORE TRUNCATE ON banking.external_reconciliation FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger hold_policy hold_policy_is_append_only
CREATE TRIGGER hold_policy_is_append_only BEFORE DELETE OR UPDATE ON banking.hold_policy FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger holder_check holder_check_is_append_only
CREATE TRIGGER holder_check_is_append_only BEFORE DELETE OR UPDATE ON banking.holder_check FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger source removed_bank_ends_its_connections
CREATE TRIGGER removed_bank_ends_its_connections AFTER UPDATE OF state ON banking.source FOR EACH ROW WHEN (((new.state = 'removed'::text) AND (old.state <> 'removed'::text))) EXECUTE FUNCTION banking.end_connections();

-- trigger source removed_bank_pauses_its_plans
CREATE TRIGGER removed_bank_pauses_its_plans AFTER UPDATE OF state ON banking.source FOR EACH ROW WHEN (((new.state = 'removed'::text) AND (old.state <> 'removed'::text))) EXECUTE FUNCTION savings.pause_without_bank();

-- trigger repayment repayment_is_append_only
CREATE TRIGGER repayment_is_append_only BEFORE DELETE OR UPDATE ON banking.repayment FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger repayment repayment_is_never_truncated
CREATE TRIGGER repayment_is_never_truncated BEFORE TRUNCATE ON banking.repayment FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger reserve_confirmation reserve_confirmation_is_append_only
CREATE TRIGGER reserve_confirmation_is_append_only BEFORE DELETE OR UPDATE ON banking.reserve_confirmation FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger reserve_confirmation reserve_confirmation_is_never_truncated
CREATE TRIGGER reserve_confirmation_is_never_truncated BEFORE TRUNCATE ON banking.reserve_confirmation FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger vendor_environment vendor_environment_is_append_only
CREATE TRIGGER vendor_environment_is_append_only BEFORE DELETE OR UPDATE ON banking.vendor_environment FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger case case_is_never_deleted
CREATE TRIGGER case_is_never_deleted BEFORE DELETE ON cases."case" FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger case case_is_never_truncated
CREATE TRIGGER case_is_never_truncated BEFORE TRUNCATE ON cases."case" FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger case case_moves_forward
CREATE TRIGGER case_moves_forward BEFORE UPDATE ON cases."case" FOR EACH ROW EXECUTE FUNCTION cases.case_moves_forward();

-- trigger event event_is_append_only
CREATE TRIGGER event_is_append_only BEFORE DELETE OR UPDATE ON charges.event FOR EACH ROW EXECUTE FUNCTION charges.append_only();

-- trigger event event_is_never_truncated
CREATE TRIGGER event_is_never_truncated BEFORE TRUNCATE ON charges.event FOR EACH STATEMENT EXECUTE FUNCTION charges.append_only();

-- trigger relay_cursor era_opens_for_webhooks
CREATE TRIGGER era_opens_for_webhooks AFTER UPDATE OF era ON events.relay_cursor FOR EACH ROW WHEN ((old.era IS DISTINCT FROM new.era)) EXECUTE FUNCTION webhooks.open_era();

-- trigger event event_is_append_only
CREATE TRIGGER event_is_append_only BEFORE DELETE OR UPDATE ON events.event FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger event event_is_never_truncated
CREATE TRIGGER event_is_never_truncated BEFORE TRUNCATE ON events.event FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger event_position tell_inserted_payments
CREATE TRIGGER tell_inserted_payments AFTER INSERT ON events.event_position REFERENCING NEW TABLE AS placed FOR EACH STATEMENT EXECUTE FUNCTION private.tell_inserted_payments();

-- trigger procrastinate_jobs procrastinate_jobs_notify_queue_job_aborted_v1
CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON jobs.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::jobs.procrastinate_job_status))) EXECUTE FUNCTION jobs.procrastinate_notify_queue_abort_job_v1();

ALTER TABLE jobs.procrastinate_jobs DISABLE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1;

-- trigger procrastinate_jobs procrastinate_jobs_notify_queue_job_inserted_v1
CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON jobs.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::jobs.procrastinate_job_status)) EXECUTE FUNCTION jobs.procrastinate_notify_queue_job_inserted_v1();

ALTER TABLE jobs.procrastinate_jobs DISABLE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1;

-- trigger procrastinate_jobs procrastinate_trigger_abort_requested_events_v1
CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON jobs.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION jobs.procrastinate_trigger_abort_requested_events_procedure_v1();

-- trigger procrastinate_jobs procrastinate_trigger_delete_jobs_v1
CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON jobs.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION jobs.procrastinate_unlink_periodic_defers_v1();

-- trigger procrastinate_jobs procrastinate_trigger_scheduled_events_v1
CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON jobs.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::jobs.procrastinate_job_status))) EXECUTE FUNCTION jobs.procrastinate_trigger_function_scheduled_events_v1();

-- trigger procrastinate_jobs procrastinate_trigger_status_events_insert_v1
CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON jobs.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::jobs.procrastinate_job_status)) EXECUTE FUNCTION jobs.procrastinate_trigger_function_status_events_insert_v1();

-- trigger procrastinate_jobs procrastinate_trigger_status_events_update_v1
CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON jobs.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION jobs.procrastinate_trigger_function_status_events_update_v1();

-- trigger procrastinate_jobs retries_give_way
CREATE TRIGGER retries_give_way BEFORE UPDATE OF status ON jobs.procrastinate_jobs FOR EACH ROW WHEN (((new.status = 'todo'::jobs.procrastinate_job_status) AND (old.status <> 'todo'::jobs.procrastinate_job_status) AND (new.queueing_lock IS NOT NULL))) EXECUTE FUNCTION jobs.give_way();

-- trigger account account_is_never_deleted
CREATE TRIGGER account_is_never_deleted BEFORE DELETE ON ledger.account FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger account account_is_never_truncated
CREATE TRIGGER account_is_never_truncated BEFORE TRUNCATE ON ledger.account FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger account account_is_whole
CREATE TRIGGER account_is_whole BEFORE INSERT ON ledger.account FOR EACH ROW EXECUTE FUNCTION ledger.account_is_whole();

-- trigger capture capture_is_append_only
CREATE TRIGGER capture_is_append_only BEFORE DELETE OR UPDATE ON ledger.capture FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger capture capture_is_never_truncated
CREATE TRIGGER capture_is_never_truncated BEFORE TRUNCATE ON ledger.capture FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger checkpoint checkpoint_is_append_only
CREATE TRIGGER checkpoint_is_append_only BEFORE DELETE OR UPDATE ON ledger.checkpoint FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger checkpoint checkpoint_is_never_truncated
CREATE TRIGGER checkpoint_is_never_truncated BEFORE TRUNCATE ON ledger.checkpoint FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger chunk chunk_is_append_only
CREATE TRIGGER chunk_is_append_only BEFORE DELETE OR UPDATE ON ledger.chunk FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger chunk chunk_is_never_truncated
CREATE TRIGGER chunk_is_never_truncated BEFORE TRUNCATE ON ledger.chunk FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger entry entry_is_append_only
CREATE TRIGGER entry_is_append_only BEFORE DELETE OR UPDATE ON ledger.entry FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger entry entry_is_never_truncated
CREATE TRIGGER entry_is_never_truncated BEFORE TRUNCATE ON ledger.entry FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger hold freed_money_repays
CREATE TRIGGER freed_money_repays AFTER UPDATE OF state ON ledger.hold FOR EACH ROW WHEN (((old.state = 'open'::text) AND (new.state <> 'open'::text) AND (new.captured < new.amount))) EXECUTE FUNCTION banking.freed_money_repays();

-- trigger hold hold_is_never_deleted
CREATE TRIGGER hold_is_never_deleted BEFORE DELETE ON ledger.hold FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger hold hold_is_never_truncated
CREATE TRIGGER hold_is_never_truncated BEFORE TRUNCATE ON ledger.hold FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger hold hold_moves_forward
CREATE TRIGGER hold_moves_forward BEFORE UPDATE ON ledger.hold FOR EACH ROW EXECUTE FUNCTION ledger.hold_moves_forward();

-- trigger reconciliation reconciliation_is_append_only
CREATE TRIGGER reconciliation_is_append_only BEFORE DELETE OR UPDATE ON ledger.reconciliation FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger reconciliation reconciliation_is_never_truncated
CREATE TRIGGER reconciliation_is_never_truncated BEFORE TRUNCATE ON ledger.reconciliation FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger sum_entry sum_entry_is_append_only
CREATE TRIGGER sum_entry_is_append_only BEFORE DELETE OR UPDATE ON ledger.sum_entry FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger sum_entry sum_entry_is_never_truncated
CREATE TRIGGER sum_entry_is_never_truncated BEFORE TRUNCATE ON ledger.sum_entry FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger transfer transfer_is_append_only
CREATE TRIGGER transfer_is_append_only BEFORE DELETE OR UPDATE ON ledger.transfer FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger transfer transfer_is_never_truncated
CREATE TRIGGER transfer_is_never_truncated BEFORE TRUNCATE ON ledger.transfer FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger account wallet_opens_as_restricted
CREATE TRIGGER wallet_opens_as_restricted BEFORE INSERT ON ledger.account FOR EACH ROW WHEN (((new.kind)::text = 'wallet'::text)) EXECUTE FUNCTION risk.wallet_opens_as_restricted();

-- trigger node node_is_append_only
CREATE TRIGGER node_is_append_only BEFORE DELETE OR UPDATE ON proof.node FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger node node_is_never_truncated
CREATE TRIGGER node_is_never_truncated BEFORE TRUNCATE ON proof.node FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger salt_key salt_key_is_append_only
CREATE TRIGGER salt_key_is_append_only BEFORE DELETE OR UPDATE ON proof.salt_key FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger salt_key salt_key_is_never_truncated
CREATE TRIGGER salt_key_is_never_truncated BEFORE TRUNCATE ON proof.salt_key FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger seal seal_is_append_only
CREATE TRIGGER seal_is_append_only BEFORE DELETE OR UPDATE ON proof.seal FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger seal seal_is_never_truncated
CREATE TRIGGER seal_is_never_truncated BEFORE TRUNCATE ON proof.seal FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger payments payment_is_well_formed
CREATE TRIGGER payment_is_well_formed BEFORE INSERT OR UPDATE ON public.payments FOR EACH ROW EXECUTE FUNCTION wallet.payment_is_well_formed();

-- trigger account_case account_case_is_never_deleted
CREATE TRIGGER account_case_is_never_deleted BEFORE DELETE ON risk.account_case FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger account_case account_case_is_never_truncated
CREATE TRIGGER account_case_is_never_truncated BEFORE TRUNCATE ON risk.account_case FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger account_case account_case_moves_forward
CREATE TRIGGER account_case_moves_forward BEFORE UPDATE ON risk.account_case FOR EACH ROW EXECUTE FUNCTION risk.account_case_moves_forward();

-- trigger limit_in_force limit_in_force_is_never_deleted
CREATE TRIGGER limit_in_force_is_never_deleted BEFORE DELETE ON risk.limit_in_force FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger limit_in_force limit_in_force_is_never_truncated
CREATE TRIGGER limit_in_force_is_never_truncated BEFORE TRUNCATE ON risk.limit_in_force FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger limit_name limit_name_is_append_only
CREATE TRIGGER limit_name_is_append_only BEFORE DELETE OR UPDATE ON risk.limit_name FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger limit_name limit_name_is_never_truncated
CREATE TRIGGER limit_name_is_never_truncated BEFORE TRUNCATE ON risk.limit_name FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger limit_value limit_value_comes_in_force
CREATE TRIGGER limit_value_comes_in_force AFTER INSERT ON risk.limit_value FOR EACH ROW EXECUTE FUNCTION risk.put_in_force();

-- trigger limit_value limit_value_is_append_only
CREATE TRIGGER limit_value_is_append_only BEFORE DELETE OR UPDATE ON risk.limit_value FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger limit_value limit_value_is_never_truncated
CREATE TRIGGER limit_value_is_never_truncated BEFORE TRUNCATE ON risk.limit_value FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger account account_is_never_deleted
CREATE TRIGGER account_is_never_deleted BEFORE DELETE ON sandbox.account FOR EACH ROW EXECUTE FUNCTION charges.append_only();

-- trigger account account_is_never_truncated
CREATE TRIGGER account_is_never_truncated BEFORE TRUNCATE ON sandbox.account FOR EACH STATEMENT EXECUTE FUNCTION charges.append_only();

-- trigger account account_is_whole
CREATE TRIGGER account_is_whole BEFORE INSERT ON sandbox.account FOR EACH ROW EXECUTE FUNCTION sandbox.account_is_whole();

-- trigger capture capture_is_append_only
CREATE TRIGGER capture_is_append_only BEFORE DELETE OR UPDATE ON sandbox.capture FOR EACH ROW EXECUTE FUNCTION charges.append_only();

-- trigger capture capture_is_never_truncated
CREATE TRIGGER capture_is_never_truncated BEFORE TRUNCATE ON sandbox.capture FOR EACH STATEMENT EXECUTE FUNCTION charges.append_only();

-- trigger checkpoint checkpoint_is_append_only
CREATE TRIGGER checkpoint_is_append_only BEFORE DELETE OR UPDATE ON sandbox.checkpoint FOR EACH ROW EXECUTE FUNCTION charges.append_only();

-- trigger checkpoint checkpoint_is_never_truncated
CREATE TRIGGER checkpoint_is_never_truncated BEFORE TRUNCATE ON sandbox.checkpoint FOR EACH STATEMENT EXECUTE FUNCTION charges.append_only();

-- trigger entry entry_is_append_only
CREATE TRIGGER entry_is_append_only BEFORE DELETE OR UPDATE ON sandbox.entry FOR EACH ROW EXECUTE FUNCTION charges.append_only();

-- trigger entry entry_is_never_truncated
CREATE TRIGGER entry_is_never_truncated BEFORE TRUNCATE ON sandbox.entry FOR EACH STATEMENT EXECUTE FUNCTION charges.append_only();

-- trigger hold hold_is_never_deleted
CREATE TRIGGER hold_is_never_deleted BEFORE DELETE ON sandbox.hold FOR EACH ROW EXECUTE FUNCTION charges.append_only();

-- trigger hold hold_is_never_truncated
CREATE TRIGGER hold_is_never_truncated BEFORE TRUNCATE ON sandbox.hold FOR EACH STATEMENT EXECUTE FUNCTION charges.append_only();

-- trigger hold hold_moves_forward
CREATE TRIGGER hold_moves_forward BEFORE UPDATE ON sandbox.hold FOR EACH ROW EXECUTE FUNCTION sandbox.hold_moves_forward();

-- trigger sum_entry sum_entry_is_append_only
CREATE TRIGGER sum_entry_is_append_only BEFORE DELETE OR UPDATE ON sandbox.sum_entry FOR EACH ROW EXECUTE FUNCTION charges.append_only();

-- trigger sum_entry sum_entry_is_never_truncated
CREATE TRIGGER sum_entry_is_never_truncated BEFORE TRUNCATE ON sandbox.sum_entry FOR EACH STATEMENT EXECUTE FUNCTION charges.append_only();

-- trigger transfer transfer_is_append_only
CREATE TRIGGER transfer_is_append_only BEFORE DELETE OR UPDATE ON sandbox.transfer FOR EACH ROW EXECUTE FUNCTION charges.append_only();

-- trigger transfer transfer_is_never_truncated
CREATE TRIGGER transfer_is_never_truncated BEFORE TRUNCATE ON sandbox.transfer FOR EACH STATEMENT EXECUTE FUNCTION charges.append_only();

-- trigger withdrawal_address address_is_never_deleted
CREATE TRIGGER address_is_never_deleted BEFORE DELETE ON savings.withdrawal_address FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger withdrawal_address address_is_never_truncated
CREATE TRIGGER address_is_never_truncated BEFORE TRUNCATE ON savings.withdrawal_address FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger withdrawal_address address_moves_forward
CREATE TRIGGER address_moves_forward BEFORE UPDATE ON savings.withdrawal_address FOR EACH ROW EXECUTE FUNCTION savings.address_moves_forward();

-- trigger buy buy_is_never_deleted
CREATE TRIGGER buy_is_never_deleted BEFORE DELETE ON savings.buy FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger buy buy_is_never_truncated
CREATE TRIGGER buy_is_never_truncated BEFORE TRUNCATE ON savings.buy FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger buy buy_moves_forward
CREATE TRIGGER buy_moves_forward BEFORE UPDATE ON savings.buy FOR EACH ROW WHEN (((new.version <= old.version) OR (((((old.id IS DISTINCT FROM new.id) OR (old.plan_id IS DISTINCT FROM new.plan_id)) OR (old.person IS DISTINCT FROM new.person)) OR (old.due_at IS DISTINCT FROM new.due_at)) OR (old.created_at IS DISTINCT FROM new.created_at)) OR ((old.state <> 'scheduled'::text) AND (old.amount_cents <> new.amount_cents)) OR ((((((((old.state <> 'scheduled'::text) OR (new.state <> 'scheduled'::text)) AND ((old.state <> 'scheduled'::text) OR (new.state <> 'skipped'::text))) AND ((old.state <> 'scheduled'::text) OR (new.state <> 'canceled'::text))) AND ((old.state <> 'scheduled'::text) OR (new.state <> 'collected'::text))) AND ((old.state <> 'collected'::text) OR (new.state <> 'collected'::text))) AND ((old.state <> 'collected'::text) OR (new.state <> 'bought'::text))) AND ((old.state <> 'collected'::text) OR (new.state <> 'failed'::text))))) EXECUTE FUNCTION savings.buy_goes_back();

-- trigger plan_change plan_change_is_append_only
CREATE TRIGGER plan_change_is_append_only BEFORE DELETE OR UPDATE ON savings.plan_change FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger plan_change plan_change_is_never_truncated
CREATE TRIGGER plan_change_is_never_truncated BEFORE TRUNCATE ON savings.plan_change FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger plan plan_is_never_deleted
CREATE TRIGGER plan_is_never_deleted BEFORE DELETE ON savings.plan FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger plan plan_is_never_truncated
CREATE TRIGGER plan_is_never_truncated BEFORE TRUNCATE ON savings.plan FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger plan plan_moves_forward
CREATE TRIGGER plan_moves_forward BEFORE UPDATE ON savings.plan FOR EACH ROW EXECUTE FUNCTION savings.plan_moves_forward();

-- trigger withdrawal withdrawal_is_never_deleted
CREATE TRIGGER withdrawal_is_never_deleted BEFORE DELETE ON savings.withdrawal FOR EACH ROW EXECUTE FUNCTION private.append_only();

-- trigger withdrawal withdrawal_is_never_truncated
CREATE TRIGGER withdrawal_is_never_truncated BEFORE TRUNCATE ON savings.withdrawal FOR EACH STATEMENT EXECUTE FUNCTION private.append_only();

-- trigger withdrawal withdrawal_moves_forward
CREATE TRIGGER withdrawal_moves_forward BEFORE UPDATE ON savings.withdrawal FOR EACH ROW EXECUTE FUNCTION savings.withdrawal_moves_forward();

-- fk constraint connection connection_person_fkey
ALTER TABLE ONLY banking.connection
    ADD CONSTRAINT connection_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint connection connection_source_id_fkey
ALTER TABLE ONLY banking.connection
    ADD CONSTRAINT connection_source_id_fkey FOREIGN KEY (source_id) REFERENCES banking.source(id);

-- fk constraint customer customer_person_fkey
ALTER TABLE ONLY banking.customer
    ADD CONSTRAINT customer_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint debt debt_load_id_fkey
ALTER TABLE ONLY banking.debt
    ADD CONSTRAINT debt_load_id_fkey FOREIGN KEY (load_id) REFERENCES banking.load(id);

-- fk constraint debt debt_person_fkey
ALTER TABLE ONLY banking.debt
    ADD CONSTRAINT debt_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint default_source default_source_person_fkey
ALTER TABLE ONLY banking.default_source
    ADD CONSTRAINT default_source_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint default_source default_source_source_id_fkey
ALTER TABLE ONLY banking.default_source
    ADD CONSTRAINT default_source_source_id_fkey FOREIGN KEY (source_id) REFERENCES banking.source(id);

-- fk constraint holder_check holder_check_person_fkey
ALTER TABLE ONLY banking.holder_check
    ADD CONSTRAINT holder_check_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint holder_check holder_check_source_id_fkey
ALTER TABLE ONLY banking.holder_check
    ADD CONSTRAINT holder_check_source_id_fkey FOREIGN KEY (source_id) REFERENCES banking.source(id);

-- fk constraint link link_person_fkey
ALTER TABLE ONLY banking.link
    ADD CONSTRAINT link_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint link link_reconnects_fkey
ALTER TABLE ONLY banking.link
    ADD CONSTRAINT link_reconnects_fkey FOREIGN KEY (reconnects) REFERENCES banking.connection(id);

-- fk constraint link link_source_id_fkey
ALTER TABLE ONLY banking.link
    ADD CONSTRAINT link_source_id_fkey FOREIGN KEY (source_id) REFERENCES banking.source(id);

-- fk constraint load load_id_fkey
ALTER TABLE ONLY banking.load
    ADD CONSTRAINT load_id_fkey FOREIGN KEY (id) REFERENCES banking.provider_operation(id);

-- fk constraint load load_person_fkey
ALTER TABLE ONLY banking.load
    ADD CONSTRAINT load_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint load load_source_id_fkey
ALTER TABLE ONLY banking.load
    ADD CONSTRAINT load_source_id_fkey FOREIGN KEY (source_id) REFERENCES banking.source(id);

-- fk constraint redemption redemption_id_fkey
ALTER TABLE ONLY banking.redemption
    ADD CONSTRAINT redemption_id_fkey FOREIGN KEY (id) REFERENCES banking.provider_operation(id);

-- fk constraint redemption redemption_person_fkey
ALTER TABLE ONLY banking.redemption
    ADD CONSTRAINT redemption_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint redemption redemption_source_id_fkey
ALTER TABLE ONLY banking.redemption
    ADD CONSTRAINT redemption_source_id_fkey FOREIGN KEY (source_id) REFERENCES banking.source(id);

-- fk constraint repayment repayment_debt_id_fkey
ALTER TABLE ONLY banking.repayment
    ADD CONSTRAINT repayment_debt_id_fkey FOREIGN KEY (debt_id) REFERENCES banking.debt(id);

-- fk constraint source source_person_fkey
ALTER TABLE ONLY banking.source
    ADD CONSTRAINT source_person_fkey FOREIGN KEY (person) REFERENCES banking.customer(person);

-- fk constraint account account_owner_fkey
ALTER TABLE ONLY developers.account
    ADD CONSTRAINT account_owner_fkey FOREIGN KEY (owner) REFERENCES public.profiles(id);

-- fk constraint api_key api_key_account_id_fkey
ALTER TABLE ONLY developers.api_key
    ADD CONSTRAINT api_key_account_id_fkey FOREIGN KEY (account_id) REFERENCES developers.account(id) ON DELETE RESTRICT;

-- fk constraint event_position event_position_event_id_fkey
ALTER TABLE ONLY events.event_position
    ADD CONSTRAINT event_position_event_id_fkey FOREIGN KEY (event_id) REFERENCES events.event(id);

-- fk constraint attempt attempt_kind_fkey
ALTER TABLE ONLY identity.attempt
    ADD CONSTRAINT attempt_kind_fkey FOREIGN KEY (kind) REFERENCES identity.attempt_limit(kind);

-- fk constraint privacy privacy_person_fkey
ALTER TABLE ONLY identity.privacy
    ADD CONSTRAINT privacy_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint queued_text queued_text_webhook_id_fkey
ALTER TABLE ONLY identity.queued_text
    ADD CONSTRAINT queued_text_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES identity.text_delivery(webhook_id) ON DELETE CASCADE;

-- fk constraint web_session web_session_user_id_fkey
ALTER TABLE ONLY identity.web_session
    ADD CONSTRAINT web_session_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;

-- fk constraint procrastinate_events procrastinate_events_job_id_fkey
ALTER TABLE ONLY jobs.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs.procrastinate_jobs(id) ON DELETE CASCADE;

-- fk constraint procrastinate_jobs procrastinate_jobs_worker_id_fkey
ALTER TABLE ONLY jobs.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES jobs.procrastinate_workers(id) ON DELETE SET NULL;

-- fk constraint procrastinate_periodic_defers procrastinate_periodic_defers_job_id_fkey
ALTER TABLE ONLY jobs.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs.procrastinate_jobs(id);

-- fk constraint stall stall_job_id_fkey
ALTER TABLE ONLY jobs.stall
    ADD CONSTRAINT stall_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs.procrastinate_jobs(id) ON DELETE CASCADE;

-- fk constraint capture capture_hold_id_fkey
ALTER TABLE ONLY ledger.capture
    ADD CONSTRAINT capture_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES ledger.hold(id);

-- fk constraint checkpoint checkpoint_account_id_fkey
ALTER TABLE ONLY ledger.checkpoint
    ADD CONSTRAINT checkpoint_account_id_fkey FOREIGN KEY (account_id) REFERENCES ledger.account(id);

-- fk constraint hold hold_account_id_fkey
ALTER TABLE ONLY ledger.hold
    ADD CONSTRAINT hold_account_id_fkey FOREIGN KEY (account_id) REFERENCES ledger.account(id);

-- fk constraint delivery delivery_event_id_fkey
ALTER TABLE ONLY notifications.delivery
    ADD CONSTRAINT delivery_event_id_fkey FOREIGN KEY (event_id) REFERENCES events.event(id);

-- fk constraint delivery delivery_person_fkey
ALTER TABLE ONLY notifications.delivery
    ADD CONSTRAINT delivery_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint device device_person_fkey
ALTER TABLE ONLY notifications.device
    ADD CONSTRAINT device_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint preference preference_kind_fkey
ALTER TABLE ONLY notifications.preference
    ADD CONSTRAINT preference_kind_fkey FOREIGN KEY (kind) REFERENCES notifications.kind(kind);

-- fk constraint preference preference_person_fkey
ALTER TABLE ONLY notifications.preference
    ADD CONSTRAINT preference_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint setting setting_person_fkey
ALTER TABLE ONLY notifications.setting
    ADD CONSTRAINT setting_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint payments payments_id_fkey
ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_id_fkey FOREIGN KEY (id) REFERENCES ledger.transfer(id);

-- fk constraint profiles profiles_id_fkey
ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_id_fkey FOREIGN KEY (id) REFERENCES auth.users(id);

-- fk constraint account_case account_case_is_a_case
ALTER TABLE ONLY risk.account_case
    ADD CONSTRAINT account_case_is_a_case FOREIGN KEY (case_id) REFERENCES cases."case"(id);

-- fk constraint limit_value limit_is_known
ALTER TABLE ONLY risk.limit_value
    ADD CONSTRAINT limit_is_known FOREIGN KEY (name) REFERENCES risk.limit_name(name);

-- fk constraint capture capture_hold_id_fkey
ALTER TABLE ONLY sandbox.capture
    ADD CONSTRAINT capture_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES sandbox.hold(id);

-- fk constraint checkpoint checkpoint_account_id_fkey
ALTER TABLE ONLY sandbox.checkpoint
    ADD CONSTRAINT checkpoint_account_id_fkey FOREIGN KEY (account_id) REFERENCES sandbox.account(id);

-- fk constraint buy buy_plan_id_fkey
ALTER TABLE ONLY savings.buy
    ADD CONSTRAINT buy_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES savings.plan(id);

-- fk constraint plan_change plan_change_plan_id_fkey
ALTER TABLE ONLY savings.plan_change
    ADD CONSTRAINT plan_change_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES savings.plan(id);

-- fk constraint plan plan_person_fkey
ALTER TABLE ONLY savings.plan
    ADD CONSTRAINT plan_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint withdrawal withdrawal_address_id_fkey
ALTER TABLE ONLY savings.withdrawal
    ADD CONSTRAINT withdrawal_address_id_fkey FOREIGN KEY (address_id) REFERENCES savings.withdrawal_address(id);

-- fk constraint withdrawal_address withdrawal_address_person_fkey
ALTER TABLE ONLY savings.withdrawal_address
    ADD CONSTRAINT withdrawal_address_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint withdrawal withdrawal_person_fkey
ALTER TABLE ONLY savings.withdrawal
    ADD CONSTRAINT withdrawal_person_fkey FOREIGN KEY (person) REFERENCES public.profiles(id);

-- fk constraint attempt attempt_delivery_id_fkey
ALTER TABLE ONLY webhooks.attempt
    ADD CONSTRAINT attempt_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES webhooks.delivery(id);

-- fk constraint delivery delivery_endpoint_id_fkey
ALTER TABLE ONLY webhooks.delivery
    ADD CONSTRAINT delivery_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES webhooks.endpoint(id);

-- fk constraint delivery delivery_message_id_fkey
ALTER TABLE ONLY webhooks.delivery
    ADD CONSTRAINT delivery_message_id_fkey FOREIGN KEY (message_id) REFERENCES webhooks.message(id);

-- fk constraint endpoint endpoint_account_id_fkey
ALTER TABLE ONLY webhooks.endpoint
    ADD CONSTRAINT endpoint_account_id_fkey FOREIGN KEY (account_id) REFERENCES webhooks.account(id);

-- fk constraint message message_endpoint_id_fkey
ALTER TABLE ONLY webhooks.message
    ADD CONSTRAINT message_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES webhooks.endpoint(id);

-- row security connection
ALTER TABLE banking.connection ENABLE ROW LEVEL SECURITY;

-- row security customer
ALTER TABLE banking.customer ENABLE ROW LEVEL SECURITY;

-- row security debt
ALTER TABLE banking.debt ENABLE ROW LEVEL SECURITY;

-- row security default_source
ALTER TABLE banking.default_source ENABLE ROW LEVEL SECURITY;

-- row security external_reconciliation
ALTER TABLE banking.external_reconciliation ENABLE ROW LEVEL SECURITY;

-- row security hold_policy
ALTER TABLE banking.hold_policy ENABLE ROW LEVEL SECURITY;

-- row security holder_check
ALTER TABLE banking.holder_check ENABLE ROW LEVEL SECURITY;

-- row security link
ALTER TABLE banking.link ENABLE ROW LEVEL SECURITY;

-- row security load
ALTER TABLE banking.load ENABLE ROW LEVEL SECURITY;

-- row security provider_operation
ALTER TABLE banking.provider_operation ENABLE ROW LEVEL SECURITY;

-- row security redemption
ALTER TABLE banking.redemption ENABLE ROW LEVEL SECURITY;

-- row security repayment
ALTER TABLE banking.repayment ENABLE ROW LEVEL SECURITY;

-- row security reserve_confirmation
ALTER TABLE banking.reserve_confirmation ENABLE ROW LEVEL SECURITY;

-- row security source
ALTER TABLE banking.source ENABLE ROW LEVEL SECURITY;

-- row security vendor_environment
ALTER TABLE banking.vendor_environment ENABLE ROW LEVEL SECURITY;

-- row security vendor_event
ALTER TABLE banking.vendor_event ENABLE ROW LEVEL SECURITY;

-- row security case
ALTER TABLE cases."case" ENABLE ROW LEVEL SECURITY;

-- row security account_clock
ALTER TABLE charges.account_clock ENABLE ROW LEVEL SECURITY;

-- row security capture
ALTER TABLE charges.capture ENABLE ROW LEVEL SECURITY;

-- row security charge
ALTER TABLE charges.charge ENABLE ROW LEVEL SECURITY;

-- row security currency
ALTER TABLE charges.currency ENABLE ROW LEVEL SECURITY;

-- row security dispute
ALTER TABLE charges.dispute ENABLE ROW LEVEL SECURITY;

-- row security event
ALTER TABLE charges.event ENABLE ROW LEVEL SECURITY;

-- row security operation
ALTER TABLE charges.operation ENABLE ROW LEVEL SECURITY;

-- row security portion
ALTER TABLE charges.portion ENABLE ROW LEVEL SECURITY;

-- row security refund
ALTER TABLE charges.refund ENABLE ROW LEVEL SECURITY;

-- row security settlement
ALTER TABLE charges.settlement ENABLE ROW LEVEL SECURITY;

-- policy account_clock swept
CREATE POLICY swept ON charges.account_clock TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy capture swept
CREATE POLICY swept ON charges.capture TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy charge swept
CREATE POLICY swept ON charges.charge TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy dispute swept
CREATE POLICY swept ON charges.dispute TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy event swept
CREATE POLICY swept ON charges.event TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy operation swept
CREATE POLICY swept ON charges.operation TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy portion swept
CREATE POLICY swept ON charges.portion TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy refund swept
CREATE POLICY swept ON charges.refund TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy settlement swept
CREATE POLICY swept ON charges.settlement TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- row security test_amount
ALTER TABLE charges.test_amount ENABLE ROW LEVEL SECURITY;

-- row security test_card
ALTER TABLE charges.test_card ENABLE ROW LEVEL SECURITY;

-- row security account
ALTER TABLE developers.account ENABLE ROW LEVEL SECURITY;

-- row security api_key
ALTER TABLE developers.api_key ENABLE ROW LEVEL SECURITY;

-- row security idempotency
ALTER TABLE developers.idempotency ENABLE ROW LEVEL SECURITY;

-- row security key_use
ALTER TABLE developers.key_use ENABLE ROW LEVEL SECURITY;

-- row security event
ALTER TABLE events.event ENABLE ROW LEVEL SECURITY;

-- row security event_position
ALTER TABLE events.event_position ENABLE ROW LEVEL SECURITY;

-- row security mark
ALTER TABLE events.mark ENABLE ROW LEVEL SECURITY;

-- row security relay_cursor
ALTER TABLE events.relay_cursor ENABLE ROW LEVEL SECURITY;

-- row security attempt
ALTER TABLE identity.attempt ENABLE ROW LEVEL SECURITY;

-- row security attempt_limit
ALTER TABLE identity.attempt_limit ENABLE ROW LEVEL SECURITY;

-- row security known_address
ALTER TABLE identity.known_address ENABLE ROW LEVEL SECURITY;

-- row security phone_lookup
ALTER TABLE identity.phone_lookup ENABLE ROW LEVEL SECURITY;

-- row security privacy
ALTER TABLE identity.privacy ENABLE ROW LEVEL SECURITY;

-- row security queued_text
ALTER TABLE identity.queued_text ENABLE ROW LEVEL SECURITY;

-- row security reserved_handle
ALTER TABLE identity.reserved_handle ENABLE ROW LEVEL SECURITY;

-- row security text_announcement
ALTER TABLE identity.text_announcement ENABLE ROW LEVEL SECURITY;

-- row security text_delivery
ALTER TABLE identity.text_delivery ENABLE ROW LEVEL SECURITY;

-- row security web_session
ALTER TABLE identity.web_session ENABLE ROW LEVEL SECURITY;

-- row security due_work
ALTER TABLE jobs.due_work ENABLE ROW LEVEL SECURITY;

-- row security procrastinate_events
ALTER TABLE jobs.procrastinate_events ENABLE ROW LEVEL SECURITY;

-- row security procrastinate_jobs
ALTER TABLE jobs.procrastinate_jobs ENABLE ROW LEVEL SECURITY;

-- row security procrastinate_periodic_defers
ALTER TABLE jobs.procrastinate_periodic_defers ENABLE ROW LEVEL SECURITY;

-- row security procrastinate_workers
ALTER TABLE jobs.procrastinate_workers ENABLE ROW LEVEL SECURITY;

-- row security stall
ALTER TABLE jobs.stall ENABLE ROW LEVEL SECURITY;

-- row security tick
ALTER TABLE jobs.tick ENABLE ROW LEVEL SECURITY;

-- policy procrastinate_periodic_defers workers_see_defers
CREATE POLICY workers_see_defers ON jobs.procrastinate_periodic_defers TO paya_worker USING (true) WITH CHECK (true);

-- policy procrastinate_events workers_see_events
CREATE POLICY workers_see_events ON jobs.procrastinate_events TO paya_worker USING (true) WITH CHECK (true);

-- policy procrastinate_jobs workers_see_jobs
CREATE POLICY workers_see_jobs ON jobs.procrastinate_jobs TO paya_worker USING (true) WITH CHECK (true);

-- policy procrastinate_workers workers_see_workers
CREATE POLICY workers_see_workers ON jobs.procrastinate_workers TO paya_worker USING (true) WITH CHECK (true);

-- row security account
ALTER TABLE ledger.account ENABLE ROW LEVEL SECURITY;

-- row security capture
ALTER TABLE ledger.capture ENABLE ROW LEVEL SECURITY;

-- row security checkpoint
ALTER TABLE ledger.checkpoint ENABLE ROW LEVEL SECURITY;

-- row security chunk
ALTER TABLE ledger.chunk ENABLE ROW LEVEL SECURITY;

-- row security entry
ALTER TABLE ledger.entry ENABLE ROW LEVEL SECURITY;

-- row security hold
ALTER TABLE ledger.hold ENABLE ROW LEVEL SECURITY;

-- row security reconciliation
ALTER TABLE ledger.reconciliation ENABLE ROW LEVEL SECURITY;

-- row security sum_entry
ALTER TABLE ledger.sum_entry ENABLE ROW LEVEL SECURITY;

-- row security transfer
ALTER TABLE ledger.transfer ENABLE ROW LEVEL SECURITY;

-- row security delivery
ALTER TABLE notifications.delivery ENABLE ROW LEVEL SECURITY;

-- row security device
ALTER TABLE notifications.device ENABLE ROW LEVEL SECURITY;

-- row security kind
ALTER TABLE notifications.kind ENABLE ROW LEVEL SECURITY;

-- row security preference
ALTER TABLE notifications.preference ENABLE ROW LEVEL SECURITY;

-- row security reminder
ALTER TABLE notifications.reminder ENABLE ROW LEVEL SECURITY;

-- row security setting
ALTER TABLE notifications.setting ENABLE ROW LEVEL SECURITY;

-- row security node
ALTER TABLE proof.node ENABLE ROW LEVEL SECURITY;

-- row security salt_key
ALTER TABLE proof.salt_key ENABLE ROW LEVEL SECURITY;

-- row security seal
ALTER TABLE proof.seal ENABLE ROW LEVEL SECURITY;

-- row security provider_health
ALTER TABLE providers.provider_health ENABLE ROW LEVEL SECURITY;

-- row security payments
ALTER TABLE public.payments ENABLE ROW LEVEL SECURITY;

-- policy payments payments_public_and_own
CREATE POLICY payments_public_and_own ON public.payments FOR SELECT TO authenticated USING ((is_public OR (sender_id = ( SELECT auth.uid() AS uid)) OR (recipient_id = ( SELECT auth.uid() AS uid))));

-- policy payments payments_public_to_visitors
CREATE POLICY payments_public_to_visitors ON public.payments FOR SELECT TO anon USING (is_public);

-- row security profiles
ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;

-- policy profiles profiles_are_public
CREATE POLICY profiles_are_public ON public.profiles FOR SELECT TO anon, authenticated USING (true);

-- policy messages topics_for_people
CREATE POLICY topics_for_people ON realtime.messages FOR SELECT TO authenticated USING (((extension = 'broadcast'::text) AND (( SELECT realtime.topic() AS topic) = ANY (ARRAY['feed'::text, ('user:'::text || (( SELECT auth.uid() AS uid))::text)]))));

-- policy messages topics_for_visitors
CREATE POLICY topics_for_visitors ON realtime.messages FOR SELECT TO anon USING (((extension = 'broadcast'::text) AND (( SELECT realtime.topic() AS topic) = 'feed'::text)));

-- row security rule
ALTER TABLE retention.rule ENABLE ROW LEVEL SECURITY;

-- row security account_case
ALTER TABLE risk.account_case ENABLE ROW LEVEL SECURITY;

-- row security limit_in_force
ALTER TABLE risk.limit_in_force ENABLE ROW LEVEL SECURITY;

-- row security limit_name
ALTER TABLE risk.limit_name ENABLE ROW LEVEL SECURITY;

-- row security limit_value
ALTER TABLE risk.limit_value ENABLE ROW LEVEL SECURITY;

-- row security account
ALTER TABLE sandbox.account ENABLE ROW LEVEL SECURITY;

-- row security capture
ALTER TABLE sandbox.capture ENABLE ROW LEVEL SECURITY;

-- row security checkpoint
ALTER TABLE sandbox.checkpoint ENABLE ROW LEVEL SECURITY;

-- row security entry
ALTER TABLE sandbox.entry ENABLE ROW LEVEL SECURITY;

-- row security hold
ALTER TABLE sandbox.hold ENABLE ROW LEVEL SECURITY;

-- row security remainder
ALTER TABLE sandbox.remainder ENABLE ROW LEVEL SECURITY;

-- row security sum_entry
ALTER TABLE sandbox.sum_entry ENABLE ROW LEVEL SECURITY;

-- policy capture swept
CREATE POLICY swept ON sandbox.capture TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy checkpoint swept
CREATE POLICY swept ON sandbox.checkpoint TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy entry swept
CREATE POLICY swept ON sandbox.entry TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy hold swept
CREATE POLICY swept ON sandbox.hold TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy remainder swept
CREATE POLICY swept ON sandbox.remainder TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy sum_entry swept
CREATE POLICY swept ON sandbox.sum_entry TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- policy transfer swept
CREATE POLICY swept ON sandbox.transfer TO paya_sandbox_sweeper USING (true) WITH CHECK (true);

-- row security transfer
ALTER TABLE sandbox.transfer ENABLE ROW LEVEL SECURITY;

-- row security buy
ALTER TABLE savings.buy ENABLE ROW LEVEL SECURITY;

-- row security candle
ALTER TABLE savings.candle ENABLE ROW LEVEL SECURITY;

-- row security exchange_carry
ALTER TABLE savings.exchange_carry ENABLE ROW LEVEL SECURITY;

-- row security exchange_order
ALTER TABLE savings.exchange_order ENABLE ROW LEVEL SECURITY;

-- row security plan
ALTER TABLE savings.plan ENABLE ROW LEVEL SECURITY;

-- row security plan_change
ALTER TABLE savings.plan_change ENABLE ROW LEVEL SECURITY;

-- row security price
ALTER TABLE savings.price ENABLE ROW LEVEL SECURITY;

-- row security withdrawal
ALTER TABLE savings.withdrawal ENABLE ROW LEVEL SECURITY;

-- row security withdrawal_address
ALTER TABLE savings.withdrawal_address ENABLE ROW LEVEL SECURITY;

-- row security account
ALTER TABLE webhooks.account ENABLE ROW LEVEL SECURITY;

-- row security attempt
ALTER TABLE webhooks.attempt ENABLE ROW LEVEL SECURITY;

-- row security cursor
ALTER TABLE webhooks.cursor ENABLE ROW LEVEL SECURITY;

-- row security delivery
ALTER TABLE webhooks.delivery ENABLE ROW LEVEL SECURITY;

-- row security endpoint
ALTER TABLE webhooks.endpoint ENABLE ROW LEVEL SECURITY;

-- row security event_kind
ALTER TABLE webhooks.event_kind ENABLE ROW LEVEL SECURITY;

-- row security message
ALTER TABLE webhooks.message ENABLE ROW LEVEL SECURITY;

-- publication table supabase_realtime payments
ALTER PUBLICATION supabase_realtime ADD TABLE ONLY public.payments;

-- acl SCHEMA admin
GRANT USAGE ON SCHEMA admin TO authenticated;

-- acl SCHEMA banking
GRANT USAGE ON SCHEMA banking TO authenticated;
GRANT USAGE ON SCHEMA banking TO service_role;

-- acl SCHEMA cases
GRANT USAGE ON SCHEMA cases TO service_role;

-- acl SCHEMA charges
GRANT USAGE ON SCHEMA charges TO service_role;
GRANT USAGE ON SCHEMA charges TO paya_app;
GRANT USAGE ON SCHEMA charges TO paya_sandbox_sweeper;

-- acl SCHEMA developers
GRANT USAGE ON SCHEMA developers TO authenticated;
GRANT USAGE ON SCHEMA developers TO service_role;
GRANT USAGE ON SCHEMA developers TO paya_app;

-- acl SCHEMA events
GRANT USAGE ON SCHEMA events TO paya_worker;
GRANT USAGE ON SCHEMA events TO service_role;

-- acl SCHEMA feed
GRANT USAGE ON SCHEMA feed TO anon;
GRANT USAGE ON SCHEMA feed TO authenticated;
GRANT USAGE ON SCHEMA feed TO service_role;
GRANT USAGE ON SCHEMA feed TO paya_worker;

-- acl SCHEMA identity
GRANT USAGE ON SCHEMA identity TO anon;
GRANT USAGE ON SCHEMA identity TO authenticated;
GRANT USAGE ON SCHEMA identity TO service_role;
GRANT USAGE ON SCHEMA identity TO paya_app;
GRANT USAGE ON SCHEMA identity TO paya_worker;

-- acl SCHEMA jobs
GRANT USAGE ON SCHEMA jobs TO paya_worker;
GRANT USAGE ON SCHEMA jobs TO service_role;

-- acl SCHEMA ledger
GRANT USAGE ON SCHEMA ledger TO service_role;

-- acl SCHEMA notifications
GRANT USAGE ON SCHEMA notifications TO authenticated;
GRANT USAGE ON SCHEMA notifications TO service_role;

-- acl SCHEMA private
GRANT USAGE ON SCHEMA private TO paya_sandbox_sweeper;

-- acl SCHEMA proof
GRANT USAGE ON SCHEMA proof TO anon;
GRANT USAGE ON SCHEMA proof TO authenticated;
GRANT USAGE ON SCHEMA proof TO service_role;
GRANT USAGE ON SCHEMA proof TO paya_worker;

-- acl SCHEMA providers
GRANT USAGE ON SCHEMA providers TO anon;
GRANT USAGE ON SCHEMA providers TO authenticated;
GRANT USAGE ON SCHEMA providers TO service_role;

-- acl SCHEMA retention
GRANT USAGE ON SCHEMA retention TO paya_worker;
GRANT USAGE ON SCHEMA retention TO service_role;
GRANT USAGE ON SCHEMA retention TO paya_sandbox_sweeper;

-- acl SCHEMA risk
GRANT USAGE ON SCHEMA risk TO authenticated;
GRANT USAGE ON SCHEMA risk TO service_role;

-- acl SCHEMA sandbox
GRANT USAGE ON SCHEMA sandbox TO paya_sandbox_sweeper;

-- acl SCHEMA savings
GRANT USAGE ON SCHEMA savings TO authenticated;
GRANT USAGE ON SCHEMA savings TO service_role;

-- acl SCHEMA wallet
GRANT USAGE ON SCHEMA wallet TO anon;
GRANT USAGE ON SCHEMA wallet TO authenticated;
GRANT USAGE ON SCHEMA wallet TO service_role;
GRANT USAGE ON SCHEMA wallet TO paya_app;

-- acl SCHEMA webhooks
GRANT USAGE ON SCHEMA webhooks TO service_role;
GRANT USAGE ON SCHEMA webhooks TO paya_app;
GRANT USAGE ON SCHEMA webhooks TO paya_worker;

-- acl FUNCTION dead_letters(maximum integer)
REVOKE ALL ON FUNCTION admin.dead_letters(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION admin.dead_letters(maximum integer) TO authenticated;

-- acl FUNCTION enter(place text)
REVOKE ALL ON FUNCTION admin.enter(place text) FROM PUBLIC;
GRANT ALL ON FUNCTION admin.enter(place text) TO authenticated;

-- acl FUNCTION is_admin()
REVOKE ALL ON FUNCTION admin.is_admin() FROM PUBLIC;
GRANT ALL ON FUNCTION admin.is_admin() TO authenticated;

-- acl FUNCTION operations(state text, sought text, maximum integer)
REVOKE ALL ON FUNCTION admin.operations(state text, sought text, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION admin.operations(state text, sought text, maximum integer) TO authenticated;

-- acl FUNCTION replay(job bigint)
REVOKE ALL ON FUNCTION admin.replay(job bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION admin.replay(job bigint) TO authenticated;

-- acl FUNCTION require_admin()
REVOKE ALL ON FUNCTION admin.require_admin() FROM PUBLIC;

-- acl FUNCTION set_role(phone text, is_admin boolean)
REVOKE ALL ON FUNCTION admin.set_role(phone text, is_admin boolean) FROM PUBLIC;

-- acl FUNCTION access_of(connection_id uuid)
REVOKE ALL ON FUNCTION banking.access_of(connection_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.access_of(connection_id uuid) TO service_role;

-- acl FUNCTION ask_about_links(maximum integer)
REVOKE ALL ON FUNCTION banking.ask_about_links(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.ask_about_links(maximum integer) TO service_role;

-- acl FUNCTION ask_about_stale(maximum integer)
REVOKE ALL ON FUNCTION banking.ask_about_stale(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.ask_about_stale(maximum integer) TO service_role;

-- acl FUNCTION begin_exchange(link_id uuid)
REVOKE ALL ON FUNCTION banking.begin_exchange(link_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.begin_exchange(link_id uuid) TO service_role;

-- acl FUNCTION begin_link(link_id uuid, source_id uuid)
REVOKE ALL ON FUNCTION banking.begin_link(link_id uuid, source_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.begin_link(link_id uuid, source_id uuid) TO authenticated;

-- acl FUNCTION begin_source(source_id uuid, kind text, last4 text)
REVOKE ALL ON FUNCTION banking.begin_source(source_id uuid, kind text, last4 text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.begin_source(source_id uuid, kind text, last4 text) TO authenticated;

-- acl FUNCTION book_accepted(load_id uuid, vendor_ref text)
REVOKE ALL ON FUNCTION banking.book_accepted(load_id uuid, vendor_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_accepted(load_id uuid, vendor_ref text) TO service_role;

-- acl FUNCTION book_account(link_id uuid, institution_name text, kind text, last4 text)
REVOKE ALL ON FUNCTION banking.book_account(link_id uuid, institution_name text, kind text, last4 text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_account(link_id uuid, institution_name text, kind text, last4 text) TO service_role;

-- acl FUNCTION book_canceled(operation banking.provider_operation)
REVOKE ALL ON FUNCTION banking.book_canceled(operation banking.provider_operation) FROM PUBLIC;

-- acl FUNCTION book_cleared(load_id uuid)
REVOKE ALL ON FUNCTION banking.book_cleared(load_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_cleared(load_id uuid) TO service_role;

-- acl FUNCTION book_connection_state(connection_id uuid, state text)
REVOKE ALL ON FUNCTION banking.book_connection_state(connection_id uuid, state text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_connection_state(connection_id uuid, state text) TO service_role;

-- acl FUNCTION book_correction(vendor_id text, kind text, bank_name text)
REVOKE ALL ON FUNCTION banking.book_correction(vendor_id text, kind text, bank_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_correction(vendor_id text, kind text, bank_name text) TO service_role;

-- acl FUNCTION book_customer(source_id uuid, vendor_id text)
REVOKE ALL ON FUNCTION banking.book_customer(source_id uuid, vendor_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_customer(source_id uuid, vendor_id text) TO service_role;

-- acl FUNCTION book_differences(differences jsonb, since timestamp with time zone, began_at timestamp with time zone, transfer_count integer, in_flight_count integer)
REVOKE ALL ON FUNCTION banking.book_differences(differences jsonb, since timestamp with time zone, began_at timestamp with time zone, transfer_count integer, in_flight_count integer) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_differences(differences jsonb, since timestamp with time zone, began_at timestamp with time zone, transfer_count integer, in_flight_count integer) TO service_role;

-- acl FUNCTION book_exchanged(link_id uuid, item_id text, access_sealed bytea, key_version integer)
REVOKE ALL ON FUNCTION banking.book_exchanged(link_id uuid, item_id text, access_sealed bytea, key_version integer) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_exchanged(link_id uuid, item_id text, access_sealed bytea, key_version integer) TO service_role;

-- acl FUNCTION book_failed(load_id uuid, vendor_ref text, code text, is_canceled boolean, bank_goes boolean, is_denied boolean)
REVOKE ALL ON FUNCTION banking.book_failed(load_id uuid, vendor_ref text, code text, is_canceled boolean, bank_goes boolean, is_denied boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_failed(load_id uuid, vendor_ref text, code text, is_canceled boolean, bank_goes boolean, is_denied boolean) TO service_role;

-- acl FUNCTION book_given_back(connection_id uuid)
REVOKE ALL ON FUNCTION banking.book_given_back(connection_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_given_back(connection_id uuid) TO service_role;

-- acl FUNCTION book_link_open(link_id uuid, token_hash text, session_sealed bytea)
REVOKE ALL ON FUNCTION banking.book_link_open(link_id uuid, token_hash text, session_sealed bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_link_open(link_id uuid, token_hash text, session_sealed bytea) TO service_role;

-- acl FUNCTION book_linked(link_id uuid, vendor_id text, bank_name text, is_holder boolean)
REVOKE ALL ON FUNCTION banking.book_linked(link_id uuid, vendor_id text, bank_name text, is_holder boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_linked(link_id uuid, vendor_id text, bank_name text, is_holder boolean) TO service_role;

-- acl FUNCTION book_reconnected(link_id uuid, state text)
REVOKE ALL ON FUNCTION banking.book_reconnected(link_id uuid, state text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_reconnected(link_id uuid, state text) TO service_role;

-- acl FUNCTION book_redemption_accepted(redemption_id uuid, vendor_ref text)
REVOKE ALL ON FUNCTION banking.book_redemption_accepted(redemption_id uuid, vendor_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_redemption_accepted(redemption_id uuid, vendor_ref text) TO service_role;

-- acl FUNCTION book_redemption_debited(redemption_id uuid, vendor_ref text)
REVOKE ALL ON FUNCTION banking.book_redemption_debited(redemption_id uuid, vendor_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_redemption_debited(redemption_id uuid, vendor_ref text) TO service_role;

-- acl FUNCTION book_redemption_failed(redemption_id uuid, vendor_ref text, code text, is_canceled boolean, bank_goes boolean)
REVOKE ALL ON FUNCTION banking.book_redemption_failed(redemption_id uuid, vendor_ref text, code text, is_canceled boolean, bank_goes boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_redemption_failed(redemption_id uuid, vendor_ref text, code text, is_canceled boolean, bank_goes boolean) TO service_role;

-- acl FUNCTION book_redemption_paid(redemption_id uuid, vendor_ref text)
REVOKE ALL ON FUNCTION banking.book_redemption_paid(redemption_id uuid, vendor_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_redemption_paid(redemption_id uuid, vendor_ref text) TO service_role;

-- acl FUNCTION book_settled(load_id uuid, vendor_ref text, clears_at timestamp with time zone)
REVOKE ALL ON FUNCTION banking.book_settled(load_id uuid, vendor_ref text, clears_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_settled(load_id uuid, vendor_ref text, clears_at timestamp with time zone) TO service_role;

-- acl FUNCTION book_source(source_id uuid, vendor_id text, bank_name text, is_verified boolean)
REVOKE ALL ON FUNCTION banking.book_source(source_id uuid, vendor_id text, bank_name text, is_verified boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_source(source_id uuid, vendor_id text, bank_name text, is_verified boolean) TO service_role;

-- acl FUNCTION book_source_state(vendor_id text, state text)
REVOKE ALL ON FUNCTION banking.book_source_state(vendor_id text, state text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_source_state(vendor_id text, state text) TO service_role;

-- acl FUNCTION book_wrong_deposits(source_id uuid, is_closed boolean)
REVOKE ALL ON FUNCTION banking.book_wrong_deposits(source_id uuid, is_closed boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.book_wrong_deposits(source_id uuid, is_closed boolean) TO service_role;

-- acl FUNCTION cancel(operation_id uuid)
REVOKE ALL ON FUNCTION banking.cancel(operation_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.cancel(operation_id uuid) TO authenticated;

-- acl FUNCTION cancel_word(operation banking.provider_operation)
REVOKE ALL ON FUNCTION banking.cancel_word(operation banking.provider_operation) FROM PUBLIC;

-- acl FUNCTION claim_cancel(operation_id uuid)
REVOKE ALL ON FUNCTION banking.claim_cancel(operation_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.claim_cancel(operation_id uuid) TO service_role;

-- acl FUNCTION claim_load(load_id uuid)
REVOKE ALL ON FUNCTION banking.claim_load(load_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.claim_load(load_id uuid) TO service_role;

-- acl FUNCTION claim_redemption(redemption_id uuid)
REVOKE ALL ON FUNCTION banking.claim_redemption(redemption_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.claim_redemption(redemption_id uuid) TO service_role;

-- acl FUNCTION close_source(source_id uuid, code text)
REVOKE ALL ON FUNCTION banking.close_source(source_id uuid, code text) FROM PUBLIC;

-- acl FUNCTION compared_since(days integer)
REVOKE ALL ON FUNCTION banking.compared_since(days integer) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.compared_since(days integer) TO service_role;

-- acl FUNCTION confirm_reserve(confirmed_cents bigint, in_flight_cents bigint, as_of timestamp with time zone, parts jsonb, liabilities_before_cents bigint, is_full boolean, OUT short_cents bigint, OUT case_id uuid, OUT is_new boolean)
REVOKE ALL ON FUNCTION banking.confirm_reserve(confirmed_cents bigint, in_flight_cents bigint, as_of timestamp with time zone, parts jsonb, liabilities_before_cents bigint, is_full boolean, OUT short_cents bigint, OUT case_id uuid, OUT is_new boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.confirm_reserve(confirmed_cents bigint, in_flight_cents bigint, as_of timestamp with time zone, parts jsonb, liabilities_before_cents bigint, is_full boolean, OUT short_cents bigint, OUT case_id uuid, OUT is_new boolean) TO service_role;

-- acl FUNCTION connection_of(item_id text)
REVOKE ALL ON FUNCTION banking.connection_of(item_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.connection_of(item_id text) TO service_role;

-- acl FUNCTION debt_moves_forward()
REVOKE ALL ON FUNCTION banking.debt_moves_forward() FROM PUBLIC;

-- acl FUNCTION default_of(person uuid)
REVOKE ALL ON FUNCTION banking.default_of(person uuid) FROM PUBLIC;

-- acl FUNCTION due_to_clear(maximum integer)
REVOKE ALL ON FUNCTION banking.due_to_clear(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.due_to_clear(maximum integer) TO service_role;

-- acl FUNCTION end_connection(connection_id uuid)
REVOKE ALL ON FUNCTION banking.end_connection(connection_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.end_connection(connection_id uuid) TO service_role;

-- acl FUNCTION end_connections()
REVOKE ALL ON FUNCTION banking.end_connections() FROM PUBLIC;

-- acl FUNCTION end_link(link_id uuid, state text, code text)
REVOKE ALL ON FUNCTION banking.end_link(link_id uuid, state text, code text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.end_link(link_id uuid, state text, code text) TO service_role;

-- acl FUNCTION enqueue_link(link banking.link)
REVOKE ALL ON FUNCTION banking.enqueue_link(link banking.link) FROM PUBLIC;

-- acl FUNCTION environment_in_force()
REVOKE ALL ON FUNCTION banking.environment_in_force() FROM PUBLIC;

-- acl FUNCTION fail_source(source_id uuid)
REVOKE ALL ON FUNCTION banking.fail_source(source_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.fail_source(source_id uuid) TO service_role;

-- acl FUNCTION freed_money_repays()
REVOKE ALL ON FUNCTION banking.freed_money_repays() FROM PUBLIC;

-- acl FUNCTION hold_bank_days(environment text)
REVOKE ALL ON FUNCTION banking.hold_bank_days(environment text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.hold_bank_days(environment text) TO authenticated;
GRANT ALL ON FUNCTION banking.hold_bank_days(environment text) TO service_role;

-- acl FUNCTION is_busy(source_id uuid)
REVOKE ALL ON FUNCTION banking.is_busy(source_id uuid) FROM PUBLIC;

-- acl FUNCTION liabilities(is_full boolean, OUT uncleared_cents bigint, OUT circulation_cents bigint)
REVOKE ALL ON FUNCTION banking.liabilities(is_full boolean, OUT uncleared_cents bigint, OUT circulation_cents bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.liabilities(is_full boolean, OUT uncleared_cents bigint, OUT circulation_cents bigint) TO service_role;

-- acl FUNCTION limit_of(person uuid, name text)
REVOKE ALL ON FUNCTION banking.limit_of(person uuid, name text) FROM PUBLIC;

-- acl FUNCTION limits_of(person uuid)
REVOKE ALL ON FUNCTION banking.limits_of(person uuid) FROM PUBLIC;

-- acl FUNCTION link_json(link banking.link)
REVOKE ALL ON FUNCTION banking.link_json(link banking.link) FROM PUBLIC;

-- acl FUNCTION link_order(link_id uuid)
REVOKE ALL ON FUNCTION banking.link_order(link_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.link_order(link_id uuid) TO service_role;

-- acl FUNCTION load_fits(load_id uuid)
REVOKE ALL ON FUNCTION banking.load_fits(load_id uuid) FROM PUBLIC;

-- acl FUNCTION load_json(load_id uuid, viewer uuid)
REVOKE ALL ON FUNCTION banking.load_json(load_id uuid, viewer uuid) FROM PUBLIC;

-- acl FUNCTION loaded_in_week(person uuid)
REVOKE ALL ON FUNCTION banking.loaded_in_week(person uuid) FROM PUBLIC;

-- acl FUNCTION lock_wallet(person uuid)
REVOKE ALL ON FUNCTION banking.lock_wallet(person uuid) FROM PUBLIC;

-- acl FUNCTION make_default(source_id uuid)
REVOKE ALL ON FUNCTION banking.make_default(source_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.make_default(source_id uuid) TO authenticated;

-- acl FUNCTION may_load(person uuid)
REVOKE ALL ON FUNCTION banking.may_load(person uuid) FROM PUBLIC;

-- acl FUNCTION moment()
REVOKE ALL ON FUNCTION banking.moment() FROM PUBLIC;
GRANT ALL ON FUNCTION banking.moment() TO service_role;

-- acl FUNCTION my_banks()
REVOKE ALL ON FUNCTION banking.my_banks() FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_banks() TO authenticated;

-- acl FUNCTION my_debts()
REVOKE ALL ON FUNCTION banking.my_debts() FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_debts() TO authenticated;

-- acl FUNCTION my_link(link_id uuid, has_returned boolean)
REVOKE ALL ON FUNCTION banking.my_link(link_id uuid, has_returned boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_link(link_id uuid, has_returned boolean) TO authenticated;

-- acl FUNCTION my_load(load_id uuid)
REVOKE ALL ON FUNCTION banking.my_load(load_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_load(load_id uuid) TO authenticated;

-- acl FUNCTION my_load_limits()
REVOKE ALL ON FUNCTION banking.my_load_limits() FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_load_limits() TO authenticated;

-- acl FUNCTION my_loads(before timestamp with time zone, maximum integer)
REVOKE ALL ON FUNCTION banking.my_loads(before timestamp with time zone, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_loads(before timestamp with time zone, maximum integer) TO authenticated;

-- acl FUNCTION my_pending_cents()
REVOKE ALL ON FUNCTION banking.my_pending_cents() FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_pending_cents() TO authenticated;

-- acl FUNCTION my_redemption(redemption_id uuid)
REVOKE ALL ON FUNCTION banking.my_redemption(redemption_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_redemption(redemption_id uuid) TO authenticated;

-- acl FUNCTION my_redemption_limits()
REVOKE ALL ON FUNCTION banking.my_redemption_limits() FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_redemption_limits() TO authenticated;

-- acl FUNCTION my_redemptions(before timestamp with time zone, maximum integer)
REVOKE ALL ON FUNCTION banking.my_redemptions(before timestamp with time zone, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_redemptions(before timestamp with time zone, maximum integer) TO authenticated;

-- acl FUNCTION my_repaid_by(load_id uuid)
REVOKE ALL ON FUNCTION banking.my_repaid_by(load_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_repaid_by(load_id uuid) TO authenticated;

-- acl FUNCTION my_source(source_id uuid)
REVOKE ALL ON FUNCTION banking.my_source(source_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_source(source_id uuid) TO authenticated;

-- acl FUNCTION my_sources()
REVOKE ALL ON FUNCTION banking.my_sources() FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_sources() TO authenticated;

-- acl FUNCTION my_tier()
REVOKE ALL ON FUNCTION banking.my_tier() FROM PUBLIC;
GRANT ALL ON FUNCTION banking.my_tier() TO authenticated;

-- acl FUNCTION net_flow(since date, until date)
REVOKE ALL ON FUNCTION banking.net_flow(since date, until date) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.net_flow(since date, until date) TO service_role;

-- acl FUNCTION new_reference(prefix text)
REVOKE ALL ON FUNCTION banking.new_reference(prefix text) FROM PUBLIC;

-- acl FUNCTION note_attempt(operation_id uuid, error text, is_unsent boolean)
REVOKE ALL ON FUNCTION banking.note_attempt(operation_id uuid, error text, is_unsent boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.note_attempt(operation_id uuid, error text, is_unsent boolean) TO service_role;

-- acl FUNCTION note_cancel_refused(operation_id uuid)
REVOKE ALL ON FUNCTION banking.note_cancel_refused(operation_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.note_cancel_refused(operation_id uuid) TO service_role;

-- acl FUNCTION note_replaced(link_id uuid, vendor_id text)
REVOKE ALL ON FUNCTION banking.note_replaced(link_id uuid, vendor_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.note_replaced(link_id uuid, vendor_id text) TO service_role;

-- acl FUNCTION open_dispute(operation_id uuid, vendor_ref text, code text)
REVOKE ALL ON FUNCTION banking.open_dispute(operation_id uuid, vendor_ref text, code text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.open_dispute(operation_id uuid, vendor_ref text, code text) TO service_role;

-- acl FUNCTION operation_of(vendor_ref text, correlation_id uuid)
REVOKE ALL ON FUNCTION banking.operation_of(vendor_ref text, correlation_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.operation_of(vendor_ref text, correlation_id uuid) TO service_role;

-- acl FUNCTION order_of(person uuid)
REVOKE ALL ON FUNCTION banking.order_of(person uuid) FROM PUBLIC;

-- acl FUNCTION our_movements(since timestamp with time zone, vendor_refs text[])
REVOKE ALL ON FUNCTION banking.our_movements(since timestamp with time zone, vendor_refs text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.our_movements(since timestamp with time zone, vendor_refs text[]) TO service_role;

-- acl FUNCTION owed_cents(person uuid)
REVOKE ALL ON FUNCTION banking.owed_cents(person uuid) FROM PUBLIC;

-- acl FUNCTION owner_of(operation_id uuid)
REVOKE ALL ON FUNCTION banking.owner_of(operation_id uuid) FROM PUBLIC;

-- acl FUNCTION receive_event(event_id text, topic text, resource_id text)
REVOKE ALL ON FUNCTION banking.receive_event(event_id text, topic text, resource_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.receive_event(event_id text, topic text, resource_id text) TO service_role;

-- acl FUNCTION receive_link_event(event_id text, topic text, token_hash text, item_id text)
REVOKE ALL ON FUNCTION banking.receive_link_event(event_id text, topic text, token_hash text, item_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.receive_link_event(event_id text, topic text, token_hash text, item_id text) TO service_role;

-- acl FUNCTION record_cancel(operation banking.provider_operation, what text, actor uuid)
REVOKE ALL ON FUNCTION banking.record_cancel(operation banking.provider_operation, what text, actor uuid) FROM PUBLIC;

-- acl FUNCTION redeemed_in_week(person uuid, except_id uuid)
REVOKE ALL ON FUNCTION banking.redeemed_in_week(person uuid, except_id uuid) FROM PUBLIC;

-- acl FUNCTION redeems_from(person uuid)
REVOKE ALL ON FUNCTION banking.redeems_from(person uuid) FROM PUBLIC;

-- acl FUNCTION redemption_json(redemption_id uuid, viewer uuid)
REVOKE ALL ON FUNCTION banking.redemption_json(redemption_id uuid, viewer uuid) FROM PUBLIC;

-- acl FUNCTION redemption_refusal(person uuid, amount_cents bigint, except_id uuid)
REVOKE ALL ON FUNCTION banking.redemption_refusal(person uuid, amount_cents bigint, except_id uuid) FROM PUBLIC;

-- acl FUNCTION redemption_room_at(person uuid, amount_cents bigint)
REVOKE ALL ON FUNCTION banking.redemption_room_at(person uuid, amount_cents bigint) FROM PUBLIC;

-- acl FUNCTION refuse_sixth_source(person uuid)
REVOKE ALL ON FUNCTION banking.refuse_sixth_source(person uuid) FROM PUBLIC;

-- acl FUNCTION repaid_by(load_id uuid)
REVOKE ALL ON FUNCTION banking.repaid_by(load_id uuid) FROM PUBLIC;

-- acl FUNCTION repay_debts(person uuid, cause text, cause_id uuid)
REVOKE ALL ON FUNCTION banking.repay_debts(person uuid, cause text, cause_id uuid) FROM PUBLIC;

-- acl FUNCTION repay_now(repayment_key uuid)
REVOKE ALL ON FUNCTION banking.repay_now(repayment_key uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.repay_now(repayment_key uuid) TO authenticated;

-- acl FUNCTION room_at(person uuid, amount_cents bigint)
REVOKE ALL ON FUNCTION banking.room_at(person uuid, amount_cents bigint) FROM PUBLIC;

-- acl FUNCTION source_json(source banking.source)
REVOKE ALL ON FUNCTION banking.source_json(source banking.source) FROM PUBLIC;

-- acl FUNCTION start_load(load_id uuid, source_id uuid, amount_cents bigint)
REVOKE ALL ON FUNCTION banking.start_load(load_id uuid, source_id uuid, amount_cents bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.start_load(load_id uuid, source_id uuid, amount_cents bigint) TO authenticated;

-- acl FUNCTION start_redemption(redemption_id uuid, source_id uuid, amount_cents bigint)
REVOKE ALL ON FUNCTION banking.start_redemption(redemption_id uuid, source_id uuid, amount_cents bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.start_redemption(redemption_id uuid, source_id uuid, amount_cents bigint) TO authenticated;

-- acl FUNCTION take_back(load_id uuid, code text)
REVOKE ALL ON FUNCTION banking.take_back(load_id uuid, code text) FROM PUBLIC;

-- acl FUNCTION tier_of(person uuid)
REVOKE ALL ON FUNCTION banking.tier_of(person uuid) FROM PUBLIC;

-- acl FUNCTION undo_exchange(link_id uuid)
REVOKE ALL ON FUNCTION banking.undo_exchange(link_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.undo_exchange(link_id uuid) TO service_role;

-- acl FUNCTION unlink_source(source_id uuid)
REVOKE ALL ON FUNCTION banking.unlink_source(source_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.unlink_source(source_id uuid) TO authenticated;

-- acl FUNCTION use_environment(environment text)
REVOKE ALL ON FUNCTION banking.use_environment(environment text) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.use_environment(environment text) TO service_role;

-- acl FUNCTION vendor_ref_of(operation_id uuid)
REVOKE ALL ON FUNCTION banking.vendor_ref_of(operation_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION banking.vendor_ref_of(operation_id uuid) TO service_role;

-- acl FUNCTION case_moves_forward()
REVOKE ALL ON FUNCTION cases.case_moves_forward() FROM PUBLIC;

-- acl FUNCTION close_case(case_id uuid, outcome text, closed_by uuid)
REVOKE ALL ON FUNCTION cases.close_case(case_id uuid, outcome text, closed_by uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION cases.close_case(case_id uuid, outcome text, closed_by uuid) TO service_role;

-- acl FUNCTION open_case(kind text, subject text, evidence jsonb, OUT case_id uuid, OUT is_new boolean)
REVOKE ALL ON FUNCTION cases.open_case(kind text, subject text, evidence jsonb, OUT case_id uuid, OUT is_new boolean) FROM PUBLIC;

-- acl FUNCTION open_cases(maximum integer)
REVOKE ALL ON FUNCTION cases.open_cases(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION cases.open_cases(maximum integer) TO service_role;

-- acl FUNCTION accept_dispute(account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION charges.accept_dispute(account uuid, id uuid, request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.accept_dispute(account uuid, id uuid, request jsonb) TO service_role;

-- acl FUNCTION account_of(account uuid, kind text, asset text)
REVOKE ALL ON FUNCTION charges.account_of(account uuid, kind text, asset text) FROM PUBLIC;

-- acl FUNCTION accounts_due(maximum integer)
REVOKE ALL ON FUNCTION charges.accounts_due(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.accounts_due(maximum integer) TO service_role;

-- acl FUNCTION advance(account uuid, until timestamp with time zone, maximum integer)
REVOKE ALL ON FUNCTION charges.advance(account uuid, until timestamp with time zone, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.advance(account uuid, until timestamp with time zone, maximum integer) TO service_role;

-- acl FUNCTION after_bank_days(moment timestamp with time zone, bank_days integer)
REVOKE ALL ON FUNCTION charges.after_bank_days(moment timestamp with time zone, bank_days integer) FROM PUBLIC;

-- acl TABLE charge
GRANT SELECT,DELETE ON TABLE charges.charge TO paya_sandbox_sweeper;

-- acl FUNCTION allocate(c charges.charge, source uuid, wanted bigint, capture_id uuid, for_dispute boolean)
REVOKE ALL ON FUNCTION charges.allocate(c charges.charge, source uuid, wanted bigint, capture_id uuid, for_dispute boolean) FROM PUBLIC;

-- acl FUNCTION answer_dispute(account uuid, id uuid, request jsonb, operation text)
REVOKE ALL ON FUNCTION charges.answer_dispute(account uuid, id uuid, request jsonb, operation text) FROM PUBLIC;

-- acl FUNCTION append_only()
REVOKE ALL ON FUNCTION charges.append_only() FROM PUBLIC;

-- acl FUNCTION authorize(account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION charges.authorize(account uuid, id uuid, request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.authorize(account uuid, id uuid, request jsonb) TO service_role;

-- acl FUNCTION balances(account uuid)
REVOKE ALL ON FUNCTION charges.balances(account uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.balances(account uuid) TO service_role;
GRANT ALL ON FUNCTION charges.balances(account uuid) TO paya_app;

-- acl FUNCTION begin(account uuid)
REVOKE ALL ON FUNCTION charges.begin(account uuid) FROM PUBLIC;

-- acl FUNCTION book_expiry(account uuid, charge_id uuid, moment timestamp with time zone)
REVOKE ALL ON FUNCTION charges.book_expiry(account uuid, charge_id uuid, moment timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION capture(account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION charges.capture(account uuid, id uuid, request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.capture(account uuid, id uuid, request jsonb) TO service_role;

-- acl TABLE capture
GRANT SELECT,DELETE ON TABLE charges.capture TO paya_sandbox_sweeper;

-- acl FUNCTION capture_json(k charges.capture, c charges.charge)
REVOKE ALL ON FUNCTION charges.capture_json(k charges.capture, c charges.charge) FROM PUBLIC;

-- acl FUNCTION card_id(account uuid, card text)
REVOKE ALL ON FUNCTION charges.card_id(account uuid, card text) FROM PUBLIC;

-- acl FUNCTION charge_json(c charges.charge)
REVOKE ALL ON FUNCTION charges.charge_json(c charges.charge) FROM PUBLIC;

-- acl FUNCTION clock_of(account uuid)
REVOKE ALL ON FUNCTION charges.clock_of(account uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.clock_of(account uuid) TO service_role;

-- acl FUNCTION derived_id(near uuid, seed text)
REVOKE ALL ON FUNCTION charges.derived_id(near uuid, seed text) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.derived_id(near uuid, seed text) TO paya_sandbox_sweeper;

-- acl FUNCTION digest_of(id uuid, request jsonb, known_params text[])
REVOKE ALL ON FUNCTION charges.digest_of(id uuid, request jsonb, known_params text[]) FROM PUBLIC;

-- acl TABLE dispute
GRANT SELECT,DELETE ON TABLE charges.dispute TO paya_sandbox_sweeper;

-- acl FUNCTION dispute_json(d charges.dispute, c charges.charge)
REVOKE ALL ON FUNCTION charges.dispute_json(d charges.dispute, c charges.charge) FROM PUBLIC;

-- acl FUNCTION do_due(account uuid, thing charges.due_thing)
REVOKE ALL ON FUNCTION charges.do_due(account uuid, thing charges.due_thing) FROM PUBLIC;

-- acl FUNCTION end_dispute(d charges.dispute, outcome text, moment timestamp with time zone)
REVOKE ALL ON FUNCTION charges.end_dispute(d charges.dispute, outcome text, moment timestamp with time zone) FROM PUBLIC;

-- acl TABLE refund
GRANT SELECT,DELETE ON TABLE charges.refund TO paya_sandbox_sweeper;

-- acl FUNCTION end_refund(r charges.refund, succeeds boolean, moment timestamp with time zone)
REVOKE ALL ON FUNCTION charges.end_refund(r charges.refund, succeeds boolean, moment timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION execute(operation text, account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION charges.execute(operation text, account uuid, id uuid, request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.execute(operation text, account uuid, id uuid, request jsonb) TO service_role;
GRANT ALL ON FUNCTION charges.execute(operation text, account uuid, id uuid, request jsonb) TO paya_app;

-- acl FUNCTION expire(account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION charges.expire(account uuid, id uuid, request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.expire(account uuid, id uuid, request jsonb) TO service_role;

-- acl FUNCTION fail_refund(account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION charges.fail_refund(account uuid, id uuid, request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.fail_refund(account uuid, id uuid, request jsonb) TO service_role;

-- acl FUNCTION fee_minor(amount_minor bigint, fee_bps bigint, fee_fixed_minor bigint)
REVOKE ALL ON FUNCTION charges.fee_minor(amount_minor bigint, fee_bps bigint, fee_fixed_minor bigint) FROM PUBLIC;

-- acl FUNCTION flag_in(request jsonb, param text, otherwise boolean)
REVOKE ALL ON FUNCTION charges.flag_in(request jsonb, param text, otherwise boolean) FROM PUBLIC;

-- acl FUNCTION forget(account uuid, charge_ids uuid[])
REVOKE ALL ON FUNCTION charges.forget(account uuid, charge_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.forget(account uuid, charge_ids uuid[]) TO paya_sandbox_sweeper;

-- acl FUNCTION forget_transfers(ids uuid[])
REVOKE ALL ON FUNCTION charges.forget_transfers(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.forget_transfers(ids uuid[]) TO paya_sandbox_sweeper;

-- acl FUNCTION freeze_clock(account uuid, moment timestamp with time zone)
REVOKE ALL ON FUNCTION charges.freeze_clock(account uuid, moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.freeze_clock(account uuid, moment timestamp with time zone) TO service_role;

-- acl FUNCTION give_back_portions(account uuid, source uuid, for_dispute boolean)
REVOKE ALL ON FUNCTION charges.give_back_portions(account uuid, source uuid, for_dispute boolean) FROM PUBLIC;

-- acl FUNCTION has_card_number(words text)
REVOKE ALL ON FUNCTION charges.has_card_number(words text) FROM PUBLIC;

-- acl FUNCTION hold_clock(account uuid)
REVOKE ALL ON FUNCTION charges.hold_clock(account uuid) FROM PUBLIC;

-- acl FUNCTION id_in(request jsonb, param text)
REVOKE ALL ON FUNCTION charges.id_in(request jsonb, param text) FROM PUBLIC;

-- acl FUNCTION increment(account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION charges.increment(account uuid, id uuid, request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.increment(account uuid, id uuid, request jsonb) TO service_role;

-- acl FUNCTION is_bank_day(day date)
REVOKE ALL ON FUNCTION charges.is_bank_day(day date) FROM PUBLIC;

-- acl FUNCTION is_done(account uuid, id uuid, kind text, subject uuid, asked bytea)
REVOKE ALL ON FUNCTION charges.is_done(account uuid, id uuid, kind text, subject uuid, asked bytea) FROM PUBLIC;

-- acl FUNCTION iso(moment timestamp with time zone)
REVOKE ALL ON FUNCTION charges.iso(moment timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION legal_operations(state text, open_minor bigint, captured_minor bigint, refundable_minor bigint, increment_count integer, capture_count integer)
REVOKE ALL ON FUNCTION charges.legal_operations(state text, open_minor bigint, captured_minor bigint, refundable_minor bigint, increment_count integer, capture_count integer) FROM PUBLIC;

-- acl FUNCTION let_go(account uuid, id uuid, request jsonb, operation text)
REVOKE ALL ON FUNCTION charges.let_go(account uuid, id uuid, request jsonb, operation text) FROM PUBLIC;

-- acl FUNCTION list(account uuid, filters jsonb, after uuid, maximum integer)
REVOKE ALL ON FUNCTION charges.list(account uuid, filters jsonb, after uuid, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.list(account uuid, filters jsonb, after uuid, maximum integer) TO service_role;
GRANT ALL ON FUNCTION charges.list(account uuid, filters jsonb, after uuid, maximum integer) TO paya_app;

-- acl FUNCTION list_settlements(account uuid, after uuid, maximum integer)
REVOKE ALL ON FUNCTION charges.list_settlements(account uuid, after uuid, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.list_settlements(account uuid, after uuid, maximum integer) TO service_role;
GRANT ALL ON FUNCTION charges.list_settlements(account uuid, after uuid, maximum integer) TO paya_app;

-- acl FUNCTION lock_charge(account uuid, charge_id uuid, moment timestamp with time zone)
REVOKE ALL ON FUNCTION charges.lock_charge(account uuid, charge_id uuid, moment timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION make_dispute(c charges.charge, dispute_id uuid, asked bytea, wanted bigint, reason text, moment timestamp with time zone)
REVOKE ALL ON FUNCTION charges.make_dispute(c charges.charge, dispute_id uuid, asked bytea, wanted bigint, reason text, moment timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION metadata_in(request jsonb)
REVOKE ALL ON FUNCTION charges.metadata_in(request jsonb) FROM PUBLIC;

-- acl FUNCTION minor_in(request jsonb, param text, maximum bigint)
REVOKE ALL ON FUNCTION charges.minor_in(request jsonb, param text, maximum bigint) FROM PUBLIC;

-- acl FUNCTION moment_in(filters jsonb, param text)
REVOKE ALL ON FUNCTION charges.moment_in(filters jsonb, param text) FROM PUBLIC;

-- acl FUNCTION next_due(account uuid)
REVOKE ALL ON FUNCTION charges.next_due(account uuid) FROM PUBLIC;

-- acl FUNCTION next_states(state text)
REVOKE ALL ON FUNCTION charges.next_states(state text) FROM PUBLIC;

-- acl FUNCTION now(account uuid)
REVOKE ALL ON FUNCTION charges.now(account uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.now(account uuid) TO service_role;
GRANT ALL ON FUNCTION charges.now(account uuid) TO paya_app;

-- acl FUNCTION open_cardholder(account uuid, holder uuid, asset text)
REVOKE ALL ON FUNCTION charges.open_cardholder(account uuid, holder uuid, asset text) FROM PUBLIC;

-- acl FUNCTION open_dispute(account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION charges.open_dispute(account uuid, id uuid, request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.open_dispute(account uuid, id uuid, request jsonb) TO service_role;

-- acl FUNCTION page(rows jsonb, maximum integer)
REVOKE ALL ON FUNCTION charges.page(rows jsonb, maximum integer) FROM PUBLIC;

-- acl FUNCTION post_refund(r charges.refund, moment timestamp with time zone)
REVOKE ALL ON FUNCTION charges.post_refund(r charges.refund, moment timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION read(account uuid, id uuid, object_kind text)
REVOKE ALL ON FUNCTION charges.read(account uuid, id uuid, object_kind text) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.read(account uuid, id uuid, object_kind text) TO service_role;
GRANT ALL ON FUNCTION charges.read(account uuid, id uuid, object_kind text) TO paya_app;

-- acl FUNCTION record(account uuid, kind text, moment timestamp with time zone, data jsonb)
REVOKE ALL ON FUNCTION charges.record(account uuid, kind text, moment timestamp with time zone, data jsonb) FROM PUBLIC;

-- acl FUNCTION refund(account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION charges.refund(account uuid, id uuid, request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.refund(account uuid, id uuid, request jsonb) TO service_role;

-- acl FUNCTION refund_json(r charges.refund, c charges.charge)
REVOKE ALL ON FUNCTION charges.refund_json(r charges.refund, c charges.charge) FROM PUBLIC;

-- acl FUNCTION require(c charges.charge, operation text)
REVOKE ALL ON FUNCTION charges.require(c charges.charge, operation text) FROM PUBLIC;

-- acl FUNCTION run_settlement(account uuid, everything boolean)
REVOKE ALL ON FUNCTION charges.run_settlement(account uuid, everything boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.run_settlement(account uuid, everything boolean) TO service_role;

-- acl FUNCTION set_clock(account uuid, moment timestamp with time zone)
REVOKE ALL ON FUNCTION charges.set_clock(account uuid, moment timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION settle(account uuid, currency text, up_to timestamp with time zone, moment timestamp with time zone)
REVOKE ALL ON FUNCTION charges.settle(account uuid, currency text, up_to timestamp with time zone, moment timestamp with time zone) FROM PUBLIC;

-- acl TABLE settlement
GRANT SELECT,DELETE ON TABLE charges.settlement TO paya_sandbox_sweeper;

-- acl FUNCTION settlement_json(s charges.settlement)
REVOKE ALL ON FUNCTION charges.settlement_json(s charges.settlement) FROM PUBLIC;

-- acl FUNCTION state(requested_minor bigint, authorized_minor bigint, captured_minor bigint, released_minor bigint, refunded_minor bigint, disputed_minor bigint, settled_minor bigint, reason text, dispute_stage text)
REVOKE ALL ON FUNCTION charges.state(requested_minor bigint, authorized_minor bigint, captured_minor bigint, released_minor bigint, refunded_minor bigint, disputed_minor bigint, settled_minor bigint, reason text, dispute_stage text) FROM PUBLIC;

-- acl FUNCTION submit_evidence(account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION charges.submit_evidence(account uuid, id uuid, request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.submit_evidence(account uuid, id uuid, request jsonb) TO service_role;

-- acl FUNCTION sweep(maximum integer)
REVOKE ALL ON FUNCTION charges.sweep(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.sweep(maximum integer) TO service_role;

-- acl FUNCTION take_portions(account uuid, source uuid, into_kind text, asset text, kind text, ref text)
REVOKE ALL ON FUNCTION charges.take_portions(account uuid, source uuid, into_kind text, asset text, kind text, ref text) FROM PUBLIC;

-- acl FUNCTION void(account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION charges.void(account uuid, id uuid, request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION charges.void(account uuid, id uuid, request jsonb) TO service_role;

-- acl FUNCTION admit(secret_hash bytea, scope text)
REVOKE ALL ON FUNCTION developers.admit(secret_hash bytea, scope text) FROM PUBLIC;
GRANT ALL ON FUNCTION developers.admit(secret_hash bytea, scope text) TO paya_app;

-- acl FUNCTION count_use(key_id uuid, quota integer, OUT left_count integer, OUT resets_s integer)
REVOKE ALL ON FUNCTION developers.count_use(key_id uuid, quota integer, OUT left_count integer, OUT resets_s integer) FROM PUBLIC;

-- acl FUNCTION counted(key developers.api_key)
REVOKE ALL ON FUNCTION developers.counted(key developers.api_key) FROM PUBLIC;

-- acl FUNCTION create_key(key_id uuid, key_mode text, key_name text, key_scopes text[], version date, secret_hash bytea, last4 text)
REVOKE ALL ON FUNCTION developers.create_key(key_id uuid, key_mode text, key_name text, key_scopes text[], version date, secret_hash bytea, last4 text) FROM PUBLIC;
GRANT ALL ON FUNCTION developers.create_key(key_id uuid, key_mode text, key_name text, key_scopes text[], version date, secret_hash bytea, last4 text) TO authenticated;

-- acl FUNCTION entering(secret_hash bytea, scope text, OUT key developers.api_key, OUT refused jsonb)
REVOKE ALL ON FUNCTION developers.entering(secret_hash bytea, scope text, OUT key developers.api_key, OUT refused jsonb) FROM PUBLIC;

-- acl FUNCTION hold_my_account()
REVOKE ALL ON FUNCTION developers.hold_my_account() FROM PUBLIC;

-- acl FUNCTION hold_my_key(key_id uuid)
REVOKE ALL ON FUNCTION developers.hold_my_key(key_id uuid) FROM PUBLIC;

-- acl FUNCTION is_ours(code text)
REVOKE ALL ON FUNCTION developers.is_ours(code text) FROM PUBLIC;

-- acl FUNCTION is_used_up(key_id uuid, quota integer)
REVOKE ALL ON FUNCTION developers.is_used_up(key_id uuid, quota integer) FROM PUBLIC;

-- acl FUNCTION key_json(key developers.api_key)
REVOKE ALL ON FUNCTION developers.key_json(key developers.api_key) FROM PUBLIC;

-- acl FUNCTION key_state(key developers.api_key, moment timestamp with time zone)
REVOKE ALL ON FUNCTION developers.key_state(key developers.api_key, moment timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION may(scopes text[], wanted text)
REVOKE ALL ON FUNCTION developers.may(scopes text[], wanted text) FROM PUBLIC;

-- acl FUNCTION my_account()
REVOKE ALL ON FUNCTION developers.my_account() FROM PUBLIC;
GRANT ALL ON FUNCTION developers.my_account() TO authenticated;

-- acl FUNCTION my_keys()
REVOKE ALL ON FUNCTION developers.my_keys() FROM PUBLIC;
GRANT ALL ON FUNCTION developers.my_keys() TO authenticated;

-- acl FUNCTION once(account uuid, mode text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text)
REVOKE ALL ON FUNCTION developers.once(account uuid, mode text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION developers.once(account uuid, mode text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text) TO service_role;

-- acl FUNCTION perform(operation text, account uuid, id uuid, request jsonb)
REVOKE ALL ON FUNCTION developers.perform(operation text, account uuid, id uuid, request jsonb) FROM PUBLIC;

-- acl FUNCTION require_room(account uuid)
REVOKE ALL ON FUNCTION developers.require_room(account uuid) FROM PUBLIC;

-- acl FUNCTION revoke_key(key_id uuid)
REVOKE ALL ON FUNCTION developers.revoke_key(key_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION developers.revoke_key(key_id uuid) TO authenticated;

-- acl FUNCTION rotate_key(key_id uuid, new_id uuid, secret_hash bytea, last4 text)
REVOKE ALL ON FUNCTION developers.rotate_key(key_id uuid, new_id uuid, secret_hash bytea, last4 text) FROM PUBLIC;
GRANT ALL ON FUNCTION developers.rotate_key(key_id uuid, new_id uuid, secret_hash bytea, last4 text) TO authenticated;

-- acl FUNCTION run_once(secret_hash bytea, scope text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text)
REVOKE ALL ON FUNCTION developers.run_once(secret_hash bytea, scope text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION developers.run_once(secret_hash bytea, scope text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text) TO paya_app;

-- acl FUNCTION advance()
REVOKE ALL ON FUNCTION events.advance() FROM PUBLIC;
GRANT ALL ON FUNCTION events.advance() TO paya_worker;
GRANT ALL ON FUNCTION events.advance() TO service_role;

-- acl FUNCTION is_restored()
REVOKE ALL ON FUNCTION events.is_restored() FROM PUBLIC;
GRANT ALL ON FUNCTION events.is_restored() TO paya_worker;
GRANT ALL ON FUNCTION events.is_restored() TO service_role;

-- acl FUNCTION rebase()
REVOKE ALL ON FUNCTION events.rebase() FROM PUBLIC;
GRANT ALL ON FUNCTION events.rebase() TO paya_worker;
GRANT ALL ON FUNCTION events.rebase() TO service_role;

-- acl FUNCTION record(kind text, subject uuid, version bigint, payload jsonb, actor uuid)
REVOKE ALL ON FUNCTION events.record(kind text, subject uuid, version bigint, payload jsonb, actor uuid) FROM PUBLIC;

-- acl FUNCTION take(consumer text, maximum integer)
REVOKE ALL ON FUNCTION events.take(consumer text, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION events.take(consumer text, maximum integer) TO paya_worker;
GRANT ALL ON FUNCTION events.take(consumer text, maximum integer) TO service_role;

-- acl FUNCTION announce(maximum integer)
REVOKE ALL ON FUNCTION feed.announce(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION feed.announce(maximum integer) TO paya_worker;
GRANT ALL ON FUNCTION feed.announce(maximum integer) TO service_role;

-- acl FUNCTION announce_text(p_id uuid, p_phone bytea)
REVOKE ALL ON FUNCTION identity.announce_text(p_id uuid, p_phone bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.announce_text(p_id uuid, p_phone bytea) TO service_role;

-- acl FUNCTION choose_received_audience(audience text)
REVOKE ALL ON FUNCTION identity.choose_received_audience(audience text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.choose_received_audience(audience text) TO authenticated;

-- acl TABLE profiles
GRANT SELECT ON TABLE public.profiles TO anon;
GRANT SELECT ON TABLE public.profiles TO authenticated;
GRANT SELECT ON TABLE public.profiles TO service_role;

-- acl FUNCTION claim_handle(handle text, name text)
REVOKE ALL ON FUNCTION identity.claim_handle(handle text, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.claim_handle(handle text, name text) TO authenticated;

-- acl FUNCTION claim_refresh(p_id uuid, p_token_version integer, p_claim interval)
REVOKE ALL ON FUNCTION identity.claim_refresh(p_id uuid, p_token_version integer, p_claim interval) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.claim_refresh(p_id uuid, p_token_version integer, p_claim interval) TO service_role;

-- acl FUNCTION claim_text(p_webhook_id text, p_phone bytea)
REVOKE ALL ON FUNCTION identity.claim_text(p_webhook_id text, p_phone bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.claim_text(p_webhook_id text, p_phone bytea) TO service_role;

-- acl FUNCTION code_was_sent(p_phone bytea)
REVOKE ALL ON FUNCTION identity.code_was_sent(p_phone bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.code_was_sent(p_phone bytea) TO service_role;

-- acl FUNCTION count_attempt(p_step text, p_phone bytea, p_address bytea, p_pair bytea)
REVOKE ALL ON FUNCTION identity.count_attempt(p_step text, p_phone bytea, p_address bytea, p_pair bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.count_attempt(p_step text, p_phone bytea, p_address bytea, p_pair bytea) TO service_role;

-- acl FUNCTION drop_queued_text(webhook_id text, provider_ref text)
REVOKE ALL ON FUNCTION identity.drop_queued_text(webhook_id text, provider_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.drop_queued_text(webhook_id text, provider_ref text) TO service_role;

-- acl FUNCTION end_my_other_sessions(p_kept uuid)
REVOKE ALL ON FUNCTION identity.end_my_other_sessions(p_kept uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.end_my_other_sessions(p_kept uuid) TO authenticated;

-- acl FUNCTION end_my_session(p_id uuid, p_why text)
REVOKE ALL ON FUNCTION identity.end_my_session(p_id uuid, p_why text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.end_my_session(p_id uuid, p_why text) TO authenticated;

-- acl FUNCTION end_of_session(p_secret_hash bytea)
REVOKE ALL ON FUNCTION identity.end_of_session(p_secret_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.end_of_session(p_secret_hash bytea) TO paya_app;

-- acl FUNCTION end_session_as(p_id uuid, p_ended_by uuid, p_why text)
REVOKE ALL ON FUNCTION identity.end_session_as(p_id uuid, p_ended_by uuid, p_why text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.end_session_as(p_id uuid, p_ended_by uuid, p_why text) TO service_role;

-- acl FUNCTION ended_among(p_ids uuid[])
REVOKE ALL ON FUNCTION identity.ended_among(p_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.ended_among(p_ids uuid[]) TO paya_app;

-- acl FUNCTION find(to_text text)
REVOKE ALL ON FUNCTION identity.find(to_text text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.find(to_text text) TO authenticated;

-- acl FUNCTION is_open_session(p_id uuid, p_user_id uuid)
REVOKE ALL ON FUNCTION identity.is_open_session(p_id uuid, p_user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.is_open_session(p_id uuid, p_user_id uuid) TO paya_app;

-- acl FUNCTION keep_refreshed(p_id uuid, p_token_version integer, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone)
REVOKE ALL ON FUNCTION identity.keep_refreshed(p_id uuid, p_token_version integer, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.keep_refreshed(p_id uuid, p_token_version integer, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone) TO service_role;

-- acl FUNCTION my_received_audience()
REVOKE ALL ON FUNCTION identity.my_received_audience() FROM PUBLIC;
GRANT ALL ON FUNCTION identity.my_received_audience() TO authenticated;

-- acl FUNCTION my_sessions()
REVOKE ALL ON FUNCTION identity.my_sessions() FROM PUBLIC;
GRANT ALL ON FUNCTION identity.my_sessions() TO authenticated;

-- acl FUNCTION queue_text(webhook_id text, sealed bytea, good_s double precision)
REVOKE ALL ON FUNCTION identity.queue_text(webhook_id text, sealed bytea, good_s double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.queue_text(webhook_id text, sealed bytea, good_s double precision) TO service_role;

-- acl FUNCTION queued_text(webhook_id text)
REVOKE ALL ON FUNCTION identity.queued_text(webhook_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.queued_text(webhook_id text) TO service_role;

-- acl FUNCTION release_text(p_webhook_id text)
REVOKE ALL ON FUNCTION identity.release_text(p_webhook_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.release_text(p_webhook_id text) TO service_role;

-- acl FUNCTION remember_address(p_pair bytea)
REVOKE ALL ON FUNCTION identity.remember_address(p_pair bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.remember_address(p_pair bytea) TO service_role;

-- acl FUNCTION session_by_id(p_id uuid)
REVOKE ALL ON FUNCTION identity.session_by_id(p_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.session_by_id(p_id uuid) TO paya_app;

-- acl FUNCTION session_by_secret(p_secret_hash bytea)
REVOKE ALL ON FUNCTION identity.session_by_secret(p_secret_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.session_by_secret(p_secret_hash bytea) TO paya_app;

-- acl FUNCTION settle_text(p_webhook_id text, p_state text, p_provider_ref text)
REVOKE ALL ON FUNCTION identity.settle_text(p_webhook_id text, p_state text, p_provider_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.settle_text(p_webhook_id text, p_state text, p_provider_ref text) TO service_role;

-- acl FUNCTION skeleton(handle text)
REVOKE ALL ON FUNCTION identity.skeleton(handle text) FROM PUBLIC;

-- acl FUNCTION start_session(p_id uuid, p_secret_hash bytea, p_user_id uuid, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone, p_user_agent text, p_address text)
REVOKE ALL ON FUNCTION identity.start_session(p_id uuid, p_secret_hash bytea, p_user_id uuid, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone, p_user_agent text, p_address text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.start_session(p_id uuid, p_secret_hash bytea, p_user_id uuid, p_access_token bytea, p_refresh_token bytea, p_access_expires_at timestamp with time zone, p_expires_at timestamp with time zone, p_user_agent text, p_address text) TO service_role;

-- acl FUNCTION take_tokens_of_ended(p_id uuid)
REVOKE ALL ON FUNCTION identity.take_tokens_of_ended(p_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.take_tokens_of_ended(p_id uuid) TO service_role;

-- acl FUNCTION withdraw_text(p_id uuid)
REVOKE ALL ON FUNCTION identity.withdraw_text(p_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.withdraw_text(p_id uuid) TO service_role;

-- acl FUNCTION add_due(queue text, subjects uuid[], due_ats timestamp with time zone[])
REVOKE ALL ON FUNCTION jobs.add_due(queue text, subjects uuid[], due_ats timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.add_due(queue text, subjects uuid[], due_ats timestamp with time zone[]) TO service_role;

-- acl FUNCTION claim_due(queue text, maximum integer, lease interval)
REVOKE ALL ON FUNCTION jobs.claim_due(queue text, maximum integer, lease interval) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.claim_due(queue text, maximum integer, lease interval) TO service_role;

-- acl FUNCTION dead_letters(maximum integer)
REVOKE ALL ON FUNCTION jobs.dead_letters(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.dead_letters(maximum integer) TO service_role;
GRANT ALL ON FUNCTION jobs.dead_letters(maximum integer) TO paya_worker;

-- acl FUNCTION enqueue(queue text, task text, args jsonb, only_once text, run_at timestamp with time zone, in_order text)
REVOKE ALL ON FUNCTION jobs.enqueue(queue text, task text, args jsonb, only_once text, run_at timestamp with time zone, in_order text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.enqueue(queue text, task text, args jsonb, only_once text, run_at timestamp with time zone, in_order text) TO service_role;
GRANT ALL ON FUNCTION jobs.enqueue(queue text, task text, args jsonb, only_once text, run_at timestamp with time zone, in_order text) TO paya_worker;

-- acl FUNCTION finish_due(queue text, subjects uuid[], due_ats timestamp with time zone[])
REVOKE ALL ON FUNCTION jobs.finish_due(queue text, subjects uuid[], due_ats timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.finish_due(queue text, subjects uuid[], due_ats timestamp with time zone[]) TO service_role;

-- acl FUNCTION forget_ticks(keep interval)
REVOKE ALL ON FUNCTION jobs.forget_ticks(keep interval) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.forget_ticks(keep interval) TO paya_worker;

-- acl FUNCTION give_way()
REVOKE ALL ON FUNCTION jobs.give_way() FROM PUBLIC;

-- acl FUNCTION hurry(queue text)
REVOKE ALL ON FUNCTION jobs.hurry(queue text) FROM PUBLIC;

-- acl FUNCTION procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean)
REVOKE ALL ON FUNCTION jobs.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) TO paya_worker;

-- acl FUNCTION procrastinate_defer_jobs_v1(jobs jobs.procrastinate_job_to_defer_v1[])
REVOKE ALL ON FUNCTION jobs.procrastinate_defer_jobs_v1(jobs jobs.procrastinate_job_to_defer_v1[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_defer_jobs_v1(jobs jobs.procrastinate_job_to_defer_v1[]) TO paya_worker;

-- acl FUNCTION procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb)
REVOKE ALL ON FUNCTION jobs.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) TO paya_worker;

-- acl TABLE procrastinate_jobs
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.procrastinate_jobs TO paya_worker;

-- acl FUNCTION procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint)
REVOKE ALL ON FUNCTION jobs.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) TO paya_worker;

-- acl FUNCTION procrastinate_finish_job_v1(job_id bigint, end_status jobs.procrastinate_job_status, delete_job boolean)
REVOKE ALL ON FUNCTION jobs.procrastinate_finish_job_v1(job_id bigint, end_status jobs.procrastinate_job_status, delete_job boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_finish_job_v1(job_id bigint, end_status jobs.procrastinate_job_status, delete_job boolean) TO paya_worker;

-- acl FUNCTION procrastinate_notify_queue_abort_job_v1()
REVOKE ALL ON FUNCTION jobs.procrastinate_notify_queue_abort_job_v1() FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_notify_queue_abort_job_v1() TO paya_worker;

-- acl FUNCTION procrastinate_notify_queue_job_inserted_v1()
REVOKE ALL ON FUNCTION jobs.procrastinate_notify_queue_job_inserted_v1() FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_notify_queue_job_inserted_v1() TO paya_worker;

-- acl FUNCTION procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision)
REVOKE ALL ON FUNCTION jobs.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) TO paya_worker;

-- acl FUNCTION procrastinate_register_worker_v1()
REVOKE ALL ON FUNCTION jobs.procrastinate_register_worker_v1() FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_register_worker_v1() TO paya_worker;

-- acl FUNCTION procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying)
REVOKE ALL ON FUNCTION jobs.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) TO paya_worker;

-- acl FUNCTION procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying)
REVOKE ALL ON FUNCTION jobs.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) TO paya_worker;

-- acl FUNCTION procrastinate_trigger_abort_requested_events_procedure_v1()
REVOKE ALL ON FUNCTION jobs.procrastinate_trigger_abort_requested_events_procedure_v1() FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_trigger_abort_requested_events_procedure_v1() TO paya_worker;

-- acl FUNCTION procrastinate_trigger_function_scheduled_events_v1()
REVOKE ALL ON FUNCTION jobs.procrastinate_trigger_function_scheduled_events_v1() FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_trigger_function_scheduled_events_v1() TO paya_worker;

-- acl FUNCTION procrastinate_trigger_function_status_events_insert_v1()
REVOKE ALL ON FUNCTION jobs.procrastinate_trigger_function_status_events_insert_v1() FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_trigger_function_status_events_insert_v1() TO paya_worker;

-- acl FUNCTION procrastinate_trigger_function_status_events_update_v1()
REVOKE ALL ON FUNCTION jobs.procrastinate_trigger_function_status_events_update_v1() FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_trigger_function_status_events_update_v1() TO paya_worker;

-- acl FUNCTION procrastinate_unlink_periodic_defers_v1()
REVOKE ALL ON FUNCTION jobs.procrastinate_unlink_periodic_defers_v1() FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_unlink_periodic_defers_v1() TO paya_worker;

-- acl FUNCTION procrastinate_unregister_worker_v1(worker_id bigint)
REVOKE ALL ON FUNCTION jobs.procrastinate_unregister_worker_v1(worker_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_unregister_worker_v1(worker_id bigint) TO paya_worker;

-- acl FUNCTION procrastinate_update_heartbeat_v1(worker_id bigint)
REVOKE ALL ON FUNCTION jobs.procrastinate_update_heartbeat_v1(worker_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.procrastinate_update_heartbeat_v1(worker_id bigint) TO paya_worker;

-- acl FUNCTION replay(job bigint)
REVOKE ALL ON FUNCTION jobs.replay(job bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.replay(job bigint) TO service_role;
GRANT ALL ON FUNCTION jobs.replay(job bigint) TO paya_worker;

-- acl FUNCTION signs_of_life(OUT worker_silent_s double precision, OUT scheduler_silent_s double precision)
REVOKE ALL ON FUNCTION jobs.signs_of_life(OUT worker_silent_s double precision, OUT scheduler_silent_s double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.signs_of_life(OUT worker_silent_s double precision, OUT scheduler_silent_s double precision) TO service_role;

-- acl FUNCTION sweep(own_job bigint, silent_s double precision, running_s double precision, runs_max integer)
REVOKE ALL ON FUNCTION jobs.sweep(own_job bigint, silent_s double precision, running_s double precision, runs_max integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.sweep(own_job bigint, silent_s double precision, running_s double precision, runs_max integer) TO paya_worker;

-- acl FUNCTION tick_now(what text, every_s integer, queue text, task text, by text)
REVOKE ALL ON FUNCTION jobs.tick_now(what text, every_s integer, queue text, task text, by text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.tick_now(what text, every_s integer, queue text, task text, by text) TO paya_worker;

-- acl FUNCTION account_is_whole()
REVOKE ALL ON FUNCTION ledger.account_is_whole() FROM PUBLIC;

-- acl FUNCTION admit_chunk(verb text, chunk uuid, summing bigint, accounts bigint[], amounts bigint[], kind text, ref text)
REVOKE ALL ON FUNCTION ledger.admit_chunk(verb text, chunk uuid, summing bigint, accounts bigint[], amounts bigint[], kind text, ref text) FROM PUBLIC;

-- acl FUNCTION authorize(hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamp with time zone, ref text)
REVOKE ALL ON FUNCTION ledger.authorize(hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamp with time zone, ref text) FROM PUBLIC;

-- acl FUNCTION balance_at(account_id bigint, moment timestamp with time zone)
REVOKE ALL ON FUNCTION ledger.balance_at(account_id bigint, moment timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION balance_of(account_id bigint)
REVOKE ALL ON FUNCTION ledger.balance_of(account_id bigint) FROM PUBLIC;

-- acl FUNCTION capture_hold(capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean)
REVOKE ALL ON FUNCTION ledger.capture_hold(capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean) FROM PUBLIC;

-- acl FUNCTION chunk_id(chunk uuid, n integer)
REVOKE ALL ON FUNCTION ledger.chunk_id(chunk uuid, n integer) FROM PUBLIC;

-- acl FUNCTION close_hold(hold_id uuid, outcome text)
REVOKE ALL ON FUNCTION ledger.close_hold(hold_id uuid, outcome text) FROM PUBLIC;

-- acl FUNCTION collect(chunk uuid, from_accounts bigint[], amounts bigint[], to_account bigint, kind text, ref text)
REVOKE ALL ON FUNCTION ledger.collect(chunk uuid, from_accounts bigint[], amounts bigint[], to_account bigint, kind text, ref text) FROM PUBLIC;

-- acl FUNCTION distribute(chunk uuid, from_account bigint, to_accounts bigint[], amounts bigint[], kind text, ref text)
REVOKE ALL ON FUNCTION ledger.distribute(chunk uuid, from_account bigint, to_accounts bigint[], amounts bigint[], kind text, ref text) FROM PUBLIC;

-- acl FUNCTION expire_holds(maximum integer)
REVOKE ALL ON FUNCTION ledger.expire_holds(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.expire_holds(maximum integer) TO service_role;

-- acl FUNCTION findings_of_chains(accounts bigint[], seqs bigint[], counts bigint[])
REVOKE ALL ON FUNCTION ledger.findings_of_chains(accounts bigint[], seqs bigint[], counts bigint[]) FROM PUBLIC;

-- acl FUNCTION findings_of_checkpoints()
REVOKE ALL ON FUNCTION ledger.findings_of_checkpoints() FROM PUBLIC;

-- acl FUNCTION findings_of_entries(accounts bigint[])
REVOKE ALL ON FUNCTION ledger.findings_of_entries(accounts bigint[]) FROM PUBLIC;

-- acl FUNCTION findings_of_heads(of_asset text)
REVOKE ALL ON FUNCTION ledger.findings_of_heads(of_asset text) FROM PUBLIC;

-- acl FUNCTION findings_of_holds()
REVOKE ALL ON FUNCTION ledger.findings_of_holds() FROM PUBLIC;

-- acl FUNCTION findings_of_payments(since xid8, in_era integer, accounts bigint[], since_at timestamp with time zone)
REVOKE ALL ON FUNCTION ledger.findings_of_payments(since xid8, in_era integer, accounts bigint[], since_at timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION findings_of_sides(since xid8, in_era integer, is_full boolean)
REVOKE ALL ON FUNCTION ledger.findings_of_sides(since xid8, in_era integer, is_full boolean) FROM PUBLIC;

-- acl FUNCTION findings_of_sums(since xid8, in_era integer)
REVOKE ALL ON FUNCTION ledger.findings_of_sums(since xid8, in_era integer) FROM PUBLIC;

-- acl FUNCTION findings_of_transfers(since xid8, in_era integer)
REVOKE ALL ON FUNCTION ledger.findings_of_transfers(since xid8, in_era integer) FROM PUBLIC;

-- acl FUNCTION hold_json(hold_id uuid)
REVOKE ALL ON FUNCTION ledger.hold_json(hold_id uuid) FROM PUBLIC;

-- acl FUNCTION hold_moves_forward()
REVOKE ALL ON FUNCTION ledger.hold_moves_forward() FROM PUBLIC;

-- acl FUNCTION leg_id(group_id uuid, leg integer)
REVOKE ALL ON FUNCTION ledger.leg_id(group_id uuid, leg integer) FROM PUBLIC;

-- acl FUNCTION new_business_kinds()
REVOKE ALL ON FUNCTION ledger.new_business_kinds() FROM PUBLIC;

-- acl FUNCTION open_account(owner uuid, kind text, asset text)
REVOKE ALL ON FUNCTION ledger.open_account(owner uuid, kind text, asset text) FROM PUBLIC;

-- acl FUNCTION open_wallet(owner uuid)
REVOKE ALL ON FUNCTION ledger.open_wallet(owner uuid) FROM PUBLIC;

-- acl FUNCTION post(transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text)
REVOKE ALL ON FUNCTION ledger.post(transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text) FROM PUBLIC;

-- acl FUNCTION post_many(ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[], refs text[], groups integer[], passes_states boolean)
REVOKE ALL ON FUNCTION ledger.post_many(ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[], refs text[], groups integer[], passes_states boolean) FROM PUBLIC;

-- acl FUNCTION reconcile(is_full boolean)
REVOKE ALL ON FUNCTION ledger.reconcile(is_full boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.reconcile(is_full boolean) TO service_role;

-- acl FUNCTION refuse_posting(from_account bigint, to_account bigint, amount bigint, is_new boolean)
REVOKE ALL ON FUNCTION ledger.refuse_posting(from_account bigint, to_account bigint, amount bigint, is_new boolean) FROM PUBLIC;

-- acl FUNCTION release(hold_id uuid)
REVOKE ALL ON FUNCTION ledger.release(hold_id uuid) FROM PUBLIC;

-- acl FUNCTION system_account(kind text, asset text)
REVOKE ALL ON FUNCTION ledger.system_account(kind text, asset text) FROM PUBLIC;

-- acl FUNCTION take_checkpoints(entries_min integer)
REVOKE ALL ON FUNCTION ledger.take_checkpoints(entries_min integer) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.take_checkpoints(entries_min integer) TO service_role;

-- acl FUNCTION totals()
REVOKE ALL ON FUNCTION ledger.totals() FROM PUBLIC;

-- acl FUNCTION wallet_of(owner uuid, asset text)
REVOKE ALL ON FUNCTION ledger.wallet_of(owner uuid, asset text) FROM PUBLIC;

-- acl FUNCTION add_device(endpoint text, public_key text, auth_secret text, name text)
REVOKE ALL ON FUNCTION notifications.add_device(endpoint text, public_key text, auth_secret text, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.add_device(endpoint text, public_key text, auth_secret text, name text) TO authenticated;

-- acl FUNCTION ask_email(address text)
REVOKE ALL ON FUNCTION notifications.ask_email(address text) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.ask_email(address text) TO authenticated;

-- acl FUNCTION begin_sending(delivery_id uuid)
REVOKE ALL ON FUNCTION notifications.begin_sending(delivery_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.begin_sending(delivery_id uuid) TO service_role;

-- acl FUNCTION choose(kind text, channel text, is_wanted boolean)
REVOKE ALL ON FUNCTION notifications.choose(kind text, channel text, is_wanted boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.choose(kind text, channel text, is_wanted boolean) TO authenticated;

-- acl FUNCTION close_lost()
REVOKE ALL ON FUNCTION notifications.close_lost() FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.close_lost() TO service_role;

-- acl FUNCTION confirm_email(person uuid, address text)
REVOKE ALL ON FUNCTION notifications.confirm_email(person uuid, address text) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.confirm_email(person uuid, address text) TO service_role;

-- acl FUNCTION drop_device(device_id uuid)
REVOKE ALL ON FUNCTION notifications.drop_device(device_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.drop_device(device_id uuid) TO service_role;

-- acl FUNCTION follow(maximum integer)
REVOKE ALL ON FUNCTION notifications.follow(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.follow(maximum integer) TO service_role;

-- acl FUNCTION hold_mine()
REVOKE ALL ON FUNCTION notifications.hold_mine() FROM PUBLIC;

-- acl FUNCTION hurry(maximum integer)
REVOKE ALL ON FUNCTION notifications.hurry(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.hurry(maximum integer) TO service_role;

-- acl FUNCTION is_reached_by_text_alone(person uuid)
REVOKE ALL ON FUNCTION notifications.is_reached_by_text_alone(person uuid) FROM PUBLIC;

-- acl FUNCTION is_wanted(person uuid, kind text, channel text)
REVOKE ALL ON FUNCTION notifications.is_wanted(person uuid, kind text, channel text) FROM PUBLIC;

-- acl FUNCTION moment()
REVOKE ALL ON FUNCTION notifications.moment() FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.moment() TO service_role;

-- acl FUNCTION my_notices(before timestamp with time zone, maximum integer)
REVOKE ALL ON FUNCTION notifications.my_notices(before timestamp with time zone, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.my_notices(before timestamp with time zone, maximum integer) TO authenticated;

-- acl FUNCTION my_settings()
REVOKE ALL ON FUNCTION notifications.my_settings() FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.my_settings() TO authenticated;

-- acl FUNCTION note(person uuid, kind text, facts jsonb)
REVOKE ALL ON FUNCTION notifications.note(person uuid, kind text, facts jsonb) FROM PUBLIC;

-- acl FUNCTION note_ended(delivery notifications.delivery)
REVOKE ALL ON FUNCTION notifications.note_ended(delivery notifications.delivery) FROM PUBLIC;

-- acl FUNCTION open(delivery_id uuid)
REVOKE ALL ON FUNCTION notifications.open(delivery_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.open(delivery_id uuid) TO service_role;

-- acl FUNCTION put_off(delivery_id uuid, until timestamp with time zone)
REVOKE ALL ON FUNCTION notifications.put_off(delivery_id uuid, until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.put_off(delivery_id uuid, until timestamp with time zone) TO service_role;

-- acl FUNCTION remind(maximum integer)
REVOKE ALL ON FUNCTION notifications.remind(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.remind(maximum integer) TO service_role;

-- acl FUNCTION remove_device(device_id uuid)
REVOKE ALL ON FUNCTION notifications.remove_device(device_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.remove_device(device_id uuid) TO authenticated;

-- acl FUNCTION remove_email()
REVOKE ALL ON FUNCTION notifications.remove_email() FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.remove_email() TO authenticated;

-- acl FUNCTION set_hours(quiet_from_minute integer, quiet_to_minute integer, zone text, remind_hours integer)
REVOKE ALL ON FUNCTION notifications.set_hours(quiet_from_minute integer, quiet_to_minute integer, zone text, remind_hours integer) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.set_hours(quiet_from_minute integer, quiet_to_minute integer, zone text, remind_hours integer) TO authenticated;

-- acl FUNCTION settle(delivery_id uuid, state text, reason text, vendor_ref text)
REVOKE ALL ON FUNCTION notifications.settle(delivery_id uuid, state text, reason text, vendor_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.settle(delivery_id uuid, state text, reason text, vendor_ref text) TO service_role;

-- acl FUNCTION unsubscribe(person uuid, kind text, channel text)
REVOKE ALL ON FUNCTION notifications.unsubscribe(person uuid, kind text, channel text) FROM PUBLIC;
GRANT ALL ON FUNCTION notifications.unsubscribe(person uuid, kind text, channel text) TO service_role;

-- acl FUNCTION append_only()
REVOKE ALL ON FUNCTION private.append_only() FROM PUBLIC;

-- acl FUNCTION half_even(numerator bigint, denominator bigint)
REVOKE ALL ON FUNCTION private.half_even(numerator bigint, denominator bigint) FROM PUBLIC;

-- acl FUNCTION now()
REVOKE ALL ON FUNCTION private.now() FROM PUBLIC;
GRANT ALL ON FUNCTION private.now() TO paya_sandbox_sweeper;

-- acl FUNCTION part_of(id uuid, part text)
REVOKE ALL ON FUNCTION private.part_of(id uuid, part text) FROM PUBLIC;

-- acl FUNCTION refuse(code text, facts jsonb)
REVOKE ALL ON FUNCTION private.refuse(code text, facts jsonb) FROM PUBLIC;

-- acl FUNCTION tell_inserted_payments()
REVOKE ALL ON FUNCTION private.tell_inserted_payments() FROM PUBLIC;

-- acl FUNCTION append_seal(era integer, xid_from xid8, xid_upto xid8, last proof.seal)
REVOKE ALL ON FUNCTION proof.append_seal(era integer, xid_from xid8, xid_upto xid8, last proof.seal) FROM PUBLIC;

-- acl FUNCTION head(size bigint)
REVOKE ALL ON FUNCTION proof.head(size bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION proof.head(size bigint) TO anon;
GRANT ALL ON FUNCTION proof.head(size bigint) TO authenticated;
GRANT ALL ON FUNCTION proof.head(size bigint) TO service_role;

-- acl FUNCTION leaves(in_era integer, xid_from xid8, xid_upto xid8)
REVOKE ALL ON FUNCTION proof.leaves(in_era integer, xid_from xid8, xid_upto xid8) FROM PUBLIC;

-- acl FUNCTION log_node(level integer, index bigint)
REVOKE ALL ON FUNCTION proof.log_node(level integer, index bigint) FROM PUBLIC;

-- acl FUNCTION log_path(index bigint, size bigint)
REVOKE ALL ON FUNCTION proof.log_path(index bigint, size bigint) FROM PUBLIC;

-- acl FUNCTION log_range(start bigint, length bigint)
REVOKE ALL ON FUNCTION proof.log_range(start bigint, length bigint) FROM PUBLIC;

-- acl FUNCTION merkle_level(nodes bytea[])
REVOKE ALL ON FUNCTION proof.merkle_level(nodes bytea[]) FROM PUBLIC;

-- acl FUNCTION merkle_path(leaves bytea[], index integer)
REVOKE ALL ON FUNCTION proof.merkle_path(leaves bytea[], index integer) FROM PUBLIC;

-- acl FUNCTION merkle_root(leaves bytea[])
REVOKE ALL ON FUNCTION proof.merkle_root(leaves bytea[]) FROM PUBLIC;

-- acl FUNCTION microseconds(at timestamp with time zone)
REVOKE ALL ON FUNCTION proof.microseconds(at timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION my_receipt(payment_id uuid)
REVOKE ALL ON FUNCTION proof.my_receipt(payment_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION proof.my_receipt(payment_id uuid) TO authenticated;

-- acl FUNCTION next_xid(xid xid8)
REVOKE ALL ON FUNCTION proof.next_xid(xid xid8) FROM PUBLIC;

-- acl FUNCTION node_hash(l bytea, r bytea)
REVOKE ALL ON FUNCTION proof.node_hash(l bytea, r bytea) FROM PUBLIC;

-- acl FUNCTION seal_next(leaves_max integer)
REVOKE ALL ON FUNCTION proof.seal_next(leaves_max integer) FROM PUBLIC;
GRANT ALL ON FUNCTION proof.seal_next(leaves_max integer) TO paya_worker;
GRANT ALL ON FUNCTION proof.seal_next(leaves_max integer) TO service_role;

-- acl FUNCTION side_shown(secret bytea, side text, transfer_id uuid, account_id bigint, seq bigint, is_open boolean)
REVOKE ALL ON FUNCTION proof.side_shown(secret bytea, side text, transfer_id uuid, account_id bigint, seq bigint, is_open boolean) FROM PUBLIC;

-- acl FUNCTION count_failure(vendor text)
REVOKE ALL ON FUNCTION providers.count_failure(vendor text) FROM PUBLIC;
GRANT ALL ON FUNCTION providers.count_failure(vendor text) TO service_role;

-- acl FUNCTION degraded()
REVOKE ALL ON FUNCTION providers.degraded() FROM PUBLIC;
GRANT ALL ON FUNCTION providers.degraded() TO anon;
GRANT ALL ON FUNCTION providers.degraded() TO authenticated;
GRANT ALL ON FUNCTION providers.degraded() TO service_role;

-- acl FUNCTION end_probe(vendor text, is_well boolean)
REVOKE ALL ON FUNCTION providers.end_probe(vendor text, is_well boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION providers.end_probe(vendor text, is_well boolean) TO service_role;

-- acl FUNCTION enter(vendor text, probe_s double precision)
REVOKE ALL ON FUNCTION providers.enter(vendor text, probe_s double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION providers.enter(vendor text, probe_s double precision) TO service_role;

-- acl FUNCTION forget_failures(vendor text)
REVOKE ALL ON FUNCTION providers.forget_failures(vendor text) FROM PUBLIC;
GRANT ALL ON FUNCTION providers.forget_failures(vendor text) TO service_role;

-- acl FUNCTION is_down(vendor text)
REVOKE ALL ON FUNCTION providers.is_down(vendor text) FROM PUBLIC;

-- acl FUNCTION register(vendor text, threshold integer, ttl_s double precision)
REVOKE ALL ON FUNCTION providers.register(vendor text, threshold integer, ttl_s double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION providers.register(vendor text, threshold integer, ttl_s double precision) TO service_role;

-- acl FUNCTION kept(rule_name text)
REVOKE ALL ON FUNCTION retention.kept(rule_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION retention.kept(rule_name text) TO paya_worker;
GRANT ALL ON FUNCTION retention.kept(rule_name text) TO paya_sandbox_sweeper;

-- acl FUNCTION sweep(maximum integer)
REVOKE ALL ON FUNCTION retention.sweep(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION retention.sweep(maximum integer) TO paya_worker;

-- acl FUNCTION account_case_moves_forward()
REVOKE ALL ON FUNCTION risk.account_case_moves_forward() FROM PUBLIC;

-- acl FUNCTION follow_cases(person uuid, OUT state_before text, OUT state_after text)
REVOKE ALL ON FUNCTION risk.follow_cases(person uuid, OUT state_before text, OUT state_after text) FROM PUBLIC;

-- acl FUNCTION impose(person uuid, state text, reason text, imposed_by uuid, subject uuid)
REVOKE ALL ON FUNCTION risk.impose(person uuid, state text, reason text, imposed_by uuid, subject uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION risk.impose(person uuid, state text, reason text, imposed_by uuid, subject uuid) TO service_role;

-- acl FUNCTION lift(case_reference text, why text, lifted_by uuid)
REVOKE ALL ON FUNCTION risk.lift(case_reference text, why text, lifted_by uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION risk.lift(case_reference text, why text, lifted_by uuid) TO service_role;

-- acl FUNCTION limit_max(name text)
REVOKE ALL ON FUNCTION risk.limit_max(name text) FROM PUBLIC;

-- acl FUNCTION load_sent_on(giver uuid, taker uuid, moment timestamp with time zone, limits jsonb)
REVOKE ALL ON FUNCTION risk.load_sent_on(giver uuid, taker uuid, moment timestamp with time zone, limits jsonb) FROM PUBLIC;

-- acl FUNCTION many_senders(taker uuid, moment timestamp with time zone, limits jsonb)
REVOKE ALL ON FUNCTION risk.many_senders(taker uuid, moment timestamp with time zone, limits jsonb) FROM PUBLIC;

-- acl FUNCTION my_cases()
REVOKE ALL ON FUNCTION risk.my_cases() FROM PUBLIC;
GRANT ALL ON FUNCTION risk.my_cases() TO authenticated;

-- acl FUNCTION only_private_payments(person uuid, moment timestamp with time zone, limits jsonb)
REVOKE ALL ON FUNCTION risk.only_private_payments(person uuid, moment timestamp with time zone, limits jsonb) FROM PUBLIC;

-- acl FUNCTION put_in_force()
REVOKE ALL ON FUNCTION risk.put_in_force() FROM PUBLIC;

-- acl FUNCTION raise_flags(maximum integer)
REVOKE ALL ON FUNCTION risk.raise_flags(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION risk.raise_flags(maximum integer) TO service_role;

-- acl FUNCTION repeated_sends(giver uuid, taker uuid, moment timestamp with time zone, limits jsonb)
REVOKE ALL ON FUNCTION risk.repeated_sends(giver uuid, taker uuid, moment timestamp with time zone, limits jsonb) FROM PUBLIC;

-- acl FUNCTION state_of(person uuid)
REVOKE ALL ON FUNCTION risk.state_of(person uuid) FROM PUBLIC;

-- acl FUNCTION wallet_opens_as_restricted()
REVOKE ALL ON FUNCTION risk.wallet_opens_as_restricted() FROM PUBLIC;

-- acl FUNCTION window_from(kind text, subject text, moment timestamp with time zone, span interval)
REVOKE ALL ON FUNCTION risk.window_from(kind text, subject text, moment timestamp with time zone, span interval) FROM PUBLIC;

-- acl FUNCTION account_is_whole()
REVOKE ALL ON FUNCTION sandbox.account_is_whole() FROM PUBLIC;

-- acl FUNCTION authorize(hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamp with time zone, ref text)
REVOKE ALL ON FUNCTION sandbox.authorize(hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamp with time zone, ref text) FROM PUBLIC;

-- acl FUNCTION balance_of(account_id bigint)
REVOKE ALL ON FUNCTION sandbox.balance_of(account_id bigint) FROM PUBLIC;

-- acl FUNCTION capture_hold(capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean)
REVOKE ALL ON FUNCTION sandbox.capture_hold(capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean) FROM PUBLIC;

-- acl FUNCTION close_hold(hold_id uuid, outcome text)
REVOKE ALL ON FUNCTION sandbox.close_hold(hold_id uuid, outcome text) FROM PUBLIC;

-- acl FUNCTION hold_json(hold_id uuid)
REVOKE ALL ON FUNCTION sandbox.hold_json(hold_id uuid) FROM PUBLIC;

-- acl FUNCTION hold_moves_forward()
REVOKE ALL ON FUNCTION sandbox.hold_moves_forward() FROM PUBLIC;

-- acl FUNCTION leg_id(group_id uuid, leg integer)
REVOKE ALL ON FUNCTION sandbox.leg_id(group_id uuid, leg integer) FROM PUBLIC;
GRANT ALL ON FUNCTION sandbox.leg_id(group_id uuid, leg integer) TO paya_sandbox_sweeper;

-- acl FUNCTION post(transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text)
REVOKE ALL ON FUNCTION sandbox.post(transfer_id uuid, from_account bigint, to_account bigint, amount bigint, kind text, ref text) FROM PUBLIC;

-- acl FUNCTION post_many(ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[], refs text[], groups integer[], passes_states boolean)
REVOKE ALL ON FUNCTION sandbox.post_many(ids uuid[], from_accounts bigint[], to_accounts bigint[], amounts bigint[], kinds text[], refs text[], groups integer[], passes_states boolean) FROM PUBLIC;

-- acl FUNCTION refuse_posting(from_account bigint, to_account bigint, amount bigint, is_new boolean)
REVOKE ALL ON FUNCTION sandbox.refuse_posting(from_account bigint, to_account bigint, amount bigint, is_new boolean) FROM PUBLIC;

-- acl FUNCTION release(hold_id uuid)
REVOKE ALL ON FUNCTION sandbox.release(hold_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION sandbox.release(hold_id uuid) TO paya_sandbox_sweeper;

-- acl FUNCTION take_checkpoints(entries_min integer)
REVOKE ALL ON FUNCTION sandbox.take_checkpoints(entries_min integer) FROM PUBLIC;
GRANT ALL ON FUNCTION sandbox.take_checkpoints(entries_min integer) TO paya_sandbox_sweeper;

-- acl FUNCTION add_address(address_id uuid, label text, address text)
REVOKE ALL ON FUNCTION savings.add_address(address_id uuid, label text, address text) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.add_address(address_id uuid, label text, address text) TO authenticated;

-- acl FUNCTION address_json(address savings.withdrawal_address)
REVOKE ALL ON FUNCTION savings.address_json(address savings.withdrawal_address) FROM PUBLIC;

-- acl FUNCTION address_key(address text)
REVOKE ALL ON FUNCTION savings.address_key(address text) FROM PUBLIC;

-- acl FUNCTION address_key_of(address_id uuid)
REVOKE ALL ON FUNCTION savings.address_key_of(address_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.address_key_of(address_id uuid) TO authenticated;

-- acl FUNCTION address_moves_forward()
REVOKE ALL ON FUNCTION savings.address_moves_forward() FROM PUBLIC;

-- acl FUNCTION affordable_sats(budget_cents bigint, price_cents bigint, spare_bps integer, step_sats bigint)
REVOKE ALL ON FUNCTION savings.affordable_sats(budget_cents bigint, price_cents bigint, spare_bps integer, step_sats bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.affordable_sats(budget_cents bigint, price_cents bigint, spare_bps integer, step_sats bigint) TO service_role;

-- acl FUNCTION ask_for_registration(address text, evidence jsonb)
REVOKE ALL ON FUNCTION savings.ask_for_registration(address text, evidence jsonb) FROM PUBLIC;

-- acl FUNCTION ask_withdrawal(withdrawal_id uuid, address_id uuid, quantity_sats bigint, fee_sats_max bigint)
REVOKE ALL ON FUNCTION savings.ask_withdrawal(withdrawal_id uuid, address_id uuid, quantity_sats bigint, fee_sats_max bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.ask_withdrawal(withdrawal_id uuid, address_id uuid, quantity_sats bigint, fee_sats_max bigint) TO authenticated;

-- acl FUNCTION bank_funded_due(maximum integer, after_at timestamp with time zone, after_id uuid)
REVOKE ALL ON FUNCTION savings.bank_funded_due(maximum integer, after_at timestamp with time zone, after_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.bank_funded_due(maximum integer, after_at timestamp with time zone, after_id uuid) TO service_role;

-- acl FUNCTION book_fill(order_id uuid, vendor_ref text, quantity_sats bigint, cost_micros bigint, exchange_fee_micros bigint, exchange_fee_sats bigint)
REVOKE ALL ON FUNCTION savings.book_fill(order_id uuid, vendor_ref text, quantity_sats bigint, cost_micros bigint, exchange_fee_micros bigint, exchange_fee_sats bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.book_fill(order_id uuid, vendor_ref text, quantity_sats bigint, cost_micros bigint, exchange_fee_micros bigint, exchange_fee_sats bigint) TO service_role;

-- acl FUNCTION book_order_open(order_id uuid, vendor_ref text)
REVOKE ALL ON FUNCTION savings.book_order_open(order_id uuid, vendor_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.book_order_open(order_id uuid, vendor_ref text) TO service_role;

-- acl FUNCTION book_refused(refused savings.due_buy[])
REVOKE ALL ON FUNCTION savings.book_refused(refused savings.due_buy[]) FROM PUBLIC;

-- acl FUNCTION book_skipped(skipped savings.due_buy[])
REVOKE ALL ON FUNCTION savings.book_skipped(skipped savings.due_buy[]) FROM PUBLIC;

-- acl FUNCTION book_unfilled(order_id uuid, reason text)
REVOKE ALL ON FUNCTION savings.book_unfilled(order_id uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.book_unfilled(order_id uuid, reason text) TO service_role;

-- acl FUNCTION book_withdrawal_accepted(withdrawal_id uuid, vendor_ref text)
REVOKE ALL ON FUNCTION savings.book_withdrawal_accepted(withdrawal_id uuid, vendor_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.book_withdrawal_accepted(withdrawal_id uuid, vendor_ref text) TO service_role;

-- acl FUNCTION book_withdrawal_failed(withdrawal_id uuid, reason text, code text)
REVOKE ALL ON FUNCTION savings.book_withdrawal_failed(withdrawal_id uuid, reason text, code text) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.book_withdrawal_failed(withdrawal_id uuid, reason text, code text) TO service_role;

-- acl FUNCTION book_withdrawal_sent(withdrawal_id uuid, arrives_sats bigint, fee_sats bigint, txid text)
REVOKE ALL ON FUNCTION savings.book_withdrawal_sent(withdrawal_id uuid, arrives_sats bigint, fee_sats bigint, txid text) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.book_withdrawal_sent(withdrawal_id uuid, arrives_sats bigint, fee_sats bigint, txid text) TO service_role;

-- acl FUNCTION buy_goes_back()
REVOKE ALL ON FUNCTION savings.buy_goes_back() FROM PUBLIC;

-- acl FUNCTION buy_json(buy savings.buy)
REVOKE ALL ON FUNCTION savings.buy_json(buy savings.buy) FROM PUBLIC;

-- acl FUNCTION candles(maximum integer)
REVOKE ALL ON FUNCTION savings.candles(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.candles(maximum integer) TO authenticated;
GRANT ALL ON FUNCTION savings.candles(maximum integer) TO service_role;

-- acl FUNCTION change_plan(plan_id uuid, change_key uuid, asked jsonb, changes jsonb, due_ats timestamp with time zone[], from_at timestamp with time zone)
REVOKE ALL ON FUNCTION savings.change_plan(plan_id uuid, change_key uuid, asked jsonb, changes jsonb, due_ats timestamp with time zone[], from_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.change_plan(plan_id uuid, change_key uuid, asked jsonb, changes jsonb, due_ats timestamp with time zone[], from_at timestamp with time zone) TO authenticated;

-- acl FUNCTION check_due_ats(due_ats timestamp with time zone[], after timestamp with time zone)
REVOKE ALL ON FUNCTION savings.check_due_ats(due_ats timestamp with time zone[], after timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION check_purse(person uuid)
REVOKE ALL ON FUNCTION savings.check_purse(person uuid) FROM PUBLIC;

-- acl FUNCTION check_terms(plan savings.plan, before savings.plan)
REVOKE ALL ON FUNCTION savings.check_terms(plan savings.plan, before savings.plan) FROM PUBLIC;

-- acl FUNCTION check_trial(terms jsonb)
REVOKE ALL ON FUNCTION savings.check_trial(terms jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.check_trial(terms jsonb) TO authenticated;

-- acl FUNCTION claim_order(order_id uuid)
REVOKE ALL ON FUNCTION savings.claim_order(order_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.claim_order(order_id uuid) TO service_role;

-- acl FUNCTION claim_withdrawal(withdrawal_id uuid)
REVOKE ALL ON FUNCTION savings.claim_withdrawal(withdrawal_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.claim_withdrawal(withdrawal_id uuid) TO service_role;

-- acl FUNCTION create_plan(plan_id uuid, terms jsonb, due_ats timestamp with time zone[])
REVOKE ALL ON FUNCTION savings.create_plan(plan_id uuid, terms jsonb, due_ats timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.create_plan(plan_id uuid, terms jsonb, due_ats timestamp with time zone[]) TO authenticated;

-- acl FUNCTION decide(amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint, spent_cents bigint, price_cents bigint, high_cents bigint)
REVOKE ALL ON FUNCTION savings.decide(amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint, spent_cents bigint, price_cents bigint, high_cents bigint) FROM PUBLIC;

-- acl FUNCTION end_for(plan_id uuid, reason text)
REVOKE ALL ON FUNCTION savings.end_for(plan_id uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.end_for(plan_id uuid, reason text) TO service_role;

-- acl FUNCTION end_plan(plan_id uuid, change_key uuid)
REVOKE ALL ON FUNCTION savings.end_plan(plan_id uuid, change_key uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.end_plan(plan_id uuid, change_key uuid) TO authenticated;

-- acl FUNCTION give_back(order_id uuid)
REVOKE ALL ON FUNCTION savings.give_back(order_id uuid) FROM PUBLIC;

-- acl FUNCTION hold_plan(plan_id uuid)
REVOKE ALL ON FUNCTION savings.hold_plan(plan_id uuid) FROM PUBLIC;

-- acl FUNCTION is_registered(address text)
REVOKE ALL ON FUNCTION savings.is_registered(address text) FROM PUBLIC;

-- acl FUNCTION is_replay(change_key uuid, plan_id uuid, asked jsonb)
REVOKE ALL ON FUNCTION savings.is_replay(change_key uuid, plan_id uuid, asked jsonb) FROM PUBLIC;

-- acl FUNCTION keep_candles(days date[], opens_cents bigint[], highs_cents bigint[], lows_cents bigint[], closes_cents bigint[], are_synthetic boolean[])
REVOKE ALL ON FUNCTION savings.keep_candles(days date[], opens_cents bigint[], highs_cents bigint[], lows_cents bigint[], closes_cents bigint[], are_synthetic boolean[]) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.keep_candles(days date[], opens_cents bigint[], highs_cents bigint[], lows_cents bigint[], closes_cents bigint[], are_synthetic boolean[]) TO service_role;

-- acl FUNCTION look_at(plan_id uuid, funding text, moment timestamp with time zone)
REVOKE ALL ON FUNCTION savings.look_at(plan_id uuid, funding text, moment timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION moment()
REVOKE ALL ON FUNCTION savings.moment() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.moment() TO authenticated;
GRANT ALL ON FUNCTION savings.moment() TO service_role;

-- acl FUNCTION move_plan(plan savings.plan, state text, reason text, after timestamp with time zone)
REVOKE ALL ON FUNCTION savings.move_plan(plan savings.plan, state text, reason text, after timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION my_addresses()
REVOKE ALL ON FUNCTION savings.my_addresses() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_addresses() TO authenticated;

-- acl FUNCTION my_buys(plan_id uuid, before timestamp with time zone, maximum integer)
REVOKE ALL ON FUNCTION savings.my_buys(plan_id uuid, before timestamp with time zone, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_buys(plan_id uuid, before timestamp with time zone, maximum integer) TO authenticated;

-- acl FUNCTION my_fee()
REVOKE ALL ON FUNCTION savings.my_fee() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_fee() TO authenticated;

-- acl FUNCTION my_holdings()
REVOKE ALL ON FUNCTION savings.my_holdings() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_holdings() TO authenticated;

-- acl FUNCTION my_lot_plans()
REVOKE ALL ON FUNCTION savings.my_lot_plans() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_lot_plans() TO authenticated;

-- acl FUNCTION my_lot_withdrawals()
REVOKE ALL ON FUNCTION savings.my_lot_withdrawals() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_lot_withdrawals() TO authenticated;

-- acl FUNCTION my_lots()
REVOKE ALL ON FUNCTION savings.my_lots() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_lots() TO authenticated;

-- acl FUNCTION my_next_buy()
REVOKE ALL ON FUNCTION savings.my_next_buy() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_next_buy() TO authenticated;

-- acl FUNCTION my_plan(plan_id uuid)
REVOKE ALL ON FUNCTION savings.my_plan(plan_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_plan(plan_id uuid) TO authenticated;

-- acl FUNCTION my_plan_history(plan_id uuid, before bigint, maximum integer)
REVOKE ALL ON FUNCTION savings.my_plan_history(plan_id uuid, before bigint, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_plan_history(plan_id uuid, before bigint, maximum integer) TO authenticated;

-- acl FUNCTION my_plans()
REVOKE ALL ON FUNCTION savings.my_plans() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_plans() TO authenticated;

-- acl FUNCTION my_withdrawal(withdrawal_id uuid)
REVOKE ALL ON FUNCTION savings.my_withdrawal(withdrawal_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_withdrawal(withdrawal_id uuid) TO authenticated;

-- acl FUNCTION my_withdrawal_history(withdrawal_id uuid)
REVOKE ALL ON FUNCTION savings.my_withdrawal_history(withdrawal_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_withdrawal_history(withdrawal_id uuid) TO authenticated;

-- acl FUNCTION my_withdrawal_limits()
REVOKE ALL ON FUNCTION savings.my_withdrawal_limits() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_withdrawal_limits() TO authenticated;

-- acl FUNCTION my_withdrawals(before timestamp with time zone, maximum integer)
REVOKE ALL ON FUNCTION savings.my_withdrawals(before timestamp with time zone, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.my_withdrawals(before timestamp with time zone, maximum integer) TO authenticated;

-- acl FUNCTION needs_candles()
REVOKE ALL ON FUNCTION savings.needs_candles() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.needs_candles() TO service_role;

-- acl FUNCTION needs_price()
REVOKE ALL ON FUNCTION savings.needs_price() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.needs_price() TO service_role;

-- acl FUNCTION note_change(change_key uuid, plan savings.plan, asked jsonb)
REVOKE ALL ON FUNCTION savings.note_change(change_key uuid, plan savings.plan, asked jsonb) FROM PUBLIC;

-- acl FUNCTION note_order_attempt(order_id uuid, error text, is_unsent boolean)
REVOKE ALL ON FUNCTION savings.note_order_attempt(order_id uuid, error text, is_unsent boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.note_order_attempt(order_id uuid, error text, is_unsent boolean) TO service_role;

-- acl FUNCTION note_order_sent(order_id uuid, attempts integer)
REVOKE ALL ON FUNCTION savings.note_order_sent(order_id uuid, attempts integer) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.note_order_sent(order_id uuid, attempts integer) TO service_role;

-- acl FUNCTION note_price(cents_per_btc bigint, high_24h_cents bigint)
REVOKE ALL ON FUNCTION savings.note_price(cents_per_btc bigint, high_24h_cents bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.note_price(cents_per_btc bigint, high_24h_cents bigint) TO service_role;

-- acl FUNCTION note_unregistered(address_id uuid)
REVOKE ALL ON FUNCTION savings.note_unregistered(address_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.note_unregistered(address_id uuid) TO authenticated;

-- acl FUNCTION note_withdrawal(kind text, w savings.withdrawal, facts jsonb, actor uuid)
REVOKE ALL ON FUNCTION savings.note_withdrawal(kind text, w savings.withdrawal, facts jsonb, actor uuid) FROM PUBLIC;

-- acl FUNCTION note_withdrawal_attempt(withdrawal_id uuid, error text, is_unsent boolean)
REVOKE ALL ON FUNCTION savings.note_withdrawal_attempt(withdrawal_id uuid, error text, is_unsent boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.note_withdrawal_attempt(withdrawal_id uuid, error text, is_unsent boolean) TO service_role;

-- acl FUNCTION note_withdrawal_disputed(withdrawal_id uuid, vendor_ref text)
REVOKE ALL ON FUNCTION savings.note_withdrawal_disputed(withdrawal_id uuid, vendor_ref text) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.note_withdrawal_disputed(withdrawal_id uuid, vendor_ref text) TO service_role;

-- acl FUNCTION note_withdrawal_sent(withdrawal_id uuid, attempts integer)
REVOKE ALL ON FUNCTION savings.note_withdrawal_sent(withdrawal_id uuid, attempts integer) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.note_withdrawal_sent(withdrawal_id uuid, attempts integer) TO service_role;

-- acl FUNCTION open_my_plan(plan_id uuid)
REVOKE ALL ON FUNCTION savings.open_my_plan(plan_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.open_my_plan(plan_id uuid) TO authenticated;

-- acl FUNCTION order_due(order_id uuid, maximum integer, price_cents bigint, high_cents bigint)
REVOKE ALL ON FUNCTION savings.order_due(order_id uuid, maximum integer, price_cents bigint, high_cents bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.order_due(order_id uuid, maximum integer, price_cents bigint, high_cents bigint) TO service_role;

-- acl FUNCTION orders_to_ask(maximum integer)
REVOKE ALL ON FUNCTION savings.orders_to_ask(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.orders_to_ask(maximum integer) TO service_role;

-- acl FUNCTION pause_for(plan_id uuid, reason text)
REVOKE ALL ON FUNCTION savings.pause_for(plan_id uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.pause_for(plan_id uuid, reason text) TO service_role;

-- acl FUNCTION pause_plan(plan_id uuid, change_key uuid)
REVOKE ALL ON FUNCTION savings.pause_plan(plan_id uuid, change_key uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.pause_plan(plan_id uuid, change_key uuid) TO authenticated;

-- acl FUNCTION pause_without_bank()
REVOKE ALL ON FUNCTION savings.pause_without_bank() FROM PUBLIC;

-- acl FUNCTION plan_buys(plan savings.plan, due_ats timestamp with time zone[])
REVOKE ALL ON FUNCTION savings.plan_buys(plan savings.plan, due_ats timestamp with time zone[]) FROM PUBLIC;

-- acl FUNCTION plan_json(plan savings.plan)
REVOKE ALL ON FUNCTION savings.plan_json(plan savings.plan) FROM PUBLIC;

-- acl FUNCTION plan_moves_forward()
REVOKE ALL ON FUNCTION savings.plan_moves_forward() FROM PUBLIC;

-- acl FUNCTION plans_to_schedule(maximum integer)
REVOKE ALL ON FUNCTION savings.plans_to_schedule(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.plans_to_schedule(maximum integer) TO service_role;

-- acl FUNCTION plans_to_stop()
REVOKE ALL ON FUNCTION savings.plans_to_stop() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.plans_to_stop() TO service_role;

-- acl FUNCTION put_buys(plan savings.plan, due_ats timestamp with time zone[])
REVOKE ALL ON FUNCTION savings.put_buys(plan savings.plan, due_ats timestamp with time zone[]) FROM PUBLIC;

-- acl FUNCTION registration_over(address text, outcome text)
REVOKE ALL ON FUNCTION savings.registration_over(address text, outcome text) FROM PUBLIC;

-- acl FUNCTION remove_address(address_id uuid)
REVOKE ALL ON FUNCTION savings.remove_address(address_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.remove_address(address_id uuid) TO authenticated;

-- acl FUNCTION resume_plan(plan_id uuid, change_key uuid, due_ats timestamp with time zone[])
REVOKE ALL ON FUNCTION savings.resume_plan(plan_id uuid, change_key uuid, due_ats timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.resume_plan(plan_id uuid, change_key uuid, due_ats timestamp with time zone[]) TO authenticated;

-- acl FUNCTION schedule_buys(plan_ids uuid[], versions bigint[], are_over boolean[], due_plan_ids uuid[], due_ats timestamp with time zone[])
REVOKE ALL ON FUNCTION savings.schedule_buys(plan_ids uuid[], versions bigint[], are_over boolean[], due_plan_ids uuid[], due_ats timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.schedule_buys(plan_ids uuid[], versions bigint[], are_over boolean[], due_plan_ids uuid[], due_ats timestamp with time zone[]) TO service_role;

-- acl FUNCTION simulate(amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint, prices_cents bigint[], highs_cents bigint[], run_length integer, exchange_fee_bps integer, spare_bps integer)
REVOKE ALL ON FUNCTION savings.simulate(amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint, prices_cents bigint[], highs_cents bigint[], run_length integer, exchange_fee_bps integer, spare_bps integer) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.simulate(amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint, prices_cents bigint[], highs_cents bigint[], run_length integer, exchange_fee_bps integer, spare_bps integer) TO authenticated;

-- acl FUNCTION skip_missed(plan_ids uuid[])
REVOKE ALL ON FUNCTION savings.skip_missed(plan_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.skip_missed(plan_ids uuid[]) TO service_role;

-- acl FUNCTION skip_next(plan_id uuid, change_key uuid, due_at timestamp with time zone, due_ats timestamp with time zone[])
REVOKE ALL ON FUNCTION savings.skip_next(plan_id uuid, change_key uuid, due_at timestamp with time zone, due_ats timestamp with time zone[]) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.skip_next(plan_id uuid, change_key uuid, due_at timestamp with time zone, due_ats timestamp with time zone[]) TO authenticated;

-- acl FUNCTION skip_unpriced()
REVOKE ALL ON FUNCTION savings.skip_unpriced() FROM PUBLIC;
GRANT ALL ON FUNCTION savings.skip_unpriced() TO service_role;

-- acl FUNCTION skipped_ahead(plan_id uuid)
REVOKE ALL ON FUNCTION savings.skipped_ahead(plan_id uuid) FROM PUBLIC;

-- acl FUNCTION spent_cents(plan_id uuid)
REVOKE ALL ON FUNCTION savings.spent_cents(plan_id uuid) FROM PUBLIC;

-- acl FUNCTION take_back_buys(plan_id uuid, after timestamp with time zone, reason text)
REVOKE ALL ON FUNCTION savings.take_back_buys(plan_id uuid, after timestamp with time zone, reason text) FROM PUBLIC;

-- acl FUNCTION take_due(maximum integer, price_cents bigint, high_cents bigint)
REVOKE ALL ON FUNCTION savings.take_due(maximum integer, price_cents bigint, high_cents bigint) FROM PUBLIC;

-- acl FUNCTION tell_ended(order_id uuid)
REVOKE ALL ON FUNCTION savings.tell_ended(order_id uuid) FROM PUBLIC;

-- acl FUNCTION terms_json(plan savings.plan)
REVOKE ALL ON FUNCTION savings.terms_json(plan savings.plan) FROM PUBLIC;

-- acl FUNCTION vendor_ref_of(order_id uuid)
REVOKE ALL ON FUNCTION savings.vendor_ref_of(order_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.vendor_ref_of(order_id uuid) TO service_role;

-- acl FUNCTION with_terms(plan savings.plan, terms jsonb)
REVOKE ALL ON FUNCTION savings.with_terms(plan savings.plan, terms jsonb) FROM PUBLIC;

-- acl FUNCTION withdrawal_json(w savings.withdrawal)
REVOKE ALL ON FUNCTION savings.withdrawal_json(w savings.withdrawal) FROM PUBLIC;

-- acl FUNCTION withdrawal_moves_forward()
REVOKE ALL ON FUNCTION savings.withdrawal_moves_forward() FROM PUBLIC;

-- acl FUNCTION withdrawal_ref(withdrawal_id uuid)
REVOKE ALL ON FUNCTION savings.withdrawal_ref(withdrawal_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.withdrawal_ref(withdrawal_id uuid) TO service_role;

-- acl FUNCTION withdrawal_settled(withdrawal_id uuid, outcome text)
REVOKE ALL ON FUNCTION savings.withdrawal_settled(withdrawal_id uuid, outcome text) FROM PUBLIC;

-- acl FUNCTION withdrawals_to_ask(maximum integer)
REVOKE ALL ON FUNCTION savings.withdrawals_to_ask(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION savings.withdrawals_to_ask(maximum integer) TO service_role;

-- acl FUNCTION withdrawn_in_day(person uuid, OUT used_sats bigint, OUT used_count bigint, OUT resets_at timestamp with time zone)
REVOKE ALL ON FUNCTION savings.withdrawn_in_day(person uuid, OUT used_sats bigint, OUT used_count bigint, OUT resets_at timestamp with time zone) FROM PUBLIC;

-- acl FUNCTION claimed_by(claims text)
REVOKE ALL ON FUNCTION wallet.claimed_by(claims text) FROM PUBLIC;

-- acl FUNCTION limit_refusal(sender uuid, recipient uuid, amount_cents bigint, moment timestamp with time zone, limits jsonb)
REVOKE ALL ON FUNCTION wallet.limit_refusal(sender uuid, recipient uuid, amount_cents bigint, moment timestamp with time zone, limits jsonb) FROM PUBLIC;

-- acl FUNCTION my_balance()
REVOKE ALL ON FUNCTION wallet.my_balance() FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.my_balance() TO authenticated;

-- acl FUNCTION my_payment(payment_id uuid)
REVOKE ALL ON FUNCTION wallet.my_payment(payment_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.my_payment(payment_id uuid) TO authenticated;

-- acl FUNCTION my_payments(before timestamp with time zone, before_id uuid, maximum integer, direction text, sought text)
REVOKE ALL ON FUNCTION wallet.my_payments(before timestamp with time zone, before_id uuid, maximum integer, direction text, sought text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.my_payments(before timestamp with time zone, before_id uuid, maximum integer, direction text, sought text) TO authenticated;

-- acl FUNCTION my_send_limits()
REVOKE ALL ON FUNCTION wallet.my_send_limits() FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.my_send_limits() TO authenticated;

-- acl FUNCTION payment_is_well_formed()
REVOKE ALL ON FUNCTION wallet.payment_is_well_formed() FROM PUBLIC;

-- acl FUNCTION payment_json(payment_id uuid, viewer uuid)
REVOKE ALL ON FUNCTION wallet.payment_json(payment_id uuid, viewer uuid) FROM PUBLIC;

-- acl FUNCTION recent_people(maximum integer)
REVOKE ALL ON FUNCTION wallet.recent_people(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.recent_people(maximum integer) TO authenticated;

-- acl FUNCTION recipients_reset_at(sender uuid, maximum bigint)
REVOKE ALL ON FUNCTION wallet.recipients_reset_at(sender uuid, maximum bigint) FROM PUBLIC;

-- acl FUNCTION send(payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text)
REVOKE ALL ON FUNCTION wallet.send(payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.send(payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text) TO authenticated;

-- acl FUNCTION send_as(claims text, payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text)
REVOKE ALL ON FUNCTION wallet.send_as(claims text, payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.send_as(claims text, payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text) TO paya_app;

-- acl FUNCTION send_many(claims text[], payment_ids uuid[], recipient_handles text[], amounts_cents bigint[], notes text[], audiences text[])
REVOKE ALL ON FUNCTION wallet.send_many(claims text[], payment_ids uuid[], recipient_handles text[], amounts_cents bigint[], notes text[], audiences text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.send_many(claims text[], payment_ids uuid[], recipient_handles text[], amounts_cents bigint[], notes text[], audiences text[]) TO paya_app;

-- acl FUNCTION send_replay(payment_id uuid, sender uuid, recipient uuid, amount_cents bigint, note text, audience text)
REVOKE ALL ON FUNCTION wallet.send_replay(payment_id uuid, sender uuid, recipient uuid, amount_cents bigint, note text, audience text) FROM PUBLIC;

-- acl FUNCTION set_audience(payment_id uuid, audience text)
REVOKE ALL ON FUNCTION wallet.set_audience(payment_id uuid, audience text) FROM PUBLIC;
GRANT ALL ON FUNCTION wallet.set_audience(payment_id uuid, audience text) TO authenticated;

-- acl FUNCTION window_resets_at(sender uuid, span interval, maximum bigint)
REVOKE ALL ON FUNCTION wallet.window_resets_at(sender uuid, span interval, maximum bigint) FROM PUBLIC;

-- acl FUNCTION add_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text, secret_sealed bytea)
REVOKE ALL ON FUNCTION webhooks.add_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text, secret_sealed bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.add_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text, secret_sealed bytea) TO service_role;

-- acl FUNCTION alias(kind text)
REVOKE ALL ON FUNCTION webhooks.alias(kind text) FROM PUBLIC;

-- acl FUNCTION begin_anew(endpoint webhooks.endpoint, delivery_ids uuid[])
REVOKE ALL ON FUNCTION webhooks.begin_anew(endpoint webhooks.endpoint, delivery_ids uuid[]) FROM PUBLIC;

-- acl FUNCTION body(kind text, at timestamp with time zone, data text)
REVOKE ALL ON FUNCTION webhooks.body(kind text, at timestamp with time zone, data text) FROM PUBLIC;

-- acl FUNCTION change_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text)
REVOKE ALL ON FUNCTION webhooks.change_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.change_endpoint(account_id uuid, endpoint_id uuid, url text, filters text[], description text) TO service_role;

-- acl FUNCTION claim(maximum integer, at_each_endpoint integer, lease interval)
REVOKE ALL ON FUNCTION webhooks.claim(maximum integer, at_each_endpoint integer, lease interval) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.claim(maximum integer, at_each_endpoint integer, lease interval) TO service_role;

-- acl FUNCTION close_endpoint(endpoint webhooks.endpoint, to_state text, reason text, facts jsonb)
REVOKE ALL ON FUNCTION webhooks.close_endpoint(endpoint webhooks.endpoint, to_state text, reason text, facts jsonb) FROM PUBLIC;

-- acl FUNCTION deliveries(account_id uuid, endpoint_id uuid, state text, before_at timestamp with time zone, before_id uuid, maximum integer)
REVOKE ALL ON FUNCTION webhooks.deliveries(account_id uuid, endpoint_id uuid, state text, before_at timestamp with time zone, before_id uuid, maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.deliveries(account_id uuid, endpoint_id uuid, state text, before_at timestamp with time zone, before_id uuid, maximum integer) TO service_role;

-- acl FUNCTION delivery_log(account_id uuid, delivery_id uuid)
REVOKE ALL ON FUNCTION webhooks.delivery_log(account_id uuid, delivery_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.delivery_log(account_id uuid, delivery_id uuid) TO service_role;

-- acl FUNCTION disable(account_id uuid, endpoint_id uuid)
REVOKE ALL ON FUNCTION webhooks.disable(account_id uuid, endpoint_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.disable(account_id uuid, endpoint_id uuid) TO service_role;

-- acl FUNCTION enable(account_id uuid, endpoint_id uuid)
REVOKE ALL ON FUNCTION webhooks.enable(account_id uuid, endpoint_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.enable(account_id uuid, endpoint_id uuid) TO service_role;

-- acl FUNCTION endpoints(account_id uuid)
REVOKE ALL ON FUNCTION webhooks.endpoints(account_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.endpoints(account_id uuid) TO service_role;

-- acl FUNCTION find_lost()
REVOKE ALL ON FUNCTION webhooks.find_lost() FROM PUBLIC;

-- acl FUNCTION follow(maximum integer)
REVOKE ALL ON FUNCTION webhooks.follow(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.follow(maximum integer) TO service_role;

-- acl FUNCTION forget(maximum integer)
REVOKE ALL ON FUNCTION webhooks.forget(maximum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.forget(maximum integer) TO paya_worker;

-- acl FUNCTION has_work()
REVOKE ALL ON FUNCTION webhooks.has_work() FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.has_work() TO paya_app;

-- acl FUNCTION hold(account_id uuid, endpoint_id uuid)
REVOKE ALL ON FUNCTION webhooks.hold(account_id uuid, endpoint_id uuid) FROM PUBLIC;

-- acl FUNCTION is_asked(kind text, filters text[])
REVOKE ALL ON FUNCTION webhooks.is_asked(kind text, filters text[]) FROM PUBLIC;

-- acl FUNCTION look_ahead(endpoint_id uuid)
REVOKE ALL ON FUNCTION webhooks.look_ahead(endpoint_id uuid) FROM PUBLIC;

-- acl FUNCTION note(endpoint webhooks.endpoint, kind text, facts jsonb)
REVOKE ALL ON FUNCTION webhooks.note(endpoint webhooks.endpoint, kind text, facts jsonb) FROM PUBLIC;

-- acl FUNCTION open_era()
REVOKE ALL ON FUNCTION webhooks.open_era() FROM PUBLIC;

-- acl FUNCTION place(endpoint webhooks.endpoint, message_ids uuid[])
REVOKE ALL ON FUNCTION webhooks.place(endpoint webhooks.endpoint, message_ids uuid[]) FROM PUBLIC;

-- acl FUNCTION promote(endpoint_id uuid, ordering_key uuid)
REVOKE ALL ON FUNCTION webhooks.promote(endpoint_id uuid, ordering_key uuid) FROM PUBLIC;

-- acl FUNCTION put_back(delivery webhooks.delivery, account_now timestamp with time zone, delay interval)
REVOKE ALL ON FUNCTION webhooks.put_back(delivery webhooks.delivery, account_now timestamp with time zone, delay interval) FROM PUBLIC;

-- acl FUNCTION recover(account_id uuid, endpoint_id uuid, since timestamp with time zone)
REVOKE ALL ON FUNCTION webhooks.recover(account_id uuid, endpoint_id uuid, since timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.recover(account_id uuid, endpoint_id uuid, since timestamp with time zone) TO service_role;

-- acl FUNCTION remove_endpoint(account_id uuid, endpoint_id uuid)
REVOKE ALL ON FUNCTION webhooks.remove_endpoint(account_id uuid, endpoint_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.remove_endpoint(account_id uuid, endpoint_id uuid) TO service_role;

-- acl FUNCTION replay(account_id uuid, delivery_id uuid)
REVOKE ALL ON FUNCTION webhooks.replay(account_id uuid, delivery_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.replay(account_id uuid, delivery_id uuid) TO service_role;

-- acl FUNCTION require_filters(filters text[])
REVOKE ALL ON FUNCTION webhooks.require_filters(filters text[]) FROM PUBLIC;

-- acl FUNCTION retry_delay(delivery_id uuid, tries integer)
REVOKE ALL ON FUNCTION webhooks.retry_delay(delivery_id uuid, tries integer) FROM PUBLIC;

-- acl FUNCTION rotate_secret(account_id uuid, endpoint_id uuid, rotation_id uuid, secret_sealed bytea, overlap interval)
REVOKE ALL ON FUNCTION webhooks.rotate_secret(account_id uuid, endpoint_id uuid, rotation_id uuid, secret_sealed bytea, overlap interval) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.rotate_secret(account_id uuid, endpoint_id uuid, rotation_id uuid, secret_sealed bytea, overlap interval) TO service_role;

-- acl FUNCTION send_test(account_id uuid, endpoint_id uuid, message_id uuid)
REVOKE ALL ON FUNCTION webhooks.send_test(account_id uuid, endpoint_id uuid, message_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.send_test(account_id uuid, endpoint_id uuid, message_id uuid) TO service_role;

-- acl FUNCTION set_chaos(account_id uuid, endpoint_id uuid, chaos jsonb)
REVOKE ALL ON FUNCTION webhooks.set_chaos(account_id uuid, endpoint_id uuid, chaos jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.set_chaos(account_id uuid, endpoint_id uuid, chaos jsonb) TO service_role;

-- acl FUNCTION settle(delivery_id uuid, number integer, outcome text, status integer, took_ms integer, headers jsonb, answer text)
REVOKE ALL ON FUNCTION webhooks.settle(delivery_id uuid, number integer, outcome text, status integer, took_ms integer, headers jsonb, answer text) FROM PUBLIC;
GRANT ALL ON FUNCTION webhooks.settle(delivery_id uuid, number integer, outcome text, status integer, took_ms integer, headers jsonb, answer text) TO service_role;

-- acl FUNCTION shown(endpoint webhooks.endpoint)
REVOKE ALL ON FUNCTION webhooks.shown(endpoint webhooks.endpoint) FROM PUBLIC;

-- acl FUNCTION shown_delivery(delivery webhooks.delivery, message webhooks.message)
REVOKE ALL ON FUNCTION webhooks.shown_delivery(delivery webhooks.delivery, message webhooks.message) FROM PUBLIC;

-- acl FUNCTION tell(snapshot_before pg_snapshot, era integer)
REVOKE ALL ON FUNCTION webhooks.tell(snapshot_before pg_snapshot, era integer) FROM PUBLIC;

-- acl TABLE account_clock
GRANT SELECT ON TABLE charges.account_clock TO paya_sandbox_sweeper;

-- acl TABLE event
GRANT SELECT,DELETE ON TABLE charges.event TO paya_sandbox_sweeper;

-- acl TABLE operation
GRANT SELECT,DELETE ON TABLE charges.operation TO paya_sandbox_sweeper;

-- acl TABLE portion
GRANT SELECT,DELETE ON TABLE charges.portion TO paya_sandbox_sweeper;

-- acl TABLE payments
GRANT SELECT ON TABLE public.payments TO anon;
GRANT SELECT ON TABLE public.payments TO authenticated;
GRANT SELECT ON TABLE public.payments TO service_role;

-- acl TABLE public_payment
GRANT SELECT ON TABLE feed.public_payment TO anon;
GRANT SELECT ON TABLE feed.public_payment TO authenticated;
GRANT SELECT ON TABLE feed.public_payment TO service_role;

-- acl TABLE attempt_limit
GRANT SELECT,UPDATE ON TABLE identity.attempt_limit TO service_role;

-- acl TABLE procrastinate_events
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.procrastinate_events TO paya_worker;

-- acl SEQUENCE procrastinate_events_id_seq
GRANT USAGE ON SEQUENCE jobs.procrastinate_events_id_seq TO paya_worker;

-- acl SEQUENCE procrastinate_jobs_id_seq
GRANT USAGE ON SEQUENCE jobs.procrastinate_jobs_id_seq TO paya_worker;

-- acl TABLE procrastinate_periodic_defers
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.procrastinate_periodic_defers TO paya_worker;

-- acl SEQUENCE procrastinate_periodic_defers_id_seq
GRANT USAGE ON SEQUENCE jobs.procrastinate_periodic_defers_id_seq TO paya_worker;

-- acl TABLE procrastinate_workers
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobs.procrastinate_workers TO paya_worker;

-- acl SEQUENCE procrastinate_workers_id_seq
GRANT USAGE ON SEQUENCE jobs.procrastinate_workers_id_seq TO paya_worker;

-- acl TABLE rule
GRANT SELECT ON TABLE retention.rule TO service_role;
GRANT SELECT ON TABLE retention.rule TO paya_sandbox_sweeper;

-- acl TABLE capture
GRANT SELECT,DELETE ON TABLE sandbox.capture TO paya_sandbox_sweeper;

-- acl TABLE checkpoint
GRANT SELECT ON TABLE sandbox.checkpoint TO paya_sandbox_sweeper;

-- acl TABLE entry
GRANT SELECT,DELETE ON TABLE sandbox.entry TO paya_sandbox_sweeper;

-- acl TABLE hold
GRANT SELECT,DELETE ON TABLE sandbox.hold TO paya_sandbox_sweeper;

-- acl TABLE remainder
GRANT SELECT,INSERT,UPDATE ON TABLE sandbox.remainder TO paya_sandbox_sweeper;

-- acl TABLE sum_entry
GRANT SELECT,DELETE ON TABLE sandbox.sum_entry TO paya_sandbox_sweeper;

-- acl TABLE transfer
GRANT SELECT,DELETE ON TABLE sandbox.transfer TO paya_sandbox_sweeper;

-- default acl DEFAULT PRIVILEGES FOR FUNCTIONS
ALTER DEFAULT PRIVILEGES FOR ROLE postgres REVOKE ALL ON FUNCTIONS FROM PUBLIC;
