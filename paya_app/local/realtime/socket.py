"""One watcher's socket: what waits to be sent, what it has joined, when it was last heard."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from paya_app.core.budget import Budget
from paya_app.local.realtime.changes import Binding
from paya_app.local.realtime.frames import Frame, Ref, encode
from paya_app.local.realtime.tokens import Identity

OUTGOING_FRAMES_MAX = 256
CLOSE_WAIT_S = 2
TOO_SLOW = 1013

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Join:
    """A socket's membership of a topic. `name` is the topic without its `realtime:` prefix."""

    socket: "Socket"
    topic: str
    name: str
    join_ref: Ref
    is_private: bool
    identity: Identity
    bindings: tuple[Binding, ...]


class Socket:
    """Frames go through a bounded queue, so that a slow reader costs a fixed amount and is then let go."""

    def __init__(self, send: Send, identity: Identity, *, arrays: bool) -> None:
        self.identity = identity
        self.arrays = arrays
        self.joins: dict[str, Join] = {}
        self.budget = Budget()
        self.heard_at_s = time.monotonic()
        self.closing = asyncio.Event()
        self.close_code = 1000
        self._send = send
        self._outgoing: asyncio.Queue[str] = asyncio.Queue(OUTGOING_FRAMES_MAX)

    def push_text(self, text: str) -> None:
        """Queue an encoded frame; a full queue closes the socket."""
        try:
            self._outgoing.put_nowait(text)
        except asyncio.QueueFull:
            self.close(TOO_SLOW)

    def push(self, frame: Frame) -> None:
        """Queue a frame."""
        self.push_text(encode(frame, arrays=self.arrays))

    def reply(self, to: Frame, *, error: str | None = None, response: dict[str, Any] | None = None) -> None:
        """Answer a request: ok with `response`, or an error with its reason."""
        payload = (
            {"status": "ok", "response": response or {}}
            if error is None
            else {"status": "error", "response": {"reason": error}}
        )
        self.push(Frame(to.join_ref, to.ref, to.topic, "phx_reply", payload))

    def close(self, code: int) -> None:
        """Ask for the socket's end; the first code given counts."""
        if not self.closing.is_set():
            self.close_code = code
            self.closing.set()

    async def pump(self) -> None:
        """Send what is queued, for ever."""
        while True:
            await self._send({"type": "websocket.send", "text": await self._outgoing.get()})

    async def finish(self) -> None:
        """Say what is still queued (unless the reader is too slow for it) and close, within CLOSE_WAIT_S."""
        # the other side may have gone meanwhile, which servers report in different ways
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSE_WAIT_S):
                while self.close_code != TOO_SLOW and not self._outgoing.empty():
                    await self._send({"type": "websocket.send", "text": self._outgoing.get_nowait()})
                await self._send({"type": "websocket.close", "code": self.close_code})
