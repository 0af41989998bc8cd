"""What a plan would do with prices that somebody gives: its due times, their prices, and the decisions of live buys.

The times are those of `schedule.py`, and `savings.simulate` asks `savings.decide` as what is due does: replace that one
function and live and lab change alike. Money is in whole US cents, bitcoin in whole sats.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice, takewhile
from uuid import UUID
from weakref import WeakKeyDictionary

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.savings.buying import FEE_BPS_MAX, SPARE_BPS
from paya_app.savings.lab_errors import LabBusy, LabNothingDue, LabPeriodInvalid, LabTooMany
from paya_app.savings.schedule import Schedule, due_times
from paya_app.savings.terms import Terms, values_of

DAY_S = 86_400
DAYS_MIN = 30
POINTS_MAX = 30  # of a plot
TRIALS_AT_ONCE = 2  # of one process: a trial is a second or two of the database's and of our processor

Bar = tuple[int, int, int]
"""A day's first, highest and last price of a whole bitcoin, in US cents."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the lab looks, in days, and how many buys it counts at once."""

    back_days: int
    ahead_days: int
    buys_count: int


@dataclass(frozen=True, slots=True)
class Place:
    """When a buy is due: so many whole days (UTC) after the first bar's, and so many seconds into that day."""

    day: int
    second: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What a run came to so far: how many buys were made, what they took and got."""

    bought_count: int = 0
    spent_cents: int = 0
    fee_cents: int = 0
    exchange_fee_cents: int = 0
    quantity_sats: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the sums after as many due times as were asked for, and how often a buy was skipped for which reason."""

    after: dict[int, Sums]
    skipped: dict[str, int]


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
_trying: set[UUID | None] = set()  # who waits or counts; one of them may ask many times a second


@asynccontextmanager
async def turn(actor: Actor) -> AsyncIterator[None]:
    """What a trial holds while it counts, so that many of them wait for one another and not everybody for them.

    Raises:
        LabBusy: another trial of the actor's waits or counts.
    """
    if actor.user_id in _trying:
        raise LabBusy
    _trying.add(actor.user_id)
    try:
        async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(TRIALS_AT_ONCE)):
            yield
    finally:
        _trying.discard(actor.user_id)


async def limits(actor: Actor, terms: Terms) -> Limits:
    """The bounds in force, for a plan of these terms that a wallet pays.

    Raises:
        What `savings.create` raises of terms that no plan may have.
    """
    values = values_of(terms) | {"funding": "wallet", "source_id": None, "lead_bank_days": 0, "on_shortfall": "skip"}
    # when it ends plays no part: what is over may be tried again
    asked = json.dumps(values | {"ends_on": None})
    return Limits(
        **(await db.query(actor, "select savings.check_trial(cast(:terms as jsonb))", {"terms": asked}))[0][0]
    )


def require_days(value: object, *, field: str, most: int) -> int:
    """`value`, when it is a whole number of days within the bounds.

    Raises:
        LabPeriodInvalid: it is not.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not DAYS_MIN <= value <= most:
        raise LabPeriodInvalid(field=field, min=DAYS_MIN, max=most)
    return value


def places(schedule: Schedule, *, after: datetime, until: datetime, first_day: date, most: int) -> list[Place]:
    """Where the due times of a schedule fall, later than `after` and before `until`.

    Raises:
        LabNothingDue: none does.
        LabTooMany: more than `most` do.
    """
    begin = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
    dues = list(islice(takewhile(lambda due: due < until, due_times(schedule, after)), most + 1))
    if not dues:
        raise LabNothingDue
    if len(dues) > most:
        raise LabTooMany(max=most)
    return [Place(*divmod(int((due - begin).total_seconds()), DAY_S)) for due in dues]


def priced(bars: Sequence[Bar | None], at: Sequence[Place]) -> tuple[list[int | None], list[int | None]]:
    """The price and the 24-hour high at each place; None where no bar of that day, or of the one before, is known.

    Between a day's first and last price it is on the straight line, down to the cent. The high is that of the day
    before, and of the line so far: what the day would still bring nobody knew.
    """
    prices: list[int | None] = []
    highs: list[int | None] = []
    for place in at:
        today, before = (bars[place.day], bars[place.day - 1]) if 0 < place.day < len(bars) else (None, None)
        if today is None or before is None:
            prices.append(None)
            highs.append(None)
            continue
        price = today[0] + (today[2] - today[0]) * place.second // DAY_S
        prices.append(price)
        highs.append(max(before[1], today[0], price))
    return prices, highs


def marks(days: int) -> list[int]:
    """Which of the days 0 to `days` a plot shows: the first, the last, and evenly what is between."""
    count = min(days, POINTS_MAX - 1)
    return [days * number // count for number in range(count + 1)] if count else [0]


def bought_until(at: Sequence[Place], days: Sequence[int]) -> list[int]:
    """How many places lie on each of these days or before; both are in order."""
    counts, passed = [], 0
    for day in days:
        while passed < len(at) and at[passed].day <= day:
            passed += 1
        counts.append(passed)
    return counts


async def simulate(
    actor: Actor,
    terms: Terms,
    prices: str,
    highs: str,
    *,
    run_length: int,
    asked: Sequence[int],
) -> list[Run]:
    """Runs of a plan one after another, each from nothing.

    Args:
        actor: who asks; anybody who is signed in may.
        terms: the plan; its schedule plays no part any more.
        prices: at each due time of each run, as `as_array` writes them.
        highs: the 24-hour highs, in the same manner.
        run_length: how many due times each run has.
        asked: after how many due times the sums are wanted.

    Raises:
        LabTooMany: more than the lab counts.
    """
    rows = await db.query(
        actor,
        """
        with s as materialized (
          select * from savings.simulate(
            :amount, cast(:below as bigint), cast(:dip_bps as integer), cast(:dip_extra as bigint),
            cast(:cap as bigint), cast(:prices as bigint[]), cast(:highs as bigint[]), :run_length, :exchange_fee_bps,
            :spare_bps)
        )
        select r.run, r.skipped, a.after
        from (
          select k.run,
            coalesce(jsonb_object_agg(k.reason, k.times) filter (where k.reason is not null), '{}') as skipped
          from (select s.run, s.reason, count(*) as times from s group by s.run, s.reason) k group by k.run
        ) r
        join (
          select s.run, jsonb_agg(jsonb_build_array(
            s.place, s.bought_count, s.spent_cents, s.fee_cents, s.exchange_fee_cents, s.quantity_sats)) as after
          from s where s.place = any(cast(:asked as integer[])) group by s.run
        ) a on a.run = r.run
        order by r.run
        """,
        {
            "amount": terms.amount_cents,
            "below": terms.buy_below_cents,
            "dip_bps": terms.dip_bps,
            "dip_extra": terms.dip_extra_cents,
            "cap": terms.cap_cents,
            "prices": prices,
            "highs": highs,
            "run_length": run_length,
            "exchange_fee_bps": FEE_BPS_MAX,
            "spare_bps": SPARE_BPS,
            "asked": list(asked),
        },
    )
    return [Run({place: Sums(*sums) for place, *sums in row.after}, row.skipped) for row in rows]


def as_array(values: Sequence[int | None]) -> str:
    """Numbers as Postgres reads an array: written once, in whatever thread, for there are many."""
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"
