"""What is due becomes one order, and what was filled is shared out: every cent and every satoshi, once."""

import asyncio
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from paya_app.core.ids import new_id
from tests.savings.buys import (
    HIGH_CENTS,
    PRICE_CENTS,
    a_due_buy,
    a_plan,
    book_fill,
    buy,
    order_due,
    sats_of,
    system,
)


async def test_many_plans_share_one_order_and_its_fill(database, people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", cents=5000)
    first, second = [
        await a_due_buy(database, await a_plan(database, who, cents)) for who, cents in ((ann, 2000), (bob, 1000))
    ]
    order = await order_due(database)
    assert (await people.balance(ann), await people.balance(bob)) == (3000, 4000)
    assert await system(database, "exchange_in_transit") == 3000
    await book_fill(database, order, sats=29_850, cost_micros=29_850_000, fee_micros=119_400)
    assert await buy(database, first) == ("bought", None, 2000, 1998, 0, 2, 19_900)
    assert await buy(database, second) == ("bought", None, 1000, 999, 0, 1, 9950)
    assert (await people.balance(ann), await people.balance(bob)) == (3002, 4001)
    assert (await sats_of(database, ann), await sats_of(database, bob)) == (19_900, 9950)
    assert await system(database, "exchange_in_transit") == 0
    assert await system(database, "exchange_cash") == 2997
    assert await database.value("select carried_micros from savings.exchange_carry") == -600
    assert await system(database, "btc_custody", "BTC") == -29_850


async def test_our_fee_is_taken_after_the_free_buys_and_goes_back_with_what_was_not_filled(database, people):
    ann = await people.join("ann", cents=90_000)
    plan = await a_plan(database, ann, 10_000)
    for _ in range(3):
        done = await a_due_buy(database, plan)
        await book_fill(database, await order_due(database), sats=100_000, cost_micros=100_000_000)
        assert (await buy(database, done))[4] == 0
    charged = await a_due_buy(database, plan, minutes_ago=2)
    order = await order_due(database)
    assert await system(database, "exchange_in_transit") == 10_000
    await book_fill(database, order, sats=49_500, cost_micros=49_500_000)
    assert await buy(database, charged) == ("bought", None, 10_000, 4950, 50, 5000, 49_500)
    assert await system(database, "revenue") == 50
    assert await system(database, "exchange_in_transit") == 0


async def test_nothing_filled_gives_everything_back(database, people):
    ann = await people.join("ann", cents=5000)
    one = await a_due_buy(database, await a_plan(database, ann))
    order = await order_due(database)
    await book_fill(database, order, sats=0, cost_micros=0)
    assert await buy(database, one) == ("failed", "not_filled", 2000, 0, 0, 2000, 0)
    assert (await people.balance(ann), await system(database, "exchange_in_transit")) == (5000, 0)
    assert await database.value("select state from savings.exchange_order") == "unfilled"


async def test_a_fill_beyond_what_was_collected_is_ours_to_bear(database, people):
    ann = await people.join("ann", cents=5000)
    one = await a_due_buy(database, await a_plan(database, ann))
    await book_fill(database, await order_due(database), sats=20_000, cost_micros=20_100_000)
    assert await buy(database, one) == ("bought", None, 2000, 2000, 0, 0, 20_000)
    assert (await system(database, "exchange_cash"), await system(database, "operations")) == (2010, -10)
    assert await people.balance(ann) == 3000


async def test_a_fee_in_bitcoin_lowers_what_everybody_gets(database, people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", cents=5000)
    for who in (ann, bob):
        await a_due_buy(database, await a_plan(database, who, 1000))
    await book_fill(database, await order_due(database), sats=20_000, cost_micros=20_000_000, fee_sats=81)
    assert (await sats_of(database, ann), await sats_of(database, bob)) == (9959, 9959)
    assert await system(database, "rounding", "BTC") == 1


async def test_saying_it_again_books_nothing_and_saying_otherwise_is_refused(database, people):
    ann = await people.join("ann", cents=5000)
    await a_due_buy(database, await a_plan(database, ann))
    order = await order_due(database)
    await asyncio.gather(*(book_fill(database, order, 20_000, 20_000_000, ref="O-1") for _ in range(4)))
    assert await sats_of(database, ann) == 20_000
    with pytest.raises(Exception, match="order_sent_twice"):
        await book_fill(database, order, 20_000, 20_000_000, ref="O-2")
    assert await database.value("select count(*) from events.event where kind = 'buy.bought'") == 1


async def test_two_who_take_what_is_due_at_once_take_each_buy_once(database, people):
    buys = []
    for n in range(12):
        who = await people.join(f"p{n:02}", cents=5000)
        buys.append(await a_due_buy(database, await a_plan(database, who, 1000)))
    await asyncio.gather(*(order_due(database, at_once=5) for _ in range(6)))
    assert await system(database, "exchange_in_transit") == 12_000
    assert await database.value("select sum(buy_count) from savings.exchange_order") == 12
    assert await database.value("select count(distinct order_id) from savings.buy where state = 'collected'") >= 3


async def test_two_plans_of_one_person_are_paid_one_after_the_other_as_far_as_it_reaches(database, people):
    ann = await people.join("ann", cents=2500)
    first = await a_due_buy(database, await a_plan(database, ann), minutes_ago=3)
    second = await a_due_buy(database, await a_plan(database, ann), minutes_ago=2)
    await order_due(database)
    await order_due(database)
    assert (await buy(database, first))[0] == "collected"
    assert (await buy(database, second))[:2] == ("skipped", "insufficient_funds")
    assert await people.balance(ann) == 500


async def test_a_buy_without_money_is_tried_every_hour_for_a_day_where_the_plan_says_so(
    database, people, advance_clock
):
    ann = await people.join("ann")
    one = await a_due_buy(database, await a_plan(database, ann, on_shortfall="retry"))
    for _ in range(23):
        await order_due(database)
        assert (await buy(database, one))[:2] == ("scheduled", "insufficient_funds")
        await order_due(database)
        await advance_clock(minutes=61)
    await order_due(database)
    assert (await buy(database, one))[:2] == ("skipped", "insufficient_funds")
    assert await database.value("select count(*) from events.event where kind = 'buy.waits'") == 23


async def test_what_waited_for_money_is_bought_when_it_is_there(database, people, advance_clock):
    ann = await people.join("ann")
    one = await a_due_buy(database, await a_plan(database, ann, on_shortfall="retry"))
    await order_due(database)
    await people.mint(ann, 3000)
    await advance_clock(minutes=61)
    await order_due(database)
    assert (await buy(database, one))[0] == "collected"


@pytest.mark.parametrize(
    ("terms", "price", "expected"),
    [
        ({"below": PRICE_CENTS}, PRICE_CENTS, ("collected", None, 2000)),
        ({"below": PRICE_CENTS - 1}, PRICE_CENTS, ("skipped", "price_above", 2000)),
        ({"dip": (500, 300)}, HIGH_CENTS * 95 // 100, ("collected", None, 2300)),
        ({"dip": (500, 300)}, HIGH_CENTS * 95 // 100 + 1, ("collected", None, 2000)),
        ({"cap": 2000}, PRICE_CENTS, ("collected", None, 2000)),
        ({"cap": 1999}, PRICE_CENTS, ("skipped", "cap_reached", 2000)),
    ],
)
async def test_conditions_hold_to_the_cent(database, people, terms, price, expected):
    ann = await people.join("ann", cents=5000)
    one = await a_due_buy(database, await a_plan(database, ann, **terms))
    await order_due(database, price=price)
    assert (await buy(database, one))[:3] == expected


async def test_the_cap_counts_what_is_under_way(database, people):
    ann = await people.join("ann", cents=9000)
    plan = await a_plan(database, ann, cap=5000)
    for minutes_ago in (4, 3, 2):
        await a_due_buy(database, plan, minutes_ago)
    for _ in range(3):
        await order_due(database)
    states = await database.rows("select state from savings.buy order by due_at")
    assert [state for (state,) in states] == ["collected", "collected", "skipped"]
    assert await database.rows("select reason, ends from savings.plans_to_stop()") == [("cap_reached", True)]


async def test_three_buys_in_a_row_without_money_are_told(database, people):
    ann = await people.join("ann")
    plan = await a_plan(database, ann)
    for count, minutes_ago in enumerate((9, 8, 7), 1):
        await a_due_buy(database, plan, minutes_ago)
        await order_due(database)
        stopped = await database.rows("select plan_id, reason, ends from savings.plans_to_stop()")
        assert stopped == ([(plan, "insufficient_funds", False)] if count == 3 else [])


@pytest.mark.parametrize(("catch_up", "bought"), [("one", 1), ("skip", 0)])
async def test_three_days_of_missed_hours_are_one_buy_or_none(database, people, catch_up, bought):
    ann = await people.join("ann", cents=90_000)
    plan = await a_plan(database, ann, 1000)
    await database.rows("update savings.plan set catch_up = %s, version = version + 1", (catch_up,))
    for hours_ago in range(2, 74):
        await a_due_buy(database, plan, minutes_ago=60 * hours_ago)
    for _ in range(3):
        await order_due(database)
    assert await database.value("select count(*) from savings.buy where state = 'collected'") == bought
    assert await database.value("select count(*) from savings.buy where reason = 'missed'") == 72 - bought
    assert await people.balance(ann) == 90_000 - 1000 * bought


async def test_somebody_restricted_buys_nothing(database, people):
    ann = await people.join("ann", cents=5000)
    one = await a_due_buy(database, await a_plan(database, ann))
    await database.rows("update ledger.account set state = 'restricted' where owner = %s", (ann.user_id,))
    await order_due(database)
    assert (await buy(database, one))[:2] == ("skipped", "account_unavailable")
    assert await people.balance(ann) == 5000


async def test_a_fill_that_cannot_be_is_refused(database, people):
    ann = await people.join("ann", cents=5000)
    await a_due_buy(database, await a_plan(database, ann))
    order = await order_due(database)
    for sats, cost, fee_sats in ((-1, 0, 0), (10, 0, 0), (0, 10, 0), (10, 10, 11)):
        with pytest.raises(Exception, match="fill_malformed"):
            await book_fill(database, order, sats, cost, fee_sats=fee_sats)
    assert await system(database, "exchange_in_transit") == 2000


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    budgets=some.lists(some.integers(1000, 100_000), min_size=1, max_size=6),
    filled=some.floats(0, 1.02),
    fee_bps=some.integers(0, 40),
    price=some.integers(5_000_000, 15_000_000),
)
async def test_every_cent_and_satoshi_is_somebodys(  # noqa: PLR0917 - what Hypothesis draws
    database, people, budgets, filled, fee_bps, price
):
    names = [f"p{new_id().hex[-12:]}" for _ in budgets]
    crowd = [await people.join(name, cents=cents) for name, cents in zip(names, budgets, strict=True)]
    for who, cents in zip(crowd, budgets, strict=True):
        await a_due_buy(database, await a_plan(database, who, cents))
    before = [
        await system(database, kind) for kind in ("exchange_cash", "operations", "revenue", "exchange_in_transit")
    ]
    carry = await database.value("select carried_micros from savings.exchange_carry")
    order = await order_due(database)
    cost = int(sum(budgets) * 10_000 * filled)
    sats = cost * 10_000 // price
    fee = cost * fee_bps // 10_000 if sats else 0
    await book_fill(database, order, sats, cost if sats else 0, fee_micros=fee)
    after = [await system(database, kind) for kind in ("exchange_cash", "operations", "revenue", "exchange_in_transit")]
    cash, operations, revenue, transit = (now - then for now, then in zip(after, before, strict=True))
    left = sum([await people.balance(who) for who in crowd])
    assert transit == 0
    assert left + cash + operations + revenue == sum(budgets)
    told = (
        "select coalesce(sum(exchange_fee_cents), 0), coalesce(sum(cost_cents), 0) from savings.buy where order_id = %s"
    )
    (fees, costs) = (await database.rows(told, (order,)))[0]
    assert fees == min(round(Fraction(fee, 10_000)), costs)
    total = (cost if sats else 0) + fee
    assert cash * 10_000 + await database.value("select carried_micros from savings.exchange_carry") - carry == total
    shared = sum([await sats_of(database, who) for who in crowd])
    assert 0 <= sats - shared < len(budgets)
