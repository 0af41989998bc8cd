"""Refusals of notifications: what happened, and what to do."""

from typing import Any

from paya_app.core.errors import PayaError

NOTHING_CHANGED = "Nothing was changed."


class NoticeUnknown(PayaError):
    """There is no such kind of notice, or no such way of telling."""

    code = "notice_unknown"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"That is no kind of notice. {NOTHING_CHANGED} Open the page again and choose there."


class QuietHoursInvalid(PayaError):
    """Quiet hours lack an end, have no length, or are in no time zone."""

    code = "quiet_hours_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the rule."""
        return (
            "Not saved. Quiet hours have two different ends, written in 24 hours, and a zone like America/New_York;"
            f" reminders come 1 to 72 hours ahead. {NOTHING_CHANGED}"
        )


class EmailInvalid(PayaError):
    """No address that mail can be sent to."""

    code = "email_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Shows the form."""
        return f"That is no e-mail address we can write to. Write it like ann@example.com. {NOTHING_CHANGED}"


class LinkInvalid(PayaError):
    """A signed link is damaged, too old, or was replaced by a newer one."""

    code = "link_invalid"
    status = 403

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return (
            f"This link does not work any more. {NOTHING_CHANGED}"
            " Open Settings, Notifications, and choose there or ask for a new link."
        )


class DeviceInvalid(PayaError):
    """What the browser gave is no address at a push service that we know."""

    code = "device_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return (
            f"This browser's push service is none that we can send to. {NOTHING_CHANGED}"
            " E-mail and texts work anywhere."
        )


class DevicesLimit(PayaError):
    """As many browsers take push messages as may."""

    code = "devices_limit"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"Push works on {facts.get('max', 10)} devices at most. {NOTHING_CHANGED} Remove one first."
