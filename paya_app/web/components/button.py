"""Buttons and links that look like them."""

from typing import Any

import reflex as rx

from paya_app.web.components.link import go


def primary(*children: Any, **props: Any) -> rx.Component:
    """The one primary action of a screen."""
    return rx.el.button(*children, **_classed("pri", {"type": "button"} | props))


def secondary(*children: Any, **props: Any) -> rx.Component:
    """Any other action."""
    return rx.el.button(*children, **_classed("sec2", {"type": "button"} | props))


def primary_link(*children: Any, to: Any, **props: Any) -> rx.Component:
    """The primary action when it leads to a page."""
    return go(*children, to=to, **_classed("pri", props))


def secondary_link(*children: Any, to: Any, **props: Any) -> rx.Component:
    """Another action that leads to a page."""
    return go(*children, to=to, **_classed("sec2", props))


def _classed(base: str, props: dict[str, Any]) -> dict[str, Any]:
    return props | {"class_name": f"{base} {props.get('class_name', '')}".strip()}
