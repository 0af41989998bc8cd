"""`/save/withdraw`: addresses of one's own, sending bitcoin to one, and what became of it.

The withdrawal's id lives in the address (`?id=`), so that reload, a second click and a killed server make one. What
is confirmed comes back with the press, as the page showed it; where that is not what was reviewed here, nothing moves.
"""

from typing import Any
from uuid import UUID

import reflex as rx

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, PayaError, RequestInvalid
from paya_app.core.ids import new_id
from paya_app.web.components.asked_for import asked_for
from paya_app.web.components.due import Due
from paya_app.web.components.frame import frame
from paya_app.web.components.live_hint import LiveHint
from paya_app.web.components.provider_banner import provider_banner
from paya_app.web.components.skeleton import bone, waiting
from paya_app.web.components.timeline import StageRow
from paya_app.web.components.withdraw_form import address_form, addresses_list, amount_form_of, past_list, review_of
from paya_app.web.components.withdraw_receipt import receipt_card
from paya_app.web.forms import read, read_id, read_text
from paya_app.web.reviewing import Reviewing, is_confirmed
from paya_app.web.viewer import admit, query_value, signed_in
from paya_app.web.withdrawal_orders import AmountForm, NewAddress, WithdrawalOrder, WithdrawalShown
from paya_app.web.withdrawals import (
    AddressRow,
    WithdrawalReceipt,
    WithdrawalRow,
    address_row,
    limits_words,
    plain_btc,
    read_btc,
    receipt_of,
    stages_of,
    withdrawal_row,
)

ASK_AGAIN = "Nothing was sent: your bitcoin is where it was. Check the withdrawal once more, and confirm it."


class WithdrawState(Reviewing, rx.State):
    """`chosen` is the address that the amount is for; with a receipt the page shows that alone."""

    ready: bool = False
    label_fault: str = ""
    address_fault: str = ""
    withdrawal_id: str = ""
    former_id: str = ""
    available: str = ""
    prefilled: str = ""
    taken: int = 0
    limits: str = ""
    wait_hours: int = 24
    added: int = 0
    addresses: rx.Field[list[AddressRow]] = rx.field(default_factory=list)
    past: rx.Field[list[WithdrawalRow]] = rx.field(default_factory=list)
    chosen: str = ""
    chosen_label: str = ""
    review: rx.Field[WithdrawalShown] = rx.field(default_factory=WithdrawalShown)
    is_receipt: bool = False
    receipt: rx.Field[WithdrawalReceipt] = rx.field(default_factory=WithdrawalReceipt)
    stages: rx.Field[list[StageRow]] = rx.field(default_factory=list)
    due_at: str = ""
    _order: WithdrawalOrder | None = None
    _address_id: UUID | None = None

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Give the page its id, or show the withdrawal that has it."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            withdrawal_id = read_id(query_value(self, "id"))
            if withdrawal_id is None:
                return _address(new_id())
            if str(withdrawal_id) != self.withdrawal_id:
                self.reset()
                self.withdrawal_id = str(withdrawal_id)
            self.reviewing, self._order = False, None
            self.fault = self.label_fault = self.address_fault = ""
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    def leave(self) -> None:
        """Forget what was being done."""
        self.reset()

    @rx.event
    async def refresh(self) -> None:
        """Something may have changed: read it again."""
        try:
            await self._load(await signed_in(self))
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def add_address(self, form: dict[str, Any]) -> None:
        """Add an address; it waits from now on."""
        self.label_fault = self.address_fault = ""
        try:
            actor = await signed_in(self)
            typed = read(NewAddress, form)
            self._address_id = self._address_id or new_id()
            await savings.add_address(actor, address_id=self._address_id, label=typed.label, address=typed.address)
            self._address_id = None
            self.added += 1
            await self._load(actor)
        except savings.AddressKeyReused as error:
            self._address_id, self.address_fault = None, error.message
        except savings.AddressLabelInvalid as error:
            self.label_fault = error.message
        except PayaError as error:
            self.address_fault = error.message
        self.settled += 1

    @rx.event
    async def drop_address(self, address_id: str) -> None:
        """Remove an address at once."""
        self.address_fault = ""
        try:
            actor = await signed_in(self)
            known = read_id(read_text(address_id))
            if known is None:
                raise NotFound(what="address")
            await savings.remove_address(actor, known)
            await self._load(actor)
        except PayaError as error:
            self.address_fault = error.message

    @rx.event
    async def choose_address(self, address_id: str) -> None:
        """The amount is for this address."""
        try:
            actor = await signed_in(self)
            known = await _usable(actor, read_id(read_text(address_id)))
            self.chosen, self.chosen_label, self.fault = str(known.id), known.label, ""
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def take_all(self) -> None:
        """Write all that may leave today into the field."""
        try:
            limits = await savings.withdrawal_limits(await signed_in(self))
            self.prefilled, self.fault = plain_btc(limits.at_most_sats), ""
            self.taken += 1
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def ask_review(self, form: dict[str, Any]) -> None:
        """Read the amount strictly, ask what the network takes, and show what will happen."""
        self.fault = ""
        try:
            actor = await signed_in(self)
            withdrawal_id = read_id(self.withdrawal_id or query_value(self, "id"))
            if withdrawal_id is None:
                raise RequestInvalid(sentence=ASK_AGAIN)
            address = await _usable(actor, read_id(self.chosen))
            limits = await savings.withdrawal_limits(actor)
            quantity_sats = read_btc(read(AmountForm, form).amount)
            if quantity_sats < limits.min_sats:
                raise savings.WithdrawalAmountInvalid(min_sats=limits.min_sats)
            if quantity_sats > limits.available_sats:
                raise savings.WithdrawalUncovered(available_sats=limits.available_sats)
            fee_sats = await savings.withdrawal_fee(actor, address_id=address.id, quantity_sats=quantity_sats)
            self._order = WithdrawalOrder(withdrawal_id, address, quantity_sats, fee_sats)
            self.review, self.reviewing = self._order.review(), True
        except PayaError as error:
            self._refuse(error.message)
        self.settled += 1

    @rx.event
    async def submit(self, shown: dict[str, Any]) -> rx.event.EventSpec | None:
        """Ask for what was reviewed, when it is what the page showed, and show what becomes of it."""
        self.settled += 1
        order = self._order
        try:
            actor = await signed_in(self)
            if not is_confirmed(order, shown):
                self._refuse(ASK_AGAIN)
                return None
            await savings.withdraw(
                actor,
                withdrawal_id=order.withdrawal_id,
                address_id=order.address.id,
                quantity_sats=order.quantity_sats,
                fee_sats_max=order.fee_sats,
            )
            self.reviewing, self._order = False, None
            await self._load(actor)
        except savings.WithdrawalKeyReused as error:
            self._refuse(error.message)
            self._order, self.former_id, self.withdrawal_id = None, self.withdrawal_id, str(new_id())
            return _address(UUID(self.withdrawal_id))
        except PayaError as error:
            self._refuse(error.message)
        return None

    async def _load(self, actor: Actor) -> None:
        known = read_id(self.withdrawal_id)
        found = await savings.withdrawal(actor, known) if known else None
        self.is_receipt = found is not None
        waits: list[str] = []
        if found is not None:
            self.receipt, self.stages = receipt_of(found), stages_of(found)
            waits = [] if found.ended_at else [found.created_at.isoformat()]
        else:
            limits = await savings.withdrawal_limits(actor)
            mine = await savings.addresses(actor)
            self.available = plain_btc(limits.available_sats)
            self.limits, self.wait_hours = limits_words(limits), limits.address_hours
            self.addresses = [address_row(each) for each in mine]
            self.past = [withdrawal_row(each) for each in await savings.withdrawals(actor)]
            usable = [each for each in mine if each.is_usable]
            if self.chosen not in {str(each.id) for each in usable}:
                only = usable[0] if len(usable) == 1 else None
                self.chosen, self.chosen_label = (str(only.id), only.label) if only else ("", "")
            waits = [each.usable_at.isoformat() for each in mine if not each.is_usable]
        self.due_at, self.ready = min(waits, default=""), True


async def _usable(actor: Actor, address_id: UUID | None) -> savings.Address:
    for each in await savings.addresses(actor):
        if each.id == address_id:
            if not each.is_usable:
                raise savings.AddressWaits(usable_at=each.usable_at.isoformat())
            return each
    raise NotFound(what="address")


def _address(withdrawal_id: UUID) -> rx.event.EventSpec:
    return rx.redirect(f"/save/withdraw/?id={withdrawal_id}", replace=True)


def page() -> rx.Component:
    """The page."""
    the = WithdrawState
    return frame(
        LiveHint.create(on_change=the.refresh, active=True),
        Due.create(at=the.due_at, on_due=the.refresh),
        provider_banner("kraken"),
        asked_for(
            rx.cond(
                the.is_receipt,
                receipt_card(the.receipt, the.stages),
                rx.fragment(
                    amount_form_of(the),
                    addresses_list(the),
                    address_form(the),
                    past_list(the),
                ),
            ),
            waiting=waiting(
                rx.el.div(bone("180px", "40px"), bone("100%", "52px", "mt-5"), class_name="card p-6"),
                rx.el.div(bone("100%", "92px"), class_name="card p-6 mt-3"),
            ),
            ready=the.ready | (the.fault != ""),
            current_id=the.withdrawal_id,
            former_id=the.former_id,
        ),
        review_of(the),
        title="Withdraw bitcoin",
        active="save",
        back="/save/",
        on_unmount=the.leave,
    )
