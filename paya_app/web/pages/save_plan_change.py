"""`/save/[plan]/change`: what a plan says, changed; a buy that has begun goes on as it was.

The change's key lives in the address (`?id=`), so that reload, a second click and a killed server change it once.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import reflex as rx

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.errors import NotFound, PayaError, RequestInvalid
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents
from paya_app.web.banks import BankChoice, confirmed_banks, name_in
from paya_app.web.components.asked_for import asked_for
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.next_buys import BuyAhead
from paya_app.web.components.only_for import only_for
from paya_app.web.components.plan_form import plan_form
from paya_app.web.components.plan_review import plan_review
from paya_app.web.components.plan_view import plan_none
from paya_app.web.components.skeleton import bone, waiting
from paya_app.web.forms import read, read_id
from paya_app.web.plan_orders import PlanOrder, buys_ahead, changed_terms, changes_between, order_of
from paya_app.web.plans import fee_words, promise, rest_words
from paya_app.web.reviewing import Reviewing, is_confirmed
from paya_app.web.viewer import admit, query_value, signed_in

ASK_AGAIN = "Not changed. The plan goes on as it was. Check the change once more, and confirm it."


@dataclass
class ChangeShown:
    """What is about to be changed, as the server understood it; the press that confirms brings it back."""

    plan_id: str = ""
    key: str = ""
    name: str = ""
    amount: str = ""
    promise: str = ""
    rest: str = ""
    fee: str = ""


@dataclass(frozen=True)
class _Change:
    plan_id: UUID
    key: UUID
    terms: savings.Terms
    changes: dict[str, Any]
    bank: str
    fee: str

    def review(self) -> ChangeShown:
        return ChangeShown(
            str(self.plan_id),
            str(self.key),
            self.terms.name,
            format_cents(self.terms.amount_cents),
            promise(self.terms),
            rest_words(self.terms, self.bank),
            self.fee,
        )


class ChangePlanState(Reviewing, rx.State):
    """The plan that `shown` names, being changed. `kind` is empty until it is known, then `plan` or `none`."""

    shown: str = ""
    kind: str = ""
    key: str = ""
    former_key: str = ""
    initial: rx.Field[dict[str, str]] = rx.field(default_factory=dict)
    banks: rx.Field[list[BankChoice]] = rx.field(default_factory=list)
    lead: int = 1
    review: rx.Field[ChangeShown] = rx.field(default_factory=ChangeShown)
    ahead: rx.Field[list[BuyAhead]] = rx.field(default_factory=list)
    _change: _Change | None = None

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Give the change its key, and load the plan; what belongs to others is not there."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            key = read_id(query_value(self, "id"))
            if key is None:
                return self._address(new_id())
            if (self.shown, self.key) != (self._wanted(), str(key)):
                self.reset()
                self.shown, self.key = self._wanted(), str(key)
            self.reviewing, self._change = False, None
            plan = await self._plan(actor)
            if plan.state == "ended":
                return rx.redirect(f"/save/{plan.id}/", replace=True)
            self.banks, self.lead = await confirmed_banks(actor), await savings.lead_needed(actor)
            self.initial, self.kind = order_of(plan.terms), "plan"
        except NotFound as error:
            self.kind, self.fault = "none", error.message
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    def leave(self) -> None:
        """Forget what was being changed."""
        self.reset()

    @rx.event
    async def ask_review(self, order: dict[str, Any]) -> None:
        """Read the plan strictly and show what will happen then."""
        self.fault = ""
        try:
            actor = await signed_in(self)
            plan, key = await self._plan(actor), read_id(self.key or query_value(self, "id"))
            if key is None:
                raise RequestInvalid(sentence=ASK_AGAIN)
            terms = changed_terms(plan, read(PlanOrder, order))
            changes = changes_between(plan.terms, terms)
            if not changes:
                raise RequestInvalid(sentence="Nothing is different yet: the plan already says this.")
            self.ahead = await self._ahead(actor, plan, terms)
            fee = fee_words(await savings.fee_terms(actor), terms.amount_cents)
            bank = name_in(await confirmed_banks(actor), terms.source_id)
            self._change = _Change(plan.id, key, terms, changes, bank, fee)
            self.review, self.reviewing = self._change.review(), True
        except PayaError as error:
            self._refuse(error.message)
        finally:
            self.settled += 1

    @rx.event
    async def submit(self, shown: dict[str, Any]) -> rx.event.EventSpec | None:
        """Change what was reviewed, when it is what the page showed, and show the plan."""
        self.settled += 1
        change = self._change
        try:
            actor = await signed_in(self)
            if not is_confirmed(change, shown):
                self._refuse(ASK_AGAIN)
                return None
            plan = await savings.change(actor, change.plan_id, key=change.key, changes=change.changes)
        except savings.PlanKeyReused as error:
            self.reviewing, self.fault, self._change = False, error.message, None
            self.former_key, self.key = self.key, str(new_id())
            return self._address(UUID(self.key))
        except PayaError as error:
            self._refuse(error.message)
            return None
        self.reset()
        return rx.redirect(f"/save/{plan.id}/", replace=True)

    def _wanted(self) -> str:
        return str(self.plan)[:64]  # pyright: ignore[reportAttributeAccessIssue] - Reflex adds the route's segment

    def _address(self, key: UUID) -> rx.event.EventSpec:
        plan_id = read_id(self._wanted())
        return rx.redirect(f"/save/{plan_id or 'none'}/change/?id={key}", replace=True)

    async def _ahead(self, actor: Actor, plan: savings.Plan, terms: savings.Terms) -> list[BuyAhead]:
        """The next three under these terms: what was skipped stays skipped."""
        moment = now()
        ahead = [buy for buy in await savings.buys(actor, plan.id) if buy.due_at > moment]
        skipped = {buy.due_at for buy in ahead if buy.state == "skipped"}
        return buys_ahead(terms, moment, skipped=skipped, spent_cents=plan.spent_cents)

    async def _plan(self, actor: Actor) -> savings.Plan:
        plan_id = read_id(self._wanted())
        plan = await savings.plan(actor, plan_id) if plan_id else None
        if plan is None:
            raise NotFound(what="plan")
        return plan


def page() -> rx.Component:
    """The page."""
    state = ChangePlanState
    return frame(
        only_for(
            "plan",
            state.shown,
            asked_for(
                rx.match(
                    state.kind,
                    (
                        "plan",
                        plan_form(
                            initial=state.initial,
                            banks=state.banks,
                            lead=state.lead,
                            hint="each time; a buy that has begun goes on as it was",
                            fault=state.fault,
                            settled=state.settled,
                            on_review=state.ask_review,
                            verb="Review the change",
                        ),
                    ),
                    ("none", plan_none(state.fault)),
                    notice(state.fault),
                ),
                waiting=_waiting(),
                ready=(state.kind != "") | (state.fault != ""),
                current_id=state.key,
                former_id=state.former_key,
            ),
            _waiting(),
        ),
        plan_review(state, title="Check the change", verb="Change it", busy_label="Changing …", back="Go on editing"),
        title="Change the plan",
        active="save",
        back="/save/" + state.shown + "/",
        bar=False,
        wide=True,
        on_unmount=state.leave,
    )


def _waiting() -> rx.Component:
    return waiting(
        rx.el.div(bone("180px", "56px", "mx-auto"), bone("100%", "52px", "mt-8"), class_name="card p-6"),
        rx.el.div(bone("100%", "92px"), bone("100%", "52px", "mt-5"), class_name="card p-6 mt-3"),
    )
