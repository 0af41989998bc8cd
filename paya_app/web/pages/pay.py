"""`/pay`: to whom, how much, what for, who sees it; reviewed, then sent exactly once.

The payment's id lives in the address (`?id=`), made when the page opens. Reload, a second click, the back
button, a lost connection and a killed server all meet the same id, so it is one payment. After a refusal the
page goes on under a new id; when the outcome is unknown it keeps the old one, because trying again is safe.
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
from paya_app.web.components.avatar import avatar, initials_of, tone_of
from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import primary, secondary
from paya_app.web.components.field import field, notice
from paya_app.web.components.frame import frame
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.pay_form import pay_form
from paya_app.web.components.sheet import sheet
from paya_app.web.components.skeleton import bone, bone_rows, waiting
from paya_app.web.forms import Form, Text, read, read_flag, read_id
from paya_app.web.limits import payments_left
from paya_app.web.viewer import admit, query_value, signed_in

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
    """What is about to be sent, as the server understood it."""

    amount: str = ""
    note: str = ""
    audience: str = "private"
    after: str = ""


class FindForm(Form):
    """Whom to look for."""

    sought: Text = ""


class OrderForm(Form):
    """What the browser sends for review."""

    amount: Text = ""
    note: Text = ""
    audience: Text = ""


@dataclass(frozen=True)
class _Order:
    payment_id: UUID
    to: str
    amount_cents: int
    note: str
    audience: wallet.Audience


class PayState(rx.State):
    """The payment being written. What was reviewed stays on the server; confirming sends that."""

    ready: bool = False
    payment_id: str = ""
    fault: str = ""
    find_fault: str = ""
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
    reviewing: bool = False
    review: rx.Field[Review] = rx.field(default_factory=Review)
    settled: int = 0
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
                self.payment_id, self.fault = str(payment_id), ""
                prefill = self._prefill()
                self.amount, self.note = prefill.get("amount", ""), prefill.get("note", "")
            await self._load(actor, query_value(self, "to"))
        except PayaError as error:
            self.fault = error.message
        return None

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
            if cents <= 0:
                raise AmountInvalid(sentence="Not sent. Choose an amount above $0.00.")
            audience: wallet.Audience = "public" if given.audience == "public" else "private"
            self._order = _Order(payment_id, self.handle, cents, clean_note(given.note), audience)
            available = self.available_cents = (await wallet.balance(actor)).available_cents
            self.review = Review(
                amount=format_cents(cents),
                note=self._order.note,
                audience=audience,
                after=f"{format_cents(available - cents)} after this" if available >= cents else "",
            )
            self.reviewing = True
        except PayaError as error:
            self.reviewing, self.fault = False, error.message

    @rx.event
    def set_reviewing(self, wanted: bool) -> None:  # noqa: FBT001 - an event's argument
        """Put the review away. It is opened by `ask_review` alone."""
        try:
            if not read_flag(wanted):
                self.reviewing = False
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def submit(self) -> rx.event.EventSpec | None:
        """Send what was reviewed, and show its receipt."""
        self.settled += 1
        order = self._order
        try:
            actor = await signed_in(self)
            if order is None:
                self.reviewing, self.fault = False, ASK_AGAIN
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
            self.reviewing, self.fault = False, error.message
            return None
        except PayaError as error:
            self.reviewing, self.fault = False, error.message
            if error.status >= SERVER_TROUBLE or order is None:
                return None
            self._order, self.payment_id = None, str(new_id())
            return _address(UUID(self.payment_id), to=order.to)
        self.reset()
        return rx.redirect(f"/activity/{payment.id}/?new=1", replace=True)

    async def _recovered(self, actor: Actor) -> UUID:
        """The page's payment id; recipient and id come from the address when the server forgot the page."""
        if not self.handle:
            await self._choose(actor, query_value(self, "to"))
        if not self.payment_id:
            self.payment_id = query_value(self, "id")
        payment_id = read_id(self.payment_id)
        if payment_id is None:
            raise RequestInvalid(sentence=ASK_AGAIN)
        return payment_id

    async def _load(self, actor: Actor, to: str) -> None:
        limits, balance = await risk.send_limits(actor), await wallet.balance(actor)
        self.available_cents = balance.available_cents
        self.limits = f"of {format_cents(balance.available_cents)} · {payments_left(limits)}"
        self.handle = self.find_fault = ""
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
        self.ready = True

    async def _choose(self, actor: Actor, to: str) -> None:
        person = await identity.find(actor, to)
        if person is None:
            raise PersonNotFound(to=to)
        if person.id == actor.user_id:
            raise SelfPayment
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
        rx.cond(
            PayState.handle != "",
            rx.el.div(_to_whom(), _form(), _sheet()),
            rx.el.div(notice(PayState.fault), _search(), _recent()),
        ),
        title="Pay",
        active="pay",
        back="/",
        bar=False,
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
            PayState.ready,
            rx.cond(
                PayState.recent.length() > 0,
                rx.el.div(rx.foreach(PayState.recent, _person), class_name="card"),
                rx.el.p("People you pay will be here.", class_name="m mx-1"),
            ),
            waiting(rx.el.div(bone_rows(3), class_name="card")),
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
    return rx.cond(
        PayState.ready,
        pay_form(
            draft=PayState.payment_id,
            to=PayState.handle,
            amount=PayState.amount,
            note=PayState.note,
            limits=PayState.limits,
            fault=PayState.fault,
            available_cents=PayState.available_cents,
            name=PayState.first_name,
            on_review=PayState.ask_review,
        ),
        rx.el.div(notice(PayState.fault), waiting(bone("160px", "64px", "mx-auto"))),
    )


def _sheet() -> rx.Component:
    review = PayState.review
    return sheet(
        rx.el.p(review.amount, class_name="sum num", id="review-amount"),
        rx.el.p(
            "to ",
            rx.el.b(PayState.name),
            rx.el.span(" @", PayState.handle, class_name="m"),
            class_name="text-center mb-4",
        ),
        rx.el.div(
            rx.cond(review.note != "", _line("For", rx.el.span(review.note, class_name="wrap-anywhere"))),
            _line(
                "Who sees it",
                rx.cond(
                    review.audience == "public",
                    rx.el.span(
                        icon("globe", 16), "Everyone, if they allow", class_name="inline-flex gap-1.5 items-center"
                    ),
                    rx.el.span(icon("lock", 16), "Only the two of you", class_name="inline-flex gap-1.5 items-center"),
                ),
            ),
            _line("Fee", rx.el.b("$0.00", class_name="num")),
            rx.cond(review.after != "", _line("Your balance", rx.el.span(review.after, class_name="num"))),
            class_name="rounded-2xl border border-line mb-4",
        ),
        busy_button(
            f"Pay {review.amount}",
            busy_label="Sending …",
            settled=PayState.settled,
            on_press=PayState.submit,
            id="confirm",
            class_name="pri num",
        ),
        secondary("Change", on_click=PayState.set_reviewing(False), class_name="mt-2"),
        title="Check and pay",
        is_open=PayState.reviewing,
        on_open_change=PayState.set_reviewing,
    )


def _line(label: str, value: rx.Component) -> rx.Component:
    return rx.el.div(rx.el.span(label, class_name="m shrink-0"), value, class_name="kv")
