"""Plans that a bank pays: their money is asked for ahead, once, and buys when the time has come."""

from datetime import datetime

import pytest

from paya_app import savings
from paya_app.providers import exchange
from tests.savings.made import found, make, on
from tests.support.bank import opened
from tests.support.kraken import serving

LEAD = 5


@pytest.fixture
async def bank(database):
    async with opened(database) as the, serving(database):
        yield the
    exchange.close()


async def until(database, advance_clock, moment: datetime) -> None:
    now = await database.value("select private.now()")
    await advance_clock(seconds=(moment - now).total_seconds() + 1)


async def test_the_bank_is_asked_ahead_and_the_buy_is_made_from_what_came(bank, people, database, advance_clock):
    ann = await people.join("ann")
    source = await bank.link(ann)
    monthly = on(frequency="monthly", month_day=15)
    plan = await make(
        ann, amount_cents=2000, funding="bank", source_id=source.id, lead_bank_days=LEAD, schedule=monthly
    )
    first = plan.next_buys[0]
    before = await savings.load_ahead()
    await until(database, advance_clock, first.due_at)
    await database.rows('update private.clock_offset set "offset" = "offset" - interval \'6 days\'')
    await savings.schedule_ahead()
    assert before + await savings.load_ahead() == 1
    assert await savings.load_ahead() == 0, "once"
    assert await database.value("select id from banking.load") == first.id
    await bank.work()
    await bank.settle()
    assert await people.balance(ann) == 2000
    await until(database, advance_clock, first.due_at)
    await savings.buy_due()
    order = await database.value("select id from savings.exchange_order")
    await savings.submit_order(order)
    await savings.follow_order(order)
    bought = next(each for each in await savings.buys(ann, plan.id) if each.id == first.id)
    assert bought.state == "bought"
    assert (await savings.holdings(ann)).balance_sats == bought.quantity_sats > 0


async def test_a_refused_load_is_asked_again_and_the_others_go_on(bank, people, database):
    ann, bob = await people.join("ann"), await people.join("bob")
    daily = {"amount_cents": 2000, "funding": "bank", "lead_bank_days": LEAD}
    plans = [
        await make(who, source_id=(await bank.link(who, account=account)).id, **daily)
        for who, account in ((ann, "11112222"), (bob, "22223333"))
    ]
    await database.rows("update ledger.account set state = 'frozen' where owner = %s", (ann.user_id,))
    await savings.schedule_ahead()
    await savings.load_ahead()
    askers = await database.rows("select distinct person from banking.load")
    assert askers == [(bob.user_id,)]
    assert (await found(ann, plans[0])).state == "active"
    await database.rows("update ledger.account set state = 'active' where owner = %s", (ann.user_id,))
    assert await savings.load_ahead() > 0
    assert len(await database.rows("select distinct person from banking.load")) == 2


@pytest.mark.parametrize(
    ("on_shortfall", "becomes"),
    [
        ("skip", ("skipped", "bank_late", 20_000)),
        ("retry", ("scheduled", "bank_late", 20_000)),
        ("use_wallet", ("collected", "", 18_000)),
    ],
)
async def test_what_the_bank_was_to_pay_the_wallet_pays_only_where_the_plan_says_so(  # noqa: PLR0917 - fixtures
    bank, people, database, advance_clock, on_shortfall, becomes
):
    ann = await people.join("ann", cents=20_000)
    source = await bank.link(ann)
    daily = {"amount_cents": 2000, "funding": "bank", "lead_bank_days": LEAD, "on_shortfall": on_shortfall}
    plan = await make(ann, source_id=source.id, **daily)
    first = plan.next_buys[0]
    await until(database, advance_clock, first.due_at)
    await savings.buy_due()
    now = next(each for each in await savings.buys(ann, plan.id) if each.id == first.id)
    assert (now.state, now.reason, await people.balance(ann)) == becomes


async def test_what_waits_for_the_bank_is_bought_when_its_money_is_there(bank, people, database, advance_clock):
    ann = await people.join("ann", cents=20_000)
    source = await bank.link(ann)
    monthly = on(frequency="monthly", month_day=15)
    plan = await make(
        ann,
        amount_cents=2000,
        funding="bank",
        source_id=source.id,
        lead_bank_days=LEAD,
        on_shortfall="retry",
        schedule=monthly,
    )
    first = plan.next_buys[0]
    await until(database, advance_clock, first.due_at)
    await database.rows('update private.clock_offset set "offset" = "offset" - interval \'6 days\'')
    await savings.schedule_ahead()
    await savings.load_ahead()
    await until(database, advance_clock, first.due_at)
    await savings.buy_due()
    assert await database.value("select reason from savings.buy where id = %s", (first.id,)) == "bank_late"
    await bank.work()
    await bank.settle()
    assert await people.balance(ann) == 22_000
    await advance_clock(minutes=61)
    await savings.buy_due()
    assert await database.value("select state from savings.buy where id = %s", (first.id,)) == "collected"
    assert await people.balance(ann) == 20_000


async def test_buys_that_are_too_early_or_refused_do_not_hide_those_behind_them(bank, people, database):
    ann, bob = await people.join("ann"), await people.join("bob")
    sources = [(await bank.link(who, account=account)).id for who, account in ((ann, "11112222"), (bob, "22223333"))]
    daily = {"amount_cents": 2000, "funding": "bank"}
    await make(ann, source_id=sources[0], lead_bank_days=LEAD, **daily)
    await make(bob, source_id=sources[1], lead_bank_days=10, **daily)
    await database.rows("update ledger.account set state = 'frozen' where owner = %s", (ann.user_id,))
    await savings.schedule_ahead()
    by_one = await savings.bank_funded_due(1)
    assert {each.person for each in by_one} == {ann.user_id, bob.user_id}
    assert len(by_one) == len({each.buy_id for each in by_one})
    assert [each.buy_id for each in by_one] == [each.buy_id for each in await savings.bank_funded_due()]
    assert await savings.load_ahead() > 0
    assert {row[0] for row in await database.rows("select person from banking.load")} == {bob.user_id}
