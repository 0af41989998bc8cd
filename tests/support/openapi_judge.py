"""A vendor's published API description as the judge of every exchange with its stand-in."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from openapi_core import OpenAPI
from openapi_core.configurations import Config
from openapi_core.datatypes import RequestParameters
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from werkzeug.datastructures import Headers, ImmutableMultiDict

FOLDER = "PAYA_VENDOR_SPECS"


def description(name: str) -> dict[str, Any]:
    """A vendor's description from the folder of them; the test is skipped when there is none."""
    folder = os.environ.get(FOLDER)
    if not folder:
        pytest.skip(f"{FOLDER} is not set: no published descriptions to judge by")
    return json.loads((Path(folder) / name).read_text(encoding="utf-8"))


def compiled(spec: dict[str, Any], media_types: tuple[str, ...]) -> OpenAPI:
    """A description ready to judge; `media_types` are read as JSON. Takes seconds: keep it."""
    config = Config(extra_media_type_deserializers=dict.fromkeys(media_types, json.loads))
    return OpenAPI.from_dict(spec, config=config)


@dataclass
class Exchange:
    """One request with its answer, and what the description has against either."""

    method: str
    path: str
    status: int = 0
    request_faults: list[str] = field(default_factory=list)
    response_faults: list[str] = field(default_factory=list)
    operation: str = ""


class Judge:
    """ASGI middleware that lets everything pass and remembers what the description has against it."""

    def __init__(self, app: ASGIApp, openapi: OpenAPI, host_url: str) -> None:
        self.app = app
        self.openapi = openapi
        self.host_url = host_url
        self.exchanges: list[Exchange] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        given = iter([{"type": "http.request", "body": body, "more_body": False}])
        answered: list[Message] = []

        async def replay() -> Message:
            return next(given, {"type": "http.disconnect"})

        async def keep(message: Message) -> None:
            answered.append(message)
            await send(message)

        await self.app(scope, replay, keep)
        self.exchanges.append(self._judge(_Request(scope, body, self.host_url), _Response(answered)))

    def _judge(self, request: "_Request", response: "_Response") -> Exchange:
        exchange = Exchange(request.method, request.path, response.status_code)
        exchange.request_faults = list(_lines(self.openapi.iter_request_errors, request))
        exchange.response_faults = list(_lines(self.openapi.iter_response_errors, request, response))
        return exchange

    @property
    def faults(self) -> list[str]:
        """What the description has against requests that were accepted, and against any answer."""
        return [
            f"{e.method} {e.path} -> {e.status}: {fault}"
            for e in self.exchanges
            for fault in [*(e.request_faults if e.status < 400 else []), *e.response_faults]
        ]


def _lines(errors: Any, *arguments: Any) -> Iterator[str]:
    for error in errors(*arguments):
        causes = getattr(error.__cause__, "schema_errors", None) or [error.__cause__ or error]
        yield f"{type(error).__name__}: " + "; ".join(str(getattr(c, "message", c))[:300] for c in causes)


class _Request:
    """A request as openapi-core reads it."""

    def __init__(self, scope: Scope, body: bytes, host_url: str) -> None:
        headers = Headers([(k.decode(), v.decode("latin-1")) for k, v in scope["headers"]])
        self.host_url = host_url
        self.path = scope["path"]
        self.path_pattern = None
        self.method = scope["method"].lower()
        self.body = body or None
        self.content_type = headers.get("content-type", "")
        query = ImmutableMultiDict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        self.parameters = RequestParameters(query=query, header=headers)


class _Response:
    """An answer as openapi-core reads it."""

    def __init__(self, messages: list[Message]) -> None:
        start = next(m for m in messages if m["type"] == "http.response.start")
        self.status_code = start["status"]
        self.headers = Headers([(k.decode(), v.decode("latin-1")) for k, v in start["headers"]])
        self.data = b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body")
        self.content_type = self.headers.get("content-type", "")
