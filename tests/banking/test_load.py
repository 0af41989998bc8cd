from datetime import UTC, datetime

import pytest

from paya_app import banking, risk, wallet
from paya_app.banking.bank_days import after_bank_days
from paya_app.core.actor import Actor
from paya_app.core.errors import AccountUnavailable
from paya_app.core.ids import new_id
from tests.support.bank import opened, working
from tests.support.dwolla import until


async def test_a_load_arrives_and_every_stage_has_its_time(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    assert (load.state, load.amount_cents, load.source.last4) == ("queued", 5000, "7890")
    assert [(s.key, s.at is not None) for s in load.stages] == [
        ("requested", True),
        ("accepted", False),
        ("clearing", False),
        ("available", False),
    ]
    assert load.stages[-1].expected_at is not None
    assert (await banking.pending_cents(ann), await bank.ledger()) == (5000, {})

    await bank.work()
    assert (await bank.load(ann, load)).state == "pending"
    assert await bank.ledger() == {}

    await bank.dwolla.simulate()
    await bank.notices()
    await bank.work()
    assert (await bank.load(ann, load)).state == "pending", "the money left their bank and is not in ours"
    assert await bank.ledger() == {}

    await bank.dwolla.simulate()
    await bank.notices()
    await bank.work()
    cleared = await bank.load(ann, load)
    assert cleared.state == "cleared"
    assert all(stage.at is not None for stage in cleared.stages)
    assert [stage.title for stage in cleared.stages] == [
        "You asked for it",
        "Your bank accepted it",
        "Clearing between banks",
        "Yours to spend",
    ]
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}
    assert (await wallet.balance(ann)).available_cents == 5000
    assert await banking.pending_cents(ann) == 0
    assert await bank.event_kinds(load) == ["load.requested", "load.submitted", "load.settled", "load.cleared"]
    assert await bank.dwolla.reserve_cents() == 5000
    assert await bank.dwolla.balance_cents("222222226", "1234567890") == 500_000 - 5000
    assert [each.id for each in await banking.loads(ann)] == [load.id]


async def test_it_clears_by_itself_with_webhooks_a_clock_and_a_worker(database, people):
    ann = await people.join("ann")
    async with opened(database, subscribed=True, ach_s=0.4) as bank, working():
        load = await bank.start(ann, 2500)

        async def cleared():
            found = await bank.load(ann, load)
            return found if found.state == "cleared" else None

        found = await until(cleared, within_s=15)
    assert found.stages[-1].at <= datetime.now(UTC)
    assert (await wallet.balance(ann)).available_cents == 2500
    assert await bank.ledger() == {"reserve": -2500, "wallet": 2500}


async def test_what_is_expected_before_and_after_asking_counts_the_hold(bank, people):
    ann = await people.join("ann")
    without = await banking.expectation(ann)
    await bank.database.rows(
        "insert into banking.hold_policy (environment, bank_days, reason) values ('sandbox', 3, 'a test')"
    )
    held = await banking.expectation(ann)
    assert (without.hold_bank_days, held.hold_bank_days) == (0, 3)
    assert held.at == after_bank_days(without.at, 3)
    load = await bank.start(ann, 5000)
    assert load.stages[-1].expected_at == held.at
    await bank.work()
    await bank.settle()
    settled = await bank.load(ann, load)
    assert settled.stages[-1].expected_at == after_bank_days(settled.stages[2].at, held.hold_bank_days)


async def test_with_a_hold_settled_money_waits_outside_the_wallet(bank, people, advance_clock):
    ann = await people.join("ann")
    await bank.database.rows(
        "insert into banking.hold_policy (environment, bank_days, reason) values ('sandbox', 3, 'a test')"
    )
    load = await bank.start(ann, 5000)
    assert "three business days" in load.stages[-1].detail
    await bank.work()
    await bank.settle()
    held = await bank.load(ann, load)
    assert held.state == "settled"
    assert held.stages[-1].expected_at > datetime.now(UTC)
    assert await bank.ledger() == {"reserve": -5000, "loads_uncleared": 5000}
    assert await banking.clear_due() == 0
    await advance_clock(days=8)
    assert await banking.clear_due() == 1
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}
    assert await banking.clear_due() == 0


async def test_the_bank_returns_the_debit_and_says_why(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    await bank.dwolla.rename(await bank.vendor_id(source), "R01")
    load = await bank.start(ann, 5000, source)
    await bank.work()
    await bank.settle()
    failed = await bank.load(ann, load)
    assert failed.state == "failed"
    assert failed.reason == (
        "Your bank says that there was not enough money in the account. "
        "Nothing was added to your wallet, and nothing is taken from your bank. Try again when there is."
    )
    assert failed.stages[-1].key == "failed"
    assert failed.stages[-1].detail == failed.reason
    assert (await bank.ledger(), await banking.pending_cents(ann)) == ({}, 0)
    assert await bank.event_kinds(load) == ["load.requested", "load.submitted", "load.failed"]


async def test_a_bank_with_too_little_money_returns_the_debit(database, people):
    ann = await people.join("ann")
    async with opened(database, opening_cents=4999) as bank:
        load = await bank.start(ann, 5000)
        await bank.work()
        await bank.settle()
        assert "not enough money" in (await bank.load(ann, load)).reason
        assert await bank.dwolla.balance_cents("222222226", "1234567890") == 4999
        assert await bank.ledger() == {}


async def test_a_late_return_in_the_sandbox_ends_without_money(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    await bank.dwolla.rename(await bank.vendor_id(source), "R01-late")
    load = await bank.start(ann, 5000, source)
    await bank.work()
    await bank.settle()
    assert (await bank.load(ann, load)).state == "failed"
    assert await bank.ledger() == {}


async def returned_late(bank):
    """The banks take back what they gave."""
    await bank.database.rows("update vendor_dwolla.transfer set late_return_code = 'R01' where leg = 'debit'")
    await bank.dwolla.simulate()
    await bank.notices()
    await bank.work()


async def test_a_return_during_the_hold_goes_back_to_the_reserve(bank, people):
    ann = await people.join("ann")
    await bank.database.rows(
        "insert into banking.hold_policy (environment, bank_days, reason) values ('sandbox', 3, 'a test')"
    )
    load = await bank.start(ann, 5000)
    await bank.work()
    await bank.settle()
    await returned_late(bank)
    found = await bank.load(ann, load)
    assert (found.state, found.stages[-1].title) == ("returned", "Your bank took it back")
    assert await bank.ledger() == {}
    assert await bank.event_kinds(load) == ["load.requested", "load.submitted", "load.settled", "load.returned"]


async def test_a_return_after_clearing_takes_what_is_there_and_restricts_the_account(bank, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    load = await bank.start(ann, 5000)
    await bank.work()
    await bank.settle()
    await wallet.send(ann, payment_id=new_id(), to="bob", amount_cents=3000, note="lunch", audience="private")
    await returned_late(bank)
    await returned_late(bank)
    assert (await bank.load(ann, load)).state == "returned"
    assert await bank.ledger() == {"receivable": -3000, "wallet": 3000}, "the payee keeps what was paid, it is owed"
    assert await bank.database.value("select owed_cents from banking.load") == 3000
    with pytest.raises(AccountUnavailable):
        await wallet.send(ann, payment_id=new_id(), to="bob", amount_cents=1, note="x", audience="private")
    assert (await wallet.balance(bob)).available_cents == 3000
    (case,) = await risk.open_cases(ann)
    assert case.sentence.startswith("Your account is restricted: your bank took back a transfer")
    assert await risk.open_cases(bob) == []
    about = "select payload ->> 'subject', payload ->> 'after' from events.event where kind = 'account.restricted'"
    assert await bank.database.rows(about) == [(str(load.id), "restricted")]
    assert await risk.lift(Actor.service(), case.reference, "written off") == "active"
