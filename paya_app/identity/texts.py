"""Which codes our own server asks for: the Send-SMS hook texts no other.

Supabase Auth may be called by whoever has the anon key, which is public. What our server does before it calls
(the rule for numbers, the counters) would mean nothing if the hook texted whatever Auth hands it.
"""

import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.crypto import derived_key, seal, unseal
from paya_app.core.ids import new_id
from paya_app.providers import texts
from paya_app.providers.outcome import Rejected

# No longer than a code is good for; Supabase Auth's own default is a minute, and hosts set it higher.
GOOD_S = 300.0
_QUEUED = "queued texts"


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


async def queue_text(webhook_id: str, phone: str, body: str) -> None:
    """Keep a text that no vendor could take, sealed, and have a job send it while its code is good."""
    plain = json.dumps({"to": phone, "body": body}).encode()
    await db.query(
        Actor.service(),
        "select identity.queue_text(:id, :sealed, :good)",
        {
            "id": webhook_id,
            "sealed": seal(plain, purpose=_QUEUED, bound_to=webhook_id.encode()),
            "good": GOOD_S,
        },
    )


async def send_queued_text(webhook_id: str) -> None:
    """Send a text that waits; one whose code is too old is dropped.

    Raises:
        Retryable, Unknown: no vendor took it yet.
    """
    sealed = (await db.query(Actor.service(), "select identity.queued_text(:id)", {"id": webhook_id}))[0][0]
    if sealed is None:
        return
    text = json.loads(unseal(bytes(sealed), purpose=_QUEUED, bound_to=webhook_id.encode()))
    try:
        ref = await texts.send(text["to"], text["body"])
    except Rejected as refused:
        ref = refused.code  # it would be refused again
    sql = "select identity.drop_queued_text(:id, :ref)"
    await db.query(Actor.service(), sql, {"id": webhook_id, "ref": ref})


def _subject(phone: str) -> bytes:
    """A keyed hash: announcements hold no phone."""
    return hmac.digest(derived_key("announced texts"), phone.encode(), "sha256")
