"""Reading the feed by page."""

from typing import Any

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.cursor import read_cursor, write_cursor
from paya_app.feed.models import FeedPage, FeedRow

LIMIT_DEFAULT = 30
LIMIT_MAX = 100

_NEWEST = "select * from feed.public_payment f order by f.at desc, f.id desc limit :limit"
_AFTER = """
select * from feed.public_payment f where (f.at, f.id) < (:at, :id) order by f.at desc, f.id desc limit :limit
"""


async def page(actor: Actor, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT) -> FeedPage:
    """The newest public payments, or those after `cursor`; 1 to LIMIT_MAX of them (`limit` is clamped).

    Raises:
        CursorInvalid: `cursor` is not from an earlier page.
    """
    limit = max(1, min(limit, LIMIT_MAX))
    params: dict[str, Any] = {"limit": limit + 1}
    if cursor is not None:
        params["at"], params["id"] = read_cursor(cursor)
    found = await db.query(actor, _NEWEST if cursor is None else _AFTER, params)
    rows = [FeedRow.from_row(row) for row in found[:limit]]
    has_more = len(found) > limit
    return FeedPage(rows=rows, next_cursor=write_cursor(rows[-1].at, rows[-1].id) if has_more else None)
