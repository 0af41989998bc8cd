"""The Plaid stand-in on a real loopback port, and a person who walks through its bank picker."""

import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp

from paya_app.core.config import settings
from paya_app.local.vendors.plaid import create_plaid
from paya_app.providers import plaid as provider
from tests.support.database import Database
from tests.support.dwolla import free_socket, listening

FIRST_PLATYPUS = "ins_109508"


@dataclass(frozen=True, slots=True)
class ServedPlaid:
    """A running stand-in. `client` is a browser without cookies."""

    base_url: str
    client: httpx.AsyncClient
    database: Database

    async def ask(self, path: str, **body: Any) -> httpx.Response:
        """One call of the API with our keys."""
        the = settings()
        keys = {"client_id": the.plaid_client_id, "secret": the.plaid_secret.get_secret_value()}
        return await self.client.post(path, json=keys | body)

    async def fill(self, url: str, **form: str) -> httpx.Response:
        """Send one step of the picker; the answer that follows it, a redirect out of here not followed."""
        answer = await self.client.post(urlsplit(url).path, data=form)
        if answer.status_code == 303 and answer.headers["location"].startswith("/hl/"):
            return await self.client.get(answer.headers["location"])
        return answer

    async def walk(
        self,
        url: str,
        *,
        institution: str = FIRST_PLATYPUS,
        username: str = "user_good",
        password: str = "pass_good",  # noqa: S107 - a test value of the vendor's
        code: str = "1234",
        kind: str = "Checking",
    ) -> str:
        """Go through the picker to its end; where it leads."""
        page = await self.fill(url, institution=institution)
        page = await self.fill(url, username=username, password=password)
        if "sent you a code" in page.text:
            page = await self.fill(url, code=code)
        return await self.choose(url, page, kind=kind)

    async def choose(self, url: str, page: httpx.Response, *, kind: str = "Checking") -> str:
        """Choose an account on the last step; where the picker leads."""
        offered = dict(re.findall(r'name="account" value="([^"]+)">[^<]*<small>(\w+)', page.text))
        account = next(key for key, each in offered.items() if each == kind)
        return (await self.fill(url, account=account)).headers["location"]


@asynccontextmanager
async def serving(
    database: Database, *, wrap: Callable[[ASGIApp, str], ASGIApp] | None = None, **how: Any
) -> AsyncIterator[ServedPlaid]:
    """The stand-in on a free port, with the settings pointing at it.

    Args:
        database: where it keeps its books.
        wrap: makes the application that is served, from the stand-in's and its address.
        how: further arguments of `create_plaid`.
    """
    held = free_socket()
    base_url = f"http://127.0.0.1:{held.getsockname()[1]}"
    the = settings()
    how = {"retry_delays_s": (0.05, 0.1, 0.2, 0.4, 0.8, 1.6), **how}
    app = create_plaid(
        database.url("paya_vendors"),
        base_url=base_url,
        client_id=the.plaid_client_id,
        secret=the.plaid_secret.get_secret_value(),
        **how,
    )
    before = os.environ.get("PLAID_BASE_URL")
    os.environ["PLAID_BASE_URL"] = base_url
    settings.cache_clear()
    try:
        async with (
            listening(wrap(app, base_url) if wrap else app, held),
            httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=30) as client,
        ):
            yield ServedPlaid(base_url, client, database)
    finally:
        held.close()
        provider.close()
        if before is None:
            os.environ.pop("PLAID_BASE_URL", None)
        else:
            os.environ["PLAID_BASE_URL"] = before
        settings.cache_clear()
