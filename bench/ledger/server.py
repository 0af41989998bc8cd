"""A private server to measure on: durable as in production, with buffers of an ordinary small server."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from paya_app.local import postgres
from paya_app.local.postgres import Cluster
from paya_app.local.postgres.preparation import prepare

DATABASE = "bench"
# fsync and synchronous_commit stay on: an acknowledged transfer is on disk in every figure.
SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "max_connections": "120",
    "wal_level": "replica",
}
_HERE = Path(__file__).parent
_UNLIMITED = ("send_hour_count", "send_day_count", "send_day_recipients_count")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server whose database has `people` people, and wallets from `first_account` on."""

    cluster: Cluster
    people: int
    first_account: int

    def url(self, role: str = "supabase_admin", database: str = DATABASE) -> str:
        """The address for a login role."""
        return self.cluster.url(role, database)

    def connect(self) -> psycopg.Connection[Any]:
        """As the superuser, in autocommit."""
        return psycopg.connect(self.url(), autocommit=True)

    def value(self, statement: str, params: tuple[Any, ...] = ()) -> Any:
        """The first column of the first row."""
        with self.connect() as connection:
            row = connection.execute(statement.encode(), params or None).fetchone()
        return row[0] if row else None

    def processor_s(self) -> float:
        """Seconds of processor that the server has used so far, with the backends that ended."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue  # it ended meanwhile
            if int(stat.parent.name) == self.cluster.pid:
                ticks += sum(map(int, fields[11:15]))
            elif int(fields[1]) == self.cluster.pid:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def private_server(*, people: int, scale: int) -> Iterator[Server]:
    """A server of its own with `people` people and a pgbench database of this scale; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="paya-bench-", ignore_cleanup_errors=True) as home:
        cluster = postgres.ensure(Path(home), settings=SETTINGS)
        try:
            with psycopg.connect(cluster.url("supabase_admin"), autocommit=True) as connection:
                connection.execute("create database bench")
                connection.execute("create database tpcb")
            # without the clock that tests move: hosted servers have none
            prepare(cluster, DATABASE, clock=False)
            with psycopg.connect(cluster.url("supabase_admin", DATABASE), autocommit=True) as connection:
                connection.execute((_HERE / "setup.sql").read_bytes())
                for first in range(1, people + 1, 50_000):
                    last = min(people, first + 49_999)
                    connection.execute("select bench.make_people(%s, %s, 100000000)", (first, last))
                for name in _UNLIMITED:
                    connection.execute(
                        "insert into risk.limit_value (name, value_max, reason) values (%s, 1000000, 'a measurement')",
                        (name,),
                    )
                row = connection.execute("select min(id) from ledger.account where kind = 'wallet'").fetchone()
                connection.execute("vacuum analyze")
            server = Server(cluster, people, row[0] if row else 0)
            from bench.ledger.pgbench import make_tpcb

            make_tpcb(server, scale)
            yield server
        finally:
            asyncio.run(_dispose())
            cluster.stop()


async def _dispose() -> None:
    from paya_app.core import db

    await db.dispose()
