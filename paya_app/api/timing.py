"""`Server-Timing: app;dur=12.3`: how long an answer took here, from the request until its first byte, in ms."""

import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "/v1/"


class ServerTiming:
    """Says it with every answer of the API for programs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                took_ms = (time.perf_counter() - began) * 1000
                MutableHeaders(scope=message)["server-timing"] = f"app;dur={took_ms:.1f}"
            await send(message)

        await self.app(scope, receive, timed)
