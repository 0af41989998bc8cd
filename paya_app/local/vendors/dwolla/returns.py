"""Which transfers banks return, why, and what becomes of the bank and its customer then.

Dwolla's sandbox makes a transfer fail when its bank is called `R01`, `R03`, `R01-late` or `R03-late`. The other
codes are ours, in the same way: `R10`, `R02-late` and so on. So is `C05`, a correction by the bank that calls a
checking account a savings account, and the other way round; Dwolla tells of one by `customer_funding_source_updated`.
"""

REASONS = {
    "R01": (
        "Insufficient Funds",
        "The available balance is not sufficient to cover the dollar value of the debit entry.",
    ),
    "R02": ("Account Closed", "A previously active account has been closed."),
    "R03": (
        "No Account/Unable to Locate Account",
        "The account number does not correspond to the individual identified in the entry or a valid account.",
    ),
    "R04": ("Invalid Account Number Structure", "The structure of the account number is not valid."),
    "R05": ("Unauthorized Debit to Consumer Account", "A corporate entry debited a consumer who did not authorize it."),
    "R07": ("Authorization Revoked by Customer", "The authorization given before has been revoked."),
    "R08": ("Payment Stopped", "The receiver has stopped the payment of this entry."),
    "R09": ("Uncollected Funds", "The ledger balance would cover the entry; what of it is collected does not."),
    "R10": ("Customer Advises Not Authorized", "The receiver says that they did not authorize this debit."),
    "R11": ("Not in Accordance with Authorization", "The receiver says that the entry is not what was authorized."),
    "R16": ("Account Frozen", "Access to the account is restricted by the bank or by law."),
    "R20": ("Non-Transaction Account", "The account does not allow such transfers."),
    "R29": ("Corporate Customer Advises Not Authorized", "The company says that it did not authorize this entry."),
}
CORRECTION = "C05"
# After these Dwolla takes the bank away …
REMOVES = frozenset({"R02", "R03", "R04", "R16", "R20"})
# … and after these it deactivates the customer too.
DEACTIVATES = frozenset({"R05", "R07", "R10", "R11", "R29"})


def early_code(name: str) -> str | None:
    """The code that a bank of this name returns a debit with, or None."""
    return name if name in REASONS else None


def late_code(name: str) -> str | None:
    """The code that a bank of this name takes a debit back with after it settled, or None."""
    return early_code(name.removesuffix("-late")) if name.endswith("-late") else None
