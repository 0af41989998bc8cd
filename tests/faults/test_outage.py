"""What `paya bench outage` and `paya faults worker` measure, once through and briefly."""

import pytest

from tests.support.commands import figures_of

# One worker runs all crash tests, one after the other: each has a database server and programs of its own.
pytestmark = pytest.mark.xdist_group("crash")


def test_what_waited_through_an_outage_is_sent_once_and_in_order():
    found = figures_of("bench", "outage", "--operations", "40")
    assert found["transfers_at_the_vendor"] == 40
    assert found["rest"] == 0
    assert not any(found["flaws"].values())
    assert found["breaker_events"] == "breaker.opened breaker.closed"


def test_loads_survive_a_worker_that_is_killed():
    found = figures_of("faults", "worker", "--loads", "16")
    assert found["kills"] > 0
    assert found["minted_cents"] == found["taken_from_banks_cents"] == found["came_to_our_bank_cents"]
    assert not any(found["flaws"].values())
