"""What can be refused about receipts."""

from typing import Any

from paya_app.core.errors import PayaError


class NotSealedYet(PayaError):
    """The payment is too new to be sealed."""

    code = "not_sealed_yet"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that it is a matter of seconds."""
        return "The payment is done, and is sealed within seconds. Ask for its receipt again."


class ReceiptRefused(Exception):
    """A receipt proves nothing; the message is a sentence that says why."""
