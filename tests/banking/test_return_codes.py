"""Each return code: its words, whether the bank stays, and whether somebody looks at the account."""

import pytest

from paya_app import banking, risk
from paya_app.banking.return_codes import RETURN_CODES, bank_goes, is_denied, what_to_do, why
from paya_app.banking.stages import reason
from paya_app.local.vendors.dwolla.returns import REASONS
from tests.banking.test_returns import loaded, state, take_back

# whether the bank stays or goes, and whether its owner denies the transfer
EXPECTED = {
    "R01": ("stays", False),
    "R02": ("goes", False),
    "R03": ("goes", False),
    "R04": ("goes", False),
    "R05": ("goes", True),
    "R07": ("goes", True),
    "R08": ("stays", False),
    "R09": ("stays", False),
    "R10": ("goes", True),
    "R11": ("goes", True),
    "R16": ("goes", False),
    "R20": ("goes", False),
    "R29": ("goes", True),
}


def test_each_code_has_its_words():
    assert set(EXPECTED) <= set(RETURN_CODES)
    for code, row in RETURN_CODES.items():
        assert row.code == code
        assert row.sentence.endswith(".")
        assert row.todo.endswith(".")
        assert row.title
        said = reason("returned", code)
        assert said.startswith(why(code))
        assert "The money went back to your bank." in said
        assert said.endswith(row.todo)
        assert ("taken off your list" in said) == (row.bank == "goes")


def test_a_code_that_nobody_knows_has_words_too():
    assert reason("returned", "R99") == "Your bank returned the transfer. The money went back to your bank."
    assert (bank_goes("R99"), is_denied("R99"), what_to_do("R99")) == (False, False, "")
    assert reason("cleared", None) == ""


def test_the_stand_in_knows_every_code_that_is_asked_for():
    assert set(EXPECTED) == set(REASONS)


@pytest.mark.parametrize("code", sorted(EXPECTED))
async def test_a_debit_returned_at_once(bank, people, code):
    keeps, denied = EXPECTED[code]
    ann = await people.join("ann")
    source = await bank.link(ann)
    await bank.dwolla.rename(await bank.vendor_id(source), code)
    load = await bank.start(ann, 5000, source)
    await bank.work()
    await bank.settle()
    found = await bank.load(ann, load)
    assert (found.state, found.reason) == ("failed", reason("failed", code))
    assert await bank.ledger() == {}
    assert [each.id for each in await banking.sources(ann)] == ([source.id] if keeps == "stays" else [])
    assert await bank.database.value("select return_code from banking.source") == (None if keeps == "stays" else code)
    assert [case.reason for case in await risk.open_cases(ann)] == (["under_review"] if denied else [])


@pytest.mark.parametrize("code", ["R02", "R09", "R29"])
async def test_a_load_taken_back_late(bank, people, code):
    ann = await people.join("ann")
    load = await loaded(bank, ann, 5000)
    await take_back(bank, load, code)
    found = await bank.load(ann, load)
    assert (found.state, found.reason) == ("returned", reason("returned", code))
    assert await bank.ledger() == {}
    assert await state(bank, ann) == ("restricted" if code == "R29" else "active")
    assert bool(await banking.sources(ann)) == (code == "R09")


@pytest.mark.parametrize("code", ["R01-late", "R03-late"])
async def test_dwollas_own_late_names(bank, people, code):
    ann = await people.join("ann")
    source = await bank.link(ann)
    await bank.dwolla.rename(await bank.vendor_id(source), code)
    load = await bank.start(ann, 5000, source)
    await bank.work()
    await bank.dwolla.simulate()
    await bank.dwolla.simulate()
    await bank.notices()
    await bank.work()
    assert (await bank.load(ann, load)).reason == reason("failed", code[:3])
    assert await bank.ledger() == {}
