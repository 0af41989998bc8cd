"""Routes for programs with a key: every answer of theirs, and every refusal, has one form.

They are described like all others, and take a shorter way than FastAPI's to their function: what it would make of the
request (dependencies, models, a response) is made by `Call`, which asks the database once.
"""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse

from paya_app.api.problems import MEDIA_TYPE
from paya_app.api.v1.calls import Call, call_of
from paya_app.core.config import settings
from paya_app.core.errors import PayaError

# what a refusal says of itself beside its sentence, when it knows
TOLD = ("param", "decline_code", "resource_id", "state", "next_states", "operations", "left_minor")

log = structlog.get_logger()


class KeyedRoute(APIRoute):
    """A route whose function takes the request alone and asks with `call_of(request)`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function, and the form of what it answers or refuses."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            call = call_of(request)
            try:
                call.begin()
                answer = await endpoint(request)
            except PayaError as error:
                answer = keyed_problem(call, error)
            except Exception as error:  # the edge: a fault of ours is told like a refusal, and logged whole
                log.error("request failed", path=request.url.path, exc_info=error)
                answer = keyed_problem(call, PayaError())
            return call.finish(answer)

        return handle


def keyed_problem(call: Call, error: PayaError) -> Response:
    """The answer that says `error`; the same each time for one that is replayed."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.message,
        "instance": call.request.url.path,
        "code": error.code,
        "request_id": call.told_id,
        "doc_url": f"{settings().public_url}/v1/docs#error-{error.code}",
    }
    body |= {name: error.facts[name] for name in TOLD if error.facts.get(name) is not None}
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    if wait_s := error.facts.get("retry_after_s"):
        headers["retry-after"] = str(wait_s)
    elif error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = "1"
    return JSONResponse(body, error.status, headers=headers, media_type=MEDIA_TYPE)
