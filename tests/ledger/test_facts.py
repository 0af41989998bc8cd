"""What a refusal of the ledger says is true of the account's asset."""

import psycopg
import pytest

from paya_app.core.errors import from_database
from paya_app.core.ids import new_id


@pytest.mark.parametrize(
    ("asset", "sentence"),
    [
        ("USD", "Not sent. You have $12.34 available. Add money or send less."),
        ("BTC", "Not sent. You have 0.00001234 BTC available. Add money or send less."),
    ],
)
def test_a_hold_that_is_not_covered_says_what_there_is(book, asset, sentence):
    (account,) = book.open(1234, asset=asset)
    with pytest.raises(psycopg.Error) as refused:
        book.rows("select ledger.authorize(%s, %s, 1235, 'buy')", new_id(), account)
    error = from_database(refused.value)
    assert error is not None
    assert error.facts == {"available": 1234, "amount": 1235, "asset": asset}
    assert error.message == sentence
