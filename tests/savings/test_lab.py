"""The lab: what would have been and what may become of a plan, by the decisions of live buys."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.savings import simulation
from paya_app.savings.projection import of_hundred
from tests.savings.buys import HIGH_CENTS, PRICE_CENTS, a_due_buy, a_plan, book_fill, buy, order_due
from tests.savings.made import on, terms
from tests.support.database import Database
from tests.support.kraken import serving

FIRST = date(2026, 1, 1)
NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
UTC_NOON = on(zone="UTC", minute_of_day=720, starts_on=FIRST)

REPLACED = """
create or replace function savings.decide(
  amount_cents bigint, buy_below_cents bigint, dip_bps integer, dip_extra_cents bigint, cap_cents bigint,
  spent_cents bigint, price_cents bigint, high_cents bigint
) returns savings.decision language sql immutable set search_path = pg_catalog, pg_temp as $$
  select row(amount_cents / 2, {reason})::savings.decision
$$"""


async def keep(database: Database, count: int = 90, *, price: Callable[[int], int] = lambda _: PRICE_CENTS) -> None:
    """So many days from the first on, each of which stays at its price."""
    days = [FIRST + timedelta(days=number) for number in range(count)]
    prices = [price(number) for number in range(count)]
    await database.rows(
        "select savings.keep_candles("
        "%s::date[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::boolean[])",
        (days, prices, prices, prices, prices, [True] * count),
    )


async def simulated(
    database: Database, prices: list[int | None], highs: list[int | None] | None = None, **how: Any
) -> list[tuple[Any, ...]]:
    """Reason, sum spent, sum of our fees, sum of the exchange's, sum of sats, after each of these prices in turn."""
    asked = {"amount": 2000, "below": None, "dip": (None, None), "cap": None} | how
    return await database.rows(
        "select reason, spent_cents, fee_cents, exchange_fee_cents, quantity_sats"
        " from savings.simulate(%s, %s, %s, %s, %s, %s::bigint[], %s::bigint[], %s, 40, 65)",
        (asked["amount"], asked["below"], *asked["dip"], asked["cap"], prices, highs or prices, len(prices)),
    )


async def test_replacing_the_one_decision_changes_live_and_lab_alike(database, people):
    ann = await people.join("ann", cents=90_000)
    await keep(database)
    plan = terms(amount_cents=2000, schedule=UTC_NOON)

    async def asked() -> tuple[Any, ...]:
        due = await a_due_buy(database, await a_plan(database, ann, 2000))
        await order_due(database)
        looked = await savings.backtest(ann, plan, back_days=30)
        ahead = await savings.project(ann, plan, ahead_days=30, seed=1, now=NOW)
        return (await buy(database, due))[:3], looked.sums.bought_count, looked.skipped, ahead.points[-1].spent_cents

    (live, count, skipped, spent) = await asked()
    assert (live, count, skipped) == (("collected", None, 2000), 30, {})
    await database.rows(REPLACED.format(reason="null"))
    (live, count, skipped, halved) = await asked()
    assert (live, count, skipped) == (("collected", None, 1000), 30, {})
    assert abs(2 * halved - spent) <= 30
    await database.rows(REPLACED.format(reason="'not_today'"))
    (live, count, skipped, nothing) = await asked()
    assert (live, count, skipped, nothing) == (("skipped", "not_today", 2000), 0, {"not_today": 30}, 0)


@pytest.mark.parametrize(
    ("how", "price", "high"),
    [
        ({}, PRICE_CENTS, HIGH_CENTS),
        ({}, 6_543_217, HIGH_CENTS),
        ({"below": PRICE_CENTS}, PRICE_CENTS, HIGH_CENTS),
        ({"below": PRICE_CENTS - 1}, PRICE_CENTS, HIGH_CENTS),
        ({"dip": (500, 300)}, HIGH_CENTS * 95 // 100, HIGH_CENTS),
        ({"dip": (500, 300)}, HIGH_CENTS * 95 // 100 + 1, HIGH_CENTS),
        ({"cap": 2000}, PRICE_CENTS, HIGH_CENTS),
        ({"cap": 1999}, PRICE_CENTS, HIGH_CENTS),
    ],
)
async def test_a_buy_in_the_lab_is_a_live_buy_to_the_cent_and_the_satoshi(database, people, how, price, high):
    ann = await people.join("ann", cents=5000)
    due = await a_due_buy(database, await a_plan(database, ann, **how))
    order = await order_due(database, price=price, high=high)
    budget = await database.value("select budget_cents from savings.exchange_order where id = %s", (order,))
    if budget:
        sats = budget * 10**12 // (price * 10_065)
        cost_micros = sats * price // 10_000
        await book_fill(database, order, sats, cost_micros, fee_micros=round(cost_micros * 40 / 10_000))
    state, reason, amount, cost, fee, refund, quantity = await buy(database, due)
    ((its_reason, spent, its_fee, _, its_sats),) = await simulated(database, [price], [high], **how)
    assert (its_reason, its_fee, its_sats) == (reason, fee, quantity)
    assert spent == (amount - refund if state == "bought" else 0) == cost + fee


async def test_our_fee_begins_with_the_fourth_buy_and_the_cap_counts_what_was_really_spent(database):
    rows = await simulated(database, [PRICE_CENTS] * 7, amount=10_000, cap=50_000)
    fees = [fee for _, _, fee, _, _ in rows]
    assert fees[:3] == [0, 0, 0]
    assert fees[3] == 100
    assert [row[0] for row in rows] == [None, None, None, None, None, "cap_reached", "plan_ended"]
    assert rows[4][1] + 10_000 > 50_000 >= rows[4][1]
    assert rows[4][1:] == rows[6][1:]


async def test_without_a_price_nothing_is_bought_that_day(database):
    rows = await simulated(database, [PRICE_CENTS, None, PRICE_CENTS])
    assert [row[0] for row in rows] == [None, "exchange_unavailable", None]


async def test_what_would_have_been_at_a_price_that_doubles(database, people):
    ann = await people.join("ann")
    await keep(database, 61, price=lambda number: PRICE_CENTS if number < 31 else 2 * PRICE_CENTS)
    done = await savings.backtest(ann, terms(amount_cents=10_000, schedule=UTC_NOON), back_days=60)
    assert (done.first_day, done.last_day) == (date(2026, 1, 2), date(2026, 3, 2))
    assert done.sums.bought_count == 60
    # thirty at one price, thirty at twice: what each really spends is within a per cent of what it may
    assert 590_000 < done.sums.spent_cents <= 600_000
    half = done.sums.quantity_sats * 2 // 3
    assert abs(half - 30 * 98_000) < 30 * 2000
    assert done.worth_cents == done.sums.quantity_sats * 2 * PRICE_CENTS // 10**8
    assert done.gain_cents == done.worth_cents - done.sums.spent_cents > 0
    assert PRICE_CENTS < (done.average_cents_per_btc or 0) < 2 * PRICE_CENTS
    assert done.lump_worth_cents > done.worth_cents, "all of it at the lower price"
    assert done.points[0] == savings.Point(FIRST, 0, 0)
    assert done.points[-1] == savings.Point(done.last_day, done.sums.spent_cents, done.worth_cents)
    assert done.is_synthetic


async def test_a_day_that_is_missing_is_told(database, people):
    ann = await people.join("ann")
    await keep(database, 40)
    await database.rows("delete from savings.candle where day = %s", (FIRST + timedelta(days=20),))
    done = await savings.backtest(ann, terms(schedule=UTC_NOON), back_days=100)
    assert done.sums.bought_count == 37
    assert done.skipped == {"exchange_unavailable": 2}, "that day, and the next, whose 24-hour high nobody knows"


async def test_a_price_within_the_day_is_on_the_line_and_the_high_knows_nothing_of_the_future():
    bars = [(100, 150, 120), (120, 900, 240), None, (50, 60, 50)]
    places = [simulation.Place(1, 0), simulation.Place(1, 43_200), simulation.Place(2, 5), simulation.Place(3, 0)]
    assert simulation.priced(bars, places) == ([120, 180, None, None], [150, 180, None, None])
    assert simulation.priced(bars, [simulation.Place(0, 0), simulation.Place(9, 0)]) == ([None, None], [None, None])


async def test_the_same_seed_draws_the_same_futures(database, people):
    ann = await people.join("ann")
    await keep(database, price=lambda number: PRICE_CENTS + number * number % 7 * 200_000)
    plan = terms(schedule=UTC_NOON)
    first, again, other = [await savings.project(ann, plan, ahead_days=60, seed=seed, now=NOW) for seed in (1, 1, 2)]
    assert first == again != other
    assert first.run_count == 200
    assert all(point.low_cents <= point.middle_cents <= point.high_cents for point in first.points)
    assert first.points[-1].low_cents < first.points[-1].high_cents
    assert first.points[0].spent_cents == 0
    assert first.points[-1].day == NOW.date() + timedelta(days=60)


async def test_a_price_that_never_moved_has_a_range_of_one_value(database, people):
    ann = await people.join("ann")
    await keep(database)
    ahead = await savings.project(ann, terms(schedule=UTC_NOON), ahead_days=40, seed=1, now=NOW)
    ((_, spent, _, _, sats), *_) = reversed(await simulated(database, [PRICE_CENTS] * 40, amount=2500))
    last = ahead.points[-1]
    assert (last.spent_cents, last.low_cents, last.high_cents) == (spent, *[sats * PRICE_CENTS // 10**8] * 2)
    assert ahead.yearly_change_bps == 0


async def test_conditions_hold_in_every_future(database, people):
    ann = await people.join("ann")
    await keep(database)
    ahead = await savings.project(
        ann, terms(schedule=UTC_NOON, buy_below_cents=PRICE_CENTS - 1), ahead_days=40, seed=1, now=NOW
    )
    assert ahead.points[-1] == savings.RangePoint(ahead.points[-1].day, 0, 0, 0, 0)


async def test_what_cannot_be_tried_is_said(database, people):
    ann, plan = await people.join("ann"), terms(schedule=UTC_NOON)
    with pytest.raises(savings.LabNoPrices, match="no daily prices yet"):
        await savings.backtest(ann, plan, back_days=90)
    await keep(database, 59)
    with pytest.raises(savings.LabNoPrices, match="only 59 days"):
        await savings.project(ann, plan, ahead_days=90, seed=1, now=NOW)
    await keep(database)
    never: tuple[Any, ...] = (29, 1831, 0, -1, True, 30.0, "30", None)
    for days in never:
        with pytest.raises(savings.LabPeriodInvalid, match="back by 30 to 1830"):
            await savings.backtest(ann, plan, back_days=days)
        with pytest.raises(savings.LabPeriodInvalid, match="ahead by 30 to 1830"):
            await savings.project(ann, plan, ahead_days=days, seed=1, now=NOW)
    hourly = replace(plan, schedule=on(frequency="hourly", minute_of_day=0))
    with pytest.raises(savings.LabTooMany):
        await savings.project(ann, hourly, ahead_days=365, seed=1, now=NOW)
    over = replace(plan, schedule=replace(UTC_NOON, ends_on=NOW.date()))
    with pytest.raises(savings.LabNothingDue):
        await savings.project(ann, over, ahead_days=90, seed=1, now=NOW)


@pytest.mark.parametrize(
    ("bad", "refusal"),
    [
        ({"amount_cents": 499}, savings.BuyAmountInvalid),
        ({"amount_cents": 100_001}, savings.BuyAmountInvalid),
        ({"buy_below_cents": 99_999}, savings.PlanConditionInvalid),
        ({"dip_bps": 5001, "dip_extra_cents": 500}, savings.PlanConditionInvalid),
        ({"dip_bps": 500}, savings.PlanConditionInvalid),
        ({"cap_cents": 2499}, savings.PlanConditionInvalid),
    ],
)
async def test_what_no_plan_may_say_is_not_tried(database, people, bad, refusal):
    ann = await people.join("ann")
    await keep(database)
    with pytest.raises(refusal):
        await savings.backtest(ann, terms(**bad), back_days=60)
    with pytest.raises(refusal):
        await savings.project(ann, terms(**bad), ahead_days=60, seed=1, now=NOW)


@pytest.mark.parametrize(
    ("prices", "highs", "length", "amount"),
    [([1], [1, 2], 1, 500), ([1], None, 1, 500), ([1], [1], 0, 500), ([1], [1], 1, 0), ([1], [1], None, 500)],
)
async def test_lists_that_do_not_match_are_refused(database, prices, highs, length, amount):
    with pytest.raises(Exception, match="batch_malformed"):
        await database.rows(
            "select * from savings.simulate(%s, null, null, null, null, %s::bigint[], %s::bigint[], %s, 40, 65)",
            (amount, prices, highs, length),
        )


async def test_the_database_counts_no_more_than_its_limit(database):
    await database.rows(
        "insert into risk.limit_value (name, value_max, reason) values ('lab_buys_count', 10, 'a test')"
    )
    with pytest.raises(Exception, match="lab_too_many"):
        await simulated(database, [PRICE_CENTS] * 11)


async def test_visitors_try_nothing(database):
    with pytest.raises(Exception, match="permission denied"):
        await savings.backtest(Actor.visitor(), terms(), back_days=90)


async def test_the_exchanges_days_are_kept_once_and_say_that_they_are_made_up(database, people):
    ann = await people.join("ann")
    async with serving(database):
        assert await savings.keep_candles() == 719
        assert await savings.keep_candles() == 0, "nothing is asked for while yesterday is kept"
    days = await savings.candles(ann, 1830)
    assert len(days) == 719
    assert [each.day for each in days] == [days[0].day + timedelta(days=number) for number in range(719)]
    assert days[-1].day == datetime.now(UTC).date() - timedelta(days=1)
    assert all(each.is_synthetic and each.low_cents <= each.close_cents <= each.high_cents for each in days)
    done = await savings.backtest(ann, terms(), back_days=365)
    assert (done.sums.bought_count, done.skipped, done.is_synthetic) == (365, {}, True)


async def test_made_up_days_never_stand_among_real_ones(database, people):
    ann = await people.join("ann")
    await keep(database, 5)
    tell = (
        "select savings.keep_candles(array[%s::date], array[%s::bigint], array[%s::bigint], array[%s::bigint],"
        " array[%s::bigint], array[%s])"
    )
    real = FIRST + timedelta(days=3)
    await database.rows(tell, (real, *[PRICE_CENTS] * 4, False))
    await database.rows(tell, (real, *[2 * PRICE_CENTS] * 4, True))
    await database.rows(tell, (FIRST, *[2 * PRICE_CENTS] * 4, True))
    assert await savings.candles(ann, 9) == [savings.Day(real, *[PRICE_CENTS] * 4, is_synthetic=False)]


def test_a_range_is_of_values_that_were_drawn():
    assert [of_hundred(range(1, 201), share) for share in (10, 50, 90)] == [20, 100, 180]
    assert [of_hundred([7], share) for share in (10, 50, 90)] == [7, 7, 7]
    assert of_hundred([], 50) == 0


def test_a_plot_shows_the_first_day_and_the_last():
    assert simulation.marks(1830)[0] == 0
    assert simulation.marks(1830)[-1] == 1830
    assert len(simulation.marks(1830)) == simulation.POINTS_MAX
    assert simulation.marks(3) == [0, 1, 2, 3]
    assert simulation.marks(0) == [0]


async def test_one_person_s_trials_are_counted_one_at_a_time_and_others_go_on_meanwhile(database, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    await keep(database)
    plan = terms(schedule=UTC_NOON)
    async with simulation.turn(ann):
        with pytest.raises(savings.LabBusy):
            await savings.backtest(ann, plan, back_days=60)
        with pytest.raises(savings.LabBusy):
            await savings.project(ann, plan, ahead_days=60, seed=1, now=NOW)
        assert (await savings.backtest(bob, plan, back_days=60)).sums.bought_count > 0
    assert (await savings.backtest(ann, plan, back_days=60)).sums.bought_count > 0
