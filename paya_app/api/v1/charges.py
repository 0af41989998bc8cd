"""`/v1/charges` and what comes of them: captures, refunds, disputes. Each verb is one of `paya_app.charges`."""

from typing import Any

from fastapi import APIRouter, Request, Response

from paya_app import charges
from paya_app.api.v1.asked import Asked, read_asked
from paya_app.api.v1.calls import call_of
from paya_app.api.v1.charge_answers import (
    CaptureAnswer,
    Charge,
    ChargeList,
    ChargeWhole,
    DisputeAnswer,
    RefundAnswer,
    shown,
)
from paya_app.api.v1.charge_asked import CaptureOf, Evidence, IncrementOf, NewCharge, Nothing, RefundOf
from paya_app.api.v1.charge_pages import PARAMETERS, charge_page_of, cursor_of, written_cursor
from paya_app.api.v1.keyed import KeyedRoute
from paya_app.api.v1.keyed_said import CHANGES, LISTS, READS, asks, of, reads
from paya_app.api.v1.payments import WRITE, charge_request, given
from paya_app.core.errors import NotFound
from paya_app.core.ids import parse_id

READ = "payments:read"

router = APIRouter(prefix="/v1", tags=["Charges"], route_class=KeyedRoute)
# what a program can do next with the charge that it was told of
_LINKS = {
    name: {"operationId": name, "parameters": {"charge": "$response.body#/id"}}
    for name in ("readCharge", "captureCharge", "incrementCharge", "voidCharge", "refundCharge")
}
_A_CHARGE = {
    "card": "4242424242424242",
    "amount_minor": 1250,
    "currency": "USD",
    "metadata": {"order": "A-1001"},
}


def id_in_path(request: Request, name: str, what: str) -> str:
    """The id that the address names. Raises `NotFound` for what is none."""
    found = parse_id(request.path_params[name])
    if found is None:
        raise NotFound(what=what)
    return str(found)


async def change(
    request: Request, scope: str, operation: str, model: type[Asked], *, name: str, what: str
) -> dict[str, Any]:
    """Do an operation whose object the address names, with the rest from the body, once."""

    async def read() -> tuple[Asked, dict[str, Any]]:
        body = await read_asked(request, model)
        return body, given(**{f"{what}_id": id_in_path(request, name, what)}, **body.model_dump())

    return await call_of(request).once(scope, operation, read)


async def read_one(request: Request, name: str, what: str) -> Response:
    """One object that the address names."""
    admission = await call_of(request).admit(READ)
    found = parse_id(request.path_params[name])
    if found is None:
        raise NotFound(what=what)
    return shown(await charges.read(admission.account_id, found, what))


@router.get(
    "/charges", responses=LISTS, openapi_extra=reads(*PARAMETERS), response_model=ChargeList, operation_id="listCharges"
)
async def list_charges(request: Request) -> Response:
    """Your charges, the newest first; `cursor` continues from an earlier answer's `next_cursor`."""
    admission = await call_of(request).admit(READ)
    filters, limit, cursor = charge_page_of(request)
    page = await charges.list_charges(admission.account_id, filters, after=cursor_of(cursor), maximum=limit)
    return shown(page | {"next_cursor": written_cursor(page["next_cursor"])})


@router.post(
    "/charges",
    status_code=201,
    responses={201: {"description": "The charge, which may be declined.", "links": _LINKS}} | CHANGES,
    openapi_extra=asks(NewCharge, approved=_A_CHARGE, declined=_A_CHARGE | {"card": "4000000000000002"}),
    response_model=Charge,
    operation_id="createCharge",
)
async def create_charge(request: Request) -> Response:
    """Authorize a charge on a test card: it is held for seven days, to be captured. A decline is a charge, too."""

    async def read() -> tuple[NewCharge, dict[str, Any]]:
        body = await read_asked(request, NewCharge)
        return body, charge_request(body)

    charge = await call_of(request).once(WRITE, "authorize", read)
    return shown(charge, 201, location=f"/v1/charges/{charge['id']}")


@router.get(
    "/charges/{charge}",
    responses=READS,
    openapi_extra=of("charge", "charge"),
    response_model=ChargeWhole,
    operation_id="readCharge",
)
async def read_charge(request: Request) -> Response:
    """One of your charges, with its captures, refunds and disputes."""
    return await read_one(request, "charge", "charge")


@router.post(
    "/charges/{charge}/capture",
    status_code=201,
    responses={201: {"description": "The capture."}} | CHANGES,
    openapi_extra=of("charge", "charge", **asks(CaptureOf, part={"amount_minor": 1000, "final": False})),
    response_model=CaptureAnswer,
    operation_id="captureCharge",
)
async def capture_charge(request: Request) -> Response:
    """Capture what is held, or part of it; several times, while `final` is false."""
    return shown(await change(request, WRITE, "capture", CaptureOf, name="charge", what="charge"), 201)


@router.post(
    "/charges/{charge}/increment",
    responses=CHANGES,
    openapi_extra=of("charge", "charge", **asks(IncrementOf, more={"amount_minor": 500})),
    response_model=Charge,
    operation_id="incrementCharge",
)
async def increment_charge(request: Request) -> Response:
    """Authorize so much more, while nothing is captured; ten times at most."""
    return shown(await change(request, WRITE, "increment", IncrementOf, name="charge", what="charge"))


@router.post(
    "/charges/{charge}/void",
    responses=CHANGES,
    openapi_extra=of("charge", "charge", **asks(Nothing)),
    response_model=Charge,
    operation_id="voidCharge",
)
async def void_charge(request: Request) -> Response:
    """Release what is held and was not captured."""
    return shown(await change(request, WRITE, "void", Nothing, name="charge", what="charge"))


@router.post(
    "/charges/{charge}/refund",
    status_code=201,
    responses={201: {"description": "The refund."}} | CHANGES,
    openapi_extra=of("charge", "charge", **asks(RefundOf, part={"amount_minor": 500})),
    response_model=RefundAnswer,
    operation_id="refundCharge",
)
async def refund_charge(request: Request) -> Response:
    """Refund what was captured, or part of it. It is accepted now and arrives a bank day later."""
    return shown(await change(request, WRITE, "refund", RefundOf, name="charge", what="charge"), 201)


@router.get(
    "/captures/{capture}",
    responses=READS,
    openapi_extra=of("capture", "capture"),
    response_model=CaptureAnswer,
    operation_id="readCapture",
)
async def read_capture(request: Request) -> Response:
    """One of your captures."""
    return await read_one(request, "capture", "capture")


@router.get(
    "/refunds/{refund}",
    responses=READS,
    openapi_extra=of("refund", "refund"),
    response_model=RefundAnswer,
    operation_id="readRefund",
)
async def read_refund(request: Request) -> Response:
    """One of your refunds."""
    return await read_one(request, "refund", "refund")


@router.get(
    "/disputes/{dispute}",
    responses=READS,
    openapi_extra=of("dispute", "dispute"),
    response_model=DisputeAnswer,
    operation_id="readDispute",
)
async def read_dispute(request: Request) -> Response:
    """One of the disputes of your charges."""
    return await read_one(request, "dispute", "dispute")


@router.post(
    "/disputes/{dispute}/evidence",
    responses=CHANGES,
    openapi_extra=of("dispute", "dispute", **asks(Evidence, answer={"evidence": "It was delivered on the 3rd."})),
    response_model=DisputeAnswer,
    operation_id="submitEvidence",
)
async def submit_evidence(request: Request) -> Response:
    """Answer a dispute, once and in time; it is decided three bank days later."""
    return shown(await change(request, WRITE, "submit_evidence", Evidence, name="dispute", what="dispute"))


@router.post(
    "/disputes/{dispute}/accept",
    responses=CHANGES,
    openapi_extra=of("dispute", "dispute", **asks(Nothing)),
    response_model=DisputeAnswer,
    operation_id="acceptDispute",
)
async def accept_dispute(request: Request) -> Response:
    """Give a dispute up: it is lost at once."""
    return shown(await change(request, WRITE, "accept_dispute", Nothing, name="dispute", what="dispute"))
