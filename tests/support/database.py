"""Databases for tests: one server per run, one prepared template, one fresh copy per test."""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from filelock import FileLock
from psycopg import sql

from paya_app.local import postgres
from paya_app.local.keys import load_keys
from paya_app.local.postgres import Cluster

SUPERUSER = "supabase_admin"
TEMPLATE = "paya_template"
# A test's data need not survive a power cut; crash tests run servers of their own with everything on.
_QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_wal_size": "128MB",
}
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """One database of the run's server."""

    cluster: Cluster
    name: str

    def url(self, role: str) -> str:
        """The address for a login role."""
        return self.cluster.url(role, self.name)

    async def connect(self, role: str = SUPERUSER) -> psycopg.AsyncConnection[Any]:
        """A connection of its own in autocommit; close it, or use it in `async with`."""
        return await psycopg.AsyncConnection.connect(self.url(role), autocommit=True)

    async def rows(
        self, statement: str, params: Mapping[str, Any] | Sequence[Any] = (), *, role: str = SUPERUSER
    ) -> list[tuple[Any, ...]]:
        """What one statement gives, run as a login role (the superuser unless said)."""
        async with await self.connect(role) as connection:
            # without parameters a % is a %
            cursor = await connection.execute(statement.encode(), params or None)
            return await cursor.fetchall() if cursor.description else []

    async def value(
        self, statement: str, params: Mapping[str, Any] | Sequence[Any] = (), *, role: str = SUPERUSER
    ) -> Any:
        """The first column of the first row, or None."""
        rows = await self.rows(statement, params, role=role)
        return rows[0][0] if rows else None

    def environment(self) -> dict[str, str]:
        """The settings of a process that works on this database."""
        return {
            "DATABASE_URL": self.url("paya_app"),
            "DATABASE_DIRECT_URL": self.url("paya_app"),
            "PAYA_WORKER_DATABASE_URL": self.url("paya_worker"),
            "PAYA_LOCAL_AUTH_DATABASE_URL": self.url("supabase_auth_admin"),
            "PAYA_LOCAL_REALTIME_DATABASE_URL": self.url("supabase_realtime_admin"),
            "PAYA_LOCAL_VENDORS_DATABASE_URL": self.url("paya_vendors"),
        }


def shared_cluster(home: Path) -> Cluster:
    """The run's server with its template, made by whichever process asks first."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(home / "template.lock"):
        cluster = postgres.ensure(home, settings=_QUICK)
        with _superuser(cluster) as connection:
            made = connection.execute(
                "select datistemplate from pg_database where datname = %s", (TEMPLATE,)
            ).fetchone()
            if made and made[0]:
                return cluster
            if not made:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(TEMPLATE)))
            postgres.prepare(cluster, TEMPLATE, clock=True)
            connection.execute(
                sql.SQL("alter database {} with is_template true allow_connections false").format(
                    sql.Identifier(TEMPLATE)
                )
            )
    return cluster


def create_database(cluster: Cluster, *, template: str | None = TEMPLATE) -> Database:
    """A fresh copy of the template, or an empty database when `template` is None."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with _superuser(cluster) as connection:
        # copying files is faster than logging them, where nothing is synced
        statement = sql.SQL("create database {} template {} owner postgres strategy file_copy")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template or "template0")))
        # a copy has its template's objects, but not what the migrations revoked on the database itself
        if template:
            connection.execute(sql.SQL("revoke temporary on database {} from public").format(sql.Identifier(name)))
    return Database(cluster, name)


def drop_database(database: Database) -> None:
    """Remove it, ending whoever is still connected."""
    with _superuser(database.cluster) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database.name)))


def base_environment(home: Path) -> dict[str, str]:
    """The settings that every test has: embedded, no vendor reachable, secrets of this run."""
    return {
        "PAYA_MODE": "embedded",
        "PAYA_ENV": "test",
        "PAYA_DEMO": "0",
        "PAYA_HOME": str(home),
        "PAYA_PUBLIC_URL": "http://localhost:8700",
        "SUPABASE_URL": "http://localhost:8700",
        **load_keys(home).as_environment(),
    }


def _superuser(cluster: Cluster) -> psycopg.Connection[Any]:
    return psycopg.connect(cluster.url(SUPERUSER), autocommit=True)


def one_value(url: str, statement: bytes) -> object:
    """The first column of the first row of one statement, in a connection of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
    return row[0] if row else None
