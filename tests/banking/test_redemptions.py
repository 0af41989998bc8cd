"""Money from the wallet to a bank: what is held, posted, burned and said at each stage."""

from datetime import UTC, datetime

import pytest

from paya_app import banking, wallet
from paya_app.banking.errors import (
    RedemptionAmountInvalid,
    RedemptionBankUnconfirmed,
    RedemptionKeyReused,
    RedemptionUncovered,
)
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, SignedOut
from paya_app.core.ids import new_id
from tests.support.bank import opened, working
from tests.support.dwolla import until


async def test_a_redemption_is_paid_and_every_stage_has_its_time(bank, people):
    ann = await people.join("ann")
    source = await bank.fund(ann, 8000)
    redemption = await bank.redeem(ann, 5000, source)
    assert (redemption.state, redemption.amount_cents, redemption.source.last4) == ("queued", 5000, "7890")
    assert redemption.reference.startswith("CO-")
    assert [(stage.key, stage.at is not None) for stage in redemption.stages] == [
        ("requested", True),
        ("accepted", False),
        ("debited", False),
        ("paid", False),
    ]
    assert redemption.stages[-1].expected_at is not None
    assert (await wallet.balance(ann)).available_cents == 3000, "held at once"
    assert await bank.ledger() == {"reserve": -8000, "wallet": 8000}

    await bank.work()
    assert (await bank.redemption(ann, redemption)).state == "pending"
    assert await bank.ledger() == {"reserve": -8000, "wallet": 3000, "payouts_in_transit": 5000}
    assert await bank.dwolla.reserve_cents() == 8000

    await bank.dwolla.simulate()
    await bank.notices()
    await bank.work()
    assert (await bank.redemption(ann, redemption)).state == "settled", "it is out of our bank and not in theirs"
    assert await bank.ledger() == {"reserve": -3000, "wallet": 3000}, "burned"
    assert await bank.dwolla.reserve_cents() == 3000

    await bank.dwolla.simulate()
    await bank.notices()
    await bank.work()
    paid = await bank.redemption(ann, redemption)
    assert paid.state == "cleared"
    assert all(stage.at is not None for stage in paid.stages)
    assert [stage.title for stage in paid.stages] == [
        "You asked for it",
        "The bank accepted it",
        "Paid out of the reserve",
        "In your bank",
    ]
    assert await bank.ledger() == {"reserve": -3000, "wallet": 3000}
    assert await bank.dwolla.balance_cents("222222226", "1234567890") == 500_000 - 3000
    assert await bank.dwolla.payout_count() == 1
    assert await bank.event_kinds(redemption) == [
        "redemption.requested",
        "redemption.submitted",
        "redemption.debited",
        "redemption.paid",
    ]
    assert [each.id for each in await banking.redemptions(ann)] == [redemption.id]


async def test_it_is_paid_by_itself_with_webhooks_a_clock_and_a_worker(database, people):
    ann = await people.join("ann")
    async with opened(database, subscribed=True, ach_s=0.4) as bank, working():
        source = await bank.link(ann)
        await bank.start(ann, 2500, source)

        async def funded():
            return (await wallet.balance(ann)).available_cents == 2500

        await until(funded, within_s=15)
        redemption = await bank.redeem(ann, 2500, source)

        async def paid():
            found = await bank.redemption(ann, redemption)
            return found if found.state == "cleared" else None

        found = await until(paid, within_s=15)
    assert found.stages[-1].at <= datetime.now(UTC)
    assert await bank.ledger() == {}


async def test_the_bank_refuses_it_and_the_money_is_back_with_the_reason(bank, people):
    ann = await people.join("ann")
    source = await bank.fund(ann, 5000)
    await bank.dwolla.rename(await bank.vendor_id(source), "R03")
    redemption = await bank.redeem(ann, 5000, source)
    await bank.work()
    await bank.settle()
    back = await bank.redemption(ann, redemption)
    assert (back.state, back.stages[-1].title) == ("returned", "Your bank sent it back")
    assert back.reason == "Your bank could not find this account. The money is in your wallet."
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}
    assert (await wallet.balance(ann)).available_cents == 5000
    assert (await bank.event_kinds(redemption))[-2:] == ["redemption.debited", "redemption.returned"]
    assert await banking.sources(ann) == [], "a bank that is not there is not chosen again"


async def test_money_that_was_paid_and_comes_back_is_in_the_wallet_once(bank, people):
    ann = await people.join("ann")
    source = await bank.fund(ann, 5000)
    await bank.dwolla.rename(await bank.vendor_id(source), "R03-late")
    redemption = await bank.redeem(ann, 5000, source)
    await bank.work()
    await bank.settle()
    await bank.settle()
    await bank.notices()
    await bank.work()
    assert (await bank.redemption(ann, redemption)).state == "returned"
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}
    kinds = await bank.event_kinds(redemption)
    assert kinds.count("redemption.returned") == 1
    assert kinds[-2:] in (["redemption.paid", "redemption.returned"], ["redemption.debited", "redemption.returned"])


async def test_our_bank_without_money_gives_it_back_and_blames_nobody_else(bank, people):
    ann = await people.join("ann", cents=5000)  # money that no bank ever brought
    source = await bank.link(ann)
    redemption = await bank.redeem(ann, 5000, source)
    await bank.work()
    await bank.settle()
    failed = await bank.redemption(ann, redemption)
    assert failed.state == "failed"
    assert failed.reason.startswith("The bank that keeps PaYa's reserve did not pay it out.")
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}


async def test_from_a_balance_at_the_vendor_it_is_burned_when_it_is_accepted(bank, people, monkeypatch):
    from paya_app.core.config import settings
    from paya_app.local.vendors.dwolla.state import BALANCE_SOURCE_ID

    ann = await people.join("ann", cents=5000)
    source = await bank.link(ann)
    await bank.database.rows("update vendor_dwolla.bank_account set balance_cents = 5000 where routing = 'dwolla'")
    monkeypatch.setenv("DWOLLA_RESERVE_SOURCE", BALANCE_SOURCE_ID)
    settings.cache_clear()
    redemption = await bank.redeem(ann, 5000, source)
    await bank.work()
    await bank.notices()
    await bank.work()
    assert (await bank.redemption(ann, redemption)).state == "settled"
    assert await bank.ledger() == {}
    assert await bank.dwolla.balance_cents("dwolla", "balance") == 0
    await bank.settle()
    assert (await bank.redemption(ann, redemption)).state == "cleared"


async def test_the_same_id_again_is_the_same_redemption_and_another_is_refused(bank, people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", cents=5000)
    source = await bank.link(ann)
    once = new_id()
    order = {"redemption_id": once, "source_id": source.id}
    first = await banking.start_redemption(ann, **order, amount_cents=700)
    assert (await banking.start_redemption(ann, **order, amount_cents=700)).reference == first.reference
    with pytest.raises(RedemptionKeyReused):
        await banking.start_redemption(ann, **order, amount_cents=701)
    theirs = await bank.link(bob, account="99990000")
    with pytest.raises(RedemptionKeyReused):
        await banking.start_redemption(bob, redemption_id=once, source_id=theirs.id, amount_cents=700)
    load = await bank.start(ann, 700, source)
    with pytest.raises(RedemptionKeyReused):
        await banking.start_redemption(ann, redemption_id=load.id, source_id=source.id, amount_cents=700)
    assert (await wallet.balance(ann)).available_cents == 4300


async def test_an_amount_that_is_none_is_refused(bank, people):
    ann = await people.join("ann", cents=5050)
    source = await bank.link(ann)
    for cents in (0, -1, 99, 10**15 + 1, 10**30, True, "100", 1.5, float("nan"), 1e308, None):
        with pytest.raises(RedemptionAmountInvalid):
            await bank.redeem(ann, cents, source)
    with pytest.raises(RedemptionUncovered) as refusal:
        await bank.redeem(ann, 5051, source)
    assert refusal.value.message == "Not cashed out. You have $50.50 available. Nothing left your wallet."
    assert await banking.redemptions(ann) == []
    await bank.redeem(ann, 5000, source)
    assert (await bank.redeem(ann, 50, source)).amount_cents == 50, "all that is there may go, however little"


async def test_nothing_is_paid_to_an_unconfirmed_or_foreign_bank(bank, people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", cents=5000)
    waiting = await banking.add_source(
        ann, source_id=new_id(), holder_name="Ann Example", routing="222222226", account="55551111", kind="savings"
    )
    with pytest.raises(RedemptionBankUnconfirmed):
        await bank.redeem(ann, 1000, waiting)
    source = await bank.link(ann)
    with pytest.raises(NotFound):
        await bank.redeem(bob, 1000, source)
    with pytest.raises(SignedOut):
        await bank.redeem(Actor.visitor(), 1000, source)
    redemption = await bank.redeem(ann, 1000, source)
    assert await banking.redemption(bob, redemption.id) is None
    assert await banking.redemption(Actor.visitor(), redemption.id) is None
    assert await banking.redemptions(bob) == []
