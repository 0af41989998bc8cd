"""Endpoints and deliveries over HTTP: what a developer's program does with them, and what another's may not."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from paya_app.api.v1.webhook_answers import (
    DeliveryAnswer,
    DeliveryList,
    DeliveryWhole,
    EndpointAnswer,
    EndpointList,
    EndpointWithSecret,
    Recovered,
)
from tests.api.keyed import program, programs, refused
from tests.webhooks.receiving import receiving, send

PATH = "/webhook-endpoints"


@pytest.fixture
async def receiver():
    async with receiving() as the:
        yield the


@pytest.fixture
async def client(database):
    async with programs() as client:
        yield client


@pytest.fixture
async def shop(people, client):
    return await program(client, await people.join("ann"))


@pytest.fixture
async def stranger(people, client):
    return await program(client, await people.join("bob"))


async def made_by(shop, receiver, **body):
    answer = await shop.post(PATH, {"url": receiver.url} | body)
    assert answer.status_code == 201, answer.text
    return EndpointWithSecret.model_validate_json(answer.content, strict=True)


async def newest(shop) -> DeliveryAnswer:
    said = DeliveryList.model_validate_json((await shop.get("/webhook-deliveries")).content, strict=True)
    return said.data[0]


async def test_a_charge_is_told_signed_and_the_try_can_be_looked_at(shop, receiver):
    endpoint = await made_by(shop, receiver, events=["payment.authorized"], description="The shop")
    charge = await shop.charge()
    assert await send() == 1
    said = receiver.came[0].read(endpoint.secret)
    assert (said["type"], said["data"]["id"]) == ("payment.authorized", charge["id"])
    delivery = await newest(shop)
    assert (delivery.status, delivery.endpoint, delivery.object_id) == ("accepted", endpoint.id, charge["id"])
    whole = await shop.get(f"/webhook-deliveries/{delivery.id}")
    told = DeliveryWhole.model_validate_json(whole.content, strict=True)
    assert told.body.encode() == receiver.came[0].body
    (attempt,) = told.attempts
    assert (attempt.outcome, attempt.status) == ("accepted", 200)
    assert (attempt.headers or {})["webhook-id"] == delivery.webhook_id == receiver.came[0].id
    assert endpoint.secret not in whole.text


async def test_the_same_key_makes_one_endpoint_and_another_request_is_told(shop, receiver):
    key = uuid4()
    first, again = [await shop.post(PATH, {"url": receiver.url}, key) for _ in range(2)]
    assert (first.status_code, first.content) == (201, again.content)
    other = await shop.post(PATH, {"url": f"{receiver.url}/other"}, key)
    assert refused(other) == (422, "idempotency_key_reused")
    assert other.json()["resource_id"] == first.json()["id"]
    listed = EndpointList.model_validate_json((await shop.get(PATH)).content, strict=True)
    assert [each.id for each in listed.data] == [first.json()["id"]]
    assert "secret" not in (await shop.get(PATH)).text


async def test_what_was_missed_while_it_was_off_is_recovered(shop, receiver):
    endpoint = await made_by(shop, receiver)
    at = f"{PATH}/{endpoint.id}"
    since = datetime.now(UTC) - timedelta(minutes=1)
    off = EndpointAnswer.model_validate_json((await shop.post(f"{at}/disable")).content, strict=True)
    assert (off.status, off.reason) == ("disabled", "by_owner")
    charge = await shop.charge()
    assert await send() == 0
    early = await shop.post(f"{at}/recover", {"since": since.isoformat()})
    assert refused(early) == (409, "webhook_endpoint_disabled")
    assert (await shop.post(f"{at}/enable")).json()["status"] == "enabled"
    told = await shop.post(f"{at}/recover", {"since": since.isoformat()})
    assert Recovered.model_validate_json(told.content, strict=True).recovered == 1
    assert await send() == 1
    assert receiver.came[0].read(endpoint.secret)["data"]["id"] == charge["id"]
    assert (await shop.post(f"/webhook-deliveries/{(await newest(shop)).id}/replay")).json()["status"] == "waiting"
    assert await send() == 1
    assert receiver.ids[0] == receiver.ids[1]


async def test_a_secret_is_rotated_and_a_test_is_signed_with_both(shop, receiver):
    endpoint = await made_by(shop, receiver)
    answer = await shop.post(f"{PATH}/{endpoint.id}/rotate")
    rotated = EndpointWithSecret.model_validate_json(answer.content, strict=True)
    assert rotated.secret != endpoint.secret
    assert rotated.previous_until is not None
    sent = await shop.post(f"{PATH}/{endpoint.id}/test")
    assert (sent.status_code, sent.json()["type"]) == (201, "webhook.test")
    await send()
    for secret in (endpoint.secret, rotated.secret):
        assert receiver.came[0].read(secret)["type"] == "webhook.test"


async def test_it_is_changed_spoiled_on_purpose_and_removed(shop, receiver):
    endpoint = await made_by(shop, receiver)
    changed = await shop.post(f"{PATH}/{endpoint.id}", {"events": ["payment.dispute.*"], "description": "Disputes"})
    said = EndpointAnswer.model_validate_json(changed.content, strict=True)
    assert (said.events, said.description, said.url) == (["payment.dispute.*"], "Disputes", receiver.url)
    spoiled = await shop.post("/sim/webhooks/chaos", {"endpoint": endpoint.id, "duplicate": True, "delay_s": 60})
    assert spoiled.json()["chaos"] == {
        "duplicate": True,
        "reorder": False,
        "bad_signature": False,
        "delay_s": 60,
    }
    gone = await shop.client.delete(f"/v1{PATH}/{endpoint.id}", headers=shop.authorization)
    assert (gone.status_code, gone.content) == (204, b"")
    assert refused(await shop.get(f"{PATH}/{endpoint.id}")) == (404, "webhook_endpoint_unknown")


async def test_pages_of_deliveries_follow_without_gap_or_repeat(shop, receiver):
    endpoint = await made_by(shop, receiver)
    for _ in range(5):
        await shop.post(f"{PATH}/{endpoint.id}/test")
    seen, cursor, page = [], {}, {}
    for _ in range(3):
        page = (await shop.get("/webhook-deliveries", limit=2, endpoint=endpoint.id, status="waiting", **cursor)).json()
        seen += [each["id"] for each in page["data"]]
        cursor = {"cursor": page["next_cursor"]}
    assert (page["has_more"], page["next_cursor"]) == (False, None)
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"cursor": "nonsense"}, "parameter_invalid"),
        ({"cursor": "A" * 40}, "parameter_invalid"),
        ({"limit": "0"}, "parameter_invalid"),
        ({"status": "lost"}, "parameter_invalid"),
        ({"endpoint": "mine"}, "parameter_invalid"),
        ({"account": "1"}, "parameter_unknown"),
    ],
)
async def test_a_page_that_cannot_be_is_refused_with_its_parameter(shop, params, code):
    answer = await shop.get("/webhook-deliveries", **params)
    assert refused(answer) == (400, code)
    assert answer.json()["param"] == next(iter(params))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "parameter_missing"),
        ({"url": 1}, 400, "parameter_invalid"),
        ({"url": "https://shop.example/hooks", "event": []}, 400, "parameter_unknown"),
        ({"url": "https://shop.example/hooks", "events": []}, 400, "parameter_invalid"),
        ({"url": "https://shop.example/hooks", "events": ["payment.paid"]}, 422, "webhook_filter_unknown"),
        ({"url": "ftp://shop.example/hooks"}, 422, "webhook_url_invalid"),
        ({"url": "https://10.0.0.8/hooks"}, 422, "webhook_url_invalid"),
        ({"url": "https://ann:secret@shop.example/"}, 422, "webhook_url_invalid"),
    ],
)
async def test_nonsense_makes_no_endpoint(shop, body, status, code):
    assert refused(await shop.post(PATH, body)) == (status, code)
    assert (await shop.get(PATH)).json()["data"] == []


async def test_another_account_finds_none_of_it(shop, stranger, receiver):
    endpoint = await made_by(shop, receiver)
    await shop.post(f"{PATH}/{endpoint.id}/test")
    delivery = await newest(shop)
    since = {"since": datetime.now(UTC).isoformat()}
    for path, body in (
        (f"{PATH}/{endpoint.id}", {"description": "Mine now"}),
        *((f"{PATH}/{endpoint.id}/{verb}", None) for verb in ("enable", "disable", "rotate", "test")),
        (f"{PATH}/{endpoint.id}/recover", since),
        ("/sim/webhooks/chaos", {"endpoint": endpoint.id, "duplicate": True}),
    ):
        assert refused(await stranger.post(path, body)) == (404, "webhook_endpoint_unknown"), path
    assert refused(await stranger.get(f"{PATH}/{endpoint.id}")) == (404, "webhook_endpoint_unknown")
    gone = await stranger.client.delete(f"/v1{PATH}/{endpoint.id}", headers=stranger.authorization)
    assert refused(gone) == (404, "webhook_endpoint_unknown")
    for answer in (
        await stranger.get(f"/webhook-deliveries/{delivery.id}"),
        await stranger.post(f"/webhook-deliveries/{delivery.id}/replay"),
    ):
        assert refused(answer) == (404, "webhook_delivery_unknown")
    assert (await stranger.get("/webhook-deliveries", endpoint=endpoint.id)).json()["data"] == []
    assert (await shop.get(f"{PATH}/{endpoint.id}")).json()["version"] == endpoint.version


async def test_a_key_does_what_its_scopes_say(people, client, receiver):
    reader = await program(client, await people.join("cas"), scopes=["webhooks:read"])
    assert (await reader.get(PATH)).status_code == 200
    assert refused(await reader.post(PATH, {"url": receiver.url})) == (403, "scope_missing")
