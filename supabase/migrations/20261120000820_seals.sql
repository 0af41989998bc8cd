-- Seals: a public fingerprint of every transfer and event, so that nobody can change the past unseen.
-- Why      Each seal is a Merkle root over the rows of a range of transactions; the seals themselves form a log
--          (both trees as in RFC 6962). One short public head covers everything sealed, and one receipt proves
--          one transfer against it, without showing anybody else's rows.
-- Units    *_us: microseconds since 1970 in UTC. Hashes: SHA-256, 32 bytes. index: from 0; n and size: from 1.
-- Locks    One sealer at a time, by an advisory lock; no row of a writer is ever locked. It reads below the
--          horizon of running transactions, where nothing can still appear.
-- Callers  proof.seal_next from the sealer (paya_worker, service_role); proof.head from everybody;
--          proof.my_receipt from signed-in people, about their own payments.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema proof;
revoke all on schema proof from public;
grant usage on schema proof to anon, authenticated, service_role, paya_worker;

-- Leaves are salted, or whoever holds a receipt could guess at its neighbours. The salts are made from one secret
-- and the row's id, so that none is stored; a receipt discloses those of its own row.
create table proof.salt_key (
  is_only boolean primary key default true,
  key bytea not null,
  constraint key_is_one_row check (is_only),
  constraint key_is_long check (octet_length(key) = 32)
);
comment on table proof.salt_key is 'The secret that every leaf''s salt is made from. It must be kept as long as the seals.';
alter table proof.salt_key enable row level security;
insert into proof.salt_key (key)
values (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

create table proof.seal (
  n bigint primary key,
  era integer not null,
  xid_from xid8 not null,
  xid_upto xid8 not null,
  transfer_count integer not null,
  event_count integer not null,
  transfer_total bigint not null,
  event_total bigint not null,
  root bytea not null,
  previous bytea not null,
  at timestamptz not null,
  hash bytea not null,
  leaves bytea not null,
  constraint seal_covers_something check (
    xid_from < xid_upto and transfer_count >= 0 and event_count >= 0 and transfer_count + event_count > 0
  ),
  constraint hashes_are_whole check (octet_length(root) = 32 and octet_length(previous) = 32 and octet_length(hash) = 32),
  constraint leaves_are_whole check (octet_length(leaves) = 32 * (transfer_count + event_count))
);
comment on table proof.seal is
'What transactions from xid_from to below xid_upto wrote: the root over its leaves (transfers, then events, by xid and id), chained to the seal before.';
comment on column proof.seal.leaves is 'The leaves'' hashes, 32 bytes each: they make receipts cheap, and name the row when one was changed.';
alter table proof.seal alter column leaves set storage external;  -- hashes do not compress
create unique index seal_by_transactions on proof.seal (era, xid_upto);
alter table proof.seal enable row level security;

create table proof.node (
  level integer not null,
  index bigint not null,
  hash bytea not null,
  primary key (level, index),
  constraint node_is_inside check (level > 0 and index >= 0),
  constraint hash_is_whole check (octet_length(hash) = 32)
);
comment on table proof.node is
'The complete inner nodes of the log of seals: (level, index) covers the 2^level seals from n = index * 2^level + 1 on.';
alter table proof.node enable row level security;

do $$
declare
  tab text;
begin
  foreach tab in array array['salt_key', 'seal', 'node'] loop
    execute format(
      'create trigger %1$s_is_append_only before update or delete on proof.%1$I for each row execute function private.append_only()', tab);
    execute format(
      'create trigger %1$s_is_never_truncated before truncate on proof.%1$I for each statement execute function private.append_only()', tab);
  end loop;
end $$;

-- ---------------------------------------------------------------- trees

create function proof.node_hash(l bytea, r bytea) returns bytea
language sql immutable strict set search_path = pg_catalog, pg_temp as $$
  select sha256('\x01'::bytea || l || r)
$$;
comment on function proof.node_hash(bytea, bytea) is
'An inner node: the byte 1, then both children. A leaf begins with the byte 0, so neither can pass for the other.';

create function proof.merkle_level(nodes bytea[]) returns bytea[]
language sql immutable strict set search_path = pg_catalog, pg_temp as $$
  select array(
    select case when p.r is null then p.l else sha256('\x01'::bytea || p.l || p.r) end
    from (select u.node as l, lead(u.node) over (order by u.n) as r, u.n from unnest(merkle_level.nodes) with ordinality u (node, n)) p
    where p.n % 2 = 1 order by p.n
  )
$$;
comment on function proof.merkle_level(bytea[]) is
'The level above these nodes, as RFC 6962 has it: neighbours are paired, an odd one out moves up as it is.';

create function proof.merkle_root(leaves bytea[]) returns bytea
language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
declare
  nodes bytea[] := leaves;
begin
  if cardinality(nodes) = 0 then
    return sha256('');
  end if;
  while cardinality(nodes) > 1 loop
    nodes := proof.merkle_level(nodes);
  end loop;
  return nodes[1];
end $$;
comment on function proof.merkle_root(bytea[]) is
'The root of RFC 6962 over these leaf hashes.';

create function proof.merkle_path(leaves bytea[], index integer) returns bytea[]
language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
declare
  nodes bytea[] := leaves;
  place integer := index;
  path bytea[] := '{}';
begin
  while cardinality(nodes) > 1 loop
    if place # 1 < cardinality(nodes) then
      path := path || nodes[(place # 1) + 1];
    end if;
    nodes := proof.merkle_level(nodes);
    place := place / 2;
  end loop;
  return path;
end $$;
comment on function proof.merkle_path(bytea[], integer) is
'The hashes that lead from the leaf at index (from 0) to the root, the lowest first.';

create function proof.log_node(level integer, index bigint) returns bytea
language sql stable strict set search_path = pg_catalog, pg_temp as $$
  select case when log_node.level = 0
    then (select s.hash from proof.seal s where s.n = log_node.index + 1)
    else (select k.hash from proof.node k where k.level = log_node.level and k.index = log_node.index) end
$$;

-- A range that starts at a multiple of a power of two not below its length is made of complete nodes, the largest
-- first: they are joined from the right.
create function proof.log_range(start bigint, length bigint) returns bytea
language plpgsql stable strict set search_path = pg_catalog, pg_temp as $$
declare
  rest bigint := length;
  level integer := 0;
  joined bytea;
  node bytea;
begin
  while rest > 0 loop
    if rest % 2 = 1 then
      -- of what is counted here, rest - 1 nodes of this level stand to the left
      node := proof.log_node(level, (start >> level) + rest - 1);
      joined := case when joined is null then node else proof.node_hash(node, joined) end;
    end if;
    rest := rest / 2;
    level := level + 1;
  end loop;
  return coalesce(joined, sha256(''));
end $$;
comment on function proof.log_range(bigint, bigint) is
'The root over `length` seals from position start (from 0) on; the whole log of a size is log_range(0, size).';

create function proof.log_path(index bigint, size bigint) returns bytea[]
language plpgsql stable strict set search_path = pg_catalog, pg_temp as $$
declare
  level integer := 0;
  place bigint := index;
  last bigint := size - 1;
  beside bigint;
  path bytea[] := '{}';
begin
  while last > 0 loop
    beside := place # 1;
    if beside <= last then
      path := path || case when (beside + 1) << level <= size
        then proof.log_node(level, beside)
        else proof.log_range(beside << level, size - (beside << level)) end;
    end if;
    place := place >> 1;
    last := last >> 1;
    level := level + 1;
  end loop;
  return path;
end $$;
comment on function proof.log_path(bigint, bigint) is
'The hashes that lead from the seal at index (from 0) to the root of the log of this size, the lowest first.';

-- ---------------------------------------------------------------- sealing

create function proof.microseconds(at timestamptz) returns bigint
language sql immutable strict set search_path = pg_catalog, pg_temp as $$
  select (extract(epoch from at) * 1000000)::bigint
$$;

-- What is hashed of a row is a JSON array without spaces that begins with its form and version, so that any program
-- can make it again. A side of a transfer is hashed by itself first: seq counts an account's transfers, which is the
-- business of its owner and of nobody who once paid them.
create function proof.leaves(in_era integer, xid_from xid8, xid_upto xid8)
returns table (is_event boolean, place bigint, leaf bytea)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select false, row_number() over (order by t.xid, t.id),
    sha256('\x00'::bytea || sha256(k.key || convert_to('transfer:' || t.id, 'UTF8')) || convert_to(
      '["paya.transfer.1","' || t.id
      || '",' || (extract(epoch from t.at) * 1000000)::bigint
      || ',' || (extract(epoch from t.effective_at) * 1000000)::bigint
      || ',"' || encode(sha256('\x02'::bytea || sha256(k.key || convert_to('from:' || t.id, 'UTF8'))
        || convert_to('[' || t.from_account || ',' || coalesce(t.from_seq::text, 'null') || ']', 'UTF8')), 'hex')
      || '","' || encode(sha256('\x02'::bytea || sha256(k.key || convert_to('to:' || t.id, 'UTF8'))
        || convert_to('[' || t.to_account || ',' || coalesce(t.to_seq::text, 'null') || ']', 'UTF8')), 'hex')
      || '",' || t.amount
      || ',' || to_json(t.kind)
      || ',' || coalesce(to_json(t.ref)::text, 'null') || ']', 'UTF8'))
  from proof.salt_key k, ledger.transfer t
  where t.era = leaves.in_era and t.xid >= leaves.xid_from and t.xid < leaves.xid_upto
  union all
  select true, row_number() over (order by e.xid, e.id),
    sha256('\x00'::bytea || sha256(k.key || convert_to('event:' || e.id, 'UTF8')) || convert_to(
      '["paya.event.1",' || e.id
      || ',' || (extract(epoch from e.at) * 1000000)::bigint
      || ',' || coalesce('"' || e.actor || '"', 'null')
      || ',' || to_json(e.kind::text)
      || ',"' || e.subject
      || '",' || e.version
      || ',"' || encode(sha256(convert_to(e.payload::text, 'UTF8')), 'hex') || '"]', 'UTF8'))
  from proof.salt_key k, events.event e
  where e.era = leaves.in_era and e.xid >= leaves.xid_from and e.xid < leaves.xid_upto
$$;
comment on function proof.leaves(integer, xid8, xid8) is
'The leaf hashes of the rows that these transactions wrote; docs/proof.md says how each is made.';

create function proof.next_xid(xid xid8) returns xid8
language sql immutable strict set search_path = pg_catalog, pg_temp as $$
  select (xid::text::numeric + 1)::text::xid8
$$;

create function proof.append_seal(era integer, xid_from xid8, xid_upto xid8, last proof.seal) returns integer
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  made proof.seal;
  hashes bytea[];
  position bigint;
  level integer := 0;
  node bytea;
begin
  select array_agg(l.leaf order by l.is_event, l.place), count(*) filter (where not l.is_event), count(*) filter (where l.is_event),
    string_agg(l.leaf, '' order by l.is_event, l.place)
  into hashes, made.transfer_count, made.event_count, made.leaves
  from proof.leaves(era, xid_from, xid_upto) l;
  made.n := coalesce(last.n, 0) + 1;
  made.era := era;
  made.xid_from := xid_from;
  made.xid_upto := xid_upto;
  made.transfer_total := coalesce(last.transfer_total, 0) + made.transfer_count;
  made.event_total := coalesce(last.event_total, 0) + made.event_count;
  made.root := proof.merkle_root(hashes);
  made.previous := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
  made.at := clock_timestamp();
  -- a seal's hash is its leaf in the log
  made.hash := sha256('\x00'::bytea || convert_to(
    '["paya.seal.1",' || made.n || ',' || made.era || ',' || made.xid_from || ',' || made.xid_upto
    || ',' || made.transfer_count || ',' || made.event_count || ',' || made.transfer_total || ',' || made.event_total
    || ',"' || encode(made.root, 'hex') || '","' || encode(made.previous, 'hex') || '",' || proof.microseconds(made.at) || ']', 'UTF8'));
  insert into proof.seal select made.*;

  position := made.n - 1;
  node := made.hash;
  while position % 2 = 1 loop
    node := proof.node_hash(proof.log_node(level, position - 1), node);
    position := position / 2;
    level := level + 1;
    insert into proof.node (level, index, hash) values (level, position, node);
  end loop;
  return made.transfer_count + made.event_count;
end $$;

-- Nothing that is visible has an id at or above the horizon's and could still be joined by a lower one. An era that
-- a restore has ended gets no more rows at all, so it is sealed to its end before the next begins.
create function proof.seal_next(leaves_max integer default 4096) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  last proof.seal;
  era integer;
  current_era integer;
  start xid8;
  horizon xid8;
  upto xid8;
  first xid8;
begin
  if not pg_try_advisory_xact_lock(815002) then
    return 0;
  end if;
  select * into last from proof.seal s order by s.n desc limit 1;
  select c.era into current_era from events.relay_cursor c;
  era := coalesce(last.era, 1);
  start := coalesce(last.xid_upto, '0');
  loop
    if era = current_era then
      horizon := pg_snapshot_xmin(pg_current_snapshot());
    else
      select proof.next_xid(greatest(
        (select max(t.xid) from ledger.transfer t where t.era = era), (select max(e.xid) from events.event e where e.era = era)
      )) into horizon;
    end if;
    select least(
      (select min(t.xid) from ledger.transfer t where t.era = era and t.xid >= start and t.xid < horizon),
      (select min(e.xid) from events.event e where e.era = era and e.xid >= start and e.xid < horizon)
    ) into first;
    exit when first is not null or era >= current_era;
    era := era + 1;
    start := '0';
  end loop;
  if events.is_restored() or start > pg_snapshot_xmax(pg_current_snapshot()) and era = current_era then
    perform private.refuse('record_restored');
  end if;
  if first is null then
    return 0;
  end if;
  -- A backlog is sealed in pieces, each cut between two transactions; one transaction is never split.
  upto := least(
    horizon,
    (select t.xid from ledger.transfer t where t.era = era and t.xid >= start and t.xid < horizon order by t.xid offset leaves_max / 2 limit 1),
    (select e.xid from events.event e where e.era = era and e.xid >= start and e.xid < horizon order by e.xid, e.id offset leaves_max / 2 limit 1)
  );
  return proof.append_seal(era, start, greatest(upto, proof.next_xid(first)), last);
end $$;
comment on function proof.seal_next(integer) is
'Seals what is new below the horizon, about leaves_max rows at most; returns how many, 0 when none or when another seals. Refuses a restored record.';
grant execute on function proof.seal_next(integer) to paya_worker, service_role;

-- ---------------------------------------------------------------- what is shown

create function proof.head(size bigint default null) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case
    when s.n is not null then jsonb_build_object(
      'version', 'paya.head.1',
      'size', s.n,
      'log_root', encode(proof.log_range(0, s.n), 'hex'),
      'seal_hash', encode(s.hash, 'hex'),
      'sealed_at', to_char(s.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'transfer_count', s.transfer_total,
      'event_count', s.event_total)
    when coalesce(head.size, 0) = 0 then jsonb_build_object(
      'version', 'paya.head.1', 'size', 0, 'log_root', encode(sha256(''), 'hex'), 'seal_hash', repeat('00', 32), 'sealed_at', null,
      'transfer_count', 0, 'event_count', 0)
  end
  from (select) nothing
  left join lateral (
    select * from proof.seal k where head.size is null or k.n = head.size order by k.n desc limit 1
  ) s on true
$$;
comment on function proof.head(bigint) is
'The public head of the log of seals, or that of an earlier size: its root, the newest seal, and how much it covers. Null when there is no such size.';
grant execute on function proof.head(bigint) to anon, authenticated, service_role;

-- One's own side of a transfer is opened; the other one stays a hash.
create function proof.side_shown(secret bytea, side text, transfer_id uuid, account_id bigint, seq bigint, is_open boolean) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case when is_open
    then jsonb_build_object('account', account_id, 'seq', seq, 'salt', encode(x.salt, 'hex'))
    else jsonb_build_object('hash', encode(sha256('\x02'::bytea || x.salt
      || convert_to('[' || account_id || ',' || coalesce(seq::text, 'null') || ']', 'UTF8')), 'hex')) end
  from (select sha256(secret || convert_to(side || ':' || transfer_id, 'UTF8')) as salt) x
$$;

create function proof.my_receipt(payment_id uuid) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
  viewer uuid := auth.uid();
  secret bytea := (select k.key from proof.salt_key k);
  head jsonb := proof.head();
  is_sender boolean;
  t ledger.transfer;
  s proof.seal;
  place integer;
  hashes bytea[];
begin
  if viewer is null then
    perform private.refuse('signed_out');
  end if;
  select p.sender_id = viewer into is_sender from public.payments p where p.id = payment_id and viewer in (p.sender_id, p.recipient_id);
  if not found then
    perform private.refuse('not_found', '{"what": "payment"}');
  end if;
  select * into t from ledger.transfer x where x.id = payment_id;
  select * into s from proof.seal x where x.era = t.era and x.xid_upto > t.xid order by x.xid_upto limit 1;
  if not found then
    perform private.refuse('not_sealed_yet');
  end if;
  place := (
    select count(*) from ledger.transfer x
    where x.era = s.era and x.xid >= s.xid_from and x.xid < s.xid_upto and (x.xid, x.id) < (t.xid, t.id)
  );
  hashes := array(
    select substr(s.leaves, 32 * i + 1, 32) from generate_series(0, s.transfer_count + s.event_count - 1) i order by i
  );
  return jsonb_build_object(
    'version', 'paya.receipt.1',
    'transfer', jsonb_build_object(
      'id', t.id, 'at_us', proof.microseconds(t.at), 'effective_at_us', proof.microseconds(t.effective_at),
      'from', proof.side_shown(secret, 'from', t.id, t.from_account, t.from_seq, is_sender),
      'to', proof.side_shown(secret, 'to', t.id, t.to_account, t.to_seq, not is_sender),
      'amount', t.amount, 'kind', t.kind, 'ref', t.ref),
    'salt', encode(sha256(secret || convert_to('transfer:' || t.id, 'UTF8')), 'hex'),
    'index', place,
    'path', (select coalesce(jsonb_agg(encode(u.node, 'hex') order by u.n), '[]')
      from unnest(proof.merkle_path(hashes, place)) with ordinality u (node, n)),
    'seal', jsonb_build_object(
      'n', s.n, 'era', s.era, 'xid_from', s.xid_from::text::bigint, 'xid_upto', s.xid_upto::text::bigint,
      'transfer_count', s.transfer_count, 'event_count', s.event_count,
      'transfer_total', s.transfer_total, 'event_total', s.event_total,
      'root', encode(s.root, 'hex'), 'previous', encode(s.previous, 'hex'), 'at_us', proof.microseconds(s.at)),
    'log_path', (select coalesce(jsonb_agg(encode(u.node, 'hex') order by u.n), '[]')
      from unnest(proof.log_path(s.n - 1, (head ->> 'size')::bigint)) with ordinality u (node, n)),
    'head', head);
end $$;
comment on function proof.my_receipt(uuid) is
'What proves one of the caller''s payments against the head of this moment; it shows nobody else''s rows. Refuses: not_sealed_yet for about a second.';
grant execute on function proof.my_receipt(uuid) to authenticated;
