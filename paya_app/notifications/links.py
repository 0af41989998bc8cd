"""Links that do one thing for whoever holds them: confirm an address, end a kind of notice.

They are sealed with a key of their own purpose, so that nobody can make or read one; what they do is safe to do again.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from paya_app.core.config import settings
from paya_app.core.crypto import Unsealable, seal, unseal
from paya_app.notifications.errors import LinkInvalid

CONFIRM_TTL = timedelta(days=3)
_CONFIRM = "confirm an address"
_UNSUBSCRIBE = "end a kind of notice"
_TOKEN_CHARACTERS_MAX = 1000


def confirm_url(person: UUID, address: str, *, at: datetime) -> str:
    """The page that confirms `address`, good for three days from `at`."""
    until = int((at + CONFIRM_TTL).timestamp())
    return f"{settings().public_url}/notices/confirm?token={_made(_CONFIRM, p=str(person), a=address, u=until)}"


def read_confirm(token: str, *, at: datetime) -> tuple[UUID, str]:
    """Whose address it is, and which.

    Raises:
        LinkInvalid: not made by us, or too old.
    """
    said = _read(_CONFIRM, token)
    if datetime.fromtimestamp(said["u"], UTC) < at:
        raise LinkInvalid
    return UUID(said["p"]), said["a"]


def unsubscribe_url(person: UUID, kind: str, channel: str) -> str:
    """The page, and for mail programs the POST of one click (RFC 8058), that ends these notices. It does not expire."""
    return f"{settings().public_url}/notices/unsubscribe?token={_made(_UNSUBSCRIBE, p=str(person), k=kind, c=channel)}"


def read_unsubscribe(token: str) -> tuple[UUID, str, str]:
    """Who, which kind, and which channel.

    Raises:
        LinkInvalid: not made by us.
    """
    said = _read(_UNSUBSCRIBE, token)
    return UUID(said["p"]), said["k"], said["c"]


def _made(purpose: str, **said: Any) -> str:
    plain = json.dumps(said, separators=(",", ":")).encode()
    return urlsafe_b64encode(seal(plain, purpose=purpose)).decode().rstrip("=")


def _read(purpose: str, token: str) -> dict[str, Any]:
    if len(token) > _TOKEN_CHARACTERS_MAX or not token.isascii():
        raise LinkInvalid
    try:
        sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return json.loads(unseal(sealed, purpose=purpose))
    except (Unsealable, ValueError):
        raise LinkInvalid from None
