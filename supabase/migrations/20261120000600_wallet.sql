-- Wallet: payments between people.
-- Why      A payment is a transfer in the ledger plus what people say about it and who may see it.
-- Units    amount_cents: US cents, 1 up to the limit send_single_cents. The table of payments has no amount:
--          strangers may read public rows, and column grants are per role; one's own amounts come from
--          wallet.my_payments.
-- Locks    wallet.send locks both wallets in id order before it counts, decides or moves anything.
-- Callers  wallet.send_as from the application's login role, in one round trip; the rest from signed-in people.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema wallet;
revoke all on schema wallet from public;
grant usage on schema wallet to anon, authenticated, service_role, paya_app;

create table public.payments (
  id uuid primary key references ledger.transfer (id),
  sender_id uuid not null references public.profiles (id),
  recipient_id uuid not null references public.profiles (id),
  note text not null,
  sender_audience text not null,
  recipient_audience text not null default 'public',
  is_public boolean not null generated always as (sender_audience = 'public' and recipient_audience = 'public') stored,
  version bigint not null default 1,
  created_at timestamptz not null,
  constraint payment_is_between_two check (sender_id <> recipient_id),
  constraint note_is_short check (char_length(note) <= 280),
  constraint sender_audience_is_known check (sender_audience in ('private', 'public')),
  constraint recipient_audience_is_known check (recipient_audience in ('private', 'public'))
);
comment on table public.payments is
'What is said of a payment and who may see it: public only while both sides leave it so. Never an amount.';
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

create function wallet.send(
  payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  sender uuid := auth.uid();
  recipient uuid;
  giver ledger.account; taker ledger.account;
  moment timestamptz;
  maximum bigint;
  known record;
  was_public boolean;
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
  select p.id into recipient from public.profiles p where p.handle = recipient_handle;
  if recipient is null then
    perform private.refuse('person_not_found', facts || jsonb_build_object('to', '@' || left(recipient_handle, 20)));
  end if;
  if recipient = sender then
    perform private.refuse('self_payment', facts);
  end if;

  -- From here on nothing else can send from or to these wallets, so what is read below stays true.
  perform from ledger.account a where a.owner in (sender, recipient) and a.kind = 'wallet' order by a.id for no key update;
  moment := private.now();

  select p.sender_id, p.recipient_id, p.note, t.amount into known
  from public.payments p join ledger.transfer t on t.id = p.id where p.id = payment_id;
  if found then
    -- who sees it may have changed since, so the audience is compared with what was first asked for
    select (e.payload ->> 'is_public')::boolean into was_public
    from events.event e where e.subject = payment_id and e.kind = 'payment.sent';
    if (known.sender_id, known.recipient_id, known.note, known.amount, was_public)
      is distinct from (sender, recipient, note, amount_cents, audience = 'public') then
      perform private.refuse('key_reused');
    end if;
    return wallet.payment_json(payment_id, sender) || jsonb_build_object('is_replay', true);
  end if;

  select * into giver from ledger.account a where a.owner = sender and a.kind = 'wallet';
  select * into taker from ledger.account a where a.owner = recipient and a.kind = 'wallet';
  facts := facts || jsonb_build_object('is_covered', coalesce(giver.balance - giver.held - amount_cents >= giver.min_balance, false));
  if giver.id is null or giver.state <> 'active' then
    perform private.refuse('account_unavailable', facts || '{"whose": "yours"}');
  end if;
  if taker.id is null or taker.state = 'frozen' then
    perform private.refuse('account_unavailable', facts || '{"whose": "theirs"}');
  end if;

  maximum := risk.limit_max('send_single_cents');
  if amount_cents > maximum then
    perform private.refuse('limit_exceeded', facts || jsonb_build_object('limit', 'send_single_cents', 'max', maximum));
  end if;
  maximum := risk.limit_max('send_hour_count');
  if (select count(*) from public.payments p where p.sender_id = sender and p.created_at > moment - interval '1 hour') >= maximum then
    perform private.refuse('limit_exceeded', facts || jsonb_build_object(
      'limit', 'send_hour_count', 'max', maximum, 'resets_at', wallet.window_resets_at(sender, '1 hour', maximum)));
  end if;
  maximum := risk.limit_max('send_day_count');
  if (select count(*) from public.payments p where p.sender_id = sender and p.created_at > moment - interval '1 day') >= maximum then
    perform private.refuse('limit_exceeded', facts || jsonb_build_object(
      'limit', 'send_day_count', 'max', maximum, 'resets_at', wallet.window_resets_at(sender, '1 day', maximum)));
  end if;

  perform ledger.post(payment_id, giver.id, taker.id, amount_cents, 'payment');
  insert into public.payments (id, sender_id, recipient_id, note, sender_audience, created_at)
  values (payment_id, sender, recipient, note, audience, moment);
  perform events.record('payment.sent', payment_id, 1, jsonb_build_object(
    'sender_id', sender, 'recipient_id', recipient, 'amount_cents', amount_cents, 'is_public', audience = 'public'));
  return wallet.payment_json(payment_id, sender) || jsonb_build_object('is_replay', false);
end $$;
comment on function wallet.send(uuid, text, bigint, text, text) is
'Pays the person with this handle from the caller''s wallet once per payment_id: transfer, payment and event together. Returns the payment.';
grant execute on function wallet.send(uuid, text, bigint, text, text) to authenticated;

-- Role, claims and work in one round trip. An invoker's function: it can do no more than whom it becomes.
create function wallet.send_as(
  claims text, payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text
) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('role', 'authenticated', true), set_config('request.jwt.claims', claims, true);
  return wallet.send(payment_id, recipient_handle, amount_cents, note, audience);
end $$;
comment on function wallet.send_as(text, uuid, text, bigint, text, text) is
'wallet.send as the person of these verified claims; for the application''s login role alone.';
grant execute on function wallet.send_as(text, uuid, text, bigint, text, text) to paya_app;

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
  day_max bigint, day_used bigint, day_resets_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select risk.limit_max('send_single_cents'), h.maximum,
    (select count(*) from public.payments p where p.sender_id = auth.uid() and p.created_at > private.now() - interval '1 hour'),
    wallet.window_resets_at(auth.uid(), '1 hour', h.maximum),
    d.maximum,
    (select count(*) from public.payments p where p.sender_id = auth.uid() and p.created_at > private.now() - interval '1 day'),
    wallet.window_resets_at(auth.uid(), '1 day', d.maximum)
  from (select risk.limit_max('send_hour_count') as maximum) h, (select risk.limit_max('send_day_count') as maximum) d
$$;
comment on function wallet.my_send_limits() is 'What the caller may still send: used and maximum per window, and when a full window frees a place.';
grant execute on function wallet.my_send_limits() to authenticated;
