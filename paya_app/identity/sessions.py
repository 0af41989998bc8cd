"""One's own sessions: where one is signed in, and ending any of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import SignedOut
from paya_app.identity.devices import device_name
from paya_app.identity.ending import end_as, sign_out_at_auth, tell_auth
from paya_app.identity.sealing import hash_of, is_secret
from paya_app.providers import supabase_auth


@dataclass(frozen=True, slots=True)
class Session:
    """Where somebody is signed in. `is_current`: the session that asked."""

    id: UUID
    device: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True)
class RealtimeToken:
    """What a page needs to join its person's private topic."""

    token: str
    topic: str
    expires_at: datetime


async def sessions(actor: Actor) -> list[Session]:
    """Where the actor is signed in, the one used last first.

    Raises:
        SignedOut: nobody is.
    """
    _require_user(actor)
    rows = await db.query(actor, "select * from identity.my_sessions()")
    return [
        Session(
            id=row.id,
            device=device_name(row.user_agent),
            address=row.address,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            is_current=row.id == actor.session_id,
        )
        for row in rows
    ]


async def end_session(actor: Actor, session_id: UUID) -> None:
    """End one of the actor's sessions; it opens nothing from this moment on. Ending it again changes nothing.

    Raises:
        SignedOut: nobody is signed in.
        NotFound: no such session, or somebody else's.
    """
    _require_user(actor)
    why = "signed_out" if session_id == actor.session_id else "ended_elsewhere"
    await db.query(actor, "select identity.end_my_session(:id, :why)", {"id": session_id, "why": why})
    await tell_auth(session_id)


async def end_other_sessions(actor: Actor) -> None:
    """End every session of the actor but the one that asks, and those that only Supabase Auth knows of.

    Raises:
        SignedOut: nobody is signed in.
        NotFound: the session that asks has ended.
    """
    _require_user(actor)
    if actor.session_id is None:
        raise SignedOut
    await db.query(actor, "select identity.end_my_other_sessions(:id)", {"id": actor.session_id})
    # theirs are over here and their tokens forgotten, so a failure leaves only what was never ours
    for row in await db.call("select * from identity.session_by_id(:id)", {"id": actor.session_id}):
        await sign_out_at_auth(actor.session_id, row.access_token, "others")


async def sign_out(actor: Actor) -> None:
    """End the session that asks.

    Raises:
        SignedOut: there is none.
    """
    if actor.session_id is None:
        raise SignedOut
    await end_session(actor, actor.session_id)


async def sign_out_secret(secret: str) -> None:
    """End the session that this cookie opens, if any; works while Supabase Auth does not answer."""
    if not is_secret(secret):
        return
    for row in await db.call("select * from identity.session_by_secret(:hash)", {"hash": hash_of(secret)}):
        await end_as(row.id, "signed_out", by=row.user_id)


async def why_ended(secret: str) -> str | None:
    """Why the session of this cookie is over, or None while it lives and when it never did.

    Returns:
        `signed_out`, `ended_elsewhere`, `expired`, `refresh_refused` or `unreadable`.

    Raises:
        ServiceUnavailable: it cannot be known now.
    """
    if not is_secret(secret):
        return None
    return (await db.call("select identity.end_of_session(:hash) as why", {"hash": hash_of(secret)}))[0].why


def realtime_token(actor: Actor) -> RealtimeToken:
    """A five-minute token for the actor's own realtime topic.

    Raises:
        SignedOut: nobody is signed in.
    """
    if actor.user_id is None or actor.session_id is None:
        raise SignedOut
    token, expires_at = supabase_auth.realtime_token(actor.user_id)
    return RealtimeToken(token, f"user:{actor.user_id}", expires_at)


def _require_user(actor: Actor) -> None:
    if actor.role != "authenticated" or actor.user_id is None:
        raise SignedOut
