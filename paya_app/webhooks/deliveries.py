"""Verbs about deliveries: what was sent, what became of it, and sending it once more."""

from datetime import datetime
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.errors import RequestInvalid
from paya_app.webhooks.models import Attempt, Delivery, DeliveryLog, attempt_of, delivery_of

LISTED_MAX = 100
STATES = frozenset({"behind", "waiting", "sending", "accepted", "given_up"})
DEAD = "given_up"


async def deliveries(
    account_id: UUID,
    *,
    endpoint_id: UUID | None = None,
    state: str | None = None,
    before: tuple[datetime, UUID] | None = None,
    maximum: int = LISTED_MAX,
) -> list[Delivery]:
    """The account's deliveries, the newest first; `state="given_up"` lists the dead letters.

    `before` is `created_at` and `id` of the last one that was seen; `maximum` is 1 to 101 (one more than a page).

    Raises:
        RequestInvalid: no such state, or more than may be listed at once.
    """
    if (state is not None and state not in STATES) or not 0 < maximum <= LISTED_MAX + 1:
        raise RequestInvalid
    at, last_id = before or (None, None)
    rows = await db.query(
        Actor.service(),
        "select webhooks.deliveries(:account, cast(:endpoint as uuid), cast(:state as text),"
        " cast(:at as timestamptz), cast(:last_id as uuid), :maximum)",
        {
            "account": account_id,
            "endpoint": endpoint_id,
            "state": state,
            "at": at,
            "last_id": last_id,
            "maximum": maximum,
        },
    )
    return [delivery_of(row[0]) for row in rows]


async def delivery_log(account_id: UUID, delivery_id: UUID) -> DeliveryLog:
    """One delivery with the exact text that is sent, and every try.

    Raises:
        WebhookDeliveryUnknown: no such delivery of this account.
    """
    said = await as_service("select webhooks.delivery_log(:account, :id)", account=account_id, id=delivery_id)
    return DeliveryLog(delivery_of(said), said["body"], tuple(map(attempt_of, said["attempts"])))


async def attempts(account_id: UUID, delivery_id: UUID) -> list[Attempt]:
    """Every try of one delivery, the first one first.

    Raises:
        WebhookDeliveryUnknown: no such delivery of this account.
    """
    return list((await delivery_log(account_id, delivery_id)).attempts)


async def replay(account_id: UUID, delivery_id: UUID) -> Delivery:
    """Send one delivery once more, with the same webhook-id and ten tries before it; one that is open is left as it is.

    Raises:
        WebhookDeliveryUnknown: no such delivery of this account, or its endpoint was removed.
        WebhookEndpointDisabled: nothing is sent there.
    """
    return delivery_of(await as_service("select webhooks.replay(:account, :id)", account=account_id, id=delivery_id))


async def recover(account_id: UUID, endpoint_id: UUID, *, since: datetime) -> int:
    """Send once more whatever was made since (real time) and given up; returns how many.

    What happened while the endpoint was disabled is among it. Of one charge the earlier is sent first.

    Raises:
        WebhookEndpointUnknown: no such endpoint of this account.
        WebhookEndpointDisabled: nothing is sent there; enable it first.
        RequestInvalid: a moment of no time zone.
    """
    if since.tzinfo is None:
        raise RequestInvalid
    sql = "select webhooks.recover(:account, :id, :since)"
    return await as_service(sql, account=account_id, id=endpoint_id, since=since)


async def send_test(account_id: UUID, endpoint_id: UUID, *, message_id: UUID) -> Delivery:
    """Tell the endpoint `webhook.test`, whatever it asks for. The same `message_id` is the same delivery.

    Raises:
        WebhookEndpointUnknown: no such endpoint of this account.
        WebhookEndpointDisabled: nothing is sent there.
        WebhookIdReused: `message_id` is that of another message.
    """
    sql = "select webhooks.send_test(:account, :id, :message)"
    return delivery_of(await as_service(sql, account=account_id, id=endpoint_id, message=message_id))
