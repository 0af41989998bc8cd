"""What banking tells about banks and loads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

SourceState = Literal["linking", "unverified", "verified", "removed", "failed"]
LoadState = Literal["queued", "submitted", "pending", "settled", "cleared", "failed", "canceled", "returned"]
Kind = Literal["checking", "savings"]
CancelWord = Literal["possible", "asked", "refused", "over"]


@dataclass(frozen=True, slots=True)
class Source:
    """A bank account; money can come from it when its state is `verified`.

    Attributes:
        tries_left: how often its owner may still tell the two deposits; at 0 it can never be confirmed.
    """

    id: UUID
    bank_name: str
    last4: str
    state: SourceState
    tries_left: int

    @property
    def is_closed(self) -> bool:
        """Whether it can never be confirmed."""
        return self.state == "unverified" and not self.tries_left

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Source":
        """From the database's `source_json`."""
        return cls(
            UUID(value["id"]), value["bank_name"] or "Your bank", value["last4"], value["state"], value["tries_left"]
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a load's timeline: done when `at` is set, otherwise expected at `expected_at` if that is known."""

    key: str
    title: str
    at: datetime | None
    expected_at: datetime | None
    detail: str


@dataclass(frozen=True, slots=True)
class Load:
    """Money on its way from a bank into the wallet.

    Attributes:
        amount_cents: US cents.
        stages: the timeline, in order.
        reference: for people to read aloud, like `LD-7Q4K-22XM`.
        reason: why it ended without money, in a sentence, or "".
        cancel: whether it can be canceled: `possible`, `asked` (the bank decides), `refused` (it had begun), `over`.
    """

    id: UUID
    amount_cents: int
    state: LoadState
    source: Source
    stages: list[Stage]
    reference: str
    reason: str
    created_at: datetime
    cancel: CancelWord = "over"


@dataclass(frozen=True, slots=True)
class Redemption:
    """Money on its way from the wallet to a bank. `settled`: our bank has paid; `cleared`: theirs has it.

    Attributes:
        amount_cents: US cents.
        stages: the timeline, in order.
        reference: for people to read aloud, like `CO-7Q4K-22XM`.
        reason: why it ended and where the money is, in a sentence, or "".
        cancel: as of a load.
    """

    id: UUID
    amount_cents: int
    state: LoadState
    source: Source
    stages: list[Stage]
    reference: str
    reason: str
    created_at: datetime
    cancel: CancelWord


@dataclass(frozen=True, slots=True)
class Expectation:
    """What to expect of a load that is asked for now.

    Attributes:
        at: when it can be spent, by the rule that clears it.
        hold_bank_days: how long it is held after it arrived, which `at` counts in.
        held: the same in words, like `three business days`, or "".
    """

    at: datetime
    hold_bank_days: int
    held: str


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """What may be loaded, in US cents. The week rolls; `first_week_ends_at` while an account is new."""

    single_min_cents: int
    single_max_cents: int
    week_max_cents: int
    week_used_cents: int
    first_week_ends_at: datetime | None

    @property
    def left_cents(self) -> int:
        """What one load may be at most right now."""
        return max(0, min(self.single_max_cents, self.week_max_cents - self.week_used_cents))


@dataclass(frozen=True, slots=True)
class RedemptionLimits:
    """What may be redeemed, in US cents. The week rolls.

    Attributes:
        available_cents: what is in the wallet and not held.
        opens_at: from when on the account may redeem at all, or None when it may.
        more_at: when the week has room again, or None when it has.
        resets_at: when the first of what the week counts is forgotten, or None when it counts nothing.
    """

    single_min_cents: int
    single_max_cents: int
    week_max_cents: int
    week_used_cents: int
    available_cents: int
    opens_at: datetime | None
    more_at: datetime | None
    resets_at: datetime | None

    @property
    def room_cents(self) -> int:
        """What one redemption may be at most right now, whatever is in the wallet."""
        return 0 if self.opens_at else max(0, min(self.single_max_cents, self.week_max_cents - self.week_used_cents))

    @property
    def most_cents(self) -> int:
        """What can be redeemed at once now."""
        return max(0, min(self.room_cents, self.available_cents))

    @property
    def least_cents(self) -> int:
        """The least of one redemption: all that is there may always go."""
        return max(1, min(self.single_min_cents, self.available_cents))


@dataclass(frozen=True, slots=True)
class SandboxHint:
    """Values that work where no real bank is behind: a page may show them."""

    routing: str
    account: str
    amounts_cents: tuple[int, int]
