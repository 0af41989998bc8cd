"""Endpoints: made once, sixteen at most, changed by their own account alone, their secrets sealed."""

import asyncio
import base64
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from paya_app import webhooks
from paya_app.core.errors import PayaError, RequestInvalid
from paya_app.webhooks import (
    Chaos,
    WebhookChaosInvalid,
    WebhookDeliveryUnknown,
    WebhookDescriptionInvalid,
    WebhookEndpointDisabled,
    WebhookEndpointsLimit,
    WebhookEndpointUnknown,
    WebhookFilterUnknown,
    WebhookIdReused,
)
from tests.webhooks.receiving import Sandbox, send

URL = "https://example.com/hooks"


async def test_the_same_id_twice_is_one_endpoint(sandbox):
    endpoint_id = uuid4()
    one, two = [
        await webhooks.add_endpoint(sandbox.account_id, endpoint_id=endpoint_id, url=URL, filters=["payment.*"])
        for _ in range(2)
    ]
    assert one == two
    assert one.secret.startswith("whsec_")
    assert len(base64.b64decode(one.secret.removeprefix("whsec_"))) == 32
    assert await webhooks.list_endpoints(sandbox.account_id) == [one.endpoint]
    for account, url in ((sandbox.account_id, URL + "2"), (uuid4(), URL)):
        with pytest.raises(WebhookIdReused):
            await webhooks.add_endpoint(account, endpoint_id=endpoint_id, url=url, filters=["payment.*"])


async def test_sixteen_at_most_however_many_ask_at_once(sandbox):
    asked = await asyncio.gather(*(sandbox.endpoint(f"{URL}/{n}") for n in range(20)), return_exceptions=True)
    assert Counter(type(each).__name__ for each in asked) == {"EndpointSecret": 16, "WebhookEndpointsLimit": 4}
    assert len(await webhooks.list_endpoints(sandbox.account_id)) == 16
    # another account has its own sixteen, and what was removed makes room
    await Sandbox(sandbox.database).endpoint(URL)
    first = (await webhooks.list_endpoints(sandbox.account_id))[0]
    await webhooks.remove_endpoint(sandbox.account_id, first.id)
    await sandbox.endpoint(URL)
    with pytest.raises(WebhookEndpointsLimit, match="An account has 16 endpoints at most"):
        await sandbox.endpoint(URL)


async def test_secrets_are_not_in_the_database(sandbox):
    made = await sandbox.endpoint(URL)
    rotated = await webhooks.rotate_secret(sandbox.account_id, made.endpoint.id, rotation_id=uuid4())
    rows = await sandbox.database.rows(
        "select e::text from webhooks.endpoint e union all select v::text from events.event v"
    )
    everything = " ".join(text for (text,) in rows)
    for secret in (made.secret, rotated.secret):
        raw = base64.b64decode(secret.removeprefix("whsec_"))
        assert secret.removeprefix("whsec_") not in everything
        assert raw.hex() not in everything
        assert secret.encode().hex() not in everything
        assert secret not in repr(made) + repr(rotated)
    await webhooks.remove_endpoint(sandbox.account_id, made.endpoint.id)
    left = await sandbox.database.rows("select secret_sealed, previous_sealed from webhooks.endpoint")
    assert left == [(b"", None)]


async def test_a_sealed_secret_opens_for_its_own_row_alone(sandbox, receiver):
    one, two = await sandbox.endpoint(receiver.url), await sandbox.endpoint(receiver.url)
    await sandbox.database.rows(
        "update webhooks.endpoint set secret_sealed = (select secret_sealed from webhooks.endpoint where id = %s)"
        " where id = %s",
        [one.endpoint.id, two.endpoint.id],
    )
    await sandbox.happen()
    await send()
    assert len(receiver.came) == 1
    (broken,) = await webhooks.deliveries(sandbox.account_id, endpoint_id=two.endpoint.id)
    (attempt,) = await webhooks.attempts(sandbox.account_id, broken.id)
    assert (attempt.outcome, attempt.answer) == ("broken", "We cannot open this endpoint's secret. Rotate it.")


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (["*"], 4),
        (["payment.*"], 4),
        (["payment.dispute.*"], 1),
        (["payment.captured", "payment.captured"], 1),
        (["payment.authorized", "payment.dispute.won", "payment.settled"], 1),
        (["payment.refund*"], 2),
    ],
)
async def test_it_is_told_what_it_asked_for(sandbox, receiver, filters, wanted):
    await sandbox.endpoint(receiver.url, filters=filters)
    for kind in ("payment.captured", "payment.refunded", "payment.refund_failed", "payment.dispute.won"):
        await sandbox.happen(kind)
    await send()
    assert len(receiver.came) == wanted


FORGED = [
    [], "*", ["payment.forged"], ["payment.captured", "x"], ["*.captured"], ["payment.%"], ["pay\x00ment.*"], [None],
    [7], ["%"], ["_ayment.captured"], ["PAYMENT.*"], ["payment.**"], ["a" * 61], ["payment.captured"] * 33,
    {"payment.*": 1}, None,
]  # fmt: skip


async def test_forged_filters_are_refused_in_a_sentence(sandbox):
    made = await sandbox.endpoint(URL)
    for filters in FORGED:
        with pytest.raises(WebhookFilterUnknown, match="Ask for 1 to 32 kinds of event by name"):
            await sandbox.endpoint(URL, filters=filters)
        if filters is not None:
            with pytest.raises(WebhookFilterUnknown):
                await webhooks.change_endpoint(sandbox.account_id, made.endpoint.id, filters=filters)
    assert [each.filters for each in await webhooks.list_endpoints(sandbox.account_id)] == [("*",)]


async def test_a_description_is_short_and_seen(sandbox):
    for description in ("x" * 201, "a\x00b", "line\nline", "right\u202eleft", 7):
        with pytest.raises(WebhookDescriptionInvalid):
            await sandbox.endpoint(URL, description=description)
    assert await webhooks.list_endpoints(sandbox.account_id) == []


async def test_mischief_is_of_known_kinds(sandbox):
    made = await sandbox.endpoint(URL)
    forged: list[dict[str, Any]] = [
        {"delay_s": -1}, {"delay_s": 86_401}, {"delay_s": True}, {"delay_s": "\x00"}, {"delay_s": 1e9},
        {"duplicate": 1}, {"reorder": None}, {"bad_signature": "yes"},
    ]  # fmt: skip
    for chaos in forged:
        with pytest.raises(WebhookChaosInvalid):
            await webhooks.set_chaos(sandbox.account_id, made.endpoint.id, Chaos(**chaos))
    for said in ('{"delay_s": 86401}', '{"delay_s": "1"}', '{"duplicate": 1}', '{"steal": true}', "[]", "null"):
        with pytest.raises(psycopg.Error, match="webhook_chaos_invalid"):
            await sandbox.database.rows(
                "select webhooks.set_chaos(%s, %s, %s::jsonb)", [sandbox.account_id, made.endpoint.id, said]
            )
    assert (await webhooks.list_endpoints(sandbox.account_id))[0].chaos == Chaos()


async def test_what_is_another_accounts_is_not_there(sandbox, receiver):
    made = await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    await send()
    (delivery,) = await webhooks.deliveries(sandbox.account_id)
    before = await sandbox.database.rows(
        "select e::text from webhooks.endpoint e union all select d::text from webhooks.delivery d"
    )
    mallory, endpoint_id = uuid4(), made.endpoint.id
    await Sandbox(sandbox.database, mallory).endpoint(URL)
    for refusal, verb in (
        (WebhookEndpointUnknown, webhooks.disable(mallory, endpoint_id)),
        (WebhookEndpointUnknown, webhooks.enable(mallory, endpoint_id)),
        (WebhookEndpointUnknown, webhooks.remove_endpoint(mallory, endpoint_id)),
        (WebhookEndpointUnknown, webhooks.change_endpoint(mallory, endpoint_id, url=URL)),
        (WebhookEndpointUnknown, webhooks.rotate_secret(mallory, endpoint_id, rotation_id=uuid4())),
        (WebhookEndpointUnknown, webhooks.set_chaos(mallory, endpoint_id, Chaos(duplicate=True))),
        (WebhookEndpointUnknown, webhooks.recover(mallory, endpoint_id, since=datetime(2020, 1, 1, tzinfo=UTC))),
        (WebhookEndpointUnknown, webhooks.send_test(mallory, endpoint_id, message_id=uuid4())),
        (WebhookDeliveryUnknown, webhooks.delivery_log(mallory, delivery.id)),
        (WebhookDeliveryUnknown, webhooks.attempts(mallory, delivery.id)),
        (WebhookDeliveryUnknown, webhooks.replay(mallory, delivery.id)),
    ):
        with pytest.raises(refusal) as refused:
            await verb
        assert (refused.value.status, refused.value.facts) == (404, {})
    assert await webhooks.deliveries(mallory) == await webhooks.deliveries(mallory, endpoint_id=endpoint_id) == []
    assert [each.url for each in await webhooks.list_endpoints(mallory)] == [URL]
    after = await sandbox.database.rows("select e::text from webhooks.endpoint e where account_id <> %s union all"
                                        " select d::text from webhooks.delivery d", [mallory])  # fmt: skip
    assert after == before
    # nor is it told of another's charges
    await sandbox.happen()
    await send()
    assert {each.endpoint_id for each in await webhooks.deliveries(sandbox.account_id)} == {endpoint_id}
    assert await webhooks.deliveries(mallory) == []


async def test_unknown_ids_and_odd_questions_are_refused(sandbox):
    for verb in (
        webhooks.disable(sandbox.account_id, uuid4()),
        webhooks.replay(sandbox.account_id, uuid4()),
        webhooks.delivery_log(sandbox.account_id, uuid4()),
        webhooks.deliveries(sandbox.account_id, state="lost'; --"),
        webhooks.deliveries(sandbox.account_id, maximum=0),
        webhooks.deliveries(sandbox.account_id, maximum=1000),
        webhooks.recover(sandbox.account_id, uuid4(), since=datetime(2020, 1, 1)),  # noqa: DTZ001 - what is refused
    ):
        with pytest.raises(PayaError) as refused:
            await verb
        assert refused.value.status < 500


async def test_disabled_is_told_nothing_and_recovers_what_it_missed_in_order(sandbox, receiver):
    made = await sandbox.endpoint(receiver.url)
    account_id, endpoint_id = sandbox.account_id, made.endpoint.id
    charge = await sandbox.happen()
    receiver.answer = lambda _: 500
    await send()
    await webhooks.disable(account_id, endpoint_id)
    disabled = await webhooks.disable(account_id, endpoint_id)
    assert (disabled.state, disabled.reason, disabled.version) == ("disabled", "by_owner", 2)
    await sandbox.happen("payment.captured", charge=charge, version=2)
    await sandbox.move(days=1)
    assert await send() == 0
    dead = await webhooks.deliveries(account_id, state="given_up")
    assert [(each.kind, each.reason, each.tries) for each in dead] == [
        ("payment.captured", "endpoint_disabled", 0),
        ("payment.authorized", "endpoint_disabled", 1),
    ]
    since = dead[-1].created_at
    for verb in (
        webhooks.recover(account_id, endpoint_id, since=since),
        webhooks.replay(account_id, dead[0].id),
        webhooks.send_test(account_id, endpoint_id, message_id=uuid4()),
    ):
        with pytest.raises(WebhookEndpointDisabled, match="This endpoint is disabled: it was turned off"):
            await verb
    receiver.answer = lambda _: 200
    receiver.came.clear()
    await webhooks.enable(account_id, endpoint_id)
    assert await send() == 0
    assert await webhooks.recover(account_id, endpoint_id, since=since) == 2
    assert await webhooks.recover(account_id, endpoint_id, since=since) == 0
    await send()
    assert receiver.ids == [str(dead[1].webhook_id), str(dead[0].webhook_id)]


async def test_recover_leaves_what_is_older_and_what_was_accepted(sandbox, receiver):
    made = await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    await send()
    receiver.answer = lambda _: 410
    await sandbox.happen()
    await send()
    await webhooks.enable(sandbox.account_id, made.endpoint.id)
    receiver.answer = lambda _: 200
    later = await sandbox.database.value("select private.now()")
    assert await webhooks.recover(sandbox.account_id, made.endpoint.id, since=later) == 0
    assert await webhooks.recover(sandbox.account_id, made.endpoint.id, since=datetime(2020, 1, 1, tzinfo=UTC)) == 1
    await send()
    assert await sandbox.states() == ["accepted", "accepted"]


async def test_one_is_replayed_with_its_id_and_ten_tries_before_it(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    charge = await sandbox.happen()
    await send()
    (delivery,) = await webhooks.deliveries(sandbox.account_id)
    receiver.answer = lambda _: 500
    await webhooks.replay(sandbox.account_id, delivery.id)
    again = await webhooks.replay(sandbox.account_id, delivery.id)
    assert (again.id, again.state) == (delivery.id, "waiting")
    await sandbox.happen("payment.captured", charge=charge, version=2)
    assert await send() == 1, "the later one waits for it again"
    assert (await webhooks.replay(sandbox.account_id, delivery.id)).state == "waiting"
    receiver.answer = lambda _: 200
    await sandbox.move(seconds=6)
    assert await send() == 2
    first, second, third, captured = receiver.came
    assert len({(came.id, came.body) for came in (first, second, third)}) == 1
    assert captured.id != first.id
    attempts = await webhooks.attempts(sandbox.account_id, delivery.id)
    assert [(each.number, each.outcome) for each in attempts] == [(1, "accepted"), (2, "refused"), (3, "accepted")]


async def test_a_test_event_is_sent_once_to_one_endpoint(sandbox, receiver):
    made = await sandbox.endpoint(receiver.url, filters=["payment.dispute.*"])
    other = await sandbox.endpoint(receiver.url + "/other")
    message_id = uuid4()
    one, two = [await webhooks.send_test(sandbox.account_id, made.endpoint.id, message_id=message_id) for _ in range(2)]
    assert one.id == two.id
    assert await send() == 1
    said = receiver.came[0].read(made.secret)
    assert (said["type"], said["event"], said["data"]["endpoint_id"]) == (
        "webhook.test", "webhook_test", str(made.endpoint.id),
    )  # fmt: skip
    assert receiver.ids == [str(message_id)]
    with pytest.raises(WebhookIdReused):
        await webhooks.send_test(sandbox.account_id, other.endpoint.id, message_id=message_id)


async def test_deliveries_are_listed_page_by_page(sandbox, receiver):
    for _ in range(2):
        await sandbox.endpoint(receiver.url)
    for _ in range(5):
        await sandbox.happen()
    await send()
    every = await webhooks.deliveries(sandbox.account_id)
    assert len(every) == 10
    pages, before = [], None
    while page := await webhooks.deliveries(sandbox.account_id, before=before, maximum=3):
        pages += page
        before = (page[-1].created_at, page[-1].id)
    assert pages == every
    with pytest.raises(RequestInvalid):
        await webhooks.deliveries(sandbox.account_id, maximum=102)


async def test_old_messages_go_and_open_ones_stay(sandbox, receiver, advance_clock):
    made = await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    await send()
    await sandbox.endpoint("http://127.0.0.1:1025/")
    await sandbox.happen()
    # its clock stands still, so that what waits goes on waiting
    await sandbox.database.rows(
        "insert into charges.account_clock (account_id, frozen_at) values (%s, charges.now(%s))",
        [sandbox.account_id, sandbox.account_id],
    )
    await send()
    forget = "select webhooks.forget(100)"
    await advance_clock(days=29)
    assert await sandbox.database.value(forget, role="paya_worker") == 0
    await advance_clock(days=2)
    assert await sandbox.database.value(forget, role="paya_worker") == 1
    left = await webhooks.deliveries(sandbox.account_id)
    assert sorted(each.state for each in left) == ["accepted", "waiting"]
    assert len({each.webhook_id for each in left}) == 1
    assert made.endpoint.id in {each.endpoint_id for each in left}
    # and a removed endpoint goes once nothing that is kept was sent there
    for endpoint in await webhooks.list_endpoints(sandbox.account_id):
        await webhooks.remove_endpoint(sandbox.account_id, endpoint.id)
    counts = []
    for days in (29, 2):
        await advance_clock(days=days)
        await sandbox.database.value(forget, role="paya_worker")
        counts.append(await sandbox.database.value("select count(*) from webhooks.endpoint"))
    assert counts == [2, 0]
    assert await sandbox.database.value("select count(*) from webhooks.attempt") == 0
