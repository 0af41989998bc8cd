"""The way from Save to the lab."""

import reflex as rx

from paya_app.web.components.link import go


def lab_link() -> rx.Component:
    """A line under the plans."""
    return rx.el.p(
        go("Try a plan on past prices", to="/save/lab/", class_name="link hit"), class_name="text-center mt-6 mb-2"
    )
