"""What somebody lets be seen of payments to them."""

from typing import Literal

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import AudienceInvalid, SignedOut

ReceivedAudience = Literal["private", "public"]


async def received_audience(actor: Actor) -> ReceivedAudience:
    """The actor's side of payments to them from now on: `public` (whenever the sender shows them) or `private`.

    Raises:
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    rows = await db.query(actor, "select identity.my_received_audience()")
    return rows[0][0]


async def choose_received_audience(actor: Actor, audience: ReceivedAudience) -> ReceivedAudience:
    """Set it, with an event. Payments made before keep theirs, and each can still be changed by itself.

    Raises:
        AudienceInvalid: neither private nor public.
        SignedOut: nobody is signed in, or they have no handle yet.
    """
    if actor.role != "authenticated":
        raise SignedOut
    if audience not in ("private", "public"):
        raise AudienceInvalid
    rows = await db.query(actor, "select identity.choose_received_audience(:audience)", {"audience": audience})
    return rows[0][0]
