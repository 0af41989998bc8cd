"""A card's number is in no table, no event and no log."""

import json
import logging
from uuid import uuid4

import psycopg
import pytest

from paya_app import charges
from paya_app.charges import CardNotATestCard, CardNumberInText
from paya_app.charges.cards import TEST_CARDS, has_card_number
from paya_app.core.ids import new_id

CANARY = "4539578763621486"


async def dump(database) -> str:
    tables = await database.rows(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind = 'r' and n.nspname not like 'pg\\_%' and n.nspname not in"
        " ('information_schema', 'supabase_migrations')"
    )
    assert len(tables) > 60
    async with await database.connect() as connection:
        found = [
            await (await connection.execute(f"select t::text from {name} t".encode())).fetchall() for (name,) in tables
        ]
    return "\n".join(str(row) for rows in found for row in rows)


async def test_no_number_of_a_card_is_stored_or_logged(database, shop, caplog: pytest.LogCaptureFixture, capfd):
    caplog.set_level(logging.DEBUG)
    for card in TEST_CARDS:
        charge = await shop.charge(1_000, charges.read_card(card.number).name, metadata={"order": "canary-7"})
        if charge["status"] == "authorized":
            await shop.capture(charge)
    with pytest.raises(CardNotATestCard):
        charges.read_card(CANARY)
    with pytest.raises(CardNotATestCard):
        await shop.charge(1_000, CANARY)
    with pytest.raises(CardNumberInText):
        await shop.charge(1_000, metadata={"note": f"card {CANARY}"})
    dispute = await shop.dispute((await shop.captured(500))["charge_id"])
    with pytest.raises(CardNumberInText):
        await shop.answer(dispute, f"He gave me {CANARY}, twice.")
    stored = await dump(database)
    assert "canary-7" in stored
    assert "4242" in stored
    said = caplog.text + "".join(capfd.readouterr())
    server = "".join(path.read_text() for path in database.cluster.home.rglob("*.log"))
    for number in (CANARY, *(card.number for card in TEST_CARDS)):
        assert number not in stored
        assert number not in said
        assert number not in server


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        (CANARY, True), (f"x{CANARY}x", True), ("4539 5787 6362 1486", True), ("378282246310005", True),
        ("4539578763621487", False), ("12024556677889", False), ("order 20261122004512345", False), ("", False),
        ("45395787636214860000000", False), ("1234567890123", False),
    ],
)  # fmt: skip
async def test_here_and_in_the_database_the_same_texts_hold_a_number(database, words, is_one):
    assert has_card_number(words) is is_one
    assert await database.value("select charges.has_card_number(%s)", [words]) is is_one


async def test_the_database_refuses_numbers_by_itself(database):
    request = json.dumps({"amount_minor": 5, "currency": "USD", "card": "visa", "metadata": {"x": CANARY}})
    with pytest.raises(psycopg.Error, match="card_number_in_text"):
        await database.rows("select charges.execute('authorize', %s, %s, %s)", [uuid4(), new_id(), request])
