"""Refunds and disputes: where the money is at each step."""

from uuid import UUID

import pytest

from paya_app import charges
from paya_app.charges import ChargeAmountExceeds, ChargeStateInvalid
from paya_app.core.errors import KeyReused, NotFound
from paya_app.core.ids import new_id
from tests.charges.books import assert_books


async def test_a_refund_before_settlement_lessens_it_and_the_fee_is_kept(database, shop):
    capture = await shop.captured(10_000)
    refund = await shop.refund(capture, 4_000, reason="duplicate")
    assert (refund["status"], refund["charge"]["status"]) == ("pending", "partially_refunded")
    assert await shop.balance() == {
        "pending": 5_680, "available": 0, "refunds_in_transit": 4_000, "disputed": 0, "fees": 320,
    }  # fmt: skip
    await shop.pass_time(days=7)
    assert (await shop.read(refund))["status"] == "succeeded"
    assert await shop.balance() == {
        "pending": 0, "available": 5_680, "refunds_in_transit": 0, "disputed": 0, "fees": 320,
    }  # fmt: skip
    assert await shop.kinds() == ["authorized", "captured", "refunded", "settled", "refunded"]
    await assert_books(database)


async def test_a_refund_after_settlement_comes_from_what_is_available(database, shop):
    capture = await shop.captured(10_000)
    await shop.pass_time(days=7)
    assert await shop.status(capture) == "settled"
    await shop.refund(capture)
    assert (await shop.balance())["available"] == 9_680 - 10_000
    await shop.pass_time(days=7)
    assert await shop.status(capture) == "refunded"
    await assert_books(database)


async def test_never_more_than_was_captured_is_given_back(shop):
    charge = await shop.charge(1_000)
    with pytest.raises(ChargeStateInvalid) as refused:
        await shop.refund(charge)
    assert refused.value.facts["state"] == "authorized"
    await shop.capture(charge, 600)
    await shop.refund(charge, 200)
    await shop.dispute(charge["id"], 300)
    with pytest.raises(ChargeAmountExceeds) as exceeded:
        await shop.refund(charge, 101)
    assert exceeded.value.facts["left_minor"] == 100
    await shop.refund(charge)
    with pytest.raises(ChargeStateInvalid):
        await shop.refund(charge, 1)


async def test_a_refund_of_one_id_is_one(database, shop):
    capture, once = await shop.captured(1_000), new_id()
    first = await shop.refund(capture, 10, refund_id=once)
    assert await shop.refund(capture, 10, refund_id=once) == first
    with pytest.raises(KeyReused):
        await shop.refund(capture, 11, refund_id=once)
    assert (await shop.status(capture), await database.value("select count(*) from charges.refund")) == (
        "partially_refunded",
        1,
    )


async def test_a_refund_of_several_captures_takes_those_first_that_are_not_settled(database, shop):
    charge = await shop.charge(1_000)
    settled = await shop.capture(charge, 400, final=False)
    await shop.pass_time(days=4)
    fresh = await shop.capture(charge, 600)
    await shop.refund(charge, 700)
    assert [(await shop.read(one))["refunded_minor"] for one in (settled, fresh)] == [100, 600]
    with pytest.raises(ChargeAmountExceeds):
        await shop.refund(fresh, 1)
    await shop.refund(settled, 300)
    assert await shop.status(charge) == "refunded"
    await shop.pass_time(days=10)
    await assert_books(database)


async def test_a_capture_of_another_charge_is_none_of_this(shop):
    one, other = await shop.captured(), await shop.captured()
    with pytest.raises(NotFound):
        await charges.refund(
            shop.account_id, refund_id=new_id(), charge_id=UUID(one["charge_id"]), capture_id=UUID(other["id"])
        )


async def test_a_refund_that_fails_comes_back_to_where_the_money_is_by_then(database, shop):
    early = await shop.refund(await shop.captured(5_000))
    assert (await shop.balance())["pending"] == -175
    key = new_id()
    failed = await charges.fail_refund(shop.account_id, operation_id=key, refund_id=UUID(early["id"]))
    assert (failed["status"], failed["charge"]["status"], failed["charge"]["refunded_minor"]) == (
        "failed",
        "captured",
        0,
    )
    assert await charges.fail_refund(shop.account_id, operation_id=key, refund_id=UUID(early["id"])) == failed
    assert (await shop.balance())["pending"] == 4_825
    with pytest.raises(ChargeStateInvalid, match="The refund is failed"):
        await charges.fail_refund(shop.account_id, operation_id=new_id(), refund_id=UUID(early["id"]))
    card = await shop.captured(5_000, "refund_fails")
    await shop.refund(card)
    await shop.pass_time(days=7)
    assert await shop.status(card) == "settled"
    assert await shop.balance() == {
        "pending": 0, "available": 9_650, "refunds_in_transit": 0, "disputed": 0, "fees": 350,
    }  # fmt: skip
    assert (await shop.kinds()).count("refund_failed") == 2
    await assert_books(database)


async def test_a_refund_waits_while_it_would_go_beyond_the_overdraft(database, shop):
    await shop.freeze("2027-03-01 09:00")
    captures = [await shop.captured(100_000) for _ in range(3)]
    await shop.advance_to("2027-03-02 13:00")
    for capture in captures[:2]:
        await shop.dispute(capture["charge_id"])
    await database.rows("update charges.currency set overdraft_max_minor = 5000")
    refund = await shop.refund(captures[2])
    assert (refund["status"], refund["is_waiting_for_funds"]) == ("pending", True)
    assert (await shop.balance())["refunds_in_transit"] == 0
    with pytest.raises(ChargeStateInvalid):
        await shop.refund(captures[2], 1)
    await assert_books(database)
    await shop.advance_to("2027-03-05 13:00")
    assert (await shop.read(refund))["is_waiting_for_funds"]
    await shop.captured(50_000)
    await shop.advance_to("2027-03-08 13:00")
    assert not (await shop.read(refund))["is_waiting_for_funds"]
    await shop.advance_to("2027-03-09 13:00")
    assert (await shop.read(refund))["status"] == "succeeded"
    await assert_books(database)


async def test_a_waiting_refund_that_fails_gives_back_nothing_but_the_right_to_refund(database, shop):
    capture = await shop.captured(100_000)
    await shop.pass_time(days=7)
    await database.rows("update charges.currency set overdraft_max_minor = 0")
    refund = await shop.refund(capture)
    before = await shop.balance()
    await charges.fail_refund(shop.account_id, operation_id=new_id(), refund_id=UUID(refund["id"]))
    assert await shop.balance() == before
    assert await shop.status(capture) == "settled"
    await assert_books(database)


async def test_a_dispute_sets_the_money_aside_and_a_win_brings_it_back(database, shop):
    capture = await shop.captured(10_000)
    dispute = await shop.dispute(capture["charge_id"])
    assert (dispute["status"], dispute["charge"]["status"], dispute["fee_minor"]) == (
        "needs_response",
        "disputed",
        1_500,
    )
    assert await shop.balance() == {
        "pending": -1_820, "available": 0, "refunds_in_transit": 0, "disputed": 10_000, "fees": 1_820,
    }  # fmt: skip
    answered = await shop.answer(dispute, "It was delivered, and signed for.")
    assert (answered["status"], answered["version"]) == ("under_review", 2)
    with pytest.raises(ChargeStateInvalid) as refused:
        await shop.answer(dispute, "And another thing.")
    assert (refused.value.facts["state"], refused.value.facts["next_states"]) == ("under_review", ["won", "lost"])
    await shop.pass_time(days=10)
    won = await shop.read(dispute)
    assert (won["status"], won["charge"]["status"], won["charge"]["disputed_minor"]) == ("won", "settled", 0)
    assert (await shop.balance())["available"] == 10_000 - 1_820
    assert [kind for kind in await shop.kinds() if kind.startswith("dispute")] == [
        "dispute.opened", "dispute.updated", "dispute.won",
    ]  # fmt: skip
    again = await shop.dispute(capture["charge_id"], 5)
    assert again["charge"]["status"] == "disputed"
    await assert_books(database)


@pytest.mark.parametrize("how", ["deadline", "evidence", "accepted"])
async def test_a_dispute_is_lost(database, shop, how):
    capture = await shop.captured(10_000)
    await shop.pass_time(days=7)
    dispute = await shop.dispute(capture["charge_id"], 2_500)
    if how == "evidence":
        await shop.answer(dispute, "losing_evidence")
    if how == "accepted":
        await charges.accept_dispute(shop.account_id, operation_id=new_id(), dispute_id=UUID(dispute["id"]))
    else:
        assert await shop.status(capture) == "disputed"
        await shop.pass_time(days=10)
    lost = await shop.read(dispute)
    assert (lost["status"], lost["charge"]["disputed_minor"]) == ("lost", 2_500)
    assert await shop.status(capture) == "settled"
    assert await shop.balance() == {
        "pending": 0, "available": 9_680 - 4_000, "refunds_in_transit": 0, "disputed": 0, "fees": 1_820,
    }  # fmt: skip
    with pytest.raises(ChargeStateInvalid, match="The dispute is lost"):
        await shop.answer(dispute, "Too late.")
    await shop.dispute(capture["charge_id"])
    await shop.pass_time(days=10)
    assert await shop.status(capture) == "charged_back"
    await assert_books(database)


async def test_evidence_comes_too_late_by_the_clock_even_before_it_was_booked(database, shop):
    dispute = await shop.dispute((await shop.captured())["charge_id"])
    # the clock of a frozen account shows a later time, and nothing that fell due was done yet
    await charges.freeze_clock(shop.account_id, await database.value("select private.now() + interval '8 days'"))
    with pytest.raises(ChargeStateInvalid) as refused:
        await shop.answer(dispute, "Here.")
    assert refused.value.facts["state"] == "lost"
    assert (await shop.read(dispute))["status"] == "needs_response"
    await shop.pass_time(days=0)
    assert (await shop.read(dispute))["status"] == "lost"


async def test_a_disputed_card_is_disputed_when_it_is_captured(database, shop):
    capture = await shop.captured(3_000, "disputed")
    assert (capture["charge"]["status"], capture["disputed_minor"]) == ("disputed", 3_000)
    assert await shop.kinds() == ["authorized", "captured", "dispute.opened"]
    with pytest.raises(ChargeStateInvalid):
        await shop.dispute(capture["charge_id"])
    await assert_books(database)
    await shop.pass_time(days=8)
    assert await shop.status(capture) == "charged_back"
    assert (await shop.balance())["available"] == -1_617
    await assert_books(database)
