"""Bookings and links of one person at once: none waits for another in a circle, and no count is beaten."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from paya_app import banking
from paya_app.banking.errors import BankLimit, BankUnreachable
from paya_app.core.config import settings
from paya_app.core.ids import new_id
from tests.banking.mute import mute_bank
from tests.support.bank import ROUTING, without_breaker

RUNNERS = 10


async def run_together(database, statements: list[str]) -> list[BaseException]:
    """Run every statement once, ten at a time, each runner on a connection of its own; the errors."""
    waiting = iter(statements)
    errors: list[BaseException] = []

    async def runner() -> None:
        async with await database.connect() as connection:
            await connection.execute("set role service_role")
            for statement in waiting:
                try:
                    await connection.execute(statement.encode())
                except Exception as error:  # noqa: BLE001 - the test looks at each
                    errors.append(error)

    await asyncio.gather(*(runner() for _ in range(RUNNERS)))
    return errors


def settled(load_id, clears: str = "null") -> str:
    return f"select banking.book_settled('{load_id}', 'ref-{load_id}', {clears})"


def failed(load_id) -> str:
    return f"select banking.book_failed('{load_id}', 'ref-{load_id}', 'R01')"


async def test_late_returns_and_settlements_of_one_person_do_not_deadlock(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    loads = [(await bank.start(ann, 100, source)).id for _ in range(90)]
    returned, coming, held = loads[:30], loads[30:60], loads[60:]
    before = [settled(load_id) for load_id in returned]
    before += [settled(load_id, "clock_timestamp() + interval '1 day'") for load_id in held]
    assert await run_together(bank.database, before) == []
    assert await bank.ledger() == {"reserve": -6000, "loads_uncleared": 3000, "wallet": 3000}

    # returns of what was cleared and of what is held, beside settlements that clear at once, each told twice
    racing = [failed(load_id) for load_id in (*returned, *held[:15])] + [settled(load_id) for load_id in coming] * 2
    random.Random(4).shuffle(racing)  # noqa: S311 - the same order every time
    assert await run_together(bank.database, racing) == []
    assert await bank.ledger() == {"reserve": -4500, "loads_uncleared": 1500, "wallet": 3000}
    states = await bank.database.rows("select state, count(*) from banking.provider_operation group by 1")
    assert dict(states) == {"returned": 45, "cleared": 30, "settled": 15}
    assert await bank.database.value("select sum(owed_cents) from banking.load") == 0
    entries = await bank.database.rows("select account_id, sum(amount)::bigint from ledger.entry group by 1 order by 1")
    assert entries == await bank.database.rows("select id, balance from ledger.account where seq > 0 order by 1")


async def link(actor, number: int, source_id=None) -> banking.Source:
    return await banking.add_source(
        actor,
        source_id=source_id or new_id(),
        holder_name="Ann Example",
        routing=ROUTING,
        account=f"{44440000 + number}",
        kind="checking",
    )


async def count(bank, *states: str) -> int:
    return await bank.database.value("select count(*) from banking.source where state = any(%s)", (list(states),))


@contextmanager
def vendor_down() -> Iterator[None]:
    """The vendor does not answer while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DWOLLA_BASE_URL", "http://127.0.0.1:9")
        settings.cache_clear()
        try:
            yield
        finally:
            patch.undo()
            settings.cache_clear()


async def test_thirty_links_at_once_are_five_banks(bank, people):
    ann = await people.join("ann")
    await link(ann, 99)
    answers = await asyncio.gather(*(link(ann, number) for number in range(30)), return_exceptions=True)
    linked = [each for each in answers if isinstance(each, banking.Source)]
    refusals = [each for each in answers if not isinstance(each, banking.Source)]
    assert len(linked) == 4
    assert all(isinstance(each, BankLimit) and "5 banks" in each.message for each in refusals), refusals
    assert len(await banking.sources(ann)) == 5
    assert await bank.database.value("select count(*) from vendor_dwolla.bank_account where number like '4444%%'") == 5


async def test_what_nobody_knows_the_outcome_of_counts_for_ten_minutes(database, people, advance_clock):
    ann, bob = await people.join("ann"), await people.join("bob")
    left = [new_id() for _ in range(5)]
    await without_breaker(database)
    async with mute_bank(database) as (bank, mute):
        for number, source_id in enumerate(left):
            with pytest.raises(BankUnreachable):
                await link(ann, number, source_id)
        mute.is_mute = False
        with pytest.raises(BankLimit):
            await link(ann, 9)
        await link(bob, 9)
        # the same page tries again: it is one of the five
        assert (await link(ann, 0, left[0])).state == "unverified"
        await advance_clock(minutes=11)
        await link(ann, 9)
        assert await count(bank, "linking") == 0
        assert await count(bank, "failed") == 4


async def test_what_failed_is_counted_again_when_it_is_tried_again(bank, people, advance_clock):
    ann = await people.join("ann")
    left = new_id()
    with vendor_down(), pytest.raises(BankUnreachable):
        await link(ann, 9, left)
    await advance_clock(minutes=11)
    for number in range(5):
        await link(ann, number)
    with pytest.raises(BankLimit):
        await link(ann, 9, left)
    first = (await banking.sources(ann))[0]
    await bank.database.rows(
        "select banking.book_source_state(vendor_id, 'removed') from banking.source where id = %s", (first.id,)
    )
    assert (await link(ann, 9, left)).state == "unverified"
    assert len(await banking.sources(ann)) == 5


async def test_an_answer_that_comes_when_five_others_are_linked_is_no_sixth(bank, people, advance_clock):
    ann = await people.join("ann")
    left = new_id()
    with vendor_down(), pytest.raises(BankUnreachable):
        await link(ann, 9, left)
    await advance_clock(minutes=11)
    book = "select banking.book_source(%s, 'late', 'A bank', true)"
    for number in range(4):
        await link(ann, number)
    assert await count(bank, "failed") == 1
    await link(ann, 4)
    with pytest.raises(Exception, match="bank_limit"):
        await bank.database.rows(book, (left,))
    assert len(await banking.sources(ann)) == 5
