"""`GET /v1/openapi.json`: the routes of `/v1`, described in OpenAPI 3.1."""

import json
import re
from copy import deepcopy
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse

from paya_app.api.bearers import Problem
from paya_app.api.v1.keyed_said import SCHEMES
from paya_app.core.config import settings

TAGS = {
    "Charges": "Charges on test cards, for programs with a key of an account: made, captured, refunded, disputed.",
    "Feed": "Public payments, without amounts, for everybody.",
    "Health": "Whether PaYa works, for everybody.",
    "Payments": "The same charges, in three calls.",
    "Proof": "The head of the log of seals, for everybody, and receipts of one's own payments.",
    "Savings plans": "A person's plans, for programs that have the person's access token."
    " Settings, Where you are signed in, shows one.",
    "Simulation": "What a bank, a cardholder and time would do, at once: for test keys with the scope `sim:write`.",
    "Webhooks": "Where an account is told of what happens to its charges, and what became of telling it.",
}
ABOUT = "Errors answer as problems (RFC 9457) with a `code` for programs and a `detail` for people."

_NAMED = re.compile(r"#/components/schemas/([A-Za-z0-9_]+)")

router = APIRouter()


def described(api: FastAPI) -> dict[str, Any]:
    """The description of every route of `api` that is for programs."""
    description = deepcopy(api.openapi())
    description["info"] |= {
        "description": ABOUT,
        "contact": {"name": "PaYa", "url": settings().public_url},
        "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
    }
    description["servers"] = [{"url": settings().public_url}]
    description["tags"] = [{"name": name, "description": about} for name, about in TAGS.items()]
    paths = {path: how for path, how in description["paths"].items() if path.startswith("/v1/")}
    # what FastAPI would answer to a malformed request by itself; ours is a problem with the status 400
    for operations in paths.values():
        for operation in operations.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
            for parameter in operation.get("parameters", ()):
                _without_null(parameter["schema"])
    schemas = description["components"]["schemas"] | {"Problem": Problem.model_json_schema()}
    description["paths"] = paths
    description["components"]["securitySchemes"] |= SCHEMES
    description["components"]["schemas"] = {name: schemas[name] for name in _named_in(paths, schemas)}
    return description


def _without_null(schema: dict[str, Any]) -> None:
    """What stands in an address or a header is left out or there, and never null."""
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        schema |= kinds[0]
    elif kinds:
        schema["anyOf"] = kinds


def _named_in(paths: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    """The schemas that the paths name, and those that these name."""
    named: set[str] = set()
    looking = [json.dumps(paths)]
    while looking:
        found = set(_NAMED.findall(looking.pop())) - named
        named |= found
        looking += [json.dumps(schemas[name]) for name in found]
    return sorted(named)


@router.get("/v1/openapi.json", include_in_schema=False)
async def read_description(request: Request) -> JSONResponse:
    """The description."""
    return JSONResponse(described(request.app), headers={"access-control-allow-origin": "*"})
