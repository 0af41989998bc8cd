"""Taking what `realtime.send` left in the outbox, and giving it to a callback, one drainer at a time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import structlog
from psycopg.rows import TupleRow

LOCK_KEY = 0x5061_5961_0001  # one drainer per database: two would split the messages between them
POLL_S = 0.02
POLL_UNWATCHED_S = 0.2
RETRY_S = 0.3
BATCH_MAX = 200

_TAKE = (
    b"delete from realtime._outbox where seq in"
    b" (select seq from realtime._outbox order by seq for update skip locked limit 200) returning seq, body"
)

log = structlog.get_logger()


class Outbox:
    """Drains the outbox while its advisory lock is held."""

    def __init__(
        self,
        database_url: str,
        *,
        deliver: Callable[[dict[str, Any]], Awaitable[None]],
        on_gap: Callable[[], None],
        is_watched: Callable[[], bool],
    ) -> None:
        """`deliver` gets each message in order; `on_gap` is called when messages may have been lost between."""
        self._database_url = database_url
        self._deliver = deliver
        self._on_gap = on_gap
        self._is_watched = is_watched

    async def run(self, stop: asyncio.Event) -> None:
        """Drain until `stop`, over lost connections."""
        had_lock = False
        while not stop.is_set():
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._database_url, autocommit=True, application_name="paya realtime", connect_timeout=3
                ) as connection:
                    await self._wait_for_lock(connection, stop)
                    if had_lock:
                        # what was sent while nobody drained may be gone: the outbox is unlogged
                        self._on_gap()
                    had_lock = True
                    await self._drain(connection, stop)
            except psycopg.OperationalError as error:
                log.warning("realtime lost its database, trying again", error=str(error).strip())
                await _pause(stop, RETRY_S)

    async def _wait_for_lock(self, connection: psycopg.AsyncConnection[TupleRow], stop: asyncio.Event) -> None:
        while not stop.is_set():
            row = await (await connection.execute("select pg_try_advisory_lock(%s)", (LOCK_KEY,))).fetchone()
            if row and row[0]:
                return
            await _pause(stop, RETRY_S)

    async def _drain(self, connection: psycopg.AsyncConnection[TupleRow], stop: asyncio.Event) -> None:
        while not stop.is_set():
            rows = await (await connection.execute(_TAKE, prepare=True)).fetchall()
            for _, message in sorted(rows, key=lambda row: row[0]):
                await self._deliver(message)
            if len(rows) < BATCH_MAX:
                await _pause(stop, POLL_S if self._is_watched() else POLL_UNWATCHED_S)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
