"""The stand-in's own rules: books that add up, keys, clock, webhooks, and nothing that makes it fall over."""

import asyncio
import hashlib
import hmac
import json
from uuid import uuid4

import psycopg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paya_app.core.config import settings
from tests.support.dwolla import free_socket, listening, serving, until

ROUTING, NUMBER = "222222226", "1234567890"


@pytest.fixture
async def dwolla(database):
    async with serving(database, opening_cents=10_000) as the:
        yield the


def made(answer) -> str:
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"].startswith("http://127.0.0.1:")
    return answer.headers["location"].rsplit("/", 1)[-1]


def faults(answer) -> list[tuple[str, str]]:
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, "ValidationError"), body
    return [(fault["code"], fault["path"]) for fault in body["_embedded"]["errors"]]


def customer_body(**changes):
    return {
        "firstName": "Ann",
        "lastName": "Example",
        "email": f"{uuid4()}@people.example.com",
        "type": "unverified",
        **changes,
    }


def bank_body(**changes):
    return {
        "routingNumber": ROUTING,
        "accountNumber": NUMBER,
        "bankAccountType": "checking",
        "name": "Ann Example",
        **changes,
    }


def deposits(first="0.03", second="0.09"):
    return {
        "amount1": {"value": first, "currency": "USD"},
        "amount2": {"value": second, "currency": "USD"},
    }


async def linked(dwolla, **changes) -> tuple[str, str]:
    http = dwolla.client
    customer = made(await http.post("/customers", json=customer_body()))
    source = made(await http.post(f"/customers/{customer}/funding-sources", json=bank_body(**changes)))
    await http.post(f"/funding-sources/{source}/micro-deposits")
    assert (await http.post(f"/funding-sources/{source}/micro-deposits", json=deposits())).status_code == 200
    return customer, source


def order(dwolla, source, value="50.00", **changes):
    def href(source_id):
        return {"href": f"{dwolla.base_url}/funding-sources/{source_id}"}

    return {
        "_links": {"source": href(source), "destination": href(settings().dwolla_reserve_source)},
        "amount": {"value": value, "currency": "USD"},
        **changes,
    }


async def topics(dwolla) -> list[str]:
    events = (await dwolla.client.get("/events?limit=200")).json()["_embedded"]["events"]
    return [event["topic"] for event in reversed(events)]


async def test_money_moves_in_two_legs_and_the_books_add_up(dwolla):
    _, source = await linked(dwolla)
    made(await dwolla.client.post("/transfers", json=order(dwolla, source)))
    total = await dwolla.database.value("select sum(balance_cents) from vendor_dwolla.bank_account")
    assert await dwolla.simulate() == 2  # the micro-deposits and the first leg
    assert (await dwolla.balance_cents(ROUTING, NUMBER), await dwolla.reserve_cents()) == (5000, 0)
    assert await dwolla.simulate() == 1
    assert (await dwolla.balance_cents(ROUTING, NUMBER), await dwolla.reserve_cents()) == (5000, 5000)
    assert await dwolla.simulate() == 0
    assert await dwolla.database.value("select sum(balance_cents) from vendor_dwolla.bank_account") == total
    transfers = [topic for topic in await topics(dwolla) if "transfer" in topic]
    assert sorted(transfers[:2]) == ["customer_transfer_created", "transfer_created"]
    assert sorted(transfers[2:5]) == ["bank_transfer_created", "customer_transfer_completed", "transfer_completed"]
    assert transfers[5:] == ["bank_transfer_completed"]


async def test_more_than_the_bank_holds_comes_back_as_r01(dwolla):
    _, source = await linked(dwolla)
    transfer = made(await dwolla.client.post("/transfers", json=order(dwolla, source, "100.01")))
    await dwolla.simulate()
    assert (await dwolla.client.get(f"/transfers/{transfer}")).json()["status"] == "failed"
    failure = (await dwolla.client.get(f"/transfers/{transfer}/failure")).json()
    assert (failure["code"], failure["description"]) == ("R01", "Insufficient Funds")
    assert await dwolla.balance_cents(ROUTING, NUMBER) == 10_000


async def test_a_source_called_r03_fails_and_is_removed(dwolla):
    customer, source = await linked(dwolla, name="R03")
    transfer = made(await dwolla.client.post("/transfers", json=order(dwolla, source)))
    await dwolla.simulate()
    assert (await dwolla.client.get(f"/transfers/{transfer}/failure")).json()["code"] == "R03"
    left = (await dwolla.client.get(f"/customers/{customer}/funding-sources?removed=false")).json()
    assert left["total"] == 0
    assert (await topics(dwolla))[-1] == "customer_funding_source_removed"


async def test_a_source_called_r01_late_fails_after_it_was_processed(dwolla):
    _, source = await linked(dwolla, name="R01-late")
    transfer = made(await dwolla.client.post("/transfers", json=order(dwolla, source)))
    await dwolla.simulate()
    assert (await dwolla.client.get(f"/transfers/{transfer}")).json()["status"] == "processed"
    await dwolla.simulate()
    assert (await dwolla.client.get(f"/transfers/{transfer}")).json()["status"] == "failed"
    assert await dwolla.balance_cents(ROUTING, NUMBER) == 10_000


async def test_one_key_with_one_body_is_one_transfer(dwolla):
    _, source = await linked(dwolla)

    async def post(key, value="1.00"):
        headers = {"Idempotency-Key": key}
        return await dwolla.client.post("/transfers", json=order(dwolla, source, value), headers=headers)

    answers = await asyncio.gather(*(post("one") for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    places = {answer.headers["location"] for answer in answers if answer.status_code == 201}
    assert len(places) == 1
    assert (await post("one")).headers["location"] in places
    assert (await post("one", "2.00")).headers["location"] not in places, "a key counts together with its request"
    assert await dwolla.transfer_count() == 2


async def test_a_refusal_keeps_no_key(dwolla):
    _, source = await linked(dwolla)
    headers = {"Idempotency-Key": "one"}
    await dwolla.client.post(f"/funding-sources/{source}", json={"removed": True})
    assert faults(await dwolla.client.post("/transfers", json=order(dwolla, source), headers=headers)) == [
        ("Invalid", "/_links/source/href")
    ]
    await dwolla.database.rows("update vendor_dwolla.funding_source set removed = false")
    made(await dwolla.client.post("/transfers", json=order(dwolla, source), headers=headers))


async def test_customers_are_checked_as_dwolla_checks_them(dwolla):
    http = dwolla.client
    assert faults(await http.post("/customers", json={})) == [
        ("Required", "/firstName"),
        ("Required", "/lastName"),
        ("Required", "/email"),
    ]
    assert faults(await http.post("/customers", json=customer_body(email="nobody"))) == [("InvalidFormat", "/email")]
    assert faults(await http.post("/customers", json=customer_body(type="king"))) == [("Invalid", "/type")]
    body = customer_body()
    first = made(await http.post("/customers", json=body))
    again = await http.post("/customers", json=body | {"email": body["email"].upper()})
    assert faults(again) == [("Duplicate", "/email")]
    assert again.json()["_embedded"]["errors"][0]["_links"]["about"]["href"].endswith(first)
    assert (await http.post("/customers", json=customer_body(type="personal"))).status_code == 403


async def test_banks_are_checked_as_dwolla_checks_them(dwolla):
    http = dwolla.client
    customer = made(await http.post("/customers", json=customer_body()))
    path = f"/customers/{customer}/funding-sources"
    for changes, fault in (
        ({"routingNumber": "222222227"}, ("Invalid", "/routingNumber")),
        ({"routingNumber": "992222226"}, ("Invalid", "/routingNumber")),
        ({"routingNumber": "٢٢٢٢٢٢٢٢٦"}, ("Invalid", "/routingNumber")),
        ({"accountNumber": "123"}, ("Invalid", "/accountNumber")),
        ({"accountNumber": "1" * 18}, ("Invalid", "/accountNumber")),
        ({"bankAccountType": "mattress"}, ("Invalid", "/bankAccountType")),
        ({"name": "x" * 51}, ("InvalidFormat", "/name")),
        ({"name": ""}, ("Required", "/name")),
    ):
        assert faults(await http.post(path, json=bank_body(**changes))) == [fault]
    first = made(await http.post(path, json=bank_body()))
    again = await http.post(path, json=bank_body(name="Other"))
    assert (again.status_code, again.json()["code"]) == (400, "DuplicateResource")
    assert again.json()["_links"]["about"]["href"].endswith(first)


async def test_transfers_are_checked_as_dwolla_checks_them(dwolla):
    http = dwolla.client
    customer, source = await linked(dwolla)
    waiting = made(await http.post(f"/customers/{customer}/funding-sources", json=bank_body(accountNumber="55556666")))
    for body, fault in (
        (order(dwolla, source, "0.00"), ("InvalidFormat", "/amount/value")),
        (order(dwolla, source, "-1"), ("InvalidFormat", "/amount/value")),
        (order(dwolla, source, "1.001"), ("InvalidFormat", "/amount/value")),
        (order(dwolla, source, "1e3"), ("InvalidFormat", "/amount/value")),
        (order(dwolla, source, "5000.01"), ("Invalid", "/amount/value")),
        (order(dwolla, source, amount={"value": "1.00", "currency": "EUR"}), ("Invalid", "/amount/currency")),
        (order(dwolla, uuid4()), ("Invalid", "/_links/source/href")),
        (order(dwolla, waiting), ("Invalid", "/_links/source/href")),
        (order(dwolla, source, correlationId="a b"), ("InvalidFormat", "/correlationId")),
        (order(dwolla, source, metadata=[1]), ("Invalid", "/metadata")),
    ):
        assert faults(await http.post("/transfers", json=body)) == [fault]
    other = made(await http.post("/customers", json=customer_body()))
    theirs = made(await http.post(f"/customers/{other}/funding-sources", json=bank_body()))
    to_them = order(dwolla, source)
    to_them["_links"]["destination"]["href"] = f"{dwolla.base_url}/funding-sources/{theirs}"
    from_us = order(dwolla, settings().dwolla_reserve_source)
    for body in (to_them, from_us):
        assert (await http.post("/transfers", json=body)).status_code == 403
    await dwolla.database.rows("update vendor_dwolla.customer set status = 'suspended'")
    assert faults(await http.post("/transfers", json=order(dwolla, source))) == [("Restricted", "/_links/source/href")]
    assert await dwolla.transfer_count() == 0


async def test_micro_deposits_give_three_tries(dwolla):
    http = dwolla.client
    customer = made(await http.post("/customers", json=customer_body()))
    source = made(await http.post(f"/customers/{customer}/funding-sources", json=bank_body()))
    path = f"/funding-sources/{source}/micro-deposits"
    assert (await http.post(path, json=deposits())).status_code == 404
    assert (await http.post(path)).status_code == 201
    assert (await http.post(path)).json()["code"] == "MaxNumberOfResources"
    assert faults(await http.post(path, json=deposits("0.03", "x"))) == [("InvalidFormat", "/amount2/value")]
    for value in ("0.10", "0", "-0.03"):
        assert faults(await http.post(path, json=deposits(value))) == [("Invalid", "/amount1/value")]
    answer = await http.post(path, json=deposits())
    assert (answer.status_code, answer.json()["message"]) == (403, "Too many attempts.")
    assert "customer_microdeposits_maxattempts" in await topics(dwolla)


async def test_what_it_knows_outlives_it(database):
    async with serving(database) as first:
        _, source = await linked(first)
        made(await first.client.post("/transfers", json=order(first, source)))
    async with serving(database) as second:
        assert (await second.client.get(f"/funding-sources/{source}")).json()["status"] == "verified"
        await second.simulate()
        await second.simulate()
        assert await second.reserve_cents() == 5000


async def test_the_clock_clears_a_transfer_by_itself(database):
    async with serving(database, ach_s=0.3) as dwolla:
        _, source = await linked(dwolla)
        made(await dwolla.client.post("/transfers", json=order(dwolla, source)))
        await until(dwolla.reserve_cents)
        assert await dwolla.reserve_cents() == 5000


async def test_it_reads_nothing_but_its_own_tables(database):
    for table in ("banking.load", "ledger.account", "auth.users", "jobs.tick"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await database.rows(f"select 1 from {table} limit 1", role="paya_vendors")


class Listener:
    """Somebody who gets webhooks, and fails as often as told."""

    def __init__(self, failures=0):
        self.failures = failures
        self.got: list[tuple[dict, bytes]] = []

    async def hear(self, request: Request) -> Response:
        body = await request.body()
        if self.failures:
            self.failures -= 1
            return Response(status_code=500)
        self.got.append((dict(request.headers), body))
        return Response()


async def test_webhooks_are_signed_and_say_what_happened(dwolla):
    listener = Listener(failures=3)
    held = free_socket()
    url = f"http://127.0.0.1:{held.getsockname()[1]}/hook"
    async with listening(Starlette(routes=[Route("/hook", listener.hear, methods=["POST"])]), held):
        made(await dwolla.client.post("/webhook-subscriptions", json={"url": url, "secret": "a secret"}))
        customer = made(await dwolla.client.post("/customers", json=customer_body()))
        await until(lambda: listener.got)
    held.close()
    headers, body = listener.got[0]
    assert headers["x-request-signature-sha-256"] == hmac.new(b"a secret", body, hashlib.sha256).hexdigest()
    event = json.loads(body)
    assert (headers["x-dwolla-topic"], event["topic"], event["resourceId"]) == (
        "customer_created",
        "customer_created",
        customer,
    )
    assert event["_links"]["customer"]["href"] == f"{dwolla.base_url}/customers/{customer}"
    assert await dwolla.database.rows("select attempts, delivered_at is not null from vendor_dwolla.delivery") == [
        (4, True)
    ]


async def test_a_webhook_that_nobody_takes_is_tried_nine_times(database):
    async with serving(database, retry_delays_s=(0.01,) * 8) as dwolla:
        held = free_socket()
        url = f"http://127.0.0.1:{held.getsockname()[1]}/hook"
        held.close()
        made(await dwolla.client.post("/webhook-subscriptions", json={"url": url, "secret": "a secret"}))
        made(await dwolla.client.post("/customers", json=customer_body()))
        given_up = "select attempts from vendor_dwolla.delivery where next_at is null"
        assert await until(lambda: database.value(given_up)) == 9


async def test_a_paused_subscription_gets_nothing(dwolla):
    url = "http://127.0.0.1:9/hook"
    subscription = made(await dwolla.client.post("/webhook-subscriptions", json={"url": url, "secret": "x"}))
    await dwolla.client.post(f"/webhook-subscriptions/{subscription}", json={"paused": True})
    made(await dwolla.client.post("/customers", json=customer_body()))
    assert await dwolla.database.value("select count(*) from vendor_dwolla.delivery") == 0
    assert (await dwolla.client.delete(f"/webhook-subscriptions/{subscription}")).status_code == 200
    assert (await dwolla.client.get("/webhook-subscriptions")).json()["total"] == 0


async def test_subscriptions_are_checked(dwolla):
    post = dwolla.client.post
    for body, path in (
        ({"url": "ftp://x", "secret": "s"}, "/url"),
        ({"url": "http://x"}, "/secret"),
        ({"url": "http://x", "secret": "s" * 129}, "/secret"),
    ):
        answer = await post("/webhook-subscriptions", json=body)
        assert [p for _, p in faults(answer)] == [path]
    for number in range(10):
        made(await post("/webhook-subscriptions", json={"url": f"http://127.0.0.1:9/{number}", "secret": "s"}))
    answer = await post("/webhook-subscriptions", json={"url": "http://127.0.0.1:9/11", "secret": "s"})
    assert (answer.status_code, answer.json()["code"]) == (400, "MaxNumberOfResources")


HOSTILE = [
    "",
    0,
    -1,
    1.001,
    1e308,
    "1,00",
    "١٢",
    "a\x00b",
    "\u202e",
    "<script>",
    "'; drop",
    "🌮",
    None,
    [],
    {},
    "x" * 90_000,
]


async def test_no_value_in_any_field_makes_it_fall_over(dwolla):
    customer, source = await linked(dwolla)
    bodies = [
        ("/customers", customer_body()),
        (f"/customers/{customer}/funding-sources", bank_body(accountNumber="77778888")),
        (f"/funding-sources/{source}", {"name": "x"}),
        (f"/funding-sources/{source}/micro-deposits", deposits()),
        ("/transfers", order(dwolla, source, correlationId="c", metadata={})),
        ("/webhook-subscriptions", {"url": "http://127.0.0.1:9/", "secret": "s"}),
    ]
    for path, body in bodies:
        for name in body:
            for hostile in HOSTILE:
                answer = await dwolla.client.post(path, json=body | {name: hostile})
                assert answer.status_code in (201, 200, 400, 403), (path, name, repr(hostile)[:30], answer.text)


async def test_no_bytes_make_it_fall_over(dwolla):
    for raw in (
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b'{"a": NaN}',
        b"[" * 90_000,
        b'{"firstName": "\\ud800"}',
        b"x" * 200_000,
    ):
        answer = await dwolla.client.post("/customers", content=raw)
        assert answer.status_code in (400, 413), raw[:20]
    for path in (
        "/customers/%00",
        "/customers?search=%00",
        "/transfers/%27%3B",
        "/nowhere",
        "/customers?limit=x&offset=-1",
    ):
        assert (await dwolla.client.get(path)).status_code in (200, 400, 404), path
