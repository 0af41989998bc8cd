"""The whole of PaYa under kill -9: what `paya faults kill` measures, once through."""

import pytest

from tests.support.commands import figures_of

# One worker runs all crash tests, one after the other: each has a whole PaYa of its own.
pytestmark = pytest.mark.xdist_group("crash")


def test_every_program_comes_back_and_no_payment_is_lost_or_doubled():
    figures = figures_of("faults", "kill", "--seed", "1")
    assert {kill["killed"] for kill in figures["kills"]} == {"postgres", "vendors", "app", "worker", "scheduler"}
    assert figures["acknowledged"] > 100
    assert figures["lost"] == figures["doubled"] == 0
