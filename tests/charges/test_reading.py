"""What an account sees: pages that overlook and repeat nothing, and filters."""

from uuid import UUID

import pytest

from paya_app import charges
from paya_app.charges import ChargeFieldInvalid
from tests.charges.shop import Shop


async def pages(shop, filters=None, maximum=3):
    found, after = [], None
    while True:
        page = await charges.list_charges(shop.account_id, filters, after=after, maximum=maximum)
        found += [one["id"] for one in page["data"]]
        assert (len(page["data"]) == maximum) or not page["has_more"]
        if not page["has_more"]:
            assert page["next_cursor"] is None
            return found
        assert page["next_cursor"] == page["data"][-1]["id"]
        after = UUID(page["next_cursor"])


async def test_pages_hold_everything_once_the_newest_first(database, shop):
    made = [(await shop.charge(100 + n))["id"] for n in range(10)]
    await Shop(database).charge()
    for maximum in (1, 3, 5, 10, 100):
        assert await pages(shop, maximum=maximum) == made[::-1]


async def test_filters_find_what_they_say(shop):
    await shop.freeze("2027-03-01 09:00")
    first = await shop.charge(100, metadata={"order": "1", "shop": "a"})
    lost = await shop.charge(100, "lost", metadata={"order": "2"})
    await shop.pass_time(hours=1)
    amex = await shop.charge(100, "amex", metadata={"shop": "a"})
    await shop.capture(amex)

    async def found(**filters):
        return await pages(shop, filters)

    assert await found(status="authorized") == [first["id"]]
    assert await found(status="declined") == [lost["id"]]
    assert await found(status="captured") == await found(card_id=amex["card"]["id"]) == [amex["id"]]
    assert await found(metadata={"shop": "a"}) == [amex["id"], first["id"]]
    assert await found(metadata={"shop": "a"}, card_id=first["card"]["id"]) == [first["id"]]
    assert await found(created_gte="2027-03-01T15:00:00Z") == [amex["id"]]
    assert await found(created_lt="2027-03-01T10:00:00-05:00") == [lost["id"], first["id"]]
    assert await found(status="refunded") == []


@pytest.mark.parametrize(
    ("filters", "param"),
    [
        ({"status": "paid"}, "status"), ({"status": 7}, "status"), ({"status": ["captured"]}, "status"),
        ({"created_gte": "yesterday"}, "created_gte"), ({"created_lt": "2027-02-30T00:00:00Z"}, "created_lt"),
        ({"created_lt": 5}, "created_lt"), ({"card_id": "4242"}, "card_id"), ({"metadata": "x"}, "metadata"),
        ({"color": "red"}, "filters"),
    ],
)  # fmt: skip
async def test_filters_that_are_none(shop, filters, param):
    with pytest.raises(ChargeFieldInvalid) as refused:
        await charges.list_charges(shop.account_id, filters)
    assert refused.value.facts["param"] == param


@pytest.mark.parametrize("maximum", [0, -1, 101])
async def test_pages_that_are_none(shop, maximum):
    for listed in (charges.list_charges, charges.list_settlements):
        with pytest.raises(ChargeFieldInvalid, match="limit"):
            await listed(shop.account_id, maximum=maximum)


async def test_settlements_come_in_pages(shop):
    for _ in range(3):
        await shop.captured()
        await charges.run_settlement(shop.account_id, everything=True)
    first = await charges.list_settlements(shop.account_id, maximum=2)
    rest = await charges.list_settlements(shop.account_id, maximum=2, after=UUID(first["next_cursor"]))
    ids = [one["id"] for one in first["data"] + rest["data"]]
    assert (len(set(ids)), ids == sorted(ids, reverse=True), rest["has_more"]) == (3, True, False)


async def test_a_charge_is_read_with_all_that_belongs_to_it(shop):
    charge = await shop.charge(1_000)
    capture = await shop.capture(charge, 500, final=False)
    refund = await shop.refund(charge, 5)
    dispute = await shop.dispute(charge["id"], 7)
    whole = await charges.read(shop.account_id, UUID(charge["id"]))
    assert [[one["id"] for one in whole[name]] for name in ("captures", "refunds", "disputes")] == [
        [capture["id"]], [refund["id"]], [dispute["id"]],
    ]  # fmt: skip
    for one in (capture, refund, dispute):
        assert (await shop.read(one))["charge"]["refunded_minor"] == 5
    with pytest.raises(ChargeFieldInvalid):
        await charges.read(shop.account_id, UUID(charge["id"]), "wallet")


async def test_a_page_of_many_is_found_by_its_index(database, shop):
    await shop.charge()
    async with await database.connect() as connection:
        await connection.execute("set enable_seqscan = off")
        for where, index in (("", "charge_pkey"), ("and c.card_id = gen_random_uuid()", "charge_by_card")):
            order = "c.account_id desc, c.card_id desc, c.id desc" if where else "c.account_id desc, c.id desc"
            rows = await connection.execute(
                f"explain select * from charges.charge c where c.account_id = gen_random_uuid() {where}"
                f" order by {order} limit 21".encode()
            )
            assert index in str(await rows.fetchall())
