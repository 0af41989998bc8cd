"""How pages speak of limits."""

from paya_app.risk import SendLimits


def payments_left(limits: SendLimits) -> str:
    """`9 more payments this hour`."""
    if limits.left == 0:
        return "no more payments for now"
    window = "this hour" if limits.hour_max - limits.hour_used <= limits.day_max - limits.day_used else "today"
    return f"{limits.left} more payment{'' if limits.left == 1 else 's'} {window}"
