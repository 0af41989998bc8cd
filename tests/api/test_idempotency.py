"""Every row of the table of idempotency: what a key answers, and what it leaves."""

import asyncio
import json
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.api.keyed import CARD, CHARGE, Keyed, program, programs, refused
from tests.support.waiting import until

EFFECTS = "select (select count(*) from charges.charge), (select count(*) from charges.event)"
ROWS = "select count(*) from developers.idempotency"


@pytest.fixture
async def client(database):
    async with programs() as client:
        yield client


@pytest.fixture
async def shop(people, client, database):
    made = await program(client, await people.join("ann"))
    await database.rows("update developers.api_key set rate_per_minute = null")
    return made


def kept(answer: httpx.Response) -> tuple[int, bytes]:
    return answer.status_code, answer.content


async def test_the_same_request_is_answered_the_same_to_the_byte(shop, database):
    first = await shop.post("/charges", CHARGE, "order-1")
    again = await shop.post("/charges", CHARGE, "order-1")
    quoted = await shop.post("/charges", CHARGE, '"order-1"')
    alias = await shop.client.post(
        "/v1/charges", json=CHARGE, headers=shop.authorization | {"x-idempotency-key": "order-1"}
    )
    assert kept(first) == kept(again) == kept(quoted) == kept(alias)
    assert "idempotent-replayed" not in first.headers
    assert {each.headers["idempotent-replayed"] for each in (again, quoted, alias)} == {"true"}
    assert again.headers["location"] == first.headers["location"]
    assert first.headers["request-id"] != again.headers["request-id"]
    assert (await database.rows(EFFECTS), await database.value(ROWS)) == ([(1, 1)], 1)


async def test_how_a_request_is_written_is_no_other_request(shop, database):
    first = await shop.send("/charges", json.dumps(CHARGE).encode(), **{"idempotency-key": "k"})
    turned = json.dumps(dict(reversed(CHARGE.items())), indent=4).replace("1250", "1250.0")
    again = await shop.send("/charges", turned.encode(), **{"idempotency-key": "k", "content-type": "Application/JSON"})
    assert kept(first) == kept(again)
    assert await database.rows(EFFECTS) == [(1, 1)]


OTHERS = [
    ("/charges", CHARGE | {"amount_minor": 1251}),
    ("/charges", CHARGE | {"metadata": {"a": "b"}}),
    ("/charges", CHARGE | {"card": "5555555555554444"}),
    ("/payments/authorize", {"card": CARD, "amount": 1250, "currency": "USD"}),
    ("/payments/capture", {"auth_id": str(uuid4())}),
]


async def test_another_request_is_refused_and_names_what_was_made(shop, database):
    first = await shop.post("/charges", CHARGE, "k")
    for path, body in OTHERS:
        other = await shop.post(path, body, "k")
        assert refused(other) == (422, "idempotency_key_reused")
        assert other.json()["resource_id"] == first.json()["id"]
    assert kept(await shop.post("/charges", CHARGE, "k")) == kept(first)
    assert await database.rows(EFFECTS) == [(1, 1)]


async def test_a_key_is_the_accounts_and_not_the_keys_of_the_api(people, client, shop, database):
    first = await shop.post("/charges", CHARGE, "k")
    beside = await program(client, people.actors["ann"])
    assert kept(await beside.post("/charges", CHARGE, "k")) == kept(first)
    eve = await program(client, await people.join("eve"))
    theirs = await eve.post("/charges", CHARGE, "k")
    assert theirs.json()["id"] != first.json()["id"]
    assert await database.rows(EFFECTS) == [(2, 2)]


async def test_sixty_at_once_are_one(shop, database):
    body = json.dumps(CHARGE).encode()
    answers = await asyncio.gather(*(shop.send("/charges", body, **{"idempotency-key": "k"}) for _ in range(60)))
    made = [each for each in answers if each.status_code == 201]
    assert made
    assert len({each.content for each in made}) == 1
    assert [each.headers.get("idempotent-replayed") for each in made].count(None) == 1
    for each in answers:
        if each.status_code != 201:
            assert refused(each) == (409, "idempotency_in_flight")
            assert each.headers["retry-after"] == "1"
    assert (await database.rows(EFFECTS), await database.value(ROWS)) == ([(1, 1)], 1)


async def test_a_request_that_is_worked_on_is_told_at_once(shop, database):
    """Another's transaction holds what the first one needs: the second does not wait with it."""
    charge = await shop.charge()
    async with await psycopg.AsyncConnection.connect(database.url("supabase_admin")) as holding:
        await holding.execute("select from charges.charge for update")
        slow = asyncio.create_task(shop.post(f"/charges/{charge['id']}/capture", {}, "k"))

        async def waits() -> bool:
            return await database.value("select count(*) from pg_locks where not granted") > 0

        await until(waits)
        second = await asyncio.wait_for(shop.post(f"/charges/{charge['id']}/capture", {}, "k"), 2)
        assert refused(second) == (409, "idempotency_in_flight")
        assert not slow.done()
        # nor does anybody else with the same key of the API
        assert (await asyncio.wait_for(shop.post("/charges", CHARGE), 2)).status_code == 201
        await holding.rollback()
    first = await slow
    assert first.status_code == 201
    assert kept(await shop.post(f"/charges/{charge['id']}/capture", {}, "k")) == kept(first)


MALFORMED: list[tuple[list[tuple[str, str]], str]] = [
    ([], "idempotency_key_missing"),
    ([("idempotency-key", "")], "idempotency_key_malformed"),
    ([("idempotency-key", '""')], "idempotency_key_malformed"),
    ([("idempotency-key", "k" * 256)], "idempotency_key_malformed"),
    ([("idempotency-key", 'a"b')], "idempotency_key_malformed"),
    ([("idempotency-key", '"')], "idempotency_key_malformed"),
    ([("idempotency-key", "a b")], "idempotency_key_malformed"),
    ([("idempotency-key", "k\u00e9y")], "idempotency_key_malformed"),
    ([("idempotency-key", "k"), ("idempotency-key", "k")], "idempotency_key_malformed"),
    ([("idempotency-key", "k"), ("x-idempotency-key", "k")], "idempotency_key_malformed"),
]


async def test_missing_malformed_or_twice_is_refused_and_leaves_nothing(shop, database):
    for sent, code in MALFORMED:
        headers = [*shop.authorization.items(), ("content-type", "application/json"), *sent]
        raw = [(name.encode(), value.encode()) for name, value in headers]
        answer = await shop.client.post("/v1/charges", content=json.dumps(CHARGE), headers=raw)
        assert refused(answer) == (400, code)
    assert (await database.rows(EFFECTS), await database.value(ROWS)) == ([(0, 0)], 0)


async def test_what_is_refused_before_anything_is_done_leaves_the_key_free(people, client, shop, database):
    reader = await program(client, people.actors["ann"], ["payments:read"])
    stranger = Keyed(client, "paya_test_none")
    attempts = [
        (shop, CHARGE | {"amount_minor": 0}, 400),
        (shop, CHARGE | {"nothing": "known"}, 400),
        (shop, CHARGE | {"card": "4111111111111111"}, 422),
        (reader, CHARGE, 403),
        (stranger, CHARGE, 401),
    ]
    for who, body, status in attempts:
        assert refused(await who.post("/charges", body, "k"))[0] == status
    limited = await program(client, people.actors["ann"])
    await database.rows("update developers.api_key set rate_per_minute = 1 where last4 = %s", (limited.secret[-4:],))
    await limited.get("/charges")
    assert refused(await limited.post("/charges", CHARGE, "k")) == (429, "rate_limited")
    assert await database.value(ROWS) == 0
    assert (await shop.post("/charges", CHARGE, "k")).status_code == 201


async def test_a_decline_and_a_refusal_of_what_was_tried_are_kept(shop, database):
    declined = await shop.post("/charges", CHARGE | {"card": "4000000000000002"}, "declined")
    assert (declined.status_code, declined.json()["status"]) == (201, "declined")
    again = await shop.post("/charges", CHARGE | {"card": "4000000000000002"}, "declined")
    assert (kept(again), again.headers["idempotent-replayed"]) == (kept(declined), "true")

    charge = await shop.charge()
    path = f"/charges/{charge['id']}"
    early = await shop.post(f"{path}/refund", {}, "refund")
    assert refused(early) == (409, "charge_state_invalid")
    assert early.json()["request_id"] == early.headers["request-id"]
    await shop.post(f"{path}/capture", {})
    # by now it could be done: whoever wants it done takes a new key
    replayed = await shop.post(f"{path}/refund", {}, "refund")
    assert (kept(replayed), replayed.headers["idempotent-replayed"]) == (kept(early), "true")
    assert replayed.json()["request_id"] != replayed.headers["request-id"]
    assert (await shop.post(f"{path}/refund", {}, "refund-2")).status_code == 201
    missing = await shop.post(f"/charges/{uuid4()}/void", {}, "missing")
    assert refused(missing) == (404, "not_found")


@pytest.mark.parametrize("broken", ["charges.event", "developers.idempotency"])
async def test_a_fault_of_ours_leaves_nothing_and_asking_again_is_safe(shop, database, broken):
    await database.rows(f"alter table {broken} rename to gone")
    failed = await shop.post("/charges", CHARGE, "k")
    assert refused(failed) == (500, "internal")
    assert "idempotent-replayed" not in failed.headers
    await database.rows(f"alter table {broken.partition('.')[0]}.gone rename to {broken.partition('.')[2]}")
    assert (await database.rows(EFFECTS), await database.value(ROWS)) == ([(0, 0)], 0)
    made = await shop.post("/charges", CHARGE, "k")
    assert made.status_code == 201
    assert "idempotent-replayed" not in made.headers


async def test_a_refusal_for_a_reason_of_ours_is_not_kept(shop, database):
    await database.rows("alter function charges.execute(text, uuid, uuid, jsonb) rename to kept")
    await database.rows(
        "create function charges.execute(operation text, account uuid, id uuid, request jsonb) returns jsonb"
        " language plpgsql as $$ begin perform private.refuse('service_unavailable'); return null; end $$"
    )
    failed = await shop.post("/charges", CHARGE, "k")
    assert refused(failed) == (503, "service_unavailable")
    assert failed.headers["retry-after"] == "1"
    assert await database.value(ROWS) == 0


async def test_an_answer_whose_connection_is_lost_is_found_again(shop, database):
    """The server is cut off right after the commit: what the program asks again finds what happened."""
    first = asyncio.create_task(shop.post("/charges", CHARGE, "k"))
    await database.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'paya' and datname ="
        " current_database()"
    )
    answers = [await first, *[await shop.post("/charges", CHARGE, "k") for _ in range(2)]]
    assert {each.content for each in answers if each.status_code == 201} == {answers[-1].content}
    assert await database.rows(EFFECTS) == [(1, 1)]


async def test_a_key_is_good_for_a_day_and_then_new(shop, database, advance_clock):
    first = await shop.post("/charges", CHARGE, "k")
    for n in range(3):
        await shop.post("/charges", CHARGE, f"old-{n}")
    await advance_clock(hours=23, minutes=59)
    assert kept(await shop.post("/charges", CHARGE, "k")) == kept(first)
    await advance_clock(minutes=2)
    other = await shop.post("/charges", CHARGE | {"amount_minor": 1}, "k")
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]
    assert "idempotent-replayed" not in other.headers
    # those that are over go with the next ones
    await shop.post("/charges", CHARGE, "new")
    assert await database.rows("select key from developers.idempotency order by 1") == [("k",), ("new",)]


async def test_no_card_number_is_kept(shop, database):
    await shop.post("/payments/authorize", {"card": CARD, "amount": 1250}, "k")
    await shop.post("/payments/authorize", {"card": "4111111111111111", "amount": 1250}, "l")
    await shop.post("/charges", CHARGE | {"metadata": {"note": "4111 1111 1111 1111"}}, "m")
    tables = await database.rows(
        "select format('%%I.%%I', schemaname, tablename) from pg_tables"
        " where schemaname in ('charges', 'developers', 'sandbox', 'events', 'jobs') and %s",
        (True,),
    )
    for (table,) in tables:
        found = await database.value(
            f"select count(*) from {table} t where t::text ~ '4242 ?4242 ?4242 ?4242|4111 ?1111 ?1111 ?1111'"
        )
        assert found == 0, table
