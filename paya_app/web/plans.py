"""How pages speak of savings plans: when they buy, what they say, and what our fee is."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from paya_app.core.money import format_cents
from paya_app.savings import FeeTerms, Plan, Schedule, Terms, asked_on
from paya_app.savings.schedule import LAST_DAY
from paya_app.savings.terms import buys_that_fit

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
STATES = {"active": "Active", "paused": "Paused", "ended": "Ended"}
STATE_TONES = {"active": "pos", "paused": "warn", "ended": ""}

_ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
SHORT = {"skip": "skipped", "retry": "tried for a day", "use_wallet": "your wallet pays"}
MISSED = {"one": "One buy for all missed", "skip": "Missed buys are skipped"}
_NAMES = {"hourly": "Hourly", "daily": "Daily", "weekdays": "Weekday", "monthly": "Monthly"}
_PAUSED = {
    "paused_by_owner": "You paused it. Nothing is bought until you resume it.",
    "insufficient_funds": (
        "Paused: three times in a row there was too little in your wallet. Nothing left it. "
        "Add money, then resume the plan."
    ),
    "bank_late": (
        "Paused: three times in a row the money from your bank was not there in time. Nothing left your wallet. "
        "Have your bank asked earlier, then resume the plan."
    ),
    "bank_removed": "Paused: the bank that paid for it is no longer linked. Nothing left your wallet.",
}
_ENDED = {
    "ended_by_owner": "You ended it. What it bought is yours.",
    "cap_reached": "It spent what it may in all, and ended. What it bought is yours.",
    "schedule_over": "Its last day is over. What it bought is yours.",
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
            return f"every {listed([DAYS[day - 1] for day in schedule.weekdays])} at {clock}"
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


def conditions(terms: Terms, bank: str = "") -> list[tuple[str, str]]:
    """What else a plan says: each a label, and the words. `bank` is the name of the bank that pays, if one does."""
    said = []
    if terms.buy_below_cents is not None:
        said.append(("Only below", f"{format_cents(terms.buy_below_cents)} per bitcoin"))
    if terms.dip_bps is not None and terms.dip_extra_cents is not None:
        below = f"{percent(terms.dip_bps)} below the 24-hour high"
        said.append(("On a dip", f"{format_cents(terms.dip_extra_cents)} more, {below}"))
    if terms.cap_cents is not None:
        said.append(("In all", f"At most {format_cents(terms.cap_cents)}, then it ends"))
    if terms.schedule.ends_on is not None:
        said.append(("Last day", f"{day_words(terms.schedule.ends_on)}, {terms.schedule.ends_on.year}"))
    if terms.funding == "bank":
        said.append(("Paid from", bank or "Your bank"))
        said.append(("Your bank is asked", lead_words(terms.lead_bank_days)))
        said.append(("If its money is late", SHORT[terms.on_shortfall].capitalize()))
    else:
        said.append(("Paid from", f"Wallet; if short, {SHORT[terms.on_shortfall]}"))
    said.append(("After our outage", MISSED[terms.catch_up]))
    return said


def rest_words(terms: Terms, bank: str = "") -> str:
    """What else was agreed, a line each."""
    return "\n".join(f"{label}: {words}" for label, words in conditions(terms, bank))


def lead_words(lead_bank_days: int) -> str:
    """`4 business days before each buy`."""
    return f"{lead_bank_days} business day{'' if lead_bank_days == 1 else 's'} before each buy"


def asked_words(due_at: datetime, lead_bank_days: int, now: datetime) -> str:
    """`your bank is asked on Fri, Nov 20`, of a buy that a bank pays; empty of one that the wallet pays."""
    if not lead_bank_days:
        return ""
    day = asked_on(due_at, lead_bank_days)
    return "your bank is asked by now" if day <= now.date() else f"your bank is asked on {day_words(day)}"


def day_words(day: date) -> str:
    """`Fri, Nov 27`."""
    return f"{day:%a, %b} {day.day}"


def percent(bps: int) -> str:
    """`2.5 %`, of hundredths of a per cent."""
    return f"{bps / 100:g} %"


def fee_words(fee: FeeTerms, amount_cents: int) -> str:
    """What our fee of a buy of this amount is: `$0.00 (2 free buys left), then 1 % ($0.25)`."""
    charged = f"{percent(fee.fee_bps)} ({format_cents(fee.charged_cents(amount_cents))})".replace(" ", "\u00a0")
    if not fee.fee_bps:
        return format_cents(0)
    if fee.free_left:
        return f"{format_cents(0)} ({fee.free_left} free buy{'' if fee.free_left == 1 else 's'} left), then {charged}"
    return charged


def why_it_stands(plan: Plan) -> str:
    """Why a plan is paused or has ended, and what next; empty while it goes on."""
    match plan.state:
        case "paused":
            return _PAUSED.get(plan.pause_reason, "Paused. Nothing is bought until you resume it.")
        case "ended":
            return _ENDED.get(plan.end_reason, "It has ended. What it bought is yours.")
        case _ if buys_that_fit(plan.terms, plan.spent_cents) == 0:
            return "Its cap has no room for another buy, so it ends at its next time. Raise the cap to go on."
        case _:
            return ""


def listed(words: list[str]) -> str:
    """`one, two and three`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
