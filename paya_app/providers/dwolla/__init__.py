"""Dwolla (ACH): customers, banks, transfers and webhooks, over the `dwollav2` library.

Ids go in and come out; addresses stay in here. Every verb raises `Retryable`, `Rejected` or `Unknown` when it
has no answer, and each that makes something takes the idempotency key it is made under.
"""

from paya_app.providers.dwolla.connection import close
from paya_app.providers.dwolla.statement import Balance, Listed, list_transfers, our_balances
from paya_app.providers.dwolla.verbs import (
    FundingSource,
    Transfer,
    add_bank,
    add_bank_from_plaid,
    cancel_transfer,
    create_customer,
    create_transfer,
    ensure_subscription,
    find_transfer,
    funding_source,
    ping,
    remove_bank,
    return_code,
    start_micro_deposits,
    transfer,
    verify_micro_deposits,
)
from paya_app.providers.dwolla.webhook import SIGNATURE_HEADER, Notice, read_notice, signature_is_valid

__all__ = [
    "SIGNATURE_HEADER",
    "Balance",
    "FundingSource",
    "Listed",
    "Notice",
    "Transfer",
    "add_bank",
    "add_bank_from_plaid",
    "cancel_transfer",
    "close",
    "create_customer",
    "create_transfer",
    "ensure_subscription",
    "find_transfer",
    "funding_source",
    "list_transfers",
    "our_balances",
    "ping",
    "read_notice",
    "remove_bank",
    "return_code",
    "signature_is_valid",
    "start_micro_deposits",
    "transfer",
    "verify_micro_deposits",
]
