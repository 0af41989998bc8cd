import asyncio

import pytest

from paya_app import identity
from paya_app.core.actor import Actor
from paya_app.core.errors import HandleInvalid, HandleKept, HandleTaken, NameInvalid, SignedOut

pytestmark = pytest.mark.usefixtures("database")


async def test_a_newcomer_claims_a_handle(people):
    ann = await people.sign_up("12025550101")
    assert await identity.me(ann) is None
    person = await identity.claim_handle(ann, handle="@Ann_R", name=" Ana  Ruiz ")
    assert (person.handle, person.name, person.is_demo) == ("ann_r", "Ana Ruiz", False)
    assert await identity.me(ann) == person
    assert await identity.claim_handle(ann, handle="ann_r", name="Ana Ruiz") == person
    assert await identity.person(Actor.visitor(), "@ann_r") == person


async def test_one_handle_each_for_ever(people):
    ann = await people.join("ann")
    with pytest.raises(HandleKept):
        await identity.claim_handle(ann, handle="other", name="Ann")


@pytest.mark.parametrize("handle", ["ann", "ANN", "paya", "admin", "supp0rt", "p_aya", "payа"])
async def test_taken_reserved_and_look_alike_handles_are_refused(people, handle):
    await people.join("ann")
    bob = await people.sign_up("12025550102")
    with pytest.raises((HandleTaken, HandleInvalid)):
        await identity.claim_handle(bob, handle=handle, name="Bob")


async def test_a_look_alike_of_a_person_is_refused(people):
    await people.join("lola_mill")
    bob = await people.sign_up("12025550102")
    for handle in ("l0la_mill", "lolamill", "lo1a_mi11", "iola_miii"):
        with pytest.raises(HandleTaken):
            await identity.claim_handle(bob, handle=handle, name="Bob")


@pytest.mark.parametrize(
    "handle",
    [
        "",
        "ab",
        "x" * 21,
        "1ann",
        "_ann",
        "an n",
        "ann\x00",
        "änn",
        "ann'--",
        "\u202eann",
        "💸💸💸",
        None,
        5,
        "a" * 10_000_000,
    ],
)
async def test_malformed_handles_are_refused(people, handle):
    bob = await people.sign_up("12025550102")
    with pytest.raises(HandleInvalid):
        await identity.claim_handle(bob, handle=handle, name="Bob")


async def test_a_name_is_needed(people):
    bob = await people.sign_up("12025550102")
    with pytest.raises(NameInvalid):
        await identity.claim_handle(bob, handle="bob", name="\x00")


async def test_of_many_who_claim_one_handle_at_once_one_gets_it(people):
    newcomers = [await people.sign_up(f"120255501{n:02}") for n in range(8)]
    answers = await asyncio.gather(
        *[identity.claim_handle(who, handle="prize", name="Somebody") for who in newcomers], return_exceptions=True
    )
    assert sum(not isinstance(a, BaseException) for a in answers) == 1
    assert all(isinstance(a, HandleTaken) for a in answers if isinstance(a, BaseException))


async def test_claiming_twice_at_once_is_claiming_once(people):
    ann = await people.sign_up("12025550101")
    answers = await asyncio.gather(*[identity.claim_handle(ann, handle="ann", name="Ann") for _ in range(8)])
    assert len({a.id for a in answers}) == 1


async def test_a_visitor_claims_and_finds_nothing(people):
    await people.join("bob")
    with pytest.raises(SignedOut):
        await identity.claim_handle(Actor.visitor(), handle="ann", name="Ann")
    with pytest.raises(SignedOut):
        await identity.find(Actor.visitor(), "bob")


async def test_finding_by_handle_and_by_phone(people):
    ann = await people.join("ann")
    bob = await people.join("bob", phone="12025550123")
    by_handle, by_phone = await identity.find(ann, "@BOB"), await identity.find(ann, "202-555-0123")
    assert by_handle == by_phone == await identity.me(bob)
    assert await identity.find(ann, "202-555-0124") is None
    assert await identity.find(ann, "\u202enobody\x00") is None
