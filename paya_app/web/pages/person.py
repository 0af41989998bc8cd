"""`/u/[handle]`: somebody, as everyone sees them."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from paya_app import feed, identity
from paya_app.core.errors import NotFound, PayaError
from paya_app.web.components.avatar import avatar, initials_of, tone_of
from paya_app.web.components.button import primary_link
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame, visitors_top
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.only_for import only_for
from paya_app.web.components.skeleton import bone, bone_section, waiting
from paya_app.web.components.when import when
from paya_app.web.viewer import meet

PAYMENTS_MAX = 20


@dataclass
class PublicRow:
    """A payment that its sender shows and its recipient leaves shown."""

    id: str
    paid: bool
    other: str
    other_handle: str
    initials: str
    tone: int
    note: str
    at: str


class PersonState(rx.State):
    """Whoever has the handle `shown`. `kind` is empty until known, then `person` or `none`."""

    shown: str = ""
    kind: str = ""
    fault: str = ""
    name: str = ""
    handle_shown: str = ""
    initials: str = ""
    tone: int = 1
    is_demo: bool = False
    is_me: bool = False
    since: str = ""
    rows: rx.Field[list[PublicRow]] = rx.field(default_factory=list)

    @rx.event
    async def enter(self) -> None:
        """Load what everyone may see of them."""
        wanted = str(self.handle)[:64]  # pyright: ignore[reportAttributeAccessIssue] - Reflex adds the route's segment
        if self.shown != wanted:
            self.reset()
            self.shown = wanted
        try:
            actor = await meet(self)
            person = await identity.person(actor, wanted)
            if person is None:
                raise NotFound(what="person")
            self.name, self.handle_shown, self.is_demo = person.name, person.handle, person.is_demo
            self.initials, self.tone = initials_of(person.name), tone_of(person.handle)
            self.since, self.is_me = person.created_at.isoformat(), person.id == actor.user_id
            found = await feed.of_person(actor, person.handle, limit=PAYMENTS_MAX)
            self.rows = [_row_of(row, person.handle) for row in found]
            self.kind, self.fault = "person", ""
        except NotFound as error:
            self.kind, self.fault = "none", error.message
        except PayaError as error:
            self.fault = error.message


def _row_of(row: feed.FeedRow, handle: str) -> PublicRow:
    paid = row.sender.handle == handle
    other = row.recipient if paid else row.sender
    return PublicRow(
        id=str(row.id),
        paid=paid,
        other=other.name,
        other_handle=other.handle,
        initials=initials_of(other.name),
        tone=tone_of(other.handle),
        note=row.note,
        at=row.at.isoformat(),
    )


def page() -> rx.Component:
    """The page."""
    return frame(
        visitors_top(),
        rx.el.div(
            go(icon("chevron-left", 24), to="/", aria_label="Back", class_name="iconbtn"), class_name="top only-in"
        ),
        _only(
            rx.match(PersonState.kind, ("person", _person()), ("none", _nobody()), _waiting()),
            _waiting(),
        ),
        public=True,
    )


def _person() -> rx.Component:
    return rx.el.div(
        notice(PersonState.fault),
        rx.el.section(
            rx.el.div(avatar(PersonState.initials, PersonState.tone, 72), class_name="grid justify-items-center mb-3"),
            rx.el.h1(PersonState.name, class_name="wrap-anywhere"),
            rx.el.p(
                "@",
                PersonState.handle_shown,
                rx.cond(PersonState.is_demo, rx.el.span("demo", class_name="chip small ml-2")),
                class_name="m",
            ),
            rx.el.p(when(PersonState.since, "month", "With PaYa since "), class_name="s m mt-1 mb-5"),
            rx.cond(
                PersonState.is_me,
                rx.el.p("This is how others see you.", class_name="m"),
                primary_link("Pay ", PersonState.name, to="/pay/?to=" + PersonState.handle_shown),
            ),
            class_name="card p-6 text-center",
        ),
        rx.el.div(rx.el.h2("In public"), class_name="sec"),
        rx.cond(
            PersonState.rows.length() > 0,
            rx.el.div(rx.foreach(PersonState.rows, _payment), class_name="card"),
            rx.el.p("Nothing that everyone may see.", class_name="m card p-6 text-center"),
        ),
        rx.el.p("What senders show and nobody hides. Never an amount.", class_name="s m text-center mt-3"),
    )


def _payment(row: rx.vars.ObjectVar[PublicRow]) -> rx.Component:
    return go(
        avatar(row.initials, row.tone),
        rx.el.div(
            rx.el.p(rx.el.span(rx.cond(row.paid, "paid ", "paid by "), class_name="m"), rx.el.b(row.other)),
            rx.el.p(rx.cond(row.note != "", row.note, "\u00a0"), class_name="m"),
            class_name="t",
        ),
        rx.el.span(when(row.at, "day"), class_name="s m num shrink-0"),
        to=f"/u/{row.other_handle}/",
        class_name="row",
    )


def _nobody() -> rx.Component:
    return rx.el.div(
        rx.el.span(icon("user-round-x", 32), class_name="m inline-block mb-3"),
        rx.el.h1("Nobody here has that handle"),
        rx.el.p("Check the spelling, or ask them for their link.", class_name="m mt-1 mb-5"),
        primary_link("Go to the start page", to="/", class_name="low inline-flex!"),
        class_name="card p-8 text-center",
    )


def _only(content: Any, bones: rx.Component) -> rx.Component:
    return only_for("handle", PersonState.shown, rx.fragment(content), bones)


def _waiting() -> rx.Component:
    return rx.el.div(
        _only(notice(PersonState.fault), rx.fragment()),
        waiting(
            rx.el.div(
                bone("72px", "72px", "rounded-full! mx-auto"),
                bone("160px", "28px", "mx-auto mt-4"),
                bone("100px", "18px", "mx-auto mt-2"),
                bone("100%", "52px", "mt-6"),
                class_name="card p-6",
            ),
            bone_section(3),
        ),
    )
