"""`/add`: a bank account, its confirmation, and money from it.

The load's id lives in the address (`?id=`), so that reload, a second click and a killed server make one load.
"""

from datetime import timedelta
from typing import ClassVar
from uuid import UUID

import reflex as rx

from paya_app import banking
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.config import settings
from paya_app.core.errors import PayaError, ServiceUnavailable
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents
from paya_app.web.bank_linking import LinkingByNumbers
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
from paya_app.web.forms import read_id
from paya_app.web.transferring import TransferOrder
from paya_app.web.viewer import admit, query_value

LOADS_MAX = 50
BY_NUMBER = "number"  # in the address: the account is typed in, whatever else there is
WEEK = timedelta(days=7)


class AddState(LinkingByNumbers, rx.State):
    """`step` is empty until known, then `link`, `bank`, `confirm`, `closed`, `amount` or `choose`."""

    place: ClassVar[str] = "/add/"
    ask_again: ClassVar[str] = "Not added. No money was moved. Check the transfer once more, and confirm it."

    limit: str = ""
    arrives_at: str = ""
    held: str = ""

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
            self.reviewing, self._order = False, None
            if str(load_id) != self.transfer_id:
                self.reset()
                self.transfer_id = str(load_id)
            # a refusal leads here under a new id of ours, and its sentence and the bank stay
            await self._load(actor, chosen=read_id(query_value(self, "bank")) or self._source)
            if query_value(self, "by") == BY_NUMBER and self.step != "confirm":
                self.step = "bank"
        except PayaError as error:
            self.fault = error.message
        return None

    async def _begin(self, actor: Actor, order: TransferOrder) -> None:
        await banking.start_load(
            actor, load_id=order.transfer_id, source_id=order.source_id, amount_cents=order.amount_cents
        )

    async def _load(self, actor: Actor, chosen: UUID | None = None) -> None:
        self.form_fault = ""
        sources, limits = await banking.sources(actor), await banking.load_limits(actor)
        self._hint()
        if limits is None:
            raise ServiceUnavailable
        self.least_cents, self.most_cents = limits.single_min_cents, limits.left_cents
        has_room = limits.left_cents >= limits.single_min_cents
        self.limit = f"up to {format_cents(limits.left_cents)} now · no fee"
        self.resets_at = await _more_at(actor, limits) if limits.week_used_cents else ""
        self.more_at = "" if has_room else self.resets_at
        self._show_week(limits.week_used_cents, limits.week_max_cents)
        self.single_max = format_cents(min(limits.single_max_cents, limits.week_max_cents))
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
            current_id=AddState.transfer_id,
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
