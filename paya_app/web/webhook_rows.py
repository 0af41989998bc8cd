"""What the pages of webhooks show and read: endpoints, a new one's form, deliveries and their tries."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from paya_app.web.forms import Form, Text
from paya_app.webhooks import Attempt, Chaos, Delivery, Endpoint

# what a new endpoint may be told of: the field, its words, and the kinds behind it
TOLD: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("authorized", "Authorized or declined", ("payment.authorized", "payment.declined")),
    ("captured", "Captured", ("payment.captured",)),
    ("settled", "Settled", ("payment.settled",)),
    ("refunded", "Refunded, or the refund failed", ("payment.refunded", "payment.refund_failed")),
    ("released", "Voided or expired", ("payment.voided", "payment.expired")),
    ("disputed", "Disputes: opened, updated, decided", ("payment.dispute.*",)),
)
STATE_WORDS = {
    "behind": "in line",
    "waiting": "waiting",
    "sending": "being sent",
    "accepted": "accepted",
    "given_up": "given up",
}
OPEN = frozenset({"behind", "waiting", "sending"})
LOOK_SOON, LOOK_LATER = timedelta(seconds=2), timedelta(seconds=5)
DISABLED_WORDS = {
    "by_owner": "You turned it off. Nothing is sent there.",
    "gone": "It answered that it is gone (410). Nothing is sent there.",
    "failing": "It accepted nothing for five days. Nothing is sent there.",
}
GIVEN_UP_WORDS = {
    "tries_used_up": "Ten tries failed.",
    "endpoint_disabled": "Its endpoint was disabled.",
    "endpoint_removed": "Its endpoint was removed.",
}
OUTCOME_WORDS = {
    "accepted": "accepted",
    "refused": "refused",
    "redirected": "sent elsewhere",
    "timed_out": "no answer in time",
    "unreachable": "unreachable",
    "blocked": "not a public address",
    "broken": "cut off",
    "lost": "lost on our side",
}


class NewEndpointForm(Form):
    """A new endpoint as its form sends it: the page's id for it, its address, and a field for each kind ticked."""

    draft: Text = ""
    url: Text = ""
    description: Text = ""
    authorized: Text = ""
    captured: Text = ""
    settled: Text = ""
    refunded: Text = ""
    released: Text = ""
    disputed: Text = ""

    @property
    def filters(self) -> list[str]:
        """What is ticked; nothing ticked is everything."""
        return [kind for name, _, kinds in TOLD if getattr(self, name) for kind in kinds] or ["*"]


@dataclass
class EndpointRow:
    """An endpoint as the page shows it; times are ISO 8601, empty when there is none."""

    id: str
    url: str
    description: str
    told: str
    state: str
    reason: str
    chaos: str
    previous_until: str
    failing_since: str
    made_at: str


@dataclass
class DeliveryRow:
    """A delivery in the list. `tone` is its chip's; `due_at`: by the account's clock, empty when not waiting."""

    id: str
    kind: str
    url: str
    state: str
    words: str
    tone: str
    tries: str
    at: str
    due_at: str


@dataclass
class AttemptRow:
    """One try with what was sent and what came back; `at` is real, `account_at` of the account's clock."""

    number: str
    outcome: str
    tone: str
    status: str
    took: str
    at: str
    account_at: str
    mischief: str
    headers: str
    answer: str


def endpoint_row(endpoint: Endpoint) -> EndpointRow:
    """One row."""
    return EndpointRow(
        id=str(endpoint.id),
        url=endpoint.url,
        description=endpoint.description,
        told="everything" if "*" in endpoint.filters else ", ".join(endpoint.filters),
        state=endpoint.state,
        reason=DISABLED_WORDS.get(endpoint.reason or "", "") if endpoint.state == "disabled" else "",
        chaos=_chaos(endpoint.chaos),
        previous_until=endpoint.previous_until.isoformat() if endpoint.previous_until else "",
        failing_since=endpoint.failing_since.isoformat() if endpoint.failing_since else "",
        made_at=endpoint.created_at.isoformat(),
    )


def delivery_row(delivery: Delivery, url: str) -> DeliveryRow:
    """One row; `url` is its endpoint's, empty when that was removed."""
    return DeliveryRow(
        id=str(delivery.id),
        kind=delivery.kind,
        url=url or "an endpoint that was removed",
        state=delivery.state,
        words=STATE_WORDS.get(delivery.state, delivery.state),
        tone={"accepted": "pos", "given_up": "neg"}.get(delivery.state, ""),
        tries=tries(delivery.tries),
        at=delivery.created_at.isoformat(),
        due_at=delivery.due_at.isoformat() if delivery.due_at else "",
    )


def attempt_row(attempt: Attempt) -> AttemptRow:
    """One try."""
    return AttemptRow(
        number=f"Try {attempt.number}",
        outcome=OUTCOME_WORDS.get(attempt.outcome or "", attempt.outcome or "") or "being sent",
        tone={"accepted": "pos", None: ""}.get(attempt.outcome, "neg"),
        status="" if attempt.status is None else str(attempt.status),
        took="" if attempt.took_ms is None else f"{attempt.took_ms:,} ms",
        at=attempt.began_at.isoformat(),
        account_at=attempt.account_at.isoformat(),
        mischief=", ".join(each.replace("_", " ") for each in attempt.mischief),
        headers=headers_text(attempt.headers),
        answer=attempt.answer or "",
    )


def headers_text(headers: dict[str, str] | None) -> str:
    """Headers as they stand in a request, a line for each."""
    return "\n".join(f"{name}: {value}" for name, value in (headers or {}).items())


def curl_of(url: str, headers: dict[str, str] | None, body: str) -> str:
    """The same request for a shell, with the headers of a try as they were sent; empty when there was none."""
    if not url or not headers:
        return ""
    parts = ["curl", shlex.quote(url)]
    parts += [f"  -H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    parts.append(f"  --data-raw {shlex.quote(body)}")
    return " \\\n".join([" ".join(parts[:2]), *parts[2:]])


def look_again_at(deliveries: Iterable[Delivery], moment: datetime) -> str:
    """When these have probably changed, ISO 8601: soon before a first try, later between tries; empty: all ended."""
    moving = [each for each in deliveries if each.state in OPEN]
    if not moving:
        return ""
    is_soon = any(each.tries == 0 or each.state == "sending" for each in moving)
    return (moment + (LOOK_SOON if is_soon else LOOK_LATER)).isoformat()


def tries(count: int) -> str:
    """`no try yet`, `1 try`, `4 tries`."""
    return "no try yet" if count == 0 else "1 try" if count == 1 else f"{count} tries"


def _chaos(chaos: Chaos) -> str:
    said = [
        "sent twice" if chaos.duplicate else "",
        "out of order" if chaos.reorder else "",
        "first signed wrongly" if chaos.bad_signature else "",
        f"{chaos.delay_s:,} s late" if chaos.delay_s else "",
    ]
    return ", ".join(each for each in said if each)
