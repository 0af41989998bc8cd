"""What the feed shows. There is no amount in it, because there is none in what it reads."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Named(BaseModel):
    """One side of a payment, as everyone sees them. `demo` people are made by the program to keep the feed alive."""

    model_config = ConfigDict(frozen=True)

    handle: str
    name: str
    demo: bool


class FeedRow(BaseModel):
    """One public payment. Of two rows with one `id`, the one with the higher `version` is true."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    version: int
    at: datetime
    note: str
    sender: Named
    recipient: Named

    @classmethod
    def from_row(cls, row: Any) -> Self:
        """A row of the view `feed.public_payment`."""
        return cls(
            id=row.id,
            version=row.version,
            at=row.at,
            note=row.note,
            sender=Named(handle=row.sender_handle, name=row.sender_name, demo=row.sender_is_demo),
            recipient=Named(handle=row.recipient_handle, name=row.recipient_name, demo=row.recipient_is_demo),
        )


class FeedPage(BaseModel):
    """Rows, the newest first. `next_cursor` continues after the last row, or is None at the end."""

    model_config = ConfigDict(frozen=True)

    rows: list[FeedRow]
    next_cursor: str | None
