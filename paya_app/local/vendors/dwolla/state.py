"""What the stand-in runs on: its database, its address, its keys, and how fast its clock is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

# Our own Dwolla account and the balance in it that transfers pass through.
ACCOUNT_ID = "ad5f2162-404a-4c4c-994e-6ab6c3a13254"
BALANCE_SOURCE_ID = "b268f6b9-db3b-4ecc-83a2-8823a53ec8b7"
BALANCE_BOOK = ("dwolla", "balance")
RESERVE_BOOK = ("222222226", "9000000001")
SANDBOX_ROUTING = "222222226"

TABLES = Path(__file__).with_name("tables.sql")

Connection = AsyncConnection[DictRow]


@dataclass(slots=True)
class Dwolla:
    """One running stand-in.

    Attributes:
        reserve_source_id: the funding source of our bank account (the FBO reserve).
        leg_s: seconds until the clock processes one leg of a transfer; 0 leaves that to the simulation.
        retry_delays_s: seconds before each further attempt to deliver a webhook.
        opening_cents: what a bank account holds when it is first seen.
        plaid: where Plaid answers and with which client id and secret; without it no processor token is taken.
    """

    database_url: str
    base_url: str
    key: str
    secret: str
    reserve_source_id: str
    leg_s: float
    retry_delays_s: tuple[float, ...]
    opening_cents: int
    plaid: tuple[str, str, str] | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _pool: AsyncConnectionPool[Connection] | None = None

    def href(self, path: str) -> str:
        """The absolute address of a path that begins with a slash."""
        return self.base_url + path

    async def open(self) -> None:
        """Connect, and make the tables and our own account when they are not there."""
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            self.database_url,
            min_size=1,
            max_size=4,
            open=False,
            kwargs={"autocommit": True, "row_factory": dict_row, "application_name": "paya-vendor-dwolla"},
            check=AsyncConnectionPool.check_connection,
        )
        await pool.open(wait=True, timeout=10)
        self._pool = pool
        async with self.transaction() as connection:
            await connection.execute("select pg_advisory_xact_lock(hashtext('vendor_dwolla'))")
            found = await connection.execute("select to_regnamespace('vendor_dwolla') is null as missing")
            if (await found.fetchone() or {}).get("missing"):
                await connection.execute("create schema vendor_dwolla")
            await connection.execute(TABLES.read_bytes())
            await self._open_our_account(connection)

    async def _open_our_account(self, connection: Connection) -> None:
        for book in (BALANCE_BOOK, RESERVE_BOOK):
            await connection.execute(
                "insert into vendor_dwolla.bank_account (routing, number, balance_cents) values (%s, %s, 0)"
                " on conflict do nothing",
                book,
            )
        for source_id, name, type_, book in (
            (BALANCE_SOURCE_ID, "Balance", "balance", BALANCE_BOOK),
            (self.reserve_source_id, "PaYa FBO reserve", "bank", RESERVE_BOOK),
        ):
            await connection.execute(
                "insert into vendor_dwolla.funding_source"
                " (id, customer_id, name, bank_account_type, type, status, routing, number, bank_name)"
                " values (%s, null, %s, 'checking', %s, 'verified', %s, %s, 'SANDBOX TEST BANK')"
                " on conflict do nothing",
                (source_id, name, type_, *book),
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
            message = "the Dwolla stand-in is not open"
            raise RuntimeError(message)
        async with self._pool.connection() as connection, connection.transaction():
            yield connection
