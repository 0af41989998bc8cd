"""What each notice says: what happened, where the money is, what next; and nothing that is nobody's business."""

import re

import pytest

from paya_app.notifications import KINDS
from paya_app.notifications.kinds import ADDRESS_ADDED, EMAIL_ASKED, OF_NO_PLAN
from paya_app.notifications.templates import notice_of

FACTS = {
    "owner_id": "0e0b7a36-0000-4000-8000-000000000001",
    "plan_id": "0e0b7a36-0000-4000-8000-000000000002",
    "due_at": "2026-11-23T14:00:00+00:00",
    "amount_cents": 2000,
    "cost_cents": 1970,
    "fee_cents": 20,
    "refund_cents": 10,
    "quantity_sats": 19_700,
    "reason": None,
}


def told(kind, name="Coffee", **more):
    return notice_of(kind, FACTS | more, plan_id="p1", plan_name=name, plan_zone="America/New_York")


@pytest.mark.parametrize("kind", [each.kind for each in KINDS if each.kind not in OF_NO_PLAN])
def test_every_kind_says_where_the_money_is_and_leads_on(kind):
    for reason in (None, "insufficient_funds", "something_new"):
        notice = told(kind, reason=reason)
        words = notice.mail("http://localhost/save/p1/")
        assert "“Coffee”" in words
        assert "http://localhost/save/p1/" in words
        assert re.search(r"wallet|account|taken|stays yours", notice.money)
        assert "something_new" not in words
        assert FACTS["owner_id"] not in words
        assert len(notice.subject) <= 60
        assert "\n" not in notice.subject
        assert len(notice.short()) <= 320


def test_what_was_bought_is_exact():
    notice = told("buy.bought")
    assert notice.subject == "Bought: 19,700 sats for $19.90"
    assert notice.happened == "Your plan “Coffee” bought 0.00019700 BTC for $19.90, of which $0.20 is our fee."
    assert notice.money == "The bitcoin is in your PaYa account. $0.10 was not needed and is back in your wallet."


def test_times_are_the_plans():
    assert "on Mon, Nov 23 at 09:00 (America/New_York)" in told("reminder.came").happened


def test_reasons_are_said_in_words():
    assert "bitcoin cost more than you want to pay" in told("buy.skipped", reason="price_above").happened
    assert "You paused it." in told("plan.paused", reason="paused_by_owner").happened
    assert "It has spent what you allowed it to." in told("plan.ended", reason="cap_reached").happened
    assert told("buy.failed", refund_cents=2000).subject == "Not bought: $20.00 is back in your wallet"


@pytest.mark.parametrize("name", ["a\r\nBcc: eve@example.com", "a\u202eb", "\x00", "x" * 400, "<b>&"])
def test_a_plans_name_stays_a_name(name):
    notice = told("plan.paused", name)
    for words in (notice.subject, notice.happened):
        assert not re.search(r"[\r\n\x00\u202e]", words)
    assert len(notice.subject) <= 60


def test_the_mail_that_confirms_is_about_no_plan():
    notice = notice_of(EMAIL_ASKED, {}, plan_id="", plan_name="", plan_zone="UTC")
    assert "signed in to PaYa" in notice.happened


@pytest.mark.parametrize("kind", [ADDRESS_ADDED, "withdrawal.sent", "withdrawal.failed"])
def test_notices_about_bitcoin_say_where_it_is_and_lead_to_it(kind):
    facts = {
        "label": "Safe\r\nBcc: x",
        "address": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "quantity_sats": 100_000,
    }
    facts |= {"arrives_sats": 99_000, "fee_sats": 1000}
    for reason in (None, "fee_rose", "something_new"):
        notice = notice_of(kind, facts | {"reason": reason}, plan_id="", plan_name="", plan_zone="UTC")
        assert notice.path == "/save/withdraw/"
        assert facts["address"] not in notice.mail("")
        assert "something_new" not in notice.mail("")
        assert re.search(r"No bitcoin has moved|PaYa account", notice.money)
        assert "\r" not in notice.happened
        assert len(notice.subject) <= 60
        assert len(notice.short()) <= 320
