"""The button of an action on money: "Sending…" from the press until the server has answered."""

from typing import Any

import reflex as rx


def _nothing() -> tuple[()]:
    return ()


class _Busy(rx.Component):
    library = rx.asset("busy.jsx", shared=True).importable_path
    tag = "Busy"

    label: rx.Var[str]
    busy_label: rx.Var[str]
    settled: rx.Var[int]
    disabled: rx.Var[bool]
    on_press: rx.EventHandler[_nothing]


def busy_button(label: Any, *, busy_label: str, settled: Any, on_press: Any, **props: Any) -> rx.Component:
    """A primary button.

    Args:
        label: What it says.
        busy_label: What it says while the server works.
        settled: A number that the server changes with every answer.
        on_press: The event; a second press while busy does nothing.
        props: More props.
    """
    return _Busy.create(
        label=label,
        busy_label=busy_label,
        settled=settled,
        on_press=on_press,
        **({"class_name": "pri"} | props),
    )
