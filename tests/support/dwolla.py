"""The Dwolla stand-in on a real loopback port, and what a test may do with it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from paya_app.core.config import settings
from paya_app.local.vendors.dwolla import create_dwolla
from paya_app.providers import dwolla as provider
from tests.support.database import Database

HAL = "application/vnd.dwolla.v1.hal+json"


@dataclass(frozen=True, slots=True)
class ServedDwolla:
    """A running stand-in. `client` has a valid token; amounts are US cents."""

    base_url: str
    client: httpx.AsyncClient
    database: Database

    async def simulate(self) -> int:
        """Let the banks process what is pending once, and return how many things moved."""
        answer = await self.client.post("/sandbox-simulations")
        answer.raise_for_status()
        return answer.json()["total"]

    async def rename(self, source_id: str, name: str) -> None:
        """Give a funding source another name: `R01` and the like make its transfers fail."""
        answer = await self.client.post(f"/funding-sources/{source_id}", json={"name": name})
        answer.raise_for_status()

    async def balance_cents(self, routing: str, account: str) -> int:
        """What a bank account holds by the bank's books."""
        statement = "select balance_cents from vendor_dwolla.bank_account where routing = %s and number = %s"
        return await self.database.value(statement, (routing, account))

    async def reserve_cents(self) -> int:
        """What our bank account holds by the bank's books."""
        return await self.database.value(
            "select b.balance_cents from vendor_dwolla.bank_account b join vendor_dwolla.funding_source s"
            " on (s.routing, s.number) = (b.routing, b.number) where s.id = %s::uuid",
            (settings().dwolla_reserve_source,),
        )

    async def transfer_count(self) -> int:
        """How many transfers out of customers' banks were ever made."""
        return await self.database.value("select count(*) from vendor_dwolla.transfer where leg = 'debit'")

    async def payout_count(self) -> int:
        """How many transfers into customers' banks were ever made."""
        return await self.database.value("select count(*) from vendor_dwolla.transfer where leg = 'payout'")


class _Server(uvicorn.Server):
    """A server that leaves the process's signal handlers alone."""

    def capture_signals(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()


@asynccontextmanager
async def listening(app: ASGIApp, held: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI application on a bound socket while the block runs."""
    server = _Server(uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=2))
    running = asyncio.create_task(server.serve(sockets=[held]))
    while not server.started:
        if running.done():
            await running
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await running


def free_socket() -> socket.socket:
    """A socket bound to a free loopback port; asyncio sends small answers at once only where it says that it is TCP."""
    held = socket.socket(proto=socket.IPPROTO_TCP)  # without: 40 ms for each
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


@asynccontextmanager
async def serving(
    database: Database, *, wrap: Callable[[ASGIApp, str], ASGIApp] | None = None, **how: Any
) -> AsyncIterator[ServedDwolla]:
    """The stand-in on a free port, with the settings pointing at it; nothing moves until `simulate()`.

    Args:
        database: where it keeps its books.
        wrap: makes the application that is served, from the stand-in's and its address.
        how: further arguments of `create_dwolla`.
    """
    held = free_socket()
    base_url = f"http://127.0.0.1:{held.getsockname()[1]}"
    the = settings()
    how = {"ach_s": 0, "retry_delays_s": (0.05, 0.1, 0.2, 0.4, 0.8, 1.6), **how}
    app = create_dwolla(
        database.url("paya_vendors"),
        base_url=base_url,
        key=the.dwolla_key,
        secret=the.dwolla_secret.get_secret_value(),
        reserve_source_id=the.dwolla_reserve_source,
        **how,
    )
    before = os.environ.get("DWOLLA_BASE_URL")
    os.environ["DWOLLA_BASE_URL"] = base_url
    settings.cache_clear()
    try:
        async with (
            listening(wrap(app, base_url) if wrap else app, held),
            httpx.AsyncClient(base_url=base_url, headers={"Accept": HAL}, trust_env=False, timeout=30) as client,
        ):
            client.headers["Authorization"] = f"Bearer {await token(client)}"
            yield ServedDwolla(base_url, client, database)
    finally:
        held.close()
        provider.close()
        if before is None:
            os.environ.pop("DWOLLA_BASE_URL", None)
        else:
            os.environ["DWOLLA_BASE_URL"] = before
        settings.cache_clear()


async def token(client: httpx.AsyncClient) -> str:
    """A fresh access token."""
    the = settings()
    answer = await client.post(
        "/token",
        data={"grant_type": "client_credentials"},
        auth=(the.dwolla_key, the.dwolla_secret.get_secret_value()),
    )
    answer.raise_for_status()
    return answer.json()["access_token"]


async def until(condition: Callable[[], Any], *, within_s: float = 10.0) -> Any:
    """Wait until `condition()` (sync or async) gives something true, and return it.

    Raises:
        AssertionError: it did not within `within_s` seconds; says what it gave last.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        given = condition()
        if asyncio.iscoroutine(given):
            given = await given
        if given:
            return given
        if loop.time() > deadline:
            raise AssertionError(f"still {given!r} after {within_s} s")
        await asyncio.sleep(0.02)
