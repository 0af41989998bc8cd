"""How pages speak of what happened to a plan: each event in words, with before and after, and whose doing it was."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from paya_app.core.money import format_cents, format_sats
from paya_app.savings import Happening
from paya_app.web.plan_buys import FAILED, NOT_PAID, NOTHING_CAME, SKIPPED, WAITS
from paya_app.web.plans import (
    DAYS,
    MISSED,
    SHORT,
    lead_words,
    listed,
    moment_words,
    month_day_words,
    percent,
    zone_words,
)

NONE = "none"
OFTEN = {
    "hourly": "every hour",
    "daily": "every day",
    "weekdays": "Monday to Friday",
    "weekly": "every week",
    "biweekly": "every 2 weeks",
    "monthly": "every month",
}
_PAUSED = {
    "paused_by_owner": "",
    "insufficient_funds": "Three times in a row there was too little in the wallet.",
    "bank_late": "Three times in a row the money from the bank was not there in time.",
    "bank_removed": "The bank that paid for it is no longer linked.",
}
_ENDED = {
    "ended_by_owner": "",
    "cap_reached": "It spent what it may in all.",
    "schedule_over": "Its last day was over.",
}
# in the order in which they are told
_LABELS = {
    "name": "Name",
    "amount_cents": "Amount",
    "frequency": "How often",
    "weekdays": "On",
    "month_day": "Day of the month",
    "minute_of_day": "At",
    "zone": "Time zone",
    "starts_on": "First day",
    "ends_on": "Last day",
    "funding": "Paid from",
    "source_id": "Bank",
    "lead_bank_days": "The bank is asked",
    "buy_below_cents": "Only below",
    "dip_bps": "On a dip of",
    "dip_extra_cents": "Buy more on a dip",
    "cap_cents": "At most, in all",
    "on_shortfall": "If money is short",
    "catch_up": "After our outage",
}


@dataclass
class HistoryRow:
    """One event as the page shows it; `at` is ISO 8601, `when` the same in the plan's zone, `lines` what it changed."""

    at: str
    when: str
    who: str
    what: str
    lines: str


def history_row(event: Happening, zone: str, now: datetime, banks: Mapping[str, str]) -> HistoryRow:
    """The row of one event; `banks` are the names of the person's banks by their ids."""
    what, lines = _words(event, zone, now, banks)
    who = "You" if event.is_own else "PaYa"
    return HistoryRow(event.at.isoformat(), moment_words(event.at, zone, now), who, what, "\n".join(lines))


def _words(event: Happening, zone: str, now: datetime, banks: Mapping[str, str]) -> tuple[str, list[str]]:
    facts, reason = event.facts, event.facts.get("reason") or ""
    if event.kind.startswith("buy."):
        of = (
            f"the buy of {moment_words(datetime.fromisoformat(facts['due_at']), zone, now)}"
            if "due_at" in facts
            else "a buy"
        )
        return _buy_words(event.kind, of, reason, facts)
    match event.kind:
        case "plan.created":
            return "Started", _differences({}, facts.get("after") or {}, banks)
        case "plan.changed":
            return "Changed", _differences(facts.get("before") or {}, facts.get("after") or {}, banks)
        case "plan.paused":
            return "Paused", _said(_PAUSED.get(reason, ""))
        case "plan.resumed":
            return "Resumed", []
        case "plan.ended":
            return "Ended", _said(_ENDED.get(reason, ""))
        case _:
            return event.kind.rpartition(".")[2].replace("_", " ").capitalize(), []


def _buy_words(kind: str, of: str, reason: str, facts: Mapping[str, Any]) -> tuple[str, list[str]]:
    amount = format_cents(facts.get("amount_cents") or 0)
    match kind:
        case "buy.collected":
            fee_cents = facts.get("fee_cents") or 0
            fee = f", our fee of {format_cents(fee_cents)} in it" if fee_cents else ""
            return f"Set {amount} aside for {of}", _said(f"From your wallet{fee}.")
        case "buy.bought":
            spent = (facts.get("amount_cents") or 0) - (facts.get("refund_cents") or 0)
            bought = format_sats(facts.get("quantity_sats") or 0)
            return f"Bought {bought}", _said(f"For {format_cents(spent)} with all fees: {of}.")
        case "buy.failed":
            return f"Did not make {of}", _said(f"{FAILED.get(reason, NOTHING_CAME)} {amount} is back in your wallet.")
        case "buy.waits":
            return f"Could not pay {of} yet", _said(WAITS.get(reason, WAITS["insufficient_funds"]))
        case "buy.skipped":
            return f"Skipped {of}", _said("" if reason == "skipped_by_owner" else SKIPPED.get(reason, NOT_PAID))
        case _:
            return f"{kind.rpartition('.')[2].replace('_', ' ').capitalize()}: {of}", []


def _said(line: str) -> list[str]:
    return [line] if line else []


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], banks: Mapping[str, str]) -> list[str]:
    """`Amount: $25.00 to $30.00`, a line for each; of what there was nothing before, what there is."""
    lines = []
    for name, label in _LABELS.items():
        if name not in after:
            continue
        frequency = after.get("frequency") or before.get("frequency") or ""
        new = _value(name, after[name], frequency, banks)
        if name in before:
            lines.append(f"{label}: {_value(name, before[name], before.get('frequency') or frequency, banks)} to {new}")
        elif new != NONE:
            lines.append(f"{label}: {new}")
    return lines


def _value(name: str, value: Any, frequency: str, banks: Mapping[str, str]) -> str:
    """A term in words."""
    match name:
        case "minute_of_day" if frequency == "hourly":
            return f"{value:02} past"
        case "minute_of_day":
            return f"{value // 60:02}:{value % 60:02}"
        case _ if not value:
            return NONE
        case "source_id":
            return banks.get(value, "a bank that is no longer linked")
        case _:
            return _WORDS.get(name, str)(value)


def _day(value: str) -> str:
    day = date.fromisoformat(value)
    return f"{day:%b} {day.day}, {day.year}"


_WORDS: dict[str, Callable[[Any], str]] = {
    "amount_cents": format_cents,
    "dip_extra_cents": format_cents,
    "cap_cents": format_cents,
    "buy_below_cents": lambda cents: f"{format_cents(cents)} per bitcoin",
    "dip_bps": percent,
    "frequency": OFTEN.__getitem__,
    "weekdays": lambda days: listed([DAYS[day - 1] for day in days]),
    "month_day": month_day_words,
    "zone": zone_words,
    "starts_on": _day,
    "ends_on": _day,
    "lead_bank_days": lead_words,
    "on_shortfall": SHORT.__getitem__,
    "catch_up": lambda chosen: MISSED[chosen].lower(),
}
