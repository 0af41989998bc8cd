"""The demo people's first payments, and the mark that they carry."""

import asyncio
import random

import pytest

from paya_app import feed, identity, wallet
from paya_app.core.actor import Actor
from paya_app.core.config import Settings
from paya_app.core.ids import new_id
from paya_app.identity.people import Person
from paya_app.local import demo
from tests.support.waiting import until


async def cast_of(people, database, *, cents: int) -> list[Person]:
    """Six demo people with `cents` each."""
    handles = ("maya", "devpatel", "lena_s", "tess", "noor", "wes")
    for handle in handles:
        await people.join(handle, cents=cents, name=f"{handle.capitalize()} Ito")
    await database.rows("update public.profiles set is_demo = true")
    found = [await identity.person(Actor.visitor(), handle) for handle in handles]
    return [person for person in found if person is not None]


async def shown() -> list[feed.FeedRow]:
    return (await feed.page(Actor.visitor())).rows


async def run_for_a_while(monkeypatch, cast, *, watchers: int, until_shown: int) -> None:
    """The demo's own loop, its people given and its looks at the clock quick, until so many payments show."""

    async def given() -> list[Person]:
        return cast

    monkeypatch.setattr(demo, "CAST", tuple((person.handle, person.name) for person in cast))
    monkeypatch.setattr(demo, "_cast", given)
    monkeypatch.setattr(demo, "LOOKS_EVERY_S", 0.01)
    stop = asyncio.Event()
    running = asyncio.create_task(demo.run(stop, lambda: watchers))

    async def is_enough() -> bool:
        return running.done() or len(await shown()) >= until_shown

    await until(is_enough, patience_s=20)
    stop.set()
    await running


async def test_a_fresh_home_opens_with_ten_real_payments_though_nobody_watches(database, people, monkeypatch):
    cast = await cast_of(people, database, cents=20_000)
    await run_for_a_while(monkeypatch, cast, watchers=0, until_shown=demo.OPENING_PAYMENTS)
    rows = await shown()
    assert len(rows) == demo.OPENING_PAYMENTS == 10
    assert all(row.sender.demo and row.recipient.demo for row in rows)
    total = await database.value("select sum(balance) from ledger.account where kind = 'wallet'")
    assert total == 6 * 20_000


async def test_a_home_that_has_them_is_not_opened_again(database, people):
    cast = await cast_of(people, database, cents=20_000)
    chance = random.Random(7)  # noqa: S311
    while not await demo.is_opened():
        assert await demo.pay(chance, cast)
    assert len(await shown()) == demo.OPENING_PAYMENTS
    assert await demo.is_opened()


async def test_a_person_and_a_demo_person_are_told_apart_in_one_row(database, people):
    await cast_of(people, database, cents=0)
    ann = await people.join("ann", cents=500)
    await wallet.send(ann, payment_id=new_id(), to="maya", amount_cents=100, note="", audience="public")
    (row,) = await shown()
    assert (row.sender.demo, row.recipient.demo) == (False, True)


@pytest.mark.parametrize(
    ("mode", "env", "runs"),
    [("embedded", "development", True), ("embedded", "test", False), ("hosted", "development", False)],
)
def test_they_live_in_an_embedded_development_home_alone(monkeypatch, mode, env, runs):
    monkeypatch.setenv("PAYA_MODE", mode)
    monkeypatch.setenv("PAYA_ENV", env)
    monkeypatch.setenv("PAYA_DEMO", "1")
    assert Settings().runs_demo is runs
