"""`/developers/keys`: the keys of one's programs. A new one is shown once, then never again."""

from typing import Any

import reflex as rx

from paya_app import developers
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, PayaError, RequestInvalid
from paya_app.core.ids import new_id
from paya_app.developers import NewKey
from paya_app.web.api_keys import ApiKeyRow, NewKeyForm, key_row
from paya_app.web.components.api_keys import api_key_form, api_key_question, api_key_row, api_key_shown
from paya_app.web.components.developer_places import developer_places
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.skeleton import bone_rows, waiting
from paya_app.web.forms import read, read_flag, read_id, read_text
from paya_app.web.viewer import admit, signed_in

VERBS = ("rotate", "revoke")


class ApiKeysState(rx.State):
    """The viewer's keys.

    `draft` is the id of the key that is made next, so that pressing twice makes one. `secret` is shown until it is put
    away or the page is left. `verb` and `asked_id` are what is about to be done to which key.
    """

    loaded: bool = False
    fault: str = ""
    form_fault: str = ""
    rows: rx.Field[list[ApiKeyRow]] = rx.field(default_factory=list)
    draft: str = ""
    secret: str = ""
    secret_name: str = ""
    verb: str = ""
    asked_id: str = ""
    asked_name: str = ""
    settled: int = 0

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Only one's own."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            self._forget()
            self.fault = self.form_fault = ""
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    def leave(self) -> None:
        """Keep no secret of a page that nobody looks at."""
        self._forget()

    @rx.event
    async def create(self, form: dict[str, Any]) -> None:
        """Make a key, and show it."""
        try:
            actor = await signed_in(self)
            order = read(NewKeyForm, form)
            key_id = read_id(order.draft)
            if key_id is None:
                raise RequestInvalid
            made = await developers.create_key(actor, key_id=key_id, mode="test", name=order.name, scopes=order.scopes)
            self.form_fault = ""
            self._show(made)
            await self._load(actor)
        except PayaError as error:
            self.form_fault = error.message

    @rx.event
    async def ask(self, verb: str, key_id: str) -> None:
        """Show what replacing or revoking this key means, before it is done."""
        try:
            await signed_in(self)
            row = next((each for each in self.rows if each.id == str(read_id(key_id))), None)
            if row is None or read_text(verb) not in VERBS:
                raise NotFound(what="API key")
            self.verb, self.asked_id, self.asked_name, self.fault = verb, row.id, row.name, ""
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
    async def act(self, verb: str, key_id: str) -> None:
        """Replace or revoke it."""
        try:
            actor = await signed_in(self)
            wanted = read_id(key_id)
            if wanted is None:
                raise NotFound(what="API key")
            if read_text(verb) == "revoke":
                await developers.revoke_key(actor, wanted)
            else:
                self._show(await developers.rotate_key(actor, wanted, new_id=new_id()))
            self.fault = ""
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message
        finally:
            self.verb = ""
            self.settled += 1

    @rx.event
    def put_away(self) -> None:
        """The new key was copied."""
        self._forget()

    def _forget(self) -> None:
        self.secret = self.secret_name = self.verb = ""

    def _show(self, made: NewKey) -> None:
        # pressed twice: the first answer has shown it
        if made.secret is not None:
            self.secret, self.secret_name = made.secret, made.key.name

    async def _load(self, actor: Actor) -> None:
        self.rows = [key_row(each) for each in await developers.keys(actor)]
        self.draft, self.loaded = str(new_id()), True


def page() -> rx.Component:
    """The page."""
    return frame(
        notice(ApiKeysState.fault),
        api_key_shown(ApiKeysState),
        rx.cond(
            ApiKeysState.loaded,
            rx.el.div(
                rx.cond(
                    ApiKeysState.rows.length() > 0,
                    rx.el.div(
                        rx.foreach(ApiKeysState.rows, lambda row: api_key_row(ApiKeysState, row)),
                        class_name="card mb-4",
                        id="keys",
                    ),
                ),
                api_key_form(ApiKeysState),
            ),
            waiting(rx.el.div(bone_rows(2), class_name="card")),
        ),
        developer_places("keys"),
        api_key_question(ApiKeysState),
        title="API keys",
        active="settings",
        back="/settings/",
        on_unmount=ApiKeysState.leave,
    )
