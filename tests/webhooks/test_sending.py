"""What comes to a receiver: signed, the same each time, and tried again by the account's clock."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from standardwebhooks import WebhookVerificationError
from starlette.responses import Response, StreamingResponse

from paya_app import webhooks
from tests.webhooks.receiving import DELAYS_S, send


def signature_by_hand(secret: str, came) -> str:
    """The algorithm as its specification has it, sharing nothing with what signs."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([came.id.encode(), came.headers["webhook-timestamp"].encode(), came.body])
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


async def test_it_says_what_happened_and_is_signed(sandbox, receiver):
    made = await sandbox.endpoint(receiver.url)
    charge = await sandbox.happen()
    await sandbox.move(days=40)
    assert await send() == 1
    (came,) = receiver.came
    said = came.read(made.secret)
    assert list(said) == ["type", "event", "timestamp", "data"]
    assert (said["type"], said["event"]) == ("payment.authorized", "payment_authorized")
    assert said["data"] == {"id": str(charge), "status": "authorized", "amount_minor": 1099, "note": "Ünï ☕ </script>"}
    assert came.headers["webhook-signature"] == signature_by_hand(made.secret, came)
    assert abs(int(came.headers["webhook-timestamp"]) - time.time()) < 30, (
        "real time, whatever the account's clock says"
    )
    assert came.headers["content-type"] == "application/json"
    assert await sandbox.states() == ["accepted"]
    assert await send() == 0


@pytest.mark.parametrize(
    ("kind", "alias"),
    [
        ("payment.captured", "payment_captured"),
        ("payment.refunded", "payment_refunded"),
        ("payment.settled", "transaction_settled"),
        ("payment.dispute.opened", "payment_dispute_opened"),
    ],
)
async def test_the_older_names_of_events_are_there_too(sandbox, receiver, kind, alias):
    await sandbox.endpoint(receiver.url)
    await sandbox.move(days=3)
    await sandbox.happen(kind)
    await send()
    said = json.loads(receiver.came[0].body)
    assert (said["type"], said["event"]) == (kind, alias)
    account_now = await sandbox.database.value("select charges.now(%s)", [sandbox.account_id])
    assert timedelta() <= account_now - datetime.fromisoformat(said["timestamp"]) < timedelta(minutes=1)


async def test_each_retry_has_its_time_and_says_the_same(sandbox, receiver):
    made = await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    receiver.answer = lambda _: Response("the shop is closed", status_code=503)
    assert await send() == 1
    for tries, delay_s in enumerate(DELAYS_S, start=1):
        (delivery,) = await webhooks.deliveries(sandbox.account_id)
        account_now = await sandbox.database.value("select charges.now(%s)", [sandbox.account_id])
        left_s = (delivery.due_at - account_now).total_seconds()
        assert delay_s * 0.9 - 30 < left_s < delay_s * 1.1, tries
        assert await send() == 0, "not before its time"
        await sandbox.move(seconds=delay_s * 1.1 + 0.1)
        assert await send() == 1
    (dead,) = await webhooks.deliveries(sandbox.account_id, state="given_up")
    assert (dead.reason, dead.tries, dead.due_at) == ("tries_used_up", 10, None)
    await sandbox.move(days=30)
    assert await send() == 0
    assert len({(came.id, came.body) for came in receiver.came}) == 1
    assert [came.read(made.secret)["type"] for came in receiver.came] == ["payment.authorized"] * 10


async def test_jitter_is_the_same_for_the_same_try_and_spreads_others(database):
    fractions = []
    for _ in range(2):
        rows = await database.rows(
            "select extract(epoch from webhooks.retry_delay(md5(n::text)::uuid, 2))::float / 300"
            " from generate_series(1, 500) n"
        )
        fractions.append([fraction for (fraction,) in rows])
    assert fractions[0] == fractions[1]
    assert 0.9 <= min(fractions[0]) < 0.92
    assert 1.08 < max(fractions[0]) <= 1.1
    assert abs(sum(fractions[0]) / 500 - 1) < 0.01
    assert await database.value("select webhooks.retry_delay(gen_random_uuid(), 10)") is None


async def test_every_try_is_on_record(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    receiver.answer = lambda _: Response("no\0 " + "é" * 9000, status_code=500)
    await send()
    receiver.answer = lambda _: Response("thanks", status_code=202)
    await sandbox.move(seconds=6)
    await send()
    (delivery,) = await webhooks.deliveries(sandbox.account_id)
    log = await webhooks.delivery_log(sandbox.account_id, delivery.id)
    assert log.body.encode() == receiver.came[0].body
    first, second = log.attempts
    assert (first.number, first.outcome, first.status) == (1, "refused", 500)
    answer = first.answer or ""
    assert len(answer.encode()) <= 4200
    assert answer.startswith("no\N{REPLACEMENT CHARACTER} éé")
    assert (second.number, second.outcome, second.status, second.answer) == (2, "accepted", 202, "thanks")
    for attempt, came in zip(log.attempts, receiver.came, strict=True):
        assert attempt.headers
        assert attempt.headers.items() <= came.headers.items()
        assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= set(attempt.headers)
        assert attempt.took_ms in range(10_000)
        assert attempt.ended_at
        assert attempt.ended_at >= attempt.began_at
    assert second.account_at - first.account_at >= timedelta(seconds=6)


async def test_both_secrets_sign_for_a_day_after_a_rotation(sandbox, receiver, advance_clock):
    made = await sandbox.endpoint(receiver.url)
    rotation_id = uuid4()
    rotated = await webhooks.rotate_secret(sandbox.account_id, made.endpoint.id, rotation_id=rotation_id)
    again = await webhooks.rotate_secret(sandbox.account_id, made.endpoint.id, rotation_id=rotation_id)
    assert again.secret == rotated.secret != made.secret
    await sandbox.happen()
    await send()
    for secret in (made.secret, rotated.secret):
        assert receiver.came[0].read(secret)["type"] == "payment.authorized"
    assert len(receiver.came[0].headers["webhook-signature"].split(" ")) == 2
    await advance_clock(hours=24)
    await sandbox.happen()
    await send()
    receiver.came[1].read(rotated.secret)
    with pytest.raises(WebhookVerificationError):
        receiver.came[1].read(made.secret)


async def test_a_secret_that_leaked_ends_at_once(sandbox, receiver):
    made = await sandbox.endpoint(receiver.url)
    rotated = await webhooks.rotate_secret(
        sandbox.account_id, made.endpoint.id, rotation_id=uuid4(), ends_previous=True
    )
    await sandbox.happen()
    await send()
    receiver.came[0].read(rotated.secret)
    with pytest.raises(WebhookVerificationError):
        receiver.came[0].read(made.secret)


async def test_redirects_are_not_followed(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    receiver.answer = lambda _: Response(status_code=307, headers={"location": receiver.url + "/elsewhere"})
    await send()
    assert [came.path for came in receiver.came] == ["/hooks"]
    (delivery,) = await webhooks.deliveries(sandbox.account_id)
    (attempt,) = await webhooks.attempts(sandbox.account_id, delivery.id)
    assert (attempt.outcome, attempt.status, delivery.state) == ("redirected", 307, "waiting")


async def test_a_slow_receiver_is_cut_off_and_a_slow_body_is_not_waited_for(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    await sandbox.happen()

    async def says_nothing_for_long():
        await receiver.hold.wait()
        yield b"at last"

    async def drips():
        yield b"taken"
        await receiver.hold.wait()

    class Late(StreamingResponse):
        async def stream_response(self, send) -> None:
            await receiver.hold.wait()
            await super().stream_response(send)

    receiver.answer = lambda _: Late(says_nothing_for_long())
    began = time.monotonic()
    await send(timeout_s=0.3)
    assert time.monotonic() - began < 5
    receiver.answer = lambda _: StreamingResponse(drips())
    await sandbox.move(seconds=6)
    await send(timeout_s=0.3)
    receiver.hold.set()
    (delivery,) = await webhooks.deliveries(sandbox.account_id)
    first, second = await webhooks.attempts(sandbox.account_id, delivery.id)
    assert (first.outcome, first.status, first.answer) == ("timed_out", None, "No answer within 0.3 seconds.")
    assert (second.outcome, second.status, second.answer) == ("accepted", 200, "taken")


async def test_an_endless_answer_is_read_to_its_beginning(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    written = 0

    async def endless():
        nonlocal written
        while True:
            written += 1
            yield b"x" * 65_536
            await asyncio.sleep(0)

    receiver.answer = lambda _: StreamingResponse(endless(), headers={"content-encoding": "gzip"})
    await send(timeout_s=5)
    (delivery,) = await webhooks.deliveries(sandbox.account_id)
    (attempt,) = await webhooks.attempts(sandbox.account_id, delivery.id)
    assert (attempt.outcome, attempt.answer) == ("accepted", "x" * 4096)
    assert written < 1000


async def test_what_nobody_answers_is_tried_again(sandbox, receiver):
    made = await sandbox.endpoint("http://127.0.0.1:1025/hooks")
    await sandbox.happen()
    await send()
    (delivery,) = await webhooks.deliveries(sandbox.account_id)
    (attempt,) = await webhooks.attempts(sandbox.account_id, delivery.id)
    assert (attempt.outcome, attempt.status) == ("unreachable", None)
    # the developer corrects the address, and what waits goes there
    await webhooks.change_endpoint(sandbox.account_id, made.endpoint.id, url=receiver.url)
    await sandbox.move(seconds=6)
    await send()
    assert receiver.ids == [str(delivery.webhook_id)]


async def test_410_ends_it(sandbox, receiver):
    made = await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    receiver.answer = lambda _: 410
    await send()
    (endpoint,) = await webhooks.list_endpoints(sandbox.account_id)
    assert (endpoint.state, endpoint.reason) == ("disabled", "gone")
    assert await sandbox.states() == ["given_up"]
    kinds = await sandbox.database.rows(
        "select kind::text, payload ->> 'reason' from events.event where subject = %s order by id", [made.endpoint.id]
    )
    assert kinds == [("webhook_endpoint.added", None), ("webhook_endpoint.disabled", "gone")]


async def test_five_days_of_failure_end_it_and_one_success_begins_anew(sandbox, receiver):
    made = await sandbox.endpoint(receiver.url)
    receiver.answer = lambda _: 500
    for _ in range(4):
        await sandbox.happen()
        await send()
    await sandbox.move(days=4)
    receiver.answer = lambda _: 200
    await sandbox.happen()
    await send()
    receiver.answer = lambda _: 500
    await sandbox.move(days=2)
    for _ in range(4):
        await sandbox.happen()
        await send()
    await sandbox.move(days=4, hours=23)
    await sandbox.happen()
    await send()
    (endpoint,) = await webhooks.list_endpoints(sandbox.account_id)
    assert endpoint.state == "enabled"
    await sandbox.move(hours=2)
    await sandbox.happen()
    await send()
    (endpoint,) = await webhooks.list_endpoints(sandbox.account_id)
    assert (endpoint.state, endpoint.reason) == ("disabled", "failing")
    failing = await sandbox.database.value(
        "select payload from events.event where subject = %s and kind = 'webhook_endpoint.disabled'", [made.endpoint.id]
    )
    assert failing["reason"] == "failing"
    assert datetime.fromisoformat(failing["failing_since"]) == endpoint.failing_since


async def test_few_failures_far_apart_end_nothing(sandbox, receiver):
    await sandbox.endpoint(receiver.url)
    receiver.answer = lambda _: 500
    await sandbox.happen()
    await send()
    await sandbox.move(days=30)
    await send()
    (endpoint,) = await webhooks.list_endpoints(sandbox.account_id)
    assert endpoint.state == "enabled"
