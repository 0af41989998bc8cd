"""The market, for everybody: the pair, its price, its book, its candles."""

import asyncio
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from paya_app.local.vendors.kraken import market
from paya_app.local.vendors.kraken.orders import ALTNAME, PAIR, PAIRS
from paya_app.local.vendors.kraken.state import BTC, USD, Kraken
from paya_app.local.vendors.kraken.wire import Refused, answered, btc, dimes, invalid, milliseconds, now, refused, usd

INTERVALS_MIN = {1, 5, 15, 30, 60, 240, 1440, 10080, 21600}
CANDLES_MAX = 720
_DAY_S = 86_400


class Public:
    """The endpoints that nobody signs in for."""

    def __init__(self, kraken: Kraken) -> None:
        self._kraken = kraken

    async def time(self, _: Request) -> Response:
        """`Time`."""
        at_ms = await self._at_ms()
        return answered({"unixtime": at_ms // 1000, "rfc1123": ""})

    async def system_status(self, _: Request) -> Response:
        """`SystemStatus`."""
        return answered({"status": "online"})

    async def assets(self, _: Request) -> Response:
        """`Assets`."""
        return answered(_ASSETS)

    async def asset_pairs(self, request: Request) -> Response:
        """`AssetPairs`."""
        return self._of_pair(request, lambda: answered({PAIR: _PAIR}))

    async def ticker(self, request: Request) -> Response:
        """`Ticker`."""
        at_ms = await self._at_ms()
        return self._of_pair(request, lambda: answered({PAIR: _ticker(self._kraken.seed, at_ms)}))

    async def depth(self, request: Request) -> Response:
        """`Depth`."""
        at_ms = await self._at_ms()
        count = request.query_params.get("count", "100")

        def book() -> Response:
            if not re.fullmatch(r"[0-9]{1,3}", count) or not 1 <= int(count) <= 500:  # noqa: PLR2004 - Kraken's bounds
                raise invalid("count")
            sides = {"asks": market.asks, "bids": market.bids}
            levels = {name: side(self._kraken.seed, at_ms)[: int(count)] for name, side in sides.items()}
            written = {
                name: [[dimes(each.price_dimes), btc(each.volume_sats), at_ms // 1000] for each in side]
                for name, side in levels.items()
            }
            return answered({PAIR: written})

        return self._of_pair(request, book)

    async def ohlc(self, request: Request) -> Response:
        """`OHLC`: the last 720 candles, the last of which is not over yet. They say that they are synthetic."""
        at_ms = await self._at_ms()
        interval, since = request.query_params.get("interval", "1"), request.query_params.get("since", "0")

        def candles() -> Response:
            if not re.fullmatch(r"[0-9]{1,5}", interval) or int(interval) not in INTERVALS_MIN:
                raise invalid("interval")
            if not re.fullmatch(r"[0-9]{1,12}", since):
                raise invalid("since")
            span_s = int(interval) * 60
            last_s = at_ms // 1000 - at_ms // 1000 % span_s
            starts = [last_s - number * span_s for number in reversed(range(CANDLES_MAX))]
            drawn = [
                _candle(market.candle(self._kraken.seed, start, span_s, at_ms))
                for start in starts
                if start > int(since) or start == last_s
            ]
            return answered({PAIR: drawn, "last": last_s - span_s, "synthetic": True})

        # hundreds that were never drawn take a second
        return await asyncio.to_thread(self._of_pair, request, candles)

    def _of_pair(self, request: Request, answer: Any) -> Response:
        try:
            if request.query_params.get("pair", ALTNAME) not in PAIRS:
                raise Refused("EQuery:Unknown asset pair")
            return answer()
        except Refused as refusal:
            return refused(refusal.error)

    async def _at_ms(self) -> int:
        async with self._kraken.transaction() as connection:
            return milliseconds(await now(connection))


def _ticker(seed: int, at_ms: int) -> dict[str, Any]:
    ask, bid, last = market.asks(seed, at_ms)[0], market.bids(seed, at_ms)[0], market.mid_dimes(seed, at_ms)
    midnight_ms = at_ms - at_ms % (_DAY_S * 1000)
    day, span = market.high_low(seed, midnight_ms, at_ms), market.high_low(seed, at_ms - _DAY_S * 1000, at_ms)
    return {
        "a": [dimes(ask.price_dimes), str(ask.volume_sats // 10**8), f"{ask.volume_sats // 10**5 / 1000:.3f}"],
        "b": [dimes(bid.price_dimes), str(bid.volume_sats // 10**8), f"{bid.volume_sats // 10**5 / 1000:.3f}"],
        "c": [dimes(last), "0.00100000"],
        "v": ["1000.00000000", "2000.00000000"],
        "p": [dimes(sum(day) // 2), dimes(sum(span) // 2)],
        "t": [10_000, 20_000],
        "l": [dimes(day[1]), dimes(span[1])],
        "h": [dimes(day[0]), dimes(span[0])],
        "o": dimes(market.mid_dimes(seed, midnight_ms)),
    }


def _candle(drawn: market.Candle) -> list[Any]:
    average = (drawn.opened + drawn.high + drawn.low + drawn.closed) // 4
    prices = [dimes(price) for price in (drawn.opened, drawn.high, drawn.low, drawn.closed, average)]
    return [drawn.start_s, *prices, btc(drawn.volume_sats), drawn.volume_sats // 10**6]


_ASSETS = {
    BTC: {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5, "status": "enabled"},
    USD: {"aclass": "currency", "altname": "USD", "decimals": 4, "display_decimals": 2, "status": "enabled"},
}
_PAIR = {
    "altname": ALTNAME,
    "wsname": "XBT/USD",
    "aclass_base": "currency",
    "base": BTC,
    "aclass_quote": "currency",
    "quote": USD,
    "lot": "unit",
    "cost_decimals": 5,
    "pair_decimals": 1,
    "lot_decimals": 8,
    "lot_multiplier": 1,
    "leverage_buy": [],
    "leverage_sell": [],
    "fee_volume_currency": USD,
    "margin_call": 80,
    "margin_stop": 40,
    "ordermin": btc(market.MINIMUM_SATS),
    "costmin": usd(market.MINIMUM_COST_MICROS, 1),
    "tick_size": "0.1",
    "status": "online",
}
