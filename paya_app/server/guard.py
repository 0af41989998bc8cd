"""What stands between the open web and Reflex's event socket.

A page's state lives behind `/_event`, and Reflex hands it to whoever brings its client token. The guard lets
in connections of our own origin alone, binds the token to the session cookie, takes every credential out of
what Reflex sees (it shows headers to the page), and hands on the session's id, which opens nothing. When a
session ends, its sockets are closed. A connection may say so much and no more, and a session, or an address
without one, may hold so many connections.
"""

import asyncio
import hashlib
import hmac
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from starlette.requests import HTTPConnection

from paya_app.api.callers import address_of
from paya_app.core.budget import Budget

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

SESSION_HEADER = b"x-paya-session"
EVENT_PATH = "/_event"
MESSAGE_BYTES_MAX = 64 * 1024
# Per signed-in session, and per address of visitors.
SOCKETS_MAX = 64
POLL_S = 0.5

CLOSE_TOO_BIG = 1009
CLOSE_TRY_LATER = 1013
CLOSE_SESSION_ENDED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_TOO_FAST = 4408

_STRIPPED = frozenset({b"cookie", b"authorization", b"proxy-authorization", SESSION_HEADER})

log = logging.getLogger(__name__)

# The session that this cookie's secret opens, or None. Raises when it cannot be known.
SessionOf = Callable[[str], Awaitable[UUID | None]]
# Which of these sessions have ended.
EndedAmong = Callable[[Collection[UUID]], Awaitable[set[UUID]]]


class SocketGuard:
    """ASGI middleware around the pages' app.

    Args:
        app: What is guarded.
        origin: The exact origin that may connect, like `https://paya.example`.
        cookie: The name of the session cookie.
        key: The server's secret, for binding tokens to cookies.
        session_of: Looks a cookie's secret up.
        ended_among: Finds ended sessions, asked every half second while signed-in sockets are open.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origin: str,
        cookie: str,
        key: str,
        session_of: SessionOf,
        ended_among: EndedAmong,
    ) -> None:
        self._app = app
        self._origin = origin.encode()
        self._cookie = cookie
        self._key = key.encode()
        self._session_of = session_of
        self._sockets = OpenSockets(ended_among)
        self._held: Counter[UUID | str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, guarded when it is for the event socket."""
        if scope["type"] not in ("http", "websocket") or not _is_for_events(scope["path"]):
            await self._app(scope, receive, send)
        elif _header(scope, b"origin") != self._origin:
            await _refuse(scope, receive, send, status=403, code=CLOSE_FORBIDDEN)
        else:
            await self._connect(scope, receive, send)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        secret = cookie_value(scope, self._cookie)
        try:
            session_id = await self._session_of(secret) if secret else None
        except Exception:
            # whatever keeps us from knowing who connects, nobody is let in
            log.warning("a socket was turned away: its session could not be looked up", exc_info=True)
            await _refuse(scope, receive, send, status=503, code=CLOSE_TRY_LATER)
            return
        inner = self._without_credentials(scope, secret, session_id)
        if scope["type"] == "http":
            await self._app(inner, receive, send)
            return
        holder = session_id or address_of(HTTPConnection(scope))
        if self._held[holder] >= SOCKETS_MAX:
            await _refuse(scope, receive, send, status=429, code=CLOSE_TRY_LATER)
            return
        socket = _Socket(receive, send)
        self._held[holder] += 1
        try:
            with self._sockets.entered(session_id, socket):
                await self._app(inner, socket.receive, socket.send)
        finally:
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]

    def _without_credentials(self, scope: Scope, secret: str, session_id: UUID | None) -> Scope:
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _STRIPPED]
        if session_id is not None:
            headers.append((SESSION_HEADER, str(session_id).encode()))
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))
        if "token" in query:
            query["token"] = self._bound(query["token"], secret)
        return {**scope, "headers": headers, "query_string": urlencode(query).encode()}

    def _bound(self, token: str, secret: str) -> str:
        """The state's key for this token and this cookie: a leaked token alone opens nothing.

        Shaped like the UUID that Reflex expects.
        """
        digest = hmac.new(self._key, f"{secret}\n{token}".encode(), hashlib.sha256).hexdigest()
        return str(UUID(hex=digest[:32], version=4))


class OpenSockets:
    """The open sockets of signed-in people, and the watch that closes those of ended sessions."""

    def __init__(self, ended_among: EndedAmong) -> None:
        self._ended_among = ended_among
        self._by_session: dict[UUID, set[_Socket]] = {}
        self._watch: asyncio.Task[None] | None = None

    def entered(self, session_id: UUID | None, socket: "_Socket") -> "_Entry":
        """A context in which the socket belongs to the session. Nobody's sockets are not kept."""
        return _Entry(self, session_id, socket)

    def add(self, session_id: UUID, socket: "_Socket") -> None:
        """Keep a socket, and watch."""
        self._by_session.setdefault(session_id, set()).add(socket)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watch_sessions(), name="paya-ended-sessions")

    def discard(self, session_id: UUID, socket: "_Socket") -> None:
        """Forget a socket."""
        sockets = self._by_session.get(session_id, set())
        sockets.discard(socket)
        if not sockets:
            self._by_session.pop(session_id, None)

    async def _watch_sessions(self) -> None:
        """Runs while signed-in sockets are open."""
        while self._by_session:
            await asyncio.sleep(POLL_S)
            try:
                ended = await self._ended_among(set(self._by_session))
            except Exception:
                # the next round asks again, and every handler checks the session itself
                log.warning("could not ask which sessions have ended", exc_info=True)
                continue
            for session_id in ended:
                for socket in tuple(self._by_session.get(session_id, ())):
                    socket.end(CLOSE_SESSION_ENDED)


class _Entry:
    def __init__(self, sockets: OpenSockets, session_id: UUID | None, socket: "_Socket") -> None:
        self._sockets, self._session_id, self._socket = sockets, session_id, socket

    def __enter__(self) -> None:
        if self._session_id is not None:
            self._sockets.add(self._session_id, self._socket)

    def __exit__(self, *_: object) -> None:
        if self._session_id is not None:
            self._sockets.discard(self._session_id, self._socket)


class _Socket:
    """One connection whose reading end can be cut from outside."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._closed = False
        self._budget = Budget()

    def end(self, code: int) -> None:
        """Close the connection with this code; the app inside sees a disconnect."""
        if not self._ended.done():
            self._ended.set_result(code)

    async def receive(self) -> Message:
        """The next message, or a disconnect when the connection was ended or says too much."""
        if self._ended.done():
            return await self._disconnect(self._ended.result())
        arriving = asyncio.ensure_future(self._receive())
        try:
            await asyncio.wait({arriving, self._ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not arriving.done():
                arriving.cancel()
        if self._ended.done():
            return await self._disconnect(self._ended.result())
        message = arriving.result()
        if message["type"] == "websocket.receive" and _size(message) > MESSAGE_BYTES_MAX:
            return await self._disconnect(CLOSE_TOO_BIG)
        if message["type"] == "websocket.receive" and not self._budget.spend():
            return await self._disconnect(CLOSE_TOO_FAST)
        return message

    async def send(self, message: Message) -> None:
        """Pass on, unless the connection is closed already."""
        if self._closed:
            return
        self._closed = message["type"] == "websocket.close"
        await self._send(message)

    async def _disconnect(self, code: int) -> Message:
        await self.send({"type": "websocket.close", "code": code, "reason": ""})
        return {"type": "websocket.disconnect", "code": code}


def cookie_value(scope: Scope, name: str) -> str:
    """The value of a cookie of this request, or the empty text."""
    for key, value in scope["headers"]:
        if key.lower() == b"cookie":
            jar: SimpleCookie = SimpleCookie()
            try:
                jar.load(value.decode("latin-1"))
            except CookieError:
                continue
            if name in jar:
                return jar[name].value
    return ""


def _is_for_events(path: str) -> bool:
    return path == EVENT_PATH or path.startswith(EVENT_PATH + "/")


def _header(scope: Scope, name: bytes) -> bytes | None:
    """The one value of a header; a header sent twice counts as missing."""
    values = [value for key, value in scope["headers"] if key.lower() == name]
    return values[0] if len(values) == 1 else None


def _size(message: Message) -> int:
    text = message.get("text")
    return len(text) if text is not None else len(message.get("bytes") or b"")


async def _refuse(scope: Scope, receive: Receive, send: Send, *, status: int, code: int) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": code, "reason": ""})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
