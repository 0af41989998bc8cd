-- Wallet, reading: one's own balance, payments and limits, and who may see a payment.
-- Why      The table of payments shows no amount to anybody; its two people read theirs here.
-- Units    *_cents: US cents.
-- Locks    set_audience locks the payment's row; the rest reads.
-- Callers  Signed-in people, each their own (auth.uid()).
-- Undo     Forward only.
set local lock_timeout = '5s';

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
