"""A whole PaYa of its own for a measurement or a test: started in a home of its own, ended at the end."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from paya_app.core import db
from paya_app.core.config import settings
from paya_app.local import postgres
from paya_app.server.embedded import settings_for

START_S_MAX = 420  # the first start on a machine builds the pages
STOP_S_MAX = 60
# what the person at this machine has set must not reach it
_OUTSIDE = ("PAYA_", "DATABASE_", "SUPABASE_", "TWILIO_", "SNS_", "DWOLLA_", "PLAID_", "KRAKEN_", "REFLEX_", "PORT")


@dataclass
class Running:
    """A running PaYa: where it is, and how to look inside."""

    home: Path
    port: int
    supervisor: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Its address in a browser."""
        return f"http://localhost:{self.port}"

    def superuser(self) -> psycopg.Connection:
        """A connection that may see everything, in autocommit."""
        return psycopg.connect(postgres.create(self.home).url("supabase_admin"), autocommit=True)

    def programs(self) -> dict[str, int]:
        """The process id of each program that the supervisor owns now, by name."""
        found: dict[str, int] = {}
        for pid in children_of(self.supervisor.pid):
            try:
                argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
            except OSError:
                continue
            if argv:
                found["postgres" if argv[0].endswith(b"postgres") else argv[-1].decode()] = pid
        return found

    def said(self) -> str:
        """What the supervisor said so far."""
        return (self.home / "run.log").read_text(errors="replace")

    def wait_until_ready(self) -> None:
        """Return when it serves.

        Raises:
            RuntimeError: it did not start, and was ended; the message holds what it said.
        """
        deadline = time.monotonic() + START_S_MAX
        while "Ctrl-C stops it" not in self.said():
            if self.supervisor.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"PaYa did not start:\n{self.said()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, once."""
        if self.supervisor.poll() is None:
            self.supervisor.terminate()
            try:
                self.supervisor.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                os.killpg(self.supervisor.pid, signal.SIGKILL)
                self.supervisor.wait()


def children_of(parent: int) -> list[int]:
    """The process ids of a process's children."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(folder.name))
        except (OSError, IndexError):
            continue
    return sorted(found)


def start(home: Path, **environment: str) -> Running:
    """Start `paya run` in `home`, on a free port and without demo people; `wait_until_ready` is up to the caller."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_OUTSIDE)}
    with (home / "run.log").open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "paya_app", "run"],
            env=clean | {"PAYA_HOME": str(home), "PORT": str(port), "PAYA_DEMO": "0"} | environment,
            cwd=home,  # from anywhere, not only from the sources
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Running(home, port, supervisor)


@asynccontextmanager
async def running(**environment: str) -> AsyncIterator[Running]:
    """A PaYa in a temporary home, with this process's settings pointing at it; ended and removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="paya-bench-"))
    # ended from outside, we end what we started
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    paya = start(home, **environment)
    try:
        await asyncio.to_thread(paya.wait_until_ready)
        ports = json.loads((home / "ports.json").read_text())
        os.environ |= settings_for(postgres.create(home), home, "127.0.0.1", paya.port, ports)
        settings.cache_clear()
        yield paya
    finally:
        await db.dispose()
        await asyncio.to_thread(paya.stop)
        shutil.rmtree(home, ignore_errors=True)
