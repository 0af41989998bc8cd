import asyncio

import pytest

from paya_app import wallet
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import AudienceInvalid, NotFound, SignedOut
from paya_app.core.ids import new_id

pytestmark = pytest.mark.usefixtures("database")


async def public_notes(actor):
    return [row[0] for row in await db.query(actor, "select note from public.payments where is_public")]


@pytest.fixture
async def three(people):
    return await people.join("ann", cents=5000), await people.join("bob"), await people.join("cal")


async def pay(ann, *, audience, note="tacos"):
    return await wallet.send(ann, payment_id=new_id(), to="bob", amount_cents=100, note=note, audience=audience)


async def test_private_is_seen_by_the_two_alone(three):
    ann, bob, cal = three
    payment = await pay(ann, audience="private")
    sql = "select note from public.payments"
    assert [len(await db.query(who, sql)) for who in (ann, bob, cal, Actor.visitor())] == [1, 1, 0, 0]
    assert await wallet.payment(cal, payment.id) is None


async def test_the_stricter_of_the_two_wins(three):
    ann, bob, cal = three
    payment = await pay(ann, audience="public")
    assert await public_notes(cal) == ["tacos"]
    hidden = await wallet.set_audience(bob, payment.id, "private")
    assert (hidden.audience, hidden.is_public, hidden.version) == ("private", False, 2)
    shown = await wallet.set_audience(ann, payment.id, "public")
    assert (shown.is_public, shown.version) == (False, 2)
    assert await public_notes(cal) == []


async def test_a_stranger_cannot_change_it_and_learns_nothing(three):
    ann, _, cal = three
    payment = await pay(ann, audience="private")
    with pytest.raises(NotFound):
        await wallet.set_audience(cal, payment.id, "public")
    with pytest.raises(NotFound):
        await wallet.set_audience(cal, new_id(), "public")
    with pytest.raises(SignedOut):
        await wallet.set_audience(Actor.visitor(), payment.id, "public")
    with pytest.raises(AudienceInvalid):
        await wallet.set_audience(ann, payment.id, "friends")  # pyright: ignore[reportArgumentType] - nonsense is meant


async def test_both_changing_at_once_count_each_change(three):
    ann, bob, _ = three
    payment = await pay(ann, audience="public")
    await asyncio.gather(
        wallet.set_audience(ann, payment.id, "private"), wallet.set_audience(bob, payment.id, "private")
    )
    seen = await wallet.payment(ann, payment.id)
    assert seen is not None
    assert seen.version == 3


async def test_ones_own_payments_newest_first_in_pages(three):
    ann, bob, _ = three
    for n in range(7):
        await pay(ann, audience="private", note=f"note {n}")
    first = await wallet.payments(ann, limit=4)
    rest = await wallet.payments(ann, before=(first[-1].created_at, first[-1].id), limit=4)
    assert [p.note for p in first + rest] == [f"note {n}" for n in reversed(range(7))]
    assert [p.note for p in await wallet.payments(bob, sought="note 3")] == ["note 3"]
    assert await wallet.payments(ann, direction="received") == []
    assert await wallet.payments(ann, sought="100%_\\'\x00") == []


async def test_the_table_of_payments_knows_no_amount(three):
    ann, _, _ = three
    await pay(ann, audience="public")
    row = (await db.query(Actor.visitor(), "select * from public.payments"))[0]
    assert not [name for name in row._fields if "amount" in name or "cents" in name]


async def test_recent_people_are_those_paid(three):
    ann, bob, _ = three
    await pay(ann, audience="private")
    assert [p.handle for p in await wallet.recent_people(ann)] == ["bob"]
    assert await wallet.recent_people(bob) == []
    assert await wallet.recent_people(Actor.visitor()) == []
