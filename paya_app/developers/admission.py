"""What a key is admitted to: asked with every request, in one round trip with the request's own work if it has any."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from paya_app.core import db
from paya_app.core.errors import PayaError, from_code
from paya_app.core.ids import new_id

# whose refusals the database names by their codes
from paya_app.developers import errors, request_errors  # noqa: F401

_ADMIT = "select developers.admit(:hash, :scope)"
_RUN_ONCE = (
    "select developers.run_once(:hash, :scope, :key, :fingerprint, :operation, :id, cast(:request as jsonb), :asked_by)"
)


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a key may ask: `quota` requests in 60 seconds, of which `left` are left for `resets_s` seconds."""

    quota: int
    left: int
    resets_s: int


@dataclass(frozen=True, slots=True)
class Admission:
    """Whose key it is, and to which version it is pinned. `rate`: None when it is not counted."""

    account_id: UUID
    key_id: UUID
    mode: str
    version: date
    rate: Rate | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request that is done once.

    Attributes:
        admission: whose key asked; None when the key itself was refused.
        object: what was made, as the API shows it; None when it was refused.
        refusal: why, or None.
        is_replayed: whether it was answered before, and this is that answer.
        request_id: of the request that was refused first, for an answer that is the same each time.
    """

    admission: Admission | None
    object: dict[str, Any] | None
    refusal: PayaError | None
    is_replayed: bool
    request_id: str | None


async def admit(secret_hash: bytes, scope: str) -> tuple[Admission | None, PayaError | None]:
    """Who asks by the key with this hash, and why it may not, if so; the request is counted.

    Raises:
        ServiceUnavailable: the database does not answer.
    """
    rows = await db.call(_ADMIT, {"hash": secret_hash, "scope": scope})
    return _admission(rows[0][0]), _refusal(rows[0][0])


async def run_once(
    secret_hash: bytes,
    scope: str,
    *,
    key: str,
    fingerprint: bytes,
    operation: str,
    request: dict[str, Any],
    request_id: str,
) -> Outcome:
    """Run `operation` for the account whose key has this hash, once for each `key` of the program's.

    Args:
        secret_hash: of the key of the API.
        scope: what that must allow.
        key: the program's own, 1 to 255 characters; good for 24 hours.
        fingerprint: what the request was; another one under the same key is refused.
        operation: a name that `charges.execute` knows.
        request: what it needs.
        request_id: of the request, kept with a refusal.

    Raises:
        ServiceUnavailable: nothing happened, or nobody knows; asking again with the same key is safe.
    """
    rows = await db.call(
        _RUN_ONCE,
        {
            "hash": secret_hash,
            "scope": scope,
            "key": key,
            "fingerprint": fingerprint,
            "operation": operation,
            "id": new_id(),
            "request": json.dumps(request, ensure_ascii=False),
            "asked_by": request_id,
        },
    )
    said: dict[str, Any] = rows[0][0]
    return Outcome(
        _admission(said), said.get("object"), _refusal(said), said.get("is_replayed", False), said.get("request_id")
    )


def _admission(said: dict[str, Any]) -> Admission | None:
    if "account_id" not in said:
        return None
    return Admission(
        UUID(said["account_id"]),
        UUID(said["key_id"]),
        said["mode"],
        date.fromisoformat(said["version"]),
        Rate(**said["rate"]) if "rate" in said else None,
    )


def _refusal(said: dict[str, Any]) -> PayaError | None:
    return from_code(said["refused"], said["facts"]) if "refused" in said else None
