"""A program of a developer's: it listens, keeps what comes, checks signatures, and answers as told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paya_app import webhooks
from paya_app.webhooks import EndpointSecret, sending
from tests.support.database import Database
from tests.support.dwolla import free_socket, listening

# between one try and the next, a tenth more or less
DELAYS_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
HAPPEN = (
    "insert into charges.event (id, account_id, kind, object_kind, object_id, version, occurred_at, data)"
    " values (%s, %s, %s, 'charge', %s, %s, charges.now(%s), %s)"
)
MOVE = (
    'insert into charges.account_clock (account_id, "offset") values (%s, %s)'
    ' on conflict (account_id) do update set "offset" = charges.account_clock."offset" + excluded."offset"'
)


@dataclass
class Came:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def read(self, secret: str) -> dict:
        """What it says, or `WebhookVerificationError`."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """The program. `answer` is asked for each request; by default all is well."""

    url: str
    answer: Callable[[Came], Response | int] = lambda _: 200
    came: list[Came] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.came]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a loopback port of its own."""
    front = free_socket()
    the = Receiver(f"http://127.0.0.1:{front.getsockname()[1]}/hooks")

    async def take(request: Request) -> Response:
        came = Came(request.url.path, dict(request.headers), await request.body())
        the.came.append(came)
        answer = the.answer(came)
        return answer if isinstance(answer, Response) else Response(status_code=answer)

    async with listening(Starlette(routes=[Route("/{rest:path}", take, methods=["POST", "GET"])]), front):
        yield the


@dataclass
class Sandbox:
    """One account: what happens to its charges, and its clock."""

    database: Database
    account_id: UUID = field(default_factory=uuid4)

    async def endpoint(self, url: str, **how: Any) -> EndpointSecret:
        return await webhooks.add_endpoint(self.account_id, endpoint_id=uuid4(), url=url, **how)

    async def happen(self, kind: str = "payment.authorized", *, charge: UUID | None = None, version: int = 1) -> UUID:
        """An event, as charges write it; returns the charge."""
        charge = charge or uuid4()
        data = {"id": str(charge), "status": kind.rpartition(".")[2], "amount_minor": 1099, "note": "Ünï ☕ </script>"}
        await self.database.rows(
            HAPPEN, (uuid4(), self.account_id, kind, charge, version, self.account_id, Jsonb(data))
        )
        return charge

    async def move(self, **span: float) -> None:
        """Turn the account's clock on."""
        await self.database.rows(MOVE, (self.account_id, timedelta(**span)))

    async def states(self) -> list[str]:
        """States of its deliveries, the oldest first."""
        return [each.state for each in reversed(await webhooks.deliveries(self.account_id))]


async def send(**how) -> int:
    """All that is due, once."""
    return await sending.send_due(**how)
