"""`paya faults savings`, shortly: three days down, two schedulers, and an order whose answer is lost."""

import pytest

from tests.support.commands import figures_of

# One worker runs all crash tests, one after the other: each has a whole PaYa of its own.
pytestmark = pytest.mark.xdist_group("crash")


def test_both_books_say_the_same_when_an_answer_is_lost_after_three_days_down():
    figures = figures_of("faults", "savings", "--waves", "1")
    assert figures["bought_after_three_days_down"] == figures["plans_that_catch_up_once"] > 0
    assert figures["bought"] == figures["plans_that_catch_up_once"] + 20
    assert figures["sats_at_the_exchange"] == figures["sats_in_our_custody"]
