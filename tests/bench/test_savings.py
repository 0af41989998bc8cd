"""`paya bench savings` runs whole, at a size whose figures mean nothing but for what is left over."""

import pytest

from tests.support.commands import figures_of

pytestmark = pytest.mark.xdist_group("crash")


def test_the_quick_run_accounts_for_every_cent_and_satoshi():
    figures = figures_of("bench", "savings", "--quick")
    assert (figures["plans"], figures["orders"]) == (2000, 1)
    assert (figures["cents_unaccounted"], figures["sats_unaccounted"], figures["exact"]) == (0, 0, True)
