"""How pages speak of limits."""

from paya_app.core.money import format_cents
from paya_app.risk import SendLimits


def payments_left(limits: SendLimits) -> str:
    """`9 more payments this hour`."""
    if limits.left == 0:
        return "no more payments for now"
    window = "this hour" if limits.hour_max - limits.hour_used <= limits.day_max - limits.day_used else "today"
    return f"{limits.left} more payment{'' if limits.left == 1 else 's'} {window}"


def week_words(used_cents: int, max_cents: int) -> tuple[str, str, str, int]:
    """What a week has left, what of it is used, how much it may be, and the percentage that is used."""
    left_cents = max(0, max_cents - used_cents)
    percent = min(100, used_cents * 100 // max(1, max_cents))
    return format_cents(left_cents), format_cents(used_cents), format_cents(max_cents), percent
