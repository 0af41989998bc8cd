"""What is kept for how long is data; what must stay stays, whatever the data says."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.jobs.test_queue import drain, queue
from tests.savings.made import make

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "retention.md"
RULES = (
    "select name, what, kept, counted_from, removed_by, why, source from retention.rule order by kept nulls first, name"
)
SESSION = (
    "insert into identity.web_session (id, secret_hash, user_id, access_token, refresh_token, access_expires_at,"
    " expires_at, ended_at, ended_why) values (%s, %s, %s, '', '', now(), now(), %s, %s)"
)
NOTICE = (
    "insert into notifications.delivery (event_id, channel, person, kind, state, created_at, due_at, ended_at)"
    " select e.id, 'sms', %s, e.kind, %s, private.now(), private.now(), %s from events.event e order by e.id limit 1"
)
LEFT = {
    "notices": "select count(*) from notifications.delivery",
    "reminders": "select count(*) from notifications.reminder",
    "sessions": "select count(*) from identity.web_session",
    "vendor_notices": "select count(*) from banking.vendor_event",
}


def in_words(kept: timedelta | None) -> str:
    if kept is None:
        return "for good"
    count, unit = (kept.days, "day") if kept.days else (kept.seconds // 3600, "hour")
    return f"{count} {unit}{'s' if count != 1 else ''}"


def table(rows) -> str:
    lines = ["| | what | kept | from | removed by | why | source |", "|---|---|---|---|---|---|---|"]
    for name, what, kept, counted_from, removed_by, why, source in rows:
        by = f"`{removed_by}`" if removed_by != "nobody" else "nobody"
        lines.append(f"| `{name}` | {what} | {in_words(kept)} | {counted_from} | {by} | {why} | {source} |")
    return "\n".join(lines)


async def tidied(database) -> dict[str, int]:
    await database.rows("select jobs.enqueue('upkeep', 'tidy', '{}')")
    await drain(queue())
    assert await database.rows("select task from jobs.dead_letters(10)") == []
    return {name: await database.value(count) for name, count in LEFT.items()}


async def test_the_page_says_what_the_rules_say(database):
    assert table(await database.rows(RULES)) in PAGE.read_text()


async def test_all_that_savings_keep_is_spoken_of(database):
    # a table that is new belongs to a rule, or wants one of its own
    rule_of = {
        "plan": "plans",
        "plan_change": "plans",
        "buy": "plans",
        "exchange_order": "orders",
        "exchange_carry": "orders",
        "price": "prices",
        "candle": "prices",
        "withdrawal": "withdrawals",
        "withdrawal_address": "withdrawals",
    }
    tables = await database.rows("select tablename::text from pg_tables where schemaname = 'savings'")
    assert {name for (name,) in tables} == set(rule_of)
    rules = {name for (name,) in await database.rows("select name from retention.rule")}
    assert set(rule_of.values()) <= rules


async def test_what_is_over_for_long_enough_goes_and_nothing_sooner(database, people, advance_clock):
    ann = await people.join("ann", cents=1000)
    plan = await make(ann)
    await database.rows("delete from auth.sessions where user_id = %s", (ann.user_id,))
    ended = await database.value("select private.now()")
    for at, why in ((ended, "signed_out"), (None, None)):
        await database.rows(SESSION, (uuid4(), uuid4().bytes * 2, ann.user_id, at, why))
    await database.rows(NOTICE, (ann.user_id, "sent", ended))
    await database.rows(
        "insert into notifications.reminder (buy_id, at) values (%s, private.now())", (plan.next_buys[0].id,)
    )
    await database.rows(
        "insert into banking.vendor_event (id, topic, resource_id, received_at) values ('a', 't', 'r', private.now())"
    )
    assert await tidied(database) == {"notices": 1, "reminders": 1, "sessions": 2, "vendor_notices": 1}
    await advance_clock(days=29)
    assert await tidied(database) == {"notices": 1, "reminders": 1, "sessions": 2, "vendor_notices": 1}
    await advance_clock(days=3)
    assert await tidied(database) == {"notices": 1, "reminders": 0, "sessions": 2, "vendor_notices": 1}
    await advance_clock(days=59)
    assert await tidied(database) == {"notices": 1, "reminders": 0, "sessions": 1, "vendor_notices": 0}
    await advance_clock(days=310)
    assert await tidied(database) == {"notices": 0, "reminders": 0, "sessions": 1, "vendor_notices": 0}


async def test_what_is_not_over_stays(database, people, advance_clock):
    ann = await people.join("ann")
    await make(ann)
    await database.rows(NOTICE, (ann.user_id, "waiting", None))
    # signed out here, but Auth still has the session: ours is what says that it is over
    session = await database.value("select id from auth.sessions where user_id = %s", (ann.user_id,))
    await database.rows(SESSION, (session, b"x" * 32, ann.user_id, await database.value("select now()"), "signed_out"))
    await advance_clock(days=5000)
    left = await tidied(database)
    assert (left["notices"], left["sessions"]) == (1, 1)


async def test_a_period_is_changed_by_its_row(database, people, advance_clock):
    ann = await people.join("ann")
    await make(ann)
    await database.rows(NOTICE, (ann.user_id, "sent", await database.value("select private.now()")))
    await database.rows("update retention.rule set kept = '2 days' where name = 'notices'")
    await advance_clock(days=3)
    assert (await tidied(database))["notices"] == 0


async def test_money_and_events_never_go_whatever_the_rules_say(database, people, advance_clock):
    ann = await people.join("ann", cents=1000)
    await make(ann)
    await database.rows("update retention.rule set kept = '1 hour', removed_by = 'sweep' where kept is null")
    counts = "select (select count(*) from ledger.transfer), (select count(*) from events.event)"
    before = await database.rows(counts)
    await advance_clock(days=5000)
    await tidied(database)
    assert await database.rows(counts) == before
    for name in ("ledger.transfer", "ledger.entry", "events.event", "savings.plan", "savings.buy"):
        with pytest.raises(psycopg.Error, match="append_only"):
            await database.rows(f"delete from {name}")
    assert await database.value("select count(*) from savings.plan where id is not null") == 1


async def test_many_go_in_one_turn(database, people, advance_clock):
    await people.join("ann")
    await database.rows(
        "insert into banking.vendor_event (id, topic, resource_id, received_at)"
        " select n::text, 't', 'r', private.now() from generate_series(1, 2500) n"
    )
    await advance_clock(days=91)
    assert (await tidied(database))["vendor_notices"] == 0
