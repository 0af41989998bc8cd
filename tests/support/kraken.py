"""The Kraken stand-in on a real loopback port, and what a test may do with it."""

import base64
import hashlib
import hmac
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
from starlette.types import ASGIApp

from paya_app.core.config import settings
from paya_app.local.vendors.kraken import create_kraken
from paya_app.providers import exchange
from tests.support.database import Database
from tests.support.dwolla import free_socket, listening


@dataclass(frozen=True, slots=True)
class ServedKraken:
    """A running stand-in. `client` signs nothing by itself."""

    base_url: str
    client: httpx.AsyncClient
    database: Database

    async def pull(self, lever: str, **form: Any) -> Any:
        """One of the levers under `/local/`."""
        headers = {"API-Key": settings().kraken_key}
        answer = (await self.client.post(f"/local/{lever}", data=form, headers=headers)).json()
        assert answer["error"] == [], answer
        return answer["result"]

    async def ask(self, verb: str, *, nonce: int | None = None, secret: str = "", **form: Any) -> dict[str, Any]:
        """A signed call as anybody could write it, and its whole answer."""
        body = urlencode({"nonce": nonce if nonce is not None else time.time_ns() // 1000, **form})
        path = f"/0/private/{verb}"
        headers = {
            "API-Key": settings().kraken_key,
            "API-Sign": signature(path, body, secret or settings().kraken_secret.get_secret_value()),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return (await self.client.post(path, content=body, headers=headers)).json()

    async def advance(self, **span: float) -> None:
        """The market's clock stands so far ahead."""
        await self.pull("switches", clock_s=timedelta(**span).total_seconds())

    async def order_count(self) -> int:
        """How many orders were ever made."""
        return await self.database.value("select count(*) from vendor_kraken.client_order")

    async def held(self) -> dict[str, int]:
        """What the account holds: micros of ZUSD, sats of XXBT."""
        return dict(await self.database.rows("select asset, units from vendor_kraken.balance"))


def signature(path: str, body: str, secret: str) -> str:
    """Kraken's `API-Sign`."""
    nonce = body.split("&", 1)[0].removeprefix("nonce=")
    message = path.encode() + hashlib.sha256((nonce + body).encode()).digest()
    return base64.b64encode(hmac.new(base64.b64decode(secret), message, hashlib.sha512).digest()).decode()


@asynccontextmanager
async def serving(
    database: Database, *, wrap: Callable[[ASGIApp, str], ASGIApp] | None = None, **how: Any
) -> AsyncIterator[ServedKraken]:
    """The stand-in on a free port, with the settings pointing at it; withdrawals wait for a test.

    Args:
        database: where it keeps its books.
        wrap: makes the application that is served, from the stand-in's and its address.
        how: further arguments of `create_kraken`.
    """
    held = free_socket()
    base_url = f"http://127.0.0.1:{held.getsockname()[1]}"
    the = settings()
    how = {"withdraw_s": 0, **how}
    app = create_kraken(
        database.url("paya_vendors"), key=the.kraken_key, secret=the.kraken_secret.get_secret_value(), **how
    )
    before = os.environ.get("KRAKEN_BASE_URL")
    os.environ["KRAKEN_BASE_URL"] = base_url
    settings.cache_clear()
    try:
        async with (
            listening(wrap(app, base_url) if wrap else app, held),
            httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=30) as client,
        ):
            yield ServedKraken(base_url, client, database)
            exchange.close()
    finally:
        held.close()
        exchange.close()
        if before is None:
            os.environ.pop("KRAKEN_BASE_URL", None)
        else:
            os.environ["KRAKEN_BASE_URL"] = before
        settings.cache_clear()
