"""`/settings/sessions`: where one is signed in, and ending any of it."""

from dataclasses import dataclass

import reflex as rx

from paya_app import identity
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, PayaError
from paya_app.web.components.button import secondary
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.icon import icon
from paya_app.web.components.native_form import native_form
from paya_app.web.components.skeleton import bone_rows, waiting
from paya_app.web.components.when import when
from paya_app.web.forms import read_id
from paya_app.web.viewer import admit, signed_in

SESSIONS_MAX = 50


@dataclass
class SessionRow:
    """One session as the page shows it; `seen_at` is ISO 8601."""

    id: str
    device: str
    address: str
    seen_at: str
    is_current: bool


class SessionsState(rx.State):
    """The viewer's sessions."""

    loaded: bool = False
    fault: str = ""
    rows: rx.Field[list[SessionRow]] = rx.field(default_factory=list)
    others: int = 0

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Only one's own."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def end(self, session_id: str) -> None:
        """End one; it opens nothing from this moment on."""
        try:
            actor = await signed_in(self)
            wanted = read_id(session_id)
            if wanted is None:
                raise NotFound(what="session")
            await identity.end_session(actor, wanted)
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def end_others(self) -> None:
        """End every session but this one."""
        try:
            actor = await signed_in(self)
            await identity.end_other_sessions(actor)
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message

    async def _load(self, actor: Actor) -> None:
        sessions = await identity.sessions(actor)
        self.rows = [
            SessionRow(
                id=str(session.id),
                device=session.device,
                address=session.address,
                seen_at=session.last_seen_at.isoformat(),
                is_current=session.is_current,
            )
            for session in sorted(sessions, key=lambda session: not session.is_current)[:SESSIONS_MAX]
        ]
        self.others = len(sessions) - 1
        self.loaded, self.fault = True, ""


def page() -> rx.Component:
    """The page."""
    return frame(
        notice(SessionsState.fault),
        rx.cond(
            SessionsState.loaded,
            rx.el.div(
                rx.el.div(rx.foreach(SessionsState.rows, _row), class_name="card"),
                rx.cond(
                    SessionsState.others > 0,
                    secondary("End all others", on_click=SessionsState.end_others, class_name="danger mt-4"),
                ),
                rx.el.p("An ended session can do nothing from that second on.", class_name="s m text-center mt-3"),
                _programs(),
            ),
            waiting(rx.el.div(bone_rows(2), class_name="card")),
        ),
        title="Where you are signed in",
        active="settings",
        back="/settings/",
    )


def _programs() -> rx.Component:
    return rx.el.section(
        rx.el.h2("For your programs", class_name="mb-2"),
        rx.el.p(
            "An access token lets a program of yours do what you can, for a short while. ",
            rx.el.a("What programs can do", href="/v1/docs", class_name="link hit"),
            class_name="s m",
        ),
        native_form(
            secondary("Show an access token", type="submit", class_name="mt-3"), action="/session/access-token"
        ),
        class_name="card p-4 mt-4",
    )


def _row(session: rx.vars.ObjectVar[SessionRow]) -> rx.Component:
    return rx.el.div(
        rx.el.span(icon("monitor-smartphone"), class_name="m"),
        rx.el.div(
            rx.el.p(session.device, class_name="font-semibold"),
            rx.el.p(
                rx.cond(session.is_current, "This device · ", ""),
                session.address,
                rx.cond(session.is_current, rx.fragment(), when(session.seen_at, "full", " · ")),
                class_name="s m num wrap",
            ),
            class_name="t",
        ),
        rx.cond(
            session.is_current,
            native_form(
                rx.el.button("Sign out", type="submit", class_name="sec2 low s"),
                action="/session/end",
            ),
            secondary(
                "End",
                on_click=SessionsState.end(session.id),
                class_name="low s danger",
                aria_label=f"End {session.device}",
            ),
        ),
        class_name="row",
    )
