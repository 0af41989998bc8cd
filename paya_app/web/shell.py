"""What every page is wrapped in: the notice of a lost connection, of an unexpected error, and the last resort."""

from typing import Any

import reflex as rx
from reflex_components_core.base.error_boundary import ErrorBoundary
from reflex_components_core.core.banner import has_connection_errors

from paya_app.web.components.ahead import PagesAhead
from paya_app.web.components.connection import is_offline
from paya_app.web.components.icon import icon
from paya_app.web.components.when import when
from paya_app.web.viewer import Viewer


def overlay(stateful: bool) -> rx.Component | None:  # noqa: FBT001 - Reflex calls it so
    """The notices above the page, when the page has a socket."""

    @rx.memo
    def connection_notice() -> rx.Component:
        return rx.fragment(_offline(), _trouble(), PagesAhead.create())

    # the page becomes a further child of this fragment
    return rx.fragment(connection_notice()) if stateful else None


def _offline() -> rx.Component:
    return rx.el.div(
        rx.cond(
            has_connection_errors | is_offline,
            rx.el.div(
                icon("wifi-off", 16),
                rx.el.span(
                    "No connection. Reconnecting …",
                    rx.cond(Viewer.as_of != "", when(Viewer.as_of, "clock", " What you see is as of ")),
                    class_name="max-sm:hidden",
                ),
                rx.el.span(
                    "Reconnecting …",
                    rx.cond(Viewer.as_of != "", when(Viewer.as_of, "clock", " as of ")),
                    class_name="sm:hidden",
                ),
                class_name="banner num",
                id="offline",
            ),
        ),
        role="status",
        class_name="banner-place",
    )


def _trouble() -> rx.Component:
    return rx.el.div(
        rx.cond(
            Viewer.trouble != "",
            rx.el.div(
                rx.el.span(Viewer.trouble),
                rx.el.button("Close", type="button", on_click=Viewer.dismiss, class_name="link min-h-11 px-3"),
                class_name="banner",
                id="trouble",
            ),
        ),
        role="alert",
        class_name="banner-place",
    )


def last_resort(stateful: bool) -> rx.Component:  # noqa: FBT001 - Reflex calls it so
    """Shown instead of a page whose own code failed."""
    quiet: dict[str, Any] = {} if stateful else {"on_error": rx.noop()}
    return ErrorBoundary.create(
        fallback_render=rx.el.main(
            rx.el.div(
                rx.el.h1("This page stopped working"),
                rx.el.p(
                    "Your money is where it was: what you see here never moves any. Load the page again; "
                    "if it stays like this, go to the start page.",
                    class_name="m",
                ),
                rx.el.a("Go to the start page", href="/", class_name="pri"),
                class_name="card p-6 grid gap-4",
            ),
            class_name="page pt-12!",
        ),
        **quiet,
    )


def head() -> list[rx.Component]:
    """What the head of every page holds besides its title."""
    return [
        rx.el.meta(name="theme-color", content="#f7f7fb", custom_attrs={"media": "(prefers-color-scheme: light)"}),
        rx.el.meta(name="theme-color", content="#0e0d15", custom_attrs={"media": "(prefers-color-scheme: dark)"}),
        rx.el.meta(name="apple-mobile-web-app-title", content="PaYa"),
        rx.el.link(rel="icon", href="/favicon.ico", sizes="32x32"),
        rx.el.link(rel="icon", href="/icons/paya.svg", type="image/svg+xml"),
        rx.el.link(rel="apple-touch-icon", href="/icons/paya-180.png"),
        rx.el.link(rel="manifest", href="/manifest.webmanifest"),
        rx.el.link(
            rel="preload",
            href="/fonts/inter-5.3-latin.woff2",
            custom_attrs={"as": "font", "type": "font/woff2", "crossOrigin": "anonymous"},
        ),
    ]
