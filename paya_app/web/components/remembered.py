"""An input that survives the round trip of a form that comes back with an error."""

from typing import Any

import reflex as rx


class _RememberedInput(rx.Component):
    library = rx.asset("remembered.jsx", shared=True).importable_path
    tag = "RememberedInput"

    name: rx.Var[str]
    type: rx.Var[str]
    auto_complete: rx.Var[str]
    input_mode: rx.Var[str]
    placeholder: rx.Var[str]
    required: rx.Var[bool]
    max_length: rx.Var[int]
    auto_focus: rx.Var[bool]
    aria_invalid: rx.Var[str]
    aria_describedby: rx.Var[str]


def remembered_input(name: str, **props: Any) -> rx.Component:
    """An input that starts with what was typed into it last, in this tab."""
    return _RememberedInput.create(name=name, **props)
