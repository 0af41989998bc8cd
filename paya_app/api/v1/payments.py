"""`/v1/payments/authorize`, `capture`, `refund`: charges in the founding contract's words, our fields beside."""

from typing import Any

from fastapi import APIRouter, Request, Response

from paya_app.api.v1.asked import read_asked
from paya_app.api.v1.calls import call_of
from paya_app.api.v1.charge_answers import Authorized, Captured, Refunded, shown
from paya_app.api.v1.charge_asked import AuthorizeAsked, CaptureAsked, NewCharge, RefundAsked
from paya_app.api.v1.keyed import KeyedRoute
from paya_app.api.v1.keyed_said import CHANGES, asks
from paya_app.charges import read_card

WRITE = "payments:write"

router = APIRouter(prefix="/v1/payments", tags=["Payments"], route_class=KeyedRoute)
_LINKS = {
    "capturePayment": {"operationId": "capturePayment", "requestBody": {"auth_id": "$response.body#/auth_id"}},
    "readCharge": {"operationId": "readCharge", "parameters": {"charge": "$response.body#/auth_id"}},
}
_CAPTURE_LINKS = {
    "refundPayment": {
        "operationId": "refundPayment",
        "requestBody": {"transaction_id": "$response.body#/transaction_id"},
    }
}


def charge_request(body: AuthorizeAsked | NewCharge) -> dict[str, Any]:
    """What charges are asked: the card by its name, for its number goes no further.

    Raises:
        CardNotATestCard: there is no such test card.
    """
    return {
        "card": read_card(body.card).name,
        "amount_minor": body.amount_minor,
        "currency": body.currency,
        "allow_partial": body.allow_partial,
        "metadata": body.metadata,
    }


def given(**parts: Any) -> dict[str, Any]:
    """Those that were said."""
    return {name: value for name, value in parts.items() if value is not None}


@router.post(
    "/authorize",
    status_code=201,
    responses={201: {"description": "Approved, or declined.", "links": _LINKS}} | CHANGES,
    openapi_extra=asks(
        AuthorizeAsked,
        approved={"card": "4242424242424242", "amount": 1250, "currency": "USD"},
        declined={"card": "4000000000000002", "amount": 1250, "currency": "USD"},
    ),
    response_model=Authorized,
    operation_id="authorizePayment",
)
async def authorize(request: Request) -> Response:
    """Authorize an amount on a test card: it is held for seven days. A decline is an answer, no error."""

    async def read() -> tuple[AuthorizeAsked, dict[str, Any]]:
        body = await read_asked(request, AuthorizeAsked)
        return body, charge_request(body)

    charge = await call_of(request).once(WRITE, "authorize", read)
    status = "declined" if charge["status"] == "declined" else "approved"
    said = {"status": status, "auth_id": charge["id"], "decline_code": charge["decline_code"], "charge": charge}
    return shown(said, 201)


@router.post(
    "/capture",
    status_code=201,
    responses={201: {"description": "Captured.", "links": _CAPTURE_LINKS}} | CHANGES,
    openapi_extra=asks(CaptureAsked, part={"auth_id": "019aa6b0-0000-7000-8000-000000000000", "amount": 1000}),
    response_model=Captured,
    operation_id="capturePayment",
)
async def capture(request: Request) -> Response:
    """Capture what was authorized, or part of it. `transaction_id` is what a refund names."""

    async def read() -> tuple[CaptureAsked, dict[str, Any]]:
        body = await read_asked(request, CaptureAsked)
        return body, given(charge_id=str(body.auth_id), amount_minor=body.amount_minor, final=body.final)

    made = await call_of(request).once(WRITE, "capture", read)
    said = {"status": "completed", "transaction_id": made["id"], "auth_id": made["charge_id"], "capture": made}
    return shown(said, 201)


@router.post(
    "/refund",
    status_code=201,
    responses={201: {"description": "Accepted."}} | CHANGES,
    openapi_extra=asks(RefundAsked, part={"transaction_id": "019aa6b0-0000-7000-8000-000000000000", "amount": 500}),
    response_model=Refunded,
    operation_id="refundPayment",
)
async def refund(request: Request) -> Response:
    """Refund what was captured, or part of it. It is accepted now and arrives a bank day later."""

    async def read() -> tuple[RefundAsked, dict[str, Any]]:
        body = await read_asked(request, RefundAsked)
        return body, given(capture_id=str(body.transaction_id), amount_minor=body.amount_minor, reason=body.reason)

    made = await call_of(request).once(WRITE, "refund", read)
    return shown({"status": "completed", "refund_id": made["id"], "refund": made}, 201)
