"""Who acts, for programs: from the access token that Supabase Auth gave a person to the actor."""

import hashlib
import time
from collections import OrderedDict
from typing import Any

from paya_app.core.actor import Actor
from paya_app.core.errors import PayaError, ServiceUnavailable
from paya_app.providers import supabase_auth
from paya_app.providers.outcome import Retryable
from paya_app.providers.supabase_auth import TokenRefused

TOKEN_CHARACTERS_MAX = 4096
# A signature that was checked is remembered for as long: a program sends the same token with every request.
REMEMBERED_S = 60
REMEMBERED_MAX = 10_000

# by the token's SHA-256: until when, and what it says
_remembered: OrderedDict[bytes, tuple[float, dict[str, Any]]] = OrderedDict()


class AccessTokenRefused(PayaError):
    """No access token, or one that is not a person's of ours, or no longer good."""

    code = "access_token_refused"
    status = 401

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return "The access token is missing or no longer good. Nothing was changed. Sign in again for a new one."


async def actor_for_token(token: str) -> Actor:
    """Whose access token this is. Whether its session still is one is asked with whatever the actor does first.

    Raises:
        AccessTokenRefused: it is none of ours, or has expired; and from every transaction of the actor's once its
            session was ended.
        ServiceUnavailable: it cannot be known now.
    """
    if not token or len(token) > TOKEN_CHARACTERS_MAX:
        raise AccessTokenRefused
    try:
        return Actor.user(await _verified(token), session_over=AccessTokenRefused)
    except TokenRefused as refused:
        raise AccessTokenRefused from refused
    except Retryable as failure:
        raise ServiceUnavailable from failure


async def _verified(token: str) -> dict[str, Any]:
    """The claims of the token, its signature checked within the last minute. Its session may be over."""
    digest = hashlib.sha256(token.encode()).digest()
    until, claims = _remembered.get(digest, (0.0, {}))
    if time.time() < until:
        return claims
    claims = await supabase_auth.verified_claims(token)
    _remembered[digest] = (min(time.time() + REMEMBERED_S, float(claims["exp"])), claims)
    _remembered.move_to_end(digest)
    while len(_remembered) > REMEMBERED_MAX:
        _remembered.popitem(last=False)
    return claims
