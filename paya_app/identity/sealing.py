"""What of a session is kept: a hash of its secret, and Supabase Auth's tokens, sealed and bound to its row."""

import hashlib
import re
from datetime import timedelta
from typing import Any, Literal, TypeGuard
from uuid import UUID

from paya_app.core.clock import now
from paya_app.core.crypto import seal, unseal
from paya_app.providers.supabase_auth import AuthTokens

SESSION_TTL = timedelta(days=7)  # since the last refresh

_PURPOSE = "web session tokens"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")

Kind = Literal["access", "refresh"]


def sealed(tokens: AuthTokens, session_id: UUID) -> dict[str, Any]:
    """The tokens and their times as parameters of the statements that keep them."""
    return {
        "access": _seal(tokens.access_token, session_id, "access"),
        "refresh": _seal(tokens.refresh_token, session_id, "refresh"),
        "access_expires_at": tokens.access_expires_at,
        "expires_at": now() + SESSION_TTL,
    }


def unsealed(token: bytes, session_id: UUID, kind: Kind) -> str:
    """The token that was sealed for this session.

    Raises:
        Unsealable: sealed for another session, with another secret, or not by us.
    """
    return unseal(bytes(token), purpose=_PURPOSE, bound_to=session_id.bytes + kind.encode()).decode()


def is_secret(text: object) -> TypeGuard[str]:
    """Whether it has the form of a secret of ours."""
    return isinstance(text, str) and _SECRET.fullmatch(text) is not None


def hash_of(secret: str) -> bytes:
    """What of the secret is kept."""
    return hashlib.sha256(secret.encode()).digest()


def _seal(token: str, session_id: UUID, kind: Kind) -> bytes:
    return seal(token.encode(), purpose=_PURPOSE, bound_to=session_id.bytes + kind.encode())
