-- What the broken variants have in common: a plain way to send, cut into steps that each variant leaves out, puts in
-- another order or does on stale data. sound.sql has all of them in the right order, and nothing is wrong with it.
-- Installed into the harness's database alone.
create type bench.way as (sender uuid, recipient uuid, giver bigint, taker bigint);

create function bench.way_of(claims text, recipient_handle text) returns bench.way
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select row(s.id, r.id, ledger.wallet_of(s.id), ledger.wallet_of(r.id))::bench.way
  from public.profiles s, public.profiles r
  where s.id = (claims::jsonb ->> 'sub')::uuid and r.handle = recipient_handle
$$;

create function bench.answer(payment_id uuid, is_replay boolean) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', p.id, 'amount_cents', t.amount, 'counterparty', jsonb_build_object('handle', o.handle), 'is_replay', is_replay)
  from public.payments p join ledger.transfer t on t.id = p.id join public.profiles o on o.id = p.recipient_id
  where p.id = payment_id
$$;

-- What the id made before, or null.
create function bench.known(payment_id uuid, cents bigint) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from ledger.transfer t where t.id = payment_id and t.amount <> cents) then
    perform private.refuse('key_reused');
  end if;
  return bench.answer(payment_id, true);
end $$;

create function bench.lock(w bench.way) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select from ledger.account a where a.id in (w.giver, w.taker) order by a.id for no key update
$$;

create function bench.available(account_id bigint) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select a.balance - a.held from ledger.account a where a.id = account_id
$$;

create function bench.refuse_if_short(available bigint, cents bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if available < cents then
    perform private.refuse('insufficient_funds');
  end if;
end $$;

create function bench.change(account_id bigint, cents bigint) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update ledger.account a set balance = a.balance + cents, seq = a.seq + 1 where a.id = account_id
$$;

-- Writes a payment whose balances were just changed in this transaction.
create function bench.write_payment(payment_id uuid, w bench.way, cents bigint, note text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into ledger.transfer (id, at, effective_at, from_account, to_account, from_seq, to_seq, amount, kind)
  select payment_id, clock_timestamp(), clock_timestamp(), w.giver, w.taker, g.seq, t.seq, cents, 'payment'
  from ledger.account g, ledger.account t where g.id = w.giver and t.id = w.taker;
  insert into public.payments (id, sender_id, recipient_id, note, sender_audience, created_at)
  values (payment_id, w.sender, w.recipient, note, 'private', clock_timestamp());
  insert into events.event (actor, kind, subject, version, payload)
  values (w.sender, 'payment.sent', payment_id, 1, jsonb_build_object('audience', 'private'));
  return bench.answer(payment_id, false);
end $$;

create function bench.write_entries(payment_id uuid, w bench.way, cents bigint) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
  select a.id, a.seq, payment_id, case when a.id = w.giver then -cents else cents end, a.balance, clock_timestamp()
  from ledger.account a where a.id in (w.giver, w.taker)
$$;
