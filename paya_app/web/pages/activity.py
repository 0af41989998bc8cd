"""`/activity`: one's own payments, loads and redemptions, filtered, searched, by day."""

from datetime import datetime
from typing import Any
from uuid import UUID

import reflex as rx

from paya_app import banking, wallet
from paya_app.core.actor import Actor
from paya_app.core.errors import PayaError
from paya_app.web.components.activity_list import ActivityRow, activity_list, bank_row, payment_row
from paya_app.web.components.button import secondary, secondary_link
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.icon import icon
from paya_app.web.components.segment import segment
from paya_app.web.components.skeleton import bone_section, waiting
from paya_app.web.forms import read_text
from paya_app.web.viewer import admit, signed_in

PAGE = 25
ROWS_MAX = 50
KINDS = ("all", "sent", "received", "bank")


class ActivityState(rx.State):
    """The window of rows that shows; at most 50 at a time."""

    loaded: bool = False
    fault: str = ""
    kind: str = "all"
    sought: str = ""
    rows: rx.Field[list[ActivityRow]] = rx.field(default_factory=list)
    has_more: bool = False
    is_later: bool = False

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Show the newest."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            await self._show(actor, [])
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def choose(self, kind: str) -> None:
        """Show one kind only, or all."""
        try:
            actor = await signed_in(self)
            chosen = read_text(kind)
            self.kind = chosen if chosen in KINDS else "all"
            await self._show(actor, [])
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def search(self, sought: str) -> None:
        """Show what contains this, in names, handles and notes."""
        try:
            actor = await signed_in(self)
            self.sought = read_text(sought)[:100]
            await self._show(actor, [])
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def show_more(self) -> None:
        """Go on with older ones; the newest leave the window when it is full."""
        try:
            actor = await signed_in(self)
            if self.has_more:
                await self._show(actor, self.rows)
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def show_newest(self) -> None:
        """Back to the top."""
        try:
            await self._show(await signed_in(self), [])
        except PayaError as error:
            self.fault = error.message

    async def _show(self, actor: Actor, kept: list[ActivityRow]) -> None:
        before = (datetime.fromisoformat(kept[-1].at), UUID(kept[-1].id)) if kept else None
        found = await self._read(actor, before)
        rows = [*kept, *found[:PAGE]]
        self.rows, self.has_more = rows[-ROWS_MAX:], len(found) > PAGE
        self.is_later = len(rows) > ROWS_MAX or (bool(kept) and self.is_later)
        self.loaded, self.fault = True, ""

    async def _read(self, actor: Actor, before: tuple[datetime, UUID] | None) -> list[ActivityRow]:
        """One row more than a page, so that we know whether there is more."""
        rows: list[ActivityRow] = []
        if self.kind != "bank":
            direction: wallet.Direction | None = self.kind if self.kind in ("sent", "received") else None  # pyright: ignore[reportAssignmentType]
            rows += [
                payment_row(payment)
                for payment in await wallet.payments(
                    actor, before=before, limit=PAGE + 1, direction=direction, sought=self.sought
                )
            ]
        if self.kind in ("all", "bank") and not self.sought:
            until = before[0] if before else None
            rows += [bank_row(load) for load in await banking.loads(actor, before=until, limit=PAGE + 1)]
            rows += [bank_row(each) for each in await banking.redemptions(actor, before=until, limit=PAGE + 1)]
        rows.sort(key=lambda row: (datetime.fromisoformat(row.at), UUID(row.id)), reverse=True)
        return rows[: PAGE + 1]


def page() -> rx.Component:
    """The page."""
    return frame(
        _filters(),
        notice(ActivityState.fault),
        rx.cond(
            ActivityState.loaded,
            rx.cond(ActivityState.rows.length() > 0, _rows(), _empty()),
            waiting(bone_section(6)),
        ),
        title="Activity",
        active="activity",
    )


def _filters() -> rx.Component:
    return rx.el.div(
        rx.el.label("Search names and notes", html_for="search", class_name="sr-only"),
        rx.el.div(
            rx.el.span(icon("search", 20), class_name="absolute left-4 top-4 m pointer-events-none"),
            rx.el.input(
                id="search",
                type="search",
                placeholder="Search names and notes",
                on_change=ActivityState.search.debounce(250),
                max_length=100,
                auto_complete="off",
                class_name="field pl-12!",
            ),
            class_name="relative mb-3",
        ),
        segment(
            "What to show",
            ActivityState.kind,
            [
                ("all", "All", ActivityState.choose("all")),
                ("sent", "Sent", ActivityState.choose("sent")),
                ("received", "Received", ActivityState.choose("received")),
                ("bank", "Bank", ActivityState.choose("bank")),
            ],
        ),
        class_name="mb-1",
    )


def _rows() -> rx.Component:
    return rx.el.div(
        rx.cond(
            ActivityState.is_later,
            secondary("Back to the newest", on_click=ActivityState.show_newest, class_name="mt-4"),
        ),
        activity_list(ActivityState.rows),
        rx.cond(ActivityState.has_more, secondary("Show more", on_click=ActivityState.show_more, class_name="mt-4")),
    )


def _empty() -> rx.Component:
    nothing: Any = rx.match(
        ActivityState.kind,
        ("sent", "You have not paid anyone yet."),
        ("received", "Nobody has paid you yet."),
        ("bank", "No money has come from your bank, or gone to it, yet."),
        "Payments and money from your bank will be here.",
    )
    return rx.el.div(
        rx.el.p(
            rx.cond(ActivityState.sought != "", "Nothing contains “" + ActivityState.sought + "”.", nothing),
            class_name="m mb-4 wrap-anywhere",
        ),
        rx.cond(
            ActivityState.sought == "",
            rx.cond(
                ActivityState.kind == "sent",
                secondary_link("Pay somebody", to="/pay/", class_name="low inline-flex!"),
                secondary_link("Add money", to="/add/", class_name="low inline-flex!"),
            ),
        ),
        class_name="card p-8 mt-6 text-center",
    )
