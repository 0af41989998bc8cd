import asyncio
import hashlib
import hmac
import json
from uuid import uuid4

import httpx
import pytest

from paya_app import banking
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.providers import dwolla as provider


def event(topic: str, resource_id: str, event_id: str | None = None) -> bytes:
    return json.dumps({"id": event_id or str(uuid4()), "topic": topic, "resourceId": resource_id}).encode()


def signature(body: bytes, secret: str | None = None) -> str:
    secret = secret or settings().dwolla_webhook_secret.get_secret_value()
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def post(bank, body: bytes, signed: str | None = None) -> int:
    signed = signature(body) if signed is None else signed
    headers = {b"X-Request-Signature-SHA-256": signed.encode("latin-1")}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return (await client.post(bank.hooks_url, content=body, headers=headers)).status_code


async def kept(bank) -> int:
    return await bank.database.value("select count(*) from banking.vendor_event")


async def waiting(bank) -> list[tuple]:
    return await bank.database.rows("select task_name, args from jobs.procrastinate_jobs where status = 'todo'")


async def test_a_forged_notice_is_refused_and_leaves_nothing(bank):
    body = event("customer_transfer_completed", str(uuid4()))
    for signed in ("", "0" * 64, signature(body, "guessed"), signature(body + b" "), "é" * 64, signature(body)[:-1]):
        assert await post(bank, body, signed) == 401
    assert (await kept(bank), await waiting(bank)) == (0, [])


async def test_without_a_secret_of_ours_nothing_is_believed(bank, monkeypatch):
    body = event("customer_transfer_completed", str(uuid4()))
    signed = hmac.new(b"", body, hashlib.sha256).hexdigest()
    monkeypatch.setenv("DWOLLA_WEBHOOK_SECRET", "")
    settings.cache_clear()
    assert await post(bank, body, signed) == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b"nonsense",
        b'{"id": 1, "topic": "t", "resourceId": "r"}',
        event("t" * 65, "r", "one"),
        event("t", "r", "x" * 65),
        b'{"id": "a\\u0000b", "topic": "t", "resourceId": "r"}',
        b'{"id": "\\ud800", "topic": "t", "resourceId": "r"}',
        b"[" * 5000,
        event("customer_transfer_created", "\u202eabc", "two"),
    ],
    ids=lambda body: body[:24].decode(),
)
async def test_a_signed_body_that_is_no_event_is_a_bad_request(bank, body):
    assert await post(bank, body) == 400
    assert await kept(bank) == 0


async def test_a_huge_body_is_refused_unread(bank):
    assert await post(bank, b"x" * 10_000_000, "0" * 64) == 413


async def test_the_same_notice_a_hundred_times_is_one_effect(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await bank.work()
    await bank.dwolla.simulate()
    await bank.dwolla.simulate()
    body = event(
        "customer_transfer_completed", await bank.database.value("select vendor_ref from banking.provider_operation")
    )
    answers = await asyncio.gather(*(post(bank, body) for _ in range(100)))
    assert set(answers) == {200}
    assert (await kept(bank), len(await waiting(bank))) == (1, 1)
    await bank.work()
    assert (await bank.load(ann, load)).state == "cleared"
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}
    assert await post(bank, body) == 200
    assert await waiting(bank) == []


async def test_notices_in_any_order_end_the_same(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await bank.work()
    await bank.dwolla.simulate()
    await bank.dwolla.simulate()
    events = (await bank.dwolla.client.get("/events?limit=200")).json()["_embedded"]["events"]
    moved = [e for e in events if "transfer" in e["topic"]]
    assert moved[0]["topic"] == "bank_transfer_completed", "newest first: the wrong way round"
    for each in moved:
        assert await post(bank, json.dumps(each).encode()) == 200
        await bank.work()
    assert (await bank.load(ann, load)).state == "cleared"
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}
    assert await bank.event_kinds(load) == ["load.requested", "load.submitted", "load.settled", "load.cleared"]
    assert await bank.dead_letters() == []


async def test_a_notice_before_the_answer_finds_its_load(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    # the worker noted that it sends, Dwolla took it, and the answer has not reached us yet
    order = (await db.query(Actor.service(), "select banking.claim_load(:id)", {"id": load.id}))[0][0]
    transfer_id = await provider.create_transfer(
        source_id=order["source_vendor_id"],
        destination_id=settings().dwolla_reserve_source,
        amount_cents=5000,
        correlation_id=str(load.id),
        key=order["idempotency_key"],
    )
    await bank.dwolla.simulate()
    await bank.dwolla.simulate()
    assert await post(bank, event("customer_transfer_completed", transfer_id)) == 200
    await bank.work()
    assert (await bank.load(ann, load)).state == "cleared"
    await banking.submit_load(load.id)
    assert await bank.dwolla.transfer_count() == 1
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}
    assert await bank.dead_letters() == []


async def test_a_notice_about_what_is_not_ours_changes_nothing(bank, people):
    ann = await people.join("ann")
    await bank.start(ann, 5000)
    for topic, resource in (
        ("customer_transfer_completed", str(uuid4())),
        ("customer_transfer_completed", "../customers"),
        ("bank_transfer_failed", "x"),
        ("customer_funding_source_removed", str(uuid4())),
        ("customer_created", str(uuid4())),
    ):
        assert await post(bank, event(topic, resource)) == 200
    await bank.work()
    assert await bank.ledger() == {}
    assert await bank.dead_letters() == []


async def test_a_bank_that_the_vendor_removed_is_gone(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    vendor_id = await bank.vendor_id(source)
    await bank.dwolla.client.post(f"/funding-sources/{vendor_id}", json={"removed": True})
    assert await post(bank, event("customer_funding_source_removed", vendor_id)) == 200
    await bank.work()
    assert await banking.sources(ann) == []
