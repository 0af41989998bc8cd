"""A TCP proxy between the workers and the database that can do to their connections what networks do.

It speaks no SQL, but it follows the server's messages, so that it knows the moment at which a statement was
committed and can keep exactly that answer from the client.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

_HEADER = 5  # a message is its type (1 byte), its length without the type (4 bytes), and the rest
_CHUNK = 65536
_IDLE = b"I"


@dataclass
class Replies:
    """Follows what a server says in one connection, in whatever pieces it arrives.

    `process` is the server's process for this connection, from its start-up messages (BackendKeyData).
    """

    process: int = 0
    _rest: bytearray = field(default_factory=bytearray)
    _is_answered: bool = False

    def feed(self, data: bytes) -> bool:
        """Take in what arrived; whether a statement was told to be done and committed in it.

        CommandComplete alone does not say so: in the extended protocol the commit comes after it, and the
        ReadyForQuery that follows is sent when it is over.
        """
        self._rest += data
        is_committed = False
        while len(self._rest) >= _HEADER:
            length = 1 + int.from_bytes(self._rest[1:_HEADER], "big")
            if len(self._rest) < length:
                break
            kind, body = chr(self._rest[0]), bytes(self._rest[_HEADER:length])
            del self._rest[:length]
            if kind == "K":
                self.process = int.from_bytes(body[:4], "big")
            elif kind == "C":
                self._is_answered = True
            elif kind == "E":
                self._is_answered = False
            elif kind == "Z":
                is_committed |= self._is_answered and body == _IDLE
                self._is_answered = False
        return is_committed


@dataclass(eq=False)
class Link:
    """One client's connection and the one made to the server for it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    replies: Replies = field(default_factory=Replies)

    def cut(self) -> None:
        """End both sides at once; what was under way is lost."""
        for side in (self.client, self.server):
            side.transport.abort()


class Proxy:
    """Listens on a port of 127.0.0.1 and hands on to `target()`, the server's port of the moment."""

    def __init__(self, target: Callable[[], int]) -> None:
        self.target = target
        self.links: set[Link] = set()
        self.acks_swallowed = 0
        self.port = 0
        self._acks_to_swallow = 0
        self._delay_s = 0.0
        self._passing = asyncio.Event()
        self._passing.set()
        self._listener: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on a free port."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and cut every connection."""
        if self._listener:
            self._listener.close()
        self.resume()
        self.drop_all()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def swallow_acks(self, count: int) -> None:
        """Keep the next `count` answers to committed statements from their clients, and cut those connections."""
        self._acks_to_swallow += count

    def drop_all(self) -> int:
        """Cut every connection; how many there were."""
        links = list(self.links)
        for link in links:
            link.cut()
        return len(links)

    def delay(self, seconds: float) -> None:
        """Let every piece of data wait this long from now on, in both directions; 0 ends it."""
        self._delay_s = seconds

    def stall(self) -> None:
        """Pass nothing on until `resume`; connections stay open, as when a cable is pulled."""
        self._passing.clear()

    def resume(self) -> None:
        """Pass on again, without delay."""
        self._delay_s = 0.0
        self._passing.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.target())
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, to_server)
        self.links.add(link)
        ways = [asyncio.create_task(self._upward(reader, link)), asyncio.create_task(self._downward(from_server, link))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            link.cut()
            self.links.discard(link)

    async def _upward(self, reader: asyncio.StreamReader, link: Link) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._weather()
                link.server.write(data)
                await link.server.drain()

    async def _downward(self, reader: asyncio.StreamReader, link: Link) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                is_committed = link.replies.feed(data)
                await self._weather()
                if is_committed and self._acks_to_swallow:
                    self._acks_to_swallow -= 1
                    self.acks_swallowed += 1
                    return
                link.client.write(data)
                await link.client.drain()

    async def _weather(self) -> None:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        await self._passing.wait()
