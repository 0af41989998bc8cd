"""When a plan buys: its due times, computed from what the person chose in their own time zone.

Nothing here reads a clock or a database. A wall time that the clocks skip happens as far after the gap as the clocks
jumped, and one that they show twice happens at its first showing (RFC 5545, section 3.3.5).
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

Frequency = Literal["hourly", "daily", "weekdays", "weekly", "biweekly", "monthly"]

LAST_DAY = -1
FRIDAY = 5  # ISO: Monday is 1
FORTNIGHT_DAYS = 14

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
# A zone may skip a whole day (Samoa did): whoever looks for what comes after a moment begins two days before it.
_LOOK_BACK = 2 * _DAY


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the person chose. Dates and times are those of `zone`.

    Attributes:
        zone: IANA name, like `America/New_York`.
        starts_on: the first day that it may fall on; two-week schedules count from it.
        minute_of_day: 0 to 1439; of an hourly schedule the minute of the hour, 0 to 59.
        weekdays: ISO 1 (Monday) to 7: one or more of a weekly schedule, exactly one of a two-week schedule.
        month_day: of a monthly schedule 1 to 31, or -1 for the last day. In a shorter month it is the last day.
        ends_on: the last day that it may fall on, or None.
    """

    frequency: Frequency
    zone: str
    starts_on: date
    minute_of_day: int
    weekdays: tuple[int, ...] = ()
    month_day: int | None = None
    ends_on: date | None = None


def next_after(schedule: Schedule, after: datetime) -> datetime | None:
    """The first due time strictly later than `after`, in UTC, or None when there is none any more."""
    return next(due_times(schedule, after), None)


def upcoming(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """The next `count` due times strictly later than `after`, in UTC; fewer when the schedule ends before."""
    return list(islice(due_times(schedule, after), count))


def due_times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Every due time strictly later than `after`, in UTC and in order, each once."""
    zone = ZoneInfo(schedule.zone)
    for due in _hours(schedule, zone, after) if schedule.frequency == "hourly" else _dates(schedule, zone, after):
        if due > after:
            yield due
            after = due


def _dates(schedule: Schedule, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The due times of the days that it falls on, from shortly before `after`."""
    at = time(schedule.minute_of_day // 60, schedule.minute_of_day % 60)
    first = max(schedule.starts_on, (after.astimezone(zone) - _LOOK_BACK).date())
    for day in _days(schedule, first):
        if schedule.ends_on is not None and day > schedule.ends_on:
            return
        # fold 0 is the first of two showings, and in a gap the offset from before it
        yield datetime.combine(day, at, zone).astimezone(UTC)


def _days(schedule: Schedule, first: date) -> Iterator[date]:
    """The days that it falls on, from `first` on, which is no earlier than its start."""
    match schedule.frequency:
        case "monthly":
            yield from _month_days(schedule.month_day or 1, first)
        case "biweekly":
            weekday = schedule.weekdays[0]
            anchor = schedule.starts_on + ((weekday - schedule.starts_on.isoweekday()) % 7) * _DAY
            past_days = (first - anchor).days
            day = first + (-past_days % FORTNIGHT_DAYS) * _DAY if past_days > 0 else anchor
            while True:
                yield day
                day += FORTNIGHT_DAYS * _DAY
        case _:
            wanted = _weekdays(schedule)
            day = first
            while wanted:
                if day.isoweekday() in wanted:
                    yield day
                day += _DAY


def _weekdays(schedule: Schedule) -> frozenset[int]:
    match schedule.frequency:
        case "daily":
            return frozenset(range(1, 8))
        case "weekdays":
            return frozenset(range(1, FRIDAY + 1))
        case _:
            return frozenset(schedule.weekdays)


def _month_days(month_day: int, first: date) -> Iterator[date]:
    year, month = first.year, first.month
    while True:
        length = monthrange(year, month)[1]
        day = date(year, month, length if month_day == LAST_DAY else min(month_day, length))
        if day >= first:
            yield day
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004 - months of a year


def _hours(schedule: Schedule, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """One due time in every hour of UTC, so that a day of 25 hours has 25, from the hour of `after` on."""
    begin = datetime.combine(schedule.starts_on, time(0), zone).astimezone(UTC)
    hour = max(after.astimezone(UTC), begin - _HOUR).replace(minute=0, second=0, microsecond=0)
    while True:
        due = _in_hour(hour, zone, schedule.minute_of_day)
        day = due.astimezone(zone).date()
        if schedule.ends_on is not None and day > schedule.ends_on:
            return
        if day >= schedule.starts_on:
            yield due
        hour += _HOUR


def _in_hour(hour: datetime, zone: ZoneInfo, minute: int) -> datetime:
    """The first moment in the hour of UTC from `hour` on at which clocks show this minute.

    Where clocks jump by half an hour (Lord Howe Island), an hour may not show it: then by the offset before the jump.
    """
    before, later = (
        hour + timedelta(minutes=(minute - _offset_minutes(moment, zone)) % 60)
        for moment in (hour, hour + _HOUR - timedelta(minutes=1))
    )
    shown = [due for due in (before, later) if due.astimezone(zone).minute == minute]
    return min(shown, default=before)


def _offset_minutes(moment: datetime, zone: ZoneInfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 - the moment has a zone
    return int(offset.total_seconds() // 60)
