"""`paya faults kill`: kill -9 of each program in turn, the database too, while payments and loads run.

A payer makes an id, sends, and sends again with the same id until it gets an answer, as a page does. At the
end every acknowledged payment must be there exactly once, every load cleared exactly once, and the ledger
must add up.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import typer

from bench.cast import as_json, join, lift_send_limits
from bench.running import Running, running
from paya_app import banking, wallet
from paya_app.core.actor import Actor
from paya_app.core.errors import ServiceUnavailable
from paya_app.core.ids import new_id
from paya_app.server.programs import answers

PAYERS = 4
PEOPLE = 12
LOADERS = 3
ORDER = ("scheduler", "worker", "vendors", "app", "postgres")
BACK_S_MAX = 90
CALM_S = 2.0

FLAWS = {
    "accounts that are not the sum of their entries": """
        select count(*) from (select a.id from ledger.account a left join ledger.entry e on e.account_id = a.id
        group by a.id having a.balance <> coalesce(sum(e.amount), 0) or a.seq <> count(e.seq)) f""",
    "assets that do not sum to zero": """
        select count(*) from (select 1 from ledger.account_balance group by asset having sum(balance) <> 0) f""",
    "transfers without two entries": """
        select count(*) from (select t.id from ledger.transfer t left join ledger.entry e on e.transfer_id = t.id
        group by t.id having count(e.seq) <> num_nonnulls(t.from_seq, t.to_seq)) f""",
    "events without a position": """
        select count(*) from events.event e left join events.event_position p on p.event_id = e.id
        where p.event_id is null""",
}


@dataclass
class Traffic:
    """Payments under way: what was acknowledged, and what had to be asked again."""

    actors: dict[str, Actor]
    acknowledged: dict[UUID, tuple[str, str, int]] = field(default_factory=dict)
    asked_again: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def pay(self, seed: int) -> None:
        """One payer, until told to stop; the payment at hand is always brought to an answer."""
        chance = random.Random(seed)  # noqa: S311 - who pays whom here is no secret
        while not self.stopping.is_set():
            giver, taker = chance.sample(sorted(self.actors), 2)
            payment_id, cents = new_id(), chance.randrange(1, 200)
            while True:
                try:
                    await wallet.send(
                        self.actors[giver],
                        payment_id=payment_id,
                        to=taker,
                        amount_cents=cents,
                        note="",
                        audience="public",
                    )
                except ServiceUnavailable:
                    self.asked_again += 1
                    await asyncio.sleep(0.05)
                else:
                    self.acknowledged[payment_id] = (giver, taker, cents)
                    break
            await asyncio.sleep(0.005)


async def measure(seed: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it and return the figures."""
    async with running(PAYA_ACH_SECONDS="1") as paya:
        with paya.superuser() as superuser:
            lift_send_limits(superuser)
            actors = await join(superuser, [f"person_{n:02}" for n in range(PEOPLE)], cents=100_000)
        traffic = Traffic(actors)
        sources = await _link_banks(actors)
        payers = [asyncio.create_task(traffic.pay(seed + n)) for n in range(PAYERS)]
        kills, loads = [], []
        for _ in range(rounds):
            for name in ORDER:
                loads += await _start_loads(actors, sources)
                await asyncio.sleep(CALM_S)
                kills.append(await _kill(paya, name, traffic, say))
        await asyncio.sleep(CALM_S)
        traffic.stopping.set()
        await asyncio.gather(*payers)
        cleared = await _until_cleared(loads)
        return {"kills": kills, **await _judge(paya, traffic, loads, cleared)}


async def _link_banks(actors: dict[str, Actor]) -> dict[str, UUID]:
    sources: dict[str, UUID] = {}
    for number, handle in enumerate(sorted(actors)[:LOADERS]):
        sources[handle] = new_id()
        await banking.add_source(
            actors[handle],
            source_id=sources[handle],
            holder_name=f"Person {number}",
            routing="222222226",
            account=f"90000{number:04}",
            kind="checking",
        )
        deadline = time.monotonic() + BACK_S_MAX
        while (state := (await banking.sources(actors[handle]))[0].state) != "verified":
            if time.monotonic() > deadline:
                raise TimeoutError(f"the bank of {handle} is still {state}")
            if state == "unverified":
                await banking.confirm_source(actors[handle], sources[handle], amounts=(3, 9))
            await asyncio.sleep(0.1)
    return sources


async def _start_loads(actors: dict[str, Actor], sources: dict[str, UUID]) -> list[tuple[Actor, UUID]]:
    started = []
    for handle, source_id in sources.items():
        load_id = new_id()
        while True:
            try:
                await banking.start_load(actors[handle], load_id=load_id, source_id=source_id, amount_cents=500)
            except ServiceUnavailable:
                await asyncio.sleep(0.05)
            else:
                break
        started.append((actors[handle], load_id))
    return started


async def _kill(paya: Running, name: str, traffic: Traffic, say: Callable[[str], None]) -> dict[str, Any]:
    """End one program by kill -9; how long until the supervisor has it again, ready."""
    before = paya.programs()[name]
    acknowledged = len(traffic.acknowledged)
    killed = time.monotonic()
    os.kill(before, signal.SIGKILL)
    deadline = killed + BACK_S_MAX
    ready = answers("127.0.0.1", paya.port, "/ping") if name == "app" else None
    while True:
        new = paya.programs().get(name)
        if new not in (None, before) and (ready is None or await ready()) and _answers(paya, name):
            break
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} was not back {BACK_S_MAX} s after kill -9")
        await asyncio.sleep(0.02)
    back_s = round(time.monotonic() - killed, 2)
    say(f"{name}: back after {back_s} s")
    return {"killed": name, "back_s": back_s, "acknowledged_meanwhile": len(traffic.acknowledged) - acknowledged}


def _answers(paya: Running, name: str) -> bool:
    if name != "postgres":
        return True
    try:
        with paya.superuser() as superuser:
            superuser.execute("select 1")
    except psycopg.OperationalError:
        return False
    return True


async def _until_cleared(loads: list[tuple[Actor, UUID]]) -> int:
    """How many loads reached the wallet; waits for them as long as a restart may take."""
    deadline = time.monotonic() + 2 * BACK_S_MAX
    waiting = list(loads)
    while waiting and time.monotonic() < deadline:
        states = [await banking.load(actor, load_id) for actor, load_id in waiting]
        waiting = [load for load, seen in zip(waiting, states, strict=True) if seen is None or seen.state != "cleared"]
        await asyncio.sleep(0.2)
    return len(loads) - len(waiting)


async def _judge(paya: Running, traffic: Traffic, loads: list[tuple[Actor, UUID]], cleared: int) -> dict[str, Any]:
    with paya.superuser() as superuser:
        deadline = time.monotonic() + BACK_S_MAX
        while True:
            flaws = {name: superuser.execute(sql.encode()).fetchone()[0] for name, sql in FLAWS.items()}  # pyright: ignore[reportOptionalSubscript]
            if not any(flaws.values()) or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
        rows = superuser.execute(
            "select t.id, t.amount from ledger.transfer t join public.payments p on p.id = t.id"
        ).fetchall()
        minted = superuser.execute(
            "select coalesce(sum(t.amount), 0) from ledger.transfer t join ledger.account a on a.id = t.to_account "
            "where a.kind = 'wallet' and t.kind not in ('payment', 'bench_mint')"
        ).fetchone()
    booked = dict(rows)
    lost = [i for i, (_, _, cents) in traffic.acknowledged.items() if booked.get(i) != cents]
    return {
        "acknowledged": len(traffic.acknowledged),
        "asked_again": traffic.asked_again,
        "lost": len(lost),
        "doubled": len(booked) - len(set(booked)) + len(set(booked) - set(traffic.acknowledged)),
        "loads": len(loads),
        "loads_cleared": cleared,
        "loaded_cents_expected": 500 * len(loads),
        "loaded_cents": int(minted[0]) if minted else 0,
        "flaws": flaws,
    }


def is_whole(figures: dict[str, Any]) -> bool:
    """Whether nothing was lost, doubled or left behind."""
    return (
        figures["lost"] == figures["doubled"] == 0
        and figures["loads"] == figures["loads_cleared"]
        and figures["loaded_cents"] == figures["loaded_cents_expected"]
        and not any(figures["flaws"].values())
    )


def main(*, seed: int, rounds: int, as_json_only: bool) -> int:
    """Run, print the figures, and return the exit code."""
    say = (lambda _line: None) if as_json_only else typer.echo
    figures = asyncio.run(measure(seed, rounds, say))
    typer.echo(as_json({"seed": seed, **figures}))
    return 0 if is_whole(figures) else 1
