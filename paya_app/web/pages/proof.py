"""`/proof`: the public head, and a check of receipts that anybody may make."""

import reflex as rx

from paya_app.web.components.frame import frame, visitors_top
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.proof_board import proof_board


def page() -> rx.Component:
    """The page."""
    return frame(
        visitors_top(),
        rx.el.div(
            go(icon("chevron-left", 24), to="/", aria_label="Home", class_name="iconbtn"), class_name="top only-in"
        ),
        rx.el.div(
            rx.el.h1("See for yourself", tab_index=-1),
            rx.el.p(
                "Seconds after a payment, PaYa seals it: its fingerprint goes into a chain in which nothing can be "
                "changed later without everybody noticing.",
                class_name="mt-2",
            ),
            rx.el.p(
                "The head below is the fingerprint of that whole chain, and says nothing about anybody.",
                class_name="mt-2",
            ),
            rx.el.p(
                "The receipt of a payment, which only the two people in it can get, proves against the head that the "
                "payment is in the books as it was.",
                class_name="mt-2",
            ),
            class_name="card p-4 sm:p-6",
        ),
        proof_board(),
        active="proof",
        public=True,
    )
