"""From an event to a mail: who is told, of what, and that it is told once."""

import asyncio

import pytest

from paya_app import notifications, savings
from paya_app.core.ids import new_id
from paya_app.notifications import LinkInvalid
from tests.notifications.told import ADDRESS, bought, confirm, deliveries, tell, token_in, waiting
from tests.savings.buys import a_due_buy, a_plan, order_due
from tests.savings.made import make


async def test_a_bought_buy_becomes_a_mail_with_a_link_that_ends_them(database, people, mails):
    ann = await people.join("ann", cents=50_000)
    await confirm(database, mails, ann)
    plan_id = await bought(database, ann)
    await tell(database)
    newest, first = await mails.to(ADDRESS)
    assert first.subject == "Confirm your e-mail address for PaYa"
    assert "list-unsubscribe" not in first.headers
    assert newest.subject.startswith("Bought: ")
    assert "The bitcoin is in your PaYa account." in newest.body
    assert f"/save/{plan_id}/" in newest.body
    assert newest.headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert newest.headers["list-unsubscribe"].strip("<>") in newest.body
    assert await deliveries(database) == [
        ("notices.email_asked", "email", "sent", None),
        ("buy.bought", "email", "sent", None),
    ]
    told = await database.rows("select kind::text, payload ->> 'channel' from events.event where kind like 'notice.%'")
    assert told == [("notice.sent", "email")] * 2
    history = await notifications.history(ann)
    assert [(line.kind, line.channel, line.state) for line in history] == [
        ("buy.bought", "email", "sent"),
        ("notices.email_asked", "email", "sent"),
    ]
    assert history[0].subject == newest.subject


async def test_nobody_is_written_to_before_the_link_was_opened(database, people, mails):
    ann = await people.join("ann", cents=50_000)
    await notifications.ask_email(ann, ADDRESS)
    await bought(database, ann)
    await tell(database)
    assert [mail.subject for mail in await mails.to(ADDRESS)] == ["Confirm your e-mail address for PaYa"]


async def test_a_link_confirms_its_own_address_alone_and_for_three_days(database, people, mails, advance_clock):
    ann = await people.join("ann")
    for address in (ADDRESS, "new@example.com"):
        await notifications.ask_email(ann, address)
        await tell(database)
    token = token_in((await mails.to(ADDRESS))[0], "confirm")
    with pytest.raises(LinkInvalid):
        await notifications.confirm_email(token)
    new = token_in((await mails.to("new@example.com"))[0], "confirm")
    assert await notifications.confirm_email(new) == await notifications.confirm_email(new) == "new@example.com"
    assert (await notifications.my_settings(ann)).email == "new@example.com"
    await advance_clock(days=4)
    with pytest.raises(LinkInvalid):
        await notifications.confirm_email(new)
    for damaged in ("", "x", new[:-2] + "AA", new + "é", "A" * 5000):
        with pytest.raises(LinkInvalid):
            await notifications.confirm_email(damaged)
        with pytest.raises(LinkInvalid):
            await notifications.unsubscribe(damaged)


async def test_two_followers_at_once_and_everything_again_tell_once(database, people, mails):
    ann = await people.join("ann", cents=50_000)
    await confirm(database, mails, ann)
    await bought(database, ann)
    await database.rows("select events.advance()")
    await asyncio.gather(*(notifications.follow() for _ in range(4)))
    (delivery_id,) = await waiting(database)
    await asyncio.gather(*(notifications.deliver(delivery_id) for _ in range(6)))
    # the mark of the follower is lost, as after a copy was restored: the rows are there all the same
    await database.rows("update events.mark set position = 0 where consumer = 'notifications'")
    await tell(database)
    assert len(await mails.to(ADDRESS)) == 2


async def test_who_dies_after_the_mark_leaves_it_untold_and_never_told_twice(database, people, mails, advance_clock):
    ann = await people.join("ann", cents=50_000)
    await confirm(database, mails, ann)
    await bought(database, ann)
    await database.rows("select events.advance()")
    await notifications.follow()
    (delivery_id,) = await waiting(database)
    assert await database.value("select notifications.begin_sending(%s)", (delivery_id,))
    await notifications.deliver(delivery_id)
    assert (await deliveries(database))[-1][2] == "sending"
    await advance_clock(minutes=11)
    await notifications.follow()
    assert (await deliveries(database))[-1] == ("buy.bought", "email", "unknown", "lost")
    assert await database.value("select count(*) from events.event where kind = 'notice.unknown'") == 1
    await notifications.deliver(delivery_id)
    assert len(await mails.to(ADDRESS)) == 1


async def test_one_click_ends_that_kind_by_mail_and_nothing_else(database, people, mails):
    ann = await people.join("ann", cents=50_000)
    await confirm(database, mails, ann)
    await bought(database, ann)
    await tell(database)
    token = token_in((await mails.to(ADDRESS))[0], "unsubscribe")
    before = (await notifications.my_settings(ann)).wanted
    for _ in range(2):
        assert await notifications.unsubscribe(token) == ("buy.bought", "email")
    assert before - (await notifications.my_settings(ann)).wanted == {("buy.bought", "email")}
    await bought(database, ann)
    await tell(database)
    assert len(await mails.to(ADDRESS)) == 2
    changes = await database.rows("select actor, payload from events.event where kind = 'notices.preference_changed'")
    assert [(actor, payload["by"], payload["after"]) for actor, payload in changes] == [(None, "link", False)]


async def test_what_was_unsubscribed_before_it_left_does_not_leave(database, people, mails):
    ann = await people.join("ann", cents=50_000)
    await confirm(database, mails, ann)
    await bought(database, ann)
    await database.rows("select events.advance()")
    await notifications.follow()
    await notifications.choose(ann, kind="buy.bought", channel="email", is_wanted=False)
    (delivery_id,) = await waiting(database)
    await notifications.deliver(delivery_id)
    assert (await deliveries(database))[-1] == ("buy.bought", "email", "dropped", "not_wanted")


async def test_an_address_that_does_not_exist_is_said_in_the_history(database, people, mails):
    ann = await people.join("ann")
    await notifications.ask_email(ann, "nobody@example.invalid")
    await tell(database)
    assert await deliveries(database) == [("notices.email_asked", "email", "refused", "550")]


async def test_of_two_addresses_asked_for_at_once_the_last_gets_one_mail(database, people, mails):
    ann = await people.join("ann")
    for address in (ADDRESS, "new@example.com"):
        await notifications.ask_email(ann, address)
    await tell(database)
    assert [len(await mails.to(address)) for address in (ADDRESS, "new@example.com")] == [0, 1]
    assert [(state, reason) for _, _, state, reason in await deliveries(database)] == [
        ("dropped", "too_late"),
        ("sent", None),
    ]


async def test_a_buy_that_waits_for_money_is_told_of_when_it_begins_to(database, people, mails, advance_clock):
    ann = await people.join("ann", cents=0)
    await confirm(database, mails, ann)
    await a_due_buy(database, await a_plan(database, ann, on_shortfall="retry"))
    for _ in range(3):
        await order_due(database)
        await tell(database)
        await advance_clock(hours=1, minutes=1)
    assert await database.value("select count(*) from events.event where kind = 'buy.waits'") == 3
    newest, _ = await mails.to(ADDRESS)
    assert newest.subject == "Waiting for money: a buy of $20.00"


async def test_whoever_skipped_a_buy_is_not_told_so(database, people, mails):
    ann = await people.join("ann", cents=50_000)
    await confirm(database, mails, ann)
    plan = await make(ann)
    await savings.skip_next(ann, plan.id, key=new_id())
    await savings.end(ann, plan.id, key=new_id())
    await tell(database)
    newest, _ = await mails.to(ADDRESS)
    assert newest.subject.startswith("Ended: ")
    assert "You ended it." in newest.body
