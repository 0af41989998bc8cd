"""Accounts that may do less: why, what still works, and the way back."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import ProgrammingError

from paya_app import risk, wallet
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import AccountUnavailable, NotFound, RequestInvalid
from paya_app.core.ids import new_id

SERVER = Actor.service()
ADMIN = UUID(int=7)


async def pay(actor: Actor, to: str, cents: int = 100) -> None:
    await wallet.send(actor, payment_id=new_id(), to=to, amount_cents=cents, note="lunch", audience="private")


def id_of(who: Actor) -> UUID:
    assert who.user_id is not None
    return who.user_id


async def states(database, actor: Actor) -> list[str]:
    rows = await database.rows(
        "select state from ledger.account where owner = %s and kind = 'wallet'", (actor.user_id,)
    )
    return [row[0] for row in rows]


async def account_events(database) -> list[tuple]:
    return await database.rows(
        "select kind, version, actor, payload ->> 'before', payload ->> 'after', payload ->> 'reason'"
        " from events.event where kind like 'account.%%' order by id"
    )


async def test_restricted_is_paid_but_does_not_pay(people, database):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", cents=5000)
    reference = await risk.impose(SERVER, id_of(bob), "restricted", "under_review", by=ADMIN)
    with pytest.raises(AccountUnavailable, match="Your account is restricted: it can be paid, but cannot pay"):
        await pay(bob, "ann")
    await pay(ann, "bob")
    (case,) = await risk.open_cases(bob)
    assert (case.reference, case.state, case.reason) == (reference, "restricted", "under_review")
    assert case.sentence == (
        "Your account is restricted: we are looking at something unusual. You can still be paid; you cannot pay or"
        f" add money. Ask us about case {reference}."
    )
    assert await risk.open_cases(ann) == []


async def test_who_is_restricted_for_a_debt_reads_that_adding_money_pays_it_back(people, database):
    ann = await people.join("ann")
    reference = await risk.impose(SERVER, id_of(ann), "restricted", "late_return")
    (case,) = await risk.open_cases(ann)
    assert case.sentence == (
        "Your account is restricted: your bank took back a transfer after it had arrived. You can still be paid, and"
        f" add money to pay it back; until then you cannot pay. Ask us about case {reference}."
    )


async def test_frozen_neither_pays_nor_is_paid(people, database):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", cents=5000)
    await risk.impose(SERVER, id_of(bob), "frozen", "owner_asked")
    with pytest.raises(AccountUnavailable, match="Your account is frozen"):
        await pay(bob, "ann")
    with pytest.raises(AccountUnavailable, match="Their wallet cannot") as refused:
        await pay(ann, "bob")
    assert "frozen" not in refused.value.message, "what is wrong with an account is its owner's business"


async def test_lifting_opens_it_again_and_each_change_has_its_event(people, database):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob")
    reference = await risk.impose(SERVER, id_of(ann), "restricted", "under_review", by=ADMIN)
    assert await risk.lift(SERVER, reference, " it was a wedding ", by=ADMIN) == "active"
    assert await risk.lift(SERVER, reference, "again", by=ADMIN) == "active"
    await pay(ann, "bob")
    assert await risk.open_cases(ann) == []
    assert await account_events(database) == [
        ("account.restricted", 1, ADMIN, "active", "restricted", "under_review"),
        ("account.lifted", 2, ADMIN, "restricted", "active", "it was a wedding"),
    ]
    assert await people.balance(bob) == 100


async def test_two_cases_do_not_undo_each_other(people, database):
    ann = await people.join("ann")
    late = await risk.impose(SERVER, id_of(ann), "restricted", "late_return", subject=uuid4())
    lost = await risk.impose(SERVER, id_of(ann), "frozen", "owner_asked")
    assert [case.reference for case in await risk.open_cases(ann)] == [lost, late]
    assert await risk.lift(SERVER, lost, "phone found") == "restricted"
    other = await risk.impose(SERVER, id_of(ann), "frozen", "law")
    assert await risk.lift(SERVER, late, "paid back") == "frozen"
    assert await risk.lift(SERVER, other, "released") == "active"
    assert await states(database, ann) == ["active"]


async def test_the_same_reason_twice_at_once_is_one_case(people, database):
    ann = await people.join("ann")
    subject = uuid4()
    calls = (risk.impose(SERVER, id_of(ann), "restricted", "late_return", subject=subject) for _ in range(8))
    assert len(set(await asyncio.gather(*calls))) == 1
    assert len(await account_events(database)) == 1
    another = await risk.impose(SERVER, id_of(ann), "restricted", "late_return", subject=uuid4())
    assert len(await risk.open_cases(ann)) == 2
    await risk.lift(SERVER, another, "done")
    assert await states(database, ann) == ["restricted"]


async def test_what_cannot_be_is_refused(people):
    ann = await people.join("ann")
    impossible: list[Any] = [("active", "law"), ("closed", "law"), ("frozen", "because"), ("frozen", "")]
    for state, reason in impossible:
        with pytest.raises(RequestInvalid):
            await risk.impose(SERVER, id_of(ann), state, reason)
    with pytest.raises(NotFound):
        await risk.impose(SERVER, uuid4(), "frozen", "law")
    with pytest.raises(NotFound):
        await risk.lift(SERVER, "AC-0000-0000", "why not")
    reference = await risk.impose(SERVER, id_of(ann), "frozen", "law")
    for why in ("", "  ", "x" * 501):
        with pytest.raises(RequestInvalid, match="why the case is over"):
            await risk.lift(SERVER, reference, why)


async def test_nobody_opens_their_own_account_or_closes_anothers(people):
    ann, eve = await people.join("ann"), await people.join("eve")
    reference = await risk.impose(SERVER, id_of(ann), "restricted", "law")
    for who in (ann, eve, Actor.visitor()):
        for attempt in (risk.lift(who, reference, "mine"), risk.impose(who, id_of(eve), "frozen", "law")):
            with pytest.raises(ProgrammingError, match="permission denied"):
                await attempt
        for statement in (
            "select * from risk.account_case",
            "update risk.account_case set lifted_at = now(), lifted_why = 'x'",
            "update ledger.account set state = 'active'",
            f"select risk.follow_cases('{id_of(ann)}')",
        ):
            with pytest.raises(ProgrammingError, match="permission denied"):
                await db.query(who, statement)
    assert await risk.open_cases(eve) == []
    assert len(await risk.open_cases(ann)) == 1
