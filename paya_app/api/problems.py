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
from starlette.routing import Match

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
        body = {
            "type": "about:blank",
            "title": HTTPStatus(error.status_code).phrase,
            "status": error.status_code,
            "detail": str(error.detail),
            "code": HTTPStatus(error.status_code).name.lower(),
            "instance": request.url.path,
        }
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["allow"] = ", ".join(_methods_at(api, request))
        return JSONResponse(body, error.status_code, headers=headers, media_type=MEDIA_TYPE)

    async def crashed(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", path=request.url.path, exc_info=error)
        return problem(request, PayaError())

    api.add_exception_handler(PayaError, refused)
    api.add_exception_handler(RequestValidationError, malformed)
    api.add_exception_handler(HTTPException, http_error)
    api.add_exception_handler(Exception, crashed)


def _methods_at(api: FastAPI, request: Request) -> list[str]:
    """The methods of every route at this path: each method is a route of its own, and knows of no other."""
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    return [
        method
        for method, scope in scopes.items()
        if any(route.matches(scope)[0] is Match.FULL for route in api.router.routes)
    ]
