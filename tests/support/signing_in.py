"""The sign-in path of one test on real loopback ports: our routes, Supabase Auth's and Twilio's stand-ins."""

import json
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from paya_app import identity
from paya_app.api import session
from paya_app.api.inbound import send_sms
from paya_app.api.problems import add_problem_handlers
from paya_app.core.config import settings
from paya_app.identity import SignedIn
from paya_app.identity.texts import announced
from paya_app.local.auth import AuthConfig, create_auth
from paya_app.local.phone import create_phone
from paya_app.local.vendors.twilio import create_twilio
from paya_app.providers import sms, supabase_auth
from tests.support.database import Database
from tests.support.dwolla import free_socket, listening

_TLS = ssl.create_default_context()  # made once: it takes longer than a test's requests

PHONE = "+12125550123"
OTHER_PHONE = "+12125550124"
ADDRESS = "127.0.0.1"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True, slots=True)
class SigningIn:
    """The running parts. `browser` follows no redirects and keeps cookies; `auth` sends the anon key."""

    url: str
    browser: httpx.AsyncClient
    auth: httpx.AsyncClient
    database: Database
    now: Callable[[], Any]

    async def code_for(self, phone: str = PHONE) -> str:
        """The code in the newest text to this number, as the stand-in phone shows it."""
        answer = await self.browser.get("/local/phone/messages", params={"to": phone})
        answer.raise_for_status()
        return answer.json()["messages"][0]["code"]

    async def texts_to(self, phone: str) -> int:
        """How many texts this number got."""
        statement = "select count(*) from vendor_twilio.message where recipient = %s"
        return await self.database.value(statement, (phone,))

    async def sign_in(self, phone: str = PHONE, *, address: str = ADDRESS, user_agent: str = BROWSER) -> SignedIn:
        """Sign in through the verbs, with the code from the stand-in phone."""
        await self.may_ask_again(phone)
        await identity.start_sign_in(phone, address=address)
        code = await self.code_for(phone)
        return await identity.finish_sign_in(phone, code, user_agent=user_agent, address=address)

    async def may_ask_again(self, phone: str) -> None:
        """As if the last text had been sent a while ago."""
        statement = "update auth.paya_otp set sent_at = sent_at - interval '1 minute' where phone = ltrim(%s, '+')"
        await self.database.rows(statement, (phone,))

    async def post(self, path: str, fields: dict[str, str], **how: Any) -> httpx.Response:
        """A form posted from one of our own pages."""
        headers = {"origin": settings().public_url, **how.pop("headers", {})}
        return await self.browser.post(path, data=fields, headers=headers, **how)

    async def otp(self, phone: str = PHONE, **more: Any) -> httpx.Response:
        """`/auth/v1/otp` as our server calls it, announced."""
        async with announced(phone):
            return await self.auth.post("/auth/v1/otp", json={"phone": phone, **more}, headers=as_server())

    async def verify(self, code: str, phone: str = PHONE) -> httpx.Response:
        """`/auth/v1/verify` as our server calls it."""
        body = {"phone": phone, "token": code, "type": "sms"}
        return await self.auth.post("/auth/v1/verify", json=body, headers=as_server())

    async def tokens(self, phone: str = PHONE) -> dict[str, Any]:
        """What `/auth/v1/verify` gives for the right code."""
        await self.may_ask_again(phone)
        (await self.otp(phone)).raise_for_status()
        answer = await self.verify(await self.code_for(phone), phone)
        answer.raise_for_status()
        return answer.json()

    async def refresh(self, refresh_token: str) -> httpx.Response:
        """`/auth/v1/token?grant_type=refresh_token`."""
        path = "/auth/v1/token?grant_type=refresh_token"
        return await self.auth.post(path, json={"refresh_token": refresh_token})


@asynccontextmanager
async def served(
    database: Database, *, wrap_twilio: Callable[[ASGIApp], ASGIApp] | None = None, **auth_options: Any
) -> AsyncIterator[SigningIn]:
    """Everything that signing in needs, with the settings pointing at it.

    Args:
        database: where all of it keeps its books.
        wrap_twilio: makes the application that is served as Twilio from the stand-in.
        auth_options: changes to `AuthConfig`, like `clock`.
    """
    front = free_socket()
    url = f"http://localhost:{front.getsockname()[1]}"
    changes = {"PAYA_PUBLIC_URL": url, "SUPABASE_URL": url, "TWILIO_BASE_URL": url}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    settings.cache_clear()
    try:
        chosen = settings()
        config = AuthConfig.from_settings()
        for name, value in auth_options.items():
            object.__setattr__(config, name, value)
        auth, phone, api = create_auth(config), create_phone(), FastAPI()
        add_problem_handlers(api)
        api.include_router(session.router)
        api.include_router(send_sms.router)
        stand_in = create_twilio(
            database.url("paya_vendors"),
            account_sid=chosen.twilio_account_sid,
            auth_token=chosen.twilio_auth_token.get_secret_value(),
            slow_s=4,
        )
        twilio = wrap_twilio(stand_in) if wrap_twilio else stand_in
        parts = {"/auth/": auth, "/local/phone": phone, "/2010-04-01/": twilio, "/local/faults": twilio}

        async def one_origin(scope: Any, receive: Any, send: Any) -> None:
            path = scope.get("path", "")
            part = next((app for prefix, app in parts.items() if path.startswith(prefix)), api)
            await (stand_in if scope["type"] == "lifespan" else part)(scope, receive, send)

        async with (
            listening(one_origin, front),
            httpx.AsyncClient(
                base_url=url, trust_env=False, timeout=30, verify=_TLS, headers={"user-agent": BROWSER}
            ) as browser,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=30, verify=_TLS) as client,
        ):
            client.headers["apikey"] = chosen.supabase_anon_key
            client.headers["x-supabase-api-version"] = "2024-01-01"
            try:
                yield SigningIn(url, browser, client, database, config.clock)
            finally:
                await supabase_auth.close()
                sms.close()
                await auth.state.close()
                await phone.state.close()
    finally:
        front.close()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
        settings.cache_clear()


def as_server() -> dict[str, str]:
    """The headers by which the stand-in knows our own server."""
    key = settings().supabase_service_role_key.get_secret_value()
    return {"apikey": key, "authorization": f"Bearer {key}"}


def jwt_key() -> dict[str, Any]:
    """The private key of the run's tokens."""
    return json.loads(settings().supabase_jwt_key.get_secret_value())
