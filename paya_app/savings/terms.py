"""The terms of a plan: what is bought, when, with which money, and under which conditions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from paya_app.savings.schedule import Schedule

Funding = Literal["wallet", "bank"]
OnShortfall = Literal["skip", "retry", "use_wallet"]
CatchUp = Literal["one", "skip"]

SCHEDULE_FIELDS = ("frequency", "zone", "starts_on", "minute_of_day", "weekdays", "month_day", "ends_on")
OTHER_FIELDS = (
    "name",
    "amount_cents",
    "funding",
    "source_id",
    "lead_bank_days",
    "buy_below_cents",
    "dip_bps",
    "dip_extra_cents",
    "cap_cents",
    "on_shortfall",
    "catch_up",
)
FIELDS = SCHEDULE_FIELDS + OTHER_FIELDS


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person agreed with themselves.

    Attributes:
        name: 1 to 40 characters.
        amount_cents: of each buy, our fee included, US cents.
        source_id: the bank that pays, when `funding` is `bank`.
        lead_bank_days: how many business days before a buy its money is asked of the bank.
        buy_below_cents: buy only while a whole bitcoin costs less, US cents, or None.
        dip_bps, dip_extra_cents: while the price is this far below its 24-hour high, buy that much more, or None.
        cap_cents: what the plan may spend in all, US cents, or None. It ends when the next buy does not fit.
        on_shortfall: what happens when there is too little money at the time of a buy.
        catch_up: what happens to buys whose time passed while we were down: `one` buy for all of them, or none.
    """

    name: str
    amount_cents: int
    schedule: Schedule
    funding: Funding = "wallet"
    source_id: UUID | None = None
    lead_bank_days: int = 0
    buy_below_cents: int | None = None
    dip_bps: int | None = None
    dip_extra_cents: int | None = None
    cap_cents: int | None = None
    on_shortfall: OnShortfall = "skip"
    catch_up: CatchUp = "one"


def buys_that_fit(terms: Terms, spent_cents: int) -> int | None:
    """How many more buys the cap has room for after `spent_cents` (US cents) were spent; None without a cap.

    Less may fit when buys are raised on a dip, and more where the exchange leaves something over.
    """
    if terms.cap_cents is None:
        return None
    return max(terms.cap_cents - spent_cents, 0) // terms.amount_cents


def schedule_from(values: Mapping[str, Any]) -> Schedule:
    """The schedule in the database's row or JSON of a plan."""
    return Schedule(
        frequency=values["frequency"],
        zone=values["zone"],
        starts_on=_day(values["starts_on"]),
        minute_of_day=values["minute_of_day"],
        weekdays=tuple(values["weekdays"]),
        month_day=values["month_day"],
        ends_on=_day(values["ends_on"]) if values["ends_on"] else None,
    )


def terms_from(values: Mapping[str, Any]) -> Terms:
    """The terms in the database's `terms_json`, which were checked when they were written."""
    others = {name: values[name] for name in OTHER_FIELDS}
    others["source_id"] = UUID(values["source_id"]) if values["source_id"] else None
    return Terms(schedule=schedule_from(values), **others)


def values_of(terms: Terms) -> dict[str, Any]:
    """The terms as flat JSON, by the names of the table's columns."""
    schedule = terms.schedule
    values: dict[str, Any] = {name: getattr(schedule, name) for name in SCHEDULE_FIELDS}
    values |= {name: getattr(terms, name) for name in OTHER_FIELDS}
    values["starts_on"] = schedule.starts_on.isoformat()
    values["ends_on"] = schedule.ends_on.isoformat() if schedule.ends_on else None
    values["weekdays"] = list(schedule.weekdays)
    values["source_id"] = str(terms.source_id) if terms.source_id else None
    return values


def _day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)
