"""What is done to a plan twice, or at once with something else, happens once and whole."""

import asyncio
import random

import pytest

from paya_app import savings
from paya_app.core.errors import PayaError
from paya_app.core.ids import new_id
from paya_app.savings import Plan, PlanEnded, PlanKeyReused, PlansLimit, SkipTooLate
from tests.savings.made import found, go_to, in_state, kinds, make, rows_of, terms

CLAIM = "select id from savings.buy where id = %s and state = 'scheduled' for no key update skip locked"
COLLECT = (
    "update savings.buy set state = 'collected', collected_at = private.now(), version = version + 1 where id = %s"
)


async def test_made_twenty_times_at_once_it_is_one_plan(database, people):
    ann = await people.join("ann")
    once = new_id()
    made = await asyncio.gather(*(make(ann, once) for _ in range(20)))
    assert {plan.id for plan in made} == {once}
    assert await database.value("select count(*) from savings.plan") == 1
    assert await database.value("select count(*) from savings.buy") == 4
    assert await kinds(ann, made[0]) == ["plan.created"]
    with pytest.raises(PlanKeyReused, match="saved something else"):
        await make(ann, once, amount_cents=2600)


async def test_two_people_who_make_the_same_id_at_once_get_one_plan_and_one_refusal(database, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    for _ in range(5):
        once = new_id()
        answers = await asyncio.gather(make(ann, once), make(bob, once), return_exceptions=True)
        assert sum(isinstance(answer, Plan) for answer in answers) == 1
        assert sum(isinstance(answer, PlanKeyReused) for answer in answers) == 1
    assert await database.value("select count(*) from savings.plan") == 5


async def test_of_thirty_plans_at_once_twenty_are_made(people):
    ann = await people.join("ann")
    answers = await asyncio.gather(*(make(ann) for _ in range(30)), return_exceptions=True)
    assert sum(isinstance(answer, Plan) for answer in answers) == 20
    assert sum(isinstance(answer, PlansLimit) for answer in answers) == 10


async def test_skipped_ten_times_at_once_under_one_key_one_is_skipped(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    key = new_id()
    await asyncio.gather(*(savings.skip_next(ann, plan.id, key=key) for _ in range(10)))
    assert await in_state(database, plan, "skipped") == [plan.next_buys[0].due_at]
    assert await kinds(ann, plan) == ["plan.created", "buy.skipped"]


async def test_skipped_from_two_pages_at_once_the_one_that_both_show_is_skipped_once(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    shown = plan.next_buys[0].due_at
    answers = await asyncio.gather(
        *(savings.skip_next(ann, plan.id, key=new_id(), due_at=shown) for _ in range(2)), return_exceptions=True
    )
    assert sum(isinstance(answer, SkipTooLate) for answer in answers) == 1
    assert await in_state(database, plan, "skipped") == [shown]


async def test_a_change_waits_for_the_claim_of_a_buy_and_leaves_what_was_claimed(database, people, advance_clock):
    ann = await people.join("ann")
    plan = await make(ann)
    first = plan.next_buys[0]
    for verb in (savings.pause, savings.end):
        async with await database.connect() as worker:
            await worker.execute("begin")
            assert (await (await worker.execute(CLAIM.encode(), (first.id,))).fetchall()) == [(first.id,)]
            doing = asyncio.create_task(verb(ann, plan.id, key=new_id()))
            await asyncio.sleep(0.2)
            assert not doing.done()
            await worker.execute(COLLECT.encode(), (first.id,))
            await worker.execute("commit")
            await doing
        assert (first.due_at, "collected", None) in await rows_of(database, plan)
        if verb is savings.pause:
            plan = await savings.resume(ann, plan.id, key=new_id())
            assert first.due_at not in [buy.due_at for buy in plan.next_buys], "what has begun is not planned again"
            first = plan.next_buys[0]
    assert len(await in_state(database, plan, "collected")) == 2


async def test_a_changed_amount_does_not_reach_a_buy_that_is_claimed(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    first = plan.next_buys[0]
    async with await database.connect() as worker:
        await worker.execute("begin")
        await worker.execute(CLAIM.encode(), (first.id,))
        doing = asyncio.create_task(savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 9900}))
        await asyncio.sleep(0.2)
        await worker.execute(COLLECT.encode(), (first.id,))
        await worker.execute("commit")
        changed = await doing
    assert [buy.amount_cents for buy in changed.next_buys] == [9900] * len(changed.next_buys)
    amount = await database.value("select amount_cents from savings.buy where id = %s", (first.id,))
    assert amount == 2500


async def test_two_changes_at_once_are_both_there(people):
    ann = await people.join("ann")
    plan = await make(ann)
    await asyncio.gather(
        savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 4200}),
        savings.change(ann, plan.id, key=new_id(), changes={"name": "Boat"}),
        savings.change(ann, plan.id, key=new_id(), changes={"minute_of_day": 1}),
    )
    now = await found(ann, plan)
    assert (now.terms.amount_cents, now.terms.name, now.terms.schedule.minute_of_day, now.version) == (
        4200,
        "Boat",
        1,
        4,
    )
    assert {buy.amount_cents for buy in now.next_buys} == {4200}


async def test_a_key_of_one_plan_is_none_of_another(people):
    ann, bob = await people.join("ann"), await people.join("bob")
    mine, other, theirs, key = await make(ann), await make(ann), await make(bob), new_id()
    await savings.pause(ann, mine.id, key=key)
    for actor, plan in ((ann, other), (bob, theirs)):
        with pytest.raises(PlanKeyReused):
            await savings.pause(actor, plan.id, key=key)
    with pytest.raises(PlanKeyReused):
        await savings.resume(ann, mine.id, key=key)
    with pytest.raises(PlanKeyReused):
        await savings.pause(ann, other.id, key=mine.id)


async def test_everything_at_once_never_waits_in_a_circle_and_keeps_every_rule(database, people, advance_clock):
    ann = await people.join("ann")
    plans = [await make(ann, schedule=terms().schedule) for _ in range(4)]
    chance = random.Random(11)  # noqa: S311 - the same order every time
    verbs = [
        lambda plan: savings.pause(ann, plan.id, key=new_id()),
        lambda plan: savings.resume(ann, plan.id, key=new_id()),
        lambda plan: savings.skip_next(ann, plan.id, key=new_id()),
        lambda plan: savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": chance.randint(500, 9000)}),
        lambda plan: savings.change(ann, plan.id, key=new_id(), changes={"minute_of_day": chance.randint(0, 1439)}),
        lambda _: savings.schedule_ahead(),
        lambda _: savings.skip_missed(),
    ]
    for _ in range(4):
        doing = [chance.choice(verbs)(chance.choice(plans)) for _ in range(15)]
        answers = await asyncio.gather(*doing, return_exceptions=True)
        faults = [each for each in answers if isinstance(each, BaseException) and not isinstance(each, PayaError)]
        assert faults == []
        assert {type(each).__name__ for each in answers if isinstance(each, BaseException)} <= {"NothingToSkip"}
        await go_to(database, advance_clock, (await database.value("select private.now() + interval '1 day'")))
    for plan in plans:
        now = await found(ann, plan)
        scheduled = await in_state(database, plan, "scheduled")
        assert (now.state == "active") == bool(scheduled)
        assert [e.version for e in await savings.history(ann, plan.id) if e.subject == plan.id] == sorted(
            {e.version for e in await savings.history(ann, plan.id) if e.subject == plan.id}, reverse=True
        )


async def test_ended_while_it_is_changed_it_is_ended(people):
    ann = await people.join("ann")
    for _ in range(5):
        plan = await make(ann)
        answers = await asyncio.gather(
            savings.end(ann, plan.id, key=new_id()),
            savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 700}),
            return_exceptions=True,
        )
        assert isinstance(answers[0], Plan)
        assert isinstance(answers[1], Plan | PlanEnded)
        over = await found(ann, plan)
        assert (over.state, over.next_buys) == ("ended", [])
