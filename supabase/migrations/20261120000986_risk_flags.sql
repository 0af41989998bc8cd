-- Risk, flags: what somebody should look at. A flag opens a case with its evidence, and stops nobody.
-- Why      Some of what is allowed looks like fraud: much money from many, the same person paid over and over, a load
--          that goes straight on to a new account. Counting that is no business of a payment on its way: a job reads
--          the events after it.
-- Units    *_count and *_days as in risk.limit_value; flag_onward_share_bps: of the load, 10000 is all of it. Windows
--          end at the payment that is looked at.
-- Locks    The job's mark, by events.take: of two at once one works. A crash repeats what was not committed.
-- Callers  risk.raise_flags from the job, as service_role.
-- Undo     Forward only.
set local lock_timeout = '5s';

insert into events.mark (consumer) values ('flags');
insert into risk.limit_value (name, value_max, reason)
values
('flag_day_senders_count', 10, 'opening rule: so many different people who pay one person in 24 hours are looked at'),
('flag_hour_sends_count', 5, 'opening rule: so many payments from one person to another in an hour are looked at'),
('flag_onward_hours', 24, 'opening rule: a load that is sent on within 24 hours is looked at'),
('flag_onward_share_bps', 8000, 'opening rule: a load of which 80 % are sent to one new account is looked at'),
('flag_new_account_days', 7, 'opening rule: an account is new for 7 days'),
('flag_private_count', 5, 'opening rule: from 5 payments on, all of them private, beside another flag');

-- What was looked at and settled does not count again: a window begins after the last case about the same.
create function risk.window_from(kind text, subject text, moment timestamptz, span interval) returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp as $$
  select greatest(moment - span, max(c.closed_at)) from cases."case" c
  where c.subject = window_from.subject and c.kind = window_from.kind
$$;
comment on function risk.window_from(text, text, timestamptz, interval) is
'Where the window of a flag begins that ends at moment: span before it, or when the last case about this was closed.';

-- Each of these gives the evidence that the payment is the one too many, or null.

create function risk.many_senders(taker uuid, moment timestamptz, limits jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'person', taker, 'sender_count', count(distinct q.sender_id), 'payment_count', count(*), 'first_at', min(q.created_at),
    'last_at', max(q.created_at), 'payments', (array_agg(q.id order by q.created_at desc))[1:50])
  from (
    -- as many as the people below the mark may send at most: whoever got more, got them from more people
    select p.id, p.sender_id, p.created_at from public.payments p
    where p.recipient_id = taker and p.created_at <= moment
      and p.created_at > risk.window_from('many_senders', 'person:' || taker, moment, '1 day')
    order by p.created_at desc
    limit (limits ->> 'flag_day_senders_count')::bigint * (limits ->> 'send_day_count')::bigint
  ) q
  having count(distinct q.sender_id) >= (limits ->> 'flag_day_senders_count')::bigint
$$;
comment on function risk.many_senders(uuid, timestamptz, jsonb) is 'Many different people paid one person within 24 hours.';

create function risk.repeated_sends(giver uuid, taker uuid, moment timestamptz, limits jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'person', giver, 'recipient', taker, 'payment_count', count(*), 'first_at', min(q.created_at), 'last_at', max(q.created_at),
    'payments', (array_agg(q.id order by q.created_at desc))[1:50])
  from public.payments q
  where q.sender_id = giver and q.recipient_id = taker and q.created_at <= moment
    and q.created_at > risk.window_from('repeated_sends', 'person:' || giver || ' to:' || taker, moment, '1 hour')
  having count(*) >= (limits ->> 'flag_hour_sends_count')::bigint
$$;
comment on function risk.repeated_sends(uuid, uuid, timestamptz, jsonb) is 'One person paid another many times within an hour.';

create function risk.load_sent_on(giver uuid, taker uuid, moment timestamptz, limits jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'person', giver, 'recipient', taker, 'load', l.id, 'load_cents', l.amount_cents, 'cleared_at', o.cleared_at,
    'sent_cents', s.cents, 'recipient_since', r.created_at, 'payments', s.ids)
  from public.profiles r
  join banking.load l on l.person = giver
  join banking.provider_operation o on o.id = l.id
  cross join lateral (
    select sum(t.amount)::bigint as cents, (array_agg(p.id order by p.created_at desc))[1:50] as ids
    from public.payments p join ledger.transfer t on t.id = p.id
    where p.sender_id = giver and p.recipient_id = taker and p.created_at between o.cleared_at and moment
  ) s
  where r.id = taker and r.created_at > moment - make_interval(days => (limits ->> 'flag_new_account_days')::integer)
    and o.cleared_at <= moment
    and o.cleared_at > risk.window_from('load_sent_on', 'person:' || giver || ' to:' || taker, moment,
      make_interval(hours => (limits ->> 'flag_onward_hours')::integer))
    and s.cents * 10000 >= l.amount_cents * (limits ->> 'flag_onward_share_bps')::bigint
  order by o.cleared_at desc limit 1
$$;
comment on function risk.load_sent_on(uuid, uuid, timestamptz, jsonb) is 'Most of a load went on to a new account soon after it cleared.';

create function risk.only_private_payments(person uuid, moment timestamptz, limits jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object('person', person, 'payment_count', count(*), 'first_at', min(q.created_at), 'last_at', max(q.created_at))
  from public.payments q
  where person in (q.sender_id, q.recipient_id) and q.created_at <= moment
  having count(*) >= (limits ->> 'flag_private_count')::bigint and not bool_or(q.is_public)
$$;
comment on function risk.only_private_payments(uuid, timestamptz, jsonb) is
'Nothing that a person paid or was paid is public. By itself that is anybody''s right: it is asked beside another flag.';

create function risk.raise_flags(maximum integer default 500) returns table (kind text, subject text, case_id uuid, read_count integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  batch events.entry[] := array(select t from events.take('flags', maximum) t);
  limits jsonb := (select f.maxima from risk.limit_in_force f);
  paid record;
  flag record;
  alone jsonb;
  is_new boolean;
begin
  if not limits ?& array['flag_day_senders_count', 'flag_hour_sends_count', 'flag_onward_hours', 'flag_onward_share_bps',
    'flag_new_account_days', 'flag_private_count', 'send_day_count'] then
    perform private.refuse('limits_unknown');
  end if;
  read_count := cardinality(batch);
  for paid in
    select p.sender_id as giver, p.recipient_id as taker, p.created_at as moment
    from unnest(batch) b
    join public.payments p on p.id = b.subject
    join public.profiles g on g.id = p.sender_id
    join public.profiles r on r.id = p.recipient_id
    where b.kind = 'payment.sent' and not g.is_demo and not r.is_demo order by b.position
  loop
    for flag in
      select f.* from (values
        ('many_senders', 'person:' || paid.taker, paid.taker, risk.many_senders(paid.taker, paid.moment, limits)),
        ('repeated_sends', 'person:' || paid.giver || ' to:' || paid.taker, paid.giver,
          risk.repeated_sends(paid.giver, paid.taker, paid.moment, limits)),
        ('load_sent_on', 'person:' || paid.giver || ' to:' || paid.taker, paid.giver,
          risk.load_sent_on(paid.giver, paid.taker, paid.moment, limits))
      ) f (kind, subject, person, evidence)
      where f.evidence is not null
    loop
      select o.case_id, o.is_new into case_id, is_new from cases.open_case(flag.kind, flag.subject, flag.evidence) o;
      if is_new then
        kind := flag.kind;
        subject := flag.subject;
        return next;
        alone := risk.only_private_payments(flag.person, paid.moment, limits);
        if alone is not null then
          select o.case_id, o.is_new into case_id, is_new
          from cases.open_case('only_private_payments', 'person:' || flag.person, alone || jsonb_build_object('beside', case_id)) o;
          if is_new then
            kind := 'only_private_payments';
            subject := 'person:' || flag.person;
            return next;
          end if;
        end if;
      end if;
    end loop;
  end loop;
  kind := null;
  subject := null;
  case_id := null;
  return next;
end $$;
comment on function risk.raise_flags(integer) is
'Looks at the next events, maximum at most, and opens a case for each flag that has none open. Returns those, then a row of how many events were read.';
grant execute on function risk.raise_flags(integer) to service_role;
