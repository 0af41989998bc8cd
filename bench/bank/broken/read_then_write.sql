-- Broken: reads both balances, then writes what it calculated from them; whoever paid in between is forgotten.
create or replace function wallet.send_as(
  claims text, payment_id uuid, recipient_handle text, amount_cents bigint, note text, audience text
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  w bench.way := bench.way_of(claims, recipient_handle);
  known jsonb := bench.known(payment_id, amount_cents);
  giver_balance bigint := (select a.balance from ledger.account a where a.id = w.giver);
  taker_balance bigint := (select a.balance from ledger.account a where a.id = w.taker);
begin
  if known is not null then
    return known;
  end if;
  perform bench.refuse_if_short(bench.available(w.giver), amount_cents);
  perform pg_sleep(0.01);  -- room for the others, so that a quiet machine shows it too
  perform bench.lock(w);
  update ledger.account a set balance = giver_balance - amount_cents, seq = a.seq + 1 where a.id = w.giver;
  update ledger.account a set balance = taker_balance + amount_cents, seq = a.seq + 1 where a.id = w.taker;
  perform bench.write_entries(payment_id, w, amount_cents);
  return bench.write_payment(payment_id, w, amount_cents, note);
end $$;
