"""A whole PaYa of its own for a measurement: started in a temporary home, ended at the end."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from paya_app.core import db
from paya_app.core.config import settings
from paya_app.local import postgres
from paya_app.server.embedded import settings_for
from paya_app.server.programs import answers

START_S_MAX = 300
STOP_S_MAX = 60


@dataclass(frozen=True)
class Running:
    """A running PaYa: where it is, and how to look inside."""

    home: Path
    port: int
    supervisor: subprocess.Popen[str]

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
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                argv = (folder / "cmdline").read_bytes().split(b"\0")[:-1]
            except (OSError, IndexError):
                continue
            if parent == self.supervisor.pid and argv:
                name = "postgres" if argv[0].endswith(b"postgres") else argv[-1].decode()
                found[name] = int(folder.name)
        return found


@asynccontextmanager
async def running(**environment: str) -> AsyncIterator[Running]:
    """Start `paya run` (without demo people) and point this process's settings at it; end it afterwards."""
    home = Path(tempfile.mkdtemp(prefix="paya-bench-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    outside = ("DATABASE_", "SUPABASE_", "TWILIO_", "DWOLLA_", "PAYA_")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(outside)}
    supervisor = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-m", "paya_app", "run"],
        env={**clean, "PAYA_HOME": str(home), "PORT": str(port), "PAYA_DEMO": "0", **environment},
        stdin=subprocess.DEVNULL,
        stdout=(home / "run.log").open("w"),
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    # ended from outside, we end what we started
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        deadline = asyncio.get_running_loop().time() + START_S_MAX
        while "Ctrl-C" not in (home / "run.log").read_text():
            if supervisor.poll() is not None or asyncio.get_running_loop().time() > deadline:
                raise RuntimeError(f"PaYa did not start:\n{(home / 'run.log').read_text()}")
            await asyncio.sleep(0.1)
        assert await answers("localhost", port, "/ping")()  # noqa: S101 - it said that it was ready
        ports = json.loads((home / "ports.json").read_text())
        os.environ |= settings_for(postgres.create(home), home, "127.0.0.1", port, ports)
        settings.cache_clear()
        yield Running(home, port, supervisor)
    finally:
        await db.dispose()
        supervisor.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(supervisor.wait, STOP_S_MAX)
        except subprocess.TimeoutExpired:
            supervisor.kill()
        shutil.rmtree(home, ignore_errors=True)
