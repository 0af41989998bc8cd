"""The first paint for people who are signed in.

Pages are built ahead, the same for everybody, and learn who looks at them when their socket opens. For that
moment the document carries the class `in` when the request has a session cookie, so that nobody who is
signed in sees the landing page flash by. The class is a matter of looks: it opens nothing.
"""

import gzip

from paya_app.server.guard import ASGIApp, Message, Receive, Scope, Send, cookie_value

_PLAIN, _SIGNED_IN = b'<html lang="en"', b'<html lang="en" class="in"'
_CONDITIONS = frozenset({b"if-none-match", b"if-modified-since", b"accept-encoding"})
_REPLACED = frozenset({b"content-length", b"content-encoding", b"etag", b"last-modified", b"vary"})


class SignedInFirstPaint:
    """ASGI middleware that marks HTML documents for requests with the session cookie."""

    def __init__(self, app: ASGIApp, *, cookie: str) -> None:
        self._app, self._cookie = app, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or pass on unconditionally and mark the document on its way out."""
        if scope["type"] != "http" or scope["method"] != "GET" or not cookie_value(scope, self._cookie):
            await self._app(scope, receive, send)
            return
        if not _wants_document(scope):
            await self._app(scope, receive, send)
            return
        compressed = b"gzip" in _joined(scope, b"accept-encoding")
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _CONDITIONS]
        document = _Document(send, compressed=compressed)
        # without extensions the file comes as bytes; the server must not send it by its path behind our back
        await self._app({**scope, "headers": headers, "extensions": {}}, receive, document.send)


class _Document:
    """Holds a response back until its body is whole, when it is an HTML document."""

    def __init__(self, send: Send, *, compressed: bool) -> None:
        self._send, self._compressed = send, compressed
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        """Takes the inner app's messages."""
        if message["type"] == "http.response.start" and _is_html(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        body = bytes(self._body).replace(_PLAIN, _SIGNED_IN, 1)
        headers = [(name, value) for name, value in start["headers"] if name.lower() not in _REPLACED]
        headers.append((b"vary", b"Accept-Encoding, Cookie"))
        if self._compressed:
            body = gzip.compress(body, 6, mtime=0)
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _wants_document(scope: Scope) -> bool:
    last = scope["path"].rpartition("/")[2]
    return "." not in last and b"text/html" in _joined(scope, b"accept")


def _joined(scope: Scope, name: bytes) -> bytes:
    return b",".join(value for key, value in scope["headers"] if key.lower() == name)


def _is_html(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in message.get("headers", [])
    )
