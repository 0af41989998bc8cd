"""A domain's own calls: what webhooks and jobs do, with the rights of the service and not of a person."""

from typing import Any

from paya_app.core import db
from paya_app.core.actor import Actor


async def as_service(sql: str, **params: object) -> Any:
    """The first column of the statement's first row, or None; a transaction of its own."""
    rows = await db.query(Actor.service(), sql, params)
    return rows[0][0] if rows else None
