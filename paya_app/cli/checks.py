"""`paya verify` and `paya reconcile`: whether the books are what they should be."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from paya_app.cli.surroundings import everything, owner_database, sentences, worker_database

app = typer.Typer()
UNKNOWN = 2  # neither yes nor no: it could not be found out


@app.command()
def verify(
    *,
    receipt: Annotated[Path | None, typer.Option(help="Check this one receipt; no database is needed.")] = None,
    head: Annotated[str | None, typer.Option(help="The public head to check against: a file, or an address.")] = None,
) -> None:
    """Recompute every seal, transfer, event and balance, and name the first row that was changed (exit 1)."""
    import psycopg

    from paya_app.proof.told import tell_receipt, tell_verify

    with sentences(UNKNOWN):
        if receipt is not None:
            raise typer.Exit(tell_receipt(receipt, head, typer.echo))
        with owner_database() as url:
            try:
                raise typer.Exit(tell_verify(url, head, typer.echo, lambda line: typer.echo(line, err=True)))
            except psycopg.errors.InsufficientPrivilege:
                typer.echo(
                    "This login may not read the ledger. Use that of the schema's owner, as `paya migrate` does.",
                    err=True,
                )
                raise typer.Exit(UNKNOWN) from None
            except psycopg.OperationalError as error:
                typer.echo(f"The database does not answer: {str(error).strip()}", err=True)
                raise typer.Exit(UNKNOWN) from None


@app.command()
def reconcile(
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Check everything, not only what is new since the last run.")
    ] = False,
    external: Annotated[
        bool, typer.Option("--external", help="Compare with Dwolla and our bank instead; PaYa has to be running.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check the rules of the ledger, or what Dwolla says; each finding is a case to look into (exit 1 with any)."""
    if external:
        if full:
            raise typer.BadParameter("--full is about the ledger's own rules, and not for --external.")
        _reconcile_external(as_json=as_json)
    import json

    import psycopg

    from paya_app import ledger as accounts
    from paya_app.events.errors import RecordRestored

    with sentences(UNKNOWN), worker_database() as url:
        try:
            found = asyncio.run(accounts.reconcile(url, is_full=full))
        except RecordRestored as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(UNKNOWN) from None
        except psycopg.OperationalError as error:
            typer.echo(f"The database does not answer: {str(error).strip()}", err=True)
            raise typer.Exit(UNKNOWN) from None
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in found], indent=1))
    else:
        for finding in found:
            typer.echo(finding.sentence)
        typer.echo(f"{len(found)} findings." if found else "The ledger keeps all of its rules.")
    raise typer.Exit(bool(found))


def _reconcile_external(*, as_json: bool) -> None:
    """Exit 0 when Dwolla and our books say the same, 1 with differences, 2 when that could not be found out."""
    import json

    from paya_app import banking
    from paya_app.core.errors import ServiceUnavailable
    from paya_app.providers.outcome import Rejected, Retryable

    with sentences(UNKNOWN), everything():
        try:
            found = asyncio.run(banking.reconcile_external())
        except Retryable as failure:
            typer.echo(f"Dwolla does not answer ({failure.reason}). Nothing was compared; try again later.", err=True)
            raise typer.Exit(UNKNOWN) from None
        except Rejected as refusal:
            typer.echo(f"Dwolla does not tell what it holds for us ({refusal.code}). Nothing was compared.", err=True)
            raise typer.Exit(UNKNOWN) from None
        except ServiceUnavailable:
            typer.echo("The database does not answer.", err=True)
            raise typer.Exit(UNKNOWN) from None
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in found], indent=1))
    else:
        for finding in found:
            typer.echo(finding.sentence)
        count = f"{len(found)} difference{'s' if len(found) > 1 else ''}."
        typer.echo(count if found else "Dwolla, our bank and our books say the same.")
    raise typer.Exit(bool(found))
