"""Supabase Auth (or its stand-in) through supabase-py: codes, tokens, and the check of their signature.

Each call has a client of its own over one shared pool of connections: supabase-py keeps the last session in
the client, and one person's must never be found by the next.

Codes are asked for and checked with the service-role key: that is how Auth tells our server, which counts, from
whoever read the anon key. The stand-in serves codes to nobody else; hosted asks everybody else for a captcha.
"""

import asyncio
import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5
from weakref import WeakKeyDictionary

import httpx
import jwt
from supabase import (
    AsyncClient,
    AsyncClientOptions,
    AuthApiError,
    AuthError,
    AuthRetryableError,
    AuthUnknownError,
)

from paya_app.core.config import settings
from paya_app.core.errors import PayaError
from paya_app.providers.outcome import Rejected, Retryable

ALGORITHM = "ES256"
AUDIENCE = "authenticated"
LEEWAY_S = 5
JWKS_TTL_S = 600
JWKS_REFETCH_FLOOR_S = 30  # a stream of unknown kids must not become a stream of requests
REALTIME_TTL_S = 300
CANNOT_TEXT = "cannot_text"  # what our Send-SMS hook says of a number that texts do not reach
TIMEOUT = httpx.Timeout(6.0, connect=2.0)

_WAIT = re.compile(r"after (\d+) seconds?")
_BUSY_STATUS = 429


class TokenRefused(Exception):
    """An access token that is not Supabase Auth's for us, or is no longer good."""


class SentMomentsAgo(Rejected):
    """No new code yet: the last one was texted seconds ago and is still good."""


class PhoneTaken(PayaError):
    """Somebody has this phone number."""

    code = "phone_taken"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        return "Somebody has this phone number already."


@dataclass(frozen=True, slots=True)
class AuthTokens:
    """What a sign-in or a refresh gives. `session_id` is Supabase Auth's."""

    user_id: UUID
    session_id: UUID
    access_token: str
    refresh_token: str
    access_expires_at: datetime


async def send_code(phone: str) -> None:
    """Have a one-time code texted to `phone` (E.164), known or not.

    Raises:
        SentMomentsAgo: the code of seconds ago is still good.
        Rejected: `cannot_text`, or `over_sms_send_rate_limit` when no more texts go out for now.
        Retryable: Auth, the hook or the text's vendor does not answer.
    """
    try:
        await _server().auth.sign_in_with_otp({"phone": phone})
    except AuthError as error:
        if CANNOT_TEXT in error.message:
            raise Rejected(CANNOT_TEXT) from error
        if error.code == "over_sms_send_rate_limit" and _WAIT.search(error.message):
            raise SentMomentsAgo("over_sms_send_rate_limit", error.message) from error
        raise _failure(error) from error


async def verify_code(phone: str, code: str) -> AuthTokens:
    """The session that this code opens.

    Raises:
        Rejected: wrong, used or expired code.
        Retryable: Auth does not answer.
    """
    try:
        answer = await _server().auth.verify_otp({"phone": phone, "token": code, "type": "sms"})
    except AuthError as error:
        raise _failure(error) from error
    return await _tokens(answer.session)


async def refresh(refresh_token: str) -> AuthTokens:
    """New tokens for old.

    Raises:
        Rejected: used, revoked or expired: the session is over.
        Retryable: Auth does not answer; the old tokens may still be good.
    """
    try:
        answer = await _client().auth.refresh_session(refresh_token)
    except AuthError as error:
        raise _failure(error) from error
    return await _tokens(answer.session)


async def sign_out(access_token: str, scope: Literal["local", "others"] = "local") -> None:
    """End this session, or all `others` of its person, at Supabase Auth. One that has ended already is no error.

    Raises:
        Retryable: Auth does not answer.
    """
    try:
        await _client().auth.admin.sign_out(access_token, scope)
    except AuthError as error:
        failure = _failure(error)
        if isinstance(failure, Retryable):
            raise failure from error


async def create_user(*, phone: str, app_metadata: dict[str, Any] | None = None) -> UUID:
    """The user with this phone (E.164), confirmed without a code. Asking again gives the same user.

    Raises:
        PhoneTaken: somebody signed up with this number by themselves.
        Rejected, Retryable: Auth refused, or does not answer.
    """
    user_id = uuid5(NAMESPACE_URL, f"tel:{phone}")
    admin = _server().auth.admin
    attributes: Any = {
        "id": str(user_id),
        "phone": phone,
        "phone_confirm": True,
        "app_metadata": app_metadata or {},
    }
    try:
        return UUID((await admin.create_user(attributes)).user.id)
    except AuthError as error:
        if error.code not in {"phone_exists", "user_already_exists"}:
            raise _failure(error) from error
    try:
        kept = (await admin.get_user_by_id(str(user_id))).user
    except AuthError as error:
        raise PhoneTaken from error
    if (kept.phone or "").lstrip("+") != phone.lstrip("+"):
        raise PhoneTaken
    return user_id


async def verified_claims(access_token: str) -> dict[str, Any]:
    """The claims of a person's access token, its signature checked against Supabase Auth's public keys.

    Raises:
        TokenRefused: another algorithm, key, issuer or audience; expired; or no person's token.
        Retryable: the public keys cannot be had.
    """
    try:
        header = jwt.get_unverified_header(access_token)
        kid = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(kid, str):
            raise TokenRefused("The token is not signed as ours are.")
        key = await _keys().key(kid)
        claims = jwt.decode(
            access_token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=f"{settings().auth_url}/auth/v1",
            leeway=LEEWAY_S,
            options={"require": ["exp", "iat", "sub", "iss", "aud", "session_id"]},
        )
        UUID(claims["sub"])
        UUID(claims["session_id"])
    except (jwt.PyJWTError, ValueError, AttributeError, TypeError) as error:
        raise TokenRefused(str(error)) from error
    if claims.get("role") != "authenticated" or claims.get("scope"):
        raise TokenRefused("The token is not a person's access token.")
    return claims


def realtime_token(user_id: UUID) -> tuple[str, datetime]:
    """A token of five minutes for this person's realtime channels, and when it expires.

    Page scripts get it, so it is marked: `verified_claims` and the stand-in refuse it as an access token. Hosted
    Auth does not know the mark, so the token names a session that there is none of: Auth refuses it then, while
    one that names no session at all may act for its person (signing out without one ends them all). `role` and
    `sub` have to stay, because the policy of private topics reads them; with the anon key they also open the
    exposed schema, where people may only read what the same person's pages show.
    """
    key = json.loads(settings().supabase_jwt_key.get_secret_value())
    issued = int(time.time())
    claims = {
        "iss": f"{settings().auth_url}/auth/v1",
        "sub": str(user_id),
        "aud": AUDIENCE,
        "role": "authenticated",
        "scope": "realtime",
        "session_id": str(uuid4()),
        "iat": issued,
        "exp": issued + REALTIME_TTL_S,
    }
    token = jwt.encode(claims, jwt.PyJWK(key, ALGORITHM).key, ALGORITHM, headers={"kid": key["kid"]})
    return token, datetime.fromtimestamp(issued + REALTIME_TTL_S, UTC)


class _PublicKeys:
    """Supabase Auth's public keys, kept for ten minutes; an unknown key id asks again, not too often."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._by_id: dict[str, Any] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def key(self, kid: str) -> Any:
        """The public key with this id.

        Raises:
            TokenRefused: there is none.
            Retryable: the keys cannot be had.
        """
        async with self._fetching:
            age_s = time.monotonic() - self._fetched_at
            if age_s > JWKS_TTL_S or (kid not in self._by_id and age_s > JWKS_REFETCH_FLOOR_S):
                await self._fetch()
        if kid not in self._by_id:
            raise TokenRefused("The token is signed with an unknown key.")
        return self._by_id[kid]

    async def _fetch(self) -> None:
        try:
            answer = await _http().get(self._url)
            answer.raise_for_status()
            keys = answer.json()["keys"]
            self._by_id = {k["kid"]: jwt.PyJWK(k, ALGORITHM).key for k in keys if k.get("alg") == ALGORITHM}
        except (httpx.HTTPError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            if not self._by_id:
                raise Retryable("Supabase Auth's public keys cannot be read.") from error
            # the keys of ten minutes ago are better than signing everybody out
        self._fetched_at = time.monotonic()


class _Shared:
    """What the calls of one event loop share."""

    def __init__(self) -> None:
        self.http = httpx.AsyncClient(timeout=TIMEOUT)
        self.keys: dict[str, _PublicKeys] = {}


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


def _here() -> _Shared:
    loop = asyncio.get_running_loop()
    if loop not in _shared:
        _shared[loop] = _Shared()
    return _shared[loop]


def _http() -> httpx.AsyncClient:
    return _here().http


def _keys() -> _PublicKeys:
    url = f"{settings().auth_url}/auth/v1/.well-known/jwks.json"
    return _here().keys.setdefault(url, _PublicKeys(url))


async def close() -> None:
    """Close this event loop's connections to Supabase Auth."""
    shared = _shared.pop(asyncio.get_running_loop(), None)
    if shared is not None:
        await shared.http.aclose()


def _server() -> AsyncClient:
    return _client(settings().supabase_service_role_key.get_secret_value())


def _client(key: str = "") -> AsyncClient:
    options = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=_http())
    return AsyncClient(settings().auth_url, key or settings().supabase_anon_key, options)


async def _tokens(session: Any) -> AuthTokens:
    if session is None:
        raise Rejected("no_session", "Supabase Auth answered without a session.")
    claims = await verified_claims(session.access_token)
    return AuthTokens(
        user_id=UUID(claims["sub"]),
        session_id=UUID(claims["session_id"]),
        access_token=session.access_token,
        refresh_token=session.refresh_token,
        access_expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


def _failure(error: AuthError) -> Rejected | Retryable:
    status = error.status if isinstance(error, (AuthApiError, AuthRetryableError)) else 0
    code = str(error.code or "")
    if isinstance(error, (AuthRetryableError, AuthUnknownError)) or status >= 500 or status == 0:  # noqa: PLR2004
        return Retryable(f"Supabase Auth: {status} {code}".strip())
    if status == _BUSY_STATUS and code != "over_sms_send_rate_limit":
        return Retryable(f"Supabase Auth is busy: {code}")
    if code.startswith("hook_"):
        return Retryable(f"Supabase Auth: {code}")
    return Rejected(code or str(status), error.message)
