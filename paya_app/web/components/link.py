"""Links inside PaYa: no page load, ends with a slash."""

from typing import Any

import reflex as rx
from reflex_components_core.react_router.dom import ReactRouterLink


def go(*children: Any, to: Any, **props: Any) -> rx.Component:
    """A link to a page of ours. Everything else (downloads, other sites, session routes) is a plain anchor."""
    return ReactRouterLink.create(*children, to=to, **props)
