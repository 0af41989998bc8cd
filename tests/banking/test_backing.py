"""Whether the bank holds enough for what is out: kept with the bank's time, and said once when it does not."""

import psycopg
import pytest

from paya_app import banking, wallet
from paya_app.core.ids import new_id
from tests.banking.test_returns import loaded, take_back
from tests.support.bank import Bank


async def kept(bank: Bank) -> list[tuple[int, int, int, int]]:
    return await bank.database.rows(
        "select confirmed_cents, uncleared_cents, circulation_cents, short_cents"
        " from banking.reserve_confirmation order by n"
    )


async def told(bank: Bank) -> list[str]:
    rows = await bank.database.rows("select kind from events.event where kind like 'backing.%%' order by id", ())
    return [kind for (kind,) in rows]


async def test_each_settlement_asks_the_bank_and_keeps_its_answer(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    await loaded(bank, ann, 5050, source)
    await bank.work()
    assert await kept(bank) == [(5050, 0, 5050, 0)]
    as_of, at = (await bank.database.rows("select as_of, at from banking.reserve_confirmation"))[0]
    assert as_of <= at
    await loaded(bank, ann, 700, source)
    await bank.work()
    assert (await kept(bank))[-1] == (5750, 0, 5750, 0)
    assert await told(bank) == []


async def test_many_that_settle_at_once_are_one_question(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    loads = [await bank.start(ann, 700, source) for _ in range(4)]
    for load in loads:
        reference = f"ref-{load.id}"
        await bank.database.rows("select banking.book_settled(%s, %s, null)", (load.id, reference))
    waiting = "select count(*) from jobs.procrastinate_jobs where task_name = 'check_backing' and status = 'todo'"
    assert await bank.database.value(waiting) == 1


async def test_what_is_held_after_it_settled_is_not_counted_as_backing(bank, people):
    ann = await people.join("ann")
    await bank.database.rows(
        "insert into banking.hold_policy (environment, bank_days, reason) values ('sandbox', 3, 'a test')"
    )
    await bank.start(ann, 5050)
    await bank.work()
    await bank.settle()
    await bank.work()
    assert await kept(bank) == [(5050, 5050, 0, 0)]


async def test_a_shortage_is_told_once_and_its_end_too(bank, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    source = await bank.link(ann)
    load = await loaded(bank, ann, 5050, source)
    await wallet.send(ann, payment_id=new_id(), to="bob", amount_cents=5000, note="x", audience="private")
    await take_back(bank, load)
    (finding,) = await banking.check_backing()
    assert (finding.kind, finding.evidence["short_cents"]) == ("backing_short", 5000)
    (again,) = await banking.check_backing()
    assert (again.case_id, again.is_new) == (finding.case_id, False)
    assert await told(bank) == ["backing.failed"]
    await wallet.send(bob, payment_id=new_id(), to="ann", amount_cents=1, note="still goes", audience="private")
    await loaded(bank, ann, 5000, source)
    assert await banking.check_backing() == []
    assert await told(bank) == ["backing.failed", "backing.restored"]
    assert await bank.database.rows("select state, outcome from cases.\"case\" where kind = 'backing_short'") == [
        ("closed", "The bank confirms enough again.")
    ]


async def test_a_cushion_covers_a_return(bank, people):
    ann = await people.join("ann")
    await people.join("bob")
    load = await loaded(bank, ann, 5050)
    # the founders pay in 60.00, which our bank has
    await bank.database.rows(
        "update vendor_dwolla.bank_account set balance_cents = balance_cents + 6000 where number = '9000000001'"
    )
    await bank.database.rows(
        "select ledger.post(gen_random_uuid(), ledger.system_account('reserve'), ledger.system_account('capital'),"
        " 6000, 'paid_in')"
    )
    await wallet.send(ann, payment_id=new_id(), to="bob", amount_cents=5000, note="x", audience="private")
    await take_back(bank, load)
    assert await banking.check_backing() == []
    assert await banking.reconcile_external() == []


async def test_the_quick_sum_of_what_is_out_is_that_of_all_wallets(bank, people):
    ann = await people.join("ann", cents=12_345)
    await people.join("bob")
    load = await loaded(bank, ann, 5050)
    await wallet.send(ann, payment_id=new_id(), to="bob", amount_cents=17_000, note="x", audience="private")
    await take_back(bank, load)
    assert await bank.database.value("select count(*) from banking.debt where closed_at is null") == 1
    quick = await bank.database.rows("select * from banking.liabilities(false)")
    assert quick == await bank.database.rows("select * from banking.liabilities(true)")
    assert quick == [(0, 17_000)]


async def test_what_the_bank_confirmed_is_kept_as_it_was(bank):
    assert await banking.check_backing() == []
    for verb in ("update banking.{} set n = default", "delete from banking.{}", "truncate banking.{}"):
        with pytest.raises(psycopg.ProgrammingError, match="append_only"):
            await bank.database.rows(verb.format("reserve_confirmation"))
