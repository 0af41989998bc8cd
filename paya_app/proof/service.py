"""The public head, and one's own receipts, as the database gives them."""

from typing import Any
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound


async def head(size: int | None = None) -> dict[str, Any]:
    """The head of the log of seals as it is now, or as it was at `size` seals.

    Raises:
        NotFound: the log never had this size.
    """
    rows = await db.query(Actor.visitor(), "select proof.head(cast(:size as bigint))", {"size": size})
    if rows[0][0] is None:
        raise NotFound(what="head")
    return rows[0][0]


async def receipt(actor: Actor, payment_id: UUID) -> dict[str, Any]:
    """What proves one of the actor's own payments, sent or received, against the head of this moment.

    Raises:
        NotFound: there is no such payment, or it is others'.
        NotSealedYet: it is younger than the newest seal.
        SignedOut: nobody is signed in.
    """
    rows = await db.query(actor, "select proof.my_receipt(:id)", {"id": payment_id})
    return rows[0][0]
