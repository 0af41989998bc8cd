"""The stand-in's own connections, as the role that owns Supabase Auth's tables."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

CONNECTIONS_MAX = 4
WAIT_S = 10

Connection = AsyncConnection[dict[str, Any]]


class Store:
    """A small pool that opens at the first use, so that it also works mounted inside another app."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._opening = asyncio.Lock()
        self._pool: AsyncConnectionPool[Any] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction; it commits when the block ends and rolls back when it raises."""
        pool = await self._opened()
        async with pool.connection(timeout=WAIT_S) as connection:
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _opened(self) -> AsyncConnectionPool[Any]:
        async with self._opening:
            if self._pool is None:
                pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
                    self._database_url,
                    min_size=0,
                    max_size=CONNECTIONS_MAX,
                    open=False,
                    check=AsyncConnectionPool.check_connection,  # Postgres may have been restarted
                    kwargs={
                        "row_factory": dict_row,
                        "connect_timeout": 3,
                        "application_name": "paya local auth",
                    },
                )
                await pool.open()
                self._pool = pool
        return self._pool
