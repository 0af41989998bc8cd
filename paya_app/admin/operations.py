"""Operations at the bank service, and dead letters."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import Forbidden, SignedOut

SHOWN_MAX = 50
STATES = ("queued", "submitted", "pending", "settled", "cleared", "failed", "canceled", "returned")
JOB_ID_MAX = 2**63 - 1

Replayed = Literal["waiting", "waited already", "none such"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing asked of the bank service: a load or a redemption.

    Attributes:
        state: one of `STATES`.
        last_error: why the last try gave no answer, or "".
        failure_code: why it ended without money, or "".
        vendor_ref: what the vendor calls it, or "".
    """

    id: UUID
    kind: str
    state: str
    reference: str
    amount_cents: int
    attempts: int
    last_error: str
    failure_code: str
    vendor_ref: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that was given up after `attempts` runs; `about` is its arguments as text."""

    id: int
    task: str
    about: str
    attempts: int
    ended_at: datetime | None


async def is_admin(actor: Actor) -> bool:
    """Whether the actor holds the role now: for what to show, never for what to allow."""
    return actor.role == "authenticated" and (await db.query(actor, "select admin.is_admin()"))[0][0]


async def _enter(actor: Actor, place: str) -> None:
    """Record that the actor goes in, or tried to.

    Raises:
        SignedOut: nobody is signed in.
        Forbidden: the actor does not hold the role.
    """
    if actor.role != "authenticated":
        raise SignedOut
    if not (await db.query(actor, "select admin.enter(:place)", {"place": place}))[0][0]:
        raise Forbidden


async def operations(actor: Actor, *, state: str = "", sought: str = "") -> list[Operation]:
    """The latest operations, at most 50: in `state` ("": any), called `sought` ("": all).

    `sought` is a reference that people read to us, an operation's id, or the vendor's. Raises as `_enter` does.
    """
    await _enter(actor, "operations")
    rows = await db.query(
        actor,
        "select admin.operations(:state, :sought, :maximum)",
        {"state": state if state in STATES else None, "sought": sought[:100], "maximum": SHOWN_MAX},
    )
    return [
        Operation(
            id=UUID(value["id"]),
            kind=value["kind"],
            state=value["state"],
            reference=value["reference"] or "",
            amount_cents=value["amount_cents"] or 0,
            attempts=value["attempts"],
            last_error=value["last_error"],
            failure_code=value["failure_code"] or "",
            vendor_ref=value["vendor_ref"] or "",
            requested_at=datetime.fromisoformat(value["requested_at"]),
        )
        for (value,) in rows
    ]


async def dead_letters(actor: Actor) -> list[DeadLetter]:
    """Jobs that were given up, the latest first, at most 50. Raises as `_enter` does."""
    await _enter(actor, "dead letters")
    rows = await db.query(
        actor, "select id, task, args, attempts, ended_at from admin.dead_letters(:maximum)", {"maximum": SHOWN_MAX}
    )
    return [DeadLetter(row.id, row.task, json.dumps(row.args), row.attempts, row.ended_at) for row in rows]


async def replay(actor: Actor, job_id: int) -> Replayed:
    """Put a dead letter back in its queue. Doing it is safe: every job looks first at what is done already.

    Raises as `_enter` does.
    """
    await _enter(actor, "replay")
    if not 0 < job_id <= JOB_ID_MAX:
        return "none such"
    return (await db.query(actor, "select admin.replay(:job)", {"job": job_id}))[0][0]
