"""A stock supabase-py client, keeping its own session, against the stand-in."""

from collections.abc import AsyncIterator

import httpx
import pytest
from supabase import AsyncClient, AsyncClientOptions, AuthApiError, acreate_client

from paya_app.core.config import settings
from paya_app.identity.texts import announced
from tests.support.database import Database
from tests.support.signing_in import PHONE, SigningIn, served


@pytest.fixture
async def parts(database: Database) -> AsyncIterator[SigningIn]:
    async with served(database) as running:
        yield running


@pytest.fixture
async def stock(parts: SigningIn) -> AsyncIterator[AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        options = AsyncClientOptions(auto_refresh_token=False, httpx_client=http)
        yield await acreate_client(parts.url, settings().supabase_anon_key, options)


@pytest.fixture
async def server(parts: SigningIn) -> AsyncIterator[AsyncClient]:
    """As our own server."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        options = AsyncClientOptions(auto_refresh_token=False, httpx_client=http)
        key = settings().supabase_service_role_key.get_secret_value()
        yield await acreate_client(parts.url, key, options)


async def test_its_whole_life(parts, stock, server):
    async with announced(PHONE):
        assert (await server.auth.sign_in_with_otp({"phone": PHONE})).message_id is None
    answer = await server.auth.verify_otp({"phone": PHONE, "token": await parts.code_for(), "type": "sms"})
    assert answer.session is not None
    await stock.auth.set_session(answer.session.access_token, answer.session.refresh_token)
    kept = await stock.auth.get_session()
    assert kept is not None
    assert kept.access_token == answer.session.access_token
    user = await stock.auth.get_user()
    assert user is not None
    assert user.user.phone == PHONE.lstrip("+")
    claims = await stock.auth.get_claims()
    assert claims is not None
    assert claims["claims"]["sub"] == user.user.id
    refreshed = await stock.auth.refresh_session()
    assert refreshed.session is not None
    assert refreshed.session.refresh_token != kept.refresh_token
    await stock.auth.sign_out()
    assert await stock.auth.get_session() is None
    with pytest.raises(AuthApiError) as refused:
        await stock.auth.get_user(refreshed.session.access_token)
    assert (refused.value.status, refused.value.code) == (403, "session_not_found")


async def test_refusals_are_its_own_errors(parts, stock, server):
    async with announced(PHONE):
        await server.auth.sign_in_with_otp({"phone": PHONE})
    code = await parts.code_for()
    attempts = {
        "otp_expired": server.auth.verify_otp(
            {"phone": PHONE, "token": f"{(int(code) + 1) % 10**6:06d}", "type": "sms"}
        ),
        "over_sms_send_rate_limit": server.auth.sign_in_with_otp({"phone": PHONE}),
        "otp_disabled": server.auth.sign_in_with_otp({"phone": PHONE, "options": {"should_create_user": False}}),
        "validation_failed": server.auth.sign_in_with_otp({"phone": "nobody"}),
        "refresh_token_not_found": stock.auth.refresh_session("never"),
        "not_admin": stock.auth.admin.create_user({"phone": "+12125550188"}),
    }
    for error_code, attempt in attempts.items():
        with pytest.raises(AuthApiError) as refused:
            await attempt
        assert refused.value.code == error_code


async def test_the_anon_key_neither_sends_nor_checks_codes(parts, stock):
    for attempt in (
        stock.auth.sign_in_with_otp({"phone": PHONE}),
        stock.auth.verify_otp({"phone": PHONE, "token": "123456", "type": "sms"}),
    ):
        with pytest.raises(AuthApiError) as refused:
            await attempt
        assert (refused.value.status, refused.value.code) == (403, "server_only")
    assert await parts.database.value("select count(*) from auth.paya_otp") == 0


async def test_an_anon_key_of_somewhere_else_opens_nothing(parts):
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        options = AsyncClientOptions(auto_refresh_token=False, httpx_client=http)
        stranger = await acreate_client(parts.url, "eyJhbGciOiJIUzI1NiJ9.e30.x", options)
        with pytest.raises(AuthApiError) as refused:
            await stranger.auth.sign_in_with_otp({"phone": PHONE})
    assert refused.value.status == 401
