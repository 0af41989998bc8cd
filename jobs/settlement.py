"""What the payments sandbox does by the clock: settlements and all else that falls due; what is kept no longer."""

import structlog
from procrastinate import App

from jobs.retries import TICK
from paya_app import charges

QUEUE = "upkeep"

log = structlog.get_logger()


def register(app: App) -> None:
    """Make these tasks known to the queue."""
    for task in (advance_charges, sweep_sandbox):
        app.task(name=task.__name__, queue=QUEUE, retry=TICK)(task)


async def advance_charges() -> None:
    """Settle, refund, decide and expire what is due in each account."""
    done = await charges.advance_all()
    if done:
        log.info("charges fell due", count=done)


async def sweep_sandbox() -> None:
    """Forget charges of the sandbox that nobody touched for as long as they are kept."""
    removed = await charges.sweep()
    if removed:
        log.info("sandbox charges are kept no longer", count=removed)
