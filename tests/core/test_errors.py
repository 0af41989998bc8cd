import re
from datetime import timedelta
from itertools import product

import pytest

import paya_app.banking.errors  # noqa: F401 - its refusals too
from paya_app.core.clock import now
from paya_app.core.errors import InsufficientFunds, LimitExceeded, PayaError, TooManyTries, from_code


@pytest.mark.parametrize("code", sorted(PayaError.by_code))
def test_every_refusal_speaks_without_facts(code):
    error = from_code(code)
    assert error.code == code
    assert 400 <= error.status < 600
    assert error.message.endswith((".", "?", "'"))
    assert "None" not in error.message


def test_an_unknown_code_is_our_fault():
    assert from_code("never_heard_of").status == 500


def test_a_refusal_says_where_the_money_is():
    assert from_code("insufficient_funds", {"available_cents": 3766}).message.startswith("Not sent. You have $37.66")
    covered = LimitExceeded(
        limit="send_hour_count",
        max=10,
        amount_cents=1200,
        is_covered=True,
        now="2026-11-20T14:01:00+00:00",
        resets_at="2026-11-20T09:10:00-05:00",
    )
    assert covered.message == (
        "Not sent. Your $12.00 is still here. The limit is 10 payments an hour. You can send again in 9 minutes."
    )
    assert InsufficientFunds.status == 402


def test_no_sentence_names_a_time_of_day():
    facts = {"resets_at": "2026-11-20T14:10:00+00:00", "now": "2026-11-20T12:00:00+00:00", "max": 10, "used": 10}
    sends = ["send_hour_count", "send_day_count", "send_day_recipients_count"]
    loads = ["load_week_cents", "load_first_week_cents"]
    for code, limit in product(sorted(PayaError.by_code), sends + loads):
        sentence = from_code(code, facts | {"limit": limit}).message
        assert not re.search(r"\d\d:\d\d|UTC", sentence)
    assert "in about 3 hours" in from_code("load_limit", facts | {"limit": "load_week_cents"}).message


def test_machines_get_the_time_and_people_how_long():
    before = now()
    error = TooManyTries(retry_after_s=540)
    assert error.message == "Too many tries. Try again in 9 minutes."
    assert error.retry_at is not None
    assert timedelta(0) <= error.retry_at - before - timedelta(seconds=540) < timedelta(minutes=1)
    assert PayaError().retry_at is None


@pytest.mark.parametrize("state", ["restricted", "frozen"])
def test_a_closed_account_is_told_what_still_works(state):
    error = from_code("account_unavailable", {"whose": "yours", "state": state, "amount_cents": 500})
    assert error.message.startswith(f"Not sent. Nothing left your wallet. Your account is {state}: ")
    assert error.message.endswith("Home says why, and what to do.")


def test_a_page_used_twice_says_where_the_money_is():
    assert "that one stands" in from_code("key_reused").message
    assert "Nothing more left your wallet" in from_code("key_reused").message
