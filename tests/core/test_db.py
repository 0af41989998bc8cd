import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.errors import ServiceUnavailable

WHO = "select current_user::text, auth.uid()::text"


async def cut_everyone_off(database):
    await database.rows("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'paya_app'")


async def test_a_transaction_is_somebodys(database, people):
    ann = await people.join("ann")
    assert [tuple(row) for row in await db.query(ann, WHO)] == [("authenticated", str(ann.user_id))]
    assert [tuple(row) for row in await db.query(Actor.visitor(), WHO)] == [("anon", None)]


async def test_the_next_on_the_same_connection_is_nobody_again(database, people):
    ann = await people.join("ann")
    await db.query(ann, WHO)
    left = await db.call("select current_user::text, coalesce(current_setting('request.jwt.claims', true), '')", {})
    assert [tuple(row) for row in left] == [("paya_app", "")]


async def test_what_raises_inside_is_rolled_back(database, people):
    ann = await people.sign_up()

    async def claim_and_fail() -> None:
        async with db.transaction(ann) as connection:
            await connection.execute(text("select from identity.claim_handle('ann', 'Ann')"))
            raise KeyError

    with pytest.raises(KeyError):
        await claim_and_fail()
    assert await database.value("select count(*) from public.profiles") == 0


async def test_connections_that_died_while_idle_are_replaced(database, people):
    ann = await people.join("ann")
    await asyncio.gather(*[db.query(ann, "select pg_sleep(0.05)") for _ in range(5)])
    await asyncio.gather(*[db.call("select pg_sleep(0.05)", {}) for _ in range(5)])
    await cut_everyone_off(database)
    assert len(await asyncio.gather(*[db.query(ann, WHO) for _ in range(5)])) == 5
    await cut_everyone_off(database)
    assert len(await asyncio.gather(*[db.call("select 1", {}) for _ in range(5)])) == 5


async def test_a_database_that_is_away_is_said_in_two_seconds(database, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://paya_app@127.0.0.1:1/none")
    settings.cache_clear()
    started = asyncio.get_running_loop().time()
    with pytest.raises(ServiceUnavailable):
        await db.query(Actor.visitor(), "select 1")
    assert asyncio.get_running_loop().time() - started < 10


async def test_a_full_pool_is_refused_not_waited_for(database):
    async def hold() -> None:
        async with db.transaction(Actor.visitor()) as connection:
            await connection.execute(text("select pg_sleep(30)"))  # longer than anything below takes

    holders = [asyncio.create_task(hold()) for _ in range(db.POOL_CONNECTIONS_MAX)]
    busy = (
        "select count(*) from pg_stat_activity where usename = 'paya_app' and datname = current_database()"
        " and query like '%pg_sleep(30)%'"
    )  # the server is shared with other tests
    while (await database.value(busy)) < len(holders):
        assert not any(task.done() for task in holders)
    with pytest.raises(ServiceUnavailable):
        await db.query(Actor.visitor(), "select 1")
    for holder in holders:
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)


async def test_a_burst_keeps_its_connections_for_the_next(database):
    burst = [db.call("select pg_backend_pid() from pg_sleep(0.2)", {}) for _ in range(12)]
    first = {rows[0][0] for rows in await asyncio.gather(*burst)}
    assert len(first) == 12
    burst = [db.call("select pg_backend_pid() from pg_sleep(0.2)", {}) for _ in range(12)]
    assert {rows[0][0] for rows in await asyncio.gather(*burst)} == first


async def test_an_error_does_not_tell_what_it_was_about(database):
    with pytest.raises(DBAPIError) as failure:
        await db.call("select cast(cast(:secret as text) as jsonb) -> 1/0", {"secret": '"canary"'})
    assert "1/0" in str(failure.value)
    assert "canary" not in str(failure.value)
