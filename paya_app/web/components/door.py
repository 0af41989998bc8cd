"""The frame of the pages before one is in: the mark, one card, nothing else."""

from typing import Any

import reflex as rx

from paya_app.web.components.frame import skip_link
from paya_app.web.components.link import go


def door(*children: Any) -> rx.Component:
    """One narrow column with a card."""
    return rx.el.div(
        skip_link(),
        rx.el.header(
            go("PaYa", to="/", class_name="mark text-2xl! py-2", aria_label="PaYa, home"),
            class_name="bar",
        ),
        rx.el.main(
            rx.el.div(*children, class_name="card p-6 sm:p-8"),
            id="content",
            tab_index=-1,
            class_name="max-w-[440px] mx-auto px-4 pt-4 sm:pt-12 pb-12",
        ),
    )
