"""A form that the browser itself sends, to an HTTP route of ours."""

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML


class NativeForm(BaseHTML):
    """`<form method=post action=…>`; Reflex's own form never submits natively."""

    tag = "form"

    action: rx.Var[str]
    method: rx.Var[str]


def native_form(*children: rx.Component, action: str, **props: Any) -> rx.Component:
    """A POST to `action`, which answers with a redirect."""
    return NativeForm.create(*children, action=action, method="post", **props)
