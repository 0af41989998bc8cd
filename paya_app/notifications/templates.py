"""Every sentence that leaves us, in one place: what happened, where the money is, what comes next.

No secret, no number of a phone or an account, no name of anybody but the plan's: mails and texts are read on locked
screens and by others' servers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from paya_app.core.money import format_amount, format_cents, format_sats
from paya_app.notifications.kinds import ADDRESS_ADDED, EMAIL_ASKED
from paya_app.notifications.quiet import zone_of

Facts = dict[str, Any]

_SKIPPED = {
    "missed": "PaYa was not at work when it was due, and its time has passed",
    "price_above": "bitcoin cost more than you want to pay",
    "insufficient_funds": "your wallet held too little",
    "bank_late": "the money from your bank was not there yet",
    "cap_reached": "it would have gone over the plan's cap",
    "plan_not_active": "the plan was not going on any more",
    "exchange_unavailable": "the exchange gave no price for six hours",
    "account_unavailable": "your wallet could not pay",
}
_PAUSED = {
    "paused_by_owner": "You paused it.",
    "insufficient_funds": "Three buys in a row found too little money in your wallet.",
    "bank_late": "Three buys in a row came before the money from your bank.",
    "bank_removed": "The bank that paid for it is no longer linked.",
}
_FAILED = {
    "exchange_refused": "the exchange refused the order",
    "cut_off": "the exchange could not be reached in time",
    "below_exchange_minimum": "it was less than the exchange sells",
}
_NOT_SENT = {
    "address_unregistered": "the exchange does not know this address yet, and we are registering it",
    "fee_rose": "the network's fee rose above what you agreed to",
    "cut_off": "the exchange could not be reached in time",
    "not_taken": "the exchange did not take it",
    "address_removed": "you removed the address",
    "account_unavailable": "your account cannot send anything right now",
}
_ENDED = {
    "ended_by_owner": "You ended it.",
    "cap_reached": "It has spent what you allowed it to.",
    "schedule_over": "Its last day has passed.",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told. `path` is the page of ours where it goes on.

    Attributes:
        subject: one line, a mail's subject and a push message's title.
        happened, money, onward: a sentence or two each.
    """

    subject: str
    happened: str
    money: str
    onward: str
    path: str

    def mail(self, link: str) -> str:
        """The body of a mail; `link` is where it goes on."""
        return f"{self.happened}\n\n{self.money}\n\n{self.onward}\n{link}\n"

    def short(self) -> str:
        """What fits a text or a push message."""
        return f"{self.happened} {self.money}"


def notice_of(kind: str, facts: Facts, *, plan_id: str, plan_name: str, plan_zone: str) -> Notice:
    """The notice of an event of this kind with these facts (its payload).

    Raises:
        KeyError: there is no such kind.
    """
    plan = f"“{_plain(plan_name)}”" if plan_name else "your plan"
    path = "/save/withdraw/" if kind.startswith("withdrawal") else f"/save/{plan_id}/" if plan_id else "/save/"
    subject, happened, money, onward = _TEMPLATES[kind](facts, plan, plan_zone)
    return Notice(subject, happened, money, onward, path)


def _bought(facts: Facts, plan: str, _zone: str) -> tuple[str, str, str, str]:
    spent, fee = facts["cost_cents"] + facts["fee_cents"], facts["fee_cents"]
    quantity = facts["quantity_sats"]
    of_it = f", of which {format_cents(fee)} is our fee" if fee else ""
    back = facts.get("refund_cents", 0)
    unspent = f" {format_cents(back)} was not needed and is back in your wallet." if back else ""
    return (
        f"Bought: {format_sats(quantity)} for {format_cents(spent)}",
        f"Your plan {plan} bought {format_amount(quantity, 'BTC')} for {format_cents(spent)}{of_it}.",
        f"The bitcoin is in your PaYa account.{unspent}",
        "See it, and the next three buys:",
    )


def _failed(facts: Facts, plan: str, _zone: str) -> tuple[str, str, str, str]:
    back = format_cents(facts.get("refund_cents") or facts["amount_cents"])
    why = _FAILED.get(facts.get("reason") or "", "the exchange sold nothing for it")
    return (
        f"Not bought: {back} is back in your wallet",
        f"Your plan {plan} could not buy: {why}.",
        f"{back} is back in your wallet, and no fee was taken.",
        "The plan goes on with its next buy. See when:",
    )


def _skipped(facts: Facts, plan: str, zone: str) -> tuple[str, str, str, str]:
    why = _SKIPPED.get(facts.get("reason") or "", "it could not be made")
    amount = format_cents(facts["amount_cents"])
    return (
        f"Skipped: a buy of {amount}",
        f"Your plan {plan} skipped its buy of {amount} {_due(facts, zone)}: {why}.",
        "Nothing was bought and no money was taken.",
        "The plan's next buys, and what you can change:",
    )


def _waits(facts: Facts, plan: str, zone: str) -> tuple[str, str, str, str]:
    amount, is_bank = format_cents(facts["amount_cents"]), facts.get("reason") == "bank_late"
    why = "the money from your bank is not there yet" if is_bank else "your wallet holds too little"
    return (
        f"Waiting for money: a buy of {amount}",
        f"Your plan {plan} could not pay for its buy of {amount} {_due(facts, zone)}: {why}.",
        "Nothing was taken.",
        "It is tried again every hour for a day:"
        if is_bank
        else "It is tried again every hour for a day. Add money and it is made:",
    )


def _reminder(facts: Facts, plan: str, zone: str) -> tuple[str, str, str, str]:
    amount = format_cents(facts["amount_cents"])
    return (
        f"Coming up: a buy of {amount}",
        f"Your plan {plan} buys bitcoin for {amount} {_due(facts, zone)}.",
        "Nothing has been taken yet.",
        "You can still skip it:",
    )


def _paused(facts: Facts, plan: str, _zone: str) -> tuple[str, str, str, str]:
    return (
        f"Paused: {plan}",
        f"Your plan {plan} is paused. {_PAUSED.get(facts.get('reason') or '', 'It could not be paid any more.')}",
        "No money is taken while it is paused. What it bought stays yours.",
        "Resume or end it:",
    )


def _ended(facts: Facts, plan: str, _zone: str) -> tuple[str, str, str, str]:
    return (
        f"Ended: {plan}",
        f"Your plan {plan} has ended. {_ENDED.get(facts.get('reason') or '', 'It has no buy left.')}",
        "No more money is taken for it. What it bought stays yours.",
        "What it bought, and what it cost:",
    )


def _confirm(_facts: Facts, _plan: str, _zone: str) -> tuple[str, str, str, str]:
    return (
        "Confirm your e-mail address for PaYa",
        "Somebody who is signed in to PaYa wants notices to be sent to this address. If that was you, confirm it.",
        "No money moves by this. If it was not you, do nothing: we do not write again.",
        "The link works for three days:",
    )


def _address_added(facts: Facts, _plan: str, _zone: str) -> tuple[str, str, str, str]:
    address = facts["address"]
    return (
        "A bitcoin address was added to your account",
        f"A new address for your bitcoin was added to your PaYa account: {address[:8]}…{address[-6:]}.",
        "No bitcoin has moved, and none can go there for now.",
        "Was it not you? Remove it at once, and sign out everywhere in Settings:",
    )


def _withdrawal_sent(facts: Facts, _plan: str, _zone: str) -> tuple[str, str, str, str]:
    arrives, fee = format_amount(facts["arrives_sats"], "BTC"), format_sats(facts["fee_sats"])
    return (
        f"Sent: {arrives}",
        f"{arrives} went to your address “{_plain(facts['label'])}”. The network took {fee}.",
        f"{format_amount(facts['quantity_sats'], 'BTC')} left your PaYa account in all.",
        "The transaction, to follow it yourself:",
    )


def _withdrawal_failed(facts: Facts, _plan: str, _zone: str) -> tuple[str, str, str, str]:
    quantity = format_amount(facts["quantity_sats"], "BTC")
    why = _NOT_SENT.get(facts.get("reason") or "", "the exchange did not send it")
    return (
        f"Not sent: {quantity} is back",
        f"{quantity} could not be sent to your address “{_plain(facts['label'])}”: {why}.",
        "All of it is back in your PaYa account, and no fee was taken.",
        "What you can do now:",
    )


_TEMPLATES: dict[str, Callable[[Facts, str, str], tuple[str, str, str, str]]] = {
    "buy.bought": _bought,
    "buy.failed": _failed,
    "buy.skipped": _skipped,
    "buy.waits": _waits,
    "reminder.came": _reminder,
    "plan.paused": _paused,
    "plan.ended": _ended,
    EMAIL_ASKED: _confirm,
    ADDRESS_ADDED: _address_added,
    "withdrawal.sent": _withdrawal_sent,
    "withdrawal.failed": _withdrawal_failed,
}


def _due(facts: Facts, zone: str) -> str:
    at = datetime.fromisoformat(facts["due_at"])
    local = at.astimezone(zone_of(zone)) if zone_of(zone) else at
    return f"on {local:%a, %b} {local.day} at {local:%H:%M} ({zone or 'UTC'})"


def _plain(name: str) -> str:
    """A name on one line, without what nobody sees."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:40]
