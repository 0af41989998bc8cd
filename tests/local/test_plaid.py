"""The Plaid stand-in, asked through the vendor's own library and through its picker."""

import hashlib
import json
import time

import jwt
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from paya_app.core.config import settings
from paya_app.providers import plaid as provider
from paya_app.providers.outcome import Rejected, Retryable, Unknown
from tests.support.dwolla import free_socket, listening, until
from tests.support.plaid import serving

BACK = "http://localhost:8700/link-bank/?id=1"


@pytest.fixture
async def plaid(database):
    async with serving(database) as served:
        yield served


async def begin(**how):
    asked = {"person": "ann", "legal_name": "Ann Field", "webhook_url": "", "completion_url": BACK}
    return await provider.create_link(**(asked | how))


async def linked(plaid, **how):
    link = await begin()
    assert await plaid.walk(link.url, **how) == BACK
    return await provider.exchange((await provider.outcome(link.token)).public_token)


async def test_a_bank_is_linked_from_picker_to_processor_token(plaid):
    link = await begin()
    assert (await provider.outcome(link.token)).state == "open"
    assert "First Platypus Bank" in (await plaid.client.get(link.url)).text
    assert (await provider.outcome(link.token)).state == "open"
    assert await plaid.walk(link.url) == BACK
    done = await provider.outcome(link.token)
    assert (done.state, bool(done.public_token)) == ("done", True)
    item = await provider.exchange(done.public_token)
    [account] = await provider.accounts(item.access_token)
    assert (account.kind, account.mask, account.institution_id) == ("checking", "0000", "ins_109508")
    assert await provider.institution_name(account.institution_id) == "First Platypus Bank"
    assert await provider.holder_names(item.access_token, account.id) == ["Ann Field"]
    token = await provider.processor_token(item.access_token, account.id)
    numbers = (await plaid.ask("/processor/auth/get", processor_token=token)).json()["numbers"]["ach"]
    assert numbers["routing"] == "011401533"
    asked = (await plaid.ask("/auth/get", access_token=item.access_token)).json()["numbers"]["ach"]
    assert [each["account"] for each in asked] == [numbers["account"]]


async def test_a_public_token_is_exchanged_once(plaid):
    link = await begin()
    await plaid.walk(link.url)
    token = (await provider.outcome(link.token)).public_token
    await provider.exchange(token)
    for wrong in (token, "public-sandbox-guessed"):
        with pytest.raises(Rejected) as refusal:
            await provider.exchange(wrong)
        assert refusal.value.code == "INVALID_PUBLIC_TOKEN"


async def test_the_picker_refuses_and_goes_on(plaid):
    link = await begin()
    await plaid.fill(link.url, institution="ins_109509")
    page = await plaid.fill(link.url, username="user_good", password="guessed")
    assert "do not go together" in page.text
    page = await plaid.fill(link.url, username="user_locked", password="pass_good")
    assert "locked" in page.text
    page = await plaid.fill(link.url, username="user_good", password="error_INSTITUTION_DOWN")
    assert "does not answer" in page.text
    page = await plaid.fill(link.url, username="user_good", password="mfa_device")
    assert "sent you a code" in page.text
    page = await plaid.fill(link.url, code="9999")
    assert "not the code" in page.text
    page = await plaid.fill(link.url, code="1234")
    assert await plaid.choose(link.url, page, kind="Savings") == BACK
    item = await provider.exchange((await provider.outcome(link.token)).public_token)
    assert [each.kind for each in await provider.accounts(item.access_token)] == ["savings"]
    assert "page is over" in (await plaid.client.get(link.url)).text
    assert (await plaid.client.get("/hl/guessed")).status_code == 404


async def test_who_leaves_says_why(plaid):
    link = await begin()
    await plaid.fill(link.url, institution="ins_109508")
    await plaid.fill(link.url, username="user_locked", password="x")
    assert (await plaid.fill(link.url, cancel="1")).headers["location"] == BACK
    assert await provider.outcome(link.token) == provider.Outcome("exited", code="ITEM_LOCKED")
    assert (await plaid.fill(link.url, institution="ins_109509")).headers["location"] == BACK
    assert (await provider.outcome(link.token)).state == "exited", "what is over stays over"


async def test_a_login_that_changed_is_repaired_in_update_mode(plaid):
    item = await linked(plaid)
    await plaid.ask("/sandbox/item/reset_login", access_token=item.access_token)
    assert await provider.item_error(item.access_token) == "ITEM_LOGIN_REQUIRED"
    with pytest.raises(Rejected) as refusal:
        await provider.accounts(item.access_token)
    assert refusal.value.code == "ITEM_LOGIN_REQUIRED"
    link = await begin(access_token=item.access_token)
    answer = await plaid.fill(link.url, username="user_good", password="pass_good")
    assert answer.headers["location"] == BACK
    assert await provider.outcome(link.token) == provider.Outcome("done")
    assert await provider.item_error(item.access_token) == ""


async def test_an_access_that_was_given_back_opens_nothing(plaid):
    item = await linked(plaid)
    await provider.remove_item(item.access_token)
    for act in (provider.remove_item(item.access_token), provider.accounts(item.access_token)):
        with pytest.raises(Rejected) as refusal:
            await act
        assert refusal.value.code == "ITEM_NOT_FOUND"


async def test_two_people_have_accounts_of_their_own(plaid):
    numbers = []
    for person in ("ann", "bob"):
        link = await begin(person=person)
        await plaid.walk(link.url)
        item = await provider.exchange((await provider.outcome(link.token)).public_token)
        numbers.append((await plaid.ask("/auth/get", access_token=item.access_token)).json()["numbers"]["ach"][0])
    assert numbers[0]["account"] != numbers[1]["account"]


async def test_wrong_keys_and_bodies_are_refused_as_plaid_does(plaid, monkeypatch):
    answer = await plaid.client.post("/link/token/get", json={"client_id": "x", "secret": "y", "link_token": "z"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_API_KEYS")
    assert {"error_type", "error_message", "display_message", "request_id"} <= answer.json().keys()
    assert (await plaid.ask("/link/token/get")).json()["error_code"] == "MISSING_FIELDS"
    for raw in (b"", b"[1]", b"{", b"[" * 5000, b'{"client_id": "\\ud800"}', b'{"a": "\\u0000"}'):
        assert (await plaid.client.post("/link/token/get", content=raw)).json()["error_code"] == "INVALID_BODY"
    for body in ({}, {"client_name": "PaYa"}, {"client_name": 7, "language": "en"}):
        assert (await plaid.ask("/link/token/create", **body)).status_code == 400
    monkeypatch.setenv("PLAID_SECRET", "wrong")
    settings.cache_clear()
    with pytest.raises(Retryable, match="credentials:INVALID_API_KEYS"):
        await begin()


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (200, b"<html>", Unknown),
        (200, b'{"access_token": 7, "item_id": "x", "request_id": "y"}', Unknown),
        (200, b'{"request_id": "y"}', Unknown),
        (200, b'{"access_token": "a', Unknown),
        (500, b'{"error_type": "API_ERROR", "error_code": "INTERNAL_SERVER_ERROR"}', Unknown),
        (502, b"<html>bad gateway", Unknown),
        (429, b'{"error_type": "RATE_LIMIT_EXCEEDED", "error_code": "RATE_LIMIT"}', Retryable),
        (400, b'{"error_type": "INSTITUTION_ERROR", "error_code": "INSTITUTION_DOWN"}', Retryable),
        (400, b'{"error_type": "INVALID_INPUT", "error_code": "INVALID_PUBLIC_TOKEN"}', Rejected),
    ],
)
async def test_every_answer_is_one_of_three(database, status, body, failure):
    async def broken(scope, receive, send):
        if scope["type"] == "http":
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await real(scope, receive, send)

    async def real(scope, receive, send): ...

    def instead(app, _):
        nonlocal real
        real = app
        return broken

    async with serving(database, wrap=instead):
        with pytest.raises(failure):
            await provider.exchange("public-sandbox-1")
        if failure is Unknown:
            with pytest.raises(Retryable):
                await provider.item_error("access-sandbox-1")


async def test_a_vendor_that_is_not_there_is_retryable(database, monkeypatch):
    monkeypatch.setenv("PLAID_BASE_URL", "http://127.0.0.1:9")
    settings.cache_clear()
    with pytest.raises(Retryable, match="unreachable"):
        await provider.exchange("public-sandbox-1")
    provider.close()


async def test_webhooks_are_signed_over_their_body_and_tried_again(plaid):
    got = []

    async def hook(request):
        got.append((await request.body(), request.headers["plaid-verification"]))
        return Response(status_code=500 if len(got) == 1 else 200)

    held = free_socket()
    async with listening(Starlette(routes=[Route("/", hook, methods=["POST"])]), held):
        link = await begin(webhook_url=f"http://127.0.0.1:{held.getsockname()[1]}/")
        await plaid.walk(link.url)
        await until(lambda: len(got) == 2)
        item = await provider.exchange((await provider.outcome(link.token)).public_token)
        await plaid.ask("/sandbox/item/reset_login", access_token=item.access_token)
        await plaid.ask("/sandbox/item/fire_webhook", access_token=item.access_token, webhook_code="PENDING_DISCONNECT")
        await until(lambda: len(got) == 4)
    held.close()
    told = [json.loads(body) for body, _ in got]
    assert [each["webhook_code"] for each in told[:2]] == ["SESSION_FINISHED"] * 2
    assert {each["webhook_code"] for each in told[2:]} == {"ERROR", "PENDING_DISCONNECT"}
    assert (told[0]["link_token"], told[0]["status"], len(told[0]["public_tokens"])) == (link.token, "SUCCESS", 1)
    for body, signature in got:
        header = jwt.get_unverified_header(signature)
        key = (await plaid.ask("/webhook_verification_key/get", key_id=header["kid"])).json()["key"]
        claims = jwt.decode(signature, jwt.PyJWK(key).key, algorithms=["ES256"])
        assert claims["request_body_sha256"] == hashlib.sha256(body).hexdigest()
        assert abs(claims["iat"] - time.time()) < 60
        assert await provider.signature_is_valid(body, signature)
        assert not await provider.signature_is_valid(body + b" ", signature)
