"""`GET /v1/health`: the app, its database, and whether somebody is at work behind them."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from paya_app.api import health


@pytest.fixture
async def client(database) -> AsyncIterator[httpx.AsyncClient]:
    api = FastAPI()
    api.include_router(health.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as client:
        yield client


async def worker_was_heard(database, seconds_ago: int) -> None:
    await database.rows("delete from jobs.procrastinate_workers")
    await database.rows(
        "insert into jobs.procrastinate_workers (last_heartbeat) values (now() - make_interval(secs => %s))",
        (seconds_ago,),
    )


async def scheduler_was_heard(database, seconds_ago: int) -> None:
    await database.rows("delete from jobs.tick")
    await database.rows(
        "insert into jobs.tick (what, due_at, at, by) select 'sweep_stalled', t, t, 'a test'"
        " from (values (now() - make_interval(secs => %s))) v (t)",
        (seconds_ago,),
    )


async def test_all_is_well(client, database):
    await worker_was_heard(database, 1)
    await scheduler_was_heard(database, 5)
    answer = await client.get("/v1/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_nobody_at_work_is_said(client):
    answer = (await client.get("/v1/health")).json()
    assert answer["status"] == "degraded"
    assert answer["detail"].startswith("No worker runs: people can pay, money from banks waits. Nothing is lost;")
    assert "No scheduler runs: what is due by the clock waits." in answer["detail"]


async def test_a_silent_worker_is_said(client, database):
    await worker_was_heard(database, 7000)
    await scheduler_was_heard(database, 5)
    answer = (await client.get("/v1/health")).json()
    assert answer["status"] == "degraded"
    assert answer["detail"].startswith("No worker was heard of for 70")
    assert "scheduler" not in answer["detail"]


async def test_a_silent_scheduler_is_said(client, database):
    await worker_was_heard(database, 1)
    await scheduler_was_heard(database, 9000)
    answer = (await client.get("/v1/health")).json()
    assert answer["detail"].startswith("No scheduler was heard of for 90")


async def test_one_worker_of_two_is_enough(client, database):
    await worker_was_heard(database, 7000)
    await database.rows("insert into jobs.procrastinate_workers default values")
    await scheduler_was_heard(database, 5)
    assert (await client.get("/v1/health")).json() == {"status": "ok"}


async def test_a_vendor_that_is_down_is_said(client, database):
    await worker_was_heard(database, 1)
    await scheduler_was_heard(database, 5)
    await database.rows("select providers.register('dwolla', 1, 30), providers.count_failure('dwolla')")
    assert list((await client.get("/v1/health/vendors")).json()["down"]) == ["dwolla"]
    answer = (await client.get("/v1/health")).json()
    assert answer["status"] == "degraded"
    assert answer["detail"].startswith("dwolla has not answered since 20")
    assert answer["detail"].endswith(
        "money to and from banks is queued and goes out in order when it answers; people can pay."
    )
