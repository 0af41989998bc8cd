"""The relay: places new events in one sequence, and tells realtime what changed.

One sequencer polls; the database does the rest (`events.advance`, `feed.announce`). Each step is one
transaction that moves a cursor together with its effect, so that a crash repeats and loses nothing, and of
several relays each event still has one place and one message.
"""

import asyncio
import contextlib

import psycopg
import structlog

from paya_app.core.config import settings
from paya_app.events.restored import refuse_restored

POLL_S = 0.03
# After a quiet while it looks a little less often: 1 % of a core instead of 1.6.
QUIET_AFTER_S = 2.0
POLL_QUIET_S = 0.045
RETRY_S = 0.3
# What another relay placed and did not live to announce is found this late at most.
CATCH_UP_S = 1.0
BATCH_MAX = 100
ADVANCE = b"select events.advance()"
# One statement each, called about once per POLL_S with news; its result is how many events it handed on.
CONSUMERS = (b"select feed.announce(%s)",)

log = structlog.get_logger()


async def run(stop: asyncio.Event) -> None:
    """Relay events until `stop`, over lost connections.

    Raises:
        RecordRestored: the database was restored and not rebased since.
    """
    while not stop.is_set():
        try:
            async with await psycopg.AsyncConnection.connect(
                settings().paya_worker_database_url, autocommit=True, application_name="paya relay", connect_timeout=3
            ) as connection:
                await refuse_restored(connection)
                await _relay(connection, stop)
        except psycopg.Error as error:
            log.warning("the relay was interrupted, going on", error=str(error).strip())
            await _pause(stop, RETRY_S)


async def rebase(database_url: str) -> int:
    """Open a new era of the record after a restore, as paya_worker; returns its number. PaYa is stopped meanwhile."""
    async with await psycopg.AsyncConnection.connect(
        database_url, autocommit=True, application_name="paya rebase", connect_timeout=3
    ) as connection:
        return await _number(connection, b"select events.rebase()")


async def _relay(connection: psycopg.AsyncConnection, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    catch_up_at = news_at = loop.time()
    while not stop.is_set():
        placed = await _number(connection, ADVANCE)
        if placed or loop.time() >= catch_up_at:
            for consumer in CONSUMERS:
                while await _number(connection, consumer, BATCH_MAX) == BATCH_MAX:
                    pass
            catch_up_at = loop.time() + CATCH_UP_S
        news_at = loop.time() if placed else news_at
        await _pause(stop, POLL_QUIET_S if loop.time() - news_at > QUIET_AFTER_S else POLL_S)


async def _number(connection: psycopg.AsyncConnection, statement: bytes, *parameters: int) -> int:
    row = await (await connection.execute(statement, parameters, prepare=True)).fetchone()
    assert row is not None  # noqa: S101 - a select of one function has one row
    return int(row[0])


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
