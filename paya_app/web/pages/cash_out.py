"""`/cash-out`: money from the wallet to a bank.

The redemption's id lives in the address (`?id=`), so that reload, a second click and a killed server make one. What
is confirmed comes back with the press, as the page showed it; where that is not what was reviewed here, nothing moves.
"""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import reflex as rx

from paya_app import banking, risk
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.errors import AmountInvalid, PayaError, RequestInvalid, ServiceUnavailable, SignedOut
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents, parse_cents
from paya_app.web.banks import BankChoice, confirmed_banks
from paya_app.web.components.allowance import allowance
from paya_app.web.components.amount_form import amount_form
from paya_app.web.components.asked_for import asked_for
from paya_app.web.components.bank_transfer import arrival, bank_head, bank_list, transfer_bones
from paya_app.web.components.button import primary_link, secondary_link
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.provider_banner import provider_banner
from paya_app.web.components.review import review_line, review_sheet
from paya_app.web.components.when import when
from paya_app.web.forms import Form, Text, read, read_flag, read_id, read_text
from paya_app.web.limits import week_words
from paya_app.web.viewer import admit, query_value, signed_in

SERVER_TROUBLE = 500
ASK_AGAIN = "Not cashed out. Nothing left your wallet. Check the transfer once more, and confirm it."


@dataclass
class Payout:
    """What is about to be paid, as the server understood it; the press that confirms brings it back."""

    redemption_id: str = ""
    source_id: str = ""
    amount: str = ""


class ShownPayout(Form):
    """The review that a press confirms, as the page showed it."""

    redemption_id: Text = ""
    source_id: Text = ""
    amount: Text = ""


@dataclass(frozen=True)
class _Order:
    redemption_id: UUID
    source_id: UUID
    amount_cents: int

    def review(self) -> Payout:
        return Payout(str(self.redemption_id), str(self.source_id), format_cents(self.amount_cents))


class CashOutState(rx.State):
    """`step` is empty until known, then `unlinked`, `early`, `amount` or `choose`."""

    step: str = ""
    fault: str = ""
    redemption_id: str = ""
    former_id: str = ""
    bank: str = ""
    banks: rx.Field[list[BankChoice]] = rx.field(default_factory=list)
    available: str = ""
    least_cents: int = 0
    most_cents: int = 0
    all_cents: int = 0
    most_words: str = ""
    nothing: str = ""
    opens_at: str = ""
    single_max: str = ""
    is_empty: bool = True
    week_left: str = ""
    week_used: str = ""
    week_max: str = ""
    week_percent: int = 0
    more_at: str = ""
    resets_at: str = ""
    paid_at: str = ""
    remains: str = ""
    reviewing: bool = False
    review: rx.Field[Payout] = rx.field(default_factory=Payout)
    settled: int = 0
    _source: UUID | None = None
    _order: _Order | None = None
    _available_cents: int = 0

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Give the page its id, or show the redemption that has it; then the step that is next."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            redemption_id = read_id(query_value(self, "id"))
            if redemption_id is None:
                return _address(new_id())
            if await banking.redemption(actor, redemption_id) is not None:
                return rx.redirect(f"/activity/{redemption_id}/", replace=True)
            self.reviewing, self._order = False, None
            if str(redemption_id) != self.redemption_id:
                self.reset()
                self.redemption_id = str(redemption_id)
            # a refusal leads here under a new id of ours, and its sentence stays
            await self._load(actor, self._source)
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    def leave(self) -> None:
        """Forget what was being done."""
        self.reset()

    @rx.event
    async def show_banks(self) -> None:
        """Choose another bank."""
        self.fault = ""
        try:
            await self._load(await signed_in(self))
            self.step = "choose" if self.banks else self.step
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def choose_bank(self, source_id: str) -> None:
        """Go on with one of the confirmed banks."""
        self.fault = ""
        try:
            await self._load(await signed_in(self), read_id(source_id))
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
            redemption_id = read_id(self.redemption_id or query_value(self, "id"))
            if cents <= 0:
                raise AmountInvalid(sentence="Choose an amount above $0.00.")
            if redemption_id is None or self._source is None:
                raise RequestInvalid(sentence=ASK_AGAIN)
            self._order = _Order(redemption_id, self._source, cents)
            self.remains = format_cents(max(0, self._available_cents - cents))
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
        """Pay what was reviewed, when it is what the page showed, and show its stages."""
        self.settled += 1
        order = self._order
        try:
            confirmed = read(ShownPayout, shown)
            actor = await signed_in(self)
            if order is None or confirmed.model_dump() != asdict(order.review()):
                self.reviewing, self.fault = False, ASK_AGAIN
                return None
            redemption = await banking.start_redemption(
                actor, redemption_id=order.redemption_id, source_id=order.source_id, amount_cents=order.amount_cents
            )
        except SignedOut as error:
            self.reviewing, self.fault = False, error.message
            return None
        except PayaError as error:
            self.reviewing, self.fault = False, error.message
            if error.status >= SERVER_TROUBLE or order is None:
                return None
            self._order, self.former_id, self.redemption_id = None, self.redemption_id, str(new_id())
            return _address(UUID(self.redemption_id))
        self.reset()
        return rx.redirect(f"/activity/{redemption.id}/?new=1", replace=True)

    async def _load(self, actor: Actor, chosen: UUID | None = None) -> None:
        limits = await banking.redemption_limits(actor)
        if limits is None:
            raise ServiceUnavailable
        self._show_limits(limits)
        if cases := await risk.open_cases(actor):
            self.most_cents = self.all_cents = 0
            self.more_at = ""
            self.nothing = f"Your account is {cases[0].state}. Home says why, and what to do."
        self.paid_at = "" if settings().ach_s else banking.redemption_expectation().isoformat()
        self.banks = await confirmed_banks(actor)
        if limits.opens_at:
            self.step = "early"
        elif not self.banks:
            self.step, self._source = "unlinked", None
        else:
            bank = next((one for one in self.banks if one.id == str(chosen)), self.banks[0])
            self._source, self.bank = UUID(bank.id), bank.name
            self.step = "amount"

    def _show_limits(self, limits: banking.RedemptionLimits) -> None:
        self._available_cents = limits.available_cents
        self.available, self.is_empty = format_cents(limits.available_cents), limits.available_cents == 0
        self.single_max = format_cents(limits.single_max_cents)
        self.least_cents, self.most_cents = limits.least_cents, limits.most_cents
        is_covered = limits.available_cents <= limits.room_cents
        self.all_cents = limits.available_cents if is_covered else 0
        self.most_words = "You have {} available." if is_covered else "One transfer can be at most {} now."
        self.nothing = "There is nothing in your wallet to cash out." if is_covered else "That is all for this week."
        self.opens_at = limits.opens_at.isoformat() if limits.opens_at else ""
        self.week_left, self.week_used, self.week_max, self.week_percent = week_words(
            limits.week_used_cents, limits.week_max_cents
        )
        self.more_at = limits.more_at.isoformat() if limits.more_at else ""
        self.resets_at = limits.resets_at.isoformat() if limits.resets_at else ""


def _address(redemption_id: UUID) -> rx.event.EventSpec:
    return rx.redirect(f"/cash-out/?id={redemption_id}", replace=True)


def page() -> rx.Component:
    """The page."""
    return frame(
        provider_banner("dwolla"),
        asked_for(
            rx.cond(CashOutState.step == "amount", rx.fragment(), notice(CashOutState.fault)),
            rx.match(
                CashOutState.step,
                ("unlinked", _unlinked()),
                ("early", _early()),
                ("amount", _amount()),
                ("choose", _choose()),
                rx.fragment(),
            ),
            waiting=transfer_bones(),
            ready=(CashOutState.step != "") | (CashOutState.fault != ""),
            current_id=CashOutState.redemption_id,
            former_id=CashOutState.former_id,
        ),
        title="Cash out",
        active="home",
        back="/",
        bar=False,
        on_unmount=CashOutState.leave,
    )


def _unlinked() -> rx.Component:
    return rx.el.div(
        rx.el.h2("First, a bank of yours", class_name="text-xl!"),
        rx.el.p(
            "Money is paid to a bank account that you linked and confirmed.",
            rx.cond(
                CashOutState.is_empty,
                rx.fragment(),
                rx.fragment(
                    " Your ", rx.el.b(CashOutState.available, class_name="num"), " waits in your wallet until then."
                ),
            ),
            class_name="m",
        ),
        primary_link("Link a bank", to="/link-bank/"),
        class_name="card p-6 grid gap-4",
    )


def _early() -> rx.Component:
    return rx.el.div(
        rx.el.h2(
            "You can cash out ",
            when(CashOutState.opens_at, "day", "from ", class_name="whitespace-nowrap"),
            class_name="text-xl!",
        ),
        rx.el.p(
            "New accounts wait before their first cash-out: money from a bank that was not theirs shows up before it "
            "can leave. Until then your ",
            rx.el.b(CashOutState.available, class_name="num"),
            " is there to pay with.",
            class_name="m",
        ),
        primary_link("Pay somebody", to="/pay/"),
        secondary_link("Home", to="/"),
        class_name="card p-6 grid gap-4",
        id="early",
    )


def _choose() -> rx.Component:
    return rx.el.div(
        bank_list(CashOutState.banks, CashOutState.choose_bank),
        secondary_link("Link another account", to="/link-bank/", class_name="mt-4"),
    )


def _amount() -> rx.Component:
    return rx.el.div(
        bank_head("to", CashOutState.bank, CashOutState.show_banks),
        amount_form(
            hint=CashOutState.available + " available · no fee",
            fault=CashOutState.fault,
            least_cents=CashOutState.least_cents,
            most_cents=CashOutState.most_cents,
            all_cents=CashOutState.all_cents,
            more_at=CashOutState.more_at,
            most_words=CashOutState.most_words,
            full_words=CashOutState.nothing,
            empty_words="Nothing to cash out now",
            on_review=CashOutState.ask_review,
        ),
        allowance(
            left=CashOutState.week_left,
            used=CashOutState.week_used,
            maximum=CashOutState.week_max,
            percent=CashOutState.week_percent,
            single=CashOutState.single_max,
            more_at=CashOutState.resets_at,
        ),
        review_sheet(
            title="Check and cash out",
            amount=CashOutState.review.amount,
            whom=("to ", rx.el.b(CashOutState.bank)),
            lines=(
                review_line("Fee", rx.el.b("$0.00", class_name="num")),
                review_line(
                    "In your bank",
                    arrival(CashOutState.paid_at),
                ),
                review_line("Left in your wallet", rx.el.span(CashOutState.remains, class_name="num")),
            ),
            verb="Cash out",
            busy_label="Asking the bank …",
            settled=CashOutState.settled,
            on_confirm=CashOutState.submit(CashOutState.review.to(dict)),
            is_open=CashOutState.reviewing,
            on_open_change=CashOutState.set_reviewing,
            on_change=CashOutState.set_reviewing(False),
        ),
    )
