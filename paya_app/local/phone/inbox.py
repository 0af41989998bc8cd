"""The texts of the stand-in phone, read from the Twilio stand-in's books."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import UndefinedTable

from paya_app.local.vendors.twilio.messages import Messages

PHONES_MAX = 50
TEXTS_MAX = 50

_CODE = re.compile(r"\b[0-9]{6}\b")


@dataclass(frozen=True, slots=True)
class Phone:
    """A number that got texts."""

    number: str
    texts: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Text:
    """One text. `code` is the six-digit number in it, or ""."""

    sid: str
    sender: str
    recipient: str
    body: str
    code: str
    at: datetime


class Inbox:
    """Reads what was sent."""

    def __init__(self, database_url: str) -> None:
        self._messages = Messages(database_url)

    async def close(self) -> None:
        """Close every connection."""
        await self._messages.close()

    async def phones(self) -> list[Phone]:
        """Numbers that got texts, the one that got the last first."""
        sql = """
          select recipient as number, count(*) as texts, max(created_at) as last_at
          from (select recipient, created_at from vendor_twilio.message order by position desc limit 2000) recent
          group by recipient order by max(created_at) desc, recipient limit %s
        """
        return [Phone(**row) for row in await self._rows(sql, (PHONES_MAX,))]

    async def texts(self, number: str) -> list[Text]:
        """The texts to this number, the newest first."""
        sql = """
          select sid, sender, recipient, body, created_at as at from vendor_twilio.message
          where recipient = %s order by position desc limit %s
        """
        return [
            Text(**row, code=code[0] if (code := _CODE.search(row["body"])) else "")
            for row in await self._rows(sql, (number.replace("\x00", ""), TEXTS_MAX))
        ]

    async def _rows(self, sql: str, params: tuple[object, ...]) -> list[dict[str, Any]]:
        try:
            async with self._messages.connection() as connection:
                return await (await connection.execute(sql.encode(), params)).fetchall()
        except UndefinedTable:
            return []
