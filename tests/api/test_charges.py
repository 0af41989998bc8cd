"""Charges over HTTP: the founding calls, the resource routes, the simulation; and who may not see them."""

import asyncio
from uuid import uuid4

import pytest

from paya_app.api.v1.charge_answers import (
    Authorized,
    CaptureAnswer,
    Captured,
    Charge,
    ChargeList,
    ChargeWhole,
    Clock,
    DisputeAnswer,
    RefundAnswer,
    Refunded,
    SettlementRun,
)
from tests.api.keyed import CARD, CHARGE, program, programs, refused


@pytest.fixture
async def client(database):
    async with programs() as client:
        yield client


@pytest.fixture
async def shop(people, client):
    return await program(client, await people.join("ann"))


async def test_the_three_founding_calls(shop):
    made = await shop.post("/payments/authorize", {"card": CARD, "amount": 1250, "currency": "USD"})
    assert made.status_code == 201, made.text
    said = Authorized.model_validate_json(made.content, strict=True)
    assert (said.status, said.charge.id, said.charge.amount_minor) == ("approved", said.auth_id, 1250)
    taken = await shop.post("/payments/capture", {"auth_id": said.auth_id, "amount": 1000})
    captured = Captured.model_validate_json(taken.content, strict=True)
    assert (taken.status_code, captured.status, captured.auth_id) == (201, "completed", said.auth_id)
    given = await shop.post("/payments/refund", {"transaction_id": captured.transaction_id, "amount": 400})
    back = Refunded.model_validate_json(given.content, strict=True)
    assert (given.status_code, back.status, back.refund.status) == (201, "completed", "pending")
    assert back.refund.charge.refunded_minor == 400
    # the alias of the amount's name, and a currency that is left out
    made = await shop.post("/payments/authorize", {"card": "4000 0000 0000 9995", "amount_minor": 1250})
    said = Authorized.model_validate_json(made.content, strict=True)
    assert (made.status_code, said.status, said.decline_code) == (201, "declined", "insufficient_funds")


async def test_the_literal_header_of_the_founding_contract(shop):
    body = {"card": CARD, "amount": 100}
    headers = shop.authorization | {"x-idempotency-key": "order-1"}
    first = await shop.client.post("/v1/payments/authorize", json=body, headers=headers)
    again = await shop.client.post("/v1/payments/authorize", json=body, headers=headers)
    assert (first.status_code, again.content) == (201, first.content)


async def test_a_charge_from_making_to_settlement(shop):
    made = await shop.post("/charges", CHARGE | {"metadata": {"order": "A-1"}})
    charge = Charge.model_validate_json(made.content, strict=True)
    assert made.headers["location"] == f"/v1/charges/{charge.id}"
    assert (charge.status, charge.card.last4, charge.metadata) == ("authorized", "4242", {"order": "A-1"})
    more = await shop.post(f"/charges/{charge.id}/increment", {"amount_minor": 750})
    assert Charge.model_validate_json(more.content, strict=True).authorized_minor == 2000
    part = await shop.post(f"/charges/{charge.id}/capture", {"amount_minor": 500, "final": False})
    capture = CaptureAnswer.model_validate_json(part.content, strict=True)
    assert (part.status_code, capture.charge.status) == (201, "partially_captured")
    rest = await shop.post(f"/charges/{charge.id}/void")
    assert Charge.model_validate_json(rest.content, strict=True).released_minor == 1500
    settled = await shop.post("/sim/settlements/run", {"everything": True})
    run = SettlementRun.model_validate_json(settled.content, strict=True)
    assert [(each.currency, each.gross_minor) for each in run.data] == [("USD", 500)]
    back = await shop.post(f"/charges/{charge.id}/refund", {"amount_minor": 200, "reason": "duplicate"})
    refund = RefundAnswer.model_validate_json(back.content, strict=True)
    failed = await shop.post(f"/sim/refunds/{refund.id}/fail")
    assert RefundAnswer.model_validate_json(failed.content, strict=True).status == "failed"
    opened = await shop.post(f"/sim/charges/{charge.id}/dispute", {"amount_minor": 300})
    dispute = DisputeAnswer.model_validate_json(opened.content, strict=True)
    assert (opened.status_code, dispute.status) == (201, "needs_response")
    answered = await shop.post(f"/disputes/{dispute.id}/evidence", {"evidence": "It was delivered."})
    assert DisputeAnswer.model_validate_json(answered.content, strict=True).status == "under_review"
    accepted = await shop.post(f"/disputes/{dispute.id}/accept")
    assert DisputeAnswer.model_validate_json(accepted.content, strict=True).status == "lost"
    whole = ChargeWhole.model_validate_json((await shop.get(f"/charges/{charge.id}")).content, strict=True)
    assert (len(whole.captures), len(whole.refunds), len(whole.disputes)) == (1, 1, 1)
    for path in (f"/captures/{capture.id}", f"/refunds/{refund.id}", f"/disputes/{dispute.id}"):
        assert (await shop.get(path)).json()["charge_id"] == charge.id


async def test_the_clock_does_what_falls_due_and_is_turned_once(shop):
    await shop.post("/sim/clock/freeze", {"at": "2099-01-30T09:00:00Z"})
    charge = await shop.charge()
    await shop.post(f"/charges/{charge['id']}/capture", {"amount_minor": 1000, "final": False})
    key = uuid4()
    turned = await shop.post("/sim/clock/advance", {"seconds": 8 * 86400}, key)
    assert Clock.model_validate_json(turned.content, strict=True).now == "2099-02-07T09:00:00.000Z", turned.text
    assert (await shop.get("/sim/clock")).json() == turned.json()
    again = await shop.post("/sim/clock/advance", {"seconds": 8 * 86400}, key)
    assert again.content == turned.content
    assert (await shop.get("/sim/clock")).json() == turned.json()
    whole = (await shop.get(f"/charges/{charge['id']}")).json()
    assert (whole["settled_minor"], whole["released_minor"]) == (1000, 250)
    for never in ("0428-05-01T10:27:03-19:47", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        assert refused(await shop.post("/sim/clock/freeze", {"at": never})) == (422, "clock_invalid")
    both = await asyncio.gather(*(shop.post("/sim/clock/advance", {"seconds": n}) for n in (100, 3600)))
    assert [each.status_code for each in both] == [200, 200]
    assert (await shop.get("/sim/clock")).json()["now"] >= "2099-02-07T10:00:00.000Z"
    expired = await shop.post(f"/sim/charges/{(await shop.charge())['id']}/expire")
    assert expired.json()["status"] == "expired"


async def test_pages_of_charges(shop):
    made = [await shop.charge(metadata={"n": str(n % 2)}) for n in range(5)]
    await shop.post(f"/charges/{made[0]['id']}/void")
    ids = [charge["id"] for charge in reversed(made)]
    first = ChargeList.model_validate_json((await shop.get("/charges", limit=3)).content, strict=True)
    assert [charge.id for charge in first.data] == ids[:3]
    assert first.has_more
    assert first.next_cursor
    assert ids[2] not in first.next_cursor
    second = (await shop.get("/charges", limit=3, cursor=first.next_cursor)).json()
    assert ([charge["id"] for charge in second["data"]], second["next_cursor"]) == (ids[3:], None)

    async def found(**params):
        answer = await shop.get("/charges", **params)
        assert answer.status_code == 200, answer.text
        return [charge["id"] for charge in answer.json()["data"]]

    assert await found(status="voided") == [made[0]["id"]]
    assert await found(**{"metadata[n]": "1"}) == [made[3]["id"], made[1]["id"]]
    assert await found(card=made[0]["card"]["id"]) == ids
    assert await found(card=str(uuid4())) == []
    assert await found(**{"created[gte]": made[3]["created_at"]}) == ids[:2]
    assert await found(**{"created[lt]": made[1]["created_at"], "metadata[n]": "0"}) == [made[0]["id"]]


QUERIES = [
    ("limit=0", "parameter_invalid", "limit"),
    ("limit=101", "parameter_invalid", "limit"),
    ("limit=1e2", "parameter_invalid", "limit"),
    ("limit=%D9%A3", "parameter_invalid", "limit"),
    ("limit=5&limit=6", "parameter_invalid", "limit"),
    ("cursor=xyz", "parameter_invalid", "cursor"),
    ("cursor=%00", "parameter_invalid", "cursor"),
    ("cursor=é", "parameter_invalid", "cursor"),
    ("status=paid", "parameter_invalid", "status"),
    ("card=4242424242424242", "parameter_invalid", "card"),
    ("created=2027-01-01", "parameter_unknown", "created"),
    ("created[gte]=yesterday", "parameter_invalid", "created[gte]"),
    ("created[lt]=2027-02-30T00:00:00Z", "parameter_invalid", "created[lt]"),
    ("created[lt]=0428-05-01T10:27:03-19:47", "parameter_invalid", "created[lt]"),
    ("created[lt]=0001-01-01T00:00:00%2B23:59", "parameter_invalid", "created[lt]"),
    ("metadata=1", "parameter_unknown", "metadata"),
    ("sort=asc", "parameter_unknown", "sort"),
    ("&".join(f"metadata[{n}]=1" for n in range(11)), "parameter_invalid", "metadata"),
]


async def test_what_cannot_be_listed_is_refused_by_its_name(shop):
    for query, code, param in QUERIES:
        answer = await shop.client.get(f"/v1/charges?{query}", headers=shop.authorization)
        assert refused(answer) == (400, code), answer.text
        assert answer.json()["param"] == param


async def test_an_illegal_step_names_the_state_and_what_is_possible(shop):
    charge = await shop.charge()
    await shop.post(f"/charges/{charge['id']}/void")
    answer = await shop.post(f"/charges/{charge['id']}/capture", {})
    assert refused(answer) == (409, "charge_state_invalid")
    assert (answer.json()["state"], answer.json()["next_states"], answer.json()["operations"]) == ("voided", [], [])
    assert "is voided" in answer.json()["detail"]
    more = await shop.post(f"/charges/{(await shop.charge())['id']}/capture", {"amount_minor": 1251})
    assert refused(more) == (422, "charge_amount_exceeds")
    assert (more.json()["param"], more.json()["left_minor"]) == ("amount_minor", 1250)


async def test_others_see_and_change_nothing(people, client, shop):
    eve = await program(client, await people.join("eve"))
    charge = await shop.charge()
    capture = (await shop.post(f"/charges/{charge['id']}/capture", {"amount_minor": 1000})).json()
    refund = (await shop.post(f"/charges/{charge['id']}/refund", {"amount_minor": 100})).json()
    dispute = (await shop.post(f"/sim/charges/{charge['id']}/dispute", {"amount_minor": 100})).json()
    before = (await shop.get(f"/charges/{charge['id']}")).json()
    theirs = [
        *(("get", f"/{kind}s/{it['id']}", None) for kind, it in
          (("charge", charge), ("capture", capture), ("refund", refund), ("dispute", dispute))),
        *(("post", f"/charges/{charge['id']}/{verb}", {}) for verb in ("capture", "void", "refund")),
        ("post", f"/charges/{charge['id']}/increment", {"amount_minor": 1}),
        ("post", "/payments/capture", {"auth_id": charge["id"]}),
        ("post", "/payments/refund", {"transaction_id": capture["id"]}),
        ("post", f"/disputes/{dispute['id']}/evidence", {"evidence": "x"}),
        ("post", f"/disputes/{dispute['id']}/accept", {}),
        ("post", f"/sim/charges/{charge['id']}/dispute", {}),
        ("post", f"/sim/charges/{charge['id']}/expire", {}),
        ("post", f"/sim/refunds/{refund['id']}/fail", {}),
    ]  # fmt: skip
    for method, path, body in theirs:
        answer = await (eve.get(path) if method == "get" else eve.post(path, body))
        assert refused(answer) == (404, "not_found"), path
        # and an id that is none is like one that is another's
        assert refused(await eve.get("/charges/none")) == (404, "not_found")
    assert (await eve.get("/charges")).json()["data"] == []
    assert (await shop.get(f"/charges/{charge['id']}")).json() == before


async def test_each_route_wants_its_scope(people, client, shop):
    charge = (await shop.charge())["id"]
    scopes = {
        "payments:read": ["payments:read"],
        "payments:write": ["payments:read", "payments:write"],
        "webhooks:write": [],
        "sim:write": ["sim:write"],
    }
    wanted = {
        "payments:read": [("get", "/charges"), ("get", f"/charges/{charge}"), ("get", f"/captures/{charge}"),
                          ("get", f"/refunds/{charge}"), ("get", f"/disputes/{charge}")],
        "payments:write": [("post", "/charges"), ("post", f"/charges/{charge}/void"), ("post", "/payments/authorize"),
                           ("post", "/payments/capture"), ("post", "/payments/refund")],
        "sim:write": [("get", "/sim/clock"), ("post", "/sim/clock/advance"), ("post", "/sim/clock/freeze"),
                      ("post", "/sim/settlements/run"), ("post", f"/sim/charges/{charge}/dispute"),
                      ("post", f"/sim/charges/{charge}/expire"), ("post", f"/sim/refunds/{charge}/fail")],
    }  # fmt: skip
    for scope, has in scopes.items():
        key = await program(client, people.actors["ann"], [scope])
        for needed, routes in wanted.items():
            for method, path in routes:
                answer = await (key.get(path) if method == "get" else key.post(path, {"nothing": "known"}))
                is_refused = answer.status_code == 403
                assert is_refused == (needed not in has), (scope, path, answer.text)
                if is_refused:
                    assert refused(answer) == (403, "scope_missing")
                    assert needed in answer.json()["detail"]
