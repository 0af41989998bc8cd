-- Broken: nobody looks whether the id was used; the transfer is written once, and the balances are changed again.
create or replace function wallet.send_as(
  claims text, payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  w bench.way := bench.way_of(claims, recipient_handle);
begin
  perform bench.known(payment_id, amount_cents);  -- refuses another amount, and is not listened to otherwise
  perform bench.lock(w);
  perform bench.refuse_if_short(bench.available(w.giver), amount_cents);
  perform bench.change(w.giver, -amount_cents), bench.change(w.taker, amount_cents);
  if exists (select from ledger.transfer t where t.id = payment_id) then
    return bench.answer(payment_id, true);
  end if;
  perform bench.write_entries(payment_id, w, amount_cents);
  return bench.write_payment(payment_id, w, amount_cents, note);
end $$;
