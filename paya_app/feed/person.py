"""What the feed holds of one person."""

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.feed.models import FeedRow

LIMIT_MAX = 50

# Each side by its own index, then the view: it alone says what is public.
_OF_PERSON = """
with person as (select id from public.profiles where handle = :handle),
newest as (
  (select p.id from public.payments p where p.sender_id = (select id from person) and p.is_public
   order by p.created_at desc, p.id desc limit :limit)
  union
  (select p.id from public.payments p where p.recipient_id = (select id from person) and p.is_public
   order by p.created_at desc, p.id desc limit :limit)
)
select f.* from feed.public_payment f where f.id in (select id from newest)
order by f.at desc, f.id desc limit :limit
"""


async def of_person(actor: Actor, handle: str, *, limit: int = 20) -> list[FeedRow]:
    """The newest public payments of whoever has this handle, at most `limit` (1 to LIMIT_MAX); none for nobody."""
    found = await db.query(actor, _OF_PERSON, {"handle": handle, "limit": max(1, min(limit, LIMIT_MAX))})
    return [FeedRow.from_row(row) for row in found]
