"""What each stand-in does wrong at the moment, kept in Postgres."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

TABLES = Path(__file__).with_name("tables.sql")
VENDORS = {"dwolla": "Dwolla", "plaid": "Plaid", "kraken": "Kraken", "twilio": "Twilio"}
# these send none
WITHOUT_WEBHOOKS = {"kraken", "twilio"}
WELL = "well"

# How a stand-in answers calls, and what the page calls it.
ANSWERS = {
    WELL: "As it should",
    "down": "Down",
    "slow": "Slow",
    "busy": "Too busy (429)",
    "shape": "Wrong shape",
    "truncated": "Cut short",
    "html": "HTML",
    "lost": "Answer lost",
}
# How it delivers its webhooks.
WEBHOOKS = {WELL: "As it should", "twice": "Each twice", "reordered": "In any order", "late": "Late"}


@dataclass(frozen=True, slots=True)
class Mischief:
    """What one stand-in does wrong: keys of `ANSWERS` and of `WEBHOOKS`."""

    vendor: str
    answers: str = WELL
    webhooks: str = WELL


class Mischiefs:
    """The store; opened with the first question, by whichever process asks."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._opening = asyncio.Lock()
        self._pool: AsyncConnectionPool[Any] | None = None

    async def of(self, vendor: str) -> Mischief:
        """What this vendor does wrong now."""
        found = await self._rows(
            "select vendor, answers, webhooks from vendor_chaos.mischief where vendor = %s", (vendor,)
        )
        return Mischief(**found[0]) if found else Mischief(vendor)

    async def all(self) -> list[Mischief]:
        """What each vendor does wrong now, in the order of `VENDORS`."""
        found = await self._rows("select vendor, answers, webhooks from vendor_chaos.mischief", ())
        known = {row["vendor"]: Mischief(**row) for row in found}
        return [known.get(vendor, Mischief(vendor)) for vendor in VENDORS]

    async def set(self, mischief: Mischief) -> None:
        """From now on it does this wrong, and nothing else.

        Raises:
            ValueError: nothing is called so.
        """
        if mischief.vendor not in VENDORS or mischief.answers not in ANSWERS or mischief.webhooks not in WEBHOOKS:
            raise ValueError(f"there is no such mischief: {mischief}")
        await self._rows(
            "insert into vendor_chaos.mischief (vendor, answers, webhooks) values (%s, %s, %s)"
            " on conflict (vendor) do update"
            " set answers = excluded.answers, webhooks = excluded.webhooks, since = clock_timestamp() returning vendor",
            (mischief.vendor, mischief.answers, mischief.webhooks),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _rows(self, sql: Any, params: tuple[str, ...]) -> list[dict[str, Any]]:
        async with self._opening:
            if self._pool is None:
                self._pool = await self._open()
        async with self._pool.connection(timeout=10) as connection:
            return await (await connection.execute(sql, params)).fetchall()

    async def _open(self) -> AsyncConnectionPool[Any]:
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            self._database_url,
            min_size=0,
            max_size=2,
            open=False,
            check=AsyncConnectionPool.check_connection,  # Postgres may have been restarted
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "connect_timeout": 3,
                "application_name": "paya chaos",
            },
        )
        await pool.open()
        try:
            async with pool.connection(timeout=10) as connection, connection.transaction():
                await connection.execute("select pg_advisory_xact_lock(hashtext('vendor_chaos'))")
                await connection.execute(TABLES.read_bytes())
        except BaseException:
            await pool.close()
            raise
        return pool
