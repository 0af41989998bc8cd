"""A check of a message's signature, in the browser alone: the secret goes nowhere."""

from typing import Any

import reflex as rx

rx.asset("signature.jsx", shared=True)  # signature_check.jsx imports it, from the folder that both are put in


class _SignatureCheck(rx.Component):
    library = rx.asset("signature_check.jsx", shared=True).importable_path
    tag = "SignatureCheck"

    headers: rx.Var[str]
    body: rx.Var[str]


def signature_check(headers: Any = "", body: Any = "") -> rx.Component:
    """Fields for a secret, headers and a body, the latter two filled in when they are known."""
    return _SignatureCheck.create(headers=headers, body=body)
