"""What the lab says, and a plan in an address."""

from dataclasses import replace
from datetime import date
from urllib.parse import parse_qs, urlparse

import pytest

from paya_app.savings import Backtest, Point, Projection, RangePoint, Schedule, Terms
from paya_app.savings.simulation import Sums
from paya_app.web import trials
from paya_app.web.plan_links import asked_order, link_to_make
from paya_app.web.plan_orders import order_of
from tests.web.hostile import TEXTS

DAY = date(2026, 3, 1)
DONE = Backtest(DAY, DAY, Sums(3, 9000, 90, 40, 100_000), {"price_above": 2}, 8_000_000, 90_000, [], is_synthetic=True)
TERMS = Terms(
    name="Some",
    amount_cents=2550,
    schedule=Schedule("weekly", "America/New_York", DAY, 545, (1, 5)),
    buy_below_cents=9_000_000,
    dip_bps=250,
    dip_extra_cents=1000,
    cap_cents=100_000,
)


def test_a_loss_is_called_one():
    said = trials.looked(DONE)
    assert (said.spent, said.worth, said.gain, said.gain_tone) == ("$90.00", "$80.00", "−$10.00 loss", "text-neg")
    assert (said.lump, said.lump_gain) == ("$72.00", "−$18.00 loss")
    assert said.average == "$90,000 per bitcoin"
    assert said.skipped == ["2 times not bought, the price was above the limit"]


def test_nothing_bought_has_no_price():
    said = trials.looked(replace(DONE, sums=Sums(), lump_sats=0))
    assert (said.average, said.lump, said.buys) == ("", "", "0 buys")


def test_made_up_prices_are_called_so():
    assert trials.rests_on(DONE, fee_bps=100, is_hourly=True)[0].startswith("Made-up prices")
    assert trials.rests_on(replace(DONE, is_synthetic=False), fee_bps=100, is_hourly=False)[0].startswith(
        "The exchange"
    )


def test_what_may_come_is_no_promise():
    drawn = Projection([RangePoint(DAY, 100, 50, 90, 200)], DAY, DAY, -1234, 200, is_synthetic=True)
    said = " ".join(trials.futures_rest_on(drawn))
    assert "−12.3 % a year" in said
    assert "no forecast and no advice" in said
    assert trials.ahead(drawn) == trials.Ahead("Mar 1, 2026", "$1.00", "$0.50", "$0.90", "$2.00")
    assert trials.past_points(replace(DONE, points=[Point(DAY, 1, 2)]))[0].low == 2


@pytest.mark.parametrize(
    "schedule",
    [TERMS.schedule, Schedule("monthly", "UTC", DAY, 0, month_day=-1), Schedule("hourly", "Asia/Kolkata", DAY, 30)],
)
def test_a_plan_goes_through_an_address(schedule):
    terms = replace(TERMS, schedule=schedule)
    said = {name: values[0] for name, values in parse_qs(urlparse(link_to_make(terms)).query).items()}
    asked = asked_order(lambda name: said.get(name, ""))
    kept = order_of(terms)
    assert asked == {name: kept[name] for name in asked}
    assert {"amount", "frequency", "time", "zone", "below", "dip_percent", "dip_extra", "cap"} <= set(asked)


# 0 is an amount, and -1 the last day: what they come to, the review says
@pytest.mark.parametrize("name", sorted(set(TEXTS) - {"zero", "negative"}))
def test_what_is_no_part_of_a_plan_is_left_out_of_the_form(name):
    assert asked_order(lambda _: TEXTS[name]) == {}
