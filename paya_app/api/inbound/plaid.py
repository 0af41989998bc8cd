"""Plaid's webhooks: verify the raw body, keep the event once, answer. What it means is found out by a job.

The public key of a signature is asked of Plaid the first time that its id is named: the one call to a vendor that an
answer waits for, and it is kept for a day.
"""

import structlog
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from paya_app import banking
from paya_app.api.inbound.send_sms import SignatureInvalid
from paya_app.core.bodies import read_limited
from paya_app.core.errors import ServiceUnavailable
from paya_app.providers.outcome import Retryable
from paya_app.providers.plaid import SIGNATURE_HEADER, read_notice, signature_is_valid

BODY_BYTES_MAX = 64 * 1024

router = APIRouter()
log = structlog.get_logger()


@router.post("/hooks/plaid")
async def plaid(request: Request) -> Response:
    """200 once the event is kept, whether it is new or not; 401 for a signature that does not fit."""
    raw = await read_limited(request.stream(), request.headers, bytes_max=BODY_BYTES_MAX)
    signature = request.headers.get(SIGNATURE_HEADER, "")
    try:
        is_valid = await signature_is_valid(raw, signature)
    except Retryable as failure:
        log.warning("a notice could not be verified", reason=failure.reason)
        raise ServiceUnavailable from failure
    if not is_valid:
        raise SignatureInvalid
    await banking.receive_link_notice(read_notice(raw, signature))
    return JSONResponse({})
