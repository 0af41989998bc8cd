"""Stands before a stand-in and spoils its answers as the page says."""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paya_app.local.chaos.mischief import WELL, Mischiefs

# Longer than any of our adapters waits for an answer.
SLOW_S = 12.0
RETRY_AFTER_S = 5
HTML = b"<!doctype html><html><body><h1>Service temporarily unavailable</h1></body></html>"
OTHER_SHAPE = b'{"surprise": [1, 2, 3]}'


class Chaos:
    """An ASGI application that is `app`, as far as the vendor's mischief lets it.

    Down and too busy mean that nothing was done. Slow, lost and malformed mean that it was done, and that nobody hears.
    """

    def __init__(self, app: ASGIApp, vendor: str, database_url: str, *, slow_s: float = SLOW_S) -> None:
        self._app, self._vendor, self._slow_s = app, vendor, slow_s
        self._mischiefs = Mischiefs(database_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            try:
                await self._app(scope, receive, send)
            finally:
                await self._mischiefs.aclose()
            return
        how = WELL if scope["type"] != "http" or _asks_for_life(scope) else await self._answers()
        match how:
            case "well":
                await self._app(scope, receive, send)
            case "down":
                await _hang_up(send)
            case "busy":
                await _busy(send)
            case _:
                await self._spoiled(how, scope, receive, send)

    async def _answers(self) -> str:
        return (await self._mischiefs.of(self._vendor)).answers

    async def _spoiled(self, how: str, scope: Scope, receive: Receive, send: Send) -> None:
        start: dict[str, Any] = {}
        body = b""

        async def keep(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body += message.get("body", b"")

        await self._app(scope, receive, keep)
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        if how == "lost":
            await _hang_up(send)
            return
        if how == "slow":
            await asyncio.sleep(self._slow_s)
        else:
            body = {"shape": OTHER_SHAPE, "html": HTML, "truncated": body[: len(body) // 2]}[how]
            headers = [_cut(header) for header in headers if how == "truncated" or header[0].lower() != b"location"]
            if how == "html":
                headers = [header for header in headers if header[0].lower() != b"content-type"]
                headers.append((b"content-type", b"text/html"))
        await send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})


def _asks_for_life(scope: Scope) -> bool:
    """The supervisor's question whether the program is there at all; vendors' callers show who they are."""
    return scope["path"] == "/" and not any(name == b"authorization" for name, _ in scope["headers"])


def _cut(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    return (header[0], header[1][:-8]) if header[0].lower() == b"location" else header


async def _hang_up(send: Send) -> None:
    """End the connection without a word, as far as the server lets us; a 503 otherwise."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
    await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def _busy(send: Send) -> None:
    body = b'{"code": "TooManyRequests", "message": "Too many requests."}'
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(RETRY_AFTER_S).encode()),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})
