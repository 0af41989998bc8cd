"""The payments sandbox: charges on test cards, their captures, refunds and disputes, and a clock that can be turned.

Every verb is one call of the database, takes the account first, and happens once per id. What it returns is the object
as the API shows it. Only test mode exists: a card is one of `cards.py`, and no card's number goes further than that.
"""

from paya_app.charges.cards import TestCard, read_card, refuse_card_numbers
from paya_app.charges.clock import (
    Advanced,
    Clock,
    advance,
    advance_all,
    freeze_clock,
    now,
    read_clock,
    run_settlement,
)
from paya_app.charges.errors import (
    CardNotATestCard,
    CardNumberInText,
    ChargeAmountExceeds,
    ChargeAmountInvalid,
    ChargeFieldInvalid,
    ChargeStateInvalid,
    ClockInvalid,
    CurrencyUnknown,
    OperationUnknown,
)
from paya_app.charges.reading import balances, list_charges, list_settlements, read
from paya_app.charges.retention import sweep
from paya_app.charges.verbs import (
    accept_dispute,
    authorize,
    capture,
    execute,
    expire,
    fail_refund,
    increment,
    open_dispute,
    refund,
    submit_evidence,
    void,
)

__all__ = [
    "Advanced",
    "CardNotATestCard",
    "CardNumberInText",
    "ChargeAmountExceeds",
    "ChargeAmountInvalid",
    "ChargeFieldInvalid",
    "ChargeStateInvalid",
    "Clock",
    "ClockInvalid",
    "CurrencyUnknown",
    "OperationUnknown",
    "TestCard",
    "accept_dispute",
    "advance",
    "advance_all",
    "authorize",
    "balances",
    "capture",
    "execute",
    "expire",
    "fail_refund",
    "freeze_clock",
    "increment",
    "list_charges",
    "list_settlements",
    "now",
    "open_dispute",
    "read",
    "read_card",
    "read_clock",
    "refund",
    "refuse_card_numbers",
    "run_settlement",
    "submit_evidence",
    "sweep",
    "void",
]
