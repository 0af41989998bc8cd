import asyncio

import pytest

from paya_app import banking
from paya_app.banking.errors import BankUnconfirmed, LoadAmountInvalid, LoadKeyReused, LoadLimit
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, SignedOut
from paya_app.core.ids import new_id


async def ask(actor, source, cents, load_id=None):
    return await banking.start_load(actor, load_id=load_id or new_id(), source_id=source.id, amount_cents=cents)


async def test_twenty_at_once_stop_exactly_at_the_limit_of_the_first_week(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    answers = await asyncio.gather(*(ask(ann, source, 1000) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(a, banking.Load) for a in answers) == 10
    refusals = [a for a in answers if not isinstance(a, banking.Load)]
    assert all(isinstance(a, LoadLimit) for a in refusals), refusals
    assert await banking.pending_cents(ann) == 10000
    assert str(refusals[0]).startswith("Not added. In your first 7 days you can add $100.00 in all. There is room")


async def test_the_same_id_thirty_times_is_one_load(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    once = new_id()
    answers = await asyncio.gather(*(ask(ann, source, 700, once) for _ in range(30)))
    assert {a.id for a in answers} == {once}
    assert len({a.reference for a in answers}) == 1
    assert await banking.pending_cents(ann) == 700
    with pytest.raises(LoadKeyReused):
        await ask(ann, source, 701, once)
    await bank.work()
    assert await bank.dwolla.transfer_count() == 1


async def test_after_the_first_week_the_limits_are_larger_and_the_week_rolls(bank, people, advance_clock):
    ann = await people.join("ann")
    source = await bank.link(ann)
    await ask(ann, source, 10000)
    await advance_clock(days=6, hours=23)
    with pytest.raises(LoadLimit):
        await ask(ann, source, 100)
    await advance_clock(hours=2)
    with pytest.raises(LoadLimit) as refusal:
        await ask(ann, source, 200001)
    assert "One transfer can be $2,000.00 at most" in refusal.value.message
    await ask(ann, source, 150000)
    limits = await banking.load_limits(ann)
    assert limits is not None
    assert (limits.week_max_cents, limits.week_used_cents, limits.left_cents) == (200000, 150000, 50000)
    with pytest.raises(LoadLimit) as refusal:
        await ask(ann, source, 50001)
    assert refusal.value.message.startswith("Not added. You can add $2,000.00 in 7 days. You can add $500.00 now.")
    await ask(ann, source, 50000)
    await advance_clock(days=7, hours=1)
    assert (await ask(ann, source, 200000)).amount_cents == 200000


async def test_what_failed_does_not_count(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    await bank.dwolla.rename(await bank.vendor_id(source), "R01")
    await ask(ann, source, 10000)
    await bank.work()
    await bank.settle()
    await bank.dwolla.rename(await bank.vendor_id(source), "Ann Example")
    await ask(ann, source, 10000)


async def test_the_first_week_ends_on_the_limits_page(bank, people):
    ann = await people.join("ann")
    limits = await banking.load_limits(ann)
    assert limits is not None
    assert (limits.single_min_cents, limits.week_max_cents, limits.left_cents) == (100, 10000, 10000)
    assert limits.first_week_ends_at is not None


async def test_an_amount_that_is_none_is_refused(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    for cents in (0, -1, 99, 10**15 + 1, 10**30, True, "100", 1.5, float("nan"), 1e308, None):
        with pytest.raises(LoadAmountInvalid):
            await ask(ann, source, cents)
    assert await banking.loads(ann) == []


async def test_nothing_is_loaded_from_an_unconfirmed_or_foreign_bank(bank, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    waiting = await banking.add_source(
        ann, source_id=new_id(), holder_name="Ann Example", routing="222222226", account="55551111", kind="savings"
    )
    with pytest.raises(BankUnconfirmed):
        await ask(ann, waiting, 1000)
    source = await bank.link(ann)
    with pytest.raises(NotFound):
        await ask(bob, source, 1000)
    with pytest.raises(SignedOut):
        await ask(Actor.visitor(), source, 1000)
    load = await ask(ann, source, 1000)
    assert await banking.load(bob, load.id) is None
    assert await banking.load(Actor.visitor(), load.id) is None
    assert await banking.loads(bob) == []
    with pytest.raises(LoadKeyReused):
        await ask(bob, await bank.link(bob), 1000, load.id)
