"""Lots as a table for other programs: what was bought when for how much, what is left, and what went where."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import SignedOut
from paya_app.core.money import price_of
from paya_app.savings.holdings import lots

COLUMNS = (
    "bought_at",
    "plan",
    "quantity_btc",
    "quantity_sats",
    "cost_usd",
    "fee_usd",
    "price_usd_per_btc",
    "remaining_sats",
    "remaining_cost_usd",
    "withdrawn_sats",
    "withdrawn_cost_usd",
    "withdrawals",
)
# what programs that open tables take for the beginning of a formula, behind spaces too
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class LotWithdrawal:
    """A part of a lot that went with a withdrawal, and its part of the cost, US cents."""

    buy_id: UUID
    withdrawal_id: UUID
    asked_at: datetime
    sats: int
    cost_cents: int


async def lot_withdrawals(actor: Actor) -> list[LotWithdrawal]:
    """Which parts of the actor's lots went with which of their withdrawals. Raises `SignedOut`."""
    if actor.role != "authenticated":
        raise SignedOut
    return [LotWithdrawal(*row) for row in await db.query(actor, "select * from savings.my_lot_withdrawals()")]


async def lots_csv(actor: Actor) -> str:
    """The actor's lots, the oldest first, a line for each (RFC 4180). Raises `SignedOut`.

    `cost_usd` is all that was paid, `fee_usd` (ours and the exchange's) in it; times are UTC. No gain is told: nothing
    is sold here, and a withdrawal takes its cost along.
    """
    found = await lots(actor)
    gone: dict[UUID, list[LotWithdrawal]] = {}
    for each in await lot_withdrawals(actor):
        gone.setdefault(each.buy_id, []).append(each)
    names = {row.id: (row.name, row.fee_cents) for row in await db.query(actor, "select * from savings.my_lot_plans()")}
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for lot in found:
        parts = gone.get(lot.buy_id, [])
        plan, fee_cents = names[lot.buy_id]
        price = price_of(lot.cost_cents, lot.quantity_sats)
        writer.writerow(
            _harmless(
                (
                    _utc(lot.acquired_at),
                    plan,
                    f"{lot.quantity_sats // 10**8}.{lot.quantity_sats % 10**8:08d}",
                    str(lot.quantity_sats),
                    _dollars(lot.cost_cents),
                    _dollars(fee_cents),
                    "" if price is None else _dollars(price),
                    str(lot.left_sats),
                    _dollars(lot.left_cost_cents or 0),
                    str(sum(part.sats for part in parts)),
                    _dollars(sum(part.cost_cents for part in parts)),
                    "; ".join(f"{part.withdrawal_id} {_utc(part.asked_at)} {part.sats} sats" for part in parts),
                )
            )
        )
    return written.getvalue()


def _harmless(cells: Sequence[str]) -> list[str]:
    """A cell that a program would take for a formula begins with an apostrophe instead."""
    return [f"'{cell}" if cell.lstrip().startswith(_FORMULA) or cell.startswith(_FORMULA) else cell for cell in cells]


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
