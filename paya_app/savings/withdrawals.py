"""Sending bitcoin to an address of its owner's: asked by them, done by jobs (`handing_over.py`), seen all the way."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, RequestInvalid, SignedOut
from paya_app.providers import exchange
from paya_app.providers.outcome import ProviderFailure, Rejected
from paya_app.savings.models import Happening
from paya_app.savings.withdrawal_errors import (
    UNREGISTERED,
    AddressUnregistered,
    ExchangeUnavailable,
    WithdrawalAmountInvalid,
)

PAGE_MAX = 50
SATS_MAX = 21_000_000 * 100_000_000  # all the bitcoin that there will ever be

WithdrawalState = Literal["asked", "submitted", "accepted", "sent", "failed"]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Bitcoin on its way to an address of its owner's.

    Attributes:
        quantity_sats: what left the wallet: `arrives_sats` and `fee_sats`, which the network takes.
        reason: why it was not sent, a code like `fee_rose`, or "".
        txid: of the bitcoin transaction, or "" until it was sent.
        is_delayed: whether the exchange has not taken it, because it does not answer.
    """

    id: UUID
    address_id: UUID
    label: str
    address: str
    state: WithdrawalState
    quantity_sats: int
    fee_sats: int
    arrives_sats: int
    reason: str
    txid: str
    created_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    is_delayed: bool

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Withdrawal":
        """From the database's `withdrawal_json`."""
        return cls(
            id=UUID(value["id"]),
            address_id=UUID(value["address_id"]),
            label=value["label"],
            address=value["address"],
            state=value["state"],
            quantity_sats=value["quantity_sats"],
            fee_sats=value["fee_sats"],
            arrives_sats=value["arrives_sats"],
            reason=value["reason"] or "",
            txid=value["txid"] or "",
            created_at=datetime.fromisoformat(value["created_at"]),
            accepted_at=_time(value["accepted_at"]),
            ended_at=_time(value["ended_at"]),
            is_delayed=value["is_delayed"],
        )


@dataclass(frozen=True, slots=True)
class WithdrawalLimits:
    """What somebody may withdraw: satoshis, withdrawals, hours.

    `resets_at`: when the first of the last 24 hours counts no more.
    """

    min_sats: int
    day_max_sats: int
    day_used_sats: int
    day_max_count: int
    day_used_count: int
    resets_at: datetime | None
    address_hours: int
    addresses_max: int
    available_sats: int

    @property
    def day_left_sats(self) -> int:
        """What the day's limit still lets go."""
        return max(0, self.day_max_sats - self.day_used_sats)

    @property
    def at_most_sats(self) -> int:
        """The most that can be withdrawn now."""
        return min(self.available_sats, self.day_left_sats)


async def withdraw(
    actor: Actor, *, withdrawal_id: UUID, address_id: UUID, quantity_sats: int, fee_sats_max: int
) -> Withdrawal:
    """Have `quantity_sats` leave the actor's wallet for their address, once per `withdrawal_id`.

    Args:
        actor: whose bitcoin it is.
        withdrawal_id: chosen by who asks.
        address_id: one of the actor's addresses that has waited.
        quantity_sats: what leaves the wallet, the network's fee in it.
        fee_sats_max: the fee that they agreed to; with a higher one nothing is sent and all of it is back.

    Raises:
        WithdrawalAmountInvalid: less than the least, or than the fee.
        WithdrawalUncovered: more than there is.
        WithdrawalLimit: which limit of the day, and when there is room again.
        AddressWaits: the address is too new.
        WithdrawalUnderWay: another one to this address is not known at the exchange yet.
        NotFound: no such address, or somebody else's.
        WithdrawalAccountUnavailable: the account cannot give bitcoin.
        WithdrawalKeyReused: `withdrawal_id` was used for another one.
        RequestInvalid: a fee that is no number of satoshis.
        SignedOut: nobody is signed in.
    """
    _require_signed_in(actor)
    if not _is_quantity(quantity_sats):
        raise WithdrawalAmountInvalid
    if fee_sats_max != 0 and not _is_quantity(fee_sats_max):
        raise RequestInvalid
    rows = await db.query(
        actor,
        "select savings.ask_withdrawal(:id, :address, :sats, :fee)",
        {"id": withdrawal_id, "address": address_id, "sats": quantity_sats, "fee": fee_sats_max},
    )
    return Withdrawal.from_json(rows[0][0])


async def withdrawal_fee(actor: Actor, *, address_id: UUID, quantity_sats: int) -> int:
    """What the network would take of it now, in satoshis, as the exchange says.

    Raises:
        NotFound: no such address, or somebody else's.
        AddressUnregistered: the exchange does not know the address; somebody is told.
        ExchangeUnavailable: it does not say.
        WithdrawalAmountInvalid, SignedOut: as in `withdraw`.
    """
    _require_signed_in(actor)
    if not _is_quantity(quantity_sats):
        raise WithdrawalAmountInvalid
    rows = await db.query(actor, "select savings.address_key_of(:id)", {"id": address_id})
    if rows[0][0] is None:
        raise NotFound(what="address")
    try:
        return await exchange.withdrawal_fee_sats(address_key=rows[0][0], quantity_sats=quantity_sats)
    except Rejected as refusal:
        if refusal.code in UNREGISTERED:
            await db.query(actor, "select savings.note_unregistered(:id)", {"id": address_id})
            raise AddressUnregistered from refusal
        raise ExchangeUnavailable from refusal
    except ProviderFailure as failure:
        raise ExchangeUnavailable from failure


async def withdrawal(actor: Actor, withdrawal_id: UUID) -> Withdrawal | None:
    """One withdrawal of the actor's, or None when there is none or it is somebody else's."""
    if actor.role != "authenticated":
        return None
    rows = await db.query(actor, "select savings.my_withdrawal(:id)", {"id": withdrawal_id})
    return Withdrawal.from_json(rows[0][0]) if rows[0][0] else None


async def withdrawals(actor: Actor, *, before: datetime | None = None, limit: int = PAGE_MAX) -> list[Withdrawal]:
    """The actor's withdrawals, the newest first, asked for before `before`. Raises `SignedOut`."""
    _require_signed_in(actor)
    rows = await db.query(
        actor,
        "select w from savings.my_withdrawals(:before, :maximum) w",
        {"before": before, "maximum": max(1, min(limit, PAGE_MAX))},
    )
    return [Withdrawal.from_json(row[0]) for row in rows]


async def withdrawal_limits(actor: Actor) -> WithdrawalLimits:
    """What the actor may withdraw now. Raises `SignedOut`."""
    _require_signed_in(actor)
    value = (await db.query(actor, "select savings.my_withdrawal_limits()"))[0][0]
    return WithdrawalLimits(**value | {"resets_at": _time(value["resets_at"])})


async def withdrawal_history(actor: Actor, withdrawal_id: UUID) -> list[Happening]:
    """What happened to a withdrawal of the actor's, in order; nothing of somebody else's. Raises `SignedOut`."""
    _require_signed_in(actor)
    rows = await db.query(actor, "select h from savings.my_withdrawal_history(:id) h", {"id": withdrawal_id})
    return [Happening.from_json(row[0]) for row in rows]


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _is_quantity(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= SATS_MAX


def _require_signed_in(actor: Actor) -> None:
    if actor.role != "authenticated":
        raise SignedOut
