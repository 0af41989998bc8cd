"""How routes for programs with a key are described: their key, their idempotency key, their body, their refusals."""

from typing import Any

from paya_app.api.bearers import body_of, problems
from paya_app.api.v1.asked import Asked
from paya_app.api.v1.idempotency import PATTERN
from paya_app.developers import VERSIONS

SCHEME = "apiKey"
SCHEMES = {
    SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of your account, like `paya_test_…`. Settings, API keys, makes one.",
    }
}
_SECURITY = [{SCHEME: []}]
_VERSION = {
    "name": "PaYa-Version",
    "in": "header",
    "description": "The version of the API, a date; left out, the one that the key is pinned to.",
    "schema": {"type": "string", "enum": [version.isoformat() for version in VERSIONS]},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A text of yours, new for each operation; within 24 hours the same one gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": PATTERN},
}

READS = problems(400, 401, 403, 404, 429, 503)
LISTS = problems(400, 401, 403, 429, 503)
CHANGES = problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503)


def asks(model: type[Asked], **examples: dict[str, Any]) -> dict[str, Any]:
    """The description of a POST with this body."""
    is_required = any(field.is_required() for field in model.model_fields.values())
    return body_of(model, required=is_required, **examples) | {"security": _SECURITY, "parameters": [_KEY, _VERSION]}


def of(name: str, what: str, **description: Any) -> dict[str, Any]:
    """The description of a route with an id in its address, beside what else it has."""
    place = {
        "name": name,
        "in": "path",
        "required": True,
        "description": f"The {what}'s id.",
        "schema": {"type": "string", "format": "uuid"},
    }
    said = description or {"security": _SECURITY, "parameters": [_VERSION]}
    return said | {"parameters": [place, *said["parameters"]]}


def reads(*parameters: dict[str, Any]) -> dict[str, Any]:
    """The description of a GET with these parameters."""
    return {"security": _SECURITY, "parameters": [*parameters, _VERSION]}
