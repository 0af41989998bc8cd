"""What time does to charges: settlements, refunds that arrive, disputes that are decided, holds that expire."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service

# In one transaction, during which requests of the account wait.
THINGS_AT_ONCE = 500
ACCOUNTS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Advanced:
    """`now`: what the account's clock shows; `done`: how many things fell due and were done."""

    now: datetime
    done: int


@dataclass(frozen=True, slots=True)
class Clock:
    """What an account's clock shows; `is_frozen`: it stands there until it is turned."""

    now: datetime
    is_frozen: bool


async def read_clock(account_id: UUID) -> Clock:
    """The account's clock."""
    shown = await as_service("select charges.clock_of(:account)", account=account_id)
    return Clock(datetime.fromisoformat(shown["now"]), shown["is_frozen"])


async def now(account_id: UUID) -> datetime:
    """The account's time."""
    return (await db.call("select charges.now(:account)", {"account": account_id}))[0][0]


async def advance(account_id: UUID, until: datetime | None = None) -> Advanced:
    """Do all that falls due until a moment (else: now), in the order of time, and turn the clock to it.

    In parts: should it be cut off, the clock stands where it came to, and the same call goes on from there.

    Raises:
        ClockInvalid: a moment that is past, or more than 366 days ahead.
    """
    done = 0
    while True:
        part = await as_service(
            "select charges.advance(:account, :until, :maximum)",
            account=account_id,
            until=until,
            maximum=THINGS_AT_ONCE,
        )
        done += part["done"]
        if part["is_finished"]:
            return Advanced(datetime.fromisoformat(part["now"]), done)


async def freeze_clock(account_id: UUID, moment: datetime) -> datetime:
    """Stop the clock at a moment; from then on only `advance` moves it.

    Raises:
        ClockInvalid: the moment is past and the account has charges.
    """
    shown = await as_service("select charges.freeze_clock(:account, :moment)", account=account_id, moment=moment)
    return datetime.fromisoformat(shown["now"])


async def run_settlement(account_id: UUID, *, everything: bool = False) -> list[dict[str, Any]]:
    """Settle what is due, or (a simulation) everything that is pending; the report of each currency."""
    return await as_service(
        "select charges.run_settlement(:account, :everything)", account=account_id, everything=everything
    )


async def advance_all() -> int:
    """Do what has fallen due in every account by its own clock, each in its own transactions; how many things."""
    done = 0
    while True:
        due = await db.query(Actor.service(), "select charges.accounts_due(:maximum)", {"maximum": ACCOUNTS_AT_ONCE})
        for row in due:
            done += (await advance(row[0])).done
        if len(due) < ACCOUNTS_AT_ONCE:
            return done
