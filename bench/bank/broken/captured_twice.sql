-- Broken: the hold is read before the locks and not again after them, and no trigger or constraint catches it.
alter table ledger.hold disable trigger hold_moves_forward;
alter table ledger.account drop constraint balance_covers_spending;
create or replace function ledger.capture_hold(
  capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean default true
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  legs integer := cardinality(to_accounts);
  wanted bigint := (select sum(u.amount) from unnest(amounts) u (amount));
  ends boolean;
  h ledger.hold;
begin
  if exists (select from ledger.capture c where c.id = capture_id) then
    return ledger.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  select * into h from ledger.hold o where o.id = hold_id;
  if h.state <> 'open' then
    perform private.refuse('hold_closed');
  end if;
  if wanted > h.amount - h.captured then
    perform private.refuse('capture_exceeds_hold');
  end if;
  ends := is_final or wanted = h.amount - h.captured;
  perform pg_sleep(0.01);  -- room for the others, so that a quiet machine shows it too
  perform from ledger.account a where a.id = any(to_accounts || h.account_id) and not a.is_summing order by a.id for no key update;
  update ledger.account a set held = a.held - case when ends then h.amount - h.captured else wanted end where a.id = h.account_id;
  perform ledger.post_many(
    (select array_agg(ledger.leg_id(capture_id, n) order by n) from generate_series(1, legs) n),
    array_fill(h.account_id, array[legs]), to_accounts, amounts, array_fill(kind, array[legs]));
  insert into ledger.capture (id, hold_id, amount, is_final, leg_count, at)
  values (capture_id, hold_id, wanted, is_final, legs, clock_timestamp());
  update ledger.hold o set captured = h.captured + wanted, version = o.version + 1,
    state = case when ends then 'captured' else 'open' end, closed_at = case when ends then clock_timestamp() end
  where o.id = hold_id;
  perform events.record('hold.captured', hold_id, h.version + 1, jsonb_build_object('is_final', ends));
  return ledger.hold_json(hold_id) || '{"is_replay": false}';
end $$;
