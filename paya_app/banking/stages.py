"""A load as people see it: stages with times, what is expected when, and why it ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from paya_app.banking.bank_days import after_bank_days
from paya_app.banking.models import Load, Source, Stage
from paya_app.banking.return_codes import what_to_do, why
from paya_app.core.config import settings

ACH_BANK_DAYS = 2
WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}

ENDINGS = {"canceled": "Canceled", "returned": "Your bank took it back"}
NOTHING_TAKEN = "Nothing was added to your wallet, and nothing is taken from your bank."
TAKEN_BACK = "The money went back to your bank."
COULD_NOT = "The transfer could not be made with this bank."


def load_from(value: Mapping[str, Any], hold_bank_days: int) -> Load:
    """The load of the database's `load_json`, with its timeline."""
    return Load(
        id=UUID(value["id"]),
        amount_cents=value["amount_cents"],
        state=value["state"],
        source=Source.from_json(value["source"]),
        stages=_stages(value, hold_bank_days),
        reference=value["reference"],
        reason=reason(value["state"], value["failure_code"]),
        created_at=datetime.fromisoformat(value["created_at"]),
        cancel=value["cancel"],
    )


def reason(state: str, code: str | None) -> str:
    """Why a load ended without money and where the money is, or "" for one that did not."""
    if state not in ("failed", "canceled", "returned"):
        return ""
    known = why(code) or ("Your bank returned the transfer." if state == "returned" else COULD_NOT)
    return f"{known} {TAKEN_BACK if state == 'returned' else NOTHING_TAKEN} {what_to_do(code)}".strip()


def _stages(value: Mapping[str, Any], hold_bank_days: int) -> list[Stage]:
    asked, accepted, settled, cleared, ended = (
        _at(value, name) for name in ("created_at", "accepted_at", "settled_at", "cleared_at", "ended_at")
    )
    stages = [Stage("requested", "You asked for it", asked, None, "")]
    if ended is None or accepted:
        waiting = "Queued. Your bank hears from us as soon as it answers." if value["is_delayed"] else ""
        stages.append(Stage("accepted", "Your bank accepted it", accepted, None, waiting))
    if ended is None or settled:
        detail = "" if settled else _takes(settings().ach_s)
        stages.append(Stage("clearing", "Clearing between banks", settled, None, detail))
    if ended is None or cleared:
        held = (
            f"Held for {business_days(hold_bank_days)} after it arrives, as every transfer is."
            if hold_bank_days
            else ""
        )
        expected = None if cleared else _expected(value, hold_bank_days)
        stages.append(Stage("available", "Yours to spend", cleared, expected, "" if cleared else held))
    if ended is not None:
        title = ENDINGS.get(value["state"], "It did not go through")
        stages.append(Stage(value["state"], title, ended, None, reason(value["state"], value["failure_code"])))
    return stages


def _takes(ach_s: float) -> str:
    return "This takes a few seconds with test money." if ach_s else f"This takes {business_days(ACH_BANK_DAYS)}."


def business_days(count: int) -> str:
    """`three business days`."""
    return f"{WORDS.get(count, count)} business day{'s' if count != 1 else ''}"


def _expected(value: Mapping[str, Any], hold_bank_days: int) -> datetime | None:
    clears = _at(value, "clears_at")
    if clears:
        return clears
    asked = _at(value, "created_at")
    if asked is None or value["is_delayed"]:
        return None
    return spendable_at(asked, hold_bank_days)


def spendable_at(asked: datetime, hold_bank_days: int) -> datetime:
    """When money asked for at `asked` is to be spendable: banks' days, then the hold, as `_book` counts it."""
    ach_s = settings().ach_s
    settles = asked + timedelta(seconds=ach_s) if ach_s else after_bank_days(asked, ACH_BANK_DAYS)
    return after_bank_days(settles, hold_bank_days)


def _at(value: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(value[name]) if value[name] else None
