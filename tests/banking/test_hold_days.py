"""When held money may be spent: the day before, the day, the day after; over weekends and holidays."""

from datetime import UTC, datetime

import pytest

from paya_app import banking
from paya_app.banking.bank_days import NEW_YORK


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


async def set_clock(bank, moment: datetime) -> None:
    offset = moment - datetime.now(UTC)
    await bank.database.rows('update private.clock_offset set "offset" = %s', (offset,))


@pytest.mark.parametrize(
    "hold",
    [
        # from a Monday: the day before, the day just before and just after noon, the day after
        (3, "2027-03-01T15:00", ["2027-03-03T23:59", "2027-03-04T11:59"], "2027-03-04T12:01"),
        (3, "2027-03-01T15:00", ["2027-03-03T23:59"], "2027-03-05T00:01"),
        # T+1 over Martin Luther King's weekend: a Friday's money is there on Tuesday
        (1, "2027-01-15T15:00", ["2027-01-16T12:01", "2027-01-18T12:01", "2027-01-19T11:59"], "2027-01-19T12:01"),
        # Independence Day 2027 is a Sunday, kept on Monday
        (1, "2027-07-02T09:00", ["2027-07-05T12:01", "2027-07-06T11:59"], "2027-07-06T12:01"),
        # Christmas 2027 is a Saturday, kept by nobody: the Friday before is a bank day
        (1, "2027-12-23T09:00", ["2027-12-24T11:59"], "2027-12-24T12:01"),
        # the clocks change on Sunday, and noon stays noon
        (1, "2027-03-12T20:00", ["2027-03-15T11:59"], "2027-03-15T12:01"),
    ],
)
async def test_held_money_clears_at_noon_of_its_bank_day_and_not_before(bank, people, hold):
    bank_days, settled, before, after = hold
    ann = await people.join("ann")
    await bank.database.rows(
        "insert into banking.hold_policy (environment, bank_days, reason) values ('sandbox', %s, 'a test')",
        (bank_days,),
    )
    await set_clock(bank, new_york(settled))
    load = await bank.start(ann, 5000)
    await bank.work()
    await bank.settle()
    assert (await bank.load(ann, load)).state == "settled"
    for moment in before:
        await set_clock(bank, new_york(moment))
        assert await banking.clear_due() == 0, moment
        assert await bank.ledger() == {"reserve": -5000, "loads_uncleared": 5000}
    await set_clock(bank, new_york(after))
    assert await banking.clear_due() == 1
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}
