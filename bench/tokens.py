"""Access tokens for the people of a measurement, as Supabase Auth would have given them."""

import json
import time
from collections.abc import Mapping
from uuid import uuid4

import jwt
import psycopg

from paya_app.core.actor import Actor
from paya_app.core.config import settings

# longer than Auth's own, so that none expires while it is measured
GOOD_FOR_S = 6 * 3600
_SESSION = """
insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip)
values (%s, %s, now(), now(), 'aal1', 'a measurement', '127.0.0.1')"""


def access_tokens(superuser: psycopg.Connection, actors: Mapping[str, Actor]) -> dict[str, str]:
    """A token of each person's own session, by handle."""
    key = json.loads(settings().supabase_jwt_key.get_secret_value())
    signing, now = jwt.PyJWK(key, "ES256").key, int(time.time())
    tokens: dict[str, str] = {}
    for handle, actor in actors.items():
        session = uuid4()
        superuser.execute(_SESSION, (session, actor.user_id))
        claims = {
            "iss": f"{settings().auth_url}/auth/v1",
            "sub": str(actor.user_id),
            "aud": "authenticated",
            "role": "authenticated",
            "iat": now,
            "exp": now + GOOD_FOR_S,
            "session_id": str(session),
            "aal": "aal1",
            "is_anonymous": False,
        }
        tokens[handle] = jwt.encode(claims, signing, "ES256", headers={"kid": key["kid"]})
    return tokens
