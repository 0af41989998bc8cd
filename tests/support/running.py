"""The whole of PaYa, running: `paya run` in a home and on a port of its own, and people in it."""

import asyncio
import json
import os
import re
import signal
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg

from bench import running
from paya_app.local import postgres
from tests.support import run
from tests.support.people import claims_of


@dataclass(frozen=True)
class Somebody:
    """A person who signed up over HTTP: the cookie that a browser would hold, and who they are."""

    handle: str
    name: str
    phone: str
    user_id: UUID
    session_id: UUID
    secret: str

    @property
    def claims(self) -> dict[str, object]:
        """The claims of this person's access token, for calls past HTTP."""
        return claims_of(self.user_id, self.session_id, self.phone.lstrip("+"))


@dataclass
class RunningPaya(running.Running):
    """One running PaYa, and what tests do in it."""

    taken: int = field(default=0)

    async def rows(self, statement: str, params: Any = ()) -> list[tuple[Any, ...]]:
        """What one statement gives, as the superuser."""
        url = postgres.create(self.home).url("supabase_admin")
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            cursor = await connection.execute(statement.encode(), params or None)
            return await cursor.fetchall() if cursor.description else []

    async def value(self, statement: str, params: Any = ()) -> Any:
        """The first column of the first row, or None."""
        rows = await self.rows(statement, params)
        return rows[0][0] if rows else None

    def next_phone(self) -> str:
        """A fictitious number that nobody has here, as people write it."""
        self.taken += 1
        area = (202, 212, 303, 312, 404, 415, 503, 512, 617, 702)[self.taken // 90]
        return f"({area}) 555-01{10 + self.taken % 90}"

    async def code_for(self, phone: str) -> str:
        """The code in the newest text to `phone`, once it is there."""
        deadline = time.monotonic() + 10
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=30) as client:
            while True:
                answer = await client.get("/local/phone/messages", params={"to": e164(phone)})
                answer.raise_for_status()
                if messages := answer.json()["messages"]:
                    return messages[0]["code"]
                assert time.monotonic() < deadline, f"no text came to {phone}"
                await asyncio.sleep(0.05)

    async def sign_up(self, handle: str = "", *, name: str = "", cents: int = 0) -> Somebody:
        """Somebody new with a session, a handle and `cents` in the wallet, through the HTTP routes."""
        handle = handle or f"p{uuid4().hex[:10]}"
        name, phone = name or handle.capitalize(), self.next_phone()
        secret = await self.sign_in(phone)
        rows = await self.rows(
            "select u.id, s.id from auth.users u join auth.sessions s on s.user_id = u.id where u.phone = %s",
            (e164(phone).lstrip("+"),),
        )
        somebody = Somebody(handle, name, phone, rows[0][0], rows[0][1], secret)
        await self.act(somebody, "select from identity.claim_handle(%s, %s)", (handle, name))
        if cents:
            await self.mint(somebody, cents)
        return somebody

    async def sign_in(self, phone: str) -> str:
        """The session cookie's value after signing in with `phone`."""
        headers = {"origin": self.url}
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=30, headers=headers) as client:
            answer = await client.post("/session/start", data={"phone": phone})
            assert answer.status_code == 303, answer.text
            code = await self.code_for(phone)
            answer = await client.post("/session/verify", data={"code": code})
            assert answer.status_code == 303, answer.text
            assert "error=" not in answer.headers["location"], answer.headers["location"]
            return answer.cookies["paya"]

    async def act(self, who: Somebody, statement: str, params: Any = ()) -> list[tuple[Any, ...]]:
        """What one statement gives, as this person."""
        url = postgres.create(self.home).url("paya_app")
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute(
                "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
                (_json(who.claims),),
            )
            cursor = await connection.execute(statement.encode(), params or None)
            return await cursor.fetchall() if cursor.description else []

    async def mint(self, who: Somebody, cents: int) -> None:
        """Put `cents` from the reserve into the person's wallet."""
        await self.rows(
            "select ledger.post(gen_random_uuid(), ledger.system_account('reserve'), ledger.wallet_of(%s), %s, 'test')",
            (who.user_id, cents),
        )

    async def pay(
        self, sender: Somebody, to: Somebody, cents: int, note: str = "", *, audience: str = "private"
    ) -> UUID:
        """A payment, past the pages."""
        payment_id = uuid4()
        url = postgres.create(self.home).url("paya_app")
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(
                "select wallet.send_as(%s, %s, %s, %s, %s, %s)",
                (_json(sender.claims), payment_id, to.handle, cents, note, audience),
            )
        return payment_id

    async def balance(self, who: Somebody) -> int:
        """What the ledger holds for the person, in US cents."""
        return await self.value("select balance from ledger.account where id = ledger.wallet_of(%s)", (who.user_id,))

    def app_pids(self) -> list[int]:
        """The processes of the app: granian's main and its worker."""
        main = self.programs().get("app")
        return [main, *running.children_of(main)] if main else []

    def kill_app(self) -> None:
        """kill -9 of the whole app; the supervisor starts it again."""
        pids = self.app_pids()
        assert pids, "the app does not run"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    async def wait_until_up(self) -> None:
        """Until it answers again."""
        deadline = time.monotonic() + 30
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=30) as client:
            while True:
                try:
                    if (await client.get("/ping")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                assert time.monotonic() < deadline, self.said()
                await asyncio.sleep(0.05)


@lru_cache(maxsize=1)
def running_paya() -> RunningPaya:
    """The one PaYa of this test process, started when it is first asked for; whoever asks stops it at the end."""
    started = running.start(run.own_home(), PAYA_ENV="test")
    started.wait_until_ready()
    url = postgres.create(started.home).url("supabase_admin")
    with psycopg.connect(url, autocommit=True) as connection:
        # every test signs its people up from one address, within the hour; the limit's own tests set it themselves
        connection.execute("update identity.attempt_limit set attempts_max = 100000 where kind like '%_address'")
    return RunningPaya(started.home, started.port, started.supervisor)


def e164(phone: str) -> str:
    """`+12025550123`."""
    return "+1" + re.sub(r"\D", "", phone)[-10:]


def _json(claims: dict[str, object]) -> str:
    return json.dumps(claims)
