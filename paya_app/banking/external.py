"""Reconciliation with the vendor, and whether the bank holds enough: asked of Dwolla, kept as cases."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from paya_app.banking.differences import Compared, Difference, Movement, balance_difference, compare
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.config import settings
from paya_app.providers import dwolla

# A debit may come back until sixty days after it settled; the rest is for bank days, and for a run that failed.
COMPARED_DAYS = 90
LOOKS_MAX = 3

log = structlog.get_logger()

_SENTENCES = {
    "bank_transfer_missing_there": "{subject} is in our books, and Dwolla has no such transfer.",
    "bank_transfer_missing_here": "{subject} is at Dwolla, and not in our books.",
    "bank_transfer_wrong_amount": "{subject} has another amount at Dwolla.",
    "bank_transfer_wrong_state": "{subject} has come to another end at Dwolla.",
    "bank_balance_wrong": "Dwolla and our bank together hold another amount than our books say.",
    "backing_short": "Our bank confirms less than what is out.",
}


@dataclass(frozen=True, slots=True)
class ExternalFinding:
    """One difference with its open case; `is_new` when this run opened it."""

    kind: str
    subject: str
    evidence: Mapping[str, Any]
    case_id: UUID
    is_new: bool

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self) | {"case_id": str(self.case_id)}

    @property
    def sentence(self) -> str:
        """What people read."""
        said = _SENTENCES[self.kind].format(subject=self.subject.replace(":", " ").capitalize())
        seen = ", ".join(
            f"{name.replace('_', ' ')} {value}" for name, value in self.evidence.items() if value is not None
        )
        return f"{said} Seen: {seen}. Case {self.case_id}{'' if self.is_new else ', open already'}."


@dataclass(frozen=True, slots=True)
class _Look:
    compared: Compared
    differences: list[Difference]
    balances: list[dwolla.Balance]
    owed_before_cents: int

    @property
    def total_cents(self) -> int:
        return sum(each.cents for each in self.balances)


async def reconcile_external() -> list[ExternalFinding]:
    """Compare our books of bank transfers with Dwolla's, and the reserve with what it and our bank hold.

    What moves while one looks differs for a moment, so a difference counts when a second look sees it too. Each has
    its one case from then on; one that is gone closes it.

    Raises:
        Retryable: Dwolla does not answer, or not in a way that can be read; nothing was compared.
        Rejected: it does not tell what our bank holds.
    """
    began_at = datetime.now(UTC)
    since = await as_service("select banking.compared_since(:days)", days=COMPARED_DAYS)
    look = await _look(since)
    for _ in range(LOOKS_MAX - 1):
        if not look.differences:
            break
        again = await _look(since)
        still = {each.key for each in look.differences} & {each.key for each in again.differences}
        agreed = [each for each in again.differences if each.key in still]
        is_settled = len(agreed) == len(again.differences)
        look = _Look(again.compared, agreed, again.balances, again.owed_before_cents)
        if is_settled:
            break
    rows = await db.query(
        Actor.service(),
        "select kind, subject, evidence, case_id, is_new from banking.book_differences("
        "cast(:differences as jsonb), :since, :began, :transfers, :flying)",
        {
            "differences": json.dumps(
                [{"kind": d.kind, "subject": d.subject, "evidence": d.evidence} for d in look.differences]
            ),
            "since": since,
            "began": began_at,
            "transfers": look.compared.transfer_count,
            "flying": look.compared.in_flight_count,
        },
    )
    short = await _confirm(
        look.balances, look.compared.in_flight_cents, owed_before_cents=look.owed_before_cents, is_full=True
    )
    return [ExternalFinding(*row) for row in rows] + short


async def _look(since: datetime) -> _Look:
    owed_before_cents = await _owed_cents(is_full=True)
    before = await _ours(since, [])
    listed = await dwolla.list_transfers((since - timedelta(days=1)).date())
    balances = await dwolla.our_balances(settings().dwolla_reserve_source)
    later = await _ours(since, [each.transfer.id for each in listed])
    compared = compare(_movements(before), listed, later=_movements(later))
    total_cents = sum(each.cents for each in balances)
    off = balance_difference(later["reserve_cents"], total_cents, compared)
    return _Look(compared, compared.differences + off, balances, owed_before_cents)


async def check_backing() -> list[ExternalFinding]:
    """Ask the bank what it holds, keep that, and see whether it covers what is out. Raises as `reconcile_external`."""
    owed_before_cents = await _owed_cents(is_full=False)
    balances = await dwolla.our_balances(settings().dwolla_reserve_source)
    pending = await dwolla.list_transfers(status="pending")
    refs = [ref for each in pending for ref in (each.transfer.id, each.transfer.funding_id) if ref]
    ours = {each.vendor_ref: each for each in _movements(await _ours(datetime.now(UTC), refs))}
    in_flight_cents = 0
    for each in pending:
        if each.direction == "within" and each.transfer.funding_id in ours:
            # out of their bank, and on its way into ours
            in_flight_cents += each.transfer.amount_cents
        elif each.direction == "out" and each.transfer.id in ours:
            # out of our bank and burned, and on its way into theirs
            in_flight_cents -= ours[each.transfer.id].booked_cents
    return await _confirm(balances, in_flight_cents, owed_before_cents=owed_before_cents, is_full=False)


async def _confirm(
    balances: list[dwolla.Balance], in_flight_cents: int, *, owed_before_cents: int, is_full: bool
) -> list[ExternalFinding]:
    total_cents = sum(each.cents for each in balances)
    parts = [{"source": b.source_id, "type": b.type, "cents": b.cents, "as_of": b.as_of.isoformat()} for b in balances]
    rows = await db.query(
        Actor.service(),
        "select short_cents, case_id, is_new from banking.confirm_reserve("
        ":confirmed, :flying, :as_of, cast(:parts as jsonb), :before, :is_full)",
        {
            "confirmed": total_cents - in_flight_cents,
            "flying": in_flight_cents,
            "as_of": min(each.as_of for each in balances),
            "parts": json.dumps(parts),
            "before": owed_before_cents,
            "is_full": is_full,
        },
    )
    short_cents, case_id, is_new = tuple(rows[0])
    if not short_cents:
        return []
    finding = ExternalFinding(
        "backing_short",
        "account:reserve",
        {"short_cents": short_cents, "confirmed_cents": total_cents - in_flight_cents},
        case_id,
        is_new,
    )
    if is_new:
        log.error("the bank confirms less than what is out", short_cents=short_cents, case=str(case_id))
    return [finding]


async def _owed_cents(*, is_full: bool) -> int:
    return await as_service("select uncleared_cents + circulation_cents from banking.liabilities(:full)", full=is_full)


async def _ours(since: datetime, refs: list[str]) -> dict[str, Any]:
    return await as_service("select banking.our_movements(:since, :refs)", since=since, refs=refs)


def _movements(ours: Mapping[str, Any]) -> Iterable[Movement]:
    names = ("id", "kind", "state", "vendor_ref", "amount_cents", "is_followed")
    return [Movement(*(each[name] for name in names)) for each in ours["movements"]]
