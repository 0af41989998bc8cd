"""What visitors see around the feed; it shows while the document is not `in`."""

import reflex as rx

from paya_app.web.components.button import primary_link
from paya_app.web.components.link import go


def visitors_bar() -> rx.Component:
    """The bar above: the name, and the way in."""
    return rx.el.header(
        rx.el.span("PaYa", class_name="mark text-2xl!"),
        go("Sign in", to="/welcome/", class_name="pri low"),
        class_name="bar only-out",
    )


def pitch() -> rx.Component:
    """What PaYa is, and where to begin."""
    return rx.el.section(
        rx.el.span(rx.el.span(class_name="dot"), "Owned by the people who use it", class_name="chip pos"),
        rx.el.h1("Money between people, owned by them."),
        rx.el.p(
            "Send dollars in under a second. Show it, or keep it to yourself: you choose for every payment, "
            "and the amount never shows.",
            class_name="m lead",
        ),
        rx.el.div(
            primary_link("Start with your phone", to="/welcome/", class_name="sm:w-52!"),
            rx.el.a("Watch it live", href="#feed", class_name="sec2 sm:w-42! lg:hidden!"),
            class_name="flex flex-col sm:flex-row gap-3 mt-6 lg:mt-8",
        ),
        class_name="only-out pitch",
    )
