"""`/link-bank`: to one's bank and back: choose it at the vendor's pages, come back, and see what became of it.

The visit's id lives in the address (`?id=`), which is where the bank's page leads back to. Everything else that the
address could say is asked of the server again; somebody else's visit is not found.
"""

from typing import Any
from uuid import UUID

import reflex as rx

from paya_app import banking
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, PayaError
from paya_app.core.ids import new_id
from paya_app.web.banks import source_name
from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import primary_link, secondary_link
from paya_app.web.components.due import Due
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.live_hint import LiveHint
from paya_app.web.components.provider_banner import provider_banner
from paya_app.web.components.skeleton import bone, waiting
from paya_app.web.forms import read_id
from paya_app.web.viewer import admit, query_value, signed_in

SERVER_TROUBLE = 500
NOTHING = "No bank was linked, and no money was moved."
WHY = {
    "left": f"You came back before you had chosen an account. {NOTHING}",
    "expired": f"That visit to your bank is over. {NOTHING}",
    "INVALID_CREDENTIALS": f"Your bank did not accept the user name and password. {NOTHING}",
    "INVALID_MFA": f"Your bank did not accept the code. {NOTHING}",
    "ITEM_LOCKED": f"Your bank has locked its online account after too many tries, and can unlock it. {NOTHING}",
    "INSTITUTION_DOWN": f"Your bank does not answer right now. {NOTHING} Try again later.",
    "INSTITUTION_NOT_RESPONDING": f"Your bank does not answer right now. {NOTHING} Try again later.",
    "no_account": f"There is no checking or savings account among those that you chose. {NOTHING}",
    "link_interrupted": f"The connection to your bank was interrupted before it was complete. {NOTHING} Link it again.",
    "bank_limit": f"You have linked five banks, which is the most. {NOTHING} Unlink one in Settings first.",
}


class LinkBankState(rx.State):
    """`phase` is empty until known, then `start`, `waiting`, `linked`, `repaired` or `ended`."""

    phase: str = ""
    fault: str = ""
    why: str = ""
    bank: str = ""
    is_reconnect: bool = False
    settled: int = 0
    _visit: UUID | None = None
    _source: UUID | None = None

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """A visit that comes back, or a new one."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            self.reset()
            self._source = read_id(query_value(self, "bank"))
            self.is_reconnect = self._source is not None
            visit = read_id(query_value(self, "id"))
            if visit is None:
                self.phase = "start"
                return None
            self._show(await banking.link(actor, visit, has_returned=True))
            self._visit = visit
        except NotFound:
            self.phase, self._visit = "start", None
        except PayaError as error:
            self.phase, self.fault = "start", error.message
        return None

    @rx.event
    async def look_again(self) -> None:
        """Something changed: ask what became of the visit."""
        try:
            actor = await signed_in(self)
            if self._visit is not None and self.phase == "waiting":
                self._show(await banking.link(actor, self._visit))
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def go_to_bank(self) -> rx.event.EventSpec | None:
        """Leave for the bank's page."""
        self.fault = ""
        try:
            actor = await signed_in(self)
            # a press that was not answered leads to the same visit
            self._visit = self._visit if self._visit is not None and self.phase == "start" else new_id()
            self.phase = "start"
            return rx.redirect(await banking.start_link(actor, link_id=self._visit, source_id=self._source))
        except PayaError as error:
            self.fault = error.message
            if error.status < SERVER_TROUBLE:
                self._visit = None
        finally:
            self.settled += 1
        return None

    def _show(self, link: banking.Link) -> None:
        self.is_reconnect = link.is_reconnect
        if link.source is not None:
            self.bank = source_name(link.source)
        if not link.is_over:
            self.phase = "waiting"
        elif link.state == "linked":
            self.phase = "repaired" if link.is_reconnect else "linked"
        else:
            self.phase = "ended"
            self.why = WHY.get(link.code, f"Your bank could not be linked this way. {NOTHING}")


def page() -> rx.Component:
    """The page."""
    is_waiting = LinkBankState.phase == "waiting"
    return frame(
        provider_banner("plaid"),
        provider_banner("dwolla"),
        LiveHint.create(on_change=LinkBankState.look_again, active=True),
        # should no hint come
        rx.cond(is_waiting, Due.create(at="2000-01-01T00:00:00+00:00", on_due=LinkBankState.look_again)),
        notice(LinkBankState.fault),
        rx.match(
            LinkBankState.phase,
            ("start", _start()),
            ("waiting", _waiting()),
            ("linked", _linked()),
            ("repaired", _repaired()),
            ("ended", _ended()),
            _bones(),
        ),
        title="Link your bank",
        active="home",
        back="/add/",
        bar=False,
    )


def _bones() -> rx.Component:
    return waiting(
        rx.el.div(
            bone("60%", "28px"), bone("100%", "72px", "mt-4"), bone("100%", "48px", "mt-6"), class_name="card p-6"
        )
    )


def _to_bank(label: Any) -> rx.Component:
    return busy_button(
        label,
        busy_label="Opening your bank's page …",
        long_label="Still waiting for the bank service. Nothing has been linked yet.",
        settled=LinkBankState.settled,
        on_press=LinkBankState.go_to_bank,
        id="to-bank",
    )


def _instead() -> rx.Component:
    return go(
        "Type your account number instead",
        to="/add/?by=number",
        class_name="link grid place-items-center text-center min-h-11",
    )


def _point(sign: str, text: str) -> rx.Component:
    return rx.el.li(rx.el.span(icon(sign, 20), class_name="m shrink-0"), rx.el.span(text), class_name="flex gap-3")


def _start() -> rx.Component:
    return rx.el.div(
        rx.cond(
            LinkBankState.is_reconnect,
            rx.el.div(
                rx.el.h2("Sign in to your bank again", class_name="text-xl!"),
                rx.el.p("Your bank asks for it from time to time. Transfers go on meanwhile.", class_name="m mt-1"),
            ),
            rx.el.div(
                rx.el.h2("Sign in to your bank", class_name="text-xl!"),
                rx.el.p("It takes about a minute, and you can use the account right away.", class_name="m mt-1"),
            ),
        ),
        rx.el.ul(
            _point("lock", "You sign in on the bank's page. Your password never comes to PaYa."),
            _point("landmark", "PaYa may move money from and to the account that you choose, when you ask for it."),
            _point(
                "user-round",
                "Your bank tells us whose account it is. If it is in your name, you can add more each week.",
            ),
            class_name="grid gap-3",
        ),
        _to_bank(rx.cond(LinkBankState.is_reconnect, "Go to your bank", "Choose your bank")),
        rx.cond(LinkBankState.is_reconnect, rx.fragment(), _instead()),
        class_name="card p-6 grid gap-5",
    )


def _waiting() -> rx.Component:
    return rx.el.div(
        rx.el.h2("Linking your bank …", class_name="text-xl!"),
        rx.el.p("This takes a few seconds. You may close this page: it goes on without you.", class_name="m"),
        bone("100%", "8px"),
        class_name="card p-6 grid gap-4",
        role="status",
        aria_busy="true",
    )


def _done(title: str, *children: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.span(icon("check", 28), class_name="av s72 a2 justify-self-center"),
        rx.el.h2(title, class_name="text-xl! text-center"),
        *children,
        class_name="card p-6 grid gap-4",
        role="status",
    )


def _linked() -> rx.Component:
    return _done(
        "Your bank is linked",
        rx.el.p(rx.el.b(LinkBankState.bank), " can be used now. No money was moved.", class_name="m text-center"),
        primary_link("Add money", to="/add/"),
        secondary_link("Cash out", to="/cash-out/"),
        secondary_link("See my banks", to="/settings/banks/"),
    )


def _repaired() -> rx.Component:
    return _done(
        "You are signed in again",
        rx.el.p(rx.el.b(LinkBankState.bank), " is connected as before.", class_name="m text-center"),
        primary_link("See my banks", to="/settings/banks/"),
    )


def _ended() -> rx.Component:
    return rx.el.div(
        rx.el.h2("Your bank is not linked", class_name="text-xl!"),
        rx.el.p(LinkBankState.why, class_name="m", role="alert"),
        _to_bank("Try again"),
        _instead(),
        class_name="card p-6 grid gap-4",
    )
