"""Redemptions at once, lost answers, killed workers, notices in any order: one transfer each, money exact."""

import asyncio
import random

import pytest

from paya_app import banking, wallet
from paya_app.banking.errors import RedemptionLimit, RedemptionUncovered
from paya_app.core import db
from paya_app.core.config import settings
from paya_app.core.errors import PayaError
from paya_app.core.ids import new_id
from paya_app.providers import dwolla as provider
from paya_app.providers.outcome import Retryable, Unknown
from tests.banking.test_outcomes import Faulty
from tests.banking.test_races import run_together
from tests.support.bank import opened, unreachable


@pytest.fixture
async def faulty(database):
    spoiler = Faulty()
    async with opened(database, wrap=spoiler.wrap) as bank:
        bank.faults, bank.lists = spoiler.faults, spoiler.lists
        yield bank


async def state(bank, redemption) -> tuple:
    found = "select state, attempts, last_error from banking.provider_operation where id = %s"
    return (await bank.database.rows(found, (redemption.id,)))[0]


@pytest.mark.parametrize("fault", ["done, 500", "done, no location", "done, gateway", "500", "409", "html"])
async def test_an_unknown_outcome_is_asked_for_and_the_order_is_one_transfer(faulty, people, fault):
    ann = await people.join("ann")
    source = await faulty.fund(ann, 5000)
    redemption = await faulty.redeem(ann, 5000, source)
    faulty.faults.append(fault)
    with pytest.raises(Unknown):
        await banking.submit_redemption(redemption.id)
    assert (await state(faulty, redemption))[:2] == ("submitted", 1)
    assert await faulty.ledger() == {"reserve": -5000, "wallet": 5000}, "held, and nowhere else yet"
    await banking.submit_redemption(redemption.id)
    assert await state(faulty, redemption) == ("pending", 2, "")
    assert await faulty.dwolla.payout_count() == 1
    await faulty.settle()
    assert await faulty.ledger() == {}
    assert await faulty.dwolla.balance_cents("222222226", "1234567890") == 500_000


@pytest.mark.parametrize("code", ["Forbidden", "NotFound", "ValidationError"])
async def test_a_vendor_that_does_not_tell_what_it_has_has_not_said_no(faulty, people, code):
    ann = await people.join("ann")
    source = await faulty.fund(ann, 5000)
    redemption = await faulty.redeem(ann, 5000, source)
    faulty.faults.append("done, 500")
    with pytest.raises(Unknown):
        await banking.submit_redemption(redemption.id)
    faulty.lists.append(code)
    with pytest.raises(Unknown):
        await banking.submit_redemption(redemption.id)
    assert (await state(faulty, redemption))[0] == "submitted"
    await faulty.work()
    await faulty.settle()
    assert await faulty.dwolla.payout_count() == 1
    assert await faulty.ledger() == {}, "paid out once, and not given back as well"


async def test_while_the_vendor_is_down_it_is_queued_and_says_so(bank, people):
    ann = await people.join("ann", cents=5000)
    source = await bank.link(ann)
    redemption = await bank.redeem(ann, 5000, source)
    with unreachable():
        with pytest.raises(Retryable):
            await banking.submit_redemption(redemption.id)
        found = await bank.redemption(ann, redemption)
    assert (found.state, found.cancel) == ("queued", "possible")
    assert found.stages[1].detail == "Queued. Your bank hears from us as soon as it answers."
    assert found.stages[-1].expected_at is None
    await banking.submit_redemption(redemption.id)
    assert (await bank.redemption(ann, redemption)).state == "pending"
    assert await bank.dwolla.payout_count() == 1


async def test_a_notice_before_the_answer_and_a_worker_that_died_book_once(bank, people):
    ann = await people.join("ann")
    source = await bank.fund(ann, 5000)
    redemption = await bank.redeem(ann, 5000, source)
    # sent, and killed before anything was booked
    await bank.database.rows("select banking.claim_redemption(%s)", (redemption.id,))
    key = await bank.database.value(
        "select idempotency_key from banking.provider_operation where id = %s", (redemption.id,)
    )
    await provider.create_transfer(
        source_id=settings().dwolla_reserve_source,
        destination_id=await bank.vendor_id(source),
        amount_cents=5000,
        correlation_id=str(redemption.id),
        key=str(key),
    )
    await bank.dwolla.simulate()
    await bank.notices()
    await bank.work()
    assert (await bank.redemption(ann, redemption)).state in ("settled", "pending")
    await banking.submit_redemption(redemption.id)
    await bank.settle()
    await bank.settle()
    assert (await bank.redemption(ann, redemption)).state == "cleared"
    assert await bank.dwolla.payout_count() == 1
    assert await bank.ledger() == {}


@pytest.mark.parametrize("seed", range(4))
async def test_bookings_in_any_order_and_twice_end_the_same(bank, people, seed):
    ann = await people.join("ann", cents=50_000)
    source = await bank.link(ann)
    redemptions = [(await bank.redeem(ann, 1000, source)).id for _ in range(30)]
    paid, returned, failed = redemptions[:10], redemptions[10:20], redemptions[20:]
    stages = ("accepted('{0}', 'ref-{0}')", "debited('{0}', 'ref-{0}')", "paid('{0}', 'ref-{0}')")
    said = [
        f"select banking.book_redemption_{stage.format(each)}" for each in (*paid, *returned) for stage in stages
    ] * 2
    said += [f"select banking.book_redemption_failed('{each}', 'ref-{each}', 'R03')" for each in failed] * 3
    random.Random(seed).shuffle(said)  # noqa: S311 - the same orders every time
    assert await run_together(bank.database, said) == []
    back = [f"select banking.book_redemption_failed('{each}', 'ref-{each}', 'R03')" for each in returned] * 3
    again = [f"select banking.book_redemption_paid('{each}', 'ref-{each}')" for each in redemptions]
    assert await run_together(bank.database, back + again) == []
    states = await bank.database.rows("select state, count(*) from banking.provider_operation group by 1")
    assert dict(states) == {"cleared": 10, "returned": 10, "failed": 10}
    assert await bank.ledger() == {"reserve": -40_000, "wallet": 40_000}
    assert (await wallet.balance(ann)).available_cents == 40_000
    assert await bank.database.value("select sum(held) from ledger.account") == 0


async def test_many_workers_with_one_order_make_one_transfer(bank, people):
    ann = await people.join("ann", cents=5000)
    redemption = await bank.redeem(ann, 5000, await bank.link(ann))
    await asyncio.gather(*(banking.submit_redemption(redemption.id) for _ in range(8)), return_exceptions=True)
    await banking.submit_redemption(redemption.id)
    assert await bank.dwolla.payout_count() == 1
    assert await bank.ledger() == {"reserve": -5000, "payouts_in_transit": 5000}


async def test_two_transfers_for_one_redemption_raise_an_alarm_and_book_once(bank, people):
    ann = await people.join("ann")
    source = await bank.fund(ann, 5000)
    redemption = await bank.redeem(ann, 2000, source)
    await banking.submit_redemption(redemption.id)
    second = await provider.create_transfer(
        source_id=settings().dwolla_reserve_source,
        destination_id=await bank.vendor_id(source),
        amount_cents=2000,
        correlation_id=str(redemption.id),
        key="another",
    )
    with pytest.raises(PayaError) as refusal:
        await banking.follow_transfer(second)
    assert refusal.value.code == "redemption_sent_twice"
    assert await bank.ledger() == {"reserve": -5000, "wallet": 3000, "payouts_in_transit": 2000}


async def test_thirty_at_once_stop_exactly_where_the_money_ends(bank, people):
    ann = await people.join("ann", cents=10_000)
    source = await bank.link(ann)
    answers = await asyncio.gather(*(bank.redeem(ann, 1000, source) for _ in range(30)), return_exceptions=True)
    assert sum(isinstance(each, banking.Redemption) for each in answers) == 10
    refusals = [each for each in answers if not isinstance(each, banking.Redemption)]
    assert all(isinstance(each, RedemptionUncovered) for each in refusals), refusals
    assert (await wallet.balance(ann)).available_cents == 0


async def test_thirty_at_once_stop_exactly_at_the_limit_of_the_week(bank, people):
    ann = await people.join("ann", cents=100_000)
    source = await bank.link(ann)
    await bank.database.rows(
        "insert into risk.limit_value (name, value_max, reason) values ('redeem_week_cents', 10000, 'a test')"
    )
    answers = await asyncio.gather(*(bank.redeem(ann, 1000, source) for _ in range(30)), return_exceptions=True)
    assert sum(isinstance(each, banking.Redemption) for each in answers) == 10
    refusals = [each for each in answers if not isinstance(each, banking.Redemption)]
    assert all(isinstance(each, RedemptionLimit) for each in refusals), refusals
    assert (await wallet.balance(ann)).available_cents == 90_000


async def test_the_same_id_thirty_times_at_once_is_one_redemption(bank, people):
    ann = await people.join("ann", cents=5000)
    source, once = await bank.link(ann), new_id()
    order = {"redemption_id": once, "source_id": source.id, "amount_cents": 700}
    answers = await asyncio.gather(*(banking.start_redemption(ann, **order) for _ in range(30)))
    assert len({each.reference for each in answers}) == 1
    assert (await wallet.balance(ann)).available_cents == 4300
    await bank.work()
    assert await bank.dwolla.payout_count() == 1


@pytest.mark.parametrize("kind", ["load", "redemption", "link", "source"])
async def test_the_same_id_from_two_people_at_once_is_one_of_them(bank, people, kind):
    ann, bob = await people.join("ann", cents=9000), await people.join("bob", cents=9000)
    theirs = [(ann, await bank.link(ann)), (bob, await bank.link(bob, account="9876543210"))]

    async def ask(who, source, once, turn):
        if kind == "load":
            await banking.start_load(who, load_id=once, source_id=source.id, amount_cents=100)
        elif kind == "redemption":
            await banking.start_redemption(who, redemption_id=once, source_id=source.id, amount_cents=100)
        elif kind == "link":
            await db.query(who, "select banking.begin_link(:id)", {"id": once})
        else:
            await db.query(who, "select banking.begin_source(:id, 'checking', :last4)", {"id": once, "last4": turn})

    said = {"load": "load_key_reused", "redemption": "redemption_key_reused", "link": "not_found"}.get(
        kind, "bank_key_reused"
    )
    for turn in range(3):
        once = new_id()
        answers = await asyncio.gather(*(ask(*each, once, f"000{turn}") for each in theirs), return_exceptions=True)
        assert sorted(getattr(each, "code", "") for each in answers) == ["", said], answers


async def test_what_nobody_hears_of_is_asked_about_until_it_is_paid(bank, people, advance_clock):
    ann = await people.join("ann")
    source = await bank.fund(ann, 5000)
    redemption = await bank.redeem(ann, 5000, source)
    await bank.database.rows("delete from jobs.procrastinate_jobs")  # its job was lost
    for seen in ("pending", "settled", "cleared"):
        await advance_clock(minutes=12)
        assert await banking.ask_about_stale() == 1
        await bank.work()
        assert (await bank.redemption(ann, redemption)).state == seen
        await bank.dwolla.simulate()
    await advance_clock(minutes=12)
    assert await banking.ask_about_stale() == 0


async def test_the_transfers_of_one_person_go_to_the_bank_in_their_order(bank, people):
    ann = await people.join("ann", cents=5000)
    source = await bank.link(ann)
    asked = [
        await bank.redeem(ann, 100, source),
        await bank.start(ann, 200, source),
        await bank.redeem(ann, 300, source),
    ]
    await bank.work()
    made = await bank.database.rows(
        "select correlation_id from vendor_dwolla.transfer where leg <> 'pull' order by created"
    )
    assert made == [(str(each.id),) for each in asked]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("update ledger.account set state = 'restricted' where owner is not null", "Your account was restricted"),
        ("update banking.source set state = 'removed'", "This bank was no longer linked"),
        (
            "insert into risk.limit_value (name, value_max, reason) values ('redeem_single_cents', 100, 'a test')",
            "Your limits had changed",
        ),
    ],
)
async def test_what_waited_is_looked_at_again_before_it_is_sent(bank, people, change, said):
    ann = await people.join("ann", cents=5000)
    redemption = await bank.redeem(ann, 5000, await bank.link(ann))
    await bank.database.rows(change)
    await bank.work()
    found = await bank.redemption(ann, redemption)
    assert (found.state, found.reason.startswith(said)) == ("canceled", True), found
    assert await bank.dwolla.payout_count() == 0
    assert (await wallet.balance(ann)).available_cents == 5000
