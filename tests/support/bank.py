"""A whole bank for tests: the Dwolla stand-in, our webhook route, and a worker in this process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI

from jobs.app import queue
from paya_app import banking
from paya_app.api.inbound import dwolla as inbound
from paya_app.api.problems import add_problem_handlers
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.ids import new_id
from tests.support.database import Database
from tests.support.dwolla import ServedDwolla, free_socket, listening, serving

ROUTING, ACCOUNT = "222222226", "1234567890"
_DUE = """
select count(*) from jobs.procrastinate_jobs j
where j.status = 'todo' and (j.scheduled_at is null or j.scheduled_at <= now()) and not exists (
  select from jobs.procrastinate_jobs o where o.lock = j.lock and o.status = 'todo' and o.id < j.id)
"""


@dataclass
class Bank:
    """A running bank and what a test does with it."""

    dwolla: ServedDwolla
    database: Database
    hooks_url: str
    faults: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)

    async def work(self) -> None:
        """Do every job that is due now, as a worker would, and what those make due."""
        app = queue()
        async with app.open_async():
            # a worker that does not wait stops at jobs that have their turn after others under way
            while await self.database.value(_DUE):
                await app.run_worker_async(
                    wait=False,
                    concurrency=4,
                    listen_notify=False,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                )

    async def link(self, actor: Actor, *, account: str = ACCOUNT) -> banking.Source:
        """A confirmed bank of the actor's."""
        source = await banking.add_source(
            actor, source_id=new_id(), holder_name="Ann Example", routing=ROUTING, account=account, kind="checking"
        )
        return await banking.confirm_source(actor, source.id, (3, 9))

    async def vendor_id(self, source: banking.Source) -> str:
        """What Dwolla calls a bank."""
        return await self.database.value("select vendor_id from banking.source where id = %s", (source.id,))

    async def start(self, actor: Actor, cents: int, source: banking.Source | None = None) -> banking.Load:
        """A load that was asked for and nothing else."""
        source = source or await self.link(actor)
        return await banking.start_load(actor, load_id=new_id(), source_id=source.id, amount_cents=cents)

    async def load(self, actor: Actor, load: banking.Load) -> banking.Load:
        """A load as it stands now."""
        found = await banking.load(actor, load.id)
        assert found is not None
        return found

    async def fund(self, actor: Actor, cents: int, source: banking.Source | None = None) -> banking.Source:
        """Money in the actor's wallet that was loaded from their bank, which is returned."""
        source = source or await self.link(actor)
        await self.start(actor, cents, source)
        await self.work()
        await self.settle()
        return source

    async def redeem(self, actor: Actor, cents: int, source: banking.Source) -> banking.Redemption:
        """A redemption that was asked for and nothing else."""
        return await banking.start_redemption(actor, redemption_id=new_id(), source_id=source.id, amount_cents=cents)

    async def redemption(self, actor: Actor, redemption: banking.Redemption) -> banking.Redemption:
        """A redemption as it stands now."""
        found = await banking.redemption(actor, redemption.id)
        assert found is not None
        return found

    async def settle(self) -> None:
        """Let the banks process both legs, asking after each as a notice would make us."""
        for _ in range(2):
            await self.dwolla.simulate()
            await self.notices()
            await self.work()

    async def notices(self) -> None:
        """Enqueue the asking after every transfer that the vendor knows."""
        for transfer in await self.database.rows("select id from vendor_dwolla.transfer order by created"):
            await self.database.rows(
                "select jobs.enqueue('banking', 'follow_transfer', jsonb_build_object('transfer_id', %s::text))",
                transfer,
            )

    async def ledger(self) -> dict[str, int]:
        """Balances by kind of account, in cents."""
        rows = await self.database.rows("select kind, sum(balance)::bigint from ledger.account_balance group by kind")
        assert sum(cents for _, cents in rows) == 0, "the ledger does not add up"
        return {kind: cents for kind, cents in rows if cents}

    async def event_kinds(self, load: banking.Load | banking.Redemption) -> list[str]:
        """What happened to a load or a redemption, in order."""
        rows = await self.database.rows("select kind from events.event where subject = %s order by version", (load.id,))
        return [kind for (kind,) in rows]

    async def dead_letters(self) -> list[tuple[Any, ...]]:
        """Jobs that were given up."""
        return await self.database.rows("select task, args from jobs.dead_letters(100)")


@contextmanager
def unreachable() -> Iterator[None]:
    """Nobody is at the vendor's address while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DWOLLA_BASE_URL", "http://127.0.0.1:9")
        settings.cache_clear()
        try:
            yield
        finally:
            patch.undo()
            settings.cache_clear()


@asynccontextmanager
async def opened(database: Database, *, subscribed: bool = False, **how: Any) -> AsyncIterator[Bank]:
    """A bank on loopback ports. `subscribed`: the stand-in sends its webhooks to our route by itself."""
    api = FastAPI()
    add_problem_handlers(api)
    api.include_router(inbound.router)
    held = free_socket()
    async with AsyncExitStack() as stack:
        stack.callback(held.close)
        dwolla = await stack.enter_async_context(serving(database, **how))
        await stack.enter_async_context(listening(api, held))
        hooks_url = f"http://127.0.0.1:{held.getsockname()[1]}/hooks/dwolla"
        if subscribed:
            secret = settings().dwolla_webhook_secret.get_secret_value()
            answer = await dwolla.client.post("/webhook-subscriptions", json={"url": hooks_url, "secret": secret})
            answer.raise_for_status()
        await banking.use_environment()
        yield Bank(dwolla, database, hooks_url)


@asynccontextmanager
async def working() -> AsyncIterator[asyncio.Event]:
    """A worker in this process while the block runs; set the event to end it early."""
    from jobs import worker

    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await running


async def without_breaker(database: Database) -> None:
    """Let the vendor fail as often as a test needs: what the breaker does about it has tests of its own."""
    await database.rows(
        "insert into providers.provider_health (vendor, threshold, ttl_s) values ('dwolla', 1000, 30) "
        "on conflict (vendor) do update set threshold = 1000"
    )
