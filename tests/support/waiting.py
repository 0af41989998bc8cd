"""Waiting for a condition instead of a time."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def until(condition: Callable[[], Any], *, patience_s: float = 10) -> Any:
    """What `condition` (plain or async) gives once it is true; fails when it stays false for `patience_s`."""
    async with asyncio.timeout(patience_s):
        while True:
            found = condition()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.005)
