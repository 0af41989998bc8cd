"""One's own keys: making one, putting another in its place, ending it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, get_args
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import NoteInvalid, SignedOut
from paya_app.core.text import clean_note
from paya_app.developers.errors import ApiKeyNameInvalid, LiveUnavailable, ScopesInvalid
from paya_app.developers.secrets import hash_of, make_secret
from paya_app.developers.versions import CURRENT_VERSION

NAME_CHARACTERS_MAX = 40

Mode = Literal["test", "live"]
Scope = Literal["payments:read", "payments:write", "webhooks:read", "webhooks:write", "sim:write"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its owner sees it.

    Attributes:
        last4: the last four characters of its secret, of which nothing more can be shown again.
        paya_version: the version of the API that it is pinned to.
        state: `rotated` is good until `expires_at`, for another has taken its place.
        last_used_at: to the minute.
    """

    id: UUID
    mode: Mode
    name: str
    scopes: tuple[Scope, ...]
    last4: str
    paya_version: date
    state: Literal["active", "rotated", "expired", "revoked"]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ApiKey":
        """From the database's `key_json`."""
        return cls(
            id=UUID(value["id"]),
            mode=value["mode"],
            name=value["name"],
            scopes=tuple(value["scopes"]),
            last4=value["last4"],
            paya_version=date.fromisoformat(value["paya_version"]),
            state=value["state"],
            created_at=datetime.fromisoformat(value["created_at"]),
            last_used_at=_time(value["last_used_at"]),
            expires_at=_time(value["expires_at"]),
        )


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. `secret` is to be seen now or never; None when the key had been made before."""

    key: ApiKey
    secret: str | None


async def create_key(actor: Actor, *, key_id: UUID, mode: Mode, name: str, scopes: Sequence[str]) -> NewKey:
    """Make a key, and the actor's account with the first one. Again with the same `key_id` makes no other.

    Raises:
        LiveUnavailable: no provider is connected.
        ApiKeyNameInvalid: empty, longer than 40 characters, or with what nobody sees.
        ScopesInvalid: none, or an unknown one.
        ApiKeysLimit: there are too many.
        TooManyTries: too many were made in 24 hours.
        ApiKeyReused: `key_id` was used for another one.
        SignedOut: nobody is signed in.
    """
    _require_signed_in(actor)
    if mode != "test":
        raise LiveUnavailable
    chosen = [scope for scope in SCOPES if scope in scopes]
    if not chosen or set(scopes) != set(chosen):
        raise ScopesInvalid
    secret = make_secret(mode)
    rows = await db.query(
        actor,
        "select developers.create_key(:id, :mode, :name, :scopes, :version, :hash, :last4)",
        {
            "id": key_id,
            "mode": mode,
            "name": _name(name),
            "scopes": chosen,
            "version": CURRENT_VERSION,
            "hash": hash_of(secret),
            "last4": secret[-4:],
        },
    )
    return _made(rows[0][0], secret)


async def rotate_key(actor: Actor, key_id: UUID, *, new_id: UUID) -> NewKey:
    """Make a key that takes another's place; the old one is good for 24 hours more. Again with `new_id` makes no other.

    Raises:
        NotFound: no such key, or somebody else's.
        ApiKeyOver: it has ended, or another took its place.
        ApiKeyReused, TooManyTries, SignedOut: as in `create_key`.
    """
    _require_signed_in(actor)
    secret = make_secret("test")
    rows = await db.query(
        actor,
        "select developers.rotate_key(:id, :new_id, :hash, :last4)",
        {"id": key_id, "new_id": new_id, "hash": hash_of(secret), "last4": secret[-4:]},
    )
    return _made(rows[0][0], secret)


async def revoke_key(actor: Actor, key_id: UUID) -> ApiKey:
    """End a key: it opens nothing from now on. Again changes nothing.

    Raises:
        NotFound: no such key, or somebody else's.
        SignedOut: nobody is signed in.
    """
    _require_signed_in(actor)
    rows = await db.query(actor, "select developers.revoke_key(:id)", {"id": key_id})
    return ApiKey.from_json(rows[0][0])


async def keys(actor: Actor) -> list[ApiKey]:
    """The actor's keys: those that are good first, then those that ended in the last 30 days. Raises `SignedOut`."""
    _require_signed_in(actor)
    return [ApiKey.from_json(row[0]) for row in await db.query(actor, "select k from developers.my_keys() k")]


def _made(value: dict[str, Any], secret: str) -> NewKey:
    # one that had been made before has another secret, which nobody knows here any more
    return NewKey(ApiKey.from_json(value), secret if value["is_new"] else None)


def _name(text: str) -> str:
    try:
        name = clean_note(text)
    except NoteInvalid:
        raise ApiKeyNameInvalid from None
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        raise ApiKeyNameInvalid
    return name


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _require_signed_in(actor: Actor) -> None:
    if actor.role != "authenticated":
        raise SignedOut
