"""A text that people carry elsewhere."""

from typing import Any

import reflex as rx


class _CopyButton(rx.Component):
    library = rx.asset("copy_button.jsx", shared=True).importable_path
    tag = "CopyButton"

    text: rx.Var[str]
    label: rx.Var[str]


def copy_button(text: Any, label: str) -> rx.Component:
    """Copies `text`; `label` says to screen readers what is copied."""
    return _CopyButton.create(text=text, label=label)
