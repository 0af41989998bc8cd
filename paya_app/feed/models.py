"""What the feed shows. There is no amount in it, because there is none in what it reads."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Named(BaseModel):
    """One side of a payment, as everyone sees them."""

    model_config = ConfigDict(frozen=True)

    handle: str
    name: str


class FeedRow(BaseModel):
    """One public payment. Of two rows with one `id`, the one with the higher `version` is true."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    version: int
    at: datetime
    note: str
    sender: Named
    recipient: Named


class FeedPage(BaseModel):
    """Rows, the newest first. `next_cursor` continues after the last row, or is None at the end."""

    model_config = ConfigDict(frozen=True)

    rows: list[FeedRow]
    next_cursor: str | None
