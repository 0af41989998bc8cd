"""Signing in with a phone: a one-time code is texted, and whoever knows it gets a session."""

import hmac
import re
import secrets
from dataclasses import dataclass
from uuid import UUID

import structlog

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.crypto import derived_key
from paya_app.core.errors import CodeInvalid, CodeUsedUp, ServiceUnavailable, TextsUnavailable, TooManyTries
from paya_app.identity.devices import clean_user_agent
from paya_app.identity.phones import PhoneCannotText, PhoneOfDemo, is_of_demo, normalize_phone
from paya_app.identity.sealing import hash_of, sealed
from paya_app.identity.texts import announced
from paya_app.providers import supabase_auth
from paya_app.providers.outcome import Rejected, Retryable
from paya_app.providers.supabase_auth import AuthTokens, SentMomentsAgo, TokenRefused

RETRY_AFTER_S = 60

_CODE = re.compile(r"[0-9]{6}")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `secret` goes into the cookie and nowhere else; `is_new`: no handle chosen yet."""

    secret: str
    session_id: UUID
    user_id: UUID
    is_new: bool


async def start_sign_in(phone: str, *, address: str) -> None:
    """Text a one-time code to `phone`; the same for numbers with and without an account.

    Raises:
        PhoneInvalid: not a US number that can get texts, or a demo person's where the demo runs.
        TooManyTries: from this address or for this number; says when to go on.
        TextsUnavailable: nobody says whether a text went out; the code of one that did is good.
        ServiceUnavailable: Supabase Auth refuses.
    """
    phone = normalize_phone(phone)
    if is_of_demo(phone):
        raise PhoneOfDemo
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
        raise TextsUnavailable from failure
    await db.query(Actor.service(), "select identity.code_was_sent(:phone)", {"phone": _subject("phone", phone)})


async def finish_sign_in(phone: str, code: str, *, user_agent: str, address: str) -> SignedIn:
    """A session for whoever knows the code that was texted to `phone`.

    Raises:
        PhoneInvalid: not a US number that can get texts.
        CodeInvalid: wrong, used or too old; which of them is not said.
        CodeUsedUp: five tries for one code.
        TooManyTries: too many from this address or for this number; says when to go on.
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
        "hash": hash_of(secret),
        "user": tokens.user_id,
        **sealed(tokens, tokens.session_id),
        "agent": user_agent,
        "address": address[:64],
    }
    return bool((await db.query(Actor.service(), sql, params))[0][0])


async def _count(step: str, phone: str, address: str) -> None:
    """Count an attempt before it is made; without a count there is no attempt.

    Raises:
        CodeUsedUp: five tries for one code; a new one has five of its own, so there is nothing to wait for.
        TooManyTries: with the seconds to wait.
        ServiceUnavailable: nothing can be counted now.
    """
    params = {
        "step": step,
        "phone": _subject("phone", phone),
        "address": _subject("address", address),
        "pair": _subject("pair", phone, address),
    }
    sql = "select stopped_by, wait_s from identity.count_attempt(:step, :phone, :address, :pair)"
    for stopped in await db.query(Actor.service(), sql, params):
        raise CodeUsedUp if stopped.stopped_by == "verify_code" else TooManyTries(retry_after_s=stopped.wait_s)


def _subject(*parts: str) -> bytes:
    """A keyed hash: counters hold neither phones nor addresses."""
    return hmac.digest(derived_key("sign-in attempts"), "\n".join(parts).encode(), "sha256")
