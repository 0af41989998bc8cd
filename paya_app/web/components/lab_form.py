"""The lab's form, in the browser: a plan, and how far to look back and ahead."""

from typing import Any

import reflex as rx

from paya_app.web.components.keypad import KEYPAD  # noqa: F401 - lab_form.jsx imports it
from paya_app.web.components.plan_form import plan_form  # noqa: F401 - lab_form.jsx imports its parts
from paya_app.web.components.settling import SETTLING  # noqa: F401 - lab_form.jsx imports it


def _order(order: rx.Var[dict[str, str]]) -> tuple[rx.Var[dict[str, str]]]:
    return (order,)


class _LabForm(rx.Component):
    library = rx.asset("lab_form.jsx", shared=True).importable_path
    tag = "LabForm"

    initial: rx.Var[dict[str, str]]
    fault: rx.Var[str]
    busy: rx.Var[bool]
    on_try: rx.EventHandler[_order]


def lab_form(*, initial: Any, fault: Any, busy: Any, on_try: Any) -> rx.Component:
    """The form.

    Args:
        initial: What it is filled with, by the names of `Trial`; what is left out is preset.
        fault: What is wrong, above its button; empty when nothing is.
        busy: Whether an answer is awaited: then it asks for no other.
        on_try: Gets what was chosen, as texts by the names of `Trial`.
    """
    return _LabForm.create(initial=initial, fault=fault, busy=busy, on_try=on_try)
