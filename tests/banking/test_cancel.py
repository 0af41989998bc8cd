"""Canceling: at once while nothing was sent, by the vendor while the banks have not begun, never afterwards."""

import asyncio

import pytest

from paya_app import banking, wallet
from paya_app.banking.errors import CancelTooLate
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, SignedOut
from paya_app.core.ids import new_id
from paya_app.providers.outcome import Retryable
from tests.banking.test_redemption_limits import limits_of
from tests.support.bank import unreachable


async def test_what_was_not_sent_is_canceled_at_once(bank, people):
    ann = await people.join("ann", cents=5000)
    source = await bank.link(ann)
    load, redemption = await bank.start(ann, 700, source), await bank.redeem(ann, 5000, source)
    assert (load.cancel, redemption.cancel) == ("possible", "possible")
    for each in (load, redemption):
        assert await banking.cancel(ann, each.id) == "canceled"
        assert await banking.cancel(ann, each.id) == "canceled", "again changes nothing"
    await bank.work()
    found = await bank.redemption(ann, redemption)
    assert (found.state, found.cancel) == ("canceled", "over")
    assert found.reason == "You canceled it. The money is in your wallet."
    assert (await bank.load(ann, load)).reason.startswith("You canceled it.")
    assert await bank.database.value("select count(*) from vendor_dwolla.transfer") == 0
    assert (await wallet.balance(ann)).available_cents == 5000
    assert (await bank.event_kinds(redemption))[-1] == "redemption.canceled"
    load_limits = await banking.load_limits(ann)
    assert load_limits is not None
    assert load_limits.week_used_cents == 0
    assert (await limits_of(ann)).week_used_cents == 0


async def test_what_the_vendor_has_is_stopped_there(bank, people):
    ann = await people.join("ann")
    source = await bank.fund(ann, 5000)
    load, redemption = await bank.start(ann, 700, source), await bank.redeem(ann, 5000, source)
    await bank.work()
    for each in (load, redemption):
        assert await banking.cancel(ann, each.id) == "asked"
        assert await banking.cancel(ann, each.id) == "asked"
    assert (await bank.redemption(ann, redemption)).cancel == "asked"
    await bank.work()
    assert (await bank.redemption(ann, redemption)).state == "canceled"
    assert (await bank.load(ann, load)).state == "canceled"
    await bank.settle()
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}
    assert (await wallet.balance(ann)).available_cents == 5000
    assert await bank.dwolla.reserve_cents() == 5000


async def test_when_the_banks_have_begun_it_goes_on_and_says_so(bank, people):
    ann = await people.join("ann")
    source = await bank.fund(ann, 5000)
    redemption = await bank.redeem(ann, 5000, source)
    await bank.work()
    await bank.dwolla.simulate()  # our bank has paid, and nobody has told us
    assert await banking.cancel(ann, redemption.id) == "asked"
    await bank.work()
    found = await bank.redemption(ann, redemption)
    assert (found.state, found.cancel) == ("settled", "over")
    with pytest.raises(CancelTooLate) as refusal:
        await banking.cancel(ann, redemption.id)
    assert refusal.value.message == (
        "Not canceled: the banks had begun with it, so it goes on. Nothing else was changed."
    )
    await bank.settle()
    assert (await bank.redemption(ann, redemption)).state == "cleared"
    assert await bank.ledger() == {}


async def test_a_vendor_that_refuses_while_nothing_moved_is_remembered(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    load = await bank.start(ann, 700, source)
    await bank.work()
    await bank.dwolla.simulate()  # out of their bank, not yet in ours: still pending here
    await banking.cancel(ann, load.id)
    await bank.work()
    assert (await bank.load(ann, load)).cancel == "refused"
    with pytest.raises(CancelTooLate):
        await banking.cancel(ann, load.id)
    await bank.settle()
    assert (await bank.load(ann, load)).state == "cleared"


async def test_a_wish_to_cancel_and_its_refusal_are_events_each_once(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 700)
    await bank.work()
    await bank.dwolla.simulate()  # out of their bank, not yet in ours
    for _ in range(2):
        await banking.cancel(ann, load.id)
    await bank.work()
    await banking.cancel_transfer(load.id)
    kinds = await bank.event_kinds(load)
    assert kinds == ["load.requested", "load.submitted", "load.cancel_asked", "load.cancel_refused"]
    versions = await bank.database.rows("select version from events.event where subject = %s order by id", (load.id,))
    assert [version for (version,) in versions] == [1, 2, 3, 4], "whoever looks at the page reads it again"
    await bank.settle()
    assert (await bank.load(ann, load)).state == "cleared"


async def test_while_the_vendor_is_down_the_wish_waits(bank, people):
    ann = await people.join("ann", cents=5000)
    source = await bank.link(ann)
    redemption = await bank.redeem(ann, 5000, source)
    await bank.work()
    await banking.cancel(ann, redemption.id)
    with unreachable(), pytest.raises(Retryable):
        await banking.cancel_transfer(redemption.id)
    await banking.cancel_transfer(redemption.id)
    assert (await bank.redemption(ann, redemption)).state == "canceled"
    assert (await wallet.balance(ann)).available_cents == 5000


async def test_nobody_cancels_what_is_somebody_elses(bank, people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob")
    source = await bank.link(ann)
    redemption = await bank.redeem(ann, 5000, source)
    for actor, each in ((bob, redemption.id), (ann, new_id())):
        with pytest.raises(NotFound):
            await banking.cancel(actor, each)
    with pytest.raises(SignedOut):
        await banking.cancel(Actor.visitor(), redemption.id)
    assert (await bank.redemption(ann, redemption)).state == "queued"


async def test_canceling_and_sending_at_once_one_comes_first_and_the_money_is_right(bank, people):
    ann = await people.join("ann", cents=100_000)
    source = await bank.link(ann)
    redemptions = [await bank.redeem(ann, 1000, source) for _ in range(20)]
    acts = [act(each.id) for each in redemptions for act in (banking.submit_redemption, _cancel_as(ann))]
    answers = await asyncio.gather(*acts, return_exceptions=True)
    assert [each for each in answers if isinstance(each, Exception)] == []
    await bank.work()  # the wishes that came after the sending
    states = [(await bank.redemption(ann, each)).state for each in redemptions]
    assert set(states) == {"canceled"}, "the vendor had begun with none of them"
    at_vendor = await bank.database.rows("select distinct status from vendor_dwolla.transfer where leg = 'payout'")
    assert at_vendor in ([], [("cancelled",)])
    assert await bank.ledger() == {"reserve": -100_000, "wallet": 100_000}
    assert (await wallet.balance(ann)).available_cents == 100_000


async def test_canceling_while_the_banks_process_ends_in_one_of_two_ways(bank, people):
    ann_cents = 20_000
    ann = await people.join("ann", cents=ann_cents)
    await bank.database.rows("update vendor_dwolla.bank_account set balance_cents = 100000 where number = '9000000001'")
    source = await bank.link(ann)
    redemptions = [await bank.redeem(ann, 1000, source) for _ in range(10)]
    await bank.work()
    for each in redemptions:
        await banking.cancel(ann, each.id)
    await asyncio.gather(*(banking.cancel_transfer(each.id) for each in redemptions), bank.dwolla.simulate())
    for _ in range(2):
        await bank.settle()
    states = [(await bank.redemption(ann, each)).state for each in redemptions]
    assert set(states) <= {"canceled", "cleared"}
    paid_cents = 1000 * states.count("cleared")
    assert await bank.ledger() == {"reserve": paid_cents - ann_cents, "wallet": ann_cents - paid_cents}
    assert await bank.dwolla.balance_cents("222222226", "1234567890") == 500_000 + paid_cents
    assert await bank.dwolla.reserve_cents() == 100_000 - paid_cents


def _cancel_as(actor):
    async def cancel(operation_id):
        return await banking.cancel(actor, operation_id)

    return cancel
