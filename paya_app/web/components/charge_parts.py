"""Charges on test cards, part by part: the account's clock, the list, and one charge with what became of it.

`state` is the page's own: what each part shows and the events of its buttons have the names that they have there.
"""

from typing import Any

import reflex as rx

from paya_app.web.charge_rows import STATUS_WORDS
from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import secondary
from paya_app.web.components.choice_field import choice_field
from paya_app.web.components.copy_button import copy_button
from paya_app.web.components.developer_places import exact, line
from paya_app.web.components.link import go
from paya_app.web.components.sheet import sheet
from paya_app.web.components.when import when

TURNS = (("hour", "+1 hour"), ("day", "+1 day"), ("week", "+7 days"))


def account_clock(state: Any) -> rx.Component:
    """What the account's clock shows, and turning it."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Your clock", class_name="flex-1"),
            rx.cond(
                state.is_frozen,
                rx.el.span("stands still", class_name="chip small warn"),
                rx.el.span("runs", class_name="chip small pos"),
            ),
            class_name="flex items-center gap-3",
        ),
        rx.el.p(when(state.clock_at), class_name="text-xl font-semibold num mt-1", id="clock"),
        rx.el.p(
            "Test charges expire, settle and arrive by it. Turning it does at once whatever falls due.",
            class_name="s m mt-1",
        ),
        rx.el.div(
            *[
                secondary(words, on_click=state.turn(span, state.clock_at), class_name="low s w-auto! flex-1")
                for span, words in TURNS
            ],
            class_name="flex gap-2 mt-3",
        ),
        rx.cond(
            state.is_frozen,
            rx.fragment(),
            secondary("Freeze", on_click=state.set_freezing(True), class_name="low s mt-2 w-full!"),
        ),
        rx.el.div(rx.cond(state.done != "", rx.el.p(state.done, class_name="s mt-3")), role="status"),
        class_name="card p-4 mb-4",
    )


def freeze_question(state: Any) -> rx.Component:
    """What freezing means, before it is done."""
    return sheet(
        rx.el.p(
            "It stands still until you turn it, and does not run by itself again. Charges then get the same time.",
            class_name="mb-4",
        ),
        busy_button(
            "Freeze",
            busy_label="Freezing …",
            settled=state.settled,
            on_press=state.freeze,
            id="freeze",
            class_name="sec2",
        ),
        secondary("Let it run", on_click=state.set_freezing(False), class_name="mt-2"),
        title="Freeze your clock?",
        is_open=state.freezing,
        on_open_change=state.set_freezing,
    )


def charge_list(state: Any) -> rx.Component:
    """The newest first, each a way to what became of it."""
    return rx.el.section(
        rx.el.h2("Charges", class_name="text-xl! mt-6 mb-3", id="charges-title"),
        choice_field(
            "Show",
            name="status",
            chosen=state.status,
            choices=[("", "All"), *STATUS_WORDS.items()],
            on_choose=state.choose,
        ),
        rx.cond(state.is_later, secondary("Back to the newest", on_click=state.show_newest, class_name="mt-3")),
        rx.cond(
            state.rows.length() > 0,
            rx.el.div(rx.foreach(state.rows, _charge), class_name="card mt-3", id="charges"),
            rx.el.div(
                rx.cond(
                    state.status == "",
                    rx.el.p(
                        "No charge yet. Make one with your test key: ",
                        rx.el.a("POST /v1/payments/authorize", href="/v1/docs", class_name="link hit"),
                        ", with the card 4242 4242 4242 4242.",
                    ),
                    rx.el.p("There are none like this."),
                ),
                class_name="card p-6 m mt-3",
            ),
        ),
        rx.cond(state.has_more, secondary("Show more", on_click=state.show_more, class_name="mt-3")),
        aria_labelledby="charges-title",
    )


def _charge(row: Any) -> rx.Component:
    return go(
        rx.el.span(
            rx.el.b(row.amount, class_name="num block"),
            rx.el.span(
                row.card, rx.cond(row.why != "", rx.fragment(" · ", row.why)), class_name="s m num block wrap-anywhere"
            ),
            when(row.at, "full", class_name="s m num block"),
            class_name="t",
        ),
        status_chip(row.words, row.tone),
        to="/developers/payments/" + row.id.to(str) + "/",
        class_name="row",
    )


def status_chip(words: Any, tone: Any) -> rx.Component:
    """How it stands, in its colour."""
    return rx.el.span(
        words,
        class_name=rx.match(
            tone,
            ("pos", "chip small pos"),
            ("neg", "chip small neg"),
            ("warn", "chip small warn"),
            "chip small",
        ),
    )


def charge_facts_view(state: Any) -> rx.Component:
    """The charge itself."""
    charge = state.row
    return rx.el.section(
        rx.el.div(
            rx.el.p(charge.amount, class_name="text-[32px] leading-10 font-semibold num flex-1 wrap-anywhere min-w-0"),
            status_chip(charge.words, charge.tone),
            class_name="flex gap-3 items-center flex-wrap p-4",
        ),
        rx.cond(charge.why != "", line("Declined", charge.why)),
        line("Card", charge.card),
        line("Made", when(charge.at)),
        rx.cond(state.expires_at != "", line("Held until", when(state.expires_at))),
        rx.foreach(state.facts, lambda fact: line(fact.label, fact.value)),
        rx.el.div(
            rx.el.span("Id", class_name="m shrink-0"),
            rx.el.span(
                rx.el.span(charge.id, class_name="num wrap-anywhere s"),
                copy_button(charge.id, "Copy the id"),
                class_name="flex items-center gap-1 justify-end min-w-0",
            ),
            class_name="kv items-center!",
        ),
        class_name="card mb-4",
    )


def part_list(title: str, rows: Any, name: str) -> rx.Component:
    """Its captures, refunds or disputes; nothing when there are none."""
    return rx.cond(
        rows.length() > 0,
        rx.el.section(
            rx.el.h2(title, class_name="text-xl! mb-3", id=f"{name}-title"),
            rx.el.ul(rx.foreach(rows, _part), class_name="card mb-4", id=name),
            aria_labelledby=f"{name}-title",
        ),
    )


def _part(row: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.b(row.amount, class_name="num block"),
            rx.cond(row.more != "", rx.el.p(row.more, class_name="s m wrap wrap-anywhere")),
            rx.el.p(when(row.at), class_name="s m num wrap"),
            rx.cond(
                row.next_at != "",
                rx.el.p(row.next_label, when(row.next_at), class_name="s m num wrap"),
            ),
            rx.el.p(row.id, class_name="s m num wrap wrap-anywhere"),
            class_name="t",
        ),
        status_chip(row.words, row.tone),
        class_name="row",
    )


def object_shown(state: Any) -> rx.Component:
    """The object as the API gives it."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2("As the API shows it", class_name="flex-1"),
            copy_button(state.object_text, "Copy the object"),
            class_name="flex items-center",
        ),
        exact(state.object_text, id="object"),
        class_name="card p-4",
    )
