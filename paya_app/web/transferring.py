"""What adding money and cashing out have in common: a bank, an amount, its review, and what is begun once.

The transfer's id lives in the address (`?id=`), so that reload, a second click and a killed server make one. After a
refusal the page goes on under a new id; where the outcome is unknown it keeps the old one: trying again is safe.
"""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import reflex as rx

from paya_app.core.actor import Actor
from paya_app.core.errors import AmountInvalid, PayaError, RequestInvalid, SignedOut
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents, parse_cents
from paya_app.web.banks import BankChoice
from paya_app.web.forms import read_id, read_text
from paya_app.web.limits import week_words
from paya_app.web.reviewing import Reviewing, is_confirmed
from paya_app.web.viewer import query_value, signed_in

SERVER_TROUBLE = 500


@dataclass
class TransferShown:
    """What is about to be moved, as the server understood it; the press that confirms brings it back."""

    transfer_id: str = ""
    source_id: str = ""
    amount: str = ""


@dataclass(frozen=True)
class TransferOrder:
    """What was understood: so many US cents, from or to this bank, once under this id."""

    transfer_id: UUID
    source_id: UUID
    amount_cents: int

    def review(self) -> TransferShown:
        """As the page shows it."""
        return TransferShown(str(self.transfer_id), str(self.source_id), format_cents(self.amount_cents))


class Transferring(Reviewing, mixin=True):
    """`step` is empty until known, then one of the page's own, `amount` or `choose`. Times are ISO 8601.

    A page says how it loads, what it begins, and where it is.
    """

    place: ClassVar[str]
    ask_again: ClassVar[str]

    step: str = ""
    transfer_id: str = ""
    former_id: str = ""
    bank: str = ""
    banks: rx.Field[list[BankChoice]] = rx.field(default_factory=list)
    least_cents: int = 0
    most_cents: int = 0
    more_at: str = ""
    resets_at: str = ""
    single_max: str = ""
    week_left: str = ""
    week_used: str = ""
    week_max: str = ""
    week_percent: int = 0
    review: rx.Field[TransferShown] = rx.field(default_factory=TransferShown)
    _source: UUID | None = None
    _order: TransferOrder | None = None

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
        """Go on with one of the banks that are offered."""
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
            transfer_id = read_id(self.transfer_id or query_value(self, "id"))
            if cents <= 0:
                raise AmountInvalid(sentence="Choose an amount above $0.00.")
            if transfer_id is None or self._source is None:
                raise RequestInvalid(sentence=self.ask_again)
            self._order = TransferOrder(transfer_id, self._source, cents)
            self._show_review(self._order)
        except PayaError as error:
            self._refuse(error.message)

    @rx.event
    async def submit(self, shown: dict[str, Any]) -> rx.event.EventSpec | None:
        """Begin what was reviewed, when it is what the page showed, and show its stages."""
        self.settled += 1
        order = self._order
        try:
            actor = await signed_in(self)
            if not is_confirmed(order, shown):
                self._refuse(self.ask_again)
                return None
            await self._begin(actor, order)
        except SignedOut as error:
            self._refuse(error.message)
            return None
        except PayaError as error:
            self._refuse(error.message)
            if error.status >= SERVER_TROUBLE or order is None:
                return None
            self._order, self.former_id, self.transfer_id = None, self.transfer_id, str(new_id())
            return rx.redirect(f"{self.place}?id={self.transfer_id}", replace=True)
        self.reset()
        return rx.redirect(f"/activity/{order.transfer_id}/?new=1", replace=True)

    async def _load(self, actor: Actor, chosen: UUID | None = None) -> None:
        """Show the step that is next, with the bank that was chosen or the one that is nearest."""
        raise NotImplementedError

    async def _begin(self, actor: Actor, order: TransferOrder) -> None:
        """Move what was reviewed, once under its id."""
        raise NotImplementedError

    def _show_review(self, order: TransferOrder) -> None:
        self.review, self.reviewing = order.review(), True

    def _show_week(self, used_cents: int, max_cents: int) -> None:
        self.week_left, self.week_used, self.week_max, self.week_percent = week_words(used_cents, max_cents)
