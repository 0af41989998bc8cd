-- Developers, idempotency: what a program asks for under a key of its own happens once, and is answered again for a day.
-- Why      One round trip and one transaction: whether the key was used, the operation, and its outcome stand or fall together.
--          What failed for a reason of ours is rolled back with everything else and leaves nothing, so asking again is safe.
-- Units    24 hours of private.now(), which is real time wherever it is not a test that turns it; never an account's clock.
-- Locks    One advisory lock for each account, mode and key, which is tried and not waited for: whoever comes second is told
--          at once. The counting of the API key's requests comes last and waits for commits alone.
-- Callers  paya_app, which has set no role then. service_role: developers.once.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table developers.idempotency (
  account_id uuid not null,
  mode text not null,
  key text not null,
  fingerprint bytea not null,
  operation text not null,
  outcome jsonb not null,
  created_at timestamptz not null,
  primary key (account_id, mode, key),
  constraint key_is_short check (char_length(key) between 1 and 255)
);
comment on table developers.idempotency is
'What became of the first request under a key of a program''s. fingerprint: a keyed hash of the request, so that no card number can be guessed from it. '
'outcome: object, or refused with its facts; resource_id; request_id.';
create index idempotency_by_age on developers.idempotency (created_at);
alter table developers.idempotency enable row level security;

insert into retention.rule (name, what, kept, counted_from, removed_by, why, source)
values (
  'idempotency_keys', 'Answers to programs by their idempotency keys', '1 day', 'the first answer', 'use',
  'Whoever lost an answer asks again within a day', 'a promise of ours'
);

-- Refusals that say something of us and not of the request: they leave nothing, and asking again may succeed.
create function developers.is_ours(code text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select code in (
    'ask_again', 'limits_unknown', 'service_unavailable', 'isolation_unsupported', 'account_malformed', 'append_only', 'operation_unknown',
    'internal')
$$;
comment on function developers.is_ours(text) is 'Whether a refusal with this code is for a reason of ours, so that nothing of it is kept.';

-- Resolved when it runs: what each name does is written in the schema that it belongs to.
create function developers.perform(operation text, account uuid, id uuid, request jsonb) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  case operation
    -- only the moment is decided here: what falls due until then is done in parts, each in its own transaction
    when 'advance_clock' then return jsonb_build_object(
      'object', 'clock', 'now', charges.iso(charges.now(account) + make_interval(secs => (request ->> 'seconds')::double precision)));
    when 'freeze_clock' then return jsonb_build_object('object', 'clock') || charges.freeze_clock(account, (request ->> 'at')::timestamptz);
    when 'run_settlements' then return jsonb_build_object(
      'object', 'settlement_run', 'data', charges.run_settlement(account, (request ->> 'everything')::boolean));
    else return charges.execute(operation, account, id, request);
  end case;
end $$;
comment on function developers.perform(text, uuid, uuid, jsonb) is
'What each operation of the API does: those of the simulation''s clock, and those that charges know.';

create function developers.once(
  account uuid, mode text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text default null
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := private.now();
  known developers.idempotency;
  outcome jsonb;
  code text;
  facts text;
begin
  if not pg_try_advisory_xact_lock(hashtextextended(concat_ws(':', 'developers.once', account, mode, key), 0)) then
    return '{"refused": "idempotency_in_flight", "facts": {"retry_after_s": 1}}';
  end if;
  select i.* into known from developers.idempotency i where i.account_id = account and i.mode = mode and i.key = key;
  if found and known.created_at > moment - interval '24 hours' then
    if known.fingerprint <> fingerprint then
      return jsonb_build_object('refused', 'idempotency_key_reused', 'facts',
        jsonb_build_object('resource_id', known.outcome -> 'resource_id'));
    end if;
    return known.outcome || '{"is_replayed": true}';
  end if;
  begin
    outcome := jsonb_build_object('object', developers.perform(operation, account, id, request), 'resource_id', id);
  exception when sqlstate 'PA000' then
    get stacked diagnostics code = message_text, facts = pg_exception_detail;
    if developers.is_ours(code) then
      raise;
    end if;
    outcome := jsonb_build_object(
      'refused', code, 'facts', coalesce(nullif(facts, ''), '{}')::jsonb, 'resource_id', null, 'request_id', request_id);
  end;
  insert into developers.idempotency (account_id, mode, key, fingerprint, operation, outcome, created_at)
  values (account, mode, key, fingerprint, operation, outcome, moment)
  on conflict on constraint idempotency_pkey do update set
    fingerprint = excluded.fingerprint, operation = excluded.operation, outcome = excluded.outcome, created_at = excluded.created_at;
  -- each new answer takes two that are over with it
  delete from developers.idempotency i where i.ctid in (
    select o.ctid from developers.idempotency o where o.created_at <= moment - interval '24 hours'
    order by o.created_at limit 2 for update skip locked);
  return outcome;
end $$;
comment on function developers.once(uuid, text, text, bytea, text, uuid, jsonb, text) is
'Runs an operation once for each key of an account and mode. object; or refused and facts; is_replayed when it had been answered before.';
grant execute on function developers.once(uuid, text, text, bytea, text, uuid, jsonb, text) to service_role;

create function developers.run_once(
  secret_hash bytea, scope text, key text, fingerprint bytea, operation text, id uuid, request jsonb, request_id text
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  entered record;
  admitted jsonb;
  outcome jsonb;
begin
  entered := developers.entering(secret_hash, scope);
  if entered.refused is not null then
    return entered.refused;
  end if;
  if developers.is_used_up((entered.key).id, (entered.key).rate_per_minute) then
    return developers.counted(entered.key);
  end if;
  -- counted after the operation, because the row of counting is held until the commit: requests of one key wait for
  -- each other's commits and not for each other's work. Whoever finds the window used up only then is undone.
  begin
    outcome := developers.once(
      (entered.key).account_id, (entered.key).mode, key,
      sha256(fingerprint || convert_to((entered.key).paya_version::text, 'UTF8')),
      operation, id, request, request_id);
    admitted := developers.counted(entered.key);
    if admitted ? 'refused' then
      raise exception using errcode = 'PA429';
    end if;
  exception when sqlstate 'PA429' then
    return admitted;
  end;
  return admitted || outcome;
end $$;
comment on function developers.run_once(bytea, text, text, bytea, text, uuid, jsonb, text) is
'For a key of the API (SHA-256 of its secret): what developers.admit and developers.once say, in one transaction.';
grant execute on function developers.run_once(bytea, text, text, bytea, text, uuid, jsonb, text) to paya_app;
