"""Jobs of the vendors' health: each one verb."""

from procrastinate import App

from jobs.retries import TICK
from paya_app.providers import health


def register(app: App) -> None:
    """Make these tasks known to the queue."""
    app.task(name="probe_vendors", queue="upkeep", retry=TICK)(probe_vendors)


async def probe_vendors() -> None:
    """Ask those who are down whether they are back."""
    await health.probe()
