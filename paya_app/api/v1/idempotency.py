"""`Idempotency-Key`: the program's own name for an operation, and what tells that another request uses it."""

import hashlib
import hmac
import json
import re

from starlette.requests import Request

from paya_app.api.v1.asked import Asked
from paya_app.core.crypto import derived_key
from paya_app.developers.request_errors import IdempotencyKeyMalformed, IdempotencyKeyMissing

# visible ASCII, bare or in quotes, as it is described, too
PATTERN = '^("[!#-~]{1,253}"|[!#-~]{1,255})$'
_FORM = re.compile(PATTERN)
NAMES = ("idempotency-key", "x-idempotency-key")
_PURPOSE = "idempotency fingerprints"


def idempotency_key_of(request: Request) -> str:
    """The key, without the quotes that it may stand in; `X-Idempotency-Key` is another name for it.

    Raises:
        IdempotencyKeyMissing: there is none.
        IdempotencyKeyMalformed: two of them, empty, longer than 255 characters, or other than visible ASCII.
    """
    sent = [value for name in NAMES for value in request.headers.getlist(name)]
    if not sent:
        raise IdempotencyKeyMissing
    written = sent[0].strip(" \t")
    if len(sent) > 1 or not _FORM.fullmatch(written):
        raise IdempotencyKeyMalformed
    return written.strip('"')


def fingerprint_of(request: Request, body: Asked, version: str) -> bytes:
    """What a request is: method, path, version and body, however that was spaced and ordered.

    A keyed hash: the numbers of cards are few enough to be guessed from a plain one.
    """
    said = body.model_dump(mode="json", exclude_unset=True)
    written = json.dumps([request.method, request.url.path, version, said], sort_keys=True, separators=(",", ":"))
    return hmac.digest(derived_key(_PURPOSE), written.encode(), hashlib.sha256)
