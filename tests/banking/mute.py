"""A vendor that does what it is asked, and whose answers are lost: nobody knows whether it happened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support.bank import Bank, opened
from tests.support.database import Database


@dataclass
class Mute:
    """Stands before the stand-in and turns its answer to a new bank into a 500, for as long as `is_mute`."""

    app: ASGIApp
    is_mute: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_new_bank = (
            scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith("/funding-sources")
        )

        async def lost(message: Message) -> None:
            if self.is_mute and is_new_bank and message["type"] == "http.response.start":
                message = {**message, "status": 500}
            await send(message)

        await self.app(scope, receive, lost)


@asynccontextmanager
async def mute_bank(database: Database) -> AsyncIterator[tuple[Bank, Mute]]:
    """A bank, and what keeps its answers back."""
    made: list[Mute] = []

    def before(app: ASGIApp, _: str) -> Mute:
        made.append(Mute(app))
        return made[0]

    async with opened(database, wrap=before) as bank:
        yield bank, made[0]
