-- Banking, returns: money that a bank takes back after it was spendable, what is owed then, and paying it back.
-- Why      Payees keep what they were paid, so what the wallet no longer has is owed by whoever loaded it. It is
--          collected from what comes next, and then the account opens again by itself.
-- Units    *_cents: US cents. Postings: wallet -> reserve for what is there (held money is not), receivable -> reserve
--          for the rest; paid back: wallet -> receivable. A person's receivable is as far below zero as their debts.
-- Locks    The operation's row (by the caller), the person's wallet, then the debts, oldest first. A receivable is
--          posted to by nobody who has not locked its owner's wallet.
-- Callers  service_role through book_failed and book_cleared; a trigger of holds; people pay back their own.
-- Undo     Forward only.
set local lock_timeout = '5s';

alter table banking.source add column return_code text;
comment on column banking.source.return_code is 'The return after which this bank could no longer be used here, or null.';

create table banking.debt (
  id uuid primary key default gen_random_uuid(),
  person uuid not null references public.profiles (id),
  load_id uuid not null unique references banking.load (id),
  owed_cents bigint not null,
  repaid_cents bigint not null default 0,
  case_reference text not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  version bigint not null default 1,
  constraint debt_is_something check (owed_cents > 0),
  constraint repaid_is_part_of_debt check (repaid_cents between 0 and owed_cents),
  constraint debt_closes_when_repaid check ((repaid_cents = owed_cents) = (closed_at is not null))
);
comment on table banking.debt is
'What a person owes since a load was returned after it had cleared, once per load; its id is that of the transfer receivable -> reserve.';
create index debt_open on banking.debt (person, opened_at, id) where closed_at is null;
alter table banking.debt enable row level security;

create table banking.repayment (
  id uuid primary key default gen_random_uuid(),
  debt_id uuid not null references banking.debt (id),
  amount_cents bigint not null,
  cause text not null,
  cause_id uuid not null,
  at timestamptz not null,
  constraint repayment_is_something check (amount_cents > 0),
  constraint cause_is_known check (cause in ('load_cleared', 'hold_released', 'money_came_back', 'asked')),
  constraint repaid_once_per_cause unique (debt_id, cause, cause_id)
);
comment on table banking.repayment is
'Money that paid back a debt: what it came from, and the id of that; its id is that of the transfer wallet -> receivable.';
create index repayment_by_cause on banking.repayment (cause_id);
alter table banking.repayment enable row level security;
create trigger repayment_is_append_only before update or delete on banking.repayment
for each row execute function private.append_only();
create trigger repayment_is_never_truncated before truncate on banking.repayment
for each statement execute function private.append_only();

create function banking.debt_moves_forward() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.closed_at is not null or new.repaid_cents < old.repaid_cents or new.version <> old.version + 1
    or (new.id, new.person, new.load_id, new.owed_cents, new.case_reference, new.opened_at)
      is distinct from (old.id, old.person, old.load_id, old.owed_cents, old.case_reference, old.opened_at)
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "banking.debt"}';
  end if;
  return new;
end $$;
comment on function banking.debt_moves_forward() is 'A debt only becomes less, and one that is repaid stays so.';
create trigger debt_moves_forward before update on banking.debt for each row execute function banking.debt_moves_forward();
create trigger debt_is_never_deleted before delete on banking.debt for each row execute function private.append_only();
create trigger debt_is_never_truncated before truncate on banking.debt for each statement execute function private.append_only();

-- The operation is locked by the caller, and cleared: so this runs once per load.
create function banking.take_back(load_id uuid, code text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  l banking.load;
  purse ledger.account;
  d banking.debt;
  back_cents bigint;
begin
  select * into l from banking.load t where t.id = load_id;
  perform banking.lock_wallet(l.person);
  select * into purse from ledger.account a where a.id = ledger.wallet_of(l.person);
  back_cents := least(l.amount_cents, greatest(purse.balance - purse.held, 0));
  if back_cents > 0 then
    perform ledger.post(l.return_transfer, purse.id, ledger.system_account('reserve'), back_cents, 'load_returned_late', l.reference);
  end if;
  if back_cents < l.amount_cents then
    insert into banking.debt (person, load_id, owed_cents, case_reference, opened_at)
    values (l.person, load_id, l.amount_cents - back_cents, risk.impose(l.person, 'restricted', 'late_return', null, load_id), private.now())
    returning * into d;
    perform ledger.post(
      d.id, ledger.open_account(l.person, 'receivable'), ledger.system_account('reserve'), d.owed_cents, 'load_returned_owed', l.reference);
    perform events.record('debt.opened', d.id, 1, jsonb_build_object(
      'owner_id', l.person, 'load_id', load_id, 'code', code, 'returned_cents', l.amount_cents, 'owed_cents', d.owed_cents,
      'case_reference', d.case_reference), null);
  end if;
  return l.amount_cents - back_cents;
end $$;
comment on function banking.take_back(uuid, text) is
'Books the return of a load that had cleared: from the wallet what is there, the rest is owed and restricts the account. Returns what is owed.';

create function banking.repay_debts(person uuid, cause text, cause_id uuid) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  purse ledger.account;
  d banking.debt;
  pay_cents bigint;
  repayment_id uuid;
  total_cents bigint := 0;
begin
  if not exists (select from banking.debt o where o.person = person and o.closed_at is null) then
    return 0;
  end if;
  perform banking.lock_wallet(person);
  for d in
    select * from banking.debt o where o.person = person and o.closed_at is null order by o.opened_at, o.id for no key update
  loop
    select * into purse from ledger.account a where a.id = ledger.wallet_of(person);
    pay_cents := least(purse.balance - purse.held, d.owed_cents - d.repaid_cents);
    exit when pay_cents <= 0;
    insert into banking.repayment (debt_id, amount_cents, cause, cause_id, at)
    values (d.id, pay_cents, cause, cause_id, private.now()) returning id into repayment_id;
    perform ledger.post(
      repayment_id, purse.id, ledger.open_account(person, 'receivable'), pay_cents, 'debt_repaid',
      (select l.reference from banking.load l where l.id = d.load_id));
    update banking.debt o set
      repaid_cents = o.repaid_cents + pay_cents, version = o.version + 1,
      closed_at = case when o.repaid_cents + pay_cents = o.owed_cents then private.now() end
    where o.id = d.id returning * into d;
    perform events.record('debt.repaid', d.id, d.version, jsonb_build_object(
      'owner_id', person, 'load_id', d.load_id, 'amount_cents', pay_cents, 'left_cents', d.owed_cents - d.repaid_cents,
      'cause', cause, 'cause_id', cause_id), null);
    if d.closed_at is not null then
      perform risk.lift(d.case_reference, 'What was owed is paid back.', null);
    end if;
    total_cents := total_cents + pay_cents;
  end loop;
  return total_cents;
end $$;
comment on function banking.repay_debts(uuid, text, uuid) is
'Pays back what a person owes, the oldest first, from what their wallet has and does not hold; a debt that is repaid lifts its case. '
'Called once in the transaction in which money came or was freed. Returns what was paid.';

-- Whoever releases a hold need not know of debts.
create function banking.freed_money_repays() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform banking.repay_debts(a.owner, 'hold_released', new.id)
  from ledger.account a where a.id = new.account_id and a.kind = 'wallet' and a.asset = 'USD';
  return null;
end $$;
comment on function banking.freed_money_repays() is 'What a hold gives back pays debts first.';
create trigger freed_money_repays after update of state on ledger.hold for each row
when (old.state = 'open' and new.state <> 'open' and new.captured < new.amount) execute function banking.freed_money_repays();

-- Somebody restricted for what they owe, and for nothing else, may load: it is how they pay it back.
create function banking.may_load(person uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce((
    select a.state = 'active' or (
      a.state = 'restricted'
      and exists (select from banking.debt d where d.person = may_load.person and d.closed_at is null)
      and not exists (
        select from risk.account_case c
        where c.person = may_load.person and c.lifted_at is null and c.reason <> 'late_return'))
    from ledger.account a where a.id = ledger.wallet_of(may_load.person)
  ), false)
$$;
comment on function banking.may_load(uuid) is 'Whether a person''s account takes loads: it is active, or restricted only for what they owe.';

create function banking.close_source(source_id uuid, code text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  closed banking.source;
begin
  update banking.source s set state = 'removed', return_code = code, version = s.version + 1
  where s.id = source_id and s.state in ('unverified', 'verified') returning * into closed;
  if found then
    perform events.record('bank.removed', closed.id, closed.version, jsonb_build_object('owner_id', closed.person, 'code', code), null);
  end if;
end $$;
comment on function banking.close_source(uuid, text) is 'Takes a bank off its owner''s list after a return that says that it cannot be used.';

-- A bank that corrects what it was told (a notice of change): Dwolla applies it, and says that the account changed.
create function banking.book_correction(vendor_id text, kind text, bank_name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  known banking.source;
begin
  select * into known from banking.source s where s.vendor_id = vendor_id for no key update;
  if not found or known.state = 'removed' then
    return;
  end if;
  kind := case when kind in ('checking', 'savings') then kind else known.kind end;
  -- whose owner signed in to it is called what they chose there; the transfers' vendor has the name from the routing number
  bank_name := case
    when exists (select from banking.connection c where c.source_id = known.id) then known.bank_name
    else coalesce(nullif(left(bank_name, 80), ''), known.bank_name) end;
  if (kind, bank_name) is not distinct from (known.kind, known.bank_name) then
    return;
  end if;
  update banking.source s set kind = kind, bank_name = bank_name, version = s.version + 1 where s.id = known.id;
  perform events.record('bank.corrected', known.id, known.version + 1, jsonb_build_object(
    'owner_id', known.person, 'kind_before', known.kind, 'kind_after', kind, 'name_before', known.bank_name, 'name_after', bank_name), null);
end $$;
comment on function banking.book_correction(text, text, text) is 'Notes what a bank corrected of an account: its kind, or its own name.';
grant execute on function banking.book_correction(text, text, text) to service_role;

create function banking.repay_now(repayment_key uuid) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  done_cents bigint;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if repayment_key is null then
    perform private.refuse('request_invalid');
  end if;
  perform banking.lock_wallet(person);
  select sum(r.amount_cents) into done_cents
  from banking.repayment r join banking.debt d on d.id = r.debt_id
  where r.cause = 'asked' and r.cause_id = repayment_key and d.person = person;
  if done_cents is null then
    done_cents := banking.repay_debts(person, 'asked', repayment_key);
    if done_cents = 0 then
      perform private.refuse('nothing_to_repay_with', jsonb_build_object('is_owed', exists (
        select from banking.debt d where d.person = person and d.closed_at is null)));
    end if;
  end if;
  return done_cents;
end $$;
comment on function banking.repay_now(uuid) is
'Pays back what the caller owes from what is in their wallet, once per key; returns what was paid. Refused when there is nothing to pay, or to pay with.';
grant execute on function banking.repay_now(uuid) to authenticated;

create function banking.my_debts() returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'load_id', d.load_id, 'reference', l.reference, 'code', o.failure_code, 'returned_cents', l.amount_cents,
    'owed_cents', d.owed_cents, 'repaid_cents', d.repaid_cents, 'opened_at', d.opened_at, 'closed_at', d.closed_at,
    'case_reference', d.case_reference, 'bank', banking.source_json(s))
  from banking.debt d
  join banking.load l on l.id = d.load_id
  join banking.provider_operation o on o.id = d.load_id
  join banking.source s on s.id = l.source_id
  where d.person = auth.uid()
  order by d.closed_at is not null, d.opened_at, d.id limit 50
$$;
comment on function banking.my_debts() is 'What the caller owes or owed since loads were returned, the open ones first.';
grant execute on function banking.my_debts() to authenticated;

create function banking.my_repaid_by(load_id uuid) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce((
    select banking.repaid_by(l.id) from banking.load l where l.id = my_repaid_by.load_id and l.person = auth.uid()
  ), 0)
$$;
comment on function banking.my_repaid_by(uuid) is 'How much of one of the caller''s loads paid back what they owed, in US cents.';
grant execute on function banking.my_repaid_by(uuid) to authenticated;
