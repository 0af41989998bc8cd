"""Jobs of savings: each one verb."""

import structlog
from procrastinate import App

from jobs.retries import TICK
from paya_app import savings

QUEUE = "savings"

log = structlog.get_logger()


def register(app: App) -> None:
    """Make these tasks known to the queue."""
    app.task(name="schedule_ahead", queue=QUEUE, retry=TICK)(schedule_ahead)


async def schedule_ahead() -> None:
    """Keep buys ahead of every plan; those whose time passed while nobody worked are skipped, and said aloud."""
    await savings.schedule_ahead()
    missed = await savings.skip_missed()
    if missed:
        log.warning("buys were missed", count=missed)
