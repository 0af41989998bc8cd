"""What is answered of charges: models that describe it. It is written as the database made it."""

import json
from typing import Any, Literal

from pydantic import BaseModel
from starlette.responses import Response


class CardShown(BaseModel):
    """A card, of which no number is kept. `id` is the same for the same card."""

    id: str
    brand: str
    last4: str


class Charge(BaseModel):
    """A charge. Amounts are minor units of `currency`; times are the account's own clock's."""

    object: Literal["charge"]
    id: str
    status: Literal[
        "declined",
        "authorized",
        "partially_authorized",
        "partially_captured",
        "captured",
        "settled",
        "partially_refunded",
        "refunded",
        "disputed",
        "charged_back",
        "voided",
        "expired",
    ]
    currency: str
    amount_minor: int
    authorized_minor: int
    captured_minor: int
    released_minor: int
    refunded_minor: int
    disputed_minor: int
    settled_minor: int
    capturable_minor: int
    refundable_minor: int
    card: CardShown
    decline_code: str | None
    dispute_status: str | None
    metadata: dict[str, str]
    created_at: str
    expires_at: str | None
    version: int


class CaptureShown(BaseModel):
    """What was captured of a charge; it settles on the next bank day."""

    object: Literal["capture"]
    id: str
    charge_id: str
    status: Literal["pending", "settled"]
    currency: str
    amount_minor: int
    fee_minor: int
    is_final: bool
    refunded_minor: int
    disputed_minor: int
    settles_at: str
    settled_at: str | None
    settlement_id: str | None
    created_at: str
    version: int


class RefundShown(BaseModel):
    """Money on its way back to a card."""

    object: Literal["refund"]
    id: str
    charge_id: str
    status: Literal["pending", "succeeded", "failed"]
    currency: str
    amount_minor: int
    reason: str | None
    is_waiting_for_funds: bool
    due_at: str | None
    succeeded_at: str | None
    failed_at: str | None
    created_at: str
    version: int


class DisputeShown(BaseModel):
    """A cardholder's objection; `due_at` is until when it takes evidence."""

    object: Literal["dispute"]
    id: str
    charge_id: str
    status: Literal["needs_response", "under_review", "won", "lost"]
    currency: str
    amount_minor: int
    fee_minor: int
    reason: str
    evidence: str | None
    submitted_at: str | None
    due_at: str | None
    closed_at: str | None
    created_at: str
    version: int


class CaptureAnswer(CaptureShown):
    """A capture, with its charge as it is then."""

    charge: Charge


class RefundAnswer(RefundShown):
    """A refund, with its charge as it is then."""

    charge: Charge


class DisputeAnswer(DisputeShown):
    """A dispute, with its charge as it is then."""

    charge: Charge


class ChargeWhole(Charge):
    """A charge with all that came of it."""

    captures: list[CaptureShown]
    refunds: list[RefundShown]
    disputes: list[DisputeShown]


class ChargeList(BaseModel):
    """Charges, the newest first; `next_cursor` continues."""

    data: list[Charge]
    has_more: bool
    next_cursor: str | None


class Settlement(BaseModel):
    """What became available at once: captures less fees, and less what was given back before."""

    object: Literal["settlement"]
    id: str
    currency: str
    gross_minor: int
    fees_minor: int
    refunds_minor: int
    disputes_minor: int
    net_minor: int
    capture_count: int
    settled_at: str


class SettlementRun(BaseModel):
    """The report of each currency in which something was settled."""

    object: Literal["settlement_run"]
    data: list[Settlement]


class Clock(BaseModel):
    """What the account's clock shows."""

    object: Literal["clock"]
    now: str


class Authorized(BaseModel):
    """`approved` or `declined`, with the charge."""

    status: Literal["approved", "declined"]
    auth_id: str
    decline_code: str | None
    charge: Charge


class Captured(BaseModel):
    """`transaction_id` is what is refunded by."""

    status: Literal["completed"]
    transaction_id: str
    auth_id: str
    capture: CaptureAnswer


class Refunded(BaseModel):
    """Accepted; it arrives a bank day later."""

    status: Literal["completed"]
    refund_id: str
    refund: RefundAnswer


def shown(value: Any, status: int = 200, **headers: str) -> Response:
    """`value` as JSON."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, media_type="application/json", headers=headers)
