"""Banks that take back what was spent: it is owed, once, the account waits, and what comes next pays it back."""

import asyncio
from datetime import datetime

import pytest

from paya_app import banking, risk, wallet
from paya_app.banking import errors as banking_errors
from paya_app.banking.errors import LoadAccountUnavailable
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import AccountUnavailable
from paya_app.core.ids import new_id
from tests.support.bank import Bank

SERVER = Actor.service()


async def pay(who: Actor, to: str, cents: int) -> None:
    await wallet.send(who, payment_id=new_id(), to=to, amount_cents=cents, note="lunch", audience="private")


async def loaded(bank: Bank, who: Actor, cents: int, source: banking.Source | None = None) -> banking.Load:
    """A load that has cleared."""
    load = await bank.start(who, cents, source)
    await bank.work()
    await bank.settle()
    assert (await bank.load(who, load)).state == "cleared"
    return load


async def take_back(bank: Bank, load: banking.Load, code: str = "R01") -> None:
    """The bank takes a load back, and the notice of it reaches us."""
    await bank.database.rows(
        "update vendor_dwolla.transfer t set late_return_code = %s from banking.provider_operation o"
        " where o.id = %s and t.id::text = o.vendor_ref",
        (code, load.id),
    )
    await bank.dwolla.simulate()
    await bank.notices()
    await bank.work()


async def spent_and_returned(bank: Bank, ann: Actor, code: str = "R01") -> banking.Load:
    """Ann loads 50.00, pays bob 30.00, and the bank takes the load back."""
    load = await loaded(bank, ann, 5000)
    await pay(ann, "bob", 3000)
    await take_back(bank, load, code)
    return load


async def state(bank: Bank, who: Actor) -> str:
    return await bank.database.value(
        "select state from ledger.account where owner = %s and kind = 'wallet'", (who.user_id,)
    )


async def left_to_load(who: Actor) -> int:
    limits = await banking.load_limits(who)
    assert limits is not None
    return limits.left_cents


async def owed(bank: Bank, who: Actor) -> int:
    """What the ledger says that somebody owes."""
    statement = "select -coalesce(sum(balance), 0)::bigint from ledger.account where owner = %s and kind = 'receivable'"
    return await bank.database.value(statement, (who.user_id,))


async def event_kinds(bank: Bank, subject: object) -> list[str]:
    rows = await bank.database.rows("select kind from events.event where subject = %s order by id", (subject,))
    return [kind for (kind,) in rows]


async def test_r01_after_the_money_was_spent_is_owed_once_and_restricts(bank, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    load = await spent_and_returned(bank, ann)
    assert await bank.ledger() == {"receivable": -3000, "wallet": 3000}, "bob keeps it; the rest went back to the bank"
    assert (await people.balance(ann), await people.balance(bob)) == (0, 3000)
    assert (await owed(bank, ann), await state(bank, ann)) == (3000, "restricted")
    with pytest.raises(AccountUnavailable):
        await pay(ann, "bob", 1)
    (debt,) = await bank.database.rows(
        "select id, owed_cents, repaid_cents from banking.debt where load_id = %s", (load.id,)
    )
    assert debt[1:] == (3000, 0)
    assert await event_kinds(bank, debt[0]) == ["debt.opened"]


async def test_a_return_told_twice_is_owed_once(bank, people):
    ann = await people.join("ann")
    await people.join("bob")
    load = await spent_and_returned(bank, ann)
    for _ in range(3):
        await bank.notices()
        await bank.work()
    reference = await bank.database.value("select vendor_ref from banking.provider_operation where id = %s", (load.id,))
    await db.query(SERVER, "select banking.book_failed(:id, :ref, 'R10')", {"id": load.id, "ref": reference})
    assert await owed(bank, ann) == 3000
    assert await bank.database.value("select count(*) from banking.debt") == 1
    assert await bank.ledger() == {"receivable": -3000, "wallet": 3000}
    assert await bank.dead_letters() == []


async def test_r10_on_day_59_is_booked_and_somebody_looks_at_the_account(bank, people, advance_clock):
    ann = await people.join("ann")
    await people.join("bob")
    load = await loaded(bank, ann, 5000)
    await pay(ann, "bob", 3000)
    await advance_clock(days=59)
    await take_back(bank, load, "R10")
    assert (await owed(bank, ann), await state(bank, ann)) == (3000, "restricted")
    assert {case.reason for case in await risk.open_cases(ann)} == {"late_return", "under_review"}
    assert await banking.sources(ann) == [], "the bank says that it was not agreed to"
    with pytest.raises(LoadAccountUnavailable):
        await banking.start_load(ann, load_id=new_id(), source_id=load.source.id, amount_cents=3000)


async def test_the_next_load_pays_first_and_the_account_opens_again(bank, people):
    ann = await people.join("ann")
    await people.join("bob")
    first = await spent_and_returned(bank, ann)
    small = await loaded(bank, ann, 1000, first.source)
    assert (await people.balance(ann), await owed(bank, ann), await state(bank, ann)) == (0, 2000, "restricted")
    rest = await loaded(bank, ann, 2500, first.source)
    assert (await people.balance(ann), await owed(bank, ann), await state(bank, ann)) == (500, 0, "active")
    assert await risk.open_cases(ann) == []
    assert await bank.ledger() == {"reserve": -3500, "wallet": 3500}
    repaid = await bank.database.rows("select cause, cause_id, amount_cents from banking.repayment order by at")
    assert repaid == [("load_cleared", small.id, 1000), ("load_cleared", rest.id, 2000)]
    debt = await bank.database.value("select id from banking.debt")
    assert await event_kinds(bank, debt) == ["debt.opened", "debt.repaid", "debt.repaid"]
    lifted = "select payload ->> 'before', payload ->> 'after' from events.event where kind = 'account.lifted'"
    assert await bank.database.rows(lifted) == [("restricted", "active")]
    await pay(ann, "bob", 500)


async def test_what_used_up_the_limit_and_was_taken_back_is_paid_back_by_a_load_of_the_same_week(bank, people):
    ann = await people.join("ann")
    await people.join("bob")
    first = await loaded(bank, ann, 10_000)
    await pay(ann, "bob", 10_000)
    await take_back(bank, first)
    assert (await owed(bank, ann), await left_to_load(ann)) == (10_000, 10_000)
    # both were asked for while all of it was owed; that the first repaid some does not make the second too much
    big, small = await bank.start(ann, 6000, first.source), await bank.start(ann, 4000, first.source)
    await banking.submit_load(big.id)
    booked = "select banking.book_settled(id, vendor_ref, null) from banking.provider_operation where id = %s"
    await bank.database.rows(booked, (big.id,))
    assert await owed(bank, ann) == 4000
    await bank.work()
    assert (await bank.load(ann, small)).state == "pending"
    await bank.settle()
    assert (await owed(bank, ann), await state(bank, ann)) == (0, "active")


async def test_a_hold_that_is_released_pays_first(bank, people):
    ann = await people.join("ann")
    await people.join("bob")
    load = await loaded(bank, ann, 5000)
    hold = new_id()
    await bank.database.rows(
        "select ledger.authorize(%s, ledger.wallet_of(%s), 2000, 'redemption')", (hold, ann.user_id)
    )
    await pay(ann, "bob", 2500)
    await take_back(bank, load)
    assert await bank.ledger() == {"receivable": -4500, "wallet": 4500}
    assert (await people.balance(ann), await owed(bank, ann)) == (2000, 4500), "what is held is not taken"
    await bank.database.rows("select ledger.release(%s)", (hold,))
    await bank.database.rows("select ledger.release(%s)", (hold,))
    assert (await people.balance(ann), await owed(bank, ann)) == (0, 2500)
    assert await bank.database.rows("select cause, cause_id, amount_cents from banking.repayment") == [
        ("hold_released", hold, 2000)
    ]


async def test_what_a_capture_leaves_of_a_hold_pays_first(bank, people):
    ann = await people.join("ann")
    await people.join("bob")
    load = await loaded(bank, ann, 5000)
    hold = new_id()
    await bank.database.rows("select ledger.authorize(%s, ledger.wallet_of(%s), 2000, 'buy')", (hold, ann.user_id))
    await pay(ann, "bob", 3000)
    await take_back(bank, load)
    await bank.database.rows(
        "select ledger.capture_hold(%s, %s, array[ledger.system_account('revenue')], array[1500], 'bought')",
        (new_id(), hold),
    )
    assert (await people.balance(ann), await owed(bank, ann)) == (0, 4500)


async def test_two_debts_are_paid_the_oldest_first_and_each_lifts_its_own_case(bank, people):
    ann = await people.join("ann")
    await people.join("bob")
    source = await bank.link(ann)
    loads = [await loaded(bank, ann, cents, source) for cents in (1000, 2000)]
    await pay(ann, "bob", 3000)
    for load in loads:
        await take_back(bank, load)
    assert await owed(bank, ann) == 3000
    await loaded(bank, ann, 1500, source)
    assert len(await risk.open_cases(ann)) == 1
    assert (await owed(bank, ann), await state(bank, ann)) == (1500, "restricted")
    await loaded(bank, ann, 1500, source)
    assert (await owed(bank, ann), await state(bank, ann)) == (0, "active")


async def test_a_repaying_load_that_is_itself_taken_back_is_owed(bank, people):
    ann = await people.join("ann")
    await people.join("bob")
    first = await spent_and_returned(bank, ann)
    second = await loaded(bank, ann, 5000, first.source)
    assert (await people.balance(ann), await state(bank, ann)) == (2000, "active")
    await take_back(bank, second)
    assert (await people.balance(ann), await owed(bank, ann), await state(bank, ann)) == (0, 3000, "restricted")


async def test_a_return_that_the_wallet_covers_leaves_the_account_open(bank, people):
    ann = await people.join("ann")
    load = await loaded(bank, ann, 5000)
    await take_back(bank, load)
    assert (await bank.ledger(), await state(bank, ann)) == ({}, "active")
    assert await bank.database.value("select count(*) from banking.debt") == 0


async def test_what_is_owed_does_not_use_up_the_limits_of_loading(bank, people):
    ann = await people.join("ann")
    await people.join("bob")
    source = await bank.link(ann)
    load = await loaded(bank, ann, 10_000, source)
    await pay(ann, "bob", 9000)
    assert await left_to_load(ann) == 0
    await take_back(bank, load)
    assert await left_to_load(ann) == 9000
    with pytest.raises(banking_errors.LoadLimit):
        await bank.start(ann, 9001, source)
    await loaded(bank, ann, 9000, source)
    assert (await owed(bank, ann), await left_to_load(ann)) == (0, 0)


async def test_paying_back_a_part_leaves_room_to_load_the_rest(bank, people):
    ann = await people.join("ann")
    await people.join("bob")
    first = await loaded(bank, ann, 10_000)
    await pay(ann, "bob", 9000)
    await take_back(bank, first)
    await loaded(bank, ann, 3000, first.source)
    assert (await owed(bank, ann), await left_to_load(ann)) == (6000, 6000)
    await loaded(bank, ann, 6000, first.source)
    assert (await owed(bank, ann), await left_to_load(ann), await state(bank, ann)) == (0, 0, "active")


async def test_somebody_restricted_for_another_reason_too_does_not_load(bank, people):
    ann = await people.join("ann")
    await people.join("bob")
    load = await spent_and_returned(bank, ann)
    await risk.impose(SERVER, ann.user_id, "restricted", "under_review")
    with pytest.raises(LoadAccountUnavailable, match="Your account is restricted"):
        await bank.start(ann, 1000, load.source)


async def test_one_may_pay_back_from_the_wallet_once_per_key(bank, people):
    ann, bob = await people.join("ann"), await people.join("bob", cents=2000)
    await spent_and_returned(bank, ann)
    key = new_id()
    with pytest.raises(banking.NothingToRepayWith, match=r"Nothing was paid back. Your wallet is empty"):
        await banking.repay_now(ann, key)
    await pay(bob, "ann", 2000)
    assert await banking.repay_now(ann, key) == 2000
    await pay(bob, "ann", 500)
    assert await banking.repay_now(ann, key) == 2000, "the same key again is the same repayment"
    assert (await people.balance(ann), await owed(bank, ann)) == (500, 1000)
    assert await banking.repay_now(ann, new_id()) == 500
    (debt,) = await banking.debts(ann)
    assert (debt.owed_cents, debt.left_cents, debt.closed_at) == (3000, 500, None)
    assert isinstance(debt.opened_at, datetime)
    assert await banking.debts(bob) == []
    with pytest.raises(banking.NothingToRepayWith, match="You owe nothing"):
        await banking.repay_now(bob, new_id())


async def test_paying_back_is_pressed_many_times_at_once_and_happens_once(bank, people):
    ann, bob = await people.join("ann"), await people.join("bob", cents=2000)
    load = await spent_and_returned(bank, ann)
    await pay(bob, "ann", 2000)
    key = new_id()
    assert set(await asyncio.gather(*(banking.repay_now(ann, key) for _ in range(8)))) == {2000}
    repayments = "select count(*), sum(amount_cents)::bigint from banking.repayment"
    assert await bank.database.rows(repayments) == [(1, 2000)]
    assert (await people.balance(ann), await owed(bank, ann)) == (0, 1000)
    # somebody else's key says nothing of what it paid, and their load nothing of what it paid back
    with pytest.raises(banking.NothingToRepayWith, match="You owe nothing"):
        await banking.repay_now(bob, key)
    again = await loaded(bank, ann, 1000, await bank.link(ann, account="5555555555"))
    assert (await banking.repaid_by(ann, again.id), await banking.repaid_by(bob, again.id)) == (1000, 0)
    assert (await owed(bank, ann), (await bank.load(ann, load)).state) == (0, "returned")
