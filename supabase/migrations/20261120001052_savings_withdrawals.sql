-- Savings, withdrawals: bitcoin that goes to an address of its owner's.
-- Why      The exchange takes no id of ours and sends again whenever it is asked again, and nobody gets bitcoin back. So
--          what may have been asked is noted before it is, an answer that was lost is looked for and the question never
--          repeated, and to one address there is one at a time until the exchange's id of it is known.
-- Units    *_sats: satoshis. quantity_sats: what leaves the wallet, the network's fee in it; arrives_sats + fee_sats.
--          Postings: asked wallet -> btc_in_transit; sent btc_in_transit -> btc_custody (what left the exchange), the
--          fee apart; failed btc_in_transit -> wallet.
-- Locks    Asking: the person's BTC wallet, so that limits are exact. Booking: the withdrawal's row, then the wallet.
-- Callers  People ask and see their own (auth.uid()); service_role: the jobs.
-- Undo     Forward only.
set local lock_timeout = '5s';

insert into risk.limit_name (name) values ('withdrawal_single_min_sats'), ('withdrawal_day_sats'), ('withdrawal_day_count');
insert into risk.limit_value (name, value_max, reason)
values
('withdrawal_single_min_sats', 20000, 'opening rule: a withdrawal is at least 0.0002 BTC; below that the network takes much of it'),
('withdrawal_day_sats', 100000000, 'opening rule: 1 BTC withdrawn in 24 hours'),
('withdrawal_day_count', 5, 'opening rule: 5 withdrawals in 24 hours');

create table savings.withdrawal (
  id uuid primary key,
  bookings_id uuid not null default gen_random_uuid(),
  person uuid not null references public.profiles (id),
  address_id uuid not null references savings.withdrawal_address (id),
  label text not null,
  address text not null,
  quantity_sats bigint not null,
  fee_sats_max bigint not null,
  state text not null default 'asked',
  reason text,
  attempts integer not null default 0,
  vendor_ref text unique,
  arrives_sats bigint,
  fee_sats bigint,
  txid text,
  last_error text not null default '',
  version bigint not null default 1,
  created_at timestamptz not null,
  last_sent_at timestamptz,
  next_at timestamptz not null,
  accepted_at timestamptz,
  ended_at timestamptz,
  constraint state_is_known check (state in ('asked', 'submitted', 'accepted', 'sent', 'failed')),
  constraint something_arrives check (fee_sats_max >= 0 and quantity_sats > fee_sats_max),
  constraint ended_says_when check ((state in ('sent', 'failed')) = (ended_at is not null)),
  constraint failed_says_why check ((state = 'failed') = (reason is not null)),
  constraint sent_adds_up check (
    state <> 'sent'
    or (
      arrives_sats is not null and fee_sats is not null and txid is not null and least(arrives_sats - 1, fee_sats) >= 0
      and arrives_sats + fee_sats = quantity_sats
    )
  )
);
comment on table savings.withdrawal is
'Bitcoin on its way to an address: asked, submitted (the exchange may have it), accepted (it calls it vendor_ref), then sent, or '
'failed and back in the wallet. fee_sats_max: the network''s fee that its owner agreed to. bookings_id: as of an order.';
create index withdrawal_by_person on savings.withdrawal (person, created_at desc, id desc);
create index withdrawal_by_address on savings.withdrawal (address);
create index withdrawal_open on savings.withdrawal (next_at) where ended_at is null;
-- whoever of ours the address belongs to: at the exchange two of them could not be told apart
create unique index one_withdrawal_at_a_time on savings.withdrawal (address) where state = 'submitted';
alter table savings.withdrawal enable row level security;

create function savings.withdrawal_moves_forward() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if (old.id, old.bookings_id, old.person, old.address_id, old.address, old.quantity_sats, old.fee_sats_max, old.created_at)
    is distinct from (new.id, new.bookings_id, new.person, new.address_id, new.address, new.quantity_sats, new.fee_sats_max, new.created_at)
    or old.ended_at is not null or new.version < old.version or old.vendor_ref is distinct from coalesce(new.vendor_ref, old.vendor_ref)
    and old.vendor_ref is not null
    or (old.state, new.state) not in (
      ('asked', 'asked'), ('asked', 'submitted'), ('asked', 'failed'), ('submitted', 'submitted'), ('submitted', 'asked'),
      ('submitted', 'accepted'), ('submitted', 'failed'), ('accepted', 'accepted'), ('accepted', 'sent'), ('accepted', 'failed')
    )
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "savings.withdrawal"}';
  end if;
  return new;
end $$;
comment on function savings.withdrawal_moves_forward() is 'A withdrawal keeps what was asked, and goes back to asked only when it was surely not sent.';
create trigger withdrawal_moves_forward before update on savings.withdrawal
for each row execute function savings.withdrawal_moves_forward();
create trigger withdrawal_is_never_deleted before delete on savings.withdrawal
for each row execute function private.append_only();
create trigger withdrawal_is_never_truncated before truncate on savings.withdrawal
for each statement execute function private.append_only();

create function savings.is_registered(address text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from savings.withdrawal w where w.address = is_registered.address and w.vendor_ref is not null)
$$;
comment on function savings.is_registered(text) is 'Whether the exchange ever took a withdrawal to this address, and so knows it.';

create function savings.withdrawal_json(w savings.withdrawal) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', (w).id, 'address_id', (w).address_id, 'label', (w).label, 'address', (w).address, 'state', (w).state,
    'quantity_sats', (w).quantity_sats, 'fee_sats', coalesce((w).fee_sats, (w).fee_sats_max),
    'arrives_sats', coalesce((w).arrives_sats, (w).quantity_sats - (w).fee_sats_max), 'reason', (w).reason, 'txid', (w).txid,
    'created_at', (w).created_at, 'accepted_at', (w).accepted_at, 'ended_at', (w).ended_at,
    'is_delayed', (w).state in ('asked', 'submitted') and ((w).last_error <> '' or providers.is_down('kraken')))
$$;
comment on function savings.withdrawal_json(savings.withdrawal) is
'A withdrawal as its owner may see it; until it was sent, fee and what arrives are as they were agreed to.';

create function savings.note_withdrawal(kind text, w savings.withdrawal, facts jsonb, actor uuid default null) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select events.record('withdrawal.' || kind, (w).id, (w).version, jsonb_build_object(
    'owner_id', (w).person, 'address_id', (w).address_id, 'label', (w).label, 'quantity_sats', (w).quantity_sats) || facts, actor)
$$;
comment on function savings.note_withdrawal(text, savings.withdrawal, jsonb, uuid) is 'Writes the event of a withdrawal''s step.';

create function savings.withdrawn_in_day(person uuid, out used_sats bigint, out used_count bigint, out resets_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(sum(w.quantity_sats), 0)::bigint, count(*), min(w.created_at) + interval '24 hours'
  from savings.withdrawal w
  where w.person = withdrawn_in_day.person and w.created_at > private.now() - interval '24 hours' and w.state <> 'failed'
$$;
comment on function savings.withdrawn_in_day(uuid) is 'What a person withdrew in the last 24 hours, how often, and when the first of it counts no more.';

create function savings.ask_withdrawal(withdrawal_id uuid, address_id uuid, quantity_sats bigint, fee_sats_max bigint) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  person uuid := auth.uid();
  moment timestamptz := private.now();
  least_sats bigint := risk.limit_max('withdrawal_single_min_sats');
  day_sats bigint := risk.limit_max('withdrawal_day_sats');
  day_count bigint := risk.limit_max('withdrawal_day_count');
  facts jsonb := jsonb_build_object('quantity_sats', quantity_sats);
  purse ledger.account;
  target savings.withdrawal_address;
  known savings.withdrawal;
  used record;
begin
  if person is null then
    perform private.refuse('signed_out');
  end if;
  if withdrawal_id is null or address_id is null or fee_sats_max is null
    or fee_sats_max not between 0 and 2100000000000000 then
    perform private.refuse('request_invalid');
  end if;
  if least_sats is null or day_sats is null or day_count is null then
    perform private.refuse('limits_unknown');
  end if;
  -- From here on this person withdraws nothing else, so what is counted below stays true.
  select * into purse from ledger.account a where a.id = ledger.wallet_of(person, 'BTC') for no key update;
  select * into known from savings.withdrawal w where w.id = withdrawal_id;
  if found then
    if (known.person, known.address_id, known.quantity_sats, known.fee_sats_max)
      is distinct from (person, address_id, quantity_sats, fee_sats_max) then
      perform private.refuse('withdrawal_key_reused');
    end if;
    return savings.withdrawal_json(known);
  end if;
  if quantity_sats is null or quantity_sats < least_sats or quantity_sats <= fee_sats_max then
    perform private.refuse('withdrawal_amount_invalid', jsonb_build_object('min_sats', greatest(least_sats, fee_sats_max + 1)));
  end if;
  select * into target from savings.withdrawal_address a where a.id = address_id and a.person = person for share;
  if not found or target.state <> 'active' then
    perform private.refuse('not_found', '{"what": "address"}');
  end if;
  if purse.state <> 'active' then
    perform private.refuse('withdrawal_account_unavailable', facts || jsonb_build_object('state', purse.state));
  end if;
  if purse.id is null or quantity_sats > purse.balance - purse.held - purse.min_balance then
    perform private.refuse('withdrawal_uncovered', facts || jsonb_build_object(
      'available_sats', coalesce(purse.balance - purse.held - purse.min_balance, 0)));
  end if;
  if target.usable_at > moment then
    perform private.refuse('address_waits', jsonb_build_object('now', moment, 'usable_at', target.usable_at));
  end if;
  if exists (select from savings.withdrawal w where w.person = person and w.address_id = address_id and w.state in ('asked', 'submitted')) then
    perform private.refuse('withdrawal_under_way');
  end if;
  used := savings.withdrawn_in_day(person);
  if used.used_count >= day_count then
    perform private.refuse('withdrawal_limit', facts || jsonb_build_object(
      'limit', 'withdrawal_day_count', 'max', day_count, 'used', used.used_count, 'now', moment, 'resets_at', used.resets_at));
  elsif used.used_sats + quantity_sats > day_sats then
    perform private.refuse('withdrawal_limit', facts || jsonb_build_object(
      'limit', 'withdrawal_day_sats', 'max', day_sats, 'used', used.used_sats, 'now', moment, 'resets_at', used.resets_at));
  end if;
  insert into savings.withdrawal (id, person, address_id, label, address, quantity_sats, fee_sats_max, created_at, next_at)
  values (withdrawal_id, person, address_id, target.label, target.address, quantity_sats, fee_sats_max, moment, moment + interval '1 minute')
  on conflict do nothing returning * into known;
  if not found then -- somebody else's, who asked under the same id at this very moment
    perform private.refuse('withdrawal_key_reused');
  end if;
  perform ledger.post(withdrawal_id, purse.id, ledger.system_account('btc_in_transit', 'BTC'), quantity_sats, 'withdrawal');
  perform jobs.enqueue('savings', 'submit_withdrawal', jsonb_build_object('withdrawal_id', withdrawal_id), 'submit_withdrawal:' || withdrawal_id);
  perform savings.note_withdrawal('asked', known, jsonb_build_object('address', known.address, 'fee_sats_max', fee_sats_max), person);
  return savings.withdrawal_json(known);
end $$;
comment on function savings.ask_withdrawal(uuid, uuid, bigint, bigint) is
'Has the caller''s bitcoin sent to their address, once per withdrawal_id, for a fee of at most fee_sats_max. Returns it.';
grant execute on function savings.ask_withdrawal(uuid, uuid, bigint, bigint) to authenticated;
