"""Our fee of a buy, before it is charged."""

from dataclasses import dataclass

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import SignedOut

BPS = 10_000


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """What our fee of a person's buys is.

    Attributes:
        fee_bps: of the amount of a buy, in hundredths of a percent.
        free_left: how many of the next buys, of all their plans together, cost no fee of ours.
    """

    fee_bps: int
    free_left: int

    def charged_cents(self, amount_cents: int) -> int:
        """Our fee of a buy of `amount_cents` that is not free, US cents: halves to the even cent, as it is booked."""
        whole, rest = divmod(amount_cents * self.fee_bps, BPS)
        return whole + (2 * rest > BPS or (2 * rest == BPS and whole % 2 == 1))


async def fee_terms(actor: Actor) -> FeeTerms:
    """What our fee of the actor's next buys is. Raises `SignedOut`."""
    if actor.role != "authenticated":
        raise SignedOut
    value = (await db.query(actor, "select savings.my_fee()"))[0][0]
    return FeeTerms(value["fee_bps"], value["free_left"])
