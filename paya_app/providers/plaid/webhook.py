"""Plaid's webhooks: is it really Plaid, and what does it say.

The signature is a JWT (ES256) over the hash of the raw body. Its public key is asked for by its id the first time
that it is named, and kept; unknown ids are asked for one at a time and not too often, so that a stream of forgeries
does not become a stream of requests.
"""

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt

from paya_app.core.config import settings
from paya_app.core.errors import RequestInvalid
from paya_app.providers.outcome import Rejected, Retryable
from paya_app.providers.plaid.verbs import verification_key

SIGNATURE_HEADER = "plaid-verification"
AGE_S_MAX = 300
AHEAD_S_MAX = 60
KEY_ID_CHARACTERS_MAX = 64
KEYS_MAX = 20
KEY_TTL_S = 86400
MINUTE_S = 60
ANSWER_S_MAX = 5
UNKNOWN_KEYS_A_MINUTE = 10
TEXT_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Notice:
    """That something happened to a session or an item. A hint: the truth is asked for.

    Attributes:
        id: the same for the same sending.
        topic: like `LINK.SESSION_FINISHED` or `ITEM.ERROR`.
        link_token_hash: which session, or "".
        item_id: which item, or "".
    """

    id: str
    topic: str
    link_token_hash: str
    item_id: str


async def signature_is_valid(body: bytes, signature: str) -> bool:
    """Whether Plaid signed this raw body within the last five minutes.

    Raises:
        Retryable: the public key cannot be had right now.
    """
    if not settings().plaid_secret.get_secret_value():
        return False
    try:
        header = jwt.get_unverified_header(signature)
        kid = header.get("kid")
        if header.get("alg") != "ES256" or not isinstance(kid, str) or not 0 < len(kid) <= KEY_ID_CHARACTERS_MAX:
            return False
        key = await _keys.key(kid)
        if key is None:
            return False
        claims = jwt.decode(signature, key, algorithms=["ES256"], options={"require": ["iat"], "verify_iat": False})
        age_s = time.time() - float(claims["iat"])
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return False
    said = str(claims.get("request_body_sha256", ""))
    fits = hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), said.encode())
    return fits and -AHEAD_S_MAX <= age_s < AGE_S_MAX


def read_notice(body: bytes, signature: str) -> Notice:
    """What a verified body says. Plaid gives its webhooks no id: the body with its time of signing is one.

    Raises:
        RequestInvalid: it is no event.
    """
    try:
        event: Any = json.loads(body)
        kind, code = event["webhook_type"], event["webhook_code"]
        token, item_id = event.get("link_token") or "", event.get("item_id") or ""
        signed_at = jwt.decode(signature, options={"verify_signature": False}).get("iat")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, jwt.PyJWTError):
        raise RequestInvalid from None
    for value in (kind, code, token, item_id):
        if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX or not value.isascii():
            raise RequestInvalid
        if value and not value.isprintable():
            raise RequestInvalid
    return Notice(
        id=f"plaid-{hashlib.sha256(body + str(signed_at).encode()).hexdigest()[:40]}",
        topic=f"{kind}.{code}",
        link_token_hash=token_hash(token) if token else "",
        item_id=item_id,
    )


def token_hash(link_token: str) -> str:
    """What a session is found by, without keeping its token readable."""
    return hashlib.sha256(link_token.encode()).hexdigest()


class _Keys:
    """Public keys by id, kept for a day; whoever needs one that is being asked for waits for that answer."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[float, Any]] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[Any]] = {}
        self._asked_s: dict[str, list[float]] = {}

    async def key(self, kid: str) -> Any | None:
        """The public key, or None when there is none of this id.

        Raises:
            Retryable: the vendor does not answer, or too many unknown ids were named.
        """
        at = (settings().plaid_base_url, kid)
        found = self._known.get(at)
        if found is not None and time.monotonic() - found[0] < KEY_TTL_S:
            return found[1]
        if at not in self._asking:
            now_s = time.monotonic()
            lately_s = [each for each in self._asked_s.get(at[0], ()) if now_s - each < MINUTE_S]
            if len(lately_s) >= UNKNOWN_KEYS_A_MINUTE:
                raise Retryable("too_many_unknown_keys", is_outage=False)
            self._asked_s = {at[0]: [*lately_s, now_s]}
            self._asking[at] = asyncio.create_task(self._fetch(at))
        return await asyncio.shield(self._asking[at])

    async def _fetch(self, at: tuple[str, str]) -> Any | None:
        try:
            jwk = await asyncio.wait_for(verification_key(at[1]), ANSWER_S_MAX)
        except Rejected:
            return None
        except TimeoutError:
            raise Retryable("no_answer_in_time") from None
        finally:
            del self._asking[at]
        key = None if jwk.get("expired_at") else jwt.PyJWK(dict(jwk), "ES256").key
        if len(self._known) >= KEYS_MAX:
            self._known.clear()
        self._known[at] = (time.monotonic(), key)
        return key


_keys = _Keys()
