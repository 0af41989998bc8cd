"""A PostgreSQL server of the harness's own, durable as in production, that it may kill and start again."""

import asyncio
import contextlib
import itertools
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from paya_app.core.actor import Actor
from paya_app.local import postgres
from paya_app.local.postgres import cluster as clusters
from paya_app.server.programs import die_with_parent

SUPERUSER = "supabase_admin"
TEMPLATE = "bank_template"
WALLETS_MAX = 8
BACK_S_MAX = 60
_SETTINGS = {
    # a circle of waiting transactions is found soon; a sound run has none, so nothing else changes
    "deadlock_timeout": "200ms",
}
_JOIN = """
insert into auth.users (id, aud, role, phone, phone_confirmed_at, created_at, updated_at,
  raw_app_meta_data, raw_user_meta_data)
values (%s, 'authenticated', 'authenticated', %s, now(), now(), now(), '{"provider": "phone"}', '{}')
"""
_BE = "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)"
_MINT = """
select ledger.post(gen_random_uuid(), ledger.system_account('reserve'), ledger.wallet_of(%s), %s, 'bench_mint')
"""
_LIFT = "insert into risk.limit_value (name, value_max, reason) values (%s, 1000000000, 'the bank checker')"


class Server:
    """The server of one home. Its databases are copies of a template with eight people in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cluster = postgres.create(home)
        self.claims: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    @property
    def port(self) -> int:
        """Where it listens, or will."""
        return self.cluster.port

    def start(self) -> None:
        """Start it and return when it takes connections; after a crash that is when it has recovered."""
        self._wait_until_ready(self._spawn(self._command()))

    async def start_again(self) -> None:
        """`start` after it was ended, while everything else goes on."""
        await asyncio.to_thread(self.wait)
        command = await asyncio.to_thread(self._command)
        # in this thread: the kernel ends a server when the thread that started it ends
        process = self._spawn(command)
        await asyncio.to_thread(self._wait_until_ready, process)

    def _command(self) -> list[str]:
        return clusters.foreground_command(self.cluster, settings=_SETTINGS)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clusters.environment(),
                cwd="/",
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509 - it calls one system call, and takes no lock
            )
        return self._process

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        postgres.wait_until_ready(self.cluster, timeout_s=BACK_S_MAX, alive=lambda: process.poll() is None)

    def signal(self, sign: signal.Signals) -> None:
        """Send the server's first process a signal: KILL is a crash, QUIT its immediate stop, INT its fast one."""
        if self._process:
            self._process.send_signal(sign)

    def wait(self) -> None:
        """Return when that process has ended."""
        if self._process:
            self._process.wait(timeout=BACK_S_MAX)

    def stop(self) -> None:
        """End it."""
        self.signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait()

    def address(self, role: str, database: str, *, port: int | None = None) -> str:
        """The address of a database for a login role; through a proxy when `port` is its."""
        address = self.cluster.url(role, database)
        if port is not None:
            address = address.replace(f":{self.port}/", f":{port}/")
        return f"{address}?sslmode=disable&gssencmode=disable&connect_timeout=3"

    def make_template(self, *, cents: int) -> None:
        """Make the template: migrated, with the bench's door, the limits lifted, and `cents` in each wallet."""
        with self._superuser("postgres") as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(TEMPLATE)))
        postgres.prepare(self.cluster, TEMPLATE, clock=False)
        with self._superuser(TEMPLATE) as connection:
            for name in ("send_hour_count", "send_day_count"):
                connection.execute(_LIFT, (name,))
            connection.execute("set role postgres")
            connection.execute((Path(__file__).parent / "holds.sql").read_bytes())
            connection.execute("reset role")
            for number in range(WALLETS_MAX):
                self._join(connection, f"hot_{number}", f"1201555010{number}", cents)

    def new_database(self) -> str:
        """A fresh copy of the template, by name."""
        name = f"bank_{next(self._numbers)}"
        with self._superuser("postgres") as connection:
            connection.execute(
                sql.SQL("create database {} template {} owner postgres").format(
                    sql.Identifier(name), sql.Identifier(TEMPLATE)
                )
            )
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database: a server that recovers looks at the files of all there are."""
        with self._superuser("postgres") as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def execute(self, database: str, statements: bytes) -> None:
        """Run statements in a database as the superuser."""
        with self._superuser(database) as connection:
            connection.execute(statements)

    async def connect(self, database: str) -> psycopg.AsyncConnection[Any]:
        """A superuser's connection past the proxy, in autocommit."""
        return await psycopg.AsyncConnection.connect(self.address(SUPERUSER, database), autocommit=True)

    async def back(self, database: str) -> None:
        """Return when a new connection is answered.

        Raises:
            TimeoutError: it was not within a minute.
        """
        deadline = time.monotonic() + BACK_S_MAX
        while True:
            try:
                async with await self.connect(database) as connection:
                    await connection.execute("select 1")
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the database was not back after {BACK_S_MAX} s") from None
                await asyncio.sleep(0.02)
            else:
                return

    def _join(self, connection: psycopg.Connection[Any], handle: str, phone: str, cents: int) -> None:
        user_id = uuid4()
        claims = Actor.user({"sub": str(user_id), "aud": "authenticated"}).claims_json
        connection.execute(_JOIN, (user_id, phone))
        with connection.transaction():
            connection.execute(_BE, (claims,))
            connection.execute("select from identity.claim_handle(%s, %s)", (handle, handle.replace("_", " ")))
        connection.execute(_MINT, (user_id, cents))
        self.claims[handle] = claims

    def _superuser(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self.address(SUPERUSER, database), autocommit=True)


@contextmanager
def private_server(home: Path | None = None, *, cents: int = 10_000) -> Iterator[Server]:
    """A started server with its template, `cents` in each wallet, in an empty or a temporary home; gone afterwards."""
    if home is None:
        home = Path(tempfile.mkdtemp(prefix="paya-bank-"))
        home.chmod(0o755)  # a server that runs as another account has to reach it
    server = Server(home)
    try:
        server.start()
        server.make_template(cents=cents)
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
