"""Amounts: dollars large, cents small."""

from typing import Any

import reflex as rx

from paya_app.core.money import format_cents


def split_cents(cents: int) -> tuple[str, str]:
    """`("$1,234", ".50")`."""
    whole, _, rest = format_cents(cents).rpartition(".")
    return whole, f".{rest}"


def amount(whole: Any, rest: Any, class_name: str = "amt") -> rx.Component:
    """A large amount in two parts, read as one."""
    return rx.el.p(whole, rx.el.small(rest), class_name=class_name)
