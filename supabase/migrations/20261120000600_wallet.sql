-- Wallet: payments between people.
-- Why      A payment is a transfer in the ledger plus what people say about it and who may see it.
-- Units    amount_cents: US cents, 1 up to the limit send_single_cents. The table of payments has no amount:
--          strangers may read public rows, and column grants are per role; one's own amounts come from
--          wallet.my_payments.
-- Locks    ledger.post locks both wallets in id order; a payment is counted against the limits after that, so
--          that no two payments of one person are counted at the same time.
-- Callers  wallet.send_as and wallet.send_many from the application's login role, in one round trip; the rest
--          from signed-in people.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema wallet;
revoke all on schema wallet from public;
grant usage on schema wallet to anon, authenticated, service_role, paya_app;

create table public.payments (
  id uuid primary key references ledger.transfer (id),
  -- people are never deleted, and wallet.send has just read them: a foreign key would lock both rows once more
  sender_id uuid not null,
  recipient_id uuid not null,
  note text not null,
  sender_audience text not null,
  recipient_audience text not null default 'public',
  is_public boolean not null generated always as (sender_audience = 'public' and recipient_audience = 'public') stored,
  version bigint not null default 1,
  created_at timestamptz not null
);
comment on table public.payments is
'What is said of a payment and who may see it: public only while both sides leave it so. Never an amount.';

-- A trigger and not a check: a check this long is parsed anew by every payment, which costs twice as much.
create function wallet.payment_is_well_formed() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.sender_id = new.recipient_id or char_length(new.note) > 280
    or new.sender_audience not in ('private', 'public') or new.recipient_audience not in ('private', 'public')
  then
    raise exception using errcode = 'PA000', message = 'payment_malformed', detail = '{}';
  end if;
  return new;
end $$;
comment on function wallet.payment_is_well_formed() is 'A payment is between two, its note is short, and each side shows it or does not.';
create trigger payment_is_well_formed before insert or update on public.payments
for each row execute function wallet.payment_is_well_formed();

create index payments_by_sender on public.payments (sender_id, created_at desc);
create index payments_by_recipient on public.payments (recipient_id, created_at desc);
alter table public.payments enable row level security;
revoke all on public.payments from anon, authenticated, service_role;
grant select on public.payments to anon, authenticated, service_role;
create policy payments_public_to_visitors on public.payments for select to anon using (is_public);
create policy payments_public_and_own on public.payments for select to authenticated
using (is_public or sender_id = (select auth.uid()) or recipient_id = (select auth.uid()));

-- When the oldest payment of a full window leaves it.
create function wallet.window_resets_at(sender uuid, span interval, maximum bigint) returns timestamptz
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.created_at + span from public.payments p
  where p.sender_id = sender and p.created_at > private.now() - span
  order by p.created_at desc offset greatest(maximum - 1, 0) limit 1
$$;

create function wallet.payment_json(payment_id uuid, viewer uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
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

-- What a limit refuses for one more payment to recipient, or null. The sender's wallet is locked meanwhile.
create function wallet.limit_refusal(
  sender uuid, recipient uuid, amount_cents bigint, moment timestamptz, limits jsonb
) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
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
comment on function wallet.limit_refusal(uuid, uuid, bigint, timestamptz, jsonb) is
'The facts of the first limit that one more payment would break, or null. Exact only while the sender''s wallet is locked.';

-- When paying somebody new is possible again: when one of the people of a full day drops out of it.
create function wallet.recipients_reset_at(sender uuid, maximum bigint) returns timestamptz
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select r.last_at + interval '1 day' from (
    select max(p.created_at) as last_at from public.payments p
    where p.sender_id = sender and p.created_at > private.now() - interval '1 day' group by p.recipient_id
  ) r order by r.last_at desc offset greatest(maximum - 1, 0) limit 1
$$;

create function wallet.send_replay(payment_id uuid, sender uuid, recipient uuid, amount_cents bigint, note text, audience text)
returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
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
comment on function wallet.send_replay(uuid, uuid, uuid, bigint, text, text) is
'The payment that this id made, {"code": "key_reused"} when it was another, or null when there is none.';

create function wallet.send(
  payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
comment on function wallet.send(uuid, text, bigint, text, text) is
'Pays the person with this handle from the caller''s wallet once per payment_id: transfer, payment and event together. Returns the payment.';
grant execute on function wallet.send(uuid, text, bigint, text, text) to authenticated;

-- Role, claims and work in one round trip. An invoker's function: it can do no more than whom it becomes.
create function wallet.send_as(
  claims text, payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text
) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  was_set text;
begin
  -- assigned, not performed: a function in an expression is called without a query around it
  was_set := set_config('role', 'authenticated', true);
  was_set := set_config('request.jwt.claims', claims, true);
  return wallet.send(payment_id, recipient_handle, amount_cents, note, audience);
end $$;
comment on function wallet.send_as(text, uuid, text, bigint, text, text) is
'wallet.send as the person of these verified claims; for the application''s login role alone.';
grant execute on function wallet.send_as(text, uuid, text, bigint, text, text) to paya_app;

create type wallet.send_item as (
  n integer, payment_id uuid, sender uuid, recipient uuid, giver bigint, taker bigint,
  amount_cents bigint, note text, audience text, code text, facts jsonb, result jsonb
);
create type wallet.send_answer as (n integer, result jsonb, code text, facts jsonb);

-- In a batch, claims that nobody can read are one caller's refusal, and no error of all the others.
create function wallet.claimed_by(claims text) returns uuid
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return (claims::jsonb ->> 'sub')::uuid;
exception when data_exception or program_limit_exceeded then
  return null;
end $$;
comment on function wallet.claimed_by(text) is 'Whose claims these are, or null when that cannot be read.';

-- What send_as does for one, for many people in one transaction: whoever calls has verified every item's claims.
-- One item per sender: a second is told to ask again, so that each is counted after the other is booked.
create function wallet.send_many(
  claims text[], payment_ids uuid[], recipient_handles text[], amounts_cents bigint[], notes text[], audiences text[]
) returns setof wallet.send_answer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
comment on function wallet.send_many(text[], uuid[], text[], bigint[], text[], text[]) is
'wallet.send for up to 1000 people at once, each item as the person of its verified claims; a refusal is its own item''s alone. '
'For the application''s login role.';
grant execute on function wallet.send_many(text[], uuid[], text[], bigint[], text[], text[]) to paya_app;

create function wallet.set_audience(payment_id uuid, audience text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
comment on function wallet.set_audience(uuid, text) is
'Sets the caller''s own side of a payment''s audience; it is public only while both sides are. Returns the payment.';
grant execute on function wallet.set_audience(uuid, text) to authenticated;

create function wallet.my_balance() returns table (available_cents bigint, held_cents bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.balance - a.held, a.held from ledger.account a
  where a.owner = auth.uid() and a.kind = 'wallet' and a.asset = 'USD'
$$;
comment on function wallet.my_balance() is 'The caller''s wallet in US cents; no row before a handle was claimed.';
grant execute on function wallet.my_balance() to authenticated;

create function wallet.my_payments(
  before timestamptz, before_id uuid, maximum int, direction text default null, sought text default null
) returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
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
comment on function wallet.my_payments(timestamptz, uuid, int, text, text) is
'The caller''s payments with their amounts, newest first, before a (created_at, id); sought is an ILIKE pattern.';
grant execute on function wallet.my_payments(timestamptz, uuid, int, text, text) to authenticated;

create function wallet.my_payment(payment_id uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select wallet.payment_json(payment_id, auth.uid())
$$;
comment on function wallet.my_payment(uuid) is 'One of the caller''s payments with its amount, or null.';
grant execute on function wallet.my_payment(uuid) to authenticated;

create function wallet.recent_people(maximum int) returns setof public.profiles
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.* from (
    select p.recipient_id, max(p.created_at) as last_at from public.payments p
    where p.sender_id = auth.uid() group by p.recipient_id order by last_at desc limit least(maximum, 20)
  ) r join public.profiles o on o.id = r.recipient_id order by r.last_at desc
$$;
comment on function wallet.recent_people(int) is 'Whom the caller paid, the latest first.';
grant execute on function wallet.recent_people(int) to authenticated;

create function wallet.my_send_limits() returns table (
  single_max_cents bigint, hour_max bigint, hour_used bigint, hour_resets_at timestamptz,
  day_max bigint, day_used bigint, day_resets_at timestamptz,
  recipients_max bigint, recipients_used bigint, recipients_reset_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
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
comment on function wallet.my_send_limits() is 'What the caller may still send: used and maximum per window, and when a full window frees a place.';
grant execute on function wallet.my_send_limits() to authenticated;
