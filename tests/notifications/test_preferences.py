"""Who chooses what: one's own alone, with an event for each change, in SQL as well as in Python."""

import os

import psycopg
import pytest

from paya_app import notifications
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.errors import SignedOut, TooManyTries
from paya_app.core.ids import new_id
from paya_app.notifications import CHANNELS, KINDS, EmailInvalid, NoticeUnknown
from tests.notifications.told import ADDRESS, bought, confirm, deliveries, tell
from tests.savings.buys import a_plan
from tests.support.signing_in import served


@pytest.fixture
async def as_role(database):
    """Runs a statement as a role with an actor's claims."""

    async def run(actor, statement, params=(), role="authenticated"):
        async with await database.connect("paya_app") as connection:
            await connection.execute(
                "select set_config('role', %s, false), set_config('request.jwt.claims', %s, false)",
                (role, actor.claims_json),
            )
            return await (await connection.execute(statement.encode(), params)).fetchall()

    return run


async def changes(database):
    return [
        (kind, version)
        for kind, version in await database.rows(
            "select kind::text, version from events.event where kind like 'notices.%' order by id"
        )
    ]


TEXTED = {(kind, "sms") for kind in ("buy.failed", "plan.paused", "withdrawal.failed")}
BY_MAIL_AND_PUSH = {(each.kind, channel) for each in KINDS[1:] for channel in ("email", "push")}


async def test_until_something_is_chosen_mail_and_push_tell_all_but_reminders_and_texts_what_needs_somebody(people):
    ann = await people.join("ann")
    assert (await notifications.my_settings(ann)).wanted == BY_MAIL_AND_PUSH | TEXTED


async def test_nobody_is_texted_unasked_who_can_be_reached_otherwise(database, people, mails):
    ann, bob, cas = [await people.join(name) for name in ("ann", "bob", "cas")]
    await confirm(database, mails, ann)
    await database.rows(
        "insert into notifications.device (person, endpoint, public_key, auth_secret, name, created_at)"
        " values (%s, 'https://push.example/1', repeat('a', 87), repeat('b', 22), 'A phone', now())",
        (bob.user_id,),
    )
    for reached in (ann, bob):
        assert (await notifications.my_settings(reached)).wanted == BY_MAIL_AND_PUSH
    await notifications.choose(cas, kind="plan.paused", channel="sms", is_wanted=False)
    assert (await notifications.my_settings(cas)).wanted == BY_MAIL_AND_PUSH | TEXTED - {("plan.paused", "sms")}
    await notifications.remove_email(ann)
    assert (await notifications.my_settings(ann)).wanted == BY_MAIL_AND_PUSH | TEXTED


async def test_a_plan_that_stops_is_told_by_text_to_who_set_up_nothing(database, people):
    async with served(database):
        ann = await people.join("ann")
        plan_id = await a_plan(database, ann)
        await database.rows("select savings.pause_for(%s, 'insufficient_funds')", (plan_id,))
        await tell(database)
        assert ("plan.paused", "sms", "sent", None) in await deliveries(database)


async def test_each_choice_is_kept_once_with_its_event(database, people):
    ann = await people.join("ann")
    before = (await notifications.my_settings(ann)).wanted
    for _ in range(2):
        await notifications.choose(ann, kind="buy.bought", channel="sms", is_wanted=True)
    assert (await notifications.my_settings(ann)).wanted - before == {("buy.bought", "sms")}
    await notifications.choose(ann, kind="buy.bought", channel="sms", is_wanted=False)
    assert (await notifications.my_settings(ann)).wanted == before
    assert await changes(database) == [("notices.preference_changed", 1), ("notices.preference_changed", 2)]


@pytest.mark.parametrize(
    ("kind", "channel"),
    [
        ("buy.bought", "fax"),
        ("payment.sent", "email"),
        ("", ""),
        ("notices.email_asked", "email"),
        ("x\x00", "sms"),
        ("\ud800", "sms"),
    ],
)
async def test_what_cannot_be_chosen_is_refused(people, kind, channel):
    ann = await people.join("ann")
    with pytest.raises(NoticeUnknown):
        await notifications.choose(ann, kind=kind, channel=channel, is_wanted=True)


BAD_ADDRESSES = (
    "", " ", "ann", "ann@", "@example.com", "ann@example", "ann@@example.com", "ann@exa mple.com",
    "a" * 65 + "@example.com",
    "ann@example.com\nBcc: eve@example.com", "ann@example.com,eve@example.com", "Ann <ann@example.com>", "ann@-x.com",
    "ann@example..com", "änn@example.com", "ann@" + "x" * 260 + ".com", "ann@example.com\x00", "ann@[127.0.0.1]",
)  # fmt: skip


@pytest.mark.parametrize("address", BAD_ADDRESSES)
async def test_what_is_no_address_is_refused(database, people, address):
    ann = await people.join("ann")
    with pytest.raises(EmailInvalid):
        await notifications.ask_email(ann, address)
    assert await changes(database) == []


async def test_five_links_an_hour_and_no_address_in_any_event(database, people):
    ann = await people.join("ann")
    for number in range(5):
        await notifications.ask_email(ann, f"ann{number}@example.com")
    with pytest.raises(TooManyTries):
        await notifications.ask_email(ann, "once-more@example.com")
    await notifications.remove_email(ann)
    assert "example.com" not in str(await database.rows("select payload from events.event"))


async def test_an_address_that_was_removed_is_written_to_no_more(database, people, mails):
    ann = await people.join("ann", cents=50_000)
    await confirm(database, mails, ann)
    for _ in range(2):
        await notifications.remove_email(ann)
    await bought(database, ann)
    await tell(database)
    assert len(await mails.to(ADDRESS)) == 1


async def test_nobody_reads_or_changes_anothers(database, people, mails, as_role):
    ann, eve = await people.join("ann", cents=50_000), await people.join("eve")
    await confirm(database, mails, ann)
    await bought(database, ann)
    await tell(database)
    assert await notifications.history(eve) == []
    assert (await notifications.my_settings(eve)).email is None
    for table in ("setting", "preference", "device", "delivery", "reminder", "kind"):
        for verb in ("select * from", "delete from", "truncate"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await as_role(eve, f"{verb} notifications.{table}")
    for call in (
        f"confirm_email('{eve.user_id}', 'x@example.com')",
        f"unsubscribe('{ann.user_id}', 'buy.bought', 'email')",
        "follow(1)",
        "remind(1)",
        f"open('{new_id()}')",
        f"begin_sending('{new_id()}')",
        f"note('{ann.user_id}', 'notices.x', '{{}}')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await as_role(eve, f"select notifications.{call}")
    nobody = Actor("authenticated", claims={"role": "authenticated"})
    for call in ("my_settings()", "choose('buy.bought', 'sms', true)", "remove_email()", "ask_email('x@example.com')"):
        with pytest.raises(psycopg.Error, match="signed_out"):
            await as_role(nobody, f"select notifications.{call}")
    for call in ("my_settings()", "my_notices(null, 10)"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await as_role(Actor.visitor(), f"select notifications.{call}", role="anon")
    with pytest.raises(SignedOut):
        await notifications.my_settings(nobody)


async def test_a_text_goes_to_the_number_that_is_signed_in_with_once(database, people):
    async with served(database) as parts:
        ann = await people.join("ann", cents=50_000)
        phone = await database.value("select '+' || phone from auth.users where id = %s", (ann.user_id,))
        await notifications.choose(ann, kind="buy.bought", channel="sms", is_wanted=True)
        await bought(database, ann)
        for _ in range(2):
            await tell(database)
        answer = await parts.browser.get("/local/phone/messages", params={"to": phone})
        (text,) = answer.json()["messages"]
        assert text["body"].startswith("PaYa: Your plan “Some” bought 0.00019000 BTC")
        assert len(text["body"]) < 320
        assert await deliveries(database) == [("buy.bought", "sms", "sent", None)]


async def test_a_buy_that_is_near_is_announced_once_to_who_wishes_it(database, people, mails, advance_clock):
    ann, bob = await people.join("ann", cents=50_000), await people.join("bob", cents=50_000)
    await confirm(database, mails, ann)
    await notifications.choose(ann, kind="reminder.came", channel="email", is_wanted=True)
    await notifications.set_hours(ann, quiet=None, zone="UTC", remind_hours=3)
    for who in (ann, bob):
        plan_id = await a_plan(database, who)
        await database.rows(
            "insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)"
            " values (%s, %s, private.now() + interval '5 hours', 2000, private.now())",
            (plan_id, who.user_id),
        )
    await tell(database)
    assert len(await mails.to(ADDRESS)) == 1
    await advance_clock(hours=2.5)
    for _ in range(3):
        await notifications.follow()
        await tell(database)
    newest = (await mails.to(ADDRESS))[0]
    assert newest.subject == "Coming up: a buy of $20.00"
    assert "Nothing has been taken yet." in newest.body
    assert len(await mails.to(ADDRESS)) == 2


async def test_a_reminder_that_comes_too_late_does_not_come(database, people, mails, advance_clock):
    ann = await people.join("ann", cents=50_000)
    await confirm(database, mails, ann)
    await notifications.choose(ann, kind="reminder.came", channel="email", is_wanted=True)
    plan_id = await a_plan(database, ann)
    await database.rows(
        "insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)"
        " values (%s, %s, private.now() + interval '5 hours', 2000, private.now())",
        (plan_id, ann.user_id),
    )
    await notifications.follow()
    await advance_clock(hours=6)
    await tell(database)
    assert (await deliveries(database))[-1] == ("reminder.came", "email", "dropped", "too_late")


async def test_a_mail_server_that_is_back_gets_what_waited_and_unknown_is_not_repeated(
    database, people, mails, monkeypatch
):
    ann = await people.join("ann", cents=50_000)
    await confirm(database, mails, ann)
    well = settings().smtp_url
    monkeypatch.setitem(os.environ, "SMTP_URL", "smtp://127.0.0.1:1")
    settings.cache_clear()
    await bought(database, ann)
    with pytest.raises(Exception, match="unreachable"):
        await tell(database)
    assert (await deliveries(database))[-1][2] == "waiting"
    monkeypatch.setitem(os.environ, "SMTP_URL", well)
    settings.cache_clear()
    delivery_id = await database.value("select id from notifications.delivery where state = 'waiting'")
    for _ in range(2):
        await notifications.deliver(delivery_id)
    assert len(await mails.to(ADDRESS)) == 2


def test_the_channels_are_three():
    assert set(CHANNELS) == {"email", "sms", "push"}
