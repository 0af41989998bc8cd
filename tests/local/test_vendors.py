"""One process serves every stand-in on its own port, and ends when told to."""

import asyncio

import httpx
import pytest

from paya_app.core.config import settings
from paya_app.local.vendors.serve import serve
from tests.support.dwolla import free_socket, until


@pytest.fixture
def ports(database, monkeypatch):
    held = {vendor: free_socket() for vendor in ("TWILIO", "DWOLLA", "PLAID", "KRAKEN")}
    numbers = {vendor: sock.getsockname()[1] for vendor, sock in held.items()}
    for vendor, sock in held.items():
        monkeypatch.setenv(f"PAYA_LOCAL_{vendor}_PORT", str(numbers[vendor]))
        sock.close()
    settings.cache_clear()
    return numbers


async def status(url: str) -> int:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        try:
            return (await client.get(url)).status_code
        except httpx.ConnectError:
            return 0


async def test_each_stand_in_has_its_own_port(ports):
    stop = asyncio.Event()
    running = asyncio.create_task(serve(stop))
    urls = [f"http://127.0.0.1:{port}/" for port in ports.values()]
    for url in urls:
        assert await until(lambda url=url: status(url)) in (401, 404)
    stop.set()
    await asyncio.wait_for(running, 15)
    for url in urls:
        assert await status(url) == 0
