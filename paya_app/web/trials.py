"""How the lab speaks: what would have been, what may become, and what both rest on."""

from dataclasses import dataclass, field
from datetime import date

from paya_app.core.money import format_amount, format_cents, format_price
from paya_app.savings import Backtest, Projection
from paya_app.savings.buying import FEE_BPS_MAX
from paya_app.savings.projection import BLOCK_DAYS
from paya_app.web.components.lab_chart import ChartPoint

_SKIPPED = {
    "price_above": "not bought, the price was above the limit",
    "cap_reached": "not bought: it no longer fitted, and the plan ended",
    "exchange_unavailable": "not counted: no price is kept of that day",
}


@dataclass
class Looked:
    """What would have been; `gain_tone` colours the gain, `skipped` are lines."""

    days: str = ""
    spent: str = ""
    btc: str = ""
    average: str = ""
    worth: str = ""
    gain: str = ""
    gain_tone: str = ""
    buys: str = ""
    fee: str = ""
    exchange_fee: str = ""
    lump: str = ""
    lump_gain: str = ""
    skipped: list[str] = field(default_factory=list)


@dataclass
class Ahead:
    """What may become of it at the end of the time that was chosen."""

    until: str = ""
    spent: str = ""
    low: str = ""
    middle: str = ""
    high: str = ""


def looked(done: Backtest) -> Looked:
    """A backtest, in words."""
    sums, count = done.sums, done.sums.bought_count
    average = done.average_cents_per_btc
    lump_gain = done.lump_worth_cents - sums.spent_cents
    return Looked(
        days=f"{_day(done.first_day)} to {_day(done.last_day)}",
        spent=format_cents(sums.spent_cents),
        btc=format_amount(sums.quantity_sats, "BTC"),
        average=f"{format_price(average)} per bitcoin" if average is not None else "",
        worth=format_cents(done.worth_cents),
        gain=_gain(done.gain_cents),
        gain_tone="text-neg" if done.gain_cents < 0 else "text-pos",
        buys=f"{count:,} buy{'' if count == 1 else 's'}",
        fee=format_cents(sums.fee_cents),
        exchange_fee=format_cents(sums.exchange_fee_cents),
        lump=format_cents(done.lump_worth_cents) if done.lump_sats else "",
        lump_gain=_gain(lump_gain),
        skipped=[
            f"{times:,} time{'' if times == 1 else 's'} {_SKIPPED.get(reason, 'not bought')}"
            for reason, times in sorted(done.skipped.items())
            if reason != "plan_ended"
        ],
    )


def ahead(drawn: Projection) -> Ahead:
    """A projection, in words."""
    last = drawn.points[-1]
    spent, low, middle, high = (
        format_cents(cents) for cents in (last.spent_cents, last.low_cents, last.middle_cents, last.high_cents)
    )
    return Ahead(_day(last.day), spent, low, middle, high)


def rests_on(done: Backtest, *, fee_bps: int, is_hourly: bool) -> list[str]:
    """What looking back assumes."""
    whose = "Made-up prices" if done.is_synthetic else "The exchange's prices"
    within = "Within a day the price is taken to move straight from its first to its last"
    return [
        f"{whose} of each day (UTC) from {_day(done.first_day)} to {_day(done.last_day)}.",
        f"{within}; the 24-hour high is that of the day before."
        + (" So an hourly plan sees nothing of what happens between." if is_hourly else ""),
        (
            f"Fees as they are now: ours {fee_bps / 100:g} %, none for a person's first buys; the exchange's "
            f"{FEE_BPS_MAX / 100:g} %, the most that it takes."
        ),
        "The money is always in the wallet, and the exchange always sells.",
    ]


def futures_rest_on(drawn: Projection) -> list[str]:
    """What looking ahead assumes."""
    change = drawn.yearly_change_bps / 100
    return [
        (
            f"{drawn.run_count} futures, each put together from the days between {_day(drawn.history_first)} and "
            f"{_day(drawn.history_last)}: stretches of about {BLOCK_DAYS} days in a row, drawn at random (the "
            "stationary bootstrap of Politis and Romano, 1994)."
        ),
        (
            f"In those days the price changed by {'−' if change < 0 else '+'}{abs(change):,.1f} % a year. "
            "The futures go on like that, and it may come otherwise."
        ),
        (
            "In eight of ten futures the worth lies within the range, in one below and in one above. "
            "This is arithmetic on the past, no forecast and no advice."
        ),
    ]


def past_points(done: Backtest) -> list[ChartPoint]:
    """What a plot of a backtest shows."""
    return [
        ChartPoint(each.day.isoformat(), each.spent_cents, each.worth_cents, each.worth_cents, each.worth_cents)
        for each in done.points
    ]


def future_points(drawn: Projection) -> list[ChartPoint]:
    """What a plot of a projection shows."""
    return [
        ChartPoint(each.day.isoformat(), each.spent_cents, each.middle_cents, each.low_cents, each.high_cents)
        for each in drawn.points
    ]


def _gain(cents: int) -> str:
    return f"{'−' if cents < 0 else '+'}{format_cents(abs(cents))} {'loss' if cents < 0 else 'gain'}"


def _day(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"
