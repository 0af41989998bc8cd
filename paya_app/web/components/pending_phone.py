"""The phone number that waits for its code."""

from typing import Any

import reflex as rx


class _PendingPhone(rx.Component):
    library = rx.asset("pending_phone.jsx", shared=True).importable_path
    tag = "PendingPhone"

    prefix: rx.Var[str]
    otherwise: rx.Var[str]


def pending_phone(prefix: str, otherwise: str, **props: Any) -> rx.Component:
    """`prefix` and the number; `otherwise` while it is not known."""
    return _PendingPhone.create(prefix=prefix, otherwise=otherwise, **props)
