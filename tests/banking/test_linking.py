"""Linking a bank by signing in to it: from the picker to a bank that money can come from."""

import asyncio

import pytest
from sqlalchemy.exc import ProgrammingError

from paya_app import banking
from paya_app.banking.errors import BankKeyReused, BankLimit, LinkingUnavailable
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.errors import AccountUnavailable, NotFound, SignedOut
from paya_app.core.ids import new_id
from tests.support.dwolla import until
from tests.support.linking import linking_opened


@pytest.fixture
async def linking(database, monkeypatch):
    async with linking_opened(database, monkeypatch) as the:
        yield the


async def test_who_signs_in_to_their_bank_has_it_confirmed_at_once(linking, people):
    ann = await people.join("ann")
    source = await linking.linked(ann)
    assert (source.bank_name, source.last4, source.state) == ("First Platypus Bank", "0000", "verified")
    load = await linking.bank.start(ann, 5000, source)
    await linking.bank.work()
    await linking.bank.settle()
    assert (await linking.bank.load(ann, load)).state == "cleared"
    assert await linking.value("select count(*) from vendor_dwolla.micro_deposits") == 0


async def _worked(linking, actor, link_id) -> bool:
    await linking.work()
    return (await banking.link(actor, link_id)).is_over


async def test_coming_back_and_the_notice_make_one_bank_in_any_order(linking, people):
    ann = await people.join("ann")
    link_id = await linking.visit(ann)
    await banking.link(ann, link_id, has_returned=True)
    both = (linking.work(), banking.follow_link(link_id), banking.link(ann, link_id, has_returned=True))
    await asyncio.gather(*both, return_exceptions=True)
    await until(lambda: _worked(linking, ann, link_id))
    await banking.follow_link(link_id)
    assert (await banking.link(ann, link_id, has_returned=True)).state == "linked"
    await linking.work()
    assert [one.source.state for one in await banking.banks(ann)] == ["verified"]
    assert await linking.value("select count(*) from vendor_plaid.public_token where exchanged_at is not null") == 1
    assert await linking.bank.dead_letters() == []
    kinds = await linking.database.rows("select kind from events.event where subject = %s order by version", (link_id,))
    assert [kind for (kind,) in kinds if kind.startswith("link.")] == [
        "link.started",
        "link.opened",
        "link.exchange_begun",
        "link.exchanged",
        "link.linked",
    ]


async def test_who_never_comes_back_is_linked_by_the_notice(linking, people):
    ann = await people.join("ann")
    link_id = await linking.visit(ann)
    await until(lambda: linking.value("select count(*) from banking.vendor_event"))
    await linking.work()
    assert (await banking.link(ann, link_id)).state == "linked"


async def test_a_lost_notice_and_a_closed_page_are_asked_about(linking, people, advance_clock):
    ann = await people.join("ann")
    link_id = await linking.visit(ann)
    await linking.database.rows("delete from jobs.procrastinate_jobs where task_name = 'follow_link'")
    assert await banking.ask_about_links() == 0
    await advance_clock(minutes=3)
    assert await banking.ask_about_links() == 1
    await linking.work()
    assert (await banking.link(ann, link_id)).state == "linked"


async def test_a_visit_of_long_ago_is_over(linking, people, advance_clock):
    ann = await people.join("ann")
    link_id = new_id()
    await banking.start_link(ann, link_id=link_id)
    await advance_clock(hours=5)
    await banking.ask_about_links()
    found = await banking.link(ann, link_id)
    assert (found.state, found.code) == ("exited", "expired")
    with pytest.raises(NotFound):
        await banking.start_link(ann, link_id=link_id)


async def test_who_leaves_without_a_bank_has_none(linking, people):
    ann = await people.join("ann")
    link_id = new_id()
    url = await banking.start_link(ann, link_id=link_id)
    assert await banking.start_link(ann, link_id=link_id) == url, "the same visit"
    await linking.plaid.fill(url, institution="ins_109508")
    await linking.plaid.fill(url, username="user_locked", password="x")
    await linking.plaid.fill(url, cancel="1")
    found = await linking.returned(ann, link_id)
    assert (found.state, found.code, await banking.banks(ann)) == ("exited", "ITEM_LOCKED", [])


async def test_somebody_elses_visit_is_not_found(linking, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    link_id = await linking.visit(ann)
    with pytest.raises(NotFound):
        await banking.start_link(bob, link_id=link_id)
    for stranger in (bob, Actor.visitor()):
        with pytest.raises(NotFound):
            await banking.link(stranger, link_id, has_returned=True)
    with pytest.raises(SignedOut):
        await banking.start_link(Actor.visitor(), link_id=new_id())
    with pytest.raises(AccountUnavailable):
        await banking.start_link(await people.sign_up(), link_id=new_id())
    for call in (
        "banking.book_linked(gen_random_uuid(), 'x', 'x', true)",
        "banking.link_order(gen_random_uuid())",
        "banking.access_of(gen_random_uuid())",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            await db.query(bob, f"select {call}", {})
    found = (await linking.returned(ann, link_id)).source
    assert found is not None
    source = found
    for act in (banking.unlink(bob, source.id), banking.make_default(bob, source.id)):
        with pytest.raises(NotFound):
            await act
    with pytest.raises(NotFound):
        await banking.start_link(bob, link_id=new_id(), source_id=source.id)
    assert await banking.banks(bob) == []


async def test_nobody_types_an_account_under_the_id_of_a_visit(linking, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    visit = await linking.visit(ann)
    for who in (bob, ann):
        with pytest.raises(BankKeyReused):
            await db.query(who, "select banking.begin_source(:id, 'checking', '0000')", {"id": visit})
    taken = new_id()
    await db.query(bob, "select banking.begin_source(:id, 'checking', '0000')", {"id": taken})
    for who in (bob, ann):
        with pytest.raises(NotFound):
            await banking.start_link(who, link_id=taken)
    # both at the same moment: neither saw the other
    await linking.database.rows(
        "insert into banking.source (id, person, kind, last4, created_at) values (%s, %s, 'checking', '0000', now())",
        (visit, bob.user_id),
    )
    assert (await linking.returned(ann, visit)).code == "bank_key_reused"
    assert await banking.sources(bob) == await banking.sources(ann) == []


async def test_the_same_account_by_hand_and_by_signing_in_is_one_bank(linking, people):
    ann = await people.join("ann")
    first = await linking.linked(ann)
    access = await linking.value("select access_token from vendor_plaid.item")
    numbers = (await linking.plaid.ask("/auth/get", access_token=access)).json()["numbers"]["ach"][0]
    typed = {"holder_name": "ann field", "routing": numbers["routing"], "account": numbers["account"]}
    by_hand = await banking.add_source(ann, source_id=new_id(), kind="checking", **typed)
    assert (by_hand.id, by_hand.state) == (first.id, "verified")
    again = await linking.linked(ann)
    assert again.id == first.id
    assert len(await banking.banks(ann)) == 1
    assert await linking.value("select count(*) from vendor_plaid.item where not removed") == 1, "one access is enough"


async def test_signing_in_confirms_a_bank_that_waits_for_two_deposits(linking, people):
    ann = await people.join("ann")
    first = await linking.linked(ann)
    access = await linking.value("select access_token from vendor_plaid.item")
    numbers = (await linking.plaid.ask("/auth/get", access_token=access)).json()["numbers"]["ach"][0]
    await banking.unlink(ann, first.id)
    await linking.work()
    typed = {"holder_name": "ann field", "routing": numbers["routing"], "account": numbers["account"]}
    waiting = await banking.add_source(ann, source_id=new_id(), kind="checking", **typed)
    assert waiting.state == "unverified"
    linked = await linking.linked(ann)
    assert (linked.id, linked.state) == (waiting.id, "verified")
    assert [one.source.id for one in await banking.banks(ann)] == [waiting.id]
    # the notice that the vendor forgot the account under its former name comes late
    await banking.follow_source(
        str(
            await linking.value(
                "select id from vendor_dwolla.funding_source where removed order by created desc limit 1"
            )
        )
    )
    assert (await linking.bank.start(ann, 500, linked)).amount_cents == 500


async def test_while_the_vendor_is_down_nothing_is_linked_and_the_visit_goes_on_later(linking, people, monkeypatch):
    ann = await people.join("ann")
    link_id = new_id()
    with monkeypatch.context() as down:
        down.setenv("PLAID_BASE_URL", "http://127.0.0.1:9")
        settings.cache_clear()
        with pytest.raises(LinkingUnavailable) as refusal:
            await banking.start_link(ann, link_id=link_id)
        assert "type your account number" in refusal.value.message
    settings.cache_clear()
    assert "/hl/" in await banking.start_link(ann, link_id=link_id)


async def test_five_banks_are_the_most_and_twenty_visits_a_day(linking, people):
    ann = await people.join("ann")
    for number in range(5):
        await linking.bank.link(ann, account=f"4444000{number}")
    with pytest.raises(BankLimit, match="5 banks"):
        await banking.start_link(ann, link_id=new_id())
    bob = await people.join("bob")
    for _ in range(20):
        await db.query(bob, "select banking.begin_link(gen_random_uuid())", {})
    with pytest.raises(BankLimit, match="many banks"):
        await banking.start_link(bob, link_id=new_id())
