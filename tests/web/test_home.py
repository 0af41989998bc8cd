"""What Home says of money under way and of the next buy."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from paya_app.banking import Load, Redemption, Source, Stage
from paya_app.core.clock import now
from paya_app.savings import NextBuy
from paya_app.web.coming import coming_of, next_buy_of

SOURCE = Source.from_json(
    {"id": str(uuid4()), "bank_name": "A Bank", "last4": "7890", "state": "verified", "tries_left": 3}
)


def moved(kind: type[Load] | type[Redemption], state: str, expected_at: datetime | None) -> Load | Redemption:
    given: dict[str, Any] = {
        "id": uuid4(),
        "amount_cents": 5000,
        "state": state,
        "source": SOURCE,
        "stages": [Stage("last", "There", None, expected_at, "")],
        "reference": "",
        "reason": "",
        "created_at": now(),
        "cancel": "possible",
    }
    return kind(**given)


def said(kind: type[Load] | type[Redemption], state: str, expected_at: datetime | None) -> tuple[str, str, bool]:
    coming = coming_of(moved(kind, state, expected_at))
    assert coming.amount == "$50.00"
    return coming.says, coming.way, coming.expected_at != ""


def test_what_is_queued_says_so_both_ways():
    assert said(Load, "queued", None) == ("queued", "from A Bank\u00a0··7890", False)
    assert said(Redemption, "queued", None) == ("to your bank, queued", "to A Bank\u00a0··7890", False)


def test_what_is_expected_says_when_and_what_is_late_promises_nothing():
    soon, past = now() + timedelta(days=1), now() - timedelta(seconds=1)
    assert said(Load, "pending", soon)[::2] == ("arriving", True)
    assert said(Redemption, "pending", soon)[::2] == ("to your bank, by", True)
    assert said(Load, "pending", past)[::2] == ("on its way", False)


def test_the_next_buy_is_said_in_its_plans_zone():
    due = datetime(now().year + 1, 1, 4, 14, 0, tzinfo=UTC)
    plan_id = uuid4()
    shown = next_buy_of(NextBuy(plan_id, "Monday bitcoin", "America/New_York", due, 2500))
    assert (shown.href, shown.name, shown.amount) == (f"/save/{plan_id}/", "Monday bitcoin", "$25.00")
    assert shown.words.endswith("09:00")
    assert shown.zone == "New York time"
    assert next_buy_of(None).href == ""
