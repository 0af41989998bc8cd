"""`/add`: a bank account, its confirmation, and money from it.

The load's id lives in the address (`?id=`), so that reload, a second click and a killed server make one load.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import reflex as rx

from paya_app import banking
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.config import settings
from paya_app.core.errors import AmountInvalid, PayaError, RequestInvalid, ServiceUnavailable, SignedOut
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents, parse_cents
from paya_app.web.components.amount_form import amount_form
from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import primary, secondary
from paya_app.web.components.field import field, notice
from paya_app.web.components.frame import frame
from paya_app.web.components.icon import icon
from paya_app.web.components.segment import segment
from paya_app.web.components.sheet import sheet
from paya_app.web.components.skeleton import bone, waiting
from paya_app.web.forms import Form, Text, read, read_flag, read_id, read_text
from paya_app.web.viewer import admit, query_value, signed_in

SERVER_TROUBLE = 500
LOADS_MAX = 50
WEEK = timedelta(days=7)
ASK_AGAIN = "Not added. No money was moved. Check the transfer once more, and confirm it."


class BankForm(Form):
    """A bank account as people write it."""

    holder: Text = ""
    routing: Text = ""
    account: Text = ""
    kind: Text = "checking"


class AmountsForm(Form):
    """The two small deposits."""

    first: Text = ""
    second: Text = ""


@dataclass
class BankRow:
    """A linked bank to choose from."""

    id: str
    name: str
    state: str


@dataclass(frozen=True)
class _Order:
    load_id: UUID
    source_id: UUID
    amount_cents: int


class AddState(rx.State):
    """`step` is empty until known, then `bank`, `confirm`, `amount` or `choose`."""

    step: str = ""
    fault: str = ""
    form_fault: str = ""
    holder_fault: str = ""
    routing_fault: str = ""
    account_fault: str = ""
    load_id: str = ""
    bank: str = ""
    banks: rx.Field[list[BankRow]] = rx.field(default_factory=list)
    bank_hint: str = ""
    amounts_hint: str = ""
    kind: str = "checking"
    limit: str = ""
    least_cents: int = 0
    most_cents: int = 0
    more_at: str = ""
    takes: str = ""
    reviewing: bool = False
    review_amount: str = ""
    settled: int = 0
    _source: UUID | None = None
    _new_source: UUID | None = None
    _order: _Order | None = None

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Give the page its id, or show the load that has it; then the step that is next."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            load_id = read_id(query_value(self, "id"))
            if load_id is None:
                return _address(new_id())
            if await banking.load(actor, load_id) is not None:
                return rx.redirect(f"/activity/{load_id}/", replace=True)
            self.reviewing, self._order = False, None
            if str(load_id) != self.load_id:
                self.reset()
                self.load_id = str(load_id)
            # a refusal leads here under a new id of ours, and its sentence stays
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def add_bank(self, form: dict[str, Any]) -> None:
        """Add the account; two small deposits go to it, to confirm that it is the person's own."""
        self.fault = self.form_fault = self.holder_fault = self.routing_fault = self.account_fault = ""
        try:
            given = read(BankForm, form)
            actor = await signed_in(self)
            self._new_source = self._new_source or new_id()
            await banking.add_source(
                actor,
                source_id=self._new_source,
                holder_name=given.holder,
                routing=given.routing,
                account=given.account,
                kind="savings" if given.kind == "savings" else "checking",
            )
            await self._load(actor, chosen=self._new_source)
            self._new_source = None
        except PayaError as error:
            match error.facts.get("field"):
                case "holder_name":
                    self.holder_fault = error.message
                case "routing":
                    self.routing_fault = error.message
                case "account":
                    self.account_fault = error.message
                case _:
                    self.form_fault = error.message
            if error.status < SERVER_TROUBLE:
                self._new_source = None

    @rx.event
    async def confirm_bank(self, form: dict[str, Any]) -> None:
        """Compare the two small deposits."""
        self.fault = self.form_fault = ""
        try:
            given = read(AmountsForm, form)
            actor = await signed_in(self)
            if self._source is None:
                await self._load(actor)
                return
            amounts = parse_cents(given.first), parse_cents(given.second)
            await banking.confirm_source(actor, self._source, amounts)
            await self._load(actor, chosen=self._source)
        except PayaError as error:
            self.form_fault = error.message

    @rx.event
    async def show_banks(self) -> None:
        """Choose another bank, or link one."""
        self.fault = self.form_fault = ""
        try:
            await self._load(await signed_in(self))
            self.step = "choose" if self.banks else "bank"
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def choose_bank(self, source_id: str) -> None:
        """Go on with one of the linked banks."""
        self.fault = self.form_fault = ""
        try:
            await self._load(await signed_in(self), chosen=read_id(source_id))
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def link_another(self) -> None:
        """Go on with a bank that is not linked yet."""
        self.fault = self.form_fault = ""
        try:
            await signed_in(self)
            self.step = "bank"
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def choose_kind(self, kind: str) -> None:
        """Say which kind of account the new bank is."""
        try:
            await signed_in(self)
            self.kind = "savings" if read_text(kind) == "savings" else "checking"
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def ask_review(self, amount: str) -> None:
        """Read the amount strictly and show it for confirmation."""
        self.fault = ""
        try:
            actor = await signed_in(self)
            cents = parse_cents(read_text(amount))
            if self._source is None:  # the server forgot the page
                await self._load(actor)
            load_id = read_id(self.load_id or query_value(self, "id"))
            if cents <= 0:
                raise AmountInvalid(sentence="Choose an amount above $0.00.")
            if load_id is None or self._source is None:
                raise RequestInvalid(sentence=ASK_AGAIN)
            self._order = _Order(load_id, self._source, cents)
            self.review_amount, self.reviewing = format_cents(cents), True
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
        """Ask the bank for what was reviewed, and show its stages."""
        self.settled += 1
        order = self._order
        try:
            actor = await signed_in(self)
            if order is None:
                self.reviewing, self.fault = False, ASK_AGAIN
                return None
            load = await banking.start_load(
                actor, load_id=order.load_id, source_id=order.source_id, amount_cents=order.amount_cents
            )
        except SignedOut as error:
            self.reviewing, self.fault = False, error.message
            return None
        except PayaError as error:
            self.reviewing, self.fault = False, error.message
            if error.status >= SERVER_TROUBLE:
                return None
            self._order, self.load_id = None, str(new_id())
            return _address(UUID(self.load_id))
        self.reset()
        return rx.redirect(f"/activity/{load.id}/?new=1", replace=True)

    async def _load(self, actor: Actor, chosen: UUID | None = None) -> None:
        sources, limits = await banking.sources(actor), await banking.load_limits(actor)
        self._hint()
        if limits is None:
            raise ServiceUnavailable
        self.least_cents, self.most_cents = limits.single_min_cents, limits.left_cents
        has_room = limits.left_cents >= limits.single_min_cents
        self.limit = f"up to {format_cents(limits.left_cents)} now · no fee"
        self.more_at = "" if has_room else await _more_at(actor, limits)
        self.takes = "in a few seconds, with test money" if settings().ach_s else "in two business days, as a rule"
        self.banks = [
            BankRow(id=str(one.id), name=f"{one.bank_name} ··{one.last4}", state=one.state) for one in sources
        ]
        if not sources:
            self.step, self._source = "bank", None
            return
        source = (
            next((one for one in sources if one.id == chosen), None)
            or next((one for one in sources if one.state == "verified"), None)
            or sources[-1]
        )
        self._source, self.bank = source.id, f"{source.bank_name} ··{source.last4}"
        self.step = "amount" if source.state == "verified" else "confirm"

    def _hint(self) -> None:
        hint = banking.sandbox_hint()
        if hint is not None:
            first, second = (format_cents(cents) for cents in hint.amounts_cents)
            self.bank_hint = f"Test money: routing number {hint.routing}, account number {hint.account}."
            self.amounts_hint = f"Test money: the deposits are {first} and {second}."


async def _more_at(actor: Actor, limits: banking.LoadLimits) -> str:
    """When the week has room again (ISO 8601): its oldest transfer is a week old, or the first week is over."""
    counted = [one for one in await banking.loads(actor, limit=LOADS_MAX) if one.state not in ("failed", "canceled")]
    recent = [one.created_at for one in counted if one.created_at > now() - WEEK]
    moments = [min(recent) + WEEK] if recent and len(recent) < LOADS_MAX else []
    if limits.first_week_ends_at is not None:
        moments.append(limits.first_week_ends_at)
    return min(moments).isoformat() if moments else ""


def _address(load_id: UUID) -> rx.event.EventSpec:
    return rx.redirect(f"/add/?id={load_id}", replace=True)


def page() -> rx.Component:
    """The page."""
    return frame(
        rx.cond(AddState.step == "amount", rx.fragment(), notice(AddState.fault)),
        rx.match(
            AddState.step,
            ("bank", _bank()),
            ("confirm", _confirm()),
            ("amount", _amount()),
            ("choose", _choose()),
            waiting(
                rx.el.div(
                    bone("50%", "24px"),
                    bone("100%", "52px", "mt-6"),
                    bone("100%", "52px", "mt-4"),
                    class_name="card p-6",
                )
            ),
        ),
        title="Add money",
        active="add",
        back="/",
        bar=False,
    )


def _hint(text: Any) -> rx.Component:
    return rx.cond(
        text != "", rx.el.div(icon("info", 20), rx.el.p(text, class_name="num"), class_name="notice calm mt-3")
    )


def _choose() -> rx.Component:
    def bank(row: rx.vars.ObjectVar[BankRow]) -> rx.Component:
        return rx.el.button(
            rx.el.span(icon("landmark", 20), class_name="av a1"),
            rx.el.span(row.name, class_name="t font-semibold"),
            rx.cond(row.state == "verified", rx.fragment(), rx.el.span("to confirm", class_name="chip warn")),
            type="button",
            on_click=AddState.choose_bank(row.id),
            class_name="row w-full",
        )

    return rx.el.div(
        rx.el.div(rx.foreach(AddState.banks, bank), class_name="card"),
        secondary("Link another account", on_click=AddState.link_another, class_name="mt-4"),
    )


def _bank() -> rx.Component:
    return rx.el.div(
        rx.el.form(
            rx.el.div(
                rx.el.h2("Your bank account", class_name="text-xl!"),
                rx.el.p("Money comes from here. Two small deposits show that it is yours.", class_name="m mt-1"),
            ),
            notice(AddState.form_fault),
            field(
                "Name on the account", name="holder", fault=AddState.holder_fault, auto_complete="name", max_length=200
            ),
            field(
                "Routing number",
                name="routing",
                fault=AddState.routing_fault,
                input_mode="numeric",
                max_length=32,
                hint="Nine digits, at the bottom left of a check.",
            ),
            field("Account number", name="account", fault=AddState.account_fault, input_mode="numeric", max_length=32),
            rx.el.div(
                rx.el.p("Kind of account", class_name="label", aria_hidden="true"),
                rx.el.input(type="hidden", name="kind", value=AddState.kind),
                segment(
                    "Kind of account",
                    AddState.kind,
                    (
                        ("checking", "Checking", AddState.choose_kind("checking")),
                        ("savings", "Savings", AddState.choose_kind("savings")),
                    ),
                ),
            ),
            primary("Add this account", type="submit"),
            on_submit=AddState.add_bank,
            class_name="card p-6 grid gap-4",
        ),
        _hint(AddState.bank_hint),
    )


def _confirm() -> rx.Component:
    return rx.el.div(
        rx.el.form(
            rx.el.div(
                rx.el.h2("Confirm it is yours", class_name="text-xl!"),
                rx.el.p(
                    "Two small deposits are on their way to ",
                    rx.el.b(AddState.bank),
                    ". Write both amounts here, in any order.",
                    class_name="m mt-1",
                ),
            ),
            notice(AddState.form_fault),
            rx.el.div(
                field("First deposit", name="first", input_mode="decimal", placeholder="0.03", max_length=12),
                field("Second deposit", name="second", input_mode="decimal", placeholder="0.09", max_length=12),
                class_name="grid grid-cols-2 gap-3",
            ),
            primary("Confirm", type="submit"),
            on_submit=AddState.confirm_bank,
            class_name="card p-6 grid gap-4",
        ),
        _hint(AddState.amounts_hint),
        rx.el.button(
            "Use another account", type="button", on_click=AddState.show_banks, class_name="link w-full min-h-11 mt-2"
        ),
    )


def _amount() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span(icon("landmark", 28), class_name="av s72 a1"),
            rx.el.p(
                "from ",
                rx.el.b(AddState.bank),
                " · ",
                rx.el.button("change", type="button", on_click=AddState.show_banks, class_name="link hit"),
            ),
            class_name="grid justify-items-center gap-2 my-1",
        ),
        amount_form(
            hint=AddState.limit,
            fault=AddState.fault,
            least_cents=AddState.least_cents,
            most_cents=AddState.most_cents,
            more_at=AddState.more_at,
            on_review=AddState.ask_review,
        ),
        sheet(
            rx.el.p(AddState.review_amount, class_name="sum num", id="review-amount"),
            rx.el.p("from ", rx.el.b(AddState.bank), class_name="text-center mb-4"),
            rx.el.div(
                _line("Fee", rx.el.b("$0.00", class_name="num")),
                _line("Yours to spend", rx.el.span(AddState.takes)),
                class_name="rounded-2xl border border-line mb-4",
            ),
            busy_button(
                "Add " + AddState.review_amount,
                busy_label="Asking your bank …",
                settled=AddState.settled,
                on_press=AddState.submit,
                id="confirm",
                class_name="pri num",
            ),
            secondary("Change", on_click=AddState.set_reviewing(False), class_name="mt-2"),
            title="Check and add",
            is_open=AddState.reviewing,
            on_open_change=AddState.set_reviewing,
        ),
    )


def _line(label: str, value: rx.Component) -> rx.Component:
    return rx.el.div(rx.el.span(label, class_name="m shrink-0"), value, class_name="kv")
