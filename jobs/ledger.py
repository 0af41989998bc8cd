"""Jobs of the ledger: each one verb."""

from procrastinate import App

from jobs.retries import TICK
from paya_app import ledger


def register(app: App) -> None:
    """Make these tasks known to the queue."""
    app.task(name="expire_holds", queue="upkeep", retry=TICK)(expire_holds)
    app.task(name="take_checkpoints", queue="upkeep", retry=TICK)(take_checkpoints)


async def expire_holds() -> None:
    """Give back what was set aside and never captured in time."""
    await ledger.expire_holds()


async def take_checkpoints() -> None:
    """Keep the sums of the reserve and its like short."""
    await ledger.take_checkpoints()
