"""A payment as one of its two parties sees it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from paya_app.identity.people import Person

Audience = Literal["private", "public"]
Direction = Literal["sent", "received"]


@dataclass(frozen=True, slots=True)
class Balance:
    """US cents. `available_cents` can be spent; `held_cents` is reserved for something under way."""

    available_cents: int
    held_cents: int


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment; `audience` is the viewer's own side, `is_public` what both sides make of it."""

    id: UUID
    direction: Direction
    counterparty: Person
    amount_cents: int
    note: str
    audience: Audience
    is_public: bool
    version: int
    created_at: datetime

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Payment":
        """A payment out of `wallet.payment_json`."""
        return cls(
            id=UUID(row["id"]),
            direction=row["direction"],
            counterparty=Person.from_json(row["counterparty"]),
            amount_cents=row["amount_cents"],
            note=row["note"],
            audience=row["audience"],
            is_public=row["is_public"],
            version=row["version"],
            created_at=datetime.fromisoformat(row["created_at"]),
        )
