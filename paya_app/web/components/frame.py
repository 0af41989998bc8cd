"""The frame of a page: rail on wide screens, bar at the bottom of narrow ones, title on top."""

from typing import Any

import reflex as rx

from paya_app.web.components.avatar import avatar
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.presence import presence
from paya_app.web.viewer import Viewer

PLACES = (
    ("home", "Home", "/", "house"),
    ("activity", "Activity", "/activity/", "list"),
    ("pay", "Pay", "/pay/", "arrow-up-right"),
    ("save", "Save", "/save/", "chart-line"),
    ("proof", "Proof", "/proof/", "shield-check"),
)
# narrow screens come to it by the picture on Home
SETTINGS = ("settings", "Settings", "/settings/", "settings")


def frame(
    *children: Any,
    title: Any = None,
    active: str = "",
    back: Any = "",
    bar: bool = True,
    wide: bool = False,
    public: bool = False,
    **events: Any,
) -> rx.Component:
    """A page.

    Args:
        children: The page's content.
        title: The page's heading, in the row on top; with none the page brings its own.
        active: Which place of the bar and rail this is.
        back: Where the arrow leads; none without it.
        bar: Whether the bottom bar shows (not where the page ends in its own primary action).
        wide: As wide as pages with a bar, for a form that begins on one and ends on one.
        public: Visitors see this page too, without bar and rail.
        events: Events of the whole page, like `on_unmount`.
    """
    only = "only-in" if public else ""
    return rx.el.div(
        skip_link(),
        presence(Viewer.phase),
        rx.el.div(
            rail(active, only),
            rx.el.main(
                _top(title, back) if title is not None else rx.fragment(),
                *children,
                id="content",
                tab_index=-1,
                class_name="page" if bar else "page bare wide" if wide else "page bare",
            ),
            class_name="desk",
        ),
        bottom_bar(active, only) if bar else rx.fragment(),
        **events,
    )


def skip_link() -> rx.Component:
    """The first stop of the keyboard."""
    return rx.el.a("Skip to the content", href="#content", class_name="skip")


def visitors_top() -> rx.Component:
    """The top of a page that visitors see too: who this is, and the way in. People signed in have the rail and bar."""
    return rx.el.header(
        go("PaYa", to="/", class_name="mark text-2xl! py-1.5", aria_label="PaYa, home"),
        go("Sign in", to="/welcome/", class_name="pri low"),
        class_name="only-out flex justify-between items-center mb-4",
    )


def _top(title: Any, back: Any) -> rx.Component:
    return rx.el.header(
        go(icon("chevron-left", 24), to=back, aria_label="Back", class_name="iconbtn")
        if isinstance(back, rx.Var) or back
        else rx.el.span(),
        rx.el.h1(title, class_name="truncate", tab_index=-1),
        rx.el.span(),
        class_name="top",
    )


def rail(active: str, only: str = "") -> rx.Component:
    """The ways around, at the left from 1024 px."""
    return rx.el.aside(
        go("PaYa", to="/", class_name="brand", aria_label="PaYa, home"),
        rx.el.nav(
            *[go(icon(sign), text, to=path, **_current(key, active)) for key, text, path, sign in (*PLACES, SETTINGS)],
            aria_label="Places",
            class_name="grid gap-1",
        ),
        rx.el.span(class_name="flex-1"),
        rx.cond(
            Viewer.phase == "in",
            go(
                avatar(Viewer.initials, Viewer.tone, 32),
                rx.el.span(
                    rx.el.span(Viewer.name, class_name="s block font-semibold text-ink truncate"),
                    rx.el.span("@", Viewer.handle, class_name="s m block truncate"),
                    class_name="min-w-0",
                ),
                to="/settings/",
                class_name="py-2",
            ),
        ),
        class_name=f"rail {only}".strip(),
    )


def bottom_bar(active: str, only: str = "") -> rx.Component:
    """The ways around, at the bottom below 1024 px."""
    return rx.el.nav(
        rx.el.div(
            *[
                go(
                    rx.el.i(icon(sign)) if key == "pay" else icon(sign),
                    rx.el.span(text),
                    to=path,
                    class_name="pay" if key == "pay" else "",
                    **_current(key, active),
                )
                for key, text, path, sign in PLACES
            ]
        ),
        aria_label="Places, bottom bar",
        class_name=f"nav {only}".strip(),
    )


def _current(key: str, active: str) -> dict[str, str]:
    return {"aria_current": "page"} if key == active else {}
