"""The last look before money moves: amount, whom it concerns, what follows from it, and the button that does it."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import secondary
from paya_app.web.components.sheet import sheet


def review_sheet(
    *,
    title: str,
    amount: Any,
    whom: Sequence[Any],
    lines: Sequence[rx.Component],
    verb: str,
    busy_label: str,
    settled: Any,
    on_confirm: Any,
    is_open: Any,
    on_open_change: Any,
    on_change: Any,
    amount_class: str = "",
) -> rx.Component:
    """The sheet.

    Args:
        title: Its heading.
        amount: What is to move, like `$12.34`.
        whom: The line under it: to whom, or from where.
        lines: What follows, each made by `review_line`.
        verb: What the button does with the amount, like `Pay`.
        busy_label: What the button says until the server has answered.
        settled: A number that the server changes with every answer.
        on_confirm: The event of the button.
        is_open: Whether it shows.
        on_open_change: Gets the wanted state when it is dismissed.
        on_change: Puts it away, to change something.
        amount_class: More classes for the amount, where it is a long one.
    """
    return sheet(
        rx.el.p(amount, class_name=f"sum num {amount_class}".strip(), id="review-amount"),
        rx.el.p(*whom, class_name="text-center mb-4 wrap-anywhere"),
        rx.el.div(*lines, class_name="rounded-2xl border border-line mb-4"),
        busy_button(
            f"{verb} {amount}",
            busy_label=busy_label,
            settled=settled,
            on_press=on_confirm,
            id="confirm",
            class_name="pri num",
        ),
        secondary("Change", on_click=on_change, class_name="mt-2"),
        title=title,
        is_open=is_open,
        on_open_change=on_open_change,
    )


def review_line(label: str, value: Any) -> rx.Component:
    """One thing that follows, and what it is."""
    return rx.el.div(rx.el.span(label, class_name="m shrink-0"), value, class_name="kv")
