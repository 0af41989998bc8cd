"""Who acts: from the cookie's secret, or the session's id, to the actor.

The browser holds one random secret in an HttpOnly cookie. Its hash leads to a row with the tokens of Supabase
Auth, sealed; page scripts never see a token. Every look-up reads the row, so that ending a session works at
once, and refreshes the access token when it is about to expire.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.engine import Row

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.crypto import Unsealable
from paya_app.core.errors import ServiceUnavailable
from paya_app.identity.ending import end_as
from paya_app.identity.sealing import hash_of, is_secret, sealed, unsealed
from paya_app.providers import supabase_auth
from paya_app.providers.outcome import Rejected, Retryable
from paya_app.providers.supabase_auth import TokenRefused

REFRESH_WHEN_LEFT = timedelta(seconds=60)
REFRESH_CLAIM = timedelta(seconds=8)  # longer than a refresh may take, shorter than Auth's overlap
REFRESH_POLL_S = 0.05

log = structlog.get_logger()


async def actor_for_secret(secret: str) -> Actor | None:
    """Who holds this cookie, or None when it opens no living session.

    Raises:
        ServiceUnavailable: it cannot be known now.
    """
    if not is_secret(secret):
        return None
    rows = await db.call("select * from identity.session_by_secret(:hash)", {"hash": hash_of(secret)})
    return await _actor_of(rows[0]) if rows else None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A person's own token of Supabase Auth, for their programs."""

    text: str = field(repr=False)
    expires_at: datetime


async def access_token_for_secret(secret: str) -> AccessToken | None:
    """The token of this cookie's session, refreshed when it is about to expire; None when it opens no living session.

    Raises:
        ServiceUnavailable: it cannot be known now.
    """
    if await actor_for_secret(secret) is None:
        return None
    rows = await db.call("select * from identity.session_by_secret(:hash)", {"hash": hash_of(secret)})
    return (
        AccessToken(unsealed(rows[0].access_token, rows[0].id, "access"), rows[0].access_expires_at) if rows else None
    )


async def actor_for_session(session_id: UUID) -> Actor | None:
    """Whose session this is, or None when it has ended. For ids that came from our own guard.

    Raises:
        ServiceUnavailable: it cannot be known now.
    """
    rows = await db.call("select * from identity.session_by_id(:id)", {"id": session_id})
    return await _actor_of(rows[0]) if rows else None


async def ended_among(ids: Collection[UUID]) -> set[UUID]:
    """Those of these sessions that are over."""
    if not ids:
        return set()
    rows = await db.call("select identity.ended_among(:ids) as id", {"ids": list(ids)})
    return {row.id for row in rows}


async def _actor_of(row: Row[Any]) -> Actor | None:
    try:
        if row.access_expires_at - now() < REFRESH_WHEN_LEFT:
            return await _refreshed(row)
        return await _reads(row)
    except (Unsealable, TokenRefused) as fault:
        # sealed with another secret, or signed with a key that is gone: nothing here can be trusted again
        log.warning("a session cannot be read any more", session_id=str(row.id), fault=type(fault).__name__)
        await end_as(row.id, "unreadable")
        return None
    except Retryable as failure:
        raise ServiceUnavailable from failure


async def _reads(row: Row[Any]) -> Actor:
    access_token = unsealed(row.access_token, row.id, "access")
    claims = await supabase_auth.verified_claims(access_token)
    if claims["sub"] != str(row.user_id) or claims["session_id"] != str(row.id):
        raise TokenRefused("The token belongs to another session.")
    return Actor.user(claims)


async def _refreshed(row: Row[Any]) -> Actor | None:
    """The actor after a refresh by us, or by whoever was first; None when the session is over."""
    sql = "select identity.claim_refresh(:id, :version, :claim)"
    params = {"id": row.id, "version": row.token_version, "claim": REFRESH_CLAIM}
    if not (await db.query(Actor.service(), sql, params))[0][0]:
        return await _refreshed_by_another(row)
    refresh_token = unsealed(row.refresh_token, row.id, "refresh")
    try:
        tokens = await supabase_auth.refresh(refresh_token)
    except Rejected as refused:
        log.info("a session could not be refreshed", session_id=str(row.id), code=refused.code)
        await end_as(row.id, "refresh_refused")
        return None
    except Retryable:
        if row.access_expires_at > now():
            return await _reads(row)
        raise
    if tokens.session_id != row.id or tokens.user_id != row.user_id:
        raise TokenRefused("The refreshed token belongs to another session.")
    sql = """
      select identity.keep_refreshed(:id, :version, :access, :refresh, :access_expires_at, :expires_at)
    """
    params = {"id": row.id, "version": row.token_version, **sealed(tokens, row.id)}
    if not (await db.query(Actor.service(), sql, params))[0][0]:
        return await _now(row.id)
    return Actor.user(await supabase_auth.verified_claims(tokens.access_token))


async def _refreshed_by_another(row: Row[Any]) -> Actor | None:
    if row.access_expires_at > now():
        return await _reads(row)
    give_up_at = now() + REFRESH_CLAIM
    while now() < give_up_at:
        rows = await db.call("select * from identity.session_by_id(:id)", {"id": row.id})
        if not rows:
            return None
        if rows[0].token_version != row.token_version:
            return await _reads(rows[0])
        await asyncio.sleep(REFRESH_POLL_S)
    raise ServiceUnavailable


async def _now(session_id: UUID) -> Actor | None:
    rows = await db.call("select * from identity.session_by_id(:id)", {"id": session_id})
    return await _reads(rows[0]) if rows else None
