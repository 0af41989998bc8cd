"""One request to the stand-in: who asks, what was sent, and the transaction it runs in."""

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from paya_app.local.vendors.dwolla.hal import Refused, bad_request, created, hal, not_found
from paya_app.local.vendors.dwolla.state import Connection, Dwolla

BODY_BYTES_MAX = 100_000
PAGE_DEFAULT = 25
PAGE_MAX = 200

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(slots=True)
class Call:
    """A request that proved its token, with its JSON body read."""

    dwolla: Dwolla
    request: Request
    connection: Connection
    body: dict[str, Any]

    @property
    def id(self) -> uuid.UUID:
        """The `{id}` of the path.

        Raises:
            Refused: 404, as Dwolla answers for an id that is none.
        """
        text = self.request.path_params["id"]
        if not _UUID.fullmatch(text):
            raise not_found()
        return uuid.UUID(text)

    async def row(self, sql: Any, *params: Any) -> dict[str, Any] | None:
        """The first row of a statement, or None."""
        return await (await self.connection.execute(sql, params)).fetchone()

    async def rows(self, sql: Any, *params: Any) -> list[dict[str, Any]]:
        """All rows of a statement."""
        return await (await self.connection.execute(sql, params)).fetchall()

    async def run(self, sql: Any, *params: Any) -> None:
        """A statement without a result."""
        await self.connection.execute(sql, params)

    def page(self, *, default: int = PAGE_DEFAULT) -> tuple[int, int]:
        """`limit` and `offset` of the query, within Dwolla's bounds."""
        return (
            min(max(self._number("limit", default), 1), PAGE_MAX),
            max(self._number("offset", 0), 0),
        )

    def _number(self, name: str, default: int) -> int:
        text = self.request.query_params.get(name, "")
        return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else default


Handler = Callable[[Call], Awaitable[Response]]


def linked_id(href: object, kind: str) -> uuid.UUID | None:
    """The id in an address like `https://…/funding-sources/{id}`, or None."""
    match = re.search(rf"/{kind}/({_UUID.pattern})$", href) if isinstance(href, str) else None
    return uuid.UUID(match.group(1)) if match else None


def endpoint(dwolla: Dwolla, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """`handler` behind the token check, the reading of the body, idempotency and one transaction."""

    async def answer(request: Request) -> Response:
        try:
            if "%00" in request.url.query:
                raise bad_request()
            raw = await _read(request)
            async with dwolla.transaction() as connection:
                await _authorize(connection, request)
                call = Call(dwolla, request, connection, _parse(raw))
                response = await _once(call, raw, handler)
        except Refused as refusal:
            return hal(refusal.body, refusal.status)
        dwolla.wake.set()
        return response

    return answer


async def _read(request: Request) -> bytes:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            raise Refused(413, "PayloadTooLarge", "The request body is too large.")
    return raw


def _parse(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
        json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is JSON, but no text
    except (ValueError, RecursionError):
        raise bad_request() from None
    if not isinstance(body, dict) or b"\\u0000" in raw:
        raise bad_request()
    return body


async def _authorize(connection: Connection, request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        found = await connection.execute(
            "select expires_at > clock_timestamp() as live from vendor_dwolla.access_token where hash = %s",
            (hashlib.sha256(token.encode()).hexdigest(),),
        )
        row = await found.fetchone()
        if row and row["live"]:
            return
        if row:
            raise Refused(401, "ExpiredAccessToken", "Generate a new one using your client credentials.")
    raise Refused(401, "InvalidAccessToken", "Invalid access token.")


async def _once(call: Call, raw: bytes, handler: Handler) -> Response:
    """Answer a repeated `Idempotency-Key` with the first answer; 409 while the first is still at work.

    Like Dwolla's, a key counts together with the request it came with, for 24 hours.
    """
    key = call.request.headers.get("idempotency-key", "")
    if call.request.method != "POST" or not key:
        return await handler(call)
    request_hash = hashlib.sha256(call.request.url.path.encode() + b"\n" + raw).hexdigest()
    free = await call.row("select pg_try_advisory_xact_lock(hashtextextended(%s, 7)) as free", key + request_hash)
    if not free or not free["free"]:
        raise Refused(409, "Conflict", "The request conflicts with another request with the same idempotency key.")
    known = await call.row(
        "select status, location from vendor_dwolla.idempotency"
        " where key = %s and request_hash = %s and at > clock_timestamp() - interval '24 hours'",
        key,
        request_hash,
    )
    if known:
        return created(known["location"]) if known["location"] else Response(status_code=known["status"])
    response = await handler(call)
    if response.status_code < 300:  # noqa: PLR2004 - a success
        await call.run(
            "insert into vendor_dwolla.idempotency (key, request_hash, status, location) values (%s, %s, %s, %s)"
            " on conflict (key, request_hash) do update"
            " set status = excluded.status, location = excluded.location, at = clock_timestamp()",
            key,
            request_hash,
            response.status_code,
            response.headers.get("location"),
        )
    return response


def same(left: str, right: str) -> bool:
    """Whether two secrets are equal, in time that does not tell where they differ."""
    return hmac.compare_digest(left.encode(), right.encode())
