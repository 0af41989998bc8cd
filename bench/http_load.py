"""Many connections that each ask one request after another: HTTP/1.1 by hand, so that asking costs little itself."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What a load came to: answers by status, seconds it took, and milliseconds of each answer in order."""

    statuses: dict[int, int]
    seconds: float
    ms: list[float]

    @property
    def per_s(self) -> float:
        """Answers in a second."""
        return len(self.ms) / self.seconds

    def ms_at(self, share: int) -> float:
        """The time that `share` percent of the answers stayed below."""
        return round(self.ms[min(len(self.ms) - 1, len(self.ms) * share // 100)], 1)


def post(path: str, body: bytes, **headers: str) -> bytes:
    """A POST of JSON as it goes over the wire; `_` in a header's name is a hyphen."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: localhost",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def drive(port: int, request: Callable[[int], bytes], *, callers: int, count: int) -> Load:
    """Send `count` requests, the n-th being `request(n)`, from `callers` connections at once.

    Raises:
        OSError: the server hung up.
    """
    numbers = iter(range(count))
    statuses: dict[int, int] = {}
    ms: list[float] = []

    async def lane() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for number in numbers:
                begun = time.perf_counter()
                writer.write(request(number))
                status = await _answer(reader)
                ms.append((time.perf_counter() - begun) * 1000)
                statuses[status] = statuses.get(status, 0) + 1
        finally:
            writer.close()

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(lane())
    return Load(statuses, time.perf_counter() - begun, sorted(ms))


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")),
        None,
    )
    if length is None:
        raise OSError("an answer without a length")
    await reader.readexactly(length)
    return int(head[9:12])
