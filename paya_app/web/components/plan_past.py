"""What became of a plan: its buys so far, and everything that happened to it; each a page at a time."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from paya_app.web.components.button import secondary
from paya_app.web.plan_history import HistoryRow


@dataclass
class PastBuy:
    """What became of one buy; `at` is ISO 8601, `when` the same in the plan's zone."""

    at: str
    when: str
    what: str
    why: str
    spent: str


def past_buys(buys: Any, *, zone: Any, is_earlier: Any, has_more: Any, on_more: Any, on_newest: Any) -> rx.Component:
    """The buys so far, as `PastBuy`, the latest first; nothing while there is none."""

    def row(buy: rx.vars.ObjectVar[PastBuy]) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                rx.el.p(
                    rx.el.span(buy.what),
                    rx.el.span(buy.spent, class_name="whitespace-nowrap"),
                    class_name="font-semibold num flex! justify-between gap-3 wrap",
                ),
                rx.el.p(rx.el.time(buy.when, date_time=buy.at), " · ", zone, class_name="s m num wrap"),
                rx.el.p(buy.why, class_name="s m num wrap"),
                class_name="t",
            ),
            class_name="row",
        )

    return _paged("So far", "Buys so far", buys, row, "Earlier buys", is_earlier, has_more, on_more, on_newest)


def history(rows: Any, *, is_earlier: Any, has_more: Any, on_more: Any, on_newest: Any) -> rx.Component:
    """Everything that happened, as `HistoryRow`, the latest first."""

    def row(each: rx.vars.ObjectVar[HistoryRow]) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                rx.el.p(each.what, class_name="font-semibold num wrap"),
                rx.el.p(each.lines, class_name="s num wrap whitespace-pre-line empty:hidden"),
                rx.el.p(each.who, " · ", rx.el.time(each.when, date_time=each.at), class_name="s m num wrap"),
                class_name="t",
            ),
            class_name="row",
        )

    return _paged("History", "History", rows, row, "Earlier history", is_earlier, has_more, on_more, on_newest)


def _paged(  # noqa: PLR0917 - what the two lists differ in
    title: str,
    label: str,
    rows: Any,
    row: Any,
    more: str,
    is_earlier: Any,
    has_more: Any,
    on_more: Any,
    on_newest: Any,
) -> rx.Component:
    return rx.cond(
        (rows.length() > 0) | is_earlier,
        rx.el.section(
            rx.el.div(
                rx.el.h2(title),
                rx.cond(
                    is_earlier,
                    rx.el.button(
                        "Newest",
                        type="button",
                        on_click=on_newest,
                        aria_label=f"{title}: the newest",
                        class_name="link hit",
                    ),
                ),
                class_name="sec",
            ),
            rx.el.ol(rx.foreach(rows, row), class_name="card", aria_label=label),
            rx.cond(has_more, secondary(more, on_click=on_more, class_name="mt-3")),
        ),
    )
