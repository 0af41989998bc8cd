import pytest

from paya_app.core.errors import InsufficientFunds, LimitExceeded, PayaError, from_code


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
        limit="send_hour_count", max=10, amount_cents=1200, is_covered=True, resets_at="2026-11-20T14:10:00+00:00"
    )
    assert covered.message == (
        "Not sent. Your $12.00 is still here. The limit is 10 payments an hour. You can send again at 14:10 UTC."
    )
    assert InsufficientFunds.status == 402
