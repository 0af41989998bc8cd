from datetime import UTC, date, datetime, timedelta

import pytest

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, SignedOut
from paya_app.core.ids import new_id
from paya_app.savings import NothingToSkip, PlanEnded, PlanKeyReused, Schedule, SkipTooLate, next_after, upcoming
from tests.savings.made import (
    DAILY,
    confirmed_bank,
    database_now,
    found,
    go_to,
    in_state,
    kinds,
    make,
    on,
    rows_of,
    terms,
)


async def test_a_plan_is_made_with_the_next_three_that_its_schedule_says(database, people):
    ann = await people.join("ann")
    now = await database_now(database)
    plan = await make(ann, name="  Rainy \n days ")
    assert (plan.state, plan.terms.name, plan.version, plan.spent_cents) == ("active", "Rainy days", 1, 0)
    assert plan.terms.schedule == DAILY
    assert [buy.due_at for buy in plan.next_buys] == upcoming(DAILY, now, 3)
    assert {(buy.amount_cents, buy.state, buy.reason) for buy in plan.next_buys} == {(2500, "scheduled", "")}
    assert await savings.plan(ann, plan.id) == plan
    assert await savings.plans(ann) == [plan]
    (made,) = await savings.history(ann, plan.id)
    assert (made.kind, made.is_own, made.facts["before"]) == ("plan.created", True, {})
    assert made.facts["after"]["amount_cents"] == 2500
    assert "owner_id" not in made.facts


async def test_every_term_is_kept_and_told(database, people):
    ann = await people.join("ann")
    wanted = terms(
        schedule=Schedule("biweekly", "Australia/Lord_Howe", date(2026, 3, 2), 135, (4,), ends_on=date(2150, 1, 1)),
        funding="bank",
        source_id=await confirmed_bank(database, ann),
        lead_bank_days=3,
        buy_below_cents=10_000_000,
        dip_bps=500,
        dip_extra_cents=1000,
        cap_cents=100_000,
        on_shortfall="use_wallet",
        catch_up="skip",
    )
    plan = await savings.create(ann, plan_id=new_id(), terms=wanted)
    assert plan.terms == wanted
    assert (await savings.plans(ann))[0].terms == wanted


async def test_a_change_says_what_was_before_and_after_and_replaces_the_buys_ahead(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    old = [buy.due_at for buy in plan.next_buys]
    changed = await savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 4000, "minute_of_day": 600})
    assert (changed.terms.amount_cents, changed.terms.schedule.minute_of_day, changed.version) == (4000, 600, 2)
    assert [buy.due_at for buy in changed.next_buys] == [due + timedelta(hours=1) for due in old]
    assert {buy.amount_cents for buy in changed.next_buys} == {4000}
    assert (await in_state(database, plan, "canceled"))[:3] == old
    event = (await savings.history(ann, plan.id))[0]
    assert event.kind == "plan.changed"
    assert event.facts["before"] == {"amount_cents": 2500, "minute_of_day": 540}
    assert event.facts["after"] == {"amount_cents": 4000, "minute_of_day": 600}
    assert event.facts["canceled_count"] == 4


async def test_an_amount_that_changes_keeps_the_times(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    changed = await savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 600})
    assert [buy.due_at for buy in changed.next_buys] == [buy.due_at for buy in plan.next_buys]
    assert [buy.amount_cents for buy in changed.next_buys] == [600, 600, 600]


async def test_a_name_or_a_condition_leaves_the_buys_alone(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    before = await rows_of(database, plan)
    changes = {"name": "Boat", "buy_below_cents": 9_000_000, "cap_cents": 5000, "on_shortfall": "retry"}
    changed = await savings.change(ann, plan.id, key=new_id(), changes=changes)
    assert (changed.terms.name, changed.terms.cap_cents, changed.version) == ("Boat", 5000, 2)
    assert await rows_of(database, plan) == before
    again = await savings.change(ann, plan.id, key=new_id(), changes={"buy_below_cents": None, "name": "Boat"})
    assert again.terms.buy_below_cents is None
    assert (await savings.history(ann, plan.id))[0].facts["before"] == {"buy_below_cents": 9_000_000}


async def test_no_difference_is_no_event(people):
    ann = await people.join("ann")
    plan = await make(ann)
    same = await savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 2500})
    assert same == plan
    assert await kinds(ann, plan) == ["plan.created"]


async def test_another_frequency_leaves_behind_what_it_does_not_need(people):
    ann = await people.join("ann")
    plan = await make(ann, schedule=Schedule("monthly", "UTC", date(2026, 1, 1), 540, month_day=31))
    key = new_id()
    weekly = await savings.change(ann, plan.id, key=key, changes={"frequency": "weekly", "weekdays": [5, 1, 5]})
    assert weekly.terms.schedule == Schedule("weekly", "UTC", date(2026, 1, 1), 540, (1, 5))
    again = await savings.change(ann, plan.id, key=key, changes={"frequency": "weekly", "weekdays": [5, 1, 5]})
    assert again == weekly, "the same key is the same change"
    with pytest.raises(PlanKeyReused):
        await savings.change(ann, plan.id, key=key, changes={"frequency": "weekly", "weekdays": [5]})


async def test_paused_nothing_happens_and_resumed_it_goes_on_from_then(database, people, advance_clock):
    ann = await people.join("ann")
    plan = await make(ann)
    paused = await savings.pause(ann, plan.id, key=new_id())
    assert (paused.state, paused.pause_reason, paused.next_buys) == ("paused", "paused_by_owner", [])
    assert len(await in_state(database, plan, "canceled")) == 4
    assert await savings.pause(ann, plan.id, key=new_id()) == paused
    await advance_clock(days=10)
    assert await savings.schedule_ahead() == 0
    now = await database_now(database)
    resumed = await savings.resume(ann, plan.id, key=new_id())
    assert (resumed.state, resumed.pause_reason) == ("active", "")
    assert [buy.due_at for buy in resumed.next_buys] == upcoming(DAILY, now, 3)
    assert await savings.resume(ann, plan.id, key=new_id()) == resumed
    assert await kinds(ann, plan) == ["plan.created", "plan.paused", "plan.resumed"]
    told = (await savings.history(ann, plan.id))[1]
    assert (told.facts["before"], told.facts["after"]) == ({"state": "active"}, {"state": "paused"})


async def test_resumed_at_once_it_has_the_same_buys_again(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    await savings.pause(ann, plan.id, key=new_id())
    resumed = await savings.resume(ann, plan.id, key=new_id())
    assert [buy.due_at for buy in resumed.next_buys] == [buy.due_at for buy in plan.next_buys]
    assert {buy.id for buy in resumed.next_buys}.isdisjoint({buy.id for buy in plan.next_buys})


async def test_a_paused_plan_changes_and_stays_paused(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    await savings.pause(ann, plan.id, key=new_id())
    changed = await savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 700})
    assert (changed.state, changed.next_buys) == ("paused", [])
    resumed = await savings.resume(ann, plan.id, key=new_id())
    assert [buy.amount_cents for buy in resumed.next_buys] == [700, 700, 700]


async def test_the_next_buy_is_skipped_and_stays_skipped(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    first, second, third = (buy.due_at for buy in plan.next_buys)
    key = new_id()
    skipped = await savings.skip_next(ann, plan.id, key=key)
    assert [buy.due_at for buy in skipped.next_buys][:2] == [second, third]
    assert len(skipped.next_buys) == 3
    assert await savings.skip_next(ann, plan.id, key=key) == skipped
    event = (await savings.history(ann, plan.id))[0]
    assert (event.kind, event.facts["reason"]) == ("buy.skipped", "skipped_by_owner")
    assert datetime.fromisoformat(event.facts["due_at"]) == first
    # neither a change nor a pause brings it back
    await savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 900})
    await savings.pause(ann, plan.id, key=new_id())
    resumed = await savings.resume(ann, plan.id, key=new_id())
    assert [buy.due_at for buy in resumed.next_buys][:2] == [second, third]
    assert await in_state(database, plan, "skipped") == [first]
    listed = await savings.buys(ann, plan.id)
    assert listed[-1].due_at == first
    assert listed[-1].reason == "skipped_by_owner"


async def test_the_buy_that_was_shown_is_skipped_and_no_other(people, advance_clock):
    ann = await people.join("ann")
    plan = await make(ann)
    second = plan.next_buys[1].due_at
    skipped = await savings.skip_next(ann, plan.id, key=new_id(), due_at=second)
    assert second not in [buy.due_at for buy in skipped.next_buys]
    first = plan.next_buys[0].due_at
    await advance_clock(days=1)
    for due_at in (first, second, datetime(2027, 1, 1, tzinfo=UTC)):
        with pytest.raises(SkipTooLate, match="The buys after it happen as planned"):
            await savings.skip_next(ann, plan.id, key=new_id(), due_at=due_at)
    assert len((await found(ann, plan)).next_buys) >= 1


async def test_nothing_is_skipped_of_a_plan_that_is_paused(people):
    ann = await people.join("ann")
    plan = await make(ann)
    await savings.pause(ann, plan.id, key=new_id())
    with pytest.raises(NothingToSkip):
        await savings.skip_next(ann, plan.id, key=new_id())


async def test_thirty_are_skipped_ahead_at_most(people):
    ann = await people.join("ann")
    plan = await make(ann)
    for _ in range(30):
        plan = await savings.skip_next(ann, plan.id, key=new_id())
    assert len(plan.next_buys) == 3
    with pytest.raises(NothingToSkip, match="Pause the plan instead"):
        await savings.skip_next(ann, plan.id, key=new_id())
    changed = await savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 700})
    assert [buy.due_at for buy in changed.next_buys] == [buy.due_at for buy in plan.next_buys]


async def test_ended_is_for_good(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    ended = await savings.end(ann, plan.id, key=new_id())
    assert (ended.state, ended.end_reason, ended.next_buys) == ("ended", "ended_by_owner", [])
    assert ended.ended_at is not None
    assert await savings.end(ann, plan.id, key=new_id()) == ended
    for verb in (savings.pause, savings.resume, savings.skip_next):
        with pytest.raises(PlanEnded):
            await verb(ann, plan.id, key=new_id())
    with pytest.raises(PlanEnded, match="What it bought is yours"):
        await savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 700})
    assert await kinds(ann, plan) == ["plan.created", "plan.ended"]
    for statement in ("update savings.plan set name = 'x'", "delete from savings.plan", "delete from savings.buy"):
        with pytest.raises(Exception, match="append_only"):
            await database.rows(statement)


async def test_a_buy_that_has_begun_goes_on_whatever_its_plan_does(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    first = plan.next_buys[0]
    await database.rows(
        "update savings.buy set state = 'collected', collected_at = now(), version = version + 1 where id = %s",
        (first.id,),
    )
    await savings.change(ann, plan.id, key=new_id(), changes={"minute_of_day": 600})
    await savings.pause(ann, plan.id, key=new_id())
    await savings.end(ann, plan.id, key=new_id())
    assert await in_state(database, plan, "collected") == [first.due_at]
    assert (await found(ann, plan)).spent_cents == 2500


async def test_a_buy_that_is_due_is_kept_by_a_change_and_taken_back_by_a_pause(database, people, advance_clock):
    ann = await people.join("ann")
    plan, other = await make(ann), await make(ann)
    due = plan.next_buys[0].due_at
    await go_to(database, advance_clock, due + timedelta(seconds=5))
    await savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 900})
    assert (due, "scheduled", None) in await rows_of(database, plan)
    await savings.pause(ann, other.id, key=new_id())
    assert (due, "canceled", "plan_paused") in await rows_of(database, other)


async def test_a_plan_of_somebody_else_is_not_found(people):
    ann, bob = await people.join("ann"), await people.join("bob")
    plan = await make(ann)
    assert await savings.plan(bob, plan.id) is None
    assert await savings.plans(bob) == []
    assert await savings.buys(bob, plan.id) == []
    for verb in (savings.pause, savings.resume, savings.skip_next, savings.end):
        with pytest.raises(NotFound, match="no such plan"):
            await verb(bob, plan.id, key=new_id())
    with pytest.raises(NotFound):
        await savings.change(bob, plan.id, key=new_id(), changes={"amount_cents": 600})
    with pytest.raises(NotFound):
        await savings.history(bob, plan.id)
    with pytest.raises(PlanKeyReused):
        await make(bob, plan.id)
    assert await savings.plan(ann, plan.id) == plan


async def test_visitors_have_no_plans(people):
    ann = await people.join("ann")
    plan, visitor = await make(ann), Actor.visitor()
    assert (await savings.plans(visitor), await savings.plan(visitor, plan.id)) == ([], None)
    assert await savings.buys(visitor, plan.id) == []
    with pytest.raises(SignedOut):
        await make(visitor)
    for verb in (savings.pause, savings.resume, savings.skip_next, savings.end):
        with pytest.raises(SignedOut):
            await verb(visitor, plan.id, key=new_id())
    with pytest.raises(SignedOut):
        await savings.change(visitor, plan.id, key=new_id(), changes={})
    with pytest.raises(NotFound):
        await savings.history(visitor, plan.id)


async def test_history_and_buys_come_in_pages(people):
    ann = await people.join("ann")
    plan = await make(ann)
    for cents in range(501, 511):
        await savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": cents})
        await savings.skip_next(ann, plan.id, key=new_id())
    whole = await savings.history(ann, plan.id)
    assert len(whole) == 21
    paged, before = [], None
    while page := await savings.history(ann, plan.id, before=before, limit=4):
        paged += page
        before = page[-1].id
    assert paged == whole
    buys, due = [], None
    while page := await savings.buys(ann, plan.id, before=due, limit=3):
        buys += page
        due = page[-1].due_at
    assert buys == await savings.buys(ann, plan.id)
    assert sum(buy.state == "skipped" for buy in buys) == 10


async def test_what_a_bank_pays_begins_when_its_money_can_be_there(database, people):
    ann = await people.join("ann")
    bank = await confirmed_bank(database, ann)
    plan = await make(ann, funding="bank", source_id=bank, lead_bank_days=3)
    now = await database_now(database)
    assert plan.next_buys[0].due_at >= now + timedelta(days=2)
    (first, *_) = await savings.bank_funded_due()
    assert (first.buy_id, first.source_id, first.person) == (plan.next_buys[0].id, bank, ann.user_id)
    assert (first.amount_cents, first.due_at) == (2500, plan.next_buys[0].due_at)
    # the bank was asked for the first ones: they stay, and what comes after them is the change's
    changed = await savings.change(ann, plan.id, key=new_id(), changes={"amount_cents": 3000})
    assert changed.next_buys[0] == plan.next_buys[0]
    rows = await savings.buys(ann, plan.id)
    assert {buy.amount_cents for buy in rows} == {2500, 3000}
    to_wallet = await savings.change(ann, plan.id, key=new_id(), changes={"funding": "wallet"})
    assert (to_wallet.terms.source_id, to_wallet.terms.lead_bank_days) == (None, 0)
    assert await savings.bank_funded_due() == []


async def test_a_bank_that_is_removed_pauses_the_plans_that_it_pays(database, people):
    ann = await people.join("ann")
    bank = await confirmed_bank(database, ann)
    plan, other = await make(ann, funding="bank", source_id=bank, lead_bank_days=2), await make(ann)
    await database.rows("update banking.source set state = 'removed' where id = %s", (bank,))
    paused = await found(ann, plan)
    assert (paused.state, paused.pause_reason) == ("paused", "bank_removed")
    assert (await found(ann, other)).state == "active"
    with pytest.raises(NotFound, match="no such bank"):
        await savings.resume(ann, plan.id, key=new_id())
    await savings.change(ann, plan.id, key=new_id(), changes={"funding": "wallet"})
    assert (await savings.resume(ann, plan.id, key=new_id())).state == "active"


async def test_a_bank_that_is_removed_waits_for_no_batch_of_due_buys(database, people, advance_clock):
    ann = await people.join("ann")
    bank = await confirmed_bank(database, ann)
    plan = await make(ann, funding="bank", source_id=bank, lead_bank_days=2)
    due = plan.next_buys[0].due_at
    await go_to(database, advance_clock, due + timedelta(seconds=5))
    async with await database.connect() as batch:
        await batch.execute("begin")
        await batch.execute("select from savings.buy where state = 'scheduled' and due_at <= private.now() for update")
        await database.rows(
            "with quick as (select set_config('lock_timeout', '2s', true)) "
            "update banking.source set state = 'removed' from quick where id = %s",
            (bank,),
        )
        await batch.execute("rollback")
    assert (await found(ann, plan)).state == "paused"
    assert await in_state(database, plan, "scheduled") == [due]


async def test_pausing_for_a_reason_of_ours_is_said(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    service = "select savings.pause_for(%s, 'insufficient_funds')"
    assert await database.value(service, (plan.id,)) is True
    assert await database.value(service, (plan.id,)) is False
    event = (await savings.history(ann, plan.id))[0]
    assert (event.kind, event.is_own, event.facts["reason"]) == ("plan.paused", False, "insufficient_funds")
    assert await database.value("select savings.end_for(%s, 'cap_reached')", (plan.id,)) is True
    assert (await found(ann, plan)).end_reason == "cap_reached"


async def test_a_last_day_bounds_the_buys_ahead(database, people):
    ann = await people.join("ann")
    now = await database_now(database)
    first = next_after(DAILY, now)
    assert first is not None
    plan = await make(ann, schedule=on(ends_on=(first - timedelta(hours=9)).date() + timedelta(days=1)))
    assert len(plan.next_buys) in (2, 3)
    assert await savings.schedule_ahead() == 0
