"""Moments, shown in the reader's own time zone."""

from typing import Any, Literal

import reflex as rx

Form = Literal["full", "day", "clock", "month", "by"]


class _When(rx.Component):
    library = rx.asset("when.jsx", shared=True).importable_path
    tag = "When"

    at: rx.Var[str]
    form: rx.Var[str]
    prefix: rx.Var[str]


def when(at: Any, form: Form = "full", prefix: str = "", **props: Any) -> rx.Component:
    """A `<time>`: `at` is an ISO 8601 text with an offset; an empty one shows nothing."""
    return _When.create(at=at, form=form, prefix=prefix, **props)
