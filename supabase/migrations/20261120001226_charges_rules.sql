-- Charges, the rules: the state of a charge, what may follow, and US bank days. Nothing here reads or writes a table.
-- Why      One function names the state from amounts and recorded reasons, wherever a state is shown, asked or refused.
-- Units    *_minor: minor units of one currency.
-- Locks    None.
-- Callers  The functions of this schema.
-- Undo     Forward only.
set local lock_timeout = '5s';

create function charges.state(
  requested_minor bigint, authorized_minor bigint, captured_minor bigint, released_minor bigint, refunded_minor bigint,
  disputed_minor bigint, settled_minor bigint, reason text, dispute_stage text
) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case
    when reason = 'declined' then 'declined'
    when dispute_stage in ('needs_response', 'under_review') then 'disputed'
    when captured_minor = 0 and released_minor = authorized_minor then reason
    when captured_minor = 0 and authorized_minor < requested_minor then 'partially_authorized'
    when captured_minor = 0 then 'authorized'
    when refunded_minor = captured_minor then 'refunded'
    when refunded_minor + disputed_minor = captured_minor then 'charged_back'
    when captured_minor + released_minor < authorized_minor then 'partially_captured'
    when refunded_minor > 0 then 'partially_refunded'
    when settled_minor = captured_minor then 'settled'
    else 'captured'
  end;
end $$;
comment on function charges.state(bigint, bigint, bigint, bigint, bigint, bigint, bigint, text, text) is
'The state of a charge, from its amounts and recorded reasons alone.';

create function charges.legal_operations(
  state text, open_minor bigint, captured_minor bigint, refundable_minor bigint, increment_count integer, capture_count integer
) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return array_remove(array[
    case when state = 'authorized' and increment_count < 10 then 'increment' end,
    case when open_minor > 0 and capture_count < 50 then 'capture' end,
    case when open_minor > 0 then 'void' end,
    case when open_minor > 0 then 'expire' end,
    case when refundable_minor > 0 then 'refund' end,
    case when refundable_minor > 0 and state <> 'disputed' then 'open_dispute' end,
    case when state = 'disputed' then 'submit_evidence' end,
    case when state = 'disputed' then 'accept_dispute' end
  ], null);
end $$;
comment on function charges.legal_operations(text, bigint, bigint, bigint, integer, integer) is 'What may be done to a charge as it is.';

create function charges.next_states(state text) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case state
    when 'authorized' then array['authorized', 'partially_captured', 'captured', 'voided', 'expired', 'disputed']
    when 'partially_authorized' then array['partially_captured', 'captured', 'voided', 'expired', 'disputed']
    when 'partially_captured' then array['partially_captured', 'captured', 'settled', 'partially_refunded', 'refunded', 'disputed']
    when 'captured' then array['settled', 'partially_refunded', 'refunded', 'disputed']
    when 'settled' then array['partially_refunded', 'refunded', 'disputed']
    when 'partially_refunded' then array['partially_refunded', 'refunded', 'disputed', 'settled', 'captured']
    when 'refunded' then array['partially_captured', 'captured', 'settled', 'partially_refunded']
    when 'charged_back' then array['partially_captured', 'disputed']
    when 'disputed' then array['disputed', 'partially_captured', 'captured', 'settled', 'partially_refunded', 'refunded', 'charged_back']
    else '{}'
  end
$$;
comment on function charges.next_states(text) is
'What a charge may become from a state. A refund that fails brings a charge back to where it was; declined, voided and expired are the end.';

create function charges.is_bank_day(day date) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  month integer := extract(month from day);
  month_day integer := extract(day from day);
  weekday integer := extract(isodow from day);
  is_monday boolean := weekday = 1;
begin
  return not (
    weekday in (6, 7)
    -- New Year, Juneteenth, Independence, Veterans, Christmas: a Sunday's is kept on Monday, a Saturday's is not
    or to_char(day, 'MMDD') in ('0101', '0619', '0704', '1111', '1225')
    or is_monday and to_char(day - 1, 'MMDD') in ('0101', '0619', '0704', '1111', '1225')
    -- King, Presidents, Memorial, Labor, Columbus, Thanksgiving
    or is_monday and (month, (month_day + 6) / 7) in ((1, 3), (2, 3), (9, 1), (10, 2))
    or is_monday and month = 5 and month_day > 24
    or weekday = 4 and month = 11 and (month_day + 6) / 7 = 4
  );
end $$;
comment on function charges.is_bank_day(date) is 'Whether the Federal Reserve is open on a day; as paya_app/banking/bank_days.py.';

create function charges.after_bank_days(moment timestamptz, bank_days integer) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  day date := (moment at time zone 'America/New_York')::date;
  left_over integer := bank_days;
begin
  while left_over > 0 loop
    day := day + 1;
    left_over := left_over - charges.is_bank_day(day)::integer;
  end loop;
  return (day + time '12:00') at time zone 'America/New_York';
end $$;
comment on function charges.after_bank_days(timestamptz, integer) is 'Noon in New York on the so-manieth bank day (from 1) after a moment.';

create function charges.fee_minor(amount_minor bigint, fee_bps bigint, fee_fixed_minor bigint) returns bigint
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  -- never more than what it is the fee of
  return least(private.half_even(amount_minor * fee_bps, 10000) + fee_fixed_minor, amount_minor);
end $$;
comment on function charges.fee_minor(bigint, bigint, bigint) is 'What a capture costs: a share rounded half-even and a fixed part.';

create function charges.derived_id(near uuid, seed text) returns uuid
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  h text := md5(seed);
begin
  return (left(near::text, 14) || '7' || substr(h, 1, 3) || '-8' || substr(h, 4, 3) || '-' || substr(h, 7, 12))::uuid;
end $$;
comment on function charges.derived_id(uuid, text) is
'A UUIDv7 of the time of another and of a text: what happens again from the same ids has the same ids.';
