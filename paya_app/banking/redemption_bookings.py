"""What jobs do with redemptions: send them, and book what the vendor says became of them."""

from uuid import UUID

from paya_app.banking import sending
from paya_app.banking.return_codes import bank_goes
from paya_app.core.as_service import as_service
from paya_app.core.config import settings
from paya_app.providers import dwolla
from paya_app.providers.outcome import Rejected


async def submit_redemption(redemption_id: UUID) -> None:
    """Send a redemption to the vendor, once, whatever happened to earlier tries.

    Raises:
        Retryable: it was not sent.
        Unknown: nobody knows; the next try asks first.
    """
    await sending.send(sending.REDEMPTION, redemption_id)


async def book_redemption(redemption_id: UUID, transfer: dwolla.Transfer) -> None:
    """Book what the vendor says of the transfer that pays a redemption. Raises `Retryable`."""
    booked = {"id": redemption_id, "ref": transfer.id}
    match transfer.status:
        case "failed":
            code = await _why(transfer)
            await as_service(
                "select banking.book_redemption_failed(:id, :ref, :code, false, :goes)",
                **booked,
                code=code,
                goes=bank_goes(code),
            )
        case "cancelled":
            await as_service("select banking.book_redemption_failed(:id, :ref, 'canceled', true)", **booked)
        case "processed":
            await as_service("select banking.book_redemption_paid(:id, :ref)", **booked)
        case _ if await _has_left(transfer):
            await as_service("select banking.book_redemption_debited(:id, :ref)", **booked)
        case _:
            await as_service("select banking.book_redemption_accepted(:id, :ref)", **booked)


async def _has_left(transfer: dwolla.Transfer) -> bool:
    """Whether our money is out of our bank: when the first leg is done, or at once from a balance at the vendor."""
    if transfer.funding_id:
        return (await dwolla.transfer(transfer.funding_id)).status == "processed"
    return (await dwolla.funding_source(settings().dwolla_reserve_source)).type == "balance"


async def _why(transfer: dwolla.Transfer) -> str:
    """The code of the leg that failed: the person's bank refused the money, or ours did not give it."""
    try:
        return await dwolla.return_code(transfer.id)
    except Rejected:
        return "not_funded"
