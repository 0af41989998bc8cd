"""`/v1/savings-plans`: a person's plans, for their programs. Each verb is one of `paya_app.savings`."""

import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from paya_app import savings
from paya_app.api.bearers import Key, OptionalKey, Person, body_of, problems, read_json
from paya_app.api.v1.plan_models import (
    BuyList,
    EventList,
    Moment,
    NewPlan,
    PlanAnswer,
    PlanChanges,
    PlanList,
    SkipWhich,
    buy_answer,
    event_answer,
    plan_answer,
)
from paya_app.core.clock import now
from paya_app.core.errors import NotFound
from paya_app.core.ids import new_id, parse_id
from paya_app.savings import ScheduleInvalid
from paya_app.savings.checking import checked, is_zone

PAGE_MAX = 100
EVENT_ID_MAX = 2**63 - 1


def _answer(content: dict[str, Any], status: int = 200, **headers: str) -> Response:
    """`content` as JSON that nobody keeps."""
    headers["cache-control"] = "private, no-store"
    body = json.dumps(content, default=_written, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, media_type="application/json", headers=headers)


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


# A coroutine though it waits for nothing: FastAPI runs anything else in a thread, which costs more than it does.
async def _plan_id(
    plan: Annotated[str, Path(max_length=64, description="The plan's id.", json_schema_extra={"format": "uuid"})],
) -> UUID:
    plan_id = parse_id(plan)
    if plan_id is None:
        raise NotFound(what="plan")
    return plan_id


PlanId = Annotated[UUID, Depends(_plan_id)]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many at most.")]

router = APIRouter(prefix="/v1/savings-plans", tags=["Savings plans"])
_READS, _CHANGES = problems(400, 401, 404, 503), problems(400, 401, 404, 409, 413, 422, 503)
# what a program can do next with the plan that it was told of
_LINKS = {
    operation: {"operationId": operation, "parameters": {"plan": "$response.body#/id"}}
    for operation in (
        "readSavingsPlan",
        "changeSavingsPlan",
        "skipNextBuy",
        "pauseSavingsPlan",
        "resumeSavingsPlan",
        "listBuys",
        "listEvents",
        "endSavingsPlan",
    )
}
_MADE: dict[int | str, dict[str, Any]] = {201: {"description": "The plan.", "links": _LINKS}}
_FRIDAYS = {
    "name": "Fridays",
    "amount_cents": 1500,
    "frequency": "weekly",
    "weekdays": [5],
    "zone": "Asia/Kathmandu",
    "minute_of_day": 540,
    "on_shortfall": "retry",
}
_LAST_DAYS = {
    "name": "The end of the month",
    "amount_cents": 5000,
    "frequency": "monthly",
    "month_day": -1,
    "zone": "America/New_York",
    "minute_of_day": 1080,
    "buy_below_cents": 12_000_000,
    "cap_cents": 100_000,
}


@router.get("", responses=problems(401, 503), response_model=PlanList, operation_id="listSavingsPlans")
async def list_plans(actor: Person) -> Response:
    """Your plans: those that go on first, and of those the newest; 100 at most."""
    return _answer({"data": [plan_answer(plan) for plan in await savings.plans(actor)]})


@router.post(
    "",
    status_code=201,
    responses=_MADE | _CHANGES,
    openapi_extra=body_of(NewPlan, fridays=_FRIDAYS, last_days=_LAST_DAYS),
    response_model=PlanAnswer,
    operation_id="createSavingsPlan",
)
async def create_plan(request: Request, actor: Person, key: Key) -> Response:
    """Make a plan, whose id is the key. Making it again with the same key returns it as it is now."""
    values = (await read_json(request, NewPlan)).model_dump()
    if values["starts_on"] is None:
        values["starts_on"] = _today(values["zone"])
    plan = await savings.create(actor, plan_id=key, terms=checked(values))
    return _answer(plan_answer(plan), 201, location=f"/v1/savings-plans/{plan.id}")


@router.get("/{plan}", responses=_READS, response_model=PlanAnswer, operation_id="readSavingsPlan")
async def read_plan(actor: Person, plan_id: PlanId) -> Response:
    """One of your plans, with the next three buys."""
    plan = await savings.plan(actor, plan_id)
    if plan is None:
        raise NotFound(what="plan")
    return _answer(plan_answer(plan))


@router.patch(
    "/{plan}",
    responses=_CHANGES,
    openapi_extra=body_of(PlanChanges, amount={"amount_cents": 2000}, no_condition={"buy_below_cents": None}),
    response_model=PlanAnswer,
    operation_id="changeSavingsPlan",
)
async def change_plan(request: Request, actor: Person, plan_id: PlanId, key: OptionalKey) -> Response:
    """Change terms; what is left out stays. A buy that has begun goes on as it was."""
    changes = (await read_json(request, PlanChanges)).model_dump(exclude_unset=True)
    return _answer(plan_answer(await savings.change(actor, plan_id, key=key or new_id(), changes=changes)))


@router.post("/{plan}/pause", responses=_CHANGES, response_model=PlanAnswer, operation_id="pauseSavingsPlan")
async def pause_plan(actor: Person, plan_id: PlanId, key: Key) -> Response:
    """Pause a plan: buys that have not begun do not happen."""
    return _answer(plan_answer(await savings.pause(actor, plan_id, key=key)))


@router.post("/{plan}/resume", responses=_CHANGES, response_model=PlanAnswer, operation_id="resumeSavingsPlan")
async def resume_plan(actor: Person, plan_id: PlanId, key: Key) -> Response:
    """Have a paused plan go on, from its next time after now."""
    return _answer(plan_answer(await savings.resume(actor, plan_id, key=key)))


@router.post(
    "/{plan}/skip-next",
    responses=_CHANGES,
    openapi_extra=body_of(SkipWhich, required=False),
    response_model=PlanAnswer,
    operation_id="skipNextBuy",
)
async def skip_next(request: Request, actor: Person, plan_id: PlanId, key: Key) -> Response:
    """Skip the next buy, or the one of `due_at`, and no other in its place."""
    which = await read_json(request, SkipWhich)
    return _answer(plan_answer(await savings.skip_next(actor, plan_id, key=key, due_at=which.due_at)))


@router.post("/{plan}/end", responses=_CHANGES, response_model=PlanAnswer, operation_id="endSavingsPlan")
async def end_plan(actor: Person, plan_id: PlanId, key: Key) -> Response:
    """End a plan for good. What it bought stays yours."""
    return _answer(plan_answer(await savings.end(actor, plan_id, key=key)))


@router.get("/{plan}/buys", responses=_READS, response_model=BuyList, operation_id="listBuys")
async def list_buys(
    actor: Person,
    plan_id: PlanId,
    before: Annotated[Moment | None, Query(description="Due before; `next_before` of an earlier answer.")] = None,
    limit: Limit = PAGE_MAX,
) -> Response:
    """The buys of a plan, made, skipped and ahead, the latest first."""
    if await savings.plan(actor, plan_id) is None:
        raise NotFound(what="plan")
    buys = await savings.buys(actor, plan_id, before=before, limit=limit)
    last = buys[-1].due_at if len(buys) == limit else None
    return _answer({"data": [buy_answer(buy) for buy in buys], "next_before": last})


@router.get("/{plan}/history", responses=_READS, response_model=EventList, operation_id="listEvents")
async def list_events(
    actor: Person,
    plan_id: PlanId,
    before: Annotated[int | None, Query(ge=1, le=EVENT_ID_MAX, description="An event's id.")] = None,
    limit: Limit = PAGE_MAX,
) -> Response:
    """What happened to a plan and its buys, the newest first."""
    events = await savings.history(actor, plan_id, before=before, limit=limit)
    last = events[-1].id if len(events) == limit else None
    return _answer({"data": [event_answer(each) for each in events], "next_before": last})


def _today(zone: str) -> Any:
    if not is_zone(zone):
        raise ScheduleInvalid(field="zone")
    return now().astimezone(ZoneInfo(zone)).date()
