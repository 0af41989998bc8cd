"""`/v1/webhook-endpoints` and `/v1/webhook-deliveries`: where an account is told of what happens, and how that went.

Each verb is one of `paya_app.webhooks`. What is made has an id that follows from the account and the idempotency key,
by a secret of ours, so that the same request is the same thing.
"""

import hashlib
import hmac
from typing import TypeVar
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from paya_app import webhooks
from paya_app.api.v1.asked import Asked, read_asked
from paya_app.api.v1.calls import call_of
from paya_app.api.v1.charge_answers import shown
from paya_app.api.v1.charge_asked import Nothing
from paya_app.api.v1.idempotency import idempotency_key_of
from paya_app.api.v1.keyed import KeyedRoute
from paya_app.api.v1.keyed_said import CHANGES, LISTS, READS, asks, of, reads
from paya_app.api.v1.webhook_answers import (
    DeliveryAnswer,
    DeliveryList,
    DeliveryWhole,
    EndpointAnswer,
    EndpointList,
    EndpointWithSecret,
    Recovered,
    delivery_shown,
    endpoint_shown,
    log_shown,
    secret_shown,
)
from paya_app.api.v1.webhook_asked import EndpointChanges, NewEndpoint, Recovery, Rotation
from paya_app.api.v1.webhook_pages import PARAMETERS, delivery_page_of, written_cursor
from paya_app.core.crypto import derived_key
from paya_app.core.ids import parse_id
from paya_app.developers.request_errors import IdempotencyKeyReused

READ, WRITE = "webhooks:read", "webhooks:write"
ENDPOINT, DELIVERY = ("endpoint", "endpoint"), ("delivery", "delivery")
_PURPOSE = "ids of webhooks"
_EXAMPLE = {"url": "https://shop.example/hooks", "events": ["payment.*"]}

Model = TypeVar("Model", bound=Asked)

router = APIRouter(prefix="/v1", tags=["Webhooks"], route_class=KeyedRoute)


async def changing(request: Request, model: type[Model], *, scope: str = WRITE) -> tuple[UUID, Model, UUID]:
    """The account, what it asks, and the id of what that makes, the same for the same idempotency key.

    Raises:
        PayaError: the key, the idempotency key or the body is not good.
    """
    admission = await call_of(request).admit(scope)
    key = idempotency_key_of(request)
    body = await read_asked(request, model)
    named = f"{admission.account_id}\n{request.url.path}\n{key}".encode()
    made = hmac.digest(derived_key(_PURPOSE), named, hashlib.sha256)[:16]
    return admission.account_id, body, UUID(bytes=made, version=4)


def endpoint_id_of(request: Request) -> UUID:
    """The endpoint that the address names. Raises `WebhookEndpointUnknown` for what is no id."""
    found = parse_id(request.path_params["endpoint"])
    if found is None:
        raise webhooks.WebhookEndpointUnknown
    return found


def delivery_id_of(request: Request) -> UUID:
    """The delivery that the address names. Raises `WebhookDeliveryUnknown` for what is no id."""
    found = parse_id(request.path_params["delivery"])
    if found is None:
        raise webhooks.WebhookDeliveryUnknown
    return found


def answered(value: BaseModel, status: int = 200, **headers: str) -> Response:
    """A model as JSON."""
    return shown(value.model_dump(mode="json"), status, **headers)


@router.get(
    "/webhook-endpoints",
    responses=LISTS,
    openapi_extra=reads(),
    response_model=EndpointList,
    operation_id="listEndpoints",
)
async def list_endpoints(request: Request) -> Response:
    """Your endpoints, the oldest first."""
    admission = await call_of(request).admit(READ)
    found = await webhooks.list_endpoints(admission.account_id)
    return answered(EndpointList(data=[endpoint_shown(each) for each in found]))


@router.post(
    "/webhook-endpoints",
    status_code=201,
    responses={201: {"description": "The endpoint, with its secret."}} | CHANGES,
    openapi_extra=asks(NewEndpoint, all_payments=_EXAMPLE),
    response_model=EndpointWithSecret,
    operation_id="createEndpoint",
)
async def create_endpoint(request: Request) -> Response:
    """Have messages posted to an address, signed as Standard Webhooks says. The secret is told here alone."""
    account_id, body, endpoint_id = await changing(request, NewEndpoint)
    try:
        made = await webhooks.add_endpoint(
            account_id, endpoint_id=endpoint_id, url=body.url, filters=body.events, description=body.description
        )
    except webhooks.WebhookIdReused:
        raise IdempotencyKeyReused(resource_id=str(endpoint_id)) from None
    return answered(secret_shown(made), 201, location=f"/v1/webhook-endpoints/{made.endpoint.id}")


@router.get(
    "/webhook-endpoints/{endpoint}",
    responses=READS,
    openapi_extra=of(*ENDPOINT),
    response_model=EndpointAnswer,
    operation_id="readEndpoint",
)
async def read_endpoint(request: Request) -> Response:
    """One of your endpoints."""
    admission = await call_of(request).admit(READ)
    wanted = endpoint_id_of(request)
    found = next((each for each in await webhooks.list_endpoints(admission.account_id) if each.id == wanted), None)
    if found is None:
        raise webhooks.WebhookEndpointUnknown
    return answered(endpoint_shown(found))


@router.post(
    "/webhook-endpoints/{endpoint}",
    responses=CHANGES,
    openapi_extra=of(*ENDPOINT, **asks(EndpointChanges, other_events={"events": ["payment.settled"]})),
    response_model=EndpointAnswer,
    operation_id="changeEndpoint",
)
async def change_endpoint(request: Request) -> Response:
    """Change its address, its events or its description. What waits goes to the new address."""
    account_id, body, _ = await changing(request, EndpointChanges)
    changed = await webhooks.change_endpoint(
        account_id, endpoint_id_of(request), url=body.url, filters=body.events, description=body.description
    )
    return answered(endpoint_shown(changed))


@router.delete(
    "/webhook-endpoints/{endpoint}",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is no more."}} | READS,
    openapi_extra=of(*ENDPOINT),
    operation_id="removeEndpoint",
)
async def remove_endpoint(request: Request) -> Response:
    """End it for good, with its secrets; what was waiting for it is given up."""
    admission = await call_of(request).admit(WRITE)
    await webhooks.remove_endpoint(admission.account_id, endpoint_id_of(request))
    return Response(status_code=204)


@router.post(
    "/webhook-endpoints/{endpoint}/rotate",
    responses=CHANGES,
    openapi_extra=of(*ENDPOINT, **asks(Rotation, leaked={"ends_previous": True})),
    response_model=EndpointWithSecret,
    operation_id="rotateSecret",
)
async def rotate_secret(request: Request) -> Response:
    """Give it another secret. Both sign for 24 hours, unless the one before is to end at once."""
    account_id, body, rotation_id = await changing(request, Rotation)
    made = await webhooks.rotate_secret(
        account_id, endpoint_id_of(request), rotation_id=rotation_id, ends_previous=body.ends_previous
    )
    return answered(secret_shown(made))


@router.post(
    "/webhook-endpoints/{endpoint}/enable",
    responses=CHANGES,
    openapi_extra=of(*ENDPOINT, **asks(Nothing)),
    response_model=EndpointAnswer,
    operation_id="enableEndpoint",
)
async def enable_endpoint(request: Request) -> Response:
    """Send there what happens from now on; what was given up is sent when it is recovered."""
    account_id, _, _ = await changing(request, Nothing)
    return answered(endpoint_shown(await webhooks.enable(account_id, endpoint_id_of(request))))


@router.post(
    "/webhook-endpoints/{endpoint}/disable",
    responses=CHANGES,
    openapi_extra=of(*ENDPOINT, **asks(Nothing)),
    response_model=EndpointAnswer,
    operation_id="disableEndpoint",
)
async def disable_endpoint(request: Request) -> Response:
    """Send nothing there until it is enabled."""
    account_id, _, _ = await changing(request, Nothing)
    return answered(endpoint_shown(await webhooks.disable(account_id, endpoint_id_of(request))))


@router.post(
    "/webhook-endpoints/{endpoint}/test",
    status_code=201,
    responses={201: {"description": "The delivery of the message."}} | CHANGES,
    openapi_extra=of(*ENDPOINT, **asks(Nothing)),
    response_model=DeliveryAnswer,
    operation_id="testEndpoint",
)
async def test_endpoint(request: Request) -> Response:
    """Tell it `webhook.test`, whatever it asks for."""
    account_id, _, message_id = await changing(request, Nothing)
    sent = await webhooks.send_test(account_id, endpoint_id_of(request), message_id=message_id)
    return answered(delivery_shown(sent), 201)


@router.post(
    "/webhook-endpoints/{endpoint}/recover",
    responses=CHANGES,
    openapi_extra=of(*ENDPOINT, **asks(Recovery, since_noon={"since": "2027-01-31T12:00:00Z"})),
    response_model=Recovered,
    operation_id="recoverEndpoint",
)
async def recover_endpoint(request: Request) -> Response:
    """Send once more whatever was made since a moment and given up, what happened while it was disabled too."""
    account_id, body, _ = await changing(request, Recovery)
    count = await webhooks.recover(account_id, endpoint_id_of(request), since=body.since)
    return answered(Recovered(recovered=count))


@router.get(
    "/webhook-deliveries",
    responses=LISTS,
    openapi_extra=reads(*PARAMETERS),
    response_model=DeliveryList,
    operation_id="listDeliveries",
)
async def list_deliveries(request: Request) -> Response:
    """What was sent, or waits to be, the newest first; `cursor` continues from an earlier answer's `next_cursor`."""
    admission = await call_of(request).admit(READ)
    asked = delivery_page_of(request)
    found = await webhooks.deliveries(
        admission.account_id,
        endpoint_id=asked.endpoint_id,
        state=asked.state,
        before=asked.before,
        maximum=asked.limit + 1,
    )
    page, has_more = found[: asked.limit], len(found) > asked.limit
    return answered(
        DeliveryList(
            data=[delivery_shown(each) for each in page],
            has_more=has_more,
            next_cursor=written_cursor(page[-1]) if has_more else None,
        )
    )


@router.get(
    "/webhook-deliveries/{delivery}",
    responses=READS,
    openapi_extra=of(*DELIVERY),
    response_model=DeliveryWhole,
    operation_id="readDelivery",
)
async def read_delivery(request: Request) -> Response:
    """One delivery, with the exact text that is sent and every try."""
    admission = await call_of(request).admit(READ)
    return answered(log_shown(await webhooks.delivery_log(admission.account_id, delivery_id_of(request))))


@router.post(
    "/webhook-deliveries/{delivery}/replay",
    responses=CHANGES,
    openapi_extra=of(*DELIVERY, **asks(Nothing)),
    response_model=DeliveryAnswer,
    operation_id="replayDelivery",
)
async def replay_delivery(request: Request) -> Response:
    """Send it once more, under the same webhook-id."""
    account_id, _, _ = await changing(request, Nothing)
    return answered(delivery_shown(await webhooks.replay(account_id, delivery_id_of(request))))
