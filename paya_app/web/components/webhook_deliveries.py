"""What was sent to endpoints: the list, and one delivery with every try.

`state` is the page's own: what each part shows and the events of its buttons have the names that they have there.
"""

from typing import Any

import reflex as rx

from paya_app.web.components.button import secondary
from paya_app.web.components.choice_field import choice_field
from paya_app.web.components.copy_button import copy_button
from paya_app.web.components.developer_places import exact, line
from paya_app.web.components.link import go
from paya_app.web.components.when import when

CHOICES = (
    ("", "All"),
    ("waiting", "Waiting for its next try"),
    ("behind", "In line behind an earlier one"),
    ("sending", "Being sent"),
    ("accepted", "Accepted"),
    ("given_up", "Given up"),
)


def delivery_list(state: Any) -> rx.Component:
    """The newest first, each a way to its tries."""
    return rx.el.section(
        rx.el.h2("Deliveries", class_name="text-xl! mt-6 mb-3", id="deliveries-title"),
        choice_field("Show", name="state", chosen=state.state, choices=CHOICES, on_choose=state.choose),
        rx.cond(
            state.is_later,
            secondary("Back to the newest", on_click=state.show_newest, class_name="mt-3"),
        ),
        rx.cond(
            state.sent.length() > 0,
            rx.el.div(rx.foreach(state.sent, _delivery), class_name="card mt-3", id="deliveries"),
            rx.el.p(
                rx.cond(
                    state.state == "",
                    "Nothing was sent yet. Add an endpoint, and send it a test.",
                    "There are none like this.",
                ),
                class_name="card p-6 m mt-3",
            ),
        ),
        rx.cond(state.has_more, secondary("Show more", on_click=state.show_more, class_name="mt-3")),
        aria_labelledby="deliveries-title",
    )


def _delivery(row: Any) -> rx.Component:
    return go(
        rx.el.span(
            rx.el.span(row.kind, class_name="font-semibold block wrap-anywhere"),
            rx.el.span(row.url, class_name="s m block truncate"),
            rx.el.span(when(row.at), " · ", row.tries, class_name="s m num block"),
            rx.cond(
                (row.due_at != "") & (row.state == "waiting"),
                when(row.due_at, "full", "Next by your clock: ", class_name="s m num block"),
            ),
            class_name="t",
        ),
        _chip(row.words, row.tone),
        to="/developers/webhooks/" + row.id.to(str) + "/",
        class_name="row",
    )


def _chip(words: Any, tone: Any) -> rx.Component:
    return rx.el.span(
        words, class_name=rx.match(tone, ("pos", "chip small pos"), ("neg", "chip small neg"), "chip small")
    )


def delivery_facts(state: Any) -> rx.Component:
    """What was sent, where, and how it stands."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(state.what, class_name="text-xl! wrap-anywhere flex-1 min-w-0"),
            _chip(state.words, state.tone),
            class_name="flex gap-3 items-center p-4",
        ),
        line("To", state.url),
        line("Made", when(state.at)),
        rx.cond(state.due_at != "", line("Next try, your clock", when(state.due_at))),
        rx.cond(state.why != "", line("Why", state.why)),
        line("webhook-id", state.webhook_id),
        line("About", state.object_id),
        class_name="card mb-4",
    )


def body_shown(state: Any) -> rx.Component:
    """The exact text."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Body", class_name="flex-1"),
            copy_button(state.body, "Copy the body"),
            class_name="flex items-center",
        ),
        rx.el.p("Exactly what is signed, at every try.", class_name="s m"),
        exact(state.body, id="body"),
        rx.cond(
            state.curl != "",
            rx.el.div(
                rx.el.div(
                    rx.el.p("The last try as a curl command, with the headers as sent", class_name="s flex-1"),
                    copy_button(state.curl, "Copy the curl command"),
                    class_name="flex gap-2 items-center mt-3",
                ),
                exact(state.curl, id="curl"),
            ),
        ),
        class_name="card p-4 mb-4",
    )


def attempt_view(row: Any) -> rx.Component:
    """One try: what was sent with it, and what came back."""
    return rx.el.li(
        rx.el.div(
            rx.el.h3(row.number, class_name="font-semibold flex-1"),
            rx.cond(row.status != "", rx.el.b(row.status, class_name="num")),
            _chip(row.outcome, row.tone),
            class_name="flex gap-3 items-center",
        ),
        rx.el.p(
            when(row.at),
            rx.cond(row.took != "", rx.fragment(" · ", row.took)),
            class_name="s m num mt-1",
        ),
        rx.el.p(when(row.account_at, "full", "By your clock: "), class_name="s m num"),
        rx.cond(row.mischief != "", rx.el.p("On purpose: ", row.mischief, class_name="s m")),
        rx.cond(row.headers != "", rx.el.div(rx.el.h4("Headers", class_name="label mt-3"), exact(row.headers))),
        rx.cond(row.answer != "", rx.el.div(rx.el.h4("Answer", class_name="label mt-3"), exact(row.answer))),
        class_name="p-4 border-b border-line last:border-0",
    )
