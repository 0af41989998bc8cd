"""Which lots a withdrawal takes along, and the table of them for other programs."""

import csv
import io

import pytest

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.errors import SignedOut
from tests.savings.buys import a_due_buy, a_plan, book_fill, order_due, sats_of
from tests.savings.withdrawn import an_address, ask

LOTS = ((100_003, 8_001), (100_000, 10_000), (70_001, 7_777))


async def bought(database, plan, sats: int, cents: int, advance_clock) -> None:
    await advance_clock(minutes=5)
    await a_due_buy(database, plan)
    await book_fill(database, await order_due(database), sats, cents * 10_000)


@pytest.fixture
async def ann(database, people, advance_clock):
    """Somebody with three lots and an address that has waited."""
    ann = await people.join("ann", cents=100_000)
    plan = await a_plan(database, ann, 12_000)
    await database.rows("update savings.plan set name = %s, version = version + 1 where id = %s", ("=1+1", plan))
    for sats, cents in LOTS:
        await bought(database, plan, sats, cents, advance_clock)
    await an_address(ann)
    await advance_clock(hours=24)
    return ann


async def table(ann):
    return list(csv.DictReader(io.StringIO(await savings.lots_csv(ann), newline="")))


async def failed(database, withdrawal):
    await database.rows("select savings.book_withdrawal_failed(%s, 'cut_off')", (withdrawal.id,))


async def test_a_withdrawal_takes_the_oldest_lots_with_their_cost(database, ann, advance_clock):
    (address,) = await savings.addresses(ann)
    first = await ask(ann, address.id, 60_000)
    await failed(database, first)
    second = await ask(ann, address.id, 50_001)
    await advance_clock(hours=1, minutes=1)
    await database.rows("update savings.withdrawal set state = 'submitted' where id = %s", (second.id,))
    await database.rows(
        "update savings.withdrawal set state = 'accepted', vendor_ref = 'F1' where id = %s", (second.id,)
    )
    third = await ask(ann, address.id, 100_000)
    parts = await savings.lot_withdrawals(ann)
    assert [(part.withdrawal_id, part.sats) for part in parts] == [
        (second.id, 50_001),
        (third.id, 50_002),
        (third.id, 49_998),
    ], "what failed took nothing"
    lots = await savings.lots(ann)
    for lot in lots:
        mine = [part for part in parts if part.buy_id == lot.buy_id]
        assert lot.left_sats + sum(part.sats for part in mine) == lot.quantity_sats
        assert lot.left_cost_cents + sum(part.cost_cents for part in mine) == lot.cost_cents
    assert sum(lot.left_sats for lot in lots) == await sats_of(database, ann) == 120_003


async def test_the_table_has_a_line_for_each_lot_and_no_formula(database, people, ann):
    (address,) = await savings.addresses(ann)
    gone = await ask(ann, address.id, 100_004)
    lines = await table(ann)
    assert [line["quantity_sats"] for line in lines] == ["100003", "100000", "70001"]
    first, second, third = lines
    assert first["plan"] == "'=1+1", "no program takes it for a formula"
    assert (first["quantity_btc"], first["remaining_sats"], first["withdrawn_sats"]) == ("0.00100003", "0", "100003")
    assert (second["remaining_sats"], second["withdrawn_sats"]) == ("99999", "1")
    assert (third["remaining_sats"], third["withdrawals"]) == ("70001", "")
    assert first["cost_usd"] == first["withdrawn_cost_usd"] == "80.01"
    assert first["bought_at"].endswith("Z")
    assert first["withdrawals"].startswith(str(gone.id))
    assert await table(await people.join("bob")) == []
    with pytest.raises(SignedOut):
        await savings.lots_csv(Actor.visitor())
