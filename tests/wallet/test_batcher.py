"""Payments made together: what each caller gets is what it would have got alone."""

import asyncio
from typing import Any

import pytest

from paya_app import wallet
from paya_app.core import db
from paya_app.core.config import settings
from paya_app.core.errors import (
    InsufficientFunds,
    KeyReused,
    LimitExceeded,
    PersonNotFound,
    SelfPayment,
    ServiceUnavailable,
)
from paya_app.core.ids import new_id
from paya_app.wallet import batcher

pytestmark = pytest.mark.usefixtures("database")


def order(actor, to="bob", cents=100, *, payment_id=None, note="") -> batcher.Order:
    return batcher.Order(actor.user_id, actor.claims_json, payment_id or new_id(), to, cents, note, "private")


async def together(orders, *, under_way_max=1) -> list[Any]:
    """Everything is queued before the first transaction begins its second one."""
    queue = batcher.Batcher(under_way_max=under_way_max)
    return await asyncio.gather(*[queue.send(o) for o in orders], return_exceptions=True)


@pytest.fixture
def batches(monkeypatch):
    """How many payments each statement made."""
    sizes = []
    real = db.call

    async def counting(sql, params):
        sizes.append(len(params["payment_ids"]) if "payment_ids" in params else 1)
        return await real(sql, params)

    monkeypatch.setattr(db, "call", counting)
    return sizes


async def test_what_queues_leaves_together_and_everyone_hears_of_their_own(people, batches):
    givers = [await people.join(f"giver{n}", cents=1000) for n in range(20)]
    bob = await people.join("bob")
    orders = [order(giver, cents=n + 1) for n, giver in enumerate(givers)]
    answers = await together(orders)
    assert [a["id"] for a in answers] == [str(o.payment_id) for o in orders]
    assert [a["amount_cents"] for a in answers] == [o.amount_cents for o in orders]
    assert batches == [1, 19]
    assert (await wallet.balance(bob)).available_cents == sum(range(1, 21))
    for giver, o in zip(givers, orders, strict=True):
        payment = await wallet.payment(giver, o.payment_id)
        assert payment is not None
        assert payment.amount_cents == o.amount_cents


async def test_a_refusal_is_its_callers_alone(people, batches):
    first, poor, rich, lost, vain = [
        await people.join(name, cents=cents)
        for name, cents in [("first", 100), ("poor", 1), ("rich", 500), ("lost", 500), ("vain", 500)]
    ]
    bob = await people.join("bob")
    answers = await together(
        [order(first), order(poor), order(rich), order(lost, "nobody"), order(vain, "vain"), order(bob, "rich", 1)]
    )
    assert [type(a) for a in answers] == [dict, InsufficientFunds, dict, PersonNotFound, SelfPayment, dict]
    assert answers[1].facts["available_cents"] == 1
    assert batches == [1, 5]
    # bob had nothing of his own: he spent what came to him earlier in the same transaction, or just before it
    assert (await wallet.balance(bob)).available_cents == 199


async def test_several_of_one_sender_are_counted_one_after_the_other(people):
    ann, _ = await people.join("ann", cents=5000), await people.join("bob")
    answers = await together([order(ann, cents=1) for _ in range(30)], under_way_max=2)
    assert sum(isinstance(a, dict) for a in answers) == 10
    assert all(isinstance(a, LimitExceeded) for a in answers if not isinstance(a, dict))


async def test_a_double_click_is_one_payment_and_both_hear_of_it(people):
    ann, bob = await people.join("ann", cents=700), await people.join("bob")
    twice = order(ann, cents=700)
    answers = await together([twice] * 10, under_way_max=2)
    assert {a["id"] for a in answers} == {str(twice.payment_id)}
    assert sorted(a["is_replay"] for a in answers) == [False] + [True] * 9
    assert (await wallet.balance(bob)).available_cents == 700


async def test_one_id_for_two_people_is_paid_once(people):
    ann, eve = await people.join("ann", cents=700), await people.join("eve", cents=700)
    bob, zed = await people.join("bob", cents=700), await people.join("zed")
    once = new_id()
    filler = order(zed, "ann", 1)
    answers = await together([filler, order(ann, payment_id=once), order(eve, payment_id=once), order(bob, "zed", 5)])
    assert [type(a) for a in answers[1:]] == [dict, KeyReused, dict]
    assert (await wallet.balance(bob)).available_cents == 795


async def test_one_that_spoils_the_statement_harms_nobody_else(people, batches):
    ann, eve, zed = [await people.join(name, cents=700) for name in ("ann", "eve", "zed")]
    bob = await people.join("bob")
    spoilt = order(eve, note="\x00")  # what no statement can carry; the pages' forms refuse it before
    answers = await together([order(zed), order(ann), spoilt])
    assert [isinstance(a, dict) for a in answers] == [True, True, False]
    assert batches == [1, 2, 1, 1]
    assert (await wallet.balance(bob)).available_cents == 200


async def test_a_lost_connection_leaves_no_doubt_behind(people, database):
    givers = [await people.join(f"giver{n}", cents=1000) for n in range(12)]
    bob = await people.join("bob")
    orders = [order(giver) for giver in givers]

    async def cut() -> None:
        for _ in range(20):
            await database.rows(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'paya' and datname = %s",
                [database.name],
            )

    answers, _ = await asyncio.gather(together(orders, under_way_max=2), cut())
    assert all(isinstance(a, (dict, ServiceUnavailable)) for a in answers)
    again = await together(orders)
    assert all(isinstance(a, dict) for a in again)
    assert (await wallet.balance(bob)).available_cents == 1200


async def test_who_gives_up_before_it_began_pays_nothing(people):
    ann, eve = await people.join("ann", cents=700), await people.join("eve", cents=700)
    bob = await people.join("bob")
    queue = batcher.Batcher(under_way_max=1)
    first = asyncio.create_task(queue.send(order(ann)))
    gone = asyncio.create_task(queue.send(order(eve)))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await first)["amount_cents"] == 100
    await queue.drain()
    assert (await wallet.balance(bob)).available_cents == 100


async def test_stopping_makes_what_waits_and_then_takes_more_one_by_one(people, batches):
    givers = [await people.join(f"giver{n}", cents=1000) for n in range(8)]
    bob = await people.join("bob")
    queue = batcher.Batcher(under_way_max=1)
    waiting = [asyncio.create_task(queue.send(order(giver))) for giver in givers[:7]]
    await asyncio.sleep(0)
    await queue.drain()
    assert all(task.done() for task in waiting)
    assert (await queue.send(order(givers[7])))["amount_cents"] == 100
    assert batches == [1, 6, 1]
    assert (await wallet.balance(bob)).available_cents == 800


@pytest.mark.parametrize(("chosen", "is_batched"), [("1", True), ("0", False)])
async def test_one_setting_turns_it_off(people, batches, monkeypatch, chosen, is_batched):
    monkeypatch.setenv("PAYA_SEND_BATCHING", chosen)
    settings.cache_clear()
    givers = [await people.join(f"giver{n}", cents=1000) for n in range(10)]
    await people.join("bob")
    await asyncio.gather(
        *[wallet.send(g, payment_id=new_id(), to="bob", amount_cents=5, note="", audience="private") for g in givers]
    )
    assert (max(batches) > 1) is is_batched
    assert sum(batches) == 10
