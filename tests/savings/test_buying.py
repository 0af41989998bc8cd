"""From due to bought over the real exchange adapter: one order whatever happens, and every satoshi found again."""

import asyncio

import pytest

from paya_app import savings
from paya_app.core.config import settings
from paya_app.core.ids import new_id
from paya_app.providers import exchange
from paya_app.providers.outcome import Retryable, Unknown
from tests.savings.buys import a_due_buy, a_plan, buy, sats_of, system
from tests.support.kraken import ServedKraken, serving


@pytest.fixture
async def kraken(database):
    async with serving(database) as running:
        yield running


async def the_order(database):
    return await database.value("select id from savings.exchange_order")


async def two_are_due(database, people):
    ann, bob = await people.join("ann", cents=50_000), await people.join("bob", cents=50_000)
    buys = [
        await a_due_buy(database, await a_plan(database, who, cents)) for who, cents in ((ann, 20_000), (bob, 10_000))
    ]
    return (ann, bob), buys


async def all_is_where_it_should_be(kraken: ServedKraken, before: dict[str, int]) -> None:
    """What the exchange's own books say has changed is what ours say."""
    database, after = kraken.database, await kraken.held()
    assert after["XXBT"] - before["XXBT"] == -await system(database, "btc_custody", "BTC")
    cash_micros = await system(database, "exchange_cash") * 10_000
    cash_micros += await database.value("select carried_micros from savings.exchange_carry")
    assert before["ZUSD"] - after["ZUSD"] == cash_micros
    assert await system(database, "exchange_in_transit") == 0


async def test_what_is_due_is_bought_in_one_order_and_shared_out(database, people, kraken):
    before = await kraken.held()
    (ann, bob), (first, second) = await two_are_due(database, people)
    assert await savings.buy_due() == savings.Bought(2, 2)
    order = await the_order(database)
    await savings.submit_order(order)
    await savings.follow_order(order)
    assert await kraken.order_count() == 1
    (mine, yours) = await buy(database, first), await buy(database, second)
    assert mine[0] == yours[0] == "bought"
    assert mine[3] + mine[5] == 20_000
    assert mine[5] <= 200, "nearly all of it is spent"
    assert abs(mine[6] - 2 * yours[6]) <= 1
    assert (await sats_of(database, ann), await sats_of(database, bob)) == (mine[6], yours[6])
    await all_is_where_it_should_be(kraken, before)


async def test_everything_again_changes_nothing(database, people, kraken):
    before = await kraken.held()
    await two_are_due(database, people)
    await asyncio.gather(*(savings.buy_due() for _ in range(4)))
    orders = [row[0] for row in await database.rows("select id from savings.exchange_order")]
    for _ in range(2):
        tries = [savings.submit_order(order) for order in orders for _ in range(3)]
        await asyncio.gather(*tries, return_exceptions=True)
        await asyncio.gather(*(savings.follow_order(order) for order in orders for _ in range(3)))
    assert await kraken.order_count() == len(orders)
    await all_is_where_it_should_be(kraken, before)


async def test_a_worker_that_dies_between_the_order_and_its_booking_finds_it_again(database, people, kraken):
    before = await kraken.held()
    await two_are_due(database, people)
    await savings.buy_due()
    order = await the_order(database)
    attempts = (await database.value("select savings.claim_order(%s)", (order,)))["attempts"]
    await database.rows("select savings.note_order_sent(%s, %s)", (order, attempts))
    await exchange.market_buy(client_id=order, quantity_sats=100_000)  # and there it died
    await savings.submit_order(order)
    await savings.follow_order(order)
    assert await kraken.order_count() == 1
    await all_is_where_it_should_be(kraken, before)


async def test_a_worker_that_dies_before_the_order_was_sent_waits_until_that_is_certain(database, people, kraken):
    before = await kraken.held()
    await two_are_due(database, people)
    await savings.buy_due()
    order = await the_order(database)
    attempts = (await database.value("select savings.claim_order(%s)", (order,)))["attempts"]
    await database.rows("select savings.note_order_sent(%s, %s)", (order, attempts))  # and there it died
    with pytest.raises(Retryable, match="not_known_yet"):
        await savings.submit_order(order)
    assert await kraken.order_count() == 0
    await database.rows(
        "update savings.exchange_order set first_sent_at = first_sent_at - interval '2 minutes',"
        " last_sent_at = last_sent_at - interval '2 minutes'"
    )
    await savings.submit_order(order)
    await savings.follow_order(order)
    assert await kraken.order_count() == 1
    await all_is_where_it_should_be(kraken, before)


async def test_who_was_overtaken_does_not_send(database, people, kraken):
    await two_are_due(database, people)
    await savings.buy_due()
    order = await the_order(database)
    attempts = (await database.value("select savings.claim_order(%s)", (order,)))["attempts"]
    await savings.submit_order(order)
    with pytest.raises(Exception, match="work_done"):
        await database.rows("select savings.note_order_sent(%s, %s)", (order, attempts))
    assert await kraken.order_count() == 1


async def test_an_order_filled_in_parts_is_booked_when_it_is_over(database, people, kraken):
    before = await kraken.held()
    await kraken.pull("switches", parts=3, part_s=10)
    _, (first, _) = await two_are_due(database, people)
    await savings.buy_due()
    order = await the_order(database)
    await savings.submit_order(order)
    with pytest.raises(Retryable, match="not_filled_yet"):
        await savings.follow_order(order)
    assert (await buy(database, first))[0] == "collected"
    await kraken.advance(seconds=60)
    await savings.follow_order(order)
    assert (await buy(database, first))[0] == "bought"
    await all_is_where_it_should_be(kraken, before)


async def test_less_than_the_exchange_sells_goes_back(database, people, kraken):
    ann = await people.join("ann", cents=5000)
    one = await a_due_buy(database, await a_plan(database, ann, 100))
    await savings.buy_due()
    await savings.submit_order(await the_order(database))
    assert (await buy(database, one))[:2] == ("failed", "below_exchange_minimum")
    assert (await people.balance(ann), await kraken.order_count()) == (5000, 0)


async def test_an_exchange_account_that_is_empty_is_somebodys_case_and_the_buy_waits(
    database, people, kraken, advance_clock
):
    _, (one, two) = await two_are_due(database, people)
    dollars = (await kraken.held())["ZUSD"]
    await kraken.pull("deposit", asset="ZUSD", units=-dollars)
    await savings.buy_due()
    order = await the_order(database)
    for _ in range(2):
        with pytest.raises(Retryable, match="exchange_unfunded"):
            await savings.submit_order(order)
    assert (await buy(database, one))[0] == "collected"
    cases = await database.rows("select state, subject from cases.\"case\" where kind = 'exchange_unfunded'")
    assert cases == [("open", "account:exchange_cash")]
    await kraken.pull("deposit", asset="ZUSD", units=dollars)
    before = await kraken.held()
    await savings.submit_order(order)
    await savings.follow_order(order)
    assert [(await buy(database, each))[0] for each in (one, two)] == ["bought", "bought"]
    assert await kraken.order_count() == 1
    await all_is_where_it_should_be(kraken, before)


async def test_an_order_that_could_not_be_sent_for_an_hour_goes_back(database, people, kraken, advance_clock):
    ann = await people.join("ann", cents=5000)
    one = await a_due_buy(database, await a_plan(database, ann))
    await savings.buy_due()
    await advance_clock(minutes=61)
    await savings.submit_order(await the_order(database))
    assert (await buy(database, one))[:2] == ("failed", "cut_off")
    assert (await people.balance(ann), await kraken.order_count()) == (5000, 0)


async def test_without_a_price_what_is_due_waits_and_after_six_hours_is_skipped(
    database, people, monkeypatch, advance_clock
):
    ann = await people.join("ann", cents=5000)
    one = await a_due_buy(database, await a_plan(database, ann))
    monkeypatch.setenv("KRAKEN_BASE_URL", "http://127.0.0.1:9")
    settings.cache_clear()
    try:
        assert await savings.buy_due() == savings.Bought(0, 0)
        assert (await buy(database, one))[0] == "scheduled"
        await advance_clock(hours=6)
        assert await savings.buy_due() == savings.Bought(1, 0)
    finally:
        exchange.close()
    assert (await buy(database, one))[:2] == ("skipped", "exchange_unavailable")
    assert await people.balance(ann) == 5000


async def test_an_order_of_nobody_is_refused(database, kraken):
    with pytest.raises(Exception, match="no such order") as refusal:
        await savings.submit_order(new_id())
    assert not isinstance(refusal.value, Unknown)


async def test_a_plan_without_money_three_times_is_paused_and_a_reached_cap_ends_it(database, people, kraken):
    ann, bob = await people.join("ann"), await people.join("bob", cents=50_000)
    poor, capped = await a_plan(database, ann), await a_plan(database, bob, 2000, cap=2000)
    for minutes_ago in (9, 8, 7):
        await a_due_buy(database, poor, minutes_ago)
        await a_due_buy(database, capped, minutes_ago)
        await savings.buy_due()
    states = dict(
        await database.rows("select id, state || ' ' || coalesce(pause_reason, end_reason) from savings.plan")
    )
    assert states == {poor: "paused insufficient_funds", capped: "ended cap_reached"}


async def test_the_exchange_is_asked_only_when_something_is_due_or_the_price_is_old(
    database, people, kraken, advance_clock
):
    async def asked() -> bool:
        before = await database.value("select max(at) from savings.price")
        await advance_clock(seconds=1)
        await savings.buy_due()
        return await database.value("select max(at) from savings.price") != before

    assert await asked()
    assert not await asked()
    ann = await people.join("ann", cents=50_000)
    await a_due_buy(database, await a_plan(database, ann))
    assert await asked()
    assert not await asked()
    await advance_clock(minutes=5)
    assert await asked()
