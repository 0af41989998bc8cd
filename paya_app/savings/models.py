"""What savings tells about plans, their buys and their history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from paya_app.savings.terms import Terms, buys_that_fit, terms_from

PlanState = Literal["active", "paused", "ended"]
BuyState = Literal["scheduled", "skipped", "canceled", "collected", "bought", "failed"]


@dataclass(frozen=True, slots=True)
class Buy:
    """One buy of a plan: what is to happen at `due_at`, or what became of it.

    Attributes:
        amount_cents: what is taken from the wallet for it, our fee included, US cents.
        reason: why it is not or was not made, a code like `skipped_by_owner`, or "".
        cost_cents: what the exchange took, once it is bought, US cents.
        exchange_fee_cents: the exchange's own fee, a part of `cost_cents`; 0 where it took it in bitcoin.
        fee_cents, refund_cents: our fee, and what came back, US cents.
        quantity_sats: what was bought, in hundred-millionths of a bitcoin.
    """

    id: UUID
    plan_id: UUID
    due_at: datetime
    amount_cents: int
    state: BuyState
    reason: str
    cost_cents: int
    exchange_fee_cents: int
    fee_cents: int
    refund_cents: int
    quantity_sats: int
    version: int

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Buy":
        """From the database's `buy_json`."""
        return cls(
            id=UUID(value["id"]),
            plan_id=UUID(value["plan_id"]),
            due_at=datetime.fromisoformat(value["due_at"]),
            amount_cents=value["amount_cents"],
            state=value["state"],
            reason=value["reason"] or "",
            cost_cents=value["cost_cents"],
            exchange_fee_cents=value["exchange_fee_cents"],
            fee_cents=value["fee_cents"],
            refund_cents=value["refund_cents"],
            quantity_sats=value["quantity_sats"],
            version=value["version"],
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A savings plan of one person.

    Attributes:
        next_buys: the next three that will happen, the soonest first; none while it is paused.
        spent_cents: what its buys took from the wallet so far, buys under way included, US cents.
        pause_reason: why it is paused, a code like `paused_by_owner`, or "".
        end_reason: why it ended, a code like `ended_by_owner`, `cap_reached` or `schedule_over`, or "".
        version: counts its changes.
    """

    id: UUID
    state: PlanState
    terms: Terms
    next_buys: list[Buy]
    spent_cents: int
    pause_reason: str
    end_reason: str
    version: int
    created_at: datetime
    changed_at: datetime
    ended_at: datetime | None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Plan":
        """From the database's `plan_json`, which has rows ahead that the cap has no room for, too."""
        terms = terms_from(value["terms"])
        room = buys_that_fit(terms, value["spent_cents"])
        return cls(
            id=UUID(value["id"]),
            state=value["state"],
            terms=terms,
            next_buys=[Buy.from_json(each) for each in value["next_buys"][:room]],
            spent_cents=value["spent_cents"],
            pause_reason=value["pause_reason"] or "",
            end_reason=value["end_reason"] or "",
            version=value["version"],
            created_at=datetime.fromisoformat(value["created_at"]),
            changed_at=datetime.fromisoformat(value["changed_at"]),
            ended_at=datetime.fromisoformat(value["ended_at"]) if value["ended_at"] else None,
        )


@dataclass(frozen=True, slots=True)
class NextBuy:
    """The next buy of any of a person's plans: which plan's, in whose zone, when, and of how much (US cents)."""

    plan_id: UUID
    name: str
    zone: str
    due_at: datetime
    amount_cents: int

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "NextBuy":
        """From the database's `my_next_buy`."""
        return cls(
            plan_id=UUID(value["plan_id"]),
            name=value["name"],
            zone=value["zone"],
            due_at=datetime.fromisoformat(value["due_at"]),
            amount_cents=value["amount_cents"],
        )


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a plan or of one of its buys.

    Attributes:
        id: counts up; a page of history continues before it.
        kind: like `plan.changed` or `buy.skipped`.
        subject: the plan, or the buy.
        is_own: whether the person did it themselves.
        facts: what is known of it; of a change `before` and `after`.
    """

    id: int
    at: datetime
    kind: str
    subject: UUID
    version: int
    is_own: bool
    facts: dict[str, Any]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Happening":
        """From the database's `my_plan_history`."""
        return cls(
            id=value["id"],
            at=datetime.fromisoformat(value["at"]),
            kind=value["kind"],
            subject=UUID(value["subject"]),
            version=value["version"],
            is_own=value["is_own"],
            facts=value["facts"],
        )
