-- Reconciliation, internal: does the ledger still keep its own rules? What does not becomes a case.
-- Why      The rules hold by construction; this finds what came in past the functions: a hand, a disk, a fault of ours.
-- Units    upto: transactions below it are done with. amount, balance, held: smallest unit of the asset.
-- Locks    One run at a time, by an advisory lock; no row of a writer is locked. Each statement sees the ledger at one
--          moment, and every rule holds at every moment, so that running payments raise no false alarm.
-- Callers  ledger.reconcile from jobs and `paya reconcile`, as service_role.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table ledger.reconciliation (
  n bigint generated always as identity primary key,
  is_full boolean not null,
  era integer not null,
  upto xid8 not null,
  finding_count integer not null,
  began_at timestamptz not null,
  ended_at timestamptz not null default clock_timestamp()
);
comment on table ledger.reconciliation is 'Each run, and the transaction id up to which it has seen everything; the next one goes on from the newest.';
alter table ledger.reconciliation enable row level security;
create trigger reconciliation_is_append_only before update or delete on ledger.reconciliation
for each row execute function private.append_only();
create trigger reconciliation_is_never_truncated before truncate on ledger.reconciliation
for each statement execute function private.append_only();

create type ledger.finding as (kind text, subject text, evidence jsonb);

-- Every function below is plpgsql, although it is one statement: so it is planned with the values at hand.

create function ledger.findings_of_transfers(since xid8, in_era integer) returns setof ledger.finding
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select x.kind, x.subject, x.evidence
    from (
      select t.*,
        f.transfer_id as f_transfer, f.amount as f_amount, f.balance_after as f_after,
        r.transfer_id as r_transfer, r.amount as r_amount, r.balance_after as r_after,
        t.from_seq is not null and (f.transfer_id, f.amount, f.at) is distinct from (t.id, -t.amount, t.at) as is_from_wrong,
        t.to_seq is not null and (r.transfer_id, r.amount, r.at) is distinct from (t.id, t.amount, t.at) as is_to_wrong
      from ledger.transfer t
      left join ledger.entry f on f.account_id = t.from_account and f.seq = t.from_seq
      left join ledger.entry r on r.account_id = t.to_account and r.seq = t.to_seq
      where t.xid >= since and (in_era is null or t.era = in_era)
    ) t
    cross join lateral (
      -- where the entry still chains, it is the transfer that was changed
      select case when w.is_whole then 'transfer_does_not_fit' else 'account_does_not_add_up' end,
        case when w.is_whole then 'transfer:' || t.id else 'account:' || s.account_id end,
        jsonb_build_object(
          'what', case when s.transfer_id is null then 'entry_missing' else 'entry_differs_from_transfer' end,
          'seq', s.seq, 'transfer', t.id, 'account', s.account_id, 'amount', s.amount, 'expected', s.expected)
      from (
        values (t.is_from_wrong, t.from_account, t.from_seq, -t.amount, t.f_transfer, t.f_amount, t.f_after),
        (t.is_to_wrong, t.to_account, t.to_seq, t.amount, t.r_transfer, t.r_amount, t.r_after)
      ) s (is_wrong, account_id, seq, expected, transfer_id, amount, balance_after)
      cross join lateral (
        select coalesce(s.transfer_id = t.id and s.balance_after = s.amount + coalesce((
          select p.balance_after from ledger.entry p where p.account_id = s.account_id and p.seq = s.seq - 1
        ), 0), false) as is_whole
      ) w
      where s.is_wrong
    ) x (kind, subject, evidence)
    where t.is_from_wrong or t.is_to_wrong;
end $$;
comment on function ledger.findings_of_transfers(xid8, integer) is 'New transfers whose entries are missing or say something else.';

create function ledger.findings_of_sides(since xid8, in_era integer, is_full boolean) returns setof ledger.finding
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select 'transfer_does_not_fit', 'transfer:' || t.id, jsonb_build_object(
      'what', case when a.id is null or b.id is null then 'account_missing'
        when a.asset <> b.asset then 'assets_differ' else 'account_of_another_sort' end,
      'from_account', t.from_account, 'to_account', t.to_account)
    from ledger.transfer t
    left join ledger.account a on a.id = t.from_account
    left join ledger.account b on b.id = t.to_account
    where t.xid >= since and (in_era is null or t.era = in_era)
      -- between two balance accounts a wrong account or asset shows in their chains, or in the asset's sum
      and (is_full or t.from_seq is null or t.to_seq is null)
      and (a.id is null or b.id is null or a.asset <> b.asset
        or a.is_summing <> (t.from_seq is null) or b.is_summing <> (t.to_seq is null));
end $$;
comment on function ledger.findings_of_sides(xid8, integer, boolean) is
'New transfers between accounts that are not there, of different assets, or of another sort.';

create function ledger.findings_of_chains(accounts bigint[], seqs bigint[], counts bigint[]) returns setof ledger.finding
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select case when c.is_broken or c.is_astray then 'account_does_not_add_up' else 'entries_to_look_at' end,
      'account:' || c.account_id, jsonb_build_object(
      'what', case when c.id is null then 'account_missing' when c.is_broken then 'entries_do_not_follow' else 'row_differs_from_entries' end,
      'seq', c.seq, 'balance_after', c.balance_after, 'row_seq', c.row_seq, 'row_balance', c.row_balance)
    from (
      select t.account_id, a.id, e.seq, e.balance_after, a.seq as row_seq, a.balance as row_balance,
        -- as many entries as new transfers: each has its own, as was seen from the transfers' side
        lead(e.seq) over w is null and e.seq - t.seq + 1 <> t.transfer_count as is_odd,
        coalesce(e.seq >= t.seq and (
          e.seq <> coalesce(lag(e.seq) over w, 0) + 1 or e.balance_after <> coalesce(lag(e.balance_after) over w, 0) + e.amount
        ), false) as is_broken,
        lead(e.seq) over w is null and (a.seq, a.balance) is distinct from (coalesce(e.seq, 0), coalesce(e.balance_after, 0)) as is_astray
      from unnest(accounts, seqs, counts) t (account_id, seq, transfer_count)
      left join ledger.account a on a.id = t.account_id
      left join ledger.entry e on e.account_id = t.account_id and e.seq >= t.seq - 1
      window w as (partition by t.account_id order by e.seq)
    ) c
    where c.is_broken or c.is_astray or c.is_odd;
end $$;
comment on function ledger.findings_of_chains(bigint[], bigint[], bigint[]) is
'Accounts whose entries, from these seqs on, have gaps or do not add up, or whose row is not what the last says; also those to look at.';

create function ledger.findings_of_entries(accounts bigint[]) returns setof ledger.finding
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select 'account_does_not_add_up', 'account:' || e.account_id, jsonb_build_object(
      'what', 'entry_without_transfer', 'seq', e.seq, 'transfer', e.transfer_id, 'amount', e.amount)
    from unnest(accounts) t (account_id)
    join ledger.entry e on e.account_id = t.account_id
    where not exists (
      select from ledger.transfer x
      where x.id = e.transfer_id and (e.account_id, e.seq) in ((x.from_account, x.from_seq), (x.to_account, x.to_seq))
    );
end $$;
comment on function ledger.findings_of_entries(bigint[]) is 'Entries of these accounts that no transfer made.';

create function ledger.findings_of_sums(since xid8, in_era integer) returns setof ledger.finding
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select 'account_does_not_add_up', 'account:' || x.account_id, jsonb_build_object(
      'what', 'sums_differ_from_transfers', 'transaction', x.xid::text, 'era', x.era,
      'amount', sum(x.summed), 'expected', sum(x.transferred))
    from (
      select t.from_account as account_id, t.era, t.xid, -t.amount as transferred, 0 as summed, 1 as transfers
      from ledger.transfer t where t.xid >= since and (in_era is null or t.era = in_era) and t.from_seq is null
      union all
      select t.to_account, t.era, t.xid, t.amount, 0, 1
      from ledger.transfer t where t.xid >= since and (in_era is null or t.era = in_era) and t.to_seq is null
      union all
      select s.account_id, s.era, s.xid, 0, s.amount, -s.transfer_count
      from ledger.account a join ledger.sum_entry s on s.account_id = a.id
      where a.owner is null and a.is_summing and s.xid >= since and (in_era is null or s.era = in_era)
    ) x
    -- a transfer that names no summing account where it should is a finding of its own
    where x.account_id in (select a.id from ledger.account a where a.owner is null and a.is_summing)
    group by x.account_id, x.era, x.xid
    having sum(x.transferred) <> sum(x.summed) or sum(x.transfers) <> 0;
end $$;
comment on function ledger.findings_of_sums(xid8, integer) is 'Summing accounts whose rows of a transaction are not the sum of its transfers.';

create function ledger.findings_of_checkpoints() returns setof ledger.finding
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select 'account_does_not_add_up', 'account:' || c.account_id, jsonb_build_object(
      'what', 'checkpoint_differs_from_sums', 'era', c.era, 'upto', c.upto::text, 'balance', c.balance, 'expected', x.balance)
    from ledger.checkpoint c
    cross join lateral (
      select coalesce(sum(s.amount), 0) as balance from ledger.sum_entry s
      where s.account_id = c.account_id and (s.era < c.era or s.era = c.era and s.xid < c.upto)
    ) x
    where c.balance <> x.balance
      -- what was booked between a restore and the rebase has ids below marks of the era that ended: nothing rests on those
      and c.era = (select max(k.era) from ledger.checkpoint k where k.account_id = c.account_id);
end $$;
comment on function ledger.findings_of_checkpoints() is
'Checkpoints of each account''s newest era that are not the sum of what came before them.';

create function ledger.findings_of_heads(of_asset text) returns setof ledger.finding
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select 'account_does_not_add_up', 'account:' || a.id, jsonb_build_object(
      'what', 'row_differs_from_entries', 'seq', e.seq, 'balance_after', e.balance_after, 'row_seq', a.seq, 'row_balance', a.balance)
    from ledger.account a
    left join lateral (
      select n.seq, n.balance_after from ledger.entry n where n.account_id = a.id order by n.seq desc limit 1
    ) e on true
    where a.asset = of_asset and not a.is_summing
      and (a.seq, a.balance) is distinct from (coalesce(e.seq, 0), coalesce(e.balance_after, 0));
end $$;
comment on function ledger.findings_of_heads(text) is
'All accounts of an asset whose row is not what their last entry says; slow, for when the sum says that there is one.';

create function ledger.findings_of_holds() returns setof ledger.finding
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select 'held_is_not_its_holds', 'account:' || coalesce(a.id, h.account_id), jsonb_build_object('held', a.held, 'expected', coalesce(h.held, 0))
    from (select c.id, c.held from ledger.account c where c.held <> 0) a
    full join (
      select o.account_id, sum(o.amount - o.captured) as held from ledger.hold o where o.state = 'open' group by o.account_id
    ) h on h.account_id = a.id
    where coalesce(a.held, 0) <> coalesce(h.held, 0);
end $$;

create type ledger.total as (asset text, balance numeric, held numeric, open_holds numeric);

create function ledger.totals() returns setof ledger.total
language plpgsql stable set search_path = pg_catalog, pg_temp set max_parallel_workers_per_gather = 2 as $$
#variable_conflict use_column
begin
  return query
    select x.asset, sum(x.balance), sum(x.held), sum(x.open_holds)
    from (
      select a.asset::text as asset, sum(a.balance) as balance, sum(a.held) as held, 0 as open_holds
      from ledger.account a group by a.asset
      union all
      -- as ledger.balance_of, spelt out: with a function in it, the pass over the accounts would be left to one process
      select a.asset, coalesce(c.balance, 0)
        + coalesce((
          select sum(s.amount) from ledger.sum_entry s
          where s.account_id = a.id and s.era = coalesce(c.era, s.era) and s.xid >= coalesce(c.upto, '0'::xid8)
        ), 0)
        + coalesce((select sum(s.amount) from ledger.sum_entry s where s.account_id = a.id and s.era > c.era), 0), 0, 0
      from ledger.account a
      left join lateral (
        select k.era, k.upto, k.balance from ledger.checkpoint k where k.account_id = a.id order by k.era desc, k.upto desc limit 1
      ) c on true
      where a.owner is null and a.is_summing
      union all
      select a.asset, 0, 0, o.amount - o.captured from ledger.hold o join ledger.account a on a.id = o.account_id where o.state = 'open'
    ) x
    group by x.asset;
end $$;
comment on function ledger.totals() is
'What all accounts of each asset hold together (0, when all is well), and how much is held; one pass over the accounts.';

create function ledger.findings_of_payments(since xid8, in_era integer, accounts bigint[], since_at timestamptz) returns setof ledger.finding
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select 'payment_does_not_fit', 'payment:' || x.id, jsonb_agg(distinct x.what)
    from (
      select p.id, 'transfer_missing' as what
      from unnest(accounts) t (account_id)
      join ledger.account a on a.id = t.account_id and a.kind = 'wallet'
      join public.payments p on p.sender_id = a.owner and p.created_at > since_at
      where not exists (select from ledger.transfer x where x.id = p.id)
      union all
      select p.id, 'transfer_missing'
      from public.payments p where since_at = '-infinity' and not exists (select from ledger.transfer x where x.id = p.id)
      union all
      select p.id, 'event_missing'
      from ledger.transfer t join public.payments p on p.id = t.id
      where t.xid >= since and (in_era is null or t.era = in_era) and t.kind = 'payment'
        and (select count(*) from events.event e where e.subject = t.id and e.kind = 'payment.sent') <> 1
      union all
      select e.subject, 'payment_missing'
      from events.event e left join public.payments p on p.id = e.subject left join ledger.transfer t on t.id = e.subject
      where e.kind = 'payment.sent' and (in_era is null or e.era = in_era) and e.xid >= since and (p.id is null or t.id is null)
    ) x
    group by x.id;
end $$;
comment on function ledger.findings_of_payments(xid8, integer, bigint[], timestamptz) is
'New payments without their transfer or their one event, new events without their payment, and what lacks one among accounts with new transfers.';

-- ---------------------------------------------------------------- the run

create function ledger.reconcile(is_full boolean default false) returns table (
  kind text, subject text, evidence jsonb, case_id uuid, is_new boolean
)
language plpgsql security definer set search_path = pg_catalog, pg_temp set work_mem = '32MB' as $$
#variable_conflict use_variable
declare
  began timestamptz := clock_timestamp();
  horizon xid8;
  last ledger.reconciliation;
  current_era integer;
  since xid8 := '0';
  in_era integer;
  since_at timestamptz := '-infinity';
  touched bigint[]; seqs bigint[]; counts bigint[];
  findings ledger.finding[];
  total ledger.total;
  found_count integer := 0;
begin
  perform pg_advisory_xact_lock(815003);
  horizon := pg_snapshot_xmin(pg_current_snapshot());
  select * into last from ledger.reconciliation r order by r.n desc limit 1;
  select c.era into current_era from events.relay_cursor c;
  if events.is_restored() then
    perform private.refuse('record_restored');
  end if;
  -- the first run, and the first after a restore, see to everything
  is_full := is_full or last.n is null or last.era <> current_era;
  if not is_full then
    since := last.upto;
    in_era := last.era;
    since_at := last.began_at - interval '1 day';  -- a payment says when it was counted, which is before its commit
  end if;

  -- in the order of their ids, so that neighbours are looked up together
  select array_agg(s.account_id order by s.account_id), array_agg(s.seq order by s.account_id),
    array_agg(s.transfer_count order by s.account_id)
  into touched, seqs, counts
  from (
    select x.account_id, min(x.seq) as seq, sum(x.transfers) as transfer_count
    from (
      select t.from_account as account_id, t.from_seq as seq, 1 as transfers from ledger.transfer t
      where t.xid >= since and (in_era is null or t.era = in_era) and t.from_seq is not null
      union all
      select t.to_account, t.to_seq, 1 from ledger.transfer t
      where t.xid >= since and (in_era is null or t.era = in_era) and t.to_seq is not null
      union all
      select a.id, 1, 0 from ledger.account a where is_full and not a.is_summing
    ) x group by x.account_id
  ) s;

  -- A few new rows are looked up one by one, never by reading a whole table; all of them are read as a whole.
  perform set_config('enable_hashjoin', is_full::text, true), set_config('enable_mergejoin', is_full::text, true);
  findings := array(select f from ledger.findings_of_transfers(since, in_era) f)
    || array(select f from ledger.findings_of_sides(since, in_era, is_full) f)
    || array(select f from ledger.findings_of_chains(touched, seqs, counts) f)
    || array(select f from ledger.findings_of_sums(since, in_era) f)
    || array(select f from ledger.findings_of_payments(since, in_era, touched, since_at) f);
  findings := array(select f from unnest(findings) f where f.kind <> 'entries_to_look_at') || array(
    select e from ledger.findings_of_entries(array(
      select split_part(f.subject, ':', 2)::bigint from unnest(findings) f where f.kind in ('entries_to_look_at', 'account_does_not_add_up')
    )) e);
  perform set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true);
  if is_full then
    findings := findings || array(select f from ledger.findings_of_checkpoints() f) || array(select f from ledger.findings_of_holds() f);
  end if;
  for total in select * from ledger.totals() loop
    if total.held <> total.open_holds and not is_full then
      findings := findings || array(select f from ledger.findings_of_holds() f);
    end if;
    if total.balance <> 0 then
      if not is_full then
        -- some account is to blame that nobody touched: look at all of this asset
        findings := findings || array(select f from ledger.findings_of_heads(total.asset) f)
          || array(select f from ledger.findings_of_sums('0', null) f) || array(select f from ledger.findings_of_checkpoints() f);
      end if;
      if not exists (
        select from unnest(findings) f join ledger.account a on a.id = split_part(f.subject, ':', 2)::bigint
        where f.kind = 'account_does_not_add_up' and a.asset = total.asset
      ) then
        findings := findings || row('asset_does_not_sum_to_zero', 'asset:' || total.asset, jsonb_build_object('sum', total.balance))::ledger.finding;
      end if;
    end if;
  end loop;

  for kind, subject, evidence in
    select f.kind, f.subject, jsonb_agg(distinct f.evidence) from unnest(findings) f group by f.kind, f.subject order by f.kind, f.subject
  loop
    select o.case_id, o.is_new into case_id, is_new from cases.open_case(kind, subject, evidence) o;
    found_count := found_count + 1;
    return next;
  end loop;
  insert into ledger.reconciliation (is_full, era, upto, finding_count, began_at) values (is_full, current_era, horizon, found_count, began);
end $$;
comment on function ledger.reconcile(boolean) is
'Checks the rules of the ledger over what is new since the last run, or over everything; opens a case for each finding that has none, returns all.';
grant execute on function ledger.reconcile(boolean) to service_role;
