"""Verbs about endpoints: where an account is told, of what, and with which secret."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.config import settings
from paya_app.webhooks.errors import WebhookChaosInvalid, WebhookDescriptionInvalid, WebhookFilterUnknown
from paya_app.webhooks.models import Chaos, Endpoint, EndpointSecret, endpoint_of
from paya_app.webhooks.signing import new_secret, sealed, unsealed
from paya_app.webhooks.targets import checked_url

ENDPOINTS_MAX = 16
FILTERS_MAX = 32
DESCRIPTION_CHARACTERS_MAX = 200
DELAY_S_MAX = 86_400
# two secrets sign for so long, while a receiver learns the new one
ROTATION_OVERLAP = timedelta(hours=24)

_FILTER = re.compile(r"[a-z_.]{0,59}(\*|[a-z_])")


async def add_endpoint(
    account_id: UUID, *, endpoint_id: UUID, url: str, filters: Sequence[str] = ("*",), description: str = ""
) -> EndpointSecret:
    """Tell `url` of what happens to the account from now on, and give the secret that messages are signed with.

    `filters` are kinds (`payment.captured`), beginnings (`payment.dispute.*`), or `*` for all. The same `endpoint_id`
    with the same request gives the endpoint that it made, and its secret.

    Raises:
        WebhookUrlInvalid: which rule the address breaks.
        WebhookFilterUnknown: a filter asks for what never happens.
        WebhookDescriptionInvalid: longer than 200 characters, or with some that nobody sees.
        WebhookEndpointsLimit: the account has 16.
        WebhookIdReused: `endpoint_id` was used for another endpoint.
    """
    params = {
        "account": account_id,
        "id": endpoint_id,
        "url": checked_url(url, loopback_allowed=settings().embedded),
        "filters": _filters(filters),
        "description": _described(description),
        "sealed": sealed(new_secret(), endpoint_id),
    }
    return _with_secret(
        await as_service("select webhooks.add_endpoint(:account, :id, :url, :filters, :description, :sealed)", **params)
    )


async def list_endpoints(account_id: UUID) -> list[Endpoint]:
    """The account's endpoints, the oldest first; removed ones are not among them."""
    rows = await db.query(Actor.service(), "select webhooks.endpoints(:account)", {"account": account_id})
    return [endpoint_of(row[0]) for row in rows]


async def change_endpoint(
    account_id: UUID,
    endpoint_id: UUID,
    *,
    url: str | None = None,
    filters: Sequence[str] | None = None,
    description: str | None = None,
) -> Endpoint:
    """Change what is not None. What waits goes to the new address; filters are about what happens from now on.

    Raises:
        WebhookEndpointUnknown: no such endpoint of this account.
        WebhookUrlInvalid, WebhookFilterUnknown, WebhookDescriptionInvalid: as when it is made.
    """
    params = {
        "url": None if url is None else checked_url(url, loopback_allowed=settings().embedded),
        "filters": None if filters is None else _filters(filters),
        "description": None if description is None else _described(description),
    }
    sql = "select webhooks.change_endpoint(:account, :id, :url, cast(:filters as text[]), :description)"
    return endpoint_of(await as_service(sql, account=account_id, id=endpoint_id, **params))


async def rotate_secret(
    account_id: UUID, endpoint_id: UUID, *, rotation_id: UUID, ends_previous: bool = False
) -> EndpointSecret:
    """Give the endpoint another secret. The one before signs beside it for 24 hours, or ends at once if it leaked.

    The same `rotation_id` gives the secret that it made, as long as none was made since. A second rotation within the
    24 hours ends the oldest of the three secrets.

    Raises:
        WebhookEndpointUnknown: no such endpoint of this account.
    """
    return _with_secret(
        await as_service(
            "select webhooks.rotate_secret(:account, :id, :rotation, :sealed, :overlap)",
            account=account_id,
            id=endpoint_id,
            rotation=rotation_id,
            sealed=sealed(new_secret(), endpoint_id),
            overlap=timedelta(0) if ends_previous else ROTATION_OVERLAP,
        )
    )


async def disable(account_id: UUID, endpoint_id: UUID) -> Endpoint:
    """Send nothing there until it is enabled; what is open, and what happens meanwhile, can be recovered then.

    Raises:
        WebhookEndpointUnknown: no such endpoint of this account.
    """
    return endpoint_of(await as_service("select webhooks.disable(:account, :id)", account=account_id, id=endpoint_id))


async def enable(account_id: UUID, endpoint_id: UUID) -> Endpoint:
    """Send there what happens from now on; `recover` sends what was given up.

    Raises:
        WebhookEndpointUnknown: no such endpoint of this account.
    """
    return endpoint_of(await as_service("select webhooks.enable(:account, :id)", account=account_id, id=endpoint_id))


async def remove_endpoint(account_id: UUID, endpoint_id: UUID) -> None:
    """End the endpoint for good, and destroy its secrets.

    Raises:
        WebhookEndpointUnknown: no such endpoint of this account; also the second time.
    """
    await as_service("select webhooks.remove_endpoint(:account, :id)", account=account_id, id=endpoint_id)


async def set_chaos(account_id: UUID, endpoint_id: UUID, chaos: Chaos) -> Endpoint:
    """Have test mode do this to the endpoint on purpose, from now on.

    Raises:
        WebhookEndpointUnknown: no such endpoint of this account.
        WebhookChaosInvalid: something else than booleans, or a delay beyond a day.
    """
    flags = (chaos.duplicate, chaos.reorder, chaos.bad_signature)
    if not all(isinstance(flag, bool) for flag in flags) or type(chaos.delay_s) is not int:
        raise WebhookChaosInvalid
    if not 0 <= chaos.delay_s <= DELAY_S_MAX:
        raise WebhookChaosInvalid
    said = {name: value for name, value in asdict(chaos).items() if value}
    sql = "select webhooks.set_chaos(:account, :id, cast(:chaos as jsonb))"
    return endpoint_of(await as_service(sql, account=account_id, id=endpoint_id, chaos=json.dumps(said)))


def _filters(filters: object) -> list[str]:
    """Filters in the form of filters; the database knows which kinds there are."""
    if isinstance(filters, str) or not isinstance(filters, Sequence) or not 0 < len(filters) <= FILTERS_MAX:
        raise WebhookFilterUnknown
    if not all(isinstance(each, str) and _FILTER.fullmatch(each) for each in filters):
        raise WebhookFilterUnknown
    return sorted(set(filters))


def _described(description: object) -> str:
    if (
        not isinstance(description, str)
        or len(description) > DESCRIPTION_CHARACTERS_MAX
        or not description.isprintable()
    ):
        raise WebhookDescriptionInvalid
    return description


def _with_secret(said: dict[str, Any]) -> EndpointSecret:
    endpoint = endpoint_of(said)
    return EndpointSecret(endpoint, unsealed(said["secret_sealed"], endpoint.id))
