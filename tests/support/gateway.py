"""The realtime gateway of one test, served by granian as in production, with the relay beside it."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import jwt
import websockets
from fastapi import FastAPI
from granian.constants import Interfaces
from granian.server.embed import Server

from paya_app.api.problems import add_problem_handlers
from paya_app.api.v1 import feed
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.events import relay
from paya_app.local.realtime import Gateway
from tests.support.waiting import until

PATIENCE_S = 10


@dataclass
class Live:
    """A served gateway and relay."""

    gateway: Gateway
    port: int

    @property
    def url(self) -> str:
        """The address clients are given."""
        return f"http://127.0.0.1:{self.port}/realtime/v1"

    def socket(self, *, vsn: str = "2.0.0", apikey: str | None = None, **options: Any) -> websockets.connect:
        """A raw websocket to the gateway."""
        key = settings().supabase_anon_key if apikey is None else apikey
        url = f"ws://127.0.0.1:{self.port}/realtime/v1/websocket?apikey={key}&vsn={vsn}"
        return websockets.connect(url, **options)


def token_of(actor: Actor, *, ttl_s: int = 300, **changes: Any) -> str:
    """A realtime token of the actor, as the session route gives."""
    key = json.loads(settings().supabase_jwt_key.get_secret_value())
    claims: dict[str, Any] = {
        "sub": str(actor.user_id),
        "role": "authenticated",
        "aud": "authenticated",
        "exp": int(time.time()) + ttl_s,
    }
    return jwt.encode({**claims, **changes}, jwt.PyJWK(key).key, algorithm="ES256", headers={"kid": key["kid"]})


@asynccontextmanager
async def serve_live(*, with_relay: bool = True) -> AsyncIterator[Live]:
    """Gateway, feed route and relay, running until the block ends."""
    gateway = Gateway()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = FastAPI()
    add_problem_handlers(api)
    api.include_router(feed.router)
    server = Server(gateway.wrap(api), address="127.0.0.1", port=port, interface=Interfaces.ASGINL, log_enabled=False)
    stop = asyncio.Event()
    running = [asyncio.create_task(gateway.run(stop)), asyncio.create_task(server.serve())]
    if with_relay:
        running.append(asyncio.create_task(relay.run(stop)))
    try:
        await until(lambda: _listens(port))
        yield Live(gateway, port)
    finally:
        stop.set()
        server.stop()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*running)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
