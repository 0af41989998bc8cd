"""Work with a time: claimed by one at a time, done once, found again after a crash."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from paya_app.core.errors import WorkDone, from_database
from paya_app.core.ids import new_id

pytestmark = pytest.mark.usefixtures("database")

ADD = "select jobs.add_due('buys', %s::uuid[], %s::timestamptz[])"
CLAIM = "select subject, due_at, attempts from jobs.claim_due('buys', %s, %s::interval)"
DONE = "select jobs.finish_due('buys', %s::uuid[], %s::timestamptz[])"
LONG_AGO = datetime(2026, 1, 1, 9, tzinfo=UTC)


async def test_of_many_claimers_each_gets_others_rows(database):
    subjects = [new_id() for _ in range(100)]
    assert await database.value(ADD, (subjects, [LONG_AGO] * 100)) == 100
    claims = await asyncio.gather(*[database.rows(CLAIM, (15, "1 minute")) for _ in range(10)])
    claimed = [row[0] for rows in claims for row in rows]
    assert len(claimed) == len(set(claimed)) == 100


async def test_the_same_time_twice_is_one_row_and_done_is_done(database):
    subject = new_id()
    assert await database.value(ADD, ([subject, subject], [LONG_AGO, LONG_AGO])) == 1
    assert await database.value(ADD, ([subject], [LONG_AGO])) == 0
    assert len(await database.rows(CLAIM, (10, "1 minute"))) == 1
    await database.rows(DONE, ([subject], [LONG_AGO]))
    with pytest.raises(psycopg.Error) as refused:
        await database.rows(DONE, ([subject], [LONG_AGO]))
    assert isinstance(from_database(refused.value), WorkDone)
    assert await database.value(ADD, ([subject], [LONG_AGO])) == 0
    assert await database.rows(CLAIM, (10, "1 minute")) == []


async def test_a_claim_that_nobody_finished_comes_back_after_its_lease(database, advance_clock):
    subject = new_id()
    await database.value(ADD, ([subject], [LONG_AGO]))
    assert [row[2] for row in await database.rows(CLAIM, (10, "1 minute"))] == [1]
    assert await database.rows(CLAIM, (10, "1 minute")) == []
    await advance_clock(minutes=1, seconds=1)
    assert [row[2] for row in await database.rows(CLAIM, (10, "1 minute"))] == [2]


async def test_the_oldest_first_and_never_before_its_time(database):
    soon = datetime.now(UTC) + timedelta(hours=1)
    subjects = [new_id() for _ in range(3)]
    await database.value(ADD, (subjects, [LONG_AGO + timedelta(days=1), LONG_AGO, soon]))
    assert [row[0] for row in await database.rows(CLAIM, (1, "1 minute"))] == [subjects[1]]
    assert [row[0] for row in await database.rows(CLAIM, (5, "1 minute"))] == [subjects[0]]


async def test_who_finishes_after_the_lease_what_another_did_has_done_nothing(database, advance_clock):
    subjects = [new_id() for _ in range(3)]
    await database.value(ADD, (subjects, [LONG_AGO] * 3))
    slow = await database.rows(CLAIM, (2, "1 minute"))
    await advance_clock(minutes=2)
    quick = await database.rows(CLAIM, (3, "1 minute"))
    assert len(quick) == 3
    await database.rows(DONE, ([slow[0][0]], [LONG_AGO]))
    async with await database.connect() as late:
        await late.execute("begin")
        await late.execute(b"select events.record('test.happened', gen_random_uuid(), 1)")
        with pytest.raises(psycopg.Error, match="work_done"):
            await late.execute(DONE.encode(), ([row[0] for row in slow], [LONG_AGO] * 2))
        await late.execute("commit")
    assert await database.value("select count(*) from events.event where kind = 'test.happened'") == 0
    assert await database.value("select count(*) from jobs.due_work where done_at is null") == 2


@pytest.mark.parametrize(("subjects", "times"), [(1, 2), (2, 1), (1, None)])
async def test_lists_that_do_not_match_are_refused(database, subjects, times):
    with pytest.raises(psycopg.Error, match="batch_malformed"):
        await database.rows(DONE, ([new_id()] * subjects, None if times is None else [LONG_AGO] * times))


async def test_a_worker_that_dies_in_its_transaction_leaves_the_work(database):
    subject = new_id()
    await database.value(ADD, ([subject], [LONG_AGO]))
    async with await database.connect() as connection:
        await connection.set_autocommit(False)
        await connection.execute(CLAIM.encode(), (10, "1 minute"))
        assert await database.rows(CLAIM, (10, "1 minute")) == []
        await connection.rollback()
    assert len(await database.rows(CLAIM, (10, "1 minute"))) == 1
