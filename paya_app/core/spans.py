"""How long from now, in words.

A sentence is read in many time zones and written in none, so it says how long; the machine's time travels beside it
and pages show that in the reader's own zone.
"""

import math
from datetime import datetime, timedelta

MINUTES_MAX = 90
HOURS_MAX = 36


def span_in_words(span: timedelta) -> str:
    """`a minute`, `9 minutes`, `about 5 hours`, `about 3 days`: rounded up, so that nobody comes back too early."""
    seconds = max(0, math.ceil(span.total_seconds()))
    minutes, hours, days = (math.ceil(seconds / unit) for unit in (60, 3600, 86400))
    if minutes <= 1:
        return "a minute"
    if minutes <= MINUTES_MAX:
        return f"{minutes} minutes"
    return f"about {hours} hours" if hours <= HOURS_MAX else f"about {days} days"


def moment(value: datetime | str) -> datetime:
    """The time of an ISO 8601 text with an offset, or of what is a time already."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
