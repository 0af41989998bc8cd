"""`paya run` and the programs that it runs, each a command of its own for other machines."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import typer

from paya_app.cli.surroundings import CLONE, chosen_port, paya_home, sentences

STOPPED_BY_HAND = 130  # what a shell makes of Ctrl-C
MIGRATIONS = CLONE / "supabase" / "migrations"

app = typer.Typer()


@app.command()
def run() -> None:
    """Start all of PaYa here; Ctrl-C ends it. Hosted when DATABASE_URL is set, embedded otherwise."""
    with sentences():
        if os.environ.get("DATABASE_URL"):
            from paya_app.server import hosted

            hosted.run(typer.echo)
        else:
            # what a shell starts in the background inherits that SIGINT is ignored; the supervisor takes it anyway,
            # and so does the build before it
            signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                _run_embedded()
            except KeyboardInterrupt:
                typer.echo("Stopped before PaYa had started. Nothing is lost: make run goes on from there.", err=True)
                raise typer.Exit(STOPPED_BY_HAND) from None


def _run_embedded() -> None:
    from filelock import FileLock, Timeout

    from paya_app.server import embedded
    from paya_app.server.build import build as build_pages

    if os.environ.get("PAYA_ENV") == "production":
        raise embedded.CannotStart(
            "PAYA_ENV=production needs a real database: set DATABASE_URL and the vendors' keys. "
            "The embedded default is for trying PaYa and for its tests."
        )
    home, host, port = paya_home(), os.environ.get("PAYA_HOST", "127.0.0.1"), chosen_port()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(home / "run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise embedded.CannotStart(
            f"PaYa is already running from {home}. Stop that one first, or set PAYA_HOME."
        ) from None
    with lock:
        embedded.require_free_port(host, port)
        bundle = build_pages(typer.echo)
        typer.echo("Starting …")
        supervisor = embedded.compose(home, host, port, typer.echo, bundle=bundle)

        def announce() -> None:
            typer.echo(
                f"\n  PaYa            http://localhost:{port}/\n"
                f"  Text messages   http://localhost:{port}/local/phone/   (every code arrives here)\n"
                f"  Mails           http://localhost:{port}/local/mail/    (every notice arrives here)\n"
                f"  Data and logs   {home}\n"
                f"\n  Ctrl-C stops it.\n"
            )

        asyncio.run(supervisor.run(announce))


def _until_told(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `work(stop)` and set `stop` on INT, TERM or HUP."""
    from paya_app.server.heartbeat import beat

    async def main() -> None:
        stop = asyncio.Event()
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(sign, stop.set)
        beating = asyncio.create_task(beat())
        await work(stop)
        beating.cancel()

    asyncio.run(main())


def _require_sound() -> None:
    """Refuse settings that lack something, and a database that was restored and not rebased."""
    from paya_app.core.config import settings
    from paya_app.events.restored import require_not_restored

    if not settings().embedded:
        settings().require_hosted()
    asyncio.run(require_not_restored(settings().paya_worker_database_url))


def _log_as(program: str) -> None:
    from paya_app.core.log import configure

    configure(program)


@app.command("app")
def serve_app() -> None:
    """Serve the pages and the API on one port (PAYA_HOST, PORT)."""
    from paya_app.core.config import settings
    from paya_app.server.launcher import serve

    _log_as("app")
    with sentences():
        _require_sound()
        serve(settings().paya_host, settings().port)


@app.command()
def worker() -> None:
    """Work through the queue of jobs; run as many as needed."""
    from jobs import worker as jobs_worker

    _log_as("worker")
    with sentences():
        _require_sound()
        _until_told(jobs_worker.run)


@app.command()
def scheduler() -> None:
    """Turn the timetable into jobs, and hand new events on; of several, one leads."""
    from jobs import scheduler as jobs_scheduler

    _log_as("scheduler")
    with sentences():
        _require_sound()
        _until_told(jobs_scheduler.run)


@app.command()
def vendors() -> None:
    """Serve the vendors' stand-ins (embedded mode only)."""
    from paya_app.local.vendors.serve import serve

    _log_as("vendors")
    _until_told(serve)


@app.command()
def build() -> None:
    """Build the web pages now; `run` does it when needed."""
    from paya_app.server.build import build as build_pages

    with sentences():
        typer.echo(f"The web pages are in {build_pages(typer.echo)}")


@app.command()
def migrate() -> None:
    """Bring the database at DATABASE_DIRECT_URL (or DATABASE_URL) up to date; use the role that owns the schema."""
    from paya_app.core.migrations import migrate as apply
    from paya_app.server.embedded import CannotStart

    url = os.environ.get("DATABASE_DIRECT_URL") or os.environ.get("DATABASE_URL")
    with sentences():
        if not url:
            raise CannotStart("Set DATABASE_URL to the database to migrate. The embedded one migrates itself on start.")
        applied = apply(url, MIGRATIONS, typer.echo)
        typer.echo(f"{len(applied)} applied; the database is up to date.")


@app.command()
def rebase() -> None:
    """After restoring the database from a copy, while PaYa is stopped: let the relay go on from there."""
    from paya_app.core.config import settings
    from paya_app.events import relay
    from paya_app.local import postgres

    with sentences():
        url = settings().paya_worker_database_url
        if url:
            era = asyncio.run(relay.rebase(url))
        else:
            cluster = postgres.ensure(paya_home())
            try:
                era = asyncio.run(relay.rebase(cluster.url("paya_worker")))
            finally:
                cluster.stop()
        typer.echo(f"The record of events goes on in era {era}. Nothing was lost or repeated; start PaYa again.")
