"""The Send-SMS hook: forged, replayed, repeated, and when the vendor is down."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from standardwebhooks import Webhook

from paya_app import identity
from paya_app.core.config import settings
from paya_app.core.errors import PayaError, ServiceUnavailable
from paya_app.identity.phones import PhoneCannotText
from paya_app.identity.texts import announced
from paya_app.providers import sms
from paya_app.providers.outcome import Rejected, Retryable, Unknown
from tests.support.database import Database
from tests.support.signing_in import ADDRESS, OTHER_PHONE, PHONE, SigningIn, served

NOT_ANNOUNCED = {"error": {"http_code": 403, "message": "not_announced"}}
CANNOT_TEXT = {"error": {"http_code": 422, "message": "cannot_text"}}
BODY = json.dumps({"user": {"phone": PHONE.lstrip("+")}, "sms": {"otp": "123456"}})


@pytest.fixture
async def parts(database: Database) -> AsyncIterator[SigningIn]:
    async with served(database) as running:
        yield running


def signed(
    body: str = BODY, *, webhook_id: str | None = None, at: datetime | None = None, secret: str | None = None
) -> dict[str, str]:
    webhook_id, at = webhook_id or str(uuid4()), at or datetime.now(UTC)
    key = secret or settings().send_sms_hook_secret.get_secret_value()
    return {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key.removeprefix("v1,")).sign(webhook_id, at, body),
    }


async def call(parts: SigningIn, headers: dict[str, str], body: str | bytes = BODY) -> httpx.Response:
    return await parts.browser.post("/hooks/send-sms", content=body, headers=headers)


async def fault(parts: SigningIn, kind: str, count: int = 1) -> None:
    auth = (settings().twilio_account_sid, settings().twilio_auth_token.get_secret_value())
    answer = await parts.browser.post("/local/faults", data={"kind": kind, "count": str(count)}, auth=auth)
    answer.raise_for_status()


async def test_a_signed_call_sends_one_text(parts):
    async with announced(PHONE):
        answer = await call(parts, signed())
    assert (answer.status_code, answer.json()) == (200, {})
    assert await parts.code_for() == "123456"


async def test_forged_old_and_changed_calls_send_nothing(parts):
    good = signed()
    now = datetime.now(UTC)
    forgeries = {
        "no headers": {"content-type": "application/json"},
        "another secret": signed(secret="v1,whsec_" + "A" * 43 + "="),
        "another body": signed(BODY.replace("123456", "654321")),
        "another id": {**good, "webhook-id": str(uuid4())},
        "another time": {**good, "webhook-timestamp": str(int(now.timestamp()) - 1)},
        "too old": signed(at=now - timedelta(minutes=6)),
        "too new": signed(at=now + timedelta(minutes=6)),
        "no signature": {**good, "webhook-signature": ""},
        "no version": {**good, "webhook-signature": good["webhook-signature"].removeprefix("v1,")},
        "another version": {**good, "webhook-signature": good["webhook-signature"].replace("v1,", "v2,")},
        "no base64": {**good, "webhook-signature": "v1,!!!"},
        "commas": {**good, "webhook-signature": "v1,,,"},
        "no time": {**good, "webhook-timestamp": "soon"},
        "time without end": {**good, "webhook-timestamp": "inf"},
        "huge time": {**good, "webhook-timestamp": "9" * 40},
        "long id": signed(webhook_id="x" * 101),
    }
    for name, headers in forgeries.items():
        answer = await call(parts, headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid"), name
    assert (await call(parts, signed(), BODY.replace(" ", "  "))).status_code == 401
    assert (await call(parts, signed(), b"\xff\xfe")).status_code == 401
    assert await parts.texts_to(PHONE) == 0


async def test_while_the_secret_changes_there_are_two_signatures(parts):
    headers = signed()
    for between in (" ", ", "):
        both = {**headers, "webhook-id": str(uuid4())}
        both = signed(webhook_id=both["webhook-id"])
        both["webhook-signature"] = f"v1,{'A' * 43}={between}{both['webhook-signature']}"
        async with announced(PHONE):
            answer = await call(parts, both)
        assert (answer.status_code, answer.json()) == (200, {})
    assert await parts.texts_to(PHONE) == 2


async def test_the_same_call_a_hundred_times_is_one_text(parts):
    headers = signed()
    async with announced(PHONE):
        answers = await asyncio.gather(*(call(parts, headers) for _ in range(100)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert (await call(parts, headers)).status_code == 200
    assert await parts.texts_to(PHONE) == 1


async def test_a_sender_that_died_gives_way(parts):
    headers = signed()
    await parts.database.rows(
        "insert into identity.text_delivery (webhook_id, state) values (%s, 'sending')", (headers["webhook-id"],)
    )
    async with announced(PHONE):
        # taken by the call that died; the same call may have it again, another may not
        await parts.database.rows("update identity.text_announcement set taken_by = %s", (headers["webhook-id"],))
        assert (await call(parts, headers)).status_code == 503
        await parts.database.rows("update identity.text_delivery set claimed_at = claimed_at - interval '31 seconds'")
        assert (await call(parts, signed())).json() == NOT_ANNOUNCED
        assert (await call(parts, headers)).json() == {}
    assert await parts.texts_to(PHONE) == 1


# ---------------------------------------------------------------- what our server did not ask for


async def test_only_what_our_server_announced_is_texted(parts):
    async def texted(phone: str = PHONE) -> bool:
        body = BODY.replace(PHONE.lstrip("+"), phone.lstrip("+"))
        answer = await call(parts, signed(body), body)
        assert answer.status_code == 200
        assert answer.json() in ({}, NOT_ANNOUNCED)
        return answer.json() == {}

    assert not await texted()
    async with announced(PHONE):
        assert not await texted(OTHER_PHONE)
        assert await texted()
        assert not await texted(), "an announcement is one text"
    async with announced(PHONE):
        pass
    assert not await texted(), "a withdrawn announcement is none"
    async with announced(PHONE):
        await parts.database.rows("update identity.text_announcement set announced_at = announced_at - interval '61 s'")
        assert not await texted(), "an old announcement is none"
    async with announced(PHONE), announced(PHONE):
        assert sorted(await asyncio.gather(*(texted() for _ in range(6)))) == [False] * 4 + [True] * 2
    assert await parts.texts_to(PHONE) == 3
    assert await parts.texts_to(OTHER_PHONE) == 0
    assert await parts.database.rows("select * from identity.text_announcement") == []


async def test_a_refused_call_that_is_announced_later_is_texted(parts):
    headers = signed()
    assert (await call(parts, headers)).json() == NOT_ANNOUNCED
    async with announced(PHONE):
        assert (await call(parts, headers)).json() == {}


@pytest.mark.parametrize(
    "phone", ["88213300000", "37250000000", "19005550123", "18005550123", "442079460018", "14165550123"]
)
async def test_numbers_that_get_no_texts_get_none_even_announced(parts, phone):
    body = BODY.replace(PHONE.lstrip("+"), phone)
    async with announced(f"+{phone}"):
        answer = await call(parts, signed(body), body)
    assert (answer.status_code, answer.json()) == (200, CANNOT_TEXT)
    assert await parts.database.value("select count(*) from vendor_twilio.message") == 0


async def test_announcements_of_a_server_that_died_are_swept(parts):
    await parts.database.rows(
        "insert into identity.text_announcement (id, phone, announced_at)"
        " values (gen_random_uuid(), sha256('x'), now() - interval '2 hours')"
    )
    async with announced(PHONE):
        assert await parts.database.value("select count(*) from identity.text_announcement") == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        "{}",
        '{"user": {"phone": "12125550123"}}',
        '{"user": {"phone": 7}, "sms": {"otp": "123456"}}',
        '{"user": {"phone": "12125550123"}, "sms": {"otp": 123456}}',
        '{"user": {"phone": "12125550123"}, "sms": {"otp": "12345x"}}',
        '{"user": {"phone": "12125550123"}, "sms": {"otp": "123456\\u0000"}}',
        '{"user": {"phone": "12125550123\\n"}, "sms": {"otp": "123456"}}',
        '{"user": {"phone": null}, "sms": null}',
    ],
)
async def test_signed_nonsense(parts, body):
    answer = await call(parts, signed(body), body)
    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")


async def test_ten_megabytes_are_refused(parts):
    assert (await call(parts, signed(), b"x" * 10_000_000)).status_code == 413


# ---------------------------------------------------------------- the vendor's side


async def test_a_number_that_cannot_be_texted(parts):
    await fault(parts, "blocked")
    headers = signed()
    async with announced(PHONE):
        for _ in range(2):
            answer = await call(parts, headers)
            assert (answer.status_code, answer.json()) == (200, CANNOT_TEXT)
        assert (await call(parts, signed())).json() == NOT_ANNOUNCED
    assert await parts.texts_to(PHONE) == 0


async def test_through_auth_it_is_a_sentence(parts):
    await fault(parts, "blocked")
    with pytest.raises(PhoneCannotText, match="cannot get texts"):
        await identity.start_sign_in(PHONE, address=ADDRESS)
    # it was no text, so another try need not wait
    await identity.start_sign_in(PHONE, address=ADDRESS)
    assert await parts.texts_to(PHONE) == 1


async def test_a_vendor_that_is_down_for_a_moment_is_asked_again(parts):
    await fault(parts, "down")
    await identity.start_sign_in(PHONE, address=ADDRESS)
    assert await parts.texts_to(PHONE) == 1


async def test_whoever_may_get_a_text_all_the_same_has_a_place_for_its_code(parts):
    await fault(parts, "down", 100)
    answer = await parts.post("/session/start", {"phone": PHONE, "next": "/pay/"})
    assert answer.headers["location"] == "/verify/?error=texts_unavailable"
    assert (await parts.browser.get("/session/pending")).json() == {"phone": "(212) 555-0123"}
    await fault(parts, "down", 0)
    again = await parts.post("/session/start", {})
    assert again.headers["location"] == "/verify/?sent=again"
    answer = await parts.post("/session/verify", {"code": await parts.code_for()})
    assert answer.headers["location"] == "/verify/?next=%2Fpay%2F"


async def test_a_vendor_that_stays_down_is_said_and_costs_no_waiting(parts):
    await fault(parts, "down", 100)
    with pytest.raises(ServiceUnavailable) as refused:
        await identity.start_sign_in(PHONE, address=ADDRESS)
    assert isinstance(refused.value, PayaError)
    await fault(parts, "down", 0)
    await identity.start_sign_in(PHONE, address=ADDRESS)
    assert await parts.texts_to(PHONE) == 1


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("down", Retryable), ("busy", Retryable), ("broken", Unknown), ("malformed", Unknown), ("slow", Unknown)],
)
async def test_what_became_of_a_text(parts, kind, outcome):
    await fault(parts, kind)
    with pytest.raises(outcome):
        await sms.send_text(PHONE, "hello")
    assert (await sms.send_text(PHONE, "hello")).startswith("SM")


async def test_a_vendor_that_is_not_there(parts, monkeypatch):
    monkeypatch.setattr(settings(), "twilio_base_url", "http://127.0.0.1:9")
    with pytest.raises(Retryable):
        await sms.send_text(PHONE, "hello")


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("+15005550001", "21211"),
        ("+15005550002", "21612"),
        ("+15005550003", "21408"),
        ("+15005550004", "21610"),
        ("+15005550009", "21614"),
        ("212", "21211"),
        ("", "21604"),
    ],
)
async def test_numbers_that_the_vendor_refuses(parts, to, code):
    with pytest.raises(Rejected) as refused:
        await sms.send_text(to, "hello")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("sender", "outcome", "code"),
    [
        ("+15005550001", Rejected, "21212"),
        ("+15005550007", Rejected, "21606"),
        ("+12125550199", Rejected, "21606"),
        ("+15005550008", Retryable, ""),
    ],
)
async def test_senders_that_the_vendor_refuses(parts, monkeypatch, sender, outcome, code):
    monkeypatch.setattr(settings(), "twilio_from", sender)
    with pytest.raises(outcome) as refused:
        await sms.send_text(PHONE, "hello")
    assert getattr(refused.value, "code", "") == code


async def test_wrong_credentials(parts, monkeypatch):
    monkeypatch.setattr(settings(), "twilio_account_sid", "AC" + "0" * 32)
    with pytest.raises(Rejected) as refused:
        await sms.send_text(PHONE, "hello")
    assert refused.value.code == "20003"
    # our own account's trouble is no reason to tell people that their number is bad
    with pytest.raises(ServiceUnavailable):
        await identity.start_sign_in(PHONE, address=ADDRESS)
