-- Broken: the giver's wallet is locked first and the taker's second, whichever they are.
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
  perform from ledger.account a where a.id = w.giver for no key update;
  perform bench.refuse_if_short(bench.available(w.giver), amount_cents);
  perform bench.change(w.giver, -amount_cents);
  perform pg_sleep(0.01);  -- room for the others, so that a quiet machine shows it too
  perform bench.change(w.taker, amount_cents);
  perform bench.write_entries(payment_id, w, amount_cents);
  return bench.write_payment(payment_id, w, amount_cents, note);
end $$;
