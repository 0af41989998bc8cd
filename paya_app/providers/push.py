"""Push messages to browsers (RFC 8030), encrypted for each (RFC 8291) and signed with our VAPID key (RFC 8292).

Where to is what a browser said, so it comes from anyone: we call the push services of browsers, and no other host.
"""

import asyncio
import base64
import binascii
import json
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02
from pywebpush import WebPusher

from paya_app.core.config import settings
from paya_app.providers.breaker import guarded
from paya_app.providers.outcome import Rejected, Retryable, Unknown, wait_told

VENDOR = "push"
GONE = frozenset({"404", "410"})
# what a push service keeps for a browser that is off; later it is no news
TTL_S = 24 * 3600
CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 10.0
POINT_BYTES = 65
SECRET_BYTES = 16

_SERVICES = re.compile(
    r"(fcm|android|jmt17)\.googleapis\.com|([a-z0-9-]+\.)*push\.services\.mozilla\.com"
    r"|([a-z0-9-]+\.)*push\.apple\.com|([a-z0-9-]+\.)*notify\.windows\.com"
)
_SIGNED_S = 12 * 3600
_BUSY_STATUS = 429
_TAKEN = range(200, 300)


def is_known(endpoint: str) -> bool:
    """Whether this is an address at a push service that browsers use, or at one of `PUSH_ORIGINS`."""
    try:
        at = urlsplit(endpoint)
        port = at.port
    except ValueError:
        return False
    if at.username or at.password or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        return False
    if f"{at.scheme}://{at.netloc}" in settings().push_origins.split():
        return True
    return at.scheme == "https" and port in {None, 443} and bool(_SERVICES.fullmatch(at.hostname or ""))


def are_keys(public_key: str, auth_secret: str) -> bool:
    """Whether these are a point on P-256 and a secret of 16 bytes, in base64url without padding."""
    try:
        point, secret = _bytes(public_key), _bytes(auth_secret)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except (ValueError, binascii.Error):
        return False
    return len(point) == POINT_BYTES and len(secret) == SECRET_BYTES


def public_key() -> str:
    """Our VAPID key as pages hand it to `pushManager.subscribe`; empty when there is none."""
    key = settings().vapid_private_key.get_secret_value()
    return _public_key(key) if key else ""


async def send_push(endpoint: str, key: str, auth_secret: str, message: Mapping[str, str]) -> None:
    """Send `message` as JSON to one browser.

    Raises:
        Rejected: the service's status as its code; `GONE` says that the browser is there no more.
        Retryable: certainly not taken.
        Unknown: no answer came.
    """
    if not is_known(endpoint):
        raise Rejected("unknown_service")
    await guarded(VENDOR, lambda: _send(endpoint, key, auth_secret, json.dumps(dict(message)).encode()))


async def _send(endpoint: str, key: str, auth_secret: str, plain: bytes) -> None:
    try:
        body = await asyncio.to_thread(_encrypted, endpoint, key, auth_secret, plain)
    except (ValueError, binascii.Error):
        raise Rejected("bad_keys") from None
    headers = {"ttl": str(TTL_S), "urgency": "normal", "content-encoding": "aes128gcm", **_signed(endpoint)}
    try:
        # a client for each: few are sent at a time, and to many hosts
        async with httpx.AsyncClient(
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S), trust_env=False, follow_redirects=False
        ) as client:
            answer = await client.post(endpoint, content=body, headers=headers)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        raise Retryable("unreachable") from None
    except httpx.HTTPError as error:
        raise Unknown(type(error).__name__) from None
    if answer.status_code in _TAKEN:
        return
    if answer.status_code == _BUSY_STATUS:
        wait_s = wait_told(answer.headers.get("retry-after", ""))
        raise Retryable("busy", retry_after_s=wait_s, is_outage=False)
    if answer.status_code == 503:  # noqa: PLR2004 - refused before it was taken
        raise Retryable("down")
    if answer.status_code >= 500:  # noqa: PLR2004
        raise Unknown(f"status_{answer.status_code}")
    raise Rejected(str(answer.status_code))


def _encrypted(endpoint: str, key: str, auth_secret: str, plain: bytes) -> bytes:
    described = {"endpoint": endpoint, "keys": {"p256dh": key, "auth": auth_secret}}
    return WebPusher(described).encode(plain, content_encoding="aes128gcm")["body"]


def _signed(endpoint: str) -> dict[str, str]:
    at = urlsplit(endpoint)
    contact = settings().public_url
    claims = {
        "aud": f"{at.scheme}://{at.netloc}",
        "exp": int(time.time()) + _SIGNED_S,
        # push services want an address they can write to; without one of ours our site is it
        "sub": contact if contact.startswith("https:") else "mailto:nobody@localhost",
    }
    return Vapid02.from_string(settings().vapid_private_key.get_secret_value()).sign(claims)


@lru_cache(maxsize=4)
def _public_key(private_key: str) -> str:
    private = ec.derive_private_key(int.from_bytes(_bytes(private_key)), ec.SECP256R1())
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
