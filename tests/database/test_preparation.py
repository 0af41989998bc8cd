"""Making a database ready, again and at once; the clock; the written schema."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.migrations import MigrationChanged, found_in
from paya_app.local.postgres import Cluster, ensure, prepare
from paya_app.local.postgres.preparation import SUPABASE_FOLDER
from paya_app.local.postgres.schema import FILE, MAJOR, dump_schema
from tests.support.database import Database, create_database, drop_database, one_value

_PREPARE = """
import sys; from pathlib import Path; from paya_app.local.postgres import ensure, prepare
prepare(ensure(Path(sys.argv[1])), clock=True)
"""


def test_ready_again_changes_nothing_and_takes_no_time(own_home: Path):
    cluster = ensure(own_home)
    heard: list[str] = []
    prepare(cluster, clock=True, on_progress=heard.append)
    assert heard == [migration.path.name for migration in found_in(SUPABASE_FOLDER / "migrations")]
    with psycopg.connect(cluster.url("supabase_admin")) as watcher:
        # a table held by a working app: a ready database is not locked
        watcher.execute("lock table auth.users, realtime.messages in access share mode")
        began = time.monotonic()
        prepare(cluster, clock=True, on_progress=heard.append)
        assert time.monotonic() - began < 1
    assert len(heard) == len(set(heard))


def test_a_home_of_other_migrations_is_named_with_what_to_do(own_home: Path, tmp_path: Path):
    cluster = ensure(own_home)
    migration = tmp_path / "20250101000001_one.sql"
    migration.write_text("create table public.one (id int);\n")
    prepare(cluster, clock=False, migrations=tmp_path)
    migration.write_text("create table public.one (id bigint);\n")
    with pytest.raises(MigrationChanged) as refused:
        prepare(cluster, clock=False, migrations=tmp_path)
    said = str(refused.value)
    assert said.startswith(f"{migration} was changed after it ran here.")
    assert f"To begin with an empty database: mv '{own_home}' '{own_home}.before', or make run PAYA_HOME=…" in said


def test_two_at_once(own_home: Path):
    ensure(own_home)
    argv = [sys.executable, "-c", _PREPARE, str(own_home)]
    both = [subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said


def test_every_login_role_enters_with_its_own_password(own_home: Path):
    cluster = ensure(own_home)
    prepare(cluster, clock=False)
    logins = ("postgres", "authenticator", "supabase_auth_admin", "supabase_realtime_admin", "paya_vendors", "paya_app")
    for role in (*logins, "paya_worker"):
        assert one_value(cluster.url(role), b"select current_user::text") == role


def test_what_was_still_to_hand_out_is_gone_after_a_start(own_home: Path):
    cluster = ensure(own_home)
    prepare(cluster, clock=False)
    with psycopg.connect(cluster.url("supabase_admin"), autocommit=True) as connection:
        connection.execute("select realtime.send('{}', 'payments', 'feed')")
        connection.execute("update realtime.messages set inserted_at = now() - interval '4 days'")
        prepare(cluster, clock=False)
        for table in (b"realtime._outbox", b"realtime.messages"):
            row = connection.execute(b"select count(*) from " + table).fetchone()
            assert row == (0,)


async def now(database: Database) -> datetime:
    return await database.value("select private.now()", role="postgres")


async def test_the_clock_can_be_moved_by_the_service_alone(database: Database):
    assert abs(await now(database) - datetime.now(UTC)) < timedelta(minutes=1)
    await db.query(Actor.service(), """update private.clock_offset set "offset" = '3 days' returning 1""")
    assert abs(await now(database) - datetime.now(UTC) - timedelta(days=3)) < timedelta(minutes=1)
    for actor in (Actor.visitor(), Actor("authenticated")):
        with pytest.raises(Exception, match="permission denied"):
            await db.query(actor, """update private.clock_offset set "offset" = '9 days' returning 1""")


async def test_the_clock_has_one_offset(database: Database):
    with pytest.raises(psycopg.errors.UniqueViolation):
        await database.rows("insert into private.clock_offset default values")
    with pytest.raises(psycopg.errors.CheckViolation, match="there_is_one_offset"):
        await database.rows("insert into private.clock_offset (one_row) values (false)")


@pytest.fixture(scope="module")
def plain(cluster: Cluster) -> Iterator[Database]:
    """A database as hosted has it: migrated, with the real time."""
    database = create_database(cluster, template=None)
    prepare(cluster, database.name, clock=False)
    yield database
    drop_database(database)


def test_without_the_clock_the_time_is_real(plain: Database):
    url = plain.url("postgres")
    assert one_value(url, b"select to_regclass('private.clock_offset')") is None
    assert one_value(url, b"select abs(extract(epoch from private.now() - clock_timestamp())) < 1") is True


def test_the_written_schema_is_the_migrations(plain: Database):
    if plain.cluster.binaries.major != MAJOR:
        pytest.skip(f"the file is written by PostgreSQL {MAJOR}")
    made = dump_schema(plain.cluster, plain.name)
    assert FILE.read_text() == made, "out of date: run python -m paya_app.local.postgres.schema"
