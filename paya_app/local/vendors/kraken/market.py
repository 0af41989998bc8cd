"""Prices that nobody made: a path and an order book, determined by a seed and the time, in whole numbers.

The path is noise of several periods, from years down to seconds, each a line between values that a hash gives for
the corners of its period. So any moment can be asked for, in any order, and is always the same.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

SATS_PER_BTC = 100_000_000
MINIMUM_SATS = 5_000
MINIMUM_COST_MICROS = 500_000
TAKER_BPS = 40
LEVELS = 100

_BASE_DIMES = 640_000
_PPM = 1_000_000
# period in seconds, and how far it moves the price at most, in millionths
_WAVES = (
    (34_560_000, 350_000),
    (5_184_000, 150_000),
    (604_800, 50_000),
    (86_400, 20_000),
    (7_200, 6_000),
    (600, 1_500),
    (20, 200),
)
_LEVEL_SATS_MIN, _LEVEL_SATS_SPAN = 5_000_000, 95_000_000
# of a candle, besides its end
_SAMPLES = 24


@dataclass(frozen=True, slots=True)
class Level:
    """So much is offered at this price, or wanted."""

    price_dimes: int
    volume_sats: int


@dataclass(frozen=True, slots=True)
class Candle:
    """What the price did from `start_s` (Unix time) on; dimes, and the volume in sats."""

    start_s: int
    opened: int
    high: int
    low: int
    closed: int
    volume_sats: int


def mid_dimes(seed: int, at_ms: int) -> int:
    """The price in the middle of the book at a moment (Unix time in ms)."""
    ppm = _PPM
    for wave, (period_s, reach_ppm) in enumerate(_WAVES):
        period_ms = period_s * 1000
        index, into_ms = divmod(at_ms, period_ms)
        between = _corner(seed, wave, index) * (period_ms - into_ms) + _corner(seed, wave, index + 1) * into_ms
        ppm += between * reach_ppm // (period_ms * _PPM)
    return _BASE_DIMES * ppm // _PPM


def asks(seed: int, at_ms: int) -> list[Level]:
    """What is offered, cheapest first; another book each second."""
    return _side(seed, at_ms, 1)


def bids(seed: int, at_ms: int) -> list[Level]:
    """What is wanted, dearest first."""
    return _side(seed, at_ms, -1)


def _side(seed: int, at_ms: int, sign: int) -> list[Level]:
    mid = mid_dimes(seed, at_ms)
    step = max(mid // 20_000, 1)
    second = at_ms // 1000
    return [
        Level(
            mid + sign * step * (number + 1),
            _LEVEL_SATS_MIN + _hash(f"{seed}:book:{sign}:{second}:{number}") % _LEVEL_SATS_SPAN,
        )
        for number in range(LEVELS)
    ]


def high_low(seed: int, from_ms: int, to_ms: int, every_ms: int = 600_000) -> tuple[int, int]:
    """The highest and the lowest price of a span, looked at every so often and at its ends."""
    first = from_ms - from_ms % every_ms + every_ms
    prices = [mid_dimes(seed, at) for at in (from_ms, *range(first, to_ms, every_ms), to_ms)]
    return max(prices), min(prices)


def candle(seed: int, start_s: int, interval_s: int, now_ms: int) -> Candle:
    """The candle that begins at `start_s`; one that is not over yet ends now."""
    end_ms = (start_s + interval_s) * 1000
    return _candle(seed, start_s, interval_s) if end_ms <= now_ms else _drawn(seed, start_s, interval_s, now_ms)


@lru_cache(maxsize=4096)
def _candle(seed: int, start_s: int, interval_s: int) -> Candle:
    return _drawn(seed, start_s, interval_s, (start_s + interval_s) * 1000)


def _drawn(seed: int, start_s: int, interval_s: int, end_ms: int) -> Candle:
    start_ms = start_s * 1000
    high, low = high_low(seed, start_ms, max(end_ms, start_ms), max(interval_s * 1000 // _SAMPLES, 1))
    volume = _hash(f"{seed}:volume:{start_s}:{interval_s}") % (interval_s * SATS_PER_BTC // 50) + SATS_PER_BTC
    return Candle(start_s, mid_dimes(seed, start_ms), high, low, mid_dimes(seed, max(end_ms, start_ms)), volume)


def cost_micros(volume_sats: int, price_dimes: int) -> int:
    """What so much costs, rounded to five decimals of a dollar as the pair says."""
    # one sat at one dime per bitcoin is 10^-3 micros
    return _divided(volume_sats * price_dimes, 10_000) * 10


def taker_fee_micros(cost: int) -> int:
    """The fee in dollars, five decimals."""
    return _divided(cost * TAKER_BPS, 100_000) * 10


def taker_fee_sats(volume_sats: int) -> int:
    """The fee in bitcoin."""
    return _divided(volume_sats * TAKER_BPS, 10_000)


def _divided(number: int, by: int) -> int:
    """A quotient, rounded half up."""
    return (2 * number + by) // (2 * by)


@lru_cache(maxsize=200_000)
def _corner(seed: int, wave: int, index: int) -> int:
    """-1000000 to 1000000."""
    return _hash(f"{seed}:{wave}:{index}") % (2 * _PPM + 1) - _PPM


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
