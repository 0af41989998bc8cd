"""Quiet hours: whether it is quiet somewhere now, and when that ends. No database, no clock of its own."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_MINUTES = 24 * 60


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo | None:
    """The zone of this IANA name, or None."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def quiet_until(at: datetime, *, from_minute: int | None, to_minute: int | None, zone: str) -> datetime | None:
    """When the quiet that `at` lies in ends (UTC), or None when it is not quiet then.

    The hours are wall time: from 22:00 to 07:00 is nine hours, eight in the night that loses one and ten in the
    night that has one twice. An end that the clock skips comes when the clock has moved on; of an hour that comes
    twice, each may be quiet.

    Args:
        at: Any moment, with its zone.
        from_minute: When quiet begins, in minutes of the day; None for never.
        to_minute: When it ends; before `from_minute` it is on the next day.
        zone: IANA name; one that is unknown (any more) is taken for UTC.
    """
    if from_minute is None or to_minute is None or from_minute == to_minute:
        return None
    where = zone_of(zone) or UTC
    local = at.astimezone(where)
    minute = local.hour * 60 + local.minute
    since = (minute - from_minute) % DAY_MINUTES
    if since >= (to_minute - from_minute) % DAY_MINUTES:
        return None
    ends_on = local.date() + timedelta(days=1 if minute >= to_minute else 0)
    for fold in (0, 1):
        end = datetime(
            ends_on.year, ends_on.month, ends_on.day, to_minute // 60, to_minute % 60, tzinfo=where, fold=fold
        ).astimezone(UTC)
        if end > at:
            return end
    return None
