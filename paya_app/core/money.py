"""Amounts as people write them, and as we keep them."""

import re
from decimal import Decimal

from babel.numbers import format_currency

CENTS_MAX = 10**15  # far above any amount, far below bigint
SATS_PER_BTC = 100_000_000

_AMOUNT = re.compile(r"\$?(?=[0-9.])(?P<dollars>[0-9]{1,13}|[0-9]{1,3}(,[0-9]{3}){1,4})?(\.(?P<cents>[0-9]{1,2}))?")


def parse_cents(text: object) -> int:
    """Cents from an amount written by a person: `12`, `12.3`, `12.34`, `.50`, `$1,200.00`.

    Zero is a number here; whoever needs a positive amount says so.

    Raises:
        AmountInvalid: anything else (a sign, an exponent, three decimals, other scripts' digits …).
    """
    from paya_app.core.errors import AmountInvalid  # errors formats money, so it imports us

    match = _AMOUNT.fullmatch(text.strip(" ")) if isinstance(text, str) and len(text) <= 32 else None  # noqa: PLR2004
    if match is None:
        raise AmountInvalid
    cents = int((match["dollars"] or "0").replace(",", "")) * 100 + int((match["cents"] or "").ljust(2, "0"))
    if cents > CENTS_MAX:
        raise AmountInvalid
    return cents


def format_cents(cents: int) -> str:
    """`$1,234.50`; a true minus sign for negative amounts."""
    text = format_currency(Decimal(abs(cents)).scaleb(-2), "USD", locale="en_US")
    return f"−{text}" if cents < 0 else text


def format_amount(amount: int, asset: str) -> str:
    """`$1,234.50`, `0.00001234 BTC`: an amount in the smallest unit of its asset, USD or BTC."""
    if asset == "USD":
        return format_cents(amount)
    return f"{'−' if amount < 0 else ''}{Decimal(abs(amount)).scaleb(-8):,.8f} {asset}"


def format_minor(amount_minor: int, currency: str) -> str:
    """`€1,234.50`: an amount in hundredths of a currency of charges, all of which have two decimals."""
    text = format_currency(Decimal(abs(amount_minor)).scaleb(-2), currency, locale="en_US")
    return f"−{text}" if amount_minor < 0 else text


def format_sats(quantity_sats: int) -> str:
    """`29,411 sats`: a small quantity of bitcoin, in hundred-millionths of one."""
    return f"{'−' if quantity_sats < 0 else ''}{abs(quantity_sats):,} sat{'' if abs(quantity_sats) == 1 else 's'}"


def price_of(cost_cents: int, quantity_sats: int) -> int | None:
    """What a whole bitcoin cost, in US cents rounded to the nearest, or None when nothing was bought."""
    if quantity_sats <= 0:
        return None
    return (cost_cents * SATS_PER_BTC * 2 + quantity_sats) // (quantity_sats * 2)


def format_price(cents_per_btc: int) -> str:
    """`$84,765`: the price of a whole bitcoin, to the nearest dollar."""
    return f"${(cents_per_btc + 50) // 100:,}"
