"""The gateway: raw ASGI around the application, serving /realtime/v1 and passing everything else on."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import psycopg
import structlog
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from paya_app.core.config import settings
from paya_app.local.realtime import changes, frames
from paya_app.local.realtime.authority import Authority
from paya_app.local.realtime.channels import Channels
from paya_app.local.realtime.frames import Frame, FrameMalformed
from paya_app.local.realtime.hub import Hub
from paya_app.local.realtime.outbox import Outbox
from paya_app.local.realtime.socket import TOO_SLOW, Send, Socket
from paya_app.local.realtime.tokens import TokenRefused, Verifier

PREFIX = "/realtime/v1"
SOCKET_PATH = f"{PREFIX}/websocket"
SOCKETS_MAX = 5000
SILENCE_S_MAX = 75  # clients send a heartbeat every 25 s
SWEEP_EVERY_S = 2
DATABASE_WAIT_S = 3

MALFORMED = 1007
REFUSED = 1008
TOO_LONG = 1009
BROKEN = 1011
RESTARTED = 1012

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

log = structlog.get_logger()


class Gateway:
    """Serves the channel protocol in front of another ASGI application.

    `run(stop)` must be running in the same event loop for anything to be handed out.
    """

    def __init__(self, *, database_url: str | None = None, jwks: list[dict[str, Any]] | None = None) -> None:
        """The database address and public keys; by default from the settings."""
        self._database_url = database_url or settings().paya_local_realtime_database_url
        self._verifier = Verifier(jwks or [json.loads(settings().supabase_jwt_key.get_secret_value())])
        self._hub = Hub()
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]] = AsyncConnectionPool(
            self._database_url,
            min_size=1,
            max_size=4,
            timeout=DATABASE_WAIT_S,
            open=False,
            check=AsyncConnectionPool.check_connection,
            kwargs={"application_name": "paya realtime", "connect_timeout": DATABASE_WAIT_S},
        )
        self._authority = Authority(self._pool)
        self._channels = Channels(self._hub, self._authority, self._verifier)

    def watchers(self, topic: str) -> int:
        """How many sockets listen to a private topic, such as `feed`."""
        return self._hub.watchers(topic)

    def wrap(self, app: Application) -> Application:
        """`app` with the gateway in front."""

        async def entry(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            if scope["type"] == "websocket" and path == SOCKET_PATH:
                await self._socket(scope, receive, send)
            elif scope["type"] == "http" and (path == PREFIX or path.startswith(f"{PREFIX}/")):
                await _refuse_http(send)
            else:
                await app(scope, receive, send)

        return entry

    async def run(self, stop: asyncio.Event) -> None:
        """Hand out what the database says, until `stop`; then close every socket for a restart."""
        outbox = Outbox(
            self._database_url,
            deliver=self._deliver,
            on_gap=self._restart_all,
            is_watched=lambda: bool(self._hub.sockets),
        )
        await self._pool.open()
        sweeping = asyncio.create_task(self._sweep())
        try:
            await outbox.run(stop)
        finally:
            sweeping.cancel()
            self._restart_all()
            await self._pool.close()

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        try:
            identity = self._verifier.identity(query.get("apikey", [""])[0])
        except TokenRefused:
            await send({"type": "websocket.close", "code": REFUSED})
            return
        if len(self._hub.sockets) >= SOCKETS_MAX:
            await send({"type": "websocket.close", "code": TOO_SLOW})
            return
        await send({"type": "websocket.accept"})
        socket = Socket(send, identity, arrays=query.get("vsn", ["1.0.0"])[0].startswith("2"))
        self._hub.sockets.add(socket)
        reading = asyncio.create_task(self._read(socket, receive))
        pumping = asyncio.create_task(socket.pump())
        closing = asyncio.create_task(socket.closing.wait())
        try:
            await asyncio.wait({reading, pumping, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(socket)
            for task in (reading, pumping, closing):
                task.cancel()
            ended = await asyncio.gather(reading, pumping, closing, return_exceptions=True)
        for fault in ended[:2]:
            # a send that fails because the other side left is no news
            if isinstance(fault, Exception) and not isinstance(fault, OSError | RuntimeError):
                log.error("a realtime socket broke", exc_info=fault)
                socket.close(BROKEN)
        await socket.finish()

    async def _read(self, socket: Socket, receive: Receive) -> None:
        while not socket.closing.is_set():
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            socket.heard_at_s = time.monotonic()
            if not socket.budget.spend():
                socket.close(REFUSED)
                return
            try:
                frame = _frame(message, arrays=socket.arrays)
            except FrameMalformed as fault:
                socket.close(TOO_LONG if "too long" in str(fault) else MALFORMED)
                return
            try:
                await self._channels.handle(socket, frame)
            except (psycopg.OperationalError, PoolTimeout):
                socket.reply(frame, error="UnableToConnectToProject: Realtime was unable to connect to the database")

    async def _deliver(self, message: dict[str, Any]) -> None:
        if message["extension"] == "broadcast" and message["private"]:
            self._hub.broadcast(message)
        elif message["extension"] == "postgres_changes":
            await self._deliver_rows(message["rows"])

    async def _deliver_rows(self, rows: list[dict[str, str]]) -> None:
        """Hand inserted rows (id and commit time) to their followers, read anew as each of them."""
        followers = self._hub.followers()
        if not followers:
            return
        columns = await self._authority.columns()
        readable: dict[str, dict[str, dict[str, Any]]] = {}
        texts: dict[tuple[Any, ...], str] = {}
        for follower in followers:
            audience = json.dumps(follower.identity.claims, sort_keys=True)
            if audience not in readable:
                readable[audience] = await self._authority.rows([UUID(r["id"]) for r in rows], follower.identity)
            for row in rows:
                record = readable[audience].get(row["id"])
                if record is None:
                    continue
                bindings = tuple(b for b in follower.bindings if b.matches(record))
                if not bindings:
                    continue
                key = (follower.topic, row["id"], follower.socket.arrays, tuple(b.id for b in bindings))
                if key not in texts:
                    payload = changes.payload(record, columns, row["at"], bindings)
                    frame = Frame(None, None, follower.topic, "postgres_changes", payload)
                    texts[key] = frames.encode(frame, arrays=follower.socket.arrays)
                follower.socket.push_text(texts[key])

    async def _sweep(self) -> None:
        """Let go of sockets that fell silent and of joins whose token ended."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            oldest_s = time.monotonic() - SILENCE_S_MAX
            for socket in tuple(self._hub.sockets):
                if socket.heard_at_s < oldest_s:
                    socket.close(1000)
            for join in self._hub.joins():
                if join.identity.has_expired():
                    self._channels.end(join, "Token has expired")

    def _restart_all(self) -> None:
        """Close every socket, so that its client comes back and reads what it may have missed."""
        for socket in tuple(self._hub.sockets):
            socket.close(RESTARTED)


def _frame(message: MutableMapping[str, Any], *, arrays: bool) -> Frame:
    text, data = message.get("text"), message.get("bytes")
    if text is not None:
        return frames.decode(text, arrays=arrays)
    if arrays and data is not None:
        return frames.decode_push(data)
    raise FrameMalformed("a binary frame in a version that has none")


async def _refuse_http(send: Send) -> None:
    """Nobody broadcasts over HTTP here: the database says what there is to hear."""
    body = json.dumps({"error": "Watchers listen here; nobody may broadcast. The socket is at /realtime/v1/websocket."})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    with contextlib.suppress(OSError):
        await send({"type": "http.response.body", "body": body.encode()})
