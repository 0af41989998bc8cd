"""What somebody owes since a bank took money back: what happened, how much, and the way out."""

from typing import Any

import reflex as rx

from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import primary_link
from paya_app.web.components.icon import icon


def owed_card(left: Any, what: Any, how: Any, *actions: rx.Component) -> rx.Component:
    """A card while `left` (an amount in words) is not empty, with what happened and how it is paid back."""
    return rx.cond(
        rx.Var.create(left) != "",
        rx.el.section(
            rx.el.h2(
                rx.el.span(icon("triangle-alert", 20), class_name="text-warn"),
                rx.el.span("You owe ", left),
                class_name="flex items-center gap-2 num",
            ),
            rx.el.p(what, class_name="mt-2"),
            rx.el.p(how, class_name="mt-2 m"),
            rx.el.div(*actions, class_name="flex flex-col sm:flex-row gap-3 mt-4") if actions else rx.fragment(),
            class_name="card p-5 mb-3",
            aria_label="What you owe",
            id="owed",
        ),
    )


def ways_out(payable: Any, settled: Any, on_repay: Any) -> tuple[rx.Component, rx.Component]:
    """Adding money, and paying back what of it the wallet has (`payable`, like `$5.00`; empty: nothing)."""
    return (
        primary_link("Add money", to="/add/", class_name="sm:w-52!"),
        rx.cond(
            payable != "",
            busy_button(
                "Pay back " + payable + " from my wallet",
                busy_label="Paying it back …",
                settled=settled,
                on_press=on_repay,
                id="repay",
                class_name="sec2 num",
            ),
        ),
    )
