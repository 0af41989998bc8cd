"""Canceling a load or a redemption: at once while it was not sent, otherwise by asking the vendor to stop it."""

from typing import Literal
from uuid import UUID

from paya_app.banking.bookings import follow_transfer
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.errors import SignedOut
from paya_app.providers import dwolla
from paya_app.providers.outcome import Retryable

Canceled = Literal["canceled", "asked"]


async def cancel(actor: Actor, operation_id: UUID) -> Canceled:
    """Cancel the actor's load or redemption: `canceled` when it was not sent, `asked` when the bank decides.

    Raises:
        CancelTooLate: the banks have begun, or it is over.
        NotFound: no such load or redemption, or somebody else's.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    rows = await db.query(actor, "select banking.cancel(:id)", {"id": operation_id})
    return rows[0][0]


async def cancel_transfer(operation_id: UUID) -> None:
    """Ask the vendor to stop what its owner canceled, and book what became of it. Asking again is harmless.

    Raises:
        Retryable: the vendor does not answer, or it is not known yet whether it has the transfer.
        Unknown: nobody knows whether it stopped it.
    """
    asked = await as_service("select banking.claim_cancel(:id)", id=operation_id)
    if asked is None:
        return
    if asked["state"] == "submitted":
        raise Retryable("not_known_yet")
    if asked["state"] != "pending":
        return
    is_stopped = await dwolla.cancel_transfer(asked["vendor_ref"])
    await follow_transfer(asked["vendor_ref"])
    if not is_stopped:
        await as_service("select banking.note_cancel_refused(:id)", id=operation_id)
