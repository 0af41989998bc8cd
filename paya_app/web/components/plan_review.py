"""The last look before a plan is saved: what will happen in a sentence, the next three times, and the button."""

from typing import Any

import reflex as rx

from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import secondary
from paya_app.web.components.next_buys import next_buys
from paya_app.web.components.sheet import sheet


def plan_review(
    *,
    title: str,
    amount: Any,
    promise: Any,
    rest: Any,
    fee: Any,
    buys: Any,
    verb: str,
    busy_label: str,
    settled: Any,
    on_confirm: Any,
    is_open: Any,
    on_open_change: Any,
    on_change: Any,
    back: str = "Change",
) -> rx.Component:
    """The sheet.

    Args:
        title: Its heading.
        amount: What one buy takes, like `$25.00`.
        promise: What will happen, in a sentence.
        rest: What else the plan says; an empty text takes no room.
        fee: What our fee is, like `1 % ($0.25)`.
        buys: The next three, as `BuyAhead`.
        verb: What the button says.
        busy_label: What it says until the server has answered.
        settled: A number that the server changes with every answer.
        on_confirm: The event of the button.
        is_open: Whether it shows.
        on_open_change: Gets the wanted state when it is dismissed.
        on_change: Puts it away, to change something.
        back: What the button for that says.
    """
    return sheet(
        rx.el.p(amount, class_name="sum num", id="review-amount"),
        rx.el.p(promise, class_name="text-center mb-2", id="review-promise"),
        rx.el.p(rest, class_name="s m text-center mb-4 whitespace-pre-line empty:hidden"),
        rx.el.div(next_buys(buys, label="The next three"), class_name="rounded-2xl border border-line mb-3"),
        rx.el.p(rx.el.b("Fee: "), fee, class_name="s num text-center", id="review-fee"),
        rx.el.p(
            "It is part of the amount, as is the exchange's own, which is known once it has bought. "
            "You can skip, pause or end the plan at any time.",
            class_name="s m text-center mb-4",
        ),
        busy_button(
            verb, busy_label=busy_label, settled=settled, on_press=on_confirm, id="confirm", class_name="pri num"
        ),
        secondary(back, on_click=on_change, class_name="mt-2"),
        title=title,
        is_open=is_open,
        on_open_change=on_open_change,
    )
