"""Leads whoever was brought to a page to its title."""

from typing import Any

import reflex as rx


class _FocusTitle(rx.Component):
    library = rx.asset("focus_title.jsx", shared=True).importable_path
    tag = "FocusTitle"

    when: rx.Var[bool]


def focus_title(when: Any) -> rx.Component:
    """Focuses the title of a `frame` when this becomes true."""
    return _FocusTitle.create(when=when)
