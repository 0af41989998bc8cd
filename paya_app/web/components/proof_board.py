"""The public head and the check of receipts, in the browser alone: it costs no state on the server."""

import reflex as rx

from paya_app.web.components.when import when  # noqa: F401 - proof_board.jsx imports it

rx.asset("receipt_check.jsx", shared=True)  # proof_board.jsx imports it, from the folder that both are put in


class _ProofBoard(rx.Component):
    library = rx.asset("proof_board.jsx", shared=True).importable_path
    tag = "ProofBoard"


def proof_board() -> rx.Component:
    """The head, asked for anew every few seconds, and a place for a receipt's file."""
    return _ProofBoard.create()
