"""Errors over HTTP: RFC 9457 problem details with our code beside.

{"type": "about:blank", "title": "Not Found", "status": 404, "detail": "...",
 "code": "not_found", "instance": "/v1/..."}

Where waiting helps, `retry_at` says until when (ISO 8601, UTC), and `retry-after` how many seconds that is.
"""

import math
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Receive, Scope, Send

from paya_app.core.clock import now
from paya_app.core.errors import PayaError, RequestInvalid

MEDIA_TYPE = "application/problem+json"
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
log = structlog.get_logger()


def problem(request: Request, error: PayaError, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer that says `error`."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "instance": request.url.path,
    }
    headers = dict(headers or {})
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("www-authenticate", "Bearer")
    if error.retry_at is not None:
        body["retry_at"] = error.retry_at.isoformat(timespec="seconds")
        headers.setdefault("retry-after", str(max(1, math.ceil((error.retry_at - now()).total_seconds()))))
    return JSONResponse(body, error.status, headers=headers, media_type=MEDIA_TYPE)


def add_problem_handlers(api: FastAPI) -> None:
    """Make every refusal, bad request and unknown route of `api` a problem."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, PayaError)  # noqa: S101 - registered for this class alone
        return problem(request, error)

    async def malformed(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "the request"
        return problem(request, RequestInvalid(sentence=f"{where}: {first['msg']}. Nothing was changed."))

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["allow"] = ", ".join(_methods_at(api, request))
        return _plain(request.url.path, error.status_code, str(error.detail), headers)

    async def crashed(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", path=request.url.path, exc_info=error)
        return problem(request, PayaError())

    api.add_exception_handler(PayaError, refused)
    api.add_exception_handler(RequestValidationError, malformed)
    api.add_exception_handler(HTTPException, http_error)
    api.add_exception_handler(Exception, crashed)


class NoSuchRoute(BaseRoute):
    """Every address under a prefix that no route before it knows, or not by this method.

    Without it the pages, which are mounted behind us, would answer in their own way.
    """

    def __init__(self, api: FastAPI, prefix: str) -> None:
        self.api = api
        self.prefix = prefix

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether it is under the prefix."""
        is_ours = scope["type"] == "http" and scope["path"].startswith(self.prefix)
        return (Match.FULL if is_ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 405 with the methods that are known here, or 404."""
        methods = _methods_at(self.api, Request(scope))
        status = HTTPStatus.METHOD_NOT_ALLOWED if methods else HTTPStatus.NOT_FOUND
        headers = {"allow": ", ".join(methods)} if methods else {}
        await _plain(scope["path"], status, status.phrase, headers)(scope, receive, send)


def _plain(path: str, status: int, detail: str, headers: dict[str, str]) -> JSONResponse:
    """A problem that has no code of ours."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": HTTPStatus(status).name.lower(),
        "instance": path,
    }
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


def _methods_at(api: FastAPI, request: Request) -> list[str]:
    """The methods of every route at this path: each method is a route of its own, and knows of no other.

    What is mounted, like the pages, takes every path and is none of them.
    """
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    return [
        method
        for method, scope in scopes.items()
        if any(
            route.matches(scope)[0] is Match.FULL
            for route in api.router.routes
            if not isinstance(route, NoSuchRoute | Mount)
        )
    ]
