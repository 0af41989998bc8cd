"""Every exchange with the Twilio stand-in against Twilio's published description."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import httpx
import pytest
from openapi_core import OpenAPI
from starlette.types import ASGIApp
from twilio.rest import Client

from paya_app.core.config import settings
from paya_app.providers import sms
from paya_app.providers.outcome import Rejected
from tests.support.database import Database
from tests.support.openapi_judge import Judge, compiled, description
from tests.support.signing_in import PHONE, SigningIn, served

MESSAGES = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
MESSAGE = "/2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json"
# Twilio describes its errors in prose alone: https://www.twilio.com/docs/usage/twilios-response
PROBLEM = {
    "type": "object",
    "required": ["code", "message", "more_info", "status"],
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string"},
        "more_info": {"type": "string"},
        "status": {"type": "integer"},
    },
}


def normalised(spec: dict[str, Any]) -> dict[str, Any]:
    """The two paths that the stand-in serves, strict where the description is silent.

    Every field of a message is required: Twilio sends them all, and its library reads them all.
    """
    spec["paths"] = {path: spec["paths"][path] for path in (MESSAGES, MESSAGE)}
    message = spec["components"]["schemas"]["api.v2010.account.message"]
    message["required"] = list(message["properties"])
    message["additionalProperties"] = False
    answer = {"description": "a refusal", "content": {"application/json": {"schema": PROBLEM}}}
    for operations in spec["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                # the path's own check of credentials is tested by hand below
                operation.pop("security", None)
                operation["responses"].update(dict.fromkeys(("400", "401", "404", "415", "429", "503"), answer))
    listed = spec["paths"][MESSAGES]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    listed["required"] = list(listed["properties"])
    return spec


@cache
def twilio_description() -> OpenAPI:
    return compiled(normalised(description("twilio_api_v2010.json")), ())


class Served:
    """The parts, with the stand-in behind the judge."""

    judge: Judge
    parts: SigningIn

    def wrap(self, app: ASGIApp) -> ASGIApp:
        self.judge = Judge(app, twilio_description(), "https://api.twilio.com")
        return self.judge

    @property
    def account(self) -> str:
        return f"/2010-04-01/Accounts/{settings().twilio_account_sid}"

    @property
    def credentials(self) -> tuple[str, str]:
        return settings().twilio_account_sid, settings().twilio_auth_token.get_secret_value()

    async def post(self, path: str, fields: dict[str, str], **how: Any) -> httpx.Response:
        return await self.parts.browser.post(path, data=fields, **{"auth": self.credentials, **how})

    async def get(self, path: str, **how: Any) -> httpx.Response:
        return await self.parts.browser.get(path, **{"auth": self.credentials, **how})


@pytest.fixture
async def twilio(database: Database) -> AsyncIterator[Served]:
    the = Served()
    twilio_description()
    async with served(database, wrap_twilio=the.wrap) as parts:
        the.parts = parts
        yield the


def message(**changes: str) -> dict[str, str]:
    return {"To": PHONE, "From": settings().twilio_from, "Body": "hello", **changes}


async def test_sending_fetching_and_listing_are_as_twilio_describes_them(twilio):
    sid = await sms.send_text(PHONE, "PaYa code: 123456. We never ask for it.")
    fetched = (await twilio.get(f"{twilio.account}/Messages/{sid}.json")).json()
    assert (fetched["status"], fetched["to"], fetched["num_segments"]) == ("delivered", PHONE, "1")
    for number in range(4):
        await sms.send_text(PHONE, f"text {number} " + "😀" * 40)
    first = (await twilio.get(f"{twilio.account}/Messages.json?To=%2B12125550123&PageSize=2")).json()
    assert [one["body"][:6] for one in first["messages"]] == ["text 3", "text 2"]
    assert first["messages"][0]["num_segments"] == "2"
    assert first["previous_page_uri"] is None
    second = (await twilio.get(first["next_page_uri"])).json()
    assert [one["body"][:6] for one in second["messages"]] == ["text 1", "text 0"]
    last = (await twilio.get(second["next_page_uri"])).json()
    assert [one["sid"] for one in last["messages"]] == [sid]
    assert last["next_page_uri"] is None
    assert (await twilio.get(f"{twilio.account}/Messages.json?From=%2B12125550100")).json()["messages"] == []
    assert twilio.judge.faults == []
    assert len(twilio.judge.exchanges) == 10


async def test_refusals_are_as_twilio_words_them(twilio):
    url = f"{twilio.account}/Messages.json"
    numbers = {
        21604: message(To=""),
        21603: message(From=""),
        21602: message(Body=""),
        21617: message(Body="x" * 1601),
        21211: message(To="12125550123"),
        21212: message(From="+15005550001"),
        21606: message(From="+12125550199"),
        21611: message(From="+15005550008"),
        21612: message(To="+15005550002"),
        21408: message(To="+15005550003"),
        21610: message(To="+15005550004"),
        21614: message(To="+15005550009"),
    }
    for number, fields in numbers.items():
        answer = await twilio.post(url, fields)
        body = answer.json()
        assert (body["code"], body["status"]) == (number, answer.status_code)
        assert body["more_info"].endswith(str(number))
    assert (await twilio.get(f"{twilio.account}/Messages/SM{'0' * 32}.json")).json()["code"] == 20404
    assert (await twilio.get(f"{twilio.account}/Nothing.json")).json()["code"] == 20404
    assert (await twilio.get(f"{url}?PageSize=0")).status_code == 400
    assert (await twilio.get(f"{url}?PageSize=1001")).status_code == 400
    assert (await twilio.post(url, {}, content=b"{}", headers={"content-type": "application/json"})).status_code == 415
    assert (await twilio.post(url, message(Body="x" * 10_000_000))).status_code == 413
    assert (await twilio.post(url, message(Body="nul\x00"))).status_code == 400
    assert await twilio.parts.texts_to(PHONE) == 0
    assert [fault for fault in twilio.judge.faults if "413" not in fault and "Nothing" not in fault] == []


async def test_nobody_without_credentials(twilio):
    url = f"{twilio.account}/Messages.json"
    sid, token = twilio.credentials
    for auth in (None, (sid, "x"), ("AC" + "0" * 32, token), ("", ""), (sid, "")):
        assert (await twilio.post(url, message(), auth=auth)).status_code == 401
    for header in ("Basic !!!", "Bearer x", "Basic"):
        answer = await twilio.post(url, message(), auth=None, headers={"authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    other = f"/2010-04-01/Accounts/AC{'0' * 32}/Messages.json"
    assert (await twilio.post(other, message())).status_code == 401
    assert await twilio.parts.texts_to(PHONE) == 0


async def test_twilios_own_library_reads_every_field(twilio):
    transport = sms._Transport()
    client = Client(*twilio.credentials, http_client=transport)
    client.api.base_url = settings().twilio_base_url
    made = await asyncio.to_thread(client.messages.create, to=PHONE, from_=settings().twilio_from, body="hello")
    assert (made.status, made.date_sent, made.error_code) == ("queued", None, None)
    fetched = await asyncio.to_thread(client.messages(made.sid or "").fetch)
    assert fetched.date_sent is not None
    assert fetched.date_sent.tzinfo is not None
    listed = await asyncio.to_thread(client.messages.list, to=PHONE, limit=5)
    assert [one.sid for one in listed] == [made.sid]
    transport.close()
    assert twilio.judge.faults == []


async def test_the_judge_bites(database):
    """A known-bad answer and a known-bad request per endpoint are found."""
    spoil: dict[str, Any] = {}

    class Spoiler:
        """Passes on, with some fields of the answer changed."""

        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            held: list[Any] = []

            async def keep(part: Any) -> None:
                if scope["type"] == "http" and part["type"] == "http.response.start":
                    held.append(part)
                elif scope["type"] == "http":
                    body = json.loads(part["body"])
                    target = body["messages"][0] if body.get("messages") else body
                    target.update(spoil)
                    part = {**part, "body": json.dumps(body).encode()}
                    headers = [(name, value) for name, value in held[0]["headers"] if name != b"content-length"]
                    await send({**held[0], "headers": headers})
                    await send(part)
                else:
                    await send(part)

            await self.app(scope, receive, keep)

    the = Served()
    async with served(database, wrap_twilio=lambda app: the.wrap(Spoiler(app))) as parts:
        the.parts = parts
        sid = await sms.send_text(PHONE, "hello")
        assert the.judge.faults == []
        for changes in ({"status": "flying"}, {"sid": "XX1"}, {"date_created": 7}, {"extra": 1}, {"num_media": 0}):
            spoil.clear()
            spoil.update(changes)
            for ask in (
                lambda: the.post(f"{the.account}/Messages.json", message()),
                lambda: the.get(f"{the.account}/Messages/{sid}.json"),
                lambda: the.get(f"{the.account}/Messages.json"),
            ):
                the.judge.exchanges.clear()
                await ask()
                assert the.judge.faults, changes
        spoil.clear()
        the.judge.exchanges.clear()
        await the.post(f"{the.account}/Messages.json", {**message(), "Attempt": "many", "MaxPrice": "free"})
        assert the.judge.exchanges[0].request_faults
        await the.get(f"{the.account}/Messages.json?PageSize=1001")
        assert the.judge.exchanges[1].request_faults


async def test_the_adapter_maps_what_the_description_allows(twilio):
    with pytest.raises(Rejected):
        await sms.send_text("+15005550009", "hello")
    assert twilio.judge.faults == []
