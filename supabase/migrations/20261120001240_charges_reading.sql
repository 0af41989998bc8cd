-- Charges, reading and asking: one object, pages of charges and settlements, and the one door for requests.
-- Why      What an account reads is its own: other accounts' ids are not found. Whoever asks over HTTP names an operation, and
--          only those that are written out here exist.
-- Units    maximum: 1 to 100 in a page; after: the id that the page before ended with.
-- Locks    Reading takes none.
-- Callers  service_role; paya_app, the server's login role, for requests and reads in one round trip.
-- Undo     Forward only.
set local lock_timeout = '5s';

grant usage on schema charges to paya_app;

create function charges.execute(operation text, account uuid, id uuid, request jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  case operation
    when 'authorize' then return charges.authorize(account, id, request);
    when 'increment' then return charges.increment(account, id, request);
    when 'capture' then return charges.capture(account, id, request);
    when 'void' then return charges.void(account, id, request);
    when 'refund' then return charges.refund(account, id, request);
    when 'submit_evidence' then return charges.submit_evidence(account, id, request);
    when 'accept_dispute' then return charges.accept_dispute(account, id, request);
    when 'open_dispute' then return charges.open_dispute(account, id, request);
    when 'expire' then return charges.expire(account, id, request);
    when 'fail_refund' then return charges.fail_refund(account, id, request);
    else perform private.refuse('operation_unknown', jsonb_build_object('operation', operation));
  end case;
  return null;
end $$;
comment on function charges.execute(text, uuid, uuid, jsonb) is
'What the HTTP surface may do, by name. id is that of what is made, and makes it happen once. open_dispute, expire and fail_refund are simulation.';
grant execute on function charges.execute(text, uuid, uuid, jsonb) to service_role, paya_app;
grant execute on function charges.authorize(uuid, uuid, jsonb) to service_role;
grant execute on function charges.increment(uuid, uuid, jsonb) to service_role;
grant execute on function charges.capture(uuid, uuid, jsonb) to service_role;
grant execute on function charges.void(uuid, uuid, jsonb) to service_role;
grant execute on function charges.refund(uuid, uuid, jsonb) to service_role;
grant execute on function charges.submit_evidence(uuid, uuid, jsonb) to service_role;
grant execute on function charges.accept_dispute(uuid, uuid, jsonb) to service_role;
grant execute on function charges.open_dispute(uuid, uuid, jsonb) to service_role;
grant execute on function charges.expire(uuid, uuid, jsonb) to service_role;
grant execute on function charges.fail_refund(uuid, uuid, jsonb) to service_role;

create function charges.read(account uuid, id uuid, object_kind text default 'charge') returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  found_json jsonb;
begin
  case object_kind
    when 'charge' then
      select charges.charge_json(c) || jsonb_build_object(
        'captures', (
          select coalesce(jsonb_agg(charges.capture_json(k, c) - 'charge' order by k.created_at, k.id), '[]') from charges.capture k
          where k.account_id = account and k.charge_id = id),
        'refunds', (
          select coalesce(jsonb_agg(charges.refund_json(r, c) - 'charge' order by r.created_at, r.id), '[]') from charges.refund r
          where r.account_id = account and r.charge_id = id),
        'disputes', (
          select coalesce(jsonb_agg(charges.dispute_json(d, c) - 'charge' order by d.created_at, d.id), '[]') from charges.dispute d
          where d.account_id = account and d.charge_id = id))
      into found_json from charges.charge c where c.account_id = account and c.id = id;
    when 'capture' then
      select charges.capture_json(k, c) into found_json
      from charges.capture k join charges.charge c on c.account_id = k.account_id and c.id = k.charge_id
      where k.account_id = account and k.id = id;
    when 'refund' then
      select charges.refund_json(r, c) into found_json
      from charges.refund r join charges.charge c on c.account_id = r.account_id and c.id = r.charge_id
      where r.account_id = account and r.id = id;
    when 'dispute' then
      select charges.dispute_json(d, c) into found_json
      from charges.dispute d join charges.charge c on c.account_id = d.account_id and c.id = d.charge_id
      where d.account_id = account and d.id = id;
    when 'settlement' then
      select charges.settlement_json(s) into found_json from charges.settlement s where s.account_id = account and s.id = id;
    else perform private.refuse('charge_field_invalid', '{"param": "object_kind"}');
  end case;
  if found_json is null then
    perform private.refuse('not_found', jsonb_build_object('what', object_kind));
  end if;
  return found_json;
end $$;
comment on function charges.read(uuid, uuid, text) is
'One object of an account (charge, capture, refund, dispute, settlement); a charge with its captures, refunds and disputes.';
grant execute on function charges.read(uuid, uuid, text) to service_role, paya_app;

create function charges.moment_in(filters jsonb, param text) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if not filters ? param then
    return null;
  end if;
  if coalesce(filters ->> param, '') !~ (
      '^[12][0-9]{3}-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?' || '(Z|[+-][01][0-9]:[0-5][0-9])$')
    or not pg_input_is_valid(filters ->> param, 'timestamptz')
  then
    perform private.refuse('charge_field_invalid', jsonb_build_object('param', param));
  end if;
  return (filters ->> param)::timestamptz;
end $$;
comment on function charges.moment_in(jsonb, text) is 'A moment of a filter, RFC 3339.';

create function charges.list(account uuid, filters jsonb default '{}', after uuid default null, maximum integer default 20) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  statuses text[];
  of_card uuid;
  since timestamptz;
  before timestamptz;
  rows jsonb;
begin
  if maximum is null or maximum not between 1 and 100 then
    perform private.refuse('charge_field_invalid', '{"param": "limit"}');
  end if;
  if jsonb_typeof(filters) is distinct from 'object'
    or filters - array['status', 'created_gte', 'created_lt', 'card_id', 'metadata'] <> '{}'
  then
    perform private.refuse('charge_field_invalid', '{"param": "filters"}');
  end if;
  if filters ? 'status' then
    if jsonb_typeof(filters -> 'status') <> 'string' or charges.next_states(filters ->> 'status') = '{}'
      and filters ->> 'status' not in ('declined', 'voided', 'expired')
    then
      perform private.refuse('charge_field_invalid', '{"param": "status"}');
    end if;
    statuses := array[filters ->> 'status'];
  end if;
  if filters ? 'metadata' and jsonb_typeof(filters -> 'metadata') <> 'object' then
    perform private.refuse('charge_field_invalid', '{"param": "metadata"}');
  end if;
  of_card := case when filters ? 'card_id' then charges.id_in(filters, 'card_id') end;
  since := charges.moment_in(filters, 'created_gte');
  before := charges.moment_in(filters, 'created_lt');
  if of_card is null then
    select jsonb_agg(charges.charge_json(p.c) order by (p.c).id desc) into rows from (
      select c from charges.charge c
      where c.account_id = account and (after is null or c.id < after)
        and (since is null or c.created_at >= since) and (before is null or c.created_at < before)
        and (not filters ? 'metadata' or c.metadata @> (filters -> 'metadata'))
        and (statuses is null or charges.state(
          c.requested_minor, c.authorized_minor, c.captured_minor, c.released_minor, c.refunded_minor, c.disputed_minor,
          c.settled_minor, c.reason, c.dispute_stage) = any(statuses))
      order by c.account_id desc, c.id desc limit maximum + 1
    ) p;
  else
    select jsonb_agg(charges.charge_json(p.c) order by (p.c).id desc) into rows from (
      select c from charges.charge c
      where c.account_id = account and c.card_id = of_card and (after is null or c.id < after)
        and (since is null or c.created_at >= since) and (before is null or c.created_at < before)
        and (not filters ? 'metadata' or c.metadata @> (filters -> 'metadata'))
        and (statuses is null or charges.state(
          c.requested_minor, c.authorized_minor, c.captured_minor, c.released_minor, c.refunded_minor, c.disputed_minor,
          c.settled_minor, c.reason, c.dispute_stage) = any(statuses))
      order by c.account_id desc, c.card_id desc, c.id desc limit maximum + 1
    ) p;
  end if;
  return charges.page(rows, maximum);
end $$;
comment on function charges.list(uuid, jsonb, uuid, integer) is
'A page of an account''s charges, the newest ids first: {data, has_more, next_cursor}. Filters: status, created_gte, created_lt, card_id, metadata.';
grant execute on function charges.list(uuid, jsonb, uuid, integer) to service_role, paya_app;

create function charges.page(rows jsonb, maximum integer) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case when coalesce(jsonb_array_length(rows), 0) <= maximum
    then jsonb_build_object('data', coalesce(rows, '[]'), 'has_more', false, 'next_cursor', null)
    else jsonb_build_object('data', rows - maximum, 'has_more', true, 'next_cursor', rows -> (maximum - 1) -> 'id') end
$$;
comment on function charges.page(jsonb, integer) is 'What was found, one more than asked for when there is more, as a page.';

create function charges.list_settlements(account uuid, after uuid default null, maximum integer default 20) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  rows jsonb;
begin
  if maximum is null or maximum not between 1 and 100 then
    perform private.refuse('charge_field_invalid', '{"param": "limit"}');
  end if;
  select jsonb_agg(charges.settlement_json(p.s) order by (p.s).id desc) into rows from (
    select s from charges.settlement s where s.account_id = account and (after is null or s.id < after)
    order by s.account_id desc, s.id desc limit maximum + 1
  ) p;
  return charges.page(rows, maximum);
end $$;
comment on function charges.list_settlements(uuid, uuid, integer) is 'A page of an account''s settlements, the latest first.';
grant execute on function charges.list_settlements(uuid, uuid, integer) to service_role, paya_app;

create function charges.balances(account uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'currency', u.code,
    'pending_minor', sandbox.balance_of(charges.account_of(account, 'merchant_pending', u.asset)),
    'available_minor', sandbox.balance_of(charges.account_of(account, 'merchant_available', u.asset)),
    'refunds_in_transit_minor', sandbox.balance_of(charges.account_of(account, 'refunds_in_transit', u.asset)),
    'disputed_minor', sandbox.balance_of(charges.account_of(account, 'dispute_reserve', u.asset)),
    'fees_minor', sandbox.balance_of(charges.account_of(account, 'fees', u.asset))) order by u.code), '[]')
  from charges.currency u where charges.account_of(account, 'merchant_pending', u.asset) is not null
$$;
comment on function charges.balances(uuid) is
'What an account has in each currency that it charged in: pending, available, on its way back, disputed, paid in fees.';
grant execute on function charges.balances(uuid) to service_role, paya_app;
grant execute on function charges.now(uuid) to paya_app;
