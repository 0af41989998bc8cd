"""`/developers/webhooks`: where one's programs are told of what happens, and what became of each message."""

from datetime import datetime
from typing import Any
from uuid import UUID

import reflex as rx

from paya_app import developers, webhooks
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.errors import PayaError, RequestInvalid
from paya_app.core.ids import new_id
from paya_app.web.components.developer_places import developer_places, no_account
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.skeleton import bone_rows, waiting
from paya_app.web.components.webhook_board import webhook_board
from paya_app.web.components.webhook_endpoints import endpoint_question, secret_shown
from paya_app.web.forms import read, read_flag, read_id, read_text
from paya_app.web.viewer import admit, signed_in
from paya_app.web.webhook_rows import (
    DeliveryRow,
    EndpointRow,
    NewEndpointForm,
    delivery_row,
    endpoint_row,
    look_again_at,
)
from paya_app.web.webhook_verbs import ASKED, carry_out

PAGE = 20
ROWS_MAX = 60


class WebhooksState(rx.State):
    """The viewer's endpoints and a window of their deliveries, at most 60.

    `draft` is the id of the next endpoint and `key` that of what a button makes: pressing twice makes it once.
    `secret` shows until it is put away or the page is left. `look_again_at` is when the list has probably changed,
    empty while nothing is under way.
    """

    kind: str = ""
    fault: str = ""
    form_fault: str = ""
    done: str = ""
    rows: rx.Field[list[EndpointRow]] = rx.field(default_factory=list)
    draft: str = ""
    key: str = ""
    secret: str = ""
    secret_name: str = ""
    verb: str = ""
    asked_id: str = ""
    asked_name: str = ""
    settled: int = 0
    state: str = ""
    sent: rx.Field[list[DeliveryRow]] = rx.field(default_factory=list)
    has_more: bool = False
    is_later: bool = False
    look_again_at: str = ""

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Only one's own."""
        self.reset()
        self.draft, self.key = str(new_id()), str(new_id())
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            await self._load(await developers.my_account(actor))
        except developers.DeveloperAccountMissing:
            self.kind = "none"
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    def leave(self) -> None:
        """Keep no secret of a page that nobody looks at."""
        self.secret = self.secret_name = self.verb = ""

    @rx.event
    def put_away(self) -> None:
        """The new secret was copied."""
        self.secret = self.secret_name = ""

    @rx.event
    async def refresh(self) -> None:
        """Something may have been sent meanwhile."""
        await self._read_again()

    @rx.event
    async def create(self, form: dict[str, Any]) -> None:
        """Add an endpoint, and show its secret."""
        try:
            account_id = await self._account()
            order = read(NewEndpointForm, form)
            endpoint_id = read_id(order.draft)
            if endpoint_id is None:
                raise RequestInvalid
            made = await webhooks.add_endpoint(
                account_id,
                endpoint_id=endpoint_id,
                url=order.url.strip(),
                filters=order.filters,
                description=order.description.strip(),
            )
            self.form_fault, self.secret, self.secret_name = "", made.secret, made.endpoint.url
            self.draft = str(new_id())
            await self._load(account_id)
        except PayaError as error:
            self.form_fault = error.message

    @rx.event
    async def ask(self, verb: str, endpoint_id: str) -> None:
        """Show what a verb means for this endpoint, before it is done."""
        try:
            await self._account()
            row = next((each for each in self.rows if each.id == str(read_id(endpoint_id))), None)
            if row is None or read_text(verb) not in ASKED:
                raise webhooks.WebhookEndpointUnknown
            self.verb, self.asked_id, self.asked_name, self.fault, self.done = verb, row.id, row.url, "", ""
        except PayaError as error:
            self.fault = error.message

    @rx.event
    def set_asking(self, wanted: bool) -> None:  # noqa: FBT001 - an event's argument
        """Put the question away. It is opened by `ask` alone."""
        try:
            if not read_flag(wanted):
                self.verb = ""
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def act(self, verb: str, endpoint_id: str, key: str = "") -> None:
        """Do what `carry_out` knows by this name; `key` is the id of what that makes."""
        try:
            account_id = await self._account()
            wanted = read_id(endpoint_id)
            if wanted is None:
                raise webhooks.WebhookEndpointUnknown
            done = await carry_out(account_id, read_text(verb), wanted, read_id(key) or new_id())
            self.fault, self.done = "", done.said
            if done.secret:
                self.secret = done.secret
                self.secret_name = next((row.url for row in self.rows if row.id == str(wanted)), "")
            await self._load(account_id)
        except PayaError as error:
            self.fault = error.message
        finally:
            self.verb, self.key = "", str(new_id())
            self.settled += 1

    @rx.event
    async def choose(self, state: str) -> None:
        """Show deliveries in one state only, or all."""
        try:
            account_id = await self._account()
            chosen = read_text(state)
            self.state = chosen if chosen in webhooks.STATES else ""
            await self._show(account_id, [])
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def show_more(self) -> None:
        """Go on with older ones; the newest leave the window when it is full."""
        try:
            account_id = await self._account()
            if self.has_more:
                await self._show(account_id, self.sent)
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def show_newest(self) -> None:
        """Back to the top."""
        await self._read_again()

    async def _read_again(self) -> None:
        try:
            await self._load(await self._account())
        except PayaError as error:
            self.fault = error.message

    async def _account(self) -> UUID:
        return await developers.my_account(await signed_in(self))

    async def _load(self, account_id: UUID) -> None:
        self.rows = [endpoint_row(each) for each in await webhooks.list_endpoints(account_id)]
        self.kind = "own"
        await self._show(account_id, [])

    async def _show(self, account_id: UUID, kept: list[DeliveryRow]) -> None:
        before = (datetime.fromisoformat(kept[-1].at), UUID(kept[-1].id)) if kept else None
        found = await webhooks.deliveries(account_id, state=self.state or None, before=before, maximum=PAGE + 1)
        urls = {row.id: row.url for row in self.rows}
        rows = [*kept, *(delivery_row(each, urls.get(str(each.endpoint_id), "")) for each in found[:PAGE])]
        self.sent, self.has_more = rows[-ROWS_MAX:], len(found) > PAGE
        self.is_later = len(rows) > ROWS_MAX or (bool(kept) and self.is_later)
        # what is under way may come to be among those that are chosen
        moving = await webhooks.deliveries(account_id, state="waiting", maximum=1) if self.state else found[:PAGE]
        # who reads older ones is not brought back to the top
        self.look_again_at = "" if kept else look_again_at(moving, now())


def page() -> rx.Component:
    """The page."""
    return frame(
        notice(WebhooksState.fault),
        rx.el.div(
            rx.cond(WebhooksState.done != "", rx.el.p(WebhooksState.done, class_name="notice calm mb-3")),
            role="status",
        ),
        secret_shown(WebhooksState),
        rx.match(
            WebhooksState.kind,
            ("own", webhook_board(WebhooksState)),
            ("none", no_account()),
            waiting(rx.el.div(bone_rows(3), class_name="card")),
        ),
        developer_places("webhooks"),
        endpoint_question(WebhooksState),
        title="Webhooks",
        active="settings",
        back="/settings/",
        on_unmount=WebhooksState.leave,
    )
