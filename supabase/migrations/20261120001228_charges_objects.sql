-- Charges, the objects: each as the API shows it, what requests may hold, and the event that every change writes.
-- Why      The answer of a request, what is read later and what a webhook tells are made by the same functions.
-- Units    *_minor: minor units of the currency beside it. Times: ISO 8601, UTC, of the account's clock.
-- Locks    charges.begin takes an account's lock (hash of its id, 1220) shared; what its clock drives takes it alone, so that
--          neither waits for the other in a circle. Then the charge, then accounts of the sandbox's ledger.
-- Callers  The functions of this schema.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function charges.iso(moment timestamptz) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end $$;
comment on function charges.iso(timestamptz) is 'A moment as the API writes it.';

create function charges.charge_json(c charges.charge) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return jsonb_build_object(
    'object', 'charge', 'id', c.id, 'currency', c.currency, 'amount_minor', c.requested_minor,
    'status', charges.state(
      c.requested_minor, c.authorized_minor, c.captured_minor, c.released_minor, c.refunded_minor, c.disputed_minor, c.settled_minor,
      c.reason, c.dispute_stage),
    'authorized_minor', c.authorized_minor, 'captured_minor', c.captured_minor, 'released_minor', c.released_minor,
    'refunded_minor', c.refunded_minor, 'disputed_minor', c.disputed_minor, 'settled_minor', c.settled_minor,
    'capturable_minor', c.authorized_minor - c.captured_minor - c.released_minor,
    'refundable_minor', c.captured_minor - c.refunded_minor - c.disputed_minor,
    'card', jsonb_build_object('id', c.card_id, 'brand', c.brand, 'last4', c.last4),
    'decline_code', c.decline_code, 'dispute_status', c.dispute_stage, 'metadata', c.metadata,
    -- as charges.iso, written out: this is asked for each charge that is made
    'created_at', to_char(c.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'expires_at', to_char(c.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'version', c.version);
end $$;
comment on function charges.charge_json(charges.charge) is 'A charge as the API shows it.';

create function charges.capture_json(k charges.capture, c charges.charge) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return jsonb_build_object(
    'object', 'capture', 'id', k.id, 'charge_id', k.charge_id, 'currency', k.currency, 'amount_minor', k.amount_minor,
    'fee_minor', k.fee_minor, 'is_final', k.is_final, 'status', case when k.settled_at is null then 'pending' else 'settled' end,
    'refunded_minor', k.refunded_minor, 'disputed_minor', k.disputed_minor, 'settles_at', charges.iso(k.settles_at),
    'settled_at', charges.iso(k.settled_at), 'settlement_id', k.settlement_id, 'created_at', charges.iso(k.created_at),
    'version', k.version, 'charge', charges.charge_json(c));
end $$;
comment on function charges.capture_json(charges.capture, charges.charge) is 'A capture as the API shows it, with its charge.';

create function charges.refund_json(r charges.refund, c charges.charge) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return jsonb_build_object(
    'object', 'refund', 'id', r.id, 'charge_id', r.charge_id, 'currency', r.currency, 'amount_minor', r.amount_minor, 'reason', r.reason,
    'status', case when r.succeeded_at is not null then 'succeeded' when r.failed_at is not null then 'failed' else 'pending' end,
    'is_waiting_for_funds', r.due_at is not null and r.posted_at is null, 'due_at', charges.iso(r.due_at),
    'succeeded_at', charges.iso(r.succeeded_at), 'failed_at', charges.iso(r.failed_at), 'created_at', charges.iso(r.created_at),
    'version', r.version, 'charge', charges.charge_json(c));
end $$;
comment on function charges.refund_json(charges.refund, charges.charge) is 'A refund as the API shows it, with its charge.';

create function charges.dispute_json(d charges.dispute, c charges.charge) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return jsonb_build_object(
    'object', 'dispute', 'id', d.id, 'charge_id', d.charge_id, 'currency', d.currency, 'amount_minor', d.amount_minor,
    'fee_minor', d.fee_minor, 'reason', d.reason,
    'status', coalesce(d.outcome, case when d.submitted_at is null then 'needs_response' else 'under_review' end),
    'evidence', d.evidence, 'submitted_at', charges.iso(d.submitted_at), 'due_at', charges.iso(d.due_at),
    'closed_at', charges.iso(d.closed_at), 'created_at', charges.iso(d.created_at),
    'version', d.version, 'charge', charges.charge_json(c));
end $$;
comment on function charges.dispute_json(charges.dispute, charges.charge) is 'A dispute as the API shows it, with its charge.';

create function charges.record(account uuid, kind text, moment timestamptz, data jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into charges.event (id, account_id, kind, object_kind, object_id, version, occurred_at, data)
  values (
    charges.derived_id((data ->> 'id')::uuid, account || (data ->> 'id') || (data ->> 'version')), account, kind,
    data ->> 'object', (data ->> 'id')::uuid, (data ->> 'version')::integer, moment, data);
end $$;
comment on function charges.record(uuid, text, timestamptz, jsonb) is 'Writes the event of a change to an object, as it is after it.';

create function charges.begin(account uuid) returns timestamptz
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  ahead interval;
  frozen timestamptz;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if account is null then
    perform private.refuse('charge_field_invalid', '{"param": "account"}');
  end if;
  perform pg_advisory_xact_lock_shared(hashtextextended(account::text, 1220));
  -- as charges.now, which would be one call more for every request
  select c."offset", c.frozen_at into ahead, frozen from charges.account_clock c where c.account_id = account;
  return coalesce(frozen, private.now() + coalesce(ahead, '0'));
end $$;
comment on function charges.begin(uuid) is 'What each request begins with: its account''s clock does not move until it ends. Returns the account''s time.';

create function charges.digest_of(id uuid, request jsonb, known_params text[]) returns bytea
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  if id is null or jsonb_typeof(request) is distinct from 'object' then
    perform private.refuse('charge_field_invalid', '{"param": "request"}');
  end if;
  if request - known_params <> '{}' then
    perform private.refuse('charge_field_invalid', jsonb_build_object(
      'param', (select min(k) from jsonb_object_keys(request - known_params) k), 'known', known_params));
  end if;
  return sha256(convert_to(request::text, 'UTF8'));
end $$;
comment on function charges.digest_of(uuid, jsonb, text[]) is
'What tells a repetition from another request of the same id. Refuses what the operation does not know.';

create function charges.minor_in(request jsonb, param text, maximum bigint) returns bigint
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  asked jsonb := request -> param;
begin
  if asked is null then
    return null;
  end if;
  if jsonb_typeof(asked) <> 'number' or asked::numeric <> trunc(asked::numeric) or asked::numeric not between 1 and maximum then
    perform private.refuse('charge_amount_invalid', jsonb_build_object('param', param, 'max_minor', maximum));
  end if;
  return asked::bigint;
end $$;
comment on function charges.minor_in(jsonb, text, bigint) is 'An amount of a request, or null when it names none.';

create function charges.id_in(request jsonb, param text) returns uuid
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  if coalesce(request ->> param, '') !~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then
    perform private.refuse('charge_field_invalid', jsonb_build_object('param', param));
  end if;
  return (request ->> param)::uuid;
end $$;
comment on function charges.id_in(jsonb, text) is 'An id of a request.';

create function charges.flag_in(request jsonb, param text, otherwise boolean) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  if not request ? param then
    return otherwise;
  end if;
  if jsonb_typeof(request -> param) <> 'boolean' then
    perform private.refuse('charge_field_invalid', jsonb_build_object('param', param));
  end if;
  return (request -> param)::boolean;
end $$;
comment on function charges.flag_in(jsonb, text, boolean) is 'A yes or no of a request.';

create function charges.has_card_number(words text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  found text;
  digit integer;
  total integer;
begin
  for found in select regexp_replace(r[1], '[ -]', '', 'g') from regexp_matches(words, '([0-9](?:[ -]?[0-9]){12,})', 'g') r
  loop
    continue when length(found) > 19 or found !~ '^[2-6]';
    total := 0;
    for place in 1..length(found) loop
      digit := substr(found, length(found) + 1 - place, 1)::integer;
      digit := case when place % 2 = 0 then digit * 2 else digit end;
      total := total + digit / 10 + digit % 10;
    end loop;
    if total % 10 = 0 then
      return true;
    end if;
  end loop;
  return false;
end $$;
comment on function charges.has_card_number(text) is 'Whether 13 to 19 digits in a text are a card''s number by their check digit.';

create function charges.metadata_in(request jsonb) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  asked jsonb := coalesce(request -> 'metadata', '{}');
begin
  if asked = '{}' then
    return asked;
  end if;
  if jsonb_typeof(asked) <> 'object' then
    perform private.refuse('charge_field_invalid', '{"param": "metadata"}');
  end if;
  if (select count(*) > 50 or bool_or(length(m.key) not between 1 and 40 or jsonb_typeof(m.value) <> 'string' or length(m.value #>> '{}') > 500)
    from jsonb_each(asked) m)
  then
    perform private.refuse('charge_field_invalid', '{"param": "metadata"}');
  end if;
  if charges.has_card_number(asked::text) then
    perform private.refuse('card_number_in_text', '{"param": "metadata"}');
  end if;
  return asked;
end $$;
comment on function charges.metadata_in(jsonb) is 'The metadata of a request: at most 50 short texts by name, none with the number of a card.';

create function charges.require(c charges.charge, operation text) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  state text := charges.state(
    c.requested_minor, c.authorized_minor, c.captured_minor, c.released_minor, c.refunded_minor, c.disputed_minor, c.settled_minor,
    c.reason, c.dispute_stage);
  legal text[] := charges.legal_operations(
    state, c.authorized_minor - c.captured_minor - c.released_minor, c.captured_minor,
    c.captured_minor - c.refunded_minor - c.disputed_minor, c.increment_count, c.capture_count);
begin
  if operation <> all(legal) then
    perform private.refuse('charge_state_invalid', jsonb_build_object(
      'operation', operation, 'state', state, 'next_states', charges.next_states(state), 'operations', legal));
  end if;
end $$;
comment on function charges.require(charges.charge, text) is
'Refuses what may not be done to a charge as it is, with its state, the next ones, and what may be done.';
