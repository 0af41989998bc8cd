"""The other pages' code, fetched while nothing else happens."""

import reflex as rx


class PagesAhead(rx.Component):
    """Shows nothing. In the browser's timeline it marks where it begins (`pages-ahead`) and is done (`pages-here`)."""

    library = rx.asset("ahead.jsx", shared=True).importable_path
    tag = "PagesAhead"
