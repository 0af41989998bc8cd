"""What the stand-in runs on: its database, its keys, the seed of its prices."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

USD, BTC = "ZUSD", "XXBT"
TABLES = Path(__file__).with_name("tables.sql")

Connection = AsyncConnection[DictRow]


@dataclass(slots=True)
class Kraken:
    """One running stand-in.

    Attributes:
        key: the only API key that is known.
        secret: its private key, base64.
        seed: of the price path.
        opening_micros: US dollars that the account holds when it is opened, in millionths.
        withdraw_s: seconds until a withdrawal is done; 0 leaves that to `POST /local/withdrawals`.
    """

    database_url: str
    key: str
    secret: str
    seed: int
    opening_micros: int
    withdraw_s: float
    _pool: AsyncConnectionPool[Connection] | None = None

    async def open(self) -> None:
        """Connect, and make the tables and the account when they are not there."""
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            self.database_url,
            min_size=1,
            max_size=4,
            open=False,
            kwargs={"autocommit": True, "row_factory": dict_row, "application_name": "paya-vendor-kraken"},
            check=AsyncConnectionPool.check_connection,
        )
        await pool.open(wait=True, timeout=10)
        self._pool = pool
        async with self.transaction() as connection:
            await connection.execute("select pg_advisory_xact_lock(hashtext('vendor_kraken'))")
            found = await connection.execute("select to_regnamespace('vendor_kraken') is null as missing")
            if (await found.fetchone() or {}).get("missing"):
                await connection.execute("create schema vendor_kraken")
            await connection.execute(TABLES.read_bytes())
            await self._open_account(connection)

    async def _open_account(self, connection: Connection) -> None:
        for asset, units in ((USD, self.opening_micros), (BTC, 0)):
            await connection.execute(
                "with made as (insert into vendor_kraken.balance (asset, units) values (%s, %s)"
                " on conflict do nothing returning asset, units)"
                " insert into vendor_kraken.movement (asset, units, kind, ref, at)"
                " select asset, units, 'opening', '', clock_timestamp() from made",
                (asset, units),
            )

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction in the stand-in's own schema."""
        if self._pool is None:
            message = "the Kraken stand-in is not open"
            raise RuntimeError(message)
        async with self._pool.connection() as connection, connection.transaction():
            yield connection
