"""A savings plan being written, in the browser: how much, how often, when; the rest folded away."""

from typing import Any

import reflex as rx

from paya_app.web.banks import BankChoice
from paya_app.web.components.keypad import KEYPAD  # noqa: F401 - plan_form.jsx imports it
from paya_app.web.components.settling import SETTLING  # noqa: F401 - plan_form.jsx imports it


def _order(order: rx.Var[dict[str, str]]) -> tuple[rx.Var[dict[str, str]]]:
    return (order,)


class _PlanForm(rx.Component):
    library = rx.asset("plan_form.jsx", shared=True).importable_path
    tag = "PlanForm"

    initial: rx.Var[dict[str, str]]
    banks: rx.Var[list[BankChoice]]
    lead: rx.Var[int]
    hint: rx.Var[str]
    fault: rx.Var[str]
    verb: rx.Var[str]
    settled: rx.Var[int]
    on_review: rx.EventHandler[_order]


def plan_form(
    *, initial: Any, banks: Any, lead: Any, hint: Any, fault: Any, settled: Any, on_review: Any, verb: str = ""
) -> rx.Component:
    """The form.

    Args:
        initial: What it is filled with, by the names of `PlanOrder`; what is left out is preset, the zone as the
            browser's.
        banks: Those that can pay it, as `BankChoice`; without one the wallet pays, and nothing is asked.
        lead: How many business days before a buy a bank has to be asked.
        hint: The line under the amount.
        fault: What is wrong, above its button; empty when nothing is.
        settled: A number that the server changes with every answer; until then the button is busy.
        on_review: Gets what was chosen, as texts by the names of `PlanOrder`.
        verb: What its button says; without one, the amount and how often.
    """
    return _PlanForm.create(
        initial=initial,
        banks=banks,
        lead=lead,
        hint=hint,
        fault=fault,
        verb=verb,
        settled=settled,
        on_review=on_review,
    )
