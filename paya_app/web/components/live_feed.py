"""The public feed, live, in the browser alone: watchers cost no state on the server."""

import reflex as rx

REALTIME_CLIENT = "@supabase/realtime-js@2.119.0"


class LiveFeed(rx.Component):
    """Rows of `GET source`, kept up to date over the private realtime channel that its answers name.

    `max` rows are fetched at a time (at most 100). A `heading` is shown with a chip that says whether the rows
    are live. The outer element's `data-status` is loading, joining, live, stale or error.
    """

    library = rx.asset("live_feed.jsx", shared=True).importable_path
    tag = "LiveFeed"
    lib_dependencies: list[str] = [REALTIME_CLIENT]  # noqa: RUF012 - Reflex copies it

    source: rx.Var[str]
    max: rx.Var[int]
    heading: rx.Var[str]
