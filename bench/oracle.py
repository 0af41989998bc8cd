"""When schedules fall due, found by looking at every day and at the clock of every minute; slow, and written apart.

Nothing of `paya_app/savings/schedule.py` is used but what a schedule says.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from paya_app.savings.schedule import Schedule

MINUTE = timedelta(minutes=1)
# hours off by halves and quarters, changes of the clocks by an hour and by half of one, in spring, autumn and Ramadan
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


@dataclass
class Oracle:
    """Every due time between two moments, of schedules that start a day after the first of them or later.

    Attributes:
        begin, end: UTC, whole hours.
        step: how often the clocks are looked at; a divisor of an hour.
    """

    begin: datetime
    end: datetime
    step: timedelta = MINUTE
    _walls: dict[str, tuple[list[datetime], list[datetime]]] = field(default_factory=dict)

    def walls(self, zone: str) -> tuple[list[datetime], list[datetime]]:
        """Where the clocks jump: the UTC minutes from which on a new offset holds, and the wall time shown then."""
        if zone not in self._walls:
            there = ZoneInfo(zone)
            since, shown = [], []
            moment, expected = self.begin, None
            while moment < self.end:
                wall = moment.astimezone(there).replace(tzinfo=None)
                if wall != expected:
                    since.append(moment)
                    shown.append(wall)
                moment, expected = moment + self.step, wall + self.step
            self._walls[zone] = since, shown
        return self._walls[zone]

    def wall_at(self, zone: str, moment: datetime) -> datetime:
        """What clocks show at a UTC minute."""
        since, shown = self.walls(zone)
        place = bisect_right(since, moment) - 1
        return shown[place] + (moment - since[place])

    def moment_of(self, zone: str, wall: datetime) -> datetime:
        """The first minute at which clocks show `wall`; when none does, as much later as it is after the last shown."""
        since, shown = self.walls(zone)
        for place, start in enumerate(since):
            end = since[place + 1] if place + 1 < len(since) else self.end
            if shown[place] <= wall < shown[place] + (end - start):
                return start + (wall - shown[place])
        before = max((place for place in range(len(since)) if shown[place] <= wall), key=lambda place: shown[place])
        return since[before] + (wall - shown[before])

    def every(self, schedule: Schedule) -> list[datetime]:
        """Every due time of this schedule, until three days before the end."""
        return self._hourly(schedule) if schedule.frequency == "hourly" else self._daily(schedule)

    def _daily(self, schedule: Schedule) -> list[datetime]:
        found, day, weekday_count = [], schedule.starts_on, 0
        last = min(schedule.ends_on or date.max, (self.end - timedelta(days=3)).date())
        while day <= last:
            weekday_count += int(day.strftime("%u")) in schedule.weekdays
            if falls_on(schedule, day, weekday_count):
                wall = datetime.combine(day, time(schedule.minute_of_day // 60, schedule.minute_of_day % 60))
                found.append(self.moment_of(schedule.zone, wall))
            day += timedelta(days=1)
        return found

    def _hourly(self, schedule: Schedule) -> list[datetime]:
        found = []
        hour = datetime.combine(schedule.starts_on, time(0), self.begin.tzinfo) - timedelta(days=1)
        hour = max(hour, self.begin)
        while hour < self.end - timedelta(days=3):
            shown = self._shown_in(hour, schedule)
            if not shown:  # it was skipped within this hour: by the clock as it went before
                wall = self.wall_at(schedule.zone, hour)
                shown = [hour + ((schedule.minute_of_day - wall.minute) % 60) * MINUTE]
            day = self.wall_at(schedule.zone, shown[0]).date()
            if schedule.starts_on <= day <= (schedule.ends_on or date.max):
                found.append(shown[0])
            hour += timedelta(hours=1)
        return found

    def _shown_in(self, hour: datetime, schedule: Schedule) -> list[datetime]:
        """The minutes of this hour at which clocks show the schedule's minute: one, but where clocks jump."""
        first, last = (self.wall_at(schedule.zone, hour + n * MINUTE) for n in (0, 59))
        if last - first == 59 * MINUTE:
            return [hour + ((schedule.minute_of_day - first.minute) % 60) * MINUTE]
        minutes = [hour + n * MINUTE for n in range(60)]
        return [moment for moment in minutes if self.wall_at(schedule.zone, moment).minute == schedule.minute_of_day]


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
            wanted = 31 if schedule.month_day in (None, -1) else schedule.month_day
            return day.day == wanted or (is_last and wanted > day.day)
