"""Signing in and staying signed in.

The browser holds one random secret in an HttpOnly cookie. Its hash leads to a row with the tokens of Supabase
Auth, sealed; page scripts never see a token. Every look-up reads the row, so that ending a session works at
once, and refreshes the access token when it is about to expire.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import structlog
from sqlalchemy.engine import Row

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.crypto import Unsealable, derived_key, seal, unseal
from paya_app.core.errors import CodeInvalid, ServiceUnavailable, SignedOut, TooManyTries
from paya_app.identity.devices import clean_user_agent, device_name
from paya_app.identity.phones import PhoneCannotText, normalize_phone
from paya_app.identity.texts import announced
from paya_app.providers import supabase_auth
from paya_app.providers.outcome import ProviderFailure, Rejected, Retryable
from paya_app.providers.supabase_auth import AuthTokens, SentMomentsAgo, TokenRefused

SESSION_TTL = timedelta(days=7)  # since the last refresh
REFRESH_WHEN_LEFT = timedelta(seconds=60)
REFRESH_CLAIM = timedelta(seconds=8)  # longer than a refresh may take, shorter than Auth's overlap
REFRESH_POLL_S = 0.05
SIGN_OUT_PATIENCE_S = 2.0
RETRY_AFTER_S = 60

_PURPOSE = "web session tokens"
_CODE = re.compile(r"[0-9]{6}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `secret` goes into the cookie and nowhere else; `is_new`: no handle chosen yet."""

    secret: str
    session_id: UUID
    user_id: UUID
    is_new: bool


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


# ---------------------------------------------------------------- signing in


async def start_sign_in(phone: str, *, address: str) -> None:
    """Text a one-time code to `phone`; the same for numbers with and without an account.

    Raises:
        PhoneInvalid: not a US number that can get texts.
        TooManyTries: from this address or for this number; says when to go on.
        ServiceUnavailable: no text can be sent now.
    """
    phone = normalize_phone(phone)
    await _count("start", phone, address)
    try:
        async with announced(phone):
            await supabase_auth.send_code(phone)
    except SentMomentsAgo:
        return  # that text is on its way and its code is good
    except Rejected as refused:
        if refused.code == supabase_auth.CANNOT_TEXT:
            raise PhoneCannotText from refused
        if refused.code == "over_sms_send_rate_limit":
            raise TooManyTries(retry_after_s=RETRY_AFTER_S) from refused
        log.warning("auth refused to send a code", code=refused.code)
        raise ServiceUnavailable from refused
    except Retryable as failure:
        log.warning("no code could be sent", reason=failure.reason)
        raise ServiceUnavailable from failure
    await db.query(Actor.service(), "select identity.code_was_sent(:phone)", {"phone": _subject("phone", phone)})


async def finish_sign_in(phone: str, code: str, *, user_agent: str, address: str) -> SignedIn:
    """A session for whoever knows the code that was texted to `phone`.

    Raises:
        PhoneInvalid: not a US number that can get texts.
        CodeInvalid: wrong, used or too old; which of them is not said.
        TooManyTries: five for one code, or too many from this address or for this number.
        ServiceUnavailable: Supabase Auth does not answer.
    """
    phone = normalize_phone(phone)
    code = re.sub(r"[ \-]", "", code) if isinstance(code, str) and len(code) <= 16 else ""  # noqa: PLR2004
    if not _CODE.fullmatch(code):
        raise CodeInvalid
    await _count("verify", phone, address)
    try:
        tokens = await supabase_auth.verify_code(phone, code)
    except Rejected as refused:
        raise CodeInvalid from refused
    except (Retryable, TokenRefused) as failure:
        log.warning("no code could be checked", reason=str(failure))
        raise ServiceUnavailable from failure
    secret = secrets.token_urlsafe(32)
    is_new = await _keep(tokens, secret, clean_user_agent(user_agent), address)
    pair = _subject("pair", phone, address)
    await db.query(Actor.service(), "select identity.remember_address(:pair)", {"pair": pair})
    return SignedIn(secret, tokens.session_id, tokens.user_id, is_new)


async def _keep(tokens: AuthTokens, secret: str, user_agent: str, address: str) -> bool:
    sql = """
      select identity.start_session(
        :id, :hash, :user, :access, :refresh, :access_expires_at, :expires_at, :agent, :address
      )
    """
    params = {
        "id": tokens.session_id,
        "hash": _hash(secret),
        "user": tokens.user_id,
        **_sealed(tokens, tokens.session_id),
        "agent": user_agent,
        "address": address[:64],
    }
    return bool((await db.query(Actor.service(), sql, params))[0][0])


async def _count(step: str, phone: str, address: str) -> None:
    """Count an attempt before it is made; without a count there is no attempt.

    Raises:
        TooManyTries: with the seconds to wait.
        ServiceUnavailable: nothing can be counted now.
    """
    params = {
        "step": step,
        "phone": _subject("phone", phone),
        "address": _subject("address", address),
        "pair": _subject("pair", phone, address),
    }
    sql = "select identity.count_attempt(:step, :phone, :address, :pair)"
    wait_s = (await db.query(Actor.service(), sql, params))[0][0]
    if wait_s:
        raise TooManyTries(retry_after_s=wait_s)


def _subject(*parts: str) -> bytes:
    """A keyed hash: counters hold neither phones nor addresses."""
    return hmac.digest(derived_key("sign-in attempts"), "\n".join(parts).encode(), "sha256")


# ---------------------------------------------------------------- being signed in


async def actor_for_secret(secret: str) -> Actor | None:
    """Who holds this cookie, or None when it opens no living session.

    Raises:
        ServiceUnavailable: it cannot be known now.
    """
    if not isinstance(secret, str) or not _SECRET.fullmatch(secret):
        return None
    rows = await db.call("select * from identity.session_by_secret(:hash)", {"hash": _hash(secret)})
    return await _actor_of(rows[0]) if rows else None


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
        await _end(row.id, "unreadable")
        return None
    except Retryable as failure:
        raise ServiceUnavailable from failure


async def _reads(row: Row[Any]) -> Actor:
    access_token = unseal(row.access_token, purpose=_PURPOSE, bound_to=row.id.bytes + b"access").decode()
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
    refresh_token = unseal(row.refresh_token, purpose=_PURPOSE, bound_to=row.id.bytes + b"refresh").decode()
    try:
        tokens = await supabase_auth.refresh(refresh_token)
    except Rejected as refused:
        log.info("a session could not be refreshed", session_id=str(row.id), code=refused.code)
        await _end(row.id, "refresh_refused")
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
    params = {"id": row.id, "version": row.token_version, **_sealed(tokens, row.id)}
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


def _sealed(tokens: AuthTokens, session_id: UUID) -> dict[str, Any]:
    def sealed(token: str, kind: bytes) -> bytes:
        return seal(token.encode(), purpose=_PURPOSE, bound_to=session_id.bytes + kind)

    return {
        "access": sealed(tokens.access_token, b"access"),
        "refresh": sealed(tokens.refresh_token, b"refresh"),
        "access_expires_at": tokens.access_expires_at,
        "expires_at": now() + SESSION_TTL,
    }


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


# ---------------------------------------------------------------- one's sessions


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
    await _tell_auth(session_id)


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
        await _sign_out_at_auth(actor.session_id, row.access_token, "others")


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
    if not isinstance(secret, str) or not _SECRET.fullmatch(secret):
        return
    for row in await db.call("select * from identity.session_by_secret(:hash)", {"hash": _hash(secret)}):
        await _end(row.id, "signed_out", by=row.user_id)


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


async def _end(session_id: UUID, why: str, *, by: UUID | None = None) -> None:
    sql = "select identity.end_session_as(:id, :by, :why)"
    await db.query(Actor.service(), sql, {"id": session_id, "by": by, "why": why})
    await _tell_auth(session_id)


async def _tell_auth(session_id: UUID) -> None:
    """End it at Supabase Auth too. It is over here already, so a failure is only noted.

    The tokens are taken out of the row first: they exist nowhere else, so without them it is over there as well.
    """
    sql = "select access_token from identity.take_tokens_of_ended(:id)"
    rows = await db.query(Actor.service(), sql, {"id": session_id})
    if rows:
        await _sign_out_at_auth(session_id, rows[0].access_token, "local")


async def _sign_out_at_auth(session_id: UUID, sealed: bytes, scope: Literal["local", "others"]) -> None:
    try:
        access_token = unseal(bytes(sealed), purpose=_PURPOSE, bound_to=session_id.bytes + b"access")
        async with asyncio.timeout(SIGN_OUT_PATIENCE_S):
            await supabase_auth.sign_out(access_token.decode(), scope)
    except (Unsealable, ProviderFailure, TimeoutError) as failure:
        log.info("auth was not told of a sign-out", session_id=str(session_id), failure=type(failure).__name__)
