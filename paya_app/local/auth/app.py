"""The routes of the stand-in for Supabase Auth."""

import hmac
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import psycopg
import psycopg_pool
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from paya_app.core.bodies import BodyTooLarge, read_limited
from paya_app.core.ids import parse_id
from paya_app.local.auth import codes, sessions, users
from paya_app.local.auth.config import ACCESS_TTL, AuthConfig
from paya_app.local.auth.errors import AuthRefusal, respond, wrong_code
from paya_app.local.auth.hook import SendSmsHook
from paya_app.local.auth.store import Store
from paya_app.local.auth.tokens import Signer

BODY_BYTES_MAX = 32 * 1024
PAGE_SIZE_MAX = 100
CODE_CHARACTERS_MAX = 12
TOKEN_CHARACTERS_MAX = 4096

log = structlog.get_logger()
Handler = Callable[[Request], Awaitable[Response]]


class Auth:
    """The handlers, over one configuration."""

    def __init__(self, config: AuthConfig) -> None:
        self._config = config
        self._store = Store(config.database_url)
        self._signer = Signer(config.jwt_key, config.issuer)
        self._family = sessions.Family(config.refresh_key)
        self._hook = SendSmsHook(config.hook_url, config.hook_secret)

    async def close(self) -> None:
        """Close what was opened."""
        await self._hook.close()
        await self._store.close()

    async def otp(self, request: Request) -> Response:
        """POST /otp: text a new code. One path and one answer for known and unknown numbers.

        Until the hook has taken the new code, the one before it stays good and nothing is counted.
        """
        self._require_our_server(request)
        body = await self._body(request)
        phone = users.phone_of(body)
        if body.get("channel") not in (None, "", "sms"):
            raise AuthRefusal(400, "validation_failed", "Invalid channel, supported values are 'sms'")
        if body.get("create_user") is False:
            raise AuthRefusal(422, "otp_disabled", "Signups not allowed for otp")
        metadata = users.metadata_of(body, "data")
        at, code = self._config.clock(), codes.new_code()
        code_hash = codes.hashed(self._config.code_key, phone, code)
        async with self._store.transaction() as connection:
            sent_before = await codes.reserve(connection, phone, at)
            user = await users.ensure(connection, phone, metadata, at)
        try:
            await self._hook.send(users.public_user(user), code)
        except AuthRefusal:
            async with self._store.transaction() as connection:
                await codes.release(connection, phone, at, sent_before)
            raise
        async with self._store.transaction() as connection:
            await codes.keep(connection, phone, code_hash, at)
        return JSONResponse({})

    async def verify(self, request: Request) -> Response:
        """POST /verify: a right code makes a session."""
        self._require_our_server(request)
        body = await self._body(request)
        if body.get("type") != "sms":
            raise AuthRefusal(400, "validation_failed", "Invalid sms verification type")
        phone, code = users.phone_of(body), body.get("token")
        if not isinstance(code, str) or not 0 < len(code) <= CODE_CHARACTERS_MAX:
            raise wrong_code()
        at = self._config.clock()
        code_hash = codes.hashed(self._config.code_key, phone, code)
        user = session = None
        token = ""
        async with self._store.transaction() as connection:
            if await codes.redeem(connection, phone, code_hash, at):
                user = await users.confirm(connection, phone, at)
            if user is not None:
                agent = request.headers.get("user-agent", "")
                session, token = await self._family.start(connection, user["id"], agent, at)
        if user is None or session is None:
            raise wrong_code()
        return self._signed_in(user, session, token)

    async def token(self, request: Request) -> Response:
        """POST /token?grant_type=refresh_token."""
        if request.query_params.get("grant_type") != "refresh_token":
            raise AuthRefusal(400, "invalid_credentials", "unsupported_grant_type")
        token = (await self._body(request)).get("refresh_token")
        if not isinstance(token, str) or not 0 < len(token) <= TOKEN_CHARACTERS_MAX:
            raise AuthRefusal(400, "validation_failed", "refresh_token required")
        async with self._store.transaction() as connection:
            outcome = await self._family.refresh(connection, token, self._config.clock())
            user = None
            if not isinstance(outcome, AuthRefusal):
                user = await users.by_id(connection, outcome[0]["user_id"])
        if isinstance(outcome, AuthRefusal):
            raise outcome
        if user is None:
            raise AuthRefusal(400, "user_not_found", "User not found")
        if user["banned_until"] and user["banned_until"] > self._config.clock():
            raise AuthRefusal(400, "user_banned", "Invalid Refresh Token: User Banned")
        return self._signed_in(user, *outcome)

    async def logout(self, request: Request) -> Response:
        """POST /logout?scope=global|local|others: access tokens of ended sessions are refused at once."""
        claims = await self._person(request)
        scope = request.query_params.get("scope") or "global"
        if scope not in {"global", "local", "others"}:
            raise AuthRefusal(400, "validation_failed", f'Unsupported logout scope "{scope[:20]}"')
        async with self._store.transaction() as connection:
            await sessions.end(connection, claims["session_id"], claims["sub"], scope)
        return Response(status_code=204)

    async def user(self, request: Request) -> Response:
        """GET /user: who the bearer is."""
        claims = await self._person(request)
        async with self._store.transaction() as connection:
            user = await users.by_id(connection, UUID(claims["sub"]))
        if user is None:
            raise AuthRefusal(403, "user_not_found", "User from sub claim in JWT does not exist")
        return JSONResponse(users.public_user(user))

    async def jwks(self, _: Request) -> Response:
        """GET /.well-known/jwks.json: the public key."""
        return JSONResponse(self._signer.jwks, headers={"cache-control": "public, max-age=600"})

    async def health(self, _: Request) -> Response:
        """GET /health."""
        return JSONResponse(
            {"version": "paya-local", "name": "GoTrue", "description": "PaYa's stand-in for Supabase Auth"}
        )

    async def settings(self, _: Request) -> Response:
        """GET /settings: phone sign-in alone."""
        return JSONResponse(
            {
                "external": {"phone": True, "email": False, "anonymous_users": False},
                "disable_signup": False,
                "mailer_autoconfirm": False,
                "phone_autoconfirm": False,
                "sms_provider": "hook",
                "saml_enabled": False,
            }
        )

    async def admin_create(self, request: Request) -> Response:
        """POST /admin/users."""
        self._require_service_role(request)
        body = await self._body(request)
        async with self._store.transaction() as connection:
            user = await users.create(connection, body, self._config.clock())
        return JSONResponse(users.public_user(user))

    async def admin_list(self, request: Request) -> Response:
        """GET /admin/users?page=&per_page=."""
        self._require_service_role(request)
        try:
            number = int(request.query_params.get("page") or 1)
            size = int(request.query_params.get("per_page") or 50)
        except ValueError:
            raise AuthRefusal(400, "validation_failed", "Bad Pagination Parameters") from None
        if not (1 <= number <= 10**6 and size >= 1):
            raise AuthRefusal(400, "validation_failed", "Bad Pagination Parameters")
        async with self._store.transaction() as connection:
            found = await users.page(connection, number, min(size, PAGE_SIZE_MAX))
        return JSONResponse({"users": [users.public_user(user) for user in found], "aud": "authenticated"})

    async def admin_get(self, request: Request) -> Response:
        """GET /admin/users/{id}."""
        self._require_service_role(request)
        async with self._store.transaction() as connection:
            user = await users.by_id(connection, _user_id(request))
        if user is None:
            raise AuthRefusal(404, "user_not_found", "User not found")
        return JSONResponse(users.public_user(user))

    async def admin_delete(self, request: Request) -> Response:
        """DELETE /admin/users/{id}."""
        self._require_service_role(request)
        async with self._store.transaction() as connection:
            found = await users.delete(connection, _user_id(request))
        if not found:
            raise AuthRefusal(404, "user_not_found", "User not found")
        return JSONResponse({})

    def route(self, handler: Handler, *, needs_key: bool = True) -> Handler:
        """`handler`, with the API key checked and every error in Supabase's shape."""

        async def answer(request: Request) -> Response:
            if needs_key and not self._has_key(request):
                return JSONResponse(
                    {"message": "Invalid API key", "hint": "Send the anon or service_role key as `apikey`."}, 401
                )
            try:
                return await handler(request)
            except AuthRefusal as refusal:
                return respond(request, refusal)
            except BodyTooLarge:
                return respond(request, AuthRefusal(413, "request_too_large", "Request body is too large"))
            except (psycopg.OperationalError, psycopg_pool.PoolTimeout) as error:
                log.warning("auth's database does not answer", error=type(error).__name__)
                return respond(request, AuthRefusal(503, "unexpected_failure", "Database is not available"))

        return answer

    def _signed_in(self, user: dict[str, Any], session: dict[str, Any], refresh_token: str) -> Response:
        access_token, expires_at = self._signer.access_token(user, session, self._config.clock())
        return JSONResponse(
            {
                "access_token": access_token,
                "token_type": "bearer",
                "expires_in": int(ACCESS_TTL.total_seconds()),
                "expires_at": expires_at,
                "refresh_token": refresh_token,
                "user": users.public_user(user),
            },
            headers={"cache-control": "no-store"},
        )

    def _has_key(self, request: Request) -> bool:
        given = request.headers.get("apikey") or request.query_params.get("apikey") or ""
        keys = (self._config.anon_key, self._config.service_role_key)
        return any(hmac.compare_digest(given.encode(), key.encode()) for key in keys)

    def _require_service_role(self, request: Request) -> None:
        if self._signer.role(_bearer(request)) != "service_role":
            raise AuthRefusal(403, "not_admin", "User not allowed")

    def _require_our_server(self, request: Request) -> None:
        """Whoever else has the anon key must not spend the tries of somebody's code, nor their texts."""
        try:
            role = self._signer.role(_bearer(request))
        except AuthRefusal:
            role = ""
        if role != "service_role":
            raise AuthRefusal(403, "server_only", "Codes are sent and checked for PaYa's own server alone")

    async def _person(self, request: Request) -> dict[str, Any]:
        claims = self._signer.user_claims(_bearer(request), self._config.clock())
        if parse_id(claims["sub"]) is None or parse_id(claims["session_id"]) is None:
            raise AuthRefusal(403, "bad_jwt", "invalid claim: sub and session_id must be UUIDs")
        async with self._store.transaction() as connection:
            alive = await sessions.is_alive(connection, claims["session_id"], claims["sub"])
        if not alive:
            raise AuthRefusal(403, "session_not_found", "Session from session_id claim in JWT does not exist")
        return claims

    async def _body(self, request: Request) -> dict[str, Any]:
        raw = await read_limited(request.stream(), request.headers, bytes_max=BODY_BYTES_MAX)
        try:
            body = json.loads(raw, parse_float=_finite, parse_constant=_finite)
            json.dumps(body, ensure_ascii=False).encode()  # half a character cannot be kept, nor hashed
        except (ValueError, RecursionError):
            raise AuthRefusal(400, "bad_json", "Could not parse request body as JSON") from None
        if not isinstance(body, dict):
            raise AuthRefusal(400, "bad_json", "Could not parse request body as JSON")
        return body


def _finite(text: str) -> float:
    """The number written in `text`.

    Raises:
        ValueError: it is infinite or none, which jsonb cannot hold.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > TOKEN_CHARACTERS_MAX:
        raise AuthRefusal(401, "no_authorization", "This endpoint requires a Bearer token")
    return token.strip()


def _user_id(request: Request) -> UUID:
    user_id = parse_id(request.path_params["user_id"])
    if user_id is None:
        raise AuthRefusal(404, "validation_failed", "user_id must be an UUID")
    return user_id


def create_auth(config: AuthConfig | None = None) -> Starlette:
    """The ASGI app that answers under `/auth/v1`; mount it at the root of the one origin.

    Mounted apps get no lifespan, so it opens what it needs at the first request; run by itself it closes them
    at its end, mounted, whoever mounts it may call `app.state.close()`.
    """
    auth = Auth(config or AuthConfig.from_settings())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await auth.close()

    def route(path: str, handler: Handler, method: str, *, needs_key: bool = True) -> Route:
        return Route(path, auth.route(handler, needs_key=needs_key), methods=[method])

    app = Starlette(
        routes=[
            Mount(
                "/auth/v1",
                routes=[
                    route("/otp", auth.otp, "POST"),
                    route("/verify", auth.verify, "POST"),
                    route("/token", auth.token, "POST"),
                    route("/logout", auth.logout, "POST"),
                    route("/user", auth.user, "GET"),
                    route("/.well-known/jwks.json", auth.jwks, "GET", needs_key=False),
                    route("/health", auth.health, "GET", needs_key=False),
                    route("/settings", auth.settings, "GET"),
                    route("/admin/users", auth.admin_create, "POST"),
                    route("/admin/users", auth.admin_list, "GET"),
                    route("/admin/users/{user_id}", auth.admin_get, "GET"),
                    route("/admin/users/{user_id}", auth.admin_delete, "DELETE"),
                ],
            )
        ],
        lifespan=lifespan,
    )
    app.state.close = auth.close
    return app
