"""Every address that is none of ours."""

import reflex as rx

from paya_app.web.components.button import primary_link
from paya_app.web.components.frame import frame, visitors_top
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go


def page() -> rx.Component:
    """The page."""
    return frame(
        visitors_top(),
        rx.el.div(
            go(icon("chevron-left", 24), to="/", aria_label="Home", class_name="iconbtn"), class_name="top only-in"
        ),
        rx.el.div(
            rx.el.h1("There is nothing here"),
            rx.el.p(
                "The address may be mistyped, or what was here is gone. Your money is not affected.",
                class_name="m mt-1 mb-6",
            ),
            primary_link("Go to the start page", to="/"),
            class_name="card p-6 sm:p-8",
        ),
        public=True,
    )
