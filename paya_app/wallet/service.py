"""Sending, and reading one's own payments."""

from datetime import datetime
from uuid import UUID

from paya_app import identity
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.errors import AmountInvalid, AudienceInvalid, HandleInvalid, PersonNotFound, SignedOut
from paya_app.core.money import CENTS_MAX
from paya_app.core.text import clean_note
from paya_app.identity.people import Person
from paya_app.wallet import batcher
from paya_app.wallet.models import Audience, Balance, Direction, Payment

PAGE_MAX = 50


async def send(actor: Actor, *, payment_id: UUID, to: str, amount_cents: int, note: str, audience: Audience) -> Payment:
    """Send `amount_cents` (US cents, > 0) from the actor's wallet to the person called `to`.

    `to` is a handle, with or without @, or a US phone number. The transfer, the payment and its event commit
    together, in one round trip. Sending again with the same `payment_id` returns the first payment.

    Raises:
        AmountInvalid, NoteInvalid, AudienceInvalid: not of the form.
        PersonNotFound: nobody is called `to`.
        SelfPayment: `to` is the actor.
        LimitExceeded: which limit, and when it resets.
        InsufficientFunds: the wallet holds less than `amount_cents`.
        AccountUnavailable: one of the two wallets cannot take part.
        KeyReused: `payment_id` was used for another payment.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated" or actor.user_id is None:
        raise SignedOut
    if not isinstance(amount_cents, int) or isinstance(amount_cents, bool) or not 0 < amount_cents <= CENTS_MAX:
        raise AmountInvalid(sentence="Not sent. Choose an amount above $0.00.")
    if audience not in ("private", "public"):
        raise AudienceInvalid(amount_cents=amount_cents)
    order = batcher.Order(
        sender=actor.user_id,
        claims=actor.claims_json,
        payment_id=payment_id,
        to=await _handle_of(actor, to, amount_cents),
        amount_cents=amount_cents,
        note=clean_note(note),
        audience=audience,
    )
    return Payment.from_json(
        await (batcher.here().send(order) if settings().paya_send_batching else batcher.send_one(order))
    )


async def _handle_of(actor: Actor, to: str, amount_cents: int) -> str:
    """The handle to pay. Only a phone number costs a trip of its own, because its look-up must be counted."""
    try:
        return identity.normalize_handle(to)
    except HandleInvalid:
        found = await identity.find(actor, to)
        if found is None:
            raise PersonNotFound(to=to if isinstance(to, str) else "that", amount_cents=amount_cents) from None
        return found.handle


async def balance(actor: Actor) -> Balance:
    """The actor's wallet; zero before a handle was claimed."""
    rows = await db.query(actor, "select available_cents, held_cents from wallet.my_balance()")
    return Balance(*rows[0]) if rows else Balance(0, 0)


async def payments(
    actor: Actor,
    *,
    before: tuple[datetime, UUID] | None = None,
    limit: int = PAGE_MAX,
    direction: Direction | None = None,
    sought: str = "",
) -> list[Payment]:
    """The actor's payments, newest first, at most 50, before the payment at `before` (its time and id).

    `sought` finds names, handles and notes that contain it.
    """
    sought = sought.replace("\x00", "").strip()[:100]
    pattern = "%" + sought.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%" if sought else None
    rows = await db.query(
        actor,
        "select wallet.my_payments(:before, :before_id, :maximum, :direction, :sought)",
        {
            "before": before[0] if before else None,
            "before_id": before[1] if before else None,
            "maximum": max(1, min(limit, PAGE_MAX)),
            "direction": direction,
            "sought": pattern,
        },
    )
    return [Payment.from_json(row[0]) for row in rows]


async def payment(actor: Actor, payment_id: UUID) -> Payment | None:
    """One payment of the actor, or None when there is none or it is between others."""
    if actor.role != "authenticated":
        return None
    rows = await db.query(actor, "select wallet.my_payment(:id)", {"id": payment_id})
    return Payment.from_json(rows[0][0]) if rows and rows[0][0] else None


async def set_audience(actor: Actor, payment_id: UUID, audience: Audience) -> Payment:
    """Set the actor's side of a payment's audience; private on either side hides it everywhere.

    Raises:
        NotFound: no such payment, or between others.
        AudienceInvalid: neither private nor public.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    rows = await db.query(actor, "select wallet.set_audience(:id, :audience)", {"id": payment_id, "audience": audience})
    return Payment.from_json(rows[0][0])


async def recent_people(actor: Actor, limit: int = 8) -> list[Person]:
    """Whom the actor paid, the latest first."""
    if actor.role != "authenticated":
        return []
    sql = "select id, handle, name, is_demo, created_at from wallet.recent_people(:maximum)"
    return [Person(*row) for row in await db.query(actor, sql, {"maximum": limit})]
