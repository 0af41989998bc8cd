"""Flags: what looks odd enough for somebody to look at it. Each opens a case; nobody is stopped by one."""

from dataclasses import dataclass
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor

EVENTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: what kind, about whom (like `person:…`), and its case."""

    kind: str
    subject: str
    case_id: UUID


async def raise_flags() -> list[Flag]:
    """Look at the payments since the last time; the flags that were raised. Each batch of events is a transaction.

    Raises:
        LimitsUnknown: a value that a flag is measured by is missing.
    """
    raised: list[Flag] = []
    while True:
        sql = "select kind, subject, case_id, read_count from risk.raise_flags(:maximum)"
        rows = await db.query(Actor.service(), sql, {"maximum": EVENTS_AT_ONCE})
        raised += [Flag(row.kind, row.subject, row.case_id) for row in rows[:-1]]
        if rows[-1].read_count < EVENTS_AT_ONCE:
            return raised
