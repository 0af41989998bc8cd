"""Jobs of the risk rules: each one verb."""

import structlog
from procrastinate import App

from jobs.retries import TICK
from paya_app import risk

log = structlog.get_logger()


def register(app: App) -> None:
    """Make these tasks known to the queue."""
    app.task(name="raise_flags", queue="upkeep", retry=TICK)(raise_flags)


async def raise_flags() -> None:
    """Look at what was paid since the last time; what is odd is a case for somebody to look at."""
    for flag in await risk.raise_flags():
        log.warning("a flag was raised", kind=flag.kind, case=str(flag.case_id))
