"""Making a database of the embedded server ready: bootstrap, migrations, passwords.

A database that is ready is left alone: nothing in it is locked, so this may run beside a working app.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from paya_app.core.migrations import MigrationChanged, migrate
from paya_app.local.postgres import passwords
from paya_app.local.postgres.cluster import Cluster, locked

SUPABASE_FOLDER = Path(__file__).parents[3] / "supabase"
REALTIME_KEPT_DAYS = 3
_MARK = "PaYa embedded"
_FIND_MARK: dict[str, LiteralString] = {
    "schema": "select obj_description(to_regnamespace(%s), 'pg_namespace')",
    "table": "select obj_description(to_regclass(%s), 'pg_class')",
    "function": "select obj_description(to_regprocedure(%s), 'pg_proc')",
}


def prepare(
    cluster: Cluster,
    database: str = "postgres",
    *,
    clock: bool,
    migrations: Path | None = None,
    on_progress: Callable[[str], None] = lambda _name: None,
) -> None:
    """Make `database` what the product expects; safe to call again, and by two processes at once.

    Bootstrap runs as the superuser, migrations, `changes.sql` and `clock.sql` as `postgres`. With `clock`,
    `private.now()` gets the offset that tests and the demo may set. `migrations` is another folder of
    migrations than the product's; `on_progress` hears the name of each one as it begins.

    Raises:
        MigrationFailed: a migration failed; nothing of that file stays.
        MigrationChanged: a migration is no longer what ran here.
        PostgresFault: the passwords are gone.
    """
    with locked(cluster.home):
        secrets = passwords.complete(cluster.home)
        with _connect(cluster, passwords.SUPERUSER, database) as connection:
            _run_once(connection, SUPABASE_FOLDER / "embedded" / "bootstrap.sql", "schema auth")
            _set_passwords(connection, secrets)
        applied = _migrate(cluster, database, migrations or SUPABASE_FOLDER / "migrations", on_progress)
        with _connect(cluster, "postgres", database) as connection:
            if connection.execute("select to_regclass('events.event_position') is not null").fetchone() == (True,):
                _run_once(
                    connection,
                    SUPABASE_FOLDER / "embedded" / "changes.sql",
                    "function private.tell_inserted_payments()",
                )
        if clock:
            with _connect(cluster, "postgres", database) as connection:
                # a migration may have written private.now() anew
                _run_once(
                    connection,
                    SUPABASE_FOLDER / "embedded" / "clock.sql",
                    "table private.clock_offset",
                    again=bool(applied),
                )
        with _connect(cluster, passwords.SUPERUSER, database) as connection:
            if applied:
                _set_passwords(connection, secrets)  # migrations made the application's own roles
            connection.execute("truncate realtime._outbox")
            connection.execute(
                "delete from realtime.messages where inserted_at < now() - make_interval(days => %s)",
                (REALTIME_KEPT_DAYS,),
            )


def _migrate(cluster: Cluster, database: str, folder: Path, on_progress: Callable[[str], None]) -> list[str]:
    try:
        return migrate(cluster.url("postgres", database), folder, on_progress)
    except MigrationChanged as changed:
        home = cluster.home
        raise MigrationChanged(
            f"{changed} To begin with an empty database: mv '{home}' '{home}.before', or make run PAYA_HOME=…"
        ) from None


def _connect(cluster: Cluster, role: str, database: str) -> psycopg.Connection:
    return psycopg.connect(cluster.url(role, database), application_name="paya prepare")


def _run_once(connection: psycopg.Connection, path: Path, marked: LiteralString, *, again: bool = False) -> None:
    """Run a file unless this very text was run before; the comment on `marked`, which the file makes, says so."""
    mark = f"{_MARK} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    kind, _, name = marked.partition(" ")
    found = connection.execute(_FIND_MARK[kind], (name,)).fetchone()
    if again or found != (mark,):
        connection.execute(path.read_bytes())
        connection.execute(sql.SQL("comment on {} is {}").format(sql.SQL(marked), sql.Literal(mark)))


def _set_passwords(connection: psycopg.Connection, secrets: dict[str, str]) -> None:
    """Give every login role its password, leaving alone the roles that have it."""
    roles = connection.execute("select rolname, rolpassword from pg_authid where rolcanlogin").fetchall()
    for role, verifier in roles:
        if role in secrets and not passwords.matches(secrets[role], verifier):
            # only the verifier travels: no log can show the password
            made = connection.pgconn.encrypt_password(secrets[role].encode(), role.encode(), b"scram-sha-256")
            connection.execute(
                sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(made.decode()))
            )
