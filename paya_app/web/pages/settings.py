"""`/settings`: who you are to others, who sees payments to you, how PaYa looks, and the ways to more settings."""

import reflex as rx
from reflex_base.style import color_mode, set_color_mode

from paya_app import admin, identity
from paya_app.core.actor import Actor
from paya_app.core.errors import PayaError
from paya_app.web.components.avatar import avatar
from paya_app.web.components.button import secondary
from paya_app.web.components.developer_places import developer_places
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.native_form import native_form
from paya_app.web.components.segment import segment
from paya_app.web.components.skeleton import bone
from paya_app.web.forms import read_text
from paya_app.web.viewer import Viewer, admit, signed_in


class SettingsState(rx.State):
    """What can be set. `received` is empty until it is known, then `public` or `private`."""

    fault: str = ""
    received: str = ""
    is_admin: bool = False

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Only one's own."""
        try:
            self.fault = ""
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            self.received = await identity.received_audience(actor)
            self.is_admin = await admin.is_admin(actor)
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def choose_received(self, audience: str) -> None:
        """Say who sees payments to oneself from now on."""
        try:
            actor = await signed_in(self)
            wanted: identity.ReceivedAudience = "public" if read_text(audience) == "public" else "private"
            self.received, self.fault = await identity.choose_received_audience(actor, wanted), ""
        except PayaError as error:
            self.fault = error.message


def page() -> rx.Component:
    """The page."""
    return frame(
        notice(SettingsState.fault),
        _profile(),
        _received(),
        _looks(),
        _notifications(),
        _banks(),
        _security(),
        _developers(),
        rx.cond(SettingsState.is_admin, _operations()),
        native_form(
            secondary("Sign out", type="submit", class_name="danger mt-4"),
            action="/session/end",
        ),
        title="Settings",
        active="settings",
    )


def _profile() -> rx.Component:
    known = Viewer.phase == "in"
    return rx.el.section(
        rx.el.div(
            rx.cond(known, avatar(Viewer.initials, Viewer.tone, 72), bone("72px", "72px", "rounded-full! shrink-0")),
            rx.el.div(
                rx.cond(
                    known, rx.el.p(Viewer.name, class_name="text-lg font-semibold truncate"), bone("140px", "24px")
                ),
                rx.cond(known, rx.el.p("@", Viewer.handle, class_name="m"), bone("80px", "18px", "mt-2")),
                class_name="min-w-0",
            ),
            class_name="flex gap-4 items-center p-5",
        ),
        _place("My page, as others see it", "/u/" + Viewer.handle + "/", "user-round"),
        class_name="card",
    )


def _received() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Payments to you", class_name="mb-2"),
        segment(
            "Payments to you",
            SettingsState.received,
            (
                ("public", rx.fragment(icon("globe", 18), "Sender decides"), SettingsState.choose_received("public")),
                ("private", rx.fragment(icon("lock", 18), "Private"), SettingsState.choose_received("private")),
            ),
        ),
        rx.el.p(
            rx.match(
                SettingsState.received,
                (
                    "public",
                    "When a sender makes a payment public, everyone sees both names and the note. Never the amount.",
                ),
                ("private", "Only you and the sender see payments to you, whatever the sender chose."),
                "\u00a0",
            ),
            " For payments from now on; each one can be changed on its receipt.",
            class_name="s m mt-2 min-h-[54px] sm:min-h-9",
            role="status",
        ),
        class_name="card p-4 mt-3",
    )


def _looks() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Appearance", class_name="mb-2"),
        segment(
            "Appearance",
            color_mode,
            (
                ("system", rx.fragment(icon("monitor", 18), "System"), set_color_mode("system")),
                ("light", rx.fragment(icon("sun", 18), "Light"), set_color_mode("light")),
                ("dark", rx.fragment(icon("moon", 18), "Dark"), set_color_mode("dark")),
            ),
        ),
        class_name="card p-4 mt-3",
    )


def _notifications() -> rx.Component:
    return rx.el.section(_place("Notifications", "/settings/notifications/", "bell"), class_name="card mt-3")


def _banks() -> rx.Component:
    return rx.el.section(_place("Banks, and what you can add", "/settings/banks/", "landmark"), class_name="card mt-3")


def _security() -> rx.Component:
    return rx.el.section(
        _place("Where you are signed in", "/settings/sessions/", "shield-check"), class_name="card mt-3"
    )


def _developers() -> rx.Component:
    return developer_places()


def _operations() -> rx.Component:
    return rx.el.section(_place("Operations", "/admin/operations/", "wrench"), class_name="card mt-3")


def _place(text: str, path: str | rx.Var[str], sign: str) -> rx.Component:
    return go(
        rx.el.span(icon(sign), class_name="m"),
        rx.el.span(text, class_name="t"),
        rx.el.span(icon("chevron-right", 20), class_name="m"),
        to=path,
        class_name="row",
    )
