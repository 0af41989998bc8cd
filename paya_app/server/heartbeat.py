"""A sign of life: a file that a program touches while its loop turns, and the supervisor's question about it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from paya_app.core.config import settings

BEAT_EVERY_S = 1.0


async def beat() -> None:
    """Touch this program's file every second, for as long as the loop turns; nothing where nobody asked for it."""
    path = settings().paya_local_heartbeat
    while path:
        Path(path).touch(mode=0o600)  # noqa: ASYNC240 - a file in the cache, and nothing else waits here
        await asyncio.sleep(BEAT_EVERY_S)


def heard_from(path: Path) -> Callable[[], Awaitable[bool]]:
    """A question: was the file touched since this was asked the last time?"""
    last = _touched_at(path)

    async def ask() -> bool:
        nonlocal last
        before, last = last, _touched_at(path)
        return last != before

    return ask


def _touched_at(path: Path) -> int:
    """In nanoseconds; 0 while there is no file."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
