"""Dead letters: jobs that were given up, for a person to look at and to put back."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg

SHOWN_MAX = 100

Replayed = Literal["waiting", "waited already", "none such"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that was given up after `attempts` runs; `args` are the keyword arguments of its task."""

    id: int
    queue: str
    task: str
    args: dict[str, Any]
    attempts: int
    ended_at: datetime | None

    def __str__(self) -> str:
        """One line: `17  submit_load  {"load_id": "…"}  1000 runs, given up 2026-11-21 10:00 UTC`."""
        ended = f"{self.ended_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if self.ended_at else "at an unknown time"
        return f"{self.id}  {self.task}  {json.dumps(self.args)}  {self.attempts} runs, given up {ended}"


async def dead_letters(url: str) -> list[DeadLetter]:
    """The latest hundred dead letters, the latest first. `url` is the database as the worker's role."""
    async with await psycopg.AsyncConnection.connect(url, application_name="paya jobs") as connection:
        cursor = await connection.execute(
            "select id, queue, task, args, attempts, ended_at from jobs.dead_letters(%s)", (SHOWN_MAX,)
        )
        return [DeadLetter(*row) for row in await cursor.fetchall()]


async def replay(url: str, job_id: int) -> Replayed:
    """Put a dead letter back in its queue, as a new job with all its runs before it.

    Doing it is safe: every job looks first at what is done already. While the same work waits anyway, nothing is
    added, and the dead letter goes.
    """
    async with await psycopg.AsyncConnection.connect(url, application_name="paya jobs") as connection:
        found = await (
            await connection.execute("select exists (select from jobs.dead_letters(500) d where d.id = %s)", (job_id,))
        ).fetchone()
        added = await (await connection.execute("select jobs.replay(%s)", (job_id,))).fetchone()
    if added and added[0]:
        return "waiting"
    return "waited already" if found and found[0] else "none such"
