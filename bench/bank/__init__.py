"""`paya faults bank`: many workers, few wallets, and everything that can go wrong between them and the database.

Twenty workers send payments, alone and in batches, and open and close holds among eight wallets, each through the
functions that the application calls, over a proxy. A nemesis meanwhile kills server processes and the server,
stops it at once, cuts, delays and stalls connections, pauses processes, and keeps from clients that their
statement was committed. A worker that does not hear an answer hangs up and asks again with the same key.

All the while snapshots are taken in which the money must add up and everything acknowledged must be there; at the
end every single answer is compared with the books. docs/operations/faults.md says how to read the output.

A seed decides what each worker asks for, in which order, with which keys and amounts, how patient it is, and the
order, time and size of the faults. What it cannot decide is how the operating system and the server interleave
them: how far each worker comes, which process is struck in the middle of what, and so who is refused or loses an
answer. The same seed asks the same questions again, it does not replay the same run.
"""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import typer

from bench.bank.run import run
from bench.bank.scenario import Scenario
from bench.bank.server import private_server
from bench.cast import as_json

FAULTS_MIN = 40
FAULTS_COUNT_FROM_S = 120

__all__ = ["Scenario", "main", "private_server", "run"]


def is_sound(figures: dict[str, Any]) -> bool:
    """Whether no promise was broken, and enough went wrong to say so."""
    enough = figures["seconds"] < FAULTS_COUNT_FROM_S or figures["faults"] >= FAULTS_MIN
    return not figures["violations"] and enough and figures["acknowledged"] > 0


async def _until_told(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """The same; TERM ends it as Ctrl-C does, so that nothing of ours is left paused or running."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def main(*, seconds: int, seed: int, as_json_only: bool) -> int:
    """Run, print the figures, and return the exit code: 1 after any violation, or too few faults."""
    say = (lambda _line: None) if as_json_only else typer.echo
    say(f"Seed {seed}. Starting a database server …")
    try:
        with private_server() as server:
            figures = asyncio.run(_until_told(run(server, Scenario(seconds=seconds, seed=seed), say)))
    except (asyncio.CancelledError, KeyboardInterrupt):
        typer.echo("Broken off before the judgement; the server and its files are gone.", err=True)
        return 1
    typer.echo(as_json(figures))
    if figures["seconds"] >= FAULTS_COUNT_FROM_S and figures["faults"] < FAULTS_MIN:
        say(f"Only {figures['faults']} faults in {seconds} s: too few to say anything.")
    say("Sound." if is_sound(figures) else f"Not sound. Seed {seed} asks the same again.")
    return 0 if is_sound(figures) else 1
