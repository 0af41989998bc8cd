"""Requests as nobody should write them, one by one: each is refused by name, and nothing is stored."""

import json
from uuid import uuid4

import psycopg
import pytest

from paya_app import charges
from paya_app.charges import OperationUnknown
from paya_app.core.errors import PayaError
from paya_app.core.ids import new_id
from tests.charges.books import assert_books

GOOD = {"amount_minor": 100, "currency": "USD", "card": "visa"}
AUTHORIZATIONS = [
    ({"amount_minor": 0}, "charge_amount_invalid"),
    ({"amount_minor": -1}, "charge_amount_invalid"),
    ({"amount_minor": 1.5}, "charge_amount_invalid"),
    ({"amount_minor": "100"}, "charge_amount_invalid"),
    ({"amount_minor": True}, "charge_amount_invalid"),
    ({"amount_minor": [100]}, "charge_amount_invalid"),
    ({"amount_minor": 100_000_000}, "charge_amount_invalid"),
    ({"amount_minor": 10**30}, "charge_amount_invalid"),
    ({"amount_minor": 2**63}, "charge_amount_invalid"),
    ({"amount_minor": ...}, "charge_field_invalid"),
    ({"amount_minor": None}, "charge_amount_invalid"),
    ({"currency": "usd"}, "currency_unknown"),
    ({"currency": "XXX"}, "currency_unknown"),
    ({"currency": ...}, "currency_unknown"),
    ({"currency": 840}, "currency_unknown"),
    ({"card": "4242424242424242"}, "card_not_a_test_card"),
    ({"card": ...}, "card_not_a_test_card"),
    ({"card": {"number": "x"}}, "card_not_a_test_card"),
    ({"allow_partial": "yes"}, "charge_field_invalid"),
    ({"allow_partial": None}, "charge_field_invalid"),
    ({"metadata": []}, "charge_field_invalid"),
    ({"metadata": {"a": 1}}, "charge_field_invalid"),
    ({"metadata": {"a": None}}, "charge_field_invalid"),
    ({"metadata": {"": "x"}}, "charge_field_invalid"),
    ({"metadata": {"k" * 41: "x"}}, "charge_field_invalid"),
    ({"metadata": {"k": "x" * 501}}, "charge_field_invalid"),
    ({"metadata": {str(n): "" for n in range(51)}}, "charge_field_invalid"),
    ({"metadata": {"pan": "4111 1111 1111 1111"}}, "card_number_in_text"),
    ({"metadata": {"pan": "5555-5555-5555-4444"}}, "card_number_in_text"),
    ({"number": "4242424242424242"}, "charge_field_invalid"),
    ({"amount": 5}, "charge_field_invalid"),
]


def changed(request, change):
    return {name: value for name, value in (request | change).items() if value is not ...}


@pytest.mark.parametrize(("change", "code"), AUTHORIZATIONS)
async def test_authorizations(database, change, code):
    once = new_id()
    account = uuid4()
    with pytest.raises(PayaError) as refused:
        await charges.execute("authorize", account, once, changed(GOOD, change))
    assert refused.value.code == code
    assert 400 <= refused.value.status < 500
    assert await database.value("select count(*) from charges.charge") == 0
    # a refusal stores nothing: the id is free
    assert (await charges.execute("authorize", account, once, GOOD))["status"] == "authorized"


OTHERS = [
    ("capture", {}, "charge_field_invalid"),
    ("capture", {"charge_id": "x"}, "charge_field_invalid"),
    ("capture", {"charge_id": 7}, "charge_field_invalid"),
    ("capture", {"charge_id": str(uuid4())}, "not_found"),
    ("capture", {"charge_id": "MINE", "amount_minor": 0}, "charge_amount_invalid"),
    ("capture", {"charge_id": "MINE", "amount_minor": "5"}, "charge_amount_invalid"),
    ("capture", {"charge_id": "MINE", "final": 1}, "charge_field_invalid"),
    ("capture", {"charge_id": "MINE", "metadata": {}}, "charge_field_invalid"),
    ("capture", {"charge_id": "MINE", "amount_minor": 101}, "charge_amount_exceeds"),
    ("increment", {"charge_id": "MINE"}, "charge_field_invalid"),
    ("increment", {"charge_id": "MINE", "amount_minor": -5}, "charge_amount_invalid"),
    ("void", {"charge_id": "MINE", "amount_minor": 5}, "charge_field_invalid"),
    ("void", {}, "charge_field_invalid"),
    ("refund", {}, "charge_field_invalid"),
    ("refund", {"capture_id": str(uuid4())}, "not_found"),
    ("refund", {"charge_id": "MINE", "reason": "because"}, "charge_field_invalid"),
    ("refund", {"charge_id": "MINE", "reason": None}, "charge_field_invalid"),
    ("open_dispute", {"charge_id": "MINE", "reason": "whim"}, "charge_field_invalid"),
    ("open_dispute", {"charge_id": "MINE"}, "charge_state_invalid"),
    ("submit_evidence", {"dispute_id": str(uuid4()), "evidence": "x"}, "not_found"),
    ("submit_evidence", {"dispute_id": str(uuid4()), "evidence": ""}, "charge_field_invalid"),
    ("submit_evidence", {"dispute_id": str(uuid4()), "evidence": 5}, "charge_field_invalid"),
    ("submit_evidence", {"dispute_id": str(uuid4()), "evidence": "x" * 2001}, "charge_field_invalid"),
    ("submit_evidence", {"dispute_id": str(uuid4()), "evidence": "4111111111111111"}, "card_number_in_text"),
    ("accept_dispute", {"dispute_id": str(uuid4()), "evidence": "x"}, "charge_field_invalid"),
    ("fail_refund", {"refund_id": str(uuid4())}, "not_found"),
    ("expire", {"charge_id": str(uuid4())}, "not_found"),
]


@pytest.mark.parametrize(("operation", "request_", "code"), OTHERS)
async def test_other_operations(database, shop, operation, request_, code):
    charge = await shop.charge(100)
    request = {name: charge["id"] if value == "MINE" else value for name, value in request_.items()}
    before = await shop.read(charge)
    with pytest.raises(PayaError) as refused:
        await charges.execute(operation, shop.account_id, new_id(), request)
    assert refused.value.code == code
    assert await shop.read(charge) == before
    assert await shop.kinds() == ["authorized"]
    await assert_books(database)


@pytest.mark.parametrize("operation", ["settle", "advance", "now", "", "authorize; drop", None])
async def test_operations_that_are_none(database, operation):
    with pytest.raises(OperationUnknown):
        await charges.execute(operation, uuid4(), new_id(), {})


@pytest.mark.parametrize("request_", ["null", "[]", "5", '"x"'])
async def test_requests_that_are_no_object(database, request_):
    for operation in ("authorize", "capture", "void", "refund", "submit_evidence"):
        with pytest.raises(psycopg.Error, match="charge_field_invalid"):
            await database.rows(
                "select charges.execute(%s, gen_random_uuid(), gen_random_uuid(), %s::jsonb)", [operation, request_]
            )


async def test_no_account_and_no_id(database):
    for missing in ("null, gen_random_uuid()", "gen_random_uuid(), null"):
        with pytest.raises(psycopg.Error, match="charge_field_invalid"):
            await database.rows(f"select charges.execute('authorize', {missing}, %s)", [json.dumps(GOOD)])


async def test_other_isolation_levels_are_refused(database):
    async with await database.connect() as connection:
        await connection.execute("begin isolation level repeatable read")
        with pytest.raises(psycopg.Error, match="isolation_unsupported"):
            await connection.execute(
                b"select charges.execute('authorize', %s, %s, %s)", [uuid4(), new_id(), json.dumps(GOOD)]
            )


async def test_numbers_that_are_no_cards_may_be_in_metadata(database):
    for harmless in (
        "order 20261122004512345",
        "4111111111111112",
        "+1 202 555 0100",
        "2026-11-22 00:45:12",
        "1234567890123",
    ):
        request = GOOD | {"metadata": {"note": harmless}}
        assert (await charges.execute("authorize", uuid4(), new_id(), request))["metadata"] == {"note": harmless}
