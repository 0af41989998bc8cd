"""Pages of deliveries: what they are filtered by, and the cursor that continues one."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from starlette.requests import Request

from paya_app.api.v1.charge_pages import PARAMETERS as CHARGE_PARAMETERS
from paya_app.api.v1.charge_pages import limit_of, once_each, shown_name
from paya_app.core.cursor import CursorInvalid, read_cursor, write_cursor
from paya_app.core.ids import parse_id
from paya_app.developers.request_errors import ParameterInvalid, ParameterUnknown
from paya_app.webhooks import STATES, Delivery

PARAMETERS: tuple[dict[str, Any], ...] = (
    *[parameter for parameter in CHARGE_PARAMETERS if parameter["name"] in {"limit", "cursor"}],
    {
        "name": "endpoint",
        "in": "query",
        "description": "Those to this endpoint.",
        "schema": {"type": "string", "format": "uuid"},
    },
    {
        "name": "status",
        "in": "query",
        "description": "Those in this state; given_up are the dead letters.",
        "schema": {"type": "string", "enum": sorted(STATES)},
    },
)


class DeliveryPage(NamedTuple):
    """What is asked for."""

    endpoint_id: UUID | None
    state: str | None
    before: tuple[datetime, UUID] | None
    limit: int


def delivery_page_of(request: Request) -> DeliveryPage:
    """What is asked for.

    Raises:
        ParameterUnknown: there is no such parameter.
        ParameterInvalid: a parameter twice, or one that cannot be.
    """
    said = dict(_known(once_each(request.query_params.multi_items())))
    endpoint_id, state, cursor = parse_id(said.get("endpoint", "")), said.get("status"), said.get("cursor", "")
    if "endpoint" in said and endpoint_id is None:
        raise ParameterInvalid(param="endpoint", why="the id of an endpoint is a UUID")
    if state is not None and state not in STATES:
        raise ParameterInvalid(param="status", why=f"one of {', '.join(sorted(STATES))}")
    return DeliveryPage(endpoint_id, state, _before(cursor) if cursor else None, limit_of(said.get("limit")))


def written_cursor(last: Delivery) -> str:
    """The cursor that continues after this one."""
    return write_cursor(last.created_at, last.id)


def _before(text: str) -> tuple[datetime, UUID]:
    try:
        return read_cursor(text)
    except CursorInvalid:
        raise ParameterInvalid(param="cursor", why="it is the `next_cursor` of an earlier answer") from None


def _known(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for name, value in pairs:
        if name not in {"limit", "cursor", "endpoint", "status"}:
            raise ParameterUnknown(param=shown_name(name), why="there is no such parameter")
        yield name, value
