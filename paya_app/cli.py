"""The `paya` command: run everything, or one program of it.

Imports stay inside the commands: each program loads only what it needs.
"""

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
bench = typer.Typer(no_args_is_help=True, help="Measured figures; each exits non-zero when its bar is missed.")
app.add_typer(bench, name="bench")
faults = typer.Typer(
    no_args_is_help=True, help="Attacks on a PaYa of their own; each exits non-zero when money went wrong."
)
app.add_typer(faults, name="faults")
dead = typer.Typer(no_args_is_help=True, help="Jobs that were given up: see them, put them back.")
app.add_typer(dead, name="jobs")
admins = typer.Typer(no_args_is_help=True, help="Who may see operations and put back work that was given up.")
app.add_typer(admins, name="admin")

PORT_DEFAULT = 8700
STOPPED_BY_HAND = 130  # what a shell makes of Ctrl-C
MIGRATIONS = Path(__file__).resolve().parents[1] / "supabase" / "migrations"


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """Show what is expected to go wrong as one sentence, and exit with 1."""
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
        raise typer.Exit(1) from None
    except Timeout as error:
        typer.echo(f"Another PaYa holds {error.lock_file}.", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            typer.echo("The disk is full. Free some space and start again; nothing was lost.", err=True)
            raise typer.Exit(1) from None
        if error.errno in (errno.EACCES, errno.EROFS):
            typer.echo(f"{error.filename} cannot be written. Choose another folder: make run PAYA_HOME=…", err=True)
            raise typer.Exit(1) from None
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            typer.echo(
                f"{error.filename} cannot be a folder: it, or a part of its path, is a file. Nothing was changed. "
                "Choose another place: make run PAYA_HOME=…",
                err=True,
            )
            raise typer.Exit(1) from None
        raise


def _home() -> Path:
    """PAYA_HOME; from a clone `.paya/`, else the user's data directory."""
    if given := os.environ.get("PAYA_HOME"):
        return Path(given).expanduser().resolve()
    clone = Path(__file__).resolve().parents[1]
    if (clone / "pyproject.toml").exists():
        return clone / ".paya"
    from platformdirs import user_data_path

    return user_data_path("paya", appauthor=False)


def _port() -> int:
    text = os.environ.get("PORT") or str(PORT_DEFAULT)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:  # noqa: PLR2004 - TCP's range
        from paya_app.server.embedded import CannotStart

        raise CannotStart(f"PORT={text} is no port. Choose a number from 1 to 65535: make run PORT={PORT_DEFAULT}")
    return int(text)


@app.command()
def run() -> None:
    """Start all of PaYa here; Ctrl-C ends it. Hosted when DATABASE_URL is set, embedded otherwise."""
    with _sentences():
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
    home, host, port = _home(), os.environ.get("PAYA_HOST", "127.0.0.1"), _port()
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
    with _sentences():
        _require_sound()
        serve(settings().paya_host, settings().port)


@app.command()
def worker() -> None:
    """Work through the queue of jobs; run as many as needed."""
    from jobs import worker as jobs_worker

    _log_as("worker")
    with _sentences():
        _require_sound()
        _until_told(jobs_worker.run)


@app.command()
def scheduler() -> None:
    """Turn the timetable into jobs, and hand new events on; of several, one leads."""
    from jobs import scheduler as jobs_scheduler

    _log_as("scheduler")
    with _sentences():
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

    with _sentences():
        typer.echo(f"The web pages are in {build_pages(typer.echo)}")


@app.command()
def migrate() -> None:
    """Bring the database at DATABASE_DIRECT_URL (or DATABASE_URL) up to date; use the role that owns the schema."""
    from paya_app.core.migrations import migrate as apply
    from paya_app.server.embedded import CannotStart

    url = os.environ.get("DATABASE_DIRECT_URL") or os.environ.get("DATABASE_URL")
    with _sentences():
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

    with _sentences():
        url = settings().paya_worker_database_url
        if url:
            era = asyncio.run(relay.rebase(url))
        else:
            cluster = postgres.ensure(_home())
            try:
                era = asyncio.run(relay.rebase(cluster.url("paya_worker")))
            finally:
                cluster.stop()
        typer.echo(f"The record of events goes on in era {era}. Nothing was lost or repeated; start PaYa again.")


@contextlib.contextmanager
def _worker_database() -> Iterator[str]:
    """The address of the database as the worker; an embedded one that does not run is started for the while."""
    from paya_app.core.config import settings

    if settings().paya_worker_database_url:
        yield settings().paya_worker_database_url
    else:
        with _embedded_database("paya_worker") as url:
            yield url


@contextlib.contextmanager
def _owner_database() -> Iterator[str]:
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

    home = _home()
    if not (home / "postgres" / "PG_VERSION").exists():
        raise CannotStart(f"There is no database in {home}. Start PaYa once, or name its folder: PAYA_HOME=…")
    was_running = postgres.create(home).pid is not None
    cluster = postgres.ensure(home)
    try:
        yield cluster.url(role)
    finally:
        if not was_running:
            cluster.stop()


@app.command()
def verify(
    *,
    receipt: Annotated[Path | None, typer.Option(help="Check this one receipt; no database is needed.")] = None,
    head: Annotated[str | None, typer.Option(help="The public head to check against: a file, or an address.")] = None,
) -> None:
    """Recompute every seal, transfer, event and balance, and name the first row that was changed (exit 1)."""
    import psycopg

    from paya_app.proof.told import tell_receipt, tell_verify

    with _sentences():
        if receipt is not None:
            raise typer.Exit(tell_receipt(receipt, head, typer.echo))
        with _owner_database() as url:
            try:
                raise typer.Exit(tell_verify(url, head, typer.echo, lambda line: typer.echo(line, err=True)))
            except psycopg.errors.InsufficientPrivilege:
                typer.echo(
                    "This login may not read the ledger. Use that of the schema's owner, as `paya migrate` does.",
                    err=True,
                )
                raise typer.Exit(2) from None
            except psycopg.OperationalError as error:
                typer.echo(f"The database does not answer: {str(error).strip()}", err=True)
                raise typer.Exit(2) from None


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

    with _sentences(), _worker_database() as url:
        try:
            found = asyncio.run(accounts.reconcile(url, is_full=full))
        except RecordRestored as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from None
        except psycopg.OperationalError as error:
            typer.echo(f"The database does not answer: {str(error).strip()}", err=True)
            raise typer.Exit(2) from None
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

    with _sentences(), _everything():
        try:
            found = asyncio.run(banking.reconcile_external())
        except Retryable as failure:
            typer.echo(f"Dwolla does not answer ({failure.reason}). Nothing was compared; try again later.", err=True)
            raise typer.Exit(2) from None
        except Rejected as refusal:
            typer.echo(f"Dwolla does not tell what it holds for us ({refusal.code}). Nothing was compared.", err=True)
            raise typer.Exit(2) from None
        except ServiceUnavailable:
            typer.echo("The database does not answer.", err=True)
            raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in found], indent=1))
    else:
        for finding in found:
            typer.echo(finding.sentence)
        count = f"{len(found)} difference{'s' if len(found) > 1 else ''}."
        typer.echo(count if found else "Dwolla, our bank and our books say the same.")
    raise typer.Exit(bool(found))


@contextlib.contextmanager
def _everything() -> Iterator[None]:
    """The settings of a running PaYa, as its programs have them: from the environment, or from an embedded home."""
    from paya_app.core.config import settings
    from paya_app.server.embedded import settings_of_running

    if not settings().database_url:
        with _embedded_database("paya_app"):
            os.environ.update(settings_of_running(_home()))
            settings.cache_clear()
            yield
        return
    yield


@dead.command("dead")
def list_dead() -> None:
    """List the jobs that were given up, the latest first."""
    from jobs.dead_letters import dead_letters

    with _sentences(), _worker_database() as url:
        found = asyncio.run(dead_letters(url))
    for letter in found:
        typer.echo(str(letter))
    typer.echo(f"{len(found)} shown. Put one back: paya jobs replay <id>" if found else "No job was given up.")


@dead.command("replay")
def replay_dead(job_id: Annotated[int, typer.Argument(help="The number that `paya jobs dead` shows first.")]) -> None:
    """Put a job that was given up back into its queue."""
    from jobs.dead_letters import replay

    with _sentences(), _worker_database() as url:
        done = asyncio.run(replay(url, job_id))
    if done == "none such":
        typer.echo(f"No job {job_id} was given up. `paya jobs dead` lists those that were.", err=True)
        raise typer.Exit(1)
    typer.echo(
        f"Job {job_id} waits in its queue again." if done == "waiting" else f"The work of job {job_id} waits already."
    )


Phone = Annotated[str, typer.Argument(help="The number that they sign in with, like (202) 555-0123.")]


@admins.command("grant")
def grant_admin(phone: Phone) -> None:
    """Make the person with this phone an administrator; they see /admin/operations from now on."""
    _set_role(phone, is_admin=True)


@admins.command("revoke")
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
    with _sentences(), _owner_database() as url:
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


@bench.command()
def live(*, as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False) -> None:
    """Click on "Pay" until it is painted on a signed-out watcher's feed (bar: p95 at most 300 ms)."""
    from bench.live import main

    raise typer.Exit(main(as_json=as_json))


@bench.command()
def ledger(
    *,
    quick: Annotated[bool, typer.Option(help="Everything once and briefly, to see that it runs; no bars.")] = False,
    rounds: Annotated[int | None, typer.Option(min=1, help="How often each path is measured (3).")] = None,
    seconds: Annotated[int | None, typer.Option(min=1, help="How long each round lasts (10).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON only.")] = False,
) -> None:
    """The money core against pgbench's tpcb-like on one private server, as ratios (about 15 minutes)."""
    from bench.ledger.main import main

    raise typer.Exit(main(is_quick=quick, as_json_only=as_json, rounds=rounds, seconds=seconds))


@bench.command("reconcile")
def bench_reconcile(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False
) -> None:
    """The nightly check after 10,000 transfers, among 10,000 and 1,000,000 accounts (bar: 0.3 s, about 2 minutes)."""
    from bench.reconcile import main

    raise typer.Exit(main(as_json_only=as_json))


@bench.command()
def outage(
    *,
    operations: Annotated[
        int, typer.Option(min=1, help="How many loads are asked for while the bank is down.")
    ] = 10_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures only.")] = False,
) -> None:
    """Loads queued over an hour without the bank service, then sent (bars: no duplicate, no rest; about 5 minutes)."""
    from bench.outage import main

    raise typer.Exit(main(operations=operations, as_json_only=as_json))


@faults.command("worker")
def faults_worker(
    *,
    loads: Annotated[int, typer.Option(min=1, help="How many loads go through meanwhile.")] = 500,
    seed: Annotated[int, typer.Option(help="Chooses who loads how much, and when the worker dies.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures only.")] = False,
) -> None:
    """Kill -9 the worker every five seconds while loads go through: sums exact, no duplicate at the bank's books."""
    from bench.killed_worker import main

    raise typer.Exit(main(loads=loads, seed=seed, as_json_only=as_json))


@bench.command("bank")
def bench_bank(*, as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False) -> None:
    """A load or a redemption taken in by the server: checked, held, queued, committed (bar: p95 at most 100 ms)."""
    from bench.enqueue import main

    raise typer.Exit(main(as_json_only=as_json))


@faults.command()
def kill(
    *,
    seed: Annotated[int, typer.Option(help="Chooses who pays whom.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="How often each program is killed.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures only.")] = False,
) -> None:
    """Kill -9 each program in turn, the database too, while payments and loads run."""
    from bench.kill import main

    raise typer.Exit(main(seed=seed, rounds=rounds, as_json_only=as_json))


@faults.command()
def bank(
    *,
    seconds: Annotated[
        int, typer.Option(min=1, help="How long; from 120 on, fewer than 40 faults are a failure.")
    ] = 60,
    seed: Annotated[int, typer.Option(help="Decides what is asked and what goes wrong.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures only.")] = False,
) -> None:
    """Twenty workers on eight wallets while the database is killed, stopped, paused and cut off from them."""
    from bench.bank import main

    raise typer.Exit(main(seconds=seconds, seed=seed, as_json_only=as_json))
