"""How much of a week's limit is used, what is left, and when there is more."""

from typing import Any

import reflex as rx

from paya_app.web.components.when import when


def allowance(
    *, left: Any, used: Any, maximum: Any, percent: Any, single: Any, more_at: Any, class_name: str = "mt-4"
) -> rx.Component:
    """A line and a bar.

    Args:
        left: What is left of the week, like `$1,950.00`.
        used: What is used of it.
        maximum: The week's maximum.
        percent: The used part, 0 to 100.
        single: What one transfer can be at most.
        more_at: When some of it comes back, ISO 8601, or empty.
        class_name: The room around it.
    """
    return rx.el.section(
        rx.el.p(
            rx.el.span("Left for these 7 days"),
            rx.el.b(left, id="week-left", class_name="whitespace-nowrap"),
            class_name="flex justify-between items-baseline gap-3 num",
        ),
        rx.el.div(rx.el.i(style={"width": percent.to_string() + "%"}), class_name="meter mt-1.5"),
        rx.el.p(
            used,
            " of ",
            maximum,
            " used",
            rx.cond(more_at != "", rx.fragment(" · more from ", when(more_at, "day")), rx.fragment()),
            rx.el.br(),
            "One transfer: up to ",
            single,
            class_name="s m num mt-1.5",
        ),
        class_name=f"card p-4 {class_name}",
        aria_label="This week's limit",
    )
