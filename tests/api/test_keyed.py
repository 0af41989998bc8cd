"""What every route for programs with a key has in common: who may, how often, in what form, and how it is refused."""

import asyncio
import json
import logging
import re
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import structlog

from paya_app import developers
from paya_app.api.app import KEYED, create_api
from paya_app.api.v1.description import described
from paya_app.core.config import settings
from paya_app.developers import keys, revoke_key, rotate_key
from paya_app.developers.secrets import make_secret
from tests.api.keyed import CARD, CHARGE, Keyed, program, programs, refused
from tests.web.hostile import TEXTS


@pytest.fixture
async def client(database):
    async with programs() as client:
        yield client


@pytest.fixture
async def shop(people, client):
    return await program(client, await people.join("ann"))


@pytest.fixture
async def unlimited(shop, database):
    await database.rows("update developers.api_key set rate_per_minute = null")
    return shop


def routes() -> list[tuple[str, str]]:
    """Method and path of every route with a key, with an id of nothing where one belongs."""
    found = [(next(iter(route.methods)), route.path) for module in KEYED for route in module.router.routes]
    return [(method, re.sub(r"\{\w+\}", str(uuid4()), path)) for method, path in found]


async def ask(client: httpx.AsyncClient, method: str, path: str, **headers: str) -> httpx.Response:
    content = b"{}" if method == "POST" else None
    named = {"content-type": "application/json", "idempotency-key": str(uuid4())} if content else {}
    return await client.request(method, path, content=content, headers=named | headers)


def test_every_route_that_names_the_key_is_one_of_these():
    said = {
        (method.upper(), path)
        for path, operations in described(create_api())["paths"].items()
        for method, operation in operations.items()
        if {"apiKey": []} in operation.get("security", [])
    }
    assert said == {(next(iter(r.methods)), r.path) for module in KEYED for r in module.router.routes}
    assert len(said) == 36


NO_KEYS: list[tuple[str | None, str]] = [
    (None, "api_key_missing"),
    ("", "api_key_missing"),
    ("Bearer ", "api_key_missing"),
    ("Basic cGF5YTpwYXlh", "api_key_missing"),
    ("Bearer nonsense", "api_key_malformed"),
    ("Bearer paya_test_" + "0" * 49, "api_key_malformed"),
    ("Bearer eyJhbGciOiJub25lIn0.e30.", "api_key_malformed"),
    ("Bearer " + "x" * 5000, "api_key_malformed"),
    (f"Bearer {make_secret('test')}", "api_key_unknown"),
    (f"Bearer {make_secret('live')}", "api_key_unknown"),
]


async def test_no_route_answers_without_a_key(client):
    for authorization, code in NO_KEYS:
        named = {} if authorization is None else {"authorization": authorization}
        for method, path in routes():
            answer = await ask(client, method, path, **named)
            assert refused(answer) == (401, code), path
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "ratelimit" not in answer.headers


async def test_what_a_stranger_sends_is_not_looked_at(client):
    stranger = Keyed(client, make_secret("test"))
    assert refused(await stranger.send("/charges", b"not json")) == (401, "api_key_unknown")
    assert refused(await stranger.post("/charges", {"nothing": 1})) == (401, "api_key_unknown")
    assert refused(await stranger.get("/charges", sort="x")) == (401, "api_key_unknown")


async def test_a_revoked_key_is_refused_at_once_and_a_rotated_one_after_a_day(shop, client, people, advance_clock):
    ann = people.actors["ann"]
    (key,) = await keys(ann)
    new = await rotate_key(ann, key.id, new_id=uuid4())
    other = Keyed(client, new.secret or "")
    assert [(await each.get("/charges")).status_code for each in (shop, other)] == [200, 200]
    charge = await shop.charge()
    assert (await other.get(f"/charges/{charge['id']}")).status_code == 200
    await advance_clock(hours=24)
    assert refused(await shop.get("/charges")) == (401, "api_key_expired")
    assert (await other.get("/charges")).status_code == 200
    await revoke_key(ann, new.key.id)
    assert refused(await other.get("/charges")) == (401, "api_key_revoked")
    assert refused(await other.post("/charges", CHARGE)) == (401, "api_key_revoked")


async def test_answers_say_which_request_which_version_and_what_is_left(shop):
    first = await shop.get("/charges")
    second = await shop.post("/charges", CHARGE)
    third = await shop.post("/charges", CHARGE | {"amount_minor": -1})
    assert [each.status_code for each in (first, second, third)] == [200, 201, 400]
    for left, answer in ((99, first), (98, second), (97, third)):
        assert UUID(answer.headers["request-id"]).version == 7
        assert answer.headers["paya-version"] == "2026-11-20"
        assert answer.headers["ratelimit-policy"] == '"key";q=100;w=60'
        assert re.fullmatch(rf'"key";r={left};t=(60|[1-5]?\d)', answer.headers["ratelimit"])
        assert answer.headers["cache-control"] == "private, no-store"
    assert len({each.headers["request-id"] for each in (first, second, third)}) == 3
    assert third.json()["request_id"] == third.headers["request-id"]


async def test_every_answer_of_the_api_has_a_request_id_of_ours(client):
    for path in ("/v1/health", "/v1/feed", "/v1/nothing", "/v1/charges", "/v1/openapi.json"):
        answer = await client.get(path, headers={"request-id": "chosen"})
        assert UUID(answer.headers["request-id"]).version == 7, path
    assert (await client.options("/v1/charges")).headers["request-id"]


async def test_a_version_is_named_or_refused(shop):
    named = shop.authorization | {"paya-version": "2026-11-20"}
    answer = await shop.client.get("/v1/charges", headers=named)
    assert (answer.status_code, answer.headers["paya-version"]) == (200, "2026-11-20")
    for version in ("2026-11-21", "latest", "1", "", "2026-11-20, 2026-11-20"):
        for answer in (
            await shop.client.get("/v1/charges", headers=named | {"paya-version": version}),
            await shop.post("/charges", CHARGE, **{"paya-version": version}),
        ):
            assert refused(answer) == (400, "version_unknown")
            assert "2026-11-20" in answer.json()["detail"]


async def test_the_rate_is_exact_whatever_is_asked_by_sixteen_at_once(shop, database):
    await database.rows("update developers.api_key set rate_per_minute = 40")

    async def caller(number: int) -> list[int]:
        said = []
        for n in range(5):
            match (number + n) % 3:
                case 0:
                    said.append(await shop.get("/charges"))
                case 1:
                    said.append(await shop.post("/charges", CHARGE))
                case _:
                    said.append(await shop.post("/charges", {"card": 1}))
        return [each.status_code for each in said]

    answers = [status for said in await asyncio.gather(*map(caller, range(16))) for status in said]
    assert len(answers) == 80
    assert answers.count(429) == 40
    assert answers.count(201) == await database.value("select count(*) from charges.charge") > 0
    assert await database.value("select used from developers.key_use") == 40
    answer = await shop.post("/charges", CHARGE)
    assert refused(answer) == (429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert re.fullmatch(r'"key";r=0;t=\d+', answer.headers["ratelimit"])
    assert "40 times a minute" in answer.json()["detail"]


BODIES: list[tuple[bytes, dict[str, str], tuple[int, str], str | None]] = [
    (b"{", {}, (400, "body_malformed"), None),
    (b"", {"content-type": "text/plain"}, (415, "content_type_unsupported"), None),
    (b"{}", {"content-type": ""}, (415, "content_type_unsupported"), None),
    (b"a=b", {"content-type": "application/x-www-form-urlencoded"}, (415, "content_type_unsupported"), None),
    (b"{}", {"content-type": "application/json; charset=latin-1"}, (415, "content_type_unsupported"), None),
    (b"\x1f\x8b", {"content-encoding": "gzip"}, (415, "content_type_unsupported"), None),
    (b"null", {}, (400, "body_malformed"), None),
    (b"[]", {}, (400, "body_malformed"), None),
    (b"1" * 5000, {}, (400, "body_malformed"), None),
    (b'{"a": NaN}', {}, (400, "body_malformed"), None),
    (b'{"amount_minor": 1, "amount_minor": 2}', {}, (400, "body_malformed"), None),
    (b'{"card": "\xff"}', {}, (400, "body_malformed"), None),
    (json.dumps({}).encode("utf-16"), {}, (400, "body_malformed"), None),
    (b"[" * 60_000, {}, (400, "body_malformed"), None),
    (b'{"metadata":' * 9 + b"1" + b"}" * 9, {}, (400, "body_malformed"), None),
    (b'{"card": "4242\\u0000"}', {}, (400, "parameter_invalid"), "card"),
    (b'{"metadata": {"a": "\\ud800"}}', {}, (400, "parameter_invalid"), "metadata.a"),
    (b'{"metadata": {"\\u0000": "a"}}', {}, (400, "parameter_invalid"), "metadata"),
    (b" " * (64 * 1024 + 1), {}, (413, "body_too_large"), None),
]


async def test_a_body_that_cannot_be_read_is_refused(unlimited, database):
    for content, headers, code, param in BODIES:
        answer = await unlimited.send("/charges", content, **headers)
        assert refused(answer) == code, content[:50]
        assert answer.json().get("param") == param
    assert await database.value("select count(*) from charges.charge") == 0


async def test_ten_megabytes_are_refused_before_they_are_read(unlimited):
    sent = 0

    async def flood():
        nonlocal sent
        for _ in range(160):
            sent += 65536
            yield b" " * 65536

    headers = unlimited.authorization | {"content-type": "application/json", "idempotency-key": "k"}
    answer = await unlimited.client.post("/v1/charges", content=flood(), headers=headers)
    assert refused(answer) == (413, "body_too_large")


AMOUNTS = (0, -1, 1.001, "100", "1,00", "\u0661\u0660", True, None, [1], {}, 1e308, 2**63, 10**400, 100_000_000)
FIELDS: list[tuple[dict[str, Any], str, str]] = [
    *(({"amount_minor": amount}, "parameter_invalid", "amount_minor") for amount in AMOUNTS),
    *(({"currency": currency}, "parameter_invalid", "currency") for currency in ("usd", "BTC", "", None, 840)),
    *(({"card": card}, "parameter_invalid", "card") for card in (42424242, "", None, "4" * 31, {"number": CARD})),
    ({"amount": 100}, "parameter_unknown", "amount"),
    ({"account_id": str(uuid4())}, "parameter_unknown", "account_id"),
    ({"status": "captured"}, "parameter_unknown", "status"),
    ({"__proto__": 1}, "parameter_unknown", "__proto__"),
    ({"\u202ex": 1}, "parameter_unknown", "\\u202ex"),
    ({"allow_partial": 1}, "parameter_invalid", "allow_partial"),
    ({"allow_partial": "true"}, "parameter_invalid", "allow_partial"),
    ({"metadata": []}, "parameter_invalid", "metadata"),
    ({"metadata": {"a": 1}}, "parameter_invalid", "metadata.a"),
    ({"metadata": {"a": {"b": "c"}}}, "parameter_invalid", "metadata.a"),
    ({"metadata": {"a": "x" * 501}}, "parameter_invalid", "metadata.a"),
    ({"metadata": {str(n): "x" for n in range(51)}}, "parameter_invalid", "metadata"),
]


async def test_a_field_that_cannot_be_is_refused_by_its_path(unlimited, database):
    for changes, code, param in FIELDS:
        answer = await unlimited.post("/charges", CHARGE | changes)
        assert refused(answer) == (400, code), answer.text
        assert answer.json()["param"] == param
    assert await database.value("select count(*) from charges.charge") == 0


async def test_what_is_missing_is_named(unlimited):
    for name in CHARGE:
        answer = await unlimited.post("/charges", {each: CHARGE[each] for each in CHARGE if each != name})
        assert refused(answer) == (400, "parameter_missing")
        assert answer.json()["param"] == name
    both = await unlimited.post("/payments/authorize", {"card": CARD, "amount": 1, "amount_minor": 1})
    assert refused(both)[0] == 400


async def test_hostile_texts_are_kept_as_they_are_or_refused(unlimited):
    for text in TEXTS:
        answer = await unlimited.post("/charges", CHARGE | {"metadata": {"note": text[:500]}})
        assert answer.status_code in {201, 400}, text
        if answer.status_code == 201:
            read = await unlimited.get(f"/charges/{answer.json()['id']}")
            assert read.json()["metadata"] == {"note": text[:500]}
        else:
            assert refused(answer)[1] == "parameter_invalid"
        assert (await unlimited.post("/charges", CHARGE | {"card": text or "x"})).status_code in {400, 422}


@contextmanager
def logged():
    """Every event that structlog and logging are given, as one text."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    keeper, root = Keeper(), logging.getLogger()
    root.addHandler(keeper)
    level, root.level = root.level, logging.DEBUG
    configured = structlog.get_config()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            lambda _, __, event: lines.append(json.dumps(event, default=str)) or event,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    try:
        yield lines
    finally:
        structlog.configure(**configured)
        root.removeHandler(keeper)
        root.level = level


async def test_a_fault_is_logged_with_its_request_and_without_a_key_or_a_card(unlimited, database):
    canary = "4111111111111111"
    with logged() as lines:
        await unlimited.post("/charges", CHARGE | {"card": canary})
        await unlimited.post("/charges", CHARGE | {"amount_minor": canary})
        await database.rows("alter table charges.event rename to gone")
        answer = await unlimited.post("/charges", CHARGE)
    assert refused(answer) == (500, "internal")
    told = "\n".join(lines)
    assert "request failed" in told
    assert answer.headers["request-id"] in told
    for secret in (unlimited.secret, unlimited.secret[12:40], canary, CARD):
        assert secret not in told
        assert secret not in answer.text


async def test_no_other_site_may_read_an_answer_unless_it_is_listed(unlimited, monkeypatch):
    asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    here = unlimited.authorization | {"origin": "https://shop.example"}
    before = await unlimited.client.options("/v1/charges", headers=asked)
    assert before.status_code == 405
    read = await unlimited.client.get("/v1/charges", headers=here)
    assert [name for each in (before, read) for name in each.headers if name.startswith("access-control")] == []

    monkeypatch.setenv("PAYA_API_ORIGINS", "https://shop.example http://localhost:3000")
    settings.cache_clear()
    before = await unlimited.client.options("/v1/charges", headers=asked)
    assert (before.status_code, before.headers["access-control-allow-methods"]) == (204, "GET, POST")
    assert before.headers["access-control-allow-origin"] == "https://shop.example"
    assert "idempotency-key" in before.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in before.headers
    read = await unlimited.client.get("/v1/charges", headers=here)
    assert read.headers["access-control-allow-origin"] == "https://shop.example"
    assert read.headers["vary"] == "Origin"
    refusal = await unlimited.client.get("/v1/charges", headers={"origin": "http://localhost:3000"})
    assert (refusal.status_code, refusal.headers["access-control-allow-origin"]) == (401, "http://localhost:3000")
    for path, origin in (("/v1/charges", "https://evil.example"), ("/v1/savings-plans", "https://shop.example")):
        answer = await unlimited.client.get(path, headers=unlimited.authorization | {"origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        refusal = await unlimited.client.options(path, headers=asked | {"origin": origin})
        assert refusal.status_code == 405
        assert "access-control-allow-origin" not in refusal.headers


def test_the_version_that_keys_are_pinned_to_is_answered():
    assert developers.CURRENT_VERSION in developers.VERSIONS
