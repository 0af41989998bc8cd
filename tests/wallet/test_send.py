import asyncio
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from paya_app import risk, wallet
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import (
    AmountInvalid,
    AudienceInvalid,
    InsufficientFunds,
    KeyReused,
    LimitExceeded,
    NoteInvalid,
    PayaError,
    PersonNotFound,
    SelfPayment,
    SignedOut,
)
from paya_app.core.ids import new_id

pytestmark = pytest.mark.usefixtures("database")


async def pay(actor, to, cents, *, payment_id=None, note="tacos", audience: Any = "private"):
    return await wallet.send(
        actor, payment_id=payment_id or new_id(), to=to, amount_cents=cents, note=note, audience=audience
    )


async def test_money_arrives_and_both_see_the_payment(people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob")
    sent = await pay(ann, "@bob", 1234, note="tacos, round two")
    assert (sent.direction, sent.counterparty.handle, sent.amount_cents) == ("sent", "bob", 1234)
    assert (await wallet.balance(ann)).available_cents == 3766
    assert (await wallet.balance(bob)).available_cents == 1234
    received = await wallet.payment(bob, sent.id)
    assert received is not None
    assert (received.direction, received.counterparty.handle, received.note) == ("received", "ann", "tacos, round two")


async def test_the_same_id_twice_is_one_payment(people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob")
    once, again = new_id(), None
    first = await pay(ann, "bob", 1000, payment_id=once)
    again = await pay(ann, "bob", 1000, payment_id=once)
    assert first.id == again.id
    assert (await wallet.balance(bob)).available_cents == 1000


async def test_sixty_at_once_with_one_id_are_one_payment(people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob")
    once = new_id()
    answers = await asyncio.gather(*[pay(ann, "bob", 700, payment_id=once) for _ in range(60)])
    assert {a.id for a in answers} == {once}
    assert (await wallet.balance(bob)).available_cents == 700


async def test_the_last_cent_is_sent_once_and_the_double_click_says_so_too(people):
    ann, _ = await people.join("ann", cents=700), await people.join("bob")
    once = new_id()
    answers = await asyncio.gather(*[pay(ann, "bob", 700, payment_id=once) for _ in range(10)])
    assert len(answers) == 10
    assert (await wallet.balance(ann)).available_cents == 0


@pytest.mark.parametrize("change", [{"cents": 1001}, {"note": "other"}, {"to": "cal"}, {"audience": "public"}])
async def test_an_id_used_for_something_else_is_refused(people, change):
    ann, _, _ = await people.join("ann", cents=5000), await people.join("bob"), await people.join("cal")
    once = new_id()
    await pay(ann, "bob", 1000, payment_id=once)
    with pytest.raises(KeyReused):
        await pay(ann, **{"to": "bob", "cents": 1000, **change}, payment_id=once)


async def test_a_replay_after_the_audience_changed_is_still_the_first_payment(people):
    ann, _ = await people.join("ann", cents=5000), await people.join("bob")
    once = new_id()
    first = await pay(ann, "bob", 1000, payment_id=once, audience="public")
    await wallet.set_audience(ann, first.id, "private")
    again = await pay(ann, "bob", 1000, payment_id=once, audience="public")
    assert (again.id, again.is_public) == (first.id, False)


async def test_somebody_elses_id_is_refused_and_shows_nothing(people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", cents=5000)
    cal = await people.join("cal")
    payment = await pay(ann, "bob", 1000)
    with pytest.raises(KeyReused):
        await pay(bob, "cal", 1000, payment_id=payment.id)
    assert await wallet.payment(cal, payment.id) is None


async def test_the_same_id_racing_between_other_people_is_paid_once(people):
    givers = [await people.join(f"giver{n}", cents=1000) for n in range(6)]
    for n in range(6):
        await people.join(f"taker{n}")
    once = new_id()
    answers = await asyncio.gather(
        *[pay(g, f"taker{n}", 500, payment_id=once) for n, g in enumerate(givers)], return_exceptions=True
    )
    assert sum(not isinstance(a, BaseException) for a in answers) == 1
    assert all(isinstance(a, KeyReused) for a in answers if isinstance(a, BaseException))


async def test_racing_sends_never_overdraw(people):
    ann, bob = await people.join("ann", cents=500), await people.join("bob")
    answers = await asyncio.gather(*[pay(ann, "bob", 100) for _ in range(9)], return_exceptions=True)
    assert sum(not isinstance(a, BaseException) for a in answers) == 5
    assert all(isinstance(a, InsufficientFunds) for a in answers if isinstance(a, BaseException))
    assert (await wallet.balance(bob)).available_cents == 500


async def test_the_hourly_limit_is_exact_under_a_race_and_opens_again(people, advance_clock):
    ann, _ = await people.join("ann", cents=50_000), await people.join("bob")
    answers = await asyncio.gather(*[pay(ann, "bob", 1) for _ in range(30)], return_exceptions=True)
    assert sum(not isinstance(a, BaseException) for a in answers) == 10
    refused = [a for a in answers if isinstance(a, BaseException)]
    assert all(isinstance(a, LimitExceeded) and a.facts["limit"] == "send_hour_count" for a in refused)
    limits = await risk.send_limits(ann)
    assert (limits.hour_used, limits.left) == (10, 0)
    assert limits.hour_resets_at is not None
    await advance_clock(hours=1, seconds=1)
    assert (await pay(ann, "bob", 1)).amount_cents == 1


async def test_the_daily_limit(people, advance_clock):
    ann, _ = await people.join("ann", cents=50_000), await people.join("bob")
    for _ in range(5):
        for _ in range(10):
            await pay(ann, "bob", 1)
        await advance_clock(hours=1, seconds=1)
    with pytest.raises(LimitExceeded) as refused:
        await pay(ann, "bob", 1)
    assert refused.value.facts["limit"] == "send_day_count"


async def test_there_and_back_at_once_does_not_deadlock(people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", cents=5000)
    answers = await asyncio.gather(*[pay(a, t, 10) for _ in range(10) for a, t in ((ann, "bob"), (bob, "ann"))])
    assert len(answers) == 20
    assert (await wallet.balance(ann)).available_cents == 5000


@pytest.mark.parametrize(
    ("order", "refusal"),
    [
        ({"cents": 5001}, InsufficientFunds),
        ({"cents": 100_001}, LimitExceeded),
        ({"cents": 0}, AmountInvalid),
        ({"cents": -1}, AmountInvalid),
        ({"cents": 10**30}, AmountInvalid),
        ({"cents": 1.5}, AmountInvalid),
        ({"cents": True}, AmountInvalid),
        ({"to": "nobody_at_all"}, PersonNotFound),
        ({"to": ""}, PersonNotFound),
        ({"to": "bob\x00"}, PersonNotFound),
        ({"to": "'; drop table public.payments; --"}, PersonNotFound),
        ({"to": "\u202ebob"}, PersonNotFound),
        ({"to": "x" * 10_000_000}, PersonNotFound),
        ({"to": "+15005550006000"}, PersonNotFound),
        ({"to": "ann"}, SelfPayment),
        ({"note": "x" * 281}, NoteInvalid),
        ({"note": "a\x00b"}, NoteInvalid),
        ({"audience": "everyone"}, AudienceInvalid),
    ],
)
async def test_bad_orders_are_refused_with_a_sentence_and_nothing_moves(people, order, refusal):
    ann, _ = await people.join("ann", cents=5000), await people.join("bob")
    with pytest.raises(refusal) as refused:
        await pay(ann, **{"to": "bob", "cents": 100, **order})
    assert refused.value.message
    assert (await wallet.balance(ann)).available_cents == 5000
    assert await wallet.payments(ann) == []


async def test_a_phone_number_reaches_its_person(people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", phone="12025550123")
    payment = await pay(ann, "(202) 555-0123", 100)
    assert payment.counterparty.handle == "bob"
    assert (await wallet.balance(bob)).available_cents == 100


async def test_guessing_phone_numbers_is_bounded(people):
    ann = await people.join("ann", cents=5000)
    for n in range(30):
        with pytest.raises(PersonNotFound):
            await pay(ann, f"(907) 555-01{n:02}", 100)
    with pytest.raises(LimitExceeded):
        await pay(ann, "(907) 555-0199", 100)


async def test_a_visitor_sends_nothing(people):
    await people.join("bob")
    with pytest.raises(SignedOut):
        await pay(Actor.visitor(), "bob", 100)


async def test_frozen_and_restricted_wallets(people, database):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", cents=5000)
    await database.rows("update ledger.account set state = 'restricted' where owner = %s", [bob.user_id])
    with pytest.raises(PayaError, match="Your account is restricted"):
        await pay(bob, "ann", 100)
    assert (await pay(ann, "bob", 100)).amount_cents == 100
    await database.rows("update ledger.account set state = 'frozen' where owner = %s", [bob.user_id])
    with pytest.raises(PayaError, match="Their wallet cannot"):
        await pay(ann, "bob", 100)


async def test_a_payment_writes_its_event_and_people_cannot_read_events(people, database):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob")
    payment = await pay(ann, "bob", 1234, audience="public")
    events = await database.rows(
        "select kind, actor, version, payload from events.event where subject = %s", [payment.id]
    )
    assert [(kind, actor, version) for kind, actor, version, _ in events] == [("payment.sent", ann.user_id, 1)]
    assert events[0][3]["amount_cents"] == 1234
    assert events[0][3]["recipient_id"] == str(bob.user_id)
    with pytest.raises(DBAPIError, match="permission denied"):
        await db.query(ann, "select * from events.event")


async def test_repeatable_read_is_refused(people, database):
    ann, _ = await people.join("ann", cents=5000), await people.join("bob")
    async with await database.connect() as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await connection.set_autocommit(False)
        with pytest.raises(psycopg.Error, match="isolation_unsupported"):
            await connection.execute(
                "select ledger.post(gen_random_uuid(), ledger.wallet_of(%s), 1, 5, 'x')", [ann.user_id]
            )


async def test_a_signed_in_role_cannot_forge_a_payment(people, database):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob")
    forged = "insert into public.payments (id, sender_id, recipient_id, note, sender_audience, created_at) "
    for sql in (
        forged + "values (gen_random_uuid(), :bob, :ann, 'x', 'public', now())",
        "update public.payments set note = 'x'",
        "select ledger.post(gen_random_uuid(), 1, 2, 5, 'x')",
        "select events.record('payment.sent', :ann, 1)",
        "select wallet.send_as('{}', gen_random_uuid(), 'bob', 1, '', 'public')",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            await db.query(
                ann, sql, {k: v for k, v in {"ann": ann.user_id, "bob": bob.user_id}.items() if f":{k}" in sql}
            )


@pytest.mark.parametrize(
    "change",
    [
        "recipient_id = sender_id",
        "note = repeat('x', 281)",
        "sender_audience = 'everybody'",
        "recipient_audience = ''",
        "is_public = false",
    ],
)
async def test_not_even_the_owner_makes_a_payment_malformed(people, database, change):
    ann, _ = await people.join("ann", cents=5000), await people.join("bob")
    payment = await pay(ann, "bob", 100, audience="public")
    with pytest.raises(psycopg.Error, match=r"payment_malformed|generated column"):
        await database.rows(f"update public.payments set {change} where id = %s", [payment.id])


@pytest.mark.parametrize("name", ["send_hour_count", "send_day_count", "send_day_recipients_count"])
async def test_a_limit_of_none_refuses_the_first(people, database, name):
    ann, _ = await people.join("ann", cents=5000), await people.join("bob")
    await database.rows("insert into risk.limit_value (name, value_max, reason) values (%s, 0, 'a test')", [name])
    with pytest.raises(LimitExceeded) as refused:
        await pay(ann, "bob", 100)
    assert (refused.value.facts["limit"], refused.value.facts["max"]) == (name, 0)


async def test_without_limits_nothing_is_paid(people, database):
    ann, _ = await people.join("ann", cents=5000), await people.join("bob")
    await database.rows("update risk.limit_in_force set maxima = maxima - 'send_day_count'")
    with pytest.raises(PayaError, match="cannot look up its limits") as refused:
        await pay(ann, "bob", 100)
    assert refused.value.code == "limits_unknown"
    assert (await wallet.balance(ann)).available_cents == 5000


async def test_a_changed_limit_is_an_event_with_before_and_after(database):
    await database.rows(
        "insert into risk.limit_value (name, value_max, reason) values ('send_hour_count', 7, 'a quiet week')"
    )
    payload = await database.value(
        "select payload from events.event where kind = 'limit.changed' order by id desc limit 1"
    )
    assert payload == {"name": "send_hour_count", "before": 10, "after": 7, "reason": "a quiet week"}


async def test_a_double_click_on_the_last_payment_of_the_hour_is_paid_and_both_hear_so(people):
    ann, _ = await people.join("ann", cents=5000), await people.join("bob")
    for _ in range(9):
        await pay(ann, "bob", 1)
    once = new_id()
    answers = await asyncio.gather(*[pay(ann, "bob", 1, payment_id=once) for _ in range(20)])
    assert {a.id for a in answers} == {once}
