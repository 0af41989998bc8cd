"""Handing withdrawals to the exchange, once, and following them to their end: what jobs do.

The exchange takes no id of ours and would send again. So it is noted that it may have been asked before it is, an
answer that was lost is looked for, and the question is never repeated: what the exchange does not list a minute and a
half later goes back to its owner, who may ask again.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from paya_app.core.as_service import as_service
from paya_app.providers import exchange
from paya_app.providers.outcome import Rejected, Retryable, Unknown
from paya_app.savings.withdrawal_errors import UNREGISTERED, WithdrawalSentTwice

WITHDRAWALS_AT_ONCE = 100
# the exchange's clock may be behind ours
CLOCKS_DIFFER = timedelta(minutes=1)
_REASONS = dict.fromkeys(UNREGISTERED, "address_unregistered") | {"EFunding:Max fee exceeded": "fee_rose"}

log = structlog.get_logger()


async def submit_withdrawal(withdrawal_id: UUID) -> None:
    """Hand a withdrawal to the exchange, once, whatever happened to earlier tries.

    Raises:
        Retryable: it was not handed over, or it is too early to say that it never arrived.
        Unknown: nobody knows; the next try looks for it.
        WithdrawalUnderWay: another one to the same address goes first.
        WithdrawalSentTwice: the exchange has it otherwise than we do.
    """
    asked = await as_service("select savings.claim_withdrawal(:id)", id=withdrawal_id)
    if asked["state"] not in ("asked", "submitted"):
        return
    try:
        ref = await (_look_for(asked) if asked["state"] == "submitted" else _hand_over(withdrawal_id, asked))
    except Rejected as refusal:
        log.error("the exchange refused a withdrawal", withdrawal=str(withdrawal_id), code=refusal.code)
        await _failed(withdrawal_id, _REASONS.get(refusal.code, "exchange_refused"), refusal.code)
        return
    except (Retryable, Unknown) as failure:
        await as_service(
            "select savings.note_withdrawal_attempt(:id, :error, :unsent)",
            id=withdrawal_id,
            error=failure.reason,
            # who was not asked yet, or surely did not do it
            unsent=asked["state"] == "asked" and isinstance(failure, Retryable),
        )
        raise
    if ref is None:
        await _failed(withdrawal_id, "not_taken")
        return
    try:
        await as_service("select savings.book_withdrawal_accepted(:id, :ref)", id=withdrawal_id, ref=ref)
    except WithdrawalSentTwice:
        await as_service("select savings.note_withdrawal_disputed(:id, :ref)", id=withdrawal_id, ref=ref)
        raise


async def _hand_over(withdrawal_id: UUID, asked: dict[str, Any]) -> str:
    # from here on an answer that does not come means that it may have been done
    await as_service(
        "select savings.note_withdrawal_sent(:id, :attempts)", id=withdrawal_id, attempts=asked["attempts"]
    )
    return await exchange.withdraw(
        client_id=withdrawal_id,
        address_key=asked["address_key"],
        address=asked["address"],
        quantity_sats=asked["quantity_sats"],
        fee_sats_max=asked["fee_sats_max"],
    )


async def _look_for(asked: dict[str, Any]) -> str | None:
    """What the exchange calls it; None when it surely does not have it."""
    found = await exchange.find_withdrawal(
        address_key=asked["address_key"],
        quantity_sats=asked["quantity_sats"],
        since=datetime.fromisoformat(asked["sent_at"]) - CLOCKS_DIFFER,
        known=frozenset(asked["known"]),
    )
    if found:
        return found.ref
    if asked["sent_s"] < exchange.NONE_IS_FINAL_AFTER_S:
        raise Retryable("not_known_yet", is_outage=False)
    return None


async def follow_withdrawal(withdrawal_id: UUID) -> None:
    """Ask what became of a withdrawal, and book it when it is over.

    Raises:
        Retryable: the exchange does not answer, or it was not sent yet.
        WithdrawalMalformed: what it says does not add up.
    """
    ref = await as_service("select savings.withdrawal_ref(:id)", id=withdrawal_id)
    if ref is None:
        return
    told = await exchange.withdrawal(ref)
    if told.state == "failed":
        await _failed(withdrawal_id, "exchange_returned")
    elif told.state == "pending":
        raise Retryable("not_sent_yet", is_outage=False)
    else:
        await as_service(
            "select savings.book_withdrawal_sent(:id, :arrives, :fee, :txid)",
            id=withdrawal_id,
            arrives=told.quantity_sats,
            fee=told.fee_sats,
            txid=told.txid,
        )


async def ask_about_withdrawals() -> int:
    """Enqueue a question about every withdrawal that nobody heard of for too long; returns how many."""
    return await as_service("select savings.withdrawals_to_ask(:maximum)", maximum=WITHDRAWALS_AT_ONCE)


async def _failed(withdrawal_id: UUID, reason: str, code: str | None = None) -> None:
    await as_service(
        "select savings.book_withdrawal_failed(:id, :reason, :code)", id=withdrawal_id, reason=reason, code=code
    )
