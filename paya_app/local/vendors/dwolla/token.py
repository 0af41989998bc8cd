"""`POST /token`: application access tokens for client credentials."""

import base64
import binascii
import hashlib
import secrets
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from paya_app.local.vendors.dwolla.call import BODY_BYTES_MAX, same
from paya_app.local.vendors.dwolla.state import Dwolla

TTL_S = 3600


async def issue(dwolla: Dwolla, request: Request) -> Response:
    """A bearer token; the credentials come in the header (Basic) or, as Dwolla's SDKs do, in the form."""
    raw = await request.body()
    form = parse_qs(raw.decode("utf-8", "replace")) if len(raw) <= BODY_BYTES_MAX else {}
    key, secret = _basic(request) or (form.get("client_id", [""])[0], form.get("client_secret", [""])[0])
    if not (same(key, dwolla.key) and same(secret, dwolla.secret)):
        return JSONResponse({"error": "invalid_client"}, status_code=401)
    if form.get("grant_type") != ["client_credentials"]:
        return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
    token = secrets.token_urlsafe(37)
    async with dwolla.transaction() as connection:
        await connection.execute(
            "delete from vendor_dwolla.access_token where expires_at < clock_timestamp() - interval '1 day'"
        )
        await connection.execute(
            "insert into vendor_dwolla.access_token (hash, expires_at)"
            " values (%s, clock_timestamp() + %s * interval '1 s')",
            (hashlib.sha256(token.encode()).hexdigest(), TTL_S),
        )
    return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": TTL_S})


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ("", "")
    return key, secret
