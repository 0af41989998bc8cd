from datetime import UTC, datetime, timedelta

from paya_app import banking
from tests.banking.test_load import returned_late


async def test_the_events_sum_to_what_the_ledger_says_of_our_bank(bank, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    source = await bank.fund(ann, 9000)
    theirs = await bank.link(bob, account="99990000")
    await bank.fund(bob, 4000, theirs)
    await bank.redeem(ann, 2500, source)
    await bank.work()
    await bank.settle()
    await bank.dwolla.rename(await bank.vendor_id(theirs), "R03")
    await bank.redeem(bob, 1000, theirs)
    await bank.work()
    await bank.settle()
    failing = await bank.start(ann, 500, source)  # never arrives, so it is no flow
    await banking.cancel(ann, failing.id)
    await returned_late(bank)  # ann's 9000 and bob's 4000 are taken back, the spent part of it too

    today = datetime.now(UTC).date()
    days = await banking.net_flow(today - timedelta(days=1), today + timedelta(days=1))
    assert sum(day.loaded_cents for day in days) == 13_000
    assert sum(day.taken_back_cents for day in days) == 13_000
    assert sum(day.redeemed_cents for day in days) == 3500
    assert sum(day.sent_back_cents for day in days) == 1000
    reserve_cents = await bank.database.value(
        "select balance from ledger.account_balance b where b.id = ledger.system_account('reserve')"
    )
    assert sum(day.net_cents for day in days) == -reserve_cents == -2500
    assert await banking.net_flow(today + timedelta(days=5), today + timedelta(days=9)) == []
