"""The pages for developers, and what they have in common."""

from typing import Any

import reflex as rx

from paya_app.web.components.button import primary_link
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go

PLACES = (
    ("keys", "API keys, for your programs", "/developers/keys/", "key-round"),
    ("webhooks", "Webhooks, and what was sent", "/developers/webhooks/", "webhook"),
    ("payments", "Test payments, and their clock", "/developers/payments/", "credit-card"),
)


def developer_places(here: str = "") -> rx.Component:
    """The ways to these pages, except to the one that one is on."""
    return rx.el.section(
        *[
            go(
                rx.el.span(icon(sign), class_name="m"),
                rx.el.span(words, class_name="t"),
                rx.el.span(icon("chevron-right", 20), class_name="m"),
                to=path,
                class_name="row",
            )
            for key, words, path, sign in PLACES
            if key != here
        ],
        class_name="card mt-3",
        aria_label="For developers",
    )


def no_account() -> rx.Component:
    """What the pages show whoever has made no key yet."""
    return rx.el.div(
        rx.el.h2("First, an API key", class_name="text-xl!"),
        rx.el.p(
            "Charges and webhooks belong to the keys of your programs. A test key takes a moment and costs nothing.",
            class_name="m mt-1 mb-4",
        ),
        primary_link("Make an API key", to="/developers/keys/"),
        class_name="card p-6",
    )


def line(label: str, *value: Any) -> rx.Component:
    """One fact: its name at the left, its value at the right."""
    return rx.el.div(
        rx.el.span(label, class_name="m shrink-0 max-w-1/2 wrap-anywhere"),
        rx.el.span(*value, class_name="num wrap-anywhere min-w-0 text-right"),
        class_name="kv",
    )


def exact(text: Any, **props: Any) -> rx.Component:
    """A text as it went over the wire, broken where it is too wide."""
    return rx.el.pre(
        text, class_name="s wrap-anywhere whitespace-pre-wrap bg-sunk rounded-xl p-3 mt-2 font-mono", **props
    )
