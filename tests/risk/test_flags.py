"""Flags: what looks odd becomes a case once, after the payments, and stops nobody."""

import asyncio
from uuid import UUID

import pytest

from jobs.schedule import TIMETABLE
from paya_app import risk, wallet
from paya_app.core.errors import LimitsUnknown
from paya_app.core.ids import new_id
from paya_app.wallet.models import Audience
from tests.support.bank import opened
from tests.support.database import Database
from tests.support.people import People


async def pay(people: People, giver: str, taker: str, cents: int = 1, audience: Audience = "public") -> UUID:
    payment_id = new_id()
    await wallet.send(
        people.actors[giver], payment_id=payment_id, to=taker, amount_cents=cents, note="", audience=audience
    )
    return payment_id


async def raised(database: Database) -> list[tuple[str, str]]:
    """The kinds and subjects of what the job raises now, after the relay."""
    await database.value("select events.advance()", role="paya_worker")
    return [(flag.kind, flag.subject) for flag in await risk.raise_flags()]


async def set_limit(database: Database, name: str, value: int) -> None:
    await database.rows("insert into risk.limit_value (name, value_max, reason) values (%s, %s, 'test')", (name, value))


async def evidence(database: Database, kind: str) -> dict:
    return await database.value("select evidence from cases.\"case\" where kind = %s and state = 'open'", (kind,))


async def test_ten_people_who_pay_one_in_a_day_are_a_flag_once(people, database, advance_clock):
    taker = await people.join("taker")
    for n in range(12):
        await people.join(f"giver_{n:02}", cents=500)
    for n in range(9):
        await pay(people, f"giver_{n:02}", "taker")
        await advance_clock(hours=2)
    await pay(people, "giver_00", "taker")
    assert await raised(database) == []
    tenth = await pay(people, "giver_09", "taker")
    subject = f"person:{taker.user_id}"
    assert await raised(database) == [("many_senders", subject)]
    seen = await evidence(database, "many_senders")
    assert (seen["sender_count"], seen["payment_count"], seen["payments"][0]) == (10, 11, str(tenth))
    await pay(people, "giver_10", "taker")
    assert await raised(database) == []
    await pay(people, "giver_11", "taker")
    assert await people.balance(taker) == 13, "a flag stops nobody"


async def test_the_window_rolls(people, database, advance_clock):
    await people.join("taker")
    for n in range(10):
        await people.join(f"giver_{n:02}", cents=500)
        await pay(people, f"giver_{n:02}", "taker")
        await advance_clock(hours=2, minutes=45)
    assert await raised(database) == []


async def test_five_payments_to_one_person_in_an_hour_are_a_flag_for_each_pair(people, database, advance_clock):
    ann, bob, _ = [await people.join(name, cents=500) for name in ("ann", "bob", "cat")]
    for taker in ("bob", "cat"):
        for _ in range(4):
            await pay(people, "ann", taker)
    assert await raised(database) == []
    await pay(people, "ann", "bob")
    pair = ("repeated_sends", f"person:{ann.user_id} to:{bob.user_id}")
    assert await raised(database) == [pair]
    assert await raised(database) == [], "what was read is not read again"
    assert (await evidence(database, "repeated_sends"))["payment_count"] == 5
    await advance_clock(minutes=61)
    await pay(people, "ann", "cat")
    assert await raised(database) == [], "the four before it are out of the hour"


async def test_what_was_settled_does_not_count_again(people, database, advance_clock):
    ann, bob = await people.join("ann", cents=500), await people.join("bob")
    pair = ("repeated_sends", f"person:{ann.user_id} to:{bob.user_id}")
    await set_limit(database, "flag_hour_sends_count", 2)
    for _ in range(2):
        await pay(people, "ann", "bob")
    assert await raised(database) == [pair]
    await advance_clock(minutes=1)
    close = "select cases.close_case(case_id, 'a family', %s) from (select id as case_id from cases.open_cases(9)) c"
    assert await database.rows(close, (new_id(),)) == [(True,)]
    await pay(people, "ann", "bob")
    assert await raised(database) == []
    await pay(people, "ann", "bob")
    assert await raised(database) == [pair]


async def test_a_load_sent_on_to_a_new_account_is_a_flag(people, database, advance_clock):
    ann, old = await people.join("ann"), await people.join("old")
    async with opened(database) as bank:
        await bank.fund(ann, 5000)
    await pay(people, "ann", "old", 100)
    assert await raised(database) == [], "too little of it"
    await database.rows(
        "update public.profiles set created_at = created_at - interval '8 days' where id = %s", (old.user_id,)
    )
    await pay(people, "ann", "old", 400)
    new = await people.join("new")
    for _ in range(2):
        await pay(people, "ann", "new", 1990)
    assert await raised(database) == [], "3980 of 5000 are less than four fifths"
    await pay(people, "ann", "new", 20)
    assert await raised(database) == [("load_sent_on", f"person:{ann.user_id} to:{new.user_id}")]
    seen = await evidence(database, "load_sent_on")
    assert (seen["load_cents"], seen["sent_cents"], len(seen["payments"])) == (5000, 4000, 3)


async def test_only_private_payments_are_a_flag_beside_another_alone(people, database):
    ann, bob = await people.join("ann", cents=500), await people.join("bob", cents=500)
    await people.join("cat", cents=500)
    for giver, taker in (("bob", "cat"), ("cat", "bob"), ("bob", "cat"), ("cat", "bob"), ("bob", "cat")):
        await pay(people, giver, taker, audience="private")
    assert await raised(database) == [], "to keep one's payments to oneself is no flag"
    for _ in range(5):
        await pay(people, "ann", "bob", audience="private")
    assert sorted(await raised(database)) == [
        ("only_private_payments", f"person:{ann.user_id}"),
        ("repeated_sends", f"person:{ann.user_id} to:{bob.user_id}"),
    ]
    beside = await database.value("select id from cases.\"case\" where kind = 'repeated_sends'")
    assert (await evidence(database, "only_private_payments"))["beside"] == str(beside)


async def test_two_jobs_at_once_raise_a_flag_once(people, database):
    await people.join("ann", cents=500)
    await people.join("bob")
    for _ in range(5):
        await pay(people, "ann", "bob")
    await database.value("select events.advance()", role="paya_worker")
    flags = await asyncio.gather(*[risk.raise_flags() for _ in range(4)])
    assert [flag.kind for found in flags for flag in found] == ["repeated_sends"]


async def test_without_its_values_nothing_is_read(people, database):
    await people.join("ann")
    await database.value("select events.advance()", role="paya_worker")
    await database.rows("update risk.limit_in_force set maxima = maxima - 'flag_private_count'")
    with pytest.raises(LimitsUnknown):
        await risk.raise_flags()
    assert await database.value("select position from events.mark where consumer = 'flags'") == 0


def test_the_job_is_in_the_timetable():
    assert "raise_flags" in {line.task for line in TIMETABLE}
