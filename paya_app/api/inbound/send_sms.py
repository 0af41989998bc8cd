"""Supabase Auth's Send-SMS hook: it hands us a code, we text it if our own server has just asked for it.

Anybody may ask Supabase Auth for a code: the key it wants is public. So the hook keeps the rule for numbers, and
refuses what was not announced (`identity/texts.py`): no text leaves past our counters.

The call is answered when the vendor has taken the text, because the person at the sign-in page waits for
either a text or a reason. One call (by its webhook id) sends one text, however often it arrives. Where two vendors
are set up and both are down, the text waits for the first that is back, as long as its code is good.
"""

import binascii
import json
import re
from typing import Any

import structlog
from fastapi import APIRouter, Request
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.responses import JSONResponse, Response

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.bodies import read_limited
from paya_app.core.config import settings
from paya_app.core.errors import PayaError, PhoneInvalid, RequestInvalid
from paya_app.identity import normalize_phone
from paya_app.identity.texts import claim_text, queue_text
from paya_app.providers import sns, texts
from paya_app.providers.outcome import Rejected, Retryable, Unknown
from paya_app.providers.sms import NUMBER_CANNOT_BE_TEXTED
from paya_app.providers.supabase_auth import CANNOT_TEXT

TEXT = "PaYa code: {code}. We never call or write to ask for it."
BODY_BYTES_MAX = 64 * 1024
WEBHOOK_ID_CHARACTERS_MAX = 100

_PHONE = re.compile(r"\+?([1-9][0-9]{7,14})")
_CODE = re.compile(r"[0-9]{6,10}")

router = APIRouter()
log = structlog.get_logger()


class SignatureInvalid(PayaError):
    """The call is not signed with our secret, or is too old."""

    code = "signature_invalid"
    status = 401

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        return "The signature of this call does not fit. Nothing was done."


@router.post("/hooks/send-sms")
async def send_sms(request: Request) -> Response:
    """Verify, send once, and answer as Supabase Auth expects of its hooks."""
    raw = await read_limited(request.stream(), request.headers, bytes_max=BODY_BYTES_MAX)
    webhook_id = _verified(raw, request)
    phone, code = _read(raw)
    try:
        phone = normalize_phone(phone)
    except PhoneInvalid as invalid:
        log.warning("auth wanted a code texted to a number that gets none", code=invalid.code)
        return _refused()
    state = await claim_text(webhook_id, phone)
    if state == "unannounced":
        log.warning("auth wanted a code texted that this server did not ask for")
        return _error(403, "not_announced")
    if state == "sending":
        return _later()
    if state == "refused":
        return _refused()
    if state == "claimed":
        try:
            provider_ref = await texts.send(phone, TEXT.format(code=code))
        except Rejected as refused:
            return await _rejected(webhook_id, refused)
        except (Retryable, Unknown) as failure:
            # a second text with the same code does no harm, so "unknown" may be tried again as well
            log.warning("a code could not be texted", reason=failure.reason)
            if sns.is_set_up():
                await queue_text(webhook_id, phone, TEXT.format(code=code))
                return JSONResponse({})
            await _run("select identity.release_text(:id)", id=webhook_id)
            return _later()
        await _run("select identity.settle_text(:id, 'sent', :ref)", id=webhook_id, ref=provider_ref)
    return JSONResponse({})


async def _rejected(webhook_id: str, refused: Rejected) -> Response:
    log.warning("a code was refused by the vendor", code=refused.code)
    if refused.code.isdigit() and int(refused.code) in NUMBER_CANNOT_BE_TEXTED:
        await _run("select identity.settle_text(:id, 'refused', :ref)", id=webhook_id, ref=refused.code)
        return _refused()
    # our own account's trouble (credentials, sender, balance): an operator's business, not the person's
    await _run("select identity.release_text(:id)", id=webhook_id)
    return _error(500, "text_not_sent")


def _refused() -> Response:
    return _error(422, CANNOT_TEXT)


def _error(http_code: int, message: str) -> Response:
    return JSONResponse({"error": {"http_code": http_code, "message": message}})


def _later() -> Response:
    return JSONResponse({"error": {"http_code": 503, "message": "text_not_sent"}}, 503, headers={"retry-after": "1"})


async def _run(sql: str, **params: str) -> None:
    await db.query(Actor.service(), sql, params)


def _verified(raw: bytes, request: Request) -> str:
    """The id of a call that our Supabase Auth signed within the last five minutes.

    Raises:
        SignatureInvalid: anything else.
    """
    secret = settings().send_sms_hook_secret.get_secret_value()
    if not secret:
        raise SignatureInvalid
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: request.headers.get(name, "") for name in names}
    if not 0 < len(headers["webhook-id"]) <= WEBHOOK_ID_CHARACTERS_MAX:
        raise SignatureInvalid
    # while a secret is being changed there are two signatures; Supabase Auth puts a comma between them
    headers["webhook-signature"] = headers["webhook-signature"].replace(", ", " ")
    try:
        Webhook(secret.removeprefix("v1,")).verify(raw, headers, json_parse=False)
    except (WebhookVerificationError, ValueError, binascii.Error, OverflowError) as error:
        raise SignatureInvalid from error
    return headers["webhook-id"]


def _read(raw: bytes) -> tuple[str, str]:
    """The phone (E.164) and the code of a verified call.

    Raises:
        RequestInvalid: it holds neither.
    """
    try:
        body = json.loads(raw)
        sms, user = body["sms"], body["user"]
        phone = _PHONE.fullmatch(sms.get("phone") or user["phone"])
        code = _CODE.fullmatch(sms["otp"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RequestInvalid from None
    if phone is None or code is None:
        raise RequestInvalid
    return f"+{phone[1]}", code[0]
