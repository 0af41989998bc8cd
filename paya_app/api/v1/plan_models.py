"""Savings plans as JSON. Names carry their units, and are those of `paya_app/savings/terms.py`.

The models describe what is answered; it is written by the functions at the end, for making and checking a model of
each buy takes longer than everything else.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, Never
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from paya_app.core.ids import parse_id
from paya_app.savings import Buy, Happening, Plan
from paya_app.savings.terms import values_of


def _said(description: str, **rules: Any) -> Any:
    """A field whose rules are described here and enforced by savings, which refuses by name."""
    return Field(description=description, json_schema_extra=rules)


def _whole(value: object) -> object:
    """1500.0 is an integer, by JSON Schema; some programs write every number so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _moment(value: object) -> object:
    """RFC 3339 and nothing else: pydantic takes any number for the seconds since 1970."""
    return datetime.fromisoformat(value) if isinstance(value, str) and _RFC_3339.fullmatch(value) else _no_moment()


def _no_moment() -> Never:
    message = "Write a date, a time and its zone, like 2027-01-31T09:00:00Z"
    raise ValueError(message)


def _id(value: object) -> object:
    return parse_id(value) or value


_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")

Whole = Annotated[int, BeforeValidator(_whole)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Id = Annotated[UUID, BeforeValidator(_id)]
Frequency = Literal["hourly", "daily", "weekdays", "weekly", "biweekly", "monthly"]
Name = Annotated[str, _said("1 to 40 characters.", minLength=1, maxLength=40)]
Cents = Annotated[Whole, _said("US cents.", minimum=1)]
BuyCents = Annotated[Whole, _said("Of each buy, our fee included, in US cents.", minimum=500, maximum=100_000)]
Zone = Annotated[str, _said("An IANA name, like America/New_York.", minLength=1, maxLength=64)]
Minute = Annotated[Whole, _said("Local; of an hourly plan the minute of the hour.", minimum=0, maximum=1439)]
Weekdays = Annotated[
    list[Annotated[Whole, _said("Monday is 1.", minimum=1, maximum=7)]],
    _said("weekly: one or more; biweekly: exactly one; otherwise none.", maxItems=7),
]
MonthDay = Annotated[
    Whole,
    _said(
        "1 to 31, or -1 for the last; 31 is the last of a shorter month.",
        minimum=-1,
        maximum=31,
        **{"not": {"const": 0}},
    ),
]
Lead = Annotated[Whole, _said("Business days before a buy that its money is asked of the bank.", minimum=0, maximum=10)]
Bps = Annotated[Whole, _said("Hundredths of a percent below the 24-hour high.", minimum=1, maximum=5000)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class NewPlan(_Strict):
    """A plan to be made. `starts_on` is today in its zone when it is left out."""

    name: Name
    amount_cents: BuyCents
    frequency: Frequency
    zone: Zone
    minute_of_day: Minute
    starts_on: date | None = None
    weekdays: Weekdays = []
    month_day: MonthDay | None = None
    ends_on: date | None = None
    funding: Literal["wallet", "bank"] = "wallet"
    source_id: Id | None = None
    lead_bank_days: Lead = 0
    buy_below_cents: Annotated[Whole, _said("Buy only while a whole bitcoin costs less, in US cents.")] | None = None
    dip_bps: Bps | None = None
    dip_extra_cents: Cents | None = None
    cap_cents: Cents | None = None
    on_shortfall: Literal["skip", "retry", "use_wallet"] = "skip"
    catch_up: Literal["one", "skip"] = "one"


def _without_defaults(schema: dict[str, Any]) -> None:
    for described in schema["properties"].values():
        described.pop("default", None)


class PlanChanges(_Strict):
    """The terms to change; what is left out stays."""

    # a default is never read: only what was sent is
    model_config = ConfigDict(json_schema_extra=_without_defaults)

    name: Name = ""
    amount_cents: BuyCents = 0
    frequency: Frequency = "daily"
    zone: Zone = ""
    minute_of_day: Minute = 0
    starts_on: date = date.min
    weekdays: Weekdays = []
    month_day: MonthDay | None = None
    ends_on: date | None = None
    funding: Literal["wallet", "bank"] = "wallet"
    source_id: Id | None = None
    lead_bank_days: Lead = 0
    buy_below_cents: Cents | None = None
    dip_bps: Bps | None = None
    dip_extra_cents: Cents | None = None
    cap_cents: Cents | None = None
    on_shortfall: Literal["skip", "retry", "use_wallet"] = "skip"
    catch_up: Literal["one", "skip"] = "one"


class SkipWhich(_Strict):
    """Which buy to skip: the one of `due_at`, or the next."""

    due_at: Moment | None = None


class BuyAnswer(BaseModel):
    """One buy: what is to happen at `due_at`, or what became of it."""

    id: UUID
    due_at: datetime
    amount_cents: int
    state: Literal["scheduled", "skipped", "canceled", "collected", "bought", "failed"]
    reason: str
    cost_cents: int
    exchange_fee_cents: int
    fee_cents: int
    refund_cents: int
    quantity_sats: int
    version: int


class PlanAnswer(BaseModel):
    """A plan. `next_buys` are the next three that will happen."""

    id: UUID
    state: Literal["active", "paused", "ended"]
    name: str
    amount_cents: int
    frequency: Frequency
    zone: str
    starts_on: date
    minute_of_day: int
    weekdays: list[int]
    month_day: int | None
    ends_on: date | None
    funding: Literal["wallet", "bank"]
    source_id: UUID | None
    lead_bank_days: int
    buy_below_cents: int | None
    dip_bps: int | None
    dip_extra_cents: int | None
    cap_cents: int | None
    on_shortfall: Literal["skip", "retry", "use_wallet"]
    catch_up: Literal["one", "skip"]
    next_buys: list[BuyAnswer]
    spent_cents: int
    pause_reason: str
    end_reason: str
    version: int
    created_at: datetime
    changed_at: datetime
    ended_at: datetime | None


class PlanList(BaseModel):
    """Plans: those that go on first, and of those the newest."""

    data: list[PlanAnswer]


class BuyList(BaseModel):
    """Buys, the latest first; `next_before` continues, null at the end."""

    data: list[BuyAnswer]
    next_before: datetime | None


class EventAnswer(BaseModel):
    """One event of a plan or of one of its buys; of a change, `facts` have `before` and `after`."""

    id: int
    at: datetime
    kind: str
    subject: UUID
    version: int
    is_own: bool
    facts: dict[str, Any]


class EventList(BaseModel):
    """Events, the newest first; `next_before` continues, null at the end."""

    data: list[EventAnswer]
    next_before: int | None


_PLAN = ("id", "state", "spent_cents", "pause_reason", "end_reason", "version", "created_at", "changed_at", "ended_at")


def buy_answer(buy: Buy) -> dict[str, Any]:
    """What `BuyAnswer` describes."""
    return {name: getattr(buy, name) for name in BuyAnswer.model_fields}


def plan_answer(plan: Plan) -> dict[str, Any]:
    """What `PlanAnswer` describes."""
    own = {name: getattr(plan, name) for name in _PLAN}
    return values_of(plan.terms) | own | {"next_buys": [buy_answer(buy) for buy in plan.next_buys]}


def event_answer(happening: Happening) -> dict[str, Any]:
    """What `EventAnswer` describes."""
    return {name: getattr(happening, name) for name in EventAnswer.model_fields}
