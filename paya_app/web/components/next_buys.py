"""The next times of a plan, each with its day, time and zone, and what is bought then."""

from dataclasses import dataclass
from typing import Any

import reflex as rx


@dataclass
class BuyAhead:
    """One buy to come. `at` is ISO 8601, `words` the same in the plan's zone; `asked` when its bank is, or empty."""

    at: str
    words: str
    zone: str
    amount: str
    asked: str = ""


def next_buys(buys: Any, *, label: str, button: Any = None) -> rx.Component:
    """Rows of a card.

    Args:
        buys: The buys to come, the soonest first.
        label: What they are, for screen readers.
        button: Makes what stands at the end of the first row, of the buy; nothing without it.
    """

    def row(buy: rx.vars.ObjectVar[BuyAhead], index: rx.Var[int]) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                rx.el.p(rx.el.time(buy.words, date_time=buy.at), class_name="font-semibold num"),
                rx.el.p(buy.amount, " · ", buy.zone, class_name="s m num"),
                rx.el.p(buy.asked, class_name="s m num wrap first-letter:uppercase empty:hidden"),
                class_name="t",
            ),
            rx.cond(index == 0, button(buy), rx.fragment()) if button else rx.fragment(),
            class_name="row",
        )

    return rx.el.ol(rx.foreach(buys, row), aria_label=label)
