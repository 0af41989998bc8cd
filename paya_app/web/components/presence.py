"""Whether somebody is signed in, as a class on the document, for parts that only one kind of reader sees."""

from typing import Any

import reflex as rx


class _Presence(rx.Component):
    library = rx.asset("presence.jsx", shared=True).importable_path
    tag = "Presence"

    phase: rx.Var[str]


def presence(phase: Any) -> rx.Component:
    """`phase` is empty while unknown, `out` for visitors, anything else for somebody signed in."""
    return _Presence.create(phase=phase)
