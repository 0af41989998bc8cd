"""`paya bench bank`: how long the server takes to take a load or a redemption in: checked, held, queued, committed.

One private server, everything durable; the verbs are those that the pages call. What the vendor does comes later, in
a job, and is not counted.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import typer

from bench.cast import join
from paya_app import banking
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.ids import new_id
from paya_app.local import postgres
from paya_app.local.postgres.preparation import prepare

PEOPLE, EACH, AT_ONCE = 50, 20, 4
CENTS = 100
P95_MS_MAX = 100.0
_LIFT = "insert into risk.limit_value (name, value_max, reason) values (%s, 1000000000, 'a measurement')"
_LIMITS = ("load_first_week_cents", "load_week_cents", "redeem_week_cents")
_LINK = """
with known as (insert into banking.customer (person, vendor_id) values (%(person)s, %(vendor)s))
insert into banking.source (id, person, vendor_id, kind, last4, bank_name, state, created_at)
values (%(id)s, %(person)s, %(vendor)s, 'checking', '7890', 'A Bank', 'verified', now())"""

Start = Callable[[Actor, UUID], Awaitable[object]]


def main(*, as_json_only: bool) -> int:
    """Measure, print, and return the exit code: 0 when the bar is held."""
    with tempfile.TemporaryDirectory(prefix="paya-enqueue-") as home:
        cluster = postgres.ensure(Path(home))
        try:
            prepare(cluster, "postgres", clock=False)
            os.environ |= {"DATABASE_URL": cluster.url("paya_app")}
            settings.cache_clear()
            with psycopg.connect(cluster.url("supabase_admin"), autocommit=True) as superuser:
                figures = asyncio.run(measure(superuser))
        finally:
            cluster.stop()
    typer.echo(json.dumps(figures, indent=2) if as_json_only else _sentence(figures))
    return 0 if figures["held"] else 1


async def measure(superuser: psycopg.Connection[Any]) -> dict[str, Any]:
    """Milliseconds of each start, by kind."""
    try:
        await banking.use_environment()
        for name in _LIMITS:
            superuser.execute(_LIFT, (name,))
        actors = await join(superuser, [f"person_{n:04}" for n in range(PEOPLE)], cents=CENTS * EACH)
        banks = [(actor, _link(superuser, actor)) for actor in actors.values()]
        kinds = {"load": await _times(_load, banks), "redemption": await _times(_redeem, banks)}
    finally:
        await db.dispose()
    figures = {f"{kind}_ms_p{share}": _share(times, share) for kind, times in kinds.items() for share in (50, 95)}
    worst = max(figures["load_ms_p95"], figures["redemption_ms_p95"])
    return {"of_each": PEOPLE * EACH, "at_once": AT_ONCE, **figures, "bar_ms": P95_MS_MAX, "held": worst <= P95_MS_MAX}


def _link(superuser: psycopg.Connection[Any], actor: Actor) -> UUID:
    source_id = uuid4()
    superuser.execute(_LINK, {"id": source_id, "person": actor.user_id, "vendor": str(source_id)})
    return source_id


async def _load(actor: Actor, source_id: UUID) -> object:
    return await banking.start_load(actor, load_id=new_id(), source_id=source_id, amount_cents=CENTS)


async def _redeem(actor: Actor, source_id: UUID) -> object:
    return await banking.start_redemption(actor, redemption_id=new_id(), source_id=source_id, amount_cents=CENTS)


async def _times(start: Start, banks: list[tuple[Actor, UUID]]) -> list[float]:
    left = iter(banks * EACH)
    times: list[float] = []

    async def lane() -> None:
        for actor, source_id in left:
            began = time.perf_counter()
            await start(actor, source_id)
            times.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
    return sorted(times)


def _share(times: list[float], share: int) -> float:
    return round(times[min(len(times) - 1, len(times) * share // 100)], 1)


def _sentence(figures: dict[str, Any]) -> str:
    held = "held" if figures["held"] else "MISSED"
    return (
        f"{figures['of_each']} of each, {figures['at_once']} at once. Load taken in: p50 {figures['load_ms_p50']} ms,"
        f" p95 {figures['load_ms_p95']} ms. Redemption: p50 {figures['redemption_ms_p50']} ms,"
        f" p95 {figures['redemption_ms_p95']} ms. Bar: p95 {figures['bar_ms']:.0f} ms, {held}."
    )
