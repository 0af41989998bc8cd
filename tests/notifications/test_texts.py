"""Texts cost us money: so many a day and no more, but of what is urgent."""

from paya_app import notifications
from tests.notifications.told import deliveries, tell
from tests.savings.buys import a_plan
from tests.savings.withdrawn import an_address
from tests.support.signing_in import served

LIMIT = "insert into risk.limit_value (name, value_max, reason) values ('notice_texts_day_count', 2, 'a test')"


async def texts(database):
    return [row for row in await deliveries(database) if row[1] == "sms"]


async def test_a_plan_paused_again_and_again_is_texted_twice_and_a_new_address_all_the_same(
    database, people, advance_clock
):
    async with served(database):
        ann = await people.join("ann")
        await database.rows(LIMIT)
        await notifications.choose(ann, kind="plan.paused", channel="sms", is_wanted=True)

        async def paused() -> None:
            plan_id = await a_plan(database, ann)
            await database.rows("select savings.pause_for(%s, 'insufficient_funds')", (plan_id,))
            await tell(database)

        for _ in range(3):
            await paused()
        await an_address(ann)
        await tell(database)
        assert await texts(database) == [
            ("plan.paused", "sms", "sent", None),
            ("plan.paused", "sms", "sent", None),
            ("plan.paused", "sms", "dropped", "too_many_texts"),
            ("withdrawal_address.added", "sms", "sent", None),
        ]
        await advance_clock(hours=24, minutes=1)
        await paused()
        assert (await texts(database))[-1] == ("plan.paused", "sms", "sent", None)
