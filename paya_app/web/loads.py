"""How pages speak of loads and redemptions: money on its way from a bank, or to one."""

from datetime import datetime, timedelta

from paya_app.banking import Load, Redemption
from paya_app.web.banks import source_name

BankTransfer = Load | Redemption

UNDER_WAY = frozenset({"queued", "submitted", "pending", "settled"})
ENDED = frozenset({"failed", "canceled", "returned"})
# What is overdue is asked about within half a minute, and what may be spent is added once a minute.
LATE_AFTER = timedelta(seconds=90)
REACHED_AFTER = timedelta(minutes=2)

_WORDS = {
    "queued": "Queued",
    "submitted": "Queued",  # until the bank has said that it took it
    "pending": "On its way",
    "settled": "Arrived, held",
    "cleared": "Added",
    "failed": "Failed",
    "canceled": "Canceled",
    "returned": "Taken back",
}
_REDEMPTION_WORDS = _WORDS | {"settled": "On its way", "cleared": "Paid", "returned": "Sent back"}


def words(moved: BankTransfer) -> str:
    """The state in a word or two."""
    return (_REDEMPTION_WORDS if isinstance(moved, Redemption) else _WORDS)[moved.state]


def is_queued(moved: BankTransfer) -> bool:
    """Whether no bank has taken it yet."""
    return moved.state in ("queued", "submitted")


def tone(moved: BankTransfer) -> str:
    """Which colour the word has."""
    match moved.state:
        case "cleared":
            return "pos"
        case "canceled":
            return ""  # as was wished: nothing went wrong
        case _:
            return "neg" if moved.state in ENDED else "brand"


def cancel_words(moved: BankTransfer) -> str:
    """Why there is no button to cancel it, in a sentence; empty where there is one, or nothing is under way."""
    match moved.cancel:
        case "asked":
            return "You asked to cancel it. The bank says in a moment whether it still can."
        case "refused":
            return "It can no longer be canceled: the banks have begun with it."
        case "over" if moved.state == "settled" and isinstance(moved, Redemption):
            return "It can no longer be canceled: the money is on its way to your bank."
        case "over" if moved.state == "settled":
            return "It can no longer be canceled: the money has arrived here."
    return ""


def bank_name(moved: BankTransfer) -> str:
    """`First Platypus Bank ··0000`."""
    return source_name(moved.source)


def expected_at(moved: BankTransfer) -> datetime | None:
    """When the money is to be there, when that is known and it is not there yet; it may have passed."""
    ahead = [stage.expected_at for stage in moved.stages if stage.at is None and stage.expected_at]
    return ahead[-1] if ahead else None


def still_expected(at: datetime | None, now: datetime) -> str:
    """A time that something is expected at, ISO 8601; empty when it has passed: then it is late, and no promise."""
    return at.isoformat() if at and at > now else ""


def late_at(moved: BankTransfer) -> datetime | None:
    """From when on it is late; None when that is not known, or it is over."""
    expected = expected_at(moved) if moved.state in UNDER_WAY else None
    return expected + LATE_AFTER if expected else None


def late_words(moved: BankTransfer, now: datetime) -> str:
    """What to say of one that is later than its stages said; empty when it is not.

    One whose bank was not reached yet is expected at no time: it is late when its bank could have been.
    """
    if moved.state not in UNDER_WAY:
        return ""
    is_late = (late_at(moved) or moved.created_at + REACHED_AFTER) <= now
    return f"Later than expected. Nothing is lost; reference {moved.reference}." if is_late else ""
