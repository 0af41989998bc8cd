"""The bank service is down for a while: loads wait, say so, and go out in order, once, when it is back."""

import pytest

from paya_app import banking
from paya_app.core.config import settings
from paya_app.providers import health
from paya_app.providers.breaker import FAILURES_MAX
from paya_app.providers.outcome import ProviderFailure, Retryable
from tests.providers.chaos import spoiled
from tests.support.dwolla import until

QUEUED = "Queued. Your bank hears from us as soon as it answers."


@pytest.fixture
async def the(database):
    async with spoiled(database) as running:
        yield running


async def opened_by_failures(load: banking.Load) -> None:
    for _ in range(FAILURES_MAX):
        with pytest.raises(ProviderFailure):
            await banking.submit_load(load.id)
    assert [outage.vendor for outage in await health.outages()] == ["dwolla"]


async def drained(bank) -> bool:
    """One look through the queue, as a worker would take it."""
    await bank.work()
    return await bank.database.value("select count(*) = 0 from jobs.procrastinate_jobs where status = 'todo'")


def waits(load: banking.Load) -> str:
    return next(stage.detail for stage in load.stages if stage.key == "accepted")


async def test_loads_wait_and_go_out_in_order_once_when_it_is_back(the, people, database, advance_clock):
    ann, bob = await people.join("ann"), await people.join("bob")
    bank_of_ann, bank_of_bob = await the.bank.link(ann), await the.bank.link(bob, account="22223333")
    await the.answers("down")
    first = await the.bank.start(ann, 1000, bank_of_ann)
    await opened_by_failures(first)
    loads = [first, *[await the.bank.start(ann, cents, bank_of_ann) for cents in (1100, 1200)]]
    of_bob = await the.bank.start(bob, 1300, bank_of_bob)
    # nobody has tried those yet, and all say that they wait
    assert [waits(await the.bank.load(ann, load)) for load in loads] == [QUEUED] * 3
    await the.bank.work()
    with pytest.raises(Retryable, match="breaker_open"):
        await banking.submit_load(of_bob.id)
    assert await the.bank.dwolla.transfer_count() == 0

    await the.answers("well")
    assert await health.probe() == 0, "it was not yet time to ask"
    await advance_clock(seconds=settings().paya_breaker_s + 1)
    assert await health.probe() == 1
    assert await health.outages() == []
    await until(lambda: drained(the.bank), within_s=30)
    made = await database.rows(
        "select amount_cents from vendor_dwolla.transfer where customer_id ="
        " (select vendor_id::uuid from banking.customer where person = %s) order by created",
        (ann.user_id,),
    )
    assert [cents for (cents,) in made] == [1000, 1100, 1200]
    assert await the.bank.dwolla.transfer_count() == 4
    await the.bank.settle()
    assert await the.bank.ledger() == {"reserve": -4600, "wallet": 4600}


async def test_accounts_and_limits_are_looked_at_again_before_anything_is_sent(the, people, database, advance_clock):
    ann, bob, cat = await people.join("ann"), await people.join("bob"), await people.join("cat")
    source, bank_of_cat = await the.bank.link(bob), await the.bank.link(cat, account="33334444")
    tried = await the.bank.start(ann, 1000)
    await the.answers("down")
    await opened_by_failures(tried)
    load = await the.bank.start(bob, 1000, source)
    fits = await the.bank.start(cat, 1200, bank_of_cat)
    beyond = await the.bank.start(cat, 1201, bank_of_cat)
    await the.bank.work()
    await database.rows(
        "insert into risk.limit_value (name, value_max, reason) values ('load_single_cents', 1200, 'a test')"
    )
    await database.rows("select risk.impose(%s, 'restricted', 'late_return', null, %s)", (bob.user_id, load.id))
    await the.answers("well")
    await advance_clock(seconds=settings().paya_breaker_s + 1)
    await health.probe()
    await until(lambda: drained(the.bank), within_s=30)
    assert (await the.bank.load(ann, tried)).state == "pending"
    canceled = await the.bank.load(bob, load)
    assert canceled.state == "canceled"
    assert "Nothing was added to your wallet, and nothing is taken from your bank." in canceled.reason
    assert (await the.bank.load(cat, fits)).state == "pending"
    assert (await the.bank.load(cat, beyond)).state == "canceled"
    assert "Your limits had changed" in (await the.bank.load(cat, beyond)).reason
    assert await the.bank.dwolla.transfer_count() == 2
