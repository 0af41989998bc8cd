"""An amount to bring from the bank, entered in the browser."""

from typing import Any

import reflex as rx

from paya_app.web.components.keypad import KEYPAD  # noqa: F401 - amount_form.jsx imports it
from paya_app.web.components.sheet import sheet  # noqa: F401 - amount_form.jsx imports it
from paya_app.web.components.when import when  # noqa: F401 - amount_form.jsx imports it


def _amount(amount: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (amount,)


class _AmountForm(rx.Component):
    library = rx.asset("amount_form.jsx", shared=True).importable_path
    tag = "AmountForm"

    hint: rx.Var[str]
    fault: rx.Var[str]
    least_cents: rx.Var[int]
    most_cents: rx.Var[int]
    more_at: rx.Var[str]
    on_review: rx.EventHandler[_amount]


def amount_form(
    *, hint: Any, fault: Any, least_cents: Any, most_cents: Any, more_at: Any, on_review: Any
) -> rx.Component:
    """The form.

    Args:
        hint: The line under the amount.
        fault: What went wrong, in its place; empty when nothing did.
        least_cents: The least that one transfer can be, in US cents.
        most_cents: The most that it can be now, in US cents; with less than `least_cents` there is nothing to add.
        more_at: When more is possible then, ISO 8601, or empty.
        on_review: Gets a text like `$50.00`.
    """
    return _AmountForm.create(
        hint=hint, fault=fault, least_cents=least_cents, most_cents=most_cents, more_at=more_at, on_review=on_review
    )
