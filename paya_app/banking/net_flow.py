"""What came in from banks and went out to them, day by day: read from the events."""

from dataclasses import dataclass
from datetime import date

from paya_app.core import db
from paya_app.core.actor import Actor


@dataclass(frozen=True, slots=True)
class DayFlow:
    """One day in New York, in US cents; `net_cents` is what of it stayed here."""

    day: date
    loaded_cents: int
    taken_back_cents: int
    redeemed_cents: int
    sent_back_cents: int
    net_cents: int


async def net_flow(since: date, until: date) -> list[DayFlow]:
    """Each day with a movement, from `since` to `until`, both included."""
    rows = await db.query(
        Actor.service(), "select * from banking.net_flow(:since, :until)", {"since": since, "until": until}
    )
    return [DayFlow(*row) for row in rows]
