"""Events and webhook subscriptions: what happened, and who is told."""

import uuid
from typing import Any, Protocol

from starlette.responses import Response

from paya_app.local.vendors.dwolla.call import Call
from paya_app.local.vendors.dwolla.hal import Refused, created, fault, hal, invalid, link, moment, not_found
from paya_app.local.vendors.dwolla.state import ACCOUNT_ID, Connection, Dwolla

SECRET_CHARACTERS_MAX = 128
SUBSCRIPTIONS_MAX = 10


class Place(Protocol):
    """Where an event is recorded: a call, or a pass of the clock."""

    @property
    def connection(self) -> Connection:
        """The transaction."""
        ...


async def record(
    place: Place,
    topic: str,
    resource: str,
    *,
    customer_id: uuid.UUID | None = None,
    correlation_id: str | None = None,
) -> None:
    """Write one event about the resource at this path, and owe it to every active subscription."""
    event_id = uuid.uuid4()
    await place.connection.execute(
        "insert into vendor_dwolla.event (id, topic, resource, resource_id, customer_id, correlation_id)"
        " values (%s, %s, %s, %s, %s, %s)",
        (event_id, topic, resource, resource.rsplit("/", 1)[-1], customer_id, correlation_id),
    )
    await place.connection.execute(
        "insert into vendor_dwolla.delivery (event_id, subscription_id)"
        " select %s, id from vendor_dwolla.subscription where not paused",
        (event_id,),
    )


async def record_both(
    place: Place, what: str, transfer_id: uuid.UUID, customer_id: uuid.UUID, correlation_id: str | None
) -> None:
    """The two events of a transfer between an unverified customer's bank and our account: theirs and ours."""
    path = f"/transfers/{transfer_id}"
    await record(place, f"customer_transfer_{what}", path, customer_id=customer_id, correlation_id=correlation_id)
    await record(place, f"transfer_{what}", path, correlation_id=correlation_id)


def document(dwolla: Dwolla, event: dict[str, Any]) -> dict[str, Any]:
    """An event as the API and the webhook both write it."""
    links = {
        "self": {"href": dwolla.href(f"/events/{event['id']}")},
        "account": {"href": dwolla.href(f"/accounts/{ACCOUNT_ID}")},
        "resource": {"href": dwolla.href(event["resource"])},
    }
    if event["customer_id"]:
        links["customer"] = {"href": dwolla.href(f"/customers/{event['customer_id']}")}
    written = {
        "_links": links,
        "id": str(event["id"]),
        "created": moment(event["created"]),
        "topic": event["topic"],
        "resourceId": event["resource_id"],
    }
    return written | ({"correlationId": event["correlation_id"]} if event["correlation_id"] else {})


async def search(call: Call) -> Response:
    """`GET /events`, newest first."""
    limit, offset = call.page()
    total = await call.row("select count(*) as n from vendor_dwolla.event")
    found = await call.rows(
        "select * from vendor_dwolla.event order by created desc, id limit %s offset %s", limit, offset
    )
    return hal(
        {
            "_links": {"self": link(call.dwolla.href("/events"), "event")},
            "_embedded": {"events": [document(call.dwolla, event) for event in found]},
            "total": total["n"] if total else 0,
        }
    )


async def retrieve(call: Call) -> Response:
    """`GET /events/{id}`."""
    event = await call.row("select * from vendor_dwolla.event where id = %s", call.id)
    if event is None:
        raise not_found()
    return hal(document(call.dwolla, event))


async def subscribe(call: Call) -> Response:
    """`POST /webhook-subscriptions`."""
    url, secret = call.body.get("url"), call.body.get("secret")
    faults = []
    if not isinstance(url, str) or not url.startswith(("http://", "https://")) or " " in url:
        faults.append(fault("InvalidFormat", "Url must be a valid url.", "/url"))
    if not isinstance(secret, str) or not secret:
        faults.append(fault("Required", "Secret required.", "/secret"))
    elif len(secret) > SECRET_CHARACTERS_MAX:
        faults.append(fault("InvalidFormat", f"Secret must be {SECRET_CHARACTERS_MAX} or fewer characters.", "/secret"))
    if faults:
        raise invalid(*faults)
    held = await call.row("select count(*) as n from vendor_dwolla.subscription")
    if held and held["n"] >= SUBSCRIPTIONS_MAX:
        raise Refused(400, "MaxNumberOfResources", "The maximum number of subscriptions has been reached.")
    subscription_id = uuid.uuid4()
    await call.run(
        "insert into vendor_dwolla.subscription (id, url, secret) values (%s, %s, %s)", subscription_id, url, secret
    )
    return created(call.dwolla.href(f"/webhook-subscriptions/{subscription_id}"))


async def subscriptions(call: Call) -> Response:
    """`GET /webhook-subscriptions`."""
    found = await call.rows("select * from vendor_dwolla.subscription order by created, id")
    return hal(
        {
            "_links": {"self": {"href": call.dwolla.href("/webhook-subscriptions")}},
            "_embedded": {"webhook-subscriptions": [_subscription(call, row) for row in found]},
            "total": len(found),
        }
    )


async def subscription(call: Call) -> Response:
    """`GET`, `POST` (pause or resume) and `DELETE /webhook-subscriptions/{id}`."""
    found = await call.row("select * from vendor_dwolla.subscription where id = %s", call.id)
    if found is None:
        raise not_found()
    if call.request.method == "DELETE":
        await call.run("delete from vendor_dwolla.subscription where id = %s", found["id"])
    elif call.request.method == "POST":
        if not isinstance(call.body.get("paused"), bool):
            raise invalid(fault("Required", "Paused required.", "/paused"))
        found["paused"] = call.body["paused"]
        await call.run("update vendor_dwolla.subscription set paused = %s where id = %s", found["paused"], found["id"])
    return hal(_subscription(call, found))


def _subscription(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    here = call.dwolla.href(f"/webhook-subscriptions/{row['id']}")
    return {
        "_links": {"self": {"href": here}, "webhooks": {"href": f"{here}/webhooks"}},
        "id": str(row["id"]),
        "url": row["url"],
        "paused": row["paused"],
        "created": moment(row["created"]),
    }
