"""The scheduler: turns the timetable into jobs while it leads, and runs the relay and the sealer beside it.

A line is set going by inserting its tick, unique by line and due time, and enqueuing its job in the same
transaction: of two who think that they lead, one inserts. A tick means "do everything that is due", so a new
leader begins with one tick of each line and has caught up.
"""

import asyncio
import contextlib
import os
import socket
from datetime import UTC, datetime

import structlog

from jobs.lease import Lease, Lost
from jobs.schedule import TIMETABLE, Line

RETRY_S = 0.5
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

log = structlog.get_logger()


async def run(stop: asyncio.Event) -> None:
    """Schedule, relay and seal until `stop`.

    Raises:
        paya_app.events.errors.RecordRestored: the database was restored and not rebased since.
    """
    from paya_app.events import relay
    from paya_app.events.errors import RecordRestored
    from paya_app.proof import sealer

    try:
        async with asyncio.TaskGroup() as group:
            # whether we lead or not: each keeps its own order among several
            group.create_task(relay.run(stop))
            group.create_task(sealer.run(stop))
            group.create_task(_schedule(stop))
    except ExceptionGroup as ended:
        if ended.subgroup(RecordRestored):
            raise RecordRestored from ended
        raise


async def _schedule(stop: asyncio.Event) -> None:
    import psycopg

    while not stop.is_set():
        try:
            lease = await Lease.take()
            if lease is not None:
                try:
                    await _lead(lease, stop)
                finally:
                    await lease.close()
        except (Lost, psycopg.Error, OSError) as error:
            log.warning("no longer the leading scheduler", why=type(error.__cause__ or error).__name__)
        await _pause(stop, RETRY_S)


async def _lead(lease: Lease, stop: asyncio.Event) -> None:
    """Keep the timetable until `stop` or until the lease is lost.

    Raises:
        Lost: the lease is.
    """
    from apscheduler.schedulers.asyncio import AsyncIOScheduler
    from apscheduler.triggers.interval import IntervalTrigger

    log.info("leading scheduler")
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def set_going(line: Line) -> None:
        try:
            await tick(lease, line)
        except Lost as error:
            if not lost.done():
                lost.set_exception(error)

    for line in TIMETABLE:
        await tick(lease, line)
    clock = AsyncIOScheduler(timezone=UTC)
    for line in TIMETABLE:
        clock.add_job(
            set_going,
            IntervalTrigger(seconds=line.every_s, start_date=_EPOCH, timezone=UTC),
            args=[line],
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    clock.start()
    over = asyncio.Event()
    beating = asyncio.create_task(lease.beat(over))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({lost, beating, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        clock.shutdown(wait=False)
        stopping.cancel()
        over.set()
        with contextlib.suppress(Lost):
            await beating
    if lost.done():
        lost.result()
    if not stop.is_set():
        raise Lost


async def tick(lease: Lease, line: Line) -> bool:
    """Set a line going for the period that has begun; False when it was already.

    Raises:
        Lost: the lease is.
    """
    by = f"{socket.gethostname()}:{os.getpid()}"
    return await lease.run(
        "select jobs.tick_now(%s::text, %s::int, %s::text, %s::text, %s::text)",
        line.task,
        line.every_s,
        line.queue,
        line.task,
        by,
    )


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
