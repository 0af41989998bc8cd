"""What a worker does for webhooks beside its jobs: it follows events and sends what is due.

No job of the queue: a receiver may take 15 seconds to answer, and must not hold a place that a bank transfer waits for.
"""

import asyncio

import structlog

from jobs.retries import reason
from paya_app import webhooks

RETRY_S = 1.0

log = structlog.get_logger()


async def run(stop: asyncio.Event) -> None:
    """Send webhooks until `stop`; a fault of ours is said, and ends neither this nor the worker."""
    while not stop.is_set():
        try:
            await webhooks.work(stop)
        except Exception as error:  # noqa: BLE001 - the worker's jobs go on, and so does this
            log.error("webhooks failed, going on", error=reason(error))
            await asyncio.sleep(RETRY_S)
