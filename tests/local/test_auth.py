"""The stand-in for Supabase Auth, attacked at its own address."""

import asyncio
import base64
import hashlib
import hmac
import json
import statistics
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from paya_app.core.clock import now
from paya_app.core.config import settings
from paya_app.local.auth.config import CODE_TTL, REFRESH_TTL
from paya_app.providers import supabase_auth
from tests.support.database import Database
from tests.support.signing_in import OTHER_PHONE, PHONE, SigningIn, as_server, jwt_key, served


class Clock:
    """The stand-in's time."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self):
        return now() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def parts(database: Database, clock: Clock) -> AsyncIterator[SigningIn]:
    async with served(database, clock=clock) as running:
        yield running


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def user_with(parts: SigningIn, token: str) -> httpx.Response:
    return await parts.auth.get("/auth/v1/user", headers={"authorization": f"Bearer {token}"})


# ---------------------------------------------------------------- the whole way


async def test_a_code_opens_a_session_as_supabase_answers(parts):
    sent = await parts.otp()
    assert (sent.status_code, sent.json()) == (200, {})
    answer = await parts.verify(await parts.code_for())
    body = answer.json()
    assert answer.status_code == 200
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
    assert body["user"]["phone"] == PHONE.lstrip("+")
    assert body["user"]["phone_confirmed_at"]
    claims = await supabase_auth.verified_claims(body["access_token"])
    assert claims["sub"] == body["user"]["id"]
    assert claims["phone"] == PHONE.lstrip("+")
    assert claims["exp"] - claims["iat"] == 900
    wanted = {
        "iss": f"{settings().public_url}/auth/v1",
        "aud": "authenticated",
        "role": "authenticated",
        "aal": "aal1",
        "app_metadata": {"provider": "phone", "providers": ["phone"]},
        "user_metadata": {},
        "is_anonymous": False,
    }
    assert wanted.items() <= claims.items()
    assert claims["amr"][0]["method"] == "otp"
    assert UUID(claims["session_id"])
    stored = await parts.database.rows("select phone, id::text from auth.users")
    assert stored == [(PHONE.lstrip("+"), claims["sub"])]


async def test_errors_have_both_of_supabases_shapes(parts):
    newer = await parts.verify("000000")
    assert newer.json() == {"code": "otp_expired", "message": "Token has expired or is invalid"}
    assert newer.headers["x-supabase-api-version"] == "2024-01-01"
    older = await parts.auth.post(
        "/auth/v1/verify",
        json={"phone": PHONE, "token": "000000", "type": "sms"},
        headers={**as_server(), "x-supabase-api-version": ""},
    )
    assert older.json() == {
        "code": 403,
        "error_code": "otp_expired",
        "msg": "Token has expired or is invalid",
    }


async def test_nothing_without_an_api_key(parts):
    for path in ("/auth/v1/otp", "/auth/v1/verify", "/auth/v1/token?grant_type=refresh_token", "/auth/v1/logout"):
        answer = await parts.auth.post(path, json={"phone": PHONE}, headers={"apikey": "x"})
        assert answer.status_code == 401, path
    assert await parts.texts_to(PHONE) == 0


async def test_the_public_key_is_public_and_the_private_is_not(parts):
    answer = await parts.auth.get("/auth/v1/.well-known/jwks.json", headers={"apikey": ""})
    (key,) = answer.json()["keys"]
    assert "d" not in key
    assert (key["kid"], key["alg"], key["key_ops"]) == (jwt_key()["kid"], "ES256", ["verify"])


# ---------------------------------------------------------------- codes


async def test_a_code_is_good_once(parts):
    await parts.otp()
    code = await parts.code_for()
    assert (await parts.verify(code)).status_code == 200
    assert error_of(await parts.verify(code)) == (403, "otp_expired")


async def test_a_code_is_good_once_in_a_race(parts):
    await parts.otp()
    code = await parts.code_for()
    answers = await asyncio.gather(*(parts.verify(code) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 9
    assert await parts.database.value("select count(*) from auth.sessions") == 1


async def test_sixty_parallel_guesses_are_five_tries(parts):
    await parts.otp()
    code = await parts.code_for()
    wrong = [f"{(int(code) + n) % 10**6:06d}" for n in range(1, 61)]
    answers = await asyncio.gather(*(parts.verify(guess) for guess in wrong))
    assert {error_of(answer) for answer in answers} == {(403, "otp_expired")}
    assert await parts.database.value("select tries from auth.paya_otp") == 5
    assert error_of(await parts.verify(code)) == (403, "otp_expired")


async def test_tries_survive_a_restart(database, clock):
    async with served(database, clock=clock) as before:
        await before.otp()
        code = await before.code_for()
        for n in range(1, 4):
            await before.verify(f"{(int(code) + n) % 10**6:06d}")
    async with served(database, clock=clock) as after:
        for n in range(4, 6):
            await after.verify(f"{(int(code) + n) % 10**6:06d}")
        assert error_of(await after.verify(code)) == (403, "otp_expired")
        clock.ahead = timedelta(seconds=6)
        await after.otp()
        code = await after.code_for()
    async with served(database, clock=clock) as again:
        assert (await again.verify(code)).status_code == 200


async def test_the_fifth_try_still_counts_when_it_is_right(parts):
    await parts.otp()
    code = await parts.code_for()
    for n in range(1, 5):
        assert (await parts.verify(f"{(int(code) + n) % 10**6:06d}")).status_code == 403
    assert (await parts.verify(code)).status_code == 200


async def test_a_code_is_too_old_after_ten_minutes(parts, clock):
    await parts.otp()
    code = await parts.code_for()
    clock.ahead = CODE_TTL
    assert error_of(await parts.verify(code)) == (403, "otp_expired")
    clock.ahead = CODE_TTL - timedelta(seconds=30)
    assert (await parts.verify(code)).status_code == 200


async def test_a_new_code_replaces_the_old_and_has_its_own_tries(parts, clock):
    await parts.otp()
    old = await parts.code_for()
    for _ in range(5):
        await parts.verify("000000" if old != "000000" else "000001")
    clock.ahead = timedelta(seconds=6)
    await parts.otp()
    code = await parts.code_for()
    if old != code:
        assert (await parts.verify(old)).status_code == 403
    assert (await parts.verify(code)).status_code == 200


async def test_a_code_is_for_one_phone(parts):
    await parts.otp()
    await parts.otp(OTHER_PHONE)
    code, other = await parts.code_for(), await parts.code_for(OTHER_PHONE)
    if code != other:
        assert (await parts.verify(code, OTHER_PHONE)).status_code == 403
    assert (await parts.verify(other, OTHER_PHONE)).status_code == 200


async def test_the_database_does_not_tell_the_code(parts):
    await parts.otp()
    code = await parts.code_for()
    kept = await parts.database.rows("select row_to_json(o)::text from auth.paya_otp o")
    assert code not in kept[0][0]
    assert len({hash_ for (hash_,) in await parts.database.rows("select code_hash from auth.paya_otp")}) == 1


async def test_asking_again_at_once_waits(parts, clock):
    await parts.otp()
    again = await parts.otp()
    assert error_of(again) == (429, "over_sms_send_rate_limit")
    assert "after" in again.json()["message"]
    assert await parts.texts_to(PHONE) == 1
    clock.ahead = timedelta(seconds=6)
    assert (await parts.otp()).status_code == 200
    assert await parts.texts_to(PHONE) == 2


async def test_thirty_texts_an_hour(parts, clock):
    for n in range(30):
        clock.ahead = timedelta(seconds=6 * n)
        assert (await parts.otp()).status_code == 200
    clock.ahead = timedelta(minutes=10)
    refused = await parts.otp()
    assert (error_of(refused), refused.json()["message"]) == (
        (429, "over_sms_send_rate_limit"),
        "SMS rate limit exceeded",
    )
    clock.ahead = timedelta(minutes=61)
    assert (await parts.otp()).status_code == 200


async def test_twenty_requests_at_once_are_one_text(parts):
    answers = await asyncio.gather(*(parts.otp() for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [429] * 19
    assert await parts.texts_to(PHONE) == 1


# ---------------------------------------------------------------- for our own server alone


OTP_ROW = "select row_to_json(o)::text from auth.paya_otp o where phone = ltrim(%s, '+')"


async def test_whoever_has_the_anon_key_spends_no_tries_and_no_texts(parts, clock):
    bearers = {
        "the anon key": {"authorization": f"Bearer {settings().supabase_anon_key}"},
        "none": {},
        "a person's": {"authorization": f"Bearer {(await parts.tokens(OTHER_PHONE))['access_token']}"},
        "nonsense": {"authorization": "Bearer x.y.z"},
        "the server's as API key alone": {"apikey": settings().supabase_service_role_key.get_secret_value()},
    }
    await parts.otp()
    code = await parts.code_for()
    before = await parts.database.rows(OTP_ROW, (PHONE,))
    clock.ahead = timedelta(seconds=6)
    for name, headers in bearers.items():
        for n in range(1, 7):
            body = {"phone": PHONE, "token": f"{(int(code) + n) % 10**6:06d}", "type": "sms"}
            answer = await parts.auth.post("/auth/v1/verify", json=body, headers=headers)
            assert error_of(answer) == (403, "server_only"), name
        for phone in (PHONE, "+88213300000", "+37250000000", "+19005550123"):
            answer = await parts.auth.post("/auth/v1/otp", json={"phone": phone}, headers=headers)
            assert error_of(answer) == (403, "server_only"), name
    assert await parts.database.rows(OTP_ROW, (PHONE,)) == before
    assert await parts.database.value("select count(*) from vendor_twilio.message") == 2
    assert (await parts.verify(code)).status_code == 200


async def test_a_code_that_the_hook_refuses_changes_nothing(parts, clock):
    await parts.otp()
    code = await parts.code_for()
    before = await parts.database.rows(OTP_ROW, (PHONE,))
    clock.ahead = timedelta(minutes=1)
    for _ in range(40):
        answer = await parts.auth.post("/auth/v1/otp", json={"phone": PHONE}, headers=as_server())
        assert (answer.status_code, answer.json()["message"]) == (403, "not_announced")
    assert await parts.database.rows(OTP_ROW, (PHONE,)) == before
    assert await parts.texts_to(PHONE) == 1
    assert (await parts.verify(code)).status_code == 200
    assert (await parts.otp()).status_code == 200


# ---------------------------------------------------------------- who is here, and who is not


async def test_known_and_unknown_numbers_get_the_same_answers(parts):
    await parts.tokens(PHONE)
    await parts.may_ask_again(PHONE)
    seen = []
    for phone in (PHONE, "+12125550177"):
        sent = await parts.otp(phone)
        wrong = await parts.verify("000000", phone)
        closed = await parts.otp(phone, create_user=False)
        seen.append(
            [(a.status_code, a.text, sorted(set(a.headers) - {"date"})) for a in (sent, wrong, closed)],
        )
    assert seen[0] == seen[1]
    assert seen[0][2][0] == 422


async def test_a_number_that_never_asked_is_refused_as_a_wrong_code_is(parts):
    await parts.otp()
    asked, never = await parts.verify("000000"), await parts.verify("000000", "+12125550178")
    assert (asked.status_code, asked.text) == (never.status_code, never.text)


async def test_known_and_unknown_numbers_take_the_same_time(parts, clock):
    known = [f"+1212555{n:04d}" for n in range(100, 112)]
    for phone in known:
        await parts.tokens(phone)
    clock.ahead = timedelta(minutes=1)
    unknown = [f"+1202555{n:04d}" for n in range(100, 112)]
    times: dict[bool, list[float]] = {True: [], False: []}
    for pair in zip(known, unknown, strict=True):
        for phone in pair:
            start = time.perf_counter()
            assert (await parts.otp(phone)).status_code == 200
            times[phone in known].append(time.perf_counter() - start)
    ratio = statistics.median(times[True]) / statistics.median(times[False])
    assert 0.5 < ratio < 2, ratio


# ---------------------------------------------------------------- refreshing


async def test_each_refresh_token_is_good_once(parts, clock):
    first = await parts.tokens()
    second = (await parts.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    third = await parts.refresh(second["refresh_token"])
    assert third.status_code == 200
    claims = [jwt.decode(t["access_token"], options={"verify_signature": False}) for t in (first, second)]
    assert claims[0]["session_id"] == claims[1]["session_id"]


async def test_a_lost_answer_may_be_asked_for_again_within_ten_seconds(parts, clock):
    first = await parts.tokens()
    second = (await parts.refresh(first["refresh_token"])).json()
    clock.ahead = timedelta(seconds=9)
    again = await parts.refresh(first["refresh_token"])
    assert again.status_code == 200
    assert again.json()["refresh_token"] == second["refresh_token"]
    assert (await parts.refresh(second["refresh_token"])).status_code == 200


async def test_reuse_ends_the_whole_family(parts, clock):
    stolen = (await parts.tokens())["refresh_token"]
    current = (await parts.refresh(stolen)).json()["refresh_token"]
    clock.ahead = timedelta(seconds=11)
    assert error_of(await parts.refresh(stolen)) == (400, "refresh_token_already_used")
    assert error_of(await parts.refresh(current)) == (400, "refresh_token_already_used")


async def test_refreshing_at_once_gives_one_token(parts):
    first = await parts.tokens()
    answers = await asyncio.gather(*(parts.refresh(first["refresh_token"]) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert await parts.database.value("select count(*) from auth.refresh_tokens where not revoked") == 1


async def test_seven_days_without_a_refresh_are_the_end(parts, clock):
    tokens = await parts.tokens()
    clock.ahead = REFRESH_TTL
    assert error_of(await parts.refresh(tokens["refresh_token"])) == (400, "session_expired")


async def test_tokens_that_never_were(parts):
    for token in ("", "x", "x" * 5000, "'; drop table auth.users; --", None, 7, "a\x00b"):
        answer = await parts.auth.post("/auth/v1/token?grant_type=refresh_token", json={"refresh_token": token})
        assert answer.status_code == 400, token


async def test_the_database_does_not_tell_the_refresh_token(parts):
    token = (await parts.tokens())["refresh_token"]
    kept = await parts.database.rows("select row_to_json(t)::text from auth.refresh_tokens t")
    assert all(token not in row for (row,) in kept)


# ---------------------------------------------------------------- access tokens


async def test_who_the_bearer_is(parts):
    tokens = await parts.tokens()
    answer = await user_with(parts, tokens["access_token"])
    assert (answer.status_code, answer.json()["id"]) == (200, tokens["user"]["id"])


def forged(claims: dict, header: dict, key: str | bytes | object, algorithm: str) -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers=header)  # pyright: ignore[reportArgumentType]


async def refused_by_us(token: str) -> bool:
    try:
        await supabase_auth.verified_claims(token)
    except supabase_auth.TokenRefused:
        return True
    return False


async def test_forged_and_foreign_tokens_are_refused_by_the_stand_in_and_by_us(parts):
    tokens = await parts.tokens()
    own = jwt_key()
    key = jwt.PyJWK(own).key
    public_pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    kid = {"kid": own["kid"]}
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()  # noqa: E731
    hs_input = f"{part({'alg': 'HS256', 'typ': 'JWT', **kid})}.{part(claims)}"
    confused = (
        base64.urlsafe_b64encode(hmac.digest(public_pem, hs_input.encode(), hashlib.sha256)).rstrip(b"=").decode()
    )
    stranger = ec.generate_private_key(ec.SECP256R1())
    head, body, signature = tokens["access_token"].split(".")
    other_body = part({**claims, "sub": str(uuid4())})
    attacks = {
        "alg none": f"{part({'alg': 'none', **kid})}.{part(claims)}.",
        "alg confusion": f"{hs_input}.{confused}",
        "another key": forged(claims, kid, stranger, "ES256"),
        "unknown kid": forged(claims, {"kid": str(uuid4())}, key, "ES256"),
        "no kid": forged(claims, {}, key, "ES256"),
        "key in the header": forged(
            claims,
            {**kid, "jwk": json.loads(ECAlgorithm.to_jwk(stranger.public_key()))},
            stranger,
            "ES256",
        ),
        "changed body": f"{head}.{other_body}.{signature}",
        "no signature": f"{head}.{body}.",
        "wrong audience": forged({**claims, "aud": "anon"}, kid, key, "ES256"),
        "no audience": forged({k: v for k, v in claims.items() if k != "aud"}, kid, key, "ES256"),
        "expired": forged({**claims, "exp": claims["iat"] - 60}, kid, key, "ES256"),
        "no expiry": forged({k: v for k, v in claims.items() if k != "exp"}, kid, key, "ES256"),
        "service role": forged({**claims, "role": "service_role"}, kid, key, "ES256"),
        "realtime only": supabase_auth.realtime_token(UUID(claims["sub"]))[0],
        "api key": settings().supabase_anon_key,
        "no token": "x.y.z",
        "sub is no id": forged({**claims, "sub": "ann"}, kid, key, "ES256"),
    }
    assert (await user_with(parts, tokens["access_token"])).status_code == 200
    for name, token in attacks.items():
        assert (await user_with(parts, token)).status_code == 403, name
        assert await refused_by_us(token), name
    wrong_issuer = forged({**claims, "iss": "https://elsewhere.example/auth/v1"}, kid, key, "ES256")
    assert await refused_by_us(wrong_issuer)


async def test_a_bearer_is_needed(parts):
    for header in (
        {},
        {"authorization": "Basic abc"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer " + "x" * 5000},
    ):
        answer = await parts.auth.get("/auth/v1/user", headers=header)
        assert error_of(answer) == (401, "no_authorization")


async def test_unknown_key_ids_do_not_become_requests(parts, monkeypatch):
    await supabase_auth.verified_claims((await parts.tokens())["access_token"])
    asked = []
    get = httpx.AsyncClient.get

    async def counted(self, url, **how):
        asked.append(str(url))
        return await get(self, url, **how)

    monkeypatch.setattr(httpx.AsyncClient, "get", counted)
    claims = {"sub": str(uuid4()), "session_id": str(uuid4()), "aud": "authenticated"}
    for _ in range(20):
        token = forged(claims, {"kid": str(uuid4())}, ec.generate_private_key(ec.SECP256R1()), "ES256")
        with pytest.raises(supabase_auth.TokenRefused):
            await supabase_auth.verified_claims(token)
    assert len(asked) <= 1


# ---------------------------------------------------------------- signing out


@pytest.mark.parametrize(("scope", "left"), [("local", {1, 2}), ("others", {0}), ("global", set())])
async def test_scopes_of_signing_out(parts, scope, left):
    tokens = [await parts.tokens() for _ in range(3)]
    answer = await parts.auth.post(
        "/auth/v1/logout", params={"scope": scope}, headers={"authorization": f"Bearer {tokens[0]['access_token']}"}
    )
    assert answer.status_code == 204
    for number, one in enumerate(tokens):
        status = (await user_with(parts, one["access_token"])).status_code
        assert status == (200 if number in left else 403)
        refreshed = await parts.refresh(one["refresh_token"])
        assert refreshed.status_code == (200 if number in left else 400)


async def test_signing_out_ends_nobody_elses_sessions(parts):
    ann, bob = await parts.tokens(PHONE), await parts.tokens(OTHER_PHONE)
    await parts.auth.post("/auth/v1/logout", headers={"authorization": f"Bearer {ann['access_token']}"})
    assert (await user_with(parts, bob["access_token"])).status_code == 200


# ---------------------------------------------------------------- the administrator


async def test_the_admin_routes_need_the_service_role(parts):
    tokens = await parts.tokens()
    user_id = tokens["user"]["id"]
    anon = settings().supabase_anon_key
    for bearer in (anon, tokens["access_token"], "x.y.z"):
        headers = {"authorization": f"Bearer {bearer}"}
        for method, path in (
            ("POST", "/auth/v1/admin/users"),
            ("GET", "/auth/v1/admin/users"),
            ("GET", f"/auth/v1/admin/users/{user_id}"),
            ("DELETE", f"/auth/v1/admin/users/{user_id}"),
        ):
            answer = await parts.auth.request(method, path, headers=headers)
            assert answer.status_code == 403, (method, path)
    assert await parts.database.value("select count(*) from auth.users") == 1


async def test_a_user_made_by_the_administrator(parts):
    user_id = await supabase_auth.create_user(phone="+12125550101", app_metadata={"demo": True})
    again = await supabase_auth.create_user(phone="+12125550101", app_metadata={"demo": True})
    assert user_id == again
    ((phone, confirmed, metadata),) = await parts.database.rows(
        "select phone, phone_confirmed_at is not null, raw_app_meta_data from auth.users"
    )
    assert (phone, confirmed, metadata["demo"]) == ("12125550101", True, True)


async def test_the_administrator_does_not_take_over_somebodys_number(parts):
    await parts.tokens()
    with pytest.raises(supabase_auth.PhoneTaken):
        await supabase_auth.create_user(phone=PHONE)


async def test_listing_and_deleting_users(parts):
    tokens = await parts.tokens()
    headers = {
        "apikey": settings().supabase_service_role_key.get_secret_value(),
        "authorization": f"Bearer {settings().supabase_service_role_key.get_secret_value()}",
    }
    listed = await parts.auth.get("/auth/v1/admin/users?page=1&per_page=10", headers=headers)
    assert [user["id"] for user in listed.json()["users"]] == [tokens["user"]["id"]]
    path = f"/auth/v1/admin/users/{tokens['user']['id']}"
    assert (await parts.auth.get(path, headers=headers)).json()["phone"] == PHONE.lstrip("+")
    assert (await parts.auth.delete(path, headers=headers)).status_code == 200
    assert error_of(await parts.auth.get(path, headers=headers)) == (404, "user_not_found")
    assert (await user_with(parts, tokens["access_token"])).status_code == 403
    assert (await parts.auth.get("/auth/v1/admin/users/not-an-id", headers=headers)).status_code == 404
    assert (await parts.auth.get("/auth/v1/admin/users?page=-1", headers=headers)).status_code == 400


# ---------------------------------------------------------------- bad input


BAD = [
    "",
    "0",
    "-1",
    "1e308",
    "NaN",
    "٢١٢٥٥٥",
    "+1212\x005550123",
    "+",
    "<script>",
    "'; select 1; --",
    "😀",
    "+" + "9" * 40,
]


async def test_bad_phones(parts):
    for value in (*BAD, None, 7, [], {}, True):
        for path, more in (("/auth/v1/otp", {}), ("/auth/v1/verify", {"token": "123456", "type": "sms"})):
            answer = await parts.auth.post(path, json={"phone": value, **more}, headers=as_server())
            assert error_of(answer) == (400, "validation_failed"), value
    assert await parts.database.value("select count(*) from auth.users") == 0


async def test_bad_codes(parts):
    for value in (*BAD, None, 7, [], {}, "123456789012345"):
        body = {"phone": PHONE, "token": value, "type": "sms"}
        answer = await parts.auth.post("/auth/v1/verify", json=body, headers=as_server())
        assert error_of(answer) == (403, "otp_expired"), value


async def test_bad_bodies(parts):
    for body in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 20000):
        for path in ("/auth/v1/otp", "/auth/v1/verify", "/auth/v1/token?grant_type=refresh_token"):
            answer = await parts.auth.post(path, content=body, headers=as_server())
            assert error_of(answer) == (400, "bad_json"), body[:10]


async def test_what_cannot_be_kept_is_refused(parts):
    texts = (rb'"\ud800"', rb'"x\udfffx"', rb'{"\ud83d": 1}', b"1e999", b"-1e999", b"NaN", b"Infinity", b"[[1e400]]")
    places = {
        "/auth/v1/token?grant_type=refresh_token": b'{"refresh_token": %s}',
        "/auth/v1/verify": b'{"phone": "+12125550123", "type": "sms", "token": %s}',
        "/auth/v1/otp": b'{"phone": "+12125550123", "data": {"a": %s}}',
        "/auth/v1/admin/users": b'{"phone": "+12125550123", "app_metadata": {"a": %s}}',
    }
    for path, body in places.items():
        for text in texts:
            answer = await parts.auth.post(path, content=body % text, headers=as_server())
            assert error_of(answer) == (400, "bad_json"), (path, text)
    assert await parts.database.value("select count(*) from auth.users") == 0
    whole = {"phone": PHONE, "app_metadata": {"smile": "\U0001f600", "share": 0.5}}
    kept = await parts.auth.post("/auth/v1/admin/users", json=whole, headers=as_server())
    assert {**kept.json()["app_metadata"], **whole["app_metadata"]} == kept.json()["app_metadata"]


async def test_ten_megabytes_are_refused(parts):
    big = json.dumps({"phone": PHONE, "data": {"x": "x" * 10_000_000}}).encode()
    assert (await parts.auth.post("/auth/v1/otp", content=big, headers=as_server())).status_code == 413

    async def unannounced():
        for _ in range(100):
            yield b"x" * 100_000

    answer = await parts.auth.post("/auth/v1/otp", content=unannounced(), headers=as_server())
    assert answer.status_code == 413


async def test_bad_metadata(parts):
    for data in ([1], "x", {"x": "y" * 5000}, {"x": "\u0000"}):
        assert error_of(await parts.otp(data=data)) == (400, "validation_failed"), data


async def test_only_texts_and_only_sms_codes(parts):
    assert (await parts.otp(channel="whatsapp")).status_code == 400
    body = {"phone": PHONE, "token": "123456", "type": "email"}
    wrong_type = await parts.auth.post("/auth/v1/verify", json=body, headers=as_server())
    assert wrong_type.status_code == 400
    assert (await parts.auth.post("/auth/v1/token?grant_type=password", json={})).status_code == 400
