"""Why somebody finds themselves signed out."""

from typing import Any

import reflex as rx


class _Farewell(rx.Component):
    library = rx.asset("farewell.jsx", shared=True).importable_path
    tag = "Farewell"


def farewell(**props: Any) -> rx.Component:
    """One sentence when this browser's session was ended by another, or by time; else nothing."""
    return _Farewell.create(**props)
