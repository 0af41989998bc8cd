"""One worker's connection, which tells apart what is known of a statement's outcome from what is not."""

import asyncio
import contextlib
import json
import os
import random
import socket
import time
from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg
from psycopg.rows import tuple_row

from paya_app.core.errors import BY_CONSTRAINT, SQLSTATE

CONNECT_S_MAX = 3
# The server said that it undid the statement, and asking again is the right answer to it.
PASSING = {"40P01", "57014", "53300", "55P03"}


class Refused(Exception):
    """The database said no, by a code of `private.refuse` or by a constraint that means one."""

    def __init__(self, code: str, facts: dict[str, Any]) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


class Undone(Exception):
    """The server said that it undid the statement, without refusing it (a deadlock, a time-out)."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(f"{sqlstate} {message}")
        self.sqlstate = sqlstate


class Unknown(Exception):
    """The answer was lost: the statement may have been committed, and `process` may still be at it."""

    def __init__(self, process: int, why: str) -> None:
        super().__init__(why)
        self.process = process


class OutOfTime(Exception):
    """The run is over and the database still cannot be reached."""


class Client:
    """A connection in AUTOCOMMIT, made again whenever it was lost."""

    def __init__(self, address: str, *, deadline: "Deadline", chance: random.Random) -> None:
        self.address, self.deadline, self.chance = address, deadline, chance
        self.hung_up = 0
        self.reconnects = 0
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def ask(self, sql: LiteralString, params: Sequence[Any], *, patience_s: float) -> list[tuple[Any, ...]]:
        """The rows of one statement.

        It is never cancelled: after `patience_s` seconds the socket is hung up, as a client does that gives up.

        Raises:
            Refused, Undone: it certainly changed nothing.
            Unknown: nobody said.
            OutOfTime: there was no connection until the deadline.
        """
        connection = await self._connected()
        process = connection.pgconn.backend_pid
        asking = asyncio.ensure_future(_rows(connection, sql, params))
        try:
            done, _ = await asyncio.wait({asking}, timeout=patience_s)
            if not done:
                self.hung_up += 1
                _hang_up(connection)
            return await asking
        except psycopg.Error as error:
            raise await self._meaning(error, process) from error
        finally:
            if not asking.done():  # the run itself was cancelled
                _hang_up(connection)
                with contextlib.suppress(psycopg.Error):
                    await asking

    async def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _meaning(self, error: psycopg.Error, process: int) -> Exception:
        said = error.diag
        if said.severity_nonlocalized == "ERROR":
            if said.constraint_name in BY_CONSTRAINT:
                return Refused(BY_CONSTRAINT[said.constraint_name], {})
            if said.sqlstate == SQLSTATE:
                return Refused(said.message_primary or "", json.loads(said.message_detail or "{}"))
            return Undone(said.sqlstate or "", said.message_primary or "")
        await self.close()
        return Unknown(process, said.message_primary or str(error))

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        while self._connection is None or self._connection.closed:
            if self.deadline.is_over():
                raise OutOfTime
            try:
                self._connection = await psycopg.AsyncConnection.connect(
                    self.address, autocommit=True, prepare_threshold=None, connect_timeout=CONNECT_S_MAX
                )
            except psycopg.OperationalError:
                await asyncio.sleep(0.02 + 0.06 * self.chance.random())
            else:
                self.reconnects += 1
        return self._connection


class Deadline:
    """The moment until which outcomes are sought, known only when the run ends."""

    at: float | None = None

    def set_in(self, seconds: float) -> None:
        """From now on, this many seconds are left."""
        self.at = time.monotonic() + seconds

    def is_over(self) -> bool:
        """Whether it has passed."""
        return self.at is not None and time.monotonic() > self.at


async def _rows(connection: psycopg.AsyncConnection[Any], sql: LiteralString, params: Sequence[Any]) -> list[Any]:
    cursor = await connection.cursor(row_factory=tuple_row).execute(sql, params)
    return await cursor.fetchall()


def _hang_up(connection: psycopg.AsyncConnection[Any]) -> None:
    """End the conversation under the driver, which would otherwise ask the server to cancel."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as line:
        line.shutdown(socket.SHUT_RDWR)
