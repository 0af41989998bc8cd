"""Two months round both changes of the clocks, in twelve zones: every occurrence once, none before its time."""

from datetime import UTC, datetime

import psycopg
import pytest

from bench.oracle import ZONES
from bench.savings_years import live, schedules, table, unaccounted_sats


def at(month: int, day: int, year: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        # Lord Howe Island goes forward, Europe and America go back
        (at(9, 25, 2027), at(11, 15, 2027)),
        # America and Europe go forward; Chile, Lord Howe Island and Chatham go back; Morocco's Ramadan; 29 February
        (at(2, 20, 2028), at(4, 12, 2028)),
    ],
)
async def test_every_occurrence_happens_once(database, begin, end):
    chosen = schedules(60, begin, end, 7, hourly=("America/New_York", "Australia/Lord_Howe"), hourly_days=1)
    with psycopg.connect(database.url("supabase_admin"), autocommit=True) as superuser:
        tallies = await live(superuser, chosen, begin, end, print)
        assert unaccounted_sats(superuser) == 0
    assert {tally.zone for tally in tallies if tally.expected > 20} == set(ZONES)
    assert all(tally.is_right for tally in tallies), table(tallies)
    assert max(tally.late_s for tally in tallies) < 12 * 3600
