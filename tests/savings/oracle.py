"""When schedules fall due, found by looking at every day and at the clock of every minute; slow, and written apart."""

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from paya_app.savings.schedule import Schedule

MINUTE = timedelta(minutes=1)
# both changes of the clocks in either hemisphere, Ramadan in Casablanca, months of every length and a leap day
BEGIN, END = datetime(2027, 8, 25, tzinfo=UTC), datetime(2028, 5, 10, tzinfo=UTC)
ZONES = (
    "America/New_York",
    "America/St_Johns",
    "America/Phoenix",
    "America/Santiago",
    "Europe/London",
    "Europe/Berlin",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)


@cache
def walls(zone: str) -> tuple[list[datetime], list[datetime]]:
    """Where the clocks jump: the UTC minutes from which on a new offset holds, and the wall time shown then."""
    there = ZoneInfo(zone)
    since, shown = [], []
    moment, expected = BEGIN, None
    while moment < END:
        wall = moment.astimezone(there).replace(tzinfo=None)
        if wall != expected:
            since.append(moment)
            shown.append(wall)
        moment, expected = moment + MINUTE, wall + MINUTE
    return since, shown


def wall_at(zone: str, moment: datetime) -> datetime:
    """What clocks show at a UTC minute."""
    since, shown = walls(zone)
    place = bisect_right(since, moment) - 1
    return shown[place] + (moment - since[place])


def moment_of(zone: str, wall: datetime) -> datetime:
    """The first minute at which clocks show `wall`; when none does, as long after the last before as it is later."""
    since, shown = walls(zone)
    for place, start in enumerate(since):
        end = since[place + 1] if place + 1 < len(since) else END
        if shown[place] <= wall < shown[place] + (end - start):
            return start + (wall - shown[place])
    before = max((place for place in range(len(since)) if shown[place] <= wall), key=lambda place: shown[place])
    return since[before] + (wall - shown[before])


def falls_on(schedule: Schedule, day: date, weekday_count: int) -> bool:
    """Whether it falls on this day. `weekday_count`: such weekdays since its start, this one too."""
    is_last = (day + timedelta(days=1)).month != day.month
    match schedule.frequency:
        case "daily":
            return True
        case "weekdays":
            return day.strftime("%a") not in ("Sat", "Sun")
        case "weekly":
            return int(day.strftime("%u")) in schedule.weekdays
        case "biweekly":
            return int(day.strftime("%u")) in schedule.weekdays and weekday_count % 2 == 1
        case _:
            wanted = 31 if schedule.month_day == -1 else schedule.month_day
            assert wanted is not None
            return day.day == wanted or (is_last and wanted > day.day)


def every(schedule: Schedule) -> list[datetime]:
    """Every due time between BEGIN and END, of a schedule that starts a day after BEGIN or later."""
    return _hourly(schedule) if schedule.frequency == "hourly" else _daily(schedule)


def _daily(schedule: Schedule) -> list[datetime]:
    found, day, weekday_count = [], schedule.starts_on, 0
    last = min(schedule.ends_on or date.max, (END - timedelta(days=3)).date())
    while day <= last:
        weekday_count += int(day.strftime("%u")) in schedule.weekdays
        if falls_on(schedule, day, weekday_count):
            wall = datetime.combine(day, time(schedule.minute_of_day // 60, schedule.minute_of_day % 60))
            found.append(moment_of(schedule.zone, wall))
        day += timedelta(days=1)
    return found


def _hourly(schedule: Schedule) -> list[datetime]:
    found = []
    hour = datetime(schedule.starts_on.year, schedule.starts_on.month, schedule.starts_on.day, tzinfo=UTC)
    hour -= timedelta(days=1)
    hour = max(hour, BEGIN)
    while hour < END - timedelta(days=3):
        minutes = [hour + n * MINUTE for n in range(60)]
        if wall_at(schedule.zone, minutes[-1]) - wall_at(schedule.zone, hour) == 59 * MINUTE:
            minutes = [hour + ((schedule.minute_of_day - wall_at(schedule.zone, hour).minute) % 60) * MINUTE]
        shown = [moment for moment in minutes if wall_at(schedule.zone, moment).minute == schedule.minute_of_day]
        if not shown:  # it was skipped within this hour: by the clock as it went before
            wall = wall_at(schedule.zone, hour)
            shown = [hour + ((schedule.minute_of_day - wall.minute) % 60) * MINUTE]
        day = wall_at(schedule.zone, shown[0]).date()
        if schedule.starts_on <= day <= (schedule.ends_on or date.max):
            found.append(shown[0])
        hour += timedelta(hours=1)
    return found
