"""The texts that the stand-in took, in Postgres, and how Twilio shows them."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from paya_app.local.vendors.twilio.rules import segments

API_VERSION = "2010-04-01"
TABLES = Path(__file__).with_name("tables.sql")

Connection = AsyncConnection[dict[str, Any]]


class Messages:
    """The stand-in's store."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._opening = asyncio.Lock()
        self._pool: AsyncConnectionPool[Any] | None = None

    async def open(self) -> None:
        """Make the tables when they are not there."""
        async with self.connection():
            return

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def add(self, sender: str, recipient: str, body: str) -> dict[str, Any]:
        """Keep a text and return its row."""
        async with self.connection() as connection:
            cursor = await connection.execute(
                """
                insert into vendor_twilio.message (sid, sender, recipient, body, segments)
                values (%s, %s, %s, %s, %s) returning *
                """,
                (f"SM{secrets.token_hex(16)}", sender, recipient, body, segments(body)),
            )
            row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - returned by the insert
        return row

    async def by_sid(self, sid: str) -> dict[str, Any] | None:
        """One text."""
        async with self.connection() as connection:
            cursor = await connection.execute("select * from vendor_twilio.message where sid = %s", (sid,))
            return await cursor.fetchone()

    async def page(self, *, to: str, sender: str, size: int, number: int) -> list[dict[str, Any]]:
        """Texts, the newest first, `size` and one more to tell whether there is a next page."""
        async with self.connection() as connection:
            cursor = await connection.execute(
                """
                select * from vendor_twilio.message
                where (%(to)s = '' or recipient = %(to)s) and (%(sender)s = '' or sender = %(sender)s)
                order by position desc limit %(size)s + 1 offset %(size)s::bigint * %(number)s
                """,
                {"to": to, "sender": sender, "size": size, "number": number},
            )
            return await cursor.fetchall()

    async def plan_fault(self, kind: str, count: int) -> None:
        """Show this fault for the next `count` messages."""
        async with self.connection() as connection:
            await connection.execute(
                """
                insert into vendor_twilio.fault (kind, remaining) values (%s, %s)
                on conflict (kind) do update set remaining = excluded.remaining
                """,
                (kind, count),
            )

    async def take_fault(self) -> str | None:
        """The fault to show now, counted down, or None."""
        async with self.connection() as connection:
            cursor = await connection.execute(
                """
                update vendor_twilio.fault set remaining = remaining - 1
                where kind = (select kind from vendor_twilio.fault where remaining > 0 order by kind limit 1 for update)
                returning kind
                """
            )
            row = await cursor.fetchone()
        return row["kind"] if row else None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in a transaction; the tables are there."""
        async with self._opening:
            if self._pool is None:
                self._pool = await self._open()
        async with self._pool.connection(timeout=10) as connection:
            yield connection

    async def _open(self) -> AsyncConnectionPool[Any]:
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            self._database_url,
            min_size=0,
            max_size=4,
            open=False,
            check=AsyncConnectionPool.check_connection,  # Postgres may have been restarted
            kwargs={"row_factory": dict_row, "connect_timeout": 3, "application_name": "paya vendor twilio"},
        )
        await pool.open()
        try:
            async with pool.connection(timeout=10) as connection:
                await connection.execute("select pg_advisory_xact_lock(hashtext('vendor_twilio'))")
                await connection.execute(TABLES.read_bytes())
        except BaseException:
            await pool.close()
            raise
        return pool


def shown(row: dict[str, Any], account_sid: str, *, taken_now: bool = False) -> dict[str, Any]:
    """A text as the API shows it: queued in the answer that took it, delivered from then on."""
    at = _rfc_2822(row["created_at"])
    uri = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{row['sid']}"
    return {
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "body": row["body"],
        "date_created": at,
        "date_sent": None if taken_now else at,
        "date_updated": at,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": row["sender"],
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": str(row["segments"]),
        "price": None,
        "price_unit": "USD",
        "sid": row["sid"],
        "status": "queued" if taken_now else "delivered",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": row["recipient"],
        "uri": f"{uri}.json",
    }


def _rfc_2822(at: datetime) -> str:
    return format_datetime(at)
