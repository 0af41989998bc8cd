"""`/admin/operations`: what was asked of the bank service, and jobs that were given up. For administrators."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from paya_app import admin
from paya_app.core.actor import Actor
from paya_app.core.errors import PayaError, RequestInvalid
from paya_app.core.money import format_cents
from paya_app.web.components.button import secondary
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.icon import icon
from paya_app.web.components.provider_banner import provider_banner
from paya_app.web.components.skeleton import bone_rows, waiting
from paya_app.web.components.when import when
from paya_app.web.forms import read_text
from paya_app.web.viewer import admit, signed_in

DONE = {
    "waiting": "Job {} waits in its queue again.",
    "waited already": "The work of job {} waits already.",
    "none such": "No job {} was given up. It may have been put back already.",
}
DIGITS_MAX = 19


@dataclass
class OperationRow:
    """One operation as the page shows it; `at` is ISO 8601."""

    reference: str
    kind: str
    state: str
    amount: str
    at: str
    tries: str
    trouble: str


@dataclass
class LetterRow:
    """One dead letter as the page shows it; `at` is ISO 8601 or empty."""

    id: str
    task: str
    about: str
    tries: str
    at: str


class OperationsState(rx.State):
    """At most 50 rows of each."""

    loaded: bool = False
    fault: str = ""
    done: str = ""
    state: str = ""
    sought: str = ""
    rows: rx.Field[list[OperationRow]] = rx.field(default_factory=list)
    letters: rx.Field[list[LetterRow]] = rx.field(default_factory=list)

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """For administrators; others are told so, and it is recorded."""
        self.reset()
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def choose(self, state: str) -> None:
        """Show one state only, or all."""
        try:
            actor = await signed_in(self)
            chosen = read_text(state)
            self.state = chosen if chosen in admin.STATES else ""
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def search(self, sought: str) -> None:
        """Show what is called so."""
        try:
            actor = await signed_in(self)
            self.sought = read_text(sought)[:100]
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def replay(self, job_id: str) -> None:
        """Put a job back that was given up."""
        self.done = ""
        try:
            actor = await signed_in(self)
            text = read_text(job_id)
            if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
                raise RequestInvalid
            self.done = DONE[await admin.replay(actor, int(text))].format(text)
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message

    async def _load(self, actor: Actor) -> None:
        found = await admin.operations(actor, state=self.state, sought=self.sought)
        self.rows = [
            OperationRow(
                reference=one.reference or str(one.id),
                kind=one.kind,
                state=one.state,
                amount=format_cents(one.amount_cents),
                at=one.requested_at.isoformat(),
                tries="1 try" if one.attempts == 1 else f"{one.attempts} tries",
                trouble=one.failure_code or one.last_error,
            )
            for one in found
        ]
        self.letters = [
            LetterRow(
                id=str(one.id),
                task=one.task,
                about=one.about,
                tries="1 run" if one.attempts == 1 else f"{one.attempts} runs",
                at=one.ended_at.isoformat() if one.ended_at else "",
            )
            for one in await admin.dead_letters(actor)
        ]
        self.loaded, self.fault = True, ""


def page() -> rx.Component:
    """The page."""
    return frame(
        notice(OperationsState.fault),
        rx.cond(
            OperationsState.loaded,
            rx.fragment(
                provider_banner("dwolla"),
                rx.el.div(_dead_letters(), _operations(), class_name="grid grid-cols-1 gap-6"),
            ),
            rx.cond(OperationsState.fault != "", rx.fragment(), waiting(rx.el.div(bone_rows(4), class_name="card"))),
        ),
        title="Operations",
        back="/settings/",
    )


def _dead_letters() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Given up", class_name="text-xl! mb-3"),
        rx.el.div(
            rx.cond(OperationsState.done != "", rx.el.p(OperationsState.done, class_name="notice calm mb-3")),
            role="status",
        ),
        rx.cond(
            OperationsState.letters.length() > 0,
            rx.el.ul(rx.foreach(OperationsState.letters, _letter), class_name="card"),
            rx.el.p("No job was given up.", class_name="card p-6 m"),
        ),
        aria_label="Jobs that were given up",
    )


def _letter(letter: rx.vars.ObjectVar[LetterRow]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(letter.task, class_name="font-semibold wrap wrap-anywhere"),
            rx.el.p(letter.about, class_name="s m wrap wrap-anywhere"),
            rx.el.p(letter.tries, " · job ", letter.id, when(letter.at, "full", " · "), class_name="s m num wrap"),
            class_name="t",
        ),
        secondary(
            "Replay",
            on_click=OperationsState.replay(letter.id),
            class_name="low s",
            aria_label=f"Replay job {letter.id}",
        ),
        class_name="row",
    )


def _operations() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Asked of the bank service", class_name="text-xl! mb-3"),
        rx.el.div(
            rx.el.label("Search by reference", html_for="search", class_name="sr-only"),
            rx.el.span(icon("search", 20), class_name="absolute left-4 top-4 m pointer-events-none"),
            rx.el.input(
                id="search",
                type="search",
                placeholder="Reference, like LD-7Q4K-22XM",
                on_change=OperationsState.search.debounce(250),
                max_length=100,
                auto_complete="off",
                spell_check=False,
                class_name="field pl-12!",
            ),
            class_name="relative mb-3",
        ),
        rx.el.div(
            _state("", "All"),
            *[_state(state, state.capitalize()) for state in admin.STATES],
            role="group",
            aria_label="State",
            class_name="flex flex-wrap gap-2 mb-4",
        ),
        rx.cond(
            OperationsState.rows.length() > 0,
            rx.el.ul(rx.foreach(OperationsState.rows, _operation), class_name="card"),
            rx.el.p("Nothing here.", class_name="card p-6 m"),
        ),
        aria_label="Operations",
    )


def _state(state: str, words: str) -> rx.Component:
    return rx.el.button(
        words,
        type="button",
        on_click=OperationsState.choose(state),
        aria_pressed=rx.cond(OperationsState.state == state, "true", "false"),
        class_name=rx.cond(OperationsState.state == state, "pri low s", "sec2 low s"),
    )


def _operation(row: rx.vars.ObjectVar[OperationRow]) -> rx.Component:
    def line(*parts: Any) -> rx.Component:
        return rx.el.p(*parts, class_name="s m num wrap")

    return rx.el.li(
        rx.el.div(
            rx.el.p(row.reference, class_name="font-semibold num wrap wrap-anywhere"),
            line(row.kind, " · ", row.state, " · ", row.tries),
            line(when(row.at, "full")),
            rx.cond(row.trouble != "", rx.el.p(row.trouble, class_name="s m wrap wrap-anywhere")),
            class_name="t",
        ),
        rx.el.b(row.amount, class_name="num"),
        class_name="row",
    )
