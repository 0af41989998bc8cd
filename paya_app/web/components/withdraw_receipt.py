"""One withdrawal: what left, what arrives, where, and how far it is."""

from typing import Any

import reflex as rx

from paya_app.web.components.button import secondary_link
from paya_app.web.components.copy_button import copy_button
from paya_app.web.components.field import notice
from paya_app.web.components.review import review_line
from paya_app.web.components.timeline import timeline
from paya_app.web.components.withdraw_form import LONG_SUM


def receipt_card(receipt: Any, stages: Any) -> rx.Component:
    """The receipt with its stages."""
    return rx.el.section(
        notice(receipt.why, kind="warn"),
        rx.cond(
            receipt.delayed,
            rx.el.div(
                notice("The exchange does not answer right now. It is asked again by itself.", kind="calm"),
            ),
        ),
        rx.el.div(
            rx.el.p(receipt.quantity, class_name=f"sum num {LONG_SUM}", id="withdrawn"),
            rx.el.p("to ", rx.el.b(receipt.label), class_name="text-center"),
            rx.el.div(
                rx.el.span(receipt.state, class_name="chip small " + receipt.chip.to(str), id="withdrawal-state"),
                class_name="flex justify-center mt-3",
            ),
            class_name="card p-6",
        ),
        rx.el.div(
            rx.cond(receipt.arrives != "", review_line("Arrives", rx.el.b(receipt.arrives, class_name="num"))),
            rx.cond(receipt.fee != "", review_line("Network fee", rx.el.span(receipt.fee, class_name="num"))),
            _long("Address", receipt.fours),
            rx.cond(receipt.txid != "", _transaction(receipt.txid)),
            class_name="card mt-3",
        ),
        rx.el.h2("What happened", class_name="mt-6 mb-3 mx-1"),
        timeline(stages),
        secondary_link("Another withdrawal", to="/save/withdraw/", class_name="mt-4"),
        id="withdrawal",
    )


def _long(label: str, text: Any) -> rx.Component:
    return rx.el.div(
        rx.el.p(label, class_name="m"),
        rx.el.p(text, class_name="num wrap-anywhere", translate="no"),
        class_name="p-4 not-first:border-t border-line grid gap-1",
    )


def _transaction(txid: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.p("Transaction", class_name="m"),
            rx.el.p(txid, class_name="s num wrap-anywhere", translate="no", id="txid"),
            class_name="grid gap-1 min-w-0",
        ),
        copy_button(txid, "Copy the transaction's id"),
        class_name="p-4 border-t border-line flex items-center gap-2",
    )
