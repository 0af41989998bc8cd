"""A bank account by its numbers, on the way to moving money: it is typed in, and two small deposits confirm it."""

from typing import Any
from uuid import UUID

import reflex as rx

from paya_app import banking
from paya_app.core.errors import PayaError
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents
from paya_app.web.bank_forms import AmountsForm, BankForm
from paya_app.web.banks import source_name
from paya_app.web.forms import read, read_text
from paya_app.web.transferring import SERVER_TROUBLE, Transferring
from paya_app.web.viewer import signed_in

TRIES = {1: "One try left.", 2: "Two tries left."}


class LinkingByNumbers(Transferring, mixin=True):
    """Adds the steps `link`, `bank`, `confirm` and `closed`."""

    form_fault: str = ""
    holder_fault: str = ""
    routing_fault: str = ""
    account_fault: str = ""
    bank_hint: str = ""
    amounts_hint: str = ""
    kind: str = "checking"
    tries: str = ""
    _new_source: UUID | None = None

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

    def _show(self, source: banking.Source) -> None:
        self._source, self.bank = source.id, source_name(source)
        self.tries = TRIES.get(source.tries_left, "")
        if source.is_closed:
            self.step = "closed"
        else:
            self.step = "amount" if source.state == "verified" else "confirm"

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
