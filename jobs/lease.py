"""Leadership: of several schedulers one turns the timetable into jobs, and notices when it no longer does.

The lock is a Postgres advisory lock, held by a session of its own. The session beats four times a second; a
beat that takes too long ends the leadership by hanging up the socket. Never by cancelling the waiting call:
over a dead network the driver would wait for its own cancelling, and the leader would not learn for ten
seconds that another one leads. The server ends a silent session by itself after two seconds.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable

import psycopg

from paya_app.core.config import settings

LOCK = 815001
BEAT_EVERY_S = 0.25
BEAT_WITHIN_S = 0.7
SERVER_PATIENCE_MS = 2000


class Lost(Exception):
    """The lease cannot be kept: the connection is gone or too slow."""


class Lease:
    """The session that leads. One statement at a time."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self.connection = connection
        self._one = asyncio.Lock()

    @classmethod
    async def take(cls) -> "Lease | None":
        """The lease, or None while somebody else holds it.

        Raises:
            psycopg.Error: the database does not answer.
        """
        options = " ".join(
            f"-c{name}={SERVER_PATIENCE_MS}"
            for name in ("idle_session_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        )
        connection = await psycopg.AsyncConnection.connect(
            settings().paya_worker_database_url,
            autocommit=True,
            application_name="paya scheduler",
            options=options,
            connect_timeout=3,
            keepalives=1,
            keepalives_idle=1,
            keepalives_interval=1,
            keepalives_count=2,
            tcp_user_timeout=1500,
        )
        try:
            row = await (await connection.execute("select pg_try_advisory_lock(%s)", (LOCK,))).fetchone()
        except BaseException:
            await connection.close()
            raise
        if row and row[0]:
            return cls(connection)
        await connection.close()
        return None

    async def run(self, statement: str, *parameters: object) -> bool:
        """The first column of a statement's row, as the leader.

        Raises:
            Lost: it did not answer in time, or the connection is gone; there is no leading any more.
        """
        async with self._one:
            if self.connection.closed:
                raise Lost
            try:
                return await self._within(BEAT_WITHIN_S, self._value(statement, parameters))
            except psycopg.Error as error:
                await self.connection.close()
                raise Lost from error

    async def _value(self, statement: str, parameters: tuple[object, ...]) -> bool:
        row = await (await self.connection.execute(statement.encode(), parameters)).fetchone()
        return bool(row and row[0])

    async def _within(self, seconds: float, work: Awaitable[bool]) -> bool:
        task = asyncio.ensure_future(work)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            with socket.socket(fileno=os.dup(self.connection.fileno())) as held:
                held.shutdown(socket.SHUT_RDWR)
        return await task

    async def beat(self, over: asyncio.Event) -> None:
        """Show life until `over`.

        Raises:
            Lost: as in `run`.
        """
        while not over.is_set():
            await self.run("select true")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_EVERY_S):
                    await over.wait()

    async def close(self) -> None:
        """Let another one lead."""
        await self.connection.close()
