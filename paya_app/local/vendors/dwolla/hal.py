"""Dwolla's way of writing answers and refusals: HAL documents with absolute links."""

import json
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

HAL = "application/vnd.dwolla.v1.hal+json"
VALIDATION = "Validation error(s) present. See embedded errors list for more details."


class Refused(Exception):
    """An answer with an error status; raising it undoes what the request did."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, **more}


def invalid(*errors: dict[str, Any]) -> Refused:
    """400 with the list of what is wrong, as `fault` makes them."""
    return Refused(400, "ValidationError", VALIDATION, _embedded={"errors": list(errors)})


def fault(code: str, message: str, path: str, about: str = "") -> dict[str, Any]:
    """One entry of a validation error; `path` is a JSON pointer into the request."""
    links = {"about": {"href": about}} if about else {}
    return {"code": code, "message": message, "path": path, "_links": links}


def bad_request() -> Refused:
    """400 for a body that cannot be read at all."""
    return Refused(400, "BadRequest", "The request body contains bad syntax or is incomplete.")


def not_found(message: str = "The requested resource was not found.") -> Refused:
    """404."""
    return Refused(404, "NotFound", message)


def hal(body: dict[str, Any], status: int = 200) -> Response:
    """An answer with a body."""
    return Response(json.dumps(body), status_code=status, media_type=HAL)


def created(location: str) -> Response:
    """201 with the address of what was made and no body."""
    return Response(status_code=201, headers={"Location": location})


def link(href: str, resource_type: str) -> dict[str, str]:
    """A link with its type, as Dwolla writes them."""
    return {"href": href, "type": HAL, "resource-type": resource_type}


def moment(at: datetime) -> str:
    """`2022-01-03T01:48:22.951Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def money(cents: int) -> dict[str, str]:
    """`{"value": "12.34", "currency": "USD"}`."""
    return {"value": f"{'-' * (cents < 0)}{abs(cents) // 100}.{abs(cents) % 100:02d}", "currency": "USD"}
