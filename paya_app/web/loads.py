"""How pages speak of loads."""

from datetime import datetime

from paya_app.banking import Load

UNDER_WAY = frozenset({"queued", "submitted", "pending", "settled"})
ENDED = frozenset({"failed", "canceled", "returned"})

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
