"""What the page of notices shows and reads: rows of what is chosen and was told, hours as people write them."""

import re
from dataclasses import dataclass

from paya_app import notifications
from paya_app.notifications import NoticeSettings, QuietHoursInvalid, Told

QUIET_FROM, QUIET_TO = "22:00", "07:00"
_TIME = re.compile(r"\s*([0-9]{1,2})(?:\s*[:.h]?\s*([0-9]{2}))?\s*")
_CHANNELS = {"email": "E-mail", "sms": "Text", "push": "Push"}
_STATES = {
    "waiting": "waiting",
    "sending": "being sent",
    "sent": "sent",
    "refused": "not delivered",
    "unknown": "may not have arrived",
    "dropped": "not sent",
}
_REASONS = {
    "quiet_hours": "after your quiet hours",
    "not_wanted": "you had turned it off",
    "too_late": "it would have come too late",
    "too_many_texts": "too many texts went out that day",
    "no_address": "there was nowhere to send it",
}


@dataclass
class KindRow:
    """One kind of notice, and by which channels it is told."""

    kind: str
    label: str
    email: bool
    sms: bool
    push: bool


@dataclass
class DeviceRow:
    """A browser that takes push messages."""

    id: str
    name: str
    endpoint: str
    since: str


@dataclass
class ToldRow:
    """What was told; `at` is ISO 8601, `how` says by which channel and what became of it."""

    id: str
    subject: str
    how: str
    path: str
    at: str


def kind_rows(chosen: NoticeSettings) -> list[KindRow]:
    """Every kind, as it is chosen."""
    return [
        KindRow(
            each.kind,
            each.label,
            **{channel: (each.kind, channel) in chosen.wanted for channel in ("email", "sms", "push")},
        )
        for each in notifications.KINDS
    ]


def device_rows(chosen: NoticeSettings) -> list[DeviceRow]:
    """Every browser that takes push messages."""
    return [DeviceRow(str(each.id), each.name, each.endpoint, each.created_at.isoformat()) for each in chosen.devices]


def told_row(told: Told) -> ToldRow:
    """One line of the history."""
    why = _REASONS.get(told.reason or "", "")
    state = _STATES[told.state] if told.reason != "quiet_hours" else "waiting"
    how = f"{_CHANNELS[told.channel]}, {state}" + (f": {why}" if why else "")
    return ToldRow(str(told.id), told.subject, how, told.path, told.at.isoformat())


def clock(minute: int | None, otherwise: str) -> str:
    """`22:00` for a minute of the day."""
    return otherwise if minute is None else f"{minute // 60:02d}:{minute % 60:02d}"


def read_clock(text: str) -> int:
    """The minute of the day that people mean by `22`, `22:30`, `2230`, `7.15`.

    Raises:
        QuietHoursInvalid: no time of day.
    """
    found = _TIME.fullmatch(text) if len(text) < 20 else None  # noqa: PLR2004
    if found is None:
        raise QuietHoursInvalid
    hour, minute = int(found[1]), int(found[2] or 0)
    if hour > 23 or minute > 59:  # noqa: PLR2004
        raise QuietHoursInvalid
    return hour * 60 + minute


def read_hours(text: str) -> int:
    """A whole number of hours.

    Raises:
        QuietHoursInvalid: none.
    """
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 4):  # noqa: PLR2004
        raise QuietHoursInvalid
    return int(text)
