"""Jobs of the ledger: each one verb."""

import structlog
from procrastinate import App

from jobs.retries import TICK
from paya_app import ledger
from paya_app.core.config import settings

log = structlog.get_logger()


def register(app: App) -> None:
    """Make these tasks known to the queue."""
    app.task(name="expire_holds", queue="upkeep", retry=TICK)(expire_holds)
    app.task(name="take_checkpoints", queue="upkeep", retry=TICK)(take_checkpoints)
    app.task(name="reconcile", queue="upkeep", retry=TICK)(reconcile)


async def expire_holds() -> None:
    """Give back what was set aside and never captured in time."""
    await ledger.expire_holds()


async def take_checkpoints() -> None:
    """Keep the sums of the reserve and its like short."""
    await ledger.take_checkpoints()


async def reconcile() -> None:
    """Check what was booked since the last time; what breaks a rule is a case, and said aloud."""
    for finding in await ledger.reconcile(settings().paya_worker_database_url, is_full=False):
        log.error("the ledger breaks a rule", kind=finding.kind, subject=finding.subject, case=str(finding.case_id))
