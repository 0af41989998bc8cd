"""Amount, note and audience of a payment, entered in the browser."""

from typing import Any

import reflex as rx

from paya_app.web.components.keypad import KEYPAD  # noqa: F401 - pay_form.jsx imports it
from paya_app.web.components.settling import SETTLING  # noqa: F401 - pay_form.jsx imports it


def _order(order: rx.Var[dict[str, str]]) -> tuple[rx.Var[dict[str, str]]]:
    return (order,)


class _PayForm(rx.Component):
    library = rx.asset("pay_form.jsx", shared=True).importable_path
    tag = "PayForm"

    draft: rx.Var[str]
    to: rx.Var[str]
    amount: rx.Var[str]
    note: rx.Var[str]
    limits: rx.Var[str]
    fault: rx.Var[str]
    available_cents: rx.Var[int]
    name: rx.Var[str]
    on_review: rx.EventHandler[_order]


def pay_form(
    *,
    draft: Any,
    to: Any,
    amount: Any,
    note: Any,
    limits: Any,
    fault: Any,
    available_cents: Any,
    name: Any,
    on_review: Any,
) -> rx.Component:
    """The form.

    Args:
        draft: The payment's id: what was typed is kept under it until the tab closes. It may change while the
            form is open (after a refusal); what is typed stays.
        to: The id of whom it is for, which comes back with what is to be reviewed; somebody else gets an empty form.
        amount: Prefilled amount, like `12.34`, or empty.
        note: Prefilled note.
        limits: The line under the amount.
        fault: What went wrong, in its place; empty when nothing did.
        available_cents: What the payer has, in US cents; more cannot be reviewed.
        name: The recipient's first name.
        on_review: Gets `{to_id, amount, note, audience}` when the form is to be reviewed.
    """
    return _PayForm.create(
        draft=draft,
        to=to,
        amount=amount,
        note=note,
        limits=limits,
        fault=fault,
        available_cents=available_cents,
        name=name,
        on_review=on_review,
        key=to,
    )
