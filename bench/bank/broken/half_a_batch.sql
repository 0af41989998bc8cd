-- Broken: the first payment without money fails the whole batch, and those before it stay booked.
create or replace function wallet.send_many(
  claims text[], payment_ids uuid[], recipient_handles text[], amounts_cents bigint[], notes text[], audiences text[]
) returns setof wallet.send_answer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  total integer := cardinality(payment_ids);
  ways bench.way[] := array(
    select bench.way_of(u.claim, u.handle) from unnest(claims, recipient_handles) with ordinality u (claim, handle, n) order by u.n);
  w bench.way;
  known jsonb;
  results jsonb[];
begin
  perform from ledger.account a where a.id in (select x.giver from unnest(ways) x union all select x.taker from unnest(ways) x)
  order by a.id for no key update;
  for i in 1..total loop
    w := ways[i];
    known := bench.known(payment_ids[i], amounts_cents[i]);
    if known is null and bench.available(w.giver) < amounts_cents[i] then
      return query select n, null::jsonb, 'insufficient_funds', '{}'::jsonb from generate_series(1, total) n;
      return;
    end if;
    if known is null then
      perform bench.change(w.giver, -amounts_cents[i]), bench.change(w.taker, amounts_cents[i]);
      perform bench.write_entries(payment_ids[i], w, amounts_cents[i]);
      known := bench.write_payment(payment_ids[i], w, amounts_cents[i], notes[i]);
    end if;
    results := results || known;
  end loop;
  return query select n, results[n], null::text, null::jsonb from generate_series(1, total) n;
end $$;
