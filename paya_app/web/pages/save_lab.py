"""`/save/lab`: what a plan would have done, and a range of what may become of it, before it is made."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import reflex as rx

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.errors import PayaError
from paya_app.web import trials
from paya_app.web.components.button import secondary_link
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.lab_chart import ChartPoint, lab_chart
from paya_app.web.components.lab_form import lab_form
from paya_app.web.components.link import go
from paya_app.web.components.skeleton import bone, waiting
from paya_app.web.forms import Text, read, read_id
from paya_app.web.plan_links import link_to_make
from paya_app.web.plan_orders import PlanOrder, new_terms, order_of
from paya_app.web.trials import Ahead, Looked
from paya_app.web.viewer import admit, query_value, signed_in

SEED = 1  # the same plan shows the same range
_DAYS = re.compile(r"[0-9]{1,5}")


class Trial(PlanOrder):
    """A plan as the lab's form sends it, and how many days to look."""

    back_days: Text = ""
    ahead_days: Text = ""


@dataclass
class OwnPlan:
    """One of the viewer's plans, to begin with."""

    href: str
    name: str


class LabState(rx.State):
    """What was tried last; `initial` is what the form is filled with."""

    loaded: bool = False
    busy: bool = False
    fault: str = ""
    initial: rx.Field[dict[str, str]] = rx.field(default_factory=dict)
    plans: rx.Field[list[OwnPlan]] = rx.field(default_factory=list)
    is_tried: bool = False
    is_synthetic: bool = False
    make: str = ""
    looked: rx.Field[Looked] = rx.field(default_factory=Looked)
    past: rx.Field[list[ChartPoint]] = rx.field(default_factory=list)
    past_rests_on: rx.Field[list[str]] = rx.field(default_factory=list)
    ahead: rx.Field[Ahead] = rx.field(default_factory=Ahead)
    future: rx.Field[list[ChartPoint]] = rx.field(default_factory=list)
    future_rests_on: rx.Field[list[str]] = rx.field(default_factory=list)

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Only for oneself; with `?plan=` the form is filled with that one."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            self.reset()
            plans = await savings.plans(actor)
            self.plans = [OwnPlan(f"/save/lab/?plan={plan.id}", plan.terms.name) for plan in plans]
            chosen = read_id(query_value(self, "plan"))
            self.initial = next((order_of(plan.terms) for plan in plans if plan.id == chosen), {})
            self.loaded = True
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def run(self, order: dict[str, Any]) -> AsyncIterator[None]:
        """Try the plan on the days that are kept, and on futures drawn from them."""
        self.fault, self.busy = "", True
        yield
        try:
            await self._try(await signed_in(self), read(Trial, order))
        except PayaError as error:
            self.is_tried, self.fault = False, error.message
        finally:
            self.busy = False

    @rx.event
    def leave(self) -> None:
        """Forget what was tried."""
        self.reset()

    async def _try(self, actor: Actor, trial: Trial) -> None:
        moment = now()
        terms = new_terms(trial, moment)
        done = await savings.backtest(actor, terms, back_days=_days(trial.back_days))
        drawn = await savings.project(actor, terms, ahead_days=_days(trial.ahead_days), seed=SEED, now=moment)
        fee = await savings.fee_terms(actor)
        is_hourly = terms.schedule.frequency == "hourly"
        self.looked, self.past = trials.looked(done), trials.past_points(done)
        self.past_rests_on = trials.rests_on(done, fee_bps=fee.fee_bps, is_hourly=is_hourly)
        self.ahead, self.future = trials.ahead(drawn), trials.future_points(drawn)
        self.future_rests_on = trials.futures_rest_on(drawn)
        self.is_synthetic = done.is_synthetic or drawn.is_synthetic
        self.make, self.is_tried = link_to_make(terms), True


def _days(text: str) -> int:
    """How many days; what is no number is none."""
    return int(text) if _DAYS.fullmatch(text) else 0


def page() -> rx.Component:
    """The page."""
    return frame(
        rx.cond(
            LabState.loaded,
            rx.fragment(
                rx.el.p(
                    "See what a plan would have done, and what may become of it. No money is involved.",
                    class_name="m mx-1 mb-3",
                ),
                rx.cond(LabState.plans.length() > 0, _own_plans()),
                lab_form(initial=LabState.initial, fault=LabState.fault, busy=LabState.busy, on_try=LabState.run),
                rx.el.div(rx.cond(LabState.is_tried, _results()), aria_live="polite"),
            ),
            rx.cond(
                LabState.fault == "",
                waiting(rx.el.div(bone("100%", "52px"), bone("100%", "140px", "mt-5"), class_name="card p-6")),
                notice(LabState.fault),
            ),
        ),
        title="Try a plan",
        active="save",
        back="/save/",
        on_unmount=LabState.leave,
    )


def _own_plans() -> rx.Component:
    return rx.el.nav(
        rx.el.span("Begin with", class_name="s m"),
        rx.foreach(
            LabState.plans,
            lambda plan: go(plan.name, to=plan.href, class_name="link hit s"),
        ),
        aria_label="Begin with one of your plans",
        class_name="flex flex-wrap gap-x-4 gap-y-3 items-center mx-1 mb-4",
    )


def _results() -> rx.Component:
    return rx.el.div(
        rx.cond(
            LabState.is_synthetic,
            rx.el.div(
                notice(
                    "Synthetic prices: this exchange is a stand-in, and made them up. They say nothing about bitcoin.",
                    kind="warn",
                ),
                class_name="mt-6",
                id="synthetic",
            ),
        ),
        _back(),
        _ahead(),
        secondary_link("Make this plan", to=LabState.make, id="make", class_name="mt-4"),
        id="results",
    )


def _back() -> rx.Component:
    looked = LabState.looked
    return rx.el.section(
        rx.el.h2("What would have been", id="past-title", class_name="px-4 sm:px-6 pt-4"),
        rx.el.p(looked.days, class_name="s m num px-4 sm:px-6 mb-2"),
        rx.cond(
            looked.average != "",
            _bought(looked),
            rx.el.p("Nothing would have been bought.", id="nothing", class_name="px-4 sm:px-6 pt-1 pb-3 font-semibold"),
        ),
        rx.foreach(looked.skipped, lambda line: rx.el.p(line, class_name="s m px-4 sm:px-6 pb-3 num")),
        _rests_on(LabState.past_rests_on),
        aria_labelledby="past-title",
        class_name="card mt-6",
    )


def _bought(looked: Any) -> rx.Component:
    return rx.fragment(
        lab_chart(LabState.past, title="Spent and worth, looking back", worth="Worth"),
        _kv("Spent, with all fees", _whole(looked.spent)),
        _kv("Bought", rx.el.span(_whole(looked.btc), " in ", _whole(looked.buys), class_name="num")),
        _kv("Average price", rx.el.span(looked.average, class_name="num")),
        _kv(
            "Worth at the end",
            rx.el.span(_whole(looked.worth), " ", _whole(looked.gain, looked.gain_tone), class_name="num"),
        ),
        _kv(
            "All on the first day",
            rx.el.span(_whole(looked.lump), " ", _whole(looked.lump_gain), class_name="num"),
        ),
        _kv("Our fees in it", rx.el.span(looked.fee, class_name="num")),
        _kv("The exchange's", rx.el.span(looked.exchange_fee, class_name="num")),
    )


def _ahead() -> rx.Component:
    ahead = LabState.ahead
    return rx.el.section(
        rx.el.h2("What may become of it", id="future-title", class_name="px-4 sm:px-6 pt-4"),
        rx.el.p("Until ", ahead.until, class_name="s m num px-4 sm:px-6 mb-2"),
        lab_chart(LabState.future, title="Spent and a range of the worth, looking ahead", worth="Middle"),
        _kv("Spent, with all fees", _whole(ahead.spent)),
        _kv(
            "In eight of ten futures, worth",
            rx.el.span(_whole(ahead.low), " to ", _whole(ahead.high), class_name="num", id="range"),
        ),
        _kv("In half of them, below", _whole(ahead.middle)),
        _rests_on(LabState.future_rests_on),
        aria_labelledby="future-title",
        class_name="card mt-3",
    )


def _whole(amount: Any, tone: Any = "") -> rx.Component:
    """An amount that no line end cuts."""
    return rx.el.b(amount, class_name=["num", "whitespace-nowrap", tone])


def _kv(label: str, value: rx.Component) -> rx.Component:
    return rx.el.div(rx.el.span(label, class_name="m flex-1 wrap-normal"), value, class_name="kv sm:px-6!")


def _rests_on(lines: Any) -> rx.Component:
    return rx.el.div(
        rx.el.p("What this rests on", class_name="s font-semibold"),
        rx.el.ul(
            rx.foreach(lines, rx.el.li),
            class_name="s m grid gap-1 mt-1",
            style={"listStyle": "disc", "paddingLeft": "18px"},
        ),
        class_name="px-4 sm:px-6 py-3 border-t border-line",
    )
