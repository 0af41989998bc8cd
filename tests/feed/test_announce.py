"""What watchers are told: public payments as they are now, hints for those concerned, and nothing private."""

import asyncio
import json

import pytest

from paya_app import wallet
from paya_app.core.ids import new_id


async def relay(database):
    await database.value("select events.advance()", role="paya_worker")
    return await database.value("select feed.announce(100)", role="paya_worker")


async def heard(database):
    """What was sent since last asked: (topic, event, payload) in order."""
    rows = await database.rows(
        "with gone as (delete from realtime._outbox returning *) select body from gone order by seq"
    )
    said = [body for (body,) in rows if body["extension"] == "broadcast"]
    assert all(body["private"] for body in said)
    return [(body["topic"], body["event"], {k: v for k, v in body["payload"].items() if k != "id"}) for body in said]


async def on_feed(database):
    return [payload for topic, _, payload in await heard(database) if topic == "feed"]


@pytest.fixture
async def two(people, database):
    two = await people.join("ann", cents=10_000, name="Ann Lee"), await people.join("bob", name="Bob Ray")
    await relay(database)
    await heard(database)
    return two


async def pay(ann, audience: wallet.Audience = "public", note="tacos"):
    return await wallet.send(ann, payment_id=new_id(), to="bob", amount_cents=1234, note=note, audience=audience)


async def test_a_batch_is_one_message_without_amounts(database, two):
    ann, bob = two
    payments = [await pay(ann, note=f"taco {n}") for n in range(3)]
    assert await relay(database) == 3
    said = await heard(database)
    assert sorted(topic for topic, _, _ in said) == sorted(["feed", f"user:{ann.user_id}", f"user:{bob.user_id}"])
    _, event, payload = next(m for m in said if m[0] == "feed")
    assert (event, payload["hidden"]) == ("payments", [])
    assert [row["id"] for row in payload["shown"]] == [str(p.id) for p in payments]
    assert payload["shown"][0] == {
        "id": str(payments[0].id),
        "version": 1,
        "at": payload["shown"][0]["at"],
        "note": "taco 0",
        "sender": {"handle": "ann", "name": "Ann Lee", "demo": False},
        "recipient": {"handle": "bob", "name": "Bob Ray", "demo": False},
    }
    assert "1234" not in json.dumps([m[2] for m in said]).replace(str(payments[0].id), "")
    assert all(payload == {"kinds": ["payment.sent"]} for _, event, payload in said if event == "changed")


async def test_a_private_payment_is_a_hint_to_the_two_and_nothing_else(database, two):
    ann, bob = two
    await pay(ann, audience="private")
    await relay(database)
    assert sorted(topic for topic, _, _ in await heard(database)) == sorted(
        [f"user:{ann.user_id}", f"user:{bob.user_id}"]
    )


async def test_hiding_withdraws_it_aloud_and_showing_again_brings_it_back(database, two):
    ann, _ = two
    payment = await pay(ann)
    await relay(database)
    await heard(database)
    await wallet.set_audience(ann, payment.id, "private")
    await relay(database)
    assert await on_feed(database) == [{"shown": [], "hidden": [{"id": str(payment.id), "version": 2}]}]
    await wallet.set_audience(ann, payment.id, "public")
    await relay(database)
    (message,) = await on_feed(database)
    assert [(row["id"], row["version"]) for row in message["shown"]] == [(str(payment.id), 3)]


async def test_a_payment_hidden_before_the_relay_saw_it_is_never_shown(database, two):
    ann, bob = two
    payment = await pay(ann, note="not for you")
    await wallet.set_audience(bob, payment.id, "private")
    await relay(database)
    assert await on_feed(database) == [{"shown": [], "hidden": [{"id": str(payment.id), "version": 2}]}]


async def test_that_a_private_payment_exists_is_never_said(database, two):
    ann, bob = two
    payment = await pay(ann, audience="private")
    await wallet.set_audience(bob, payment.id, "private")
    await wallet.set_audience(ann, payment.id, "public")
    await relay(database)
    assert await on_feed(database) == []


async def test_two_relays_at_once_say_each_thing_once(database, two):
    ann, _ = two
    payments = [await pay(ann) for _ in range(8)]
    await asyncio.gather(*(relay(database) for _ in range(6)))
    await relay(database)
    said = [row["id"] for payload in await on_feed(database) for row in payload["shown"]]
    assert sorted(said) == sorted(str(p.id) for p in payments)


async def test_a_crash_between_reading_and_sending_loses_and_repeats_nothing(database, two):
    ann, _ = two
    payment = await pay(ann)
    await database.value("select events.advance()", role="paya_worker")
    async with await database.connect("paya_worker") as dying:
        await dying.execute("begin")
        cursor = await dying.execute("select feed.announce(100)")
        assert await cursor.fetchone() == (1,)
        await dying.close()
    assert await on_feed(database) == []
    assert await relay(database) == 1
    assert [row["id"] for payload in await on_feed(database) for row in payload["shown"]] == [str(payment.id)]
    assert await relay(database) == 0


async def test_other_events_say_nothing(database, people):
    await people.join("cal")
    await relay(database)
    assert await heard(database) == []


async def test_what_names_its_owner_is_a_hint_to_them(database, two):
    ann, _ = two
    await database.rows(
        "select events.record('load.settled', gen_random_uuid(), 1, jsonb_build_object('owner_id', %s::uuid))",
        (ann.user_id,),
    )
    await relay(database)
    assert await heard(database) == [(f"user:{ann.user_id}", "changed", {"kinds": ["load.settled"]})]
