"""`paya bench ledger` runs whole, at a size whose figures mean nothing."""

import pytest

from tests.support.commands import figures_of

pytestmark = pytest.mark.xdist_group("crash")

PATHS = {"post", "send", "post_many(100)", "hot merchant"}


def test_the_quick_form_measures_every_path():
    figures = figures_of("bench", "ledger", "--quick")
    for name in PATHS:
        assert figures[name]["per_s"]["min"] > 0, name
        assert figures[name]["cpu_us"]["min"] > 0, name
        assert figures[name]["wal_bytes"]["min"] > 0, name
        assert figures[name]["ratio"]["min"] > 0, name
    assert figures["python_32_callers"]["batcher"]["per_s"]["min"] > 0
    assert figures["rewards_wallets_per_s"]["min"] > 0
    assert figures["due_plans_per_s"]["min"] > 0
    assert figures["growth"]["cpu_us_after"]["min"] > 0
