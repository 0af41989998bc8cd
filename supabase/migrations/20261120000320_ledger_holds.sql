-- Holds: money set aside in an account until it is captured or released.
-- Why      Between asking and knowing (a card, a bank, an exchange) the money must be nobody else's.
-- Units    amount, captured: smallest unit of the account's asset. expires_at: from then on a capture is refused;
--          null for holds that only their outcome resolves (bank moves, buys, conversions).
-- Locks    Accounts in id order, then the hold, which is read again once locked.
-- Callers  Definer functions of other schemas; the upkeep job calls expire_holds as service_role.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table ledger.hold (
  id uuid primary key,
  account_id bigint not null references ledger.account (id),
  amount bigint not null,
  captured bigint not null default 0,
  kind text not null,
  ref text,
  state text not null default 'open',
  version integer not null default 1,
  opened_at timestamptz not null,
  expires_at timestamptz,
  closed_at timestamptz,
  constraint amount_is_positive check (amount > 0),
  constraint captured_is_within check (captured between 0 and amount),
  constraint state_is_known check (state in ('open', 'captured', 'released', 'expired')),
  constraint closed_has_a_time check ((state = 'open') = (closed_at is null))
);
comment on table ledger.hold is 'Money set aside; what of an open hold is not captured counts in its account''s `held`. It closes once.';
create index hold_open_by_account on ledger.hold (account_id) where state = 'open';
create index hold_open_by_expiry on ledger.hold (expires_at) where state = 'open' and expires_at is not null;
alter table ledger.hold enable row level security;

create table ledger.capture (
  id uuid primary key,
  hold_id uuid not null references ledger.hold (id),
  amount bigint not null,
  is_final boolean not null,
  leg_count integer not null,
  at timestamptz not null,
  constraint amount_is_positive check (amount > 0)
);
comment on table ledger.capture is 'Each capture of a hold; its transfers are ledger.leg_id(id, 1) to (id, leg_count).';
create index capture_by_hold on ledger.capture (hold_id);
alter table ledger.capture enable row level security;

create function ledger.hold_moves_forward() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.state <> 'open' or new.captured < old.captured or new.version <> old.version + 1
    or (new.id, new.account_id, new.amount, new.kind, new.ref, new.opened_at, new.expires_at)
      is distinct from (old.id, old.account_id, old.amount, old.kind, old.ref, old.opened_at, old.expires_at)
  then
    raise exception using errcode = 'PA000', message = 'append_only', detail = '{"table": "ledger.hold"}';
  end if;
  return new;
end $$;
comment on function ledger.hold_moves_forward() is 'A closed hold stays as it is, and nothing captured is given back.';
create trigger hold_moves_forward before update on ledger.hold for each row execute function ledger.hold_moves_forward();
create trigger hold_is_never_deleted before delete on ledger.hold for each row execute function private.append_only();
create trigger hold_is_never_truncated before truncate on ledger.hold for each statement execute function private.append_only();
create trigger capture_is_append_only before update or delete on ledger.capture for each row execute function private.append_only();
create trigger capture_is_never_truncated before truncate on ledger.capture for each statement execute function private.append_only();

create function ledger.hold_json(hold_id uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object(
    'id', h.id, 'account_id', h.account_id, 'amount', h.amount, 'captured', h.captured, 'state', h.state, 'kind', h.kind,
    'version', h.version, 'expires_at', h.expires_at, 'owner_id', a.owner)
  from ledger.hold h join ledger.account a on a.id = h.account_id where h.id = hold_json.hold_id
$$;

create function ledger.authorize(
  hold_id uuid, account_id bigint, amount bigint, kind text, expires_at timestamptz default null, ref text default null
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  a ledger.account;
  h ledger.hold;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if amount is null or amount not between 1 and 1000000000000000 then
    perform private.refuse('amount_invalid', jsonb_build_object('amount', amount));
  end if;
  if hold_id is null or account_id is null or kind is null then
    perform private.refuse('transfer_malformed');
  end if;
  select * into a from ledger.account c where c.id = account_id and not c.is_summing for no key update;
  if not found then
    perform private.refuse('account_unknown');
  end if;
  select * into h from ledger.hold o where o.id = hold_id;
  if found then
    if (h.account_id, h.amount, h.kind, h.expires_at, h.ref) is distinct from (account_id, amount, kind, expires_at, ref) then
      perform private.refuse('key_reused');
    end if;
    return ledger.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if a.state <> 'active' then
    perform private.refuse('account_unavailable', jsonb_build_object('whose', 'yours', 'state', a.state));
  end if;
  if expires_at <= private.now() then
    perform private.refuse('hold_expired');
  end if;
  if a.balance - a.held - amount < a.min_balance then
    perform private.refuse('insufficient_funds', jsonb_build_object(
      'available', a.balance - a.held - a.min_balance, 'amount', amount, 'asset', a.asset));
  end if;
  update ledger.account c set held = c.held + amount where c.id = account_id;
  insert into ledger.hold (id, account_id, amount, kind, ref, opened_at, expires_at)
  values (hold_id, account_id, amount, kind, ref, private.now(), expires_at);
  perform events.record('hold.opened', hold_id, 1, jsonb_build_object('owner_id', a.owner, 'amount', amount, 'kind', kind));
  return ledger.hold_json(hold_id) || '{"is_replay": false}';
end $$;
comment on function ledger.authorize(uuid, bigint, bigint, text, timestamptz, text) is
'Sets amount of an account aside once per hold_id. Refuses overdrafts, accounts that are not active, reused ids.';

create function ledger.capture_hold(
  capture_id uuid, hold_id uuid, to_accounts bigint[], amounts bigint[], kind text, is_final boolean default true
) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  legs integer := cardinality(to_accounts);
  giver bigint;
  wanted bigint;
  freed bigint;
  h ledger.hold;
  known ledger.capture;
  refused ledger.posted;
  leg_ids uuid[];
  asked_final boolean := is_final;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if capture_id is null or hold_id is null or kind is null or is_final is null or legs is null or legs not between 1 and 255
    or array_dims(to_accounts) <> format('[1:%s]', legs) or array_dims(amounts) is distinct from array_dims(to_accounts)
    or array_position(to_accounts, null) is not null
  then
    perform private.refuse('transfer_malformed');
  end if;
  if exists (select from unnest(amounts) u (amount) where u.amount is null or u.amount not between 1 and 1000000000000000) then
    perform private.refuse('amount_invalid');
  end if;
  wanted := (select sum(u.amount) from unnest(amounts) u (amount));
  leg_ids := (select array_agg(ledger.leg_id(capture_id, n) order by n) from generate_series(1, legs) n);
  -- which account a hold is on never changes, so it may be read before anything is locked
  select o.account_id into giver from ledger.hold o where o.id = hold_id;
  if not found then
    perform private.refuse('not_found', '{"what": "hold"}');
  end if;
  perform from ledger.account a where a.id = any(to_accounts || giver) and not a.is_summing order by a.id for no key update;
  select * into h from ledger.hold o where o.id = hold_id for no key update;

  select * into known from ledger.capture c where c.id = capture_id;
  if found then
    if (known.hold_id, known.amount, known.is_final, known.leg_count) is distinct from (hold_id, wanted, asked_final, legs)
      or exists (
        select from unnest(leg_ids, to_accounts, amounts) l (id, to_account, amount)
        left join ledger.transfer t on t.id = l.id
        where (t.from_account, t.to_account, t.amount, t.kind) is distinct from (giver, l.to_account, l.amount, kind)
      )
    then
      perform private.refuse('key_reused');
    end if;
    return ledger.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if h.state = 'expired' or h.state = 'open' and h.expires_at <= private.now() then
    perform private.refuse('hold_expired', jsonb_build_object('expires_at', h.expires_at));
  end if;
  if h.state <> 'open' then
    perform private.refuse('hold_closed', jsonb_build_object('state', h.state));
  end if;
  if wanted > h.amount - h.captured then
    perform private.refuse('capture_exceeds_hold', jsonb_build_object('left', h.amount - h.captured, 'amount', wanted));
  end if;

  is_final := is_final or wanted = h.amount - h.captured;
  freed := case when is_final then h.amount - h.captured else wanted end;
  update ledger.account a set held = a.held - freed where a.id = giver;
  select * into refused from ledger.post_many(
    leg_ids, array_fill(giver, array[legs]), to_accounts, amounts, array_fill(kind, array[legs]), array_fill(h.ref, array[legs]),
    array_fill(1, array[legs]), true) p
  where p.is_replay or (p.refusal is not null and p.refusal <> 'linked_refused') limit 1;
  if found then
    -- a leg that was posted before is another capture's: this one would move nothing
    perform private.refuse(coalesce(refused.refusal, 'key_reused'), coalesce(refused.facts, '{}'));
  end if;
  insert into ledger.capture (id, hold_id, amount, is_final, leg_count, at)
  values (capture_id, hold_id, wanted, asked_final, legs, private.now());
  update ledger.hold o set
    captured = o.captured + wanted, version = o.version + 1,
    state = case when is_final then 'captured' else 'open' end,
    closed_at = case when is_final then private.now() end
  where o.id = hold_id;
  perform events.record('hold.captured', hold_id, h.version + 1, jsonb_build_object(
    'owner_id', (select a.owner from ledger.account a where a.id = giver), 'amount', wanted, 'released', freed - wanted, 'is_final', is_final));
  return ledger.hold_json(hold_id) || '{"is_replay": false}';
end $$;
comment on function ledger.capture_hold(uuid, uuid, bigint[], bigint[], text, boolean) is
'Moves held money to one or several accounts once per capture_id, all legs or none. A final capture releases the rest of the hold.';

create function ledger.close_hold(hold_id uuid, outcome text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  giver bigint;
  h ledger.hold;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform private.refuse('isolation_unsupported');
  end if;
  if outcome is null or outcome not in ('released', 'expired') then
    perform private.refuse('transfer_malformed');
  end if;
  select o.account_id into giver from ledger.hold o where o.id = hold_id;
  if not found then
    perform private.refuse('not_found', '{"what": "hold"}');
  end if;
  perform from ledger.account a where a.id = giver for no key update;
  select * into h from ledger.hold o where o.id = hold_id for no key update;
  if h.state = outcome or (h.state, outcome) = ('expired', 'released') then
    return ledger.hold_json(hold_id) || '{"is_replay": true}';
  end if;
  if h.state <> 'open' then
    perform private.refuse('hold_closed', jsonb_build_object('state', h.state));
  end if;
  if outcome = 'expired' and (h.expires_at is null or h.expires_at > private.now()) then
    perform private.refuse('hold_not_expired');
  end if;
  update ledger.account a set held = a.held - (h.amount - h.captured) where a.id = giver;
  update ledger.hold o set state = outcome, version = o.version + 1, closed_at = private.now() where o.id = hold_id;
  perform events.record('hold.' || outcome, hold_id, h.version + 1, jsonb_build_object(
    'owner_id', (select a.owner from ledger.account a where a.id = giver), 'amount', h.amount - h.captured));
  return ledger.hold_json(hold_id) || '{"is_replay": false}';
end $$;

create function ledger.release(hold_id uuid) returns jsonb
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select ledger.close_hold(release.hold_id, 'released')
$$;
comment on function ledger.release(uuid) is 'Gives what is left of an open hold back to its account. Again: the same answer.';

-- A capture refuses from expires_at on by itself; this only books the release. Accounts ascending, like everyone.
create function ledger.expire_holds(maximum integer default 500) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  due record;
  closed integer := 0;
begin
  for due in
    select d.id, d.account_id from (
      select h.id, h.account_id from ledger.hold h
      where h.state = 'open' and h.expires_at <= private.now() order by h.expires_at limit maximum
    ) d order by d.account_id, d.id
  loop
    -- somebody may have closed it since it was listed: it is looked at again once its account is locked
    perform from ledger.account a where a.id = due.account_id for no key update;
    if exists (select from ledger.hold h where h.id = due.id and h.state = 'open') then
      perform ledger.close_hold(due.id, 'expired');
      closed := closed + 1;
    end if;
  end loop;
  return closed;
end $$;
comment on function ledger.expire_holds(integer) is 'Books the release of holds past their time, the oldest first; returns how many.';
grant execute on function ledger.expire_holds(integer) to service_role;
