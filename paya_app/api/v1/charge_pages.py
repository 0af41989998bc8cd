"""Pages of charges: what they are filtered by, and the cursor that continues one."""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from paya_app.api.v1.charge_asked import utc_text
from paya_app.api.v1.plan_models import Moment
from paya_app.core.ids import parse_id
from paya_app.developers.request_errors import ParameterInvalid, ParameterUnknown

LIMIT_DEFAULT = 20
LIMIT_MAX = 100

_STATUSES = (
    "declined",
    "authorized",
    "partially_authorized",
    "partially_captured",
    "captured",
    "settled",
    "partially_refunded",
    "refunded",
    "disputed",
    "charged_back",
    "voided",
    "expired",
)
_NAMES = {
    "status": "status",
    "created[gte]": "created_gte",
    "created[lt]": "created_lt",
    "card": "card_id",
}
_MOMENTS: TypeAdapter[datetime] = TypeAdapter(Moment)
_METADATA = re.compile(r"metadata\[(.{1,40})\]", re.DOTALL)
_VALUE_CHARACTERS_MAX = 500
_METADATA_MAX = 10

_MOMENT = {"type": "string", "format": "date-time"}
PARAMETERS: tuple[dict[str, Any], ...] = (
    {
        "name": "limit",
        "in": "query",
        "description": "How many at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "`next_cursor` of an earlier answer.",
        "schema": {"type": "string"},
    },
    {
        "name": "status",
        "in": "query",
        "description": "Those in this state.",
        "schema": {"type": "string", "enum": list(_STATUSES)},
    },
    {
        "name": "created[gte]",
        "in": "query",
        "description": "Made at this moment of the account's clock or later.",
        "schema": _MOMENT,
    },
    {
        "name": "created[lt]",
        "in": "query",
        "description": "Made before this moment.",
        "schema": _MOMENT,
    },
    {
        "name": "card",
        "in": "query",
        "description": "Those on the card with this id.",
        "schema": {"type": "string", "format": "uuid"},
    },
    {
        "name": "metadata",
        "in": "query",
        "description": "Those with these texts: `metadata[order]=A-1001`; 10 at most.",
        "style": "deepObject",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 500}, "maxProperties": 10},
    },
)


def charge_page_of(request: Request) -> tuple[dict[str, Any], int, str]:
    """What is asked for: filters as charges know them, how many, the cursor.

    Raises:
        ParameterUnknown: there is no such parameter.
        ParameterInvalid: a parameter twice, or one that cannot be.
    """
    filters: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    limit, cursor = LIMIT_DEFAULT, ""
    for name, value in once_each(request.query_params.multi_items()):
        if name == "limit":
            limit = limit_of(value)
        elif name == "cursor":
            cursor = value
        elif name in _NAMES:
            filters[_NAMES[name]] = _filter(name, value)
        elif found := _METADATA.fullmatch(name):
            metadata[found[1]] = value
        else:
            raise ParameterUnknown(param=shown_name(name), why="there is no such parameter")
    if len(metadata) > _METADATA_MAX:
        raise ParameterInvalid(param="metadata", why=f"{_METADATA_MAX} at most")
    return filters | ({"metadata": metadata} if metadata else {}), limit, cursor


def cursor_of(text: str) -> UUID | None:
    """The id that a page ended with. Raises `ParameterInvalid` for what is no cursor of ours."""
    if not text:
        return None
    try:
        return UUID(bytes=base64.b64decode(f"{text}==".encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise ParameterInvalid(param="cursor", why="it is the `next_cursor` of an earlier answer") from None


def written_cursor(last_id: str | None) -> str | None:
    """The cursor that continues after this id."""
    return base64.urlsafe_b64encode(UUID(last_id).bytes).decode().rstrip("=") if last_id else None


def once_each(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """The parameters. Raises `ParameterInvalid` for one that stands there twice, or that no database takes."""
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen:
            raise ParameterInvalid(param=shown_name(name), why="it stands there twice")
        if "\x00" in name + value or len(value) > _VALUE_CHARACTERS_MAX:
            raise ParameterInvalid(param=shown_name(name), why="500 characters at most, without NUL")
        seen.add(name)
        yield name, value


def limit_of(value: str | None) -> int:
    """How many are asked for. Raises `ParameterInvalid` for what is no whole number from 1 to 100."""
    if value is None:
        return LIMIT_DEFAULT
    if not (value.isascii() and value.isdigit() and len(value) <= 3 and 1 <= int(value) <= LIMIT_MAX):  # noqa: PLR2004
        raise ParameterInvalid(param="limit", why=f"a whole number from 1 to {LIMIT_MAX}")
    return int(value)


def _filter(name: str, value: str) -> str:
    if name == "status" and value not in _STATUSES:
        raise ParameterInvalid(param=name, why=f"one of {', '.join(_STATUSES)}")
    if name == "card" and parse_id(value) is None:
        raise ParameterInvalid(param=name, why="the id of a card is a UUID")
    if name.startswith("created"):
        try:
            written = utc_text(_MOMENTS.validate_python(value))
        except ValidationError:
            written = None
        if written is None:
            raise ParameterInvalid(param=name, why="write a date, a time and its zone, like 2027-01-31T09:00:00Z")
        return written
    return value.lower() if name == "card" else value


def shown_name(name: str) -> str:
    """A parameter's name, as it may be told."""
    return name[:60].encode("ascii", "backslashreplace").decode()
