"""Which vendors are down, for pages and `/v1/health`; and asking whether they are back."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.providers.outcome import ProviderFailure

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outage:
    """A vendor whose breaker is open, and since when."""

    vendor: str
    since: datetime


async def outages() -> list[Outage]:
    """Every vendor that does not answer now."""
    rows = await db.query(Actor.visitor(), "select vendor, down_since from providers.degraded()")
    return [Outage(*row) for row in rows]


async def probe() -> int:
    """Ask every vendor that is down and whose time has come whether it is back; returns how many answered.

    A cheap question that moves no money. The breaker lets one caller through, so asking often is harmless.
    """
    from paya_app.providers import dwolla, exchange, plaid

    pings = {"dwolla": dwolla.ping, "kraken": exchange.ping, "plaid": plaid.ping}
    answered = 0
    for outage in await outages():
        try:
            if outage.vendor in pings:
                await pings[outage.vendor]()
                answered += 1
        except ProviderFailure as failure:
            log.info("a vendor is still down", vendor=outage.vendor, why=str(failure.args[0]))
    return answered
