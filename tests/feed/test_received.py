"""Payments to somebody: whether their side is open to the feed is their own setting, held by the database."""

import asyncio

import pytest

from paya_app import feed, identity, wallet
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import AudienceInvalid, SignedOut
from paya_app.core.ids import new_id

VISITOR = Actor.visitor()


@pytest.fixture
async def three(database, people):
    return await people.join("ann", cents=5000), await people.join("bob"), await people.join("cal")


async def pay(ann, *, to="bob", note="tacos"):
    return await wallet.send(ann, payment_id=new_id(), to=to, amount_cents=100, note=note, audience="public")


async def notes_in_feed() -> list[str]:
    return [row.note for row in (await feed.page(VISITOR)).rows]


async def test_who_keeps_payments_to_them_private_is_in_no_feed_whatever_the_sender_says(three):
    ann, bob, cal = three
    assert await identity.received_audience(bob) == "public"
    assert await identity.choose_received_audience(bob, "private") == "private"
    hidden = await pay(ann, note="to bob")
    assert (hidden.audience, hidden.is_public) == ("public", False)
    await pay(ann, to="cal", note="to cal")
    assert await notes_in_feed() == ["to cal"]
    assert await feed.of_person(VISITOR, "bob") == []
    for stranger in (VISITOR, cal):
        assert await db.query(stranger, "select from public.payments where note = 'to bob'") == []
    seen = await wallet.payment(bob, hidden.id)
    assert seen is not None
    assert (seen.audience, seen.is_public) == ("private", False)


async def test_one_payment_can_still_be_shown_by_who_received_it(three):
    ann, bob, _ = three
    await identity.choose_received_audience(bob, "private")
    payment = await pay(ann)
    shown = await wallet.set_audience(bob, payment.id, "public")
    assert (shown.is_public, shown.version) == (True, 2)
    assert await notes_in_feed() == ["tacos"]


async def test_the_setting_holds_for_what_comes_and_leaves_what_was(three):
    ann, bob, _ = three
    await pay(ann, note="before")
    await identity.choose_received_audience(bob, "private")
    await pay(ann, note="during")
    await identity.choose_received_audience(bob, "public")
    await pay(ann, note="after")
    assert await notes_in_feed() == ["after", "before"]


async def test_it_holds_for_many_at_once_too(database, three):
    ann, bob, _ = three
    await identity.choose_received_audience(bob, "private")
    rows = await db.call(
        "select result from wallet.send_many(:claims, :ids, :handles, :amounts, :notes, :audiences)",
        {
            "claims": [ann.claims_json],
            "ids": [new_id()],
            "handles": ["bob"],
            "amounts": [100],
            "notes": ["many"],
            "audiences": ["public"],
        },
    )
    assert rows[0][0]["is_public"] is False
    assert await notes_in_feed() == []


async def test_each_change_is_an_event_and_saying_the_same_again_is_none(database, three):
    _, bob, _ = three
    for wanted in ("public", "private", "private", "public"):
        await identity.choose_received_audience(bob, wanted)
    events = await database.rows(
        "select actor, version, payload ->> 'received_audience' from events.event"
        " where kind = 'person.privacy_changed' and subject = %s order by id",
        (bob.user_id,),
    )
    assert events == [(bob.user_id, 1, "private"), (bob.user_id, 2, "public")]


async def test_changing_it_twice_at_once_loses_no_event(database, three):
    _, bob, _ = three
    wanted = ("private", "public") * 4
    await asyncio.gather(*(identity.choose_received_audience(bob, audience) for audience in wanted))
    versions = await database.value(
        "select array_agg(version order by version) from events.event where kind = 'person.privacy_changed'"
    )
    assert versions == list(range(1, len(versions) + 1))


async def test_it_is_ones_own_and_nobody_else_reads_or_sets_it(three):
    _, bob, cal = three
    await identity.choose_received_audience(bob, "private")
    assert await identity.received_audience(cal) == "public"
    for stranger in (VISITOR, cal, bob):
        with pytest.raises(Exception, match="permission denied"):
            await db.query(stranger, "select * from identity.privacy")
    with pytest.raises(SignedOut):
        await identity.received_audience(VISITOR)
    with pytest.raises(SignedOut):
        await identity.choose_received_audience(VISITOR, "private")
    with pytest.raises(AudienceInvalid):
        await identity.choose_received_audience(bob, "friends")  # pyright: ignore[reportArgumentType] - nonsense is meant


async def test_without_a_handle_there_is_nobody_to_pay_and_nothing_to_set(people, three):
    newcomer = await people.sign_up()
    with pytest.raises(SignedOut):
        await identity.choose_received_audience(newcomer, "private")
