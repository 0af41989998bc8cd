"""A choice of one among a few, all visible."""

from collections.abc import Sequence
from typing import Any

import reflex as rx


def segment(label: str, chosen: Any, choices: Sequence[tuple[str, Any, Any]], **props: Any) -> rx.Component:
    """Buttons side by side.

    Args:
        label: What is chosen, for screen readers.
        chosen: The value that is chosen now.
        choices: For each, its value, what it shows, and the event of choosing it.
        props: More props of the group.
    """
    shape: dict[str, Any] = {"class_name": "seg"} | props
    return rx.el.div(
        *[
            rx.el.button(shown, type="button", on_click=event, aria_pressed=rx.cond(chosen == value, "true", "false"))
            for value, shown, event in choices
        ],
        role="group",
        aria_label=label,
        **shape,
    )
