"""Running the migrations, in the table that the Supabase CLI keeps too.

Each file `<14 digits>_<name>.sql` is one transaction. What has run stands in
`supabase_migrations.schema_migrations`, so `paya migrate` and `supabase db push` agree. A file that was
changed after it ran is refused: the database would no longer be what the files say.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from paya_app.core import sql_statements
from paya_app.core.sql_statements import Statement

_FILE_NAME = re.compile(r"(\d{14})_(\w+)\.sql")
# one runner at a time, whichever machine it is on; the number is arbitrary and never changes
_RUNNER_LOCK = 7263912450
_TABLE = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (
  version text primary key, statements text[], name text
);
alter table supabase_migrations.schema_migrations enable row level security;
"""


class MigrationFailed(Exception):
    """A migration cannot run; the message names the file and, where there is one, the line."""


class MigrationChanged(MigrationFailed):
    """A file is no longer what ran; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the folder."""

    path: Path
    version: str
    name: str


def found_in(folder: Path) -> list[Migration]:
    """The migrations of `folder` in the order in which they run.

    Raises:
        MigrationFailed: a file has another kind of name, two have one version, or there is no folder.
    """
    if not folder.is_dir():
        raise MigrationFailed(f"There is no folder of migrations at {folder}.")
    migrations: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        named = _FILE_NAME.fullmatch(path.name)
        if named is None:
            raise MigrationFailed(f"{path.name}: a migration is called <14 digits>_<name>.sql.")
        version, name = named.groups()
        if version in migrations:
            raise MigrationFailed(f"{path.name} and {migrations[version].path.name} have one version.")
        migrations[version] = Migration(path, version, name)
    return list(migrations.values())


def migrate(url: str, folder: Path, on_progress: Callable[[str], None] = lambda _name: None) -> list[str]:
    """Run the migrations of `folder` that the database at `url` lacks; give back the names of their files.

    `url` is a direct connection (no transaction pooler) as the role `postgres`. A second runner waits for
    the first and then finds nothing to do. `on_progress` hears the name of each file as it begins.

    Raises:
        MigrationFailed: a file failed (nothing of it stays; the files before it do).
        MigrationChanged: a file was changed after it ran; nothing from it on was run.
        psycopg.OperationalError: the database does not answer.
    """
    migrations = found_in(folder)
    applied = []
    with psycopg.connect(url, autocommit=True, application_name="paya migrate") as connection:
        connection.execute("select pg_advisory_lock(%s)", (_RUNNER_LOCK,))
        done = _done(connection)
        for migration in migrations:
            source = migration.path.read_text(encoding="utf-8")
            if migration.version in done:
                _refuse_change(migration, source, done[migration.version])
                continue
            on_progress(migration.path.name)
            _apply(connection, migration, sql_statements.split(source))
            applied.append(migration.path.name)
    return applied


def pending(url: str, folder: Path) -> list[str]:
    """The names of the files of `folder` that the database at `url` lacks; changes nothing."""
    with psycopg.connect(url, autocommit=True, application_name="paya migrate") as connection:
        row = connection.execute("select to_regclass('supabase_migrations.schema_migrations')").fetchone()
        done = _read_done(connection) if row and row[0] else {}
    return [migration.path.name for migration in found_in(folder) if migration.version not in done]


def _done(connection: psycopg.Connection) -> dict[str, list[str] | None]:
    row = connection.execute("select to_regclass('supabase_migrations.schema_migrations')").fetchone()
    if not (row and row[0]):
        with connection.transaction():
            connection.execute(_TABLE)
    return _read_done(connection)


def _read_done(connection: psycopg.Connection) -> dict[str, list[str] | None]:
    return dict(connection.execute("select version, statements from supabase_migrations.schema_migrations").fetchall())


def _refuse_change(migration: Migration, source: str, statements: list[str] | None) -> None:
    # the CLI writes no statements when a migration is only marked as done
    if statements and sql_statements.essence(";".join(statements)) != sql_statements.essence(source):
        raise MigrationChanged(
            f"{migration.path} was changed after it ran here. The database is as the file was before, and nothing "
            "in it was touched. Put the file back (git shows it), and write the change as a new migration."
        )


def _apply(connection: psycopg.Connection, migration: Migration, statements: list[Statement]) -> None:
    at = 0
    try:
        with connection.transaction():
            for statement in statements:
                at = statement.line
                connection.execute(statement.text.encode())
            at = 0
            connection.execute(
                "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
                (migration.version, migration.name, [statement.text for statement in statements]),
            )
    except psycopg.OperationalError as error:
        if connection.broken:
            raise
        raise _failed(migration, statements, at, error) from error
    except psycopg.Error as error:
        raise _failed(migration, statements, at, error) from error


def _failed(migration: Migration, statements: list[Statement], at: int, error: psycopg.Error) -> MigrationFailed:
    text = next((s.text for s in statements if s.line == at), "")
    line = at
    if error.diag.statement_position and text:
        # counted from the statement's first character, which may be a comment above its first word
        first_word_line = _line_of_first_word(text)
        line += text.count("\n", 0, int(error.diag.statement_position) - 1) - first_word_line
    hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
    return MigrationFailed(f"{migration.path.name}, line {line}: {error.diag.message_primary or error}{hint}")


def _line_of_first_word(text: str) -> int:
    return sql_statements.split(text)[0].line - 1
