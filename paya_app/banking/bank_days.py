"""Days on which US banks settle: the Federal Reserve's calendar."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
BY = time(12, 0)
SATURDAY, SUNDAY, MONDAY, THURSDAY = 5, 6, 0, 3
_FIXED = ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25))
# month, weekday, which one (-1: the last): King, Presidents, Memorial, Labor, Columbus, Thanksgiving
_FLOATING = ((1, MONDAY, 3), (2, MONDAY, 3), (5, MONDAY, -1), (9, MONDAY, 1), (10, MONDAY, 2), (11, THURSDAY, 4))


def is_bank_day(day: date) -> bool:
    """Whether the Federal Reserve is open: no weekend, no holiday (Sunday's are kept on Monday, Saturday's not)."""
    return day.weekday() not in (SATURDAY, SUNDAY) and day not in _holidays(day.year)


def _holidays(year: int) -> set[date]:
    fixed = (date(year, month, day) for month, day in _FIXED)
    observed = {day + timedelta(days=day.weekday() == SUNDAY) for day in fixed}
    return observed | {_nth(year, month, weekday, which) for month, weekday, which in _FLOATING}


def _nth(year: int, month: int, weekday: int, which: int) -> date:
    if which > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7)


def after_bank_days(moment: datetime, bank_days: int) -> datetime:
    """Noon in New York on the `bank_days`-th bank day after `moment`; `moment` itself for none."""
    if bank_days <= 0:
        return moment
    day = moment.astimezone(NEW_YORK).date()
    while bank_days:
        day += timedelta(days=1)
        bank_days -= is_bank_day(day)
    return datetime.combine(day, BY, NEW_YORK).astimezone(UTC)
