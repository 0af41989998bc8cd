"""The sealer: once a second it has the database seal what is new. Of several, one works at a time."""

import asyncio
import contextlib

import psycopg
import structlog

from paya_app.core.config import settings
from paya_app.events.errors import RecordRestored

EVERY_S = 1.0
RETRY_S = 0.5
NEXT = b"select proof.seal_next()"

log = structlog.get_logger()


async def run(stop: asyncio.Event) -> None:
    """Seal until `stop`, over lost connections; after a time without a sealer it catches up at once.

    Raises:
        RecordRestored: the database was restored and not rebased since.
    """
    while not stop.is_set():
        try:
            async with await psycopg.AsyncConnection.connect(
                settings().paya_worker_database_url, autocommit=True, application_name="paya sealer", connect_timeout=3
            ) as connection:
                while not stop.is_set():
                    # a backlog comes in pieces: no rest between them
                    while await _seal(connection) and not stop.is_set():
                        pass
                    await _pause(stop, EVERY_S)
        except psycopg.Error as error:
            if error.diag.message_primary == "record_restored":
                restored = RecordRestored()
                log.error(str(restored))
                raise restored from error
            log.warning("the sealer was interrupted, going on", error=str(error).strip())
            await _pause(stop, RETRY_S)


async def _seal(connection: psycopg.AsyncConnection) -> int:
    """How many rows the next seal covers; 0 when nothing is due, or another sealer is at it."""
    row = await (await connection.execute(NEXT, prepare=True)).fetchone()
    assert row is not None  # noqa: S101 - a select of one function has one row
    return int(row[0])


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
