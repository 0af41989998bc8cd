import asyncio
from datetime import UTC, datetime

import psycopg
import pytest
from procrastinate import App
from procrastinate.jobs import Job

from jobs import upkeep
from jobs.app import connector, queue
from jobs.retries import TICK, VENDOR, Backoff
from jobs.schedule import TIMETABLE
from paya_app.providers.outcome import Retryable
from tests.support.bank import working
from tests.support.dwolla import until


async def waiting(database, task=None):
    statement = (
        "select count(*) from jobs.procrastinate_jobs where status = 'todo' and (%s::text is null or task_name = %s)"
    )
    return await database.value(statement, (task, task))


async def test_a_job_of_a_rolled_back_transaction_never_was(database):
    async with await database.connect() as connection, connection.transaction(force_rollback=True):
        await connection.execute("select jobs.enqueue('banking', 'clear_due', '{}')")
    assert await waiting(database) == 0


async def test_only_once_means_one_waiting_job_however_many_ask(database):
    async def ask():
        return await database.value("select jobs.enqueue('banking', 'clear_due', '{}', 'once')")

    answers = await asyncio.gather(*(ask() for _ in range(20)))
    assert sorted(answers) == [False] * 19 + [True]
    assert await waiting(database) == 1


@pytest.mark.parametrize("args", ["null", "[1]", "7", '"x"'])
async def test_arguments_that_are_no_object_are_refused(database, args):
    with pytest.raises(psycopg.ProgrammingError, match="request_invalid"):
        await database.rows("select jobs.enqueue('banking', 'clear_due', %s::jsonb)", (args,))


async def test_every_job_of_the_timetable_and_of_sql_is_known_to_the_worker(database):
    known = set(queue().tasks)
    named = await database.rows(
        r"select distinct m[2] from pg_proc p,"
        r" lateral regexp_matches(p.prosrc, 'jobs[.]enqueue\(''([a-z_]+)'', ''([a-z_]+)''', 'g') m"
        r" where p.pronamespace::regnamespace::text not in ('pg_catalog', 'information_schema')"
    )
    assert {line.task for line in TIMETABLE} | {task for (task,) in named} <= known
    assert len(named) > 3


async def test_every_job_has_a_retry_strategy():
    ours = {name: task for name, task in queue().tasks.items() if "procrastinate" not in name}
    assert len(ours) > 5
    assert [name for name, task in ours.items() if task.retry_strategy is None] == []


def a_run(attempts):
    return Job(queue="test", lock=None, queueing_lock=None, task_name="flaky", attempts=attempts)


def test_waiting_grows_to_a_bound_and_ends():
    def wait_s(strategy, attempts, error=None):
        decision = strategy.get_retry_decision(exception=error or ValueError(), job=a_run(attempts))
        return None if decision is None else round((decision.retry_at - datetime.now(UTC)).total_seconds())

    brief = Backoff(runs_max=4, wait_max_s=3)
    assert [wait_s(brief, n) for n in range(4)] == [1, 2, 3, None]
    assert wait_s(brief, 0, Retryable("busy", retry_after_s=30)) == 30
    assert wait_s(VENDOR, 900) == 120
    assert wait_s(TICK, 2) is None


def flaky(failures):
    """A queue with one task that fails so often."""
    app = App(connector=connector())
    ran = []

    @app.task(name="flaky", queue="test", retry=Backoff(runs_max=3, wait_max_s=0))
    async def run():
        ran.append(1)
        if len(ran) <= failures:
            raise RuntimeError("not yet")

    return app, ran


async def drain(app):
    async with app.open_async():
        for _ in range(5):
            await app.run_worker_async(
                wait=False, listen_notify=False, delete_jobs="successful", install_signal_handlers=False
            )


async def test_what_fails_runs_again_and_ends_well(database):
    app, ran = flaky(failures=2)
    await database.rows("select jobs.enqueue('test', 'flaky', '{}')")
    await drain(app)
    assert len(ran) == 3
    assert await database.value("select count(*) from jobs.procrastinate_jobs") == 0


async def test_what_keeps_failing_is_a_dead_letter_that_can_be_replayed(database):
    app, ran = flaky(failures=3)
    await database.rows("select jobs.enqueue('test', 'flaky', '{}')")
    await drain(app)
    assert len(ran) == 3
    letters = await database.rows("select id, queue, task, args, attempts from jobs.dead_letters(10)")
    assert [letter[1:] for letter in letters] == [("test", "flaky", {}, 3)]
    assert await database.value("select jobs.replay(%s)", (letters[0][0],)) is True
    assert await database.value("select jobs.replay(%s)", (letters[0][0],)) is False
    await drain(app)
    assert len(ran) == 4
    assert await database.rows("select task from jobs.dead_letters(10)") == []


async def doing(database, task="clear_due", *, attempts=0, only_once=None) -> int:
    """A job that a worker took and that nobody will finish."""
    return await database.value(
        "insert into jobs.procrastinate_jobs (queue_name, task_name, status, attempts, queueing_lock)"
        " values ('banking', %s, 'doing', %s, %s) returning id",
        (task, attempts, only_once),
    )


async def swept(database):
    app = queue()
    async with app.open_async():
        await database.rows("select jobs.enqueue('upkeep', 'sweep_stalled', '{}')")
        await app.run_worker_async(
            wait=False, queues=["upkeep"], listen_notify=False, delete_jobs="successful", install_signal_handlers=False
        )
    return await database.rows("select status::text, attempts from jobs.procrastinate_jobs order by id")


async def killed_again(database):
    """The worker that took it is dead as well."""
    await database.rows("update jobs.procrastinate_jobs set status = 'doing' where status = 'todo'")


async def test_the_sweep_gives_up_a_job_that_kills_every_worker(database):
    await doing(database)
    for _ in range(upkeep.RUNS_MAX - 1):
        assert await swept(database) == [("todo", 0)]
        await killed_again(database)
    assert await swept(database) == [("failed", 0)]


async def test_a_job_that_waits_for_a_vendor_is_not_given_up_when_its_worker_dies(database):
    """Runs that ended in an answer say nothing of the job's killing workers, and deaths are none of its runs."""
    await doing(database, attempts=900)
    assert await swept(database) == [("todo", 900)]
    for attempts in range(901, 901 + 2 * upkeep.RUNS_MAX):
        await database.rows("update jobs.procrastinate_jobs set status = 'doing', attempts = %s", (attempts,))
        assert await swept(database) == [("todo", attempts)]


async def test_the_sweep_leaves_a_living_workers_job_alone_unless_it_hangs(database):
    job = await doing(database)
    await database.rows(
        "with w as (insert into jobs.procrastinate_workers default values returning id), e as ("
        "insert into jobs.procrastinate_events (job_id, type) values (%(job)s, 'started'))"
        " update jobs.procrastinate_jobs j set worker_id = w.id from w where j.id = %(job)s",
        {"job": job},
    )
    assert await swept(database) == [("doing", 0)]
    await database.rows("update jobs.procrastinate_events set at = at - interval '1 hour'")
    assert await swept(database) == [("todo", 0)]


async def test_a_swept_job_gives_way_to_one_that_asks_the_same(database):
    await doing(database, only_once="once")
    assert await database.value("select jobs.enqueue('banking', 'clear_due', '{}', 'once')") is True
    assert await swept(database) == [("cancelled", 0), ("todo", 0)]


async def test_a_retry_gives_way_to_one_that_asks_the_same(database):
    app = App(connector=connector())
    ran = []

    @app.task(name="asks", queue="test", retry=Backoff(runs_max=5, wait_max_s=0))
    async def run():
        ran.append(1)
        if len(ran) == 1:
            # a second notice arrives while the first is being worked on, and the vendor is down
            await database.rows("select jobs.enqueue('test', 'asks', '{}', 'once')")
            raise RuntimeError("the vendor is down")

    await database.rows("select jobs.enqueue('test', 'asks', '{}', 'once')")
    await drain(app)
    assert len(ran) == 2
    assert await database.rows("select status::text from jobs.procrastinate_jobs") == [("cancelled",)]


async def test_tidying_forgets_old_ticks_and_keeps_new_ones(database):
    await database.rows(
        "insert into jobs.tick (what, due_at, by) values ('x', now() - interval '3 days', 'a'), ('x', now(), 'a')"
    )
    await database.rows("select jobs.enqueue('upkeep', 'tidy', '{}')")
    await drain(queue())
    assert await database.value("select count(*) from jobs.tick") == 1
    assert await database.rows("select task from jobs.dead_letters(10)") == []


async def test_nothing_in_the_queue_notifies(database):
    async with await database.connect() as listener:
        await listener.execute("listen procrastinate_any_queue_v1")
        await database.rows("select jobs.enqueue('banking', 'clear_due', '{}')")
        await listener.execute("notify procrastinate_any_queue_v1, 'the end'")
        assert [n.payload async for n in listener.notifies(timeout=5, stop_after=1)] == ["the end"]


async def test_a_worker_goes_on_when_its_connections_are_cut(bank, database):
    async with working():

        async def done(task):
            await database.rows("select jobs.enqueue('banking', %s, '{}')", (task,))
            await until(lambda: waiting_none(task), within_s=15)

        async def waiting_none(task):
            return await waiting(database, task) == 0

        await done("clear_due")
        await database.rows(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and application_name = 'paya worker'"
        )
        await done("clear_due")
    assert await bank.dead_letters() == []
