"""Endpoints, what was sent to them, a new one's form and the check of signatures, on `/developers/webhooks`."""

from typing import Any

import reflex as rx

from paya_app.web.components.due import Due
from paya_app.web.components.signature_check import signature_check
from paya_app.web.components.webhook_deliveries import delivery_list
from paya_app.web.components.webhook_endpoints import endpoint_form, endpoint_row_view


def webhook_board(state: Any) -> rx.Component:
    """All of it; `state` is the page's own."""
    return rx.el.div(
        Due.create(at=state.look_again_at, on_due=state.refresh),
        rx.cond(
            state.rows.length() > 0,
            rx.el.div(
                rx.el.div(
                    rx.foreach(state.rows, lambda row: endpoint_row_view(state, row)),
                    class_name="card",
                    id="endpoints",
                ),
                delivery_list(state),
                class_name="mb-6",
            ),
        ),
        endpoint_form(state),
        # what was sent to endpoints that are no more
        rx.cond(
            (state.rows.length() == 0) & (state.sent.length() > 0),
            delivery_list(state),
        ),
        signature_check(),
    )
