"""What somebody does to others' buys and withdrawals, or to us, with what they may do."""

import asyncio
import hashlib
from uuid import UUID

import pytest

from paya_app import savings, wallet
from paya_app.core.as_service import as_service
from paya_app.core.errors import RequestInvalid, TooManyTries, WorkDone
from paya_app.core.ids import new_id
from tests.savings.buys import PRICE_CENTS, a_due_buy, a_plan, book_fill, order_due, sats_of, system
from tests.savings.withdrawn import an_address, ask, now_is

ORDER = "select * from savings.order_due(%s, 1, %s, %s)"


def guessed(known: UUID, part: str) -> UUID:
    """The id that a booking would have, were it made of what its person knows."""
    return UUID(hashlib.md5(f"{known}:{part}".encode()).hexdigest())  # noqa: S324 - as `private.part_of` does


async def pay(who, payment_id: UUID) -> None:
    await wallet.send(who, payment_id=payment_id, to="bob", amount_cents=1, note="", audience="private")


@pytest.fixture
async def ann(database, people, advance_clock):
    """Somebody with a lot of 100,000 sats and an address that has waited."""
    ann = await people.join("ann", cents=100_000)
    await a_due_buy(database, await a_plan(database, ann))
    await book_fill(database, await order_due(database), 100_000, 10_000_000)
    await an_address(ann)
    await advance_clock(hours=24)
    return ann


async def the_address(ann) -> UUID:
    return (await savings.addresses(ann))[0].id


async def claimed(database, asked) -> int:
    return (await database.value("select savings.claim_withdrawal(%s)", (asked.id,)))["attempts"]


async def test_nobody_uses_up_the_ids_of_an_order_s_bookings_before_it_is_filled(database, people):
    ann, _, eve = [await people.join(name, cents=100_000) for name in ("ann", "bob", "eve")]
    plans = [await a_plan(database, who) for who in (ann, eve)]
    for plan in plans:
        await a_due_buy(database, plan)
    order_id = await order_due(database)
    (collected,) = [each for each in await savings.history(eve, plans[1]) if each.kind == "buy.collected"]
    assert collected.facts["order_id"] == str(order_id)  # their own order is no secret
    for part in ("spent", "beyond", "fee", "back", "sats", "left"):
        await pay(eve, guessed(order_id, part))
    await book_fill(database, order_id, 30_001, 30_000_000)
    assert await sats_of(database, ann) == await sats_of(database, eve) == 15_000
    assert await system(database, "exchange_in_transit") == 0


async def test_nobody_uses_up_the_ids_of_a_withdrawal_s_bookings(database, people, ann):
    await people.join("bob")
    withdrawal_id = new_id()
    for part in ("sent", "fee", "back"):
        await pay(ann, guessed(withdrawal_id, part))
    asked = await ask(ann, await the_address(ann), withdrawal_id=withdrawal_id)
    await database.rows("select savings.book_withdrawal_failed(%s, 'cut_off')", (asked.id,))
    assert await sats_of(database, ann) == 100_000
    assert await system(database, "btc_in_transit", "BTC") == 0


async def test_two_batches_at_once_do_not_both_give_the_last_free_buy(database, people):
    ann = await people.join("ann", cents=100_000)
    for _ in range(2):
        await a_due_buy(database, await a_plan(database, ann))
    await database.rows(
        "insert into risk.limit_value (name, value_max, reason) values ('buy_fee_free_count', 1, 'a test')"
    )
    async with await database.connect() as one:
        await one.execute("begin")
        await one.execute(ORDER.encode(), (new_id(), PRICE_CENTS, PRICE_CENTS))
        other = asyncio.create_task(order_due(database, at_once=1))
        await asyncio.sleep(0.2)
        await one.execute("commit")
        await other
    fees = await database.rows("select fee_cents from savings.buy where state = 'collected' order by fee_cents")
    assert fees == [(0,), (20,)]


async def test_a_lot_of_nothing_lies_between_two_others(database, people, ann):
    """Of one satoshi for two people each gets none, and a withdrawal takes the lots on both sides of it along."""
    bob = await people.join("bob", cents=100_000)
    plans = [await a_plan(database, who) for who in (ann, bob)]
    for plan in plans:
        await a_due_buy(database, plan)
    await book_fill(database, await order_due(database), 1, 10_000)
    await a_due_buy(database, plans[0], minutes_ago=0)
    await book_fill(database, await order_due(database), 100_000, 10_000_000)
    assert [lot.quantity_sats for lot in await savings.lots(ann)] == [100_000, 0, 100_000]
    await ask(ann, await the_address(ann), 150_000)
    withdrawn = [line.split(",")[9] for line in (await savings.lots_csv(ann)).splitlines()[1:]]
    assert withdrawn == ["100000", "0", "50000"]


async def test_an_address_added_and_removed_again_and_again_is_too_much_one_day(database, people, advance_clock):
    ann, bob = await people.join("ann"), await people.join("bob")
    for _ in range(10):
        await savings.remove_address(ann, await an_address(ann))
    with pytest.raises(TooManyTries, match=r"again in about 24 hours"):
        await an_address(ann)
    await an_address(bob)
    await advance_clock(hours=24, minutes=1)
    await an_address(ann)


@pytest.mark.parametrize("fee", [-1, 2**63 - 1, 2**63, 2**200, True, 1.5, None])
async def test_a_fee_that_is_none(ann, fee):
    with pytest.raises(RequestInvalid):
        await ask(ann, await the_address(ann), fee_sats_max=fee)


async def test_a_fee_beyond_all_bitcoin_is_refused_by_the_database_too(database, ann):
    async with await database.connect("paya_app") as connection:
        await connection.execute(
            "select set_config('role', 'authenticated', false), set_config('request.jwt.claims', %s, false)",
            (ann.claims_json,),
        )
        with pytest.raises(Exception, match="request_invalid"):
            await connection.execute(
                "select savings.ask_withdrawal(%s, %s, 100000, %s)", (new_id(), await the_address(ann), 2**63 - 1)
            )


async def test_an_address_removed_after_the_claim_gets_nothing(database, ann):
    asked = await ask(ann, await the_address(ann))
    attempts = await claimed(database, asked)
    await savings.remove_address(ann, asked.address_id)
    with pytest.raises(WorkDone):
        await as_service("select savings.note_withdrawal_sent(:id, :attempts)", id=asked.id, attempts=attempts)
    await savings.submit_withdrawal(asked.id)
    done = await now_is(ann, asked)
    assert (done.state, done.reason) == ("failed", "address_removed")
    assert await sats_of(database, ann) == 100_000


async def test_an_account_restricted_after_the_claim_sends_nothing(database, ann):
    asked = await ask(ann, await the_address(ann))
    attempts = await claimed(database, asked)
    await database.rows("select risk.impose(%s, 'restricted', 'under_review')", (ann.user_id,))
    with pytest.raises(WorkDone):
        await as_service("select savings.note_withdrawal_sent(:id, :attempts)", id=asked.id, attempts=attempts)
    await savings.submit_withdrawal(asked.id)
    assert (await now_is(ann, asked)).reason == "account_unavailable"
