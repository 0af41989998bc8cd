"""A person's savings plans: making, changing, pausing, resuming, skipping, ending, and reading them.

Due times are counted from the database's clock while the plan is held, so that what is handed in is what the plan
says; the rest is one call each. Every change has a key, under which it happens once.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.expression import bindparam

from paya_app.banking.bank_days import after_bank_days
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, RequestInvalid, SignedOut
from paya_app.savings.checking import checked
from paya_app.savings.errors import DueTimesStale
from paya_app.savings.models import Buy, Happening, NextBuy, Plan
from paya_app.savings.schedule import upcoming
from paya_app.savings.schedule_ahead import AHEAD, times_ahead
from paya_app.savings.terms import Terms, values_of

PAGE_MAX = 100
# A due time may pass between counting and saving; a second try counts anew.
TRIES = 3

_CREATE = text("select savings.create_plan(:id, :terms, cast(:dues as timestamptz[]))").bindparams(
    bindparam("terms", type_=JSONB)
)
_CHANGE = text(
    "select savings.change_plan(:id, :key, :asked, :changes, cast(:dues as timestamptz[]),"
    " cast(:from_at as timestamptz))"
).bindparams(bindparam("asked", type_=JSONB), bindparam("changes", type_=JSONB))
_RESUME = text("select savings.resume_plan(:id, :key, cast(:dues as timestamptz[]))")
_SKIP = text("select savings.skip_next(:id, :key, cast(:due_at as timestamptz), cast(:dues as timestamptz[]))")
_OPEN = text("select savings.open_my_plan(:id)")
_MOMENT = text("select savings.moment()")


async def create(actor: Actor, *, plan_id: UUID, terms: Terms) -> Plan:
    """Make a plan of the actor's, with its first buys. Making it again with the same `plan_id` returns it as it is now.

    Raises:
        PlanNameInvalid, BuyAmountInvalid, ScheduleInvalid, PlanConditionInvalid, PlanFundingInvalid: which part, and
            what could be.
        ScheduleNever: no buy falls between now and its last day.
        PlansLimit: too many plans go on.
        NotFound: no such bank, or somebody else's.
        PlanBankUnconfirmed: the bank was not confirmed yet.
        PlanAccountUnavailable: the wallet cannot give money.
        PlanKeyReused: `plan_id` was used for something else.
        SignedOut: nobody is signed in.
    """
    _require_signed_in(actor)
    terms = checked(values_of(terms))

    async def save(connection: AsyncConnection) -> Any:
        moment = (await connection.execute(_MOMENT)).scalar_one()
        dues = _first_dues(terms, moment)
        parameters = {"id": plan_id, "terms": values_of(terms), "dues": dues}
        return (await connection.execute(_CREATE, parameters)).scalar_one()

    return Plan.from_json(await _saved(actor, save))


async def change(actor: Actor, plan_id: UUID, *, key: UUID, changes: Mapping[str, Any]) -> Plan:
    """Change terms of the actor's plan, by the names of `terms.FIELDS`. A buy that has begun goes on as it was.

    Buys ahead give way to those of the new terms; of a plan that a bank pays, those stay whose money was asked for.
    Changing again with the same `key` returns the plan as it is now.

    Raises:
        NotFound: no such plan or bank, or somebody else's.
        PlanEnded: ended plans do not change.
        PlanKeyReused: `key` was used for something else.
        RequestInvalid: a field that there is none of.
        And what `create` raises of terms.
    """
    _require_signed_in(actor)
    asked = dict(changes)
    if asked.get("funding") == "wallet":
        # what only a bank needs goes with it
        asked = {"source_id": None, "lead_bank_days": 0} | asked

    async def save(connection: AsyncConnection) -> Any:
        opened, plan = await _opened(connection, plan_id)
        terms = checked(values_of(plan.terms) | asked)
        moment = datetime.fromisoformat(opened["now"])
        lead = max(plan.terms.lead_bank_days, terms.lead_bank_days)
        from_at = after_bank_days(moment, lead + 1) if lead else moment
        parameters = {
            "id": plan_id,
            "key": key,
            "asked": {name: _as_json(value) for name, value in asked.items()},
            "changes": values_of(terms),
            "dues": times_ahead(
                terms.schedule,
                after=from_at,
                moment=from_at,
                lead_bank_days=terms.lead_bank_days,
                wanted=AHEAD + opened["skipped_ahead"],
            ),
            "from_at": from_at if lead else None,
        }
        return (await connection.execute(_CHANGE, parameters)).scalar_one()

    return Plan.from_json(await _saved(actor, save))


async def pause(actor: Actor, plan_id: UUID, *, key: UUID) -> Plan:
    """Pause the actor's plan: buys that have not begun do not happen. Again changes nothing.

    Raises:
        NotFound: no such plan, or somebody else's.
        PlanEnded: it has ended.
        PlanKeyReused: `key` was used for something else.
        SignedOut: nobody is signed in.
    """
    _require_signed_in(actor)
    rows = await db.query(actor, "select savings.pause_plan(:id, :key)", {"id": plan_id, "key": key})
    return Plan.from_json(rows[0][0])


async def resume(actor: Actor, plan_id: UUID, *, key: UUID) -> Plan:
    """Have the actor's paused plan go on, from its next time after now. Again changes nothing.

    Raises:
        ScheduleNever: no buy falls between now and its last day.
        NotFound, PlanBankUnconfirmed, PlanAccountUnavailable, PlanEnded, PlanKeyReused, SignedOut: as in `create`.
    """
    _require_signed_in(actor)

    async def save(connection: AsyncConnection) -> Any:
        opened, plan = await _opened(connection, plan_id)
        dues = _first_dues(plan.terms, datetime.fromisoformat(opened["now"]), skipped=opened["skipped_ahead"])
        return (await connection.execute(_RESUME, {"id": plan_id, "key": key, "dues": dues})).scalar_one()

    return Plan.from_json(await _saved(actor, save))


async def skip_next(actor: Actor, plan_id: UUID, *, key: UUID, due_at: datetime | None = None) -> Plan:
    """Skip the next buy of the actor's plan, or the one of `due_at`, and no other in its place.

    Raises:
        NothingToSkip: no buy is ahead.
        SkipTooLate: the buy of `due_at` has begun, or is over.
        NotFound: no such plan, or somebody else's.
        PlanEnded: it has ended.
        PlanKeyReused: `key` was used for something else.
        SignedOut: nobody is signed in.
    """
    _require_signed_in(actor)
    if due_at is not None and due_at.tzinfo is None:
        raise RequestInvalid(sentence="Say with the time in which zone it is. Nothing was changed.")

    async def save(connection: AsyncConnection) -> Any:
        opened, plan = await _opened(connection, plan_id)
        dues: list[datetime] = []
        until = datetime.fromisoformat(opened["scheduled_until"] or opened["now"])
        # of a plan that is behind after an outage, the times that passed become rows first
        if plan.state == "active" and until > datetime.fromisoformat(opened["now"]):
            dues = upcoming(plan.terms.schedule, until, 1)
        parameters = {"id": plan_id, "key": key, "due_at": due_at, "dues": dues}
        return (await connection.execute(_SKIP, parameters)).scalar_one()

    return Plan.from_json(await _saved(actor, save))


async def end(actor: Actor, plan_id: UUID, *, key: UUID) -> Plan:
    """End the actor's plan for good; what it bought stays theirs. Again changes nothing.

    Raises:
        NotFound: no such plan, or somebody else's.
        PlanKeyReused: `key` was used for something else.
        SignedOut: nobody is signed in.
    """
    _require_signed_in(actor)
    rows = await db.query(actor, "select savings.end_plan(:id, :key)", {"id": plan_id, "key": key})
    return Plan.from_json(rows[0][0])


async def plans(actor: Actor) -> list[Plan]:
    """The actor's plans: those that go on first, and of those the newest."""
    if actor.role != "authenticated":
        return []
    return [Plan.from_json(row[0]) for row in await db.query(actor, "select savings.my_plans()")]


async def plan(actor: Actor, plan_id: UUID) -> Plan | None:
    """One plan of the actor, or None when there is none or it is somebody else's."""
    if actor.role != "authenticated":
        return None
    rows = await db.query(actor, "select savings.my_plan(:id)", {"id": plan_id})
    return Plan.from_json(rows[0][0]) if rows[0][0] else None


async def next_buy(actor: Actor) -> NextBuy | None:
    """The next buy of any of the actor's plans, or None when nothing is ahead."""
    if actor.role != "authenticated":
        return None
    rows = await db.query(actor, "select savings.my_next_buy()")
    return NextBuy.from_json(rows[0][0]) if rows and rows[0][0] else None


async def buys(actor: Actor, plan_id: UUID, *, before: datetime | None = None, limit: int = PAGE_MAX) -> list[Buy]:
    """The buys of one of the actor's plans, made, skipped and ahead, the latest first, due before `before`."""
    if actor.role != "authenticated":
        return []
    rows = await db.query(
        actor,
        "select savings.my_buys(:id, cast(:before as timestamptz), :maximum)",
        {"id": plan_id, "before": before, "maximum": max(1, min(limit, PAGE_MAX))},
    )
    return [Buy.from_json(row[0]) for row in rows]


async def history(actor: Actor, plan_id: UUID, *, before: int | None = None, limit: int = PAGE_MAX) -> list[Happening]:
    """What happened to one of the actor's plans and its buys, the newest first, before the event `before`.

    Raises:
        NotFound: no such plan, or somebody else's.
    """
    if actor.role != "authenticated":
        raise NotFound(what="plan")
    rows = await db.query(
        actor,
        "select savings.my_plan_history(:id, cast(:before as bigint), :maximum)",
        {"id": plan_id, "before": before, "maximum": max(1, min(limit, PAGE_MAX))},
    )
    return [Happening.from_json(row[0]) for row in rows]


def _require_signed_in(actor: Actor) -> None:
    if actor.role != "authenticated":
        raise SignedOut


def _first_dues(terms: Terms, moment: datetime, *, skipped: int = 0) -> list[datetime]:
    """The first due times of a plan that begins now: of one that a bank pays, from when its money can be there.

    `skipped` of them may be skipped already, and are not counted.
    """
    after, lead = after_bank_days(moment, terms.lead_bank_days), terms.lead_bank_days
    return times_ahead(terms.schedule, after=after, moment=after, lead_bank_days=lead, wanted=AHEAD + skipped)


async def _opened(connection: AsyncConnection, plan_id: UUID) -> tuple[dict[str, Any], Plan]:
    """The actor's plan, held until the transaction ends, with the time. Raises `NotFound`."""
    opened = (await connection.execute(_OPEN, {"id": plan_id})).scalar_one()
    return opened, Plan.from_json(opened)


async def _saved(actor: Actor, save: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
    """What `save` gives, in a transaction of its own; once more when a due time passed meanwhile."""
    for _ in range(TRIES - 1):
        try:
            async with db.transaction(actor) as connection:
                return await save(connection)
        except DueTimesStale:
            continue
    async with db.transaction(actor) as connection:
        return await save(connection)


def _as_json(value: object) -> object:
    """A checked value as JSON has it."""
    if isinstance(value, UUID | date):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
