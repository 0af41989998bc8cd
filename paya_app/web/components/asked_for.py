"""What the address asks for, or what is drawn until it has come."""

from typing import Any

import reflex as rx


class _AskedFor(rx.Component):
    library = rx.asset("asked_for.jsx", shared=True).importable_path
    tag = "AskedFor"

    ready: rx.Var[bool]
    current_id: rx.Var[str]
    former_id: rx.Var[str]
    to: rx.Var[str]


def asked_for(
    *children: Any, waiting: rx.Component, ready: Any, current_id: Any, former_id: Any = "", to: Any = ""
) -> rx.Component:
    """The children while they are what the address asks for.

    Args:
        children: What the server sent.
        waiting: What is drawn until then.
        ready: Whether it has sent anything yet.
        current_id: The `id` that this is about.
        former_id: The one that it had until just now, when the page goes on under another.
        to: The `to` that this is about.
    """
    return _AskedFor.create(
        rx.fragment(waiting), rx.fragment(*children), ready=ready, current_id=current_id, former_id=former_id, to=to
    )
