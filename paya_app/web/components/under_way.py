"""What is on its way for whoever looks at Home: money from and to their bank, and their next buy."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.when import when


@dataclass
class Coming:
    """Money on its way: where it is told about, how, and when it is expected (ISO 8601, or empty).

    `says` stands between the amount and the time; `way` is the bank, with `from` or `to`.
    """

    href: str
    amount: str
    says: str
    way: str
    expected_at: str


@dataclass
class NextBuyShown:
    """The next buy of any plan; without one `href` is empty. `at` is ISO 8601, `words` the same in the plan's zone."""

    href: str = ""
    name: str = ""
    amount: str = ""
    at: str = ""
    words: str = ""
    zone: str = ""


def coming_sentence(coming: rx.vars.ObjectVar[Coming], *, others: Any) -> rx.Component:
    """The first of it in a line, with a link; `others` is how many more there are."""
    return rx.fragment(
        rx.el.span(coming.amount, " ", coming.says),
        when(coming.expected_at, "day", " "),
        " · ",
        go("where is it?", to=coming.href, class_name="link hit"),
        rx.cond(
            others > 0, rx.fragment(" · ", go(others.to_string(), " more", to="/activity/", class_name="link hit"))
        ),
    )


def coming_line(coming: rx.vars.ObjectVar[Coming]) -> rx.Component:
    """One of it as two lines of a card, which lead to it."""
    return go(
        rx.el.span(
            rx.el.b(coming.amount),
            rx.cond(
                coming.expected_at != "",
                when(coming.expected_at, "by", class_name="s m"),
                rx.el.span(coming.says, class_name="s m"),
            ),
            class_name="flex justify-between items-baseline gap-3 num",
        ),
        rx.el.span(coming.way, class_name="s m block truncate"),
        to=coming.href,
        class_name="block mt-2 py-1 rounded-lg",
    )


def next_buy_card(buy: rx.vars.ObjectVar[NextBuyShown]) -> rx.Component:
    """The next buy, which leads to its plan; nothing without one."""
    return rx.cond(
        buy.href != "",
        go(
            rx.el.span(icon("bitcoin", 20), class_name="av a3", aria_hidden="true"),
            rx.el.div(
                rx.el.p("Next: ", buy.name, class_name="font-semibold wrap"),
                rx.el.p(
                    rx.el.time(buy.words, date_time=buy.at),
                    rx.el.span(rx.el.span(", ", class_name="sr-only"), buy.zone),
                    class_name="s m num flex flex-wrap gap-x-2",
                ),
                class_name="t",
            ),
            rx.el.b(buy.amount, class_name="num whitespace-nowrap"),
            to=buy.href,
            id="next-buy",
            class_name="card row mt-3",
        ),
    )
