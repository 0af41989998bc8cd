"""What commands share: where this PaYa is, its database, and what goes wrong said in one sentence."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import typer

PORT_DEFAULT = 8700
CLONE = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def sentences(exit_code: int = 1) -> Iterator[None]:
    """Show what is expected to go wrong as one sentence, and exit with that code."""
    from filelock import Timeout

    from paya_app.core.config import SettingsMissing
    from paya_app.core.migrations import MigrationFailed
    from paya_app.events.errors import RecordRestored
    from paya_app.local.postgres import PostgresFault
    from paya_app.server.build import BuildFailed
    from paya_app.server.embedded import CannotStart
    from paya_app.server.programs import NotReady

    try:
        yield
    except (
        SettingsMissing,
        MigrationFailed,
        PostgresFault,
        BuildFailed,
        CannotStart,
        NotReady,
        RecordRestored,
    ) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(exit_code) from None
    except Timeout as error:
        typer.echo(f"Another PaYa holds {error.lock_file}.", err=True)
        raise typer.Exit(exit_code) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            typer.echo("The disk is full. Free some space and start again; nothing was lost.", err=True)
            raise typer.Exit(exit_code) from None
        if error.errno in (errno.EACCES, errno.EROFS):
            typer.echo(f"{error.filename} cannot be written. Choose another folder: make run PAYA_HOME=…", err=True)
            raise typer.Exit(exit_code) from None
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            typer.echo(
                f"{error.filename} cannot be a folder: it, or a part of its path, is a file. Nothing was changed. "
                "Choose another place: make run PAYA_HOME=…",
                err=True,
            )
            raise typer.Exit(exit_code) from None
        raise


def paya_home() -> Path:
    """PAYA_HOME; from a clone `.paya/`, else the user's data directory."""
    if given := os.environ.get("PAYA_HOME"):
        return Path(given).expanduser().resolve()
    if (CLONE / "pyproject.toml").exists():
        return CLONE / ".paya"
    from platformdirs import user_data_path

    return user_data_path("paya", appauthor=False)


def chosen_port() -> int:
    """PORT, or the default. Raises `CannotStart` for what is no port."""
    text = os.environ.get("PORT") or str(PORT_DEFAULT)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:  # noqa: PLR2004 - TCP's range
        from paya_app.server.embedded import CannotStart

        raise CannotStart(f"PORT={text} is no port. Choose a number from 1 to 65535: make run PORT={PORT_DEFAULT}")
    return int(text)


@contextlib.contextmanager
def worker_database() -> Iterator[str]:
    """The address of the database as the worker; an embedded one that does not run is started for the while."""
    from paya_app.core.config import settings

    if settings().paya_worker_database_url:
        yield settings().paya_worker_database_url
    else:
        with _embedded_database("paya_worker") as url:
            yield url


@contextlib.contextmanager
def owner_database() -> Iterator[str]:
    """The address of the database as whoever owns the schema, which is read as a whole."""
    if url := os.environ.get("DATABASE_DIRECT_URL") or os.environ.get("DATABASE_URL"):
        yield url
    else:
        with _embedded_database("postgres") as url:
            yield url


@contextlib.contextmanager
def _embedded_database(role: str) -> Iterator[str]:
    from paya_app.local import postgres
    from paya_app.server.embedded import CannotStart

    home = paya_home()
    if not (home / "postgres" / "PG_VERSION").exists():
        raise CannotStart(f"There is no database in {home}. Start PaYa once, or name its folder: PAYA_HOME=…")
    was_running = postgres.create(home).pid is not None
    cluster = postgres.ensure(home)
    try:
        yield cluster.url(role)
    finally:
        if not was_running:
            cluster.stop()


@contextlib.contextmanager
def everything() -> Iterator[None]:
    """The settings of a running PaYa, as its programs have them: from the environment, or from an embedded home."""
    from paya_app.core.config import settings
    from paya_app.server.embedded import settings_of_running

    if not settings().database_url:
        with _embedded_database("paya_app"):
            os.environ.update(settings_of_running(paya_home()))
            settings.cache_clear()
            yield
        return
    yield
