"""The market of bitcoin in dollars: what it costs now, what it cost, and how little can be bought."""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from paya_app.providers.exchange import amounts
from paya_app.providers.exchange.connection import Connection, connection

PAIR, RESULT = "XBTUSD", "XXBTZUSD"
DAY_MIN = "1440"
DAYS_MAX = 719  # 720 candles, of which the last is not over
LIMITS_S = 3600


@dataclass(frozen=True, slots=True)
class Price:
    """What a whole bitcoin costs a buyer at `at`, and the most that was paid for one in the 24 hours before."""

    cents_per_btc: int
    high_24h_cents: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Candle:
    """A day (UTC) of prices of a whole bitcoin, in US cents. Made up, where the stand-in says so."""

    day: date
    open_cents: int
    high_cents: int
    low_cents: int
    close_cents: int
    is_synthetic: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """The least that can be bought, and in which steps. `minimum_cents`: what it has to cost at least."""

    minimum_sats: int
    step_sats: int
    minimum_cents: int


async def price() -> Price:
    """What bitcoin costs now: where buying begins, so that a purchase is not below it."""
    now = datetime.now(UTC)

    def read(result: Any) -> Price:
        ticker = result[RESULT]
        return Price(_cents(ticker["a"][0]), _cents(ticker["h"][1]), now)

    return await connection().market("Ticker", {"pair": PAIR}, read_as=read)


async def daily_candles(days: int) -> list[Candle]:
    """The last `days` whole days, oldest first; the exchange tells of 719 at most."""
    params = {"pair": PAIR, "interval": DAY_MIN}
    found = await connection().market("OHLC", params, read_as=_candles)
    return found[-min(days, DAYS_MAX) :] if days > 0 else []


_limits: dict[Connection, tuple[float, Limits]] = {}


async def limits() -> Limits:
    """How little can be bought, as the exchange says; asked anew after an hour."""
    the = connection()
    told_at, known = _limits.get(the, (0.0, None))
    if known is None or time.monotonic() - told_at > LIMITS_S:
        known = await the.market("AssetPairs", {"pair": PAIR}, read_as=_read_limits)
        _limits.clear()
        _limits[the] = (time.monotonic(), known)
    return known


async def minimum_sats() -> int:
    """The least that can be bought."""
    return (await limits()).minimum_sats


async def ping() -> None:
    """Ask for the least there is, to see whether anybody answers."""
    await connection().market("SystemStatus", {}, read_as=lambda result: result["status"])


def _read_limits(result: Any) -> Limits:
    pair = result[RESULT]
    decimals = int(pair["lot_decimals"])
    return Limits(
        minimum_sats=amounts.raised(pair["ordermin"], amounts.SATS_PER_BTC),
        step_sats=10 ** max(8 - decimals, 0),
        minimum_cents=amounts.raised(pair["costmin"], amounts.CENTS_PER_USD),
    )


def _candles(result: Any) -> list[Candle]:
    is_synthetic = bool(result.get("synthetic"))
    drawn = [
        Candle(datetime.fromtimestamp(int(start), UTC).date(), *map(_cents, prices[:4]), is_synthetic=is_synthetic)
        for start, *prices in result[RESULT]
    ]
    return drawn[:-1]


def _cents(text: object) -> int:
    """A price, up to the next cent: a tick is ten of them."""
    return amounts.raised(text, amounts.CENTS_PER_USD)
