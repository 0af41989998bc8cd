"""Why banks return transfers: each Nacha code, in plain words, and what follows from it here.

One table, read by pages, by the booking of returns and by the tests. What Dwolla does of its own with a customer
or a bank after a code is told by its events; what is decided here holds whether or not those come.
"""

from dataclasses import dataclass
from typing import Literal

Bank = Literal["stays", "goes"]


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """One code.

    Attributes:
        code: like `R01`.
        title: Nacha's name of it.
        sentence: what the bank says, to its customer.
        todo: what they can do.
        bank: whether the bank account can still be used here, or goes from the person's banks.
        is_denied: the account's owner says that they did not agree. Somebody looks at such an account, whatever is
            owed: it is either a fraud on its owner or one by them.
        days_max: how long after settlement it may come, in calendar days for 60, otherwise in bank days.
    """

    code: str
    title: str
    sentence: str
    todo: str
    bank: Bank = "stays"
    is_denied: bool = False
    days_max: int = 2


_OTHER = "Link another bank to go on."
_ASK_BANK = "Ask your bank about it, or link another."
_NOT_YOU = "If that was not you, tell us; we are looking at the account."

RETURN_CODES: dict[str, ReturnCode] = {
    row.code: row
    for row in (
        ReturnCode(
            "R01",
            "Insufficient funds",
            "Your bank says that there was not enough money in the account.",
            "Try again when there is.",
        ),
        ReturnCode("R02", "Account closed", "Your bank says that this account is closed.", _OTHER, bank="goes"),
        ReturnCode(
            "R03",
            "No account, or unable to locate it",
            "Your bank could not find this account.",
            "Check the number and the name with your bank, then link it again.",
            bank="goes",
        ),
        ReturnCode(
            "R04",
            "Invalid account number",
            "Your bank says that the account number is wrong.",
            "Check the number, then link the bank again.",
            bank="goes",
        ),
        ReturnCode(
            "R05",
            "Unauthorized debit to a consumer's account",
            "Your bank says that this account may not be debited this way without your agreement.",
            _NOT_YOU,
            bank="goes",
            is_denied=True,
            days_max=60,
        ),
        ReturnCode(
            "R06",
            "Returned at the request of the bank that sent it",
            "The bank that sent the transfer asked for it back.",
            "Try again, or ask us.",
        ),
        ReturnCode(
            "R07",
            "Authorization revoked",
            "Your bank says that you withdrew your permission.",
            _NOT_YOU,
            bank="goes",
            is_denied=True,
            days_max=60,
        ),
        ReturnCode("R08", "Payment stopped", "Your bank says that you stopped this payment.", _ASK_BANK),
        ReturnCode(
            "R09",
            "Uncollected funds",
            "Your bank says that the money in the account is not available yet.",
            "Try again in a few days.",
        ),
        ReturnCode(
            "R10",
            "Customer advises not authorized",
            "Your bank says that you did not agree to this transfer.",
            _NOT_YOU,
            bank="goes",
            is_denied=True,
            days_max=60,
        ),
        ReturnCode(
            "R11",
            "Not in accordance with the authorization",
            "Your bank says that this transfer was not as you had agreed.",
            _NOT_YOU,
            bank="goes",
            is_denied=True,
            days_max=60,
        ),
        ReturnCode(
            "R12",
            "Branch sold to another bank",
            "Your bank says that the account is at another bank now.",
            "Link it again with the numbers of the new bank.",
            bank="goes",
        ),
        ReturnCode(
            "R13",
            "Invalid routing number",
            "Your bank says that the routing number is wrong.",
            "Check the number, then link the bank again.",
            bank="goes",
        ),
        ReturnCode(
            "R14",
            "Representative payee deceased",
            "The bank says that the account's keeper has died.",
            "Write to us, and we help.",
            bank="goes",
        ),
        ReturnCode(
            "R15",
            "Account holder deceased",
            "The bank says that the account's owner has died.",
            "Write to us, and we help.",
            bank="goes",
        ),
        ReturnCode("R16", "Account frozen", "Your bank says that this account is frozen.", _ASK_BANK, bank="goes"),
        ReturnCode(
            "R17",
            "Questionable entry",
            "Your bank could not read what it was sent, or doubted it.",
            "Check the numbers with your bank, then link it again.",
            bank="goes",
        ),
        ReturnCode(
            "R20",
            "Non-transaction account",
            "Your bank says that this account does not take such transfers.",
            "Link a checking account.",
            bank="goes",
        ),
        ReturnCode(
            "R22",
            "Invalid individual number",
            "Your bank could not match the transfer to you.",
            _ASK_BANK,
        ),
        ReturnCode("R23", "Credit refused", "Your bank says that you refused the money.", _ASK_BANK),
        ReturnCode(
            "R29",
            "Corporate customer advises not authorized",
            "Your bank says that the company holding the account did not agree to this transfer.",
            _NOT_YOU,
            bank="goes",
            is_denied=True,
        ),
        ReturnCode(
            "R31",
            "Permissible return",
            "Your bank says that the company holding the account sent this transfer back.",
            _ASK_BANK,
        ),
    )
}

# Ours, of transfers that never reached a bank or were taken back by us.
ENDINGS = {
    "account_unavailable": "Your wallet could not take part in transfers when the bank was to be asked.",
    "bank_removed": "This bank was no longer linked when it was to be asked.",
    "limit_lowered": "Your limits had changed before the bank was asked.",
    "canceled_by_owner": "You canceled it.",
    "canceled": "The transfer was canceled before any money moved.",
}


def bank_goes(code: str | None) -> bool:
    """Whether a bank that returned with this code can no longer be used here."""
    known = RETURN_CODES.get(code or "")
    return known is not None and known.bank == "goes"


def is_denied(code: str | None) -> bool:
    """Whether the account's owner says that they did not agree."""
    known = RETURN_CODES.get(code or "")
    return known is not None and known.is_denied


def why(code: str | None) -> str:
    """What the bank says, or "" for a code that is not known."""
    known = RETURN_CODES.get(code or "")
    return known.sentence if known else ENDINGS.get(code or "", "")


def what_to_do(code: str | None) -> str:
    """What the person can do about it, and whether the bank is still theirs to use; "" for what is not a bank's."""
    known = RETURN_CODES.get(code or "")
    if known is None:
        return ""
    return f"{'This bank was taken off your list. ' if known.bank == 'goes' else ''}{known.todo}"
