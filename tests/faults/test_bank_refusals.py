"""A refusal after a lost answer is not believed while the lost attempt may still commit."""

import asyncio
import os
import signal

import pytest

from bench.bank import plan
from bench.bank.client import Client, Deadline
from bench.bank.history import History, Operation
from bench.bank.workers import Habits, Workers
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("crash")

TOP_UP = """
select ledger.post(gen_random_uuid(), ledger.system_account('reserve'), bench.account_of('hot_0'), 50000, 'bench_mint')
"""
ASKING = "select count(*) from pg_stat_activity where query like 'select pid from pg_stat_activity%' and state = 'idle'"


async def test_the_lost_attempt_that_was_paused_wins_over_the_refusal_of_the_second(bank_server):
    database, history, deadline = bank_server.new_database(), History(), Deadline()
    address = bank_server.address("paya_app", database)
    workers = Workers(address, bank_server.claims, history, Habits(), deadline, 1, asyncio.Event())
    client = Client(address, deadline=deadline, chance=plan.chance_of(1, "a client"))
    ids = plan.Ids(plan.chance_of(1, "ids"))
    payment = Operation("send", ids.next(), "hot_0", 20_000, (("hot_1", 20_000),))

    [(process,)] = await client.ask("select pg_backend_pid()", (), patience_s=10)
    os.kill(process, signal.SIGSTOP)
    try:
        settling = asyncio.create_task(workers.settle(client, [payment], workers._send, 0.2))
        async with await bank_server.connect(database) as witness:

            async def is_refused_and_waits():
                return (await (await witness.execute(ASKING)).fetchone())[0] > 0

            await until(is_refused_and_waits, patience_s=30)
            assert payment.state == "asked"  # the wallet holds 100.00, so the second attempt was refused
            await witness.execute(TOP_UP)
    finally:
        os.kill(process, signal.SIGCONT)
    await settling
    assert payment.state == "acknowledged"
    assert history.counts["unknown_was_committed"] == 1
    assert history.violations == {}
    await client.close()
    bank_server.drop_database(database)


async def test_a_refusal_with_nothing_under_way_is_believed_at_once(bank_server):
    database, history, deadline = bank_server.new_database(), History(), Deadline()
    address = bank_server.address("paya_app", database)
    workers = Workers(address, bank_server.claims, history, Habits(), deadline, 1, asyncio.Event())
    client = Client(address, deadline=deadline, chance=plan.chance_of(1, "a client"))
    payment = Operation("send", plan.Ids(plan.chance_of(2, "ids")).next(), "hot_0", 20_000, (("hot_1", 20_000),))
    await workers.settle(client, [payment], workers._send, 30)
    assert (payment.state, payment.code) == ("refused", "insufficient_funds")
    assert history.refused == [payment]
    await client.close()
    bank_server.drop_database(database)
