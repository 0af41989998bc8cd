-- Risk, accounts: who may only receive, who may do neither, why, and the lifting of it.
-- Why      An account is closed in part for a reason that its owner reads, under a case number, and opened again
--          only when that case is lifted. Cases are rows, so that two of them do not undo each other: the state of
--          the wallet is the strictest of those that are open.
-- Units    Times are private.now(). case_reference: AC- and eight hex digits, for people to read aloud.
-- Locks    The person's wallets in id order, before the cases are read: of two changes at once, one waits.
-- Callers  service_role imposes and lifts, and the booking of a late return imposes (as owner). People see their own.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table risk.account_case (
  id uuid primary key default gen_random_uuid(),
  case_reference text not null unique,
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

-- Makes the wallets' state that of the open cases, and says what it was and is. The wallets are locked already.
create function risk.follow_cases(person uuid, out state_before text, out state_after text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  select a.state into state_before from ledger.account a where a.owner = person and a.kind = 'wallet' order by a.id limit 1;
  select coalesce(max(c.state) filter (where c.state = 'frozen'), max(c.state), 'active') into state_after
  from risk.account_case c where c.person = person and c.lifted_at is null;
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
  insert into risk.account_case (case_reference, person, state, reason, subject, imposed_at, imposed_by)
  select 'AC-' || left(r, 4) || '-' || right(r, 4), person, state, reason, subject, private.now(), imposed_by
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
