"""Authorizing, incrementing, capturing, letting go."""

from uuid import UUID

import pytest

from paya_app import charges
from paya_app.charges import (
    CardNotATestCard,
    ChargeAmountExceeds,
    ChargeStateInvalid,
    read_card,
)
from paya_app.charges.cards import TEST_CARDS
from paya_app.core.errors import KeyReused, NotFound
from paya_app.core.ids import new_id
from tests.charges.books import assert_books


async def test_a_charge_holds_what_it_may_capture(database, shop):
    charge = await shop.charge(1234, metadata={"order": "7"})
    assert (charge["status"], charge["authorized_minor"], charge["capturable_minor"]) == ("authorized", 1234, 1234)
    assert (charge["card"]["last4"], charge["metadata"], charge["version"]) == ("4242", {"order": "7"}, 1)
    assert await database.value("select held from sandbox.account where held > 0") == 1234
    assert await shop.kinds() == ["authorized"]
    await assert_books(database)


@pytest.mark.parametrize("card", TEST_CARDS, ids=lambda card: card.name)
async def test_every_card_does_what_is_said_of_it(database, shop, card):
    last4 = await database.value("select last4 from charges.test_card where name = %s", [card.name])
    assert card.number.endswith(last4)
    charge = await shop.charge(1001, read_card(card.number).name)
    if "is declined: " in card.does:
        assert (charge["status"], charge["decline_code"]) == ("declined", card.does.partition(": ")[2])
    elif card.name == "partial":
        assert charge["decline_code"] == "insufficient_funds"
        charge = await shop.charge(1001, "partial", allow_partial=True)
        assert (charge["status"], charge["authorized_minor"]) == ("partially_authorized", 501)
    else:
        assert charge["status"] == "authorized"


async def test_as_many_cards_here_as_in_the_database(database):
    assert {card.name for card in TEST_CARDS} == {
        n for (n,) in await database.rows("select name from charges.test_card")
    }


@pytest.mark.parametrize(
    ("amount", "code"), [(200_002, "card_declined"), (209_995, "insufficient_funds"), (200_119, "processing_error")]
)
async def test_some_amounts_are_declined_on_any_card(shop, amount, code):
    assert (await shop.charge(amount))["decline_code"] == code
    assert (await shop.charge(amount + 1))["status"] == "authorized"


async def test_a_decline_holds_nothing_and_is_told(database, shop):
    charge = await shop.charge(500, "lost")
    assert (charge["status"], charge["authorized_minor"], charge["expires_at"]) == ("declined", 0, None)
    assert await shop.kinds() == ["declined"]
    assert await database.value("select count(*) from sandbox.hold") == 0
    with pytest.raises(ChargeStateInvalid) as refused:
        await shop.capture(charge)
    assert refused.value.facts["state"] == "declined"
    assert (refused.value.facts["operations"], refused.value.facts["next_states"]) == ([], [])
    assert refused.value.status == 409


async def test_the_same_id_is_one_charge(database, shop):
    once = new_id()
    first = await shop.charge(700, charge_id=once)
    assert await shop.charge(700, charge_id=once) == first
    with pytest.raises(KeyReused, match="another charge"):
        await shop.charge(701, charge_id=once)
    declined = new_id()
    assert await shop.charge(700, "lost", charge_id=declined) == await shop.charge(700, "lost", charge_id=declined)
    assert await database.value("select count(*) from charges.charge") == 2
    assert await shop.kinds() == ["authorized", "declined"]


async def test_any_other_card_is_refused_and_its_number_not_said(shop):
    for number in ("4111111111111111", "4242424242424241", "", None, 42, "visa"):
        with pytest.raises(CardNotATestCard) as refused:
            read_card(number)
        assert (str(refused.value), refused.value.facts) == (CardNotATestCard().message, {})
    with pytest.raises(CardNotATestCard):
        await shop.charge(100, "platinum")
    assert read_card("4242 4242 4242 4242").name == read_card("4242-4242-4242-4242").name == "visa"


async def test_captured_in_parts_up_to_what_is_held(database, shop):
    charge = await shop.charge(1000)
    first = await shop.capture(charge, 300, final=False)
    assert (first["charge"]["status"], first["is_final"], first["fee_minor"]) == ("partially_captured", False, 39)
    with pytest.raises(ChargeAmountExceeds) as refused:
        await shop.capture(charge, 701, final=False)
    assert refused.value.facts["left_minor"] == 700
    second = await shop.capture(charge, 600)
    assert (second["charge"]["status"], second["charge"]["released_minor"]) == ("captured", 100)
    with pytest.raises(ChargeStateInvalid) as refused:
        await shop.capture(charge)
    assert refused.value.facts["state"] == "captured"
    assert refused.value.facts["operations"] == ["refund", "open_dispute"]
    assert "settled" in refused.value.facts["next_states"]
    await assert_books(database)


async def test_the_last_of_what_is_held_ends_a_charge_even_when_not_final(shop):
    charge = await shop.charge(1000)
    await shop.capture(charge, 400, final=False)
    assert (await shop.capture(charge, 600, final=False))["charge"]["status"] == "captured"


async def test_a_capture_of_one_id_is_one(database, shop):
    charge, other, once = await shop.charge(), await shop.charge(), new_id()
    first = await shop.capture(charge, 40, capture_id=once, final=False)
    assert await shop.capture(charge, 40, capture_id=once, final=False) == first
    for request in ((charge, 41), (other, 40)):
        with pytest.raises(KeyReused):
            await shop.capture(*request, capture_id=once, final=False)
    assert (await shop.read(charge))["captured_minor"] == 40
    await assert_books(database)


async def test_an_increment_holds_more_until_something_is_captured(database, shop):
    charge = await shop.charge(1000)
    for n in range(1, 11):
        grown = await shop.increment(charge, 10)
        assert (grown["authorized_minor"], grown["amount_minor"], grown["status"]) == (1000 + 10 * n,) * 2 + (
            "authorized",
        )
    with pytest.raises(ChargeStateInvalid) as refused:
        await shop.increment(charge, 10)
    assert "increment" not in refused.value.facts["operations"]
    await assert_books(database)
    assert (await shop.capture(charge))["amount_minor"] == 1100
    other = await shop.charge(1000)
    await shop.capture(other, 1, final=False)
    with pytest.raises(ChargeStateInvalid):
        await shop.increment(other, 10)
    with pytest.raises(ChargeAmountExceeds):
        await shop.increment(await shop.charge(99_999_999), 1)
    await assert_books(database)


async def test_a_void_releases_what_was_not_captured(database, shop):
    charge = await shop.charge(1000)
    assert (await shop.void(charge))["status"] == "voided"
    with pytest.raises(ChargeStateInvalid) as refused:
        await shop.void(charge)
    assert refused.value.facts["state"] == "voided"
    part = await shop.charge(1000)
    await shop.capture(part, 600, final=False)
    rest = await shop.void(part)
    assert (rest["status"], rest["captured_minor"], rest["released_minor"]) == ("captured", 600, 400)
    assert await shop.kinds() == ["authorized", "voided", "authorized", "captured", "voided"]
    await assert_books(database)


async def test_a_void_of_one_id_is_one(shop):
    charge, key = await shop.charge(), new_id()
    first = await charges.void(shop.account_id, operation_id=key, charge_id=UUID(charge["id"]))
    assert await charges.void(shop.account_id, operation_id=key, charge_id=UUID(charge["id"])) == first
    other = await shop.charge()
    with pytest.raises(KeyReused):
        await charges.void(shop.account_id, operation_id=key, charge_id=UUID(other["id"]))


async def test_another_accounts_ids_are_not_found(database, shop):
    from tests.charges.shop import Shop

    mine, eve = await shop.charge(), Shop(database)
    capture = await shop.capture(mine, 500, final=False)
    refund = await shop.refund(capture, 10)
    dispute = await shop.dispute(mine["id"], 10)
    for attempt in (
        eve.capture(mine), eve.void(mine), eve.increment(mine, 5), eve.refund(mine), eve.refund(capture),
        eve.dispute(mine["id"]), eve.answer(dispute, "x"), eve.read(mine), eve.read(capture), eve.read(refund),
        eve.read(dispute),
        charges.fail_refund(eve.account_id, operation_id=new_id(), refund_id=UUID(refund["id"])),
        charges.expire(eve.account_id, operation_id=new_id(), charge_id=UUID(mine["id"])),
        charges.accept_dispute(eve.account_id, operation_id=new_id(), dispute_id=UUID(dispute["id"])),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await attempt
    assert (await charges.list_charges(eve.account_id))["data"] == []
    assert await charges.balances(eve.account_id) == []


async def test_a_money_account_of_each_currency(database, shop):
    for currency in ("USD", "EUR", "GBP", "CAD"):
        await shop.captured(1000, currency=currency)
    fees = {one["currency"]: one["fees_minor"] for one in await charges.balances(shop.account_id)}
    assert fees == {"USD": 59, "EUR": 59, "GBP": 49, "CAD": 59}
    await assert_books(database)
