"""What differs between our books of bank transfers and the vendor's: a comparison and nothing else.

What is under way differs by nature and is no difference: a debit that has left a bank and has not reached ours, or
what the vendor knows already and a job is about to ask for. Its amount is told, because it passes through the
vendor's balance meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from paya_app.providers.dwolla import Listed, Transfer

Kind = Literal[
    "bank_transfer_missing_there",
    "bank_transfer_missing_here",
    "bank_transfer_wrong_amount",
    "bank_transfer_wrong_state",
    "bank_balance_wrong",
]

_BEFORE = frozenset({"submitted", "pending"})
_HERE = frozenset({"settled", "cleared"})
_OVER = frozenset({"failed", "canceled", "returned"})


@dataclass(frozen=True, slots=True)
class Movement:
    """An operation as we hold it: `kind` is `load` or `redemption`; `is_followed`: somebody is about to ask of it."""

    id: str
    kind: str
    state: str
    vendor_ref: str | None
    amount_cents: int
    is_followed: bool

    @property
    def name(self) -> str:
        """What a case calls it: `load:…`."""
        return f"{self.kind}:{self.id}"

    @property
    def booked_cents(self) -> int:
        """What it changed in our reserve, US cents."""
        if self.state not in _HERE:
            return 0
        return self.amount_cents if self.kind == "load" else -self.amount_cents


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. `cents` is how much more the vendor has than we, for that alone."""

    kind: Kind
    subject: str
    evidence: Mapping[str, Any]
    cents: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What makes two of them the same one."""
        return self.kind, self.subject


@dataclass(frozen=True, slots=True)
class Compared:
    """The outcome: what differs, and what is under way; `in_flight_cents` is what the vendor has of that beyond us."""

    differences: list[Difference]
    in_flight_cents: int
    in_flight_count: int
    transfer_count: int


@dataclass(slots=True)
class _Sides:
    """Legs at the vendor, found by what they are to a movement."""

    main: dict[str, Listed] = field(default_factory=dict)
    by_correlation: dict[str, list[Listed]] = field(default_factory=dict)
    within: dict[str, Listed] = field(default_factory=dict)
    funded_by: dict[str, Listed] = field(default_factory=dict)


def compare(ours: Iterable[Movement], theirs: Iterable[Listed], *, later: Iterable[Movement] | None = None) -> Compared:
    """Compare what we held before the vendor was asked (`ours`), what it listed, and what we held then (`later`).

    Only what we had before can be missing there, and what we have by then is not missing here.
    """
    now = {each.id: each for each in (later if later is not None else ours)}
    sides = _sort(theirs)
    differences = [_missing_there(each) for each in ours if each.vendor_ref and each.vendor_ref not in sides.main]
    in_flight_cents = in_flight_count = 0
    seen: set[str] = set()
    for movement in now.values():
        leg = _leg_of(movement, sides)
        if leg is None:
            continue
        seen.add(leg.transfer.id)
        found = _differs(movement, leg, sides)
        if found:
            differences.append(found)
        else:
            moved = _moved_cents(leg) - movement.booked_cents
            in_flight_cents += moved
            in_flight_count += bool(moved) or movement.state in _BEFORE
    differences += [_missing_here(leg) for ref, leg in sides.main.items() if ref not in seen]
    differences += [_missing_here(leg) for leg in sides.within.values() if not _belongs(leg.transfer, sides)]
    count = len(sides.main) + len(sides.within)
    return Compared(differences, in_flight_cents, in_flight_count, count)


def balance_difference(reserve_cents: int, total_cents: int, compared: Compared) -> list[Difference]:
    """Whether the vendor holds what we hold and what is under way; what other differences explain is theirs."""
    off = total_cents - reserve_cents - compared.in_flight_cents
    explained = sum(each.cents for each in compared.differences)
    if off in (0, explained):
        return []
    evidence = {
        "there_cents": total_cents,
        "here_cents": reserve_cents,
        "in_flight_cents": compared.in_flight_cents,
        "off_by_cents": off,
        "explained_cents": explained,
    }
    return [Difference("bank_balance_wrong", "account:reserve", evidence, off - explained)]


def _sort(theirs: Iterable[Listed]) -> _Sides:
    sides = _Sides()
    for each in theirs:
        if each.direction == "within":
            sides.within[each.transfer.id] = each
        else:
            sides.main[each.transfer.id] = each
            if each.transfer.correlation_id:
                sides.by_correlation.setdefault(each.transfer.correlation_id, []).append(each)
        if each.transfer.funding_id:
            sides.funded_by[each.transfer.funding_id] = each
    return sides


def _leg_of(movement: Movement, sides: _Sides) -> Listed | None:
    if movement.vendor_ref:
        return sides.main.get(movement.vendor_ref)
    # the vendor took it, and its answer has not reached us yet
    if movement.state in ("queued", "submitted"):
        return next(iter(sides.by_correlation.get(movement.id, ())), None)
    return None


def _belongs(leg: Transfer, sides: _Sides) -> bool:
    """Whether a leg between our own accounts is one half of a transfer that is listed."""
    return leg.funding_id in sides.main or leg.funded_id in sides.main


def _other_leg(there: Transfer, sides: _Sides) -> Listed | None:
    """The leg between our own accounts that goes with one from or to a person's bank."""
    return sides.funded_by.get(there.id) or sides.within.get(there.funding_id or "")


def _moved_cents(leg: Listed) -> int:
    """What it changed in what the vendor holds for us."""
    there = leg.transfer
    if leg.direction == "in":
        return there.amount_cents * (there.status == "processed")
    # a payout that no other transfer funds is taken from the balance when it is made
    is_out = there.status == "processed" or (there.status == "pending" and not there.funding_id)
    return -there.amount_cents * is_out


def _differs(movement: Movement, leg: Listed, sides: _Sides) -> Difference | None:
    there, cents = leg.transfer, _moved_cents(leg) - movement.booked_cents
    is_direction_right = leg.direction == ("in" if movement.kind == "load" else "out")
    if there.amount_cents != movement.amount_cents or not is_direction_right:
        evidence = {"here_cents": movement.amount_cents, "there_cents": there.amount_cents, "direction": leg.direction}
        return Difference("bank_transfer_wrong_amount", movement.name, evidence | {"transfer": there.id}, cents)
    other = _other_leg(there, sides)
    if other is not None and other.transfer.amount_cents != movement.amount_cents:
        amounts = {"here_cents": movement.amount_cents, "there_cents": other.transfer.amount_cents}
        evidence = amounts | {"direction": other.direction, "transfer": other.transfer.id}
        return Difference("bank_transfer_wrong_amount", movement.name, evidence, cents)
    states = _states(movement.kind, there, sides)
    if movement.state in states or movement.state == "submitted":
        return None
    if movement.is_followed and movement.state in _BEFORE | {"queued"}:
        return None
    evidence = {
        "here": movement.state,
        "there": there.status,
        "other_leg": other.transfer.status if other else None,
        "amount_cents": there.amount_cents,
        "transfer": there.id,
    }
    return Difference("bank_transfer_wrong_state", movement.name, evidence, cents)


def _states(kind: str, there: Transfer, sides: _Sides) -> frozenset[str]:
    """Which states of ours fit the vendor's."""
    match there.status:
        case "pending" if kind == "load":
            return _BEFORE
        case "pending":
            pull = sides.within.get(there.funding_id)
            if pull is None:  # from a balance at the vendor, which is debited at once
                return frozenset({"pending", "settled"})
            return frozenset({"settled" if pull.transfer.status == "processed" else "pending"})
        case "processed" if kind == "load":
            credit = sides.funded_by.get(there.id)
            # from their bank, and not in ours yet
            return _HERE if credit is None or credit.transfer.status == "processed" else _BEFORE
        case "processed":
            return frozenset({"cleared"})
        case _:
            return _OVER


def _missing_there(movement: Movement) -> Difference:
    evidence = {"transfer": movement.vendor_ref, "here": movement.state, "amount_cents": movement.amount_cents}
    return Difference("bank_transfer_missing_there", movement.name, evidence, -movement.booked_cents)


def _missing_here(leg: Listed) -> Difference:
    there = leg.transfer
    evidence = {
        "there": there.status,
        "amount_cents": there.amount_cents,
        "direction": leg.direction,
        "correlation_id": there.correlation_id,
    }
    return Difference("bank_transfer_missing_here", f"dwolla:{there.id}", evidence, _moved_cents(leg))
