"""A sheet over the page (a dialog on wide screens), from Base UI: focus kept inside, Escape closes.

It takes no press for 0.7 s after it has opened, so that a double tap on what opened it decides nothing.
"""

from typing import Any

import reflex as rx

from paya_app.web.components.settling import SETTLING  # noqa: F401 - sheet.jsx imports it


def _open(is_open: rx.Var[bool]) -> tuple[rx.Var[bool]]:
    return (is_open,)


class _Sheet(rx.Component):
    library = rx.asset("sheet.jsx", shared=True).importable_path
    tag = "Sheet"
    lib_dependencies: list[str] = ["@base-ui/react@1.9.0"]  # noqa: RUF012 - Reflex copies it

    title: rx.Var[str]
    open: rx.Var[bool]
    on_open_change: rx.EventHandler[_open]


def sheet(*children: rx.Component, title: Any, is_open: Any, on_open_change: Any) -> rx.Component:
    """The sheet with its title; `on_open_change` gets the wanted state when it is dismissed."""
    return _Sheet.create(*children, title=title, open=is_open, on_open_change=on_open_change)
