"""`paya verify` names the row that somebody changed behind the triggers' back."""

import asyncio

import pytest

from paya_app.proof.receipts import parse_head
from paya_app.proof.verify import verify


async def tamper(database, statement):
    async with await database.connect() as connection:
        await connection.execute("set session_replication_role = 'replica'")
        cursor = await connection.execute(statement.encode())
        assert cursor.rowcount == 1, "the test changed nothing, or more than one row"


async def found(database, published=None):
    report = await asyncio.to_thread(verify, database.url("postgres"), lambda _: None, published)
    return [(f.table, f.column) for f in report.findings], report


SOME_TRANSFER = "where id = (select id from ledger.transfer where kind = 'payment' order by at offset 2 limit 1)"
SOME_EVENT = "where id = (select id from events.event where kind = 'payment.sent' order by id offset 2 limit 1)"
SOME_ENTRY = (
    "where (account_id, seq) = (select account_id, seq from ledger.entry order by account_id desc, seq limit 1)"
)
SOME_SEAL = "where n = 3"
BOB = "where id = (select max(id) from ledger.account)"

CHANGES = [
    ("ledger.transfer", "amount", "amount + 1", SOME_TRANSFER),
    ("ledger.transfer", "kind", "'paymenu'", SOME_TRANSFER),
    ("ledger.transfer", "ref", "'x'", SOME_TRANSFER),
    ("ledger.transfer", "at", "at + interval '1 microsecond'", SOME_TRANSFER),
    ("ledger.transfer", "effective_at", "effective_at - interval '1 microsecond'", SOME_TRANSFER),
    ("ledger.transfer", "to_account", "to_account + 1", SOME_TRANSFER),
    ("ledger.transfer", "from_seq", "from_seq + 1", SOME_TRANSFER),
    ("ledger.transfer", "id", "'00000000-0000-7000-8000-000000000000'", SOME_TRANSFER),
    ("events.event", "version", "version + 1", SOME_EVENT),
    ("events.event", "actor", "subject", SOME_EVENT),
    ("events.event", "kind", "'payment.seen'", SOME_EVENT),
    ("ledger.entry", "amount", "amount + 1", SOME_ENTRY),
    ("ledger.entry", "balance_after", "balance_after + 1", SOME_ENTRY),
    ("ledger.entry", "at", "at + interval '1 microsecond'", SOME_ENTRY),
    ("ledger.entry", "transfer_id", "gen_random_uuid()", SOME_ENTRY),
    ("ledger.sum_entry", "amount", "amount - 1", ""),
    ("ledger.sum_entry", "transfer_count", "transfer_count + 1", ""),
    ("ledger.account", "balance", "balance + 1", BOB),
    ("ledger.account", "seq", "seq + 1", BOB),
    ("ledger.account", "held", "held + 1", BOB),
    ("proof.seal", "root", "set_byte(root, 31, get_byte(root, 31) # 1)", SOME_SEAL),
    ("proof.seal", "previous", "set_byte(previous, 0, get_byte(previous, 0) # 1)", SOME_SEAL),
    ("proof.seal", "hash", "set_byte(hash, 0, get_byte(hash, 0) # 1)", SOME_SEAL),
    ("proof.seal", "leaves", "set_byte(leaves, 40, get_byte(leaves, 40) # 1)", SOME_SEAL),
    ("proof.seal", "at", "at + interval '1 microsecond'", SOME_SEAL),
    ("proof.seal", "xid_upto", "(xid_upto::text::bigint + 1)::text::xid8", SOME_SEAL),
    ("proof.seal", "transfer_total", "transfer_total + 1", SOME_SEAL),
    ("proof.node", "hash", "set_byte(hash, 0, get_byte(hash, 0) # 1)", "where (level, index) = (1, 1)"),
]


@pytest.mark.parametrize(("table", "column", "value", "where"), CHANGES, ids=[f"{t}.{c}" for t, c, *_ in CHANGES])
@pytest.mark.usefixtures("traded")
async def test_one_changed_column_is_named_first(database, table, column, value, where):
    await tamper(database, f"update {table} set {column} = {value} {where}")
    named, report = await found(database)
    assert named[0] == (table, column), report.findings


async def test_a_changed_payload_is_named_by_its_row(traded, database):
    await tamper(database, f"update events.event set payload = payload || '{{\"amount_cents\": 9}}' {SOME_EVENT}")
    named, report = await found(database)
    assert named == [("events.event", "")]
    assert report.findings[0].id == str(
        await database.value("select id from events.event where payload @> '{\"amount_cents\": 9}'")
    )


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (f"delete from ledger.transfer {SOME_TRANSFER}", "ledger.transfer"),
        (f"delete from events.event {SOME_EVENT}", "events.event"),
        (f"delete from ledger.entry {SOME_ENTRY}", "ledger.entry"),
        ("delete from proof.seal where n = 3", "proof.seal"),
        (
            """insert into events.event (xid, kind, subject, version, payload)
            select xid, kind, gen_random_uuid(), 1, '{}' from events.event where id = 3""",
            "events.event",
        ),
    ],
)
async def test_a_row_that_is_gone_or_came_later_is_named(traded, database, statement, table):
    await tamper(database, statement)
    named, report = await found(database)
    assert named[0] == (table, ""), report.findings


async def test_a_published_head_shows_a_history_that_was_made_anew(traded, database, seal, pay):
    published = parse_head(await database.value("select proof.head(5)::text"))
    assert (await found(database, published))[0] == []
    # somebody who may do everything changes a payment and has everything sealed again
    async with await database.connect() as connection:
        await connection.execute("set session_replication_role = 'replica'")
        await connection.execute("delete from proof.seal")
        await connection.execute("delete from proof.node")
        await connection.execute(f"update events.event set version = 2 {SOME_EVENT}".encode())
    await seal(pieces_of=1)
    assert (await found(database))[0] == []
    assert (await found(database, published))[0] == [("proof.seal", "")]


async def test_a_published_head_shows_a_history_that_was_cut_off(traded, database):
    published = parse_head(await database.value("select proof.head()::text"))
    async with await database.connect() as connection:
        await connection.execute("set session_replication_role = 'replica'")
        await connection.execute("delete from proof.seal where n = (select max(n) from proof.seal)")
        await connection.execute("delete from proof.node where (index + 1) << level > (select max(n) from proof.seal)")
    assert ("proof.seal", "") in (await found(database, published))[0]
