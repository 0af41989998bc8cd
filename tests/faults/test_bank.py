"""The bank checker, once through every fault, and the parts that it stands on."""

import asyncio
from itertools import islice

import psycopg
import pytest

import bench.bank
from bench.bank import Scenario, plan, run
from bench.bank.client import Client, Deadline, Unknown
from bench.bank.proxy import Proxy, Replies
from tests.support.commands import figures_of
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("crash")


def test_every_fault_once_and_nothing_is_lost_or_doubled(bank_server):
    figures = asyncio.run(run(bank_server, Scenario(seconds=90, seed=1, gap_s=0.4, rounds=1)))
    assert figures["violations"] == {}, figures["examples"]
    assert set(figures["faults_by_kind"]) == set(plan.FAULTS)
    assert figures["unknown"]["answers_lost"] > 0
    assert figures["unknown"]["unresolved"] == 0
    assert figures["operations"] == figures["acknowledged"] + sum(figures["refused"].values())
    assert figures["snapshots"] > 0


def test_the_command_prints_its_seed_and_figures():
    figures = figures_of("faults", "bank", "--seconds", "2", "--seed", "7")
    assert (figures["seed"], figures["violations"]) == (7, {})
    assert figures["acknowledged"] > 0


@pytest.mark.parametrize(
    ("changes", "sound"),
    [
        ({}, True),
        ({"violations": {"deadlock": 1}}, False),
        ({"faults": 39}, False),
        ({"faults": 39, "seconds": 119}, True),
        ({"acknowledged": 0}, False),
    ],
)
def test_a_violation_or_too_few_faults_fail_the_run(changes, sound):
    figures = {"seconds": 120, "faults": 40, "acknowledged": 10, "violations": {}}
    assert bench.bank.is_sound(figures | changes) is sound


def _asked(operation):
    return operation.verb, operation.key, operation.giver, operation.cents, operation.legs, operation.is_final


def _decisions(seed):
    handles = [f"hot_{n}" for n in range(8)]
    return {
        "payments": [_asked(p.payment) for p in islice(plan.payments(seed, "payer 0", handles), 200)],
        "more": [(bool(p.twin), bool(p.again)) for p in islice(plan.payments(seed, "payer 0", handles), 200)],
        "batches": [[_asked(p) for p in batch] for batch in islice(plan.batches(seed, "batcher 0", handles), 50)],
        "holds": [
            [_asked(o) for o in (h.hold, *h.race, h.sweep)] for h in islice(plan.holds(seed, "holder 0", handles), 50)
        ],
        "faults": list(islice(plan.faults(seed, plan.FAULTS, gap_s=1.5), 50)),
    }


def test_the_same_seed_decides_the_same_and_another_does_not():
    first, again, other = _decisions(1), _decisions(1), _decisions(2)
    assert first == again
    assert all(first[part] != other[part] for part in first)


def test_every_round_has_every_fault():
    kinds = [fault.kind for fault in islice(plan.faults(3, plan.FAULTS, gap_s=1), 3 * len(plan.FAULTS))]
    for n in range(3):
        assert sorted(kinds[n * len(plan.FAULTS) : (n + 1) * len(plan.FAULTS)]) == sorted(plan.FAULTS)


def test_ids_are_of_version_7_and_never_the_same():
    made = [plan.Ids(plan.chance_of(1, name)).next() for name in ("a", "b") for _ in range(1)]
    ids = plan.Ids(plan.chance_of(1, "c"))
    made += [ids.next() for _ in range(1000)]
    assert {(i.version, i.variant) for i in made} == {(7, "specified in RFC 4122")}
    assert len(set(made)) == len(made)


def _message(kind, body=b""):
    return kind.encode() + (len(body) + 4).to_bytes(4, "big") + body


_STARTUP = _message("R", b"\0\0\0\0") + _message("K", (4711).to_bytes(4, "big") + b"secret") + _message("Z", b"I")
_ANSWER = _message("1") + _message("D", b"Z\0C\0" * 9) + _message("C", b"SELECT 1\0")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
@pytest.mark.parametrize(
    ("said", "commits"),
    [
        (_STARTUP, 0),
        (_STARTUP + _ANSWER, 0),  # not before the server is ready again
        (_STARTUP + _ANSWER + _message("Z", b"I"), 1),
        (_STARTUP + _ANSWER + _message("Z", b"T"), 0),  # in a transaction that is still open
        (_STARTUP + _ANSWER + _message("E", b"S\0") + _message("Z", b"I"), 0),  # the commit itself failed
        (_STARTUP + 2 * (_ANSWER + _message("Z", b"I")), 2),
    ],
)
def test_a_commit_is_seen_when_the_server_is_ready_again_in_whatever_pieces_it_says_so(size, said, commits):
    replies = Replies()
    pieces = [said[n : n + size] for n in range(0, len(said), size)]
    seen = sum(replies.feed(piece) for piece in pieces)
    assert replies.process == 4711
    assert seen == (commits if size < 1000 else min(commits, 1))


@pytest.fixture
def table(bank_server):
    """A database with an empty table `said (n integer)`."""
    database = bank_server.new_database()
    bank_server.execute(database, b"create table said (n integer); grant insert, select on said to paya_app")
    yield database
    bank_server.drop_database(database)


async def _proxied(bank_server, database):
    proxy = Proxy(lambda: bank_server.port)
    await proxy.start()
    address = bank_server.address("supabase_admin", database, port=proxy.port)
    return proxy, Client(address, deadline=Deadline(), chance=plan.chance_of(1, "a client"))


async def test_a_swallowed_answer_is_that_of_a_statement_that_was_committed(bank_server, table):
    proxy, client = await _proxied(bank_server, table)
    await client.ask("select 1", (), patience_s=10)
    proxy.swallow_acks(1)
    with pytest.raises(Unknown):
        await client.ask("insert into said values (1) returning n", (), patience_s=10)
    assert proxy.acks_swallowed == 1
    assert await client.ask("select n from said", (), patience_s=10) == [(1,)]
    await client.close()
    await proxy.stop()


async def test_who_gives_up_hangs_up_and_the_statement_is_never_cancelled(bank_server, table):
    proxy, client = await _proxied(bank_server, table)
    with pytest.raises(Unknown) as unknown:
        await client.ask("insert into said select 1 from pg_sleep(0.5) returning n", (), patience_s=0.1)
    assert client.hung_up == 1
    assert unknown.value.process > 0

    async def is_committed():
        return await client.ask("select n from said", (), patience_s=10) == [(1,)]

    await until(is_committed)
    await client.close()
    await proxy.stop()


async def test_a_stalled_network_passes_nothing_and_then_everything(bank_server, table):
    proxy, client = await _proxied(bank_server, table)
    await client.ask("select 1", (), patience_s=10)
    proxy.stall()
    asked = asyncio.create_task(client.ask("insert into said values (1) returning n", (), patience_s=60))
    async with await bank_server.connect(table) as witness:
        assert await (await witness.execute("select n from said")).fetchall() == []
        assert not asked.done()
        proxy.resume()
        assert await asked == [(1,)]
    await client.close()
    await proxy.stop()


async def test_a_dropped_connection_is_made_again(bank_server, table):
    proxy, client = await _proxied(bank_server, table)
    await client.ask("select 1", (), patience_s=10)
    assert proxy.drop_all() == 1
    with pytest.raises(Unknown):
        await client.ask("select 1", (), patience_s=10)
    assert await client.ask("select 2", (), patience_s=10) == [(2,)]
    assert client.reconnects == 2
    await client.close()
    await proxy.stop()


async def test_the_login_of_the_workers_may_not_touch_the_ledger(bank_server, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with await psycopg.AsyncConnection.connect(bank_server.address("paya_app", table)) as connection:
            await connection.execute("update ledger.account set balance = 0")
