"""Asking a bank for money, and seeing where it is."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from paya_app.banking.errors import LoadAmountInvalid
from paya_app.banking.models import Expectation, Load, LoadLimits
from paya_app.banking.stages import business_days, load_from, spendable_at
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.config import settings
from paya_app.core.errors import SignedOut
from paya_app.core.money import CENTS_MAX

PAGE_MAX = 50
_HOLD = "banking.hold_bank_days(:environment)"


async def start_load(actor: Actor, *, load_id: UUID, source_id: UUID, amount_cents: int) -> Load:
    """Ask the bank `source_id` for `amount_cents` (US cents, > 0).

    The load, what is asked of the vendor, the job and the event commit together. Starting again with the same
    `load_id` returns the first load.

    Raises:
        LoadAmountInvalid: below the least.
        LoadLimit: which limit, what is left, when there is more.
        NotFound: no such bank, or somebody else's.
        BankUnconfirmed: the two deposits were not told yet.
        LoadAccountUnavailable: the wallet cannot take money in.
        LoadKeyReused: `load_id` was used for another load.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    if not isinstance(amount_cents, int) or isinstance(amount_cents, bool) or not 0 < amount_cents <= CENTS_MAX:
        raise LoadAmountInvalid
    rows = await db.query(
        actor,
        f"select banking.start_load(:id, :source, :cents), {_HOLD}",
        {"id": load_id, "source": source_id, "cents": amount_cents, "environment": settings().dwolla_environment},
    )
    return _load(rows[0])


async def load(actor: Actor, load_id: UUID) -> Load | None:
    """One load of the actor, or None when there is none or it is somebody else's."""
    if actor.role != "authenticated":
        return None
    rows = await db.query(
        actor,
        f"select banking.my_load(:id), {_HOLD}",
        {"id": load_id, "environment": settings().dwolla_environment},
    )
    return _load(rows[0]) if rows[0][0] else None


async def loads(actor: Actor, *, before: datetime | None = None, limit: int = PAGE_MAX) -> list[Load]:
    """The actor's loads, newest first, at most 50, started before `before`."""
    if actor.role != "authenticated":
        return []
    rows = await db.query(
        actor,
        f"select l, {_HOLD} from banking.my_loads(:before, :maximum) l",  # noqa: S608 - a constant
        {
            "before": before,
            "maximum": max(1, min(limit, PAGE_MAX)),
            "environment": settings().dwolla_environment,
        },
    )
    return [_load(row) for row in rows]


async def pending_cents(actor: Actor) -> int:
    """What is on its way into the actor's wallet, in US cents."""
    if actor.role != "authenticated":
        return 0
    rows = await db.query(actor, "select banking.my_pending_cents()")
    return rows[0][0]


async def load_limits(actor: Actor) -> LoadLimits | None:
    """What the actor may load; None before a handle was claimed."""
    if actor.role != "authenticated":
        return None
    rows = await db.query(actor, "select * from banking.my_load_limits()")
    return LoadLimits(*rows[0]) if rows else None


async def expectation(actor: Actor) -> Expectation:
    """When a load that the actor asks for now can be spent.

    Raises:
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    rows = await db.query(actor, f"select {_HOLD}", {"environment": settings().dwolla_environment})
    hold = held_for(rows[0][0])
    return Expectation(spendable_at(now(), hold), hold, business_days(hold) if hold else "")


def _load(row: Row[Any]) -> Load:
    value, policy_bank_days = tuple(row)
    return load_from(value, held_for(policy_bank_days))


def held_for(policy_bank_days: int | None) -> int:
    """Bank days that a settled load waits: the policy's, or more where this installation asks for more."""
    return max(policy_bank_days or 0, settings().paya_ach_hold_days)
