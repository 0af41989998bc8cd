"""What the pages of test payments show: charges, and the captures, refunds and disputes of one."""

import json
from dataclasses import dataclass
from typing import Any

from paya_app.core.money import format_minor

STATUS_WORDS = {
    "authorized": "Authorized",
    "partially_authorized": "Partly authorized",
    "captured": "Captured",
    "partially_captured": "Partly captured",
    "settled": "Settled",
    "refunded": "Refunded",
    "partially_refunded": "Partly refunded",
    "disputed": "Disputed",
    "charged_back": "Charged back",
    "voided": "Voided",
    "expired": "Expired",
    "declined": "Declined",
}
_TONES = {"captured": "pos", "settled": "pos", "declined": "neg", "disputed": "warn", "charged_back": "neg"}
_AMOUNTS = (
    ("Authorized", "authorized_minor"),
    ("Captured", "captured_minor"),
    ("Can be captured", "capturable_minor"),
    ("Released", "released_minor"),
    ("Settled", "settled_minor"),
    ("Refunded", "refunded_minor"),
    ("Can be refunded", "refundable_minor"),
    ("Disputed", "disputed_minor"),
)


@dataclass
class ChargeRow:
    """A charge in the list; `at` is ISO 8601, of the account's clock."""

    id: str
    amount: str
    words: str
    tone: str
    card: str
    why: str
    at: str


@dataclass
class Fact:
    """One thing that is said of a charge."""

    label: str
    value: str


@dataclass
class PartRow:
    """A capture, a refund or a dispute: its id, how it stands, and what comes next; times ISO 8601 or empty."""

    id: str
    amount: str
    words: str
    tone: str
    more: str
    at: str
    next_label: str
    next_at: str


def charge_row(charge: dict[str, Any]) -> ChargeRow:
    """One row of the list."""
    status, card = str(charge["status"]), charge["card"]
    return ChargeRow(
        id=charge["id"],
        amount=format_minor(charge["amount_minor"], charge["currency"]),
        words=STATUS_WORDS.get(status, status),
        tone=_TONES.get(status, ""),
        card=f"{str(card['brand']).capitalize()} ··{card['last4']}",
        why=(charge["decline_code"] or "").replace("_", " "),
        at=charge["created_at"],
    )


def charge_facts(charge: dict[str, Any]) -> list[Fact]:
    """Its amounts, those that are none left out, and its metadata."""
    amounts = [Fact(label, format_minor(charge[name], charge["currency"])) for label, name in _AMOUNTS if charge[name]]
    return [*amounts, *(Fact(f"metadata.{name}", value) for name, value in sorted(charge["metadata"].items()))]


def capture_part(capture: dict[str, Any]) -> PartRow:
    """One capture."""
    is_settled = capture["status"] == "settled"
    more = [f"fee {format_minor(capture['fee_minor'], capture['currency'])}"]
    more += ["the last one"] if capture["is_final"] else []
    return _part(
        capture,
        "pos" if is_settled else "",
        more,
        ("Settled ", capture["settled_at"]) if is_settled else ("Settles ", capture["settles_at"]),
    )


def refund_part(refund: dict[str, Any]) -> PartRow:
    """One refund."""
    status = refund["status"]
    more = [refund["reason"].replace("_", " ")] if refund["reason"] else []
    more += ["waits until there is enough to pay it from"] if refund["is_waiting_for_funds"] else []
    ended = refund["succeeded_at"] or refund["failed_at"]
    tone = {"succeeded": "pos", "failed": "neg"}.get(status, "")
    return _part(refund, tone, more, ("Ended ", ended) if ended else ("Arrives ", refund["due_at"]))


def dispute_part(dispute: dict[str, Any]) -> PartRow:
    """One dispute."""
    closed = dispute["closed_at"]
    more = [dispute["reason"].replace("_", " ")] if dispute["reason"] else []
    more += [f"fee {format_minor(dispute['fee_minor'], dispute['currency'])}"] if dispute["fee_minor"] else []
    more += ["evidence was sent"] if dispute["submitted_at"] else []
    tone = {"won": "pos", "lost": "neg"}.get(dispute["status"], "warn")
    label = "Answer by " if dispute["status"] == "needs_response" else "Decided "
    return _part(dispute, tone, more, ("Closed ", closed) if closed else (label, dispute["due_at"]))


def object_text(charge: dict[str, Any]) -> str:
    """The object as the API shows it."""
    return json.dumps(charge, indent=2, ensure_ascii=False, sort_keys=True)


def _part(shown: dict[str, Any], tone: str, more: list[str], following: tuple[str, str | None]) -> PartRow:
    return PartRow(
        id=shown["id"],
        amount=format_minor(shown["amount_minor"], shown["currency"]),
        words=shown["status"].replace("_", " "),
        tone=tone,
        more=" · ".join(more),
        at=shown["created_at"],
        next_label=following[0],
        next_at=following[1] or "",
    )
