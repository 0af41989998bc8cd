"""`paya bench savings-years`: two years of plans in twelve zones, through the database and the jobs' own verbs.

The clock goes from tick to tick as a scheduler's would that looks twice a day, and once in 55 minutes while an hourly
plan goes on: each tick is late by another part of the hour. Hourly plans go on for some days round each change of their
zone's clocks. Buys are kept ahead by the job, taken, paid for and ordered by the same functions as live, and booked;
what the exchange answers is made here: the whole of each order at one price.

At the end each plan's buys are compared with an oracle that shares no code with the schedule (bench/oracle.py).
"""

import asyncio
import json
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import typer

from bench.cast import join
from bench.oracle import ZONES, Oracle
from jobs.savings import schedule_ahead
from paya_app import savings
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.ids import new_id
from paya_app.local import postgres
from paya_app.local.postgres.preparation import prepare
from paya_app.savings import Schedule, Terms

BEGIN, END = datetime(2027, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
PLANS, SEED, SECONDS_MAX = 200, 1, 600
TICK, RARE_TICK = timedelta(minutes=55), timedelta(hours=11, minutes=55)
HOURLY_DAYS = 4  # before a change of the clocks, and after it
CENTS, PURSE_CENTS, PRICE_CENTS = 500, 100_000_000, 10_000_000
# the oracle sees the clocks' last days only by halves: what falls due after this is not looked at
UNSEEN = timedelta(days=5)
_FREQUENCIES = ("daily", "weekdays", "weekly", "monthly", "biweekly", "daily", "monthly")
_MONTH_DAYS = (31, -1, 30, 29, 28, 1, 15)
_GO_TO = 'update private.clock_offset set "offset" = %s - clock_timestamp()'
_ORDER = "select seen, ordered from savings.order_due(:id, 20000, :price, :price)"
_BOOK = "select savings.book_fill(:id, :ref, :sats, :cost, 0, 0)"
_NEXT = """
select min(b.due_at) filter (where p.frequency = 'hourly'), min(b.due_at)
from savings.buy b join savings.plan p on p.id = b.plan_id where b.state = 'scheduled'"""
_BUYS = (
    "select due_at, state, collected_at from savings.buy where plan_id = %s and due_at <= %s and state <> 'canceled'"
)
# what tells of every row is of no use here, and it is never looked at again
_FAST = "alter system set synchronous_commit = off"
_UNACCOUNTED = """
select -ledger.balance_of(ledger.system_account('btc_custody', 'BTC'))
  - (select coalesce(sum(balance), 0) from ledger.account where asset = 'BTC' and kind = 'wallet')
  - ledger.balance_of(ledger.system_account('rounding', 'BTC'))"""

Say = Callable[[str], None]


@dataclass
class Tally:
    """What became of the plans of one zone. `late_s`: how much later than its time a buy was begun at most."""

    zone: str
    plans: int = 0
    expected: int = 0
    made: int = 0
    missing: int = 0
    twice: int = 0
    early: int = 0
    unexpected: int = 0
    late_s: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether each occurrence was made once, none before its time, and nothing else."""
        return self.made == self.expected and not (self.missing or self.twice or self.early or self.unexpected)


def schedules(
    count: int,
    begin: datetime,
    end: datetime,
    seed: int,
    *,
    hourly: Sequence[str] = ZONES,
    hourly_days: int = HOURLY_DAYS,
) -> list[Schedule]:
    """As many schedules, in turn in every zone: first hourly ones, in each of `hourly`, then every other kind.

    Half of them fall into the hours in which clocks change.
    """
    chance = random.Random(seed)  # noqa: S311 - the same plans every time
    oracle = Oracle(begin + timedelta(days=9), end - UNSEEN, timedelta(minutes=15))
    made = [
        Schedule(
            "hourly",
            zone,
            change.date() - timedelta(days=hourly_days),
            chance.randrange(60),
            ends_on=change.date() + timedelta(days=hourly_days),
        )
        for zone in hourly
        for change in oracle.walls(zone)[0][1:] or [begin + (end - begin) / 2]
    ]
    for number in range(count - len(made)):
        frequency = _FREQUENCIES[number % len(_FREQUENCIES)]
        chosen = Schedule(
            frequency,  # pyright: ignore[reportArgumentType] - one of them
            ZONES[number % len(ZONES)],
            _day(chance, begin),
            chance.randrange(240) if chance.random() < 0.5 else chance.randrange(1440),  # noqa: PLR2004 - one half
        )
        if frequency == "weekly":
            chosen = replace(chosen, weekdays=tuple(sorted(chance.sample(range(1, 8), chance.randint(1, 4)))))
        elif frequency == "biweekly":
            chosen = replace(chosen, weekdays=(chance.randint(1, 7),))
        elif frequency == "monthly":
            chosen = replace(chosen, month_day=_MONTH_DAYS[number // len(_FREQUENCIES) % len(_MONTH_DAYS)])
        if number % 10 == 9:  # noqa: PLR2004 - every tenth
            chosen = replace(chosen, ends_on=chosen.starts_on + timedelta(days=chance.randrange(20, 400)))
        made.append(chosen)
    return made


def _day(chance: random.Random, begin: datetime) -> date:
    """A first day, soon: the oracle wants a day of lead."""
    return (begin + timedelta(days=2 + chance.randrange(5))).date()


async def live(
    superuser: psycopg.Connection[Any], chosen: Sequence[Schedule], begin: datetime, end: datetime, say: Say
) -> list[Tally]:
    """Make a plan of each schedule, let the time from `begin` to `end` pass, and compare. The database has a clock."""
    superuser.execute(_GO_TO, (begin,))
    actors = await join(superuser, [f"{begin:p%Y%m%d}_{n:03}" for n in range(len(chosen))], cents=PURSE_CENTS)
    plans: list[UUID] = []
    for actor, schedule in zip(actors.values(), chosen, strict=True):
        plan = await savings.create(actor, plan_id=new_id(), terms=Terms("A plan", CENTS, schedule))
        plans.append(plan.id)
    bought, told, began = 0, begin, time.monotonic()
    moment = begin + TICK
    while moment <= end:
        superuser.execute(_GO_TO, (moment,))
        await schedule_ahead()
        bought += await _buy()
        if moment - told >= (end - begin) / 24:
            told = moment
            say(f"{moment:%Y-%m-%d}: {bought:,} bought, {time.monotonic() - began:.0f} s")
        moment = await asyncio.to_thread(_next_tick, superuser, moment)
    return _compare(superuser, plans, chosen, begin, end)


async def _buy() -> int:
    """Take what is due as the job does, and book it as if the exchange had filled all of it at once."""
    bought = 0
    while True:
        order_id = new_id()
        row = (await db.query(Actor.service(), _ORDER, {"id": order_id, "price": PRICE_CENTS}))[0]
        if row.ordered:
            cost = row.ordered * CENTS * 9_900
            filled = {"sats": cost * 10_000 // PRICE_CENTS, "cost": cost}
            await db.query(Actor.service(), _BOOK, {"id": order_id, "ref": f"O-{order_id}", **filled})
        bought += row.ordered
        if not row.seen:
            return bought


def _next_tick(superuser: psycopg.Connection[Any], moment: datetime) -> datetime:
    """The first tick at which a buy is due."""
    row = superuser.execute(_NEXT).fetchone() or (None, None)
    ticks = [
        moment + max(1, -((moment - due) // tick)) * tick
        for due, tick in zip(row, (TICK, RARE_TICK), strict=True)
        if due
    ]
    return min(ticks, default=moment + RARE_TICK)


def _compare(
    superuser: psycopg.Connection[Any],
    plans: Sequence[UUID],
    chosen: Sequence[Schedule],
    begin: datetime,
    end: datetime,
) -> list[Tally]:
    oracle = Oracle(begin - timedelta(days=1), end + timedelta(days=3), timedelta(minutes=15))
    until = end - UNSEEN
    tallies = {zone: Tally(zone) for zone in ZONES}
    for plan, schedule in zip(plans, chosen, strict=True):
        tally = tallies[schedule.zone]
        expected = {due for due in oracle.every(schedule) if due <= until}
        rows = superuser.execute(_BUYS, (plan, until)).fetchall()
        made = Counter(due for due, state, _ in rows if state == "bought")
        tally.plans += 1
        tally.expected += len(expected)
        tally.made += made.total()
        tally.missing += len(expected - made.keys())
        tally.twice += sum(count - 1 for count in made.values())
        tally.unexpected += len({due for due, _, _ in rows} - expected)
        lateness = [(at - due).total_seconds() for due, _, at in rows if at is not None]
        tally.early += sum(each < 0 for each in lateness)
        tally.late_s = max([tally.late_s, *lateness])
    return list(tallies.values())


def unaccounted_sats(superuser: psycopg.Connection[Any]) -> int:
    """Sats that were bought and are nobody's."""
    row = superuser.execute(_UNACCOUNTED).fetchone()
    return int(row[0]) if row else -1


def table(tallies: Sequence[Tally]) -> str:
    """The tallies for people, with their sum."""
    total = Tally("all", *(sum(column) for column in list(zip(*map(astuple, tallies), strict=True))[1:-1]))  # pyright: ignore[reportArgumentType] - numbers
    total.late_s = max(tally.late_s for tally in tallies)
    lines = [f"{'zone':20}{'plans':>6}{'expected':>10}{'made':>10}{'missing':>9}{'twice':>7}{'early':>7}{'other':>7}"]
    lines += [
        f"{t.zone:20}{t.plans:6}{t.expected:10,}{t.made:10,}{t.missing:9}{t.twice:7}{t.early:7}{t.unexpected:7}"
        for t in [*tallies, total]
    ]
    return "\n".join(
        [*lines, f"latest: {total.late_s / 60:.0f} minutes after its time, as rarely as the clock was looked at"]
    )


def main(*, seed: int, as_json_only: bool) -> int:
    """Measure, print, and return the exit code: 0 when every occurrence happened once, in time."""
    say: Say = lambda line: typer.echo(line, err=True)  # noqa: E731 - a name for it
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="paya-years-", ignore_cleanup_errors=True) as home:
        cluster = postgres.ensure(Path(home))
        try:
            prepare(cluster, "postgres", clock=True)
            os.environ |= {"DATABASE_URL": cluster.url("paya_app")}
            settings.cache_clear()
            with psycopg.connect(cluster.url("supabase_admin"), autocommit=True) as superuser:
                superuser.execute(_FAST)
                superuser.execute("select pg_reload_conf()")
                tallies = asyncio.run(_measured(superuser, schedules(PLANS, BEGIN, END, seed), say))
                sats = unaccounted_sats(superuser)
        finally:
            cluster.stop()
    seconds = time.monotonic() - began
    right = all(tally.is_right for tally in tallies) and sats == 0
    figures = {
        "zones": [vars(tally) for tally in tallies],
        "sats_unaccounted": sats,
        "seconds": round(seconds),
        "right": right,
        "held": seconds <= SECONDS_MAX,
    }
    typer.echo(json.dumps(figures, indent=2) if as_json_only else table(tallies))
    if not as_json_only:
        typer.echo(
            f"{BEGIN:%Y-%m-%d} to {END:%Y-%m-%d} in {seconds:.0f} s (bar: {SECONDS_MAX} s,"
            f" {'held' if figures['held'] else 'MISSED'}); sats unaccounted: {sats}; {'right' if right else 'WRONG'}."
        )
    return 0 if right and figures["held"] else 1


async def _measured(superuser: psycopg.Connection[Any], chosen: Sequence[Schedule], say: Say) -> list[Tally]:
    try:
        return await live(superuser, chosen, BEGIN, END, say)
    finally:
        await db.dispose()
