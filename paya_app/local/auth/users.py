"""`auth.users`, as Supabase keeps it: phones without a plus, confirmed by the first right code."""

import json
import re
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.errors import ForeignKeyViolation, UniqueViolation

from paya_app.local.auth.errors import AuthRefusal
from paya_app.local.auth.store import Connection

INSTANCE = UUID(int=0)
_E164 = re.compile(r"[1-9][0-9]{1,14}")
_PHONE_APP_METADATA = {"provider": "phone", "providers": ["phone"]}
JSON_CHARACTERS_MAX = 4096


def phone_of(body: dict[str, Any]) -> str:
    """The phone of a request body, in the form in which it is kept.

    Raises:
        AuthRefusal: not E.164.
    """
    phone = body.get("phone")
    phone = phone.removeprefix("+").replace(" ", "") if isinstance(phone, str) else ""
    if not _E164.fullmatch(phone):
        raise AuthRefusal(400, "validation_failed", "Invalid phone number format (E.164 required)")
    return phone


def metadata_of(body: dict[str, Any], name: str) -> dict[str, Any]:
    """A JSON object of the request body, {} when absent.

    Raises:
        AuthRefusal: no object, or a large one.
    """
    value = body.get(name) or {}
    if not isinstance(value, dict) or len(json.dumps(value)) > JSON_CHARACTERS_MAX:
        raise AuthRefusal(400, "validation_failed", f"{name} must be a small object")
    if "\\u0000" in json.dumps(value):
        raise AuthRefusal(400, "validation_failed", f"{name} holds a character that cannot be kept")
    return value


def public_user(user: dict[str, Any]) -> dict[str, Any]:
    """A user as Supabase Auth shows it."""
    times = {
        name: user[name] and user[name].isoformat()
        for name in (
            "phone_confirmed_at",
            "confirmed_at",
            "confirmation_sent_at",
            "last_sign_in_at",
            "created_at",
            "updated_at",
        )
    }
    return {
        "id": str(user["id"]),
        "aud": user["aud"],
        "role": user["role"],
        "email": user["email"] or "",
        "phone": user["phone"] or "",
        **{name: at for name, at in times.items() if at},
        "app_metadata": user["raw_app_meta_data"] or {},
        "user_metadata": user["raw_user_meta_data"] or {},
        "identities": [],
        "is_anonymous": False,
    }


async def ensure(connection: Connection, phone: str, metadata: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The user with this phone, made when there is none: one path for known and unknown numbers."""
    await connection.execute(
        """
        insert into auth.users (
          instance_id, id, aud, role, phone, raw_app_meta_data, raw_user_meta_data, created_at, updated_at
        )
        values (%s, %s, 'authenticated', 'authenticated', %s, %s, %s, %s, %s)
        on conflict (phone) do nothing
        """,
        (INSTANCE, uuid4(), phone, json.dumps(_PHONE_APP_METADATA), json.dumps(metadata), at, at),
    )
    cursor = await connection.execute(
        "update auth.users set confirmation_sent_at = %s where phone = %s returning *", (at, phone)
    )
    user = await cursor.fetchone()
    assert user is not None  # noqa: S101 - made above, in this transaction
    return user


async def confirm(connection: Connection, phone: str, at: datetime) -> dict[str, Any] | None:
    """The user with this phone, now confirmed and signed in; None when there is none or they are banned."""
    cursor = await connection.execute(
        """
        update auth.users set phone_confirmed_at = coalesce(phone_confirmed_at, %s),
          last_sign_in_at = %s, updated_at = %s
        where phone = %s and deleted_at is null and (banned_until is null or banned_until < %s)
        returning *
        """,
        (at, at, at, phone, at),
    )
    return await cursor.fetchone()


async def by_id(connection: Connection, user_id: UUID) -> dict[str, Any] | None:
    """The user with this id."""
    cursor = await connection.execute("select * from auth.users where id = %s and deleted_at is null", (user_id,))
    return await cursor.fetchone()


async def page(connection: Connection, number: int, size: int) -> list[dict[str, Any]]:
    """Users, the newest first; `number` counts from 1."""
    cursor = await connection.execute(
        "select * from auth.users order by created_at desc, id limit %s offset %s", (size, (number - 1) * size)
    )
    return await cursor.fetchall()


async def create(connection: Connection, body: dict[str, Any], at: datetime) -> dict[str, Any]:
    """A user made by an administrator; `phone_confirm` skips the code.

    Raises:
        AuthRefusal: no phone, one in use, or an id that is no UUID.
    """
    if not body.get("phone"):
        raise AuthRefusal(400, "validation_failed", "Cannot create a user without either an email or phone")
    phone = phone_of(body)
    try:
        user_id = UUID(body["id"]) if body.get("id") else uuid4()
    except (ValueError, AttributeError, TypeError):
        raise AuthRefusal(400, "validation_failed", "ID must conform to the uuid v4 format") from None
    app_metadata = {**_PHONE_APP_METADATA, **metadata_of(body, "app_metadata")}
    try:
        cursor = await connection.execute(
            """
            insert into auth.users (
              instance_id, id, aud, role, phone, phone_confirmed_at,
              raw_app_meta_data, raw_user_meta_data, created_at, updated_at
            )
            values (%s, %s, 'authenticated', 'authenticated', %s, %s, %s, %s, %s, %s)
            returning *
            """,
            (
                INSTANCE,
                user_id,
                phone,
                at if body.get("phone_confirm") is True else None,
                json.dumps(app_metadata),
                json.dumps(metadata_of(body, "user_metadata")),
                at,
                at,
            ),
        )
    except UniqueViolation as error:
        if error.diag.constraint_name == "users_phone_key":
            raise AuthRefusal(422, "phone_exists", "Phone number already registered by another user") from None
        raise AuthRefusal(422, "user_already_exists", "A user with this id has already been registered") from None
    user = await cursor.fetchone()
    assert user is not None  # noqa: S101 - returned by the insert
    return user


async def delete(connection: Connection, user_id: UUID) -> bool:
    """Delete the user; whether there was one.

    Raises:
        AuthRefusal: they have a profile, and history that stays.
    """
    try:
        cursor = await connection.execute("delete from auth.users where id = %s", (user_id,))
    except ForeignKeyViolation:
        raise AuthRefusal(500, "unexpected_failure", "Database error deleting user") from None
    return cursor.rowcount > 0
