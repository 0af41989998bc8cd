"""The sandbox's ledger is the ledger's own code, and no money of it is real."""

import psycopg
import pytest

from scripts import sandbox_ledger
from tests.charges.books import assert_books


def test_the_migration_is_what_the_script_makes_of_the_ledger():
    assert sandbox_ledger.FILE.read_text() == sandbox_ledger.made()


def test_a_ledger_that_changed_stops_the_script(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox_ledger, "_LEFT_OUT", (*sandbox_ledger._LEFT_OUT, "create table ledger.gone"))
    with pytest.raises(ValueError, match="not in the ledger any more"):
        sandbox_ledger.made()
    monkeypatch.undo()
    monkeypatch.setattr(sandbox_ledger, "_REPLACED", {"no such text": ""})
    with pytest.raises(ValueError, match="0 times in the ledger"):
        sandbox_ledger.made()


def test_it_speaks_of_no_other_schema():
    code = "\n".join(line for line in sandbox_ledger.made().splitlines() if not line.startswith("--"))
    for foreign in ("ledger.", "events.", "private.now", "private.append_only"):
        assert foreign not in code


async def test_only_test_assets_have_accounts(database):
    with pytest.raises(psycopg.errors.CheckViolation):
        await database.rows(
            "insert into sandbox.account (asset, kind, owner) values ('USD', 'fees', gen_random_uuid())"
        )
    with pytest.raises(psycopg.Error, match="account_malformed"):
        await database.rows("insert into sandbox.account (asset, kind) values ('USD_TEST', 'fees')")


@pytest.mark.parametrize("table", ["transfer", "entry", "sum_entry", "hold", "capture", "account", "checkpoint"])
async def test_nothing_of_it_is_deleted_or_truncated(database, shop, table):
    await shop.captured()
    await database.rows("select sandbox.take_checkpoints(1)")
    for verb in (f"delete from sandbox.{table}", f"truncate sandbox.{table} cascade"):
        with pytest.raises(psycopg.Error, match="append_only"):
            await database.rows(verb)


async def test_checkpoints_change_no_balance(database, shop):
    for _ in range(3):
        await shop.captured()
        before = await shop.balance()
        await database.rows("select sandbox.take_checkpoints(1)")
        assert await shop.balance() == before
    await assert_books(database)
