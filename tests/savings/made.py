"""Plans for tests, and what becomes of them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.ids import new_id
from paya_app.savings import Plan, Schedule, Terms
from tests.support.database import Database

START = date(2026, 1, 1)
DAILY = Schedule("daily", "America/New_York", START, 540)


def terms(*, name: str = "Rainy days", amount_cents: int = 2500, schedule: Schedule = DAILY, **more: Any) -> Terms:
    """Terms that hold: 25.00 every day at nine in New York; `more` are other fields of the terms."""
    return Terms(name=name, amount_cents=amount_cents, schedule=schedule, **more)


def on(schedule: Schedule = DAILY, **changes: Any) -> Schedule:
    """The schedule with changes."""
    return replace(schedule, **changes)


async def make(actor: Actor, plan_id: UUID | None = None, **how: Any) -> Plan:
    """A plan of the actor's."""
    return await savings.create(actor, plan_id=plan_id or new_id(), terms=terms(**how))


async def found(actor: Actor, plan: Plan) -> Plan:
    """The plan as it is now."""
    now = await savings.plan(actor, plan.id)
    assert now is not None
    return now


async def rows_of(database: Database, plan: Plan) -> list[tuple[datetime, str, str | None]]:
    """Every buy of a plan: when, its state and why."""
    return await database.rows(
        "select due_at, state, reason from savings.buy where plan_id = %s order by due_at, created_at, state",
        (plan.id,),
    )


async def in_state(database: Database, plan: Plan, state: str) -> list[datetime]:
    """The due times of a plan's buys in one state."""
    return [due_at for due_at, its, _ in await rows_of(database, plan) if its == state]


async def kinds(actor: Actor, plan: Plan) -> list[str]:
    """What happened to a plan, the oldest first."""
    return [each.kind for each in reversed(await savings.history(actor, plan.id))]


async def confirmed_bank(database: Database, actor: Actor, *, state: str = "verified") -> UUID:
    """A bank of the actor's, as the vendor's word makes it."""
    source_id = new_id()
    await database.rows(
        "insert into banking.customer (person, vendor_id) values (%s, %s) on conflict do nothing",
        (actor.user_id, f"customer-{actor.user_id}"),
    )
    await database.rows(
        "insert into banking.source (id, person, vendor_id, kind, last4, state, created_at)"
        " values (%s, %s, %s, 'checking', '6789', %s, now())",
        (source_id, actor.user_id, f"source-{source_id}", state),
    )
    return source_id


async def database_now(database: Database) -> datetime:
    """The time as the database has it."""
    return await database.value("select private.now()")


async def go_to(database: Database, advance_clock: Callable[..., Awaitable[None]], moment: datetime) -> None:
    """Move the database's clock on to a moment."""
    await advance_clock(seconds=(moment - await database_now(database)).total_seconds())
