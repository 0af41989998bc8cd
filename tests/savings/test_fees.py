"""Our fee, told before it is charged, and the exchange's, shared out like what it is a part of."""

import pytest

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.errors import SignedOut
from paya_app.savings import FeeTerms
from tests.savings.buys import a_due_buy, a_plan, book_fill, buy, order_due


async def exchange_fee(database, buy_id) -> int:
    return await database.value("select exchange_fee_cents from savings.buy where id = %s", (buy_id,))


async def test_what_was_told_is_what_is_charged(database, people):
    ann = await people.join("ann", cents=90_000)
    plan = await a_plan(database, ann, 1050)
    for free_left in (3, 2, 1, 0):
        told = await savings.fee_terms(ann)
        assert told == FeeTerms(fee_bps=100, free_left=free_left)
        one = await a_due_buy(database, plan)
        order = await order_due(database)
        await book_fill(database, order, sats=10_000, cost_micros=(1050 - 10) * 10_000)
        assert (await buy(database, one))[4] == (0 if free_left else told.charged_cents(1050))


async def test_what_is_under_way_has_used_its_free_buy_and_what_failed_gives_it_back(database, people):
    ann = await people.join("ann", cents=90_000)
    await a_due_buy(database, await a_plan(database, ann))
    order = await order_due(database)
    assert (await savings.fee_terms(ann)).free_left == 2
    await book_fill(database, order, sats=0, cost_micros=0)
    assert (await savings.fee_terms(ann)).free_left == 3


async def test_everybody_has_their_own_free_buys_and_visitors_none(database, people):
    ann, bob = await people.join("ann", cents=90_000), await people.join("bob")
    await a_due_buy(database, await a_plan(database, ann))
    await order_due(database)
    assert (await savings.fee_terms(bob)).free_left == 3
    with pytest.raises(SignedOut):
        await savings.fee_terms(Actor.visitor())


@pytest.mark.parametrize(("amount_cents", "fee_cents"), [(500, 5), (550, 6), (650, 6), (2500, 25), (1001, 10)])
async def test_half_a_cent_goes_to_the_even_one_as_in_the_books(database, amount_cents, fee_cents):
    assert FeeTerms(100, 0).charged_cents(amount_cents) == fee_cents
    assert await database.value("select private.half_even(%s * 100::bigint, 10000)", (amount_cents,)) == fee_cents


async def test_the_exchanges_fee_is_shared_out_to_the_cent(database, people):
    buys = [
        await a_due_buy(database, await a_plan(database, await people.join(name, cents=5000), cents))
        for name, cents in (("ann", 2000), ("bob", 1000), ("cat", 1000))
    ]
    order = await order_due(database)
    await book_fill(database, order, sats=39_700, cost_micros=39_700_000, fee_micros=158_800)
    costs = [(await buy(database, one))[3] for one in buys]
    assert (costs[0], sorted(costs[1:])) == (1993, [996, 997])
    fees = [await exchange_fee(database, one) for one in buys]
    assert sum(fees) == 16
    assert fees == [8, 4, 4]


async def test_a_fee_in_bitcoin_is_in_what_everybody_gets_and_none_is_told_apart(database, people):
    one = await a_due_buy(database, await a_plan(database, await people.join("ann", cents=5000)))
    await book_fill(database, await order_due(database), sats=20_000, cost_micros=20_000_000, fee_sats=81)
    assert await exchange_fee(database, one) == 0
