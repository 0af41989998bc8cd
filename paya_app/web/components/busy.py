"""The button of an action that takes a while: "Sending …" from the press until the server has answered."""

from typing import Any

import reflex as rx

from paya_app.web.components.settling import SETTLING  # noqa: F401 - busy.jsx imports it


def _nothing() -> tuple[()]:
    return ()


class _Busy(rx.Component):
    library = rx.asset("busy.jsx", shared=True).importable_path
    tag = "Busy"

    label: rx.Var[str]
    busy_label: rx.Var[str]
    long_label: rx.Var[str]
    settled: rx.Var[int]
    type: rx.Var[str]
    on_press: rx.EventHandler[_nothing]


def busy_button(label: Any, *, busy_label: Any, settled: Any, **props: Any) -> rx.Component:
    """A primary button.

    Args:
        label: What it says.
        busy_label: What it says while the server works.
        settled: A number that the server changes with every answer.
        props: More props: `on_press`, the event (a second press while busy does nothing); or `type="submit"` where
            the form has the event; `long_label`, what is said under it when the answer takes more than 3 s.
    """
    return _Busy.create(label=label, busy_label=busy_label, settled=settled, **({"class_name": "pri"} | props))
