"""The yardstick of `paya bench charges`: a FastAPI route that reads a JSON body and does one INSERT.

Usage: python -m bench.yardstick PORT DATABASE_URL
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from fastapi import FastAPI
from granian.constants import Interfaces
from granian.server import Server
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

TABLE = (
    "create table public.yardstick"
    " (id uuid primary key, card text not null, amount bigint not null, currency text not null)"
)
CONNECTIONS = 8


class Order(BaseModel):
    """As much as a charge is asked with."""

    card: str
    amount_minor: int
    currency: str


def create() -> FastAPI:
    """The application."""
    pool = AsyncConnectionPool(
        sys.argv[2], min_size=CONNECTIONS, max_size=CONNECTIONS, open=False, kwargs={"autocommit": True}
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with pool:
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.post("/orders", status_code=201)
    async def create_order(order: Order) -> dict[str, UUID]:
        made = uuid4()
        async with pool.connection() as connection:
            await connection.execute(
                "insert into public.yardstick (id, card, amount, currency) values (%s, %s, %s, %s)",
                (made, order.card[-4:], order.amount_minor, order.currency),
            )
        return {"id": made}

    return app


if __name__ == "__main__":
    Server(
        "bench.yardstick:create", factory=True, interface=Interfaces.ASGI, address="127.0.0.1", port=int(sys.argv[1])
    ).serve()
