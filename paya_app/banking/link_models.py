"""What banking tells about linking, banks and tiers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from paya_app.banking.models import Kind, Source

LinkState = Literal["starting", "open", "exchanging", "exchanged", "linked", "exited", "failed"]
Tier = Literal["phone", "bank", "identity"]


@dataclass(frozen=True, slots=True)
class Link:
    """One visit to the bank picker.

    Attributes:
        code: why it came to nothing, in the vendor's word or ours, or "".
        source: the bank that it ended in, when `linked`.
    """

    id: UUID
    state: LinkState
    code: str
    is_reconnect: bool
    source: Source | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state in ("linked", "exited", "failed")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Link":
        """From the database's `link_json`."""
        source = Source.from_json(value["source"]) if value["source"] else None
        return cls(UUID(value["id"]), value["state"], value["code"] or "", value["is_reconnect"], source)


@dataclass(frozen=True, slots=True)
class Bank:
    """One of a person's banks, as its settings show it.

    Attributes:
        connection: `good`, `login_required` or `pending_disconnect`; "" for one linked by its numbers.
        is_holder: whether it is in the person's own name; None when the bank was not asked.
        is_busy: a transfer with it is under way, so it cannot be unlinked now.
    """

    source: Source
    kind: Kind
    is_default: bool
    connection: str
    is_holder: bool | None
    is_busy: bool

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Bank":
        """From the database's `my_banks`."""
        return cls(
            Source.from_json(value),
            value["kind"],
            value["is_default"],
            value["connection"] or "",
            value["is_holder"],
            value["is_busy"],
        )


@dataclass(frozen=True, slots=True)
class TierLimits:
    """What is known of a person, and what they may load for it, in US cents. `raised_*`: in the highest tier."""

    tier: Tier
    load_single_cents: int
    load_week_cents: int
    load_first_week_cents: int
    raised_single_cents: int
    raised_week_cents: int
    raised_first_week_cents: int
