"""Fixtures of every test: settings of the run, a fresh database, people."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import hypothesis
import pytest

from paya_app.core import db
from paya_app.core.config import settings
from paya_app.local.postgres import Cluster
from tests.support import database as databases
from tests.support import run
from tests.support.database import Database
from tests.support.loopback import refuse_other_machines
from tests.support.people import People

_OUTSIDE = (
    "DATABASE_",
    "SUPABASE_",
    "TWILIO_",
    "DWOLLA_",
    "PLAID_",
    "KRAKEN_",
    "SNS_",
    "SMTP_",
    "MAIL_",
    "VAPID_",
    "PUSH_",
    "PAYA_LOCAL_",
)


# the same examples everywhere, and no stopwatch: a busy machine is no fault
hypothesis.settings.register_profile("paya", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("paya")


def pytest_configure(config: pytest.Config) -> None:
    run.begin()
    if not hasattr(config, "workerinput"):
        run.clear_abandoned()
    # what the person at this machine has set must not reach a test
    for name in [name for name in os.environ if name.startswith(_OUTSIDE) or name in {"PAYA_MODE", "PAYA_HOME"}]:
        del os.environ[name]
    refuse_other_machines()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        run.end()


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    settings.cache_clear()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        settings.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _settings_of_the_run() -> Iterator[None]:
    run.home().mkdir(exist_ok=True, mode=0o700)
    with _environment(databases.base_environment(run.home())):
        yield


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The run's Postgres, shared by its workers; do not stop it."""
    return databases.shared_cluster(run.home())


@pytest.fixture
async def database(cluster: Cluster) -> AsyncIterator[Database]:
    """A database of the test's own, bootstrapped and migrated, with the settings pointing at it."""
    fresh = databases.create_database(cluster)
    with _environment(fresh.environment()):
        try:
            yield fresh
        finally:
            await db.dispose()
            databases.drop_database(fresh)


@pytest.fixture
def people(database: Database) -> People:
    """Makes people: `ann = await people.join("ann", cents=5000)`."""
    return People(database)


@pytest.fixture
def advance_clock(database: Database) -> Callable[..., Awaitable[None]]:
    """Moves the database's clock on: `await advance_clock(hours=1)`."""

    async def advance(**span: float) -> None:
        await database.rows('update private.clock_offset set "offset" = "offset" + %s', [timedelta(**span)])

    return advance
