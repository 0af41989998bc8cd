"""`/save/new`: a plan, from its amount to its first three buys.

The plan's id lives in the address (`?id=`), so that reload, a second click and a killed server make one plan.
What is confirmed comes back with the press, as the page showed it; where that is not what was reviewed here,
nothing is saved.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import reflex as rx

from paya_app import savings, wallet
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.errors import PayaError, RequestInvalid
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents
from paya_app.web.banks import BankChoice, confirmed_banks, name_in
from paya_app.web.components.asked_for import asked_for
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.next_buys import BuyAhead
from paya_app.web.components.plan_form import plan_form
from paya_app.web.components.plan_review import plan_review
from paya_app.web.components.provider_banner import provider_banner
from paya_app.web.components.skeleton import bone, waiting
from paya_app.web.forms import read, read_id
from paya_app.web.plan_links import asked_order
from paya_app.web.plan_orders import PlanOrder, buys_ahead, new_terms
from paya_app.web.plans import fee_words, promise, rest_words
from paya_app.web.reviewing import Reviewing, is_confirmed
from paya_app.web.viewer import admit, query_value, signed_in

ASK_AGAIN = "Not saved. Nothing was bought, and your money is where it was. Check the plan once more, and confirm it."


@dataclass
class PlanShown:
    """What is about to be saved, as the server understood it; the press that confirms brings it back."""

    plan_id: str = ""
    amount: str = ""
    promise: str = ""
    rest: str = ""
    fee: str = ""


@dataclass(frozen=True)
class _Order:
    plan_id: UUID
    terms: savings.Terms
    bank: str
    fee: str

    def review(self) -> PlanShown:
        terms = self.terms
        return PlanShown(
            str(self.plan_id),
            format_cents(terms.amount_cents),
            promise(terms),
            rest_words(terms, self.bank),
            self.fee,
        )


class NewPlanState(Reviewing, rx.State):
    """The plan that is being written; `initial` is what its form begins with."""

    ready: bool = False
    plan_id: str = ""
    former_id: str = ""
    initial: rx.Field[dict[str, str]] = rx.field(default_factory=dict)
    banks: rx.Field[list[BankChoice]] = rx.field(default_factory=list)
    lead: int = 1
    hint: str = ""
    review: rx.Field[PlanShown] = rx.field(default_factory=PlanShown)
    ahead: rx.Field[list[BuyAhead]] = rx.field(default_factory=list)
    _order: _Order | None = None

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Give the page its id, or show the plan that has it."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            asked = asked_order(lambda name: query_value(self, name))
            plan_id = read_id(query_value(self, "id"))
            if plan_id is None:
                return _address(new_id(), asked)
            if await savings.plan(actor, plan_id) is not None:
                return rx.redirect(f"/save/{plan_id}/", replace=True)
            self.reviewing, self._order = False, None
            if str(plan_id) != self.plan_id:
                self.reset()
                self.plan_id = str(plan_id)
            self.initial = asked
            self.banks, self.lead = await confirmed_banks(actor), await savings.lead_needed(actor)
            balance = await wallet.balance(actor)
            self.hint = f"each time · {format_cents(balance.available_cents)} in your wallet"
            self.ready = True
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    def leave(self) -> None:
        """Forget what was being written."""
        self.reset()

    @rx.event
    async def ask_review(self, order: dict[str, Any]) -> None:
        """Read the plan strictly and show what will happen."""
        self.fault = ""
        try:
            actor = await signed_in(self)
            plan_id = read_id(self.plan_id or query_value(self, "id"))
            if plan_id is None:
                raise RequestInvalid(sentence=ASK_AGAIN)
            moment = now()
            terms = new_terms(read(PlanOrder, order), moment)
            self.ahead = buys_ahead(terms, moment, is_new=True)
            fee = fee_words(await savings.fee_terms(actor), terms.amount_cents)
            bank = name_in(await confirmed_banks(actor), terms.source_id)
            self._order = _Order(plan_id, terms, bank, fee)
            self.review, self.reviewing = self._order.review(), True
        except PayaError as error:
            self._refuse(error.message)
        finally:
            self.settled += 1

    @rx.event
    async def submit(self, shown: dict[str, Any]) -> rx.event.EventSpec | None:
        """Save what was reviewed, when it is what the page showed, and show the plan."""
        self.settled += 1
        order = self._order
        try:
            actor = await signed_in(self)
            if not is_confirmed(order, shown):
                self._refuse(ASK_AGAIN)
                return None
            plan = await savings.create(actor, plan_id=order.plan_id, terms=order.terms)
        except savings.PlanKeyReused as error:
            self._refuse(error.message)
            self._order, self.former_id, self.plan_id = None, self.plan_id, str(new_id())
            return _address(UUID(self.plan_id), {})
        except PayaError as error:
            self._refuse(error.message)
            return None
        self.reset()
        return rx.redirect(f"/save/{plan.id}/?new=1", replace=True)


def _address(plan_id: UUID, asked: dict[str, str]) -> rx.event.EventSpec:
    return rx.redirect(f"/save/new/?{urlencode({'id': plan_id} | asked)}", replace=True)


def page() -> rx.Component:
    """The page."""
    return frame(
        provider_banner("kraken"),
        asked_for(
            rx.cond(
                NewPlanState.ready,
                plan_form(
                    initial=NewPlanState.initial,
                    banks=NewPlanState.banks,
                    lead=NewPlanState.lead,
                    hint=NewPlanState.hint,
                    fault=NewPlanState.fault,
                    settled=NewPlanState.settled,
                    on_review=NewPlanState.ask_review,
                ),
                notice(NewPlanState.fault),
            ),
            waiting=waiting(
                rx.el.div(bone("180px", "56px", "mx-auto"), bone("100%", "52px", "mt-8"), class_name="card p-6"),
                rx.el.div(bone("100%", "92px"), bone("100%", "52px", "mt-5"), class_name="card p-6 mt-3"),
            ),
            ready=NewPlanState.ready | (NewPlanState.fault != ""),
            current_id=NewPlanState.plan_id,
            former_id=NewPlanState.former_id,
        ),
        plan_review(NewPlanState, title="Check and start", verb="Start this plan", busy_label="Starting …"),
        title="New plan",
        active="save",
        back="/save/",
        bar=False,
        wide=True,
        on_unmount=NewPlanState.leave,
    )
