"""Webhooks: telling developers' programs what happened to their charges, signed, until they accept it.

It reads the events of charges (`charges.event`), and charges know nothing of it. Messages are signed as Standard
Webhooks says. Of one charge, with its captures, refunds and disputes, they come in order; those of several do not wait
for each other. They come at least once: a receiver knows a repetition by its `webhook-id`.
"""

from paya_app.webhooks.deliveries import STATES, attempts, deliveries, delivery_log, recover, replay, send_test
from paya_app.webhooks.endpoints import (
    DELAY_S_MAX,
    DESCRIPTION_CHARACTERS_MAX,
    FILTERS_MAX,
    add_endpoint,
    change_endpoint,
    disable,
    enable,
    list_endpoints,
    remove_endpoint,
    rotate_secret,
    set_chaos,
)
from paya_app.webhooks.errors import (
    WebhookChaosInvalid,
    WebhookDeliveryUnknown,
    WebhookDescriptionInvalid,
    WebhookEndpointDisabled,
    WebhookEndpointsLimit,
    WebhookEndpointUnknown,
    WebhookFilterUnknown,
    WebhookIdReused,
    WebhookUrlInvalid,
)
from paya_app.webhooks.models import Attempt, Chaos, Delivery, DeliveryLog, Endpoint, EndpointSecret
from paya_app.webhooks.sending import send_due, work

__all__ = [
    "DELAY_S_MAX",
    "DESCRIPTION_CHARACTERS_MAX",
    "FILTERS_MAX",
    "STATES",
    "Attempt",
    "Chaos",
    "Delivery",
    "DeliveryLog",
    "Endpoint",
    "EndpointSecret",
    "WebhookChaosInvalid",
    "WebhookDeliveryUnknown",
    "WebhookDescriptionInvalid",
    "WebhookEndpointDisabled",
    "WebhookEndpointUnknown",
    "WebhookEndpointsLimit",
    "WebhookFilterUnknown",
    "WebhookIdReused",
    "WebhookUrlInvalid",
    "add_endpoint",
    "attempts",
    "change_endpoint",
    "deliveries",
    "delivery_log",
    "disable",
    "enable",
    "list_endpoints",
    "recover",
    "remove_endpoint",
    "replay",
    "rotate_secret",
    "send_due",
    "send_test",
    "set_chaos",
    "work",
]
