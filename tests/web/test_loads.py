"""How pages speak of a load that takes longer than was said."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from paya_app.banking import Load, Source, Stage
from paya_app.web.loads import LATE_AFTER, REACHED_AFTER, late_at, late_words, still_expected, tone

ASKED = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
EXPECTED = ASKED + timedelta(days=2)
LATER = "Later than expected. Nothing is lost; reference LD-7Q4K-22XM."


def load(state: str, expected_at: datetime | None) -> Load:
    arrived = EXPECTED if state == "cleared" else None
    return Load(
        id=uuid4(),
        amount_cents=5000,
        state=state,  # pyright: ignore[reportArgumentType] - a test writes the states out
        source=Source.from_json(
            {"id": str(uuid4()), "bank_name": "A Bank", "last4": "7890", "state": "verified", "tries_left": 3}
        ),
        stages=[Stage("available", "Yours to spend", arrived, None if arrived else expected_at, "")],
        reference="LD-7Q4K-22XM",
        reason="",
        created_at=ASKED,
    )


@pytest.mark.parametrize("state", ["queued", "submitted", "pending", "settled"])
def test_a_load_is_late_a_moment_after_it_was_expected(state: str):
    found = load(state, EXPECTED)
    assert late_at(found) == EXPECTED + LATE_AFTER
    assert late_words(found, EXPECTED) == ""
    assert late_words(found, EXPECTED + LATE_AFTER) == LATER


def test_one_whose_bank_was_not_reached_is_late_when_it_could_have_been():
    assert late_at(load("submitted", None)) is None
    assert late_words(load("submitted", None), ASKED) == "", "a moment after it was asked for nothing is late"
    assert late_words(load("submitted", None), ASKED + REACHED_AFTER) == LATER


@pytest.mark.parametrize("state", ["cleared", "failed", "canceled", "returned"])
def test_what_is_over_is_not_late(state: str):
    assert late_at(load(state, EXPECTED)) is None
    assert late_words(load(state, EXPECTED), EXPECTED + timedelta(days=9)) == ""


def test_a_time_that_has_passed_is_expected_no_more():
    assert still_expected(EXPECTED, ASKED) == EXPECTED.isoformat()
    assert still_expected(EXPECTED, EXPECTED) == still_expected(None, ASKED) == ""


@pytest.mark.parametrize(
    ("state", "colour"), [("cleared", "pos"), ("failed", "neg"), ("canceled", ""), ("queued", "brand")]
)
def test_what_was_canceled_is_no_fault(state: str, colour: str):
    assert tone(load(state, EXPECTED)) == colour
