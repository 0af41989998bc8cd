"""`/cash-out`: money from the wallet to a bank.

The redemption's id lives in the address (`?id=`), so that reload, a second click and a killed server make one.
"""

from typing import ClassVar
from uuid import UUID

import reflex as rx

from paya_app import banking, risk
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.errors import PayaError, ServiceUnavailable
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents
from paya_app.web.banks import confirmed_banks
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
from paya_app.web.forms import read_id
from paya_app.web.transferring import TransferOrder, Transferring
from paya_app.web.viewer import admit, query_value


class CashOutState(Transferring, rx.State):
    """`step` is empty until known, then `unlinked`, `early`, `amount` or `choose`."""

    place: ClassVar[str] = "/cash-out/"
    ask_again: ClassVar[str] = "Not cashed out. Nothing left your wallet. Check the transfer once more, and confirm it."

    available: str = ""
    all_cents: int = 0
    most_words: str = ""
    nothing: str = ""
    opens_at: str = ""
    is_empty: bool = True
    paid_at: str = ""
    remains: str = ""
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
                return rx.redirect(f"{self.place}?id={new_id()}", replace=True)
            if await banking.redemption(actor, redemption_id) is not None:
                return rx.redirect(f"/activity/{redemption_id}/", replace=True)
            self.reviewing, self._order = False, None
            if str(redemption_id) != self.transfer_id:
                self.reset()
                self.transfer_id = str(redemption_id)
            # a refusal leads here under a new id of ours, and its sentence stays
            await self._load(actor, self._source)
        except PayaError as error:
            self.fault = error.message
        return None

    async def _begin(self, actor: Actor, order: TransferOrder) -> None:
        await banking.start_redemption(
            actor, redemption_id=order.transfer_id, source_id=order.source_id, amount_cents=order.amount_cents
        )

    def _show_review(self, order: TransferOrder) -> None:
        self.remains = format_cents(max(0, self._available_cents - order.amount_cents))
        super()._show_review(order)

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
        self._show_week(limits.week_used_cents, limits.week_max_cents)
        self.more_at = limits.more_at.isoformat() if limits.more_at else ""
        self.resets_at = limits.resets_at.isoformat() if limits.resets_at else ""


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
            current_id=CashOutState.transfer_id,
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
