"""Entries against transfers, accounts against entries, summing accounts against their sums, from the rows alone."""

from collections import defaultdict
from collections.abc import Iterator

from paya_app.proof.findings import Report
from paya_app.proof.rows import Account, Entry, Movement, Rows

Sums = dict[int, tuple[int, int]]


def verify_ledger(rows: Rows, report: Report, changed: set[object]) -> None:
    """Check every invariant of the ledger. Transfers in `changed` are named already, and blame no entry."""
    totals: dict[str, int] = defaultdict(int)
    assets = _verify_accounts(rows, report, changed, totals)
    _verify_movements(rows, report, changed, assets, totals)
    for asset, total in totals.items():
        if total and not report.findings:
            report.find("ledger.account", asset, "balance", f"All {asset} accounts together hold {total}, not 0.")


def _verify_accounts(rows: Rows, report: Report, changed: set[object], totals: dict[str, int]) -> dict[int, str]:
    """Chains of entries, and the account rows that end them; returns the assets of the summing accounts."""
    entries = rows.entries()
    entry: Entry | None = next(entries, None)
    assets: dict[int, str] = {}
    for account in rows.accounts():
        report.count("accounts")
        if account.is_summing:
            assets[account.id] = account.asset
        while entry and entry.account < account.id:
            report.find(
                "ledger.entry",
                f"({entry.account}, {entry.seq})",
                "account_id",
                "An entry of an account that is not there.",
            )
            entry = next(entries, None)
        seq = balance = 0
        while entry and entry.account == account.id:
            report.count("entries")
            seq, balance = _follow(report, changed, entry, seq, balance)
            entry = next(entries, None)
        _check_head(report, account, seq, balance)
        totals[account.asset] += account.balance
    return assets


def _follow(report: Report, changed: set[object], entry: Entry, seq: int, balance: int) -> tuple[int, int]:
    """One entry after another of the same account; returns seq and balance as they should be after it."""
    place = f"({entry.account}, {entry.seq})"
    if entry.seq != seq + 1:
        report.find(
            "ledger.entry",
            f"({entry.account}, {seq + 1})",
            "",
            f"Entry {seq + 1} of account {entry.account} is gone; the next is {entry.seq}.",
        )
        return entry.seq, entry.balance_after
    amount = entry.amount
    if entry.transfer is None:
        report.find(
            "ledger.entry",
            place,
            "transfer_id",
            f"Entry {place} names transfer {entry.transfer_id}, which is not there.",
        )
    elif entry.transfer_id not in changed:
        giver, giver_seq, taker, taker_seq, transferred, at_us = entry.transfer
        if (entry.account, entry.seq) not in ((giver, giver_seq), (taker, taker_seq)):
            report.find(
                "ledger.entry",
                place,
                "transfer_id",
                f"Entry {place} names transfer {entry.transfer_id}, which does not touch it.",
            )
        else:
            amount = -transferred if entry.account == giver else transferred
            if entry.amount != amount:
                report.find(
                    "ledger.entry",
                    place,
                    "amount",
                    f"Entry {place} says {entry.amount}, its transfer {entry.transfer_id} says {amount}.",
                )
            if entry.at_us != at_us:
                report.find(
                    "ledger.entry",
                    place,
                    "at",
                    f"Entry {place} has another time than its transfer {entry.transfer_id}.",
                )
    if entry.balance_after != balance + amount:
        report.find(
            "ledger.entry",
            place,
            "balance_after",
            f"Entry {place} leaves {entry.balance_after}, but {balance} and {amount} make {balance + amount}.",
        )
    return entry.seq, balance + amount


def _check_head(report: Report, account: Account, seq: int, balance: int) -> None:
    for column, value, expected in (
        ("seq", account.seq, seq),
        ("balance", account.balance, balance),
        ("held", account.held, account.open_holds),
    ):
        if value != expected:
            whence = "its open holds" if column == "held" else "its entries"
            report.find(
                "ledger.account",
                account.id,
                column,
                f"The {column} of account {account.id} is {value}; {whence} make it {expected}.",
            )


def _verify_movements(
    rows: Rows, report: Report, changed: set[object], assets: dict[int, str], totals: dict[str, int]
) -> None:
    """Both sides of each transfer are written, and each summing account's rows are the sum of its transfers."""
    sums, checkpoints = rows.sums(), rows.checkpoints()
    written, mark = next(sums, None), next(checkpoints, None)
    balances: dict[int, int] = defaultdict(int)
    for (era, xid), expected in _by_transaction(rows.movements(), report, changed):
        while written and written[:2] <= (era, xid):
            while mark and mark[1:3] <= written[:2]:
                _check_mark(report, mark, balances)
                mark = next(checkpoints, None)
            account, amount, count = written[2:]
            wanted = expected.pop(account, (0, 0)) if written[:2] == (era, xid) else (0, 0)
            if (amount, count) != wanted:
                _blame_sum(report, written[:3], (amount, count), wanted)
            balances[account] += amount
            written = next(sums, None)
        for account, wanted in expected.items():
            _blame_sum(report, (era, xid, account), (0, 0), wanted)
    while written:
        _blame_sum(report, written[:3], written[3:], (0, 0))
        written = next(sums, None)
    while mark:
        _check_mark(report, mark, balances)
        mark = next(checkpoints, None)
    for account, asset in assets.items():
        totals[asset] += balances[account]


def _by_transaction(
    movements: Iterator[Movement], report: Report, changed: set[object]
) -> Iterator[tuple[tuple[int, int], Sums]]:
    """For each transaction what its transfers add to summing accounts: amount and number of transfers."""
    current: tuple[int, int] | None = None
    expected: Sums = {}
    for movement in movements:
        report.count("transfers")
        if current != (movement.era, movement.xid):
            if current:
                yield current, expected
            current, expected = (movement.era, movement.xid), {}
        row = movement.row
        if row.id not in changed:
            _check_sides(report, movement)
        for account, seq, amount in (
            (row.from_account, row.from_seq, -row.amount),
            (row.to_account, row.to_seq, row.amount),
        ):
            if seq is None:
                known = expected.get(account, (0, 0))
                expected[account] = (known[0] + amount, known[1] + 1)
    if current:
        yield current, expected


def _check_sides(report: Report, movement: Movement) -> None:
    row = movement.row
    for side, account, seq, has_entry, asset in (
        ("from", row.from_account, row.from_seq, movement.has_from_entry, movement.from_asset),
        ("to", row.to_account, row.to_seq, movement.has_to_entry, movement.to_asset),
    ):
        if not has_entry:
            report.find(
                "ledger.entry",
                f"({account}, {seq})",
                "",
                f"Transfer {row.id} has no entry on account {account} at {seq}.",
            )
        if asset is None:
            report.find(
                "ledger.transfer",
                row.id,
                f"{side}_account",
                f"Transfer {row.id} names account {account}, which is not there or of another sort.",
            )
    if movement.from_asset != movement.to_asset and movement.from_asset and movement.to_asset:
        report.find(
            "ledger.transfer",
            row.id,
            "",
            f"Transfer {row.id} joins accounts of {movement.from_asset} and {movement.to_asset}.",
        )


def _blame_sum(report: Report, place: tuple[int, int, int], found: tuple[int, int], wanted: tuple[int, int]) -> None:
    era, xid, account = place
    column = "transfer_count" if found[0] == wanted[0] else "amount"
    report.find(
        "ledger.sum_entry",
        f"account {account}, transaction {xid} of era {era}",
        column,
        f"Summing account {account} has {found[0]} of {found[1]} transfers from transaction {xid}; "
        f"the transfers make it {wanted[0]} of {wanted[1]}.",
    )


def _check_mark(report: Report, mark: tuple[int, int, int, int], balances: dict[int, int]) -> None:
    account, era, upto, balance = mark
    if balances[account] != balance:
        report.find(
            "ledger.checkpoint",
            f"account {account}, below {upto} of era {era}",
            "balance",
            f"The checkpoint of account {account} says {balance}; what came before makes {balances[account]}.",
        )
