-- Retention: what is kept for how long, as data, and the removal of what may go.
-- Why      How long records are kept is a rule of law or a promise of ours: a row with its reason and where the reason is
--          written. A row can make something go later or sooner; what may go at all is written out in the function below.
-- Units    kept: counted from what counted_from says; null: for good. Moments of sessions are real time.
-- Locks    Each removal takes rows with skip locked, the oldest first, and waits for nobody.
-- Callers  paya_worker removes; service_role reads. The ledger, events, seals, payments, plans, buys and orders are never
--          removed: their triggers refuse it, whoever asks.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema retention;
revoke all on schema retention from public;
grant usage on schema retention to paya_worker, service_role;

create table retention.rule (
  name text primary key,
  what text not null,
  kept interval,
  counted_from text not null,
  removed_by text not null,
  why text not null,
  source text not null,
  constraint name_is_short check (name ~ '^[a-z_]{1,40}$'),
  constraint kept_is_positive check (kept > interval '0'),
  constraint who_removes_is_known check (removed_by in ('nobody', 'sweep', 'tidy', 'use', 'start')),
  constraint for_good_is_removed_by_nobody check ((kept is null) = (removed_by = 'nobody'))
);
comment on table retention.rule is
'What is kept for how long and why. removed_by: sweep (retention.sweep), tidy (the job that keeps the queue in order), use (whoever uses it next), '
'start (a start of the embedded server), nobody. The law asks for at least the years in source; for good is longer.';
alter table retention.rule enable row level security;
grant select on retention.rule to service_role;

insert into retention.rule (name, what, kept, counted_from, removed_by, why, source)
values
(
  'ledger', 'Accounts, transfers, entries, holds and their checkpoints', null, '', 'nobody',
  'Every balance is their sum', '31 CFR 1010.430(d): five years at least'
),
(
  'events', 'Every event, with the seals over it', null, '', 'nobody',
  'A seal proves nothing once what it covers is gone', '31 CFR 1010.430(d): five years at least'
),
(
  'payments', 'Payments between people', null, '', 'nobody',
  'They are people''s own history, and evidence of each transfer', '12 CFR 1005.13(b): two years at least'
),
(
  'bank_transfers', 'Loads, redemptions, returns and debts', null, '', 'nobody',
  'Evidence of each transfer to and from a bank', '12 CFR 1005.13(b): two years at least'
),
(
  'plans', 'Savings plans, what was asked of them, their buys and lots', null, '', 'nobody',
  'What a lot cost is asked when it is sold, however late', '26 CFR 1.6001-1(e): as long as it may matter'
),
(
  'orders', 'Orders at the exchange', null, '', 'nobody',
  'Both books are compared by them', '31 CFR 1010.430(d): five years at least'
),
(
  'withdrawals', 'Withdrawals of bitcoin, and the addresses they go to', null, '', 'nobody',
  'What left cannot be called back: only these say where it went', '31 CFR 1010.430(d): five years at least'
),
(
  'prices', 'Daily prices of bitcoin, and the last one that was heard', null, '', 'nobody',
  'The lab looks as far back as there are any; they say nothing of anybody', 'a promise of ours'
),
(
  'profiles', 'People, and by which number they sign in', null, '', 'nobody',
  'Who a customer was is known as long as what they did', '31 CFR 1020.220(a)(3)(ii): five years after the account''s end'
),
(
  'notices', 'Which notice was told by which channel, and what became of it', '400 days', 'its end', 'sweep',
  'A person sees a year of them; none is told again, for readers never go back', 'a promise of ours'
),
(
  'reminders', 'Which buy was announced ahead', '30 days', 'the time of the buy', 'sweep',
  'It keeps a buy from being announced twice before it happens', 'a promise of ours'
),
(
  'sessions', 'Browsers that were signed in: address and browser, no secret', '90 days', 'its end', 'sweep',
  'A person recognises a stranger''s browser among them', 'a promise of ours'
),
(
  'vendor_notices', 'Notices of the bank transfers'' vendor', '90 days', 'when it came', 'sweep',
  'The vendor repeats one for three days; what it was about is asked of the vendor', 'a promise of ours'
),
(
  'text_calls', 'Calls of the hook that sends texts: no number and no code', '1 hour', 'when it was made', 'use',
  'The signature of a call is good for five minutes', 'a promise of ours'
),
(
  'known_addresses', 'From where a number signed in, as a keyed hash', '30 days', 'its last use', 'use',
  'Whoever comes from there again is no stranger', 'a promise of ours'
),
(
  'attempts', 'Counts of attempts, as keyed hashes', '1 day', 'the first of them', 'use',
  'Nobody tries codes without end', 'a promise of ours'
),
(
  'dead_letters', 'Jobs that ended or were given up', '90 days', 'their end', 'tidy',
  'Somebody looks at what went wrong, and runs it again', 'a promise of ours'
),
(
  'ticks', 'Which line of the timetable was set going when', '2 days', 'when it was due', 'tidy',
  'Two schedulers do each line once', 'a promise of ours'
),
(
  'broadcasts', 'What was broadcast, on an embedded server', '3 days', 'when it was sent', 'start',
  'Who was away for a moment asks for what was missed', 'a promise of ours'
);

create function retention.kept(rule_name text) returns interval
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select r.kept from retention.rule r where r.name = rule_name
$$;
comment on function retention.kept(text) is 'For how long it is kept; null: for good.';
grant execute on function retention.kept(text) to paya_worker;

-- One statement for each kind that may go: a rule names no table, so that no row of data can make a ledger go.
create function retention.sweep(maximum integer) returns table (rule_name text, removed bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  moment timestamptz;
begin
  rule_name := 'notices';
  moment := private.now() - retention.kept(rule_name);
  delete from notifications.delivery d where d.id in (
    select o.id from notifications.delivery o where o.ended_at < moment order by o.ended_at limit maximum for update skip locked);
  get diagnostics removed = row_count;
  return next;

  rule_name := 'reminders';
  moment := private.now() - retention.kept(rule_name);
  delete from notifications.reminder r where r.id in (
    select o.id from notifications.reminder o join savings.buy b on b.id = o.buy_id
    where b.due_at < moment order by b.due_at limit maximum for update of o skip locked);
  get diagnostics removed = row_count;
  return next;

  -- while Auth still has the session, ours is what says that it has ended
  rule_name := 'sessions';
  moment := private.now() - retention.kept(rule_name);
  delete from identity.web_session w where w.id in (
    select o.id from identity.web_session o
    where o.ended_at < moment and not exists (select from auth.sessions s where s.id = o.id)
    order by o.ended_at limit maximum for update skip locked);
  get diagnostics removed = row_count;
  return next;

  rule_name := 'vendor_notices';
  moment := private.now() - retention.kept(rule_name);
  delete from banking.vendor_event v where v.id in (
    select o.id from banking.vendor_event o where o.received_at < moment order by o.received_at limit maximum for update skip locked);
  get diagnostics removed = row_count;
  return next;
end $$;
comment on function retention.sweep(integer) is
'Removes what is kept no longer, at most so much of each kind; how much of each went. Call it again while something did.';
grant execute on function retention.sweep(integer) to paya_worker;
