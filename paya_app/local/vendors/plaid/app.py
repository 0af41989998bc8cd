"""The stand-in's ASGI application and its routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paya_app.local.vendors.plaid import items, link_tokens, picker, webhooks
from paya_app.local.vendors.plaid.state import Plaid
from paya_app.local.vendors.plaid.wire import Handler, endpoint

# Plaid retries up to six times over 24 hours, so a local day has these.
RETRY_DELAYS_S = (0.5, 1.0, 2.0, 5.0, 30.0, 300.0)

ENDPOINTS: dict[str, Handler] = {
    "/link/token/create": link_tokens.create,
    "/link/token/get": link_tokens.get,
    "/item/public_token/exchange": items.exchange,
    "/accounts/get": items.accounts_get,
    "/auth/get": items.auth_get,
    "/identity/get": items.identity_get,
    "/item/get": items.item_get,
    "/item/remove": items.item_remove,
    "/processor/token/create": items.processor_token_create,
    "/processor/auth/get": items.processor_auth_get,
    "/institutions/get_by_id": items.institution,
    "/webhook_verification_key/get": items.webhook_key,
    "/sandbox/item/reset_login": items.reset_login,
    "/sandbox/item/fire_webhook": items.fire_webhook,
}


def create_plaid(
    database_url: str,
    *,
    base_url: str,
    client_id: str,
    secret: str,
    retry_delays_s: tuple[float, ...] = RETRY_DELAYS_S,
) -> Starlette:
    """The stand-in as an ASGI application.

    Args:
        database_url: of the role that owns schema `vendor_plaid`.
        base_url: how it is reached; the picker's addresses begin with it.
        client_id: the only client that is answered.
        secret: the client's secret.
        retry_delays_s: seconds before each further attempt to deliver a webhook.
    """
    plaid = Plaid(database_url, base_url.rstrip("/"), client_id, secret, retry_delays_s)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await plaid.open()
        running = asyncio.create_task(webhooks.run(plaid))
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await plaid.close()

    async def serve_picker(request: Request) -> Response:
        return await picker.serve(plaid, request)

    routes = [Route(path, endpoint(plaid, handler), methods=["POST"]) for path, handler in ENDPOINTS.items()]
    return Starlette(lifespan=lifespan, routes=[*routes, Route("/hl/{id}", serve_picker, methods=["GET", "POST"])])
