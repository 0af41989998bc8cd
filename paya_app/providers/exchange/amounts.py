"""Kraken's decimals as whole numbers and back; no float on the way.

What is not a decimal written as text is an error of shape (`ValueError`): a number that JSON carried as a number may
have lost digits already.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation

SATS_PER_BTC = 100_000_000
MICROS_PER_USD = 1_000_000
CENTS_PER_USD = 100


def exact(text: object, units: int) -> int:
    """A decimal in units of which there are `units` in a whole.

    Raises:
        ValueError: it is no decimal, negative, or finer than the unit.
    """
    scaled = _decimal(text) * units
    if scaled != scaled.to_integral_value():
        raise ValueError(f"finer than 1/{units}")
    return int(scaled)


def floored(text: object, units: int) -> int:
    """The same, less what is finer than the unit."""
    return int((_decimal(text) * units).to_integral_value(ROUND_FLOOR))


def raised(text: object, units: int) -> int:
    """The same, up to the next whole unit."""
    return int((_decimal(text) * units).to_integral_value(ROUND_CEILING))


def btc(quantity_sats: int) -> str:
    """`0.00005000`."""
    return f"{quantity_sats // SATS_PER_BTC}.{quantity_sats % SATS_PER_BTC:08d}"


def _decimal(text: object) -> Decimal:
    if not isinstance(text, str):
        raise TypeError("an amount that is no text")
    try:
        read = Decimal(text)
    except InvalidOperation:
        raise ValueError("no decimal") from None
    if not read.is_finite() or read < 0:
        raise ValueError("no amount")
    return read
