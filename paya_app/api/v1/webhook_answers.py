"""What is answered of webhooks: models that describe it, made of what the verbs return."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel

from paya_app.webhooks import Attempt, Delivery, DeliveryLog, Endpoint, EndpointSecret


class ChaosShown(BaseModel):
    """What goes wrong on purpose."""

    duplicate: bool
    reorder: bool
    bad_signature: bool
    delay_s: int


class EndpointAnswer(BaseModel):
    """An endpoint. `previous_until`: until when the secret before signs too."""

    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    id: str
    url: str
    events: list[str]
    description: str
    status: Literal["enabled", "disabled"]
    reason: Literal["by_owner", "gone", "failing"] | None
    chaos: ChaosShown
    previous_until: str | None
    failing_since: str | None
    created_at: str
    version: int


class EndpointWithSecret(EndpointAnswer):
    """An endpoint with the secret that its messages are signed with; told now and never again."""

    secret: str


class EndpointList(BaseModel):
    """All of them, the oldest first: there are 16 at most."""

    data: list[EndpointAnswer]
    has_more: Literal[False] = False
    next_cursor: None = None


class DeliveryAnswer(BaseModel):
    """Telling one endpoint one message. `due_at` is by the account's clock."""

    object: Literal["webhook_delivery"] = "webhook_delivery"
    id: str
    endpoint: str
    webhook_id: str
    type: str
    object_id: str
    status: Literal["behind", "waiting", "sending", "accepted", "given_up"]
    reason: str | None
    attempts_made: int
    due_at: str | None
    created_at: str
    ended_at: str | None


class AttemptShown(BaseModel):
    """One try: what was sent with it, and what came back."""

    number: int
    began_at: str
    account_at: str
    chaos: list[str]
    outcome: str | None
    status: int | None
    took_ms: int | None
    headers: dict[str, str] | None
    answer: str | None


class DeliveryWhole(DeliveryAnswer):
    """A delivery with the exact text that is sent, and every try."""

    body: str
    attempts: list[AttemptShown]


class DeliveryList(BaseModel):
    """A page of deliveries, the newest first."""

    data: list[DeliveryAnswer]
    has_more: bool
    next_cursor: str | None


class Recovered(BaseModel):
    """How many messages are sent once more."""

    recovered: int


def endpoint_shown(endpoint: Endpoint) -> EndpointAnswer:
    """An endpoint as it is answered."""
    return EndpointAnswer.model_validate(_endpoint(endpoint))


def secret_shown(made: EndpointSecret) -> EndpointWithSecret:
    """An endpoint with its secret."""
    return EndpointWithSecret.model_validate(_endpoint(made.endpoint) | {"secret": made.secret})


def delivery_shown(delivery: Delivery) -> DeliveryAnswer:
    """A delivery as it is answered."""
    return DeliveryAnswer.model_validate(_delivery(delivery))


def log_shown(log: DeliveryLog) -> DeliveryWhole:
    """A delivery with its tries."""
    tries = [_attempt(each) for each in log.attempts]
    return DeliveryWhole.model_validate(_delivery(log.delivery) | {"body": log.body, "attempts": tries})


def written(moment: datetime) -> str:
    """A moment as the API tells it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _endpoint(endpoint: Endpoint) -> dict[str, object]:
    return {
        "id": str(endpoint.id),
        "url": endpoint.url,
        "events": list(endpoint.filters),
        "description": endpoint.description,
        "status": endpoint.state,
        "reason": endpoint.reason,
        "chaos": asdict(endpoint.chaos),
        "previous_until": _or_none(endpoint.previous_until),
        "failing_since": _or_none(endpoint.failing_since),
        "created_at": written(endpoint.created_at),
        "version": endpoint.version,
    }


def _delivery(delivery: Delivery) -> dict[str, object]:
    return {
        "id": str(delivery.id),
        "endpoint": str(delivery.endpoint_id),
        "webhook_id": str(delivery.webhook_id),
        "type": delivery.kind,
        "object_id": str(delivery.object_id),
        "status": delivery.state,
        "reason": delivery.reason,
        "attempts_made": delivery.tries,
        "due_at": _or_none(delivery.due_at),
        "created_at": written(delivery.created_at),
        "ended_at": _or_none(delivery.ended_at),
    }


def _attempt(attempt: Attempt) -> dict[str, object]:
    return {
        "number": attempt.number,
        "began_at": written(attempt.began_at),
        "account_at": written(attempt.account_at),
        "chaos": list(attempt.mischief),
        "outcome": attempt.outcome,
        "status": attempt.status,
        "took_ms": attempt.took_ms,
        "headers": attempt.headers,
        "answer": attempt.answer,
    }


def _or_none(moment: datetime | None) -> str | None:
    return None if moment is None else written(moment)
