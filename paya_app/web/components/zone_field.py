"""A time zone in a form."""

from typing import Any

import reflex as rx


class _ZoneField(rx.Component):
    library = rx.asset("zone_field.jsx", shared=True).importable_path
    tag = "ZoneField"

    name: rx.Var[str]
    label: rx.Var[str]
    zone: rx.Var[str]


def zone_field(label: str, *, name: str, zone: Any) -> rx.Component:
    """A choice among the browser's zones; `zone` is the one that was kept, the browser's own when it is empty."""
    return _ZoneField.create(name=name, label=label, zone=zone)
