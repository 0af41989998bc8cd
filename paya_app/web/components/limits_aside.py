"""How much may still be sent, and what is on its way."""

from typing import Any

import reflex as rx

from paya_app.web.components.button import secondary_link
from paya_app.web.components.skeleton import bone
from paya_app.web.components.under_way import coming_line


def limits_aside(the: Any) -> rx.Component:
    """The cards beside the feed, where there is room; `the` is the page's state."""
    return rx.el.aside(
        rx.el.section(
            rx.el.h2("Sending"),
            _meter(the, "This hour", the.hour_used, the.hour_max),
            _meter(the, "Today", the.day_used, the.day_max),
            class_name="card p-5",
        ),
        rx.el.section(
            rx.el.h2("On its way"),
            rx.cond(
                the.coming.length() > 0,
                rx.foreach(the.coming, coming_line),
                rx.el.p(
                    rx.cond(the.loaded, "Nothing is on its way from or to your bank.", "\u00a0"),
                    class_name="s m mt-1",
                ),
            ),
            secondary_link("Add money", to="/add/", class_name="low w-full! mt-4"),
            class_name="card p-5",
        ),
        class_name="start-aside only-in",
        aria_label="Your limits and money on its way",
    )


def _meter(the: Any, label: str, used: Any, maximum: Any) -> rx.Component:
    return rx.el.div(
        rx.el.p(
            rx.el.span(label),
            rx.cond(the.loaded, rx.el.span(used, " of ", maximum, " payments", class_name="m"), bone("96px", "14px")),
            class_name="s num flex justify-between items-center mb-1.5",
        ),
        rx.el.div(
            rx.el.i(style={"width": rx.cond(maximum > 0, (used * 100 / maximum).to_string() + "%", "0%")}),
            class_name="meter",
        ),
        class_name="mt-3",
    )
