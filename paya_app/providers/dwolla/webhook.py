"""Dwolla's webhooks: is it really Dwolla, and what does it say."""

import hashlib
import hmac
import json
from dataclasses import dataclass

from paya_app.core.config import settings
from paya_app.core.errors import RequestInvalid

ID_CHARACTERS_MAX = 64
SIGNATURE_HEADER = "x-request-signature-sha-256"


@dataclass(frozen=True, slots=True)
class Notice:
    """That something happened to a resource. A hint: the truth is asked for."""

    id: str
    topic: str
    resource_id: str


def signature_is_valid(body: bytes, signature: str) -> bool:
    """Whether `signature` is the hex HMAC-SHA256 of the raw body under our webhook secret."""
    secret = settings().dwolla_webhook_secret.get_secret_value()
    if not secret:
        return False
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.strip().lower().encode())


def read_notice(body: bytes) -> Notice:
    """What a verified body says.

    Raises:
        RequestInvalid: it is no event.
    """
    try:
        event = json.loads(body)
        notice = Notice(id=event["id"], topic=event["topic"], resource_id=event["resourceId"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise RequestInvalid from None
    for value in (notice.id, notice.topic, notice.resource_id):
        if not isinstance(value, str) or not 1 <= len(value) <= ID_CHARACTERS_MAX or not value.isascii():
            raise RequestInvalid
        if not value.isprintable():
            raise RequestInvalid
    return notice
