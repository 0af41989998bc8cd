"""What a person has in bitcoin: how much, what it cost, what it is worth."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import SignedOut
from paya_app.core.money import SATS_PER_BTC


@dataclass(frozen=True, slots=True)
class Holdings:
    """A person's bitcoin.

    Attributes:
        balance_sats: what they have.
        cost_cents: what that cost them, all fees included, US cents; what has gone took the oldest lots with it.
        price_cents_per_btc, price_at: what a bitcoin cost when the exchange was last asked; None before it ever was.
    """

    balance_sats: int
    cost_cents: int
    price_cents_per_btc: int | None
    price_at: datetime | None

    @property
    def average_cents_per_btc(self) -> int | None:
        """What a whole bitcoin cost them on average, US cents; None while they have none."""
        return self.cost_cents * SATS_PER_BTC // self.balance_sats if self.balance_sats else None

    @property
    def value_cents(self) -> int | None:
        """What it is worth at that price, US cents, rounded down; None without a price."""
        return (
            None if self.price_cents_per_btc is None else self.balance_sats * self.price_cents_per_btc // SATS_PER_BTC
        )

    @property
    def unrealised_cents(self) -> int | None:
        """What selling it all would gain over its cost, below zero a loss; None without a price."""
        return None if self.value_cents is None else self.value_cents - self.cost_cents


@dataclass(frozen=True, slots=True)
class Lot:
    """One buy, as the cost of what it bought is counted.

    Attributes:
        cost_cents: what it cost, all fees included, US cents.
        left_sats, left_cost_cents: what of it is still there, and that part of the cost.
    """

    buy_id: UUID
    plan_id: UUID
    acquired_at: datetime
    quantity_sats: int
    cost_cents: int
    left_sats: int
    left_cost_cents: int


async def holdings(actor: Actor) -> Holdings:
    """What the actor has in bitcoin. Raises `SignedOut`."""
    _require_person(actor)
    value = (await db.query(actor, "select savings.my_holdings()"))[0][0]
    return Holdings(
        balance_sats=value["balance_sats"],
        cost_cents=value["cost_cents"],
        price_cents_per_btc=value["price_cents_per_btc"],
        price_at=datetime.fromisoformat(value["price_at"]) if value["price_at"] else None,
    )


async def lots(actor: Actor) -> list[Lot]:
    """What the actor bought, the oldest first. Raises `SignedOut`."""
    _require_person(actor)
    return [Lot(*row) for row in await db.query(actor, "select * from savings.my_lots()")]


def _require_person(actor: Actor) -> None:
    if actor.role != "authenticated":
        raise SignedOut
