"""Is PaYa there, does its database answer, and is somebody at work behind it?"""

from datetime import UTC

from fastapi import APIRouter

from paya_app.api.bearers import problems
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.providers.health import Outage, outages

# A worker shows a sign of life every 2 s, the scheduler sets something going every 5 s.
WORKER_SILENT_S = 10
SCHEDULER_SILENT_S = 20

WAITING = {
    "dwolla": "money to and from banks is queued and goes out in order when it answers; people can pay.",
    "plaid": "no bank can be linked; banks that are linked work.",
    "kraken": "buying bitcoin waits, as long as each plan says; everything else goes on.",
    "twilio": "texts go another way where one is set up, and wait otherwise.",
    "smtp": "notices by e-mail wait; everything else goes on.",
    "push": "push notices wait; everything else goes on.",
}

router = APIRouter(tags=["Health"], responses=problems(503))


@router.get("/v1/health", operation_id="readHealth")
async def health() -> dict[str, str]:
    """`{"status": "ok"}` when all is well, a 503 problem when the database does not answer.

    `{"status": "degraded", "detail": …}` says what waits while the worker, the scheduler or a vendor is silent: people
    are served all the same, so the answer is a 200 and no reason to take the app out of service.
    """
    (row,) = await db.query(Actor.service(), "select * from jobs.signs_of_life()")
    troubles = _worker(row.worker_silent_s) + _scheduler(row.scheduler_silent_s)
    troubles += [_vendor(outage) for outage in await outages()]
    return {"status": "degraded", "detail": " ".join(troubles)} if troubles else {"status": "ok"}


@router.get("/v1/health/vendors", operation_id="listSilentVendors")
async def vendors() -> dict[str, dict[str, str]]:
    """`{"down": {"dwolla": "2026-11-21T10:00:00+00:00"}}`: every vendor that does not answer, and since when."""
    return {"down": {outage.vendor: outage.since.isoformat() for outage in await outages()}}


def _worker(silent_s: float | None) -> list[str]:
    if silent_s is not None and silent_s <= WORKER_SILENT_S:
        return []
    since = "No worker runs" if silent_s is None else f"No worker was heard of for {silent_s:.0f} s"
    return [f"{since}: people can pay, money from banks waits. Nothing is lost; look at the log of `paya worker`."]


def _scheduler(silent_s: float | None) -> list[str]:
    if silent_s is not None and silent_s <= SCHEDULER_SILENT_S:
        return []
    since = "No scheduler runs" if silent_s is None else f"No scheduler was heard of for {silent_s:.0f} s"
    return [f"{since}: what is due by the clock waits. Nothing is lost; look at the log of `paya scheduler`."]


def _vendor(outage: Outage) -> str:
    waits = WAITING.get(outage.vendor, "What needs it waits.")
    return f"{outage.vendor} has not answered since {outage.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {waits}"
