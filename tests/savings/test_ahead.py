"""Buys are kept ahead of plans, also after nobody worked for days."""

import asyncio
from datetime import date, timedelta

import psycopg
import pytest

from jobs.savings import schedule_ahead as schedule_job
from paya_app import savings
from paya_app.core.ids import new_id
from paya_app.savings import NothingToSkip, Schedule, schedule_ahead, upcoming
from paya_app.savings.schedule_ahead import AHEAD
from tests.savings.made import (
    DAILY,
    START,
    confirmed_bank,
    database_now,
    found,
    go_to,
    in_state,
    kinds,
    make,
    on,
    rows_of,
)

HOURLY = Schedule("hourly", "Europe/Berlin", START, 15)
BEGIN = (
    "update savings.buy set state = 'collected', collected_at = private.now(), version = version + 1"
    " where state = 'scheduled' and due_at <= private.now() returning plan_id"
)


async def test_there_are_three_ahead_at_any_minute(database, people, advance_clock):
    ann = await people.join("ann")
    plan = await make(ann, schedule=HOURLY)
    seen = set()
    for _ in range(30):
        await advance_clock(minutes=27)
        now = await database_now(database)
        shown = (await found(ann, plan)).next_buys
        assert [buy.due_at for buy in shown] == upcoming(HOURLY, now, 3)
        await database.rows(BEGIN)
        await savings.schedule_ahead()
        seen |= {buy.due_at for buy in shown}
    rows = await rows_of(database, plan)
    assert len(rows) == len({due_at for due_at, _, _ in rows})
    assert [due_at for due_at, _, _ in rows] == upcoming(HOURLY, plan.created_at, len(rows)), "each once, none left out"
    assert len(await in_state(database, plan, "scheduled")) == AHEAD


async def test_once_made_nothing_more_is_made(database, people):
    ann = await people.join("ann")
    for schedule in (DAILY, HOURLY, on(frequency="monthly", month_day=-1)):
        await make(ann, schedule=schedule)
    assert await savings.schedule_ahead() == 0
    assert await database.value("select count(*) from savings.buy") == 3 * AHEAD


async def test_two_workers_at_once_make_each_buy_once(database, people, advance_clock):
    ann = await people.join("ann")
    plans = [await make(ann, schedule=HOURLY) for _ in range(5)]
    await advance_clock(hours=3)
    await database.rows(BEGIN)
    made = await asyncio.gather(*(savings.schedule_ahead() for _ in range(5)))
    assert sum(made) == 15
    for plan in plans:
        assert len(await in_state(database, plan, "scheduled")) == AHEAD


async def test_a_plan_that_changed_meanwhile_is_left_to_the_next_turn(database, people, advance_clock):
    ann = await people.join("ann")
    plan = await make(ann, schedule=HOURLY)
    await advance_clock(hours=2)
    await database.rows(BEGIN)
    rows = await database.rows("select plan_id, version from savings.plans_to_schedule(10)")
    await savings.change(ann, plan.id, key=new_id(), changes={"minute_of_day": 45})
    old = upcoming(HOURLY, await database_now(database), 9)[8]
    make_buys = "select savings.schedule_buys(%s::uuid[], %s::bigint[], '{false}', %s::uuid[], %s::timestamptz[])"
    ids, versions = [rows[0][0]], [rows[0][1]]
    assert await database.value(make_buys, (ids, versions, ids, [old])) == 0
    assert old not in [due_at for due_at, _, _ in await rows_of(database, plan)]
    assert {due.minute for due in await in_state(database, plan, "scheduled")} == {45}


async def test_after_three_days_one_buy_stands_for_all(database, people, advance_clock):
    ann = await people.join("ann")
    plan = await make(ann, schedule=HOURLY, catch_up="one")
    await advance_clock(days=3)
    now = await database_now(database)
    await savings.schedule_ahead()
    await savings.skip_missed()
    past = [row for row in await rows_of(database, plan) if row[0] <= now]
    assert [due_at for due_at, _, _ in past] == upcoming(HOURLY, plan.created_at, len(past)), "each time has its row"
    assert len(past) in (71, 72, 73)
    assert [state for _, state, _ in past] == ["skipped"] * (len(past) - 1) + ["scheduled"]
    assert {reason for _, _, reason in past[:-1]} == {"missed"}
    assert [buy.due_at for buy in (await found(ann, plan)).next_buys] == upcoming(HOURLY, now, 3)
    assert (await kinds(ann, plan)).count("buy.skipped") == len(past) - 1
    assert await savings.skip_missed() == 0


async def test_whoever_is_quicker_there_is_one_buy(database, people, advance_clock):
    ann = await people.join("ann")
    plan = await make(ann, catch_up="one", schedule=on(minute_of_day=0, zone="UTC"))
    await advance_clock(days=9)
    # the worker that buys comes first, and then the one that counts the times
    await savings.skip_missed()
    assert len(await database.rows(BEGIN)) == 1
    await savings.schedule_ahead()
    await savings.skip_missed()
    now = await database_now(database)
    waiting = [row for row in await rows_of(database, plan) if row[0] <= now and row[1] == "scheduled"]
    assert len(await in_state(database, plan, "collected")) == 1
    assert waiting == [] or waiting[0][0] > now - timedelta(hours=1)


async def test_a_plan_that_skips_buys_nothing_of_what_was_missed(database, people, advance_clock):
    ann = await people.join("ann")
    plan = await make(ann, schedule=HOURLY, catch_up="skip")
    await advance_clock(days=3)
    now = await database_now(database)
    await savings.schedule_ahead()
    waiting = [due for due in await in_state(database, plan, "scheduled") if due <= now]
    assert all(due > now - timedelta(hours=1) for due in waiting), "within the hour it is late, not missed"
    assert len(waiting) <= 1


async def test_a_little_late_is_not_missed(database, people, advance_clock):
    ann = await people.join("ann")
    plan = await make(ann, catch_up="skip")
    due = plan.next_buys[0].due_at
    await go_to(database, advance_clock, due + timedelta(minutes=59))
    assert await savings.skip_missed() == 0
    await advance_clock(minutes=2)
    assert await savings.skip_missed() == 1
    assert await in_state(database, plan, "skipped") == [due]


async def test_what_waits_for_money_is_not_missed(database, people, advance_clock):
    ann = await people.join("ann")
    plan = await make(ann, catch_up="skip", on_shortfall="retry")
    await database.rows(
        "update savings.buy set reason = 'insufficient_funds', version = version + 1 where id = %s",
        (plan.next_buys[0].id,),
    )
    due = plan.next_buys[0].due_at
    await go_to(database, advance_clock, due + timedelta(hours=2))
    assert await savings.skip_missed() == 0


async def test_a_schedule_that_is_over_ends_its_plan_after_the_last_buy(database, people, advance_clock):
    ann = await people.join("ann")
    tomorrow = (await database_now(database)).date() + timedelta(days=1)
    plan = await make(ann, schedule=Schedule("daily", "UTC", tomorrow, 600, ends_on=tomorrow + timedelta(days=1)))
    assert len(plan.next_buys) == 2
    first, last = (buy.due_at for buy in plan.next_buys)
    for moment in (first, last):
        await savings.schedule_ahead()
        await go_to(database, advance_clock, moment - timedelta(minutes=1))
        await database.rows(BEGIN)
        await savings.schedule_ahead()
        assert (await found(ann, plan)).state == "active"
    await go_to(database, advance_clock, last + timedelta(minutes=1))
    await savings.schedule_ahead()
    assert (await found(ann, plan)).state == "active", "its last buy is due and has not begun"
    await database.rows(BEGIN)
    await advance_clock(minutes=2)
    await savings.schedule_ahead()
    over = await found(ann, plan)
    assert (over.state, over.end_reason) == ("ended", "schedule_over")
    assert len(await in_state(database, plan, "collected")) == 2
    assert (await kinds(ann, plan))[-1] == "plan.ended"


async def test_a_zone_that_nobody_knows_here_holds_up_nobody(database, people, advance_clock):
    ann = await people.join("ann")
    lost, fine = await make(ann, schedule=HOURLY), await make(ann, schedule=HOURLY)
    await database.rows("update savings.plan set zone = 'Atlantis/Capital' where id = %s", (lost.id,))
    await advance_clock(hours=2)
    assert await savings.schedule_ahead() == 2
    now = await database_now(database)
    assert [buy.due_at for buy in (await found(ann, fine)).next_buys] == upcoming(HOURLY, now, 3)
    assert await database.value("select count(*) from savings.plans_to_schedule(10)") == 0, "asked again in an hour"


async def test_what_a_bank_pays_is_ahead_by_its_lead(database, people, advance_clock):
    ann = await people.join("ann")
    bank = await confirmed_bank(database, ann)
    plan = await make(ann, funding="bank", source_id=bank, lead_bank_days=10)
    asked: set = set()
    for _ in range(40):
        for each in await savings.bank_funded_due():
            assert each.buy_id not in asked or each.due_at > await database_now(database)
            asked.add(each.buy_id)
        await advance_clock(hours=12)
        await savings.schedule_ahead()
    rows = await database.rows(
        "select id, due_at from savings.buy where plan_id = %s and due_at <= private.now()", (plan.id,)
    )
    assert rows
    assert {buy_id for buy_id, _ in rows} <= asked


async def test_skipping_before_the_missed_are_told_leaves_none_of_them_out(database, people, advance_clock):
    ann = await people.join("ann")
    plan = await make(ann, schedule=HOURLY)
    await advance_clock(days=1)
    with pytest.raises(NothingToSkip):
        await savings.skip_next(ann, plan.id, key=new_id())
    await schedule_job()
    await savings.skip_next(ann, plan.id, key=new_id())
    rows = [due_at for due_at, _, _ in await rows_of(database, plan)]
    assert rows == upcoming(HOURLY, plan.created_at, len(rows))
    assert len((await found(ann, plan)).next_buys) == 3


async def test_lists_that_do_not_match_are_refused(database):
    for call in (
        "select savings.schedule_buys('{}', '{1}', '{}', '{}', '{}')",
        "select savings.schedule_buys(null, '{}', '{}', '{}', '{}')",
        "select savings.schedule_buys('{}', '{}', '{}', '{}', null)",
        "select savings.schedule_buys('{}', '{}', '{true}', '{}', '{}')",
    ):
        with pytest.raises(psycopg.Error, match="batch_malformed"):
            await database.rows(call)


async def test_many_plans_are_scheduled_in_batches(database, people, advance_clock, monkeypatch):
    monkeypatch.setitem(schedule_ahead.__globals__, "PLANS_AT_ONCE", 7)
    ann = await people.join("ann")
    for _ in range(20):
        await make(ann, schedule=on(starts_on=date(2026, 1, 1)))
    await advance_clock(days=1)
    await database.rows(BEGIN)
    assert await savings.schedule_ahead() == 20
