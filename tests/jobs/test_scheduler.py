import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from jobs import scheduler
from jobs.lease import Lease, Lost
from jobs.schedule import TIMETABLE, Line
from tests.support.dwolla import until

LEADERS = (
    "select l.pid from pg_locks l join pg_database d on d.oid = l.database"
    " where l.locktype = 'advisory' and l.granted and l.objid = 815001 and d.datname = current_database()"
)


async def leading(database) -> int | None:
    """The backend of whoever leads."""
    return await database.value(LEADERS)


async def leaders(database) -> int:
    return len(await database.rows(LEADERS))


@asynccontextmanager
async def scheduling():
    stop = asyncio.Event()
    running = asyncio.create_task(scheduler.run(stop))
    try:
        yield running
    finally:
        stop.set()
        await running


async def taken() -> Lease:
    lease = await Lease.take()
    assert lease is not None
    return lease


async def test_one_of_three_leads_and_every_line_is_set_going(database):
    async with scheduling(), scheduling(), scheduling():
        ticked = "select count(distinct what) from jobs.tick"

        async def all_lines():
            return await database.value(ticked) == len(TIMETABLE)

        await until(all_lines)
        assert await leaders(database) == 1
        jobs = await database.value("select count(*) from jobs.procrastinate_jobs where status = 'todo'")
        assert jobs == len(TIMETABLE), "without a worker each line waits once"
    assert await leaders(database) == 0


async def test_a_tick_happens_once_for_its_time(database):
    line = Line("clear_due", "banking", every_s=3600)
    first = await taken()
    try:
        assert await Lease.take() is None
        answers = [await scheduler.tick(first, line) for _ in range(3)]
        assert answers == [True, False, False]
        due = await database.value("select due_at from jobs.tick where what = 'clear_due'")
        assert (due.minute, due.second, due.microsecond) == (0, 0, 0)
    finally:
        await first.close()
    second = await taken()
    assert await scheduler.tick(second, line) is False
    await second.close()


async def test_whoever_lost_the_lease_can_do_nothing_more(database):
    lease = await taken()
    await database.rows("select pg_terminate_backend(%s)", (lease.connection.info.backend_pid,))
    with pytest.raises(Lost):
        await scheduler.tick(lease, TIMETABLE[0])
    with pytest.raises(Lost):
        await lease.beat(asyncio.Event())
    assert await database.value("select count(*) from jobs.tick") == 0


async def test_a_statement_that_hangs_ends_the_lease_within_a_second(database):
    lease = await taken()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(Lost):
        await lease.run("select pg_sleep(30) is null")
    assert loop.time() - begun < 2
    await until(lambda: free(database))


async def free(database) -> bool:
    return await leaders(database) == 0


async def test_after_a_lost_connection_it_leads_again(database):
    async with scheduling():
        first = await until(lambda: leading(database))
        await database.rows("select pg_terminate_backend(%s)", (first,))

        async def again():
            now = await leading(database)
            return now is not None and now != first

        await until(again)


SCHEDULER = """
import asyncio
from jobs import scheduler
asyncio.run(scheduler.run(asyncio.Event()))
"""


def start_scheduler(database) -> subprocess.Popen:
    environment = {**os.environ, **database.environment()}
    return subprocess.Popen([sys.executable, "-c", SCHEDULER], env=environment)


async def test_when_the_leader_is_killed_or_frozen_another_takes_over(database):
    first = start_scheduler(database)
    second = None
    try:
        await until(lambda: leaders(database), within_s=30)
        by = await until(lambda: database.value("select by from jobs.tick order by at desc limit 1"))
        assert by.endswith(f":{first.pid}")
        second = start_scheduler(database)
        loop = asyncio.get_running_loop()

        async def ticked_by(pid):
            return await database.value("select count(*) from jobs.tick where by like %s", (f"%:{pid}",))

        # a frozen leader does not answer: the server ends its session after two seconds
        await until(lambda: connected(database, 2), within_s=30)
        first.send_signal(signal.SIGSTOP)
        begun = loop.time()
        await until(lambda: ticked_by(second.pid), within_s=20)
        frozen_s = loop.time() - begun
        first.send_signal(signal.SIGCONT)
        second.kill()
        second.wait()
        await until(lambda: leaders(database), within_s=20)
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait()
    assert frozen_s < 12
    assert await database.value("select count(distinct by) from jobs.tick") == 2


async def connected(database, wanted) -> bool:
    """So many relays are up, and with each its scheduler."""
    statement = (
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'paya relay'"
    )
    return await database.value(statement) == wanted
