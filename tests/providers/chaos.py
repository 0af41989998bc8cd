"""Dwolla behind the chaos page's middleware, with waits as short as a test can bear."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import dwollav2  # noqa: F401 - heavy: loaded before anything is timed

from paya_app.local.chaos import Chaos, Mischief, Mischiefs
from paya_app.providers.dwolla import connection
from tests.support.bank import Bank, opened
from tests.support.database import Database

SLOW_S = 0.6


@dataclass
class Spoiled:
    """A bank, and what its vendor does wrong."""

    bank: Bank
    mischiefs: Mischiefs

    async def answers(self, how: str) -> None:
        """From now on the vendor answers so."""
        await self.mischiefs.set(Mischief("dwolla", how))


@asynccontextmanager
async def spoiled(database: Database, *, subscribed: bool = False) -> AsyncIterator[Spoiled]:
    """A bank whose vendor may be told to do wrong."""
    url = database.url("paya_vendors")
    before, connection.TIMEOUT_S = connection.TIMEOUT_S, (0.3, 0.3)
    mischiefs = Mischiefs(url)
    try:
        async with opened(
            database, subscribed=subscribed, wrap=lambda app, _: Chaos(app, "dwolla", url, slow_s=SLOW_S)
        ) as bank:
            yield Spoiled(bank, mischiefs)
    finally:
        connection.TIMEOUT_S = before
        await mischiefs.aclose()
