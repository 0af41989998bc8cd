"""Labelled inputs with their error beside them."""

from typing import Any

import reflex as rx

from paya_app.web.components.icon import icon


def field(
    label: Any,
    *,
    name: str,
    fault: Any = "",
    hint: str = "",
    class_name: str = "",
    **props: Any,
) -> rx.Component:
    """One labelled input.

    Args:
        label: What the field asks for; always visible.
        name: The field's name in its form.
        fault: The sentence of what is wrong with it; an empty one takes no room.
        hint: What helps to fill it in.
        class_name: More classes for the input.
        props: More props of the input.
    """
    wrong = rx.Var.create(fault) != ""
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="label"),
        rx.el.input(
            id=name,
            name=name,
            aria_invalid=rx.cond(wrong, "true", "false"),
            aria_describedby=f"{name}-fault {name}-hint",
            class_name=f"field {class_name}".strip(),
            **({"auto_complete": "off", "spell_check": False} | props),
        ),
        # what is wrong says it again, so only one of the two shows
        rx.cond(wrong, rx.fragment(), rx.el.p(hint, id=f"{name}-hint", class_name="hint")) if hint else rx.fragment(),
        fault_line(fault, id=f"{name}-fault"),
    )


def fault_line(fault: Any, **props: Any) -> rx.Component:
    """What is wrong, said when it appears."""
    return rx.el.div(
        rx.cond(
            rx.Var.create(fault) != "",
            rx.el.p(icon("circle-alert", 16), rx.el.span(fault), class_name="fault"),
        ),
        role="alert",
        **props,
    )


def notice(text: Any, *, kind: str = "") -> rx.Component:
    """A sentence above the page's content: what happened, where the money is, what next. Empty takes no room."""
    sign = {"": "circle-alert", "warn": "triangle-alert", "calm": "info"}[kind]
    return rx.el.div(
        rx.cond(
            rx.Var.create(text) != "",
            rx.el.div(icon(sign, 20), rx.el.p(text), class_name=f"notice {kind} mb-3".replace("  ", " ")),
        ),
        role="alert",
    )
