"""An amount to bring from the bank, or to give to it, entered in the browser."""

from typing import Any

import reflex as rx

from paya_app.web.components.keypad import KEYPAD  # noqa: F401 - amount_form.jsx imports it
from paya_app.web.components.settling import SETTLING  # noqa: F401 - amount_form.jsx imports it
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
    all_cents: rx.Var[int]
    more_at: rx.Var[str]
    most_words: rx.Var[str]
    full_words: rx.Var[str]
    empty_words: rx.Var[str]
    on_review: rx.EventHandler[_amount]


def amount_form(
    *,
    hint: Any,
    fault: Any,
    least_cents: Any,
    most_cents: Any,
    more_at: Any,
    on_review: Any,
    all_cents: Any = 0,
    most_words: Any = "One transfer can be at most {} now.",
    full_words: Any = "That is all for this week.",
    empty_words: Any = "Nothing to add now",
) -> rx.Component:
    """The form.

    Args:
        hint: The line under the amount.
        fault: What went wrong, in its place; empty when nothing did.
        least_cents: The least that one transfer can be, in US cents.
        most_cents: The most that it can be now, in US cents; with less than `least_cents` there is nothing to move.
        more_at: When more is possible then, ISO 8601, or empty.
        on_review: Gets a text like `$50.00`.
        all_cents: All that there is, at a tap; with 0 there is no such button.
        most_words: What is said of more than the most, which stands where `{}` is.
        full_words: What is said when there is nothing to move.
        empty_words: What the button says then.
    """
    return _AmountForm.create(
        hint=hint,
        fault=fault,
        least_cents=least_cents,
        most_cents=most_cents,
        all_cents=all_cents,
        more_at=more_at,
        most_words=most_words,
        full_words=full_words,
        empty_words=empty_words,
        on_review=on_review,
    )
