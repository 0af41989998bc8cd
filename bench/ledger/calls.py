"""Payments from Python: one by one, and through the batcher, at several numbers of callers."""

import asyncio
import math
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.ledger.server import Server
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

CALLERS = (1, 16, 32, 256)


@dataclass(frozen=True, slots=True)
class Calls:
    """One round: payments per second, and how long one took, in milliseconds."""

    rate: float
    p50_ms: float
    p99_ms: float


@contextmanager
def application(server: Server) -> "Iterator[None]":
    """This process as an application of the server."""
    chosen = {
        "PAYA_MODE": "embedded",
        "PAYA_ENV": "test",
        "PAYA_DEMO": "0",
        "DATABASE_URL": server.url("paya_app"),
        "DATABASE_DIRECT_URL": server.url("paya_app"),
        "PAYA_WORKER_DATABASE_URL": server.url("paya_worker"),
    }
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    settings.cache_clear()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        settings.cache_clear()


async def measure(server: Server, *, callers: int, is_batched: bool, seconds: float) -> Calls:
    """Let `callers` people pay one after the other each, for `seconds`."""
    from paya_app.wallet import batcher

    queue = batcher.Batcher()
    # more calls than connections would wait for one in the pool, and be refused after 2 s
    places = asyncio.Semaphore(db.POOL_CONNECTIONS_MAX)
    taken: list[float] = []
    half = server.people // 2
    end = time.perf_counter() + seconds

    async def pay(number: int) -> None:
        actor = Actor.user({"sub": str(_person(number)), "aud": "authenticated"})
        asked = 0
        while (began := time.perf_counter()) < end:
            asked += 1
            order = batcher.Order(
                sender=_person(number),
                claims=actor.claims_json,
                payment_id=new_id(),
                to=f"u{half + 1 + (number * 7919 + asked * 104_729) % half:08}",
                amount_cents=1,
                note="for lunch",
                audience="public",
            )
            if is_batched:
                await queue.send(order)
            else:
                async with places:
                    await batcher.send_one(order)
            taken.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*[pay(number) for number in range(1, callers + 1)])
    lasted = time.perf_counter() - began
    taken.sort()
    return Calls(len(taken) / lasted, _percentile_ms(taken, 50), _percentile_ms(taken, 99))


def _person(number: int) -> "UUID":
    from uuid import UUID

    return UUID(f"00000000-0000-7000-8000-{number:012}")


def _percentile_ms(ordered: list[float], percent: int) -> float:
    return round(ordered[math.ceil(len(ordered) * percent / 100) - 1] * 1000, 2)
