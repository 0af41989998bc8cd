"""People for a measurement: made by the server's superuser, with money from the reserve."""

import json
from uuid import UUID, uuid4

import psycopg

from paya_app.core import db
from paya_app.core.actor import Actor

_JOIN = """
insert into auth.users (id, aud, role, phone, phone_confirmed_at, created_at, updated_at,
  raw_app_meta_data, raw_user_meta_data)
values (%s, 'authenticated', 'authenticated', %s, now(), now(), now(), '{"provider": "phone"}', '{}')
"""
_MINT = (
    "select ledger.post(gen_random_uuid(), ledger.system_account('reserve'), ledger.wallet_of(%s), %s, 'bench_mint')"
)
_NO_LIMIT = "insert into risk.limit_value (name, value_max, reason) values (%s, 1000000000, 'a measurement')"


async def join(superuser: psycopg.Connection, handles: list[str], *, cents: int) -> dict[str, Actor]:
    """Somebody for each handle, with `cents` in the wallet."""
    actors: dict[str, Actor] = {}
    for number, handle in enumerate(handles):
        user_id: UUID = uuid4()
        superuser.execute(_JOIN, (user_id, f"1{201 + number // 100}55501{number % 100:02}"))
        actors[handle] = Actor.user({"sub": str(user_id), "aud": "authenticated"})
        params = {"handle": handle, "name": handle.replace("_", " ").title()}
        await db.query(actors[handle], "select from identity.claim_handle(:handle, :name)", params)
        superuser.execute(_MINT, (user_id, cents))
    return actors


def lift_send_limits(superuser: psycopg.Connection) -> None:
    """Set the counts of payments per hour and day so high that a measurement does not meet them."""
    for name in ("send_hour_count", "send_day_count"):
        superuser.execute(_NO_LIMIT, (name,))


def as_json(figures: object) -> str:
    """Figures for a program to read."""
    return json.dumps(figures, indent=2, default=str)
