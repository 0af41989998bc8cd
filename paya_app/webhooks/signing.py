"""Secrets of endpoints, and signatures with them (Standard Webhooks, symmetric: HMAC-SHA256)."""

import base64
import hashlib
import os
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from standardwebhooks import Webhook

from paya_app.core.crypto import seal, unseal

PREFIX = "whsec_"
SECRET_BYTES = 32

_PURPOSE = "webhook secrets"


def new_secret() -> str:
    """A fresh secret, as developers put it into their programs."""
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def sealed(secret: str, endpoint_id: UUID) -> bytes:
    """The secret as it is kept."""
    return seal(secret.encode(), purpose=_PURPOSE, bound_to=endpoint_id.bytes)


def unsealed(sealed_base64: str, endpoint_id: UUID) -> str:
    """The secret that was sealed for this endpoint, from what the database gives.

    Raises:
        Unsealable: sealed for another endpoint, with another key, or not by us.
    """
    return unseal(base64.b64decode(sealed_base64), purpose=_PURPOSE, bound_to=endpoint_id.bytes).decode()


def wrong_secret(message_id: str) -> str:
    """A secret that is nobody's, the same for the same message: what test mode signs wrongly with."""
    return PREFIX + base64.b64encode(hashlib.sha256(f"wrong:{message_id}".encode()).digest()).decode()


def signed_headers(body: str, *, message_id: str, at: datetime, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one try at `at` (real time); one signature for each secret."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, at, body) for secret in secrets),
    }
