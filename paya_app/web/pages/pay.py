"""`/pay`: to whom, how much, what for, who sees it; reviewed, then sent exactly once.

The payment's id lives in the address (`?id=`), made when the page opens. Reload, a second click, the back
button, a lost connection and a killed server all meet the same id, so it is one payment. After a refusal the
page goes on under a new id; when the outcome is unknown it keeps the old one, because trying again is safe.

What is confirmed comes back with the press: whom, how much, for what and who sees it, as the page showed them.
Where that is not what was reviewed here, nothing is sent.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import reflex as rx

from paya_app import identity, risk, wallet
from paya_app.core.actor import Actor
from paya_app.core.errors import AmountInvalid, PayaError, PersonNotFound, RequestInvalid, SelfPayment, SignedOut
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents, parse_cents
from paya_app.core.text import clean_note
from paya_app.web.components.asked_for import asked_for
from paya_app.web.components.avatar import avatar, initials_of, tone_of
from paya_app.web.components.button import primary
from paya_app.web.components.field import field, notice
from paya_app.web.components.frame import frame
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.live_hint import LiveHint
from paya_app.web.components.pay_form import pay_form
from paya_app.web.components.review import review_line, review_sheet
from paya_app.web.components.skeleton import bone, waiting
from paya_app.web.forms import Form, Text, read, read_id
from paya_app.web.limits import payments_left
from paya_app.web.reviewing import Reviewing, is_confirmed
from paya_app.web.viewer import Viewer, admit, query_value, signed_in

RECENT_MAX = 8
ASK_AGAIN = "Not sent. Nothing left your wallet. Check the payment once more, and confirm it."
SERVER_TROUBLE = 500


@dataclass
class PersonRow:
    """Somebody to choose."""

    handle: str
    name: str
    initials: str
    tone: int
    href: str


@dataclass
class Review:
    """What is about to be sent, as the server understood it. The press that confirms it brings it back."""

    payment_id: str = ""
    to_id: str = ""
    amount: str = ""
    note: str = ""
    audience: str = "private"


class FindForm(Form):
    """Whom to look for."""

    sought: Text = ""


class OrderForm(Form):
    """What the browser sends for review."""

    to_id: Text = ""
    amount: Text = ""
    note: Text = ""
    audience: Text = ""


@dataclass(frozen=True)
class _Order:
    payment_id: UUID
    to: str
    to_id: UUID
    amount_cents: int
    note: str
    audience: wallet.Audience

    def review(self) -> Review:
        return Review(
            payment_id=str(self.payment_id),
            to_id=str(self.to_id),
            amount=format_cents(self.amount_cents),
            note=self.note,
            audience=self.audience,
        )


class PayState(Reviewing, rx.State):
    """The payment being written. What was reviewed stays on the server; confirming sends that."""

    ready: bool = False
    payment_id: str = ""
    former_id: str = ""
    asked_to: str = ""
    find_fault: str = ""
    to_id: str = ""
    handle: str = ""
    name: str = ""
    first_name: str = ""
    initials: str = ""
    tone: int = 1
    recent: rx.Field[list[PersonRow]] = rx.field(default_factory=list)
    limits: str = ""
    available_cents: int = 0
    amount: str = ""
    note: str = ""
    review: rx.Field[Review] = rx.field(default_factory=Review)
    after: str = ""
    _order: _Order | None = None

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Give the page its id, or show the receipt of the payment that has it."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            payment_id = read_id(query_value(self, "id"))
            if payment_id is None:
                return _address(new_id(), to=query_value(self, "to"), more=self._prefill())
            if await wallet.payment(actor, payment_id) is not None:
                return rx.redirect(f"/activity/{payment_id}/", replace=True)
            self.reviewing, self._order = False, None
            if str(payment_id) != self.payment_id:
                self.reset()
                self.payment_id = str(payment_id)
                prefill = self._prefill()
                self.amount, self.note = prefill.get("amount", ""), prefill.get("note", "")
            await self._load(actor, query_value(self, "to"))
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    def leave(self) -> None:
        """Forget the payment that was being written; what was typed stays in the browser, under its id."""
        self.reset()

    @rx.event
    async def refresh(self) -> None:
        """Something of the payer's changed: what can be spent is read again, what is being written stays."""
        try:
            await self._see_wallet(await signed_in(self))
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def find(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Look somebody up by handle or phone number, and go on with them."""
        self.find_fault = ""
        try:
            sought = read(FindForm, form).sought.strip()
            actor = await signed_in(self)
            person = await identity.find(actor, sought) if sought else None
            if person is None:
                self.find_fault = (
                    f"Nobody at PaYa is called {sought[:40]}. Check the spelling."
                    if sought
                    else "Write a @handle or a phone number."
                )
                return None
            if person.id == actor.user_id:
                self.find_fault = "That is you. Choose somebody else."
                return None
            return _address(read_id(self.payment_id) or new_id(), to=person.handle, replace=False)
        except PayaError as error:
            self.find_fault = error.message
            return None

    @rx.event
    async def ask_review(self, order: dict[str, Any]) -> None:
        """Read the order strictly and show it for confirmation."""
        self.fault = ""
        try:
            given = read(OrderForm, order)
            actor = await signed_in(self)
            cents = parse_cents(given.amount)
            payment_id = await self._recovered(actor)
            to_id = read_id(given.to_id)
            if cents <= 0:
                raise AmountInvalid(sentence="Not sent. Choose an amount above $0.00.")
            if to_id is None or given.to_id != self.to_id:
                raise RequestInvalid(sentence=ASK_AGAIN)
            audience: wallet.Audience = "public" if given.audience == "public" else "private"
            self._order = _Order(payment_id, self.handle, to_id, cents, clean_note(given.note), audience)
            self.review = self._order.review()
            await self._see_wallet(actor)
            self.reviewing = True
        except PayaError as error:
            self._refuse(error.message)

    @rx.event
    async def submit(self, shown: dict[str, Any]) -> rx.event.EventSpec | None:
        """Send what was reviewed, when it is what the page showed, and show its receipt."""
        self.settled += 1
        order = self._order
        try:
            actor = await signed_in(self)
            if not is_confirmed(order, shown):
                self._refuse(ASK_AGAIN)
                return None
            payment = await wallet.send(
                actor,
                payment_id=order.payment_id,
                to=order.to,
                amount_cents=order.amount_cents,
                note=order.note,
                audience=order.audience,
            )
        except SignedOut as error:
            self._refuse(error.message)
            return None
        except PayaError as error:
            self._refuse(error.message)
            if error.status >= SERVER_TROUBLE or order is None:
                return None
            self._order, self.former_id, self.payment_id = None, self.payment_id, str(new_id())
            return _address(UUID(self.payment_id), to=order.to)
        self.reset()
        return rx.redirect(f"/activity/{payment.id}/?new=1", replace=True)

    async def _recovered(self, actor: Actor) -> UUID:
        """The page's payment id; recipient and id come from the address when the server forgot the page."""
        if not self.handle:
            self.asked_to = query_value(self, "to")
            await self._choose(actor, self.asked_to)
        if not self.payment_id:
            self.payment_id = query_value(self, "id")
        payment_id = read_id(self.payment_id)
        if payment_id is None:
            raise RequestInvalid(sentence=ASK_AGAIN)
        return payment_id

    async def _load(self, actor: Actor, to: str) -> None:
        await self._see_wallet(actor)
        self.ready, self.asked_to = True, to
        self.handle = self.to_id = self.find_fault = ""
        if to:
            await self._choose(actor, to)
        else:
            self.fault = ""
            self.recent = [
                PersonRow(
                    handle=person.handle,
                    name=person.name,
                    initials=initials_of(person.name),
                    tone=tone_of(person.handle),
                    href=f"/pay/?{urlencode({'id': self.payment_id, 'to': person.handle})}",
                )
                for person in await wallet.recent_people(actor, RECENT_MAX)
            ]

    async def _see_wallet(self, actor: Actor) -> None:
        limits, balance = await risk.send_limits(actor), await wallet.balance(actor)
        self.available_cents = available = balance.available_cents
        self.limits = f"of {format_cents(available)} · {payments_left(limits)}"
        left = available - self._order.amount_cents if self._order else -1
        self.after = f"{format_cents(left)} after this" if left >= 0 else ""

    async def _choose(self, actor: Actor, to: str) -> None:
        person = await identity.find(actor, to)
        if person is None:
            raise PersonNotFound(to=to)
        if person.id == actor.user_id:
            raise SelfPayment
        self.to_id = str(person.id)
        self.handle, self.name, self.first_name = person.handle, person.name, person.name.split()[0]
        self.initials, self.tone = initials_of(person.name), tone_of(person.handle)

    def _prefill(self) -> dict[str, str]:
        return {name: text for name in ("amount", "note") if (text := query_value(self, name))}


def _address(
    payment_id: UUID, *, to: str = "", more: dict[str, str] | None = None, replace: bool = True
) -> rx.event.EventSpec:
    query = {"id": str(payment_id)} | ({"to": to} if to else {}) | (more or {})
    return rx.redirect(f"/pay/?{urlencode(query)}", replace=replace)


def page() -> rx.Component:
    """The page."""
    return frame(
        LiveHint.create(on_change=PayState.refresh, active=Viewer.phase == "in"),
        asked_for(
            rx.cond(
                PayState.handle != "",
                rx.el.div(_to_whom(), _form(), _sheet()),
                rx.el.div(notice(PayState.fault), _search(), _recent()),
            ),
            waiting=_bones(),
            ready=PayState.ready,
            current_id=PayState.payment_id,
            former_id=PayState.former_id,
            to=PayState.asked_to,
        ),
        title="Pay",
        active="pay",
        back="/",
        bar=False,
        on_unmount=PayState.leave,
    )


def _bones() -> rx.Component:
    return waiting(
        rx.el.div(
            bone("72px", "72px", "rounded-full!"),
            bone("180px", "24px"),
            bone("160px", "64px", "mt-4"),
            class_name="grid justify-items-center gap-2 my-1",
        )
    )


def _search() -> rx.Component:
    return rx.el.form(
        field(
            "To",
            name="sought",
            fault=PayState.find_fault,
            placeholder="@handle or phone number",
            max_length=64,
            auto_capitalize="none",
            enter_key_hint="search",
        ),
        primary("Continue", type="submit", class_name="mt-4"),
        on_submit=PayState.find,
        class_name="card p-5",
    )


def _recent() -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2("Recent"), class_name="sec"),
        rx.cond(
            PayState.recent.length() > 0,
            rx.el.div(rx.foreach(PayState.recent, _person), class_name="card"),
            rx.el.p("People you pay will be here.", class_name="m mx-1"),
        ),
    )


def _person(person: rx.vars.ObjectVar[PersonRow]) -> rx.Component:
    return go(
        avatar(person.initials, person.tone),
        rx.el.span(
            rx.el.b(person.name, class_name="block truncate"),
            rx.el.span("@", person.handle, class_name="s m"),
            class_name="t",
        ),
        icon("chevron-right", 20),
        to=person.href,
        class_name="row",
    )


def _to_whom() -> rx.Component:
    return rx.el.div(
        avatar(PayState.initials, PayState.tone, 72),
        rx.el.p(rx.el.b(PayState.name), rx.el.span(" @", PayState.handle, class_name="m")),
        class_name="grid justify-items-center gap-2 my-1 text-center",
    )


def _form() -> rx.Component:
    return pay_form(
        draft=PayState.payment_id,
        to=PayState.to_id,
        amount=PayState.amount,
        note=PayState.note,
        limits=PayState.limits,
        fault=PayState.fault,
        available_cents=PayState.available_cents,
        name=PayState.first_name,
        on_review=PayState.ask_review,
    )


def _sheet() -> rx.Component:
    review = PayState.review
    return review_sheet(
        title="Check and pay",
        amount=review.amount,
        whom=("to ", rx.el.b(PayState.name), rx.el.span(" @", PayState.handle, class_name="m")),
        lines=(
            rx.cond(review.note != "", review_line("For", rx.el.span(review.note, class_name="wrap-anywhere"))),
            review_line(
                "Who sees it",
                rx.cond(
                    review.audience == "public",
                    rx.el.span(
                        icon("globe", 16), "Everyone, if they allow", class_name="inline-flex gap-1.5 items-center"
                    ),
                    rx.el.span(icon("lock", 16), "Only the two of you", class_name="inline-flex gap-1.5 items-center"),
                ),
            ),
            review_line("Fee", rx.el.b("$0.00", class_name="num")),
            rx.cond(PayState.after != "", review_line("Your balance", rx.el.span(PayState.after, class_name="num"))),
        ),
        verb="Pay",
        busy_label="Sending …",
        settled=PayState.settled,
        on_confirm=PayState.submit(review.to(dict)),
        is_open=PayState.reviewing,
        on_open_change=PayState.set_reviewing,
        on_change=PayState.set_reviewing(False),
    )
