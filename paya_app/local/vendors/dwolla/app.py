"""The stand-in's ASGI application and its routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paya_app.local.vendors.dwolla import courier, customers, events, processing, sources, token, transfers
from paya_app.local.vendors.dwolla.call import Call, Handler, endpoint
from paya_app.local.vendors.dwolla.hal import hal, link, not_found
from paya_app.local.vendors.dwolla.state import ACCOUNT_ID, Dwolla

ACH_S = 4.0
OPENING_CENTS = 500_000
# Dwolla retries eight times in 72 hours; a local day has seconds, so these are shorter.
RETRY_DELAYS_S = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 900.0)


def create_dwolla(
    database_url: str,
    *,
    base_url: str,
    key: str,
    secret: str,
    reserve_source_id: str,
    ach_s: float = ACH_S,
    opening_cents: int = OPENING_CENTS,
    retry_delays_s: tuple[float, ...] = RETRY_DELAYS_S,
    plaid: tuple[str, str, str] | None = None,
) -> Starlette:
    """The stand-in as an ASGI application.

    Args:
        database_url: of the role that owns schema `vendor_dwolla`.
        base_url: how it is reached; every link begins with it.
        key: the only client id that gets tokens.
        secret: the client secret.
        reserve_source_id: the id of our bank account as a funding source.
        ach_s: seconds an ACH takes end to end; 0 leaves processing to `POST /sandbox-simulations`.
        opening_cents: what a bank account holds when it is first linked.
        retry_delays_s: seconds before each further attempt to deliver a webhook.
        plaid: Plaid's address, and the client id and secret to ask it with.
    """
    dwolla = Dwolla(
        database_url=database_url,
        base_url=base_url.rstrip("/"),
        key=key,
        secret=secret,
        reserve_source_id=reserve_source_id,
        leg_s=ach_s / 2,
        retry_delays_s=retry_delays_s,
        opening_cents=opening_cents,
        plaid=plaid,
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await dwolla.open()
        running = asyncio.create_task(courier.run(dwolla))
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await dwolla.close()

    async def issue_token(request: Request) -> Response:
        return await token.issue(dwolla, request)

    async def missing(_request: Request, _error: Exception) -> Response:
        return hal(not_found().body, 404)

    def route(path: str, method: str, handler: Handler) -> Route:
        return Route(path, endpoint(dwolla, handler), methods=[method])

    return Starlette(
        lifespan=lifespan,
        exception_handlers={404: missing},
        routes=[
            Route("/token", issue_token, methods=["POST"]),
            route("/", "GET", _root),
            route("/accounts/{id}", "GET", _account),
            route("/accounts/{id}/funding-sources", "GET", sources.account_sources),
            route("/accounts/{id}/transfers", "GET", transfers.account_transfers),
            route("/customers", "GET", customers.search),
            route("/customers", "POST", customers.create),
            route("/customers/{id}", "GET", customers.retrieve),
            route("/customers/{id}/funding-sources", "GET", sources.search),
            route("/customers/{id}/funding-sources", "POST", sources.create),
            route("/customers/{id}/transfers", "GET", transfers.search),
            route("/funding-sources/{id}", "GET", sources.retrieve),
            route("/funding-sources/{id}", "POST", sources.change),
            route("/funding-sources/{id}/balance", "GET", sources.balance),
            route("/funding-sources/{id}/micro-deposits", "GET", sources.micro_deposits_status),
            route("/funding-sources/{id}/micro-deposits", "POST", sources.micro_deposits),
            route("/transfers", "POST", transfers.create),
            route("/transfers/{id}", "GET", transfers.retrieve),
            route("/transfers/{id}", "POST", transfers.change),
            route("/transfers/{id}/failure", "GET", transfers.failure),
            route("/events", "GET", events.search),
            route("/events/{id}", "GET", events.retrieve),
            route("/webhook-subscriptions", "GET", events.subscriptions),
            route("/webhook-subscriptions", "POST", events.subscribe),
            route("/webhook-subscriptions/{id}", "GET", events.subscription),
            route("/webhook-subscriptions/{id}", "POST", events.subscription),
            route("/webhook-subscriptions/{id}", "DELETE", events.subscription),
            route("/sandbox-simulations", "POST", processing.simulate),
        ],
    )


async def _root(call: Call) -> Response:
    kinds = {"account": f"/accounts/{ACCOUNT_ID}", "customers": "/customers", "events": "/events"}
    links = {name: link(call.dwolla.href(path), name) for name, path in kinds.items()}
    subscriptions = call.dwolla.href("/webhook-subscriptions")
    return hal({"_links": links | {"webhook-subscriptions": link(subscriptions, "webhook-subscription")}})


async def _account(call: Call) -> Response:
    if str(call.id) != ACCOUNT_ID:
        raise not_found("Account not found.")
    here = call.dwolla.href(f"/accounts/{ACCOUNT_ID}")
    links = {
        "self": link(here, "account"),
        "funding-sources": link(f"{here}/funding-sources", "funding-source"),
        "transfers": link(f"{here}/transfers", "transfer"),
        "customers": link(call.dwolla.href("/customers"), "customer"),
    }
    return hal({"_links": links, "id": ACCOUNT_ID, "name": "PaYa", "timezoneOffset": -6, "type": "Commercial"})
