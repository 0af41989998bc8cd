"""Identifiers made by us: UUIDv7, so that new rows land at the end of their index (RFC 9562)."""

from uuid import UUID

from uuid_utils import compat


def new_id() -> UUID:
    """A fresh time-ordered UUID."""
    return compat.uuid7()


def parse_id(text: object) -> UUID | None:
    """The UUID written in `text` in its usual 36-character form, or None."""
    if not isinstance(text, str) or len(text) != 36:  # noqa: PLR2004 - RFC 9562's text form
        return None
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None  # braces and other hyphens are no id
