"""What a form carries on from the page's address."""

import reflex as rx


class _Carried(rx.Component):
    library = rx.asset("carried.jsx", shared=True).importable_path
    tag = "Carried"

    name: rx.Var[str]


def carried(name: str) -> rx.Component:
    """A hidden field with the address's value of that name; never authority, the server checks it."""
    return _Carried.create(name=name)
