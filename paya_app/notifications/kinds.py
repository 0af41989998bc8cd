"""What people can be told of, and by which channels."""

from dataclasses import dataclass

CHANNELS = ("email", "sms", "push")
EMAIL_ASKED = "notices.email_asked"
ADDRESS_ADDED = "withdrawal_address.added"
# about a person's bitcoin or address, and no plan of theirs
OF_NO_PLAN = frozenset({EMAIL_ASKED, ADDRESS_ADDED, "withdrawal.sent", "withdrawal.failed"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of notice: the event that makes it, and what it is called where it is chosen."""

    kind: str
    label: str


KINDS = (
    Kind("reminder.came", "Before a buy"),
    Kind("buy.bought", "Bought"),
    Kind("buy.waits", "Waiting for money"),
    Kind("buy.skipped", "Skipped"),
    Kind("buy.failed", "Could not be bought"),
    Kind("plan.paused", "Plan paused"),
    Kind("plan.ended", "Plan ended"),
    Kind("withdrawal.sent", "Bitcoin withdrawn"),
    Kind("withdrawal.failed", "Could not be withdrawn"),
)
LABELS = {each.kind: each.label for each in KINDS} | {
    EMAIL_ASKED: "Confirm your address",
    ADDRESS_ADDED: "New bitcoin address",
}
