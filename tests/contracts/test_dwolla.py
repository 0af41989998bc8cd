"""Every exchange with the Dwolla stand-in against Dwolla's published description.

`normalised` is where the description is read more kindly than it is written, each with its reason.
"""

import base64
from datetime import date
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from openapi_core import OpenAPI
from starlette.types import ASGIApp

from paya_app.core.config import settings
from paya_app.local.vendors.dwolla import ACCOUNT_ID
from paya_app.providers import dwolla as provider
from paya_app.providers.outcome import Rejected
from tests.support.dwolla import HAL, ServedDwolla, serving
from tests.support.openapi_judge import Judge, compiled, description

# Dwolla's reference pages list these answers; its OpenAPI document leaves them out.
UNLISTED = {
    ("/funding-sources/{id}/micro-deposits", "post"): ("400",),
    ("/transfers", "post"): ("409",),
}
PROBLEM = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "_embedded": {"type": "object", "required": ["errors"], "properties": {"errors": {"type": "array"}}},
    },
}


def normalised(spec: dict[str, Any]) -> dict[str, Any]:
    """Dwolla's description, made usable where it contradicts itself."""
    # tokens are tested by hand below: the document demands Basic, Dwolla's own SDKs send a form
    spec.pop("security", None)
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if not isinstance(operation, dict):
                continue
            operation.pop("security", None)
            responses = operation["responses"]
            problem = {"description": "a refusal", "content": {HAL: {"schema": PROBLEM}}}
            for status in (*UNLISTED.get((path, method), ()), "401"):
                responses.setdefault(status, problem)
            for status, response in responses.items():
                if status >= "400":
                    # dozens of alternatives of one shape: `oneOf` can never hold, Dwolla's own examples included
                    for media in response.get("content", {}).values():
                        _any_of(media["schema"])
            content = operation.get("requestBody", {}).get("content", {})
            for media in list(content.values()):
                # HAL and plain JSON bodies are the same thing, and the SDKs send plain JSON
                content.setdefault("application/json", media)
                content.setdefault(HAL, media)
    body = spec["paths"]["/funding-sources/{id}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    _any_of(body)  # renaming a bank fits both of its "update" alternatives
    balance = spec["paths"]["/funding-sources/{id}/balance"]["get"]["responses"]["200"]["content"]
    _any_of(balance[HAL]["schema"])  # every bank's balance also fits a settlement account's
    deposits = spec["paths"]["/funding-sources/{id}/micro-deposits"]["post"]["requestBody"]["content"]
    # "no body" is written as "any object", which would let every wrong body through
    start, verify = deposits["application/json"]["schema"].pop("oneOf")
    deposits["application/json"]["schema"]["anyOf"] = [{**start, "maxProperties": 0}, verify]
    return spec


def _any_of(schema: dict[str, Any]) -> None:
    if "oneOf" in schema:
        schema["anyOf"] = schema.pop("oneOf")


@cache
def dwolla_description() -> OpenAPI:
    return compiled(normalised(description("dwolla.json")), (HAL,))


def judge(app: ASGIApp) -> Judge:
    return Judge(app, dwolla_description(), "https://api.dwolla.com")


class Served:
    """The stand-in behind the judge."""

    judge: Judge
    dwolla: ServedDwolla

    def wrap(self, app, _base_url):
        self.judge = judge(app)
        return self.judge


@pytest.fixture
async def served(database):
    the = Served()
    async with serving(database, wrap=the.wrap) as dwolla:
        the.dwolla = dwolla
        yield the


def bank(**changes: Any) -> dict[str, Any]:
    return {
        "routingNumber": "222222226",
        "accountNumber": "1234567890",
        "bankAccountType": "checking",
        "name": "Ann Example",
        **changes,
    }


async def linked(number: str = "1234567890") -> tuple[str, str]:
    customer = await provider.create_customer(
        first_name="Ann",
        last_name="Example",
        email=f"{uuid4()}@people.example.com",
        correlation_id=str(uuid4()),
        key="",
    )
    source = await provider.add_bank(
        customer, routing="222222226", account=number, kind="checking", name="Ann Example", key=str(uuid4())
    )
    await provider.start_micro_deposits(source)
    await provider.verify_micro_deposits(source, 3, 9)
    return customer, source


async def test_a_load_from_end_to_end_is_as_dwolla_describes_it(served):
    http = served.dwolla.client
    customer, source = await linked()
    assert (await provider.funding_source(source)).status == "verified"
    key, load = str(uuid4()), str(uuid4())
    order = {
        "source_id": source,
        "destination_id": settings().dwolla_reserve_source,
        "amount_cents": 5000,
        "correlation_id": load,
        "key": key,
    }
    transfer = await provider.create_transfer(**order)
    assert await provider.create_transfer(**order) == transfer
    found = await provider.find_transfer(customer, load)
    assert found is not None
    assert found.id == transfer
    await served.dwolla.simulate()
    first = await provider.transfer(transfer)
    assert (first.status, first.correlation_id) == ("processed", load)
    await served.dwolla.simulate()
    second = await provider.transfer(first.funded_id)
    assert (second.status, second.funding_id, second.amount_cents) == ("processed", transfer, 5000)
    held = {each.type: each.cents for each in await provider.our_balances(settings().dwolla_reserve_source)}
    assert held == {"bank": 5000, "balance": 0}
    listed = {each.transfer.id: each.direction for each in await provider.list_transfers(date(2020, 1, 1))}
    assert listed == {transfer: "in", second.id: "within"}
    assert await provider.list_transfers(status="pending") == []
    await provider.ensure_subscription("http://127.0.0.1:9/hooks/dwolla", "a secret")
    await provider.ensure_subscription("http://127.0.0.1:9/hooks/dwolla", "a secret")
    for path in (
        "/",
        f"/accounts/{ACCOUNT_ID}",
        f"/accounts/{ACCOUNT_ID}/funding-sources",
        f"/accounts/{ACCOUNT_ID}/transfers",
        "/customers?search=Ann&limit=10",
        f"/customers/{customer}",
        f"/customers/{customer}/funding-sources?removed=false",
        f"/customers/{customer}/transfers",
        f"/funding-sources/{source}",
        f"/funding-sources/{source}/balance",
        f"/funding-sources/{source}/micro-deposits",
        f"/funding-sources/{settings().dwolla_reserve_source}/balance",
        f"/transfers/{first.funded_id}",
        "/events?limit=5",
        "/webhook-subscriptions",
    ):
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, HAL), path
    events = (await http.get("/events")).json()["_embedded"]["events"]
    assert (await http.get(f"/events/{events[0]['id']}")).json()["id"] == events[0]["id"]
    subscriptions = (await http.get("/webhook-subscriptions")).json()
    assert subscriptions["total"] == 1
    here = f"/webhook-subscriptions/{subscriptions['_embedded']['webhook-subscriptions'][0]['id']}"
    for method, body in (("GET", None), ("POST", {"paused": True}), ("DELETE", None)):
        assert (await http.request(method, here, json=body)).status_code == 200
    assert served.judge.faults == []
    assert len(served.judge.exchanges) > 30


async def test_payouts_are_as_dwolla_describes_them(served):
    http = served.dwolla.client
    customer, source = await linked()
    await served.dwolla.database.rows(
        "update vendor_dwolla.bank_account set balance_cents = 100000 where number = '9000000001'"
    )
    order = {"source_id": settings().dwolla_reserve_source, "destination_id": source, "amount_cents": 5000}
    paid = await provider.create_transfer(**order, correlation_id="paid", key="paid")
    assert await provider.create_transfer(**order, correlation_id="paid", key="paid") == paid
    found = await provider.find_transfer(customer, "paid", is_payout=True)
    assert found is not None
    assert (found.id, found.status, found.funded_id) == (paid, "pending", "")
    pull = await provider.transfer(found.funding_id)
    assert (pull.status, pull.funded_id, pull.amount_cents) == ("pending", paid, 5000)
    stopped = await provider.create_transfer(**order, correlation_id="stopped", key="stopped")
    assert await provider.cancel_transfer(stopped) is True
    assert await provider.cancel_transfer(stopped) is False
    assert (await provider.transfer(stopped)).status == "cancelled"
    await served.dwolla.simulate()
    assert (await provider.transfer(pull.id)).status == "processed"
    assert await provider.cancel_transfer(paid) is False, "our bank has paid"
    await served.dwolla.simulate()
    assert (await provider.transfer(paid)).status == "processed"
    await served.dwolla.rename(source, "R03")
    refused = await provider.create_transfer(**order, correlation_id="refused", key="refused")
    await served.dwolla.simulate()
    await served.dwolla.simulate()
    assert (await provider.transfer(refused)).status == "failed"
    assert await provider.return_code(refused) == "R03"
    for path in (f"/transfers/{paid}", f"/transfers/{pull.id}", f"/customers/{customer}/transfers", "/events?limit=50"):
        assert (await http.get(path)).status_code == 200
    assert served.judge.faults == []


async def test_failures_and_cancellations_are_as_dwolla_describes_them(served):
    http = served.dwolla.client
    _, source = await linked()
    destination = settings().dwolla_reserve_source
    await served.dwolla.rename(source, "R01")
    order = {"source_id": source, "destination_id": destination, "amount_cents": 100, "correlation_id": "one"}
    failing = await provider.create_transfer(**order, key="a")
    await served.dwolla.simulate()
    assert await provider.return_code(failing) == "R01"
    cancelled = await provider.create_transfer(**order, key="b")
    assert (await http.post(f"/transfers/{cancelled}", json={"status": "cancelled"})).status_code == 200
    assert (await http.post(f"/transfers/{cancelled}", json={"status": "cancelled"})).status_code == 400
    assert (await http.post(f"/funding-sources/{source}", json={"removed": True})).status_code == 200
    with pytest.raises(Rejected):
        await provider.create_transfer(**order, key="c")
    for path in ("/customers/{}", "/funding-sources/{}", "/transfers/{}", "/events/{}", "/transfers/{}/failure"):
        assert (await http.get(path.format(uuid4()))).status_code == 404
        assert (await http.get(path.format("no-id"))).status_code == 404
    assert served.judge.faults == []


BAD_BODIES = [
    ("/customers", {"firstName": "Ann"}),
    ("/customers", {"firstName": "Ann", "lastName": 7, "email": "a@b.example", "type": "unverified"}),
    ("/customers/{customer}/funding-sources", bank(routingNumber=222222226)),
    ("/customers/{customer}/funding-sources", {"routingNumber": "222222226"}),
    ("/customers/{customer}/funding-sources", bank(bankAccountType="mattress")),
    ("/funding-sources/{source}", {"removed": "yes"}),
    ("/funding-sources/{source}", {"nickname": "x"}),
    ("/funding-sources/{unverified}/micro-deposits", {"amount1": "0.03", "amount2": "0.09"}),
    ("/transfers", {"amount": {"value": "5.00", "currency": "USD"}}),
    ("/transfers", {"_links": {}, "amount": {"value": 5, "currency": "USD"}}),
    ("/transfers/{transfer}", {"status": "gone"}),
    ("/webhook-subscriptions", {"url": "http://127.0.0.1:9/"}),
    ("/webhook-subscriptions", {"url": 7, "secret": "x"}),
    ("/webhook-subscriptions/{subscription}", {"paused": "yes"}),
]


@pytest.mark.parametrize(("path", "body"), BAD_BODIES, ids=lambda value: str(value)[:60])
async def test_a_malformed_body_is_caught_by_the_description_and_refused(served, path, body):
    customer, source = await linked()
    unverified = await provider.add_bank(
        customer, routing="222222226", account="99999999", kind="savings", name="Ann Example", key="u"
    )
    await provider.start_micro_deposits(unverified)
    transfer = await provider.create_transfer(
        source_id=source,
        destination_id=settings().dwolla_reserve_source,
        amount_cents=100,
        correlation_id="one",
        key="t",
    )
    await provider.ensure_subscription("http://127.0.0.1:9/hooks/dwolla", "a secret")
    listed = (await served.dwolla.client.get("/webhook-subscriptions")).json()["_embedded"]["webhook-subscriptions"]
    names = {
        "customer": customer,
        "source": source,
        "unverified": unverified,
        "transfer": transfer,
        "subscription": listed[0]["id"],
    }
    answer = await served.dwolla.client.post(path.format(**names), json=body)
    assert answer.status_code == 400
    exchange = served.judge.exchanges[-1]
    assert exchange.request_faults, "the description let a malformed body pass"
    assert exchange.response_faults == []
    assert served.judge.faults == []


async def test_a_malformed_answer_is_caught(database):
    async def broken(scope, receive, send):
        if scope["path"] == "/customers/1":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", HAL.encode())]})
            await send({"type": "http.response.body", "body": b'{"id": "1", "type": "unverified"}'})

    strict = judge(broken)
    scope = {
        "type": "http",
        "path": "/customers/1",
        "method": "GET",
        "headers": [(b"accept", HAL.encode())],
        "query_string": b"",
    }

    async def nothing():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def swallow(message):
        pass

    await strict(scope, nothing, swallow)
    assert strict.exchanges[-1].request_faults == []
    assert strict.faults, "the description let a malformed answer pass"


async def test_bad_credentials_are_refused_as_dwolla_does(served):
    http = served.dwolla.client
    the = settings()
    wrong = [
        {"auth": (the.dwolla_key, "wrong")},
        {"auth": ("wrong", the.dwolla_secret.get_secret_value())},
        {"data": {"client_id": the.dwolla_key, "client_secret": "wrong"}},
        {"headers": {"Authorization": "Basic !!!"}},
        {"headers": {"Authorization": "Basic " + base64.b64encode(b"\xff").decode()}},
        {},
    ]
    for how in wrong:
        data = {"grant_type": "client_credentials", **how.pop("data", {})}
        answer = await http.post("/token", data=data, **{"headers": {"Authorization": ""}, **how})
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
    for header in ("", "Bearer", "Bearer nothing", "Basic abc"):
        answer = await http.get("/", headers={"Authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, "InvalidAccessToken")
    await served.dwolla.database.rows("update vendor_dwolla.access_token set expires_at = now() - interval '1 s'")
    assert (await http.get("/")).json()["code"] == "ExpiredAccessToken"
    assert served.judge.faults == []
