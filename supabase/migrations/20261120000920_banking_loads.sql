-- Banking, loads: asking for money from one's bank, and seeing where it is.
-- Why      The load, the operation for the vendor, the job and the event are one transaction: none without the others.
-- Units    amount_cents: US cents. Limits roll over seven days.
-- Locks    The person's wallet row first, so of many loads at once exactly those within the limits start.
-- Callers  People start and read their own loads (auth.uid()).
-- Undo     Forward only.
set local lock_timeout = '5s';

-- Everything that limits a person's bank transfers asks here, so that what raises or lowers one person's limits is
-- said in one place.
create function banking.limit_of(person uuid, name text) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select risk.limit_max(limit_of.name)
$$;
comment on function banking.limit_of(uuid, text) is 'The value in force of a limit for this person, or null when there is none of this name.';

-- Bank transfers of one person are sent in the order in which they were asked for.
create function banking.order_of(person uuid) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select 'bank:' || order_of.person
$$;
comment on function banking.order_of(uuid) is 'What the jobs that send a person''s transfers have in common: they run one after the other.';

-- Bank days are counted on the clock that limits and holds run on, not on that of whichever machine asks.
create function banking.moment() returns timestamptz
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select private.now()
$$;
comment on function banking.moment() is 'The time, as the database has it.';
grant execute on function banking.moment() to service_role;

create function banking.cancel_word(operation banking.provider_operation) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case
    when operation.state not in ('queued', 'submitted', 'pending') then 'over'
    when operation.cancel_refused_at is not null then 'refused'
    when operation.cancel_asked_at is not null then 'asked'
    else 'possible' end
$$;
comment on function banking.cancel_word(banking.provider_operation) is
'Whether its owner may still cancel: possible, asked (the bank decides), refused (it had begun), or over.';

create function banking.load_json(load_id uuid, viewer uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
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
comment on function banking.load_json(uuid, uuid) is 'A load as its owner may see it, or null.';

-- 40 random bits in an alphabet without look-alikes, for people to read aloud: LD-7Q4K-22XM.
create function banking.new_reference(prefix text) returns text
language sql volatile set search_path = pg_catalog, pg_temp as $$
  select prefix || '-' || left(r, 4) || '-' || right(r, 4) from (
    select string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (get_byte(b, i) & 31), 1), '') as r
    from (select uuid_send(gen_random_uuid()) as b) u, generate_series(8, 15) i
  ) t
$$;
comment on function banking.new_reference(text) is 'A fresh reference for a load (LD) or a redemption (CO).';

-- What is still owed, and what loads paid back of it, counts no more: adding money is how it is paid back.
create function banking.owed_cents(person uuid) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (
    select coalesce(sum(d.owed_cents - d.repaid_cents), 0)::bigint from banking.debt d
    where d.person = owed_cents.person and d.closed_at is null);
end $$;
comment on function banking.owed_cents(uuid) is 'What a person still owes since loads were taken back, in US cents.';

create function banking.repaid_by(load_id uuid) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (
    select coalesce(sum(r.amount_cents), 0)::bigint from banking.repayment r
    where r.cause_id = repaid_by.load_id and r.cause = 'load_cleared');
end $$;
comment on function banking.repaid_by(uuid) is 'How much of a load paid back what its person owed, in US cents.';

create function banking.loaded_in_week(person uuid) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select greatest(0, coalesce(sum(l.amount_cents - banking.repaid_by(l.id)), 0)::bigint - banking.owed_cents(loaded_in_week.person))
  from banking.load l join banking.provider_operation o on o.id = l.id
  where l.person = loaded_in_week.person and l.created_at > private.now() - interval '7 days'
    and o.state not in ('failed', 'canceled')
$$;
comment on function banking.loaded_in_week(uuid) is 'What a person loaded in the last seven days, in US cents, without what pays or paid back what they owed.';

create function banking.start_load(load_id uuid, source_id uuid, amount_cents bigint) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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

-- The first moment at which this much fits into the rolling week, if nothing else is loaded.
create function banking.room_at(person uuid, amount_cents bigint) returns timestamptz
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select max(r.created_at) + interval '7 days' from (
    select l.created_at, sum(l.amount_cents) over (order by l.created_at desc, l.id desc) as from_here
    from banking.load l join banking.provider_operation o on o.id = l.id
    where l.person = room_at.person and l.created_at > private.now() - interval '7 days'
      and o.state not in ('failed', 'canceled')
  ) r where r.from_here + room_at.amount_cents > banking.limit_of(room_at.person, 'load_week_cents')
$$;
comment on function banking.start_load(uuid, uuid, bigint) is
'Asks the caller''s bank for money once per load_id: load, operation, job and event together. Returns the load.';
grant execute on function banking.start_load(uuid, uuid, bigint) to authenticated;

create function banking.my_loads(before timestamptz, maximum integer) returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select banking.load_json(l.id, auth.uid()) from (
    select l.id, l.created_at from banking.load l
    where l.person = auth.uid() and (before is null or l.created_at < before)
    order by l.created_at desc, l.id desc limit least(greatest(maximum, 0), 100)
  ) l order by l.created_at desc, l.id desc
$$;
comment on function banking.my_loads(timestamptz, integer) is 'The caller''s loads, newest first.';
grant execute on function banking.my_loads(timestamptz, integer) to authenticated;

create function banking.my_load(load_id uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select banking.load_json(load_id, auth.uid())
$$;
comment on function banking.my_load(uuid) is 'One of the caller''s loads, or null.';
grant execute on function banking.my_load(uuid) to authenticated;

create function banking.my_pending_cents() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(sum(l.amount_cents), 0)::bigint from banking.load l join banking.provider_operation o on o.id = l.id
  where l.person = auth.uid() and o.state in ('queued', 'submitted', 'pending', 'settled')
$$;
comment on function banking.my_pending_cents() is 'What is on its way into the caller''s wallet, in US cents.';
grant execute on function banking.my_pending_cents() to authenticated;

create function banking.my_load_limits() returns table (
  single_min_cents bigint, single_max_cents bigint, week_max_cents bigint, week_used_cents bigint, first_week_ends_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select banking.limit_of(p.id, 'load_single_min_cents'), banking.limit_of(p.id, 'load_single_cents'),
    case when p.created_at > private.now() - interval '7 days'
      then banking.limit_of(p.id, 'load_first_week_cents') else banking.limit_of(p.id, 'load_week_cents') end,
    banking.loaded_in_week(p.id),
    case when p.created_at > private.now() - interval '7 days' then p.created_at + interval '7 days' end
  from public.profiles p where p.id = auth.uid()
$$;
comment on function banking.my_load_limits() is 'What the caller may load: bounds of one load, the week''s maximum and how much of it is used.';
grant execute on function banking.my_load_limits() to authenticated;
