"""One run: workers, nemesis and snapshots together for a while, then the judgement."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from itertools import islice
from typing import Any

import psycopg

from bench.bank import plan
from bench.bank.checks import Snapshots, judge
from bench.bank.client import Deadline
from bench.bank.figures import figures
from bench.bank.history import History, Violation
from bench.bank.nemesis import Nemesis
from bench.bank.proxy import Proxy
from bench.bank.scenario import Scenario
from bench.bank.server import Server
from bench.bank.workers import Workers

RESOLVE_S_MAX = 60
LIMIT_EVERY_S = 0.25
_RAISE_LIMIT = (
    "insert into risk.limit_value (name, value_max, reason) values ('send_hour_count', %s, 'the bank checker')"
)


async def run(server: Server, scenario: Scenario, say: Callable[[str], None] = lambda _line: None) -> dict[str, Any]:
    """Run a scenario in a database of its own and return the figures; `say` hears one line a second."""
    database = server.new_database()
    if scenario.damage:
        server.execute(database, scenario.damage)
    proxy = Proxy(lambda: server.port)
    await proxy.start()
    history, deadline, stopping = History(), Deadline(), asyncio.Event()

    def on_violation(violation: Violation) -> None:
        say(f"VIOLATION  {violation.kind}: {violation.detail}")
        if scenario.is_over_at_violation:
            stopping.set()

    history.on_violation = on_violation
    claims = {handle: server.claims[handle] for handle in sorted(server.claims)[: scenario.wallets]}
    address = server.address("paya_app", database, port=proxy.port)
    workers = Workers(address, claims, history, scenario.habits, deadline, scenario.seed, stopping)
    faults = plan.faults(scenario.seed, scenario.faults, gap_s=scenario.gap_s)
    if scenario.rounds is not None:
        faults = islice(faults, scenario.rounds * len(scenario.faults))
    nemesis = Nemesis(server, proxy, database, faults)
    snapshots = Snapshots(server, database, history)
    began, watching = time.monotonic(), asyncio.Event()
    try:
        async with asyncio.TaskGroup() as everything:
            asking = [everything.create_task(work) for work in _crew(workers, scenario)]
            raging = everything.create_task(nemesis.rage(stopping))
            watcher = everything.create_task(snapshots.watch(watching))
            if scenario.limit_step:
                everything.create_task(_raise_limit(server, database, scenario.limit_step, stopping))
            telling = everything.create_task(_tell(say, began, history, nemesis))
            if scenario.rounds is not None:
                raging.add_done_callback(lambda _: stopping.set())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), scenario.seconds)
            stopping.set()
            deadline.set_in(RESOLVE_S_MAX)
            await asyncio.gather(raging, *asking)
            watching.set()
            await watcher
            telling.cancel()
        async with await server.connect(database) as connection:
            await snapshots.take(connection)
            await judge(connection, history)
    finally:
        await proxy.stop()
        with contextlib.suppress(psycopg.OperationalError):  # a run that was broken off may leave the server down
            server.drop_database(database)
    took_s = time.monotonic() - began
    return figures(scenario, history, nemesis=nemesis, snapshots_taken=snapshots.taken, took_s=took_s) | {
        "acks_swallowed": proxy.acks_swallowed
    }


def _crew(workers: Workers, scenario: Scenario) -> list[Coroutine[Any, Any, None]]:
    return [
        *(workers.pay(f"payer {n}") for n in range(scenario.payers)),
        *(workers.pay_many(f"batcher {n}") for n in range(scenario.batchers)),
        *(workers.hold(f"holder {n}") for n in range(scenario.holders)),
    ]


async def _raise_limit(server: Server, database: str, step: int, stopping: asyncio.Event) -> None:
    """Let everybody send `step` payments more, again and again. Only for scenarios without crashes."""
    async with await server.connect(database) as connection:
        limit = 0
        while not stopping.is_set():
            limit += step
            await connection.execute(_RAISE_LIMIT, (limit,))
            await asyncio.sleep(LIMIT_EVERY_S)


async def _tell(say: Callable[[str], None], began: float, history: History, nemesis: Nemesis) -> None:
    while True:
        await asyncio.sleep(1)
        refused = sum(count for name, count in history.counts.items() if name.startswith("refused_"))
        say(
            f"{time.monotonic() - began:5.0f} s  {len(history.acknowledged):7,} acknowledged  {refused:6,} refused  "
            f"{history.counts['unknown']:5,} unknown  {nemesis.done.total():3} faults (last: {nemesis.last})  "
            f"{history.violations.total()} violations"
        )
