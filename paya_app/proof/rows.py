"""The rows that verification reads, streamed in their order from one snapshot of the database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from paya_app.proof.content import Event, Seal, Transfer

PAGE_ROWS = 2000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# one list of columns in two statements
_TRANSFER = "t.id, t.at, t.effective_at, t.from_account, t.from_seq, t.to_account, t.to_seq, t.amount, t.kind, t.ref"
_TRANSFERS = f"""
select t.era, t.xid::text::bigint, {_TRANSFER} from ledger.transfer t order by t.era, t.xid, t.id"""  # noqa: S608
_MOVEMENTS = f"""
select t.era, t.xid::text::bigint, {_TRANSFER},
  t.from_seq is null or coalesce(f.transfer_id = t.id, false),
  t.to_seq is null or coalesce(r.transfer_id = t.id, false),
  a.asset::text, b.asset::text
from ledger.transfer t
left join ledger.entry f on f.account_id = t.from_account and f.seq = t.from_seq
left join ledger.entry r on r.account_id = t.to_account and r.seq = t.to_seq
left join ledger.account a on a.id = t.from_account and a.is_summing = (t.from_seq is null)
left join ledger.account b on b.id = t.to_account and b.is_summing = (t.to_seq is null)
order by t.era, t.xid, t.id"""  # noqa: S608
_EVENTS = """
select e.era, e.xid::text::bigint, e.id, e.at, e.actor, e.kind::text, e.subject, e.version, e.payload::text
from events.event e order by e.era, e.xid, e.id"""
_SEALS = """
select n, era, xid_from::text::bigint, xid_upto::text::bigint, transfer_count, event_count, transfer_total, event_total,
  root, previous, at, hash, leaves
from proof.seal order by n"""
_NODES = "select level, index, hash from proof.node order by (index + 1) << level, level"
_ENTRIES = """
select e.account_id, e.seq, e.transfer_id, e.amount, e.balance_after, e.at,
  t.id, t.from_account, t.from_seq, t.to_account, t.to_seq, t.amount, t.at
from ledger.entry e left join ledger.transfer t on t.id = e.transfer_id order by e.account_id, e.seq"""
_ACCOUNTS = """
select a.id, a.asset::text, a.is_summing, a.balance, a.held, a.seq, coalesce(h.held, 0)
from ledger.account a
left join (
  select account_id, sum(amount - captured)::bigint as held from ledger.hold where state = 'open' group by account_id
) h on h.account_id = a.id order by a.id"""
_SUMS = """
select s.era, s.xid::text::bigint, s.account_id, sum(s.amount)::bigint, sum(s.transfer_count)::bigint
from ledger.sum_entry s group by s.era, s.xid, s.account_id order by s.era, s.xid, s.account_id"""
# Those of an era that a restore ended are behind nothing any more, and what was booked before the rebase may lie below
# their marks.
_CHECKPOINTS = """
select c.account_id, c.era, c.upto::text::bigint, c.balance from ledger.checkpoint c
where c.era = (select max(k.era) from ledger.checkpoint k where k.account_id = c.account_id)
order by c.era, c.upto, c.account_id"""


@dataclass(frozen=True, slots=True)
class Placed:
    """A transfer or an event, and where it stands."""

    era: int
    xid: int
    row: Transfer | Event


@dataclass(frozen=True, slots=True)
class Movement:
    """A transfer beside what else was written with it; an asset is None when no such account of that sort is there."""

    era: int
    xid: int
    row: Transfer
    has_from_entry: bool
    has_to_entry: bool
    from_asset: str | None
    to_asset: str | None


@dataclass(frozen=True, slots=True)
class StoredSeal:
    """A seal with the hash and the leaves that are kept with it."""

    row: Seal
    hash: bytes
    leaves: list[bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry beside the transfer that it names; `transfer` is (from, from_seq, to, to_seq, amount, at_us)."""

    account: int
    seq: int
    transfer_id: UUID
    amount: int
    balance_after: int
    at_us: int
    transfer: tuple[int, int | None, int, int | None, int, int] | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account's row, and what its open holds set aside."""

    id: int
    asset: str
    is_summing: bool
    balance: int
    held: int
    seq: int
    open_holds: int


def microseconds(at: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def _transfer(row: tuple[Any, ...]) -> Transfer:
    id_, at, effective_at, *rest = row
    return Transfer(id_, microseconds(at), microseconds(effective_at), *rest)


def _entry(row: tuple[Any, ...]) -> Entry:
    account, seq, transfer_id, amount, after, at, known, *sides, other_amount, other_at = row
    transfer = None if known is None else (*sides, other_amount, microseconds(other_at))
    return Entry(account, seq, transfer_id, amount, after, microseconds(at), transfer)


class Rows:
    """Streams over one repeatable-read snapshot; each may be open beside the others."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("set transaction isolation level repeatable read read only")
        connection.execute("set local time zone 'UTC'")
        self._connection = connection

    def one(self, statement: str, *parameters: object) -> Any:
        """The first column of the first row, or None."""
        row = self._connection.execute(statement.encode(), parameters or None).fetchone()
        return row[0] if row else None

    def all(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """A few rows at once."""
        return self._connection.execute(statement.encode(), parameters or None).fetchall()

    def transfers(self) -> Iterator[Placed]:
        """By era, transaction and id."""
        return self._stream("transfers", _TRANSFERS, lambda row: Placed(row[0], row[1], _transfer(row[2:])))

    def movements(self) -> Iterator[Movement]:
        """Transfers with what belongs to them, by era, transaction and id."""
        return self._stream(
            "movements", _MOVEMENTS, lambda row: Movement(row[0], row[1], _transfer(row[2:12]), *row[12:])
        )

    def events(self) -> Iterator[Placed]:
        """By era, transaction and id."""

        def made(row: tuple[Any, ...]) -> Placed:
            era, xid, id_, at, *rest = row
            return Placed(era, xid, Event(id_, microseconds(at), *rest))

        return self._stream("events", _EVENTS, made)

    def entries_of(self, transfer_id: UUID) -> list[Entry]:
        """The entries that name this transfer; reads the whole table."""
        statement = _ENTRIES.replace("order by", "where e.transfer_id = %s order by")
        return [_entry(row) for row in self.all(statement, transfer_id)]

    def seals(self) -> Iterator[StoredSeal]:
        """By number."""

        def made(row: tuple[Any, ...]) -> StoredSeal:
            *fields, at, hash_, leaves = row
            parts = [leaves[i : i + 32] for i in range(0, len(leaves), 32)]
            return StoredSeal(Seal(*fields, at_us=microseconds(at)), hash_, parts)

        return self._stream("seals", _SEALS, made, page=4)

    def nodes(self) -> Iterator[tuple[int, int, bytes]]:
        """(level, index, hash), in the order in which a growing log completes them."""
        return self._stream("nodes", _NODES, lambda row: row)

    def entries(self) -> Iterator[Entry]:
        """By account and seq."""
        return self._stream("entries", _ENTRIES, _entry)

    def accounts(self) -> Iterator[Account]:
        """By id."""
        return self._stream("accounts", _ACCOUNTS, lambda row: Account(*row))

    def sums(self) -> Iterator[tuple[int, int, int, int, int]]:
        """(era, xid, account, amount, transfers) of summing accounts, by transaction."""
        return self._stream("sums", _SUMS, lambda row: row)

    def checkpoints(self) -> Iterator[tuple[int, int, int, int]]:
        """(account, era, upto, balance), by era and mark."""
        return self._stream("checkpoints", _CHECKPOINTS, lambda row: row)

    def _stream(
        self, name: str, statement: str, made: Callable[[tuple[Any, ...]], Any], *, page: int = PAGE_ROWS
    ) -> Iterator[Any]:
        with self._connection.cursor(name=f"verify_{name}") as cursor:
            cursor.itersize = page
            cursor.execute(statement.encode())
            for row in cursor:
                yield made(row)
