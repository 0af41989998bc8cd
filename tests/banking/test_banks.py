"""Several banks: which is first, giving one back, signing in to one again, and what a person may add."""

import pytest

from paya_app import banking
from paya_app.banking.errors import BankBusy, BankUnconfirmed, LoadLimit
from paya_app.banking.link_steps import is_holder
from paya_app.core.errors import NotFound
from paya_app.core.ids import new_id
from paya_app.providers.outcome import Retryable
from tests.support.dwolla import until
from tests.support.linking import linking_opened


@pytest.fixture
async def linking(database, monkeypatch):
    async with linking_opened(database, monkeypatch) as the:
        yield the


async def test_of_several_banks_one_is_first(linking, people):
    ann = await people.join("ann")
    first = await linking.linked(ann)
    second = await linking.linked(ann, institution="ins_109511", kind="Savings")
    assert (second.bank_name, second.last4) == ("Tartan Bank", "1111")
    assert [(one.source.id, one.is_default) for one in await banking.banks(ann)] == [
        (first.id, True),
        (second.id, False),
    ]
    await banking.make_default(ann, second.id)
    await banking.make_default(ann, second.id)
    assert [(one.source.id, one.is_default) for one in await banking.banks(ann)] == [
        (second.id, True),
        (first.id, False),
    ]
    assert [one.id for one in await banking.sources(ann)] == [second.id, first.id], "and it is what pages offer"
    kinds = "select count(*) from events.event where kind = 'bank.made_default'"
    assert await linking.value(kinds) == 1
    waiting = await banking.add_source(
        ann, source_id=new_id(), holder_name="Ann Field", routing="222222226", account="12345678", kind="checking"
    )
    with pytest.raises(BankUnconfirmed):
        await banking.make_default(ann, waiting.id)
    await banking.unlink(ann, second.id)
    assert [one.is_default for one in await banking.banks(ann)] == [True, False]


async def test_a_bank_keeps_the_name_under_which_it_was_chosen(linking, people):
    ann = await people.join("ann")
    source = await linking.linked(ann)
    await banking.follow_source(await linking.bank.vendor_id(source))
    assert [one.source.bank_name for one in await banking.banks(ann)] == ["First Platypus Bank"]


async def test_an_unlinked_bank_is_given_back_everywhere(linking, people):
    ann = await people.join("ann")
    source = await linking.linked(ann)
    await banking.unlink(ann, source.id)
    assert await banking.banks(ann) == []
    with pytest.raises(NotFound):
        await linking.bank.start(ann, 500, source)
    await linking.work()
    assert await linking.value("select removed from vendor_plaid.item")
    assert await linking.value("select removed from vendor_dwolla.funding_source where customer_id is not null")
    assert await linking.value("select access_sealed is null and state = 'ended' from banking.connection")
    await banking.unlink(ann, source.id)
    await linking.work()
    assert await linking.bank.dead_letters() == []
    again = await linking.linked(ann)
    assert (again.state, again.id != source.id) == ("verified", True)


async def test_a_bank_that_is_linked_again_before_the_vendor_forgot_it_is_a_bank(linking, people):
    ann = await people.join("ann")
    first = await linking.linked(ann)
    await banking.unlink(ann, first.id)
    visit = await linking.visit(ann)
    with pytest.raises(Retryable):
        await banking.follow_link(visit)
    assert (await banking.link(ann, visit)).state == "exchanged", "not told that it is linked"
    await linking.work()  # now the vendor hears of it
    await linking.database.rows("update jobs.procrastinate_jobs set scheduled_at = null")
    again = await linking.returned(ann, visit)
    assert again.state == "linked"
    assert [one.source for one in await banking.banks(ann)] == [again.source]
    assert again.source.id != first.id


async def test_a_bank_that_the_transfers_vendor_removed_is_given_back_too(linking, people):
    ann = await people.join("ann")
    vendor_id = await linking.bank.vendor_id(await linking.linked(ann))
    await linking.bank.dwolla.client.post(f"/funding-sources/{vendor_id}", json={"removed": True})
    await banking.follow_source(vendor_id)
    await linking.work()
    assert await banking.banks(ann) == []
    assert await linking.value("select removed from vendor_plaid.item")


async def test_a_bank_with_a_transfer_under_way_stays(linking, people):
    ann = await people.join("ann")
    source = await linking.linked(ann)
    await linking.bank.start(ann, 500, source)
    with pytest.raises(BankBusy) as refusal:
        await banking.unlink(ann, source.id)
    assert "Activity shows it" in refusal.value.message
    assert [one.is_busy for one in await banking.banks(ann)] == [True]
    await linking.work()
    await linking.bank.settle()
    await banking.unlink(ann, source.id)


async def test_a_login_that_changed_is_shown_and_repaired(linking, people):
    ann = await people.join("ann")
    source = await linking.linked(ann)
    access = await linking.value("select access_token from vendor_plaid.item")

    async def heard(state: str) -> bool:
        await linking.work()
        return [one.connection for one in await banking.banks(ann)] == [state]

    await linking.plaid.ask("/sandbox/item/fire_webhook", access_token=access, webhook_code="PENDING_DISCONNECT")
    await until(lambda: heard("pending_disconnect"))
    await linking.plaid.ask("/sandbox/item/reset_login", access_token=access)
    await until(lambda: heard("login_required"))
    assert (await linking.bank.start(ann, 500, source)).state == "queued", "transfers need no login"
    link_id = new_id()
    url = await banking.start_link(ann, link_id=link_id, source_id=source.id)
    await linking.plaid.fill(url, username="user_good", password="pass_good")
    found = await linking.returned(ann, link_id)
    assert (found.state, found.is_reconnect, found.source and found.source.id) == ("linked", True, source.id)
    assert await heard("good")
    assert len(await banking.banks(ann)) == 1


async def tier(actor) -> banking.TierLimits:
    told = await banking.tier_limits(actor)
    assert told is not None
    return told


async def week_cents(actor) -> int:
    limits = await banking.load_limits(actor)
    assert limits is not None
    return limits.week_max_cents


async def test_a_bank_in_ones_own_name_raises_what_may_be_added(linking, people, advance_clock):
    ann, bob = await people.join("ann", name="Ann Field"), await people.join("bob", name="Bob Stone")
    await advance_clock(days=8)
    assert (await tier(ann)).tier == "phone"
    by_hand = await linking.bank.link(ann)
    assert (await tier(ann)).tier == "bank"
    with pytest.raises(LoadLimit):
        await linking.bank.start(ann, 200_001, by_hand)
    named = await linking.linked(ann)
    limits = await tier(ann)
    assert (limits.tier, limits.load_week_cents, limits.raised_week_cents) == ("identity", 500_000, 500_000)
    assert await week_cents(ann) == 500_000
    await linking.bank.start(ann, 500_000, named)
    with pytest.raises(LoadLimit):
        await linking.bank.start(ann, 100, named)
    other = await linking.linked(bob, username="user_other")
    assert [one.is_holder for one in await banking.banks(bob)] == [False]
    assert (await tier(bob)).tier == "bank"
    with pytest.raises(LoadLimit):
        await linking.bank.start(bob, 200_001, other)


async def test_a_bank_that_is_unlinked_raises_nothing_any_more(linking, people):
    ann = await people.join("ann", name="Ann Field")
    source = await linking.linked(ann)
    assert await week_cents(ann) == 50_000, "in the first week"
    await banking.unlink(ann, source.id)
    assert await week_cents(ann) == 10_000


@pytest.mark.parametrize(
    ("name", "holders", "fits"),
    [
        ("Ann Field", ["Ann Field"], True),
        ("ann  FIELD", ["Ann Mary Field"], True),
        ("Zoë Ångström", ["Zoe Angstrom"], True),
        ("Ann Field", ["Bob Stone", "Ann Field"], True),
        ("Ann", ["Ann"], False),
        ("Ann Field", ["Ann Stone"], False),
        ("Field Ann", ["Ann Field"], False),
        ("Ann Field", [], False),
        ("", [""], False),
        ("🌮 🌮", ["Ann Field"], False),
    ],
)
def test_a_name_is_the_holders_by_its_first_and_last_word(name, holders, fits):
    assert is_holder(name, holders) is fits
