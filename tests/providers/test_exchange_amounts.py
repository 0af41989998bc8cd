"""Decimals of the exchange become whole numbers without losing a digit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paya_app.providers.exchange.amounts import CENTS_PER_USD, MICROS_PER_USD, SATS_PER_BTC, btc, exact, floored, raised


@given(st.integers(0, 21_000_000 * SATS_PER_BTC))
def test_sats_there_and_back(sats):
    assert exact(btc(sats), SATS_PER_BTC) == sats
    assert exact(btc(sats) + "00", SATS_PER_BTC) == sats


@given(st.integers(0, 10**20))
def test_rounding_brackets_the_amount(billionths):
    amount = Decimal(billionths).scaleb(-9)
    low, high = floored(f"{amount:.9f}", MICROS_PER_USD), raised(f"{amount:.9f}", MICROS_PER_USD)
    assert Decimal(low) / MICROS_PER_USD <= amount <= Decimal(high) / MICROS_PER_USD
    assert high - low in (0, 1)


def test_what_is_finer_than_the_unit_is_not_exact():
    assert (floored("0.019", CENTS_PER_USD), raised("0.011", CENTS_PER_USD)) == (1, 2)
    assert exact("0.000000010", SATS_PER_BTC) == 1
    with pytest.raises(ValueError, match="finer"):
        exact("0.000000001", SATS_PER_BTC)


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1\n", "-1", "+1", "1e8", "NaN", "Infinity", "1,5", ".5", "5.", "٣", "9" * 16, "0." + "1" * 21, 1, 1.5],
)
def test_what_is_no_decimal_text_is_refused(text):
    for read in (exact, floored, raised):
        with pytest.raises(ValueError, match="no amount"):
            read(text, SATS_PER_BTC)
