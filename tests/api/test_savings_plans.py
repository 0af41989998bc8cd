"""`/v1/savings-plans` as a person's program uses it, and as somebody else's does."""

import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from fastapi import FastAPI

from paya_app import identity, savings
from paya_app.api.app import create_api
from paya_app.api.v1.plan_models import BuyList, EventList, PlanAnswer
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.identity.bearer import AccessTokenRefused, actor_for_token
from tests.support.database import Database
from tests.support.people import claims_of
from tests.support.signing_in import OTHER_PHONE, PHONE, SigningIn, jwt_key, served
from tests.web.hostile import SHAPES, TEXTS

PATH = "/v1/savings-plans"
WEEKLY = {
    "name": "Fridays",
    "amount_cents": 1500,
    "frequency": "weekly",
    "zone": "Asia/Kathmandu",
    "minute_of_day": 540,
    "weekdays": [5],
}


@pytest.fixture
async def parts(database: Database) -> AsyncIterator[SigningIn]:
    async with served(database) as running:
        yield running


class Program:
    """A program with a person's token; without one, a stranger's."""

    def __init__(self, client: httpx.AsyncClient, token: str = "") -> None:
        self.client = client
        self.headers = {"authorization": f"Bearer {token}"} if token else {}

    async def get(self, path: str = "", **params: Any) -> httpx.Response:
        return await self.client.get(PATH + path, headers=self.headers, params=params)

    async def post(self, path: str = "", body: Any = None, key: Any = None) -> httpx.Response:
        headers = self.headers | {"idempotency-key": str(key or uuid4())}
        return await self.client.post(PATH + path, json=body, headers=headers)

    async def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.client.patch(PATH + path, json=body, headers=self.headers | headers)


@pytest.fixture
async def client(parts) -> AsyncIterator[httpx.AsyncClient]:
    # what nobody expected is an answer too, as it is when served
    transport = httpx.ASGITransport(create_api(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def signed_up(parts: SigningIn, client: httpx.AsyncClient, phone: str, handle: str) -> Program:
    token = (await parts.tokens(phone))["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    await identity.claim_handle(Actor.user(claims), handle=handle, name=handle.capitalize())
    return Program(client, token)


@pytest.fixture
async def ann(parts, client) -> Program:
    return await signed_up(parts, client, PHONE, "ann")


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem, whose form is checked."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert {"type", "title", "status", "detail", "code", "instance"} <= set(body)
    assert body["status"] == answer.status_code
    assert body["detail"].endswith(".")
    return answer.status_code, body["code"]


def refused_plainly(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem that has no sentence of ours."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def test_a_plan_from_making_to_end(ann):
    key = uuid4()
    made = await ann.post(body=WEEKLY, key=key)
    assert made.status_code == 201
    assert made.headers["location"] == f"{PATH}/{key}"
    assert made.headers["cache-control"] == "private, no-store"
    plan = made.json()
    assert (plan["id"], plan["state"], plan["version"]) == (str(key), "active", 1)
    assert {name: plan[name] for name in WEEKLY} == WEEKLY
    assert set(plan) == set(PlanAnswer.model_fields)
    PlanAnswer.model_validate_json(made.content)
    assert [buy["due_at"][11:16] for buy in plan["next_buys"]] == ["03:15"] * 3
    assert (await ann.post(body=WEEKLY, key=key)).json() == plan
    assert refused(await ann.post(body=WEEKLY | {"amount_cents": 1600}, key=key)) == (409, "plan_key_reused")
    assert (await ann.get()).json() == {"data": [plan]}
    assert (await ann.get(f"/{key}")).json() == plan

    changed = (await ann.patch(f"/{key}", {"amount_cents": 2000, "buy_below_cents": 12_000_000})).json()
    assert (changed["amount_cents"], changed["buy_below_cents"], changed["version"]) == (2000, 12_000_000, 2)
    assert [buy["due_at"] for buy in changed["next_buys"]] == [buy["due_at"] for buy in plan["next_buys"]]
    again = await ann.patch(f"/{key}", {"buy_below_cents": None})
    assert again.json()["buy_below_cents"] is None

    skipped = (await ann.post(f"/{key}/skip-next")).json()
    assert skipped["next_buys"][0]["due_at"] == plan["next_buys"][1]["due_at"]
    shown = skipped["next_buys"][2]["due_at"]
    assert (await ann.post(f"/{key}/skip-next", {"due_at": shown})).status_code == 200
    assert refused(await ann.post(f"/{key}/skip-next", {"due_at": shown})) == (409, "skip_too_late")
    assert (await ann.post(f"/{key}/pause")).json()["state"] == "paused"
    assert refused(await ann.post(f"/{key}/skip-next")) == (409, "nothing_to_skip")
    assert (await ann.post(f"/{key}/resume")).json()["state"] == "active"
    ended = (await ann.post(f"/{key}/end")).json()
    assert (ended["state"], ended["end_reason"], ended["next_buys"]) == ("ended", "ended_by_owner", [])
    assert refused(await ann.post(f"/{key}/resume")) == (409, "plan_ended")


async def test_history_and_buys_come_in_pages(ann):
    key = uuid4()
    await ann.post(body=WEEKLY, key=key)
    for cents in (700, 800, 900):
        changed = await ann.patch(f"/{key}", {"amount_cents": cents})
        assert changed.status_code == 200, changed.text
    await ann.post(f"/{key}/skip-next")
    whole = (await ann.get(f"/{key}/history")).json()
    assert whole["next_before"] is None
    assert [event["kind"] for event in whole["data"]] == ["buy.skipped", *["plan.changed"] * 3, "plan.created"]
    assert whole["data"][1]["facts"]["before"] == {"amount_cents": 800}
    EventList.model_validate_json((await ann.get(f"/{key}/history")).content)
    BuyList.model_validate_json((await ann.get(f"/{key}/buys")).content)
    page = (await ann.get(f"/{key}/history", limit=2)).json()
    rest = (await ann.get(f"/{key}/history", before=page["next_before"])).json()
    assert page["data"] + rest["data"] == whole["data"]
    buys = (await ann.get(f"/{key}/buys")).json()
    assert [buy["state"] for buy in buys["data"]] == ["scheduled"] * 4 + ["skipped"]
    first = (await ann.get(f"/{key}/buys", limit=3)).json()
    second = (await ann.get(f"/{key}/buys", before=first["next_before"])).json()
    assert first["data"] + second["data"] == buys["data"]


async def test_somebody_elses_plan_is_not_found_by_any_route(parts, client, ann):
    eve = await signed_up(parts, client, OTHER_PHONE, "eve")
    key = uuid4()
    plan = (await ann.post(body=WEEKLY, key=key)).json()
    for path in (f"/{key}", f"/{key}/buys", f"/{key}/history"):
        assert refused(await eve.get(path)) == (404, "not_found")
    for verb in ("pause", "resume", "skip-next", "end"):
        assert refused(await eve.post(f"/{key}/{verb}")) == (404, "not_found")
    assert refused(await eve.patch(f"/{key}", {"amount_cents": 100})) == (404, "not_found")
    assert refused(await eve.post(body=WEEKLY, key=key)) == (409, "plan_key_reused")
    assert (await eve.get()).json() == {"data": []}
    for nonsense in ("/nonsense", f"/{key}x", "/%00", "/-1/history"):
        assert refused(await ann.get(nonsense))[0] == 404
    assert (await ann.get(f"/{key}")).json() == plan


async def test_without_a_good_token_nothing_is_told(parts, client, ann):
    key = uuid4()
    await ann.post(body=WEEKLY, key=key)
    token = ann.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    ours = jwt_key()
    signing = jwt.PyJWK(ours, "ES256").key

    def signed(**changes: Any) -> str:
        return jwt.encode({**claims, **changes}, signing, "ES256", headers={"kid": ours["kid"]})

    assert (await Program(client, signed()).get()).status_code == 200
    bad = {
        "none": "",
        "nonsense": "x.y.z",
        "long": "x" * 9000,
        "anon key": settings().supabase_anon_key,
        "expired": signed(exp=int(time.time()) - 60),
        "realtime": signed(scope="realtime"),
        "another audience": signed(aud="anon"),
        "another issuer": signed(iss="https://elsewhere.example/auth/v1"),
        "another role": signed(role="service_role"),
        "another session": signed(session_id=str(uuid4())),
        "unsigned": jwt.encode(claims, "", "none", headers={"kid": ours["kid"]}),
        "another key": jwt.encode(claims, "k" * 32, "HS256", headers={"kid": ours["kid"]}),
    }
    for name, given in bad.items():
        program = Program(client, given)
        for answer in (await program.get(), await program.get(f"/{key}"), await program.post(body=WEEKLY)):
            assert refused(answer) == (401, "access_token_refused"), name
            assert answer.headers["www-authenticate"] == "Bearer"
    cookie = await client.get(PATH, headers={"authorization": "Basic YTpi", "cookie": f"paya={token}"})
    assert refused(cookie) == (401, "access_token_refused")


async def test_who_signed_out_is_out_at_once(parts, ann):
    assert (await ann.get()).status_code == 200
    await parts.auth.post("/auth/v1/logout?scope=local", headers=ann.headers)
    assert refused(await ann.get()) == (401, "access_token_refused")


async def test_a_token_of_somebody_whose_session_is_anothers_is_refused(people, parts, client):
    ann, bob = await people.join("ann"), await people.join("bob")
    claims = claims_of(ann.user_id, bob.session_id, "12125550100") | {"iss": f"{settings().auth_url}/auth/v1"}
    ours = jwt_key()
    token = jwt.encode(claims, jwt.PyJWK(ours, "ES256").key, "ES256", headers={"kid": ours["kid"]})
    assert refused(await Program(client, token).get()) == (401, "access_token_refused")


async def test_a_token_that_nobody_looked_at_gets_no_further_than_a_transaction(parts, ann):
    actor = await actor_for_token(ann.headers["authorization"].removeprefix("Bearer "))
    assert await savings.plans(actor) == []
    with pytest.raises(RuntimeError, match=r"only db\.transaction"):
        _ = actor.claims_json
    await parts.auth.post("/auth/v1/logout?scope=local", headers=ann.headers)
    with pytest.raises(AccessTokenRefused):
        await savings.plans(actor)


async def test_a_key_is_asked_for(ann, client):
    plan = (await ann.post(body=WEEKLY)).json()["id"]
    for path in ("", *(f"/{plan}/{verb}" for verb in ("pause", "resume", "skip-next", "end"))):
        for key in (None, "", "1", "x" * 36, "{" + str(uuid4()) + "}"):
            headers = ann.headers | ({} if key is None else {"idempotency-key": key})
            answer = await client.post(PATH + path, json=WEEKLY if not path else None, headers=headers)
            assert refused(answer) == (400, "request_invalid"), (path, key)
            assert "Idempotency-Key" in answer.json()["detail"]
    quoted = uuid4()
    headers = ann.headers | {"idempotency-key": f'"{quoted}"'}
    assert (await client.post(PATH, json=WEEKLY, headers=headers)).json()["id"] == str(quoted)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount_cents": 499}, "buy_amount_invalid"),
        ({"amount_cents": 100_001}, "buy_amount_invalid"),
        ({"zone": "Mars/Olympus"}, "schedule_invalid"),
        ({"frequency": "monthly", "month_day": 32}, "schedule_invalid"),
        ({"starts_on": "2027-01-02", "ends_on": "2027-01-01"}, "schedule_invalid"),
        ({"starts_on": "2026-01-02", "ends_on": "2026-01-03"}, "schedule_never"),
        ({"buy_below_cents": 0}, "plan_condition_invalid"),
        ({"cap_cents": 1499}, "plan_condition_invalid"),
        ({"funding": "bank", "lead_bank_days": 3}, "plan_funding_invalid"),
        ({"funding": "bank", "lead_bank_days": 3, "source_id": str(UUID(int=4))}, "not_found"),
        ({"name": ""}, "plan_name_invalid"),
        ({"frequency": "yearly"}, "request_invalid"),
        ({"amount_cents": "1500"}, "request_invalid"),
        ({"amount_cents": 1500.5}, "request_invalid"),
        ({"amount_cents": 1e300}, "buy_amount_invalid"),
        ({"amount_cents": True}, "request_invalid"),
        ({"weekdays": ["Friday"]}, "request_invalid"),
        ({"starts_on": "soon"}, "request_invalid"),
        ({"source_id": "mine"}, "request_invalid"),
        ({"person": "me"}, "request_invalid"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(ann, changes, code):
    plan = (await ann.post(body=WEEKLY)).json()
    status, found = refused(await ann.post(body=WEEKLY | changes))
    assert (400 <= status < 500, found) == (True, code)
    assert refused(await ann.patch(f"/{plan['id']}", changes))[1] == code
    assert (await ann.get()).json() == {"data": [plan]}


async def test_a_whole_number_may_have_a_point(ann):
    made = await ann.post(body=WEEKLY | {"amount_cents": 1500.0, "weekdays": [5.0]})
    assert made.status_code == 201, "by JSON Schema 1500.0 is an integer"
    assert (made.json()["amount_cents"], made.json()["weekdays"]) == (1500, [5])


async def test_a_time_is_a_date_a_time_and_a_zone(ann):
    plan = (await ann.post(body=WEEKLY)).json()
    for text in ("0.5", "1700000000", "20270101T000000Z", "2027-01-01", "2027-01-01T00:00:00", "2027-13-01T00:00:00Z"):
        answer = await ann.post(f"/{plan['id']}/skip-next", {"due_at": text})
        assert refused(answer) == (400, "request_invalid"), text
        assert refused(await ann.get(f"/{plan['id']}/buys", before=text)) == (400, "request_invalid"), text
    due = plan["next_buys"][0]["due_at"].replace("+00:00", "Z")
    assert (await ann.post(f"/{plan['id']}/skip-next", {"due_at": due})).status_code == 200


async def test_what_a_path_knows_is_said_where_it_does_not(ann, client):
    for path, allowed in ((PATH, "GET, POST"), (f"{PATH}/{UUID(int=4)}", "GET, PATCH"), ("/v1/feed", "GET")):
        answer = await client.delete(path, headers=ann.headers)
        assert answer.status_code == 405
        assert answer.headers["allow"] == allowed
    for path in ("/v1/nothing", f"{PATH}/{UUID(int=4)}/nothing", f"{PATH}/%0a/pause/%0a", "/v1/"):
        assert refused_plainly(await client.get(path, headers=ann.headers)) == (404, "not_found"), path


async def test_pages_that_are_mounted_behind_the_api_answer_nothing_under_v1(parts):
    api = create_api()
    api.mount("", FastAPI())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as client:
        answer = await client.options(PATH)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
        assert refused_plainly(await client.get("/v1/nothing")) == (404, "not_found")


async def test_no_text_or_shape_is_a_fault(ann, client):
    plan = (await ann.post(body=WEEKLY)).json()["id"]
    key = {"idempotency-key": str(uuid4())}
    for value in (TEXTS | SHAPES).values():
        bodies = [
            value,
            *({**WEEKLY, field: value} for field in ("name", "zone", "starts_on", "weekdays", "source_id", "x")),
        ]
        for body in bodies:
            content = httpx.Request("POST", "http://test", json=body).content if value != "\ud800" else b'"\\ud800"'
            for method, path in (("POST", ""), ("PATCH", f"/{plan}"), ("POST", f"/{plan}/skip-next")):
                headers = ann.headers | key | {"idempotency-key": str(uuid4())}
                answer = await client.request(method, PATH + path, content=content, headers=headers)
                assert answer.status_code < 500, (method, path, body, answer.text)
    for content in (b"", b"{", b"[]", b"\xff\xfe", b'{"name": NaN}', b"{" * 5000):
        answer = await client.post(PATH, content=content, headers=ann.headers | key)
        assert refused(answer) == (400, "request_invalid")
    answer = await client.post(PATH, content=b" " * 20_000, headers=ann.headers | key)
    assert refused(answer) == (413, "body_too_large")
    for query in ("limit=0", "limit=101", "limit=x", "before=never", "before=2027-01-01T00:00:00"):
        assert refused(await client.get(f"{PATH}/{plan}/buys?{query}", headers=ann.headers)) == (400, "request_invalid")
    for query in ("before=0", f"before={2**63}", "before=x"):
        assert refused(await client.get(f"{PATH}/{plan}/history?{query}", headers=ann.headers)) == (
            400,
            "request_invalid",
        )


async def test_the_description_is_openapi_3_1_and_lists_every_route(client):
    description = (await client.get("/v1/openapi.json")).json()
    assert description["openapi"].startswith("3.1")
    ours = {path: set(methods) for path, methods in description["paths"].items() if path.startswith(PATH)}
    assert ours == {
        PATH: {"get", "post"},
        f"{PATH}/{{plan}}": {"get", "patch"},
        **{f"{PATH}/{{plan}}/{verb}": {"post"} for verb in ("pause", "resume", "skip-next", "end")},
        f"{PATH}/{{plan}}/buys": {"get"},
        f"{PATH}/{{plan}}/history": {"get"},
    }
    made = description["paths"][PATH]["post"]
    assert made["security"] == [{"accessToken": []}]
    assert set(made["requestBody"]["content"]["application/json"]["schema"]["required"]) == set(WEEKLY) - {"weekdays"}
    assert "application/problem+json" in made["responses"]["422"]["content"]
    changes = description["paths"][f"{PATH}/{{plan}}"]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    assert not [name for name, field in changes["properties"].items() if "default" in field]
    assert "required" not in changes
    assert not [path for path in description["paths"] if not path.startswith("/v1/")]
    text = str(description)
    assert "HTTPValidationError" not in text
    for name in {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in description["components"]["schemas"]
