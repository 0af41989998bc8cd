"""Plaid's way of asking, answering and refusing: JSON by POST, keys in the body or in headers."""

import hmac
import json
import secrets
import string
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from paya_app.local.vendors.plaid.state import Connection, Plaid

BODY_BYTES_MAX = 100_000
TEXT_CHARACTERS_MAX = 2000
_LETTERS = string.ascii_letters + string.digits


class Refused(Exception):
    """An error answer; raising it undoes what the request did."""

    def __init__(self, error_type: str, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "documentation_url": f"https://plaid.com/docs/?ref=error#{error_type.lower().replace('_', '-')}-errors",
            "error_type": error_type,
            "error_code": code,
            "error_message": message,
            "display_message": None,
            "suggested_action": None,
        }


def missing(field: str) -> Refused:
    """A required field is not there."""
    message = f"the following required fields are missing: {field}"
    return Refused("INVALID_REQUEST", "MISSING_FIELDS", message)


def invalid(field: str, why: str) -> Refused:
    """A field holds what it cannot hold."""
    return Refused("INVALID_REQUEST", "INVALID_FIELD", f"{field} {why}")


def bad_token(kind: str) -> Refused:
    """A token of this kind is unknown, expired or used up."""
    words = kind.replace("_", " ")
    return Refused("INVALID_INPUT", f"INVALID_{kind.upper()}", f"could not find matching {words}")


def new_id() -> str:
    """An identifier as Plaid's look: 37 letters and digits, case matters."""
    return "".join(secrets.choice(_LETTERS) for _ in range(37))


def moment(at: datetime) -> str:
    """`2025-01-03T01:48:22Z`."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Call:
    """A request that proved its keys, with its body read."""

    plaid: Plaid
    connection: Connection
    body: dict[str, Any]

    async def row(self, sql: Any, *params: Any) -> dict[str, Any] | None:
        """The first row of a statement, or None."""
        return await (await self.connection.execute(sql, params)).fetchone()

    async def run(self, sql: Any, *params: Any) -> None:
        """A statement without a result."""
        await self.connection.execute(sql, params)

    def text(self, name: str, *, within: dict[str, Any] | None = None) -> str:
        """A required text of the body.

        Raises:
            Refused: it is missing, or no text.
        """
        value = (self.body if within is None else within).get(name)
        if value is None or value == "":
            raise missing(name)
        if not isinstance(value, str) or "\x00" in value or len(value) > TEXT_CHARACTERS_MAX:
            raise invalid(name, "must be a string")
        return value


Handler = Callable[[Call], Awaitable[dict[str, Any]]]


def endpoint(plaid: Plaid, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """`handler` behind the reading of the body, the check of the keys, and one transaction."""

    async def answer(request: Request) -> Response:
        request_id = secrets.token_hex(7)
        try:
            body = _parse(await _read(request))
            _authorize(plaid, request, body)
            async with plaid.transaction() as connection:
                given = await handler(Call(plaid, connection, body))
        except Refused as refusal:
            return JSONResponse(refusal.body | {"request_id": request_id}, refusal.status)
        plaid.wake.set()
        return JSONResponse(given | {"request_id": request_id})

    return answer


async def _read(request: Request) -> bytes:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            raise Refused("INVALID_REQUEST", "INVALID_BODY", "the body is too large", status=413)
    return raw


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused("INVALID_REQUEST", "INVALID_BODY", "body could not be parsed as JSON") from None
    if not isinstance(body, dict) or b"\\u0000" in raw:
        raise Refused("INVALID_REQUEST", "INVALID_BODY", "body must be a JSON object")
    return body


def _authorize(plaid: Plaid, request: Request, body: dict[str, Any]) -> None:
    client_id = body.get("client_id") or request.headers.get("plaid-client-id", "")
    secret = body.get("secret") or request.headers.get("plaid-secret", "")
    pairs = ((client_id, plaid.client_id), (secret, plaid.secret))
    if not all(isinstance(a, str) and hmac.compare_digest(a.encode(), b.encode()) for a, b in pairs):
        raise Refused("INVALID_INPUT", "INVALID_API_KEYS", "invalid client_id or secret provided")
