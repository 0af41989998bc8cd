-- Banking, cancellation: a load or a redemption that its owner does not want any more.
-- Why      What was not sent is canceled at once. What the vendor has is its to stop, while the banks have not begun:
--          the wish is noted, a job asks the vendor, and what it answers is booked like every other outcome.
-- Units    None but times.
-- Locks    The operation's row, like the claim that sends it: of canceling and sending, one comes first.
-- Callers  People cancel their own (auth.uid()); service_role learns what a wish became.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function banking.owner_of(operation_id uuid) returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select l.person from banking.load l where l.id = operation_id
  union all select r.person from banking.redemption r where r.id = operation_id
$$;
comment on function banking.owner_of(uuid) is 'Whose load or redemption it is.';

create function banking.book_canceled(operation banking.provider_operation) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if operation.kind = 'load' then
    perform banking.book_failed(operation.id, null, 'canceled_by_owner', true);
  else
    perform banking.book_redemption_failed(operation.id, null, 'canceled_by_owner', true);
  end if;
end $$;

-- Whoever has the page open hears of it by the event, which counts the load or the redemption on.
create function banking.record_cancel(operation banking.provider_operation, what text, actor uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  person uuid;
  version bigint;
begin
  if operation.kind = 'load' then
    update banking.load l set version = l.version + 1 where l.id = operation.id returning l.person, l.version into person, version;
  else
    update banking.redemption r set version = r.version + 1 where r.id = operation.id returning r.person, r.version into person, version;
  end if;
  perform events.record(operation.kind || '.' || what, operation.id, version, jsonb_build_object('owner_id', person), actor);
end $$;
comment on function banking.record_cancel(banking.provider_operation, text, uuid) is
'The event of a wish to cancel: cancel_asked by its owner, or cancel_refused by the vendor.';

create function banking.cancel(operation_id uuid) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  operation banking.provider_operation;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  select * into operation from banking.provider_operation o
  where o.id = operation_id and banking.owner_of(o.id) = person for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "transfer"}');
  end if;
  if operation.state = 'canceled' then
    return 'canceled';
  end if;
  if operation.state not in ('queued', 'submitted', 'pending') or operation.cancel_refused_at is not null then
    perform private.refuse('cancel_too_late', jsonb_build_object('kind', operation.kind, 'state', operation.state));
  end if;
  if operation.state = 'queued' then
    perform banking.book_canceled(operation);
    return 'canceled';
  end if;
  if operation.cancel_asked_at is null then
    update banking.provider_operation o set cancel_asked_at = private.now() where o.id = operation_id;
    perform jobs.enqueue('banking', 'cancel_transfer', jsonb_build_object('operation_id', operation_id), 'cancel_transfer:' || operation_id);
    perform banking.record_cancel(operation, 'cancel_asked', person);
  end if;
  return 'asked';
end $$;
comment on function banking.cancel(uuid) is
'Cancels the caller''s load or redemption at once when it was not sent, and asks the vendor to otherwise: canceled or asked.';
grant execute on function banking.cancel(uuid) to authenticated;

create function banking.claim_cancel(operation_id uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  operation banking.provider_operation;
begin
  select * into operation from banking.provider_operation o where o.id = operation_id for no key update;
  if not found or operation.cancel_asked_at is null or operation.cancel_refused_at is not null then
    return null;
  end if;
  if operation.state = 'queued' then -- the sending that the wish waited for had never arrived
    perform banking.book_canceled(operation);
    return null;
  end if;
  return jsonb_build_object('state', operation.state, 'vendor_ref', operation.vendor_ref);
end $$;
comment on function banking.claim_cancel(uuid) is 'What to ask the vendor to stop, or null when there is nothing left to ask.';
grant execute on function banking.claim_cancel(uuid) to service_role;

create function banking.note_cancel_refused(operation_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  operation banking.provider_operation;
begin
  update banking.provider_operation o set cancel_refused_at = private.now()
  where o.id = operation_id and o.state = 'pending' and o.cancel_asked_at is not null and o.cancel_refused_at is null
  returning * into operation;
  if found then
    perform banking.record_cancel(operation, 'cancel_refused', null);
  end if;
end $$;
comment on function banking.note_cancel_refused(uuid) is 'Notes that the vendor does not stop the transfer any more.';
grant execute on function banking.note_cancel_refused(uuid) to service_role;

create function banking.operation_of(vendor_ref text, correlation_id uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', o.id, 'kind', o.kind,
    'amount_cents', coalesce((select l.amount_cents from banking.load l where l.id = o.id), (select r.amount_cents from banking.redemption r where r.id = o.id)),
    'is_unsent', o.ended_at is not null and o.vendor_ref is null)
  from banking.provider_operation o
  where o.vendor_ref = operation_of.vendor_ref or o.id = operation_of.correlation_id
  order by o.vendor_ref is distinct from operation_of.vendor_ref limit 1
$$;
comment on function banking.operation_of(text, uuid) is
'The operation that the vendor calls vendor_ref, or the one it was made for when the vendor''s answer never reached us; its kind, '
'what it moves, and whether it ended without the vendor (is_unsent).';
grant execute on function banking.operation_of(text, uuid) to service_role;
