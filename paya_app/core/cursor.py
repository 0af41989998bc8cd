"""Where a page of a list ended, as an opaque text: the moment and id of its last row.

A cursor grants nothing (each page is read as whoever asks), so it is not signed, only read strictly.
"""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from paya_app.core.errors import PayaError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS_BYTES = 8
_LENGTH_BYTES = _MICROSECONDS_BYTES + 16
_TEXT_LENGTH = _LENGTH_BYTES // 3 * 4


class CursorInvalid(PayaError):
    """The cursor is none of ours."""

    code = "cursor_invalid"
    status = 400

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return "That cursor cannot be read. Use next_cursor from the page before, or leave it out for the newest."


def write_cursor(at: datetime, row_id: UUID) -> str:
    """The cursor after the row with this moment and id."""
    microseconds = (at - _EPOCH) // timedelta(microseconds=1)
    packed = microseconds.to_bytes(_MICROSECONDS_BYTES, "big", signed=True) + row_id.bytes
    return base64.urlsafe_b64encode(packed).decode()


def read_cursor(text: str) -> tuple[datetime, UUID]:
    """The moment and id in a cursor.

    Raises:
        CursorInvalid: not made by `write_cursor`.
    """
    if len(text) != _TEXT_LENGTH:
        raise CursorInvalid
    try:
        packed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        microseconds = int.from_bytes(packed[:_MICROSECONDS_BYTES], "big", signed=True)
        return _EPOCH + timedelta(microseconds=microseconds), UUID(bytes=packed[_MICROSECONDS_BYTES:])
    except (UnicodeEncodeError, binascii.Error, OverflowError, ValueError) as error:
        raise CursorInvalid from error
