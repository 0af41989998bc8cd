"""`Request-Id`: a name for every request of `/v1`, on its answer and in every line of the log that it causes."""

from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paya_app.core.ids import new_id

PREFIX = "/v1/"
_KEY = "paya.request_id"


class RequestIds:
    """Gives each request its id. One that a caller sent is not taken: it could be anything."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        request_id = scope[_KEY] = str(new_id())

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["request-id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self.app(scope, receive, named)


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    """The id of this request; "" outside of `/v1`."""
    return scope.get(_KEY, "")
