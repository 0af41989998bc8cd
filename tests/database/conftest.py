"""Servers of a test's own, for tests that stop, kill or break them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from paya_app.local.postgres import Cluster
from tests.support import database as databases
from tests.support import run
from tests.support.database import Database


@pytest.fixture
def own_home() -> Iterator[Path]:
    """An empty PAYA_HOME; whatever server runs in it at the end is stopped."""
    home = run.own_home()
    yield home
    run.remove_home(home)


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[Database]:
    """A database with the cluster's roles and nothing else: no bootstrap, no migrations."""
    fresh = databases.create_database(cluster, template=None)
    yield fresh
    databases.drop_database(fresh)
