"""How pages speak of the buys of a plan: what became of each, why, and where the money is."""

from datetime import datetime, timedelta

from paya_app.core.money import format_cents, format_price, format_sats, price_of
from paya_app.savings import Buy

# What is due is taken every few seconds, and the exchange answers within some: after this it is late.
LATE_AFTER = timedelta(minutes=2)

SKIPPED = {
    "skipped_by_owner": "You skipped it. Nothing left your wallet.",
    "missed": "An outage of ours lasted past its time. Nothing left your wallet.",
    "price_above": "A bitcoin cost more than your limit. Nothing left your wallet.",
    "cap_reached": "It no longer fitted into what the plan may spend. Nothing left your wallet.",
    "insufficient_funds": "There was too little in your wallet, and nothing left it. Add money before the next.",
    "bank_late": "The money from your bank was not there yet. Nothing left your wallet for it.",
    "plan_not_active": "The plan was not active at its time. Nothing left your wallet.",
    "exchange_unavailable": "The exchange told no price for six hours. Nothing left your wallet.",
    "account_unavailable": "Your account could not pay then. Nothing left your wallet.",
}
NOT_PAID = "Your wallet could not pay then. Nothing left it."
FAILED = {
    "exchange_refused": "The exchange refused the order.",
    "cut_off": "The exchange could not be reached in time.",
    "not_filled": "The exchange sold nothing for it.",
    "below_exchange_minimum": "It was less than the exchange sells.",
}
NOTHING_CAME = "The order came to nothing."
WAITS = {
    "insufficient_funds": "There is too little in your wallet. It is tried every hour for a day: add money.",
    "bank_late": "The money from your bank is not there yet. It is tried every hour for a day.",
}


def buy_words(buy: Buy, now: datetime | None = None) -> tuple[str, str]:
    """What became of a buy that is not ahead any more, in a word or two, and the rest: why, and where the money is."""
    is_late = now is not None and buy.due_at + LATE_AFTER < now
    match buy.state:
        case "bought":
            return f"Bought {format_sats(buy.quantity_sats)}", _bought(buy)
        case "collected" if is_late:
            why = (
                "Your money is set aside for it. It is bought when the exchange answers, or comes back to your wallet."
            )
            return "Delayed", why
        case "collected":
            return "Buying now", "Your money is set aside for it, and the order is on its way to the exchange."
        case "failed":
            why = FAILED.get(buy.reason, NOTHING_CAME)
            back = format_cents(buy.refund_cents or buy.amount_cents)
            return "Not bought", f"{why} Your {back} is back in your wallet."
        case "skipped":
            return "Skipped", SKIPPED.get(buy.reason, NOT_PAID)
        case _ if buy.reason in WAITS:
            return "Waiting for money", WAITS[buy.reason]
        case _ if is_late:
            why = "Nothing has left your wallet. It is bought when the exchange answers, or skipped after six hours."
            return "Delayed", why
        case _:
            return "Due now", "It begins within seconds. Nothing has left your wallet yet."


def spent_words(buy: Buy) -> str:
    """`−$25.00`: what a buy took for good, or is taking now; empty where it takes nothing."""
    taken_cents = buy.amount_cents - buy.refund_cents if buy.state in ("bought", "collected") else 0
    return f"−{format_cents(taken_cents)}" if taken_cents else ""


def _bought(buy: Buy) -> str:
    price = price_of(buy.cost_cents - buy.exchange_fee_cents, buy.quantity_sats) or 0
    at = f"at {format_price(price)} per bitcoin"
    # a fee that the exchange took in bitcoin is in the price of what was left
    apart = buy.exchange_fee_cents > 0
    parts = [
        at if apart else f"{at}, exchange fee included",
        *([f"exchange fee {format_cents(buy.exchange_fee_cents)}"] if apart else []),
        f"our fee {format_cents(buy.fee_cents)}" if buy.fee_cents else "no fee of ours",
    ]
    if buy.refund_cents:
        parts.append(f"{format_cents(buy.refund_cents)} came back")
    return " · ".join(parts)
