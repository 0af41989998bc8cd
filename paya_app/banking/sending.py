"""Sending one operation to the vendor, once, whatever happened to earlier tries.

An outcome that nobody knows is asked for before anything is sent again, and what is sent again carries the same
idempotency key.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from paya_app.banking.disputes import disputes
from paya_app.core.as_service import as_service
from paya_app.core.config import settings
from paya_app.providers import dwolla
from paya_app.providers.outcome import Rejected, Retryable, Unknown

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kind:
    """The database's functions for one kind of operation, and which way its money goes."""

    claim: str
    accepted: str
    failed: str
    is_payout: bool


LOAD = Kind("banking.claim_load", "banking.book_accepted", "banking.book_failed", is_payout=False)
REDEMPTION = Kind(
    "banking.claim_redemption",
    "banking.book_redemption_accepted",
    "banking.book_redemption_failed",
    is_payout=True,
)


async def send(kind: Kind, operation_id: UUID) -> None:
    """Send an operation that was not accepted yet.

    Raises:
        Retryable: it was not sent.
        Unknown: nobody knows; the next try asks first.
        Disputed: the vendor has it twice.
    """
    order = await as_service(f"select {kind.claim}(:id)", id=operation_id)
    if order is None or order["state"] != "submitted":
        return
    try:
        vendor_ref = await _sent_before(kind, operation_id, order) or await _create(kind, operation_id, order)
    except Rejected as refusal:
        log.info("the vendor refused an operation", operation=str(operation_id), code=refusal.code, path=refusal.path)
        await as_service(f"select {kind.failed}(:id, null, :code)", id=operation_id, code=refusal.code)
        return
    except (Retryable, Unknown) as failure:
        await as_service(
            "select banking.note_attempt(:id, :error, :unsent)",
            id=operation_id,
            error=failure.reason,
            unsent=isinstance(failure, Retryable),
        )
        raise
    async with disputes(operation_id, vendor_ref):
        await as_service(f"select {kind.accepted}(:id, :ref)", id=operation_id, ref=vendor_ref)


async def _sent_before(kind: Kind, operation_id: UUID, order: dict[str, Any]) -> str | None:
    """What the vendor calls this operation, if an earlier try got through to it."""
    if order["is_first"]:
        return None
    try:
        found = await dwolla.find_transfer(order["customer_vendor_id"], str(operation_id), is_payout=kind.is_payout)
    except Rejected as refusal:
        # who does not tell what they have has not said that they have nothing
        raise Unknown(f"not_told:{refusal.code}", is_outage=False) from refusal
    return found.id if found else None


async def _create(kind: Kind, operation_id: UUID, order: dict[str, Any]) -> str:
    theirs, ours = order["source_vendor_id"], settings().dwolla_reserve_source
    return await dwolla.create_transfer(
        source_id=ours if kind.is_payout else theirs,
        destination_id=theirs if kind.is_payout else ours,
        amount_cents=order["amount_cents"],
        correlation_id=str(operation_id),
        key=order["idempotency_key"],
    )
