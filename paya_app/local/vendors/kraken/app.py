"""The stand-in's ASGI application and its routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from paya_app.local.vendors.kraken import funds, lookups, orders
from paya_app.local.vendors.kraken.levers import LEVERS, lever
from paya_app.local.vendors.kraken.public import Public
from paya_app.local.vendors.kraken.state import Kraken
from paya_app.local.vendors.kraken.wire import Handler, private, refused

SEED = 20_090_103
OPENING_MICROS = 10_000_000 * 1_000_000
WITHDRAW_S = 4.0

PRIVATE: dict[str, Handler] = {
    "AddOrder": orders.add,
    "QueryOrders": lookups.query,
    "OpenOrders": lookups.opened,
    "ClosedOrders": lookups.closed,
    "QueryTrades": lookups.trades,
    "Balance": funds.balance,
    "BalanceEx": funds.balance_ex,
    "WithdrawAddresses": funds.addresses,
    "WithdrawInfo": funds.info,
    "Withdraw": funds.withdraw,
    "WithdrawStatus": funds.status,
}


def create_kraken(
    database_url: str,
    *,
    key: str,
    secret: str,
    seed: int = SEED,
    opening_micros: int = OPENING_MICROS,
    withdraw_s: float = WITHDRAW_S,
) -> Starlette:
    """The stand-in as an ASGI application.

    Args:
        database_url: of the role that owns schema `vendor_kraken`.
        key: the only API key that is known.
        secret: its private key, base64.
        seed: of the prices; the same one gives the same price at the same time.
        opening_micros: US dollars that the account holds when it is opened, in millionths.
        withdraw_s: seconds until a withdrawal is done; 0 leaves that to `POST /local/withdrawals`.
    """
    kraken = Kraken(database_url, key, secret, seed, opening_micros, withdraw_s)
    public = Public(kraken)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await kraken.open()
        try:
            yield
        finally:
            await kraken.close()

    async def missing(request: Request, _error: Exception) -> Response:
        if request.url.path.startswith("/0/"):
            return refused("EGeneral:Unknown method")
        return PlainTextResponse("", 404)

    market = {
        "Time": public.time,
        "SystemStatus": public.system_status,
        "Assets": public.assets,
        "AssetPairs": public.asset_pairs,
        "Ticker": public.ticker,
        "Depth": public.depth,
        "OHLC": public.ohlc,
    }
    return Starlette(
        lifespan=lifespan,
        exception_handlers={404: missing},
        routes=[
            *(Route(f"/0/public/{verb}", handler, methods=["GET"]) for verb, handler in market.items()),
            *(
                Route(f"/0/private/{verb}", private(kraken, verb, handler), methods=["POST"])
                for verb, handler in PRIVATE.items()
            ),
            *(Route(f"/local/{name}", lever(kraken, handler), methods=["POST"]) for name, handler in LEVERS.items()),
        ],
    )
