"""A ledger of the test's own, and parties who speak to it at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest

from tests.ledger.books import Books
from tests.support.database import SUPERUSER, Database
from tests.support.waiting import until


@pytest.fixture
def book(database: Database) -> Iterator[Books]:
    """The ledger of the test's database."""
    with psycopg.connect(database.url(SUPERUSER), autocommit=True) as connection:
        yield Books(connection)


class Party:
    """One of several who speak to the database at once, over a connection of its own."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], book: Books) -> None:
        self.connection = connection
        self._book = book

    async def says(self, statement: str, *params: Any) -> Any:
        """The first value of a statement, or the name of what the database raised: our code, or the driver's class."""
        try:
            cursor = await self.connection.execute(statement.encode(), params or None)
            return (await cursor.fetchone() or [None])[0] if cursor.description else None
        except psycopg.Error as error:
            return error.diag.message_primary if error.diag.sqlstate == "PA000" else type(error).__name__

    async def waits(self, statement: str, *params: Any) -> "asyncio.Task[Any]":
        """Say it, and go on once it waits for somebody's lock; the task gives the answer."""
        task = asyncio.create_task(self.says(statement, *params))
        await until(lambda: task.done() or self._is_blocked())
        assert not task.done(), f"it did not wait: {task.result()}"
        return task

    def _is_blocked(self) -> bool:
        return self._book.value("select cardinality(pg_blocking_pids(%s)) > 0", self.connection.info.backend_pid)


Join = Callable[[], Awaitable[Party]]


@pytest.fixture
async def party(database: Database, book: Books) -> AsyncIterator[Join]:
    """`one = await party()`: somebody who connects."""
    async with AsyncExitStack() as stack:

        async def join() -> Party:
            return Party(await stack.enter_async_context(await database.connect()), book)

        yield join
