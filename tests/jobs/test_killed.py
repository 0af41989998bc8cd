"""The worker is killed between the order and its booking: the order is one, and it is resumed."""

import asyncio
import os
import subprocess
import sys

from paya_app import wallet
from tests.support.bank import opened
from tests.support.dwolla import until

WORKER = """
import asyncio
from jobs import worker
asyncio.run(worker.run(asyncio.Event()))
"""


class HoldsTheAnswer:
    """Takes the order, and keeps the answer back until it is let go."""

    def __init__(self):
        self.taken = asyncio.Event()
        self.let_go = asyncio.Event()

    def wrap(self, app, _base_url):
        async def holding(scope, receive, send):
            if scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", "/transfers"):
                answered = []

                async def keep(message):
                    answered.append(message)

                await app(scope, receive, keep)
                self.taken.set()
                await self.let_go.wait()
                for message in answered:
                    await send(message)
            else:
                await app(scope, receive, send)

        return holding


def start_worker(database, base_url) -> subprocess.Popen:
    environment = {**os.environ, **database.environment(), "DWOLLA_BASE_URL": base_url}
    return subprocess.Popen([sys.executable, "-c", WORKER], env=environment)


async def test_killed_between_order_and_booking_it_is_one_order_resumed_once(database, people):
    ann = await people.join("ann")
    holder = HoldsTheAnswer()
    async with opened(database, wrap=holder.wrap) as bank:
        load = await bank.start(ann, 5000)
        first = start_worker(database, bank.dwolla.base_url)
        try:
            await asyncio.wait_for(holder.taken.wait(), 30)
            assert await bank.database.value("select state from banking.provider_operation") == "submitted"
        finally:
            first.kill()
            first.wait()
            holder.let_go.set()
        second = start_worker(database, bank.dwolla.base_url)
        try:

            async def resumed():
                await bank.database.rows("select jobs.enqueue('upkeep', 'sweep_stalled', '{}', 'tick:sweep_stalled')")
                return (await bank.load(ann, load)).state == "pending"

            await until(resumed, within_s=30)
            for _ in range(2):
                await bank.dwolla.simulate()
                await bank.notices()

                async def worked():
                    statement = "select count(*) = 0 from jobs.procrastinate_jobs where task_name = 'follow_transfer'"
                    return await bank.database.value(statement)

                await until(worked)
        finally:
            second.kill()
            second.wait()
        assert await bank.dwolla.transfer_count() == 1
        assert (await bank.load(ann, load)).state == "cleared"
        assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}
        assert (await wallet.balance(ann)).available_cents == 5000
        assert await bank.dead_letters() == []
