"""Sandbox records go after their time, whole charges at once, by one role alone; balances stay what they were."""

from uuid import UUID

import psycopg
import pytest

from jobs import settlement
from paya_app import charges
from paya_app.core.errors import NotFound
from tests.charges.books import RULES, assert_books
from tests.charges.shop import Shop

TABLES = (
    "charges.charge", "charges.capture", "charges.refund", "charges.dispute", "charges.portion", "charges.operation",
    "charges.settlement", "charges.event", "sandbox.hold", "sandbox.capture",
)  # fmt: skip
# what these compare with is gone together with the charges
OF_ALL_TIME = {"fees are those of captures and disputes", "what is available is what settled, less what was given back"}


async def counts(database):
    return {name: await database.value(f"select count(*) from {name}") for name in TABLES}


async def a_month(shop):
    charge = await shop.charge(1_000)
    await shop.increment(charge, 50)
    await shop.capture(charge, 500, final=False)
    await shop.refund(charge, 100)
    await shop.dispute(charge["id"], 100)
    await shop.charge(10, "lost")
    await shop.charge(70)
    await shop.pass_time(days=30)
    await shop.refund(charge, 50)
    await shop.pass_time(days=30)


async def test_what_nobody_touched_for_a_month_goes_and_balances_stay(database, shop, advance_clock):
    await a_month(shop)
    before, balances = await counts(database), await shop.balance()
    assert all(before.values())
    await settlement.sweep_sandbox()
    assert await counts(database) == before
    await advance_clock(days=31)
    await settlement.sweep_sandbox()
    assert await counts(database) == dict.fromkeys(TABLES, 0)
    assert await shop.balance() == balances
    # what is left of the ledger: cards that were given money
    assert await database.rows("select distinct kind from sandbox.transfer") == [("test_card_created",)]
    async with await database.connect() as connection:
        for rule, query in RULES.items():
            if rule not in OF_ALL_TIME:
                assert await (await connection.execute(query.encode())).fetchall() == [], rule


async def test_what_was_touched_since_stays(database, shop, advance_clock):
    await a_month(shop)
    fresh = await shop.captured(1_000)
    await advance_clock(days=31)
    # a later change is a later change, whatever the account's own clock says
    await database.rows("update charges.charge set changed_at = private.now() where id = %s", [fresh["charge_id"]])
    await charges.sweep()
    assert (await charges.list_charges(shop.account_id))["data"] == [fresh["charge"]]
    await shop.refund(fresh, 10)
    await shop.pass_time(days=10)
    assert await shop.status(fresh) == "partially_refunded"


async def test_what_was_still_held_is_released(database, shop, advance_clock):
    await shop.freeze("2027-03-01 09:00")
    await shop.charge(1_000)
    await advance_clock(days=31)
    assert await charges.sweep() == 1
    assert await database.value("select sum(held) from sandbox.account") == 0
    await assert_books(database)


async def test_many_go_in_turns(database, shop, advance_clock, monkeypatch):
    for _ in range(7):
        await shop.charge(10)
    other = await Shop(database).charge(10)
    monkeypatch.setattr("paya_app.charges.retention.CHARGES_AT_ONCE", 3)
    await advance_clock(days=31)
    assert await charges.sweep() == 8
    assert await database.value("select count(*) from charges.charge") == 0
    with pytest.raises(NotFound):
        await charges.read(shop.account_id, UUID(other["id"]))


async def test_an_account_that_is_busy_waits_for_the_next_time(database, shop, advance_clock):
    await shop.charge(10)
    await advance_clock(days=31)
    async with await database.connect() as busy:
        await busy.execute("begin")
        await busy.execute("select charges.begin(%s)", [shop.account_id])
        assert await charges.sweep() == 0
        await busy.execute("rollback")
    assert await charges.sweep() == 1


@pytest.mark.parametrize("table", ["charges.event", "sandbox.transfer", "sandbox.hold"])
async def test_nobody_else_deletes(database, shop, table):
    await shop.captured()
    for login in ("supabase_admin", "postgres"):
        with pytest.raises(psycopg.Error, match="append_only"):
            await database.rows(f"delete from {table}", role=login)
    for login in ("paya_app", "paya_worker"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await database.rows(f"delete from {table}", role=login)
    with pytest.raises(psycopg.Error, match="append_only"):
        await database.rows("update charges.event set version = 2")


async def test_the_sweepers_role_can_do_nothing_else(database):
    owned = await database.rows(
        "select p.oid::regprocedure::text from pg_proc p where p.proowner = 'paya_sandbox_sweeper'::regrole"
    )
    assert owned == [("charges.sweep(integer)",)]
    members = await database.rows(
        "select m.member::regrole::text, m.set_option or m.inherit_option from pg_auth_members m"
        " where m.roleid = 'paya_sandbox_sweeper'::regrole and (m.set_option or m.inherit_option)"
    )
    assert members == []
    writable = await database.rows(
        "select c.oid::regclass::text from pg_class c where c.relkind = 'r' and c.relnamespace not in"
        " ('charges'::regnamespace, 'sandbox'::regnamespace)"
        " and has_table_privilege('paya_sandbox_sweeper', c.oid, 'insert, update, delete, truncate')"
    )
    assert writable == []
