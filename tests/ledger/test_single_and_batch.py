"""The same orders one by one through post, or at once through post_many: same answers, balances and numbers."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paya_app.core.ids import new_id
from tests.ledger.books import Books, Refused, books, post_many
from tests.ledger.effort import effort

PLACES = ("ann", "bob", "cal", "iced", "tied", "reserve", "revenue", "coin", "nobody")
KINDS = st.sampled_from(["payment", "payment", "refund"])
AMOUNTS = st.one_of(st.integers(1, 90), st.integers(1, 90), st.sampled_from([0, -3, 10**15 + 1]))
place = st.sampled_from([*PLACES[:3] * 3, *PLACES])
orders = st.lists(st.tuples(st.integers(0, 12), place, place, AMOUNTS, KINDS), min_size=1, max_size=14)
grouped = st.lists(
    st.tuples(st.lists(st.tuples(place, place, AMOUNTS, KINDS), min_size=1, max_size=4), st.booleans()),
    min_size=1,
    max_size=5,
)


@pytest.fixture(scope="module")
def book(cluster):
    with books(cluster) as made:
        yield made


def world(book: Books) -> dict[str, int]:
    """The places of one history: wallets of its own, in the same order each time, and the shared summing ones."""
    made = dict(zip(PLACES[:5], book.open(100, 60, 0, 80, 80), strict=True))
    book.set_state(made["iced"], "frozen")
    book.set_state(made["tied"], "restricted")
    (coin,) = book.open(50, asset="BTC")
    return made | {"reserve": book.system("reserve"), "revenue": book.system("revenue"), "coin": coin, "nobody": 10**9}


def left(book: Books, at: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Balance and number of entries of each wallet."""
    return {
        name: book.rows("select balance, seq from ledger.account where id = %s", at[name])[0]
        for name in (*PLACES[:5], "coin")
    }


def written(book: Books, at: dict[str, int], ids: dict[UUID, int]) -> set[tuple[Any, ...]]:
    """Every transfer and entry of these ids, with places instead of accounts and numbers instead of ids."""
    names = {account: name for name, account in at.items()}
    return {
        (ids[i], names[g], names[t], g_seq, t_seq, amount, kind)
        for i, g, t, g_seq, t_seq, amount, kind in book.rows(
            "select id, from_account, to_account, from_seq, to_seq, amount, kind "
            "from ledger.transfer where id = any(%s)",
            list(ids),
        )
    } | {
        ("entry", names[a], seq, ids[i], amount, after)
        for a, seq, i, amount, after in book.rows(
            "select account_id, seq, transfer_id, amount, balance_after from ledger.entry where transfer_id = any(%s)",
            list(ids),
        )
    }


def one(book: Books, order) -> tuple[int | None, str | None]:
    """(balance after, refusal) of post."""
    answer = book.ask("ledger.post(%s, %s, %s, %s, %s)", *order)
    return (None, answer.code) if isinstance(answer, Refused) else (answer, None)


@effort(60)
@given(asked=orders, known=st.integers(0, 3))
def test_one_by_one_and_at_once_are_the_same(book, asked, known):
    """`known` of the orders were posted before; an id again in a batch is what its first order became."""
    single, batch = world(book), world(book)
    outcomes = []
    for at in (single, batch):
        ids = {n: new_id() for n in range(13)}
        todo = [(ids[n], at[g], at[t], amount, kind) for n, g, t, amount, kind in asked]
        posted = {order[0] for order in todo[:known] if one(book, order)[1] is None}
        if at is single:
            answers = []
            for n, order in enumerate(todo):
                first = next(m for m in range(n + 1) if todo[m][0] == order[0])
                is_sound = 1 <= order[3] <= 10**15 and order[1] != order[2]
                if first < n and order[0] not in posted and is_sound:
                    answers.append((None, answers[first][1] if todo[first] == order else "key_reused"))
                else:
                    answers.append(one(book, order))
                    posted |= {order[0]} if answers[n][1] is None else set()
        else:
            answers = [(after, refusal) for after, _, refusal in post_many(book, todo)]
        numbers = {i: n for n, i in ids.items()}
        outcomes.append((answers, left(book, at), written(book, at, numbers)))
    assert outcomes[0] == outcomes[1]


@effort(40)
@given(asked=grouped)
def test_a_group_is_all_of_its_orders_or_none(book, asked):
    """A group is what one transaction of posts would be: undone whole when one of them is refused."""
    single, batch = world(book), world(book)
    outcomes = []
    for at in (single, batch):
        ids, todo, groups, answers = {}, [], [], []
        for number, (legs, is_linked) in enumerate(asked):
            todo += [(new_id(), at[g], at[t], amount, kind) for g, t, amount, kind in legs]
            groups += [number if is_linked else None] * len(legs)
        ids = {order[0]: n for n, order in enumerate(todo)}
        if at is single:
            for number, (legs, is_linked) in enumerate(asked):
                mine = todo[sum(len(e) for e, _ in asked[:number]) :][: len(legs)]
                answers += together(book, mine) if is_linked else [one(book, order) for order in mine]
        else:
            answers = [(after, refusal) for after, _, refusal in post_many(book, todo, groups)]
        outcomes.append((answers, left(book, at), written(book, at, ids)))
    assert outcomes[0] == outcomes[1]


def together(book: Books, mine) -> list[tuple[int | None, str | None]]:
    """Posts in one transaction; a refusal undoes it."""
    answers: list[tuple[int | None, str | None]] = []
    passed_over: tuple[int | None, str | None] = (None, "linked_refused")
    book.rows("begin")
    for n, order in enumerate(mine):
        answers.append(one(book, order))
        if answers[n][1]:
            book.rows("rollback")
            return [passed_over] * n + answers[n:] + [passed_over] * (len(mine) - n - 1)
    book.rows("commit")
    return answers


def test_money_that_arrives_in_a_batch_is_spent_later_in_it_not_earlier(book):
    at = world(book)
    too_early, arrives, spent = new_id(), new_id(), new_id()
    answers = post_many(
        book,
        [
            (too_early, at["cal"], at["bob"], 40, "payment"),
            (arrives, at["ann"], at["cal"], 40, "payment"),
            (spent, at["cal"], at["bob"], 40, "payment"),
        ],
    )
    assert [refusal for _, _, refusal in answers] == ["insufficient_funds", None, None]
    assert left(book, at)["cal"] == (0, 2)


def test_a_batch_on_a_summing_account_writes_one_row_for_it(book):
    at = world(book)
    before = book.balance(at["revenue"])
    ids = [new_id() for _ in range(4)]
    post_many(book, [(i, at["ann"], at["revenue"], 10 + n, "fee") for n, i in enumerate(ids)])
    xid = book.value("select xid from ledger.transfer where id = %s", ids[0])
    rows = book.rows("select batch, amount, transfer_count from ledger.sum_entry where xid = %s", xid)
    assert rows == [(ids[0], 46, 4)]
    assert book.balance(at["revenue"]) == before + 46


def test_after_all_of_this_every_rule_holds(book):
    assert book.broken_rules() == {}


def test_a_group_half_known_is_another_group(book):
    """Its first order was posted before, alone: the second must not be added to it as if it had been asked for."""
    at = world(book)
    known = (new_id(), at["ann"], at["bob"], 1, "payment")
    added = (new_id(), at["ann"], at["bob"], 2, "payment")
    assert one(book, known)[1] is None
    before = left(book, at)
    for asked in ([known, added], [added, known]):
        answers = [refusal for _, _, refusal in post_many(book, asked, [1, 1])]
        assert sorted(map(str, answers)) == ["key_reused", "linked_refused"]
    assert left(book, at) == before
    assert book.value("select count(*) from ledger.transfer where id = %s", added[0]) == 0
