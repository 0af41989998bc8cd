"""Room for what may come with the page's first answer, so that what stands below does not jump."""

from typing import Any

import reflex as rx


class _KeptPlace(rx.Component):
    library = rx.asset("kept_place.jsx", shared=True).importable_path
    tag = "KeptPlace"

    name: rx.Var[str]
    ready: rx.Var[bool]


def kept_place(*children: Any, name: str, ready: Any) -> rx.Component:
    """The children, in a place as high as they were in this browser last time until they are known.

    Args:
        children: What may come, or nothing.
        name: What the browser keeps the height under.
        ready: Whether it is known.
    """
    return _KeptPlace.create(*children, name=name, ready=ready)
