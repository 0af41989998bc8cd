"""What verbs of webhooks return."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Chaos:
    """What test mode does to an endpoint on purpose.

    Attributes:
        duplicate: what was accepted is sent once more, with the same webhook-id.
        reorder: charges keep no order, and every other message comes 10 s later than it would.
        bad_signature: the first try is signed with a secret that is nobody's; whoever accepts it does not check.
        delay_s: seconds by the account's clock that everything waits first, a day at most.
    """

    duplicate: bool = False
    reorder: bool = False
    bad_signature: bool = False
    delay_s: int = 0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that an account is told at.

    Attributes:
        state: enabled or disabled; `reason` says why disabled: by_owner, gone (it answered 410), failing (five days).
        previous_until: until when the secret before the present one signs too.
        failing_since: the first failure since it last accepted anything, by the account's clock.
    """

    id: UUID
    url: str
    filters: tuple[str, ...]
    description: str
    state: str
    reason: str | None
    chaos: Chaos
    version: int
    previous_until: datetime | None
    failing_since: datetime | None
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class EndpointSecret:
    """An endpoint with its secret, given when it is made and when it is rotated, and never again."""

    endpoint: Endpoint
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Telling one endpoint one message.

    Attributes:
        webhook_id: the message's, the same at every endpoint and try.
        state: behind (an earlier one of its charge is open), waiting, sending, accepted, given_up.
        reason: why given up: tries_used_up, endpoint_disabled, endpoint_removed.
        due_at: when it is tried, by the account's clock; None when it is not waiting.
    """

    id: UUID
    endpoint_id: UUID
    webhook_id: UUID
    kind: str
    object_id: UUID
    state: str
    reason: str | None
    tries: int
    due_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, noted before it was made.

    Attributes:
        account_at: by the account's clock; `began_at` and `ended_at` are real.
        outcome: accepted, refused, redirected, timed_out, unreachable, blocked, broken, lost; None while it runs.
        headers: as sent.
        answer: the beginning of what came back, 4 KB at most, or what went wrong.
        mischief: what test mode did to it on purpose.
    """

    number: int
    began_at: datetime
    account_at: datetime
    mischief: tuple[str, ...]
    outcome: str | None
    status: int | None
    took_ms: int | None
    headers: dict[str, str] | None
    answer: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryLog:
    """A delivery with the exact text that is sent, and every try."""

    delivery: Delivery
    body: str
    attempts: tuple[Attempt, ...]


def endpoint_of(said: dict[str, Any]) -> Endpoint:
    """An endpoint as the database gives it."""
    return Endpoint(
        id=UUID(said["id"]),
        url=said["url"],
        filters=tuple(said["filters"]),
        description=said["description"],
        state=said["state"],
        reason=said["reason"],
        chaos=Chaos(**said["chaos"]),
        version=said["version"],
        previous_until=_moment(said["previous_until"]),
        failing_since=_moment(said["failing_since"]),
        created_at=datetime.fromisoformat(said["created_at"]),
        changed_at=datetime.fromisoformat(said["changed_at"]),
    )


def delivery_of(said: dict[str, Any]) -> Delivery:
    """A delivery as the database gives it."""
    return Delivery(
        id=UUID(said["id"]),
        endpoint_id=UUID(said["endpoint_id"]),
        webhook_id=UUID(said["webhook_id"]),
        kind=said["kind"],
        object_id=UUID(said["object_id"]),
        state=said["state"],
        reason=said["reason"],
        tries=said["tries"],
        due_at=_moment(said["due_at"]),
        created_at=datetime.fromisoformat(said["created_at"]),
        ended_at=_moment(said["ended_at"]),
    )


def attempt_of(said: dict[str, Any]) -> Attempt:
    """A try as the database gives it."""
    return Attempt(
        number=said["number"],
        began_at=datetime.fromisoformat(said["began_at"]),
        account_at=datetime.fromisoformat(said["account_at"]),
        mischief=tuple(said["mischief"]),
        outcome=said["outcome"],
        status=said["status"],
        took_ms=said["took_ms"],
        headers=said["headers"],
        answer=said["answer"],
        ended_at=_moment(said["ended_at"]),
    )


def _moment(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)
