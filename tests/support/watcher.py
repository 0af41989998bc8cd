"""A watcher for tests: speaks the channel protocol itself, in either version, frame by frame."""

import asyncio
import contextlib
import itertools
import json
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

PATIENCE_S = 10


class Watcher:
    """One socket. What comes unasked waits in `inbox` until it is heard."""

    def __init__(self, socket: ClientConnection, *, vsn: str = "2.0.0") -> None:
        self.socket = socket
        self.inbox: list[dict[str, Any]] = []
        self._arrays = vsn.startswith("2")
        self._refs = itertools.count(1)
        self._join_refs: dict[str, str] = {}

    async def ask(self, topic: str, event: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request; its answer's payload."""
        ref = str(next(self._refs))
        if event == "phx_join":
            self._join_refs[topic] = ref
        await self.say(topic, event, payload or {}, ref)
        return (await self._next(lambda m: m["event"] == "phx_reply" and m["ref"] == ref))["payload"]

    async def say(self, topic: str, event: str, payload: dict[str, Any], ref: str | None = None) -> None:
        """Send a frame."""
        join_ref = self._join_refs.get(topic)
        frame: Any = (
            [join_ref, ref, topic, event, payload]
            if self._arrays
            else {"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref}
        )
        await self.socket.send(json.dumps(frame))

    async def join(self, name: str, *, token: str | None = None, private: bool = True, **config: Any) -> dict[str, Any]:
        """Join a topic; the answer."""
        payload: dict[str, Any] = {"config": {"private": private, **config}}
        if token:
            payload["access_token"] = token
        return await self.ask(f"realtime:{name}", "phx_join", payload)

    async def hear(self, event: str) -> dict[str, Any]:
        """The next frame of this event, as an object."""
        return await self._next(lambda m: m["event"] == event)

    async def closed(self) -> int:
        """The code with which the other side closes the socket."""
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        assert self.socket.close_code is not None
        return self.socket.close_code

    async def _next(self, wanted: Any) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in self.inbox:
                    if wanted(message):
                        self.inbox.remove(message)
                        return message
                self.inbox.append(self._read(await self.socket.recv()))

    def _read(self, data: str | bytes) -> dict[str, Any]:
        parts = json.loads(data)
        if self._arrays:
            return dict(zip(("join_ref", "ref", "topic", "event", "payload"), parts, strict=True))
        return parts
