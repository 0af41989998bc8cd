"""`paya jobs`: what was given up."""

import asyncio
from typing import Annotated

import typer

from paya_app.cli.surroundings import sentences, worker_database

app = typer.Typer(no_args_is_help=True, help="Jobs that were given up: see them, put them back.")


@app.command("dead")
def list_dead() -> None:
    """List the jobs that were given up, the latest first."""
    from jobs.dead_letters import dead_letters

    with sentences(), worker_database() as url:
        found = asyncio.run(dead_letters(url))
    for letter in found:
        typer.echo(str(letter))
    typer.echo(f"{len(found)} shown. Put one back: paya jobs replay <id>" if found else "No job was given up.")


@app.command("replay")
def replay_dead(job_id: Annotated[int, typer.Argument(help="The number that `paya jobs dead` shows first.")]) -> None:
    """Put a job that was given up back into its queue."""
    from jobs.dead_letters import replay

    with sentences(), worker_database() as url:
        done = asyncio.run(replay(url, job_id))
    if done == "none such":
        typer.echo(f"No job {job_id} was given up. `paya jobs dead` lists those that were.", err=True)
        raise typer.Exit(1)
    typer.echo(
        f"Job {job_id} waits in its queue again." if done == "waiting" else f"The work of job {job_id} waits already."
    )
