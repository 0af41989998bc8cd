import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from paya_app.savings.schedule import Schedule, next_after, upcoming
from tests.savings import oracle

NEW_YORK = "America/New_York"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def daily(zone: str, minute_of_day: int, **more) -> Schedule:
    return Schedule("daily", zone, date(2027, 9, 1), minute_of_day, **more)


def dues(schedule: Schedule, after: str, count: int) -> list[str]:
    return [f"{due:%Y-%m-%d %H:%M}" for due in upcoming(schedule, utc(after), count)]


def chosen_at_random(chance: random.Random, zone: str, frequency: str) -> Schedule:
    starts_on = date(2027, 8, 28) + timedelta(days=chance.randrange(200))
    minute = chance.choice((chance.randrange(1440), chance.randrange(240), chance.randrange(1380, 1440)))
    weekdays: tuple[int, ...] = ()
    if frequency == "weekly":
        weekdays = tuple(sorted(chance.sample(range(1, 8), chance.randint(1, 4))))
    if frequency == "biweekly":
        weekdays = (chance.randint(1, 7),)
    return Schedule(
        frequency,  # pyright: ignore[reportArgumentType] - one of them
        zone,
        starts_on,
        minute % 60 if frequency == "hourly" else minute,
        weekdays,
        chance.choice((-1, 31, 30, 29, 28, chance.randint(1, 31))) if frequency == "monthly" else None,
        starts_on + timedelta(days=chance.randrange(60)) if chance.random() < 0.2 else None,
    )


@pytest.mark.parametrize("zone", oracle.ZONES)
@pytest.mark.parametrize("frequency", ["daily", "weekdays", "weekly", "biweekly", "monthly"])
def test_every_due_time_is_the_oracles(zone, frequency):
    chance = random.Random(f"{zone} {frequency}")  # noqa: S311 - the same cases every time
    for _ in range(15):
        schedule = chosen_at_random(chance, zone, frequency)
        expected = oracle.every(schedule)
        assert upcoming(schedule, oracle.BEGIN, len(expected)) == expected, schedule
        span = int((oracle.END - oracle.BEGIN).days * 1440 * 0.9)
        for _ in range(8):
            after = oracle.BEGIN + timedelta(minutes=chance.randrange(span))
            after = chance.choice((after, chance.choice(expected or [after])))
            later = [due for due in expected if due > after]
            if later or schedule.ends_on:
                assert next_after(schedule, after) == (later[0] if later else None), (schedule, after)


@pytest.mark.parametrize("zone", oracle.ZONES)
def test_every_hour_is_the_oracles(zone):
    chance = random.Random(zone)  # noqa: S311 - the same cases every time
    for minute in (0, 15, 45, chance.randrange(60)):
        schedule = Schedule("hourly", zone, date(2027, 8, 28), minute)
        expected = oracle.every(schedule)
        found = upcoming(schedule, oracle.BEGIN, len(expected))
        assert found == expected, schedule
        hours = [due.replace(minute=0) for due in found]
        assert len(set(hours)) == len(hours)
        assert hours[-1] - hours[0] == timedelta(hours=len(hours) - 1), "no hour is left out"
        for place in chance.sample(range(len(found) - 1), 50):
            assert next_after(schedule, found[place]) == found[place + 1]
            assert next_after(schedule, found[place + 1] - timedelta(seconds=1)) == found[place + 1]


def test_a_time_that_is_skipped_happens_as_much_later():
    # 2028-03-12 02:30 does not exist: 03:30 summer time, which is 07:30 UTC
    assert dues(daily(NEW_YORK, 150), "2028-03-11 12:00", 2) == ["2028-03-12 07:30", "2028-03-13 06:30"]


def test_a_time_that_comes_twice_happens_at_its_first():
    assert dues(daily(NEW_YORK, 90), "2027-11-06 12:00", 2) == ["2027-11-07 05:30", "2027-11-08 06:30"]
    first = next_after(daily(NEW_YORK, 90), utc("2027-11-07 05:30"))
    assert first == utc("2027-11-08 06:30"), "the second 01:30 is no due time"


def test_half_an_hour_is_skipped_on_lord_howe_island():
    assert dues(daily("Australia/Lord_Howe", 135), "2027-10-02 00:00", 2) == ["2027-10-02 15:45", "2027-10-03 15:15"]


def test_a_midnight_that_does_not_exist():
    assert dues(daily("America/Santiago", 0), "2027-09-04 12:00", 2) == ["2027-09-05 04:00", "2027-09-06 03:00"]


def test_a_day_of_25_hours_has_25_and_one_of_23_has_23():
    schedule = Schedule("hourly", NEW_YORK, date(2027, 9, 1), 10)
    for day, count in ((date(2027, 11, 7), 25), (date(2028, 3, 12), 23), (date(2027, 12, 1), 24)):
        only = Schedule("hourly", NEW_YORK, day, 10, ends_on=day)
        assert len(upcoming(only, utc("2027-09-01"), 100)) == count
    assert dues(schedule, "2027-11-07 05:05", 3) == ["2027-11-07 05:10", "2027-11-07 06:10", "2027-11-07 07:10"]


def test_day_31_is_the_last_of_a_shorter_month_and_comes_back():
    schedule = Schedule("monthly", "UTC", date(2027, 12, 1), 540, month_day=31)
    assert [due[5:10] for due in dues(schedule, "2027-12-01", 6)] == [
        "12-31",
        "01-31",
        "02-29",
        "03-31",
        "04-30",
        "05-31",
    ]
    last = Schedule("monthly", "UTC", date(2027, 12, 1), 540, month_day=-1)
    assert upcoming(last, utc("2027-12-01"), 40) == upcoming(schedule, utc("2027-12-01"), 40)
    leap = Schedule("monthly", "UTC", date(2028, 2, 1), 0, month_day=29)
    assert [due[:10] for due in dues(leap, "2028-02-01", 13)][::12] == ["2028-02-29", "2029-02-28"]


def test_two_weeks_count_from_the_start_however_late_one_looks():
    schedule = Schedule("biweekly", NEW_YORK, date(2027, 9, 1), 540, (5,))
    assert [due[:10] for due in dues(schedule, "2027-08-01", 3)] == ["2027-09-03", "2027-09-17", "2027-10-01"]
    assert next_after(schedule, utc("2037-09-01")) == utc("2037-09-04 13:00")
    assert (date(2037, 9, 4) - date(2027, 9, 3)).days % 14 == 0


def test_a_day_that_a_country_skipped_is_no_second_buy():
    # Samoa went from 29 December to 31 December 2011
    schedule = Schedule("daily", "Pacific/Apia", date(2011, 12, 28), 720)
    found = upcoming(schedule, utc("2011-12-28 00:00"), 4)
    assert found == sorted(set(found))
    assert [f"{due:%d %H:%M}" for due in found] == ["28 22:00", "29 22:00", "30 22:00", "31 22:00"]


def test_the_first_and_the_last_day_are_those_of_the_zone():
    schedule = Schedule("daily", "Pacific/Kiritimati", date(2027, 9, 1), 30, ends_on=date(2027, 9, 2))
    assert dues(schedule, "2027-01-01", 9) == ["2027-08-31 10:30", "2027-09-01 10:30"]
    assert next_after(schedule, utc("2027-09-01 10:30")) is None


def test_no_occurrence_is_none():
    only_monday = Schedule("weekly", "UTC", date(2027, 8, 31), 0, (1,), ends_on=date(2027, 9, 5))
    assert next_after(only_monday, utc("2027-01-01")) is None
    assert upcoming(only_monday, utc("2027-01-01"), 3) == []
    assert next_after(Schedule("weekly", "UTC", date(2027, 8, 31), 0), utc("2027-01-01")) is None


def test_after_is_never_answered_with_itself_whatever_zone_it_is_in():
    schedule = daily(NEW_YORK, 540)
    there = utc("2027-09-02 13:00").astimezone(ZoneInfo("Asia/Tokyo"))
    assert next_after(schedule, there) == utc("2027-09-03 13:00")
    assert next_after(schedule, there - timedelta(microseconds=1)) == utc("2027-09-02 13:00")
