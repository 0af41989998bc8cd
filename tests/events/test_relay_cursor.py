"""The relay's cursor: every event gets one place, whenever its transaction commits, and keeps it."""

import asyncio
import random
import threading

import psycopg
import pytest

from paya_app.events import relay
from paya_app.events.errors import RecordRestored
from tests.support.waiting import until

WRITERS = 6
TRANSACTIONS = 40
RECORD = "select events.record('test.happened', gen_random_uuid(), 1)"


@pytest.fixture(autouse=True)
async def _an_empty_record(database):
    """What the migrations recorded (each opening limit is an event) is put away: these tests count from one."""
    async with await database.connect() as connection:
        await connection.execute("set session_replication_role = 'replica'")
        await connection.execute("truncate events.event, events.event_position restart identity cascade")


async def places(database):
    return [tuple(r) for r in await database.rows("select position, event_id from events.event_position order by 1")]


async def advance(database):
    return await database.value("select events.advance()", role="paya_worker")


async def test_a_late_commit_is_not_overlooked(database):
    async with await database.connect() as early, await database.connect() as late:
        await late.execute("begin")
        await late.execute(RECORD.encode())
        await early.execute(RECORD.encode())
        assert await advance(database) == 1
        await late.execute("commit")
        assert await advance(database) == 1
    # the first to begin has the lower id and the later place
    assert await places(database) == [(1, 2), (2, 1)]


async def test_what_was_rolled_back_has_no_place(database):
    async with await database.connect() as connection:
        await connection.execute("begin")
        await connection.execute(RECORD.encode())
        await connection.execute("rollback")
    assert await advance(database) == 0
    await database.rows(RECORD)
    assert await advance(database) == 1
    assert [position for position, _ in await places(database)] == [1]


async def test_events_of_a_subtransaction_have_a_place(database):
    async with await database.connect() as connection:
        await connection.execute("begin")
        for name in (b"a", b"b"):
            await connection.execute(b"savepoint " + name)
            await connection.execute(RECORD.encode())
        await connection.execute("rollback to savepoint b")
        await connection.execute("commit")
    assert await advance(database) == 1


def _write(url, number, until_all_began, failures):
    """Transactions of different lengths, some rolled back, one held open from start to end."""
    try:
        chance = random.Random(number)  # noqa: S311 - no secret
        with psycopg.connect(url, autocommit=True) as connection:
            until_all_began.wait(10)
            for _ in range(TRANSACTIONS):
                connection.execute("begin")
                for _ in range(chance.randint(1, 3)):
                    connection.execute(RECORD.encode())
                    connection.execute("select pg_sleep(%s)", (chance.random() * 0.01,))
                connection.execute("rollback" if chance.random() < 0.2 else "commit")
    except (psycopg.Error, threading.BrokenBarrierError) as error:
        failures.append(error)


def _advance_until(url, done, failures):
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            while not done.is_set():
                connection.execute("select events.advance()")
    except psycopg.Error as error:
        failures.append(error)


async def test_racing_writers_and_two_relays_place_each_event_once(database):
    """Real threads: writers of all lengths, one transaction open throughout, and two sequencers."""
    failures, done = [], threading.Event()
    barrier = threading.Barrier(WRITERS)
    writers = [
        threading.Thread(target=_write, args=(database.url("supabase_admin"), n, barrier, failures))
        for n in range(WRITERS)
    ]
    relays = [
        threading.Thread(target=_advance_until, args=(database.url("paya_worker"), done, failures)) for _ in range(2)
    ]
    async with await database.connect() as long:
        await long.execute("begin")
        await long.execute(RECORD.encode())
        for thread in writers + relays:
            thread.start()
        for thread in writers:
            await asyncio.to_thread(thread.join, 60)
        await long.execute("commit")
    done.set()
    for thread in relays:
        await asyncio.to_thread(thread.join, 10)
    assert failures == []
    assert await advance(database) in {0, 1}
    events = {row[0] for row in await database.rows("select id from events.event")}
    placed = await places(database)
    assert len(events) > WRITERS * TRANSACTIONS / 2
    assert {event for _, event in placed} == events
    assert [position for position, _ in placed] == list(range(1, len(events) + 1))


async def test_idle_it_writes_nothing(database):
    await database.rows(RECORD)
    await advance(database)
    before = await database.value("select xmin::text from events.relay_cursor")
    for _ in range(5):
        assert await advance(database) == 0
    assert await database.value("select xmin::text from events.relay_cursor") == before


async def take(database, consumer, maximum=100):
    statement = "select position from events.take(%s, %s)"
    return [row[0] for row in await database.rows(statement, (consumer, maximum), role="paya_worker")]


@pytest.fixture
async def readers(database):
    await database.rows("insert into events.mark (consumer) values ('first'), ('second')")


@pytest.mark.usefixtures("readers")
async def test_consumers_read_by_page_each_with_its_own_mark(database):
    for _ in range(5):
        await database.rows(RECORD)
    await advance(database)
    assert [await take(database, "first", 2) for _ in range(4)] == [[1, 2], [3, 4], [5], []]
    assert await take(database, "second") == [1, 2, 3, 4, 5]
    assert await take(database, "unknown") == []


@pytest.mark.usefixtures("readers")
async def test_a_consumer_that_dies_reads_again_and_nobody_reads_beside_it(database):
    await database.rows(RECORD)
    await advance(database)
    async with await database.connect("paya_worker") as dying:
        await dying.execute("begin")
        assert len(await (await dying.execute("select events.take('first', 10)")).fetchall()) == 1
        assert await take(database, "first") == []
        await dying.close()
    assert await take(database, "first") == [1]


async def test_a_restored_record_is_refused_until_rebased(database):
    for _ in range(3):
        await database.rows(RECORD)
    await advance(database)
    # as after a restore into a younger database: transaction ids from the future, one of them not yet placed
    async with await database.connect() as connection:
        await connection.execute("set session_replication_role = 'replica'")
        await connection.execute("update events.event set xid = (xid::text::bigint + 1000000)::text::xid8")
        await connection.execute(RECORD.encode())
    stop = asyncio.Event()
    with pytest.raises(RecordRestored, match="paya rebase"):
        await relay.run(stop)
    assert await relay.rebase(database.url("paya_worker")) == 2
    assert await database.value("select events.is_restored()", role="paya_worker") is False
    assert [position for position, _ in await places(database)] == [1, 2, 3, 4]
    await database.rows(RECORD)
    assert await advance(database) == 1
    assert [position for position, _ in await places(database)] == [1, 2, 3, 4, 5]


async def test_a_cursor_from_the_future_is_a_restore_too(database):
    assert await database.value("select events.is_restored()", role="paya_worker") is False
    await database.rows("update events.relay_cursor set snapshot = '9000000000:9000000000:'")
    assert await database.value("select events.is_restored()", role="paya_worker") is True


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize(
    "statement",
    [
        "select events.advance()",
        "select events.take('realtime', 1)",
        "select events.rebase()",
        "select feed.announce(1)",
        "select * from events.event",
        "select * from events.event_position",
        "select * from events.mark",
        "select * from events.relay_cursor",
    ],
)
async def test_people_have_no_part_in_it(database, role, statement):
    async with await database.connect() as connection:
        await connection.execute(f"set role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement.encode())


@pytest.fixture
async def running_relay(database):
    stop = asyncio.Event()
    running = asyncio.create_task(relay.run(stop))
    yield
    stop.set()
    await asyncio.wait_for(running, 2)


@pytest.mark.usefixtures("running_relay")
async def test_the_relay_places_what_happens(database):
    await database.rows(RECORD)
    assert await until(lambda: places(database)) == [(1, 1)]


@pytest.mark.usefixtures("running_relay")
async def test_the_relay_survives_a_lost_connection(database):
    end = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where usename = 'paya_worker' and datname = current_database()"
    )
    assert await until(lambda: database.rows(end)) == [(True,)]
    await database.rows(RECORD)
    assert await until(lambda: places(database)) == [(1, 1)]
