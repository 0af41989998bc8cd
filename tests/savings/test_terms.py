"""Every field of a plan with everything that people and programs may put there: a named refusal, nothing half-done."""

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from paya_app import savings
from paya_app.core.errors import NotFound, PayaError, RequestInvalid
from paya_app.core.ids import new_id
from paya_app.savings import (
    BuyAmountInvalid,
    PlanAccountUnavailable,
    PlanBankUnconfirmed,
    PlanConditionInvalid,
    PlanFundingInvalid,
    PlanNameInvalid,
    PlansLimit,
    Schedule,
    ScheduleInvalid,
    ScheduleNever,
)
from paya_app.savings.checking import checked
from paya_app.savings.terms import FIELDS, values_of
from tests.savings.made import confirmed_bank, make, rows_of, terms
from tests.web.hostile import SHAPES, TEXTS

GOOD = values_of(terms())
SOMEBODYS = UUID("00000000-0000-4000-8000-000000000001")

REFUSED: list[tuple[type[PayaError], str, dict[str, Any]]] = [
    (PlanNameInvalid, "", {"name": " "}),
    (PlanNameInvalid, "", {"name": "x" * 41}),
    (PlanNameInvalid, "", {"name": "a\x00b"}),
    (PlanNameInvalid, "", {"name": "\u200b\u2060"}),
    (BuyAmountInvalid, "", {"amount_cents": 499}),
    (BuyAmountInvalid, "", {"amount_cents": 100_001}),
    (BuyAmountInvalid, "", {"amount_cents": 0}),
    (BuyAmountInvalid, "", {"amount_cents": -2500}),
    (BuyAmountInvalid, "", {"amount_cents": 10**30}),
    (BuyAmountInvalid, "", {"amount_cents": 25.0}),
    (BuyAmountInvalid, "", {"amount_cents": True}),
    (ScheduleInvalid, "frequency", {"frequency": "yearly"}),
    (ScheduleInvalid, "zone", {"zone": "America/Gotham"}),
    (ScheduleInvalid, "zone", {"zone": "../../etc/passwd"}),
    (ScheduleInvalid, "zone", {"zone": "america/new_york"}),
    (ScheduleInvalid, "zone", {"zone": "localtime"}),
    (ScheduleInvalid, "minute_of_day", {"minute_of_day": 1440}),
    (ScheduleInvalid, "minute_of_day", {"minute_of_day": -1}),
    (ScheduleInvalid, "minute_of_day", {"frequency": "hourly", "minute_of_day": 60}),
    (ScheduleInvalid, "month_day", {"frequency": "monthly"}),
    (ScheduleInvalid, "month_day", {"frequency": "monthly", "month_day": 32}),
    (ScheduleInvalid, "month_day", {"frequency": "monthly", "month_day": 0}),
    (ScheduleInvalid, "month_day", {"frequency": "monthly", "month_day": -2}),
    (ScheduleInvalid, "weekdays", {"frequency": "weekly"}),
    (ScheduleInvalid, "weekdays", {"frequency": "weekly", "weekdays": [0]}),
    (ScheduleInvalid, "weekdays", {"frequency": "weekly", "weekdays": [8]}),
    (ScheduleInvalid, "weekdays", {"frequency": "biweekly", "weekdays": [1, 2]}),
    (ScheduleInvalid, "ends_on", {"ends_on": "2025-12-31"}),
    (ScheduleInvalid, "ends_on", {"ends_on": "2027-02-30"}),
    (ScheduleInvalid, "ends_on", {"ends_on": "9999-12-31"}),
    (ScheduleInvalid, "starts_on", {"starts_on": "1999-12-31"}),
    (ScheduleInvalid, "starts_on", {"starts_on": "2150-01-01"}),
    (ScheduleInvalid, "starts_on", {"starts_on": datetime(2026, 1, 1, tzinfo=UTC)}),
    (ScheduleInvalid, "starts_on", {"starts_on": None}),
    (ScheduleNever, "", {"ends_on": "2026-01-02"}),
    (ScheduleNever, "", {"frequency": "weekly", "weekdays": [1], "starts_on": "2030-01-01", "ends_on": "2030-01-06"}),
    (PlanConditionInvalid, "buy_below_cents", {"buy_below_cents": 0}),
    (PlanConditionInvalid, "buy_below_cents", {"buy_below_cents": 99_999}),
    (PlanConditionInvalid, "dip", {"dip_bps": 500}),
    (PlanConditionInvalid, "dip", {"dip_extra_cents": 500}),
    (PlanConditionInvalid, "dip_bps", {"dip_bps": 0, "dip_extra_cents": 500}),
    (PlanConditionInvalid, "dip_bps", {"dip_bps": 5001, "dip_extra_cents": 500}),
    (PlanConditionInvalid, "dip_bps", {"dip_bps": 10_000, "dip_extra_cents": 500}),
    (PlanConditionInvalid, "dip_extra_cents", {"dip_bps": 500, "dip_extra_cents": 0}),
    (PlanConditionInvalid, "dip_extra_cents", {"dip_bps": 500, "dip_extra_cents": 97_501}),
    (PlanConditionInvalid, "cap_cents", {"cap_cents": 2499}),
    (PlanConditionInvalid, "cap_cents", {"cap_cents": 0}),
    (PlanFundingInvalid, "funding", {"funding": "card"}),
    (PlanFundingInvalid, "source_id", {"funding": "bank", "lead_bank_days": 3}),
    (PlanFundingInvalid, "source_id", {"source_id": SOMEBODYS}),
    (PlanFundingInvalid, "lead_bank_days", {"lead_bank_days": 3}),
    (PlanFundingInvalid, "lead_bank_days", {"funding": "bank", "source_id": SOMEBODYS, "lead_bank_days": 0}),
    (PlanFundingInvalid, "lead_bank_days", {"funding": "bank", "source_id": SOMEBODYS, "lead_bank_days": 11}),
    (
        PlanFundingInvalid,
        "frequency",
        {"funding": "bank", "source_id": SOMEBODYS, "lead_bank_days": 3, "frequency": "hourly", "minute_of_day": 5},
    ),
    (PlanFundingInvalid, "on_shortfall", {"on_shortfall": "use_wallet"}),
    (PlanFundingInvalid, "catch_up", {"catch_up": "all"}),
    (NotFound, "", {"funding": "bank", "source_id": SOMEBODYS, "lead_bank_days": 3}),
]


@pytest.mark.parametrize(("error", "field", "changes"), REFUSED, ids=lambda value: str(value)[:60])
async def test_what_cannot_be_is_refused_by_name_in_making_and_in_changing(database, people, error, field, changes):
    ann = await people.join("ann")
    plan = await make(ann)
    before = await rows_of(database, plan)
    with pytest.raises(error) as refused:
        await savings.create(ann, plan_id=new_id(), terms=checked(GOOD | changes))
    assert refused.value.facts.get("field", "") == field
    assert refused.value.message.endswith(".")
    assert 400 <= refused.value.status < 500
    with pytest.raises(error) as refused:
        await savings.change(ann, plan.id, key=new_id(), changes=changes)
    assert refused.value.facts.get("field", "") == field
    assert await savings.plans(ann) == [plan]
    assert await rows_of(database, plan) == before
    assert len(await savings.history(ann, plan.id)) == 1


@pytest.mark.parametrize("field", FIELDS)
def test_no_text_or_shape_is_a_fault(field):
    for value in (TEXTS | SHAPES | {"year": "10000-01-01", "nested": [[1]], "big": [10**30]}).values():
        for changes in ({field: value}, {field: value, "frequency": "monthly"}, {field: value, "funding": "bank"}):
            with suppress(PayaError):
                told = checked(GOOD | changes)
                assert checked(values_of(told)) == told


async def test_a_field_that_there_is_none_of_is_refused(people):
    ann = await people.join("ann")
    plan = await make(ann)
    for changes in ({"state": "ended"}, {"person": "me"}, {"version": 9}, {"amount": 5}, {"id": str(new_id())}):
        with pytest.raises(RequestInvalid, match="A plan has no"):
            await savings.change(ann, plan.id, key=new_id(), changes=changes)


async def test_the_bounds_are_those_of_the_limits(database, people):
    ann = await people.join("ann")
    set_limit = "insert into risk.limit_value (name, value_max, reason) values (%s, %s, 'a test')"
    await make(ann, amount_cents=500)
    await make(ann, amount_cents=100_000)
    await database.rows(set_limit, ("buy_single_min_cents", 700))
    with pytest.raises(BuyAmountInvalid, match=r"\$7.00 at least and \$1,000.00 at most"):
        await make(ann, amount_cents=699)
    await make(ann, amount_cents=700)


async def test_a_cap_leaves_room_for_one_buy_more_than_is_spent(database, people):
    ann = await people.join("ann")
    plan = await make(ann, cap_cents=2500)
    await database.rows(
        "update savings.buy set state = 'collected', collected_at = now(), version = version + 1 where id = %s",
        (plan.next_buys[0].id,),
    )
    with pytest.raises(PlanConditionInvalid, match="what is spent and one buy more"):
        await savings.change(ann, plan.id, key=new_id(), changes={"cap_cents": 4999})
    await savings.change(ann, plan.id, key=new_id(), changes={"name": "Still"})
    assert (await savings.change(ann, plan.id, key=new_id(), changes={"cap_cents": 5000})).terms.cap_cents == 5000


async def test_twenty_plans_are_the_most_and_an_ended_one_makes_room(people):
    ann, bob = await people.join("ann"), await people.join("bob")
    made = [await make(ann) for _ in range(20)]
    with pytest.raises(PlansLimit, match="You have 20 plans"):
        await make(ann)
    await make(bob)
    await savings.pause(ann, made[0].id, key=new_id())
    with pytest.raises(PlansLimit):
        await make(ann)
    await savings.end(ann, made[0].id, key=new_id())
    await make(ann)


async def test_a_bank_is_ones_own_and_confirmed(database, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    theirs = await confirmed_bank(database, bob)
    with pytest.raises(NotFound, match="no such bank"):
        await make(ann, funding="bank", source_id=theirs, lead_bank_days=3)
    waiting = await confirmed_bank(database, ann, state="unverified")
    with pytest.raises(PlanBankUnconfirmed):
        await make(ann, funding="bank", source_id=waiting, lead_bank_days=3)


async def test_who_cannot_pay_makes_and_resumes_no_plan_but_may_pause_and_end(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    await database.rows("select risk.impose(%s, 'restricted', 'under_review')", (ann.user_id,))
    with pytest.raises(PlanAccountUnavailable, match="Your account is restricted"):
        await make(ann)
    assert (await savings.pause(ann, plan.id, key=new_id())).state == "paused"
    with pytest.raises(PlanAccountUnavailable):
        await savings.resume(ann, plan.id, key=new_id())
    assert (await savings.end(ann, plan.id, key=new_id())).state == "ended"


async def test_somebody_without_a_handle_has_no_wallet_to_save_from(people):
    nobody = await people.sign_up()
    with pytest.raises(PlanAccountUnavailable):
        await make(nobody)


async def test_a_start_far_ahead_waits_for_it(people):
    ann = await people.join("ann")
    plan = await make(ann, schedule=Schedule("daily", "UTC", date(2029, 2, 28), 0))
    assert [buy.due_at for buy in plan.next_buys][:2] == [
        datetime(2029, 2, 28, tzinfo=UTC),
        datetime(2029, 3, 1, tzinfo=UTC),
    ]
