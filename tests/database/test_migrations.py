"""The runner: each file once, wholly or not at all, in the table that the Supabase CLI keeps."""

import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from paya_app.core.migrations import MigrationChanged, MigrationFailed, found_in, migrate, pending
from paya_app.local.postgres.preparation import SUPABASE_FOLDER
from tests.support.database import Database, one_value

Write = Callable[[str, str], Path]
ONE, TWO, THREE = "20250101000001_one.sql", "20250101000002_two.sql", "20250101000003_three.sql"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ONE).write_text("create schema one;\ncreate table one.a (id int);\n")
    (tmp_path / TWO).write_text("-- two\ninsert into one.a values (1), (2);\n")
    return tmp_path


def done(url: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select version, name, statements from supabase_migrations.schema_migrations order by version"
        ).fetchall()


def test_each_file_once_in_order(empty_database: Database, folder: Path):
    url = empty_database.url("postgres")
    heard: list[str] = []
    assert pending(url, folder) == [ONE, TWO]
    assert migrate(url, folder, heard.append) == [ONE, TWO]
    assert migrate(url, folder, heard.append) == []
    assert heard == [ONE, TWO]
    assert pending(url, folder) == []
    assert one_value(url, b"select count(*) from one.a") == 2


def test_the_table_is_the_clis(empty_database: Database, folder: Path):
    url = empty_database.url("postgres")
    migrate(url, folder)
    assert done(url) == [
        ("20250101000001", "one", ["create schema one", "create table one.a (id int)"]),
        ("20250101000002", "two", ["-- two\ninsert into one.a values (1), (2)"]),
    ]


def test_what_the_cli_ran_is_not_run_again(empty_database: Database, folder: Path):
    url = empty_database.url("postgres")
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            create schema supabase_migrations;
            create table supabase_migrations.schema_migrations (
              version text primary key, statements text[], name text
            );
            insert into supabase_migrations.schema_migrations values ('20250101000001', null, 'one');
            create schema one;
            create table one.a (id int)
            """
        )
    assert migrate(url, folder) == [TWO]


def test_a_file_that_came_later_with_an_older_version_runs(empty_database: Database, folder: Path):
    url = empty_database.url("postgres")
    migrate(url, folder)
    (folder / "20250101000000_zero.sql").write_text("create schema zero")
    assert migrate(url, folder) == ["20250101000000_zero.sql"]


def test_two_at_once_run_each_file_once(empty_database: Database, folder: Path):
    url = empty_database.url("postgres")
    (folder / THREE).write_text("select pg_sleep(0.2); create table one.c (id int)")
    ran: list[list[str]] = []
    runners = [threading.Thread(target=lambda: ran.append(migrate(url, folder))) for _ in range(3)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(timeout=30)
    assert sorted(ran) == [[], [], [ONE, TWO, THREE]]
    assert one_value(url, b"select count(*) from one.a") == 2


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("create table one.b (id int);\n\nselect nothing from one.b;\n", 'line 3: column "nothing" does not exist'),
        ("create table one.b (id int);\n-- why\nselect\n  1,\n  wrong;\n", 'line 5: column "wrong" does not exist'),
        (
            "create table one.b (id int check (id > 0));\n\ninsert into one.b values (0);",
            "line 3: new row for relation",
        ),
        ("create table one.b (id int);\ncreate table c (id int,);", 'line 2: syntax error at or near ")"'),
        (
            "create table one.b (id int);\n\ndo $$\nbegin\n  raise exception 'no' using hint = 'do it';\nend $$;",
            "line 3: no (do it)",
        ),
    ],
)
def test_a_broken_file_leaves_nothing_of_itself(empty_database: Database, folder: Path, broken: str, says: str):
    url = empty_database.url("postgres")
    (folder / THREE).write_text(broken)
    with pytest.raises(MigrationFailed) as failed:
        migrate(url, folder)
    assert str(failed.value).startswith(f"{THREE}, {says}")
    assert one_value(url, b"select to_regclass('one.b')") is None
    assert [version for version, _, _ in done(url)] == ["20250101000001", "20250101000002"]
    (folder / THREE).write_text("create table one.b (id int)")
    assert migrate(url, folder) == [THREE]


def test_a_runner_cut_off_midway_leaves_nothing_and_no_lock(empty_database: Database, folder: Path):
    url = empty_database.url("postgres")
    (folder / THREE).write_text("create table one.b (id int); select pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(psycopg.OperationalError):
        migrate(url, folder)
    assert one_value(url, b"select to_regclass('one.b')") is None
    (folder / THREE).write_text("create table one.b (id int)")
    assert migrate(url, folder) == [THREE]


def test_a_file_changed_after_it_ran_is_refused(empty_database: Database, folder: Path):
    url = empty_database.url("postgres")
    migrate(url, folder)
    (folder / ONE).write_text("create schema one;\ncreate table one.a (id bigint);\n")
    with pytest.raises(MigrationChanged) as refused:
        migrate(url, folder)
    said = str(refused.value)
    assert said.startswith(f"{folder / ONE} was changed after it ran here. The database is as the file was before")
    assert "Put the file back (git shows it), and write the change as a new migration." in said


def test_other_comments_and_lines_are_no_change(empty_database: Database, folder: Path):
    url = empty_database.url("postgres")
    migrate(url, folder)
    (folder / ONE).write_text("-- a better word\ncreate schema one;\n\ncreate table one.a\n  (id int)\n;")
    assert migrate(url, folder) == []


@pytest.mark.parametrize("name", ["1_one.sql", "20250101000001-one.sql", "one.sql"])
def test_names_that_are_no_migrations(folder: Path, name: str):
    (folder / name).write_text("select 1")
    with pytest.raises(MigrationFailed, match=r"a migration is called <14 digits>_<name>\.sql"):
        found_in(folder)


def test_two_files_with_one_version(folder: Path):
    (folder / "20250101000001_uno.sql").write_text("select 1")
    with pytest.raises(MigrationFailed, match=f"20250101000001_uno.sql and {ONE} have one version"):
        found_in(folder)


def test_no_folder(tmp_path: Path):
    with pytest.raises(MigrationFailed, match="There is no folder of migrations"):
        found_in(tmp_path / "nowhere")


@pytest.mark.parametrize("migration", found_in(SUPABASE_FOLDER / "migrations"), ids=lambda found: found.path.name)
def test_ours_say_why_and_wait_for_no_lock_forever(migration):
    source = migration.path.read_text()
    for word in ("-- Why ", "-- Locks ", "-- Callers ", "-- Undo "):
        assert word in source
    assert "set local lock_timeout = '5s';" in source
