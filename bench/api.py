"""`paya bench api`: plans made over HTTP by sixteen programs at once, each of another person.

A whole PaYa of its own. What counts is the server's own time (`Server-Timing`); the callers share the machine with it.
Beside it: reading one of the plans over the same connections, the processor that app and database needed for each, and
how many transactions.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import typer

from bench.cast import join
from bench.running import Running, children_of, running
from bench.tokens import access_tokens

CALLERS, EACH, WARM = 16, 60, 5
P95_MS_MAX = 50.0
LIFT = "insert into risk.limit_value (name, value_max, reason) values ('plans_count', 1000000, 'a measurement')"
PATH = "/v1/savings-plans"
A_PLAN = {
    "name": "Fridays",
    "amount_cents": 1500,
    "frequency": "weekly",
    "weekdays": [5],
    "zone": "Asia/Kathmandu",
    "minute_of_day": 540,
}

Call = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


def main(*, as_json_only: bool) -> int:
    """Measure, print, and return the exit code: 0 when the bar is held."""
    figures = asyncio.run(measure())
    typer.echo(json.dumps(figures, indent=2) if as_json_only else _sentence(figures))
    return 0 if figures["held"] else 1


async def measure() -> dict[str, Any]:
    """Milliseconds in the server of making a plan and of reading one."""
    async with running() as paya:
        with paya.superuser() as superuser:
            superuser.execute(LIFT)
            actors = await join(superuser, [f"program_{n:02}" for n in range(CALLERS)], cents=100)
            tokens = access_tokens(superuser, actors)
        clients = [
            httpx.AsyncClient(base_url=paya.url, headers={"authorization": f"Bearer {token}"}, trust_env=False)
            for token in tokens.values()
        ]
        try:
            await _times(paya, clients, _make, WARM)
            made = await _times(paya, clients, _make, EACH)
            read = await _times(paya, clients, _read, EACH)
        finally:
            for client in clients:
                await client.aclose()
    figures = {f"create_{name}": value for name, value in made.items()}
    figures |= {f"read_{name}": value for name, value in read.items()}
    return {
        "callers": CALLERS,
        "plans": CALLERS * EACH,
        **figures,
        "create_to_read": round(made["ms_p50"] / read["ms_p50"], 2),
        "bar_ms": P95_MS_MAX,
        "held": made["ms_p95"] <= P95_MS_MAX,
    }


async def _make(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(PATH, json=A_PLAN, headers={"idempotency-key": str(uuid4())})


async def _read(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get(f"{PATH}/{client.headers['x-plan']}")


async def _times(paya: Running, clients: list[httpx.AsyncClient], call: Call, each: int) -> dict[str, float]:
    """Of every client calling so often, one call after another, all clients at once."""
    times: list[float] = []

    async def lane(client: httpx.AsyncClient) -> None:
        for _ in range(each):
            answer = (await call(client)).raise_for_status()
            client.headers["x-plan"] = answer.json()["id"]
            times.append(float(answer.headers["server-timing"].partition("dur=")[2]))

    before = spent_by(paya)
    await asyncio.gather(*(lane(client) for client in clients))
    spent = [(after - then) / len(times) for after, then in zip(spent_by(paya), before, strict=True)]
    times.sort()
    return {
        "ms_p50": _share(times, 50),
        "ms_p95": _share(times, 95),
        "app_processor_ms": round(spent[0] * 1000, 2),
        "database_processor_ms": round(spent[1] * 1000, 2),
        "transactions": round(spent[2], 1),
    }


def spent_by(paya: Running) -> tuple[float, float, int]:
    """Processor seconds of the app and of the database until now, and transactions."""
    programs = paya.programs()
    app, database = programs["app"], programs["postgres"]
    with paya.superuser() as superuser:
        row = superuser.execute("select sum(xact_commit)::bigint from pg_stat_database").fetchone()
    return (
        processor_s([app, *children_of(app)]),
        processor_s([database, *children_of(database)]),
        row[0] if row else 0,
    )


def processor_s(pids: list[int]) -> float:
    """Seconds of processor that these processes have used so far."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended meanwhile
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _share(times: list[float], share: int) -> float:
    return round(times[min(len(times) - 1, len(times) * share // 100)], 1)


def _sentence(figures: dict[str, Any]) -> str:
    held = "held" if figures["held"] else "MISSED"
    return (
        f"{figures['plans']} plans by {figures['callers']} programs at once, in the server: p50"
        f" {figures['create_ms_p50']} ms, p95 {figures['create_ms_p95']} ms (bar {figures['bar_ms']:.0f} ms, {held});"
        f" {figures['create_to_read']} times reading one. Processor for each: app"
        f" {figures['create_app_processor_ms']} ms, database {figures['create_database_processor_ms']} ms;"
        f" {figures['create_transactions']} transactions."
    )
