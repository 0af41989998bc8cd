"""Balances of the past, and checkpoints: shortcuts that must never give another answer than the whole history."""

import asyncio
import random

from paya_app.core.ids import new_id
from tests.ledger.books import Books, post_many

SUMMING = ("reserve", "revenue", "rewards_pool", "operations")


def history(book: Books, seed: int, orders: int = 120) -> None:
    """Random transfers among four wallets and four summing accounts, one by one and in batches."""
    chance = random.Random(seed)  # noqa: S311 - histories to test with
    wallets, summing = book.open(500, 500, 500, 500), [book.system(kind) for kind in SUMMING]
    while orders > 0:
        batch = []
        for _ in range(chance.choice([1, 1, 5])):
            giver, taker = chance.sample([*wallets, *summing], 2)
            batch.append((new_id(), giver, taker, chance.randrange(1, 90), "test"))
        if len(batch) == 1:
            book.ask("ledger.post(%s, %s, %s, %s, %s)", *batch[0])
        else:
            post_many(book, batch)
        orders -= len(batch)
        if chance.random() < 0.1:
            book.value("select ledger.take_checkpoints(%s)", chance.randrange(1, 4))


def balances(book: Books) -> dict[int, int]:
    """What the ledger answers for each account."""
    return dict(book.rows("select id, ledger.balance_of(id) from ledger.account"))


def replayed(book: Books, *, upto=None) -> dict[int, int]:
    """The same from nothing but the transfers, up to a moment."""
    found = dict.fromkeys((row[0] for row in book.rows("select id from ledger.account")), 0)
    for giver, taker, amount in book.rows(
        "select from_account, to_account, amount from ledger.transfer where %s::timestamptz is null or at <= %s",
        upto,
        upto,
    ):
        found[giver] -= amount
        found[taker] += amount
    return found


def test_balances_of_the_past_are_those_of_the_history_replayed(book):
    history(book, seed=1)
    assert balances(book) == replayed(book)
    moments = [row[0] for row in book.rows("select distinct at from ledger.transfer order by at")]
    assert len(moments) > 50
    for moment in [moments[0].replace(year=2020), *moments[::7], moments[-1]]:
        answers = dict(book.rows("select id, ledger.balance_at(id, %s) from ledger.account", moment))
        assert answers == replayed(book, upto=moment)


def test_a_checkpoint_changes_no_balance_and_is_what_is_read_from_then_on(book):
    history(book, seed=2)
    before = balances(book)
    assert book.value("select ledger.take_checkpoints(1)") > 0
    assert balances(book) == before == replayed(book)
    assert book.value("select ledger.take_checkpoints(1)") == 0
    history(book, seed=3, orders=30)
    assert balances(book) == replayed(book)


async def test_a_transaction_that_is_open_meanwhile_is_not_lost(book, party):
    """The checkpoint is cut below the oldest open transaction, wherever that one commits in between."""
    (ann,), reserve = book.open(500), book.system("reserve")
    mint = "select ledger.post(%s, %s, %s, 7, 'test')"
    long, idle, short = await party(), await party(), await party()
    await idle.says("begin")
    await idle.says("select pg_current_xact_id()")
    await long.says("begin")
    await long.says(mint, new_id(), reserve, ann)
    (bob,) = book.open(0)
    await short.says(mint, new_id(), reserve, bob)
    book.value("select ledger.take_checkpoints(1)")
    assert balances(book)[reserve] == -507
    await long.says("commit")
    assert balances(book)[reserve] == -514
    book.value("select ledger.take_checkpoints(1)")
    await short.says(mint, new_id(), reserve, bob)
    await idle.says("commit")
    assert balances(book)[reserve] == -521
    assert book.value("select ledger.take_checkpoints(1)") > 0
    assert balances(book)[reserve] == -521
    assert book.broken_rules() == {}


async def test_checkpoints_beside_writers_lose_nothing(book, party):
    """Six write to summing accounts while checkpoints are taken without pause; some of it is rolled back."""
    wallets, summing = book.open(*[1000] * 6), [book.system(kind) for kind in SUMMING]
    busy = 6

    async def write(number: int) -> None:
        nonlocal busy
        one, chance = await party(), random.Random(number)  # noqa: S311
        for n in range(40):
            await one.says("begin")
            for _ in range(chance.randrange(1, 4)):
                await one.says(
                    "select ledger.post(%s, %s, %s, %s, 'test')",
                    new_id(), chance.choice(summing), wallets[number], chance.randrange(1, 50),
                )  # fmt: skip
            await one.says("rollback" if n % 4 == 0 else "commit")
        busy -= 1

    async def look() -> int:
        one, taken = await party(), 0
        while busy:
            taken += await one.says("select ledger.take_checkpoints(1)")
            # one statement, one snapshot
            assert await one.says("select sum(ledger.balance_of(id)) from ledger.account where asset = 'USD'") == 0
        return taken

    looking = asyncio.create_task(look())
    await asyncio.gather(*[write(n) for n in range(6)])
    assert await looking > 3
    assert balances(book) == replayed(book)
    assert book.broken_rules() == {}


def restore(book: Books) -> None:
    """Make the record look as in a server that it was restored to: its transactions are numbered above the server's."""
    book.rows("set session_replication_role = replica")
    for table in ("ledger.sum_entry", "ledger.transfer", "events.event"):
        book.rows(f"update {table} set xid = (xid::text::bigint + 1000000)::text::xid8")
    book.rows("alter table ledger.checkpoint disable trigger user")
    book.rows("update ledger.checkpoint set upto = (upto::text::bigint + 1000000)::text::xid8")
    book.rows("alter table ledger.checkpoint enable trigger user")
    book.rows("set session_replication_role = origin")


def test_balances_survive_a_restore_into_a_server_that_counts_from_anew(book):
    """A new era's transactions have lower numbers than the checkpoints of the one before."""
    for is_cut in (False, True):
        history(book, seed=4 + is_cut, orders=40)
        if is_cut:
            book.value("select ledger.take_checkpoints(1)")
            history(book, seed=6, orders=20)
        restore(book)
        assert balances(book) == replayed(book)
        book.value("select events.rebase()")
        assert balances(book) == replayed(book)
        history(book, seed=7, orders=10)
        assert balances(book) == replayed(book)
        book.value("select ledger.take_checkpoints(1)")
        assert balances(book) == replayed(book)
        history(book, seed=8, orders=20)
        assert balances(book) == replayed(book)


def test_what_was_written_between_a_restore_and_its_rebase_is_found_by_the_rebase(book):
    history(book, seed=9, orders=40)
    book.value("select ledger.take_checkpoints(1)")
    restore(book)
    (ann,) = book.open(0)
    book.value("select ledger.post(%s, %s, %s, 7, 'test')", new_id(), book.system("reserve"), ann)
    book.value("select events.rebase()")
    assert balances(book) == replayed(book)
