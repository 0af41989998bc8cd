"""Dwolla's webhooks: verify the raw body, keep the event once, answer. What it means is found out by a job."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from paya_app import banking
from paya_app.api.inbound.send_sms import SignatureInvalid
from paya_app.core.bodies import read_limited
from paya_app.providers.dwolla import SIGNATURE_HEADER, read_notice, signature_is_valid

BODY_BYTES_MAX = 64 * 1024

router = APIRouter()


@router.post("/hooks/dwolla")
async def dwolla(request: Request) -> Response:
    """200 once the event is kept, whether it is new or not; 401 for a signature that does not fit."""
    raw = await read_limited(request.stream(), request.headers, bytes_max=BODY_BYTES_MAX)
    if not signature_is_valid(raw, request.headers.get(SIGNATURE_HEADER, "")):
        raise SignatureInvalid
    await banking.receive_notice(read_notice(raw))
    return JSONResponse({})
