"""What a bitcoin cost day by day: fetched from the exchange by a job and kept, so that no page asks a vendor."""

from dataclasses import dataclass
from datetime import date

import structlog

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.providers import exchange

ASKED_DAYS = 719  # as many as the exchange tells of

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Day:
    """A whole day (UTC) of prices of a whole bitcoin, in US cents. Made up, when `is_synthetic`."""

    day: date
    open_cents: int
    high_cents: int
    low_cents: int
    close_cents: int
    is_synthetic: bool


async def keep_candles() -> int:
    """Fetch and keep the days that the exchange tells of, unless yesterday is kept already; returns how many changed.

    Raises:
        Retryable, Rejected: the exchange does not tell.
    """
    if not await as_service("select savings.needs_candles()"):
        return 0
    told = await exchange.daily_candles(ASKED_DAYS)
    kept = await as_service(
        "select savings.keep_candles(cast(:days as date[]), cast(:opens as bigint[]), cast(:highs as bigint[]),"
        " cast(:lows as bigint[]), cast(:closes as bigint[]), cast(:synthetic as boolean[]))",
        days=[each.day for each in told],
        opens=[each.open_cents for each in told],
        highs=[each.high_cents for each in told],
        lows=[each.low_cents for each in told],
        closes=[each.close_cents for each in told],
        synthetic=[each.is_synthetic for each in told],
    )
    log.info("daily prices are kept", told=len(told), changed=kept)
    return kept


async def candles(actor: Actor, days: int) -> list[Day]:
    """The newest `days` days that are kept, the oldest of them first."""
    rows = await db.query(actor, "select * from savings.candles(:maximum)", {"maximum": days})
    return [Day(*row) for row in rows]
