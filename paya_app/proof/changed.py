"""Which column of a row was changed, found by putting back what other rows still say.

A seal keeps the hash that the row had. Each guess (the amount that the entry has, the moment that the entry has,
…) is put into the row and hashed: when that gives the kept hash, column and old value are proven.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

from paya_app.proof.content import Event, Transfer
from paya_app.proof.rows import Rows

TRANSFER_COLUMNS = "at, effective_at, from_account, from_seq, to_account, to_seq, amount, kind or ref"
EVENT_COLUMNS = "at, actor, kind, subject, version or payload"


def changed_column(
    rows: Rows, key: bytes, row: Transfer | Event, hashes: set[bytes]
) -> tuple[str, object, bytes] | None:
    """The changed column, what it held, and the hash that proves it; None when no guess fits one of `hashes`."""
    guesses = _of_transfer(rows, row) if isinstance(row, Transfer) else _of_event(rows, row)
    for column, value in guesses:
        leaf = replace(row, **{column: value}).leaf(key)
        if leaf in hashes:
            return column.removesuffix("_us"), value, leaf
    return None


def _of_transfer(rows: Rows, row: Transfer) -> Iterator[tuple[str, object]]:
    for entry in rows.entries_of(row.id):
        yield "amount", abs(entry.amount)
        yield from (("at_us", entry.at_us), ("effective_at_us", entry.at_us))
        side = "from" if entry.amount < 0 else "to"
        yield from ((f"{side}_account", entry.account), (f"{side}_seq", entry.seq))
    yield from (("id", transfer_id) for transfer_id in _entries_at(rows, row))
    yield from (("effective_at_us", row.at_us), ("at_us", row.effective_at_us), ("ref", None))
    yield from (("kind", kind) for kind in _all(rows, "select distinct kind from ledger.transfer"))
    yield from (("ref", ref) for ref in _all(rows, "select distinct ref from ledger.hold where ref is not null"))
    yield from (("from_account", n) for n in _all(rows, "select id from ledger.account where is_summing"))
    yield from (("to_account", n) for n in _all(rows, "select id from ledger.account where is_summing"))


def _of_event(rows: Rows, row: Event) -> Iterator[tuple[str, object]]:
    yield from (("version", version) for version in range(1, 100))
    yield from (("kind", kind) for kind in _all(rows, "select distinct kind::text from events.event"))
    yield "actor", None
    named = "select v.value from events.event e, jsonb_each_text(e.payload) v where e.id = %s and v.key like '%%_id'"
    yield from (("actor", UUID(person)) for person in _all(rows, named, row.id))


def _entries_at(rows: Rows, row: Transfer) -> list[UUID]:
    statement = "select transfer_id from ledger.entry where (account_id, seq) in ((%s, %s), (%s, %s))"
    return _all(rows, statement, row.from_account, row.from_seq, row.to_account, row.to_seq)


def _all(rows: Rows, statement: str, *parameters: object) -> list[Any]:
    return [row[0] for row in rows.all(statement, *parameters)]
