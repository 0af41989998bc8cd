"""One plan as its page shows it: what is next, what it says, what became of it, and what can be done with it.

`state` is the page's own: what each part shows and the events of its buttons have the names that they have there.
"""

from typing import Any

import reflex as rx

from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import secondary, secondary_link
from paya_app.web.components.due import Due
from paya_app.web.components.field import notice
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.next_buys import BuyAhead, next_buys
from paya_app.web.components.plan_past import history, past_buys
from paya_app.web.components.sheet import sheet


def plan_view(state: Any) -> rx.Component:
    """A plan that is known."""
    return rx.el.div(
        notice(state.fault),
        notice(state.said, kind="calm"),
        Due.create(at=state.due_at, on_due=state.refresh),
        rx.el.section(
            rx.el.p(state.amount, class_name="amt", id="plan-each"),
            rx.el.p(state.rhythm, class_name="m num"),
            rx.el.p(state.zone, class_name="s m"),
            rx.el.p(
                rx.el.span(rx.el.span(class_name="dot"), state.chip, class_name="chip " + state.chip_tone),
                class_name="mt-3",
                role="status",
                id="plan-state",
            ),
            rx.el.p(state.why, class_name="m mt-3 empty:hidden", id="why"),
            class_name="card p-6 text-center",
        ),
        rx.cond(state.state == "paused", _ask(state, "resume", "Resume", "pri mt-4")),
        rx.cond(state.ahead.length() > 0, _ahead(state)),
        rx.el.section(
            _kv("Spent so far", rx.el.b(state.spent, class_name="num", id="spent")),
            rx.cond(state.fee != "", _kv("Fee", rx.el.span(state.fee, class_name="num", id="fee"))),
            rx.foreach(state.lines, lambda line: _kv(line.label, rx.el.span(line.words, class_name="num"))),
            class_name="card mt-6",
            aria_label="What it says",
        ),
        past_buys(
            state.past,
            zone=state.zone,
            is_earlier=state.is_earlier,
            has_more=state.earlier != "",
            on_more=state.show_more,
            on_newest=state.show_newest,
        ),
        rx.cond(
            state.state != "ended",
            rx.el.div(
                rx.cond(state.ahead.length() == 0, secondary_link("Change", to="/save/" + state.shown + "/change/")),
                rx.cond(state.state == "active", _ask(state, "pause", "Pause", "sec2"), rx.fragment()),
                _ask(state, "end", "End this plan", "sec2 danger"),
                class_name="grid gap-2 mt-6",
            ),
            secondary_link("New plan", to="/save/new/", class_name="mt-6"),
        ),
        history(
            state.told,
            is_earlier=state.is_older,
            has_more=state.older != "",
            on_more=state.show_older,
            on_newest=state.show_latest,
        ),
        _sheet(state),
    )


def _ask(state: Any, verb: str, words: str, class_name: str) -> rx.Component:
    return rx.el.button(words, type="button", on_click=state.ask(verb, state.shown), id=verb, class_name=class_name)


def _ahead(state: Any) -> rx.Component:
    def skip(buy: rx.vars.ObjectVar[BuyAhead]) -> rx.Component:
        return secondary(
            icon("skip-forward", 16),
            "Skip",
            on_click=state.ask("skip", state.shown),
            id="skip",
            class_name="low text-sm!",
            aria_label="Skip the buy on " + buy.words.to(str),
        )

    return rx.el.section(
        rx.el.div(
            rx.el.h2(rx.cond(state.ahead.length() == 3, "Next three", "Next")),  # noqa: PLR2004 - three are shown
            go("Change", to="/save/" + state.shown + "/change/", class_name="link hit"),
            class_name="sec",
        ),
        rx.el.div(next_buys(state.ahead, label="Next buys", button=skip), class_name="card"),
    )


def _sheet(state: Any) -> rx.Component:
    asked = state.question
    return sheet(
        rx.el.p(asked.text, class_name="mb-4 text-center num"),
        busy_button(
            asked.answer,
            busy_label=asked.busy,
            settled=state.settled,
            on_press=state.act(asked.to(dict)),
            id="confirm",
            class_name=rx.cond(asked.verb == "end", "sec2 danger", "pri"),
        ),
        secondary("Keep it as it is", on_click=state.set_asking(False), class_name="mt-2"),
        title=asked.title,
        is_open=state.asking,
        on_open_change=state.set_asking,
    )


def _kv(label: Any, value: rx.Component) -> rx.Component:
    return rx.el.div(rx.el.span(label, class_name="m shrink-0"), value, class_name="kv")


def plan_none(fault: Any) -> rx.Component:
    """What shows in place of a plan that is not there; `fault` says so."""
    return rx.el.div(
        rx.el.p(fault, class_name="m mb-4"),
        secondary_link("All of your plans", to="/save/", class_name="low inline-flex!"),
        class_name="card p-8 text-center",
    )
