"""Programs with keys for the tests of `/v1`: over real HTTP semantics, in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx

from paya_app.api.app import create_api
from paya_app.core.actor import Actor
from paya_app.developers import SCOPES, create_key

CARD = "4242424242424242"
CHARGE = {"card": CARD, "amount_minor": 1250, "currency": "USD"}


class Keyed:
    """A program with a key."""

    def __init__(self, client: httpx.AsyncClient, secret: str) -> None:
        self.client, self.secret = client, secret

    @property
    def authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(f"/v1{path}", params=params, headers=self.authorization)

    async def post(self, path: str, body: Any = None, key: Any = None, **headers: str) -> httpx.Response:
        named = {"idempotency-key": str(key or uuid4()), **self.authorization, **headers}
        return await self.client.post(f"/v1{path}", json=body, headers=named)

    async def send(self, path: str, content: bytes, **headers: str) -> httpx.Response:
        """A POST whose body and headers are exactly these, beside the key."""
        named = {"content-type": "application/json", "idempotency-key": str(uuid4())} | headers
        return await self.client.post(f"/v1{path}", content=content, headers=self.authorization | named)

    async def charge(self, **changes: Any) -> dict[str, Any]:
        """A charge."""
        answer = await self.post("/charges", CHARGE | changes)
        assert answer.status_code == 201, answer.text
        return answer.json()


@asynccontextmanager
async def programs() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application of its own; what nobody expected is an answer too, as it is when served."""
    transport = httpx.ASGITransport(create_api(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def program(client: httpx.AsyncClient, actor: Actor, scopes: Any = SCOPES) -> Keyed:
    """A program with a new key of this person's."""
    made = await create_key(actor, key_id=uuid4(), mode="test", name="Tests", scopes=scopes)
    assert made.secret is not None
    return Keyed(client, made.secret)


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem, whose form is checked."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert {"type", "title", "status", "detail", "code", "instance", "request_id", "doc_url"} <= set(body)
    assert body["status"] == answer.status_code
    assert body["detail"].endswith(".")
    assert body["doc_url"].endswith(f"#error-{body['code']}")
    return answer.status_code, body["code"]
