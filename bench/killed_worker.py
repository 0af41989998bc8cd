"""`paya faults worker`: kill -9 of the worker every few seconds while loads go through, from asking to clearing.

At the end each load must have been cleared exactly once in our ledger, and the stand-in must have been asked for it
exactly once: what it took from people's banks and what came to the reserve's is read from its own books.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import typer

from bench.bankside import BankSide, Say, bankside, in_lanes, start_load
from bench.cast import as_json
from bench.kill import FLAWS as LEDGER_FLAWS
from paya_app.core.config import settings

PEOPLE_MAX = 50
KILL_EVERY_S = 5.0  # after a worker has taken up work
SHORT, SHORT_KILLS = 100, 1
LANES = 4
IDLE_S_MAX = 90
BACK_S_MAX = 60
# none yet is another answer than the first
NEWEST_WORKER = "select case when is_called then last_value else 0 end from jobs.procrastinate_workers_id_seq"
OPEN = "select count(*) from banking.provider_operation where state <> 'cleared'"
FLAWS = {
    **LEDGER_FLAWS,
    "loads that the vendor was asked for more than once, or never": """
        select count(*) from (select l.id from banking.load l left join vendor_dwolla.transfer t
        on t.correlation_id = l.id::text and t.source_id is not null group by l.id having count(t.id) <> 1) f""",
    "transfers at the vendor that nobody asked for": """
        select count(*) from vendor_dwolla.transfer t where t.source_id is not null
        and not exists (select from banking.load l where l.id::text = t.correlation_id)""",
    "loads that were not minted exactly once": """
        select count(*) from banking.load l where (select count(*) from ledger.transfer t
        where t.id = l.clear_transfer and t.amount = l.amount_cents) <> 1""",
    "jobs that were given up": "select count(*) from jobs.procrastinate_jobs where status in ('failed', 'aborted')",
}
MINTED = """
select coalesce(sum(t.amount), 0)::bigint from ledger.transfer t where t.kind = 'load_cleared'
"""
TAKEN_FROM_BANKS = """
select coalesce(sum(t.amount_cents), 0)::bigint from vendor_dwolla.transfer t
where t.source_id is not null and t.status = 'processed'
"""
IN_OUR_BANK = """
select b.balance_cents from vendor_dwolla.bank_account b join vendor_dwolla.funding_source s
on (s.routing, s.number) = (b.routing, b.number) where s.id = %s::uuid
"""


async def measure(loads: int, seed: int, say: Say) -> dict[str, Any]:
    """Run it and return the figures. A short run has few kills, and the first at once: it would be over before."""
    kills_max, every_s = (SHORT_KILLS, 0.1) if loads < SHORT else (loads, KILL_EVERY_S)
    chance = random.Random(seed)  # noqa: S311 - what is loaded here is no secret
    amounts = [chance.randrange(100, 2000) for _ in range(loads)]
    async with bankside(say, PAYA_ACH_SECONDS="1") as the:
        people = await the.people_with_banks(min(PEOPLE_MAX, max(1, loads // 4)))
        reserve = settings().dwolla_reserve_source
        held_before = the.value(IN_OUR_BANK, reserve)
        back_s: list[float] = []
        killing = asyncio.create_task(_kill(the, chance, every_s=every_s, kills_max=kills_max, back_s=back_s, say=say))
        try:
            await in_lanes(LANES, [partial(start_load, *people[n % len(people)], amounts[n]) for n in range(loads)])
            await _until_cleared(the, loads, say, at_least=lambda: len(back_s) > 0)
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
        rest = await _until_cleared(the, loads, say)
        return {
            "loads": loads,
            "kills": len(back_s),
            "back_s_max": round(max(back_s, default=0), 2),
            "rest": rest,
            "asked_cents": sum(amounts),
            "minted_cents": the.value(MINTED),
            "taken_from_banks_cents": the.value(TAKEN_FROM_BANKS),
            "came_to_our_bank_cents": the.value(IN_OUR_BANK, reserve) - held_before,
            "flaws": {name: the.value(sql) for name, sql in FLAWS.items()},
        }


async def _kill(
    the: BankSide,
    chance: random.Random,
    *,
    every_s: float,
    kills_max: int,
    back_s: list[float],
    say: Say,
) -> None:
    """End the worker by kill -9 whenever it has worked for a while; `back_s` gets how long until another works."""
    for _ in range(kills_max):
        await asyncio.sleep(chance.uniform(0.8, 1.2) * every_s)
        before = await asyncio.to_thread(the.value, NEWEST_WORKER)
        killed = time.monotonic()
        os.kill(the.pids()["worker"], signal.SIGKILL)
        while await asyncio.to_thread(the.value, NEWEST_WORKER) == before:
            if time.monotonic() - killed > BACK_S_MAX:
                raise TimeoutError(f"no worker took up work {BACK_S_MAX} s after kill -9")
            await asyncio.sleep(0.1)
        back_s.append(time.monotonic() - killed)
        say(f"worker killed; another works after {back_s[-1]:.1f} s")


async def _until_cleared(the: BankSide, loads: int, say: Say, *, at_least: Callable[[], bool] = lambda: True) -> int:
    """How many loads are not cleared, when none is or nothing has moved for a while; `at_least` is waited for too."""
    last_moved = told = time.monotonic()
    left = loads
    while time.monotonic() - last_moved < IDLE_S_MAX:
        now_left = await asyncio.to_thread(the.value, OPEN)
        if now_left != left:
            left, last_moved = now_left, time.monotonic()
        if not left and at_least():
            break
        if time.monotonic() - told > 5:  # noqa: PLR2004 - a line every five seconds
            told = time.monotonic()
            say(f"{loads - left} of {loads} cleared")
        await asyncio.sleep(0.2)
    return left


def is_whole(figures: dict[str, Any]) -> bool:
    """Whether every sum is the same, and nothing is doubled or left."""
    sums = {figures[name] for name in figures if name.endswith("_cents")}
    return len(sums) == 1 and figures["rest"] == 0 and not any(figures["flaws"].values()) and figures["kills"] > 0


def main(*, loads: int, seed: int, as_json_only: bool) -> int:
    """Run, print the figures, and return the exit code."""
    say = (lambda _line: None) if as_json_only else typer.echo
    figures = asyncio.run(measure(loads, seed, say))
    typer.echo(as_json({"seed": seed, **figures}))
    return 0 if is_whole(figures) else 1
