"""The sealer: everything once, in order, below the horizon, in pieces, over restores."""

import asyncio

import psycopg
import pytest

from paya_app.events import relay
from paya_app.events.errors import RecordRestored
from paya_app.proof import sealer
from paya_app.proof.verify import verify
from tests.support.waiting import until

MINT = "select ledger.post(gen_random_uuid(), ledger.system_account('reserve'), ledger.wallet_of(%s), 1, 'test_mint')"


def verified(database):
    report = verify(database.url("postgres"), lambda _: None)
    return [finding.sentence for finding in report.findings], report.counts


async def ranges(database):
    rows = await database.rows("select xid_from::text::bigint, xid_upto::text::bigint from proof.seal order by n")
    return [tuple(row) for row in rows]


async def test_what_was_booked_is_sealed_once_and_verifies(traded, database):
    found, counts = await asyncio.to_thread(verified, database)
    assert found == []
    assert counts["transfers sealed"] == 7
    assert counts["transfers too new to be sealed"] == 1
    there = await ranges(database)
    assert [start for start, _ in there[1:]] == [upto for _, upto in there[:-1]]
    assert counts["seals"] == len(there) > 4


async def test_nothing_new_makes_no_seal(traded, database, seal):
    await seal()
    before = await database.value("select proof.head()")
    assert await database.value("select proof.seal_next()", role="paya_worker") == 0
    assert await database.value("select proof.head()") == before


async def test_a_late_commit_is_waited_for(people, database, seal):
    ann = await people.join("ann", cents=100)
    await seal()
    async with await database.connect() as early:
        await early.execute("begin")
        await early.execute(MINT.encode(), (ann.user_id,))
        before = await database.value("select count(*) from proof.seal")
        await database.rows("select events.record('test.happened', gen_random_uuid(), 1)")
        assert await database.value("select proof.seal_next()", role="paya_worker") == 0
        assert await database.value("select count(*) from proof.seal") == before
        await early.execute("commit")
    await seal()
    found, counts = await asyncio.to_thread(verified, database)
    assert (found, counts.get("transfers too new to be sealed", 0)) == ([], 0)


async def test_a_backlog_is_sealed_in_pieces_and_no_transaction_is_split(people, database, seal):
    ann = await people.join("ann", cents=100)
    for _ in range(6):
        await database.rows(MINT, (ann.user_id,))
    async with await database.connect() as connection:
        await connection.execute("begin")
        for _ in range(9):
            await connection.execute(MINT.encode(), (ann.user_id,))
        await connection.execute("commit")
    await seal(pieces_of=4)
    counts = [row[0] for row in await database.rows("select transfer_count + event_count from proof.seal order by n")]
    assert len(counts) >= 4
    assert max(counts) == 9
    assert (await asyncio.to_thread(verified, database))[0] == []


async def test_two_sealers_seal_everything_once(people, pay, database):
    ann, _ = await people.join("ann", cents=5000), await people.join("bob")
    stop = asyncio.Event()
    sealers = [asyncio.create_task(sealer.run(stop)) for _ in range(2)]
    try:
        for _ in range(9):
            await pay(ann, "bob")
        covered = "select (select max(transfer_total) from proof.seal) = (select count(*) from ledger.transfer)"
        assert await until(lambda: database.value(covered))
    finally:
        stop.set()
        await asyncio.gather(*sealers)
    assert (await asyncio.to_thread(verified, database))[0] == []


async def test_strange_texts_are_sealed_as_they_are(people, database, seal):
    ann = await people.join("ann", cents=100)
    for ref in ('"quoted\\"', "line\nline\ttab\r\b\f\x01\x1f\x7f", "ünï ✓ 😀  </script>", ""):
        await database.rows(
            MINT.replace("'test_mint'", "'test_mint', %s"),
            (ann.user_id, ref),
        )
    await seal()
    assert (await asyncio.to_thread(verified, database))[0] == []


async def test_a_restored_database_is_not_sealed_until_rebased_and_then_goes_on_in_a_new_era(traded, database, seal):
    ann, _, _ = traded
    # as after a restore into a younger database: what is there has transaction ids from the future
    shift = "(xid::text::bigint + 1000000)::text::xid8"
    async with await database.connect() as connection:
        await connection.execute("set session_replication_role = 'replica'")
        for table in ("ledger.transfer", "ledger.sum_entry", "events.event"):
            await connection.execute(
                f"update {table} set xid = {shift} where xid >= (select max(xid_upto) from proof.seal)".encode()
            )
    with pytest.raises(RecordRestored, match="paya rebase"):
        await sealer.run(asyncio.Event())
    assert await relay.rebase(database.url("paya_worker")) == 2
    await database.rows(MINT, (ann.user_id,))
    assert await database.value("select era from ledger.transfer order by at desc limit 1") == 2
    assert await database.value("select max(era) from ledger.sum_entry") == 2
    await seal()
    assert await database.rows("select era, count(*) > 0 from proof.seal group by era order by era") == [
        (1, True),
        (2, True),
    ]
    found, counts = await asyncio.to_thread(verified, database)
    assert (found, counts.get("transfers too new to be sealed", 0)) == ([], 0)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize(
    "statement",
    [
        "select proof.seal_next()",
        "select * from proof.seal",
        "select * from proof.node",
        "select * from proof.salt_key",
        "select proof.leaves(1, '0', '9')",
        "select proof.log_path(0, 1)",
    ],
)
async def test_people_have_no_part_in_sealing(database, role, statement):
    async with await database.connect() as connection:
        await connection.execute(f"set role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement.encode())


@pytest.mark.parametrize("table", ["seal", "node", "salt_key"])
@pytest.mark.parametrize("verb", ["delete from proof.{}", "truncate proof.{}"])
async def test_seals_are_never_removed(traded, database, table, verb):
    with pytest.raises(psycopg.Error, match="append_only"):
        await database.rows(verb.format(table))
