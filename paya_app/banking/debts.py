"""What somebody owes since a bank took back what they had spent, and paying it back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from paya_app.banking.return_codes import why
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import SignedOut
from paya_app.core.money import format_cents


@dataclass(frozen=True, slots=True)
class Debt:
    """What is or was owed for one load that a bank took back.

    Attributes:
        load_id: the load.
        code: the bank's return code, like `R01`, or "".
        returned_cents: what the bank took back, US cents.
        owed_cents: what of it was no longer in the wallet.
        left_cents: what of that is still to be paid back.
        case_reference: the case under which the account is restricted meanwhile, like `AC-1B2C-3D4E`.
        closed_at: when it was paid back, or None.
    """

    load_id: UUID
    code: str
    bank_name: str
    returned_cents: int
    owed_cents: int
    left_cents: int
    case_reference: str
    opened_at: datetime
    closed_at: datetime | None

    @property
    def what_happened(self) -> str:
        """What the bank took back and why, what of it was still there, and that nobody who was paid loses it."""
        here = self.returned_cents - self.owed_cents
        return (
            f"{self.bank_name} took back {format_cents(self.returned_cents)} after it had arrived."
            f"{' ' + why(self.code) if why(self.code) else ''}"
            f"{f' {format_cents(here)} of it was still in your wallet and went back.' if here else ''}"
            " Who you paid keeps it."
        )

    @property
    def how_to_repay(self) -> str:
        """What is owed now, what pays it back, and what happens then; of a closed one, that it is paid."""
        if self.closed_at:
            return f"The {format_cents(self.owed_cents)} that you owed is paid back."
        paid = self.owed_cents - self.left_cents
        return (
            f"You owe {format_cents(self.left_cents)}{f' ({format_cents(paid)} is paid back)' if paid else ''}."
            " Add money from a bank, or pay it back from your wallet: it goes to this first."
            " Then your account opens again."
        )


async def debts(actor: Actor) -> list[Debt]:
    """What the actor owes or owed, the open debts first and of those the oldest."""
    if actor.role != "authenticated":
        return []
    rows = await db.query(actor, "select banking.my_debts()")
    return [_debt(row[0]) for row in rows]


async def repay_now(actor: Actor, key: UUID) -> int:
    """Pay back what the actor owes from what is in their wallet, as far as it reaches; what was paid, in US cents.

    Again with the same `key`: what was paid the first time.

    Raises:
        NothingToRepayWith: nothing is owed, or the wallet is empty.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    rows = await db.query(actor, "select banking.repay_now(:key)", {"key": key})
    return rows[0][0]


async def repaid_by(actor: Actor, load_id: UUID) -> int:
    """How much of one of the actor's loads paid back what they owed, in US cents."""
    if actor.role != "authenticated":
        return 0
    rows = await db.query(actor, "select banking.my_repaid_by(:id)", {"id": load_id})
    return rows[0][0]


def _debt(value: Mapping[str, Any]) -> Debt:
    return Debt(
        load_id=UUID(value["load_id"]),
        code=value["code"] or "",
        bank_name=f"{value['bank']['bank_name'] or 'Your bank'} ··{value['bank']['last4']}",
        returned_cents=value["returned_cents"],
        owed_cents=value["owed_cents"],
        left_cents=value["owed_cents"] - value["repaid_cents"],
        case_reference=value["case_reference"],
        opened_at=datetime.fromisoformat(value["opened_at"]),
        closed_at=datetime.fromisoformat(value["closed_at"]) if value["closed_at"] else None,
    )
