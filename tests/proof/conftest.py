import pytest

from paya_app import wallet
from paya_app.core.ids import new_id
from tests.support.waiting import until


@pytest.fixture
def seal(database):
    """Seals everything there is: another test's transaction may hold the horizon back for a moment."""

    async def all_sealed(pieces_of=4096):
        await database.rows("select proof.seal_next(%s)", (pieces_of,), role="paya_worker")
        sealed = await database.value("select coalesce(max(transfer_total + event_total), 0) from proof.seal")
        there = await database.value(
            "select (select count(*) from ledger.transfer) + (select count(*) from events.event)"
        )
        return sealed == there

    async def seal(pieces_of=4096):
        await until(lambda: all_sealed(pieces_of))

    return seal


@pytest.fixture
def pay():
    """Sends 0.01 or so, privately; returns the payment's id."""

    async def pay(actor, to, cents=1, note="for tea"):
        payment_id = new_id()
        await wallet.send(actor, payment_id=payment_id, to=to, amount_cents=cents, note=note, audience="private")
        return payment_id

    return pay


@pytest.fixture
async def traded(people, pay, seal):
    """Ann and bob, after a few payments in several seals, and one payment that is too new to be sealed."""
    ann, bob = await people.join("ann", cents=5000), await people.join("bob")
    ids = []
    for cents in range(1, 5):
        ids.append(await pay(ann, "bob", cents))
        await seal()
    ids.append(await pay(bob, "ann", 2))
    ids.append(await pay(ann, "bob", 3))
    await seal(pieces_of=1)
    await pay(ann, "bob", 4)
    return ann, bob, ids
