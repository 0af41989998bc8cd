-- Charges, forgetting: what nobody touched for as long as it is kept goes, whole charges at a time.
-- Why      A sandbox is for trying. One role may delete there, it cannot log in, and this function is all that runs as it.
-- Units    Kept in real time since a charge's last change, whatever its account's clock shows. amount, balance: minor units.
-- Locks    An account's lock alone, if it is free; else the account is looked at the next time.
-- Callers  service_role: the hourly job.
-- Undo     Forward only.
set local lock_timeout = '5s';

insert into retention.rule (name, what, kept, counted_from, removed_by, why, source)
values (
  'sandbox_charges', 'Charges of the payments sandbox, with their captures, refunds, disputes and test money', '30 days',
  'their last change', 'sweep', 'They are tries, of test money', 'a promise of ours'
);

create table sandbox.remainder (
  account_id bigint primary key,
  balance bigint not null,
  entry_count bigint not null
);
comment on table sandbox.remainder is
'What the entries that are gone had added up to, per balance account: with those that are left, its balance. Summing accounts have checkpoints.';
alter table sandbox.remainder enable row level security;

grant usage on schema private, retention, charges, sandbox to paya_sandbox_sweeper;
grant execute on function private.now() to paya_sandbox_sweeper;
grant execute on function retention.kept(text) to paya_sandbox_sweeper;
grant execute on function charges.derived_id(uuid, text) to paya_sandbox_sweeper;
grant execute on function sandbox.leg_id(uuid, integer) to paya_sandbox_sweeper;
grant execute on function sandbox.take_checkpoints(integer) to paya_sandbox_sweeper;
grant execute on function sandbox.release(uuid) to paya_sandbox_sweeper;
grant select on charges.account_clock, sandbox.checkpoint to paya_sandbox_sweeper;
grant select on retention.rule to paya_sandbox_sweeper;
grant select, insert, update on sandbox.remainder to paya_sandbox_sweeper;
grant select, delete on charges.charge, charges.capture, charges.refund, charges.dispute, charges.portion, charges.operation,
charges.settlement, charges.event, sandbox.hold, sandbox.capture, sandbox.transfer, sandbox.entry, sandbox.sum_entry
to paya_sandbox_sweeper;
do $$
declare
  tab text;
begin
  foreach tab in array array[
    'charges.account_clock', 'charges.charge', 'charges.capture', 'charges.refund', 'charges.dispute', 'charges.portion', 'charges.operation',
    'charges.settlement', 'charges.event', 'sandbox.checkpoint', 'sandbox.hold', 'sandbox.capture', 'sandbox.transfer', 'sandbox.entry',
    'sandbox.sum_entry', 'sandbox.remainder'
  ] loop
    execute format('create policy swept on %s for all to paya_sandbox_sweeper using (true) with check (true)', tab::regclass);
  end loop;
end $$;

create function charges.forget_transfers(ids uuid[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  with gone as (
    delete from sandbox.transfer t where t.id = any(ids) returning *
  ), entries as (
    delete from sandbox.entry e using gone g
    where (e.account_id, e.seq) in ((g.from_account, g.from_seq), (g.to_account, g.to_seq)) and e.transfer_id = g.id
    returning e.account_id, e.amount
  ), sums as (
    -- only what a checkpoint has counted
    delete from sandbox.sum_entry s using gone g
    where s.account_id in (g.from_account, g.to_account) and s.xid = g.xid and s.batch = g.id
      and exists (select from sandbox.checkpoint c where c.account_id = s.account_id and c.era >= s.era and (c.era > s.era or c.upto > s.xid))
  )
  insert into sandbox.remainder as r (account_id, balance, entry_count)
  select e.account_id, sum(e.amount)::bigint, count(*) from entries e group by e.account_id order by e.account_id
  on conflict (account_id) do update set balance = r.balance + excluded.balance, entry_count = r.entry_count + excluded.entry_count;
end $$;
comment on function charges.forget_transfers(uuid[]) is
'Removes transfers with their entries; what balance accounts had of them is added to what is remembered.';

create function charges.forget(account uuid, charge_ids uuid[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  captures uuid[] := array(select k.id from charges.capture k where k.account_id = account and k.charge_id = any(charge_ids));
  refunds uuid[] := array(select r.id from charges.refund r where r.account_id = account and r.charge_id = any(charge_ids));
  disputes uuid[] := array(select d.id from charges.dispute d where d.account_id = account and d.charge_id = any(charge_ids));
  increments uuid[] := array(
    select o.id from charges.operation o where o.account_id = account and o.subject = any(charge_ids) and o.kind = 'increment');
begin
  perform sandbox.release(h.id) from sandbox.hold h where h.id = any(charge_ids || increments) and h.state = 'open';
  delete from charges.event e where e.id in (
    select charges.derived_id(o.id, account || o.id::text || v) from (
      select c.id, c.version from charges.charge c where c.account_id = account and c.id = any(charge_ids)
      union all
      select k.id, k.version from charges.capture k where k.account_id = account and k.id = any(captures)
      union all
      select r.id, r.version from charges.refund r where r.account_id = account and r.id = any(refunds)
      union all
      select d.id, d.version from charges.dispute d where d.account_id = account and d.id = any(disputes)
    ) o, generate_series(1, o.version) v);
  perform charges.forget_transfers(array(
    select sandbox.leg_id(k, n) from unnest(captures) k, unnest(array[1, 200]) n
    union all
    select sandbox.leg_id(s, n) from unnest(refunds || disputes) s, unnest(array[90, 100]) n
    union all
    select sandbox.leg_id(p.source_id, p.n + later) from charges.portion p, unnest(array[0, 100]) later
    where p.account_id = account and p.source_id = any(refunds || disputes)));
  delete from charges.portion p where p.account_id = account and p.source_id = any(refunds || disputes);
  delete from charges.operation o where o.account_id = account and o.subject = any(charge_ids || refunds || disputes);
  delete from charges.refund r where r.account_id = account and r.id = any(refunds);
  delete from charges.dispute d where d.account_id = account and d.id = any(disputes);
  delete from charges.capture k where k.account_id = account and k.id = any(captures);
  delete from charges.charge c where c.account_id = account and c.id = any(charge_ids);
  delete from sandbox.capture k where k.id = any(captures);
  delete from sandbox.hold h where h.id = any(charge_ids || increments);
end $$;
comment on function charges.forget(uuid, uuid[]) is 'Removes charges with all that belongs to them; what is still held is released first.';

create function charges.sweep(maximum integer default 200) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  before timestamptz := private.now() - retention.kept('sandbox_charges');
  -- ids are UUIDv7, made when the charge was: none of this id or a later one can be old enough
  first_kept uuid := (rpad(lpad(to_hex((extract(epoch from before) * 1000)::bigint), 12, '0'), 32, '0'))::uuid;
  account uuid;
  found_ids uuid[];
  batches uuid[];
  removed integer := 0;
begin
  for account in
    select a.account_id from charges.account_clock a
    where exists (
      select from charges.charge c where c.account_id = a.account_id and c.id < first_kept and c.changed_at < before)
    order by a.account_id
  loop
    exit when removed >= maximum;
    continue when not pg_try_advisory_xact_lock(hashtextextended(account::text, 1220));
    found_ids := array(
      select c.id from charges.charge c where c.account_id = account and c.id < first_kept and c.changed_at < before
      order by c.id limit maximum - removed);
    continue when cardinality(found_ids) = 0;
    if removed = 0 then
      perform sandbox.take_checkpoints(1);
    end if;
    perform charges.forget(account, found_ids);
    batches := array(
      select s.id from charges.settlement s
      where s.account_id = account and s.made_at < before
        and not exists (select from charges.capture k where k.account_id = account and k.settlement_id = s.id));
    perform charges.forget_transfers(batches);
    delete from charges.settlement s where s.account_id = account and s.id = any(batches);
    removed := removed + cardinality(found_ids);
  end loop;
  return removed;
end $$;
comment on function charges.sweep(integer) is
'Removes charges that nobody touched for as long as they are kept, at most so many; how many. Call it again while it removes as many.';

grant execute on function charges.forget(uuid, uuid[]) to paya_sandbox_sweeper;
grant execute on function charges.forget_transfers(uuid[]) to paya_sandbox_sweeper;
grant execute on function charges.sweep(integer) to service_role;
grant paya_sandbox_sweeper to postgres;
grant create on schema charges to paya_sandbox_sweeper;
alter function charges.sweep(integer) owner to paya_sandbox_sweeper;
revoke create on schema charges from paya_sandbox_sweeper;
revoke paya_sandbox_sweeper from postgres;
