"""Whether terms are terms: every field that people and programs send, of whatever kind, or a refusal that names it.

What depends on limits, on the person's banks and on what was spent is checked in the database.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, TypeGuard
from uuid import UUID
from zoneinfo import available_timezones

from paya_app.core.errors import NoteInvalid, RequestInvalid
from paya_app.core.ids import parse_id
from paya_app.core.money import CENTS_MAX
from paya_app.core.text import clean_note
from paya_app.savings.errors import (
    BuyAmountInvalid,
    PlanConditionInvalid,
    PlanFundingInvalid,
    PlanNameInvalid,
    ScheduleInvalid,
)
from paya_app.savings.schedule import LAST_DAY, Schedule
from paya_app.savings.terms import FIELDS, Terms

NAME_CHARACTERS_MAX = 40
YEARS = range(2000, 2200)
LEAD_BANK_DAYS = range(1, 11)
BPS_MAX = 10_000

_FREQUENCIES = ("hourly", "daily", "weekdays", "weekly", "biweekly", "monthly")
_MACHINES_OWN = frozenset(("localtime", "posixrules", "Factory"))  # mean another zone on every machine


def checked(values: Mapping[str, Any]) -> Terms:
    """The terms of these flat values, by the names of `FIELDS`; what is left out is as in `Terms`.

    Raises:
        RequestInvalid: a field that there is none of, or one that is needed and missing.
        PlanNameInvalid, BuyAmountInvalid, ScheduleInvalid, PlanConditionInvalid, PlanFundingInvalid: see there.
    """
    if unknown := set(values) - set(FIELDS):
        shown = ", ".join(sorted(str(name)[:40] for name in unknown)[:3])
        raise RequestInvalid(sentence=f"A plan has no {shown}. Nothing was changed.")
    schedule = _schedule(values)
    funding, source_id, lead_bank_days = _funding(values, schedule)
    dip_bps, dip_extra_cents = _dip(values)
    return Terms(
        name=_name(values.get("name")),
        amount_cents=_amount(values.get("amount_cents")),
        schedule=schedule,
        funding=funding,
        source_id=source_id,
        lead_bank_days=lead_bank_days,
        buy_below_cents=_cents(values, "buy_below_cents"),
        dip_bps=dip_bps,
        dip_extra_cents=dip_extra_cents,
        cap_cents=_cents(values, "cap_cents"),
        on_shortfall=_choice(values, "on_shortfall", ("skip", "retry", "use_wallet")[: 3 if funding == "bank" else 2]),
        catch_up=_choice(values, "catch_up", ("one", "skip")),
    )


def _name(value: object) -> str:
    try:
        name = clean_note(value)
    except NoteInvalid:
        name = ""
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        raise PlanNameInvalid
    return name


def _amount(value: object) -> int:
    if not _is_whole(value) or not 0 < value <= CENTS_MAX:
        raise BuyAmountInvalid
    return value


def _schedule(values: Mapping[str, Any]) -> Schedule:
    frequency = values.get("frequency")
    if not isinstance(frequency, str) or frequency not in _FREQUENCIES:
        raise ScheduleInvalid(field="frequency")
    zone = values.get("zone")
    if not isinstance(zone, str) or not is_zone(zone):
        raise ScheduleInvalid(field="zone")
    minute = values.get("minute_of_day")
    if not _is_whole(minute) or not 0 <= minute < (60 if frequency == "hourly" else 24 * 60):
        raise ScheduleInvalid(field="minute_of_day")
    starts_on, ends_on = _date(values, "starts_on"), _date(values, "ends_on")
    if starts_on is None:
        raise ScheduleInvalid(field="starts_on")
    if ends_on is not None and ends_on < starts_on:
        raise ScheduleInvalid(field="ends_on")
    weekdays, month_day = _weekdays(values.get("weekdays")), _month_day(values.get("month_day"))
    # what another frequency needs is left behind when a plan changes over
    weekdays = weekdays if frequency in ("weekly", "biweekly") else ()
    month_day = month_day if frequency == "monthly" else None
    if (frequency == "weekly" and not weekdays) or (frequency == "biweekly" and len(weekdays) != 1):
        raise ScheduleInvalid(field="weekdays")
    if frequency == "monthly" and month_day is None:
        raise ScheduleInvalid(field="month_day")
    return Schedule(frequency, zone, starts_on, minute, weekdays, month_day, ends_on)  # pyright: ignore[reportArgumentType] - one of them


def is_zone(name: str) -> bool:
    """Whether this is the name of a time zone."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _MACHINES_OWN


def _date(values: Mapping[str, Any], name: str) -> date | None:
    value = values.get(name)
    if isinstance(value, str) and len(value) == len("2026-11-30"):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise ScheduleInvalid(field=name) from None
    if value is None:
        return None
    if not isinstance(value, date) or isinstance(value, datetime) or value.year not in YEARS:
        raise ScheduleInvalid(field=name)
    return value


def _weekdays(value: object) -> tuple[int, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(_is_whole(day) and 1 <= day <= 7 for day in value):  # noqa: PLR2004 - days of a week
        raise ScheduleInvalid(field="weekdays")
    return tuple(sorted(set(value)))


def _month_day(value: object) -> int | None:
    if value is None:
        return None
    if not _is_whole(value) or not (value == LAST_DAY or 1 <= value <= 31):  # noqa: PLR2004 - days of a month
        raise ScheduleInvalid(field="month_day")
    return value


def _funding(values: Mapping[str, Any], schedule: Schedule) -> tuple[Any, UUID | None, int]:
    funding, lead = values.get("funding", "wallet"), values.get("lead_bank_days", 0)
    source = values.get("source_id")
    source_id = source if isinstance(source, UUID) else parse_id(source)
    if not isinstance(funding, str) or funding not in ("wallet", "bank"):
        raise PlanFundingInvalid(field="funding")
    if not _is_whole(lead):
        raise PlanFundingInvalid(field="lead_bank_days")
    if funding == "wallet":
        if source is not None:
            raise PlanFundingInvalid(field="source_id")
        if lead != 0:
            raise PlanFundingInvalid(field="lead_bank_days")
        return "wallet", None, 0
    if source_id is None:
        raise PlanFundingInvalid(field="source_id")
    if lead not in LEAD_BANK_DAYS:
        raise PlanFundingInvalid(field="lead_bank_days")
    if schedule.frequency == "hourly":
        raise PlanFundingInvalid(field="frequency")
    return "bank", source_id, lead


def _dip(values: Mapping[str, Any]) -> tuple[int | None, int | None]:
    dip_bps, extra_cents = values.get("dip_bps"), _cents(values, "dip_extra_cents")
    if (dip_bps is None) != (extra_cents is None):
        raise PlanConditionInvalid(field="dip")
    if dip_bps is not None and (not _is_whole(dip_bps) or not 0 < dip_bps < BPS_MAX):
        raise PlanConditionInvalid(field="dip_bps")
    return dip_bps, extra_cents


def _cents(values: Mapping[str, Any], name: str) -> int | None:
    value = values.get(name)
    if value is not None and (not _is_whole(value) or not 0 < value <= CENTS_MAX):
        raise PlanConditionInvalid(field=name)
    return value


def _choice(values: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> Any:
    value = values.get(name, choices[0])
    if not isinstance(value, str) or value not in choices:
        raise PlanFundingInvalid(field=name)
    return value


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
