"""Push messages on this device, turned on and off in the browser."""

from typing import Any

import reflex as rx


def _subscription(made: rx.Var[dict[str, Any]]) -> tuple[rx.Var[dict[str, Any]]]:
    return (made,)


def _endpoint(endpoint: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (endpoint,)


class _PushSwitch(rx.Component):
    library = rx.asset("push_switch.jsx", shared=True).importable_path
    tag = "PushSwitch"

    public_key: rx.Var[str]
    endpoints: rx.Var[list[str]]
    on_add: rx.EventHandler[_subscription]
    on_forget: rx.EventHandler[_endpoint]


def push_switch(*, public_key: Any, endpoints: Any, on_add: Any, on_forget: Any) -> rx.Component:
    """The switch, and what stands in its way.

    Args:
        public_key: Our VAPID key in base64url; empty where there is none, and nothing to turn on.
        endpoints: Where the person's devices are reached; this one's among them when it is on.
        on_add: Gets what `PushSubscription.toJSON()` gives.
        on_forget: Gets this device's endpoint.
    """
    return _PushSwitch.create(public_key=public_key, endpoints=endpoints, on_add=on_add, on_forget=on_forget)
