"""Icons: drawn with the weight of the type, silent to screen readers."""

import reflex as rx


def icon(name: str, size: int = 22) -> rx.Component:
    """A lucide icon by its literal name (a Var would ship every icon there is)."""
    return rx.icon(name, size=size, stroke_width=1.9)
