"""What a person may still send."""

from dataclasses import dataclass
from datetime import datetime

from paya_app.core import db
from paya_app.core.actor import Actor


@dataclass(frozen=True, slots=True)
class SendLimits:
    """Used and maximum per rolling window; `*_resets_at` is set only while a window is full.

    `recipients_*` count the different people paid in 24 hours; whoever is among them can be paid again.
    """

    single_max_cents: int
    hour_max: int
    hour_used: int
    hour_resets_at: datetime | None
    day_max: int
    day_used: int
    day_resets_at: datetime | None
    recipients_max: int
    recipients_used: int
    recipients_reset_at: datetime | None

    @property
    def left(self) -> int:
        """How many payments may still be sent now."""
        return max(0, min(self.hour_max - self.hour_used, self.day_max - self.day_used))


async def send_limits(actor: Actor) -> SendLimits:
    """The actor's own limits."""
    rows = await db.query(actor, "select * from wallet.my_send_limits()")
    return SendLimits(*rows[0])
