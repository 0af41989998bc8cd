"""`paya bench charges` runs whole, at a size whose figures mean nothing."""

import pytest

from tests.support.commands import figures_of

pytestmark = pytest.mark.xdist_group("crash")


def test_the_quick_form_measures_charges_beside_the_yardstick():
    figures = figures_of("bench", "charges", "--quick")
    for name in ("yardstick", "authorize", "replay"):
        assert figures[name]["statuses"]["201"] == figures["requests_each"], name
        assert figures[name]["per_s"] > 0
    assert figures["authorize_to_yardstick"] > 0
