"""Of one charge the earlier comes first, whatever happens; of several none waits for another; none is overlooked."""

import asyncio
import json
import random
from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

from psycopg.types.json import Jsonb
from standardwebhooks import WebhookVerificationError

from jobs import webhooks as worker_of_webhooks
from paya_app import webhooks
from paya_app.core.errors import ServiceUnavailable
from paya_app.webhooks import Chaos, WebhookEndpointDisabled, sending
from tests.support.waiting import until
from tests.webhooks.receiving import DELAYS_S, HAPPEN, send

STORY = ("payment.authorized", "payment.captured", "payment.settled")


def told(receiver) -> list[tuple[str, str]]:
    return [(json.loads(came.body)["data"]["id"], json.loads(came.body)["type"]) for came in receiver.came]


async def test_a_failure_holds_up_its_own_charge_and_no_other(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    bad, good = uuid4(), uuid4()
    for version, kind in enumerate(STORY, start=1):
        await sandbox.happen(kind, charge=bad, version=version)
        await sandbox.happen(kind, charge=good, version=version)
    receiver.answer = lambda came: 500 if str(bad) in came.body.decode() else 200
    await send()
    assert told(receiver).count((str(bad), STORY[0])) == 1
    assert [kind for charge, kind in told(receiver) if charge == str(good)] == list(STORY)
    assert Counter(await sandbox.states()) == {"accepted": 3, "waiting": 1, "behind": 2}
    # the second comes once the first was accepted, and at once then
    receiver.answer = lambda _: 200
    await sandbox.move(seconds=6)
    await send()
    assert [kind for charge, kind in told(receiver) if charge == str(bad)] == [STORY[0], *STORY]


async def test_what_is_given_up_lets_the_next_go(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    charge = await sandbox.happen(STORY[0])
    await sandbox.happen(STORY[1], charge=charge, version=2)
    receiver.answer = lambda came: 500 if STORY[0] in came.body.decode() else 200
    for delay_s in (*DELAYS_S, 0):
        await send()
        await sandbox.move(seconds=delay_s * 1.1 + 0.1)
    assert await sandbox.states() == ["given_up", "accepted"]
    assert [kind for _, kind in told(receiver)] == [STORY[0]] * 10 + [STORY[1]]
    # the endpoint accepted something since: it is not taken for dead
    assert [each.state for each in await webhooks.list_endpoints(sandbox.account_id)] == ["enabled"]


async def test_the_order_is_by_version_when_transactions_overtake_each_other(sandbox, receiver):
    """The one that began first commits last: its id is lower, its version higher."""
    await sandbox.endpoint(receiver.url)
    charge = uuid4()

    def event(version: int):
        data = Jsonb({"id": str(charge)})
        return (
            uuid4(), sandbox.account_id, STORY[version - 1], charge, version, sandbox.account_id, data,
        )  # fmt: skip

    async with await sandbox.database.connect() as early:
        async with early.transaction():
            await early.execute("select pg_current_xact_id()")
            await sandbox.database.rows(HAPPEN, event(1))
            await early.execute(HAPPEN.encode(), event(2))
            await sandbox.happen()  # another's
        await send()
    assert [kind for each, kind in told(receiver) if each == str(charge)] == [STORY[0], STORY[1]]


async def test_an_event_of_a_long_transaction_is_not_overlooked(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    async with await sandbox.database.connect() as slow:
        async with slow.transaction():
            charge = uuid4()
            data = Jsonb({"id": str(charge)})
            await slow.execute(
                HAPPEN.encode(), (uuid4(), sandbox.account_id, STORY[0], charge, 1, sandbox.account_id, data)
            )
            others = [await sandbox.happen() for _ in range(3)]
            assert await send() == 3
            await sandbox.happen()
            assert await send() == 1
        assert await send() == 1
    assert told(receiver)[-1] == (str(charge), STORY[0])
    assert len(others) == 3
    assert await send() == 0


async def test_a_restored_database_tells_what_was_not_told_yet_and_goes_on(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    first = await sandbox.happen()
    await send()
    second = await sandbox.happen()
    # ids of transactions that this database has not reached, as after a restore from a copy
    await sandbox.database.rows("alter table charges.event disable trigger event_is_append_only")
    await sandbox.database.rows("update charges.event set xid = (xid::text::bigint + 1000000)::text::xid8")
    await sandbox.database.rows("alter table charges.event enable trigger event_is_append_only")
    await sandbox.database.rows(
        "update webhooks.cursor set snapshot = (select format('%%s:%%s:', x, x) from ("
        " select xid::text::bigint as x from charges.event where object_id = %s) f)::pg_snapshot",
        [second],
    )
    await sandbox.database.rows("select events.rebase()", role="paya_worker")
    third = await sandbox.happen()
    await send()
    assert sorted(charge for charge, _ in told(receiver)) == sorted(map(str, (first, second, third)))


async def test_many_workers_make_each_try_once(sandbox, receiver):
    for _ in range(3):
        await sandbox.endpoint(receiver.url)
    charges = [uuid4() for _ in range(12)]
    for charge in charges:
        for version, kind in enumerate(STORY, start=1):
            await sandbox.happen(kind, charge=charge, version=version)
    await asyncio.gather(*(send() for _ in range(4)))
    while await send():
        pass
    assert Counter(receiver.ids) == dict.fromkeys(set(receiver.ids), 3)
    assert len(set(receiver.ids)) == 36
    tries = await sandbox.database.rows("select number, outcome, count(*) from webhooks.attempt group by 1, 2")
    assert tries == [(1, "accepted", 108)]


async def test_everything_at_once_neither_deadlocks_nor_loses(sandbox, receiver, advance_clock):
    chance = random.Random(7)  # noqa: S311 - the same each time is the point
    receiver.answer = lambda _: chance.choice((200, 200, 500))
    endpoints = [(await sandbox.endpoint(receiver.url)).endpoint.id for _ in range(3)]
    account_id, long_ago = sandbox.account_id, datetime(2020, 1, 1, tzinfo=UTC)
    for _ in range(2):
        charges = [uuid4() for _ in range(6)]
        verbs = [send() for _ in range(3)]
        for endpoint_id in endpoints:
            verbs += [
                webhooks.disable(account_id, endpoint_id),
                webhooks.enable(account_id, endpoint_id),
                webhooks.recover(account_id, endpoint_id, since=long_ago),
                webhooks.send_test(account_id, endpoint_id, message_id=uuid4()),
                webhooks.rotate_secret(account_id, endpoint_id, rotation_id=uuid4()),
            ]
        verbs += [webhooks.replay(account_id, each.id) for each in await webhooks.deliveries(account_id, maximum=20)]
        verbs += [
            sandbox.happen(kind, charge=charge, version=version)
            for charge in charges
            for version, kind in enumerate(STORY, start=1)
        ]
        chance.shuffle(verbs)
        for outcome in await asyncio.gather(*verbs, return_exceptions=True):
            # a busy machine may say 503: then nothing happened, or it is found lost
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, (WebhookEndpointDisabled, ServiceUnavailable)), outcome
    receiver.answer = lambda _: 200
    for endpoint_id in endpoints:
        await webhooks.enable(account_id, endpoint_id)
        await webhooks.recover(account_id, endpoint_id, since=long_ago)
    await sandbox.move(days=4)
    await advance_clock(seconds=61)
    await send()
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    assert await sandbox.database.value(deadlocks) == 0
    events = await sandbox.database.value("select count(*) from charges.event")
    told_of = await sandbox.database.rows(
        "select d.state, count(*) from webhooks.delivery d join webhooks.message m on m.id = d.message_id"
        " where m.kind <> 'webhook.test' group by 1"
    )
    assert (events, told_of) == (36, [("accepted", 36 * 3)])


async def test_one_slow_endpoint_takes_only_its_share(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    for _ in range(10):
        await sandbox.happen()
    await sending.follow()
    first = await sending.claim(32)
    assert len(first) == sending.AT_EACH_ENDPOINT
    assert await sending.claim(32) == []
    await sandbox.endpoint(receiver.url + "/other")
    await sandbox.happen()
    await sending.follow()
    assert [each["url"] for each in await sending.claim(32)] == [receiver.url + "/other"]


async def test_the_worker_follows_and_sends_by_itself(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    stop = asyncio.Event()
    working = [asyncio.create_task(webhooks.work(stop)) for _ in range(2)]
    charges = [await sandbox.happen() for _ in range(40)]
    await until(lambda: len(receiver.came) >= 40)
    receiver.answer = lambda _: 500
    await sandbox.happen()
    await until(lambda: len(receiver.came) >= 41)
    await sandbox.move(seconds=6)
    await until(lambda: len(receiver.came) >= 42)
    stop.set()
    await asyncio.gather(*working)
    assert {charge for charge, _ in told(receiver)[:40]} == set(map(str, charges))


async def test_the_worker_goes_on_over_lost_connections(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    stop = asyncio.Event()
    working = asyncio.create_task(worker_of_webhooks.run(stop))
    await sandbox.happen()
    await until(lambda: len(receiver.came) == 1)
    await sandbox.database.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where usename = 'paya_app' and datname = current_database()"
    )
    await sandbox.happen()
    await until(lambda: len(set(receiver.ids)) == 2)
    stop.set()
    await working


async def test_mischief_that_test_mode_does_on_purpose(sandbox, receiver):
    made = await sandbox.endpoint(receiver.url)
    endpoint_id = made.endpoint.id

    async def with_chaos(**chaos) -> list[str]:
        await webhooks.set_chaos(sandbox.account_id, endpoint_id, Chaos(**chaos))
        receiver.came.clear()
        charge = await sandbox.happen(STORY[0])
        await sandbox.happen(STORY[1], charge=charge, version=2)
        await send()
        return [kind for _, kind in told(receiver)]

    assert await with_chaos(duplicate=True) == [STORY[0], STORY[0], STORY[1], STORY[1]]
    assert len(set(receiver.ids)) == 2

    assert await with_chaos(reorder=True) == [STORY[1]]
    await sandbox.move(seconds=10)
    await send()
    assert [kind for _, kind in told(receiver)] == [STORY[1], STORY[0]]

    assert await with_chaos(delay_s=3600) == []
    await sandbox.move(seconds=3601)
    await send()
    assert [kind for _, kind in told(receiver)] == [STORY[0], STORY[1]]

    # a receiver that checks refuses it, and is told properly five seconds later
    def careful(came) -> int:
        try:
            came.read(made.secret)
        except WebhookVerificationError:
            return 401
        return 200

    receiver.answer = careful
    assert await with_chaos(bad_signature=True) == [STORY[0]]
    await sandbox.move(seconds=6)
    await send()
    await sandbox.move(seconds=6)
    await send()
    assert [kind for _, kind in told(receiver)] == [STORY[0], STORY[0], STORY[1], STORY[1]]
    log = await webhooks.deliveries(sandbox.account_id, maximum=1)
    attempts = await webhooks.attempts(sandbox.account_id, log[0].id)
    assert [(each.outcome, each.mischief) for each in attempts] == [("refused", ("bad_signature",)), ("accepted", ())]

    assert await with_chaos() == [STORY[0], STORY[1]]
