"""What can be done with the bitcoin that there is: take it home, and take its figures home."""

import reflex as rx

from paya_app.web.components.button import secondary_link
from paya_app.web.components.file_link import file_link


def holdings_links() -> rx.Component:
    """A withdrawal, and the lots as a file."""
    return rx.el.div(
        secondary_link("Withdraw", to="/save/withdraw/"),
        file_link("Lots (CSV)", href="/save/lots.csv", class_name="sec2"),
        class_name="grid grid-cols-2 gap-2 mt-3",
        id="holdings-links",
    )
