"""The worker: takes jobs from the queue and does them. Run as many as needed, anywhere."""

import asyncio
import contextlib

import structlog

CONCURRENCY = 10
POLL_S = 0.4
HEARTBEAT_S = 2.0
DEAD_AFTER_S = 6.0
FINISH_S = 10.0
RETRY_S = 1.0

log = structlog.get_logger()


async def run(stop: asyncio.Event) -> None:
    """Work until `stop`, over lost connections; jobs under way get ten seconds to end.

    Raises:
        paya_app.events.errors.RecordRestored: the database was restored and not rebased since.
    """
    import procrastinate.exceptions
    import psycopg
    import psycopg_pool

    lost = (procrastinate.exceptions.ConnectorException, psycopg.OperationalError, psycopg_pool.PoolTimeout, OSError)
    while not stop.is_set():
        try:
            await _work(stop)
        except lost as error:
            log.warning("the worker lost the database, going on", error=str(error).strip() or type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S):
                    await stop.wait()


async def _work(stop: asyncio.Event) -> None:
    from jobs import webhooks
    from jobs.app import queue
    from paya_app import banking
    from paya_app.core import db
    from paya_app.events.errors import RecordRestored
    from paya_app.providers import dwolla, exchange

    app = queue()
    try:
        async with app.open_async():
            await banking.use_environment()
            # asked over each connection that was lost: the database behind the new one may be a copy
            if (await app.connector.execute_query_one_async("select events.is_restored() as it_is"))["it_is"]:
                raise RecordRestored
            # notices must reach us from the first load on; the timetable looks after it from then on
            await app.connector.execute_query_async(
                "select jobs.enqueue('banking', 'subscribe', '{}', 'tick:subscribe')"
            )
            working = asyncio.create_task(
                app.run_worker_async(
                    concurrency=CONCURRENCY,
                    listen_notify=False,
                    fetch_job_polling_interval=POLL_S,
                    update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=DEAD_AFTER_S,
                    shutdown_graceful_timeout=FINISH_S,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                )
            )
            telling = asyncio.create_task(webhooks.run(stop))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            working.cancel()
            try:
                with contextlib.suppress(asyncio.CancelledError):
                    await working
                if stop.is_set():
                    await asyncio.wait({telling}, timeout=FINISH_S)
            finally:
                telling.cancel()
                await asyncio.wait({telling})
    finally:
        dwolla.close()
        exchange.close()
        await db.dispose()
