"""The lab, looking ahead: a range of what may become of a plan, if days come again as they were, in another order.

Many futures are drawn from the daily changes that are kept, by the stationary bootstrap (D. N. Politis and J. P.
Romano, "The Stationary Bootstrap", Journal of the American Statistical Association 89, 1994, 1303-1313): runs of days
in a row, begun anywhere, of a random length that is geometric, and past the last day the first comes again. So calm and
wild weeks stay together. A plan is run through each future as through the past; of all of them the range is told that
eight in ten end within. Floats are in the changes of the price alone: each future's prices are whole cents.
"""

import asyncio
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from paya_app.core.actor import Actor
from paya_app.savings import simulation
from paya_app.savings.backtest import worth
from paya_app.savings.candles import Day, candles
from paya_app.savings.lab_errors import LabNoPrices, LabTooMany
from paya_app.savings.simulation import Bar, Place, Run
from paya_app.savings.terms import Terms

HISTORY_DAYS_MIN = 60
BLOCK_DAYS = 20  # on average
RUNS, RUNS_MIN = 200, 50
LOW, MIDDLE, HIGH = 10, 50, 90  # of a hundred futures so many end below
_PRICE_CENTS_MAX = 10**10


@dataclass(frozen=True, slots=True)
class RangePoint:
    """At the end of a day: what is spent until then, and between which sums its worth lies in eight futures of ten.

    US cents; `spent_cents` and `middle_cents` are what half of the futures are below.
    """

    day: date
    spent_cents: int
    low_cents: int
    middle_cents: int
    high_cents: int


@dataclass(frozen=True, slots=True)
class Projection:
    """A range of what may become of a plan.

    Attributes:
        history_first, history_last: the days that the changes are from, both included.
        yearly_change_bps: by how much the price changed in a year on average in those days, which the futures carry on.
        run_count: how many futures were drawn.
        is_synthetic: whether any of the prices was made up.
    """

    points: list[RangePoint]
    history_first: date
    history_last: date
    yearly_change_bps: int
    run_count: int
    is_synthetic: bool


@dataclass(frozen=True, slots=True)
class _Change:
    """Of one day to the next: the last price to the one before, and the highest to the first."""

    close: float
    high: float


async def project(actor: Actor, terms: Terms, *, ahead_days: int, seed: int, now: datetime) -> Projection:
    """What may become of a plan that begins `now`, within `ahead_days` days. The same `seed`, the same futures.

    Raises:
        LabPeriodInvalid: `ahead_days` is not within the bounds.
        LabNoPrices: fewer than 60 days are kept.
        LabNothingDue: no buy falls into that time.
        LabTooMany: more buys than the lab counts for 50 futures.
        LabBusy: another trial of the actor's goes on.
        What `savings.create` raises of terms that no plan may have.
    """
    bounds = await simulation.limits(actor, terms)
    simulation.require_days(ahead_days, field="ahead_days", most=bounds.ahead_days)
    days = await candles(actor, bounds.back_days)
    if len(days) < HISTORY_DAYS_MIN:
        raise LabNoPrices(days=len(days))
    span = (now, now + timedelta(days=ahead_days))
    async with simulation.turn(actor):
        drawn = await asyncio.to_thread(_draw, terms, days, span, seed, bounds.buys_count)
        runs = await simulation.simulate(
            actor, terms, drawn.prices, drawn.highs, run_length=len(drawn.at), asked=drawn.counts
        )
    return Projection(
        points=await asyncio.to_thread(_ranges, drawn, runs),
        history_first=days[0].day,
        history_last=days[-1].day,
        yearly_change_bps=_yearly_change_bps(days),
        run_count=len(drawn.closes),
        is_synthetic=any(each.is_synthetic for each in days),
    )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The futures: where the buys fall, their prices run by run, and each run's prices at the end of the days shown."""

    at: list[Place]
    prices: str
    highs: str
    days: list[date]
    counts: list[int]
    closes: list[list[int]]


def _draw(terms: Terms, days: Sequence[Day], span: tuple[datetime, datetime], seed: int, most: int) -> _Drawn:
    """As many futures as `most` buys allow. `span`: from when until when."""
    now, until = span
    last = days[-1]
    first_ahead = max(0, (now.astimezone(UTC).date() - last.day).days)
    today = now.astimezone(ZoneInfo(terms.schedule.zone)).date()
    schedule = replace(terms.schedule, starts_on=max(today, terms.schedule.starts_on))
    at = simulation.places(schedule, after=now, until=until, first_day=last.day, most=most // RUNS_MIN)
    run_count = min(RUNS, most // len(at))
    if run_count < RUNS_MIN:
        raise LabTooMany(max=most)
    last_ahead = first_ahead + (until - now).days
    shown = [first_ahead + mark for mark in simulation.marks((until - now).days)]
    changes, rng = _changes(days), random.Random(seed)  # noqa: S311 - a future drawn, not a secret
    prices: list[int | None] = []
    highs: list[int | None] = []
    closes: list[list[int]] = []
    for _ in range(run_count):
        bars = [
            (last.open_cents, last.high_cents, last.close_cents),
            *_future(changes, last.close_cents, last_ahead, rng),
        ]
        run_prices, run_highs = simulation.priced(bars, at)
        prices += run_prices
        highs += run_highs
        closes.append([bars[day][2] for day in shown])
    return _Drawn(
        at=at,
        prices=simulation.as_array(prices),
        highs=simulation.as_array(highs),
        days=[last.day + timedelta(days=day) for day in shown],
        counts=simulation.bought_until(at, shown),
        closes=closes,
    )


def _changes(days: Sequence[Day]) -> list[_Change]:
    """Each day's change from the one before. Days apart from one another are taken as one after another."""
    return [
        _Change(day.close_cents / before.close_cents, max(1.0, day.high_cents / before.close_cents))
        for before, day in pairwise(days)
    ]


def _future(changes: Sequence[_Change], close_cents: int, length: int, rng: random.Random) -> list[Bar]:
    """So many days after one that ended at `close_cents`, drawn by the stationary bootstrap."""
    price, bars = float(close_cents), []
    # the length of a run of days is 1 + a geometric number, and its mean BLOCK_DAYS
    ends = math.log(1 - 1 / BLOCK_DAYS)
    while len(bars) < length:
        start = rng.randrange(len(changes))
        for number in range(1 + int(math.log(1 - rng.random()) / ends)):
            change = changes[(start + number) % len(changes)]
            opened, high = _cents(price), _cents(price * change.high)
            price = min(max(price * change.close, 1.0), float(_PRICE_CENTS_MAX))
            closed = _cents(price)
            bars.append((opened, max(opened, high, closed), closed))
    return bars[:length]


def _cents(price: float) -> int:
    return min(max(round(price), 1), _PRICE_CENTS_MAX)


def _ranges(drawn: _Drawn, runs: Sequence[Run]) -> list[RangePoint]:
    points = []
    for number, (day, count) in enumerate(zip(drawn.days, drawn.counts, strict=True)):
        after = [run.after[count] for run in runs] if count else []
        spent = sorted(sums.spent_cents for sums in after)
        worths = sorted(
            worth(sums.quantity_sats, closes[number]) for sums, closes in zip(after, drawn.closes, strict=False)
        )
        points.append(
            RangePoint(day, of_hundred(spent, MIDDLE), *(of_hundred(worths, share) for share in (LOW, MIDDLE, HIGH)))
        )
    return points


def of_hundred(ordered: Sequence[int], share: int) -> int:
    """The smallest value that at least `share` of a hundred are not above (nearest rank); 0 of none."""
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else 0


def _yearly_change_bps(days: Sequence[Day]) -> int:
    """By how much the price changed in a year on average, compounded, in hundredths of a percent."""
    ratio, span = days[-1].close_cents / days[0].close_cents, (days[-1].day - days[0].day).days
    return round((ratio ** (365 / span) - 1) * 10_000)
