from typing import Any

import pytest
from sqlalchemy.exc import ProgrammingError

from paya_app import banking
from paya_app.banking.errors import (
    BankDetailsInvalid,
    BankKeyReused,
    BankLimit,
    BankUnreachable,
    DepositsClosed,
    DepositsWrong,
)
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.errors import AccountUnavailable, NotFound, SignedOut
from paya_app.core.ids import new_id
from tests.banking.mute import mute_bank
from tests.support.bank import without_breaker

NUMBER = "9876501234"


async def link(actor, **changes):
    how = {
        "source_id": new_id(),
        "holder_name": "Ann Mary Example",
        "routing": "222222226",
        "account": NUMBER,
        "kind": "checking",
        **changes,
    }
    return await banking.add_source(actor, **how)


async def test_a_bank_is_linked_and_confirmed_by_two_deposits(bank, people):
    ann = await people.join("ann")
    source = await link(ann)
    assert (source.bank_name, source.last4, source.state) == ("SANDBOX TEST BANK", "1234", "unverified")
    assert (await banking.confirm_source(ann, source.id, (3, 9))).state == "verified"
    assert [s.state for s in await banking.sources(ann)] == ["verified"]
    assert (await banking.confirm_source(ann, source.id, (3, 9))).state == "verified"
    assert await banking.source(ann, source.id) == (await banking.sources(ann))[0]
    customer = (await bank.dwolla.client.get("/customers")).json()["_embedded"]["customers"]
    assert [(c["firstName"], c["lastName"], c["type"]) for c in customer] == [("Ann", "Mary Example", "unverified")]


async def test_the_account_number_is_nowhere_in_our_database(bank, people):
    ann = await people.join("ann")
    source = await link(ann)
    await banking.confirm_source(ann, source.id, (3, 9))
    await bank.start(ann, 5000, source)
    tables = await bank.database.rows(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema', 'vendor_dwolla', 'vendor_twilio')"
    )
    holding = [
        name
        for (name,) in tables
        if await bank.database.value(f"select count(*) from {name} t where t::text like %s", (f"%{NUMBER}%",))
    ]
    assert holding == []
    assert (
        await bank.database.value("select count(*) from vendor_dwolla.bank_account where number = %s", (NUMBER,)) == 1
    )


async def test_one_account_is_one_bank_however_often_it_is_linked(bank, people):
    ann = await people.join("ann")
    once = new_id()
    first = await link(ann, source_id=once)
    assert await link(ann, source_id=once) == first
    assert (await link(ann)).id == first.id
    assert len(await banking.sources(ann)) == 1
    with pytest.raises(BankKeyReused):
        await link(ann, source_id=once, account="11112222")
    bob = await people.join("bob")
    with pytest.raises(BankKeyReused):
        await link(bob, source_id=once)
    assert (await link(bob)).id != first.id, "a shared account is a bank of each"


async def test_what_the_vendor_refused_may_be_corrected_under_the_same_id(bank, people):
    ann = await people.join("ann")
    once = new_id()
    await bank.database.rows("alter table vendor_dwolla.bank_account add check (number <> '11112222')")
    with pytest.raises(BankUnreachable):
        await link(ann, source_id=once, account="11112222")
    assert (await link(ann, source_id=once)).last4 == "1234"


async def test_three_wrong_tries_close_the_door(bank, people):
    ann = await people.join("ann")
    source = await link(ann)
    assert source.tries_left == 3
    for left, words in ((2, "Two tries are left"), (1, "One try is left")):
        with pytest.raises(DepositsWrong) as refusal:
            await banking.confirm_source(ann, source.id, (50, 60))
        assert words in refusal.value.message
        assert [each.tries_left for each in await banking.sources(ann)] == [left]
    with pytest.raises(DepositsClosed) as refusal:
        await banking.confirm_source(ann, source.id, (50, 60))
    assert "Link another account" in refusal.value.message
    with pytest.raises(DepositsClosed):
        await banking.confirm_source(ann, source.id, (3, 9))
    assert [(each.state, each.is_closed) for each in await banking.sources(ann)] == [("unverified", True)]
    assert (await link(ann)).is_closed, "linking it again gives no new tries"
    kinds = await bank.database.rows("select kind from events.event where subject = %s order by version", (source.id,))
    assert [kind for (kind,) in kinds] == ["bank.linked", *["bank.deposits_refused"] * 3]


async def test_a_closed_door_that_we_did_not_count_is_closed_here_too(bank, people):
    ann = await people.join("ann")
    source = await link(ann)
    await bank.database.rows("update vendor_dwolla.micro_deposits set failed_attempts = 3")
    with pytest.raises(DepositsClosed):
        await banking.confirm_source(ann, source.id, (3, 9))
    assert [each.is_closed for each in await banking.sources(ann)] == [True]


async def test_wrong_deposits_are_noted_by_the_service_alone(bank, people):
    ann = await people.join("ann")
    source = await link(ann)
    with pytest.raises(ProgrammingError, match="permission denied"):
        await db.query(ann, "select banking.book_wrong_deposits(:id, true)", {"id": source.id})
    assert [each.tries_left for each in await banking.sources(ann)] == [3]


async def test_deposits_that_cannot_be_do_not_cost_a_try(bank, people):
    ann = await people.join("ann")
    source = await link(ann)
    impossible: tuple[Any, ...] = (
        (0, 3),
        (-1, 3),
        (3,),
        (3, 9, 1),
        (100, 3),
        ("3", 9),
        (None, 3),
        (),
        (True, 3.0),
    )
    for amounts in impossible:
        with pytest.raises(DepositsWrong) as refusal:
            await banking.confirm_source(ann, source.id, amounts)
        assert refusal.value.message.startswith("Write both amounts")
    assert (await banking.confirm_source(ann, source.id, (9, 3))).state == "verified"


async def test_somebody_elses_bank_is_not_found(bank, people):
    ann, bob = await people.join("ann"), await people.join("bob")
    source = await link(ann)
    for stranger in (bob,):
        with pytest.raises(NotFound):
            await banking.confirm_source(stranger, source.id, (3, 9))
    with pytest.raises(NotFound):
        await banking.confirm_source(ann, new_id(), (3, 9))
    assert await banking.source(bob, source.id) is None
    for act in (link(Actor.visitor()), banking.confirm_source(Actor.visitor(), source.id, (3, 9))):
        with pytest.raises(SignedOut):
            await act
    assert await banking.sources(Actor.visitor()) == []


async def test_without_a_handle_there_is_no_bank(bank, people):
    with pytest.raises(AccountUnavailable):
        await link(await people.sign_up())


async def test_five_banks_are_the_most(bank, people):
    ann = await people.join("ann")
    for number in range(5):
        await link(ann, account=f"4444000{number}")
    with pytest.raises(BankLimit) as refusal:
        await link(ann, account="44440009")
    assert "5 banks" in refusal.value.message


async def test_while_the_vendor_is_down_nothing_is_linked_and_it_goes_on_later(bank, people, monkeypatch):
    ann = await people.join("ann")
    once = new_id()
    with monkeypatch.context() as down:
        down.setenv("DWOLLA_BASE_URL", "http://127.0.0.1:9")
        settings.cache_clear()
        with pytest.raises(BankUnreachable):
            await link(ann, source_id=once)
    settings.cache_clear()
    assert await banking.sources(ann) == []
    assert (await link(ann, source_id=once)).id == once


async def test_links_that_never_reached_the_vendor_are_no_banks(bank, people, monkeypatch):
    ann = await people.join("ann")
    await without_breaker(bank.database)
    with monkeypatch.context() as down:
        down.setenv("DWOLLA_BASE_URL", "http://127.0.0.1:9")
        settings.cache_clear()
        for number in range(6):
            with pytest.raises(BankUnreachable) as refusal:
                await link(ann, account=f"4444000{number}")
            assert "Nothing was sent" in refusal.value.message
    settings.cache_clear()
    assert (await link(ann)).state == "unverified"


async def test_an_account_that_was_not_answered_goes_on_under_its_first_id(database, people):
    ann = await people.join("ann")
    await without_breaker(database)
    async with mute_bank(database) as (bank, mute):
        first = new_id()
        for source_id in (first, *(new_id() for _ in range(5))):
            with pytest.raises(BankUnreachable) as refusal:
                await link(ann, source_id=source_id)
            assert "linked once" in refusal.value.message
        assert await bank.database.value("select count(*) from banking.source") == 1
        mute.is_mute = False
        assert (await link(ann)).id == first
        banks = "select count(*) from vendor_dwolla.funding_source where customer_id is not null"
        assert await bank.database.value(banks) == 1


BAD = [
    "",
    "0",
    "-1",
    "1.001",
    "1e308",
    "NaN",
    "1,00",
    "١٢٣٤٥٦٧٨٩",
    "x" * 10_000_000,
    "a\x00b",
    "\u202e222222226",
    "<script>alert(1)</script>",
    "'; drop table banking.source; --",
    "🌮🌮🌮🌮",
    "\ud800",
    None,
    222222226,
]


@pytest.mark.parametrize("field", ["routing", "account", "kind"])
async def test_bad_numbers_are_refused_beside_their_field(bank, people, field):
    ann = await people.join("ann")
    for bad in BAD:
        with pytest.raises(BankDetailsInvalid) as refusal:
            await link(ann, **{field: bad})
        assert refusal.value.facts == {"field": field}, repr(bad)[:40]
    assert await bank.database.value("select count(*) from banking.source") == 0
    assert await bank.database.value("select count(*) from vendor_dwolla.customer") == 0


async def test_a_name_without_two_parts_is_refused(bank, people):
    ann = await people.join("ann")
    for bad in (
        "",
        "Cher",
        " ",
        "a\x00 b",
        "x" * 10_000_000,
        "\ud800 b",
        "Ann " + "x" * 50,
        "Ann \u202eelpmaxE",
        None,
        7,
    ):
        with pytest.raises(BankDetailsInvalid) as refusal:
            await link(ann, holder_name=bad)
        assert refusal.value.facts == {"field": "holder_name"}, repr(bad)[:40]
    assert await bank.database.value("select count(*) from vendor_dwolla.customer") == 0


async def test_any_name_is_passed_on_as_text(bank, people):
    ann = await people.join("ann")
    names = ("<script>alert(1)</script> O'Brien", "Zoë Ångström", "Ann 🌮", "Ann of PaYa Support")
    for number, name in enumerate(names):
        assert (await link(ann, holder_name=name, account=f"4444000{number}")).state == "unverified"


async def test_spaces_and_dashes_between_digits_are_fine(bank, people):
    ann = await people.join("ann")
    assert (await link(ann, routing="2222-2222-6", account="9876 5012 34")).last4 == "1234"


async def test_the_sandbox_tells_values_that_work_and_production_tells_none(bank, people, monkeypatch):
    ann = await people.join("ann")
    hint = banking.sandbox_hint()
    assert hint is not None
    source = await link(ann, routing=hint.routing, account=hint.account)
    assert (await banking.confirm_source(ann, source.id, hint.amounts_cents)).state == "verified"
    monkeypatch.setenv("DWOLLA_ENVIRONMENT", "production")
    settings.cache_clear()
    assert banking.sandbox_hint() is None
