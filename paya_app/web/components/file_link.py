"""A link that the browser follows itself, to a file that an HTTP route of ours serves."""

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML


class FileLink(BaseHTML):
    """`<a href=… download>`; Reflex makes its own anchors with addresses of ours into links between pages."""

    tag = "a"

    href: rx.Var[str]
    download: rx.Var[bool]


def file_link(*children: rx.Component | str, href: Any, **props: Any) -> rx.Component:
    """A download from `href`, under the name that the answer gives."""
    return FileLink.create(*children, href=href, download=True, **props)
