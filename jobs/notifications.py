"""Jobs of notifications: each one verb."""

from uuid import UUID

import structlog
from procrastinate import App

from jobs.retries import NOTICE, TICK
from paya_app import notifications

QUEUE = "notifications"

log = structlog.get_logger()


def register(app: App) -> None:
    """Make these tasks known to the queue, by the names that SQL writes."""
    app.task(name="follow_events", queue=QUEUE, retry=TICK)(follow_events)
    app.task(name="deliver_notice", queue=QUEUE, retry=NOTICE)(deliver_notice)


async def follow_events() -> None:
    """Make the notices of what happened since."""
    await notifications.follow()


async def deliver_notice(delivery_id: str) -> None:
    """Send one notice, at most once."""
    await notifications.deliver(UUID(delivery_id))
