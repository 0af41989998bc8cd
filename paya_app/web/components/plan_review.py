"""The last look before a plan is saved: what will happen in a sentence, the next three times, and the button."""

from typing import Any

import reflex as rx

from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import secondary
from paya_app.web.components.next_buys import next_buys
from paya_app.web.components.sheet import sheet


def plan_review(the: Any, *, title: str, verb: str, busy_label: str, back: str = "Change") -> rx.Component:
    """The sheet.

    Args:
        the: The page's state: `review` says what one buy takes, what will happen, what else the plan says and what our
            fee is; `ahead` are the next three.
        title: Its heading.
        verb: What the button says.
        busy_label: What it says until the server has answered.
        back: What the button says that puts it away, to change something.
    """
    return sheet(
        rx.el.p(the.review.amount, class_name="sum num", id="review-amount"),
        rx.el.p(the.review.promise, class_name="text-center mb-2", id="review-promise"),
        rx.el.p(the.review.rest, class_name="s m text-center mb-4 whitespace-pre-line empty:hidden"),
        rx.el.div(next_buys(the.ahead, label="The next three"), class_name="rounded-2xl border border-line mb-3"),
        rx.el.p(rx.el.b("Fee: "), the.review.fee, class_name="s num text-center", id="review-fee"),
        rx.el.p(
            "It is part of the amount, as is the exchange's own, which is known once it has bought. "
            "You can skip, pause or end the plan at any time.",
            class_name="s m text-center mb-4",
        ),
        busy_button(
            verb,
            busy_label=busy_label,
            settled=the.settled,
            on_press=the.submit(the.review.to(dict)),
            id="confirm",
            class_name="pri num",
        ),
        secondary(back, on_click=the.set_reviewing(False), class_name="mt-2"),
        title=title,
        is_open=the.reviewing,
        on_open_change=the.set_reviewing,
    )
