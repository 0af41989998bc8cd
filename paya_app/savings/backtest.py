"""The lab, looking back: what a plan would have done on the days that are kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from paya_app.core.actor import Actor
from paya_app.core.money import SATS_PER_BTC, price_of
from paya_app.savings import simulation
from paya_app.savings.candles import Day, candles
from paya_app.savings.lab_errors import LabNoPrices
from paya_app.savings.simulation import Bar, Place, Sums
from paya_app.savings.terms import Terms

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Point:
    """At the end of a day: what was spent until then, and what it had bought was worth. US cents."""

    day: date
    spent_cents: int
    worth_cents: int


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a plan would have come to, and what the same money would have, spent at once at the first of its times.

    Attributes:
        first_day, last_day: which days it went through, both included.
        sums: what its buys took, all fees included, and got.
        skipped: how often it did not buy, by reason.
        price_cents: what a whole bitcoin cost at the end of the last day.
        lump_sats: what one buy of the same money would have got.
        is_synthetic: whether any of the prices was made up.
    """

    first_day: date
    last_day: date
    sums: Sums
    skipped: dict[str, int]
    price_cents: int
    lump_sats: int
    points: list[Point]
    is_synthetic: bool

    @property
    def worth_cents(self) -> int:
        """What was bought is worth at the end, rounded down."""
        return worth(self.sums.quantity_sats, self.price_cents)

    @property
    def lump_worth_cents(self) -> int:
        """What one buy of the same money would be worth at the end, rounded down."""
        return worth(self.lump_sats, self.price_cents)

    @property
    def gain_cents(self) -> int:
        """What it is worth beyond what was spent; below zero a loss."""
        return self.worth_cents - self.sums.spent_cents

    @property
    def average_cents_per_btc(self) -> int | None:
        """What a whole bitcoin cost on average, all fees included; None when nothing was bought."""
        return price_of(self.sums.spent_cents, self.sums.quantity_sats)


def worth(quantity_sats: int, cents_per_btc: int) -> int:
    """What so much is worth, US cents, rounded down as holdings are."""
    return quantity_sats * cents_per_btc // SATS_PER_BTC


async def backtest(actor: Actor, terms: Terms, *, back_days: int) -> Backtest:
    """Run a plan through the newest `back_days` days that are kept, or as many as there are.

    It begins with the first of them, and its own last day plays no part. The money is always there.

    Raises:
        LabPeriodInvalid: `back_days` is not within the bounds.
        LabNoPrices: no two days are kept.
        LabBusy, LabNothingDue, LabTooMany: see there.
        What `savings.create` raises of terms that no plan may have.
    """
    bounds = await simulation.limits(actor, terms)
    simulation.require_days(back_days, field="back_days", most=bounds.back_days)
    # one more, for the first day's 24-hour high
    days = await candles(actor, back_days + 1)
    if len(days) < 2:  # noqa: PLR2004 - a day and the one before
        raise LabNoPrices
    async with simulation.turn(actor):
        laid = await asyncio.to_thread(_lay_out, terms, days, bounds.buys_count)
        (run,) = await simulation.simulate(
            actor, terms, laid.prices, laid.highs, run_length=len(laid.at), asked=(*laid.counts, len(laid.at))
        )
    sums = run.after[len(laid.at)]
    so_far = [run.after.get(count, Sums()) for count in laid.counts]
    points = [
        Point(day, then.spent_cents, worth(then.quantity_sats, close_cents))
        for day, then, close_cents in zip(laid.days, so_far, laid.closes, strict=True)
    ]
    return Backtest(
        first_day=days[1].day,
        last_day=days[-1].day,
        sums=sums,
        skipped=run.skipped,
        price_cents=days[-1].close_cents,
        lump_sats=await _lump_sats(actor, terms, sums.spent_cents, laid.first_cents),
        points=points,
        is_synthetic=any(each.is_synthetic for each in days),
    )


@dataclass(frozen=True, slots=True)
class _Laid:
    at: list[Place]
    prices: str
    highs: str
    first_cents: int | None
    days: list[date]
    counts: list[int]
    closes: list[int]


def _lay_out(terms: Terms, days: Sequence[Day], most: int) -> _Laid:
    """Its due times with their prices, and the days that are shown."""
    before, last = days[0].day, days[-1].day
    by_day = {each.day: each for each in days}
    span = [before + number * _DAY for number in range((last - before).days + 1)]
    bars: list[Bar | None] = [
        (each.open_cents, each.high_cents, each.close_cents) if (each := by_day.get(day)) else None for day in span
    ]
    begin, end = (datetime.combine(day + _DAY, time(), UTC) for day in (before, last))
    schedule = replace(terms.schedule, starts_on=before, ends_on=None)
    at = simulation.places(schedule, after=begin - timedelta(seconds=1), until=end, first_day=before, most=most)
    prices, highs = simulation.priced(bars, at)
    shown = [number for number in simulation.marks(len(span) - 1) if bars[number] is not None]
    return _Laid(
        at=at,
        prices=simulation.as_array(prices),
        highs=simulation.as_array(highs),
        first_cents=next((price for price in prices if price is not None), None),
        days=[span[number] for number in shown],
        counts=simulation.bought_until(at, shown),
        closes=[by_day[span[number]].close_cents for number in shown],
    )


async def _lump_sats(actor: Actor, terms: Terms, spent_cents: int, price_cents: int | None) -> int:
    """What `spent_cents` would have bought at once, under no condition."""
    if not spent_cents or price_cents is None:
        return 0
    once = replace(
        terms, amount_cents=spent_cents, buy_below_cents=None, dip_bps=None, dip_extra_cents=None, cap_cents=None
    )
    price = simulation.as_array([price_cents])
    (run,) = await simulation.simulate(actor, once, price, price, run_length=1, asked=(1,))
    return run.after[1].quantity_sats
