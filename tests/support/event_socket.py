"""The pages' event socket without a page: what anyone with a websocket client can say to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from paya_app.core import budget
from paya_app.core.budget import Budget

NAMESPACE = "/_event"
ANSWER_S = 15
_VIEWER = "reflex___state____state.paya_app___web___viewer____viewer"


@dataclass
class Answer:
    """What the server made of an event: the state's new values by state, and events for the page."""

    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it, to search in."""
        return json.dumps([self.values, self.events], ensure_ascii=False)

    @property
    def redirects(self) -> list[str]:
        """Where the page was led."""
        return [event["payload"]["path"] for event in self.events if event["name"] == "_redirect"]

    def value(self, state: str, name: str) -> Any:
        """A var's new value, by the end of its state's name; None when it did not change."""
        for full_name, values in self.values.items():
            if full_name.endswith(f"____{state}"):
                for var, value in values.items():
                    if var.removesuffix("_rx_state_") == name:
                        return value
        return None


class EventSocket:
    """One open connection, as a page has it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        # A little under what the server grants, so that a long test is never cut off for its speed.
        self._budget = Budget(budget.BURST - 10, budget.REFILL_PER_S - 2)

    async def send(
        self, name: str, payload: dict[str, Any] | None = None, *, path: str = "/", query: dict[str, str] | None = None
    ) -> Answer:
        """Raise an event as the page at `path` would, and gather the server's answer to it."""
        await self.raise_event(name, payload, path=path, query=query)
        return await self.answer()

    async def raise_event(
        self, name: str, payload: dict[str, Any] | None = None, *, path: str = "/", query: dict[str, str] | None = None
    ) -> None:
        """Raise an event and wait for nothing; `answer` gathers what is said to it and to those before."""
        address = path + (f"?{urlencode(query)}" if query else "")
        router = {"pathname": path, "asPath": address, "query": query or {}}
        event = {"name": name, "payload": payload or {}, "router_data": router}
        await self._send_in_time(json.dumps(["event", event]))

    async def _send_in_time(self, text: str) -> None:
        for _ in iter(self._budget.spend, True):  # noqa: FBT003 - until it says so
            await asyncio.sleep(1 / budget.REFILL_PER_S)
        await self.send_raw(text)

    async def send_raw(self, text: str) -> None:
        """Say any text in the namespace, at once."""
        await self._socket.send(f"42{NAMESPACE},{text}")

    async def answer(self) -> Answer:
        """Everything that the server says up to here: two more events mark the place."""
        for mark in ("report_trouble", "dismiss"):
            event = {"name": f"{_VIEWER}.{mark}", "payload": {}, "router_data": {"pathname": "/", "asPath": "/"}}
            await self._send_in_time(json.dumps(["event", event]))
        made, is_marked = Answer(), False
        while True:
            update = json.loads((await self.next_frame("42")).partition(",")[2])[1]
            trouble = (update.get("delta") or {}).get(_VIEWER, {}).get("trouble_rx_state_")
            if is_marked and trouble == "":
                return made
            is_marked = is_marked or bool(trouble)
            for state, values in (update.get("delta") or {}).items():
                made.values.setdefault(state, {}).update(values)
            made.events += update.get("events") or []

    async def wait_closed(self, patience_s: float = 10) -> int:
        """The code that the server closes with."""
        async with asyncio.timeout(patience_s):
            while True:
                try:
                    await self._socket.recv()
                except ConnectionClosed as closed:
                    return closed.rcvd.code if closed.rcvd else 1006

    async def next_frame(self, kind: str) -> str:
        """The next frame of this kind; pings are answered on the way."""
        async with asyncio.timeout(ANSWER_S):
            while True:
                frame = str(await self._socket.recv())
                if frame == "2":
                    await self._socket.send("3")
                elif frame.startswith(kind):
                    return frame


@asynccontextmanager
async def event_socket(
    url: str, *, cookie: str = "", token: str = "", origin: str | None = "", headers: Any = ()
) -> AsyncIterator[EventSocket]:
    """Connect and enter the namespace.

    Args:
        url: The app's origin.
        cookie: The session cookie's value.
        token: The page's token; one of its own by default.
        origin: The Origin header; the app's by default, none when None.
        headers: More headers.
    """
    query = urlencode({"EIO": "4", "transport": "websocket", "token": token or str(uuid4())})
    more = list(headers) + ([("cookie", f"paya={cookie}")] if cookie else [])
    async with connect(
        f"{url.replace('http', 'ws', 1)}{NAMESPACE}/?{query}",
        origin=(origin or url) if origin is not None else None,  # pyright: ignore[reportArgumentType]
        additional_headers=more,
        proxy=None,
        max_size=2**24,
    ) as connection:
        socket = EventSocket(connection)
        await socket.next_frame("0")
        await connection.send(f"40{NAMESPACE},")
        await socket.next_frame("40")
        yield socket
