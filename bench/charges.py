"""`paya bench charges`: charges authorized over HTTP, beside a FastAPI route that reads JSON and does one INSERT.

One machine, one Postgres, one process each; 16 connections that ask one request after another, in turns of the two and
of replays, so that whatever else the machine does falls on all alike. The ratios are of the medians of the rounds.
"""

import asyncio
import json
import socket
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import typer

from bench import yardstick
from bench.api import processor_s, spent_by
from bench.cast import join
from bench.http_load import Load, drive, post
from bench.running import Running, children_of, running
from paya_app import developers
from paya_app.core.ids import new_id
from paya_app.local import postgres

CALLERS, ROUNDS, EACH = 16, 5, 2000
QUICK_ROUNDS, QUICK_EACH = 1, 40
START_S_MAX = 30
BODY = json.dumps({"card": "4242424242424242", "amount_minor": 1250, "currency": "USD"}).encode()
# authorizing against the yardstick, replaying against authorizing, processor of app and database for each charge
BARS = {"authorize_to_yardstick": 0.8, "replay_to_authorize": 2.0}
PROCESSOR_US_MAX = 900

Say = Callable[[str], None]


def main(*, quick: bool, as_json_only: bool) -> int:
    """Measure, print, and return the exit code: 0 when every bar is held, or when it was quick."""
    say: Say = (lambda _: None) if as_json_only else (lambda line: typer.echo(line, err=True))
    figures = asyncio.run(measure(QUICK_ROUNDS if quick else ROUNDS, QUICK_EACH if quick else EACH, say))
    typer.echo(json.dumps(figures, indent=2))
    return 0 if quick or all(figures["held"].values()) else 1


async def measure(rounds: int, each: int, say: Say) -> dict[str, Any]:
    """The figures of so many rounds of `each` requests of every kind."""
    async with running() as paya:
        secret = await _key_without_rate(paya)
        async with _yardstick(paya) as (port, process):
            kinds = _kinds(paya, secret, port)
            found: dict[str, list[tuple[Load, float, float]]] = {name: [] for name in kinds}
            for turn in range(rounds + 1):
                for name, (at, request) in kinds.items():
                    count = each if turn else each // 10 + 1  # the first turn warms up
                    before, own_before = spent_by(paya), processor_s([process.pid, *children_of(process.pid)])
                    load = await drive(at, request, callers=CALLERS, count=count)
                    after, own = spent_by(paya), processor_s([process.pid, *children_of(process.pid)]) - own_before
                    app_s = own if name == "yardstick" else after[0] - before[0]
                    if turn:
                        found[name].append((load, app_s / count * 1e6, (after[1] - before[1]) / count * 1e6))
                say(f"round {turn} of {rounds}")
    return _figures(found, each)


def _kinds(paya: Running, secret: str, yardstick_port: int) -> dict[str, tuple[int, Callable[[int], bytes]]]:
    """Where each kind of request goes, and the n-th of it."""
    run, authorization = uuid4().hex, f"Bearer {secret}"

    def authorize(_: int) -> bytes:
        return post("/v1/charges", BODY, authorization=authorization, idempotency_key=uuid4().hex)

    def replay(number: int) -> bytes:
        return post("/v1/charges", BODY, authorization=authorization, idempotency_key=f"{run}-{number % 50}")

    return {
        "yardstick": (yardstick_port, lambda _: post("/orders", BODY)),
        "authorize": (paya.port, authorize),
        "replay": (paya.port, replay),
    }


def _figures(found: dict[str, list[tuple[Load, float, float]]], each: int) -> dict[str, Any]:
    per_s = {name: statistics.median(load.per_s for load, _, _ in loads) for name, loads in found.items()}
    figures: dict[str, Any] = {"callers": CALLERS, "requests_each": each * len(found["authorize"])}
    for name, loads in found.items():
        figures[name] = {
            "per_s": round(per_s[name]),
            "ms_p50": statistics.median(load.ms_at(50) for load, _, _ in loads),
            "ms_p95": statistics.median(load.ms_at(95) for load, _, _ in loads),
            "app_processor_us": round(statistics.median(app for _, app, _ in loads)),
            "database_processor_us": round(statistics.median(database for _, _, database in loads)),
            "statuses": {
                status: sum(load.statuses.get(status, 0) for load, _, _ in loads) for status in (200, 201, 409)
            },
        }
    figures["authorize_to_yardstick"] = round(per_s["authorize"] / per_s["yardstick"], 2)
    figures["replay_to_authorize"] = round(per_s["replay"] / per_s["authorize"], 2)
    spent_us = figures["authorize"]["app_processor_us"] + figures["authorize"]["database_processor_us"]
    figures["held"] = {name: figures[name] >= bar for name, bar in BARS.items()}
    figures["held"]["processor_us"] = spent_us <= PROCESSOR_US_MAX
    return figures


async def _key_without_rate(paya: Running) -> str:
    with paya.superuser() as superuser:
        (actor,) = (await join(superuser, ["developer"], cents=100)).values()
        made = await developers.create_key(
            actor, key_id=new_id(), mode="test", name="A measurement", scopes=developers.SCOPES
        )
        superuser.execute("update developers.api_key set rate_per_minute = null where id = %s", (made.key.id,))
    if made.secret is None:
        raise RuntimeError("a key of this id was there before")
    return made.secret


@asynccontextmanager
async def _yardstick(paya: Running) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with paya.superuser() as superuser:
        superuser.execute(yardstick.TABLE)
    url = postgres.create(paya.home).url("supabase_admin")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.yardstick", str(port), url),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _until(lambda: drive(port, lambda _: post("/orders", BODY), callers=1, count=1))
        yield port, process
    finally:
        process.terminate()
        await process.wait()


async def _until(work: Callable[[], Awaitable[Any]]) -> None:
    """Return when it succeeds.

    Raises:
        TimeoutError: it did not within `START_S_MAX`.
    """
    async with asyncio.timeout(START_S_MAX):
        while True:
            try:
                await work()
            except (OSError, ExceptionGroup, asyncio.IncompleteReadError):
                await asyncio.sleep(0.1)
            else:
                return
