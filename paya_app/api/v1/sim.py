"""`/v1/sim`: what a bank, a cardholder and time would do, at once. Test keys with the scope `sim:write` alone."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from paya_app import charges, webhooks
from paya_app.api.v1.asked import read_asked
from paya_app.api.v1.calls import call_of
from paya_app.api.v1.charge_answers import Charge, Clock, DisputeAnswer, RefundAnswer, SettlementRun, shown
from paya_app.api.v1.charge_asked import Advance, DisputeOf, Freeze, Nothing, Settle, utc_text
from paya_app.api.v1.charges import change
from paya_app.api.v1.keyed import KeyedRoute
from paya_app.api.v1.keyed_said import CHANGES, READS, asks, of, reads
from paya_app.api.v1.webhook_answers import EndpointAnswer, endpoint_shown, written
from paya_app.api.v1.webhook_asked import ChaosAsked
from paya_app.api.v1.webhooks import answered, changing

SIM = "sim:write"

router = APIRouter(prefix="/v1/sim", tags=["Simulation"], route_class=KeyedRoute)


@router.get("/clock", responses=READS, openapi_extra=reads(), response_model=Clock, operation_id="readClock")
async def read_clock(request: Request) -> Response:
    """What your account's clock shows."""
    admission = await call_of(request).admit(SIM)
    return shown({"object": "clock", "now": written(await charges.now(admission.account_id))})


@router.post(
    "/clock/advance",
    responses=CHANGES,
    openapi_extra=asks(Advance, a_day={"seconds": 86400}),
    response_model=Clock,
    operation_id="advanceClock",
)
async def advance_clock(request: Request) -> Response:
    """Turn your account's clock on. All that falls due until then happens first, in the order of its times.

    Authorizations expire, captures settle, refunds arrive, disputes are decided; each event tells the time at which it
    was due.
    """
    call = call_of(request)

    async def read() -> tuple[Advance, dict[str, Any]]:
        body = await read_asked(request, Advance)
        return body, body.model_dump()

    clock = await call.once(SIM, "advance_clock", read)
    until = datetime.fromisoformat(clock["now"])
    assert call.admission is not None  # noqa: S101 - whoever was answered was admitted
    account_id = call.admission.account_id
    # asked again after it was cut off, it goes on; after it was done, there is nothing left
    if await charges.now(account_id) < until:
        with suppress(charges.ClockInvalid):  # somebody else has turned it further meanwhile
            await charges.advance(account_id, until)
    return shown(clock)


@router.post(
    "/clock/freeze",
    responses=CHANGES,
    openapi_extra=asks(Freeze, morning={"at": "2027-01-31T09:00:00Z"}),
    response_model=Clock,
    operation_id="freezeClock",
)
async def freeze_clock(request: Request) -> Response:
    """Stop your account's clock at a moment; from then on it moves only when it is turned."""

    async def read() -> tuple[Freeze, dict[str, Any]]:
        body = await read_asked(request, Freeze)
        at = utc_text(body.at)
        if at is None:
            raise charges.ClockInvalid
        return body, {"at": at}

    return shown(await call_of(request).once(SIM, "freeze_clock", read))


@router.post(
    "/settlements/run",
    responses=CHANGES,
    openapi_extra=asks(Settle, all_of_it={"everything": True}),
    response_model=SettlementRun,
    operation_id="runSettlements",
)
async def run_settlements(request: Request) -> Response:
    """Settle what is due, or everything that is pending."""

    async def read() -> tuple[Settle, dict[str, Any]]:
        body = await read_asked(request, Settle)
        return body, body.model_dump()

    return shown(await call_of(request).once(SIM, "run_settlements", read))


@router.post(
    "/charges/{charge}/dispute",
    status_code=201,
    responses={201: {"description": "The dispute."}} | CHANGES,
    openapi_extra=of("charge", "charge", **asks(DisputeOf, part={"amount_minor": 500, "reason": "duplicate"})),
    response_model=DisputeAnswer,
    operation_id="openDispute",
)
async def open_dispute(request: Request) -> Response:
    """The cardholder disputes what was captured, or part of it."""
    return shown(await change(request, SIM, "open_dispute", DisputeOf, name="charge", what="charge"), 201)


@router.post(
    "/charges/{charge}/expire",
    responses=CHANGES,
    openapi_extra=of("charge", "charge", **asks(Nothing)),
    response_model=Charge,
    operation_id="expireCharge",
)
async def expire_charge(request: Request) -> Response:
    """The seven days of an authorization are over now."""
    return shown(await change(request, SIM, "expire", Nothing, name="charge", what="charge"))


@router.post(
    "/refunds/{refund}/fail",
    responses=CHANGES,
    openapi_extra=of("refund", "refund", **asks(Nothing)),
    response_model=RefundAnswer,
    operation_id="failRefund",
)
async def fail_refund(request: Request) -> Response:
    """A pending refund fails: its money is yours again."""
    return shown(await change(request, SIM, "fail_refund", Nothing, name="refund", what="refund"))


@router.post(
    "/webhooks/chaos",
    responses=CHANGES,
    openapi_extra=asks(ChaosAsked, twice={"endpoint": "01890000-0000-7000-8000-000000000001", "duplicate": True}),
    response_model=EndpointAnswer,
    operation_id="spoilWebhooks",
)
async def spoil_webhooks(request: Request) -> Response:
    """Have messages come twice, late, out of order or badly signed; what is left out goes well again."""
    account_id, body, _ = await changing(request, ChaosAsked, scope=SIM)
    chaos = webhooks.Chaos(body.duplicate, body.reorder, body.bad_signature, body.delay_s)
    return answered(endpoint_shown(await webhooks.set_chaos(account_id, body.endpoint, chaos)))
