"""Limits are exact whoever races, one by one and in batches, and people can read what is left of them."""

import asyncio
from typing import Any

import psycopg
import pytest

from paya_app import risk
from paya_app.core.errors import from_database
from paya_app.core.ids import new_id

pytestmark = pytest.mark.usefixtures("database")

ONE = b"select wallet.send_as(%s, %s, %s, %s, %s, %s)"
MANY = b"""
select code, facts from wallet.send_many(%s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::text[])
order by n"""
CONNECTIONS = 16


async def set_limits(database, **values: int) -> None:
    for name, value in values.items():
        await database.rows(
            "insert into risk.limit_value (name, value_max, reason) values (%s, %s, 'test')", [name, value]
        )


async def race(database, actor, takers: list[str], path: str, others=()) -> list[tuple[str | None, dict[str, Any]]]:
    """One cent to each taker, all at once; (code, facts) of each. A batch has a payment of somebody else beside it."""
    free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await database.connect("paya_app"))

    async def pay(number: int, taker: str) -> tuple[str | None, dict[str, Any]]:
        asked = (actor.claims_json, new_id(), taker, 1, "", "private")
        beside = [(other.claims_json, new_id(), taker, 1, "", "private") for other in others]
        connection = await free.get()
        try:
            if path == "one" or (path == "both" and number % 2):
                await connection.execute(ONE, asked)
                return None, {}
            items = [*beside, asked]
            columns = [list(column) for column in zip(*items, strict=True)]
            return (await (await connection.execute(MANY, columns)).fetchall())[-1]
        except psycopg.Error as error:
            refusal = from_database(error)
            if refusal is None:
                raise
            return refusal.code, refusal.facts
        finally:
            free.put_nowait(connection)

    answers = await asyncio.gather(*[pay(n, taker) for n, taker in enumerate(takers)])
    while not free.empty():
        await free.get_nowait().close()
    return answers


def passed(answers) -> int:
    return sum(code is None for code, _ in answers)


PATHS = pytest.mark.parametrize("path", ["one", "many", "both"])


@PATHS
async def test_ten_an_hour(people, database, advance_clock, path):
    ann, bob = await people.join("ann", cents=500), await people.join("bob", cents=500)
    before = await risk.send_limits(ann)
    assert (before.hour_max, before.hour_used, before.left, before.hour_resets_at) == (10, 0, 10, None)
    assert passed(await race(database, ann, ["bob"] * 7, path)) == 7
    half = await risk.send_limits(ann)
    assert (half.hour_used, half.left, half.hour_resets_at) == (7, 3, None)
    answers = await race(database, ann, ["bob"] * 30, path)
    assert passed(answers) == 3
    assert {(code, facts["limit"], facts["max"]) for code, facts in answers if code} == {
        ("limit_exceeded", "send_hour_count", 10)
    }
    full = await risk.send_limits(ann)
    assert (full.hour_used, full.day_used, full.left) == (10, 10, 0)
    assert full.hour_resets_at is not None
    first = await database.value("select min(created_at) from public.payments where sender_id = %s", [ann.user_id])
    assert (full.hour_resets_at - first).total_seconds() == 3600
    assert await people.balance(bob) == 510
    await advance_clock(hours=1)
    assert passed(await race(database, ann, ["bob"] * 30, path)) == 10


@PATHS
async def test_fifty_a_day(people, database, path):
    ann, bob = await people.join("ann", cents=500), await people.join("bob")
    await set_limits(database, send_hour_count=1000)
    answers = await race(database, ann, ["bob"] * 70, path)
    assert passed(answers) == 50
    assert {(code, facts["limit"]) for code, facts in answers if code} == {("limit_exceeded", "send_day_count")}
    limits = await risk.send_limits(ann)
    assert (limits.day_used, limits.day_max, limits.left, limits.hour_resets_at) == (50, 50, 0, None)
    assert limits.day_resets_at is not None
    assert (await people.balance(ann), await people.balance(bob)) == (450, 50)


@PATHS
async def test_twenty_people_a_day(people, database, advance_clock, path):
    ann = await people.join("ann", cents=500)
    takers = [f"taker_{n:02}" for n in range(26)]
    for taker in takers:
        await people.join(taker)
    await set_limits(database, send_hour_count=1000, send_day_count=1000)
    answers = await race(database, ann, takers * 2, path)
    paid = {row[0] for row in await database.rows("select distinct recipient_id from public.payments")}
    assert len(paid) == 20
    assert passed(answers) == 40
    assert {facts["limit"] for code, facts in answers if code} == {"send_day_recipients_count"}
    limits = await risk.send_limits(ann)
    assert (limits.recipients_used, limits.recipients_max) == (20, 20)
    assert limits.recipients_reset_at is not None
    known = next(t for t in takers if people.actors[t].user_id in paid)
    unknown = next(t for t in takers if people.actors[t].user_id not in paid)
    assert [code for code, _ in await race(database, ann, [known, unknown], path)] == [None, "limit_exceeded"]
    await advance_clock(days=1, seconds=1)
    assert (await risk.send_limits(ann)).recipients_used == 0
    assert passed(await race(database, ann, [unknown], path)) == 1


async def test_one_persons_full_hour_is_nobody_elses(people, database):
    ann, cal = await people.join("ann", cents=500), await people.join("cal", cents=500)
    bob = await people.join("bob")
    await set_limits(database, send_hour_count=5)
    answers = await race(database, ann, ["bob"] * 5, "many", others=[cal])
    assert passed(answers) == 5
    assert await people.balance(bob) == 10
    answers = await race(database, ann, ["bob"] * 3, "many", others=[cal])
    assert passed(answers) == 0
    assert (await people.balance(ann), await people.balance(cal)) == (495, 495)


async def test_a_batch_counts_one_payment_of_a_person_at_a_time(people, database):
    ann, _ = await people.join("ann", cents=500), await people.join("bob")
    await set_limits(database, send_hour_count=1)
    columns = [list(column) for column in zip(*[(ann.claims_json, new_id(), "bob", 1, "", "private")] * 3, strict=True)]
    columns[1] = [new_id() for _ in range(3)]
    async with await database.connect("paya_app") as connection:
        codes = [row[0] for row in await (await connection.execute(MANY, columns)).fetchall()]
        assert codes == [None, "ask_again", "ask_again"]
        columns = [column[1:] for column in columns]
        codes = [row[0] for row in await (await connection.execute(MANY, columns)).fetchall()]
        assert codes == ["limit_exceeded", "ask_again"]


async def test_a_refused_payment_uses_nothing_up(people, database):
    ann, _ = await people.join("ann", cents=3), await people.join("bob")
    assert passed(await race(database, ann, ["bob"] * 20, "both")) == 3
    limits = await risk.send_limits(ann)
    assert (limits.hour_used, limits.left) == (3, 7)


async def test_a_limit_that_is_changed_holds_from_the_next_payment_on(people, database):
    ann, _ = await people.join("ann", cents=500), await people.join("bob")
    assert passed(await race(database, ann, ["bob"] * 4, "both")) == 4
    await set_limits(database, send_hour_count=4)
    assert passed(await race(database, ann, ["bob"], "one") + await race(database, ann, ["bob"], "many")) == 0
    assert (await risk.send_limits(ann)).left == 0
    await set_limits(database, send_hour_count=6)
    assert passed(await race(database, ann, ["bob"] * 9, "both")) == 2
