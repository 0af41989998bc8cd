"""What must hold: in every snapshot while the attack goes on, and at its end between the books and the answers."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from bench.bank.history import REVENUE, History, Operation, Verb
from bench.bank.server import Server

SHARE_OF_TIME = 0.2
RECENT = 300

# Each gives rows of (what is wrong); none in sound books. All are asked in one statement.
ALWAYS: dict[str, LiteralString] = {
    "assets_do_not_sum_to_zero": """
        select asset || ': ' || sum(balance) from ledger.account_balance
        group by asset having sum(balance) <> 0""",
    "below_floor": """
        select id || ': ' || balance - held from ledger.account
        where balance - held < min_balance or held < 0
        union all
        select e.account_id || ': once ' || min(e.balance_after) from ledger.entry e
        join ledger.account a on a.id = e.account_id where e.balance_after < a.min_balance group by e.account_id""",
    "balance_is_not_its_entries": """
        select a.id || ': ' || a.balance || ' in ' || a.seq || ', entries ' || coalesce(e.sum, 0) || ' in '
          || coalesce(e.count, 0)
        from ledger.account a left join (
          select account_id, sum(amount), count(*), max(seq) from ledger.entry group by account_id) e
          on e.account_id = a.id
        where a.balance <> coalesce(e.sum, 0) or a.seq <> coalesce(e.count, 0) or a.seq <> coalesce(e.max, 0)""",
    "held_is_not_its_holds": """
        select a.id || ': held ' || a.held || ', open holds ' || coalesce(h.sum, 0)
        from ledger.account a left join (
          select account_id, sum(amount - captured) from ledger.hold where state = 'open' group by account_id) h
          on h.account_id = a.id
        where a.held <> coalesce(h.sum, 0)""",
    "hold_captured_beyond": """
        select h.id || ': captured ' || h.captured || ' of ' || h.amount || ', captures ' || coalesce(c.sum, 0)
        from ledger.hold h
        left join (select hold_id, sum(amount) from ledger.capture group by hold_id) c on c.hold_id = h.id
        where h.captured <> coalesce(c.sum, 0) or coalesce(c.sum, 0) > h.amount""",
    "limit_exceeded": """
        select sender_id || ': ' || count(*) from public.payments where created_at > private.now() - interval '1 hour'
        group by sender_id having count(*) > risk.limit_max('send_hour_count')""",
}

AT_THE_END: dict[str, LiteralString] = {
    "entries_do_not_chain": """
        select account_id || ':' || seq from (
          select account_id, seq, balance_after, sum(amount) over (partition by account_id order by seq) as chained,
            row_number() over (partition by account_id order by seq) as place from ledger.entry) e
        where balance_after <> chained or seq <> place""",
    "transfer_without_its_entries": """
        select t.id::text from ledger.transfer t
        left join ledger.entry f
          on (f.account_id, f.seq, f.transfer_id, f.amount) = (t.from_account, t.from_seq, t.id, -t.amount)
        left join ledger.entry r
          on (r.account_id, r.seq, r.transfer_id, r.amount) = (t.to_account, t.to_seq, t.id, t.amount)
        join ledger.account g on g.id = t.from_account join ledger.account k on k.id = t.to_account
        where (f.seq is null) <> g.is_summing or (r.seq is null) <> k.is_summing""",
    "entry_without_its_transfer": """
        select e.account_id || ':' || e.seq from ledger.entry e left join ledger.transfer t on t.id = e.transfer_id
        where t.id is null or (e.account_id, e.seq) not in (
          (t.from_account, coalesce(t.from_seq, 0)), (t.to_account, coalesce(t.to_seq, 0)))""",
    "sums_are_not_their_transfers": """
        select x.account_id::text from (
          select from_account as account_id, xid, -amount as amount from ledger.transfer where from_seq is null
          union all select to_account, xid, amount from ledger.transfer where to_seq is null
          union all select account_id, xid, -amount from ledger.sum_entry) x
        group by x.account_id, x.xid having sum(x.amount) <> 0""",
    "payment_without_its_transfer_or_event": """
        select coalesce(p.id, t.id)::text from public.payments p
        full join (select id from ledger.transfer where kind = 'payment') t on t.id = p.id
        left join events.event v on v.subject = p.id and v.kind = 'payment.sent'
        group by p.id, t.id having p.id is null or t.id is null or count(v.id) <> 1""",
    "hold_not_closed_once": """
        select h.id || ': ' || h.state || ', closed ' || count(v.id) from ledger.hold h
        left join events.event v on v.subject = h.id and (
          v.kind = 'hold.released' or v.kind = 'hold.captured' and (v.payload ->> 'is_final')::boolean)
        group by h.id having h.state = 'open' or count(v.id) <> 1""",
}

SIZES: LiteralString = """
select (select count(*) from ledger.transfer), (select count(*) from ledger.entry), (select count(*) from ledger.hold),
  (select count(*) from ledger.capture), (select count(*) from events.event), (select count(*) from public.payments)
"""
MISSING: LiteralString = """
select u.id from unnest(%s::uuid[]) u (id) where not exists (select from ledger.transfer t where t.id = u.id)
  and not exists (select from ledger.hold h where h.id = u.id)
  and not exists (select from ledger.capture c where c.id = u.id)
"""
PRESENT: LiteralString = """
select u.id from unnest(%s::uuid[]) u (id) where exists (select from ledger.transfer t where t.id = u.id)
  or exists (select from ledger.hold h where h.id = u.id) or exists (select from ledger.capture c where c.id = u.id)
"""
DEADLOCKS: LiteralString = "select coalesce(sum(deadlocks), 0)::bigint from pg_stat_database"
SNAPSHOT: LiteralString = "begin isolation level repeatable read read only"


def _together(flaws: Mapping[str, LiteralString]) -> bytes:
    parts = [f"select '{kind}', f.detail from ({rows}) f (detail)" for kind, rows in flaws.items()]
    return " union all ".join(parts).encode()


_ALWAYS, _AT_THE_END = _together(ALWAYS), _together(ALWAYS | AT_THE_END)


@dataclass
class Snapshots:
    """Looks at one snapshot after the other, past the proxy, until told to stop."""

    server: Server
    database: str
    history: History
    taken: int = 0
    _sizes: tuple[int, ...] = ()
    _seen: int = 0
    _deadlocks: int | None = None

    async def watch(self, stopping: asyncio.Event) -> None:
        """Take snapshots for about a fifth of the time; a server that is down is waited for."""
        connection = None
        while not stopping.is_set():
            began = time.monotonic()
            try:
                if connection is None or connection.closed:
                    connection = await self.server.connect(self.database)
                await self.take(connection)
            except psycopg.OperationalError:  # the server is down, or was just now
                if connection is not None:
                    await connection.close()
            await asyncio.sleep(max(0.05, (time.monotonic() - began) * (1 / SHARE_OF_TIME - 1)))
        if connection is not None:
            await connection.close()

    async def take(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Judge one snapshot."""
        # what was acknowledged before the snapshot began has to be in it
        known = len(self.history.acknowledged)
        recent = self.history.acknowledged[max(0, min(self._seen, known - RECENT)) : known]
        refused = self.history.refused[-RECENT:]
        # from a sound client there are none
        renamed = [o for o in self.history.acknowledged[-RECENT:] if len(o.keys) > 1]
        await connection.execute(SNAPSHOT)
        try:
            found = await (await connection.execute(_ALWAYS)).fetchall()
            missing = await (await connection.execute(MISSING, ([o.key for o in recent],))).fetchall()
            present = await _present(connection, refused)
            repeated = await _present(connection, renamed)
            sizes = await (await connection.execute(SIZES)).fetchone() or ()
        finally:
            await connection.execute("rollback")
        deadlocks = await (await connection.execute(DEADLOCKS)).fetchone()
        for kind, detail in found:
            self.history.violate(kind, detail)
        for (key,) in missing:
            self.history.violate("acknowledged_not_visible", key)
        for key in present:
            self.history.violate("refused_but_there", key)
        for operation in renamed:
            if len(repeated.intersection(operation.keys)) > 1:
                self.history.violate("done_twice", f"{operation.verb} under {operation.keys}")
        if any(now < before for now, before in zip(sizes, self._sizes, strict=False)):
            self.history.violate("history_shrank", f"from {self._sizes} to {sizes} rows")
        self._note_deadlocks(deadlocks[0] if deadlocks else 0)
        self._sizes, self._seen = sizes, known
        self.taken += 1

    def _note_deadlocks(self, count: int) -> None:
        # the server counts anew after a crash; a client that hung up never hears of its deadlock, this does
        if self._deadlocks is not None and count > self._deadlocks:
            self.history.violate("deadlock", f"{count - self._deadlocks} counted by the server")
        self._deadlocks = count


async def _present(connection: psycopg.AsyncConnection[Any], operations: Sequence[Operation]) -> set[UUID]:
    """Those keys under which any of these was ever asked for that are in the books."""
    keys = [key for operation in operations for key in operation.keys]
    return {key for (key,) in await (await connection.execute(PRESENT, (keys,))).fetchall()}


@dataclass
class Books:
    """What the database says at the end."""

    accounts: dict[str, int] = field(default_factory=dict)
    transfers: dict[UUID, tuple[int, int, int]] = field(default_factory=dict)
    holds: dict[UUID, tuple[int, int, int, str]] = field(default_factory=dict)
    captures: dict[UUID, tuple[UUID, int, bool, int]] = field(default_factory=dict)


async def judge(connection: psycopg.AsyncConnection[Any], history: History) -> None:
    """Compare everything that was asked and answered with everything that is in the books."""
    for kind, detail in await (await connection.execute(_AT_THE_END)).fetchall():
        history.violate(kind, detail)
    books = await _read(connection)
    judges: dict[str, Callable[[Operation, Books], bool]] = {
        "send": _is_sent,
        "authorize": _is_held,
        "capture": _is_captured,
        "release": _is_released,
    }
    asked = dict.fromkeys(key for o in history.operations for key in o.keys)
    for operation in history.operations:
        if operation.expects is None and operation.state == "acknowledged":
            if not _is_there(operation.verb, operation.key, books):
                history.violate("acknowledged_lost", f"{operation.verb} {operation.key}")
            elif not judges[operation.verb](operation, books):
                history.violate("acknowledged_changed", f"{operation.verb} {operation.key}, {operation.legs}")
        if sum(key in books.transfers or key in books.captures for key in operation.keys) > 1:
            history.violate("done_twice", f"{operation.verb} under {operation.keys}")
    done = {operation.key for operation in history.acknowledged}
    refused_twins = [o for o in history.operations if o.is_raced and o.state == "refused" and o.key not in done]
    for operation in [*history.refused, *refused_twins]:
        if any(_is_there(operation.verb, key, books) for key in operation.keys):
            history.violate("refused_but_there", f"{operation.verb} {operation.key}, refused with {operation.code}")
    for key in (books.transfers.keys() | books.holds.keys() | books.captures.keys()) - asked.keys() - _legs(books):
        history.violate("nobody_asked", key)


async def _read(connection: psycopg.AsyncConnection[Any]) -> Books:
    async def rows(sql: LiteralString) -> list[tuple[Any, ...]]:
        return await (await connection.execute(sql)).fetchall()

    accounts = await rows(
        "select p.handle, ledger.wallet_of(p.id) from public.profiles p "
        f"union all select '{REVENUE}', ledger.system_account('revenue')"
    )
    transfers = await rows(
        "select id, from_account, to_account, amount from ledger.transfer where kind in ('payment', 'bench_capture')"
    )
    holds = await rows("select id, account_id, amount, captured, state from ledger.hold")
    captures = await rows("select id, hold_id, amount, is_final, leg_count from ledger.capture")
    return Books(
        dict(accounts),
        {r[0]: (r[1], r[2], r[3]) for r in transfers},
        {r[0]: (r[1], r[2], r[3], r[4]) for r in holds},
        {r[0]: (r[1], r[2], r[3], r[4]) for r in captures},
    )


def _leg(capture_id: UUID, number: int) -> UUID:
    """As `ledger.leg_id` makes it: the number in the last byte."""
    return UUID(int=capture_id.int & ~0xFF | number)


def _legs(books: Books) -> set[UUID]:
    return {_leg(key, n) for key, (_, _, _, count) in books.captures.items() for n in range(1, count + 1)}


def _is_there(verb: Verb, key: UUID, books: Books) -> bool:
    places = {"send": books.transfers, "authorize": books.holds, "capture": books.captures, "release": books.holds}
    return key in places[verb]


def _is_sent(o: Operation, books: Books) -> bool:
    return books.transfers[o.key] == (books.accounts[o.giver], books.accounts[o.legs[0][0]], o.cents)


def _is_held(o: Operation, books: Books) -> bool:
    return books.holds[o.key][:2] == (books.accounts[o.giver], o.cents)


def _is_captured(o: Operation, books: Books) -> bool:
    legs = {_leg(o.key, n): leg for n, leg in enumerate(o.legs, 1)}
    return books.captures[o.key] == (o.hold, o.cents, o.is_final, len(o.legs)) and all(
        books.transfers.get(key) == (books.accounts[o.giver], books.accounts[taker], cents)
        for key, (taker, cents) in legs.items()
    )


def _is_released(o: Operation, books: Books) -> bool:
    return books.holds[o.key][3] == "released"
