"""The next buy of any plan, as Home tells it: the soonest, one's own, and none that will not happen."""

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.ids import new_id
from tests.savings.made import make, on


async def test_the_soonest_of_all_plans_is_next(database, people):
    ann = await people.join("ann", cents=5000)
    assert await savings.next_buy(ann) is None
    monthly = await make(ann, amount_cents=3000, schedule=on(frequency="monthly", month_day=-1))
    hourly = await make(ann, amount_cents=1000, schedule=on(frequency="hourly", minute_of_day=5))
    found = await savings.next_buy(ann)
    assert found is not None
    assert (found.plan_id, found.due_at, found.amount_cents) == (hourly.id, hourly.next_buys[0].due_at, 1000)
    await savings.pause(ann, hourly.id, key=new_id())
    found = await savings.next_buy(ann)
    assert found is not None
    assert (found.plan_id, found.zone) == (monthly.id, monthly.terms.schedule.zone)
    await savings.end(ann, monthly.id, key=new_id())
    assert await savings.next_buy(ann) is None


async def test_what_is_skipped_is_not_next_and_others_have_their_own(database, people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", cents=5000)
    plan = await make(ann)
    await savings.skip_next(ann, plan.id, key=new_id())
    found = await savings.next_buy(ann)
    assert found is not None
    assert found.due_at == plan.next_buys[1].due_at
    assert await savings.next_buy(bob) is None
    assert await savings.next_buy(Actor.visitor()) is None


async def test_a_buy_that_no_longer_fits_under_its_cap_is_not_next(database, people):
    ann = await people.join("ann", cents=5000)
    await make(ann, amount_cents=3000, cap_cents=3000)
    await database.rows(
        "insert into savings.buy (plan_id, person, due_at, amount_cents, state, collected_at, ended_at, refund_cents,"
        " created_at) select id, person, now() - interval '1 day', 3000, 'bought', now(), now(), 1, now()"
        " from savings.plan"
    )
    assert await savings.next_buy(ann) is None
    await database.rows("update savings.plan set cap_cents = 5999")
    assert await savings.next_buy(ann) is not None
