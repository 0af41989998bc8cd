"""Bootstrap and migrations on every major version of PostgreSQL that is at hand."""

from pathlib import Path

import psycopg
import pytest

from paya_app.core.migrations import pending
from paya_app.local.postgres import binaries, ensure, prepare
from paya_app.local.postgres.preparation import SUPABASE_FOLDER
from tests.database.test_access import assert_same
from tests.support import catalogue

_SYSTEM = [Path(f"/usr/lib/postgresql/{major}/bin") for major in (17, 16, 15)]
AT_HAND = [*binaries.wheel_folders().values(), *(folder for folder in _SYSTEM if (folder / "initdb").exists())]


def test_the_wheel_brings_two_versions():
    assert set(binaries.wheel_folders()) == {18, 16}


@pytest.mark.parametrize("folder", AT_HAND, ids=lambda folder: folder.parent.name)
def test_migrations_mean_the_same_on(folder: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PAYA_PG_BIN", str(folder))
    cluster = ensure(own_home)
    prepare(cluster, clock=True)
    assert pending(cluster.url("postgres"), SUPABASE_FOLDER / "migrations") == []
    prepare(cluster, clock=True)
    with psycopg.connect(cluster.url("supabase_admin")) as connection:
        assert catalogue.tables_without_rls(connection) == []
        assert_same(catalogue.table_lines(connection), "expected_tables.txt")
        assert_same(catalogue.function_lines(connection), "expected_functions.txt")
        assert_same(catalogue.schema_lines(connection), "expected_schemas.txt")
    cluster.stop()
