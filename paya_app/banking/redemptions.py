"""Having money paid from the wallet to a bank, and seeing where it is."""

from datetime import datetime
from uuid import UUID

from paya_app.banking.errors import RedemptionAmountInvalid
from paya_app.banking.models import Redemption, RedemptionLimits
from paya_app.banking.redemption_stages import paid_at, redemption_from
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.clock import now
from paya_app.core.config import settings
from paya_app.core.errors import SignedOut
from paya_app.core.money import CENTS_MAX

PAGE_MAX = 50


async def start_redemption(actor: Actor, *, redemption_id: UUID, source_id: UUID, amount_cents: int) -> Redemption:
    """Have `amount_cents` (US cents, > 0) paid from the actor's wallet to their bank `source_id`.

    The hold on the money, the redemption, what is asked of the vendor, the job and the event commit together.
    Starting again with the same `redemption_id` returns the first redemption.

    Raises:
        RedemptionAmountInvalid: below the least, and not all that is there.
        RedemptionLimit: which limit, what is left, when there is more.
        RedemptionUncovered: the wallet holds less than `amount_cents`.
        NotFound: no such bank, or somebody else's.
        RedemptionBankUnconfirmed: the bank was not confirmed yet.
        RedemptionAccountUnavailable: the wallet cannot give money.
        RedemptionKeyReused: `redemption_id` was used for another transfer.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    if not isinstance(amount_cents, int) or isinstance(amount_cents, bool) or not 0 < amount_cents <= CENTS_MAX:
        raise RedemptionAmountInvalid
    rows = await db.query(
        actor,
        "select banking.start_redemption(:id, :source, :cents)",
        {"id": redemption_id, "source": source_id, "cents": amount_cents},
    )
    return redemption_from(rows[0][0])


async def redemption(actor: Actor, redemption_id: UUID) -> Redemption | None:
    """One redemption of the actor, or None when there is none or it is somebody else's."""
    if actor.role != "authenticated":
        return None
    rows = await db.query(actor, "select banking.my_redemption(:id)", {"id": redemption_id})
    return redemption_from(rows[0][0]) if rows[0][0] else None


async def redemptions(actor: Actor, *, before: datetime | None = None, limit: int = PAGE_MAX) -> list[Redemption]:
    """The actor's redemptions, newest first, at most 50, started before `before`."""
    if actor.role != "authenticated":
        return []
    rows = await db.query(
        actor,
        "select r from banking.my_redemptions(:before, :maximum) r",
        {"before": before, "maximum": max(1, min(limit, PAGE_MAX))},
    )
    return [redemption_from(row[0]) for row in rows]


async def redemption_limits(actor: Actor) -> RedemptionLimits | None:
    """What the actor may redeem; None before a handle was claimed."""
    if actor.role != "authenticated":
        return None
    rows = await db.query(actor, "select * from banking.my_redemption_limits()")
    return RedemptionLimits(*rows[0]) if rows else None


def redemption_expectation() -> datetime:
    """When the bank has what is asked for now."""
    return paid_at(now())


async def use_environment() -> None:
    """Tell the database whether the vendor moves test money or real money: the rules for new accounts differ."""
    the = settings()
    is_real = "production" in (the.dwolla_environment, the.paya_env)
    await as_service("select banking.use_environment(:environment)", environment="production" if is_real else "sandbox")
