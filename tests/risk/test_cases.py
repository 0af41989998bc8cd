"""Cases: opened once, closed once by somebody with a reason, and all that restricts an account is among them."""

import asyncio
from functools import partial
from uuid import uuid4

import psycopg
import pytest

from paya_app import risk
from paya_app.core.actor import Actor
from tests.support.waiting import until

SERVER = Actor.service()
OPEN = "select case_id from cases.open_case('looks_odd', %s, '{}')"
CLOSE = "select cases.close_case(%s, %s, %s)"
STATES = "select state from ledger.account where owner = %s and kind = 'wallet'"
BLOCKED = "select cardinality(pg_blocking_pids(%s)) > 0"
CASE = 'select state, opened_at, closed_at, closed_by, outcome from cases."case" where id = %s'


async def test_a_case_says_who_closed_it_and_runs_on_one_clock(database, advance_clock):
    admin = uuid4()
    await advance_clock(days=40)
    case_id = await database.value(OPEN, ("account:17",))
    await advance_clock(hours=2)
    assert await database.value(CLOSE, (case_id, "nothing", admin)) is True
    assert await database.value(CLOSE, (case_id, "once more", uuid4())) is False
    (state, opened_at, closed_at, closed_by, outcome) = (await database.rows(CASE, (case_id,)))[0]
    assert (state, closed_by, outcome) == ("closed", admin, "nothing")
    assert 7200 <= (closed_at - opened_at).total_seconds() < 7260
    assert await database.rows("select kind, actor from events.event where subject = %s order by id", (case_id,)) == [
        ("case.opened", None),
        ("case.closed", admin),
    ]


async def test_what_restricts_an_account_is_a_case_that_lifting_closes(people, database):
    ann, admin = await people.join("ann"), uuid4()
    reference = await risk.impose(SERVER, ann.user_id, "frozen", "law")
    ((case_id, kind, evidence),) = await database.rows("select id, kind, evidence from cases.open_cases(10)")
    assert (kind, evidence["person"], evidence["reason"]) == ("account_frozen", str(ann.user_id), "law")
    with pytest.raises(psycopg.Error, match="request_invalid"):
        await database.rows(CLOSE, (case_id, "over its head", admin))
    await risk.lift(SERVER, reference, "released", by=admin)
    assert (await database.rows(CASE, (case_id,)))[0][3:] == (admin, "released")


async def test_a_lifted_case_stays_as_it_is(people, database):
    ann = await people.join("ann")
    reference = await risk.impose(SERVER, ann.user_id, "restricted", "law")
    for change in ("reason = 'owner_asked'", "person = gen_random_uuid()", "state = 'frozen'"):
        with pytest.raises(psycopg.Error, match="append_only"):
            await database.rows(f"update risk.account_case set {change}, lifted_at = now(), lifted_why = 'x'")
    await risk.lift(SERVER, reference, "released")
    for statement in (
        "update risk.account_case set lifted_at = null, lifted_why = null",
        "update risk.account_case set lifted_why = 'another'",
        "delete from risk.account_case",
        "truncate risk.account_case",
    ):
        with pytest.raises(psycopg.Error, match="append_only"):
            await database.rows(statement)


async def test_a_wallet_opened_later_is_as_restricted_as_its_owner(people, database):
    ann = await people.join("ann")
    reference = await risk.impose(SERVER, ann.user_id, "restricted", "law")
    await risk.impose(SERVER, ann.user_id, "frozen", "owner_asked")
    await database.value("select ledger.open_account(%s, 'wallet', 'BTC')", (ann.user_id,))
    assert await database.rows(STATES, (ann.user_id,)) == [("frozen",), ("frozen",)]
    await risk.lift(SERVER, reference, "released")
    assert await database.rows(STATES, (ann.user_id,)) == [("frozen",), ("frozen",)]


async def test_a_wallet_opened_while_the_account_is_being_restricted_is_restricted_too(people, database):
    """Whoever comes second waits for the wallet that is there, and then sees what the first did."""
    impose = b"select risk.impose(%s, 'restricted', 'law')"
    open_another = b"select ledger.open_account(%s, 'wallet', 'BTC')"
    for first, second, name in ((impose, open_another, "bob"), (open_another, impose, "cat")):
        who = await people.join(name)
        async with await database.connect() as one, await database.connect() as other:
            await one.execute("begin")
            await one.execute(first, (who.user_id,))
            late = asyncio.create_task(other.execute(second, (who.user_id,)))
            await until(partial(database.value, BLOCKED, (other.info.backend_pid,)))
            await one.execute("commit")
            await late
            assert await database.rows(STATES, (who.user_id,)) == [("restricted",), ("restricted",)]
