"""How pages speak of savings plans: when they buy, what they say, and what became of each buy."""

from datetime import datetime
from zoneinfo import ZoneInfo

from paya_app.core.money import format_cents, format_price, format_sats, price_of
from paya_app.savings import Buy, Plan, Schedule, Terms
from paya_app.savings.schedule import LAST_DAY

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
STATES = {"active": "Active", "paused": "Paused", "ended": "Ended"}
STATE_TONES = {"active": "pos", "paused": "warn", "ended": ""}

_ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
_SHORT = {"skip": "skipped", "retry": "tried for a day", "use_wallet": "your wallet"}
_MISSED = {"one": "One buy for all missed", "skip": "Missed buys are skipped"}
_NAMES = {"hourly": "Hourly", "daily": "Daily", "weekdays": "Weekday", "monthly": "Monthly"}
_PAUSED = {
    "paused_by_owner": "You paused it. Nothing is bought until you resume it.",
    "insufficient_funds": (
        "Paused: three times in a row there was too little in your wallet. Nothing left it. "
        "Add money, then resume the plan."
    ),
    "bank_removed": "Paused: the bank that paid for it is no longer linked. Nothing left your wallet.",
}
_ENDED = {
    "ended_by_owner": "You ended it. What it bought is yours.",
    "cap_reached": "It spent what it may in all, and ended. What it bought is yours.",
    "schedule_over": "Its last day is over. What it bought is yours.",
}
_SKIPPED = {
    "skipped_by_owner": "You skipped it. Nothing left your wallet.",
    "missed": "An outage of ours lasted past its time. Nothing left your wallet.",
    "price_above": "A bitcoin cost more than your limit. Nothing left your wallet.",
    "cap_reached": "It no longer fitted into what the plan may spend. Nothing left your wallet.",
    "insufficient_funds": "There was too little in your wallet, and nothing left it. Add money before the next.",
    "plan_not_active": "The plan was not active at its time. Nothing left your wallet.",
}
_FAILED = {
    "exchange_refused": "The exchange refused the order.",
    "cut_off": "The exchange could not be reached in time.",
    "not_filled": "The exchange sold nothing for it.",
    "below_exchange_minimum": "It was less than the exchange sells.",
}


def moment_words(at: datetime, zone: str, now: datetime) -> str:
    """`Fri, Nov 27 · 09:00` in the plan's zone; with the year when it is another than now."""
    local = at.astimezone(ZoneInfo(zone))
    year = "" if local.year == now.astimezone(ZoneInfo(zone)).year else f" {local.year}"
    return f"{local:%a, %b} {local.day}{year and ','}{year}\u00a0· {local:%H:%M}"


def zone_words(zone: str) -> str:
    """`New York time`, of an IANA name."""
    place = zone.rpartition("/")[2].replace("_", " ")
    return place if place.isupper() or any(c.isdigit() for c in place) else f"{place} time"


def name_of(schedule: Schedule) -> str:
    """What a plan is called that nobody named: `Friday bitcoin`."""
    if schedule.frequency in _NAMES:
        return f"{_NAMES[schedule.frequency]} bitcoin"
    return f"{DAYS[schedule.weekdays[0] - 1] if len(schedule.weekdays) == 1 else 'Weekly'} bitcoin"


def rhythm(schedule: Schedule) -> str:
    """`every Friday at 09:00`, without the zone."""
    clock = f"{schedule.minute_of_day // 60:02}:{schedule.minute_of_day % 60:02}"
    match schedule.frequency:
        case "hourly":
            return f"every hour at {schedule.minute_of_day:02} past"
        case "daily":
            return f"every day at {clock}"
        case "weekdays":
            return f"every Monday to Friday at {clock}"
        case "weekly":
            return f"every {_listed([DAYS[day - 1] for day in schedule.weekdays])} at {clock}"
        case "biweekly":
            return f"every other {DAYS[schedule.weekdays[0] - 1]} at {clock}"
        case "monthly":
            return f"on the {month_day_words(schedule.month_day or 1)} of every month at {clock}"


def month_day_words(day: int) -> str:
    """`1st`, or `last day`."""
    if day == LAST_DAY:
        return "last day"
    return f"{day}{_ORDINALS.get(day, 'th')}"


def promise(terms: Terms) -> str:
    """What will happen, in one sentence; what else was agreed comes in `conditions`."""
    when = rhythm(terms.schedule)
    source = "your bank" if terms.funding == "bank" else "your wallet"
    return (
        f"{when[0].upper()}{when[1:]}, {zone_words(terms.schedule.zone)}, {format_cents(terms.amount_cents)} "
        f"from {source} buys bitcoin at the exchange's price of that moment."
    )


def conditions(terms: Terms) -> list[tuple[str, str]]:
    """What else a plan says: each a label, and the words."""
    said = []
    if terms.buy_below_cents is not None:
        said.append(("Only below", f"{format_cents(terms.buy_below_cents)} per bitcoin"))
    if terms.dip_bps is not None and terms.dip_extra_cents is not None:
        percent = f"{terms.dip_bps / 100:g} %"
        said.append(("On a dip", f"{format_cents(terms.dip_extra_cents)} more, {percent} below the 24-hour high"))
    if terms.cap_cents is not None:
        said.append(("In all", f"At most {format_cents(terms.cap_cents)}, then it ends"))
    if terms.schedule.ends_on is not None:
        last = terms.schedule.ends_on
        said.append(("Last day", f"{last:%a, %b} {last.day}, {last.year}"))
    source = "Bank" if terms.funding == "bank" else "Wallet"
    said.append(("Paid from", f"{source}; if short, {_SHORT[terms.on_shortfall]}"))
    said.append(("After our outage", _MISSED[terms.catch_up]))
    return said


def rest_words(terms: Terms) -> str:
    """What else was agreed, a line each."""
    return "\n".join(f"{label}: {words}" for label, words in conditions(terms))


def why_it_stands(plan: Plan) -> str:
    """Why a plan is paused or has ended, and what next; empty while it goes on."""
    match plan.state:
        case "paused":
            return _PAUSED.get(plan.pause_reason, "Paused. Nothing is bought until you resume it.")
        case "ended":
            return _ENDED.get(plan.end_reason, "It has ended. What it bought is yours.")
        case _:
            return ""


def buy_words(buy: Buy) -> tuple[str, str]:
    """What became of a buy that is not ahead any more, in a word or two, and the rest: why, and where the money is."""
    match buy.state:
        case "bought":
            return f"Bought {format_sats(buy.quantity_sats)}", _bought(buy)
        case "collected" | "ordered":
            return "Buying now", "Your money is set aside for it, and the order is on its way to the exchange."
        case "failed":
            why = _FAILED.get(buy.reason, "The order came to nothing.")
            return (
                "Not bought",
                f"{why} Your {format_cents(buy.refund_cents or buy.amount_cents)} is back in your wallet.",
            )
        case "skipped":
            return "Skipped", _SKIPPED.get(buy.reason, "Your wallet could not pay then. Nothing left it.")
        case _ if buy.reason == "insufficient_funds":
            return (
                "Waiting for money",
                "There is too little in your wallet. It is tried every hour for a day: add money, or skip it.",
            )
        case _:
            return "Due now", "It begins within seconds. Nothing has left your wallet yet."


def spent_words(buy: Buy) -> str:
    """`−$25.00`: what a buy took for good, or is taking now; empty where it takes nothing."""
    taken_cents = buy.amount_cents - buy.refund_cents if buy.state in ("bought", "collected", "ordered") else 0
    return f"−{format_cents(taken_cents)}" if taken_cents else ""


def _bought(buy: Buy) -> str:
    price = f"at {format_price(price_of(buy.cost_cents, buy.quantity_sats) or 0)} per bitcoin"
    # a fee that the exchange took in bitcoin is in the price of what was left
    apart = buy.exchange_fee_cents > 0
    parts = [
        price if apart else f"{price}, exchange fee included",
        *([f"exchange fee {format_cents(buy.exchange_fee_cents)}"] if apart else []),
        f"our fee {format_cents(buy.fee_cents)}" if buy.fee_cents else "no fee of ours",
    ]
    if buy.refund_cents:
        parts.append(f"{format_cents(buy.refund_cents)} came back")
    return " · ".join(parts)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
