"""Sessions and their refresh tokens: each is good once, and using an old one ends the whole family.

A refresh token is the keyed hash of its row; the row keeps only a hash of the token. So within the overlap
(an answer that got lost) the current token can be given again without ever having been stored.
"""

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from paya_app.local.auth.config import REFRESH_TTL, REUSE_INTERVAL
from paya_app.local.auth.errors import AuthRefusal
from paya_app.local.auth.store import Connection
from paya_app.local.auth.users import INSTANCE

USER_AGENT_CHARACTERS_MAX = 200


class Family:
    """The refresh tokens of sessions, under one key."""

    def __init__(self, refresh_key: bytes) -> None:
        self._refresh_key = refresh_key

    def _token(self, session_id: UUID, row_id: int) -> str:
        mac = hmac.new(self._refresh_key, f"{session_id}:{row_id}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")

    @staticmethod
    def _hash(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()

    async def start(
        self, connection: Connection, user_id: UUID, user_agent: str, at: datetime
    ) -> tuple[dict[str, Any], str]:
        """A new session of this user and its first refresh token."""
        cursor = await connection.execute(
            """
            insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent)
            values (%s, %s, %s, %s, 'aal1', %s) returning *
            """,
            (uuid4(), user_id, at, at, user_agent.replace("\x00", "")[:USER_AGENT_CHARACTERS_MAX]),
        )
        session = await cursor.fetchone()
        assert session is not None  # noqa: S101 - returned by the insert
        return session, await self._issue(connection, session["id"], user_id, None, at)

    async def refresh(
        self, connection: Connection, token: str, at: datetime
    ) -> tuple[dict[str, Any], str] | AuthRefusal:
        """The session and its new refresh token, or why not; the caller commits either way."""
        token_hash = self._hash(token)
        # the session's row first, in every path: two refreshes of one family queue here
        cursor = await connection.execute(
            """
            select s.* from auth.sessions s
            where s.id = (select session_id from auth.refresh_tokens where token = %s)
            for update
            """,
            (token_hash,),
        )
        session = await cursor.fetchone()
        cursor = await connection.execute("select * from auth.refresh_tokens where token = %s", (token_hash,))
        row = await cursor.fetchone()
        if session is None or row is None:
            return AuthRefusal(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
        if at >= row["created_at"] + REFRESH_TTL:
            return AuthRefusal(400, "session_expired", "Invalid Refresh Token: Session Expired (Inactivity)")
        if row["revoked"]:
            return await self._reuse(connection, session, row, at)
        await connection.execute(
            "update auth.refresh_tokens set revoked = true, updated_at = %s where id = %s", (at, row["id"])
        )
        await connection.execute(
            "update auth.sessions set refreshed_at = %s, updated_at = %s where id = %s",
            (at.replace(tzinfo=None), at, session["id"]),
        )
        return session, await self._issue(connection, session["id"], session["user_id"], token_hash, at)

    async def _reuse(
        self, connection: Connection, session: dict[str, Any], row: dict[str, Any], at: datetime
    ) -> tuple[dict[str, Any], str] | AuthRefusal:
        if at < row["updated_at"] + REUSE_INTERVAL:
            cursor = await connection.execute(
                "select id from auth.refresh_tokens where session_id = %s and not revoked order by id desc limit 1",
                (session["id"],),
            )
            current = await cursor.fetchone()
            if current is not None:
                return session, self._token(session["id"], current["id"])
        await connection.execute(
            "update auth.refresh_tokens set revoked = true, updated_at = %s where session_id = %s and not revoked",
            (at, session["id"]),
        )
        return AuthRefusal(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")

    async def _issue(
        self, connection: Connection, session_id: UUID, user_id: UUID, parent: str | None, at: datetime
    ) -> str:
        cursor = await connection.execute(
            """
            insert into auth.refresh_tokens (instance_id, user_id, revoked, created_at, updated_at, parent, session_id)
            values (%s, %s, false, %s, %s, %s, %s) returning id
            """,
            (INSTANCE, str(user_id), at, at, parent, session_id),
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - returned by the insert
        token = self._token(session_id, row["id"])
        await connection.execute(
            "update auth.refresh_tokens set token = %s where id = %s", (self._hash(token), row["id"])
        )
        return token


async def is_alive(connection: Connection, session_id: str, user_id: str) -> bool:
    """Whether this session of this user still exists."""
    cursor = await connection.execute(
        "select 1 from auth.sessions where id = %s and user_id = %s", (session_id, user_id)
    )
    return await cursor.fetchone() is not None


async def end(connection: Connection, session_id: str, user_id: str, scope: str) -> None:
    """Delete sessions with their tokens: this one (`local`), the `others`, or all of the user (`global`)."""
    where = {"local": "id = %(session)s and ", "others": "id <> %(session)s and ", "global": ""}[scope]
    await connection.execute(
        f"delete from auth.sessions where {where}user_id = %(user)s",  # noqa: S608 - one of three literals  # pyright: ignore[reportArgumentType]
        {"session": session_id, "user": user_id},
    )
