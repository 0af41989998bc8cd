-- Risk, accounts: who may only receive, who may do neither, why, and the lifting of it.
-- Why      An account is closed in part for a reason that its owner reads, under a case number, and opened again
--          only when that case is lifted. Cases are rows, so that two of them do not undo each other: the state of
--          the wallet is the strictest of those that are open, also of a wallet that is opened later. Each is a row of
--          cases."case" too (case_id), where whoever settles cases finds them all; lifting it closes that one.
-- Units    Times are private.now(). case_reference: AC- and eight hex digits, for people to read aloud.
-- Locks    The person's wallets in id order, before the cases are read: of two changes at once, one waits. Who opens
--          another wallet locks those that are there as well.
-- Callers  service_role imposes and lifts, and the booking of a late return imposes (as owner). People see their own.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table risk.account_case (
  id uuid primary key default gen_random_uuid(),
  case_reference text not null unique,
  case_id uuid not null unique,
  person uuid not null,
  state ledger.account_state not null,
  reason text not null,
  subject uuid,
  imposed_at timestamptz not null,
  imposed_by uuid,
  lifted_at timestamptz,
  lifted_by uuid,
  lifted_why text,
  constraint case_closes_something check (state in ('restricted', 'frozen')),
  constraint case_reason_is_known check (reason in ('late_return', 'under_review', 'owner_asked', 'law')),
  constraint case_end_has_a_reason check ((lifted_at is null) = (lifted_why is null))
);
comment on table risk.account_case is
'Why an account is restricted (may receive, not give) or frozen (neither), since when and by whom; open until lifted.';
create unique index account_case_open_once on risk.account_case (person, state, reason, subject) nulls not distinct
where lifted_at is null;
alter table risk.account_case enable row level security;
revoke all on risk.account_case from public, anon, authenticated, service_role;

create function risk.account_case_moves_forward() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.lifted_at is not null or new.lifted_at is null
    or (new.id, new.case_reference, new.case_id, new.person, new.state, new.reason, new.subject, new.imposed_at, new.imposed_by)
      is distinct from
      (old.id, old.case_reference, old.case_id, old.person, old.state, old.reason, old.subject, old.imposed_at, old.imposed_by)
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "risk.account_case"}';
  end if;
  return new;
end $$;
comment on function risk.account_case_moves_forward() is 'A case is lifted once; what it said when it was imposed, and who lifted it why, stays.';
create trigger account_case_moves_forward before update on risk.account_case
for each row execute function risk.account_case_moves_forward();
create trigger account_case_is_never_deleted before delete on risk.account_case
for each row execute function private.append_only();
create trigger account_case_is_never_truncated before truncate on risk.account_case
for each statement execute function private.append_only();

create function risk.state_of(person uuid) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(max(c.state) filter (where c.state = 'frozen'), max(c.state), 'active')
  from risk.account_case c where c.person = state_of.person and c.lifted_at is null
$$;
comment on function risk.state_of(uuid) is 'The strictest state of a person''s open cases; active when there is none.';

create function risk.wallet_opens_as_restricted() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from ledger.account a where a.owner = new.owner and a.kind = 'wallet' order by a.id for no key update;
  new.state := risk.state_of(new.owner);
  return new;
end $$;
comment on function risk.wallet_opens_as_restricted() is 'A wallet is opened in the state that its owner''s open cases ask for.';
create trigger wallet_opens_as_restricted before insert on ledger.account
for each row when (new.kind = 'wallet') execute function risk.wallet_opens_as_restricted();

-- Makes the wallets' state that of the open cases, and says what it was and is. The wallets are locked already.
create function risk.follow_cases(person uuid, out state_before text, out state_after text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  select a.state into state_before from ledger.account a where a.owner = person and a.kind = 'wallet' order by a.id limit 1;
  state_after := risk.state_of(person);
  update ledger.account a set state = state_after
  where a.owner = person and a.kind = 'wallet' and a.state is distinct from state_after;
end $$;
comment on function risk.follow_cases(uuid) is 'Gives a person''s wallets the strictest state of the open cases.';

create function risk.impose(
  person uuid, state text, reason text, imposed_by uuid default null, subject uuid default null
) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  opened risk.account_case;
  changed record;
  new_id uuid := gen_random_uuid();
  case_id uuid;
begin
  if state is null or state not in ('restricted', 'frozen')
    or reason is null or reason not in ('late_return', 'under_review', 'owner_asked', 'law') then
    perform private.refuse('request_invalid');
  end if;
  perform from ledger.account a where a.owner = person and a.kind = 'wallet' order by a.id for no key update;
  if not found then
    perform private.refuse('not_found', '{"what": "account"}');
  end if;
  select * into opened from risk.account_case c
  where c.person = person and c.state = state and c.reason = reason and c.subject is not distinct from subject
    and c.lifted_at is null;
  if found then
    return opened.case_reference;
  end if;
  select o.case_id into case_id from cases.open_case('account_' || state, 'account_case:' || new_id, jsonb_build_object(
    'person', person, 'reason', reason, 'subject', subject)) o;
  insert into risk.account_case (id, case_reference, case_id, person, state, reason, subject, imposed_at, imposed_by)
  select new_id, 'AC-' || left(r, 4) || '-' || right(r, 4), case_id, person, state, reason, subject, private.now(), imposed_by
  from (select upper(left(gen_random_uuid()::text, 8)) as r) t
  returning * into opened;
  changed := risk.follow_cases(person);
  perform events.record('account.' || state, opened.id, 1, jsonb_build_object(
    'owner_id', person, 'before', changed.state_before, 'after', changed.state_after, 'reason', reason,
    'case_reference', opened.case_reference, 'subject', subject), imposed_by);
  return opened.case_reference;
end $$;
comment on function risk.impose(uuid, text, text, uuid, uuid) is
'Restricts or freezes a person''s account for a reason, with its event, once per reason and subject. Returns the case''s reference.';

create function risk.lift(case_reference text, why text, lifted_by uuid default null) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  known risk.account_case;
  changed record;
begin
  if why is null or char_length(btrim(why)) not between 1 and 500 then
    perform private.refuse('request_invalid', '{"sentence": "Say in 1 to 500 characters why the case is over. Nothing was changed."}');
  end if;
  select * into known from risk.account_case c where c.case_reference = case_reference;
  if not found then
    perform private.refuse('not_found', '{"what": "case"}');
  end if;
  perform from ledger.account a where a.owner = known.person and a.kind = 'wallet' order by a.id for no key update;
  update risk.account_case c set lifted_at = private.now(), lifted_by = lifted_by, lifted_why = btrim(why)
  where c.id = known.id and c.lifted_at is null;
  if not found then
    return (select a.state from ledger.account a where a.owner = known.person and a.kind = 'wallet' order by a.id limit 1);
  end if;
  perform cases.close_case(known.case_id, btrim(why), lifted_by);
  changed := risk.follow_cases(known.person);
  perform events.record('account.lifted', known.id, 2, jsonb_build_object(
    'owner_id', known.person, 'before', changed.state_before, 'after', changed.state_after, 'reason', btrim(why),
    'case_reference', case_reference), lifted_by);
  return changed.state_after;
end $$;
comment on function risk.lift(text, text, uuid) is
'Lifts a case for a reason, with its event; the account becomes what its other open cases leave it. Again changes nothing. Returns the state.';

create function risk.my_cases() returns table (case_reference text, state text, reason text, imposed_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.case_reference, c.state::text, c.reason, c.imposed_at from risk.account_case c
  where c.person = auth.uid() and c.lifted_at is null
  order by c.state = 'frozen' desc, c.imposed_at, c.id
$$;
comment on function risk.my_cases() is 'The caller''s open cases, the strictest first.';

grant execute on function risk.impose(uuid, text, text, uuid, uuid) to service_role;
grant execute on function risk.lift(text, text, uuid) to service_role;
grant execute on function risk.my_cases() to authenticated;
