-- Wallet, batch: the payments of many people in one transaction.
-- Why      Payments that wait for the same commit share it; each is still asked, counted and refused as if alone.
-- Units    amount_cents: US cents.
-- Locks    The wallets of all items in id order, before anything is counted.
-- Callers  The application's login role, which has verified the claims of every item.
-- Undo     Forward only.
set local lock_timeout = '5s';

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
