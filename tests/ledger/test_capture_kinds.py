"""A capture says what became of a hold, so it passes, whatever it is called and whatever became of the account."""

import pytest

from paya_app.core.ids import new_id
from tests.ledger.books import Refused, books


@pytest.fixture(scope="module")
def book(cluster):
    with books(cluster) as made:
        yield made


@pytest.mark.parametrize("state", ["restricted", "frozen"])
@pytest.mark.parametrize("kind", ["redemption", "buy", "withdrawal", "conversion", "payment"])
def test_a_capture_passes_under_any_kind(book, state, kind):
    (ann,), hold = book.open(100), new_id()
    book.value("select ledger.authorize(%s, %s, 50, %s)", hold, ann, kind)
    book.set_state(ann, state)
    answer = book.ask("ledger.capture_hold(%s, %s, %s, %s, %s)", new_id(), hold, [book.system("revenue")], [50], kind)
    assert not isinstance(answer, Refused), answer


def test_a_reference_is_a_parameter_like_the_others(book):
    """The same id with another reference is another order."""
    (ann, bob), one, two, hold = book.open(100, 0), new_id(), new_id(), new_id()
    post = "ledger.post(%s, %s, %s, 5, 'fee', %s)"
    book.value(f"select {post}", one, ann, bob, "LD-1")
    assert not isinstance(book.ask(post, one, ann, bob, "LD-1"), Refused)
    refused = book.ask(post, one, ann, bob, "LD-2")
    assert isinstance(refused, Refused)
    assert refused.code == "key_reused"
    many = "select refusal from ledger.post_many(%s::uuid[], %s, %s, '{5,5}', '{fee,fee}', %s)"
    assert book.value(many, [one, two], [ann, ann], [bob, bob], ["LD-2", "LD-9"]) == "key_reused"
    book.value("select ledger.authorize(%s, %s, 50, 'card', null, 'A')", hold, ann)
    refused = book.ask("ledger.authorize(%s, %s, 50, 'card', null, %s)", hold, ann, "B")
    assert isinstance(refused, Refused)
    assert refused.code == "key_reused"
