-- Reconciliation, external: does the bank transfers' vendor say what our books say, and does the bank hold enough?
-- Why      The ledger can keep all of its rules and still be wrong about the world. What differs is a case, opened
--          once and closed when it is gone. Backing is watched and told, and never a reason to refuse a posting.
-- Units    *_cents: US cents. confirmed_cents: what bank and vendor hold of ours, without what passes through on its
--          way in or out. as_of: the bank's own time; at: ours.
-- Locks    Runs take turns by an advisory lock; no row of a writer is locked.
-- Callers  service_role: `paya reconcile --external`, the daily job, and a check after each settlement.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table banking.reserve_confirmation (
  n bigint generated always as identity primary key,
  at timestamptz not null,
  as_of timestamptz not null,
  confirmed_cents bigint not null,
  in_flight_cents bigint not null,
  parts jsonb not null,
  uncleared_cents bigint not null,
  circulation_cents bigint not null,
  short_cents bigint not null,
  is_full boolean not null,
  constraint shortage_is_not_negative check (short_cents >= 0)
);
comment on table banking.reserve_confirmation is
'What the bank said that it holds for us, when, beside what was out by then: circulation is wallets and payouts under way.';
alter table banking.reserve_confirmation enable row level security;

create table banking.external_reconciliation (
  n bigint generated always as identity primary key,
  since timestamptz not null,
  began_at timestamptz not null,
  ended_at timestamptz not null,
  transfer_count integer not null,
  in_flight_count integer not null,
  difference_count integer not null
);
comment on table banking.external_reconciliation is 'Each comparison with the vendor: from when on transfers were compared, how many, and how many differed.';
alter table banking.external_reconciliation enable row level security;

do $$
declare
  tab text;
begin
  foreach tab in array array['reserve_confirmation', 'external_reconciliation'] loop
    execute format(
      'create trigger %1$s_is_append_only before update or delete on banking.%1$I for each row execute function private.append_only()', tab);
    execute format(
      'create trigger %1$s_is_never_truncated before truncate on banking.%1$I for each statement execute function private.append_only()', tab);
  end loop;
end $$;

create view banking.moved with (security_invoker = true) as
select
  l.id,
  l.amount_cents
from banking.load l
union all
select
  r.id,
  r.amount_cents
from banking.redemption r;
comment on view banking.moved is 'What each operation at the vendor moves, in US cents.';

create function banking.our_movements(since timestamptz, vendor_refs text[]) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'now', private.now(),
    'reserve_cents', -ledger.balance_of(ledger.system_account('reserve')),
    'movements', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', o.id, 'kind', o.kind, 'state', o.state, 'vendor_ref', o.vendor_ref, 'amount_cents', m.amount_cents,
        -- somebody is about to ask: what the vendor knows already is not ours yet
        'is_followed', o.state in ('queued', 'submitted')
          or (o.state = 'pending' and o.next_at > private.now() - interval '15 minutes')
          or exists (
            select from jobs.procrastinate_jobs j
            where j.queueing_lock = 'follow_transfer:' || o.vendor_ref and j.status in ('todo', 'doing'))))
      from banking.provider_operation o
      join banking.moved m on m.id = o.id
      where o.requested_at >= our_movements.since or o.vendor_ref = any(our_movements.vendor_refs)
        or o.state in ('queued', 'submitted', 'pending')
    ), '[]'))
$$;
comment on function banking.our_movements(timestamptz, text[]) is
'What we hold of bank transfers since a moment, of these of the vendor''s, and of all under way; and what the reserve is to hold.';
grant execute on function banking.our_movements(timestamptz, text[]) to service_role;

create function banking.liabilities(is_full boolean, out uncleared_cents bigint, out circulation_cents bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  uncleared_cents := ledger.balance_of(ledger.system_account('loads_uncleared'));
  if is_full then
    select coalesce(sum(a.balance), 0)::bigint into circulation_cents
    from ledger.account a where a.asset = 'USD' and a.kind = 'wallet';
  else
    -- without a pass over all wallets: all accounts make zero, and there are few that are none
    select -sum(ledger.balance_of(a.id))::bigint into circulation_cents
    from ledger.account a where a.asset = 'USD' and a.is_summing;
    circulation_cents := circulation_cents + (
      select coalesce(sum(d.owed_cents - d.repaid_cents), 0)::bigint from banking.debt d where d.closed_at is null);
  end if;
  circulation_cents := circulation_cents + ledger.balance_of(ledger.system_account('payouts_in_transit'));
end $$;
comment on function banking.liabilities(boolean) is
'What waits for its hold, and what is in circulation: wallets (held included) and payouts under way. is_full: by adding up every wallet.';
grant execute on function banking.liabilities(boolean) to service_role;

-- Of what was owed before the bank was asked and after, the less counts: what came or went meanwhile is no shortage.
create function banking.confirm_reserve(
  confirmed_cents bigint, in_flight_cents bigint, as_of timestamptz, parts jsonb, liabilities_before_cents bigint, is_full boolean,
  out short_cents bigint, out case_id uuid, out is_new boolean
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  owed record;
  n bigint;
  facts jsonb;
begin
  perform pg_advisory_xact_lock(815004);
  select * into owed from banking.liabilities(is_full);
  short_cents := greatest(0, least(liabilities_before_cents, owed.uncleared_cents + owed.circulation_cents) - confirmed_cents);
  insert into banking.reserve_confirmation (
    at, as_of, confirmed_cents, in_flight_cents, parts, uncleared_cents, circulation_cents, short_cents, is_full)
  values (private.now(), as_of, confirmed_cents, in_flight_cents, parts, owed.uncleared_cents, owed.circulation_cents, short_cents, is_full)
  returning reserve_confirmation.n into n;
  facts := jsonb_build_object(
    'confirmed_cents', confirmed_cents, 'uncleared_cents', owed.uncleared_cents, 'circulation_cents', owed.circulation_cents,
    'short_cents', short_cents, 'as_of', as_of);
  if short_cents > 0 then
    select o.case_id, o.is_new into case_id, is_new from cases.open_case('backing_short', 'account:reserve', facts) o;
    if is_new then
      perform events.record('backing.failed', case_id, 1, facts);
    end if;
  else
    is_new := false;
    for case_id in
      select c.id from cases."case" c where c.kind = 'backing_short' and c.subject = 'account:reserve' and c.state = 'open'
    loop
      perform cases.close_case(case_id, 'The bank confirms enough again.');
      perform events.record('backing.restored', case_id, 2, facts);
    end loop;
    case_id := null;
  end if;
end $$;
comment on function banking.confirm_reserve(bigint, bigint, timestamptz, jsonb, bigint, boolean) is
'Keeps what the bank confirms, and checks that it covers what is out. Says it once when it does not any more, and once when it does again.';
grant execute on function banking.confirm_reserve(bigint, bigint, timestamptz, jsonb, bigint, boolean) to service_role;

create function banking.book_differences(
  differences jsonb, since timestamptz, began_at timestamptz, transfer_count integer, in_flight_count integer
) returns table (kind text, subject text, evidence jsonb, case_id uuid, is_new boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  gone uuid;
begin
  perform pg_advisory_xact_lock(815004);
  for kind, subject, evidence in
    select d.kind, d.subject, d.evidence from jsonb_to_recordset(differences) d (kind text, subject text, evidence jsonb)
    order by d.kind, d.subject
  loop
    select o.case_id, o.is_new into case_id, is_new from cases.open_case(kind, subject, evidence) o;
    return next;
  end loop;
  for gone in
    select c.id from cases."case" c
    where c.state = 'open' and (c.kind like 'bank\_transfer\_%' or c.kind = 'bank_balance_wrong')
  loop
    if not exists (
      select from cases."case" c join jsonb_to_recordset(differences) d (kind text, subject text)
        on (d.kind, d.subject) = (c.kind, c.subject)
      where c.id = gone
    ) then
      perform cases.close_case(gone, 'Our books and the vendor''s say the same again.');
    end if;
  end loop;
  insert into banking.external_reconciliation (since, began_at, ended_at, transfer_count, in_flight_count, difference_count)
  values (since, began_at, private.now(), transfer_count, in_flight_count, jsonb_array_length(differences));
end $$;
comment on function banking.book_differences(jsonb, timestamptz, timestamptz, integer, integer) is
'Opens a case for each difference that has none, closes those that are gone, and returns all that are there.';
grant execute on function banking.book_differences(jsonb, timestamptz, timestamptz, integer, integer) to service_role;

-- A difference that somebody still has to look into is compared until it is gone, however old the transfer.
create function banking.compared_since(days integer) returns timestamptz
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select least(private.now(), (
    select min(c.opened_at) from cases."case" c where c.state = 'open' and c.kind like 'bank\_transfer\_%'
  )) - make_interval(days => days)
$$;
comment on function banking.compared_since(integer) is 'From when on transfers are compared: so many days before now, or before the oldest open difference.';
grant execute on function banking.compared_since(integer) to service_role;
