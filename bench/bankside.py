"""The side of PaYa that deals with banks, for a measurement: database, stand-ins, worker and scheduler, no pages.

They run under the real supervisor, so what is killed comes back as it does in life; the vendor's webhooks are taken
by the real route, served by this process.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import uvicorn
from fastapi import FastAPI

from bench.cast import join
from paya_app import banking
from paya_app.banking.errors import BankUnreachable
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.errors import ServiceUnavailable
from paya_app.core.ids import new_id
from paya_app.local import postgres
from paya_app.local.chaos import Mischief, Mischiefs
from paya_app.server import embedded, supervisor

START_S_MAX = 120
LIMITS = ("load_first_week_cents", "load_week_cents", "load_single_cents")
ROUTING = "222222226"
_OUTSIDE = ("PAYA_", "DATABASE_", "SUPABASE_", "TWILIO_", "SNS_", "DWOLLA_", "PLAID_", "KRAKEN_", "PORT")
_LIFT = "insert into risk.limit_value (name, value_max, reason) values (%s, 1000000000, 'a measurement')"

Say = Callable[[str], None]


@dataclass
class BankSide:
    """What runs, and how to look inside."""

    home: Path
    pids: Callable[[], dict[str, int]]
    mischiefs: Mischiefs

    def superuser(self) -> psycopg.Connection[Any]:
        """A connection that may see everything, in autocommit."""
        return psycopg.connect(postgres.create(self.home).url("supabase_admin"), autocommit=True)

    def value(self, statement: str, *params: object) -> Any:
        """The first column of the first row, read past all rights."""
        with self.superuser() as connection:
            row = connection.execute(statement.encode(), params or None).fetchone()
        return row[0] if row else None

    async def dwolla(self, answers: str) -> None:
        """From now on the stand-in answers so (`down`, `well`, …)."""
        await self.mischiefs.set(Mischief("dwolla", answers))

    async def people_with_banks(self, count: int) -> list[tuple[Actor, UUID]]:
        """So many people, each with a confirmed bank, and without limits to meet."""
        with self.superuser() as connection:
            for name in LIMITS:
                connection.execute(_LIFT, (name,))
            actors = await join(connection, [f"person_{n:04}" for n in range(count)], cents=1)
        found: list[tuple[Actor, UUID]] = []

        async def link(actor: Actor, number: int) -> None:
            found.append((actor, await _link(actor, number)))

        await in_lanes(8, [partial(link, actor, number) for number, actor in enumerate(actors.values())])
        return found


async def _link(actor: Actor, number: int) -> UUID:
    source = await banking.add_source(
        actor,
        source_id=new_id(),
        holder_name="Ann Example",
        routing=ROUTING,
        account=f"70{number:08}",
        kind="checking",
    )
    deadline = time.monotonic() + START_S_MAX
    while True:
        try:
            # the deposits take as long as the banks' clock says; told before, they are not known yet
            return (await banking.confirm_source(actor, source.id, amounts=(3, 9))).id
        except BankUnreachable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


async def start_load(actor: Actor, source_id: UUID, cents: int) -> UUID:
    """Ask for a load, again and again until it is answered, as a page does; returns its id."""
    load_id = new_id()
    while True:
        try:
            await banking.start_load(actor, load_id=load_id, source_id=source_id, amount_cents=cents)
        except ServiceUnavailable:
            await asyncio.sleep(0.05)
        else:
            return load_id


async def in_lanes(lanes: int, works: list[Callable[[], Awaitable[object]]]) -> None:
    """Do all of these, `lanes` at a time, in order."""
    left = iter(works)

    async def lane() -> None:
        for work in left:
            await work()

    await asyncio.gather(*(lane() for _ in range(lanes)))


@asynccontextmanager
async def bankside(say: Say, **environment: str) -> AsyncIterator[BankSide]:
    """A running one in a temporary home, with this process's settings pointing at it; ended and removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="paya-banks-"))
    await asyncio.to_thread(home.chmod, 0o755)  # a server that runs as another account has to reach it
    for name in [name for name in os.environ if name.startswith(_OUTSIDE)]:
        del os.environ[name]
    os.environ |= {"PAYA_DEMO": "0"} | environment
    held = socket.socket(proto=socket.IPPROTO_TCP)  # or each answer would wait 40 ms, with Nagle on
    held.bind(("127.0.0.1", 0))
    port = held.getsockname()[1]
    # in life it waits longer the more often something dies; here dying is the point
    supervisor.RESTART_WAIT_S = (0,)
    owner = embedded.compose(home, "127.0.0.1", port, say, bundle=home)
    owner.programs = [program for program in owner.programs if program.name != "app"]
    ports = json.loads((home / "ports.json").read_text())
    os.environ |= embedded.settings_for(postgres.create(home), home, "127.0.0.1", port, ports)
    settings.cache_clear()
    ready = asyncio.Event()
    hooks = asyncio.create_task(_hooks(held))
    running = asyncio.create_task(owner.run(ready.set))
    mischiefs = Mischiefs(settings().paya_local_vendors_database_url)
    try:
        started = asyncio.create_task(ready.wait())
        await asyncio.wait({running, started}, timeout=START_S_MAX, return_when=asyncio.FIRST_COMPLETED)
        if not ready.is_set():
            raise RuntimeError(f"it did not start; its logs were in {home / 'logs'}")
        yield BankSide(home, lambda: {program.name: program.pid for program in owner.programs}, mischiefs)
    finally:
        await mischiefs.aclose()
        await db.dispose()
        owner.stopping.set()
        await asyncio.gather(running, return_exceptions=True)
        hooks.cancel()
        await asyncio.gather(hooks, return_exceptions=True)
        shutil.rmtree(home, ignore_errors=True)


async def _hooks(held: socket.socket) -> None:
    from paya_app.api.inbound import dwolla
    from paya_app.api.problems import add_problem_handlers

    api = FastAPI()
    add_problem_handlers(api)
    api.include_router(dwolla.router)
    server = uvicorn.Server(uvicorn.Config(api, log_config=None, access_log=False, lifespan="off"))
    handlers = {sign: signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        await server._serve([held])  # noqa: SLF001 - `serve` would take this process's signals
    finally:
        for sign, handler in handlers.items():
            signal.signal(sign, handler)
