"""When schedules fall due between two moments, by `bench/oracle.py`."""

from datetime import UTC, datetime

from bench.oracle import ZONES, Oracle

# both changes of the clocks in either hemisphere, Ramadan in Casablanca, months of every length and a leap day
BEGIN, END = datetime(2027, 8, 25, tzinfo=UTC), datetime(2028, 5, 10, tzinfo=UTC)

every = Oracle(BEGIN, END).every

__all__ = ["BEGIN", "END", "ZONES", "every"]
