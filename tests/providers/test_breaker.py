"""One breaker for each vendor, shared by all processes: opens once, probes once, and never stands in money's way."""

import asyncio
import os
import sys
from datetime import UTC, datetime

import pytest

from paya_app.core.config import settings
from paya_app.providers.breaker import FAILURES_MAX, guarded
from paya_app.providers.health import outages
from paya_app.providers.outcome import ProviderFailure, Rejected, Retryable, Unknown
from tests.support.dwolla import until

DOWN = Unknown("no_answer_in_time")


class Vendor:
    """A vendor that does what the test says, and counts who came through to it."""

    def __init__(self, outcome: Exception | None = None):
        self.outcome, self.calls, self.name = outcome, 0, "testbank"
        self.answering = asyncio.Event()
        self.answering.set()

    async def answer(self) -> str:
        self.calls += 1
        await self.answering.wait()
        if self.outcome:
            raise self.outcome
        return "here"

    async def call(self) -> str:
        try:
            return await guarded(self.name, self.answer)
        except ProviderFailure as failure:
            return type(failure).__name__ + " " + str(failure.args[0])


async def broken(outcome: Exception = DOWN) -> Vendor:
    vendor = Vendor(outcome)
    for _ in range(FAILURES_MAX):
        await vendor.call()
    return vendor


async def events(database) -> list[str]:
    return [
        kind for (kind,) in await database.rows("select kind from events.event where kind like 'breaker.%' order by id")
    ]


async def test_five_failures_in_a_row_open_it_for_a_while(database, advance_clock):
    vendor = await broken()
    assert await vendor.call() == "Retryable breaker_open"
    assert vendor.calls == FAILURES_MAX
    (outage,) = await outages()
    assert outage.vendor == "testbank"
    assert abs((datetime.now(UTC) - outage.since).total_seconds()) < 60
    with pytest.raises(Retryable) as refused:
        await guarded("testbank", vendor.answer)
    assert 0 < (refused.value.retry_after_s or 0) <= settings().paya_breaker_s
    await advance_clock(seconds=settings().paya_breaker_s + 1)
    vendor.outcome = None
    assert await vendor.call() == "here"
    assert await outages() == []
    assert await events(database) == ["breaker.opened", "breaker.closed"]


@pytest.mark.parametrize(
    "outcome",
    [
        Rejected("ValidationError", "no"),
        Retryable("too_many_requests", retry_after_s=3, is_outage=False),
        Unknown("status_409", is_outage=False),
    ],
    ids=["refusal", "429", "409"],
)
async def test_what_a_vendor_answers_is_no_outage(database, outcome):
    vendor = await broken(outcome)
    await vendor.call()
    assert vendor.calls == FAILURES_MAX + 1
    assert await outages() == []


async def test_an_answer_between_begins_the_count_again(database):
    vendor = Vendor(DOWN)
    for turn in range(3 * FAILURES_MAX):
        vendor.outcome = None if turn % FAILURES_MAX == FAILURES_MAX - 1 else DOWN
        await vendor.call()
    assert vendor.calls == 3 * FAILURES_MAX
    assert await outages() == []


async def test_one_caller_probes_and_the_others_wait(database, advance_clock):
    vendor = await broken()
    await advance_clock(seconds=settings().paya_breaker_s + 1)
    vendor.answering.clear()
    callers = [asyncio.create_task(vendor.call()) for _ in range(12)]
    await until(lambda: sum(task.done() for task in callers) == 11)
    assert vendor.calls == FAILURES_MAX + 1
    locks = await database.value(
        "select count(*) from pg_locks l join pg_class c on c.oid = l.relation where c.relname = 'provider_health'"
    )
    assert locks == 0, "a lock is held during the call"
    vendor.outcome = None
    vendor.answering.set()
    assert sorted(await asyncio.gather(*callers)) == ["Retryable breaker_open"] * 11 + ["here"]


async def test_a_failed_probe_leaves_it_open_and_is_no_second_opening(database, advance_clock):
    vendor = await broken()
    for _ in range(3):
        await advance_clock(seconds=settings().paya_breaker_s + 1)
        assert await vendor.call() == "Unknown no_answer_in_time"
        assert await vendor.call() == "Retryable breaker_open"
    assert vendor.calls == FAILURES_MAX + 3
    assert await events(database) == ["breaker.opened"]


async def test_a_probe_that_died_is_followed_by_another(database, advance_clock):
    vendor = await broken()
    await advance_clock(seconds=settings().paya_breaker_s + 1)
    vendor.answering.clear()
    probe = asyncio.create_task(vendor.call())
    await until(lambda: vendor.calls > FAILURES_MAX)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    vendor.answering.set()
    assert await vendor.call() == "Retryable breaker_open"
    await advance_clock(seconds=61)
    vendor.outcome = None
    assert await vendor.call() == "here"


async def test_a_late_failure_does_not_open_what_a_probe_has_closed(database, advance_clock):
    vendor = await broken()
    await advance_clock(seconds=settings().paya_breaker_s + 1)
    vendor.outcome = None
    await vendor.call()
    await database.rows("select providers.end_probe('testbank', false)")
    assert await outages() == []


async def test_clocks_that_differ_change_nothing(database, advance_clock, monkeypatch):
    vendor = await broken()
    for skew_s in (-86_400, 86_400):
        monkeypatch.setattr("time.time", lambda skew_s=skew_s: datetime.now(UTC).timestamp() + skew_s)
        assert await vendor.call() == "Retryable breaker_open"
    await advance_clock(seconds=settings().paya_breaker_s + 1)
    vendor.outcome = None
    assert await vendor.call() == "here"


async def test_calls_go_on_when_the_state_cannot_be_read(database, monkeypatch):
    vendor = await broken()
    await database.rows("revoke execute on function providers.enter(text, double precision) from service_role")
    vendor.outcome = None
    assert await vendor.call() == "here"


OTHER_PROCESS = """
import asyncio
from paya_app.core import db
from paya_app.providers.breaker import guarded
from paya_app.providers.outcome import ProviderFailure, Unknown

async def down():
    raise Unknown("no_answer_in_time")

async def main():
    for _ in range(3):
        try:
            await guarded("testbank", down)
        except ProviderFailure as failure:
            print(failure.args[0])
    await db.dispose()

asyncio.run(main())
"""


async def test_two_processes_count_together_and_open_it_once(database):
    async def process() -> list[bytes]:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OTHER_PROCESS, env=dict(os.environ), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await running.communicate()
        assert running.returncode == 0
        return said.split()

    said = await asyncio.gather(process(), process())
    assert len(said[0] + said[1]) == 6
    assert await database.value("select state from providers.provider_health") == "opened"
    assert await events(database) == ["breaker.opened"]
    assert await Vendor().call() == "Retryable breaker_open"
