"""A redemption as people see it: stages with times, what is expected when, and why it ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from paya_app.banking.bank_days import after_bank_days
from paya_app.banking.models import Redemption, Source, Stage
from paya_app.banking.stages import business_days
from paya_app.core.config import settings

# One bank day out of our bank, one or two into theirs.
PAYOUT_BANK_DAYS = 3

_REASONS = {
    "R02": "Your bank says that this account is closed.",
    "R03": "Your bank could not find this account.",
    "R04": "Your bank says that the account number is wrong.",
    "R16": "Your bank says that this account is frozen.",
    "R20": "Your bank says that this account does not take such transfers.",
    "R23": "Your bank says that you did not want the money.",
    "not_funded": "The bank that keeps PaYa's reserve did not pay it out. We are looking into it.",
    "R01": "The bank that keeps PaYa's reserve did not pay it out. We are looking into it.",
    "account_unavailable": "Your account was restricted before the bank was asked. Home says why.",
    "bank_removed": "This bank was no longer linked when it was to be asked.",
    "limit_lowered": "Your limits had changed before the bank was asked.",
    "canceled": "The transfer was canceled before the banks took part.",
    "canceled_by_owner": "You canceled it.",
}
_ENDINGS = {"canceled": "Canceled", "returned": "Your bank sent it back"}
BACK = "The money is in your wallet."


def redemption_from(value: Mapping[str, Any]) -> Redemption:
    """The redemption of the database's `redemption_json`, with its timeline."""
    return Redemption(
        id=UUID(value["id"]),
        amount_cents=value["amount_cents"],
        state=value["state"],
        source=Source.from_json(value["source"]),
        stages=_stages(value),
        reference=value["reference"],
        reason=_reason(value),
        created_at=datetime.fromisoformat(value["created_at"]),
        cancel=value["cancel"],
    )


def _reason(value: Mapping[str, Any]) -> str:
    """Why a redemption ended unpaid and where the money is, or "" for one that did not."""
    if value["state"] not in ("failed", "canceled", "returned"):
        return ""
    why = _REASONS.get(value["failure_code"] or "", "")
    if not why:
        is_back = value["state"] == "returned"
        why = "Your bank sent the money back." if is_back else "The transfer could not be made with this bank."
    return f"{why} {BACK}"


def _stages(value: Mapping[str, Any]) -> list[Stage]:
    names = ("created_at", "accepted_at", "settled_at", "cleared_at", "ended_at")
    asked, accepted, debited, paid, ended = (_at(value, name) for name in names)
    stages = [Stage("requested", "You asked for it", asked, None, "")]
    if ended is None or accepted:
        waiting = "Queued. Your bank hears from us as soon as it answers." if value["is_delayed"] else ""
        stages.append(Stage("accepted", "The bank accepted it", accepted, None, waiting))
    if ended is None or debited:
        stages.append(Stage("debited", "Paid out of the reserve", debited, None, ""))
    if ended is None or paid:
        expected = None if paid or asked is None or value["is_delayed"] else paid_at(asked)
        stages.append(Stage("paid", "In your bank", paid, expected, "" if paid else takes()))
    if ended is not None:
        title = _ENDINGS.get(value["state"], "It did not go through")
        stages.append(Stage(value["state"], title, ended, None, _reason(value)))
    return stages


def takes() -> str:
    """How long it takes, in a sentence."""
    if settings().ach_s:
        return "This takes a few seconds with test money."
    return f"This takes {business_days(PAYOUT_BANK_DAYS)} at most."


def paid_at(asked: datetime) -> datetime:
    """When the bank is to have money asked for at `asked`."""
    ach_s = settings().ach_s
    return asked + timedelta(seconds=ach_s) if ach_s else after_bank_days(asked, PAYOUT_BANK_DAYS)


def _at(value: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(value[name]) if value[name] else None
