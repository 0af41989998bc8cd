"""People: claiming a handle, and finding somebody."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import HandleInvalid, PayaError, SignedOut
from paya_app.core.text import clean_name
from paya_app.identity.phones import normalize_phone

HANDLE = re.compile(r"[a-z][a-z0-9_]{2,19}")
_COLUMNS = "id, handle, name, is_demo, created_at"


@dataclass(frozen=True, slots=True)
class Person:
    """What anyone may know of somebody."""

    id: UUID
    handle: str
    name: str
    is_demo: bool
    created_at: datetime

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Person":
        """A person out of the database's JSON."""
        return cls(
            UUID(row["id"]), row["handle"], row["name"], row["is_demo"], datetime.fromisoformat(row["created_at"])
        )


def normalize_handle(text: object) -> str:
    """A handle as it is kept: without @, in lower case.

    Raises:
        HandleInvalid: not 3 to 20 of a-z 0-9 _, or the first is no letter.
    """
    handle = text.strip().removeprefix("@").lower() if isinstance(text, str) and len(text) <= 64 else ""  # noqa: PLR2004
    if not HANDLE.fullmatch(handle):
        raise HandleInvalid
    return handle


async def claim_handle(actor: Actor, *, handle: str, name: str) -> Person:
    """Make the actor a person with this handle and name, and open the wallet. Doing it twice is doing it once.

    Raises:
        HandleInvalid, NameInvalid: not of the form.
        HandleTaken: somebody's, reserved, or it looks like one that is.
        HandleKept: the actor has another handle already.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    params = {"handle": normalize_handle(handle), "name": clean_name(name)}
    rows = await db.query(actor, f"select {_COLUMNS} from identity.claim_handle(:handle, :name)", params)  # noqa: S608
    return Person(*rows[0])


async def me(actor: Actor) -> Person | None:
    """The actor as a person, or None before a handle was claimed."""
    if actor.user_id is None:
        return None
    rows = await db.query(actor, f"select {_COLUMNS} from public.profiles where id = :id", {"id": actor.user_id})  # noqa: S608
    return Person(*rows[0]) if rows else None


async def person(actor: Actor, handle: str) -> Person | None:
    """Whoever has this handle, or None; a malformed handle is nobody's."""
    try:
        key = normalize_handle(handle)
    except HandleInvalid:
        return None
    rows = await db.query(actor, f"select {_COLUMNS} from public.profiles where handle = :handle", {"handle": key})  # noqa: S608
    return Person(*rows[0]) if rows else None


async def find(actor: Actor, text: str) -> Person | None:
    """Whoever has this handle, @handle or US phone number, or None. Look-ups by phone are counted and bounded.

    Raises:
        LimitExceeded: too many phone numbers looked up in an hour.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    try:
        key = normalize_handle(text)
    except HandleInvalid:
        try:
            key = normalize_phone(text)
        except PayaError:
            return None
    rows = await db.query(actor, f"select {_COLUMNS} from identity.find(:key)", {"key": key})  # noqa: S608
    return Person(*rows[0]) if rows else None
