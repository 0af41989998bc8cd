"""Addresses of one's own: which are some, how long they wait, and that they are nobody else's."""

import asyncio
from typing import Any

import pytest

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, SignedOut
from paya_app.core.ids import new_id
from paya_app.savings import AddressInvalid, checked_address, in_fours
from tests.savings.withdrawn import ADDRESS, OTHER, an_address


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "test_network"),
        ("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "test_network"),
        ("bcrt1qs758ursh4q9z627kt3pp5yysm78ddny6txaqgw", "test_network"),
        ("0x52908400098527886E0F7030069857D2E4169EE7", "ethereum"),
        ("lnbc20m1pvjluezpp5qqqsyqcyq5rqwzqf", "lightning"),
        ("ann@example.com", "lightning"),
        ("ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9", "other_network"),
        ("LdP8Qox1VAhCzLJNqrr74YovaWYyNBUWvL", "other_network"),
        ("DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L", "other_network"),
        ("DRpbCBMxVnDK7maPM5tGv6MvB3v1sRMC86PZ8okm21hy", "other_network"),
        (ADDRESS[:-1] + "p", "mistyped"),
        (ADDRESS[:-1], "mistyped"),
        (OTHER.lower(), "mistyped"),
        ("hello", "unreadable"),
        ("bc1 qar0", "unreadable"),
        ("x" * 500, "unreadable"),
        ("bc1q\x00", "unreadable"),
        ("ｂｃ１ｑ", "unreadable"),
    ],
)
def test_what_is_no_address_is_said_to_be_what_it_is(text, mistake):
    with pytest.raises(AddressInvalid, match="Nothing was added") as refusal:
        checked_address(text)
    assert refusal.value.facts["mistake"] == mistake


@pytest.mark.parametrize("text", [ADDRESS, f" {ADDRESS}\n", ADDRESS.upper(), f"bitcoin:{ADDRESS}?amount=0.1&label=x"])
def test_one_address_has_one_form(text):
    assert checked_address(text) == ADDRESS


@pytest.mark.parametrize("text", [OTHER, "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"])
def test_older_kinds_are_addresses(text):
    assert checked_address(text) == text


def test_it_is_compared_in_fours():
    assert in_fours("bc1qar0srrr7x") == "bc1q ar0s rrr7 x"


async def test_an_address_is_added_once_and_waits_a_day(database, people, advance_clock):
    ann = await people.join("ann")
    address_id = new_id()
    how: dict[str, Any] = {"address_id": address_id, "label": " Safe ", "address": ADDRESS}
    added = await savings.add_address(ann, **how)
    assert (added.label, added.is_usable) == ("Safe", False)
    assert await savings.add_address(ann, **how) == added
    how["label"] = "Other"
    with pytest.raises(savings.AddressKeyReused):
        await savings.add_address(ann, **how)
    with pytest.raises(savings.AddressKnown):
        await an_address(ann)
    await advance_clock(hours=23, minutes=59)
    assert not (await savings.addresses(ann))[0].is_usable
    await advance_clock(minutes=1)
    assert (await savings.addresses(ann))[0].is_usable
    assert await database.value("select count(*) from cases.case where kind = 'withdrawal_address'") == 1


async def test_removed_and_added_again_it_waits_again(database, people, advance_clock):
    ann, bob = await people.join("ann"), await people.join("bob")
    first = await an_address(ann)
    await advance_clock(hours=30)
    with pytest.raises(NotFound):
        await savings.remove_address(bob, first)
    for _ in range(2):
        await savings.remove_address(ann, first)
    assert await savings.addresses(ann) == []
    assert await database.value("select state from cases.case where kind = 'withdrawal_address'") == "closed"
    await an_address(ann)
    assert not (await savings.addresses(ann))[0].is_usable
    kinds = [
        row[0]
        for row in await database.rows("select kind from events.event where kind like 'withdrawal_%' order by id")
    ]
    assert kinds == [f"withdrawal_address.{each}" for each in ("added", "removed", "added")]


async def test_there_is_a_most_and_two_at_once_do_not_pass_it(database, people):
    ann = await people.join("ann")
    await database.rows(
        "insert into risk.limit_value (name, value_max, reason) values ('withdrawal_addresses_count', 1, 'a test')"
    )
    tries = await asyncio.gather(*(an_address(ann, each) for each in (ADDRESS, OTHER)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in tries) == ["AddressesLimit", "UUID"]


async def test_a_label_has_1_to_40_characters(people):
    ann = await people.join("ann")
    for label in ("", "  ", "x" * 41, "a\x00b"):
        with pytest.raises(savings.AddressLabelInvalid):
            await savings.add_address(ann, address_id=new_id(), label=label, address=ADDRESS)


async def test_visitors_have_no_addresses():
    nobody = Actor.visitor()
    for call in (
        savings.addresses(nobody),
        savings.withdrawals(nobody),
        savings.withdrawal_limits(nobody),
        savings.remove_address(nobody, new_id()),
        savings.withdrawal_fee(nobody, address_id=new_id(), quantity_sats=20_000),
        savings.add_address(nobody, address_id=new_id(), label="x", address=ADDRESS),
    ):
        with pytest.raises(SignedOut):
            await call
