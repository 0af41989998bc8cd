"""Plaid (banks, and who owns their accounts), over the `plaid-python` library.

Every verb raises `Retryable`, `Rejected` or `Unknown` when it has no answer. Access tokens go in and come out and
are kept by nobody in here.
"""

from paya_app.providers.plaid.connection import close
from paya_app.providers.plaid.verbs import (
    Account,
    HostedLink,
    Item,
    Outcome,
    accounts,
    create_link,
    exchange,
    holder_names,
    institution_name,
    item_error,
    outcome,
    ping,
    processor_token,
    remove_item,
)
from paya_app.providers.plaid.webhook import SIGNATURE_HEADER, Notice, read_notice, signature_is_valid, token_hash

__all__ = [
    "SIGNATURE_HEADER",
    "Account",
    "HostedLink",
    "Item",
    "Notice",
    "Outcome",
    "accounts",
    "close",
    "create_link",
    "exchange",
    "holder_names",
    "institution_name",
    "item_error",
    "outcome",
    "ping",
    "processor_token",
    "read_notice",
    "remove_item",
    "signature_is_valid",
    "token_hash",
]
