"""Whoever owns an account is told of a new bitcoin address by every way there is, wished for or not."""

from paya_app import notifications, savings
from tests.notifications.told import ADDRESS, confirm, deliveries, tell
from tests.savings.withdrawn import an_address
from tests.support.signing_in import served

BITCOIN = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"


async def test_a_new_address_is_told_by_mail_and_text_in_quiet_hours_too(database, people, mails):
    async with served(database) as parts:
        ann = await people.join("ann")
        phone = await database.value("select '+' || phone from auth.users where id = %s", (ann.user_id,))
        await confirm(database, mails, ann)
        await notifications.set_hours(ann, quiet=(0, 1439), zone="UTC", remind_hours=24)
        address_id = await an_address(ann, BITCOIN)
        await tell(database)
        told = [row[1:] for row in await deliveries(database) if row[0] == "withdrawal_address.added"]
        assert told == [("email", "sent", None), ("sms", "sent", None)]
        newest = (await mails.to(ADDRESS))[0]
        assert "Was it not you?" in newest.body
        assert "/notices/unsubscribe" not in newest.body
        assert BITCOIN not in newest.body
        (text,) = (await parts.browser.get("/local/phone/messages", params={"to": phone})).json()["messages"]
        assert "/save/withdraw/" in text["body"]
        assert len(text["body"]) < 320
        # and removed again, it is told to nobody: whoever did it knows
        await savings.remove_address(ann, address_id)
        await tell(database)
        assert len([row for row in await deliveries(database) if row[0].startswith("withdrawal_address")]) == 2


async def test_nobody_can_choose_not_to_be_told(database, people, mails):
    ann = await people.join("ann")
    assert not await database.value(
        "select notifications.unsubscribe(%s, 'withdrawal_address.added', 'email')", (ann.user_id,)
    )
    assert await database.value("select notifications.is_wanted(%s, 'withdrawal_address.added', 'sms')", (ann.user_id,))
