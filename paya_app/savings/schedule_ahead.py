"""Keeping buys ahead of every plan: rows at the times that its schedule falls on, before they come."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

import structlog
from sqlalchemy.engine import Row

from paya_app.banking.bank_days import after_bank_days
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.savings import schedule
from paya_app.savings.schedule import Schedule
from paya_app.savings.terms import schedule_from

# Three are shown; with one more there are three at any time, also in the minute after one fell due.
AHEAD = 4
PLANS_AT_ONCE = 500
# Of one plan in one go: after a long outage of ours an hourly plan catches up in several.
TIMES_AT_ONCE = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BankFunded:
    """A buy whose money is to be asked of a bank now. The load's id is `buy_id`, so that it is asked once.

    Attributes:
        amount_cents: US cents.
        due_at: when the money has to be in the wallet.
    """

    buy_id: UUID
    plan_id: UUID
    person: UUID
    source_id: UUID
    amount_cents: int
    due_at: datetime


def times_ahead(
    chosen: Schedule, *, after: datetime, moment: datetime, lead_bank_days: int, wanted: int
) -> list[datetime]:
    """The due times after `after` that are to be rows at `moment`.

    All that have passed, then `wanted` more. Of a plan that a bank pays, those that its money is to be asked for within
    a bank day count as passed.
    """
    horizon = after_bank_days(moment, lead_bank_days + 2) if lead_bank_days else moment
    return list(islice(_needed(chosen, after, horizon, wanted), TIMES_AT_ONCE))


def _needed(chosen: Schedule, after: datetime, horizon: datetime, wanted: int) -> Iterator[datetime]:
    for due_at in schedule.due_times(chosen, after):
        if due_at > horizon:
            if wanted <= 0:
                return
            wanted -= 1
        yield due_at


async def schedule_ahead() -> int:
    """Make the next buys of every plan that has too few ahead; returns how many were made.

    Plans are taken some hundred at a time, each batch in a transaction of its own. One that was changed meanwhile is
    left to the next turn.
    """
    made = 0
    while True:
        rows = await db.query(
            Actor.service(), "select * from savings.plans_to_schedule(:maximum)", {"maximum": PLANS_AT_ONCE}
        )
        if not rows:
            return made
        made += await _schedule(rows)
        if len(rows) < PLANS_AT_ONCE:
            return made


async def _schedule(rows: list[Row[Any]]) -> int:
    are_over: list[bool] = []
    due_plan_ids: list[UUID] = []
    due_ats: list[datetime] = []
    for row in rows:
        times, is_over = _times_of(row)
        are_over.append(is_over)
        due_plan_ids += [row.plan_id] * len(times)
        due_ats += times
    answer = await db.query(
        Actor.service(),
        """
        select savings.schedule_buys(cast(:plans as uuid[]), cast(:versions as bigint[]), cast(:over as boolean[]),
          cast(:due_plans as uuid[]), cast(:dues as timestamptz[]))
        """,
        {
            "plans": [row.plan_id for row in rows],
            "versions": [row.version for row in rows],
            "over": are_over,
            "due_plans": due_plan_ids,
            "dues": due_ats,
        },
    )
    return answer[0][0]


def _times_of(row: Row[Any]) -> tuple[list[datetime], bool]:
    """The due times to be made of a plan, and whether none comes after them."""
    try:
        chosen = schedule_from(dict(row._mapping))  # noqa: SLF001 - the row as a mapping is part of SQLAlchemy's interface
        times = times_ahead(
            chosen,
            after=row.scheduled_until,
            moment=row.moment,
            lead_bank_days=row.lead_bank_days,
            wanted=AHEAD - row.ahead_count,
        )
        return times, schedule.next_after(chosen, times[-1] if times else row.scheduled_until) is None
    except ZoneInfoNotFoundError:
        log.error("a plan's time zone is not known here", plan=str(row.plan_id), zone=row.zone)
        return [], False


async def skip_missed() -> int:
    """Skip the buys that could not begin in time, by their plans' catch-up; returns how many."""
    return (await db.query(Actor.service(), "select savings.skip_missed()"))[0][0]


async def bank_funded_due(at_once: int = PLANS_AT_ONCE) -> list[BankFunded]:
    """The buys whose money is to be asked of their plan's bank now: a bank day later it would not be there in time.

    Read `at_once` at a time.
    """
    due: list[BankFunded] = []
    after: dict[str, object] = {"at": None, "id": None}
    while True:
        rows = await db.query(
            Actor.service(),
            "select * from savings.bank_funded_due(:maximum, cast(:at as timestamptz), cast(:id as uuid))",
            {"maximum": at_once, **after},
        )
        due += [
            BankFunded(row.buy_id, row.plan_id, row.person, row.source_id, row.amount_cents, row.due_at)
            for row in rows
            if after_bank_days(row.moment, row.lead_bank_days + 1) > row.due_at
        ]
        if len(rows) < at_once:
            return due
        after = {"at": rows[-1].due_at, "id": rows[-1].buy_id}
