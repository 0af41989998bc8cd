"""Content of one address, kept from being drawn at the next one."""

from typing import Any

import reflex as rx


class _OnlyFor(rx.Component):
    library = rx.asset("only_for.jsx", shared=True).importable_path
    tag = "OnlyFor"

    segment: rx.Var[str]
    shown: rx.Var[str]


def only_for(segment: str, shown: Any, content: rx.Component, bones: rx.Component) -> rx.Component:
    """`content` while the address's dynamic `segment` is what the state says is `shown`, else `bones`."""
    return _OnlyFor.create(content, bones, segment=segment, shown=shown)
