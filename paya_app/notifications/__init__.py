"""Notices: what became of things, told by e-mail, text or push, as each person chose.

It reads the events of other domains and none of them knows of it. Which event makes a notice is data
(`notifications.kind`), what it says is in `templates.py`, and each is told at most once by each channel (`sending.py`).
"""

from paya_app.notifications.errors import (
    DeviceInvalid,
    DevicesLimit,
    EmailInvalid,
    LinkInvalid,
    NoticeUnknown,
    QuietHoursInvalid,
)
from paya_app.notifications.kinds import CHANNELS, KINDS, LABELS
from paya_app.notifications.links import read_confirm, read_unsubscribe
from paya_app.notifications.preferences import (
    Device,
    NoticeSettings,
    Told,
    add_device,
    ask_email,
    choose,
    confirm_email,
    history,
    my_settings,
    remove_device,
    remove_email,
    set_hours,
    unsubscribe,
)
from paya_app.notifications.sending import deliver, follow

__all__ = [
    "CHANNELS",
    "KINDS",
    "LABELS",
    "Device",
    "DeviceInvalid",
    "DevicesLimit",
    "EmailInvalid",
    "LinkInvalid",
    "NoticeSettings",
    "NoticeUnknown",
    "QuietHoursInvalid",
    "Told",
    "add_device",
    "ask_email",
    "choose",
    "confirm_email",
    "deliver",
    "follow",
    "history",
    "my_settings",
    "read_confirm",
    "read_unsubscribe",
    "remove_device",
    "remove_email",
    "set_hours",
    "unsubscribe",
]
