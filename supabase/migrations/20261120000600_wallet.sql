-- Wallet: payments between people.
-- Why      A payment is a transfer in the ledger plus what people say about it and who may see it.
-- Units    amount_cents: US cents, 1 up to the limit send_single_cents. The table of payments has no amount:
--          strangers may read public rows, and column grants are per role; one's own amounts come from
--          wallet.my_payments.
-- Locks    ledger.post locks both wallets in id order; a payment is counted against the limits after that, so
--          that no two payments of one person are counted at the same time.
-- Callers  wallet.send_as from the application's login role, in one round trip; wallet.send from signed-in people.
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
