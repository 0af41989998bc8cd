"""The end of a session: here at once, and then at Supabase Auth."""

import asyncio
from typing import Literal
from uuid import UUID

import structlog

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.crypto import Unsealable
from paya_app.identity.sealing import unsealed
from paya_app.providers import supabase_auth
from paya_app.providers.outcome import ProviderFailure

SIGN_OUT_PATIENCE_S = 2.0

log = structlog.get_logger()


async def end_as(session_id: UUID, why: str, *, by: UUID | None = None) -> None:
    """End a session for this reason; ending it again changes nothing."""
    sql = "select identity.end_session_as(:id, :by, :why)"
    await db.query(Actor.service(), sql, {"id": session_id, "by": by, "why": why})
    await tell_auth(session_id)


async def tell_auth(session_id: UUID) -> None:
    """End it at Supabase Auth too. It is over here already, so a failure is only noted.

    The tokens are taken out of the row first: they exist nowhere else, so without them it is over there as well.
    """
    sql = "select access_token from identity.take_tokens_of_ended(:id)"
    rows = await db.query(Actor.service(), sql, {"id": session_id})
    if rows:
        await sign_out_at_auth(session_id, rows[0].access_token, "local")


async def sign_out_at_auth(session_id: UUID, sealed: bytes, scope: Literal["local", "others"]) -> None:
    """Sign this session, or all `others` of its person, out at Supabase Auth; a failure is only noted."""
    try:
        access_token = unsealed(sealed, session_id, "access")
        async with asyncio.timeout(SIGN_OUT_PATIENCE_S):
            await supabase_auth.sign_out(access_token, scope)
    except (Unsealable, ProviderFailure, TimeoutError) as failure:
        log.info("auth was not told of a sign-out", session_id=str(session_id), failure=type(failure).__name__)
