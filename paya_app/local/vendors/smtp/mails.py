"""The mails that the stand-in took, in Postgres, and how they are read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

TABLES = Path(__file__).with_name("tables.sql")
BOXES_MAX = 50
MAILS_MAX = 50


@dataclass(frozen=True, slots=True)
class Box:
    """An address that got mails."""

    address: str
    mails: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail. `headers` are those of the message, in lower case, the last of two with one name."""

    id: int
    sender: str
    recipient: str
    subject: str
    body: str
    headers: dict[str, str]
    at: datetime


class Mails:
    """The stand-in's store."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._opening = asyncio.Lock()
        self._pool: AsyncConnectionPool[Any] | None = None

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def add(self, sender: str, recipients: list[str], content: bytes) -> None:
        """Keep a mail for each of its recipients."""
        async with self._connection() as connection:
            for recipient in recipients:
                await connection.execute(
                    "insert into vendor_smtp.mail (sender, recipient, content) values (%s, %s, %s)",
                    (sender, recipient, content),
                )

    async def boxes(self) -> list[Box]:
        """Addresses that got mails, the one that got the last first."""
        sql = """
          select recipient as address, count(*) as mails, max(created_at) as last_at
          from (select recipient, created_at from vendor_smtp.mail order by position desc limit 2000) recent
          group by recipient order by max(created_at) desc, recipient limit %s
        """
        return [Box(**row) for row in await self._rows(sql, (BOXES_MAX,))]

    async def to(self, address: str) -> list[Mail]:
        """The mails to this address, the newest first."""
        sql = "select * from vendor_smtp.mail where recipient = %s order by position desc limit %s"
        return [_read(row) for row in await self._rows(sql, (address.replace("\x00", ""), MAILS_MAX))]

    async def _rows(self, sql: str, params: tuple[object, ...]) -> list[dict[str, Any]]:
        async with self._connection() as connection:
            return await (await connection.execute(sql.encode(), params)).fetchall()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
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
            kwargs={"row_factory": dict_row, "connect_timeout": 3, "application_name": "paya vendor smtp"},
        )
        await pool.open()
        try:
            async with pool.connection(timeout=10) as connection:
                await connection.execute("select pg_advisory_xact_lock(hashtext('vendor_smtp'))")
                await connection.execute(TABLES.read_bytes())
        except BaseException:
            await pool.close()
            raise
        return pool


def _read(row: dict[str, Any]) -> Mail:
    message = message_from_bytes(row["content"], policy=policy.default)
    body = message.get_body(("plain",))
    return Mail(
        id=row["position"],
        sender=row["sender"],
        recipient=row["recipient"],
        subject=str(message["subject"] or ""),
        body=body.get_content().replace("\r\n", "\n") if body is not None else "",
        headers={name.lower(): str(value) for name, value in message.items()},
        at=row["created_at"],
    )
