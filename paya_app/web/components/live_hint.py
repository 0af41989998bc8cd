"""A signal from the database to a page of the signed-in person: something of yours changed, read it again."""

import reflex as rx

from paya_app.web.components.live_feed import REALTIME_CLIENT


def _nothing() -> tuple[()]:
    return ()


class LiveHint(rx.Component):
    """Fires `on_change` when the person's own realtime topic says so, or may have said so unheard.

    Shows nothing. `active` is false for visitors, who have no topic.
    """

    library = rx.asset("live_hint.jsx", shared=True).importable_path
    tag = "LiveHint"
    lib_dependencies: list[str] = [REALTIME_CLIENT]  # noqa: RUF012 - Reflex copies it

    active: rx.Var[bool]
    on_change: rx.EventHandler[_nothing]
