"""Our books against the vendor's: each difference is found, once, and a clean day finds none.

What is expected comes from the stand-in's own books, into which the differences are planted.
"""

from uuid import uuid4

import pytest

from paya_app import banking
from paya_app.core.config import settings
from paya_app.providers import dwolla as provider
from paya_app.providers.outcome import Retryable
from tests.banking.test_returns import loaded, pay, take_back
from tests.support.bank import Bank


async def found(bank: Bank) -> list[tuple[str, str, bool]]:
    """What one run finds: kind, subject, and whether its case is new."""
    return [(each.kind, each.subject, each.is_new) for each in await banking.reconcile_external()]


async def open_cases(bank: Bank) -> list[tuple[str, str]]:
    return await bank.database.rows(
        "select kind, subject from cases.open_cases(100) where kind ~ '^(bank|backing)_' order by 1, 2"
    )


async def reference_of(bank: Bank, load: banking.Load) -> str:
    return await bank.database.value("select vendor_ref from banking.provider_operation where id = %s", (load.id,))


async def test_a_day_without_anything_is_clean(bank):
    assert await found(bank) == []
    assert await bank.database.rows(
        "select transfer_count, in_flight_count, difference_count from banking.external_reconciliation"
    ) == [(0, 0, 0)]


async def test_a_day_with_loads_at_every_stage_is_clean(bank, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    source = await bank.link(ann)
    await loaded(bank, ann, 5050, source)
    taken = await loaded(bank, ann, 1077, source)
    await pay(ann, "bob", 6000)
    await take_back(bank, taken)
    assert await bank.database.value("select count(*) from banking.debt") == 1
    theirs = await bank.link(bob, account="1234567891")
    await bank.dwolla.rename(await bank.vendor_id(theirs), "R01")
    failing = await bank.start(bob, 700, theirs)
    await bank.work()
    await bank.settle()
    assert (await bank.load(bob, failing)).state == "failed"
    await bank.dwolla.rename(await bank.vendor_id(theirs), "Bob Example")
    half = await bank.start(bob, 800, theirs)
    await bank.work()
    await bank.dwolla.simulate()
    await bank.notices()
    await bank.work()
    assert (await bank.load(bob, half)).state == "pending"
    await bank.start(bob, 900, theirs)
    await bank.work()
    await bank.start(bob, 1000, theirs)

    # by the vendor's own books: 50.50 in our bank and 10.77 too, 10.77 taken from the balance again, 8.00 on its way
    assert await bank.dwolla.reserve_cents() == 5050 + 1077
    assert await bank.dwolla.balance_cents("dwolla", "balance") == 800 - 1077
    # the shortage is real: it was spent, the bank took it back, and nobody has paid it back yet
    assert {(kind, subject) for kind, subject, _ in await found(bank)} == {("backing_short", "account:reserve")}
    seen = await bank.database.rows(
        "select confirmed_cents, in_flight_cents from banking.reserve_confirmation order by n desc limit 1"
    )
    assert seen == [(5050, 800)]


async def test_a_transfer_that_the_vendor_does_not_have_is_found(bank, people):
    ann = await people.join("ann")
    load = await loaded(bank, ann, 5050)
    reference = await reference_of(bank, load)
    await bank.database.rows("delete from vendor_dwolla.transfer where funding_transfer = %s::uuid", (reference,))
    await bank.database.rows("delete from vendor_dwolla.transfer where id = %s::uuid", (reference,))
    expected = ("bank_transfer_missing_there", f"load:{load.id}")
    assert await found(bank) == [(*expected, True)]
    assert await found(bank) == [(*expected, False)]
    assert await open_cases(bank) == [expected]


async def test_a_transfer_that_we_do_not_have_is_found_and_told_again_is_the_same_case(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    await loaded(bank, ann, 5050, source)
    extra = await provider.create_transfer(
        source_id=await bank.vendor_id(source),
        destination_id=settings().dwolla_reserve_source,
        amount_cents=1234,
        correlation_id=str(uuid4()),
        key="not ours",
    )
    expected = ("bank_transfer_missing_here", f"dwolla:{extra}")
    assert await found(bank) == [(*expected, True)]
    await bank.dwolla.simulate()
    await bank.dwolla.simulate()
    assert await bank.dwolla.reserve_cents() == 5050 + 1234, "money that nobody expects explains the balance"
    assert await found(bank) == [(*expected, False)]
    await bank.database.rows("delete from vendor_dwolla.transfer where funding_transfer = %s::uuid", (extra,))
    await bank.database.rows("delete from vendor_dwolla.transfer where id = %s::uuid", (extra,))
    assert await found(bank) == [("bank_balance_wrong", "account:reserve", True)], "gone, and its money is still there"
    assert await open_cases(bank) == [("bank_balance_wrong", "account:reserve")]


async def test_another_amount_is_found_and_its_case_closes_when_it_is_gone(bank, people):
    ann = await people.join("ann")
    load = await loaded(bank, ann, 5050)
    change = "update vendor_dwolla.transfer set amount_cents = %s where id = %s::uuid"
    await bank.database.rows(change, (5051, await reference_of(bank, load)))
    (finding,) = await banking.reconcile_external()
    assert (finding.kind, finding.subject, finding.is_new) == ("bank_transfer_wrong_amount", f"load:{load.id}", True)
    assert (finding.evidence["here_cents"], finding.evidence["there_cents"]) == (5050, 5051)
    assert str(finding.case_id) in finding.sentence
    await bank.database.rows(change, (5050, await reference_of(bank, load)))
    assert await found(bank) == []
    assert await open_cases(bank) == []
    assert await bank.database.value("select count(*) from events.event where kind = 'case.closed'") == 1
    await bank.database.rows(change, (5051, await reference_of(bank, load)))
    assert await found(bank) == [("bank_transfer_wrong_amount", f"load:{load.id}", True)], "again is a new case"


@pytest.mark.parametrize("status", ["failed", "cancelled", "pending"])
async def test_another_state_is_found(bank, people, status):
    ann = await people.join("ann")
    load = await loaded(bank, ann, 5050)
    await bank.database.rows(
        "update vendor_dwolla.transfer set status = %s where id = %s::uuid", (status, await reference_of(bank, load))
    )
    assert await found(bank) == [("bank_transfer_wrong_state", f"load:{load.id}", True)]
    assert await found(bank) == [("bank_transfer_wrong_state", f"load:{load.id}", False)]


async def test_a_late_return_whose_notice_was_lost_is_found(bank, people):
    ann = await people.join("ann")
    load = await loaded(bank, ann, 5050)
    await bank.database.rows("update vendor_dwolla.transfer set late_return_code = 'R10' where source_id is not null")
    await bank.dwolla.simulate()
    findings = await found(bank)
    assert ("bank_transfer_wrong_state", f"load:{load.id}", True) in findings
    assert {kind for kind, _, _ in findings} == {"bank_transfer_wrong_state", "backing_short"}
    await bank.notices()
    await bank.work()
    assert await found(bank) == []
    assert await open_cases(bank) == []


async def test_what_nobody_asks_about_any_more_is_found_and_what_is_followed_is_not(bank, people, advance_clock):
    ann = await people.join("ann")
    load = await bank.start(ann, 5050)
    await bank.work()
    await bank.dwolla.simulate()
    await bank.dwolla.simulate()
    assert await found(bank) == [], "the vendor is ahead of us, and somebody is about to ask"
    await advance_clock(hours=1)
    assert await found(bank) == [("bank_transfer_wrong_state", f"load:{load.id}", True)]
    await banking.receive_notice(
        provider.Notice(id="one", topic="customer_transfer_completed", resource_id=await reference_of(bank, load))
    )
    assert await found(bank) == [], "a job is about to ask"
    await bank.work()
    assert await found(bank) == []


async def test_another_balance_is_found(bank, people):
    ann = await people.join("ann")
    await loaded(bank, ann, 5050)
    change = "update vendor_dwolla.bank_account set balance_cents = balance_cents + %s where number = '9000000001'"
    await bank.database.rows(change, (1,))
    assert await found(bank) == [("bank_balance_wrong", "account:reserve", True)]
    await bank.database.rows(change, (-1,))
    assert await found(bank) == []


async def test_more_than_a_page_is_read_to_the_end(bank, people, monkeypatch):
    from paya_app.providers.dwolla import statement

    monkeypatch.setattr(statement, "PAGE", 2)
    ann = await people.join("ann")
    source = await bank.link(ann)
    loads = [await bank.start(ann, 1000 + n, source) for n in range(5)]
    for load in loads:
        await banking.submit_load(load.id)
    await bank.settle()
    listed = await provider.list_transfers()
    assert len(listed) == 10
    assert len({each.transfer.id for each in listed}) == 10
    assert await found(bank) == []
    oldest = await reference_of(bank, loads[0])
    await bank.database.rows("update vendor_dwolla.transfer set amount_cents = 1 where id = %s::uuid", (oldest,))
    assert await found(bank) == [("bank_transfer_wrong_amount", f"load:{loads[0].id}", True)]


async def test_another_amount_between_our_own_accounts_is_found(bank, people):
    ann = await people.join("ann")
    load = await loaded(bank, ann, 5050)
    paid = await bank.redeem(ann, 2000, load.source)
    await bank.work()
    await bank.settle()
    for moved in (load, paid):
        change = (
            "update vendor_dwolla.transfer t set amount_cents = t.amount_cents + %(more)s"
            " from vendor_dwolla.transfer m where m.id = %(ref)s::uuid"
            " and (t.funding_transfer = m.id or t.id = m.funding_transfer)"
        )
        reference = await reference_of(bank, moved)
        await bank.database.rows(change, {"more": 1, "ref": reference})
        kind = "load" if moved is load else "redemption"
        assert await found(bank) == [("bank_transfer_wrong_amount", f"{kind}:{moved.id}", True)]
        await bank.database.rows(change, {"more": -1, "ref": reference})
        assert await found(bank) == []


async def test_a_vendor_that_does_not_answer_leaves_the_cases_as_they_are(bank, people, monkeypatch):
    ann = await people.join("ann")
    load = await loaded(bank, ann, 5050)
    change = "update vendor_dwolla.transfer set amount_cents = 1 where id = %s::uuid"
    await bank.database.rows(change, (await reference_of(bank, load),))
    assert len(await found(bank)) == 1
    with monkeypatch.context() as down:
        down.setenv("DWOLLA_BASE_URL", "http://127.0.0.1:9")
        settings.cache_clear()
        with pytest.raises(Retryable):
            await banking.reconcile_external()
    settings.cache_clear()
    assert await open_cases(bank) == [("bank_transfer_wrong_amount", f"load:{load.id}")]
