"""What administrators see of operations and dead letters, and that nobody else does."""

import psycopg
import pytest

from paya_app import admin
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import Forbidden, SignedOut
from tests.support.bank import opened


async def grant(database, who: Actor, *, is_admin: bool = True) -> None:
    phone = await database.value("select phone from auth.users where id = %s", (who.user_id,))
    assert await database.value("select admin.set_role(%s, %s)", ("+" + phone, is_admin), role="postgres")


@pytest.fixture
async def boss(database, people) -> Actor:
    boss = await people.join("boss")
    await grant(database, boss)
    return boss


async def dead_letter(database, task: str = "submit_load", args: str = '{"load_id": "x"}') -> int:
    await database.rows("select jobs.enqueue('banking', %s, %s::jsonb, %s)", (task, args, f"{task}:{args}"))
    return await database.value(
        "update jobs.procrastinate_jobs set status = 'failed' where id = (select max(id) from jobs.procrastinate_jobs)"
        " returning id"
    )


async def events(database, who: Actor) -> list[str]:
    rows = await database.rows(
        "select kind, payload ->> 'place' from events.event"
        " where subject = %s and kind ~ '^(admin|job)[.]' order by id",
        (who.user_id,),
    )
    return [" ".join(filter(None, row)) for row in rows]


async def test_operations_by_state_and_by_reference(database, people, boss):
    ann = await people.join("ann")
    async with opened(database) as bank:
        first = await bank.start(ann, 5000)
        second = await bank.start(ann, 700, first.source)
        await bank.work()
        await bank.work()
        third = await bank.start(ann, 800, first.source)
        found = await admin.operations(boss)
        assert [(each.id, each.state, each.amount_cents) for each in found] == [
            (third.id, "queued", 800),
            (second.id, "pending", 700),
            (first.id, "pending", 5000),
        ]
        assert [each.id for each in await admin.operations(boss, state="queued")] == [third.id]
        for sought in (second.reference, f" {second.reference.lower()} ", str(second.id), found[1].vendor_ref):
            assert [each.id for each in await admin.operations(boss, sought=sought)] == [second.id]
        assert await admin.operations(boss, sought="LD-%%%%-%%%%") == []
    assert "admin.entered operations" in await events(database, boss)


async def test_a_dead_letter_is_seen_and_put_back_once(database, boss):
    job = await dead_letter(database)
    (letter,) = await admin.dead_letters(boss)
    assert (letter.id, letter.task, letter.about) == (job, "submit_load", '{"load_id": "x"}')
    assert await admin.replay(boss, job) == "waiting"
    assert await admin.replay(boss, job) == "none such"
    assert await admin.dead_letters(boss) == []
    assert await database.value("select count(*) from jobs.procrastinate_jobs where status = 'todo'") == 1
    assert (await events(database, boss)).count("job.replayed") == 1


async def test_work_that_waits_anyway_is_not_doubled(database, boss):
    job = await dead_letter(database)
    await database.rows(
        "select jobs.enqueue('banking', 'submit_load', '{\"load_id\": \"x\"}', 'submit_load:{\"load_id\": \"x\"}')"
    )
    assert await admin.replay(boss, job) == "waited already"
    assert await database.value("select count(*) from jobs.procrastinate_jobs where status = 'todo'") == 1


@pytest.mark.parametrize("job_id", [0, -1, 2**63, 10**30])
async def test_a_job_that_cannot_be_is_none(boss, job_id):
    assert await admin.replay(boss, job_id) == "none such"


async def test_others_are_refused_and_it_is_recorded(database, people, boss):
    eve = await people.join("eve")
    job = await dead_letter(database)
    for verb in (admin.operations(eve), admin.dead_letters(eve), admin.replay(eve, job), admin.operations(eve)):
        with pytest.raises(Forbidden):
            await verb
    assert await events(database, eve) == [
        "admin.refused operations",
        "admin.refused dead letters",
        "admin.refused replay",
    ]
    for verb in (admin.operations(Actor.visitor()), admin.replay(Actor.visitor(), job)):
        with pytest.raises(SignedOut):
            await verb
    assert await database.value("select status from jobs.procrastinate_jobs where id = %s", (job,)) == "failed"


async def test_the_database_refuses_them_too(database, people):
    from paya_app.core import db

    eve = await people.join("eve")
    claims = dict(eve.claims) | {"app_metadata": {"role": "admin"}, "user_metadata": {"role": "admin"}}
    for actor in (eve, Actor.user(claims)):
        for statement in (
            "select admin.operations(null, '', 10)",
            "select * from admin.dead_letters(10)",
            "select admin.replay(1)",
        ):
            with pytest.raises(Forbidden):
                await db.query(actor, statement)


async def test_a_role_that_was_taken_away_opens_nothing_more(database, people, boss):
    await admin.operations(boss)
    await grant(database, boss, is_admin=False)
    with pytest.raises(Forbidden):
        await admin.operations(boss)
    kinds = await database.rows("select kind from events.event where kind ~ '^admin[.](granted|revoked)' order by id")
    assert kinds == [("admin.granted",), ("admin.revoked",)]


@pytest.mark.parametrize("role", ["paya_app", "paya_worker"])
async def test_nobody_but_the_owner_grants(database, people, role):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await database.rows("select admin.set_role('+12025550100', true)", role=role)


async def test_nobody_fills_the_record_by_knocking_at_ever_other_places(database, people):
    eve = await people.join("eve")
    for place in (*(f"door {n}" for n in range(15)), None, None, "x" * 10_000):
        assert await db.query(eve, "select admin.enter(:place)", {"place": place}) == [(False,)]
    assert len(await events(database, eve)) == 10
