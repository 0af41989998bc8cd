"""What can be done to charges: each verb one round trip, once per id."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from paya_app.charges.cards import refuse_card_numbers
from paya_app.core import db

Shown = dict[str, Any]

_EXECUTE = "select charges.execute(:operation, :account, :id, cast(:request as jsonb))"


async def execute(operation: str, account_id: UUID, id: UUID, request: Mapping[str, Any]) -> Shown:  # noqa: A002
    """Do the operation of this name; `id` makes it happen once. The other verbs say what each needs and refuses.

    Raises:
        OperationUnknown: there is none of this name.
        CardNumberInText: metadata or evidence holds a card's number.
        KeyReused: `id` was used for another request.
    """
    refuse_card_numbers(request)
    rows = await db.call(
        _EXECUTE, {"operation": operation, "account": account_id, "id": id, "request": json.dumps(request)}
    )
    return rows[0][0]


def _given(**parts: object) -> Shown:
    return {
        name: str(value) if isinstance(value, UUID) else value for name, value in parts.items() if value is not None
    }


async def authorize(
    account_id: UUID,
    *,
    charge_id: UUID,
    amount_minor: int,
    currency: str,
    card: str,
    allow_partial: bool | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Shown:
    """Make a charge of `amount_minor` on the test card of this name (`read_card(number).name`).

    A decline is no error: the charge is then `declined`, with its `decline_code`.

    Raises:
        CardNotATestCard: there is no test card of this name.
        CurrencyUnknown: not USD, EUR, GBP or CAD.
        ChargeAmountInvalid: not 1 to the most.
        ChargeFieldInvalid: metadata that is none.
        CardNumberInText: metadata that holds a card's number.
        KeyReused: `charge_id` was used for another charge.
    """
    request = _given(
        amount_minor=amount_minor, currency=currency, card=card, allow_partial=allow_partial, metadata=metadata
    )
    return await execute("authorize", account_id, charge_id, request)


async def increment(account_id: UUID, *, operation_id: UUID, charge_id: UUID, amount_minor: int) -> Shown:
    """Authorize `amount_minor` more of a charge of which nothing was captured, at most ten times; returns the charge.

    Raises:
        NotFound: the account has no such charge.
        ChargeStateInvalid: something was captured, nothing is held, or ten increments were made.
        ChargeAmountExceeds: it would be more than the most.
        KeyReused: `operation_id` was used for something else.
    """
    request = _given(charge_id=charge_id, amount_minor=amount_minor)
    return await execute("increment", account_id, operation_id, request)


async def capture(
    account_id: UUID,
    *,
    capture_id: UUID,
    charge_id: UUID,
    amount_minor: int | None = None,
    final: bool | None = None,
) -> Shown:
    """Take `amount_minor` (else all that is left) of what a charge holds; `final` (else true) releases the rest.

    Raises:
        NotFound: the account has no such charge.
        ChargeStateInvalid: nothing is held any more, or fifty captures were made.
        ChargeAmountExceeds: more than is held.
        KeyReused: `capture_id` was used for another capture.
    """
    request = _given(charge_id=charge_id, amount_minor=amount_minor, final=final)
    return await execute("capture", account_id, capture_id, request)


async def void(account_id: UUID, *, operation_id: UUID, charge_id: UUID) -> Shown:
    """Release what of a charge was not captured; returns the charge.

    Raises:
        NotFound: the account has no such charge.
        ChargeStateInvalid: nothing is held any more.
        KeyReused: `operation_id` was used for something else.
    """
    return await execute("void", account_id, operation_id, _given(charge_id=charge_id))


async def refund(
    account_id: UUID,
    *,
    refund_id: UUID,
    charge_id: UUID | None = None,
    capture_id: UUID | None = None,
    amount_minor: int | None = None,
    reason: str | None = None,
) -> Shown:
    """Give `amount_minor` (else all that is left) of a charge, or of one of its captures, back to the card.

    Raises:
        NotFound: the account has no such charge or capture.
        ChargeStateInvalid: nothing is left to refund.
        ChargeAmountExceeds: more than is left.
        KeyReused: `refund_id` was used for another refund.
    """
    request = _given(charge_id=charge_id, capture_id=capture_id, amount_minor=amount_minor, reason=reason)
    return await execute("refund", account_id, refund_id, request)


async def submit_evidence(account_id: UUID, *, operation_id: UUID, dispute_id: UUID, evidence: str) -> Shown:
    """Answer a dispute, once and in time; decided three bank days later. `losing_evidence` loses, all else wins.

    Raises:
        NotFound: the account has no such dispute.
        ChargeStateInvalid: it is answered or decided.
        KeyReused: `operation_id` was used for something else.
    """
    request = _given(dispute_id=dispute_id, evidence=evidence)
    return await execute("submit_evidence", account_id, operation_id, request)


async def accept_dispute(account_id: UUID, *, operation_id: UUID, dispute_id: UUID) -> Shown:
    """Give a dispute up: it is lost at once. Raises as `submit_evidence`."""
    return await execute("accept_dispute", account_id, operation_id, _given(dispute_id=dispute_id))


async def open_dispute(
    account_id: UUID, *, dispute_id: UUID, charge_id: UUID, amount_minor: int | None = None, reason: str | None = None
) -> Shown:
    """Simulation: the cardholder disputes `amount_minor` (else all that is left) of what was captured.

    Raises:
        NotFound: the account has no such charge.
        ChargeStateInvalid: nothing is left to dispute, or a dispute is open.
        ChargeAmountExceeds: more than is left.
        KeyReused: `dispute_id` was used for another dispute.
    """
    request = _given(charge_id=charge_id, amount_minor=amount_minor, reason=reason)
    return await execute("open_dispute", account_id, dispute_id, request)


async def expire(account_id: UUID, *, operation_id: UUID, charge_id: UUID) -> Shown:
    """Simulation: the seven days of a charge are over now. Raises as `void`."""
    return await execute("expire", account_id, operation_id, _given(charge_id=charge_id))


async def fail_refund(account_id: UUID, *, operation_id: UUID, refund_id: UUID) -> Shown:
    """Simulation: a pending refund fails now, and its money is the merchant's again.

    Raises:
        NotFound: the account has no such refund.
        ChargeStateInvalid: it has ended.
        KeyReused: `operation_id` was used for something else.
    """
    return await execute("fail_refund", account_id, operation_id, _given(refund_id=refund_id))
