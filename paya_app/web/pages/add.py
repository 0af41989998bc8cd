"""`/add`: a bank account, its confirmation, and money from it.

The load's id lives in the address (`?id=`), so that reload, a second click and a killed server make one load.
What is confirmed comes back with the press, as the page showed it; where that is not what was reviewed here,
the bank is not asked.
"""

from dataclasses import asdict, dataclass
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
from paya_app.web.bank_forms import AmountsForm, BankForm
from paya_app.web.banks import BankChoice, source_name
from paya_app.web.components.allowance import allowance
from paya_app.web.components.amount_form import amount_form
from paya_app.web.components.asked_for import asked_for
from paya_app.web.components.bank_steps import closed_step, confirm_step, link_step, numbers_step
from paya_app.web.components.bank_transfer import arrival, bank_head, bank_list, transfer_bones
from paya_app.web.components.button import secondary
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.provider_banner import provider_banner
from paya_app.web.components.review import review_line, review_sheet
from paya_app.web.forms import Form, Text, read, read_flag, read_id, read_text
from paya_app.web.limits import week_words
from paya_app.web.viewer import admit, query_value, signed_in

SERVER_TROUBLE = 500
LOADS_MAX = 50
BY_NUMBER = "number"  # in the address: the account is typed in, whatever else there is
WEEK = timedelta(days=7)
TRIES = {1: "One try left.", 2: "Two tries left."}
ASK_AGAIN = "Not added. No money was moved. Check the transfer once more, and confirm it."


@dataclass
class Review:
    """What the bank is about to be asked for, as the server understood it; the press that confirms brings it back."""

    load_id: str = ""
    source_id: str = ""
    amount: str = ""


class Shown(Form):
    """The review that a press confirms, as the page showed it."""

    load_id: Text = ""
    source_id: Text = ""
    amount: Text = ""


@dataclass(frozen=True)
class _Order:
    load_id: UUID
    source_id: UUID
    amount_cents: int

    def review(self) -> Review:
        return Review(str(self.load_id), str(self.source_id), format_cents(self.amount_cents))


class AddState(rx.State):
    """`step` is empty until known, then `link`, `bank`, `confirm`, `closed`, `amount` or `choose`."""

    step: str = ""
    fault: str = ""
    form_fault: str = ""
    holder_fault: str = ""
    routing_fault: str = ""
    account_fault: str = ""
    load_id: str = ""
    former_id: str = ""
    bank: str = ""
    banks: rx.Field[list[BankChoice]] = rx.field(default_factory=list)
    bank_hint: str = ""
    amounts_hint: str = ""
    kind: str = "checking"
    limit: str = ""
    least_cents: int = 0
    most_cents: int = 0
    more_at: str = ""
    resets_at: str = ""
    single_max: str = ""
    week_left: str = ""
    week_used: str = ""
    week_max: str = ""
    week_percent: int = 0
    tries: str = ""
    arrives_at: str = ""
    held: str = ""
    reviewing: bool = False
    review: rx.Field[Review] = rx.field(default_factory=Review)
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
                return _address(new_id(), by=query_value(self, "by"), bank=read_id(query_value(self, "bank")))
            if await banking.load(actor, load_id) is not None:
                return rx.redirect(f"/activity/{load_id}/", replace=True)
            self.reviewing, self._order, self.form_fault = False, None, ""
            if str(load_id) != self.load_id:
                self.reset()
                self.load_id = str(load_id)
            # a refusal leads here under a new id of ours, and its sentence and the bank stay
            await self._load(actor, chosen=read_id(query_value(self, "bank")) or self._source)
            if query_value(self, "by") == BY_NUMBER and self.step != "confirm":
                self.step = "bank"
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    def leave(self) -> None:
        """Forget what was being done."""
        self.reset()

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
        finally:
            self.settled += 1

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
            await banking.confirm_source(actor, self._source, given.cents())
            await self._load(actor, chosen=self._source)
        except PayaError as error:
            self.form_fault = error.message
            await self._see_tries()
            if "tries_left" in error.facts:
                self.tries = ""  # the sentence says it
        finally:
            self.settled += 1

    @rx.event
    async def show_banks(self) -> None:
        """Choose another bank, or link one."""
        self.fault = self.form_fault = ""
        try:
            await self._load(await signed_in(self))
            self.step = "choose" if self.banks else "link"
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
            self.step = "link"
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def type_instead(self) -> None:
        """Go on with a bank that is linked by its numbers and two small deposits."""
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
            self.review, self.reviewing = self._order.review(), True
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
    async def submit(self, shown: dict[str, Any]) -> rx.event.EventSpec | None:
        """Ask the bank for what was reviewed, when it is what the page showed, and show its stages."""
        self.settled += 1
        order = self._order
        try:
            confirmed = read(Shown, shown)
            actor = await signed_in(self)
            if order is None or confirmed.model_dump() != asdict(order.review()):
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
            if error.status >= SERVER_TROUBLE or order is None:
                return None
            self._order, self.former_id, self.load_id = None, self.load_id, str(new_id())
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
        self.resets_at = await _more_at(actor, limits) if limits.week_used_cents else ""
        self.more_at = "" if has_room else self.resets_at
        self._show_week(limits)
        expected = await banking.expectation(actor)
        is_soon = settings().ach_s and not expected.hold_bank_days
        self.arrives_at = "" if is_soon else expected.at.isoformat()
        self.held = expected.held
        self.banks = [
            BankChoice(
                id=str(one.id),
                name=source_name(one),
                state="closed" if one.is_closed else one.state,
            )
            for one in sources
        ]
        if not sources:
            self.step, self._source = "link", None
            return
        source = (
            next((one for one in sources if one.id == chosen), None)
            or next((one for one in sources if one.state == "verified"), None)
            or next((one for one in reversed(sources) if not one.is_closed), None)
            or sources[-1]
        )
        self._show(source)

    def _show(self, source: banking.Source) -> None:
        self._source, self.bank = source.id, source_name(source)
        self.tries = TRIES.get(source.tries_left, "")
        if source.is_closed:
            self.step = "closed"
        else:
            self.step = "amount" if source.state == "verified" else "confirm"

    def _show_week(self, limits: banking.LoadLimits) -> None:
        self.week_left, self.week_used, self.week_max, self.week_percent = week_words(
            limits.week_used_cents, limits.week_max_cents
        )
        self.single_max = format_cents(min(limits.single_max_cents, limits.week_max_cents))

    async def _see_tries(self) -> None:
        """Show how often the two deposits may still be told, after some that were wrong."""
        try:
            source = await banking.source(await signed_in(self), self._source) if self._source else None
        except PayaError:
            return  # what was wrong before is said already
        if source is not None:
            self._show(source)

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


def _address(load_id: UUID, *, by: str = "", bank: UUID | None = None) -> rx.event.EventSpec:
    how = f"&by={BY_NUMBER}" if by == BY_NUMBER else ""
    return rx.redirect(f"/add/?id={load_id}{how}{f'&bank={bank}' if bank else ''}", replace=True)


def page() -> rx.Component:
    """The page."""
    return frame(
        provider_banner("dwolla"),
        asked_for(
            rx.cond(AddState.step == "amount", rx.fragment(), notice(AddState.fault)),
            rx.match(
                AddState.step,
                ("link", link_step(AddState)),
                ("bank", numbers_step(AddState)),
                ("confirm", confirm_step(AddState)),
                ("closed", closed_step(AddState)),
                ("amount", _amount()),
                ("choose", _choose()),
                rx.fragment(),
            ),
            waiting=transfer_bones(),
            ready=(AddState.step != "") | (AddState.fault != ""),
            current_id=AddState.load_id,
            former_id=AddState.former_id,
        ),
        title="Add money",
        active="home",
        back="/",
        bar=False,
        on_unmount=AddState.leave,
    )


def _choose() -> rx.Component:
    return rx.el.div(
        bank_list(AddState.banks, AddState.choose_bank),
        secondary("Link another account", on_click=AddState.link_another, class_name="mt-4"),
    )


def _amount() -> rx.Component:
    return rx.el.div(
        bank_head("from", AddState.bank, AddState.show_banks),
        amount_form(
            hint=AddState.limit,
            fault=AddState.fault,
            least_cents=AddState.least_cents,
            most_cents=AddState.most_cents,
            more_at=AddState.more_at,
            on_review=AddState.ask_review,
        ),
        allowance(
            left=AddState.week_left,
            used=AddState.week_used,
            maximum=AddState.week_max,
            percent=AddState.week_percent,
            single=AddState.single_max,
            more_at=AddState.resets_at,
        ),
        review_sheet(
            title="Check and add",
            amount=AddState.review.amount,
            whom=("from ", rx.el.b(AddState.bank)),
            lines=(
                review_line("Fee", rx.el.b("$0.00", class_name="num")),
                review_line(
                    "Yours to spend",
                    arrival(AddState.arrives_at),
                ),
                rx.cond(AddState.held != "", review_line("Of that held here", rx.el.span(AddState.held))),
            ),
            verb="Add",
            busy_label="Asking your bank …",
            settled=AddState.settled,
            on_confirm=AddState.submit(AddState.review.to(dict)),
            is_open=AddState.reviewing,
            on_open_change=AddState.set_reviewing,
            on_change=AddState.set_reviewing(False),
        ),
    )
