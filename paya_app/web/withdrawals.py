"""What the page of withdrawals shows and reads: amounts of bitcoin as people write them, addresses, and stages."""

import re
from dataclasses import dataclass

from paya_app import savings
from paya_app.core.money import format_amount, format_sats
from paya_app.savings import Address, Withdrawal, WithdrawalAmountInvalid, WithdrawalLimits
from paya_app.web.components.timeline import StageRow

_AMOUNT = re.compile(r"(?=[0-9.])([0-9]{0,8})(?:\.([0-9]{0,8}))?")
STATES = {
    "asked": "Waiting",
    "submitted": "Waiting",
    "accepted": "On its way",
    "sent": "Sent",
    "failed": "Not sent",
}
TONES = {"sent": "pos", "failed": "neg"}
WHY = {
    "address_unregistered": "The exchange does not know this address yet. We are registering it: try again later.",
    "fee_rose": "The network's fee rose above what you had agreed to. Look at it again, and ask anew.",
    "cut_off": "The exchange could not be reached for an hour.",
    "not_taken": "The exchange did not take it. You can ask again.",
    "address_removed": "You removed the address before it was sent.",
    "account_unavailable": "Your account could not send anything. Home says why.",
    "exchange_refused": "The exchange refused it. We are looking into it.",
    "exchange_returned": "The exchange gave it back. We are looking into it.",
}


@dataclass
class AddressRow:
    """One address as the list shows it; `usable_at` is ISO 8601."""

    id: str
    label: str
    fours: str
    is_usable: bool
    usable_at: str


@dataclass
class WithdrawalRow:
    """One withdrawal as the list shows it; `at` is ISO 8601."""

    href: str
    amount: str
    label: str
    at: str
    state: str
    chip: str


@dataclass
class WithdrawalReceipt:
    """One withdrawal in full; `txid` is empty until it was sent, `why` unless it failed."""

    quantity: str = ""
    arrives: str = ""
    fee: str = ""
    label: str = ""
    fours: str = ""
    state: str = ""
    chip: str = ""
    txid: str = ""
    why: str = ""
    delayed: bool = False


def address_row(address: Address) -> AddressRow:
    """An address for the list."""
    return AddressRow(
        id=str(address.id),
        label=address.label,
        fours=savings.in_fours(address.address),
        is_usable=address.is_usable,
        usable_at=address.usable_at.isoformat(),
    )


def withdrawal_row(withdrawal: Withdrawal) -> WithdrawalRow:
    """A withdrawal for the list."""
    return WithdrawalRow(
        href=f"/save/withdraw/?id={withdrawal.id}",
        amount=format_amount(withdrawal.quantity_sats, "BTC"),
        label=withdrawal.label,
        at=withdrawal.created_at.isoformat(),
        state=STATES[withdrawal.state],
        chip=TONES.get(withdrawal.state, ""),
    )


def receipt_of(withdrawal: Withdrawal) -> WithdrawalReceipt:
    """A withdrawal in full."""
    failed = withdrawal.state == "failed"
    return WithdrawalReceipt(
        quantity=format_amount(withdrawal.quantity_sats, "BTC"),
        arrives="" if failed else format_amount(withdrawal.arrives_sats, "BTC"),
        fee="" if failed else format_sats(withdrawal.fee_sats),
        label=withdrawal.label,
        fours=savings.in_fours(withdrawal.address),
        state=STATES[withdrawal.state],
        chip=TONES.get(withdrawal.state, ""),
        txid=withdrawal.txid,
        why=WHY.get(withdrawal.reason, "The exchange did not send it.") if failed else "",
        delayed=withdrawal.is_delayed,
    )


def stages_of(withdrawal: Withdrawal) -> list[StageRow]:
    """What happened to it, what happens now, and what comes."""
    asked = StageRow("Asked for", "done", withdrawal.created_at.isoformat(), "", "It left your balance.")
    taken_at = withdrawal.accepted_at.isoformat() if withdrawal.accepted_at else ""
    ended_at = withdrawal.ended_at.isoformat() if withdrawal.ended_at else ""
    if withdrawal.state == "failed":
        between = [StageRow("At the exchange", "done", taken_at, "", "")] if taken_at else []
        return [
            asked,
            *between,
            StageRow("Not sent", "failed", ended_at, "", "All of it is back, and no fee was taken."),
        ]
    is_sent = withdrawal.state == "sent"
    at_exchange = StageRow("At the exchange", "done" if taken_at else "now", taken_at, "", "")
    sent = StageRow("Sent", "done" if is_sent else "now" if taken_at else "", ended_at, "", "")
    sent.detail = "" if is_sent else "Usually within an hour of the exchange taking it."
    return [asked, at_exchange, sent]


def limits_words(limits: WithdrawalLimits) -> str:
    """The least, and what is left of the day's limit."""
    least = format_amount(limits.min_sats, "BTC")
    return f"At least {least}. {format_amount(limits.day_left_sats, 'BTC')} of the daily limit is left."


def plain_btc(quantity_sats: int) -> str:
    """The amount as it is typed: `0.00100000`."""
    return format_amount(quantity_sats, "BTC").removesuffix(" BTC")


def read_btc(text: str) -> int:
    """Satoshis of an amount of bitcoin written by a person: `0.001`, `.5`, `1`.

    Raises:
        WithdrawalAmountInvalid: anything else, nine decimals or nothing too.
    """
    match = _AMOUNT.fullmatch(text.strip().removesuffix("BTC").strip()) if len(text) <= 40 else None  # noqa: PLR2004
    if match is None or not text.isascii() or text.strip() == ".":
        raise WithdrawalAmountInvalid
    return int(match[1] or "0") * 10**8 + int((match[2] or "").ljust(8, "0"))
