"""Accounts that are restricted (may be paid, may not pay) or frozen (neither), and the cases that say why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor

State = Literal["active", "restricted", "frozen"]
Closing = Literal["restricted", "frozen"]
Reason = Literal["late_return", "under_review", "owner_asked", "law"]

_WHY: dict[Reason, str] = {
    "late_return": "your bank took back a transfer after it had arrived",
    "under_review": "we are looking at something unusual",
    "owner_asked": "you asked for it",
    "law": "the law asks it of us",
}
_WHAT_WORKS: dict[Closing, str] = {
    "restricted": "You can still be paid; you cannot pay or add money.",
    "frozen": "Your money stays yours; until this is settled none leaves or comes in.",
}

_WHILE_OWED = "You can still be paid, and add money to pay it back; until then you cannot pay."


@dataclass(frozen=True, slots=True)
class AccountCase:
    """Why an account is closed in part, and since when. `reference` (`AC-1B2C-3D4E`) is what people tell us."""

    reference: str
    state: Closing
    reason: Reason
    imposed_at: datetime

    @property
    def sentence(self) -> str:
        """What happened, what still works, and what to do."""
        works = _WHILE_OWED if (self.state, self.reason) == ("restricted", "late_return") else _WHAT_WORKS[self.state]
        return f"Your account is {self.state}: {_WHY[self.reason]}. {works} Ask us about case {self.reference}."


async def open_cases(actor: Actor) -> list[AccountCase]:
    """The actor's own open cases, the strictest first; none while the account is active."""
    rows = await db.query(actor, "select case_reference, state, reason, imposed_at from risk.my_cases()")
    return [AccountCase(*row) for row in rows]


async def impose(
    actor: Actor, person: UUID, state: Closing, reason: Reason, *, by: UUID | None = None, subject: UUID | None = None
) -> str:
    """Restrict or freeze a person's account, once per reason and subject; the case's reference.

    Args:
        actor: The server itself; nobody else may.
        person: Whose account.
        state: How much of it is closed.
        reason: What its owner is told.
        by: Who decided it; None when a rule did.
        subject: What it is about, like a load that came back.

    Raises:
        NotFound: there is no such account.
        RequestInvalid: no such state or reason.
    """
    sql = "select risk.impose(:person, :state, :reason, :by, :subject)"
    params = {"person": person, "state": state, "reason": reason, "by": by, "subject": subject}
    return (await db.query(actor, sql, params))[0][0]


async def lift(actor: Actor, reference: str, why: str, *, by: UUID | None = None) -> State:
    """Lift a case; the state that the account's other open cases leave it in. Again changes nothing.

    Raises:
        NotFound: there is no such case.
        RequestInvalid: `why` is empty or longer than 500 characters.
    """
    sql = "select risk.lift(:reference, :why, :by)"
    return (await db.query(actor, sql, {"reference": reference, "why": why, "by": by}))[0][0]
