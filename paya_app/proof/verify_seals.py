"""Every sealed row against its seal, every seal against the one before, the log's nodes against the seals."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from paya_app.proof.changed import EVENT_COLUMNS, TRANSFER_COLUMNS, changed_column
from paya_app.proof.content import Transfer
from paya_app.proof.findings import Report
from paya_app.proof.merkle import Tree, root_of
from paya_app.proof.receipts import Head
from paya_app.proof.rows import Placed, Rows, StoredSeal

_NOTHING = bytes(32)


class _Ahead:
    """An iterator that can be looked into."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._rows = rows
        self.next = next(rows, None)

    def take(self) -> Any:
        """The next row; None at the end."""
        row, self.next = self.next, next(self._rows, None)
        return row

    def below(self, era: int, xid: int) -> list[Any]:
        """The rows up to a transaction, itself not included."""
        taken = []
        while self.next is not None and (self.next.era, self.next.xid) < (era, xid):
            taken.append(self.take())
        return taken


def verify_seals(rows: Rows, report: Report, published: Head | None = None) -> set[object]:
    """Recompute all seals from the rows, and the log's root at the size of a head that was `published`.

    Returns the ids of transfers that are not what was sealed: what else disagrees with them is not to blame.
    """
    key = rows.one("select key from proof.salt_key")
    transfers, events = _Ahead(rows.transfers()), _Ahead(rows.events())
    seals, nodes = _Ahead(rows.seals()), _Ahead(rows.nodes())
    log, changed = Tree(), set()
    before: StoredSeal | None = None
    while seals.next is not None:
        stored: StoredSeal = seals.take()
        upto = _upto(stored, seals.next)
        sealed: list[Placed] = transfers.below(stored.row.era, upto)
        report.count("transfers sealed", len(sealed))
        transfer_count = len(sealed)
        sealed += events.below(stored.row.era, upto)
        report.count("events sealed", len(sealed) - transfer_count)
        leaves = [(placed.row.leaf(key), placed) for placed in sealed]
        expected = _expected(before, stored, (transfer_count, len(sealed) - transfer_count), upto)
        _check_seal(report, stored, seals.next, expected)
        if [leaf for leaf, _ in leaves] != stored.leaves:
            changed |= _blame(rows, report, stored, key, leaves)
        for node in log.add(_true_hash(stored, seals.next)):
            if nodes.take() != node:
                report.find(
                    "proof.node",
                    node[:2],
                    "hash",
                    f"The log's node over seal {stored.row.n} is not what its seals make.",
                )
        if published is not None and published.size == log.size:
            _compare(report, published, log)
        before = stored
    if nodes.next is not None:
        report.find("proof.node", nodes.next[:2], "", "The log has a node that no seal completes.")
    if published is not None and published.size > log.size:
        report.find(
            "proof.seal",
            log.size + 1,
            "",
            f"The published head covers {published.size} seals, and here are only {log.size}.",
        )
    while transfers.take():
        report.count("transfers too new to be sealed")
    while events.take():
        report.count("events too new to be sealed")
    report.counts["seals"], report.root = log.size, log.root()
    return changed


def _compare(report: Report, published: Head, log: Tree) -> None:
    if log.root().hex() != published.log_root:
        report.find(
            "proof.seal",
            log.size,
            "",
            f"The log of {log.size} seals has another root than the published head: history up to there was rewritten.",
        )


def _true_hash(stored: StoredSeal, after: StoredSeal | None) -> bytes:
    """The seal's hash, unless that very column was changed: the seal after it says."""
    made = stored.row.hash()
    return made if after is not None and after.row.previous == made else stored.hash


def _upto(stored: StoredSeal, after: StoredSeal | None) -> int:
    """Where the seal ends, also when that very column was changed."""
    if after is not None and after.row.era == stored.row.era and stored.row.hash() != stored.hash:
        return after.row.xid_from
    return stored.row.xid_upto


def _expected(
    before: StoredSeal | None, stored: StoredSeal, counts: tuple[int, int], upto: int
) -> dict[str, int | bytes]:
    """What a seal says when nothing was changed, by column; `at` alone follows from nothing."""
    row = stored.row
    transfer_count, event_count = counts if sum(counts) == len(stored.leaves) else (row.transfer_count, row.event_count)
    return {
        "n": before.row.n + 1 if before else 1,
        "xid_from": before.row.xid_upto if before and before.row.era == row.era else 0,
        "xid_upto": upto,
        "transfer_count": transfer_count,
        "event_count": event_count,
        "transfer_total": (before.row.transfer_total if before else 0) + transfer_count,
        "event_total": (before.row.event_total if before else 0) + event_count,
        "root": root_of(stored.leaves),
        "previous": _true_hash(before, stored) if before else _NOTHING,
    }


def _check_seal(report: Report, stored: StoredSeal, after: StoredSeal | None, expected: dict[str, int | bytes]) -> None:
    row = stored.row
    wrong = [column for column, value in expected.items() if getattr(row, column) != value]
    if "n" in wrong:
        report.find("proof.seal", expected["n"], "", f"Seal {expected['n']} is gone; the next one is {row.n}.")
    elif row.hash() == stored.hash:
        # as it was made; then only what stands beside it can be wrong, or all of history was made anew
        if "previous" in wrong:
            report.find("proof.seal", row.n, "previous", f"Seal {row.n} does not follow from the seal before it.")
        elif "root" in wrong:
            report.find("proof.seal", row.n, "leaves", f"The leaves kept with seal {row.n} are not those of its root.")
    elif wrong:
        report.find(
            "proof.seal", row.n, wrong[0], f"Seal {row.n} was changed: its {wrong[0]} does not fit what it covers."
        )
    else:
        column = "hash" if after and after.row.previous == row.hash() else "at" if after else "at or hash"
        report.find("proof.seal", row.n, column, f"Seal {row.n} was changed: its hash is not that of its contents.")


def _blame(
    rows: Rows, report: Report, stored: StoredSeal, key: bytes, leaves: list[tuple[bytes, Placed]]
) -> set[object]:
    """Name the rows of a seal that are not what was sealed; returns the ids of the transfers among them."""
    if root_of(stored.leaves) != stored.row.root and root_of([leaf for leaf, _ in leaves]) == stored.row.root:
        return set()  # the rows are right: the leaves kept with the seal were changed, and named already
    kept = Counter(stored.leaves)
    strange = []
    for leaf, placed in leaves:
        if kept[leaf]:
            kept[leaf] -= 1
        else:
            strange.append(placed)
    missing = {leaf for leaf, count in kept.items() if count}
    changed: set[object] = set()
    for placed in strange:
        table, columns = (
            ("ledger.transfer", TRANSFER_COLUMNS)
            if isinstance(placed.row, Transfer)
            else ("events.event", EVENT_COLUMNS)
        )
        row_id = placed.row.id
        if table == "ledger.transfer":
            changed.add(row_id)
        told = changed_column(rows, key, placed.row, missing) if missing else None
        if told:
            column, was, leaf = told
            missing.discard(leaf)
            report.find(
                table,
                row_id,
                column,
                f"{table} {row_id} was changed: its {column} was {was} when seal {stored.row.n} was made.",
            )
        elif missing:
            missing.discard(_likely(stored, missing, is_transfer=table == "ledger.transfer"))
            report.find(
                table, row_id, "", f"{table} {row_id} was changed after seal {stored.row.n} was made: one of {columns}."
            )
        else:
            report.find(table, row_id, "", f"{table} {row_id} was not there when seal {stored.row.n} was made.")
    for leaf in missing:
        place = stored.leaves.index(leaf)
        table = "ledger.transfer" if place < stored.row.transfer_count else "events.event"
        report.find(
            table,
            f"seal {stored.row.n}, place {place}",
            "",
            f"A row of {table} is gone that seal {stored.row.n} covers, at place {place}.",
        )
    if not strange and not missing:
        report.find(
            "proof.seal",
            stored.row.n,
            "",
            f"The rows of seal {stored.row.n} stand in another order: a transaction id was changed.",
        )
    return changed


def _likely(stored: StoredSeal, missing: set[bytes], *, is_transfer: bool) -> bytes:
    """The kept hash that a changed row had, as far as its sort says."""
    fits = [leaf for leaf in missing if (stored.leaves.index(leaf) < stored.row.transfer_count) == is_transfer]
    return (fits or list(missing))[0]
