import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paya_app.core.errors import AmountInvalid
from paya_app.core.money import CENTS_MAX, format_cents, format_price, format_sats, parse_cents, price_of


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12", 1200),
        ("12.3", 1230),
        ("12.34", 1234),
        ("$1,200.00", 120000),
        (" 0.01 ", 1),
        ("0", 0),
        ("007", 700),
        (".50", 50),
        ("$.5", 50),
    ],
)
def test_amounts_as_people_write_them(text, cents):
    assert parse_cents(text) == cents


NONSENSE = [
    *(
        "",
        " ",
        "-1",
        "−1",
        "+1",
        "1.001",
        "1e308",
        "NaN",
        "inf",
        "1,00",
        "1,2,3",
        "1.",
        ".",
        ".505",
        ",.50",
        "$",
        "$$1",
        "1 2",
        "0x10",
    ),
    *("١٢", "１２", "1\x00", "\u202e12", "<script>", "1'; drop table payments;--", "💸", "9" * 400),
    *(None, 12, 12.5, True, [], {}),
]


@pytest.mark.parametrize("text", NONSENSE)
def test_anything_else_is_refused(text):
    with pytest.raises(AmountInvalid):
        parse_cents(text)


@given(st.integers(min_value=0, max_value=CENTS_MAX // 1000))
def test_what_we_write_we_read_back(cents):
    assert parse_cents(format_cents(cents)) == cents


@given(st.text())
def test_no_text_breaks_the_parser(text):
    with contextlib.suppress(AmountInvalid):
        assert 0 <= parse_cents(text) <= CENTS_MAX


def test_a_debt_has_a_true_minus():
    assert format_cents(-123456) == "−$1,234.56"


@pytest.mark.parametrize(
    ("quantity_sats", "said"), [(0, "0 sats"), (1, "1 sat"), (29_411, "29,411 sats"), (-5, "−5 sats")]
)
def test_small_quantities_of_bitcoin_are_counted_in_sats(quantity_sats, said):
    assert format_sats(quantity_sats) == said


def test_a_price_is_of_a_whole_bitcoin_to_the_nearest_dollar():
    assert format_price(8_476_549) == "$84,765"
    assert format_price(8_476_550) == "$84,766"


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=1, max_value=10**12))
def test_the_price_of_a_buy_is_what_it_cost_by_what_it_brought(cost_cents, quantity_sats):
    price = price_of(cost_cents, quantity_sats)
    assert price is not None
    assert abs(price * quantity_sats - cost_cents * 10**8) * 2 <= quantity_sats


def test_nothing_that_was_bought_has_no_price():
    assert price_of(2500, 0) is None
