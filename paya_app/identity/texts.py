"""Which codes our own server asks for: the Send-SMS hook texts no other.

Supabase Auth may be called by whoever has the anon key, which is public. What our server does before it calls
(the rule for numbers, the counters) would mean nothing if the hook texted whatever Auth hands it.
"""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.crypto import derived_key
from paya_app.core.ids import new_id


@asynccontextmanager
async def announced(phone: str) -> AsyncIterator[None]:
    """While the block runs (a minute at most), one text may go to `phone` (E.164)."""
    announcement = new_id()
    sql = "select identity.announce_text(:id, :phone)"
    await db.query(Actor.service(), sql, {"id": announcement, "phone": _subject(phone)})
    try:
        yield
    finally:
        await db.query(Actor.service(), "select identity.withdraw_text(:id)", {"id": announcement})


async def claim_text(webhook_id: str, phone: str) -> str:
    """Whether this call of the hook is the one to text `phone` (E.164).

    Returns:
        `claimed`, `unannounced`, or what became of the same call before: `sending`, `sent`, `refused`.
    """
    sql = "select identity.claim_text(:id, :phone)"
    return (await db.query(Actor.service(), sql, {"id": webhook_id, "phone": _subject(phone)}))[0][0]


def _subject(phone: str) -> bytes:
    """A keyed hash: announcements hold no phone."""
    return hmac.digest(derived_key("announced texts"), phone.encode(), "sha256")
