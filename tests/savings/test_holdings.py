"""What a person has in bitcoin, lot by lot, the oldest gone first."""

import pytest

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.errors import SignedOut
from tests.savings.buys import a_due_buy, a_plan, book_fill, order_due


async def bought(database, plan, sats: int, cents: int, advance_clock) -> None:
    await advance_clock(minutes=5)
    await a_due_buy(database, plan)
    await book_fill(database, await order_due(database), sats, cents * 10_000)


async def test_the_oldest_lots_go_first_and_take_their_cost_along(database, people, advance_clock):
    ann = await people.join("ann", cents=50_000)
    plan = await a_plan(database, ann, 10_000)
    await bought(database, plan, 100_000, 8000, advance_clock)
    await bought(database, plan, 100_000, 10_000, advance_clock)
    has = await savings.holdings(ann)
    assert (has.balance_sats, has.cost_cents, has.average_cents_per_btc) == (200_000, 18_000, 9_000_000)
    assert (has.price_cents_per_btc, has.value_cents, has.unrealised_cents) == (None, None, None)
    await database.rows(
        "select ledger.post(gen_random_uuid(), ledger.wallet_of(%s, 'BTC'),"
        " ledger.system_account('btc_in_transit', 'BTC'), 150000, 'withdrawal')",
        (ann.user_id,),
    )
    await database.rows("select savings.note_price(12000000, 12500000)")
    first, second = await savings.lots(ann)
    assert (first.left_sats, first.left_cost_cents) == (0, 0)
    assert (second.left_sats, second.left_cost_cents) == (50_000, 5000)
    has = await savings.holdings(ann)
    assert (has.balance_sats, has.cost_cents, has.value_cents, has.unrealised_cents) == (50_000, 5000, 6000, 1000)


async def test_nobody_has_nothing_and_others_see_nothing(database, people, advance_clock):
    ann, bob = await people.join("ann", cents=50_000), await people.join("bob")
    await bought(database, await a_plan(database, ann, 10_000), 100_000, 9000, advance_clock)
    assert (await savings.holdings(bob)).balance_sats == 0
    assert await savings.lots(bob) == []
    with pytest.raises(SignedOut):
        await savings.holdings(Actor.visitor())
