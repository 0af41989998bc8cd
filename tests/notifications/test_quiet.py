"""Quiet hours: over midnight, and in the nights in which the clock changes."""

from datetime import UTC, datetime, timedelta

import pytest

from paya_app import notifications
from paya_app.notifications import QuietHoursInvalid
from paya_app.notifications.quiet import quiet_until
from tests.notifications.told import ADDRESS, bought, confirm, deliveries, tell, waiting

NEW_YORK, BERLIN = "America/New_York", "Europe/Berlin"
NIGHT = {"from_minute": 22 * 60, "to_minute": 7 * 60}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-07-01 20:00", None),  # 22:00 there is 20:00 UTC, and quiet begins with it
        ("2026-07-01 19:59", None),
        ("2026-07-02 05:00", None),  # 07:00: it is over
    ],
)
def test_the_ends_of_the_night(at, until):
    found = quiet_until(utc(at), **NIGHT, zone=BERLIN)
    assert found == (utc("2026-07-02 05:00") if at == "2026-07-01 20:00" else until)


def test_over_midnight_it_ends_on_the_next_day_and_after_midnight_on_this_one():
    for at in ("2026-07-01 21:30", "2026-07-01 22:30", "2026-07-02 04:59"):
        assert quiet_until(utc(at), **NIGHT, zone=BERLIN) == utc("2026-07-02 05:00")


def test_hours_within_a_day():
    day = {"from_minute": 9 * 60, "to_minute": 17 * 60, "zone": "UTC"}
    assert quiet_until(utc("2026-07-01 08:59"), **day) is None
    assert quiet_until(utc("2026-07-01 09:00"), **day) == utc("2026-07-01 17:00")
    assert quiet_until(utc("2026-07-01 17:00"), **day) is None


def test_the_night_that_loses_an_hour_and_the_one_that_has_it_twice():
    spring = quiet_until(utc("2026-03-08 04:00"), **NIGHT, zone=NEW_YORK)  # 23:00 winter time
    assert spring == utc("2026-03-08 11:00")  # 07:00 summer time: seven hours on
    autumn = quiet_until(utc("2026-11-01 03:00"), **NIGHT, zone=NEW_YORK)  # 23:00 summer time
    assert autumn == utc("2026-11-01 12:00")  # 07:00 winter time: nine hours on


def test_an_end_that_the_clock_skips_comes_when_it_has_moved_on():
    skipped = {"from_minute": 60, "to_minute": 150, "zone": NEW_YORK}  # 01:00 to 02:30, and 02:00 to 03:00 is not there
    assert quiet_until(utc("2026-03-08 06:30"), **skipped) == utc("2026-03-08 07:30")  # 03:30 summer time


def test_an_end_that_comes_twice_is_its_first_and_then_its_second():
    twice = {"from_minute": 30, "to_minute": 90, "zone": NEW_YORK}  # 00:30 to 01:30
    assert quiet_until(utc("2026-11-01 05:10"), **twice) == utc("2026-11-01 05:30")  # the first 01:10
    assert quiet_until(utc("2026-11-01 05:30"), **twice) is None
    assert quiet_until(utc("2026-11-01 06:10"), **twice) == utc("2026-11-01 06:30")  # the second 01:10


def test_it_always_ends_within_a_day_and_an_hour_and_later_than_it_is():
    at, year = utc("2026-01-01 00:00"), timedelta(days=366)
    while at < utc("2026-01-01 00:00") + year:
        for zone in (NEW_YORK, BERLIN, "Australia/Lord_Howe", "Asia/Kathmandu", "Nowhere/AtAll"):
            until = quiet_until(at, **NIGHT, zone=zone)
            assert until is None or at < until <= at + timedelta(hours=10)
            assert until is None or quiet_until(until, **NIGHT, zone=zone) is None
        at += timedelta(minutes=97)


async def test_a_notice_waits_until_quiet_is_over_and_is_sent_once(database, people, mails, advance_clock):
    ann = await people.join("ann", cents=50_000)
    await confirm(database, mails, ann)
    now = (await database.value("select private.now()")).astimezone(UTC)
    minute = now.hour * 60 + now.minute
    await notifications.set_hours(ann, quiet=(minute, (minute + 120) % 1440), zone="UTC", remind_hours=24)
    await bought(database, ann)
    await tell(database)
    assert (await deliveries(database))[-1] == ("buy.bought", "email", "waiting", "quiet_hours")
    assert len(await mails.to(ADDRESS)) == 1
    await tell(database)
    assert await waiting(database) == []
    await advance_clock(hours=2)
    for _ in range(2):
        await tell(database)
    assert (await deliveries(database))[-1] == ("buy.bought", "email", "sent", None)
    assert len(await mails.to(ADDRESS)) == 2


@pytest.mark.parametrize(
    ("quiet", "zone", "hours"),
    [
        ((60, 60), "UTC", 24),
        ((-1, 60), "UTC", 24),
        ((0, 1440), "UTC", 24),
        ((0, 60), "Mars/Olympus", 24),
        ((0, 60), "", 24),
        ((0, 60), "../etc", 24),
        (None, "UTC", 0),
        (None, "UTC", 73),
    ],
)
async def test_hours_that_cannot_be_are_refused(people, quiet, zone, hours):
    ann = await people.join("ann")
    with pytest.raises(QuietHoursInvalid):
        await notifications.set_hours(ann, quiet=quiet, zone=zone, remind_hours=hours)
    assert (await notifications.my_settings(ann)).quiet_from_minute is None
