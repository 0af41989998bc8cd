"""Kraken's decimals as whole numbers and back, in whole numbers all the way.

What is not a decimal written as text is an error of shape (`ValueError`): what JSON carried as a number may have lost
digits already.
"""

import re

SATS_PER_BTC = 100_000_000
MICROS_PER_USD = 1_000_000
CENTS_PER_USD = 100

_DECIMAL = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,20}))?")


def exact(text: object, units: int) -> int:
    """A decimal in units of which there are `units` in a whole.

    Raises:
        ValueError: it is no decimal, negative, or finer than the unit.
    """
    parts, of = _fraction(text, units)
    if parts % of:
        raise ValueError(f"finer than 1/{units}")
    return parts // of


def floored(text: object, units: int) -> int:
    """The same, less what is finer than the unit."""
    parts, of = _fraction(text, units)
    return parts // of


def raised(text: object, units: int) -> int:
    """The same, up to the next whole unit."""
    parts, of = _fraction(text, units)
    return -(-parts // of)


def btc(quantity_sats: int) -> str:
    """`0.00005000`."""
    return f"{quantity_sats // SATS_PER_BTC}.{quantity_sats % SATS_PER_BTC:08d}"


def _fraction(text: object, units: int) -> tuple[int, int]:
    written = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if written is None:
        raise ValueError("no amount")
    whole, decimals = written[1], written[2] or ""
    return int(whole + decimals) * units, 10 ** len(decimals)
