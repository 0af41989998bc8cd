-- Charges, what time does: settlement, refunds that arrive, disputes that are decided, authorizations that expire.
-- Why      Everything that falls due happens in the order of its times, each event at its own, however far a clock is turned.
-- Units    Times are the account's. *_minor: minor units of the currency.
-- Locks    The account's lock alone: no request of the account runs beside, so that rows may be locked in the order of time.
-- Callers  service_role: the settlement job, and the simulation's clock.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function charges.settle(account uuid, currency text, up_to timestamptz, moment timestamptz) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  asset text := (select u.asset from charges.currency u where u.code = currency);
  pending bigint := charges.account_of(account, 'merchant_pending', asset);
  available bigint := charges.account_of(account, 'merchant_available', asset);
  settled uuid[];
  s charges.settlement;
begin
  select
    array_agg(k.id order by k.settles_at, k.id), sum(k.amount_minor), sum(k.fee_minor), sum(k.pending_refunds_minor),
    sum(k.pending_disputes_minor), count(*)
  into settled, s.gross_minor, s.fees_minor, s.refunds_minor, s.disputes_minor, s.capture_count
  from charges.capture k
  where k.account_id = account and k.currency = currency and k.settled_at is null and k.settles_at <= up_to;
  if settled is null then
    return null;
  end if;
  s.id := charges.derived_id(settled[1], 'settlement' || settled[1]);
  s.net_minor := s.gross_minor - s.fees_minor - s.refunds_minor - s.disputes_minor;
  if s.net_minor > 0 then
    perform sandbox.post(s.id, pending, available, s.net_minor, 'settlement');
  elsif s.net_minor < 0 then
    perform sandbox.post(s.id, available, pending, -s.net_minor, 'settlement');
  end if;
  insert into charges.settlement (
    account_id, id, currency, gross_minor, fees_minor, refunds_minor, disputes_minor, net_minor, capture_count, settled_at)
  values (account, s.id, currency, s.gross_minor, s.fees_minor, s.refunds_minor, s.disputes_minor, s.net_minor, s.capture_count, moment);
  update charges.capture k set settled_at = moment, settlement_id = s.id, version = k.version + 1
  where k.account_id = account and k.id = any(settled);
  update charges.charge c set
    settled_minor = c.settled_minor + g.amount_minor, version = c.version + 1, changed_at = clock_timestamp()
  from (
    select k.charge_id, sum(k.amount_minor)::bigint as amount_minor from charges.capture k
    where k.account_id = account and k.id = any(settled) group by k.charge_id
  ) g
  where c.account_id = account and c.id = g.charge_id;
  perform charges.record(account, 'payment.settled', moment, charges.capture_json(k, c))
  from unnest(settled) with ordinality u (id, n)
  join charges.capture k on k.account_id = account and k.id = u.id
  join charges.charge c on c.account_id = account and c.id = k.charge_id
  order by u.n;
  return s.id;
end $$;
comment on function charges.settle(uuid, text, timestamptz, timestamptz) is
'One batch: what is due by up_to in one currency, less fees and what was given back, becomes available. Its settlement''s id, or null when nothing is due.';

create function charges.set_clock(account uuid, moment timestamptz) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  insert into charges.account_clock as c (account_id, "offset") values (account, greatest(moment - private.now(), interval '0'))
  on conflict (account_id) do update set
    "offset" = case when c.frozen_at is null then greatest(c."offset", excluded."offset") else c."offset" end,
    frozen_at = greatest(c.frozen_at, case when c.frozen_at is null then null else moment end), changed_at = clock_timestamp();
end $$;
comment on function charges.set_clock(uuid, timestamptz) is 'The clock of a locked account shows this moment from now on, or a later one; it never goes back.';

create type charges.due_thing as (what text, due_at timestamptz, id uuid);

create function charges.next_due(account uuid) returns charges.due_thing
language sql stable set search_path = pg_catalog, pg_temp as $$
  select d.what, d.due_at, d.id from (
    (select 1 as rank, 'settlement' as what, k.settles_at as due_at, k.id from charges.capture k
      where k.account_id = account and k.settled_at is null order by k.settles_at, k.id limit 1)
    union all
    (select 2, 'refund', r.due_at, r.id from charges.refund r
      where r.account_id = account and r.due_at is not null order by r.due_at, r.id limit 1)
    union all
    (select 3, 'dispute', t.due_at, t.id from charges.dispute t
      where t.account_id = account and t.due_at is not null order by t.due_at, t.id limit 1)
    union all
    (select 4, 'expiry', c.open_until, c.id from charges.charge c
      where c.account_id = account and c.open_until is not null order by c.open_until, c.id limit 1)
  ) d order by d.due_at, d.rank limit 1
$$;
comment on function charges.next_due(uuid) is 'The first thing that falls due in an account; of the same moment settlements, refunds, disputes, expiries.';

create function charges.do_due(account uuid, thing charges.due_thing) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  code text;
  c charges.charge;
  r charges.refund;
  d charges.dispute;
begin
  if thing.what = 'settlement' then
    for code in select u.code from charges.currency u order by u.code loop
      perform charges.settle(account, code, thing.due_at, thing.due_at);
    end loop;
  elsif thing.what = 'refund' then
    select * into r from charges.refund t where t.account_id = account and t.id = thing.id;
    if r.posted_at is null then
      perform charges.post_refund(r, thing.due_at);
    else
      select * into c from charges.charge t where t.account_id = account and t.id = r.charge_id;
      perform charges.end_refund(r, c.card_name <> 'refund_fails', thing.due_at);
    end if;
  elsif thing.what = 'dispute' then
    select * into d from charges.dispute t where t.account_id = account and t.id = thing.id;
    perform charges.end_dispute(
      d, case when d.submitted_at is null or d.evidence = 'losing_evidence' then 'lost' else 'won' end, thing.due_at);
  else
    perform charges.book_expiry(account, thing.id, thing.due_at);
  end if;
end $$;
comment on function charges.do_due(uuid, charges.due_thing) is 'Does one thing that fell due, at the time it did.';

create function charges.hold_clock(account uuid) returns timestamptz
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if account is null then
    perform private.refuse('charge_field_invalid', '{"param": "account"}');
  end if;
  perform pg_advisory_xact_lock(hashtextextended(account::text, 1220));
  return charges.now(account);
end $$;
comment on function charges.hold_clock(uuid) is 'Waits for the account''s requests and lets none in until the transaction ends. Returns the account''s time.';

create function charges.advance(account uuid, until timestamptz default null, maximum integer default 500) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  started timestamptz := charges.hold_clock(account);
  target timestamptz := coalesce(until, started);
  reached timestamptz := started;
  thing charges.due_thing;
  done integer := 0;
begin
  if target < started or target > started + interval '366 days' or target > timestamptz '2200-01-01' then
    perform private.refuse('clock_invalid', jsonb_build_object('now', charges.iso(started)));
  end if;
  loop
    thing := charges.next_due(account);
    exit when thing.what is null or thing.due_at > target or done >= maximum;
    perform charges.do_due(account, thing);
    reached := greatest(reached, thing.due_at);
    done := done + 1;
  end loop;
  -- cut off, the clock stands at what was done last; asked again, it goes on from there
  if done < maximum then
    reached := target;
  end if;
  if reached > started then
    perform charges.set_clock(account, reached);
  end if;
  return jsonb_build_object('now', charges.iso(reached), 'done', done, 'is_finished', done < maximum);
end $$;
comment on function charges.advance(uuid, timestamptz, integer) is
'Does all that falls due in an account until a moment (null: now) in the order of time, and turns its clock to it; at most so many things at a time. '
'Again with the same moment while is_finished is false.';
grant execute on function charges.advance(uuid, timestamptz, integer) to service_role;

create function charges.freeze_clock(account uuid, moment timestamptz) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  started timestamptz := charges.hold_clock(account);
begin
  if moment is null or moment < started and exists (select from charges.charge c where c.account_id = account)
    or moment > timestamptz '2200-01-01'
  then
    perform private.refuse('clock_invalid', jsonb_build_object('now', charges.iso(started)));
  end if;
  insert into charges.account_clock as c (account_id, frozen_at) values (account, moment)
  on conflict (account_id) do update set frozen_at = excluded.frozen_at, changed_at = clock_timestamp();
  return jsonb_build_object('now', charges.iso(moment));
end $$;
comment on function charges.freeze_clock(uuid, timestamptz) is
'Stops the clock of an account at a moment, which may be past only while it has no charges; then only advance moves it.';
grant execute on function charges.freeze_clock(uuid, timestamptz) to service_role;

create function charges.run_settlement(account uuid, everything boolean default false) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz := charges.hold_clock(account);
  made uuid;
  code text;
  reports jsonb := '[]';
begin
  for code in select u.code from charges.currency u order by u.code loop
    made := charges.settle(account, code, case when everything then 'infinity' else moment end, moment);
    if made is not null then
      reports := reports || (select charges.settlement_json(s) from charges.settlement s where s.account_id = account and s.id = made);
    end if;
  end loop;
  return reports;
end $$;
comment on function charges.run_settlement(uuid, boolean) is
'Settles what is due, or in a simulation everything that is pending; returns the report of each currency. What is settled is not settled again.';
grant execute on function charges.run_settlement(uuid, boolean) to service_role;

create function charges.settlement_json(s charges.settlement) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'object', 'settlement', 'id', s.id, 'currency', s.currency, 'gross_minor', s.gross_minor, 'fees_minor', s.fees_minor,
    'refunds_minor', s.refunds_minor, 'disputes_minor', s.disputes_minor, 'net_minor', s.net_minor, 'capture_count', s.capture_count,
    'settled_at', charges.iso(s.settled_at))
$$;
comment on function charges.settlement_json(charges.settlement) is 'A settlement''s report as the API shows it.';

create function charges.accounts_due(maximum integer default 500) returns setof uuid
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select a.account_id from charges.account_clock a
  where (charges.next_due(a.account_id)).due_at <= charges.now(a.account_id)
  order by a.account_id limit maximum
$$;
comment on function charges.accounts_due(integer) is 'Accounts in which something has fallen due.';
grant execute on function charges.accounts_due(integer) to service_role;
