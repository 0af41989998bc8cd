"""Two at once, each race forced: who waits, who wins, and that nobody waits in a circle."""

import asyncio

import psycopg
import pytest

from paya_app.core.errors import AskAgain, from_database
from paya_app.core.ids import new_id
from tests.ledger.books import post_many
from tests.support.waiting import until

POST = "select ledger.post(%s, %s, %s, %s, 'payment')"
MANY = """
select string_agg(coalesce(p.refusal, 'ok'), ' ' order by n)
from ledger.post_many(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[]) p"""
CAPTURE = "select ledger.capture_hold(%s, %s, %s::bigint[], %s::bigint[], 'captured', %s) ->> 'state'"
RELEASE = "select ledger.release(%s) ->> 'state'"
EXPIRE = "select ledger.expire_holds()"


async def test_two_batches_with_the_same_ids_crosswise_do_not_deadlock(book, party):
    """Their accounts are others, so only the ids make them wait; the middle id is kept busy until both are at it."""
    accounts = book.open(*[100] * 12)
    low, middle, high = new_id(), new_id(), new_id()
    blocker, one, two = await party(), await party(), await party()
    await blocker.says("begin")
    await blocker.says(POST, middle, accounts[10], accounts[11], 1)
    first = await one.waits(MANY, [low, middle, high], accounts[0:3], accounts[3:6], [5] * 3, ["payment"] * 3)
    second = await two.waits(MANY, [high, low], accounts[6:8], accounts[8:10], [5] * 2, ["payment"] * 2)
    await blocker.says("rollback")
    assert await first == "ok ok ok"
    assert await second == "UniqueViolation"
    assert await two.says(MANY, [high, low], accounts[6:8], accounts[8:10], [5] * 2, ["payment"] * 2) == (
        "key_reused key_reused"
    )
    assert book.broken_rules() == {}


@pytest.mark.parametrize("is_batch", [False, True])
async def test_who_comes_second_with_an_id_gets_the_first_ones_result(book, party, is_batch):
    """The last cent was spent meanwhile, and that is no reason to say that it was not sent."""
    ann, bob = book.open(100, 0)
    once, one, two = new_id(), await party(), await party()
    await one.says("begin")
    assert await one.says(POST, once, ann, bob, 100) == 0
    if is_batch:
        second = await two.waits(MANY, [once], [ann], [bob], [100], ["payment"])
        await one.says("commit")
        assert await second == "ok"
    else:
        second = await two.waits(POST, once, ann, bob, 100)
        await one.says("commit")
        assert await second == "ask_again"
        assert await two.says(POST, once, ann, bob, 100) == 0
    assert (book.balance(ann), book.balance(bob)) == (0, 100)


@pytest.mark.parametrize("state", ["restricted", "frozen"])
@pytest.mark.parametrize("whose", ["giver", "taker"])
async def test_who_comes_second_does_not_hear_of_a_state_that_came_after(book, party, state, whose):
    taker, giver = book.open(100, 100)  # the taker is locked first
    once, one, two = new_id(), await party(), await party()
    await one.says("begin")
    await one.says(POST, once, giver, taker, 10)
    await one.says("update ledger.account set state = %s where id = %s", state, giver if whose == "giver" else taker)
    second = await two.waits(POST, once, giver, taker, 10)
    await one.says("commit")
    assert await second in {"ask_again", "UniqueViolation"}
    assert await two.says(POST, once, giver, taker, 10) == 90


def hold_of(book, account, amount, *, is_due=False):
    """A hold; `is_due` makes one whose time has come and that nobody has booked yet."""
    hold = new_id()
    book.value("select ledger.authorize(%s, %s, %s, 'card', private.now() + '1 hour')", hold, account, amount)
    if is_due:
        book.rows("update private.clock_offset set \"offset\" = '2 hours'")
    return hold


@pytest.mark.parametrize("first_commits", [True, False])
@pytest.mark.parametrize(
    ("moves", "answers"),
    [
        (("capture", "release"), {True: "hold_closed", False: "released"}),
        (("release", "capture"), {True: "hold_closed", False: "captured"}),
        (("capture", "other"), {True: "hold_closed", False: "captured"}),
        (("part", "part2"), {True: "capture_exceeds_hold", False: "open"}),
        (("expire", "capture"), {True: "hold_expired", False: "hold_expired"}),
        (("expire", "release"), {True: "expired", False: "released"}),
        (("release", "expire"), {True: 0, False: 1}),
    ],
)
async def test_of_two_ends_of_a_hold_one_wins(book, party, moves, answers, first_commits):
    first, second = moves
    ann, bob = book.open(100, 0)
    hold = hold_of(book, ann, 100, is_due="expire" in {first, second})
    asked = {
        "capture": (CAPTURE, new_id(), hold, [bob], [100], True),
        "other": (CAPTURE, new_id(), hold, [bob], [60], True),
        "part": (CAPTURE, new_id(), hold, [bob], [60], False),
        "part2": (CAPTURE, new_id(), hold, [bob], [60], False),
        "release": (RELEASE, hold),
        "expire": (EXPIRE,),
    }
    one, two = await party(), await party()
    await one.says("begin")
    await one.says(*asked[first])
    answer = await two.waits(*asked[second])
    await one.says("commit" if first_commits else "rollback")
    assert await answer == answers[first_commits]
    assert book.broken_rules() == {}
    assert await two.says(*asked[second]) == (0 if second == "expire" else answers[first_commits])


async def test_expiry_passes_over_a_hold_that_was_closed_while_it_waited(book, party):
    ann, bob, cal = book.open(100, 100, 100)
    _, closed, _ = hold_of(book, ann, 10), hold_of(book, bob, 10), hold_of(book, cal, 10, is_due=True)
    one, two, three = await party(), await party(), await party()
    await one.says("begin")
    await one.says("select from ledger.account where id = %s for update", ann)
    expiring = await two.waits(EXPIRE)
    assert await three.says(RELEASE, closed) == "released"
    await one.says("commit")
    assert await expiring == 2
    assert book.broken_rules() == {}


async def test_one_hold_id_at_once_on_two_accounts_is_asked_again_and_refused(book, party, database):
    (ann, bob), once = book.open(100, 100), new_id()
    one = await party()
    await one.says("begin")
    await one.says("select ledger.authorize(%s, %s, 10, 'card')", once, ann)

    async def second():
        async with await database.connect() as connection:
            try:
                await connection.execute("select ledger.authorize(%s, %s, 10, 'card')", [once, bob])
            except psycopg.Error as error:
                return from_database(error)

    waiting = asyncio.create_task(second())
    await until(lambda: book.value("select count(*) > 0 from pg_locks where not granted"))
    await one.says("commit")
    assert isinstance(await waiting, AskAgain)
    assert await one.says("select ledger.authorize(%s, %s, 10, 'card')", once, bob) == "key_reused"


async def test_a_posting_read_while_an_account_waits_is_of_one_moment(book, party):
    """`at` is taken after the locks: in each account, the order of entries is the order of their times."""
    (ann, bob), one, two = book.open(100, 100), await party(), await party()
    await one.says("begin")
    await one.says(POST, new_id(), ann, bob, 1)
    waiting = await two.waits(POST, new_id(), bob, ann, 2)
    await one.says("commit")
    assert await waiting == 99
    post_many(book, [(new_id(), ann, bob, 3, "payment"), (new_id(), bob, ann, 4, "payment")])
    assert (
        book.rows(
            "select 1 from (select at, lag(at) over (partition by account_id order by seq) before from ledger.entry) e "
            "where at < before"
        )
        == []
    )
    assert (
        book.rows("select 1 from ledger.transfer t join ledger.entry e on e.transfer_id = t.id where e.at <> t.at")
        == []
    )
