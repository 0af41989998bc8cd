"""What jobs do: send loads to the vendor, ask it what became of what it was sent, and book the answer.

Whatever reached us out of order, twice or not at all, the end is the same: a notice only makes us ask, and a
booking does what is missing.
"""

from typing import Any
from uuid import UUID

import structlog

from paya_app.banking import sending
from paya_app.banking.bank_days import after_bank_days
from paya_app.banking.disputes import disputes
from paya_app.banking.errors import TransferMismatch
from paya_app.banking.loads import held_for
from paya_app.banking.redemption_bookings import book_redemption
from paya_app.banking.return_codes import bank_goes, is_denied
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.config import settings
from paya_app.core.errors import PayaError
from paya_app.core.ids import parse_id
from paya_app.providers import dwolla
from paya_app.providers.outcome import Rejected

STALE_AT_ONCE = 100

log = structlog.get_logger()


async def receive_notice(notice: dwolla.Notice) -> bool:
    """Keep a verified notice and enqueue the asking, in one transaction. False when it was known."""
    return await as_service(
        "select banking.receive_event(:id, :topic, :resource)",
        id=notice.id,
        topic=notice.topic,
        resource=notice.resource_id,
    )


async def submit_load(load_id: UUID) -> None:
    """Send a load to the vendor, once, whatever happened to earlier tries.

    Raises:
        Retryable: it was not sent.
        Unknown: nobody knows; the next try asks first.
    """
    await sending.send(sending.LOAD, load_id)


async def follow_transfer(transfer_id: str) -> None:
    """Ask the vendor about a transfer that something happened to, and book what it says.

    Raises:
        Retryable: the vendor does not answer.
        Disputed: it is not what was asked for; nothing is booked until somebody looked.
    """
    try:
        transfer = await dwolla.transfer(transfer_id)
        operation = await _operation_of(transfer)
        if operation is None:
            log.info("a transfer that is none of ours", transfer=transfer.id)
            return
        # a load is told of by its first leg, out of the person's bank; a redemption by its second, into it
        is_payout = operation["kind"] == "redemption"
        leg_id = transfer.funded_id if is_payout else transfer.funding_id
        if leg_id:
            transfer = await dwolla.transfer(leg_id)
    except Rejected as refusal:
        log.warning("the vendor knows no such transfer", transfer=transfer_id, code=refusal.code)
        return
    moves = transfer.status not in ("failed", "cancelled")
    async with disputes(UUID(operation["id"]), transfer.id):
        if transfer.amount_cents != operation["amount_cents"] or (moves and operation["is_unsent"]):
            raise TransferMismatch
        await (book_redemption if is_payout else _book)(UUID(operation["id"]), transfer)


async def _operation_of(transfer: dwolla.Transfer) -> dict[str, Any] | None:
    """The operation, id and kind, that this transfer or the other leg of it was made for."""
    found = await _made_for(transfer)
    for leg_id in (transfer.funding_id, transfer.funded_id):
        if found is None and leg_id:
            found = await _made_for(await dwolla.transfer(leg_id))
    return found


async def _made_for(transfer: dwolla.Transfer) -> dict[str, Any] | None:
    return await as_service(
        "select banking.operation_of(:ref, :correlation)",
        ref=transfer.id,
        correlation=parse_id(transfer.correlation_id),
    )


async def ask_about_operation(operation_id: UUID) -> None:
    """Ask the vendor about an operation that it accepted. Raises `Retryable` when it does not answer."""
    vendor_ref = await as_service("select banking.vendor_ref_of(:id)", id=operation_id)
    if vendor_ref:
        await follow_transfer(vendor_ref)


async def _book(load_id: UUID, transfer: dwolla.Transfer) -> None:
    match transfer.status:
        case "failed":
            code = await dwolla.return_code(transfer.id)
            await as_service(
                "select banking.book_failed(:id, :ref, :code, false, :goes, :denied)",
                id=load_id,
                ref=transfer.id,
                code=code,
                goes=bank_goes(code),
                denied=is_denied(code),
            )
        case "cancelled":
            await as_service("select banking.book_failed(:id, :ref, 'canceled', true)", id=load_id, ref=transfer.id)
        case "processed" if await _has_arrived(transfer):
            policy = await as_service(
                "select banking.hold_bank_days(:environment)", environment=settings().dwolla_environment
            )
            hold = held_for(policy)
            # by the database's clock, as everything that is due; without a hold at the moment of booking
            clears_at = after_bank_days(await as_service("select banking.moment()"), hold) if hold else None
            await as_service(
                "select banking.book_settled(:id, :ref, :clears_at)",
                id=load_id,
                ref=transfer.id,
                clears_at=clears_at,
            )
        case _:
            await as_service("select banking.book_accepted(:id, :ref)", id=load_id, ref=transfer.id)


async def _has_arrived(transfer: dwolla.Transfer) -> bool:
    """Whether the money is in our bank, and not only out of theirs: then the second leg is processed too."""
    if transfer.funded_id:
        return (await dwolla.transfer(transfer.funded_id)).status == "processed"
    # no second leg: it is still to be made, unless our money stays in a balance at the vendor
    return (await dwolla.funding_source(settings().dwolla_reserve_source)).type == "balance"


async def follow_source(vendor_id: str) -> None:
    """Ask the vendor about a bank that something happened to, and note what it says. Raises `Retryable`."""
    try:
        found = await dwolla.funding_source(vendor_id)
    except Rejected as refusal:
        log.warning("the vendor knows no such bank", code=refusal.code)
        return
    state = "removed" if found.removed else found.status
    if state in ("unverified", "verified", "removed"):
        await as_service("select banking.book_source_state(:vendor, :state)", vendor=vendor_id, state=state)
    await as_service(
        "select banking.book_correction(:vendor, :kind, :name)", vendor=vendor_id, kind=found.kind, name=found.bank_name
    )


async def ask_about_stale() -> int:
    """Enqueue a question about every operation that nobody heard of for too long; returns how many."""
    return await as_service("select banking.ask_about_stale(:maximum)", maximum=STALE_AT_ONCE)


async def clear_due() -> int:
    """Mint every settled load whose hold is over, each in its own transaction; returns how many."""
    rows = await db.query(Actor.service(), "select banking.due_to_clear(:maximum)", {"maximum": STALE_AT_ONCE})
    cleared = 0
    for (load_id,) in rows:
        try:
            cleared += bool(await as_service("select banking.book_cleared(:id)", id=load_id))
        except PayaError as refusal:
            log.error("a load could not be cleared", load=str(load_id), code=refusal.code)
    return cleared


async def subscribe() -> None:
    """Have the vendor's notices sent to us. Raises `Retryable` or `Unknown`; doing it again is safe."""
    the = settings()
    await dwolla.ensure_subscription(f"{the.public_url}/hooks/dwolla", the.dwolla_webhook_secret.get_secret_value())
