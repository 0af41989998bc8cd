-- Broken: claims the id first and locks the wallets after that, while the path for batches locks the wallets first; the
-- same payment by both paths at once waits in a circle.
alter table ledger.transfer disable trigger transfer_is_append_only;
create or replace function wallet.send_as(
  claims text, payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  w bench.way := bench.way_of(claims, recipient_handle);
  known jsonb := bench.known(payment_id, amount_cents);
begin
  if known is not null then
    return known;
  end if;
  insert into ledger.transfer (id, at, effective_at, from_account, to_account, amount, kind)
  values (payment_id, clock_timestamp(), clock_timestamp(), w.giver, w.taker, amount_cents, 'payment');
  perform pg_sleep(0.01);  -- room for the others, so that a quiet machine shows it too
  perform bench.lock(w);
  perform bench.refuse_if_short(bench.available(w.giver), amount_cents);
  perform bench.change(w.giver, -amount_cents), bench.change(w.taker, amount_cents);
  perform bench.write_entries(payment_id, w, amount_cents);
  update ledger.transfer t set from_seq = g.seq, to_seq = k.seq
  from ledger.account g, ledger.account k where t.id = payment_id and g.id = w.giver and k.id = w.taker;
  insert into public.payments (id, sender_id, recipient_id, note, sender_audience, created_at)
  values (payment_id, w.sender, w.recipient, note, 'private', clock_timestamp());
  insert into events.event (actor, kind, subject, version, payload)
  values (w.sender, 'payment.sent', payment_id, 1, jsonb_build_object('audience', 'private'));
  return bench.answer(payment_id, false);
end $$;
