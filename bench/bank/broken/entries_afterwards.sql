-- Broken: the entries are written by a second call, in a transaction of its own.
create table bench.owed_entry (
  payment_id uuid not null, account_id bigint not null, seq bigint not null, amount bigint not null, balance_after bigint not null
);
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
  perform bench.lock(w);
  perform bench.refuse_if_short(bench.available(w.giver), amount_cents);
  perform bench.change(w.giver, -amount_cents), bench.change(w.taker, amount_cents);
  insert into bench.owed_entry (payment_id, account_id, seq, amount, balance_after)
  select payment_id, a.id, a.seq, case when a.id = w.giver then -amount_cents else amount_cents end, a.balance
  from ledger.account a where a.id in (w.giver, w.taker);
  return bench.write_payment(payment_id, w, amount_cents, note);
end $$;
create function bench.write_owed_entries(payment_id uuid) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ledger.entry (account_id, seq, transfer_id, amount, balance_after, at)
  select o.account_id, o.seq, o.payment_id, o.amount, o.balance_after, clock_timestamp()
  from bench.owed_entry o where o.payment_id = write_owed_entries.payment_id
  on conflict do nothing
$$;
grant execute on function bench.write_owed_entries(uuid) to paya_app;
