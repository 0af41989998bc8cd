"""`/save/[plan]`: one plan: its next three buys, what it says, what became of the buys before, and its history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.errors import NotFound, PayaError, RequestInvalid
from paya_app.core.money import format_cents
from paya_app.web.banks import confirmed_banks, name_in
from paya_app.web.components.field import notice
from paya_app.web.components.focus_title import focus_title
from paya_app.web.components.frame import frame
from paya_app.web.components.live_hint import LiveHint
from paya_app.web.components.next_buys import BuyAhead
from paya_app.web.components.only_for import only_for
from paya_app.web.components.plan_past import PastBuy
from paya_app.web.components.plan_view import plan_none, plan_view
from paya_app.web.components.provider_banner import provider_banner
from paya_app.web.components.skeleton import bone, bone_section, waiting
from paya_app.web.forms import read, read_flag, read_id, read_text
from paya_app.web.plan_buys import buy_words, spent_words
from paya_app.web.plan_history import HistoryRow, history_row
from paya_app.web.plan_orders import buy_ahead
from paya_app.web.plan_questions import Answer, Question, carry_out, question_of
from paya_app.web.plans import (
    STATE_TONES,
    STATES,
    conditions,
    fee_words,
    moment_words,
    rhythm,
    why_it_stands,
    zone_words,
)
from paya_app.web.viewer import admit, query_value, signed_in

ELSEWHERE = "The page had gone on to another plan. Nothing was changed: choose again."
PAGE = 20  # buys shown at once
HISTORY_PAGE = 10


@dataclass
class Line:
    """One thing that the plan says."""

    label: str
    words: str


class PlanState(rx.State):
    """One plan, the one that `shown` names. `kind` is empty until it is known, then `plan` or `none`.

    `due_at` is when the next buy begins, ISO 8601. `earlier` and `older` are where the buys and the history shown go
    on, or empty at their end.
    """

    shown: str = ""
    kind: str = ""
    fault: str = ""
    said: str = ""
    is_new: bool = False
    title: str = ""
    state: str = ""
    amount: str = ""
    rhythm: str = ""
    zone: str = ""
    chip: str = ""
    chip_tone: str = ""
    why: str = ""
    spent: str = ""
    fee: str = ""
    due_at: str = ""
    ahead: rx.Field[list[BuyAhead]] = rx.field(default_factory=list)
    lines: rx.Field[list[Line]] = rx.field(default_factory=list)
    past: rx.Field[list[PastBuy]] = rx.field(default_factory=list)
    earlier: str = ""
    is_earlier: bool = False
    told: rx.Field[list[HistoryRow]] = rx.field(default_factory=list)
    older: str = ""
    is_older: bool = False
    asking: bool = False
    question: rx.Field[Question] = rx.field(default_factory=Question)
    settled: int = 0
    _before: datetime | None = None
    _before_event: int | None = None

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Load it; what belongs to others is not there."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            self._begin()
            self.is_new, self.said, self.asking = query_value(self, "new") == "1", "", False
            await self._load(actor)
            if self.is_new and self.ahead:
                self.said = f"Started. The first buy is on {self.ahead[0].words}, {self.ahead[0].zone}."
        except NotFound as error:
            self.kind, self.title, self.fault = "none", "Not found", error.message
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def refresh(self) -> None:
        """Something changed: read it again."""
        await self._read_again()

    @rx.event
    async def show_more(self) -> None:
        """The buys before those that are shown."""
        self._before = datetime.fromisoformat(self.earlier) if self.earlier else None
        await self._read_again()

    @rx.event
    async def show_newest(self) -> None:
        """The latest buys again."""
        self._before = None
        await self._read_again()

    @rx.event
    async def show_older(self) -> None:
        """The history before what is shown."""
        self._before_event = int(self.older) if self.older else None
        await self._read_again()

    @rx.event
    async def show_latest(self) -> None:
        """The latest of the history again."""
        self._before_event = None
        await self._read_again()

    @rx.event
    async def ask(self, verb: str, item: str) -> None:
        """Show what skipping, pausing, resuming or ending the plan that was looked at means, before it is done."""
        self.said = ""
        try:
            actor = await signed_in(self)
            verb, plan = read_text(verb), await self._plan(actor, read_text(item))
            await self._show(actor, plan)
            self.question, self.asking = question_of(verb, plan), True
        except PayaError as error:
            self.fault = error.message

    @rx.event
    def set_asking(self, wanted: bool) -> None:  # noqa: FBT001 - an event's argument
        """Put the question away. It is opened by `ask` alone."""
        try:
            if not read_flag(wanted):
                self.asking = False
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def act(self, asked: dict[str, Any]) -> None:
        """Do what was asked, once."""
        self.settled += 1
        try:
            answer = read(Answer, asked)
            actor = await signed_in(self)
            plan, key = await self._plan(actor, answer.plan), read_id(answer.key)
            if key is None:
                raise RequestInvalid
            await carry_out(actor, plan.id, answer, key)
            await self._load(actor)
            self.said = self._outcome(answer.verb)
        except PayaError as error:
            self.fault = error.message
        finally:
            self.asking = False

    async def _read_again(self) -> None:
        """Load it, from where the buys and the history stand; from their beginning where the page has gone on."""
        try:
            actor = await signed_in(self)
            self._begin()
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message

    def _begin(self) -> None:
        """Forget what is of another address."""
        if self.shown != self._wanted():
            self.reset()
            self.shown = self._wanted()

    def _wanted(self) -> str:
        return str(self.plan)[:64]  # pyright: ignore[reportAttributeAccessIssue] - Reflex adds the route's segment

    async def _plan(self, actor: Actor, item: str) -> savings.Plan:
        """The plan that was looked at, while the page is still at it."""
        if item != self._wanted():
            raise RequestInvalid(sentence=ELSEWHERE)
        self._begin()
        plan_id = read_id(item)
        plan = await savings.plan(actor, plan_id) if plan_id else None
        if plan is None:
            raise NotFound(what="plan")
        return plan

    async def _load(self, actor: Actor) -> None:
        plan = await self._plan(actor, self._wanted())
        banks = await self._show(actor, plan)
        zone, moment = plan.terms.schedule.zone, now()
        buys = await savings.buys(actor, plan.id, before=self._before)
        begun = [buy for buy in buys if buy.state != "scheduled" or buy.due_at <= moment]
        self.past = [_past(buy, zone, moment) for buy in begun[:PAGE]]
        self.earlier = begun[PAGE - 1].due_at.isoformat() if len(begun) > PAGE else ""
        self.is_earlier = self._before is not None
        events = await savings.history(actor, plan.id, before=self._before_event, limit=HISTORY_PAGE + 1)
        self.told = [history_row(event, zone, moment, banks) for event in events[:HISTORY_PAGE]]
        self.older = str(events[HISTORY_PAGE - 1].id) if len(events) > HISTORY_PAGE else ""
        self.is_older = self._before_event is not None

    async def _show(self, actor: Actor, plan: savings.Plan) -> dict[str, str]:
        """Show what it says now; the names of the person's banks by their ids."""
        terms, moment = plan.terms, now()
        self.kind, self.fault, self.title, self.state = "plan", "", terms.name, plan.state
        self.amount, self.rhythm = format_cents(terms.amount_cents), rhythm(terms.schedule)
        self.zone = zone_words(terms.schedule.zone)
        self.chip, self.chip_tone, self.why = STATES[plan.state], STATE_TONES[plan.state], why_it_stands(plan)
        self.spent = format_cents(plan.spent_cents)
        self.ahead = [buy_ahead(buy.due_at, terms, buy.amount_cents, moment) for buy in plan.next_buys]
        self.due_at = self.ahead[0].at if self.ahead else ""
        fee = fee_words(await savings.fee_terms(actor), terms.amount_cents)
        self.fee = fee if self.ahead else ""
        banks = await confirmed_banks(actor)
        self.lines = [Line(label, words) for label, words in conditions(terms, name_in(banks, terms.source_id))]
        return {bank.id: bank.name for bank in banks}

    def _outcome(self, verb: str) -> str:
        """What was done, and what comes next."""
        ahead = f" The next buy is on {self.ahead[0].words}, {self.ahead[0].zone}." if self.ahead else ""
        match verb:
            case "skip":
                return f"Skipped. Nothing leaves your wallet for it.{ahead}"
            case "resume":
                return f"Resumed.{ahead}"
            case _:
                return ""  # the chip and the sentence under it say it


def _past(buy: savings.Buy, zone: str, moment: datetime) -> PastBuy:
    what, why = buy_words(buy, moment)
    return PastBuy(buy.due_at.isoformat(), moment_words(buy.due_at, zone, moment), what, why, spent_words(buy))


def page() -> rx.Component:
    """The page."""
    return frame(
        LiveHint.create(on_change=PlanState.refresh, active=True),
        provider_banner("kraken"),
        _only(
            rx.fragment(
                focus_title(PlanState.is_new & (PlanState.kind != "")),
                rx.match(
                    PlanState.kind, ("plan", plan_view(PlanState)), ("none", plan_none(PlanState.fault)), _waiting()
                ),
            ),
            _waiting(),
        ),
        title=_only(rx.fragment(rx.cond(PlanState.title != "", PlanState.title, "Plan")), rx.fragment("Plan")),
        active="save",
        back="/save/",
    )


def _only(content: rx.Component, bones: rx.Component) -> rx.Component:
    return only_for("plan", PlanState.shown, content, bones)


def _waiting() -> rx.Component:
    return rx.el.div(
        _only(rx.fragment(notice(PlanState.fault)), rx.fragment()),
        waiting(
            rx.el.div(bone("180px", "48px", "mx-auto"), bone("220px", "20px", "mx-auto mt-3"), class_name="card p-6"),
            bone_section(3),
        ),
    )
