"""One of many, in a list that opens."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from paya_app.web.components.icon import icon


def choice_field(label: str, *, name: str, chosen: Any, choices: Sequence[tuple[str, str]], on_choose: Any) -> Any:
    """A labelled list.

    Args:
        label: What is chosen; always visible.
        name: The field's id.
        chosen: The value that is chosen now.
        choices: For each, its value and what it shows.
        on_choose: The event of choosing; it gets the value.
    """
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="label"),
        rx.el.div(
            rx.el.select(
                *[rx.el.option(shown, value=value) for value, shown in choices],
                id=name,
                value=chosen,
                on_change=on_choose,
                class_name="field appearance-none pr-10! truncate",
            ),
            rx.el.span(icon("chevron-down", 20), class_name="absolute right-3 top-4 m pointer-events-none"),
            class_name="relative",
        ),
    )
