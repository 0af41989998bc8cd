"""`paya admin`: who holds the role."""

import os
from typing import Annotated

import typer

from paya_app.cli.surroundings import owner_database, sentences

app = typer.Typer(no_args_is_help=True, help="Who may see operations and put back work that was given up.")

Phone = Annotated[str, typer.Argument(help="The number that they sign in with, like (202) 555-0123.")]


@app.command("grant")
def grant_admin(phone: Phone) -> None:
    """Make the person with this phone an administrator; they see /admin/operations from now on."""
    _set_role(phone, is_admin=True)


@app.command("revoke")
def revoke_admin(phone: Phone) -> None:
    """Take the role away; it opens nothing from this moment on."""
    _set_role(phone, is_admin=False)


def _set_role(phone: str, *, is_admin: bool) -> None:
    import psycopg

    from paya_app.core.errors import PayaError
    from paya_app.identity import normalize_phone

    if not (os.environ.get("DATABASE_DIRECT_URL") or os.environ.get("DATABASE_URL")):
        os.environ["PAYA_MODE"] = "embedded"  # where made-up numbers sign in too
    try:
        number = normalize_phone(phone)
    except PayaError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(2) from None
    with sentences(), owner_database() as url:
        try:
            with psycopg.connect(url, application_name="paya admin") as connection:
                known = connection.execute("select admin.set_role(%s, %s)", (number, is_admin)).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            typer.echo(
                "This login may not grant roles. Use that of the schema's owner, as `paya migrate` does.", err=True
            )
            raise typer.Exit(2) from None
        except psycopg.OperationalError as error:
            typer.echo(f"The database does not answer: {str(error).strip()}", err=True)
            raise typer.Exit(2) from None
    if not (known and known[0]):
        typer.echo(f"Nobody signed in with {number} yet. Let them sign in once, then grant it.", err=True)
        raise typer.Exit(1)
    typer.echo(f"{number} is {'an administrator now' if is_admin else 'no administrator any more'}.")
