"""What falls due does, in order, at its own time, once."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from jobs import settlement
from paya_app import charges
from paya_app.charges import ChargeStateInvalid, ClockInvalid
from paya_app.core.errors import NotFound
from paya_app.core.ids import new_id
from tests.charges.books import assert_books
from tests.charges.shop import Shop


async def test_a_clock_starts_as_the_real_one_and_goes_forward_only(database, shop, advance_clock):
    real = await database.value("select private.now()")
    assert timedelta(0) <= await charges.now(shop.account_id) - real < timedelta(seconds=30)
    await shop.pass_time(days=30)
    assert timedelta(days=30) <= await charges.now(shop.account_id) - real < timedelta(days=30, seconds=30)
    other = await charges.now(Shop(database).account_id)
    assert other - real < timedelta(seconds=30)
    await advance_clock(hours=5)
    assert await charges.now(shop.account_id) - real > timedelta(days=30, hours=5)
    for moment in (real, real + timedelta(days=500), datetime(9999, 1, 1, tzinfo=UTC)):
        with pytest.raises(ClockInvalid):
            await charges.advance(shop.account_id, moment)


async def test_a_frozen_clock_moves_only_when_it_is_advanced(database, shop, advance_clock):
    await shop.freeze("2030-01-02 10:00")
    await advance_clock(hours=5)
    at = await charges.now(shop.account_id)
    assert at == datetime(2030, 1, 2, 15, 0, tzinfo=UTC)
    charge = await shop.charge()
    assert charge["created_at"] == "2030-01-02T15:00:00.000Z"
    await shop.pass_time(hours=1)
    assert await charges.now(shop.account_id) == at + timedelta(hours=1)
    with pytest.raises(ClockInvalid):
        await shop.freeze("2029-01-01 00:00")


async def test_a_hold_expires_after_seven_days(database, shop):
    await shop.freeze("2027-03-01 09:00")
    charge, part = await shop.charge(1_000), await shop.charge(1_000)
    await shop.capture(part, 300, final=False)
    await shop.pass_time(days=6, hours=23)
    assert await shop.status(charge) == "authorized"
    await shop.pass_time(hours=1)
    assert (await shop.status(charge), await shop.status(part)) == ("expired", "settled")
    assert (await shop.read(part))["released_minor"] == 700
    with pytest.raises(ChargeStateInvalid, match="The charge is expired"):
        await shop.capture(charge)
    ((at, data),) = [
        (at, data) for kind, at, data in await shop.events() if data["id"] == charge["id"] and "exp" in kind
    ]
    assert (at, data["status"]) == (datetime(2027, 3, 8, 14, 0, tzinfo=UTC), "expired")
    await assert_books(database)


async def test_what_expired_is_not_captured_even_before_that_was_booked(shop):
    await shop.freeze("2027-03-01 09:00")
    charge = await shop.charge()
    await shop.freeze("2027-03-08 09:00")
    for attempt in (shop.capture(charge), shop.void(charge), shop.increment(charge, 1)):
        with pytest.raises(ChargeStateInvalid) as refused:
            await attempt
        assert refused.value.facts["state"] == "expired"
    assert await shop.status(charge) == "authorized"
    await shop.pass_time(days=0)
    assert await shop.status(charge) == "expired"


async def test_an_expiry_can_be_simulated(database, shop):
    charge = await shop.charge()
    expired = await charges.expire(shop.account_id, operation_id=new_id(), charge_id=UUID(charge["id"]))
    assert expired["status"] == "expired"
    with pytest.raises(ChargeStateInvalid):
        await charges.expire(shop.account_id, operation_id=new_id(), charge_id=UUID(charge["id"]))
    await assert_books(database)


@pytest.mark.parametrize(
    ("captured_at", "settled_at"),
    [
        ("2027-03-01 09:00", "2027-03-02T17:00"),  # Monday to Tuesday noon
        ("2027-03-01 23:59", "2027-03-02T17:00"),
        ("2027-03-05 09:00", "2027-03-08T17:00"),  # over a weekend
        ("2027-03-06 09:00", "2027-03-08T17:00"),
        ("2027-03-12 09:00", "2027-03-15T16:00"),  # and the change to summer time
        ("2026-12-24 09:00", "2026-12-28T17:00"),  # over Christmas and a weekend
        ("2027-07-02 09:00", "2027-07-06T16:00"),  # Independence Day on a Sunday is kept on Monday
    ],
)
async def test_a_capture_is_settled_at_noon_of_the_next_bank_day(shop, captured_at, settled_at):
    await shop.freeze(captured_at)
    capture = await shop.captured()
    await shop.pass_time(days=7)
    assert (await shop.read(capture))["settled_at"][:16] == settled_at
    ((at, _),) = [(at, data) for kind, at, data in await shop.events() if kind == "payment.settled"]
    assert at.strftime("%Y-%m-%dT%H:%M") == settled_at


async def test_a_settlement_is_one_batch_of_a_currency_with_a_report(database, shop):
    await shop.freeze("2027-03-01 09:00")
    first, second = await shop.captured(10_000), await shop.captured(20_000)
    await shop.captured(5_000, currency="EUR")
    await shop.refund(first, 1_000)
    await shop.dispute(second["charge_id"], 2_000)
    await shop.advance_to("2027-03-02 12:00")
    euros, dollars = sorted((await charges.list_settlements(shop.account_id))["data"], key=lambda s: s["gross_minor"])
    assert {k: v for k, v in dollars.items() if k.endswith(("minor", "count"))} == {
        "gross_minor": 30_000, "fees_minor": 930, "refunds_minor": 1_000, "disputes_minor": 3_500,
        "net_minor": 24_570, "capture_count": 2,
    }  # fmt: skip
    assert (euros["currency"], euros["net_minor"]) == ("EUR", 5_000 - 175)
    assert await charges.read(shop.account_id, UUID(euros["id"]), "settlement") == euros
    with pytest.raises(NotFound):
        await charges.read(Shop(database).account_id, UUID(euros["id"]), "settlement")
    assert (await shop.balance())["available"] == 24_570
    await assert_books(database)


async def test_what_is_less_than_nothing_is_settled_too(database, shop):
    capture = await shop.captured(1_000)
    await shop.refund(capture)
    await shop.pass_time(days=7)
    (report,) = (await charges.list_settlements(shop.account_id))["data"]
    assert (report["net_minor"], (await shop.balance())["available"]) == (-59, -59)
    await assert_books(database)


async def test_what_is_settled_is_not_settled_again(database, shop):
    await shop.captured()
    assert await charges.run_settlement(shop.account_id) == []
    (report,) = await charges.run_settlement(shop.account_id, everything=True)
    assert report["capture_count"] == 1
    again = await asyncio.gather(*(charges.run_settlement(shop.account_id, everything=True) for _ in range(10)))
    assert again == [[]] * 10
    await shop.pass_time(days=7)
    assert (await shop.kinds()).count("settled") == 1
    await assert_books(database)


async def test_a_month_happens_in_the_order_of_its_times(database, shop):
    await shop.freeze("2027-03-01 09:00")
    await shop.charge(100)
    await shop.refund(await shop.captured(1_000), 10)
    await shop.dispute((await shop.captured(2_000))["charge_id"])
    answered = await shop.dispute((await shop.captured(3_000))["charge_id"])
    await shop.answer(answered, "losing_evidence")
    await shop.pass_time(days=2)
    await shop.captured(4_000)
    before = len(await shop.kinds())
    done = await shop.pass_time(days=28)
    after = (await shop.events())[before:]
    times = [at for _, at, _ in after]
    assert times == sorted(times)
    assert [kind.removeprefix("payment.") for kind, _, _ in after] == [
        "settled", "dispute.lost", "dispute.lost", "expired",
    ]  # fmt: skip
    assert done.done == 4
    await assert_books(database)


async def test_a_long_way_is_gone_in_parts_that_can_be_cut_off(database, shop, monkeypatch):
    await shop.freeze("2027-03-01 09:00")
    for n in range(12):
        await shop.charge(100 + n)
    end = datetime(2027, 4, 1, tzinfo=UTC)
    part = await database.value("select charges.advance(%s, %s, 5)", [shop.account_id, end])
    assert (part["done"], part["is_finished"], part["now"]) == (5, False, "2027-03-08T14:00:00.000Z")
    assert await charges.now(shop.account_id) == datetime(2027, 3, 8, 14, tzinfo=UTC)
    monkeypatch.setattr("paya_app.charges.clock.THINGS_AT_ONCE", 2)
    assert await charges.advance(shop.account_id, end) == charges.Advanced(end, 7)
    assert (await shop.kinds()).count("expired") == 12


async def test_the_job_does_what_is_due_in_every_account_by_its_own_clock(database, shop, advance_clock):
    other = Shop(database)
    mine, theirs = await shop.captured(), await other.captured()
    await settlement.advance_charges()
    assert {await shop.status(mine), await other.status(theirs)} == {"captured"}
    await advance_clock(days=5)
    await settlement.advance_charges()
    assert {await shop.status(mine), await other.status(theirs)} == {"settled"}
    await settlement.advance_charges()
    assert await shop.kinds() == ["authorized", "captured", "settled"]


async def test_ten_clocks_turned_at_once_do_everything_once(database, shop):
    for n in range(10):
        await shop.captured(1_000 + n)
        await shop.charge(50)
    end = await charges.now(shop.account_id) + timedelta(days=30)
    await asyncio.gather(*(charges.advance(shop.account_id, end) for _ in range(5)), return_exceptions=True)
    kinds = await shop.kinds()
    assert (kinds.count("settled"), kinds.count("expired")) == (10, 10)
    await assert_books(database)
