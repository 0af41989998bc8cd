"""What adding money and cashing out have in common: the bank at the other end, and when the money is there."""

from typing import Any

import reflex as rx

from paya_app.web.banks import BankChoice
from paya_app.web.components.icon import icon
from paya_app.web.components.skeleton import bone, waiting
from paya_app.web.components.when import when


def bank_head(way: str, bank: Any, on_change: Any) -> rx.Component:
    """Which bank it is, and another; `way` is `from` or `to`."""
    return rx.el.div(
        rx.el.span(icon("landmark", 28), class_name="av s72 a1"),
        rx.el.p(
            f"{way} ",
            rx.el.b(bank),
            " · ",
            rx.el.button("change", type="button", on_click=on_change, class_name="link hit"),
        ),
        class_name="grid justify-items-center gap-2 my-1 text-center",
    )


def bank_list(banks: Any, on_choose: Any) -> rx.Component:
    """The banks to choose from; `on_choose` makes the event of one's id."""

    def row(bank: rx.vars.ObjectVar[BankChoice]) -> rx.Component:
        return rx.el.button(
            rx.el.span(icon("landmark", 20), class_name="av a1"),
            rx.el.span(bank.name, class_name="t font-semibold"),
            rx.match(
                bank.state,
                ("verified", rx.fragment()),
                ("closed", rx.el.span("closed", class_name="chip")),
                rx.el.span("to confirm", class_name="chip warn"),
            ),
            type="button",
            on_click=on_choose(bank.id),
            class_name="row w-full",
        )

    return rx.el.div(rx.foreach(banks, row), class_name="card")


def arrival(at: Any) -> rx.Component:
    """When the money is there; without a time (ISO 8601) it is a matter of seconds."""
    return rx.cond(at != "", when(at, "by", class_name="num"), rx.el.span("in a few seconds"))


def transfer_bones() -> rx.Component:
    """What shows until the page is known."""
    return waiting(
        rx.el.div(
            bone("50%", "24px"), bone("100%", "52px", "mt-6"), bone("100%", "52px", "mt-4"), class_name="card p-6"
        )
    )
