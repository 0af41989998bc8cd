"""A moment after which the page has something else to say."""

import reflex as rx


def _nothing() -> tuple[()]:
    return ()


class Due(rx.Component):
    """Fires `on_due` when `at` (ISO 8601) has passed, and every half minute until `at` changes. Shows nothing."""

    library = rx.asset("due.jsx", shared=True).importable_path
    tag = "Due"

    at: rx.Var[str]
    on_due: rx.EventHandler[_nothing]
