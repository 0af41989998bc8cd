"""How pages speak of loads."""

from datetime import datetime, timedelta

from paya_app.banking import Load

UNDER_WAY = frozenset({"queued", "submitted", "pending", "settled"})
ENDED = frozenset({"failed", "canceled", "returned"})
# What is overdue is asked about within half a minute, and what may be spent is added once a minute.
LATE_AFTER = timedelta(seconds=90)

_WORDS = {
    "queued": "Queued",
    "submitted": "On its way",
    "pending": "On its way",
    "settled": "Arrived, held",
    "cleared": "Added",
    "failed": "Failed",
    "canceled": "Canceled",
    "returned": "Taken back",
}


def words(load: Load) -> str:
    """The state in a word or two."""
    return _WORDS[load.state]


def tone(load: Load) -> str:
    """Which colour the word has."""
    if load.state == "cleared":
        return "pos"
    return "neg" if load.state in ENDED else "brand"


def bank_name(load: Load) -> str:
    """`First Platypus Bank ··0000`."""
    return f"{load.source.bank_name} ··{load.source.last4}"


def expected_at(load: Load) -> datetime | None:
    """When the money is to be spendable, when that is known and still ahead."""
    ahead = [stage.expected_at for stage in load.stages if stage.at is None and stage.expected_at]
    return ahead[-1] if ahead else None


def late_at(load: Load) -> datetime | None:
    """From when on it is late; None when that is not known, or it is over."""
    expected = expected_at(load) if load.state in UNDER_WAY else None
    return expected + LATE_AFTER if expected else None


def late_words(load: Load, now: datetime) -> str:
    """What to say of a load that is later than its stages said; empty when it is not.

    One whose bank was not reached yet is expected at no time, and late.
    """
    if load.state not in UNDER_WAY:
        return ""
    due = late_at(load)
    is_late = due is None or due <= now
    return f"Later than expected. Nothing is lost; reference {load.reference}." if is_late else ""
