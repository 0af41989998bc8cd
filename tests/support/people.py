"""People for tests: signed up, named, and with money in the wallet."""

import time
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from paya_app.core import db
from paya_app.core.actor import Actor
from tests.support.database import Database

_AREAS = (202, 212, 303, 312, 404, 415, 503, 512, 617, 702)
_JOIN = """
with person as (
  insert into auth.users (id, aud, role, phone, phone_confirmed_at, created_at, updated_at, last_sign_in_at,
    raw_app_meta_data, raw_user_meta_data)
  values (%(user)s, 'authenticated', 'authenticated', %(phone)s, now(), now(), now(), now(),
    '{"provider": "phone", "providers": ["phone"]}', '{}')
  returning id
)
insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip)
select %(session)s, id, now(), now(), 'aal1', 'a test', '127.0.0.1' from person
"""
_MINT = """
select ledger.post(gen_random_uuid(), ledger.system_account('reserve'), ledger.wallet_of(%s), %s, 'test_mint')
"""


def claims_of(user_id: UUID, session_id: UUID, phone: str) -> dict[str, object]:
    """The claims of an access token, as the session of this person carries them."""
    now = int(time.time())
    return {
        "iss": "http://localhost:8700/auth/v1",
        "sub": str(user_id),
        "aud": "authenticated",
        "role": "authenticated",
        "iat": now,
        "exp": now + 900,
        "phone": phone,
        "session_id": str(session_id),
        "aal": "aal1",
        "amr": [{"method": "otp", "timestamp": now}],
        "app_metadata": {"provider": "phone", "providers": ["phone"]},
        "user_metadata": {},
        "is_anonymous": False,
    }


@dataclass
class People:
    """Makes people in one database, and remembers them by handle."""

    database: Database
    actors: dict[str, Actor] = field(default_factory=dict)

    async def sign_up(self, phone: str | None = None) -> Actor:
        """Somebody with a phone number (E.164 without +) and a session, but no handle yet."""
        user_id, session_id = uuid4(), uuid4()
        phone = phone or self._next_phone()
        await self.database.rows(_JOIN, {"user": user_id, "phone": phone, "session": session_id})
        self._phones.add(phone)
        return Actor.user(claims_of(user_id, session_id, phone))

    async def join(self, handle: str, *, cents: int = 0, name: str | None = None, phone: str | None = None) -> Actor:
        """Somebody with a handle, a session and `cents` in the wallet."""
        actor = await self.sign_up(phone)
        params = {"handle": handle, "name": name or handle.capitalize()}
        await db.query(actor, "select from identity.claim_handle(:handle, :name)", params)
        if cents:
            await self.mint(actor, cents)
        self.actors[handle] = actor
        return actor

    async def mint(self, actor: Actor, cents: int) -> None:
        """Put `cents` from the reserve into the actor's wallet."""
        await self.database.rows(_MINT, (actor.user_id, cents))

    async def balance(self, actor: Actor) -> int:
        """What the ledger holds for the actor, in US cents."""
        statement = "select balance from ledger.account where id = ledger.wallet_of(%s)"
        return await self.database.value(statement, (actor.user_id,))

    _phones: set[str] = field(default_factory=set)

    def _next_phone(self) -> str:
        # 555-0100 to 555-0199 are fictitious in every area code
        free = (f"1{area}55501{last:02}" for area in _AREAS for last in range(100))
        return next(phone for phone in free if phone not in self._phones)
