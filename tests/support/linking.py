"""A whole way to a bank for tests: both vendors' stand-ins, our webhook route, and a worker in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from paya_app import banking
from paya_app.api.inbound import plaid as inbound
from paya_app.api.problems import add_problem_handlers
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.ids import new_id
from tests.support.bank import Bank, opened
from tests.support.database import Database
from tests.support.dwolla import free_socket, listening
from tests.support.plaid import ServedPlaid, serving


@dataclass
class Linking:
    """Running stand-ins, and what a test does with them."""

    plaid: ServedPlaid
    bank: Bank
    database: Database
    hooks_url: str

    async def work(self) -> None:
        """Do every job that is due now, and what those make due."""
        await self.bank.work()

    async def visit(self, actor: Actor, link_id: UUID | None = None, **how: Any) -> UUID:
        """Go to the picker and through it; back at our page, nothing asked for yet."""
        link_id = link_id or new_id()
        await self.plaid.walk(await banking.start_link(actor, link_id=link_id), **how)
        return link_id

    async def returned(self, actor: Actor, link_id: UUID) -> banking.Link:
        """The link once its person came back and the jobs are done."""
        await banking.link(actor, link_id, has_returned=True)
        await self.work()
        return await banking.link(actor, link_id)

    async def linked(self, actor: Actor, **how: Any) -> banking.Source:
        """A bank linked by signing in."""
        found = await self.returned(actor, await self.visit(actor, **how))
        assert found.state == "linked", found
        assert found.source is not None
        return found.source

    async def value(self, statement: str, *params: Any) -> Any:
        """The first column of the first row, or None."""
        return await self.database.value(statement, params)


@asynccontextmanager
async def linking_opened(database: Database, monkeypatch: pytest.MonkeyPatch, **how: Any) -> AsyncIterator[Linking]:
    """Everything on loopback ports; `how` goes to the Plaid stand-in."""
    api = FastAPI()
    add_problem_handlers(api)
    api.include_router(inbound.router)
    held = free_socket()
    url = f"http://127.0.0.1:{held.getsockname()[1]}"
    monkeypatch.setenv("PAYA_PUBLIC_URL", url)
    settings.cache_clear()
    the = settings()
    async with serving(database, **how) as plaid, listening(api, held):
        keys = (plaid.base_url, the.plaid_client_id, the.plaid_secret.get_secret_value())
        async with opened(database, plaid=keys) as bank:
            yield Linking(plaid, bank, database, f"{url}/hooks/plaid")
    held.close()
