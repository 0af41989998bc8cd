"""The sign-in routes as a browser, and as somebody who is none, uses them."""

import asyncio
import re
from collections.abc import AsyncIterator
from uuid import UUID

import jwt
import pytest

from paya_app import identity
from paya_app.core.config import settings
from paya_app.core.errors import PayaError
from tests.support.database import Database
from tests.support.signing_in import OTHER_PHONE, PHONE, SigningIn, jwt_key, served

POSTS = ("/session/start", "/session/verify", "/session/end", "/session/access-token")


@pytest.fixture
async def parts(database: Database) -> AsyncIterator[SigningIn]:
    async with served(database) as running:
        yield running


async def signed_in(parts: SigningIn, phone: str = PHONE) -> str:
    """Sign in by forms and return the cookie's secret."""
    await parts.may_ask_again(phone)
    await parts.post("/session/start", {"phone": phone})
    answer = await parts.post("/session/verify", {"code": await parts.code_for(phone)})
    assert answer.status_code == 303
    return parts.browser.cookies["paya"]


# ---------------------------------------------------------------- the way in


async def test_phone_then_code_then_cookie(parts):
    started = await parts.post("/session/start", {"phone": "(212) 555-0123"})
    assert (started.status_code, started.headers["location"]) == (303, "/verify/")
    waiting = await parts.browser.get("/session/pending")
    assert waiting.json() == {"phone": "(212) 555-0123"}
    verified = await parts.post("/session/verify", {"code": await parts.code_for()})
    assert (verified.status_code, verified.headers["location"]) == (303, "/verify/")
    cookies = verified.headers.get_list("set-cookie")
    (session,) = [cookie for cookie in cookies if cookie.startswith("paya=")]
    for attribute in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=2592000"):
        assert attribute in session
    assert "Secure" not in session  # plain http on this machine; the next test has https
    assert any(cookie.startswith('paya-phone="";') and "Max-Age=0" in cookie for cookie in cookies)
    assert await identity.actor_for_secret(parts.browser.cookies["paya"])
    assert (await parts.browser.get("/session/pending")).json() == {"phone": None}


async def test_on_https_the_cookies_are_bound_to_the_host(parts, monkeypatch):
    monkeypatch.setattr(settings(), "paya_public_url", "https://paya.example")
    started = await parts.browser.post(
        "/session/start", data={"phone": PHONE}, headers={"origin": "https://paya.example"}
    )
    (cookie,) = started.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-paya-phone=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


async def test_somebody_with_a_handle_goes_home(parts):
    actor = await identity.actor_for_secret(await signed_in(parts))
    assert actor is not None
    await identity.claim_handle(actor, handle="ann", name="Ann")
    await parts.may_ask_again(PHONE)
    await parts.post("/session/start", {"phone": PHONE})
    answer = await parts.post("/session/verify", {"code": await parts.code_for()})
    assert answer.headers["location"] == "/"


async def test_whoever_came_for_a_page_gets_there(parts):
    await parts.post("/session/start", {"phone": PHONE, "next": "/pay/?to=bob&amount=12.34"})
    answer = await parts.post("/session/verify", {"code": await parts.code_for()})
    assert answer.headers["location"] == "/verify/?next=%2Fpay%2F%3Fto%3Dbob%26amount%3D12.34"


async def test_whoever_was_sent_here_to_be_led_elsewhere_is_not(parts):
    await parts.post("/session/start", {"phone": PHONE, "next": "/pay/..//evil.example"})
    answer = await parts.post("/session/verify", {"code": await parts.code_for()})
    assert answer.headers["location"] == "/verify/"


async def test_a_wrong_code_goes_back_and_says_so(parts):
    await parts.post("/session/start", {"phone": PHONE})
    code = await parts.code_for()
    answer = await parts.post("/session/verify", {"code": f"{(int(code) + 1) % 10**6:06d}"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/verify/?error=code_invalid")
    assert "paya" not in parts.browser.cookies
    assert (await parts.browser.get("/session/pending")).json()["phone"]
    assert (await parts.post("/session/verify", {"code": code})).status_code == 303
    assert "paya" in parts.browser.cookies


async def test_a_new_code_needs_no_number_again(parts):
    await parts.post("/session/start", {"phone": PHONE, "next": "/proof/"})
    await parts.may_ask_again(PHONE)
    again = await parts.post("/session/start", {})
    assert again.headers["location"] == "/verify/?sent=again"
    assert await parts.texts_to(PHONE) == 2
    answer = await parts.post("/session/verify", {"code": await parts.code_for()})
    assert answer.headers["location"].endswith("next=%2Fproof%2F")


async def test_the_code_page_without_a_number_leads_to_the_first(parts):
    for fields in ({"code": "123456"}, {}):
        answer = await parts.post("/session/verify", fields)
        assert answer.headers["location"] == "/welcome/?error=sign_in_expired"
    assert (await parts.post("/session/start", {})).headers["location"] == "/welcome/?error=sign_in_expired"


async def test_a_number_that_somebody_else_put_into_the_cookie_counts_nothing(parts):
    for value in ("", "+12125550123", "00" * 40, "01" * 40, "zz", "[]"):
        parts.browser.cookies.set("paya-phone", value)
        answer = await parts.post("/session/verify", {"code": "123456"})
        assert answer.headers["location"] == "/welcome/?error=sign_in_expired", value


async def test_too_many_codes_say_when(parts):
    for _ in range(5):
        await parts.may_ask_again(PHONE)
        await parts.post("/session/start", {"phone": PHONE})
    answer = await parts.post("/session/start", {"phone": PHONE})
    assert re.fullmatch(r"/welcome/\?error=too_many_tries&retry_after_s=\d+", answer.headers["location"])


async def test_a_demo_persons_number_signs_nobody_in(parts, monkeypatch):
    monkeypatch.setattr(settings(), "paya_env", "development")
    monkeypatch.setattr(settings(), "paya_demo", True)
    for phone in ("(212) 555-0100", "+1 212 555 0129"):
        answer = await parts.post("/session/start", {"phone": phone})
        assert answer.headers["location"] == "/welcome/?error=phone_of_demo"
    assert await parts.database.value("select count(*) from vendor_twilio.message") == 0
    answer = await parts.post("/session/start", {"phone": "(212) 555-0130"})
    assert answer.headers["location"] == "/verify/"


async def test_every_bad_number_goes_back_with_a_code_that_has_a_sentence(parts):
    bad = ["", " ", "0", "-1", "1.001", "1e308", "NaN", "1,00", "٢١٢٥٥٥٠١٢٣", "\x00", "\u202e2125550123"]
    bad += ["<script>alert(1)</script>", "'; drop table auth.users; --", "😀", "+442079460018", "(800) 736-5000"]
    for phone in bad:
        answer = await parts.post("/session/start", {"phone": phone})
        found = re.fullmatch(r"/welcome/\?error=(phone_[a-z_]+)", answer.headers["location"])
        assert answer.status_code == 303
        assert found, (phone, answer.headers["location"])
        assert found[1] in PayaError.by_code
    assert await parts.database.value("select count(*) from auth.users") == 0


async def test_every_bad_code_goes_back(parts):
    await parts.post("/session/start", {"phone": PHONE})
    for code in ("", "0", "-1", "1.001", "1e308", "NaN", "١٢٣٤٥٦", "\x00", "<script>", "' or 1=1 --", "😀", "1" * 9000):
        answer = await parts.post("/session/verify", {"code": code})
        assert answer.headers["location"] == "/verify/?error=code_invalid", code


# ---------------------------------------------------------------- known and unknown


async def test_known_and_unknown_numbers_look_alike(parts):
    await signed_in(parts)
    await parts.post("/session/end", {})
    await parts.may_ask_again(PHONE)
    seen = []
    for phone in (PHONE, OTHER_PHONE):
        started = await parts.post("/session/start", {"phone": phone})
        code = await parts.code_for(phone)
        wrong = await parts.post("/session/verify", {"code": f"{(int(code) + 1) % 10**6:06d}"})
        seen.append(
            [
                (a.status_code, a.headers["location"], a.text, sorted(set(a.headers) - {"date"}))
                for a in (started, wrong)
            ]
        )
    assert seen[0] == seen[1]


# ---------------------------------------------------------------- from elsewhere


@pytest.mark.parametrize("path", POSTS)
async def test_forms_of_other_origins_are_refused(parts, path):
    await signed_in(parts)
    port = parts.url.rpartition(":")[2]
    origins = [
        None,
        "",
        "null",
        "https://evil.example",
        f"http://localhost:{port}.evil.example",
        f"https://localhost:{port}",
        f"http://127.0.0.1:{port}",
        f"http://LOCALHOST:{port}",
        "http://localhost",
        f"http://localhost:{port}/",
        f"{parts.url}, {parts.url}",
    ]
    for origin in origins:
        headers = {} if origin is None else {"origin": origin}
        answer = await parts.browser.post(path, data={"phone": OTHER_PHONE, "code": "1"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), origin
    assert await identity.actor_for_secret(parts.browser.cookies["paya"])
    assert await parts.texts_to(OTHER_PHONE) == 0


async def test_a_get_changes_nothing(parts):
    await signed_in(parts)
    for path in POSTS:
        assert (await parts.browser.get(path)).status_code == 405
    assert await identity.actor_for_secret(parts.browser.cookies["paya"])


async def test_ten_megabytes_are_refused(parts):
    for path in POSTS:
        assert (await parts.post(path, {"phone": "2" * 10_000_000})).status_code == 413

    async def unannounced():
        for _ in range(100):
            yield b"x" * 100_000

    headers = {"origin": parts.url, "content-type": "application/x-www-form-urlencoded"}
    answer = await parts.browser.post("/session/start", content=unannounced(), headers=headers)
    assert answer.status_code == 413


async def test_forms_that_are_none(parts):
    headers = {"origin": parts.url}
    for body in (b"\xff\xfe=1", b"&".join(b"a%d=1" % n for n in range(100)), b"phone=%ff"):
        answer = await parts.browser.post("/session/start", content=body, headers=headers)
        assert answer.status_code == 400, body[:20]
    answer = await parts.browser.post("/session/start", json={"phone": PHONE}, headers=headers)
    assert answer.headers["location"] == "/welcome/?error=sign_in_expired"


# ---------------------------------------------------------------- the way out


async def test_signing_out_ends_the_session_and_the_cookie(parts):
    secret = await signed_in(parts)
    answer = await parts.post("/session/end", {})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert any(c.startswith('paya="";') and "Max-Age=0" in c for c in answer.headers.get_list("set-cookie"))
    assert await identity.actor_for_secret(secret) is None
    parts.browser.cookies.set("paya", secret)
    assert (await parts.browser.get("/session/realtime-token")).status_code == 401


async def test_signing_out_twice_or_as_nobody_is_no_error(parts):
    await signed_in(parts)
    for _ in range(3):
        assert (await parts.post("/session/end", {})).status_code == 303


async def farewell(parts) -> str | None:
    answer = await parts.browser.get("/session/farewell")
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()["sentence"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("ended_at = now(), ended_why = 'ended_elsewhere'", "this session was ended from another device"),
        ("expires_at = now()", "had not been here for 7 days"),
        ("ended_at = now(), ended_why = 'refresh_refused'", "to be safe"),
        ("ended_at = now(), ended_why = 'unreadable'", "to be safe"),
    ],
)
async def test_whoever_was_signed_out_is_told_why_once(parts, how, words):
    await signed_in(parts)
    assert await farewell(parts) is None
    await parts.database.rows(f"update identity.web_session set {how}")
    assert words in await farewell(parts)
    assert "paya" not in parts.browser.cookies
    assert await farewell(parts) is None


async def test_whoever_signed_out_or_never_was_here_is_told_nothing(parts):
    secret = await signed_in(parts)
    await parts.post("/session/end", {})
    for cookie in ("", "x", "A" * 43, secret, "'; drop table identity.web_session; --"):
        parts.browser.cookies.set("paya", cookie)
        assert await farewell(parts) is None


# ---------------------------------------------------------------- whose session


async def test_a_session_that_was_planted_is_never_used(parts):
    planted = "A" * 43
    parts.browser.cookies.set("paya", planted)
    await parts.post("/session/start", {"phone": PHONE})
    answer = await parts.post("/session/verify", {"code": await parts.code_for()})
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith("paya=")]
    assert planted not in cookie
    assert await identity.actor_for_secret(planted) is None


async def test_signing_in_over_a_session_ends_it(parts):
    first = await signed_in(parts)
    actor = await identity.actor_for_secret(first)
    second = await signed_in(parts, OTHER_PHONE)
    assert first != second
    assert await identity.actor_for_secret(first) is None
    other = await identity.actor_for_secret(second)
    assert actor is not None
    assert other is not None
    assert other.user_id != actor.user_id


async def test_a_code_that_two_browsers_enter_at_once_signs_in_one(parts):
    await parts.post("/session/start", {"phone": PHONE})
    code = await parts.code_for()
    answers = await asyncio.gather(*(parts.post("/session/verify", {"code": code}) for _ in range(5)))
    assert sum("error" not in answer.headers["location"] for answer in answers) == 1
    assert await parts.database.value("select count(*) from identity.web_session") == 1


# ---------------------------------------------------------------- realtime


async def test_a_realtime_token_for_the_cookie(parts):
    secret = await signed_in(parts)
    answer = await parts.browser.get("/session/realtime-token")
    body = answer.json()
    actor = await identity.actor_for_secret(secret)
    assert actor is not None
    assert body["topic"] == f"user:{actor.user_id}"
    assert answer.headers["cache-control"] == "no-store"
    public = {name: value for name, value in jwt_key().items() if name not in {"d", "key_ops"}}
    claims = jwt.decode(
        body["token"],
        jwt.PyJWK(public).key,
        algorithms=["ES256"],
        audience="authenticated",
        issuer=f"{parts.url}/auth/v1",
    )
    assert UUID(claims["sub"]) == actor.user_id
    assert UUID(claims["session_id"]) != actor.session_id
    assert (claims["role"], claims["exp"] - claims["iat"], claims["exp"]) == ("authenticated", 300, body["expires_at"])
    cookies = answer.headers.get_list("set-cookie")
    assert any(cookie.startswith(f"paya={secret};") and "Max-Age=2592000" in cookie for cookie in cookies)


async def test_no_realtime_token_for_nobody(parts):
    for cookie in ("", "x", "A" * 43):
        parts.browser.cookies.set("paya", cookie)
        answer = await parts.browser.get("/session/realtime-token")
        assert (answer.status_code, answer.json()["code"]) == (401, "signed_out")
        assert "set-cookie" not in answer.headers


async def test_answers_are_kept_by_no_cache(parts):
    await parts.post("/session/start", {"phone": PHONE})
    for answer in (
        await parts.browser.get("/session/pending"),
        await parts.post("/session/start", {"phone": ""}),
        await parts.post("/session/verify", {"code": await parts.code_for()}),
        await parts.post("/session/end", {}),
    ):
        assert answer.headers["cache-control"] == "no-store"


async def test_a_token_for_ones_programs_is_ones_own_and_ends_with_the_session(parts):
    assert (await parts.post("/session/access-token", {})).status_code == 401
    secret = await signed_in(parts)
    answer = await parts.post("/session/access-token", {})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["content-type"].startswith("text/plain")
    (token,) = set(re.findall(r"eyJ[\w.-]+", answer.text))
    actor = await identity.actor_for_secret(secret)
    assert actor is not None
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["session_id"]) == (str(actor.user_id), str(actor.session_id))
    await parts.post("/session/end", {})
    assert (await parts.post("/session/access-token", {})).status_code == 401
