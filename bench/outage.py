"""`paya bench outage`: loads are asked for while the bank service is down for an hour; then it is back.

The hour is the clock's, not ours: the database's clock and the times of waiting jobs are moved in steps, and the
worker does in each what it would have done. Everything must have been sent when it is over, once, in the order in
which each person asked, by the stand-in's own books.
"""

import asyncio
import time
from functools import partial
from typing import Any
from uuid import UUID

import typer

from bench.bankside import BankSide, Say, bankside, in_lanes, start_load
from bench.cast import as_json
from paya_app.core.actor import Actor

CENTS = 100
PEOPLE_PER_OPERATION = 1 / 20
PEOPLE_MAX = 200
LANES = 8
OUTAGE_S = 3600
STEPS = 12
STEP_S_MAX = 20
IDLE_S_MAX = 60
OPEN = "select count(*) from banking.provider_operation where state in ('queued', 'submitted')"
DUE = """
select count(*) from jobs.procrastinate_jobs j
where j.queue_name = 'banking' and (j.status = 'doing' or j.status = 'todo'
  and (j.scheduled_at is null or j.scheduled_at <= now()) and not exists (
    select from jobs.procrastinate_jobs o where o.lock = j.lock and o.id < j.id and o.status in ('todo', 'doing')))
"""
FLAWS = {
    "operations that the vendor was asked for more than once": """
        select count(*) from (select 1 from vendor_dwolla.transfer where source_id is not null
        group by correlation_id having count(*) > 1) f""",
    "operations that the vendor was never asked for": """
        select count(*) from banking.load l where not exists (select from vendor_dwolla.transfer t
        where t.correlation_id = l.id::text and t.amount_cents = l.amount_cents)""",
    "transfers at the vendor that nobody asked for": """
        select count(*) from vendor_dwolla.transfer t where t.source_id is not null
        and not exists (select from banking.load l where l.id::text = t.correlation_id)""",
    "people whose loads went out in another order": """
        select count(distinct person) from (select l.person,
          row_number() over (partition by l.person order by l.created_at, l.id) as asked,
          row_number() over (partition by l.person order by t.created, t.id) as sent
        from banking.load l
        join vendor_dwolla.transfer t on t.correlation_id = l.id::text and t.source_id is not null) o
        where asked <> sent""",
    "jobs that were given up": "select count(*) from jobs.procrastinate_jobs where status in ('failed', 'aborted')",
}


async def measure(operations: int, say: Say) -> dict[str, Any]:
    """Run it and return the figures."""
    async with bankside(say, PAYA_ACH_SECONDS="86400") as the:
        people = await the.people_with_banks(max(1, min(PEOPLE_MAX, round(operations * PEOPLE_PER_OPERATION))))
        await the.dwolla("down")
        say(f"the bank service is down; {len(people)} people ask for {operations} loads")
        began = time.monotonic()
        # each person asks one after the other, as a person does
        await in_lanes(LANES, [partial(_ask, people, lane, operations) for lane in range(len(people))])
        queued_s = time.monotonic() - began
        say(f"asked for in {queued_s:.0f} s; now the hour passes")
        await _outage(the, say)
        await the.dwolla("well")
        await _pass(the, 60)
        drained_s = await _drain(the, operations, say)
        flaws = {name: the.value(sql) for name, sql in FLAWS.items()}
        return {
            "operations": operations,
            "people": len(people),
            "outage_simulated_s": OUTAGE_S,
            "asked_per_s": round(operations / queued_s, 1),
            "drained_s": round(drained_s, 1),
            "drained_per_s": round(operations / drained_s, 1),
            "transfers_at_the_vendor": the.value(
                "select count(*) from vendor_dwolla.transfer where source_id is not null"
            ),
            "rest": the.value(OPEN),
            "breaker_events": the.value(
                "select string_agg(kind, ' ' order by id) from events.event where kind like 'breaker.%'"
            ),
            "flaws": flaws,
        }


async def _ask(people: list[tuple[Actor, UUID]], number: int, operations: int) -> None:
    actor, source_id = people[number]
    for _ in range(number, operations, len(people)):
        await start_load(actor, source_id, CENTS)


async def _pass(the: BankSide, seconds: int) -> None:
    """Let time pass, for the rules that read the database's clock and for the jobs that wait."""
    await asyncio.to_thread(
        the.value,
        'with moved as (update private.clock_offset set "offset" = "offset" + make_interval(secs => %s))'
        " update jobs.procrastinate_jobs set scheduled_at = scheduled_at - make_interval(secs => %s)"
        " where status = 'todo' and scheduled_at is not null returning 1",
        seconds,
        seconds,
    )
    # what the timetable does every ten seconds
    await asyncio.to_thread(the.value, "select jobs.enqueue('upkeep', 'probe_vendors', '{}', 'tick:probe_vendors')")


async def _outage(the: BankSide, say: Say) -> None:
    """An hour of it: in each step the worker takes up what has become due, and finds the vendor down."""
    for step in range(1, STEPS + 1):
        await _pass(the, OUTAGE_S // STEPS)
        deadline = time.monotonic() + STEP_S_MAX
        while time.monotonic() < deadline:
            if not await asyncio.to_thread(the.value, DUE):
                break
            await asyncio.sleep(0.1)
        if step % 3 == 0:
            say(f"{step * OUTAGE_S // STEPS // 60} minutes of outage; {the.value(OPEN)} loads wait")


async def _drain(the: BankSide, operations: int, say: Say) -> float:
    """Seconds until nothing waits any more, or until nothing has moved for a minute."""
    began = last_moved = told = time.monotonic()
    left = operations
    while left and time.monotonic() - last_moved < IDLE_S_MAX:
        await asyncio.sleep(0.25)
        now_left = await asyncio.to_thread(the.value, OPEN)
        if now_left != left:
            left, last_moved = now_left, time.monotonic()
        if time.monotonic() - told > 2:  # noqa: PLR2004 - a line every two seconds
            told = time.monotonic()
            done = operations - left
            say(f"{done} of {operations} sent, {done / (told - began):.0f} a second")
    return max(last_moved - began, 0.001)


def is_whole(figures: dict[str, Any]) -> bool:
    """Whether everything was sent once, in order, and nothing is left."""
    return (
        figures["rest"] == 0
        and figures["transfers_at_the_vendor"] == figures["operations"]
        and not any(figures["flaws"].values())
        and figures["breaker_events"] == "breaker.opened breaker.closed"
    )


def main(*, operations: int, as_json_only: bool) -> int:
    """Run, print the figures, and return the exit code."""
    say = (lambda _line: None) if as_json_only else typer.echo
    figures = asyncio.run(measure(operations, say))
    typer.echo(as_json(figures))
    return 0 if is_whole(figures) else 1
