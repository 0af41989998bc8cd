"""What the form of a plan sends, and what it is filled with."""

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from paya_app.banking.bank_days import after_bank_days
from paya_app.core.money import format_cents, parse_cents
from paya_app.savings import Plan, ScheduleInvalid, ScheduleNever, Terms, upcoming
from paya_app.savings.checking import LEAD_BANK_DAYS, checked
from paya_app.savings.errors import PlanConditionInvalid
from paya_app.savings.terms import buys_that_fit, values_of
from paya_app.web.components.next_buys import BuyAhead
from paya_app.web.forms import Form, Text
from paya_app.web.plans import asked_words, moment_words, name_of, zone_words

SHOWN_AHEAD = 3

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DAYS = re.compile(r"[1-7](,[1-7]){0,6}")
_MONTH_DAY = re.compile(r"-1|[0-9]{1,2}")
_LEAD = re.compile(r"[0-9]{1,2}")
_PERCENT = re.compile(r"([0-9]{1,2})(?:\.([0-9]{1,2}))?")


class PlanOrder(Form):
    """A plan as the form sends it; what was left empty is as in `Terms`. Without a `source` the wallet pays."""

    amount: Text = ""
    frequency: Text = ""
    weekdays: Text = ""
    month_day: Text = ""
    time: Text = ""
    zone: Text = ""
    name: Text = ""
    below: Text = ""
    dip_percent: Text = ""
    dip_extra: Text = ""
    cap: Text = ""
    ends_on: Text = ""
    on_shortfall: Text = ""
    catch_up: Text = ""
    source: Text = ""
    lead: Text = ""


def new_terms(order: PlanOrder, now: datetime) -> Terms:
    """The terms of a plan that begins today, in its own zone.

    Raises:
        AmountInvalid: an amount is none.
        And what `savings.create` raises of terms.
    """
    terms = checked(_values(order) | {"starts_on": now.date(), "name": _name(order) or "bitcoin"})
    today = now.astimezone(ZoneInfo(terms.schedule.zone)).date()
    return _named(order, replace(terms, schedule=replace(terms.schedule, starts_on=today)))


def changed_terms(plan: Plan, order: PlanOrder) -> Terms:
    """The terms of this plan as the form has them; what the form does not ask for stays. Raises as `new_terms`."""
    return _named(order, checked(values_of(plan.terms) | _values(order) | {"name": _name(order) or plan.terms.name}))


def changes_between(before: Terms, after: Terms) -> dict[str, Any]:
    """What `savings.change` is asked for: the fields that differ."""
    old, new = values_of(before), values_of(after)
    return {name: value for name, value in new.items() if value != old[name]}


def buys_ahead(
    terms: Terms,
    now: datetime,
    *,
    is_new: bool = False,
    skipped: Collection[datetime] = (),
    spent_cents: int = 0,
) -> list[BuyAhead]:
    """The next three buys of a plan that is saved with these terms now; fewer where its cap has no room for more.

    Of one that a bank pays they begin when its money can be there; of a change, after those whose money was asked for.

    Args:
        terms: What the plan says.
        now: When it is saved.
        is_new: Whether it is a new plan, and no change.
        skipped: Times ahead that were skipped, and stay so.
        spent_cents: What it has spent so far, US cents.

    Raises:
        ScheduleNever: there is none.
        PlanConditionInvalid: the cap of a new plan has no room for one.
    """
    room = buys_that_fit(terms, spent_cents)
    if is_new and room == 0:
        raise PlanConditionInvalid(field="cap_cents")
    after = after_bank_days(now, terms.lead_bank_days + (not is_new)) if terms.lead_bank_days else now
    times = [at for at in upcoming(terms.schedule, after, SHOWN_AHEAD + len(skipped)) if at not in skipped]
    if not times:
        raise ScheduleNever
    shown = SHOWN_AHEAD if room is None else min(room, SHOWN_AHEAD)
    return [buy_ahead(at, terms, terms.amount_cents, now) for at in times[:shown]]


def buy_ahead(at: datetime, terms: Terms, amount_cents: int, now: datetime) -> BuyAhead:
    """One buy to come, in the plan's own zone."""
    zone = terms.schedule.zone
    asked = asked_words(at, terms.lead_bank_days, now)
    return BuyAhead(at.isoformat(), moment_words(at, zone, now), zone_words(zone), format_cents(amount_cents), asked)


def order_of(terms: Terms) -> dict[str, str]:
    """What the form is filled with to change these terms."""
    schedule = terms.schedule
    return {
        "amount": format_cents(terms.amount_cents).replace(",", "").lstrip("$").removesuffix(".00"),
        "frequency": schedule.frequency,
        "weekdays": ",".join(str(day) for day in schedule.weekdays),
        "month_day": str(schedule.month_day or ""),
        "time": f"{schedule.minute_of_day // 60:02}:{schedule.minute_of_day % 60:02}",
        "zone": schedule.zone,
        "name": "" if terms.name == name_of(schedule) else terms.name,
        "below": _plain(terms.buy_below_cents),
        "dip_percent": f"{terms.dip_bps / 100:g}" if terms.dip_bps else "",
        "dip_extra": _plain(terms.dip_extra_cents),
        "cap": _plain(terms.cap_cents),
        "ends_on": schedule.ends_on.isoformat() if schedule.ends_on else "",
        "on_shortfall": terms.on_shortfall,
        "catch_up": terms.catch_up,
        "source": str(terms.source_id or ""),
        "lead": str(terms.lead_bank_days or ""),
    }


def _values(order: PlanOrder) -> dict[str, Any]:
    """The fields as `checked` takes them, whatever was typed."""
    source = order.source.strip()
    return {
        "amount_cents": parse_cents(order.amount),
        "frequency": order.frequency,
        "zone": order.zone,
        "minute_of_day": _minute(order),
        "weekdays": [int(day) for day in order.weekdays.split(",")] if _DAYS.fullmatch(order.weekdays) else [],
        "month_day": int(order.month_day) if _MONTH_DAY.fullmatch(order.month_day) else None,
        "ends_on": order.ends_on.strip() or None,
        "buy_below_cents": _cents(order.below),
        "dip_bps": _bps(order.dip_percent),
        "dip_extra_cents": _cents(order.dip_extra),
        "cap_cents": _cents(order.cap),
        "on_shortfall": order.on_shortfall or "skip",
        "catch_up": order.catch_up or "one",
        "funding": "bank" if source else "wallet",
        "source_id": source or None,
        "lead_bank_days": (int(order.lead) if _LEAD.fullmatch(order.lead) else LEAD_BANK_DAYS.stop) if source else 0,
    }


def _name(order: PlanOrder) -> str:
    return order.name.strip()


def _named(order: PlanOrder, terms: Terms) -> Terms:
    """Named by its days, unless the person named it."""
    return terms if _name(order) else replace(terms, name=name_of(terms.schedule))


def _minute(order: PlanOrder) -> int:
    found = _TIME.fullmatch(order.time.strip())
    if found is None:
        raise ScheduleInvalid(field="minute_of_day")
    minute = int(found[2])
    return minute if order.frequency == "hourly" else int(found[1]) * 60 + minute


def _cents(text: str) -> int | None:
    return parse_cents(text) if text.strip() else None


def _bps(text: str) -> int | None:
    """Hundredths of a per cent, of `5` or `2.5`."""
    if not text.strip():
        return None
    found = _PERCENT.fullmatch(text.strip().removesuffix("%").strip())
    if found is None:
        raise PlanConditionInvalid(field="dip")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _plain(cents: int | None) -> str:
    return "" if cents is None else format_cents(cents).replace(",", "").lstrip("$").removesuffix(".00")
