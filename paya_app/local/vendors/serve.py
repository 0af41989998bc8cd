"""One process for all stand-ins, each on a port of its own (vendors' links are absolute, so none may share)."""

import asyncio
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from paya_app.core.config import Settings, settings
from paya_app.local.chaos import Chaos
from paya_app.local.vendors.dwolla import create_dwolla
from paya_app.local.vendors.kraken import create_kraken
from paya_app.local.vendors.plaid import create_plaid
from paya_app.local.vendors.smtp import serve_smtp
from paya_app.local.vendors.twilio import create_twilio

HOST = "127.0.0.1"


async def serve(stop: asyncio.Event) -> None:
    """Serve every stand-in that the settings give a port, until `stop`."""
    the = settings()
    apps = {
        "twilio": (the.paya_local_twilio_port, _twilio),
        "dwolla": (the.paya_local_dwolla_port, _dwolla),
        "plaid": (the.paya_local_plaid_port, _plaid),
        "kraken": (the.paya_local_kraken_port, _kraken),
    }
    servers = [
        _Server(_configured(Chaos(create(the), vendor, the.paya_local_vendors_database_url), port))
        for vendor, (port, create) in apps.items()
        if port
    ]
    async with AsyncExitStack() as stack:
        if the.paya_local_smtp_port:
            await stack.enter_async_context(
                serve_smtp(the.paya_local_vendors_database_url, HOST, the.paya_local_smtp_port)
            )
        running = [asyncio.create_task(server.serve()) for server in servers]
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*running)


def _twilio(the: Settings) -> ASGIApp:
    return create_twilio(
        the.paya_local_vendors_database_url,
        account_sid=the.twilio_account_sid,
        auth_token=the.twilio_auth_token.get_secret_value(),
    )


def _dwolla(the: Settings) -> ASGIApp:
    return create_dwolla(
        the.paya_local_vendors_database_url,
        base_url=f"http://{HOST}:{the.paya_local_dwolla_port}",
        key=the.dwolla_key,
        secret=the.dwolla_secret.get_secret_value(),
        reserve_source_id=the.dwolla_reserve_source,
        ach_s=the.ach_s,
        plaid=(
            f"http://{HOST}:{the.paya_local_plaid_port}",
            the.plaid_client_id,
            the.plaid_secret.get_secret_value(),
        ),
    )


def _plaid(the: Settings) -> ASGIApp:
    return create_plaid(
        the.paya_local_vendors_database_url,
        base_url=f"http://{HOST}:{the.paya_local_plaid_port}",
        client_id=the.plaid_client_id,
        secret=the.plaid_secret.get_secret_value(),
    )


def _kraken(the: Settings) -> ASGIApp:
    return create_kraken(
        the.paya_local_vendors_database_url,
        key=the.kraken_key,
        secret=the.kraken_secret.get_secret_value(),
    )


def _configured(app: ASGIApp, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app, host=HOST, port=port, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=3
    )


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs several of them."""

    @contextmanager
    def capture_signals(self) -> Any:
        """Capture none."""
        yield
