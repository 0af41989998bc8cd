"""`paya cases`: what somebody has to look into."""

import json
from typing import Annotated
from uuid import UUID

import typer

from paya_app.cli.surroundings import owner_database, sentences

app = typer.Typer(no_args_is_help=True, help="What checks found, for somebody to look into: see it, close it.")
SHOWN_MAX = 500


@app.command("list")
def list_cases() -> None:
    """List the open cases, the latest first, each with what was seen."""
    import psycopg

    with sentences(), owner_database() as url, psycopg.connect(url, application_name="paya cases") as connection:
        found = connection.execute(
            "select id, kind, subject, evidence, opened_at from cases.open_cases(%s)", (SHOWN_MAX,)
        ).fetchall()
    for case_id, kind, subject, evidence, opened_at in found:
        typer.echo(f"{case_id}  {kind}  {subject}  {json.dumps(evidence)}  opened {opened_at:%Y-%m-%d %H:%M %Z}")
    typer.echo(f"{len(found)} open." if found else "No case is open.")


@app.command("close")
def close_case(
    case_id: Annotated[UUID, typer.Argument(help="The id that `paya cases list` shows first.")],
    *,
    because: Annotated[str, typer.Option(help="What came of it; it is kept.")],
) -> None:
    """Close a case with what came of it. One that restricts an account is closed by lifting that."""
    import psycopg

    from paya_app.core.errors import PayaError, from_database

    with sentences(), owner_database() as url:
        try:
            with psycopg.connect(url, application_name="paya cases") as connection:
                closed = connection.execute("select cases.close_case(%s, %s)", (case_id, because)).fetchone()
        except psycopg.Error as error:
            refusal = from_database(error)
            if not isinstance(refusal, PayaError):
                raise
            typer.echo(refusal.message, err=True)
            raise typer.Exit(2) from None
    if not (closed and closed[0]):
        typer.echo(f"No case {case_id} is open. `paya cases list` shows those that are.", err=True)
        raise typer.Exit(1)
    typer.echo(f"Case {case_id} is closed.")
